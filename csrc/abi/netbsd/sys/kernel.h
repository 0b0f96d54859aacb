/* SPDX-License-Identifier: BSD-2-Clause */

/* Global variables of the kernel. */
#ifndef _SYS_KERNEL_H_
#define	_SYS_KERNEL_H_

#include <sys/param.h>

extern long	hostid;
extern char	hostname[MAXHOSTNAMELEN];
extern int	hostnamelen;
extern char	domainname[MAXHOSTNAMELEN];
extern int	domainnamelen;

extern bool	rootclock_set;
extern int	tickadj;
extern int	stathz;
extern int	profhz;
extern int	cold;

int	getticks(void);

#endif /* !_SYS_KERNEL_H_ */
