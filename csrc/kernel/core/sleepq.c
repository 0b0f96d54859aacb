/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleeping and waking.
 *
 * A sleep queue is a pointer to the first of its contexts, which form a ring,
 * oldest first.  Condition variables hold their own; everything else (tsleep,
 * mutexes, readers/writer locks) shares a table of them, hashed by the address
 * slept on.
 *
 * Between the look at a condition and sleepq_wait() nobody else runs, so the
 * interlock may be released when the sleeper is on the queue already.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/mutex.h>
#include <sys/proc.h>

#include "lwp_impl.h"

#define	NBUCKETS	128

static struct lwp_impl *buckets[NBUCKETS];
static struct lwp_impl *kpause_queue;

struct lwp_impl **
sleepq_bucket(wchan_t wchan)
{
	uintptr_t a = (uintptr_t)wchan;

	return &buckets[((a >> 3) ^ (a >> 10)) % NBUCKETS];
}

static void
sleepq_insert(struct lwp_impl **queue, struct lwp_impl *l)
{
	struct lwp_impl *first = *queue;

	if (first == NULL) {
		l->li_next = l->li_prev = l;
		*queue = l;
	} else {
		l->li_next = first;
		l->li_prev = first->li_prev;
		l->li_prev->li_next = l;
		first->li_prev = l;
	}
	l->li_queue = queue;
}

static void
sleepq_remove(struct lwp_impl *l)
{
	struct lwp_impl **queue = l->li_queue;

	KASSERT(queue != NULL && *queue != NULL);
	if (l->li_next == l) {
		*queue = NULL;
	} else {
		l->li_prev->li_next = l->li_next;
		l->li_next->li_prev = l->li_prev;
		if (*queue == l)
			*queue = l->li_next;
	}
	l->li_queue = NULL;
	l->li_lwp.l_wchan = NULL;
	l->li_lwp.l_wmesg = NULL;
}

/* The first sleeper on WCHAN in a queue that may be shared. */
struct lwp_impl *
sleepq_first(struct lwp_impl **queue, wchan_t wchan)
{
	struct lwp_impl *l = *queue;

	if (l == NULL || l->li_lwp.l_wchan == wchan)
		return l;
	return sleepq_next(l, wchan);
}

/* The next one behind L, which need not sleep on WCHAN itself. */
struct lwp_impl *
sleepq_next(struct lwp_impl *l, wchan_t wchan)
{
	struct lwp_impl *first = *l->li_queue;

	for (l = l->li_next; l != first; l = l->li_next) {
		if (l->li_lwp.l_wchan == wchan)
			return l;
	}
	return NULL;
}

void
sleepq_wake(struct lwp_impl *l, int error)
{

	KASSERT(l->li_lwp.l_stat == LSSLEEP);
	sleepq_remove(l);
	l->li_error = error;
	sched_runnable(l);
}

static void
sleepq_timeout(void *arg)
{
	struct lwp_impl *l = arg;

	if (l->li_queue != NULL)
		sleepq_wake(l, EWOULDBLOCK);
}

/*
 * Interrupt a sleep; if it can't be, or the context does not sleep, its next
 * interruptible one.
 */
bool
sleepq_interrupt(struct lwp_impl *l)
{

	if (l->li_queue != NULL && l->li_catch) {
		sleepq_wake(l, EINTR);
		return true;
	}
	l->li_intr = true;
	return false;
}

/*
 * Sleep on QUEUE until woken: 0, EWOULDBLOCK after TIMO ticks (0: never), or
 * EINTR if CATCH.  The interlock, if any, is released and not taken again.
 */
int
sleepq_wait(struct lwp_impl **queue, wchan_t wchan, const char *wmesg,
    int timo, bool catch, kmutex_t *interlock)
{
	struct lwp_impl *l = CUR_IMPL;

	if (catch && l->li_intr) {
		l->li_intr = false;
		if (interlock != NULL)
			mutex_exit(interlock);
		return EINTR;
	}
	KASSERT(l->li_queue == NULL);
	l->li_lwp.l_wchan = wchan;
	l->li_lwp.l_wmesg = wmesg;
	l->li_error = 0;
	l->li_catch = catch;
	l->li_lwp.l_stat = LSSLEEP;
	sleepq_insert(queue, l);
	if (timo > 0)
		callout_reset_wakeup(&l->li_lwp.l_timeout_ch, timo,
		    sleepq_timeout, l);
	if (interlock != NULL)
		mutex_exit(interlock);
	sched_block();
	if (timo > 0)
		(void)callout_stop(&l->li_lwp.l_timeout_ch);
	return l->li_error;
}

/* --- tsleep and its like -------------------------------------------------- */

int
mtsleep(wchan_t wchan, pri_t pri, const char *wmesg, int timo,
    kmutex_t *interlock)
{
	int error;

	error = sleepq_wait(sleepq_bucket(wchan), wchan, wmesg, timo,
	    (pri & PCATCH) != 0, interlock);
	if (interlock != NULL && (pri & PNORELOCK) == 0)
		mutex_enter(interlock);
	return error;
}

int
tsleep(wchan_t wchan, pri_t pri, const char *wmesg, int timo)
{

	return mtsleep(wchan, pri, wmesg, timo, NULL);
}

void
wakeup(wchan_t wchan)
{
	struct lwp_impl **queue = sleepq_bucket(wchan), *l;

	while ((l = sleepq_first(queue, wchan)) != NULL)
		sleepq_wake(l, 0);
}

/* Sleep for a time: EWOULDBLOCK when it is over. */
int
kpause(const char *wmesg, bool intr, int timo, kmutex_t *mtx)
{
	int error;

	KASSERT(timo != 0 || intr);
	error = sleepq_wait(&kpause_queue, &kpause_queue, wmesg, timo, intr,
	    mtx);
	if (mtx != NULL)
		mutex_enter(mtx);
	return error;
}
