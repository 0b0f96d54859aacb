/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The monitor thread of a kernel: it stores the time at hz, is the watchdog,
 * and keeps our signal handlers on top.
 *
 * A door of 25 ns can't wake a thread.  So the monitor goes on for a while
 * after the last activity it saw, then marks the time as stale (sh_entry) and
 * sleeps; the first door that finds the mark stores the time itself and wakes
 * the monitor.
 */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define	LINGER_NS	INT64_C(1000000000)	/* go on that long */
#define	CHECK_NS	INT64_C(80000000)	/* handlers' check */

/* k_monitor_word */
#define	MON_TICKS	0u
#define	MON_ASLEEP	1u
#define	MON_STOP	2u

static void
store_time(struct hyp_kernel *k)
{
	int64_t wall = cpu_clock(k, HYP_CLOCK_REALTIME);
	int64_t mono = cpu_clock(k, HYP_CLOCK_MONOTONIC);
	struct hyp_shared *sh = k->k_shared;

	__atomic_store_n(&sh->sh_wall, wall, __ATOMIC_RELAXED);
	__atomic_store_n(&sh->sh_mono, mono, __ATOMIC_RELAXED);
	__atomic_store_n(k->k_time_second, wall / NS_PER_SEC,
	    __ATOMIC_RELAXED);
	__atomic_store_n(k->k_time_uptime, mono / NS_PER_SEC + 1,
	    __ATOMIC_RELAXED);
}

/* The time is stale: store it, and have the monitor go on with that. */
void
monitor_refresh(struct hyp_kernel *k)
{
	uint32_t asleep;

	if ((__atomic_fetch_and(&k->k_shared->sh_entry, ~ENTRY_STALE,
	    __ATOMIC_SEQ_CST) & ENTRY_STALE) == 0)
		return;
	store_time(k);
	asleep = MON_ASLEEP;
	atomic_compare_exchange_strong(&k->k_monitor_word, &asleep, MON_TICKS);
	syscall(SYS_futex, &k->k_monitor_word, FUTEX_WAKE_PRIVATE, 1, NULL,
	    NULL, 0);
}

void
monitor_store_time(struct hyp_kernel *k)
{

	store_time(k);
}

/* The clock has been set from outside. */
void
hyp_kernel_tick(struct hyp_kernel *k)
{

	if (k->k_time_second != NULL && !cpu_dead(k)) {
		store_time(k);
		cpu_rearm(k);
	}
}

static void
pause_until_used(struct hyp_kernel *k)
{
	uint32_t ticks = MON_TICKS;

	if (!atomic_compare_exchange_strong(&k->k_monitor_word, &ticks,
	    MON_ASLEEP))
		return;
	__atomic_fetch_or(&k->k_shared->sh_entry, ENTRY_STALE,
	    __ATOMIC_SEQ_CST);
	while (atomic_load(&k->k_monitor_word) == MON_ASLEEP) {
		syscall(SYS_futex, &k->k_monitor_word, FUTEX_WAIT_PRIVATE,
		    MON_ASLEEP, NULL, NULL, 0);
	}
}

/* A thread holds the CPU and has not switched for too long. */
static void
bite(struct hyp_kernel *k, uint64_t seq)
{
	struct hyp_host *h = k->k_shared->sh_host;

	if (h == NULL)
		return;
	atomic_store(&k->k_watch_seq, seq);
	fault_interrupt(h->h_tid);
}

struct watch {
	uint64_t seq;
	int64_t since;		/* when seq was first seen */
	int64_t checked;	/* handlers */
};

static void
look(struct hyp_kernel *k, struct watch *w)
{
	uint64_t seq = __atomic_load_n(&k->k_shared->sh_seq, __ATOMIC_RELAXED);
	bool held = (__atomic_load_n(&k->k_shared->sh_cpu,
	    __ATOMIC_RELAXED) & CPU_HELD) != 0;
	int64_t now = hyp_now();

	if (now - w->checked >= CHECK_NS) {
		w->checked = now;
		fault_check_handlers();
	}
	if (seq != w->seq) {
		w->seq = seq;
		w->since = now;
		return;
	}
	if (!held && now - w->since >= LINGER_NS) {
		pause_until_used(k);
		w->since = hyp_now();
		return;
	}
	if (held && k->k_config.watchdog_ms > 0 &&
	    now - w->since >= k->k_config.watchdog_ms * INT64_C(1000000))
		bite(k, seq);
}

static void *
monitor(void *arg)
{
	struct hyp_kernel *k = arg;
	int64_t period = NS_PER_SEC / k->k_config.hz, next = hyp_now();
	struct watch w = { 0, next, 0 };
	struct timespec ts;

	while (atomic_load(&k->k_monitor_word) != MON_STOP && !cpu_dead(k)) {
		store_time(k);
		cpu_remind(k);
		look(k, &w);
		next += period;
		if (next < hyp_now())		/* after a pause */
			next = hyp_now() + period;
		ts.tv_sec = next / NS_PER_SEC;
		ts.tv_nsec = next % NS_PER_SEC;
		/* Until the next tick, unless told to stop. */
		syscall(SYS_futex, &k->k_monitor_word,
		    FUTEX_WAIT_BITSET_PRIVATE, MON_TICKS, &ts, NULL,
		    FUTEX_BITSET_MATCH_ANY);
		k->k_stats.ticks++;
	}
	return NULL;
}

int
monitor_start(struct hyp_kernel *k)
{
	int error;

	atomic_store(&k->k_monitor_word, MON_TICKS);
	store_time(k);
	error = fault_thread_create(&k->k_monitor_thread, monitor, k);
	k->k_monitor_started = error == 0;
	return error;
}

void
monitor_stop(struct hyp_kernel *k)
{

	if (!k->k_monitor_started)
		return;
	atomic_store(&k->k_monitor_word, MON_STOP);
	syscall(SYS_futex, &k->k_monitor_word, FUTEX_WAKE_PRIVATE, INT_MAX,
	    NULL, NULL, 0);
	pthread_join(k->k_monitor_thread, NULL);
	k->k_monitor_started = false;
}
