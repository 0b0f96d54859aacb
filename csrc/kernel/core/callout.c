/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callouts (callout(9)): functions to be called later.
 *
 * The pending ones form a pairing heap by time, which costs nothing to insert
 * into and needs no memory beyond the callout itself.  The earliest time is
 * what the idle thread sleeps until.  When it has come, the idle thread calls
 * time-outs of sleepers itself, because those only wake somebody, and leaves
 * the others to a kernel thread, where they may take adaptive mutexes.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/mutex.h>
#include <sys/proc.h>

#include <rumpy/hyp.h>

#include "lwp_impl.h"

#define	C_WAKEUP	0x10000		/* only wakes somebody */
#define	C_DUE		0x20000		/* on the list of the thread */
#define	C_MAGIC		0x63616c6c

struct callout_impl {
	struct callout_impl *c_child;	/* heap: first child */
	struct callout_impl *c_next;	/* heap: sibling; list: next */
	struct callout_impl *c_prev;	/* heap: parent or sibling before */
	void	(*c_func)(void *);
	void	*c_arg;
	int64_t	c_time;			/* HYP_CLOCK_MONOTONIC ns */
	u_int	c_flags;
	u_int	c_magic;
};

CTASSERT(sizeof(struct callout_impl) <= sizeof(callout_t));
CTASSERT(sizeof(callout_t) == 80);

static struct callout_impl *heap;
static struct callout_impl *due_head;
static struct callout_impl **due_tail = &due_head;
static struct callout_impl *running;
static struct lwp_impl *callout_lwp;
static bool callout_idle;		/* the thread waits for work */
static int64_t armed = INT64_MAX;

static struct callout_impl *
callout_impl(callout_t *cs)
{
	struct callout_impl *c = (struct callout_impl *)cs;

	KASSERTMSG(c->c_magic == C_MAGIC, "callout %p: not initialized", cs);
	return c;
}

/* --- the heap ------------------------------------------------------------- */

static struct callout_impl *
heap_meld(struct callout_impl *a, struct callout_impl *b)
{
	struct callout_impl *t;

	if (a == NULL)
		return b;
	if (b == NULL)
		return a;
	if (b->c_time < a->c_time) {
		t = a;
		a = b;
		b = t;
	}
	b->c_next = a->c_child;
	if (b->c_next != NULL)
		b->c_next->c_prev = b;
	b->c_prev = a;
	a->c_child = b;
	return a;
}

/* Make one heap of a list of siblings: in pairs, then from the right. */
static struct callout_impl *
heap_merge(struct callout_impl *list)
{
	struct callout_impl *a, *b, *pairs = NULL, *result = NULL;

	while ((a = list) != NULL) {
		b = a->c_next;
		list = b != NULL ? b->c_next : NULL;
		a->c_next = a->c_prev = NULL;
		if (b != NULL)
			b->c_next = b->c_prev = NULL;
		a = heap_meld(a, b);
		a->c_next = pairs;
		pairs = a;
	}
	while ((a = pairs) != NULL) {
		pairs = a->c_next;
		a->c_next = NULL;
		result = heap_meld(result, a);
	}
	return result;
}

static void
heap_insert(struct callout_impl *c)
{

	c->c_child = c->c_next = c->c_prev = NULL;
	heap = heap_meld(heap, c);
}

static void
heap_remove(struct callout_impl *c)
{
	struct callout_impl *rest = heap_merge(c->c_child);

	c->c_child = NULL;
	if (c == heap) {
		heap = rest;
		return;
	}
	if (c->c_prev->c_child == c)
		c->c_prev->c_child = c->c_next;
	else
		c->c_prev->c_next = c->c_next;
	if (c->c_next != NULL)
		c->c_next->c_prev = c->c_prev;
	c->c_next = c->c_prev = NULL;
	heap = heap_meld(heap, rest);
}

/* --- arming --------------------------------------------------------------- */

/* Tell the host when the idle thread is needed, if that is earlier. */
static void
callout_arm(void)
{

	if (heap != NULL && heap->c_time < armed && !sched_search) {
		armed = heap->c_time;
		hyp_arm(armed);
	}
}

static void
due_remove(struct callout_impl *c)
{
	struct callout_impl **cp;

	for (cp = &due_head; *cp != c; cp = &(*cp)->c_next)
		KASSERT(*cp != NULL);
	*cp = c->c_next;
	if (*cp == NULL)
		due_tail = cp;
	c->c_flags &= ~(u_int)C_DUE;
	c->c_next = NULL;
}

/* Take it back, wherever it is. */
static void
callout_unschedule(struct callout_impl *c)
{

	if (c->c_flags & CALLOUT_PENDING)
		heap_remove(c);
	else if (c->c_flags & C_DUE)
		due_remove(c);
	c->c_flags &= ~(u_int)CALLOUT_PENDING;
}

static void
callout_schedule_in(struct callout_impl *c, int ticks)
{

	KASSERT(c->c_func != NULL);
	callout_unschedule(c);
	c->c_flags &= ~(u_int)CALLOUT_FIRED;
	c->c_flags |= CALLOUT_PENDING;
	c->c_time = ltime_mono() + (int64_t)MAX(ticks, 1) * 1000 * tick;
	heap_insert(c);
	callout_arm();
}

/* --- running -------------------------------------------------------------- */

/*
 * Called by the idle thread: sort out what has come due.  True if there was
 * anything.
 */
bool
callout_attend(void)
{
	struct callout_impl *c;
	bool any = false;
	int64_t now;

	if (heap == NULL && armed == INT64_MAX)
		return false;
	now = ltime_mono();
	while ((c = heap) != NULL && c->c_time <= now) {
		any = true;
		heap_remove(c);
		c->c_flags &= ~(u_int)CALLOUT_PENDING;
		if (c->c_flags & C_WAKEUP) {
			c->c_flags |= CALLOUT_FIRED;
			c->c_func(c->c_arg);
			continue;
		}
		c->c_flags |= C_DUE;
		c->c_next = NULL;
		*due_tail = c;
		due_tail = &c->c_next;
	}
	if (due_head != NULL && callout_idle)
		wakeup(&callout_lwp);
	if (!sched_search)
		callout_rearm();
	return any;
}

/* When the first one is due; INT64_MAX if there is none. */
int64_t
callout_next(void)
{

	return heap != NULL ? heap->c_time : INT64_MAX;
}

/* The idle thread is to come for the first one, or never in a search. */
void
callout_rearm(void)
{

	armed = sched_search ? INT64_MAX : callout_next();
	hyp_arm(armed);
}

/* What has been stopped while it ran must not be looked at any more. */
static void
callout_run(struct callout_impl *c)
{
	void (*func)(void *) = c->c_func;
	void *arg = c->c_arg;

	due_remove(c);
	c->c_flags |= CALLOUT_FIRED | CALLOUT_INVOKING;
	running = c;
	func(arg);
	KASSERTMSG(kern_cpu.cpu_nosleep == 0,
	    "callout %p returned with a spin mutex held", func);
	running = NULL;
	wakeup(&running);
}

static void
callout_thread(void *arg)
{

	callout_lwp = CUR_IMPL;
	for (;;) {
		while (due_head != NULL)
			callout_run(due_head);
		callout_idle = true;
		(void)tsleep(&callout_lwp, PVM, "callout", 0);
		callout_idle = false;
	}
}

void
callout_startup(void)
{
	int error;

	error = kthread_create(PRI_SOFTCLOCK, KTHREAD_MPSAFE, NULL,
	    callout_thread, NULL, NULL, "softclk");
	if (error != 0)
		panic("callout_startup: %d", error);
}

/* --- the interface -------------------------------------------------------- */

void
callout_init(callout_t *cs, u_int flags)
{
	struct callout_impl *c = (struct callout_impl *)cs;

	memset(c, 0, sizeof(*c));
	c->c_flags = flags & CALLOUT_FLAGMASK;
	c->c_magic = C_MAGIC;
}

void
callout_destroy(callout_t *cs)
{
	struct callout_impl *c = callout_impl(cs);

	KASSERTMSG((c->c_flags & (CALLOUT_PENDING | C_DUE)) == 0,
	    "callout %p: destroyed while pending", cs);
	KASSERTMSG(running != c || callout_lwp == CUR_IMPL,
	    "callout %p: destroyed while it runs", cs);
	c->c_magic = 0;
}

void
callout_setfunc(callout_t *cs, void (*func)(void *), void *arg)
{
	struct callout_impl *c = callout_impl(cs);

	c->c_func = func;
	c->c_arg = arg;
}

void
callout_reset(callout_t *cs, int ticks, void (*func)(void *), void *arg)
{

	callout_setfunc(cs, func, arg);
	callout_schedule(cs, ticks);
}

void
callout_schedule(callout_t *cs, int ticks)
{

	callout_schedule_in(callout_impl(cs), ticks);
}

/* A callout that only wakes somebody and may be called by the idle thread. */
void
callout_reset_wakeup(callout_t *cs, int ticks, void (*func)(void *),
    void *arg)
{

	callout_impl(cs)->c_flags |= C_WAKEUP;
	callout_reset(cs, ticks, func, arg);
}

/* True if it has fired: its function has been or is being called. */
bool
callout_stop(callout_t *cs)
{
	struct callout_impl *c = callout_impl(cs);
	bool expired;

	callout_unschedule(c);
	expired = (c->c_flags & CALLOUT_FIRED) != 0;
	c->c_flags &= ~(u_int)CALLOUT_FIRED;
	return expired;
}

/* The same, and it does not run any more; the interlock is released for it. */
bool
callout_halt(callout_t *cs, void *interlock)
{
	struct callout_impl *c = callout_impl(cs);
	kmutex_t *mtx = interlock;
	bool expired = callout_stop(cs);

	while (running == c && callout_lwp != CUR_IMPL) {
		(void)sleepq_wait(sleepq_bucket(&running), &running,
		    "callout", 0, false, mtx);
		if (mtx != NULL)
			mutex_enter(mtx);
		expired |= callout_stop(cs);
	}
	return expired;
}

bool
callout_pending(callout_t *cs)
{

	return (callout_impl(cs)->c_flags & (CALLOUT_PENDING | C_DUE)) != 0;
}

bool
callout_expired(callout_t *cs)
{

	return (callout_impl(cs)->c_flags & CALLOUT_FIRED) != 0;
}

bool
callout_active(callout_t *cs)
{

	return (callout_impl(cs)->c_flags &
	    (CALLOUT_PENDING | CALLOUT_FIRED)) != 0;
}

bool
callout_invoking(callout_t *cs)
{

	return (callout_impl(cs)->c_flags & CALLOUT_INVOKING) != 0;
}

void
callout_ack(callout_t *cs)
{

	callout_impl(cs)->c_flags &= ~(u_int)CALLOUT_INVOKING;
}
