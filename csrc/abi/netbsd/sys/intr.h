/* SPDX-License-Identifier: BSD-2-Clause */

/* Soft interrupts and priority levels. */
#ifndef _SYS_INTR_H_
#define	_SYS_INTR_H_

#include <sys/types.h>
#include <machine/intr.h>

#define	IPL_BIO		IPL_VM
#define	IPL_NET		IPL_VM
#define	IPL_TTY		IPL_VM
#define	IPL_AUDIO	IPL_SCHED
#define	IPL_CLOCK	IPL_SCHED
#define	IPL_SERIAL	IPL_HIGH

#define	SOFTINT_BIO	0
#define	SOFTINT_CLOCK	1
#define	SOFTINT_SERIAL	2
#define	SOFTINT_NET	3
#define	SOFTINT_MPSAFE	0x0100

#endif /* !_SYS_INTR_H_ */
