/* SPDX-License-Identifier: BSD-2-Clause */

/* Kernel threads (kthread(9)). */
#ifndef _SYS_KTHREAD_H_
#define	_SYS_KTHREAD_H_

#include <sys/proc.h>

#define	KTHREAD_IDLE	0x01
#define	KTHREAD_MPSAFE	0x02
#define	KTHREAD_INTR	0x04
#define	KTHREAD_TS	0x08
#define	KTHREAD_MUSTJOIN 0x10

int	kthread_create(pri_t, int, struct cpu_info *, void (*)(void *),
	    void *, lwp_t **, const char *, ...) __printflike(7, 8);
void	kthread_exit(int) __dead;
int	kthread_join(lwp_t *);

#endif /* !_SYS_KTHREAD_H_ */
