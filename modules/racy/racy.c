/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * racy: mistakes that only show when contexts run in a certain order.
 *
 * Made for the tests of searched schedules and for teaching.  Each function
 * can be called as a door; what it needs lies in the module's memory.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/kmem.h>
#include <sys/kthread.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/proc.h>

#include "racy.h"

MODULE(MODULE_CLASS_MISC, racy, NULL);

int racy_count;

static kmutex_t lock, other;
static kcondvar_t cv;
static bool ready;

/* Looks, allocates, and stores: what others count meanwhile is lost. */
int
racy_unlocked(void *arg __unused)
{
	int seen = racy_count;
	char *p = kmem_alloc(100, KM_SLEEP);

	racy_count = seen + 1;
	kmem_free(p, 100);
	return 0;
}

/* The same, and right. */
int
racy_locked(void *arg)
{

	mutex_enter(&lock);
	(void)racy_unlocked(arg);
	mutex_exit(&lock);
	return 0;
}

static int
both(kmutex_t *a, kmutex_t *b)
{

	mutex_enter(a);
	mutex_enter(b);
	racy_count++;
	mutex_exit(b);
	mutex_exit(a);
	return 0;
}

int
racy_forth(void *arg __unused)
{

	return both(&lock, &other);
}

int
racy_back(void *arg __unused)
{

	return both(&other, &lock);
}

/* Looks before it locks: a wake-up in between goes to nobody. */
int
racy_wait(void *arg __unused)
{

	if (ready)
		return 0;
	mutex_enter(&lock);
	cv_wait(&cv, &lock);
	mutex_exit(&lock);
	return 0;
}

int
racy_wake(void *arg __unused)
{

	mutex_enter(&lock);
	ready = true;
	cv_broadcast(&cv);
	mutex_exit(&lock);
	return 0;
}

/* Waits for something by turns, for ever if nobody comes. */
int
racy_spin(void *arg __unused)
{

	while (!ready)
		yield();
	return 0;
}

/* Sleeps for a tick, then counts. */
int
racy_nap(void *arg __unused)
{

	(void)kpause("nap", false, 1, NULL);
	return racy_unlocked(NULL);
}

static int
racy_modcmd(modcmd_t cmd, void *opaque __unused)
{

	switch (cmd) {
	case MODULE_CMD_INIT:
		mutex_init(&lock, MUTEX_DEFAULT, IPL_NONE);
		mutex_init(&other, MUTEX_DEFAULT, IPL_NONE);
		cv_init(&cv, "racy");
		return 0;
	case MODULE_CMD_FINI:
		cv_destroy(&cv);
		mutex_destroy(&other);
		mutex_destroy(&lock);
		return 0;
	default:
		return ENOTTY;
	}
}
