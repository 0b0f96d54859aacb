/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HYPERCALL_BLOCK_H
#define	HYPERCALL_BLOCK_H

#include <stdint.h>

#include <rumpy/boot.h>

#include "block.cdef"

#endif
