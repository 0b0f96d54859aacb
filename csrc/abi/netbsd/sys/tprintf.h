/* SPDX-License-Identifier: BSD-2-Clause */

/* Printing on a process's terminal. */
#ifndef _SYS_TPRINTF_H_
#define	_SYS_TPRINTF_H_

#include <sys/cdefs.h>

struct proc;
typedef struct session *tpr_t;

tpr_t	tprintf_open(struct proc *);
void	tprintf_close(tpr_t);
void	tprintf(tpr_t, const char *, ...) __printflike(2, 3);

#endif /* !_SYS_TPRINTF_H_ */
