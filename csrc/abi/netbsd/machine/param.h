/* SPDX-License-Identifier: BSD-2-Clause */

/* Machine constants of NetBSD/amd64. */
#ifndef _MACHINE_PARAM_H_
#define	_MACHINE_PARAM_H_

#define	MACHINE		"amd64"
#define	MACHINE_ARCH	"x86_64"
#define	MID_MACHINE	135

#define	MAXCPUS		256
#define	ALIGNBYTES	(sizeof(long) - 1)
#define	ALIGN(p)	(((unsigned long)(p) + ALIGNBYTES) & ~ALIGNBYTES)
#define	ALIGNED_POINTER(p, t) \
	((((unsigned long)(p)) & (__alignof(t) - 1)) == 0)
#define	STACK_ALIGNBYTES 15
#define	PGSHIFT		12
#define	NBPG		(1 << PGSHIFT)
#define	PGOFSET		(NBPG - 1)
#define	UPAGES		5
#define	USPACE		(UPAGES * NBPG)
#define	MSGBUFSIZE	65536
#define	MSIZE		512
#define	MCLSHIFT	11
#define	MCLBYTES	(1 << MCLSHIFT)
#define	KERNBASE	0xffffffff80000000UL

/* Ticks are what callouts and timed sleeps count in. */
#define	mstohz(ms)	((ms) < 0x20000 ? ((ms) * hz + 999) / 1000 : \
			    (((ms) + 999) / 1000) * hz)
#define	hztoms(t)	((t) < 0x20000 ? ((t) * 1000) / hz : \
			    ((t) / hz) * 1000)

#define	x86_round_page(x)	((((unsigned long)(x)) + PGOFSET) & ~PGOFSET)
#define	x86_trunc_page(x)	((unsigned long)(x) & ~PGOFSET)
#define	x86_btop(x)		((unsigned long)(x) >> PGSHIFT)
#define	x86_ptob(x)		((unsigned long)(x) << PGSHIFT)
#define	btop(x)			x86_btop(x)
#define	ptob(x)			x86_ptob(x)

#endif /* !_MACHINE_PARAM_H_ */
