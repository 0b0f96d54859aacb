/* SPDX-License-Identifier: BSD-2-Clause */
/* Byte-range locks. */

#ifndef _SYS_LOCKF_H_
#define _SYS_LOCKF_H_

#include <sys/types.h>

#ifdef _KERNEL
struct lockf;
struct vop_advlock_args;

int lf_advlock(struct vop_advlock_args *, struct lockf **, off_t);
void lf_init(void);
#endif

#endif /* !_SYS_LOCKF_H_ */
