/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Searched schedules: who runs next is decided here, so that a run can be
 * repeated, and others than the usual one be tried.
 *
 * The calls of a schedule's tasks run in unbound contexts.  From SEARCH_BEGIN
 * to SEARCH_END all contexts that can run wait in a queue of this file instead
 * of the run queue, and nobody takes them off it but the home that is inside
 * SEARCH_RUN; the idle thread leaves contexts and time-outs alone.  A context
 * that blocks or ends comes back to that home, because it is runnable.
 *
 * Decisions are counted.  One is made when a context has blocked (who goes
 * on), where a module calls the kernel or has been told to count its edges
 * (is it preempted, and by whom), at each yield, and when a transfer completes
 * (now, or later).  Everything else is a function of those, the virtual clock
 * and the seed; so a run is described by the decisions that were not the
 * default: the same context goes on, else the one that has waited longest.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/rwlock.h>

#include <rumpy/doors.h>
#include <rumpy/hyp.h>

#include "dev/dev.h"
#include "lwp_impl.h"

#define	CANDIDATES	64
#define	HOLD_PERIOD	4	/* one of so many transfers completes later */
#define	STACK_MAX	(32 * 1024)

CTASSERT(SEARCH_TASKS == __arraycount(((struct door_search *)0)->tasks));

enum kind {
	KIND_POINT,		/* candidate 0 runs, and can go on */
	KIND_PICK,		/* nobody runs */
	KIND_YIELD,		/* nobody runs; the last one has yielded */
	KIND_HOLD,		/* candidate 0: the transfer completes now */
};

bool sched_search;

static struct door_search *search;
static struct lwp_impl *search_home;
static struct lwp_impl *ready_head;
static struct lwp_impl **ready_tail = &ready_head;
static struct lwp_impl *chosen;		/* goes next, decided at a point */
static struct hyp_bio *held_head;
static struct hyp_bio **held_tail = &held_head;
static uint32_t serial;			/* of held transfers */
static uint32_t given;			/* the next one to look at */
static uint32_t lowest;			/* of priorities that were lowered */
static uint32_t last_task;
static bool answered;
static struct lwp_impl *task_lwp[SEARCH_TASKS];

/* --- queues --------------------------------------------------------------- */

void
search_insert(struct lwp_impl *l)
{

	l->li_next = NULL;
	*ready_tail = l;
	ready_tail = &l->li_next;
}

static void
search_insert_first(struct lwp_impl *l)
{

	l->li_next = ready_head;
	if (ready_head == NULL)
		ready_tail = &l->li_next;
	ready_head = l;
}

static void
search_remove(struct lwp_impl *l)
{
	struct lwp_impl **lp;

	for (lp = &ready_head; *lp != l; lp = &(*lp)->li_next)
		KASSERT(*lp != NULL);
	*lp = l->li_next;
	if (*lp == NULL)
		ready_tail = lp;
}

static uint32_t
bio_id(const struct hyp_bio *b)
{

	return SEARCH_BIO + (uint32_t)(uintptr_t)b->host[0];
}

static uint32_t
lwp_id(const struct lwp_impl *l)
{

	return l->li_task != 0 ? l->li_task - 1 :
	    SEARCH_THREAD + (uint32_t)l->li_lwp.l_lid;
}

/* The transfer is complete: the kernel hears of it now. */
static void
bio_deliver(struct hyp_bio *b)
{
	struct hyp_bio **bp;

	for (bp = &held_head; *bp != b; bp = &(*bp)->next)
		KASSERT(*bp != NULL);
	*bp = b->next;
	if (*bp == NULL)
		held_tail = bp;
	kern_cpu.cpu_nosleep++;
	kern_block_done(b);
	kern_cpu.cpu_nosleep--;
}

/* --- decisions ------------------------------------------------------------ */

/* splitmix64: one addition and a mixing, so that any seed will do. */
static uint64_t
mix(uint64_t z)
{

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

static uint32_t
search_random(uint32_t below)
{

	search->seed += 0x9e3779b97f4a7c15UL;
	return (uint32_t)((mix(search->seed) >> 32) * below >> 32);
}

static uint32_t
priority_of(uint32_t who)
{

	if (who < SEARCH_TASKS)
		return search->tasks[who].priority;
	/* Those we have no record of: the same one all through the run. */
	return 0x10000 + (uint32_t)(mix(search->seed + who) >> 49);
}

static u_int
choose_random(enum kind kind, u_int n)
{

	if (kind == KIND_HOLD)
		return search_random(HOLD_PERIOD) == 0;
	if (kind == KIND_PICK || kind == KIND_YIELD)
		return search_random(n);
	if (n == 1 || search_random(search->period) != 0)
		return 0;
	return 1 + search_random(n - 1);
}

static u_int
choose_priority(enum kind kind, const uint32_t *who, u_int n, uint32_t at)
{
	uint32_t self = kind == KIND_YIELD ? who[n - 1] : who[0];
	u_int best = 0, i;

	/* The hash of a transfer's number says whether it is late. */
	if (kind == KIND_HOLD)
		return mix(search->seed + at) % HOLD_PERIOD == 0;
	if (kind == KIND_YIELD && self < SEARCH_TASKS)
		search->tasks[self].priority = --lowest;
	for (i = 0; kind == KIND_POINT && i < search->nchanges; i++) {
		if (search->changes[i] == at && self < SEARCH_TASKS)
			search->tasks[self].priority = --lowest;
	}
	if (kind == KIND_YIELD && n > 1)
		n--;
	for (i = 1; i < n; i++) {
		if (priority_of(who[i]) > priority_of(who[best]))
			best = i;
	}
	return best;
}

/* What was given for this decision, if it can be had; N: nothing was. */
static u_int
choose_given(const uint32_t *who, u_int n, uint32_t at)
{
	u_int i;

	while (given < search->ngiven && search->given[given].at < at)
		given++;
	if (given == search->ngiven || search->given[given].at != at)
		return n;
	for (i = 0; i < n; i++) {
		if (who[i] == search->given[given].who)
			return i;
	}
	return n;
}

/* One decision: which of N candidates.  The first one is the default. */
static u_int
search_decide(enum kind kind, const uint32_t *who, u_int n)
{
	uint32_t at = search->decisions++;
	u_int i = choose_given(who, n, at);

	if (i == n && search->policy == SEARCH_RANDOM)
		i = choose_random(kind, n);
	else if (i == n && search->policy == SEARCH_PRIORITY)
		i = choose_priority(kind, who, n, at);
	else if (i == n)
		i = 0;
	if (i != 0 && search->ntrace < search->room)
		search->trace[search->ntrace++] =
		    (struct search_choice){ at, who[i] };
	return i;
}

/* Those who could go on, after the N that are there. */
static u_int
search_collect(uint32_t *who, u_int n)
{
	const struct lwp_impl *l;
	const struct hyp_bio *b;

	for (l = ready_head; l != NULL && n < CANDIDATES; l = l->li_next)
		who[n++] = lwp_id(l);
	for (b = held_head; b != NULL && n < CANDIDATES; b = b->next)
		who[n++] = bio_id(b);
	return n;
}

/* The context of that number in the queue; NULL: it is a transfer. */
static struct lwp_impl *
ready_find(uint32_t who)
{
	struct lwp_impl *l;

	for (l = ready_head; l != NULL; l = l->li_next) {
		if (lwp_id(l) == who)
			return l;
	}
	return NULL;
}

static void
held_deliver(uint32_t who)
{
	struct hyp_bio *b;

	for (b = held_head; b != NULL; b = b->next) {
		if (bio_id(b) == who) {
			bio_deliver(b);
			return;
		}
	}
	panic("search: no candidate %#x", who);
}

/* --- where contexts give way ---------------------------------------------- */

/* The running context may be preempted here, if it is one of ours. */
void
search_point(void)
{
	struct lwp_impl *l = CUR_IMPL;
	uint32_t who[CANDIDATES];
	u_int i;

	if (!sched_search || kern_cpu.cpu_nosleep != 0 || l == HOME_IMPL ||
	    HOME_IMPL != search_home || l->li_lwp.l_stat != LSONPROC)
		return;
	who[0] = lwp_id(l);
	i = search_decide(KIND_POINT, who, search_collect(who, 1));
	if (__predict_false(search->decisions > search->limit)) {
		search_insert(l);
		sched_return(l);
		return;
	}
	if (i == 0)
		return;
	if ((chosen = ready_find(who[i])) == NULL) {
		held_deliver(who[i]);
		return;
	}
	search_insert(l);
	sched_return(l);
}

void
search_yield(struct lwp_impl *l)
{
	uint32_t who[CANDIDATES];
	u_int i, n;

	if (HOME_IMPL != search_home)
		return;
	search_insert(l);
	n = search_collect(who, 0);
	for (i = 0; i < n && who[i] != lwp_id(l); i++)
		continue;
	/* The one who yields comes last. */
	if (i < n) {
		memmove(&who[i], &who[i + 1], (n - i - 1) * sizeof(who[0]));
		who[n - 1] = lwp_id(l);
	}
	i = search_decide(KIND_YIELD, who, n);
	if ((chosen = ready_find(who[i])) == NULL)
		held_deliver(who[i]);
	sched_return(l);
}

/* A transfer is complete.  True: its caller hears of it later. */
bool
search_hold(struct hyp_bio *b)
{
	uint32_t who[2];

	if (HOME_IMPL != search_home || CUR_IMPL == HOME_IMPL)
		return false;
	b->host[0] = (void *)(uintptr_t)serial++;
	who[0] = bio_id(b);
	who[1] = SEARCH_HOLD;
	if (search_decide(KIND_HOLD, who, 2) == 0)
		return false;
	b->next = NULL;
	*held_tail = b;
	held_tail = &b->next;
	return true;
}

/* --- the door ------------------------------------------------------------- */

static int
search_begin(struct door_search *s)
{
	struct lwp_impl *l;

	if (sched_search)
		return EBUSY;
	sched_search = true;
	search = s;
	chosen = NULL;
	serial = given = 0;
	lowest = 0x8000;
	last_task = SEARCH_TASKS;
	answered = false;
	memset(task_lwp, 0, sizeof(task_lwp));
	while ((l = sched_take()) != NULL)
		search_insert(l);
	callout_rearm();
	return 0;
}

static int
search_end(void)
{
	struct lwp_impl *l;
	u_int i;

	for (i = 0; i < SEARCH_TASKS; i++) {
		if (task_lwp[i] != NULL)
			return EBUSY;
	}
	while (held_head != NULL)
		bio_deliver(held_head);
	sched_search = false;
	search = NULL;
	while ((l = ready_head) != NULL) {
		search_remove(l);
		l->li_lwp.l_stat = LSSLEEP;
		sched_runnable(l);
	}
	callout_rearm();
	return 0;
}

/* A task's call, in a context of its own. */
static void
search_main(void *arg)
{
	struct lwp_impl *l = CUR_IMPL;
	struct search_task *t = arg;

	t->error = ((int (*)(void *))t->fn)((void *)t->arg);
	KASSERTMSG(kern_cpu.cpu_nosleep == 0,
	    "leaving the kernel with a spin mutex held");
	t->state = SEARCH_ANSWERED;
	last_task = l->li_task - 1;
	task_lwp[last_task] = NULL;
	answered = true;
	l->li_task = 0;
	l->li_intr = false;
	lwp_put(l);
	sched_exit();
}

static int
search_ask(uint32_t i)
{
	struct search_task *t;
	struct lwp_impl *l;

	if (i >= SEARCH_TASKS || task_lwp[i] != NULL)
		return EINVAL;
	t = &search->tasks[i];
	if ((l = lwp_get()) == NULL)
		return ENOMEM;
	lwp_setproc(l, t->proc != 0 ? (struct proc *)t->proc :
	    initproc != NULL ? initproc : &proc0);
	lwp_start(l, search_main, t);
	l->li_task = i + 1;
	l->li_lwp.l_stat = LSRUN;
	t->state = SEARCH_ASKED;
	task_lwp[i] = l;
	if (i == last_task)
		search_insert_first(l);
	else
		search_insert(l);
	return 0;
}

/* Who goes on, none having been chosen yet; NULL: nobody can. */
static struct lwp_impl *
search_pick(void)
{
	uint32_t who[CANDIDATES];
	struct lwp_impl *l;
	u_int i, n;

	for (;;) {
		if ((n = search_collect(who, 0)) == 0)
			return NULL;
		i = search_decide(KIND_PICK, who, n);
		if ((l = ready_find(who[i])) != NULL)
			return l;
		held_deliver(who[i]);
	}
}

/* Nobody can run. */
static int
search_rest(void)
{

	if (disk_inflight() != 0)
		return SEARCH_IO;
	search->deadline = callout_next();
	return search->deadline != INT64_MAX ? SEARCH_TIME : SEARCH_STUCK;
}

static int
search_run(void)
{
	struct lwp_impl *l;

	search_home = CUR_IMPL;
	if (search->attend) {
		search->attend = 0;
		(void)callout_attend();
	}
	for (;;) {
		sched_attend();
		if (answered) {
			answered = false;
			return SEARCH_ANSWER;
		}
		if (search->decisions > search->limit)
			return SEARCH_LIMIT;
		if ((l = chosen) == NULL && (l = search_pick()) == NULL)
			return search_rest();
		chosen = NULL;
		search_remove(l);
		sched_lend(l);
	}
}

/* --- what a task waits for ------------------------------------------------ */

static uint32_t
who_holds(const struct lwp_impl *l)
{
	const char *wmesg = l->li_lwp.l_wmesg;
	uintptr_t wchan = (uintptr_t)l->li_lwp.l_wchan;
	struct lwp *owner = NULL, *other;

	if (strcmp(wmesg, "mutex") == 0)
		owner = mutex_owner((const kmutex_t *)wchan);
	else if (strcmp(wmesg, "rwlock") == 0)
		owner = rw_owner((krwlock_t *)wchan);
	/* A module's own queue may have such a name: believe no pointer. */
	LIST_FOREACH(other, &alllwp, l_list) {
		if (other == owner)
			return lwp_id(LWP_IMPL(owner));
	}
	return SEARCH_HOLD;
}

/* The return addresses of a context that does not run. */
static uint32_t
frames_of(const struct lwp_impl *l, uint64_t *frames, u_int room)
{
	const uint64_t top = l->li_context.kc_stack;
	const uint64_t *frame = (const uint64_t *)l->li_sp;
	uint64_t next;
	u_int n = 0;

	frames[n++] = frame[0];
	next = frame[1];
	while (n < room && next >= top - STACK_MAX && next <= top - 16 &&
	    next % 8 == 0) {
		frame = (const uint64_t *)next;
		frames[n++] = frame[1];
		if (frame[0] <= next)
			break;
		next = frame[0];
	}
	return n;
}

static void
search_look(void)
{
	struct search_task *t;
	struct lwp_impl *l;
	u_int i;

	for (i = 0; i < SEARCH_TASKS; i++) {
		t = &search->tasks[i];
		t->wchan = 0;
		t->nframes = 0;
		if ((l = task_lwp[i]) == NULL)
			continue;
		t->nframes = frames_of(l, t->frames,
		    __arraycount(t->frames));
		if (l->li_queue == NULL)
			continue;
		t->wchan = (uint64_t)l->li_lwp.l_wchan;
		strlcpy(t->wmesg, l->li_lwp.l_wmesg, sizeof(t->wmesg));
		t->owner = who_holds(l);
	}
}

int
kern_search(struct door_search *s)
{

	if (s->op == SEARCH_BEGIN)
		return search_begin(s);
	if (!sched_search || s != search)
		return EINVAL;
	switch (s->op) {
	case SEARCH_ASK:
		return search_ask(s->task);
	case SEARCH_RUN:
		s->status = search_run();
		return 0;
	case SEARCH_LOOK:
		search_look();
		return 0;
	case SEARCH_END:
		return search_end();
	default:
		return EINVAL;
	}
}
