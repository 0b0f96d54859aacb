/* SPDX-License-Identifier: BSD-2-Clause */
/* What tests call: doors that take no argument, and the counter they change. */
#ifndef _RACY_H_
#define	_RACY_H_

extern int racy_count;

int	racy_unlocked(void *);
int	racy_locked(void *);
int	racy_forth(void *);
int	racy_back(void *);
int	racy_wait(void *);
int	racy_wake(void *);
int	racy_spin(void *);
int	racy_nap(void *);

#endif /* !_RACY_H_ */
