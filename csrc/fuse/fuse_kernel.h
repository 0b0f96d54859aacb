/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the hypercall layer and the server: the calls that the server makes
 * (hyp.cdef) and the one hypercall that it answers.  The programs of
 * csrc/bench are built without a kernel (-DFUSE_NO_KERNEL).
 */

#ifndef _FUSE_KERNEL_H_
#define _FUSE_KERNEL_H_

#include <stdint.h>

struct export_req;
struct hyp_kernel;

int	hyp_submit(struct hyp_kernel *, uint64_t proc, uint64_t fn, void *arg);
#ifndef HYP_STATE_RUNNING
#define HYP_STATE_RUNNING 1
#endif
int	hyp_kernel_state(struct hyp_kernel *);
void	hypercall_export_reply(struct hyp_kernel *, struct export_req *);

#endif /* !_FUSE_KERNEL_H_ */
