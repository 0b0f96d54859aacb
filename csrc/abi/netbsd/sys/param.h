/* SPDX-License-Identifier: BSD-2-Clause */

/* Kernel-wide parameters; the header every kernel source includes first. */
#ifndef _SYS_PARAM_H_
#define	_SYS_PARAM_H_

#define	BSD			199506
#define	BSD4_3			1
#define	BSD4_4			1
#include <abi/versions.h>	/* __NetBSD_Version__ */
#define	NetBSD			199905
#ifndef __NetBSD__
#define	__NetBSD__		1
#endif
#define	__NetBSD_Prereq__(M, m, p) \
	((M) * 100000000 + (m) * 1000000 + (p) * 100 <= __NetBSD_Version__)

#include <sys/cdefs.h>
#include <sys/null.h>
#include <sys/types.h>
#include <sys/inttypes.h>
#include <sys/errno.h>
#include <sys/limits.h>
#include <sys/syslimits.h>
#include <sys/time.h>
#include <sys/resource.h>
#include <sys/ucred.h>
#include <sys/uio.h>
#include <sys/signal.h>
#include <machine/param.h>
#include <machine/vmparam.h>
#include <machine/intr.h>

#define	MAXCOMLEN	16
#define	MAXINTERP	PATH_MAX
#define	MAXLOGNAME	(LOGIN_NAME_MAX - 1)
#define	NCARGS		ARG_MAX
#define	NGROUPS		NGROUPS_MAX
#define	NOGROUP		65535
#define	MAXHOSTNAMELEN	256
#define	NOFILE		OPEN_MAX
#define	MAXUPRC		CHILD_MAX
#define	COHERENCY_UNIT	64
#define	CACHE_LINE_SIZE	64

#define	VNODE_KMEM_MAXPCT	60
#define	BUFCACHE_VA_MAXPCT	20
#define	VNODE_COST		2048

#define	DEV_BSHIFT	9
#define	DEV_BSIZE	(1 << DEV_BSHIFT)
#define	BLKDEV_IOSIZE	2048
#define	MAXPHYS		(64 * 1024)
#define	MAXBSIZE	MAXPHYS
#define	MAXFRAG		8
#define	MAXPATHLEN	PATH_MAX
#define	MAXSYMLINKS	32
#define	KERNEL_NAME_MAX	255

/* Sleep priorities, in the historic scale that tsleep() takes. */
#define	PSWP		0
#define	PVM		4
#define	PINOD		8
#define	PRIBIO		16
#define	PVFS		20
#define	PZERO		22
#define	PSOCK		24
#define	PWAIT		32
#define	PLOCK		36
#define	PPAUSE		40
#define	PUSER		50
#define	MAXPRI		127
#define	PRIMASK		0x0ff
#define	PCATCH		0x100
#define	PNORELOCK	0x200

/* Scheduling priorities. */
#define	PRI_NONE	(-1)
#define	PRI_USER	0
#define	NPRI_USER	64
#define	MAXPRI_USER	63
#define	PRI_KERNEL	64
#define	NPRI_KERNEL	32
#define	MAXPRI_KERNEL	95
#define	PRI_KTHREAD	96
#define	NPRI_KTHREAD	32
#define	MAXPRI_KTHREAD	127
#define	PRI_USER_RT	128
#define	NPRI_USER_RT	64
#define	MAXPRI_USER_RT	191
#define	PRI_KERNEL_RT	192
#define	NPRI_KERNEL_RT	32
#define	MAXPRI_KERNEL_RT 223
#define	PRI_COUNT	224
#define	PRI_SOFTSERIAL	223
#define	PRI_SOFTNET	(MAXPRI_KERNEL_RT - schedppq * 1)
#define	PRI_SOFTBIO	(MAXPRI_KERNEL_RT - schedppq * 2)
#define	PRI_SOFTCLOCK	(MAXPRI_KERNEL_RT - schedppq * 3)
#define	PRI_XCALL	MAXPRI_KTHREAD
#define	PRI_PGDAEMON	(MAXPRI_KTHREAD - schedppq * 1)
#define	PRI_VM		(MAXPRI_KTHREAD - schedppq * 2)
#define	PRI_IOFLUSH	(MAXPRI_KTHREAD - schedppq * 3)
#define	PRI_BIO		(MAXPRI_KTHREAD - schedppq * 4)
#define	PRI_IDLE	PRI_USER
#define	SCHED_PRI_MIN	0
#define	SCHED_PRI_MAX	63

#define	CMASK		022
#define	NODEV		((dev_t)-1)
#define	MINBUCKET	5
#define	MAXALLOCSAVE	8192
#define	MAX_LWP_PER_PROC 8000
#define	MIN_LWP_ALIGNMENT 64
#define	MAXSLP		20

#define	FSHIFT		11
#define	FSCALE		(1 << FSHIFT)

/* Bit maps of chars. */
#define	setbit(a, i)	((a)[(i) / NBBY] |= 1 << ((i) % NBBY))
#define	clrbit(a, i)	((a)[(i) / NBBY] &= ~(1 << ((i) % NBBY)))
#define	isset(a, i)	((a)[(i) / NBBY] & (1 << ((i) % NBBY)))
#define	isclr(a, i)	(((a)[(i) / NBBY] & (1 << ((i) % NBBY))) == 0)

#ifndef howmany
#define	howmany(x, y)	(((x) + ((y) - 1)) / (y))
#endif
#define	roundup(x, y)	((((x) + ((y) - 1)) / (y)) * (y))
#define	rounddown(x, y)	(((x) / (y)) * (y))
#define	roundup2(x, m)	((((x) - 1) | ((m) - 1)) + 1)
#define	rounddown2(x, m) ((x) & ~((__typeof__(x))((m) - 1)))
#define	powerof2(x)	((((x) - 1) & (x)) == 0)

#define	MIN(a, b)	((a) < (b) ? (a) : (b))
#define	MAX(a, b)	((a) > (b) ? (a) : (b))

#define	btodb(x)	((x) >> DEV_BSHIFT)
#define	dbtob(x)	((x) << DEV_BSHIFT)

extern int	hz;
extern int	tick;
extern const int schedppq;

#endif /* !_SYS_PARAM_H_ */
