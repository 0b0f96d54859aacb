/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual CPU of a kernel, and the host threads that pass it around.
 *
 * The CPU word says whether somebody holds the CPU (CPU_HELD) and whether the
 * inbox has mail for the holder (CPU_ATTN).  Taking a free CPU and giving it
 * up when nobody wants it is one compare-and-swap each; that is all the door
 * does inline.  Everything else is here:
 *
 * - A thread that wants the CPU sets its wait word to W_WAIT and posts itself:
 *   it puts itself into the inbox, once, and sets CPU_ATTN.  If the CPU turns
 *   out to be free it takes it, with CPU_ATTN set, and so finds its own post.
 * - The holder moves posts to the queue of waiters.  When it gives up the CPU
 *   it tells the first waiter to compete (W_WAKE), frees the CPU and wakes the
 *   thread.  Others may overtake it; after MAX_BARGES rounds or MAX_WAIT_NS it
 *   is given the CPU without competition (W_GRANT).
 * - A thread that has been told to compete always does.  So whenever the CPU
 *   is free, the inbox and the queue are empty or somebody is on his way; that
 *   is what tests/model/cpu.pml checks, and release() asserts.
 * - A thread whose context sleeps is parked: W_WAIT without a post.  The
 *   kernel unparks it, that is, queues it, when the context can run.
 * - The idle thread is one more such thread, parked with a deadline.  It is
 *   queued at a release that leaves unbound contexts runnable or completions
 *   unseen.
 * - The thread that runs Python's signal handlers is away while it does: the
 *   CPU can't be given to it.  It leaves the queue when its turn comes
 *   (W_WANTED) and posts itself again afterwards.
 */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define	MAX_BARGES	100
#define	MAX_WAIT_NS	INT64_C(200000)
#define	SLICE_FIRST_NS	INT64_C(5000000)	/* main thread: see below */
#define	SLICE_NS	INT64_C(250000000)
#define	CHECK_NS	INT64_C(50000000)

const struct hyp_python *hyp_python_ops;

/* For what the protocol rules out: going on would hang or corrupt. */
#define	CPU_ASSERT(e)							\
	do {								\
		if (unlikely(!(e)))					\
			cpu_broken(#e, __LINE__);			\
	} while (0)

static void __attribute__((__noreturn__, __cold__))
cpu_broken(const char *what, int line)
{

	fprintf(stderr, "rumpy: %s:%d: assertion failed: %s\n", __FILE__,
	    line, what);
	abort();
}

int64_t
hyp_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t
hyp_now_about(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

/* The kernel's clock, whoever keeps it. */
int64_t
cpu_clock(struct hyp_kernel *k, int clock)
{

	if (unlikely(k->provider.clock_read != NULL))
		return k->provider.clock_read(k->provider.cookie, clock);
	return hypercall_clock_read(k, clock);
}

/* --- wait words ----------------------------------------------------------- */

static void
futex_wake(_Atomic uint32_t *word)
{

	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Sleep while *word == value, until an absolute time (INT64_MAX: for ever). */
static int
futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t until)
{
	struct timespec ts, *tsp = NULL;

	if (until != INT64_MAX) {
		ts.tv_sec = until / NS_PER_SEC;
		ts.tv_nsec = until % NS_PER_SEC;
		tsp = &ts;
	}
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, tsp,
	    NULL, FUTEX_BITSET_MATCH_ANY) == 0)
		return 0;
	return errno;
}

static inline uint32_t
word_state(struct hyp_host *h)
{

	return atomic_load(&h->h_word) & W_STATE;
}

/* Change the state if it is FROM; kicks may come in between. */
static bool
word_move(struct hyp_host *h, uint32_t from, uint32_t to)
{
	uint32_t w = atomic_load(&h->h_word);

	do {
		if ((w & W_STATE) != from)
			return false;
	} while (!atomic_compare_exchange_weak(&h->h_word, &w,
	    (w & ~W_STATE) | to));
	return true;
}

/* Set the state whatever it is: the thread's own right while it waits not. */
static void
word_set(struct hyp_host *h, uint32_t to)
{
	uint32_t w = atomic_load(&h->h_word);

	while (!atomic_compare_exchange_weak(&h->h_word, &w,
	    (w & ~W_STATE) | to))
		continue;
}

/* Make a waiting thread look around. */
static void
word_kick(struct hyp_host *h)
{

	atomic_fetch_add(&h->h_word, W_KICK);
	futex_wake(&h->h_word);
}

/* --- the queue of those who want the CPU (the holder's) -------------------- */

static void
queue_insert(struct hyp_kernel *k, struct hyp_host *h, bool first)
{

	CPU_ASSERT(!h->h_queued);
	if (h->h_since == 0)
		h->h_since = hyp_now();
	h->h_queued = true;
	h->h_next = first ? k->k_first : NULL;
	h->h_prev = first ? NULL : k->k_tail;
	*(h->h_prev == NULL ? &k->k_first : &h->h_prev->h_next) = h;
	*(h->h_next == NULL ? &k->k_tail : &h->h_next->h_prev) = h;
	k->k_shared->sh_nwait++;
}

static void
queue_remove(struct hyp_kernel *k, struct hyp_host *h)
{

	CPU_ASSERT(h->h_queued && k->k_shared->sh_nwait > 0);
	*(h->h_prev == NULL ? &k->k_first : &h->h_prev->h_next) = h->h_next;
	*(h->h_next == NULL ? &k->k_tail : &h->h_next->h_prev) = h->h_prev;
	h->h_queued = false;
	k->k_shared->sh_nwait--;
}

/* --- inbox ---------------------------------------------------------------- */

static void
inbox_push(struct hyp_shared *sh, struct hyp_host *h)
{
	void *head;

	if (atomic_exchange(&h->h_posted, 1) != 0)
		return;
	head = __atomic_load_n(&sh->sh_inbox, __ATOMIC_RELAXED);
	do {
		h->h_inbox = head;
	} while (!__atomic_compare_exchange_n(&sh->sh_inbox, &head, h, true,
	    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

/* Take a CPU that may be free. */
static bool
cpu_try(struct hyp_shared *sh)
{
	uint32_t c = __atomic_load_n(&sh->sh_cpu, __ATOMIC_SEQ_CST);

	while ((c & CPU_HELD) == 0) {
		if (__atomic_compare_exchange_n(&sh->sh_cpu, &c, c | CPU_HELD,
		    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	}
	return false;
}

/* Tell the holder that the inbox has mail; true: there is none but us now. */
static bool
cpu_attention(struct hyp_shared *sh)
{

	if (__atomic_fetch_or(&sh->sh_cpu, CPU_ATTN, __ATOMIC_SEQ_CST) &
	    CPU_HELD)
		return false;
	return cpu_try(sh);
}

/* The thread wants the CPU; true: it has it. */
static bool
post(struct hyp_kernel *k, struct hyp_host *h)
{

	inbox_push(k->k_shared, h);
	return cpu_attention(k->k_shared);
}

static void
drain_hosts(struct hyp_kernel *k, struct hyp_host *me)
{
	struct hyp_host *h, *next, *list = NULL;

	h = __atomic_exchange_n(&k->k_shared->sh_inbox, NULL,
	    __ATOMIC_SEQ_CST);
	for (; h != NULL; h = next) {		/* oldest first */
		next = h->h_inbox;
		h->h_inbox = list;
		list = h;
	}
	for (h = list; h != NULL; h = next) {
		/* It may post itself again as soon as h_posted is 0. */
		next = h->h_inbox;
		if (h != me && !h->h_queued)
			queue_insert(k, h, h->h_first);
		atomic_store(&h->h_posted, 0);
	}
}

/* Whether a thread that does not wait is in inbox or queue still. */
bool
cpu_remembers(struct hyp_host *h)
{

	/* In this order: posts become places in the queue. */
	return atomic_load(&h->h_posted) != 0 || atomic_load(&h->h_queued);
}

static void
drain_done(struct hyp_kernel *k)
{
	struct hyp_bio *b, *next, *list = NULL;

	b = __atomic_exchange_n(&k->k_shared->sh_done, NULL, __ATOMIC_SEQ_CST);
	for (; b != NULL; b = next) {
		next = b->next;
		b->next = list;
		list = b;
	}
	if (list == NULL)
		return;
	*k->k_done_tail = list;
	while (list->next != NULL)
		list = list->next;
	k->k_done_tail = &list->next;
	k->k_shared->sh_work = 1;
}

/* The holder ME reads its mail. */
static void
drain(struct hyp_kernel *k, struct hyp_host *me)
{

	__atomic_fetch_and(&k->k_shared->sh_cpu, ~CPU_ATTN, __ATOMIC_SEQ_CST);
	drain_hosts(k, me);
	drain_done(k);
}

/* --- giving up the CPU ---------------------------------------------------- */

/* Unbound contexts and completions are left: the idle thread's. */
static void
want_idle(struct hyp_kernel *k, struct hyp_host *me)
{
	struct hyp_host *h = atomic_load(&k->k_idle);

	if (h != NULL && h != me && h->h_parked && !h->h_queued &&
	    word_state(h) == W_WAIT)
		queue_insert(k, h, false);
}

/* A thread that parks takes care of completions itself. */
static inline bool
must_stay(struct hyp_kernel *k, struct hyp_host *me)
{

	return me != NULL && me->h_parked && k->k_shared->sh_work != 0;
}

/*
 * Nobody has been told to take over, so there must be nothing to do, or the
 * idle thread is on its way or busy with it.  It never parks with contexts
 * left to run: those it would leave them to may turn out to be away.
 */
static bool
nothing_is_left(struct hyp_kernel *k)
{
	struct hyp_host *h = atomic_load(&k->k_idle);

	if (k->k_shared->sh_runnable == 0 && k->k_shared->sh_work == 0)
		return true;
	/* Not parked: it runs kernel code, or is on its way in. */
	if (h == NULL || !h->h_parked || word_state(h) != W_WAIT)
		return true;
	/* h_first: it was told to take the CPU, lost, and is about to post. */
	return h->h_posted || h->h_first;
}

static bool
has_waited_enough(struct hyp_host *h)
{

	return h->h_barges >= MAX_BARGES ||
	    hyp_now() - h->h_since > MAX_WAIT_NS;
}

/*
 * Free the CPU, which H has been told to compete for.  False: H has competed
 * too early and is back in the queue, or the caller has work to do now.
 */
static bool
cpu_free(struct hyp_kernel *k, struct hyp_host *h, struct hyp_host *me)
{
	uint32_t c = CPU_HELD;

	while (!__atomic_compare_exchange_n(&k->k_shared->sh_cpu, &c, 0,
	    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		CPU_ASSERT((c & CPU_HELD) != 0);
		drain(k, me);
		if (h->h_queued || must_stay(k, me))
			return false;
		c = CPU_HELD;
	}
	return true;
}

enum passed { PASSED, PASSED_NOT };

/*
 * Pass the CPU on to H, which has left the queue, or let it compete.  Not
 * passed: it is away and will post itself again, or see cpu_free().
 */
static enum passed
pass_to(struct hyp_kernel *k, struct hyp_host *h, struct hyp_host *me)
{
	bool grant = has_waited_enough(h);

	for (;;) {
		if (word_move(h, W_WAIT, grant ? W_GRANT : W_WAKE))
			break;
		if (word_move(h, W_AWAY, W_WANTED))
			return PASSED_NOT;
		/* Back from being away, or a post that is out of date. */
		if (word_state(h) != W_WAIT && word_state(h) != W_AWAY)
			return PASSED_NOT;
	}
	if (grant) {
		k->k_stats.grants++;
	} else {
		h->h_barges++;
		k->k_stats.wakes++;
		if (!cpu_free(k, h, me)) {
			futex_wake(&h->h_word);
			return PASSED_NOT;
		}
	}
	futex_wake(&h->h_word);
	return PASSED;
}

/*
 * Give up the CPU; ME has been made W_WAIT before if it is to wait.  False:
 * ME was about to park, but has work to do first and keeps the CPU.
 */
static bool
release(struct hyp_kernel *k, struct hyp_host *me)
{
	struct hyp_shared *sh = k->k_shared;
	uint32_t c;

	CPU_ASSERT((sh->sh_cpu & CPU_HELD) != 0);
	sh->sh_seq++;
	if (unlikely(cpu_dead(k)))
		return true;		/* nobody is to have it any more */
	for (;;) {
		if (__atomic_load_n(&sh->sh_cpu, __ATOMIC_RELAXED) & CPU_ATTN)
			drain(k, me);
		if (must_stay(k, me))
			return false;
		if (sh->sh_runnable != 0 || sh->sh_work != 0)
			want_idle(k, me);
		if (k->k_first != NULL) {
			struct hyp_host *h = k->k_first;

			queue_remove(k, h);
			if (pass_to(k, h, me) == PASSED)
				return true;
			continue;
		}
		CPU_ASSERT(nothing_is_left(k));
		c = CPU_HELD;
		if (__atomic_compare_exchange_n(&sh->sh_cpu, &c, 0, false,
		    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
		CPU_ASSERT((c & CPU_HELD) != 0);
	}
}

/* --- getting the CPU ------------------------------------------------------ */

/* The thread has the CPU now, however it came by it. */
static void
cpu_got(struct hyp_kernel *k, struct hyp_host *h)
{
	struct hyp_shared *sh = k->k_shared;

	CPU_ASSERT((sh->sh_cpu & CPU_HELD) != 0);
	word_set(h, W_RUN);
	if (h->h_queued)
		queue_remove(k, h);
	h->h_parked = false;
	h->h_within = false;
	h->h_first = false;
	h->h_since = 0;
	h->h_barges = 0;
	sh->sh_host = h;
	sh->sh_seq++;
	if (__atomic_load_n(&sh->sh_cpu, __ATOMIC_RELAXED) & CPU_ATTN)
		drain(k, h);
}

/*
 * Run Python's signal handlers.  True if one raised.  The exception waits in
 * the door's slot then (hyp_exception_put).
 */
static bool
run_signal_handlers(struct hyp_host *h)
{
	const struct hyp_python *python = hyp_python_ops;
	struct hyp_door *d = h->h_door;
	bool lent, raised;

	lent = d->d_lent;
	d->d_lent = false;
	raised = python->signals() != 0;
	d->d_lent = lent;
	return raised;
}

/* Does this thread run Python's signal handlers, and may it now? */
static bool
handles_signals(struct hyp_host *h)
{

	return hyp_self.t_main && hyp_python_ops != NULL &&
	    hyp_python_ops->signals != NULL && !h->h_intr && h->h_give_up == 0;
}

/*
 * A sleep that is interrupted by work again and again never lasts a slice;
 * look for signals all the same.
 */
static bool
signals_are_due(struct hyp_host *h)
{
	int64_t now;

	if (likely(!handles_signals(h)))
		return false;
	now = hyp_now();
	if (now - h->h_checked < CHECK_NS)
		return false;
	h->h_checked = now;
	return true;
}

/*
 * A signal may have come: run the handlers, with the CPU out of reach.  True:
 * the thread has the CPU now.
 */
static bool
look_for_signals(struct hyp_kernel *k, struct hyp_host *h)
{
	bool again;

	if (!word_move(h, W_WAIT, W_AWAY))
		return false;		/* has been passed the CPU */
	if (run_signal_handlers(h))
		h->h_intr = true;
	again = !word_move(h, W_AWAY, W_WAIT);
	if (again)			/* wanted meanwhile */
		word_set(h, W_WAIT);
	if (again || h->h_intr)
		return post(k, h);
	return false;
}

/*
 * Until when to sleep, on the host's clock.  The idle thread sleeps until the
 * kernel's deadline; sh_until tells hyp_arm() so, and is stored before
 * sh_deadline is read for the last time.
 */
static int64_t
sleep_until(struct hyp_kernel *k, struct hyp_host *h, bool *slice)
{
	struct hyp_shared *sh = k->k_shared;
	int64_t deadline;

	if (h->h_idle) {
		do {
			deadline = __atomic_load_n(&sh->sh_deadline,
			    __ATOMIC_SEQ_CST);
			__atomic_store_n(&sh->sh_until, deadline,
			    __ATOMIC_SEQ_CST);
		} while (deadline != __atomic_load_n(&sh->sh_deadline,
		    __ATOMIC_SEQ_CST));
		if (deadline != INT64_MAX)
			deadline += hyp_now() -
			    cpu_clock(k, HYP_CLOCK_MONOTONIC);
		atomic_store(&k->k_idle_until, deadline);
		return deadline;
	}
	if (h->h_give_up != 0)
		return h->h_give_up;
	deadline = INT64_MAX;
	if (handles_signals(h)) {
		/*
		 * A signal between the last check and the wait would be
		 * noticed only at the next one; so wait in slices.
		 */
		deadline = hyp_now() + (*slice ? SLICE_NS : SLICE_FIRST_NS);
		*slice = true;
	}
	if (hyp_self.t_limit != 0 && hyp_self.t_limit < deadline && !h->h_intr)
		deadline = hyp_self.t_limit;
	return deadline;
}

/*
 * Whether the sleep is to end although nobody wakes it: another thread has
 * cancelled it, or its time is up.
 */
static bool
sleep_ended(struct hyp_host *h)
{
	bool cancelled = atomic_load(&h->h_cancel);
	bool late = hyp_self.t_limit != 0 && hyp_now() >= hyp_self.t_limit;

	if (likely(!cancelled && !late) || h->h_idle || h->h_intr ||
	    !h->h_parked)
		return false;
	atomic_store(&h->h_cancel, false);
	h->h_intr = true;
	return true;
}

/* The idle thread has slept its time: true, it has the CPU. */
static bool
deadline_passed(struct hyp_kernel *k, struct hyp_host *h)
{
	struct hyp_shared *sh = k->k_shared;
	int64_t deadline = __atomic_load_n(&sh->sh_deadline, __ATOMIC_SEQ_CST);

	/* It may have been armed anew since; then sleep until that time. */
	if (deadline > cpu_clock(k, HYP_CLOCK_MONOTONIC))
		return false;
	atomic_store(&h->h_due, true);	/* before the deadline is gone */
	if (!__atomic_compare_exchange_n(&sh->sh_deadline, &deadline,
	    INT64_MAX, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		atomic_store(&h->h_due, false);
		return false;
	}
	return post(k, h);
}

/* A limited wait is over: true, unless the CPU has just been passed to us. */
static bool
given_up(struct hyp_host *h)
{

	return h->h_give_up != 0 && hyp_now() >= h->h_give_up &&
	    word_move(h, W_WAIT, W_RUN);
}

/*
 * Wait for the CPU.  False: the kernel is dead.  The wait word is W_WAIT or
 * has been changed by whoever passes the CPU on.
 */
static bool
wait_for_cpu(struct hyp_kernel *k, struct hyp_host *h)
{
	bool slice = false;
	int64_t until;
	uint32_t w;
	int error;

	for (;;) {
		w = atomic_load(&h->h_word);
		if (cpu_dead(k))
			return false;
		switch (w & W_STATE) {
		case W_GRANT:
			return true;
		case W_WAKE:
			if (cpu_try(k->k_shared))
				return true;
			h->h_first = true;
			word_set(h, W_WAIT);
			if (post(k, h))
				return true;
			continue;
		case W_WAIT:
			if (sleep_ended(h) && post(k, h))
				return true;
			if (signals_are_due(h)) {
				if (look_for_signals(k, h))
					return true;
				continue;
			}
			break;
		default:
			CPU_ASSERT(!"wait word");
		}
		until = sleep_until(k, h, &slice);
		error = futex_wait(&h->h_word, w, until);
		if (h->h_idle)
			__atomic_store_n(&k->k_shared->sh_until, INT64_MIN,
			    __ATOMIC_SEQ_CST);
		if (error != EINTR && error != ETIMEDOUT)
			continue;
		if (h->h_give_up != 0) {
			if (given_up(h))
				return false;
			continue;
		}
		if (h->h_idle ? error == ETIMEDOUT && deadline_passed(k, h) :
		    handles_signals(h) && look_for_signals(k, h))
			return true;
	}
}

/*
 * A door found the CPU taken.  False: the kernel is dead.
 */
bool
cpu_enter_slow(struct hyp_kernel *k, struct hyp_host *h)
{

	bool got;

	h->h_first = false;
	/* At a door, but not if it was given away inside. */
	atomic_store(&h->h_entering, h->h_give_up == 0 && !h->h_door->d_given);
	word_set(h, W_WAIT);
	got = post(k, h) || wait_for_cpu(k, h);
	if (got) {
		cpu_got(k, h);
		k->k_stats.slow_enters++;
	} else {
		word_set(h, W_RUN);
	}
	atomic_store(&h->h_entering, false);
	return got;
}

/*
 * The same with a limit, for the one who closes the kernel.  If it gives up it
 * stays in the queue; whoever comes across it there sees that it waits not.
 */
bool
cpu_enter_timed(struct hyp_kernel *k, struct hyp_host *h, int ms)
{
	bool got;

	h->h_give_up = hyp_now() + ms * INT64_C(1000000);
	got = cpu_enter_slow(k, h);
	h->h_give_up = 0;
	return got;
}

/* A door found more to do than to free the CPU. */
void
cpu_leave_slow(struct hyp_kernel *k, struct hyp_host *h)
{

	release(k, h);
}

/* The kernel is dead: everybody look.  Called with the lock on hosts. */
void
cpu_wake_all(struct hyp_kernel *k)
{
	struct hyp_host *h;

	for (h = k->k_hosts; h != NULL; h = h->h_of_kernel)
		word_kick(h);
}

/* Another thread's sleep is to end.  Called with the lock on hosts. */
void
cpu_cancel(struct hyp_host *h)
{

	atomic_store(&h->h_cancel, true);
	word_kick(h);
}

/* A transfer is complete; any thread, without the CPU. */
void
cpu_complete(struct hyp_kernel *k, struct hyp_bio *b)
{
	struct hyp_shared *sh = k->k_shared;
	void *head = __atomic_load_n(&sh->sh_done, __ATOMIC_RELAXED);

	do {
		b->next = head;
	} while (!__atomic_compare_exchange_n(&sh->sh_done, &head, b, true,
	    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
	/*
	 * The holder will see it.  If there was none it is this thread now,
	 * which can't run kernel code: releasing the CPU with work to do
	 * calls the idle thread.
	 */
	if (cpu_attention(sh))
		(void)release(k, NULL);
}

/*
 * All that waited for a dead kernel's CPU is gone; what is left in queue and
 * inbox is out of date.  The caller has the CPU and the lock on hosts.
 */
void
cpu_reset(struct hyp_kernel *k)
{
	struct hyp_shared *sh = k->k_shared;
	struct hyp_host *h;

	/*
	 * A thread that comes to the door just now may be between h_posted
	 * and the inbox; that post stands.
	 */
	drain_hosts(k, NULL);
	k->k_first = k->k_tail = NULL;
	k->k_done = NULL;
	k->k_done_tail = &k->k_done;
	sh->sh_nwait = 0;
	sh->sh_work = 0;
	__atomic_store_n(&sh->sh_done, NULL, __ATOMIC_SEQ_CST);
	for (h = k->k_hosts; h != NULL; h = h->h_of_kernel) {
		h->h_queued = h->h_first = h->h_parked = false;
		h->h_within = h->h_restart = h->h_due = false;
		h->h_since = 0;
		h->h_barges = 0;
	}
}

/*
 * The kernel lives again.  Whoever came to its door meanwhile may have posted
 * before cpu_reset(): let it do so once more.  Called with the lock on hosts.
 */
void
cpu_recall(struct hyp_kernel *k)
{
	struct hyp_host *h;

	for (h = k->k_hosts; h != NULL; h = h->h_of_kernel) {
		(void)word_move(h, W_WAIT, W_WAKE);
		word_kick(h);
	}
}

/*
 * The deadline has been changed by a restore, and perhaps the clock.  The idle
 * thread is waked only if it sleeps too long; what it is about to do otherwise
 * it will do with the new values.
 */
void
cpu_rearm_after(struct hyp_kernel *k, int64_t deadline)
{
	struct hyp_shared *sh = k->k_shared;
	struct hyp_host *h = atomic_load(&k->k_idle);
	int64_t boot, until;

	__atomic_store_n(&sh->sh_deadline, deadline, __ATOMIC_SEQ_CST);
	if (h == NULL)
		return;
	atomic_fetch_add(&h->h_word, W_KICK);
	/* sh_until was by the old clock. */
	boot = hyp_now() - cpu_clock(k, HYP_CLOCK_MONOTONIC);
	until = atomic_load(&k->k_idle_until);
	__atomic_store_n(&sh->sh_until, until == INT64_MAX ? until :
	    until - boot, __ATOMIC_SEQ_CST);
	if (deadline != INT64_MAX && until > boot + deadline)
		futex_wake(&h->h_word);
}

/*
 * Time has come to what sh_deadline says.  The idle thread knows if it sleeps;
 * if it runs unbound contexts they have to let it look.  Any thread.
 */
void
cpu_remind(struct hyp_kernel *k)
{
	struct hyp_shared *sh = k->k_shared;
	uint32_t c = CPU_HELD;

	if (sh->sh_mono >= __atomic_load_n(&sh->sh_deadline, __ATOMIC_RELAXED))
		(void)__atomic_compare_exchange_n(&sh->sh_cpu, &c,
		    CPU_HELD | CPU_ATTN, false, __ATOMIC_SEQ_CST,
		    __ATOMIC_SEQ_CST);
}

/* The clock has been set: let the idle thread look at its deadline again. */
void
cpu_rearm(struct hyp_kernel *k)
{
	struct hyp_host *h = atomic_load(&k->k_idle);

	if (h != NULL)
		word_kick(h);
}

/* --- hypercalls ----------------------------------------------------------- */

/* Common to park and yield: wait for the CPU, or leave a dead kernel. */
static void
wait_or_escape(struct hyp_kernel *k, struct hyp_host *h)
{

	if (!wait_for_cpu(k, h)) {
		word_set(h, W_RUN);
		hyp_escape(hyp_top, kernel_epitaph(k));
	}
	cpu_got(k, h);
	if (unlikely(fork_is_child(k)))
		hyp_escape(hyp_top, HYP_ECHILD);
	if (unlikely(h->h_idle)) {
		atomic_store(&h->h_due, false);
		if (h->h_restart) {
			/* The stack it came from is of another past. */
			h->h_restart = false;
			hyp_escape(hyp_top, HYP_ERESTART);
		}
	}
}

int
hypercall_park(struct hyp_kernel *k)
{
	struct hyp_host *h = hyp_top->d_host;
	int flags = HYP_PARK_RUN;

	if (!h->h_intr) {
		k->k_stats.parks++;
		h->h_parked = h->h_within = true;
		word_set(h, W_WAIT);
		if (release(k, h)) {
			wait_or_escape(k, h);
		} else {
			word_set(h, W_RUN);
			h->h_parked = h->h_within = false;
			if (h->h_queued)
				queue_remove(k, h);
		}
	}
	if (h->h_intr) {
		h->h_intr = false;
		flags |= HYP_PARK_INTR;
	}
	return flags;
}

void
hypercall_yield(struct hyp_kernel *k)
{
	struct hyp_host *h = hyp_top->d_host;

	if (__atomic_load_n(&k->k_shared->sh_cpu, __ATOMIC_RELAXED) & CPU_ATTN)
		drain(k, h);
	if (k->k_shared->sh_nwait == 0)
		return;
	queue_insert(k, h, false);
	h->h_within = true;
	word_set(h, W_WAIT);
	(void)release(k, h);
	wait_or_escape(k, h);
}

void
hypercall_unpark(struct hyp_kernel *k, void *host)
{
	struct hyp_host *h = host;

	if (h != NULL && h->h_parked && !h->h_queued)
		queue_insert(k, h, false);
}

void
hypercall_arm(struct hyp_kernel *k, int64_t deadline)
{
	struct hyp_shared *sh = k->k_shared;
	struct hyp_host *h = atomic_load(&k->k_idle);

	__atomic_store_n(&sh->sh_deadline, deadline, __ATOMIC_SEQ_CST);
	if (h != NULL && deadline < __atomic_load_n(&sh->sh_until,
	    __ATOMIC_SEQ_CST))
		word_kick(h);
}

struct hyp_bio *
hypercall_drain(struct hyp_kernel *k)
{
	struct hyp_bio *list;

	if (__atomic_load_n(&k->k_shared->sh_cpu, __ATOMIC_RELAXED) & CPU_ATTN)
		drain(k, hyp_top->d_host);
	list = k->k_done;
	k->k_done = NULL;
	k->k_done_tail = &k->k_done;
	k->k_shared->sh_work = 0;
	return list;
}
