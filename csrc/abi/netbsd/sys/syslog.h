/* SPDX-License-Identifier: BSD-2-Clause */

/* Priorities of log(9). */
#ifndef _SYS_SYSLOG_H_
#define	_SYS_SYSLOG_H_

#include <sys/cdefs.h>
#include <stdarg.h>

#define	LOG_EMERG	0
#define	LOG_ALERT	1
#define	LOG_CRIT	2
#define	LOG_ERR		3
#define	LOG_WARNING	4
#define	LOG_NOTICE	5
#define	LOG_INFO	6
#define	LOG_DEBUG	7
#define	LOG_PRIMASK	0x07
#define	LOG_PRI(p)	((p) & LOG_PRIMASK)
#define	LOG_KERN	(0 << 3)

void	log(int, const char *, ...) __printflike(2, 3);
void	vlog(int, const char *, va_list) __printflike(2, 0);
void	addlog(const char *, ...) __printflike(1, 2);

#endif /* !_SYS_SYSLOG_H_ */
