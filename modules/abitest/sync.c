/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks that are tried, changed and asked about, and sleeps without locks. */

#include <sys/condvar.h>
#include <sys/kauth.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/lwp.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/rwlock.h>
#include <sys/timevar.h>

#include "abitest.h"

static krwlock_t rw;
static kmutex_t mtx, *obj;
static kcondvar_t cv;
static int answer, channel;
static bool go;

/* What another thread finds. */
static void
try_all(void *arg)
{
	int seen = 0;

	if (rw_tryenter(&rw, RW_READER)) {
		seen |= 1;
		rw_exit(&rw);
	}
	if (rw_tryenter(&rw, RW_WRITER)) {
		seen |= 2;
		rw_exit(&rw);
	}
	if (mutex_tryenter(&mtx)) {
		seen |= 4;
		mutex_exit(&mtx);
	}
	if (mutex_owned(&mtx))
		seen |= 8;
	if (rw_write_held(&rw))
		seen |= 16;
	answer = seen;
	kthread_exit(0);
}

static int
elsewhere(void (*func)(void *))
{
	struct lwp *l;

	answer = -1;
	if (kthread_create(PRI_NONE, KTHREAD_MUSTJOIN, NULL, func, NULL, &l,
	    "abitest") != 0 || kthread_join(l) != 0)
		return -1;
	return answer;
}

int
test_trying(void)
{

	rw_init(&rw);
	mutex_init(&mtx, MUTEX_DEFAULT, IPL_NONE);
	CHECK(elsewhere(try_all) == 7);
	CHECK(mutex_tryenter(&mtx) && mutex_owned(&mtx));
	CHECK(rw_tryenter(&rw, RW_READER) && rw_read_held(&rw));
	CHECK(rw_lock_held(&rw) && !rw_write_held(&rw));
	CHECK(elsewhere(try_all) == 1);
	CHECK(mutex_owner(&mtx) == curlwp);
	CHECK(rw_tryupgrade(&rw) && rw_owner(&rw) == curlwp);
	CHECK(rw_write_held(&rw) && !rw_read_held(&rw));
	CHECK(elsewhere(try_all) == 0);
	rw_downgrade(&rw);
	CHECK(rw_read_held(&rw) && !rw_write_held(&rw));
	CHECK(elsewhere(try_all) == 1);
	CHECK(rw_tryenter(&rw, RW_READER));	/* twice */
	CHECK(!rw_tryupgrade(&rw) && rw_read_held(&rw));
	rw_exit(&rw);
	CHECK(rw_read_held(&rw));
	rw_exit(&rw);
	mutex_exit(&mtx);
	CHECK(!rw_lock_held(&rw) && !mutex_owned(&mtx));
	CHECK(elsewhere(try_all) == 7);
	rw_destroy(&rw);
	mutex_destroy(&mtx);

	obj = mutex_obj_alloc(MUTEX_DEFAULT, IPL_NONE);
	mutex_obj_hold(obj);
	CHECK(!mutex_obj_free(obj));		/* somebody has it still */
	mutex_enter(obj);
	mutex_exit(obj);
	CHECK(mutex_obj_free(obj));
	return 0;
}

static void
sleeper(void *arg)
{
	int error = tsleep(&channel, PWAIT | PCATCH, "abitest", 10 * hz);

	answer = error == 0 ? 1 : -error;
	kthread_exit(0);
}

static void
waiter(void *arg)
{

	mutex_enter(&mtx);
	while (!go)
		cv_wait(&cv, &mtx);
	answer++;
	mutex_exit(&mtx);
	kthread_exit(0);
}

/* Those who sleep are woken by what they sleep on, or by time. */
int
test_sleeping(void)
{
	struct lwp *l[2];
	int i;

	CHECK(tsleep(&channel, PWAIT, "abitest", 1) == EWOULDBLOCK);
	wakeup(&channel);			/* nobody is there */
	answer = 0;
	CHECK(kthread_create(PRI_NONE, KTHREAD_MUSTJOIN, NULL, sleeper, NULL,
	    &l[0], "abitest") == 0);
	for (i = 0; i < 100 && answer == 0; i++) {
		wakeup(&answer);		/* something else */
		kpause("abitest", false, 1, NULL);
		if (i > 3)
			wakeup(&channel);
	}
	CHECK(kthread_join(l[0]) == 0 && answer == 1 && i > 3);

	mutex_init(&mtx, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&cv, "abitest");
	answer = 0, go = false;
	for (i = 0; i < 2; i++)
		CHECK(kthread_create(PRI_NONE, KTHREAD_MUSTJOIN, NULL, waiter,
		    NULL, &l[i], "abitest") == 0);
	while (!cv_has_waiters(&cv))
		kpause("abitest", false, 1, NULL);
	mutex_enter(&mtx);
	go = true;
	cv_broadcast(&cv);
	CHECK(!cv_has_waiters(&cv));
	mutex_exit(&mtx);
	for (i = 0; i < 2; i++)
		CHECK(kthread_join(l[i]) == 0);
	CHECK(answer == 2);
	cv_destroy(&cv);
	mutex_destroy(&mtx);
	return 0;
}

/* Not more often than that. */
int
test_ratecheck(void)
{
	static const struct timeval minute = { 60, 0 }, zero = { 0, 0 };
	struct timeval last = { 0, 0 };
	struct timespec ts = { 1, 500000000 };
	int ticks = getticks();

	CHECK(ratecheck(&last, &minute) == 1);
	CHECK(timerisset(&last) && ratecheck(&last, &minute) == 0);
	last.tv_sec -= 59;
	CHECK(ratecheck(&last, &minute) == 0);
	last.tv_sec -= 1;
	CHECK(ratecheck(&last, &minute) == 1);
	CHECK(ratecheck(&last, &zero) == 1);
	CHECK(tstohz(&ts) >= 150 && tstohz(&ts) <= 152);
	kpause("abitest", false, 2, NULL);
	CHECK(getticks() - ticks >= 2);
	return 0;
}

/* Users and groups of credentials. */
int
test_cred_groups(void)
{
	kauth_cred_t cred = kauth_cred_alloc(), other = kauth_cred_alloc();
	gid_t groups[3] = { 7, 8, 9 }, got[3] = { 0 };
	int member = -1;

	kauth_cred_setgid(cred, 1), kauth_cred_setegid(cred, 2);
	kauth_cred_setsvgid(cred, 3);
	CHECK(kauth_cred_getsvgid(cred) == 3 && kauth_cred_getegid(cred) == 2);
	CHECK(kauth_cred_setgroups(cred, groups, 3, (uid_t)-1,
	    UIO_SYSSPACE) == 0);
	CHECK(kauth_cred_getgroups(cred, got, 3, UIO_SYSSPACE) == 0);
	CHECK(memcmp(groups, got, sizeof(got)) == 0);
	CHECK(kauth_cred_getgroups(cred, got, 3, UIO_USERSPACE) == EFAULT);
	CHECK(kauth_cred_ismember_gid(cred, 8, &member) == 0 && member == 1);
	CHECK(kauth_cred_ismember_gid(cred, 2, &member) == 0 && member == 0);
	CHECK(kauth_cred_groupmember(cred, 2) == 0);	/* the effective one */
	CHECK(kauth_cred_groupmember(cred, 9) == 0);
	CHECK(kauth_cred_groupmember(cred, 1) == -1);
	CHECK(kauth_cred_uidmatch(cred, other));
	kauth_cred_seteuid(other, 77), kauth_cred_setuid(other, 77);
	kauth_cred_setsvuid(other, 77);
	CHECK(!kauth_cred_uidmatch(cred, other));
	CHECK(kauth_authorize_generic(cred, KAUTH_GENERIC_ISSUSER, NULL) == 0);
	CHECK(kauth_authorize_generic(other, KAUTH_GENERIC_ISSUSER, NULL) ==
	    EPERM);
	kauth_cred_free(cred);
	kauth_cred_free(other);
	return 0;
}
