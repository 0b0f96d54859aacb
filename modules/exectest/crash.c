/* SPDX-License-Identifier: BSD-2-Clause */
/* Every way a kernel can die, one a kernel. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kthread.h>
#include <sys/mutex.h>
#include <sys/proc.h>

#include "exectest.h"

/* Keeps the caller's frame, and so its line in the backtrace. */
#define	NO_TAIL_CALL	__asm volatile("")

enum crash {
	CRASH_PANIC,
	CRASH_KASSERT,
	CRASH_NULL_READ,
	CRASH_NULL_WRITE,
	CRASH_NULL_CALL,
	CRASH_DIVIDE,
	CRASH_ILLEGAL,
	CRASH_RECURSION,
	CRASH_LOOP,
	CRASH_SMASH,
	CRASH_DIRECTION,
	CRASH_NONCANONICAL,
	CRASH_TEXT_WRITE,
	CRASH_SPIN_SLEEP,
	CRASH_SPIN_LEAVE,
	CRASH_MUTEX_TWICE,
	CRASH_MUTEX_OTHER,
	CRASH_BAD_JUMP,
};

static volatile int zero, dividend = 100;
static char *volatile null;
static int (*volatile null_function)(void);
static kmutex_t crash_lock;

static int __noinline
crash_recurse(int depth)
{
	volatile char frame[512];

	frame[depth & 511] = (char)depth;
	if (depth < 0)
		return zero;
	return crash_recurse(depth + 1) + frame[0];
}

static void __noinline
crash_smash(void)
{
	volatile uint64_t frame[4];
	int i;

	for (i = 0; i < 8; i++)
		((volatile uint64_t *)frame)[i] = 0x4141414141414141;
}

static void __noinline
crash_mutex(bool other)
{

	mutex_init(&crash_lock, MUTEX_DEFAULT, IPL_NONE);
	if (!other) {
		mutex_enter(&crash_lock);
		mutex_enter(&crash_lock);
	}
	mutex_exit(&crash_lock);
}

static void __noinline
crash_spin(bool sleep)
{

	mutex_init(&crash_lock, MUTEX_DEFAULT, IPL_VM);
	mutex_enter(&crash_lock);
	if (sleep)
		(void)kpause("crash", false, 1, NULL);
}

static void __noinline
crash_memory(enum crash how)
{

	switch (how) {
	case CRASH_NULL_READ:
		zero = *null;
		break;
	case CRASH_NULL_WRITE:
		*null = 1;
		break;
	case CRASH_NONCANONICAL:
		*(volatile char *)0x4141414141414141 = 1;
		break;
	case CRASH_TEXT_WRITE:
		*(volatile char *)(uintptr_t)crash_spin = 1;
		break;
	case CRASH_DIRECTION:
		__asm volatile("std");
		*null = 1;
		break;
	default:
		break;
	}
}

static void __noinline
crash_code(enum crash how)
{

	switch (how) {
	case CRASH_NULL_CALL:
		(void)null_function();
		break;
	case CRASH_BAD_JUMP:
		((void (*)(void))0x123456789000)();
		break;
	case CRASH_DIVIDE:
		zero = dividend / zero;
		break;
	case CRASH_ILLEGAL:
		__asm volatile("ud2");
		break;
	case CRASH_RECURSION:
		(void)crash_recurse(0);
		break;
	case CRASH_LOOP:
		for (;;)
			zero = zero;
		break;
	case CRASH_SMASH:
		crash_smash();
		break;
	default:
		break;
	}
	NO_TAIL_CALL;
}

static void __noinline
crash_here(enum crash how)
{

	switch (how) {
	case CRASH_PANIC:
		panic("exectest: %s", "as you wish");
	case CRASH_KASSERT:
		KASSERTMSG(zero == 1, "zero is %d", zero);
		break;
	case CRASH_SPIN_SLEEP:
	case CRASH_SPIN_LEAVE:
		crash_spin(how == CRASH_SPIN_SLEEP);
		break;
	case CRASH_MUTEX_TWICE:
	case CRASH_MUTEX_OTHER:
		crash_mutex(how == CRASH_MUTEX_OTHER);
		break;
	default:
		crash_memory(how);
		crash_code(how);
		break;
	}
	NO_TAIL_CALL;
}

static void
crash_thread(void *arg)
{

	crash_here((enum crash)(uintptr_t)arg);
	kthread_exit(0);
}

/* a: which, in a kernel thread instead. */
int
exectest_crash(struct exectest *t)
{

	if (t->a[1] != 0)
		return kthread_create(PRI_NONE, KTHREAD_MPSAFE, NULL,
		    crash_thread, (void *)(uintptr_t)t->a[0], NULL, "crash");
	crash_here((enum crash)t->a[0]);
	return 0;
}
