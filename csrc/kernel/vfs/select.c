/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poll(2) and select(2), and their side in drivers: selrecord, selnotify.
 *
 * A caller first asks every file; each that is not ready remembers the caller
 * in its selinfo.  An object has room for one caller; if there are more, it
 * wakes all that wait anywhere.  l_selflag says what happened between the
 * asking and the sleep.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/event.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/intr.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/select.h>
#include <sys/syscallargs.h>
#include <sys/time.h>
#include <sys/conf.h>
#include <sys/timevar.h>
#include <sys/vnode.h>

#include "vfs/select_impl.h"

/* l_selflag */
#define SEL_RESET	0		/* something is ready: look again */
#define SEL_SCANNING	1		/* asking */
#define SEL_BLOCKING	2		/* asleep */

static kmutex_t select_lock;
static kcondvar_t select_cv;

void
select_init(void)
{
	mutex_init(&select_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&select_cv, "select");
}

/* The driver's side. */

void
selinit(struct selinfo *sip)
{
	memset(sip, 0, sizeof(*sip));
	klist_init(&sip->sel_klist);
}

/* The object is not ready for this caller: tell him when it is. */
void
selrecord(struct lwp *selector, struct selinfo *sip)
{
	if (sip->sel_lwp == selector)
		return;
	if (sip->sel_lwp == NULL) {
		sip->sel_lwp = selector;
		SLIST_INSERT_HEAD(&selector->l_selwait, sip, sel_chain);
	} else {
		sip->sel_collision = 1;
	}
}

static void
select_wakeup(struct lwp *l)
{
	bool asleep = l->l_selflag == SEL_BLOCKING;

	l->l_selflag = SEL_RESET;
	if (asleep)
		cv_broadcast(&select_cv);
}

/* More callers than the object remembers: wake everybody who waits. */
static void
select_wakeup_all(void)
{
	struct lwp *l;

	LIST_FOREACH(l, &alllwp, l_list)
		if (l->l_selflag != SEL_RESET)
			l->l_selflag = SEL_RESET;
	cv_broadcast(&select_cv);
}

/* The object has become ready for EVENTS (0: for anything). */
void
selnotify(struct selinfo *sip, int events __unused, long knhint)
{
	KNOTE(&sip->sel_klist, knhint);
	if (__predict_false(sip->sel_collision != 0)) {
		sip->sel_collision = 0;
		select_wakeup_all();
	} else if (sip->sel_lwp != NULL) {
		select_wakeup(sip->sel_lwp);
	}
}

/* The object goes away; those who wait for it look again. */
void
seldestroy(struct selinfo *sip)
{
	struct lwp *l = sip->sel_lwp;

	if (l != NULL) {
		SLIST_REMOVE(&l->l_selwait, sip, selinfo, sel_chain);
		sip->sel_lwp = NULL;
		select_wakeup(l);
	}
	if (sip->sel_collision != 0)
		select_wakeup_all();
	klist_fini(&sip->sel_klist);
}

void
selrecord_knote(struct selinfo *sip, struct knote *kn)
{
	klist_insert(&sip->sel_klist, kn);
}

bool
selremove_knote(struct selinfo *sip, struct knote *kn)
{
	return klist_remove(&sip->sel_klist, kn);
}

static void
selclear(struct lwp *l)
{
	struct selinfo *sip;

	while ((sip = SLIST_FIRST(&l->l_selwait)) != NULL) {
		SLIST_REMOVE_HEAD(&l->l_selwait, sel_chain);
		sip->sel_lwp = NULL;
	}
	l->l_selflag = SEL_RESET;
}

/* The caller's side. */

typedef int (*select_scan)(void *, register_t *);

/* Ticks until TS have passed; 0 for "at once". */
static int
select_ticks(const struct timespec *ts)
{
	int64_t t;

	if (ts->tv_sec == 0 && ts->tv_nsec == 0)
		return 0;
	if (ts->tv_sec > INT32_MAX / hz - 2)
		return INT32_MAX;
	t = (int64_t)ts->tv_sec * hz +
	    howmany((int64_t)ts->tv_nsec * hz, 1000000000);
	return (int)t + 1;
}

/* Ask, and sleep until asking again may help. */
static int
select_common(select_scan scan, void *arg, struct timespec *ts,
    register_t *retval)
{
	struct lwp *l = curlwp;
	struct timespec start, now;
	int error, ticks = 0;

	if (ts != NULL) {
		if (ts->tv_sec < 0 || ts->tv_nsec < 0 ||
		    ts->tv_nsec >= 1000000000)
			return EINVAL;
		getnanouptime(&start);
	}
	for (;;) {
		l->l_selflag = SEL_SCANNING;
		error = (*scan)(arg, retval);
		if (error != 0 || *retval != 0)
			break;
		if (ts != NULL) {
			struct timespec left, spent;

			getnanouptime(&now);
			timespecsub(&now, &start, &spent);
			timespecsub(ts, &spent, &left);
			ticks = left.tv_sec < 0 ? 0 : select_ticks(&left);
			if (ticks == 0)
				break;
		}
		mutex_enter(&select_lock);
		if (l->l_selflag == SEL_SCANNING) {
			l->l_selflag = SEL_BLOCKING;
			while (error == 0 && l->l_selflag == SEL_BLOCKING)
				error = ts != NULL ? cv_timedwait_sig(
				    &select_cv, &select_lock, ticks) :
				    cv_wait_sig(&select_cv, &select_lock);
		}
		mutex_exit(&select_lock);
		selclear(l);
		if (error == EWOULDBLOCK)
			error = 0;	/* look once more, then time is up */
		if (error != 0)
			break;
	}
	selclear(l);
	return error == ERESTART ? EINTR : error;
}

/* poll */

struct poll_args {
	struct pollfd *fds;
	u_int nfds;
};

static int
poll_scan(void *arg, register_t *retval)
{
	struct poll_args *pa = arg;
	int n = 0;

	for (u_int i = 0; i < pa->nfds; i++) {
		struct pollfd *pfd = &pa->fds[i];
		file_t *fp;

		pfd->revents = 0;
		if (pfd->fd < 0)
			continue;
		fp = fd_getfile((u_int)pfd->fd);
		if (fp == NULL) {
			pfd->revents = POLLNVAL;
		} else {
			pfd->revents = (short)((*fp->f_ops->fo_poll)(fp,
			    pfd->events | POLLERR | POLLHUP) &
			    (pfd->events | POLLERR | POLLHUP));
			fd_putfile((u_int)pfd->fd);
		}
		if (pfd->revents != 0)
			n++;
	}
	*retval = n;
	return 0;
}

int
pollcommon(register_t *retval, struct pollfd *u_fds, u_int nfds,
    struct timespec *ts, sigset_t *mask)
{
	struct pollfd small[32];
	struct poll_args pa = { .fds = small, .nfds = nfds };
	size_t size = nfds * sizeof(struct pollfd);
	sigset_t before;
	int error;

	if (nfds > curlwp->l_proc->p_limit->pl_rlimit[RLIMIT_NOFILE].rlim_cur
	    + 1000)
		return EINVAL;
	if (nfds > __arraycount(small))
		pa.fds = kmem_alloc(size, KM_SLEEP);
	error = copyin(u_fds, pa.fds, size);
	if (mask != NULL)
		(void)sigprocmask1(curlwp, SIG_SETMASK, mask, &before);
	if (error == 0)
		error = select_common(poll_scan, &pa, ts, retval);
	if (mask != NULL)
		(void)sigprocmask1(curlwp, SIG_SETMASK, &before, NULL);
	if (error == 0)
		error = copyout(pa.fds, u_fds, size);
	if (pa.fds != small)
		kmem_free(pa.fds, size);
	return error;
}

int
sys_poll(struct lwp *l __unused, const struct sys_poll_args *uap,
    register_t *retval)
{
	int ms = SCARG(uap, timeout);
	struct timespec ts;

	if (ms < 0)
		return ms == INFTIM ? pollcommon(retval, SCARG(uap, fds),
		    SCARG(uap, nfds), NULL, NULL) : EINVAL;
	ts.tv_sec = ms / 1000;
	ts.tv_nsec = (long)(ms % 1000) * 1000000;
	return pollcommon(retval, SCARG(uap, fds), SCARG(uap, nfds), &ts,
	    NULL);
}

int
sys___pollts50(struct lwp *l __unused, const struct sys___pollts50_args *uap,
    register_t *retval)
{
	struct timespec ts, *tsp = NULL;
	int error;

	if (SCARG(uap, mask) != NULL)
		return ENOTSUP;		/* there are no signals to mask */
	if (SCARG(uap, ts) != NULL) {
		error = copyin(SCARG(uap, ts), &ts, sizeof(ts));
		if (error != 0)
			return error;
		tsp = &ts;
	}
	return pollcommon(retval, SCARG(uap, fds), SCARG(uap, nfds), tsp,
	    NULL);
}

/* select */

struct select_args {
	u_int nd;
	const uint32_t *want[3];	/* read, write, exceptional */
	uint32_t *have[3];
};

static const int select_events[3] = {
	POLLIN | POLLRDNORM | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLHUP | POLLERR,
	POLLPRI | POLLRDBAND,
};

static int
select_one(u_int fd, int events, int *revents)
{
	file_t *fp = fd_getfile(fd);

	if (fp == NULL)
		return EBADF;
	*revents = (*fp->f_ops->fo_poll)(fp, events);
	fd_putfile(fd);
	return 0;
}

static int
select_scan_sets(void *arg, register_t *retval)
{
	struct select_args *sa = arg;
	int error, n = 0;

	for (u_int fd = 0; fd < sa->nd; fd++) {
		uint32_t bit = 1U << (fd % NFDBITS);
		u_int word = fd / NFDBITS;
		int events = 0, revents;

		for (int s = 0; s < 3; s++)
			if (sa->want[s][word] & bit)
				events |= select_events[s];
		if (events == 0)
			continue;
		error = select_one(fd, events, &revents);
		if (error != 0)
			return error;
		for (int s = 0; s < 3; s++) {
			if ((sa->want[s][word] & bit) &&
			    (revents & select_events[s])) {
				sa->have[s][word] |= bit;
				n++;
			}
		}
	}
	*retval = n;
	return 0;
}

static int
selcommon(register_t *retval, int nd, void *in, void *ou, void *ex,
    struct timespec *ts)
{
	void *user[3] = { in, ou, ex };
	uint32_t buf[6 * FD_SETSIZE / NFDBITS], *bits = buf;
	struct select_args sa;
	size_t words, bytes;
	int error = 0;

	if (nd < 0)
		return EINVAL;
	nd = MIN(nd, (int)curlwp->l_fd->fd_dt->dt_nfiles);
	words = howmany((u_int)nd, NFDBITS);
	bytes = words * sizeof(uint32_t);
	if (words > FD_SETSIZE / NFDBITS)
		bits = kmem_alloc(6 * bytes, KM_SLEEP);
	memset(bits, 0, 6 * bytes);
	sa.nd = (u_int)nd;
	for (int s = 0; s < 3; s++) {
		sa.want[s] = bits + (size_t)s * words;
		sa.have[s] = bits + (size_t)(s + 3) * words;
		if (error == 0 && user[s] != NULL)
			error = copyin(user[s], bits + (size_t)s * words,
			    bytes);
	}
	if (error == 0)
		error = select_common(select_scan_sets, &sa, ts, retval);
	for (int s = 0; error == 0 && s < 3; s++)
		if (user[s] != NULL)
			error = copyout(sa.have[s], user[s], bytes);
	if (bits != buf)
		kmem_free(bits, 6 * bytes);
	return error;
}

int
sys___select50(struct lwp *l __unused, const struct sys___select50_args *uap,
    register_t *retval)
{
	struct timespec ts, *tsp = NULL;
	struct timeval tv;
	int error;

	if (SCARG(uap, tv) != NULL) {
		error = copyin(SCARG(uap, tv), &tv, sizeof(tv));
		if (error != 0)
			return error;
		TIMEVAL_TO_TIMESPEC(&tv, &ts);
		tsp = &ts;
	}
	return selcommon(retval, SCARG(uap, nd), SCARG(uap, in),
	    SCARG(uap, ou), SCARG(uap, ex), tsp);
}

int
sys___pselect50(struct lwp *l __unused,
    const struct sys___pselect50_args *uap, register_t *retval)
{
	struct timespec ts, *tsp = NULL;
	int error;

	if (SCARG(uap, mask) != NULL)
		return ENOTSUP;
	if (SCARG(uap, ts) != NULL) {
		error = copyin(SCARG(uap, ts), &ts, sizeof(ts));
		if (error != 0)
			return error;
		tsp = &ts;
	}
	return selcommon(retval, SCARG(uap, nd), SCARG(uap, in),
	    SCARG(uap, ou), SCARG(uap, ex), tsp);
}
