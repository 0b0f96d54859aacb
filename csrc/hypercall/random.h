/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HYPERCALL_RANDOM_H
#define	HYPERCALL_RANDOM_H

#include <stdint.h>

struct hyp_kernel;

#include "random.cdef"

#endif
