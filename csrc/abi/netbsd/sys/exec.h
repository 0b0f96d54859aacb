/* SPDX-License-Identifier: BSD-2-Clause */

/* What is left of execve(2) where nobody executes programs. */
#ifndef _SYS_EXEC_H_
#define	_SYS_EXEC_H_

#include <sys/types.h>

struct proc;

#ifdef _KERNEL
int	copy_procargs(struct proc *, int, size_t *,
	    int (*)(void *, const void *, size_t, size_t), void *);
#endif

#endif /* !_SYS_EXEC_H_ */
