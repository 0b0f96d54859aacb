/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Priority levels.  The kernel runs one context at a time and completions
 * arrive at switch points, so raising the level only records it; code that
 * pairs splbio() with splx() works as it always did.
 */
#ifndef _MACHINE_INTR_H_
#define	_MACHINE_INTR_H_

#include <machine/intrdefs.h>

typedef unsigned char ipl_t;
typedef struct {
	ipl_t	_ipl;
} ipl_cookie_t;

int	splraise(int);
void	spllower(int);

static inline ipl_cookie_t
makeiplcookie(ipl_t ipl)
{
	return (ipl_cookie_t){ ._ipl = ipl };
}

static inline int
splraiseipl(ipl_cookie_t icookie)
{
	return splraise(icookie._ipl);
}

#define	spl0()		spllower(IPL_NONE)
#define	splx(x)		spllower(x)
#define	splsoftclock()	splraise(IPL_SOFTCLOCK)
#define	splsoftbio()	splraise(IPL_SOFTBIO)
#define	splsoftnet()	splraise(IPL_SOFTNET)
#define	splsoftserial()	splraise(IPL_SOFTSERIAL)
#define	splbio()	splraise(IPL_VM)
#define	splnet()	splraise(IPL_VM)
#define	spltty()	splraise(IPL_VM)
#define	splvm()		splraise(IPL_VM)
#define	splclock()	splraise(IPL_SCHED)
#define	splsched()	splraise(IPL_SCHED)
#define	splserial()	splraise(IPL_HIGH)
#define	splhigh()	splraise(IPL_HIGH)

#endif /* !_MACHINE_INTR_H_ */
