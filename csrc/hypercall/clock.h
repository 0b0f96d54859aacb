/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HYPERCALL_CLOCK_H
#define	HYPERCALL_CLOCK_H

#include <stdint.h>

struct hyp_kernel;

#include "clock.cdef"

#endif
