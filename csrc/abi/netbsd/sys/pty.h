/* SPDX-License-Identifier: BSD-2-Clause */
/* Pseudo terminals, as a file system that shows them meets them. */
#ifndef _SYS_PTY_H_
#define	_SYS_PTY_H_

#include <sys/types.h>

struct lwp;
struct mount;
struct vattr;
struct vnode;

/* Who finds and names the nodes of terminals: device files or ptyfs. */
struct ptm_pty {
	int	(*allocvp)(struct mount *, struct lwp *, struct vnode **,
		    dev_t, char);
	int	(*makename)(struct mount *, struct lwp *, char *, size_t,
		    dev_t, char);
	void	(*getvattr)(struct mount *, struct lwp *, struct vattr *);
	int	(*getmp)(struct lwp *, struct mount **);
};

extern int npty;

int	pty_isfree(int, int);
dev_t	pty_makedev(char, int);
struct ptm_pty *pty_sethandler(struct ptm_pty *);

#endif /* !_SYS_PTY_H_ */
