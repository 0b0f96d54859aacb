/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one call of the hypercall layer that the server makes (hyp.cdef).  The
 * programs of csrc/bench are built without it (-DFUSE_NO_KERNEL).
 */

#ifndef _FUSE_KERNEL_H_
#define _FUSE_KERNEL_H_

#include <stdint.h>

struct hyp_kernel;

int	hyp_submit(struct hyp_kernel *, uint64_t proc, uint64_t fn, void *arg);

#endif /* !_FUSE_KERNEL_H_ */
