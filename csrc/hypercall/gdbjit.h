/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HYPERCALL_GDBJIT_H
#define	HYPERCALL_GDBJIT_H

#include <stdint.h>

#include "gdbjit.cdef"

#endif
