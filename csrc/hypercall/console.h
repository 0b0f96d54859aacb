/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HYPERCALL_CONSOLE_H
#define	HYPERCALL_CONSOLE_H

#include <stdint.h>

struct hyp_kernel;

#include "console.cdef"

#endif
