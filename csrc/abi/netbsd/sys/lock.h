/* SPDX-License-Identifier: BSD-2-Clause */

/* Spin words and lock names; see sys/mutex.h and sys/rwlock.h. */
#ifndef _SYS_LOCK_H_
#define	_SYS_LOCK_H_

#include <sys/types.h>
#include <machine/lock.h>

#define	SPINLOCK_BACKOFF_MIN	4
#define	SPINLOCK_BACKOFF_MAX	128
#define	SPINLOCK_BACKOFF_HOOK	do { } while (0)
#define	SPINLOCK_SPIN_HOOK	do { } while (0)

void	_kernel_lock(int);
void	_kernel_unlock(int, int *);
bool	_kernel_locked_p(void);

#define	KERNEL_LOCK(count, lwp)		_kernel_lock(count)
#define	KERNEL_UNLOCK(all, lwp, ptr)	_kernel_unlock((all), (ptr))
#define	KERNEL_UNLOCK_ONE(l)		KERNEL_UNLOCK(1, (l), NULL)
#define	KERNEL_UNLOCK_ALL(l, p)		KERNEL_UNLOCK(0, (l), (p))
#define	KERNEL_UNLOCK_LAST(l)		KERNEL_UNLOCK(-1, (l), NULL)
#define	KERNEL_LOCKED_P()		_kernel_locked_p()

#endif /* !_SYS_LOCK_H_ */
