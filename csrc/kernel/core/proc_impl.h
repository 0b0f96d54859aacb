/* SPDX-License-Identifier: BSD-2-Clause */

/* Processes as the boot and the doors see them. */
#ifndef _RUMPY_CORE_PROC_IMPL_H_
#define	_RUMPY_CORE_PROC_IMPL_H_

struct plimit;
struct proc;

void	procinit(void);
void	proc0_init(void);
struct proc *proc_create(struct proc *, bool);
int	proc_open_console(struct proc *);
void	proc_setcred(struct proc *, struct kauth_cred *);

/* resource.c */
void	resource_init(void);
extern struct plimit limit0;

void	siginit(struct proc *);

#endif /* !_RUMPY_CORE_PROC_IMPL_H_ */
