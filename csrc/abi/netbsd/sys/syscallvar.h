/* SPDX-License-Identifier: BSD-2-Clause */

/* The system call table, and modules that add to it. */
#ifndef _SYS_SYSCALLVAR_H_
#define	_SYS_SYSCALLVAR_H_

#include <sys/proc.h>

#define	SYS_NSYSENT	512

typedef int sy_call_t(struct lwp *, const void *, register_t *);

struct sysent {
	short	sy_narg;
	short	sy_argsize;
	int	sy_flags;
	sy_call_t *sy_call;
	uint32_t sy_entry;
	uint32_t sy_return;
};

struct syscall_package {
	uint16_t sp_code;
	uint16_t sp_flags;
	sy_call_t *sp_call;
};

extern struct sysent sysent[SYS_NSYSENT];
extern const char * const syscallnames[SYS_NSYSENT];
extern struct emul emul_netbsd;

int	sys_nosys(struct lwp *, const void *, register_t *);
int	sys_nomodule(struct lwp *, const void *, register_t *);
int	syscall_establish(const struct emul *,
	    const struct syscall_package *);
int	syscall_disestablish(const struct emul *,
	    const struct syscall_package *);

#endif /* !_SYS_SYSCALLVAR_H_ */
