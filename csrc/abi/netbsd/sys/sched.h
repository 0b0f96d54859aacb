/* SPDX-License-Identifier: BSD-2-Clause */

/* Scheduling entry points; declared in sys/proc.h. */
#ifndef _SYS_SCHED_H_
#define	_SYS_SCHED_H_

#include <sys/proc.h>

#define	SCHED_NONE	(-1)
#define	SCHED_OTHER	0
#define	SCHED_FIFO	1
#define	SCHED_RR	2

#endif /* !_SYS_SCHED_H_ */
