/* SPDX-License-Identifier: BSD-2-Clause */
/* Loops that `make bench` times from inside. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/atomic.h>
#include <sys/kthread.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/time.h>

#include "exectest.h"

static volatile int64_t bench_left;

static int64_t
bench_now(void)
{
	struct timespec ts;

	nanouptime(&ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
bench_thread(void *arg)
{

	while (bench_left > 0) {
		bench_left--;
		preempt();
	}
	kthread_exit(0);
}

/* a: switches between two kernel threads.  r: picoseconds each. */
int
exectest_bench_switch(struct exectest *t)
{
	lwp_t *l[2];
	int64_t start;
	int error, i;

	bench_left = t->a[0];
	for (i = 0; i < 2; i++) {
		error = kthread_create(PRI_NONE,
		    KTHREAD_MPSAFE | KTHREAD_MUSTJOIN, NULL, bench_thread,
		    NULL, &l[i], "bench%d", i);
		if (error != 0)
			return error;
	}
	start = bench_now();
	(void)kthread_join(l[0]);
	(void)kthread_join(l[1]);
	t->r[0] = (bench_now() - start) * 1000 / t->a[0];
	return 0;
}

/* a: rounds.  r: picoseconds for an uncontended enter and exit. */
int
exectest_bench_lock(struct exectest *t)
{
	kmutex_t lock;
	int64_t start, i;

	mutex_init(&lock, MUTEX_DEFAULT, IPL_NONE);
	start = bench_now();
	for (i = 0; i < t->a[0]; i++) {
		mutex_enter(&lock);
		mutex_exit(&lock);
	}
	t->r[0] = (bench_now() - start) * 1000 / t->a[0];
	mutex_destroy(&lock);
	return 0;
}

/* a: rounds.  r: picoseconds for a held hypercall (the clock's). */
int
exectest_bench_hypercall(struct exectest *t)
{
	int64_t start, i;

	start = bench_now();
	for (i = 0; i < t->a[0]; i++)
		(void)bench_now();
	t->r[0] = (bench_now() - start) * 1000 / t->a[0];
	return 0;
}

/*
 * a: rounds.  r: picoseconds for two compare-and-swaps, which is what no door
 * can do without: the yardstick for the others on a machine of any speed.
 */
int
exectest_bench_atomic(struct exectest *t)
{
	volatile unsigned int word = 0;
	int64_t start, i;

	start = bench_now();
	for (i = 0; i < t->a[0]; i++) {
		(void)atomic_cas_uint(&word, 0, 1);
		(void)atomic_cas_uint(&word, 1, 0);
	}
	t->r[0] = (bench_now() - start) * 1000 / t->a[0];
	return 0;
}

/*
 * a: rounds.  r: picoseconds for ten multiplications, each waiting for the last:
 * three cycles each, on Intel's processors and AMD's.
 */
int
exectest_bench_multiply(struct exectest *t)
{
	uint64_t n = 3;
	int64_t start, i;

	start = bench_now();
	for (i = 0; i < t->a[0]; i++)
		__asm__ volatile(
		    "imulq %0, %0; imulq %0, %0; imulq %0, %0; imulq %0, %0;"
		    "imulq %0, %0; imulq %0, %0; imulq %0, %0; imulq %0, %0;"
		    "imulq %0, %0; imulq %0, %0" : "+r" (n));
	t->r[0] = (bench_now() - start) * 1000 / t->a[0];
	return 0;
}
