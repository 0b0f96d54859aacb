/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Condition variables (condvar(9)): the name for l_wmesg and a sleep queue of
 * its own, 16 bytes.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/mutex.h>
#include <sys/proc.h>

#include "lwp_impl.h"

CTASSERT(sizeof(kcondvar_t) == 16);

static const char cv_dead[] = "deadcv";

#define	CV_WMESG(cv)	((cv)->cv_opaque[0])
#define	CV_QUEUE(cv)	((struct lwp_impl **)&(cv)->cv_opaque[1])

void
cv_init(kcondvar_t *cv, const char *wmesg)
{

	KASSERT(wmesg != NULL);
	CV_WMESG(cv) = __UNCONST(wmesg);
	*CV_QUEUE(cv) = NULL;
}

void
cv_destroy(kcondvar_t *cv)
{

	KASSERT(cv_is_valid(cv));
	KASSERTMSG(*CV_QUEUE(cv) == NULL, "condvar %p has waiters", cv);
	CV_WMESG(cv) = __UNCONST(cv_dead);
}

static int
cv_sleep(kcondvar_t *cv, kmutex_t *mtx, int timo, bool catch)
{
	int error;

	KASSERT(cv_is_valid(cv));
	KASSERT(mutex_owned(mtx));
	error = sleepq_wait(CV_QUEUE(cv), cv, CV_WMESG(cv), timo, catch, mtx);
	mutex_enter(mtx);
	return error;
}

void
cv_wait(kcondvar_t *cv, kmutex_t *mtx)
{

	(void)cv_sleep(cv, mtx, 0, false);
}

int
cv_wait_sig(kcondvar_t *cv, kmutex_t *mtx)
{

	return cv_sleep(cv, mtx, 0, true);
}

/* TIMO in ticks; 0 waits for ever, as documented. */
int
cv_timedwait(kcondvar_t *cv, kmutex_t *mtx, int timo)
{

	return cv_sleep(cv, mtx, timo, false);
}

int
cv_timedwait_sig(kcondvar_t *cv, kmutex_t *mtx, int timo)
{

	return cv_sleep(cv, mtx, timo, true);
}

void
cv_signal(kcondvar_t *cv)
{

	KASSERT(cv_is_valid(cv));
	if (*CV_QUEUE(cv) != NULL)
		sleepq_wake(*CV_QUEUE(cv), 0);
}

void
cv_broadcast(kcondvar_t *cv)
{

	KASSERT(cv_is_valid(cv));
	while (*CV_QUEUE(cv) != NULL)
		sleepq_wake(*CV_QUEUE(cv), 0);
}

bool
cv_has_waiters(kcondvar_t *cv)
{

	return *CV_QUEUE(cv) != NULL;
}

bool
cv_is_valid(kcondvar_t *cv)
{

	return CV_WMESG(cv) != NULL && CV_WMESG(cv) != cv_dead;
}
