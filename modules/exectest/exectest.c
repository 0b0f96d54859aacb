/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeping, waking and locking, as tests/hypercall/test_exec.py asks for it. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/kthread.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/rwlock.h>
#include <sys/time.h>

#include "exectest.h"

MODULE(MODULE_CLASS_MISC, exectest, NULL);

static kmutex_t lock;
static kmutex_t spin;
static krwlock_t rwlock;
static struct slot {
	kcondvar_t cv;
	int64_t	tokens;
} slots[EXECTEST_SLOTS];
static int64_t counter;
static int64_t readers, writers, conflicts;
static int64_t submitted[EXECTEST_SLOTS];

int
exectest_null(struct exectest *t)
{

	return 0;
}

/* a: ticks, interruptible; the answer is kpause()'s. */
int
exectest_pause(struct exectest *t)
{

	return kpause("exectest", t->a[1] != 0, (int)t->a[0], NULL);
}

/*
 * Wait for a token.  a: slot, ticks (0: for ever), interruptible.  r: errno of
 * the last wait.
 */
int
exectest_wait(struct exectest *t)
{
	struct slot *s = &slots[t->a[0]];
	int error = 0;

	mutex_enter(&lock);
	while (s->tokens == 0 && error == 0) {
		if (t->a[1] == 0 && t->a[2] == 0)
			cv_wait(&s->cv, &lock);
		else if (t->a[1] == 0)
			error = cv_wait_sig(&s->cv, &lock);
		else if (t->a[2] == 0)
			error = cv_timedwait(&s->cv, &lock, (int)t->a[1]);
		else
			error = cv_timedwait_sig(&s->cv, &lock, (int)t->a[1]);
	}
	if (s->tokens > 0) {
		s->tokens--;
		error = 0;
	}
	mutex_exit(&lock);
	return error;
}

/* a: slot, tokens, all at once. */
int
exectest_signal(struct exectest *t)
{
	struct slot *s = &slots[t->a[0]];

	mutex_enter(&lock);
	s->tokens += t->a[1];
	if (t->a[2] != 0)
		cv_broadcast(&s->cv);
	else
		cv_signal(&s->cv);
	mutex_exit(&lock);
	return 0;
}

/* r: tokens in the slot, exectest_locked()'s counter. */
int
exectest_count(struct exectest *t)
{
	struct slot *s = &slots[t->a[0]];

	t->r[0] = s->tokens;
	t->r[1] = counter;
	return 0;
}

/*
 * a: rounds, ticks to sleep with the mutex held.  Adds to a counter in a way
 * that loses counts unless the mutex excludes.
 */
int
exectest_locked(struct exectest *t)
{
	int64_t i, seen;

	for (i = 0; i < t->a[0]; i++) {
		mutex_enter(&lock);
		seen = counter;
		if (t->a[1] > 0)
			(void)kpause("locked", false, (int)t->a[1], NULL);
		else
			preempt_point();
		counter = seen + 1;
		mutex_exit(&lock);
	}
	t->r[0] = counter;
	return 0;
}

/* a: rounds, writer.  r: conflicts seen by anybody. */
int
exectest_rwlock(struct exectest *t)
{
	int64_t i;

	for (i = 0; i < t->a[0]; i++) {
		if (t->a[1]) {
			rw_enter(&rwlock, RW_WRITER);
			conflicts += readers != 0 || writers != 0;
			writers++;
			preempt_point();
			writers--;
		} else {
			rw_enter(&rwlock, RW_READER);
			conflicts += writers != 0;
			readers++;
			preempt_point();
			readers--;
		}
		rw_exit(&rwlock);
	}
	t->r[0] = conflicts;
	return 0;
}

/* --- kernel threads ------------------------------------------------------- */

struct pingpong {
	kmutex_t lock;
	kcondvar_t cv;
	int64_t	turn;
	int64_t	rounds;
};

static void
pong(void *arg)
{
	struct pingpong *p = arg;
	int64_t i;

	mutex_enter(&p->lock);
	for (i = 0; i < p->rounds; i++) {
		while (p->turn == 0)
			cv_wait(&p->cv, &p->lock);
		p->turn = 0;
		cv_signal(&p->cv);
	}
	mutex_exit(&p->lock);
	kthread_exit(7);
}

/* a: rounds with a kernel thread.  r: ns a round, its exit code. */
int
exectest_pingpong(struct exectest *t)
{
	struct pingpong p = { .rounds = t->a[0] };
	struct timespec before, after;
	lwp_t *l;
	int error;
	int64_t i;

	mutex_init(&p.lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&p.cv, "pingpong");
	error = kthread_create(PRI_NONE, KTHREAD_MPSAFE | KTHREAD_MUSTJOIN,
	    NULL, pong, &p, &l, "pong");
	if (error != 0)
		return error;
	nanouptime(&before);
	mutex_enter(&p.lock);
	for (i = 0; i < p.rounds; i++) {
		p.turn = 1;
		cv_signal(&p.cv);
		while (p.turn == 1)
			cv_wait(&p.cv, &p.lock);
	}
	mutex_exit(&p.lock);
	nanouptime(&after);
	timespecsub(&after, &before, &after);
	t->r[0] = (after.tv_sec * 1000000000 + after.tv_nsec) /
	    (p.rounds ? p.rounds : 1);
	t->r[1] = kthread_join(l);
	cv_destroy(&p.cv);
	mutex_destroy(&p.lock);
	return 0;
}

static int64_t kthreads_ran;

static void
short_thread(void *arg)
{

	(void)kpause("short", false, 1 + (int)(intptr_t)arg % 3, NULL);
	mutex_enter(&lock);
	kthreads_ran++;
	cv_broadcast(&slots[0].cv);
	mutex_exit(&lock);
	kthread_exit(0);
}

/* a: how many.  r: how many have run. */
int
exectest_kthreads(struct exectest *t)
{
	int64_t i, end;
	int error = 0;

	mutex_enter(&lock);
	end = kthreads_ran + t->a[0];
	mutex_exit(&lock);
	for (i = 0; i < t->a[0] && error == 0; i++)
		error = kthread_create(PRI_NONE, KTHREAD_MPSAFE, NULL,
		    short_thread, (void *)(intptr_t)i, NULL, "short%d", (int)i);
	mutex_enter(&lock);
	while (error == 0 && kthreads_ran < end)
		error = cv_timedwait(&slots[0].cv, &lock, 10 * hz);
	t->r[0] = kthreads_ran - end + t->a[0];
	mutex_exit(&lock);
	return error;
}

/* --- callouts ------------------------------------------------------------- */

struct timed {
	callout_t ch;
	struct timespec due;
	int64_t	late;		/* ns */
	int	order;
};

static int fired, fired_order;

static void
timed_fire(void *arg)
{
	struct timed *e = arg;
	struct timespec now;

	nanouptime(&now);
	timespecsub(&now, &e->due, &now);
	e->late = now.tv_sec * 1000000000 + now.tv_nsec;
	mutex_enter(&lock);
	e->order = ++fired_order;
	fired++;
	cv_broadcast(&slots[1].cv);
	mutex_exit(&lock);
}

static void
timed_start(struct timed *e, int ticks)
{
	struct timespec in;

	callout_init(&e->ch, CALLOUT_MPSAFE);
	in.tv_sec = (int64_t)ticks * tick / 1000000;
	in.tv_nsec = (int64_t)ticks * tick % 1000000 * 1000;
	nanouptime(&e->due);
	timespecadd(&e->due, &in, &e->due);
	callout_reset(&e->ch, ticks, timed_fire, e);
}

/*
 * a: how many (1, 2 ... ticks), stop every n-th.  r: fired, largest delay in
 * ns, earliest in ns, out of order.
 */
int
exectest_callouts(struct exectest *t)
{
	int n = (int)t->a[0], every = (int)t->a[1], i, expect = 0, last = 0;
	struct timed *e = kmem_zalloc(sizeof(*e) * n, KM_SLEEP);
	int error = 0;

	fired = fired_order = 0;
	for (i = 0; i < n; i++)
		timed_start(&e[i], i % 20 + 1);
	for (i = 0; i < n; i++) {
		if (every != 0 && i % every == 0) {
			if (callout_stop(&e[i].ch))
				expect++;
			else if (callout_pending(&e[i].ch))
				t->r[4]++;
		} else
			expect++;
	}
	mutex_enter(&lock);
	while (fired < expect && error == 0)
		error = cv_timedwait(&slots[1].cv, &lock, 10 * hz);
	mutex_exit(&lock);
	t->r[0] = fired - expect;
	t->r[2] = INT64_MAX;
	for (i = 0; i < n; i++) {
		(void)callout_halt(&e[i].ch, NULL);
		if (e[i].order != 0) {
			t->r[1] = MAX(t->r[1], e[i].late);
			t->r[2] = MIN(t->r[2], e[i].late);
		}
		if (i < 20 && e[i].order != 0) {
			t->r[3] += e[i].order < last;
			last = e[i].order;
		}
		callout_destroy(&e[i].ch);
	}
	kmem_free(e, sizeof(*e) * n);
	return error;
}

static int halt_state;

static void
slow_fire(void *arg)
{

	halt_state = 1;
	(void)kpause("slow", false, 5, NULL);
	halt_state = 2;
}

/* callout_halt() waits for a function that runs.  r: state after it. */
int
exectest_callout_halt(struct exectest *t)
{
	callout_t ch;

	halt_state = 0;
	callout_init(&ch, CALLOUT_MPSAFE);
	callout_reset(&ch, 1, slow_fire, NULL);
	while (halt_state == 0)
		(void)kpause("halt", false, 1, NULL);
	t->r[1] = halt_state;
	t->r[2] = callout_halt(&ch, NULL);
	t->r[0] = halt_state;
	callout_destroy(&ch);
	return 0;
}

/* --- submissions ---------------------------------------------------------- */

/* a: slot, ticks to sleep, interruptible.  The result is kept for _result. */
int
exectest_submit(struct exectest *t)
{
	int64_t slot = t->a[0];
	int error = 0;

	if (t->a[1] > 0)
		error = kpause("submit", t->a[2] != 0, (int)t->a[1], NULL);
	submitted[slot] = 1000 + error;
	return 0;
}

int
exectest_result(struct exectest *t)
{

	t->r[0] = submitted[t->a[0]];
	submitted[t->a[0]] = 0;
	return 0;
}

/* --- hypercalls ----------------------------------------------------------- */

/* a: number to print, where sleeping is not allowed. */
int
exectest_console(struct exectest *t)
{

	if (t->a[1] != 0)
		mutex_spin_enter(&spin);
	printf("exectest %d\n", (int)t->a[0]);
	if (t->a[1] != 0)
		mutex_spin_exit(&spin);
	return 0;
}

/* r: coarse and exact uptime and wall time in ns. */
int
exectest_time(struct exectest *t)
{
	struct timespec ts;

	getnanouptime(&ts);
	t->r[0] = ts.tv_sec * 1000000000 + ts.tv_nsec;
	nanouptime(&ts);
	t->r[1] = ts.tv_sec * 1000000000 + ts.tv_nsec;
	getnanotime(&ts);
	t->r[2] = ts.tv_sec * 1000000000 + ts.tv_nsec;
	nanotime(&ts);
	t->r[3] = ts.tv_sec * 1000000000 + ts.tv_nsec;
	t->r[4] = time_second;
	t->r[5] = time_uptime;
	return 0;
}

static int64_t lent_left;

static void
lent_thread(void *arg)
{
	struct timespec ts;

	while (lent_left > 0) {
		nanouptime(&ts);
		lent_left--;
	}
	kthread_exit(0);
}

/*
 * Have a kernel thread read the clock while the caller sleeps and lends its
 * own.  a: slot to wait for a token in, how often to read.  r: readings left
 * at the end of the sleep, its errno.
 */
int
exectest_lend(struct exectest *t)
{
	struct slot *s = &slots[t->a[0]];
	int error;

	lent_left = t->a[1];
	error = kthread_create(PRI_NONE, KTHREAD_MPSAFE, NULL, lent_thread,
	    NULL, NULL, "lent");
	if (error != 0)
		return error;
	mutex_enter(&lock);
	while (s->tokens == 0 && error == 0)
		error = cv_wait_sig(&s->cv, &lock);
	mutex_exit(&lock);
	t->r[0] = lent_left;
	t->r[1] = error;
	return 0;
}

/* --- the module ----------------------------------------------------------- */

int
exectest_init(void)
{
	int i;

	mutex_init(&lock, MUTEX_DEFAULT, IPL_NONE);
	mutex_init(&spin, MUTEX_DEFAULT, IPL_VM);
	rw_init(&rwlock);
	for (i = 0; i < EXECTEST_SLOTS; i++)
		cv_init(&slots[i].cv, "exectest");
	return 0;
}

int
exectest_fini(void)
{
	int i;

	for (i = 0; i < EXECTEST_SLOTS; i++)
		cv_destroy(&slots[i].cv);
	rw_destroy(&rwlock);
	mutex_destroy(&spin);
	mutex_destroy(&lock);
	return 0;
}

static int
exectest_modcmd(modcmd_t cmd, void *arg)
{

	switch (cmd) {
	case MODULE_CMD_INIT:
		return exectest_init();
	case MODULE_CMD_FINI:
		return exectest_fini();
	default:
		return ENOTTY;
	}
}
