/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's C interface to kernels; see hyp.cdef. */
#ifndef _HYPERCALL_HYP_H_
#define _HYPERCALL_HYP_H_

#include <stdint.h>

#include <rumpy/boot.h>
#include <rumpy/doors.h>
#include <rumpy/hyp.h>
#include <rumpy/hyp_stubs.h>

#include "hyp.cdef"

#endif /* _HYPERCALL_HYP_H_ */
