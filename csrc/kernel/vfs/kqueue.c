/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kqueue(2): queues of events.
 *
 * A knote ties a condition (an identity and a filter) to a queue.  Its filter
 * is asked (f_event) when the object reports (knote) and again when the queue
 * is read, so that what is told is still true.  The question may sleep when
 * the queue asks; the knote is busy meanwhile and is not freed.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/condvar.h>
#include <sys/conf.h>
#include <sys/event.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/filio.h>
#include <sys/intr.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscallargs.h>
#include <sys/time.h>
#include <sys/timevar.h>
#include <sys/vnode.h>

#include "vfs/kqueue.h"

#define KQ_BATCH	16		/* changes copied in at once */

struct kqueue {
	TAILQ_HEAD(, knote) kq_ready;	/* by kn_tqe */
	SLIST_HEAD(, knote) kq_others;	/* not of descriptors, by kn_link */
	struct selinfo kq_sel;
	kmutex_t kq_lock;		/* only for kq_cv */
	kcondvar_t kq_cv;		/* something is ready */
	int kq_count;			/* knotes on kq_ready */
	filedesc_t *kq_fdp;		/* whose descriptors these are */
	bool kq_closed;
};

static kmutex_t kn_lock;		/* only for kn_cv */
static kcondvar_t kn_cv;		/* a knote is no longer busy */

void
kqueue_init(void)
{
	mutex_init(&kn_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&kn_cv, "knbusy");
}

/* The queue of those that are ready. */

static void
knote_enqueue(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;

	if (kn->kn_status & KN_QUEUED)
		return;
	kn->kn_status |= KN_QUEUED;
	TAILQ_INSERT_TAIL(&kq->kq_ready, kn, kn_tqe);
	kq->kq_count++;
	cv_broadcast(&kq->kq_cv);
	selnotify(&kq->kq_sel, POLLIN | POLLRDNORM, 0);
}

static void
knote_dequeue(struct knote *kn)
{
	if ((kn->kn_status & KN_QUEUED) == 0)
		return;
	kn->kn_status &= ~(uint32_t)KN_QUEUED;
	TAILQ_REMOVE(&kn->kn_kq->kq_ready, kn, kn_tqe);
	kn->kn_kq->kq_count--;
}

static void
knote_activate(struct knote *kn)
{
	if (kn->kn_status & (KN_DETACHED | KN_WILLDETACH))
		return;
	kn->kn_status |= KN_ACTIVE;
	if ((kn->kn_status & KN_DISABLED) == 0)
		knote_enqueue(kn);
}

/* The object's side. */

/* Something has happened to the object that these knotes watch. */
void
knote(struct klist *list, long hint)
{
	struct knote *kn, *next;

	SLIST_FOREACH_SAFE(kn, list, kn_selnext, next)
		if ((*kn->kn_fop->f_event)(kn, hint))
			knote_activate(kn);
}

void
knote_set_eof(struct knote *kn, uint32_t flags)
{
	kn->kn_flags |= EV_EOF | flags;
}

void
knote_clear_eof(struct knote *kn)
{
	kn->kn_flags &= ~(uint32_t)EV_EOF;
}

void
klist_init(struct klist *list)
{
	SLIST_INIT(list);
}

void
klist_fini(struct klist *list)
{
	KASSERT(SLIST_EMPTY(list));
}

void
klist_insert(struct klist *list, struct knote *kn)
{
	SLIST_INSERT_HEAD(list, kn, kn_selnext);
}

/* True if the list is empty now. */
bool
klist_remove(struct klist *list, struct knote *kn)
{
	SLIST_REMOVE(list, kn, knote, kn_selnext);
	return SLIST_EMPTY(list);
}

/* Which events of a vnode a knote must hear of. */
static long
vn_knote_interest(const struct knote *kn)
{
	if (kn->kn_filter == EVFILT_VNODE)
		return (long)kn->kn_sfflags | NOTE_REVOKE;
	return NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_REVOKE;
}

void
vn_knote_attach(struct vnode *vp, struct knote *kn)
{
	mutex_enter(vp->v_interlock);
	vp->v_klist->vk_interest |= vn_knote_interest(kn);
	klist_insert(&vp->v_klist->vk_klist, kn);
	mutex_exit(vp->v_interlock);
}

void
vn_knote_detach(struct vnode *vp, struct knote *kn)
{
	struct knote *other;
	long interest = 0;

	mutex_enter(vp->v_interlock);
	(void)klist_remove(&vp->v_klist->vk_klist, kn);
	SLIST_FOREACH(other, &vp->v_klist->vk_klist, kn_selnext)
		interest |= vn_knote_interest(other);
	vp->v_klist->vk_interest = interest;
	mutex_exit(vp->v_interlock);
}

/* Devices that are always ready. */

static int
filt_seltrue(struct knote *kn, long hint)
{
	kn->kn_data = 0;
	return 1;
}

static void
filt_nodetach(struct knote *kn)
{
	/* It stands in no list. */
}

const struct filterops seltrue_filtops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = filt_nodetach,
	.f_event = filt_seltrue,
};

int
seltrue_kqfilter(dev_t dev, struct knote *kn)
{
	if (kn->kn_filter != EVFILT_READ && kn->kn_filter != EVFILT_WRITE)
		return EINVAL;
	kn->kn_fop = &seltrue_filtops;
	return 0;
}

/* EVFILT_TIMER: kn_sdata is the period in ticks, kn_data counts. */

static int
timer_ticks(const struct knote *kn, int64_t value, int *ticks)
{
	static const int64_t nsec[] = { 1000000, 1000000000, 1000, 1 };
	int64_t ns;

	if (value < 0 || (kn->kn_sfflags & ~(NOTE_TIMER_UNITMASK)) != 0)
		return EINVAL;
	if (__builtin_mul_overflow(value,
	    nsec[kn->kn_sfflags & NOTE_TIMER_UNITMASK], &ns))
		return EINVAL;
	ns = howmany(ns, 1000000000 / hz);
	*ticks = (int)MAX(1, MIN(ns, INT32_MAX));
	return 0;
}

static void
filt_timerexpire(void *arg)
{
	struct knote *kn = arg;

	kn->kn_data++;
	knote_activate(kn);
	if ((kn->kn_flags & EV_ONESHOT) == 0)
		callout_schedule(kn->kn_hook, (int)kn->kn_sdata);
}

static int
filt_timerattach(struct knote *kn)
{
	callout_t *c;
	int error, ticks;

	error = timer_ticks(kn, (int64_t)kn->kn_sdata, &ticks);
	if (error != 0)
		return error;
	kn->kn_sdata = (uintptr_t)ticks;
	kn->kn_data = 0;
	kn->kn_flags |= EV_CLEAR;
	c = kmem_alloc(sizeof(*c), KM_SLEEP);
	callout_init(c, CALLOUT_MPSAFE);
	kn->kn_hook = c;
	callout_reset(c, ticks, filt_timerexpire, kn);
	return 0;
}

static void
filt_timerdetach(struct knote *kn)
{
	callout_t *c = kn->kn_hook;

	callout_halt(c, NULL);
	callout_destroy(c);
	kmem_free(c, sizeof(*c));
}

static int
filt_timer(struct knote *kn, long hint)
{
	return kn->kn_data != 0;
}

static const struct filterops timer_filtops = {
	.f_flags = FILTEROP_MPSAFE,
	.f_attach = filt_timerattach,
	.f_detach = filt_timerdetach,
	.f_event = filt_timer,
};

/* EVFILT_USER: kn_hookid is "triggered". */

static int
filt_userattach(struct knote *kn)
{
	kn->kn_hookid = (kn->kn_fflags & NOTE_TRIGGER) != 0;
	kn->kn_fflags &= NOTE_FFLAGSMASK;
	kn->kn_sfflags &= NOTE_FFLAGSMASK;
	return 0;
}

static int
filt_user(struct knote *kn, long hint)
{
	kn->kn_fflags = kn->kn_sfflags;
	return kn->kn_hookid;
}

/* A later kevent(2) for the same knote: new flags, or the trigger. */
static void
filt_usertouch(struct knote *kn, const struct kevent *kev)
{
	uint32_t value = kev->fflags & NOTE_FFLAGSMASK;

	if (kev->fflags & NOTE_TRIGGER)
		kn->kn_hookid = 1;
	switch (kev->fflags & NOTE_FFCTRLMASK) {
	case NOTE_FFAND:
		kn->kn_sfflags &= value;
		break;
	case NOTE_FFOR:
		kn->kn_sfflags |= value;
		break;
	case NOTE_FFCOPY:
		kn->kn_sfflags = value;
		break;
	default:
		break;
	}
	kn->kn_sdata = (uintptr_t)kev->data;
	if (kev->flags & EV_CLEAR) {
		kn->kn_hookid = 0;
		kn->kn_data = 0;
		kn->kn_fflags = 0;
	}
}

static const struct filterops user_filtops = {
	.f_flags = FILTEROP_MPSAFE,
	.f_attach = filt_userattach,
	.f_detach = filt_nodetach,
	.f_event = filt_user,
};

/* EVFILT_READ and EVFILT_WRITE of whatever a descriptor is. */

static int
filt_fileattach(struct knote *kn)
{
	file_t *fp = kn->kn_obj;

	return (*fp->f_ops->fo_kqfilter)(fp, kn);
}

static const struct filterops file_filtops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_attach = filt_fileattach,
};

static const struct filterops *
filter_of(uint32_t filter)
{
	switch (filter) {
	case EVFILT_READ:
	case EVFILT_WRITE:
	case EVFILT_VNODE:
		return &file_filtops;
	case EVFILT_TIMER:
		return &timer_filtops;
	case EVFILT_USER:
		return &user_filtops;
	default:
		return NULL;
	}
}

/* Knotes. */

/* Ask; the knote stays although this may sleep. */
static int
knote_ask(struct knote *kn)
{
	int result;

	kn->kn_status |= KN_BUSY;
	result = (*kn->kn_fop->f_event)(kn, 0);
	kn->kn_status &= ~(uint32_t)KN_BUSY;
	if (kn->kn_status & KN_WILLDETACH)
		cv_broadcast(&kn_cv);
	return result;
}

static void
knote_free(struct knote *kn)
{
	KASSERT((kn->kn_status & KN_QUEUED) == 0);
	kmem_free(kn, sizeof(*kn));
}

/* Take a knote off everything and free it; somebody may be at it already. */
static void
knote_drop(struct knote *kn)
{
	struct kqueue *kq = kn->kn_kq;
	fdfile_t *ff;

	if (kn->kn_status & KN_WILLDETACH)
		return;
	kn->kn_status |= KN_WILLDETACH;
	mutex_enter(&kn_lock);
	while (kn->kn_status & KN_BUSY)
		cv_wait(&kn_cv, &kn_lock);
	mutex_exit(&kn_lock);
	if ((kn->kn_status & KN_DETACHED) == 0)
		(*kn->kn_fop->f_detach)(kn);
	kn->kn_status |= KN_DETACHED;
	knote_dequeue(kn);
	if (filter_of(kn->kn_filter)->f_flags & FILTEROP_ISFD) {
		ff = kq->kq_fdp->fd_dt->dt_ff[kn->kn_id];
		SLIST_REMOVE(&ff->ff_knlist, kn, knote, kn_link);
	} else {
		SLIST_REMOVE(&kq->kq_others, kn, knote, kn_link);
	}
	knote_free(kn);
}

/* A descriptor is closed: nobody can watch it any more. */
void
knote_fdclose(fdfile_t *ff)
{
	struct knote *kn;

	while ((kn = SLIST_FIRST(&ff->ff_knlist)) != NULL)
		knote_drop(kn);
}

static struct knote *
knote_find(struct kqueue *kq, const struct kevent *kev, fdfile_t *ff)
{
	struct knote *kn;

	if (ff != NULL) {
		SLIST_FOREACH(kn, &ff->ff_knlist, kn_link)
			if (kn->kn_kq == kq && kn->kn_filter == kev->filter)
				return kn;
		return NULL;
	}
	SLIST_FOREACH(kn, &kq->kq_others, kn_link)
		if (kn->kn_filter == kev->filter && kn->kn_id == kev->ident)
			return kn;
	return NULL;
}

static int
knote_create(struct kqueue *kq, const struct kevent *kev,
    const struct filterops *fops, fdfile_t *ff, file_t *fp,
    struct knote **knp)
{
	struct knote *kn = kmem_zalloc(sizeof(*kn), KM_SLEEP);
	int error;

	kn->kn_kq = kq;
	kn->kn_kevent = *kev;
	kn->kn_flags &= ~(uint32_t)(EV_ADD | EV_DELETE | EV_ENABLE |
	    EV_RECEIPT | EV_ERROR);
	kn->kn_sfflags = kev->fflags;
	kn->kn_sdata = (uintptr_t)kev->data;
	kn->kn_fflags = kev->filter == EVFILT_USER ? kev->fflags : 0;
	kn->kn_data = 0;
	kn->kn_obj = fp;
	kn->kn_fop = fops;
	if (ff != NULL)
		SLIST_INSERT_HEAD(&ff->ff_knlist, kn, kn_link);
	else
		SLIST_INSERT_HEAD(&kq->kq_others, kn, kn_link);
	kn->kn_status |= KN_BUSY;
	error = (*fops->f_attach)(kn);
	kn->kn_status &= ~(uint32_t)KN_BUSY;
	if (error != 0) {
		kn->kn_status |= KN_DETACHED;
		knote_drop(kn);
		return error;
	}
	*knp = kn;
	return 0;
}

/* What an existing knote takes over from a change. */
static void
knote_update(struct knote *kn, const struct kevent *kev)
{
	if (kev->filter == EVFILT_USER) {
		filt_usertouch(kn, kev);
	} else if (kev->filter != EVFILT_TIMER) {
		kn->kn_sfflags = kev->fflags;
		kn->kn_sdata = (uintptr_t)kev->data;
		if (kev->filter == EVFILT_VNODE)
			((struct vnode *)kn->kn_hook)->v_klist->vk_interest |=
			    vn_knote_interest(kn);
	}
	kn->kn_kevent.udata = kev->udata;
}

static int
kqueue_change(struct kqueue *kq, const struct kevent *kev,
    const struct filterops *fops, fdfile_t *ff, file_t *fp)
{
	struct knote *kn = knote_find(kq, kev, ff);
	int error;

	if (kn == NULL && (kev->flags & EV_ADD) == 0)
		return ENOENT;
	if (kev->flags & EV_DELETE) {
		knote_drop(kn);
		return 0;
	}
	if (kn == NULL) {
		error = knote_create(kq, kev, fops, ff, fp, &kn);
		if (error != 0)
			return error;
	} else {
		knote_update(kn, kev);
	}
	if (kev->flags & EV_DISABLE) {
		kn->kn_status |= KN_DISABLED;
		knote_dequeue(kn);
	} else if (kev->flags & EV_ENABLE) {
		kn->kn_status &= ~(uint32_t)KN_DISABLED;
	}
	if (knote_ask(kn))
		knote_activate(kn);
	return 0;
}

static int
kqueue_register(struct kqueue *kq, const struct kevent *kev)
{
	const struct filterops *fops = filter_of(kev->filter);
	filedesc_t *fdp = curlwp->l_fd;
	fdfile_t *ff = NULL;
	file_t *fp = NULL;
	int error;

	if (fops == NULL)
		return EINVAL;
	if (fops->f_flags & FILTEROP_ISFD) {
		if (kev->ident > INT32_MAX)
			return EBADF;
		fp = fd_getfile((u_int)kev->ident);
		if (fp == NULL)
			return EBADF;
		ff = fdp->fd_dt->dt_ff[kev->ident];
	}
	error = kqueue_change(kq, kev, fops, ff, fp);
	if (fp != NULL)
		fd_putfile((u_int)kev->ident);
	return error;
}

/* Reading the queue. */

/* One event that is still true into *KEV; false: there was none. */
static bool
kqueue_take(struct kqueue *kq, struct knote *kn, struct kevent *kev)
{
	bool drop = false;

	knote_dequeue(kn);
	if (kn->kn_status & KN_DISABLED)
		return false;
	if ((kn->kn_flags & EV_ONESHOT) == 0 && !knote_ask(kn)) {
		kn->kn_status &= ~(uint32_t)KN_ACTIVE;
		return false;
	}
	*kev = kn->kn_kevent;
	if (kn->kn_flags & EV_ONESHOT) {
		drop = true;
	} else if (kn->kn_flags & (EV_CLEAR | EV_DISPATCH)) {
		if (kn->kn_flags & EV_CLEAR) {
			kn->kn_data = 0;
			kn->kn_fflags = 0;
			if (kn->kn_filter == EVFILT_USER)
				kn->kn_hookid = 0;
		}
		if (kn->kn_flags & EV_DISPATCH)
			kn->kn_status |= KN_DISABLED;
		kn->kn_status &= ~(uint32_t)KN_ACTIVE;
	} else {
		knote_enqueue(kn);	/* it stays until it is not true */
	}
	if (drop)
		knote_drop(kn);
	return true;
}

/* Sleep until something is ready; EWOULDBLOCK when the time is up. */
static int
kqueue_wait(struct kqueue *kq, const struct timespec *end)
{
	struct timespec now, left;
	int error = 0, ticks = 0;

	if (end != NULL) {
		getnanouptime(&now);
		timespecsub(end, &now, &left);
		if (left.tv_sec < 0 || (left.tv_sec == 0 &&
		    left.tv_nsec == 0))
			return EWOULDBLOCK;
		ticks = left.tv_sec > INT32_MAX / hz / 2 ? INT32_MAX :
		    (int)(left.tv_sec * hz +
		    howmany(left.tv_nsec * hz, 1000000000)) + 1;
	}
	mutex_enter(&kq->kq_lock);
	if (kq->kq_count == 0 && !kq->kq_closed)
		error = end != NULL ? cv_timedwait_sig(&kq->kq_cv,
		    &kq->kq_lock, ticks) : cv_wait_sig(&kq->kq_cv,
		    &kq->kq_lock);
	mutex_exit(&kq->kq_lock);
	if (kq->kq_closed)
		return EBADF;
	return error;
}

/*
 * What kevent(2) exchanges is NetBSD 10's structure, whichever release the
 * kernel's own one is of.
 */
struct kevent100 {
	uintptr_t ident;
	uint32_t filter;
	uint32_t flags;
	uint32_t fflags;
	int64_t data;
	void *udata;
};

static void
kevent_in(const struct kevent100 *user, struct kevent *kev)
{

	memset(kev, 0, sizeof(*kev));
	kev->ident = user->ident;
	kev->filter = user->filter;
	kev->flags = user->flags & ~(uint32_t)EV_SYSFLAGS;
	kev->fflags = user->fflags;
	kev->data = user->data;
	kev->udata = user->udata;
}

static int
kevent_out(const struct kevent *kev, struct kevent100 *user)
{
	struct kevent100 out = {
		.ident = kev->ident,
		.filter = kev->filter,
		.flags = kev->flags,
		.fflags = kev->fflags,
		.data = kev->data,
		.udata = kev->udata,
	};

	return copyout(&out, user, sizeof(out));
}

/* Up to MAX events, waiting until END for the first. */
static int
kqueue_scan(struct kqueue *kq, struct kevent100 *user, size_t max,
    const struct timespec *end, register_t *retval)
{
	struct kevent kev;
	size_t n = 0;
	int error = 0;

	while (max > 0) {
		/* Each of those that are queued now gets one look. */
		for (int look = kq->kq_count; look > 0 && n < max &&
		    error == 0; look--) {
			struct knote *kn = TAILQ_FIRST(&kq->kq_ready);

			if (kn == NULL)
				break;
			if (!kqueue_take(kq, kn, &kev))
				continue;
			error = kevent_out(&kev, user + n);
			n++;
		}
		if (n > 0 || error != 0)
			break;
		error = kqueue_wait(kq, end);
		if (error == EWOULDBLOCK && kq->kq_count > 0)
			error = 0;
		if (error != 0)
			break;
	}
	if (error == EWOULDBLOCK)
		error = 0;
	*retval = (register_t)n;
	return error == ERESTART ? EINTR : error;
}

/* kqueue as a file. */

static int
kqueue_ioctl(file_t *fp, u_long com, void *data)
{
	switch (com) {
	case FIONBIO:
	case FIOASYNC:
		return 0;
	default:
		return ENOTTY;
	}
}

static int
kqueue_poll(file_t *fp, int events)
{
	struct kqueue *kq = fp->f_kqueue;
	int revents = 0;

	if (events & (POLLIN | POLLRDNORM)) {
		if (kq->kq_count > 0)
			revents |= events & (POLLIN | POLLRDNORM);
		else
			selrecord(curlwp, &kq->kq_sel);
	}
	return revents;
}

static int
kqueue_stat(file_t *fp, struct stat *sb)
{
	memset(sb, 0, sizeof(*sb));
	sb->st_size = ((struct kqueue *)fp->f_kqueue)->kq_count;
	sb->st_blksize = sizeof(struct kevent100);
	sb->st_mode = S_IFIFO;
	return 0;
}

static void
kqueue_drop_descriptors(struct kqueue *kq)
{
	filedesc_t *fdp = kq->kq_fdp;
	struct knote *kn, *next;

	for (int fd = 0; fd <= fdp->fd_lastfile; fd++) {
		fdfile_t *ff = fdp->fd_dt->dt_ff[fd];

		if (ff == NULL)
			continue;
		SLIST_FOREACH_SAFE(kn, &ff->ff_knlist, kn_link, next)
			if (kn->kn_kq == kq)
				knote_drop(kn);
	}
}

static int
kqueue_close(file_t *fp)
{
	struct kqueue *kq = fp->f_kqueue;
	struct knote *kn;

	kqueue_drop_descriptors(kq);
	while ((kn = SLIST_FIRST(&kq->kq_others)) != NULL)
		knote_drop(kn);
	KASSERT(kq->kq_count == 0);
	seldestroy(&kq->kq_sel);
	cv_destroy(&kq->kq_cv);
	mutex_destroy(&kq->kq_lock);
	kmem_free(kq, sizeof(*kq));
	return 0;
}

/* Another call closes the descriptor: let those who wait here go. */
static void
kqueue_restart(file_t *fp)
{
	struct kqueue *kq = fp->f_kqueue;

	kq->kq_closed = true;
	cv_broadcast(&kq->kq_cv);
}

static const struct fileops kqueue_ops = {
	.fo_name = "kqueue",
	.fo_read = fbadop_read,
	.fo_write = fbadop_write,
	.fo_ioctl = kqueue_ioctl,
	.fo_fcntl = fnullop_fcntl,
	.fo_poll = kqueue_poll,
	.fo_stat = kqueue_stat,
	.fo_close = kqueue_close,
	.fo_kqfilter = fnullop_kqfilter,
	.fo_restart = kqueue_restart,
};

/* System calls. */

static int
kqueue_make(struct lwp *l, int flags, register_t *retval)
{
	struct kqueue *kq;
	file_t *fp;
	int error, fd;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_NOSIGPIPE))
		return EINVAL;
	error = fd_allocfile(&fp, &fd);
	if (error != 0)
		return error;
	kq = kmem_zalloc(sizeof(*kq), KM_SLEEP);
	TAILQ_INIT(&kq->kq_ready);
	SLIST_INIT(&kq->kq_others);
	selinit(&kq->kq_sel);
	mutex_init(&kq->kq_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&kq->kq_cv, "kqueue");
	kq->kq_fdp = l->l_fd;
	fp->f_flag = FREAD | FWRITE | (flags & (FNONBLOCK | FNOSIGPIPE));
	fp->f_type = DTYPE_KQUEUE;
	fp->f_ops = &kqueue_ops;
	fp->f_kqueue = kq;
	fd_set_exclose(l, fd, (flags & O_CLOEXEC) != 0);
	fd_affix(l->l_proc, fp, (u_int)fd);
	*retval = fd;
	return 0;
}

int
sys_kqueue(struct lwp *l, const struct sys_kqueue_args *uap,
    register_t *retval)
{
	return kqueue_make(l, 0, retval);
}

int
sys_kqueue1(struct lwp *l, const struct sys_kqueue1_args *uap,
    register_t *retval)
{
	return kqueue_make(l, SCARG(uap, flags), retval);
}

/*
 * Make the changes.  What goes wrong with one is told in an event, as long as
 * there is room for events; *DONE of them.
 */
static int
kevent_changes(struct kqueue *kq, const struct kevent100 *changes, size_t n,
    struct kevent100 *events, size_t room, size_t *done)
{
	struct kevent100 user[KQ_BATCH];
	struct kevent kev;
	size_t batch;
	int error, cerror;

	*done = 0;
	for (; n > 0; n -= batch, changes += batch) {
		batch = MIN(n, (size_t)KQ_BATCH);
		error = copyin(changes, user, batch * sizeof(user[0]));
		if (error != 0)
			return error;
		for (size_t i = 0; i < batch; i++) {
			kevent_in(&user[i], &kev);
			cerror = kqueue_register(kq, &kev);
			if (cerror == 0 && (kev.flags & EV_RECEIPT) == 0)
				continue;
			if (*done == room)
				return cerror;
			kev.flags = EV_ERROR;
			kev.data = cerror;
			error = kevent_out(&kev, events + (*done)++);
			if (error != 0)
				return error;
		}
	}
	return 0;
}

static int
kevent_file(file_t *fp, const struct sys___kevent50_args *uap,
    register_t *retval)
{
	struct kevent100 *events = (void *)SCARG(uap, eventlist);
	struct timespec ts, now, *end = NULL;
	size_t done;
	int error;

	if (SCARG(uap, timeout) != NULL) {
		error = copyin(SCARG(uap, timeout), &ts, sizeof(ts));
		if (error != 0)
			return error;
		if (ts.tv_sec < 0 || ts.tv_nsec < 0 ||
		    ts.tv_nsec >= 1000000000)
			return EINVAL;
		getnanouptime(&now);
		timespecadd(&ts, &now, &ts);
		end = &ts;
	}
	error = kevent_changes(fp->f_kqueue,
	    (const void *)SCARG(uap, changelist),
	    SCARG(uap, nchanges), events, SCARG(uap, nevents), &done);
	if (error != 0 || done > 0) {
		*retval = (register_t)done;
		return error;
	}
	return kqueue_scan(fp->f_kqueue, events, SCARG(uap, nevents), end,
	    retval);
}

int
sys___kevent50(struct lwp *l, const struct sys___kevent50_args *uap,
    register_t *retval)
{
	int fd = SCARG(uap, fd), error = EBADF;
	file_t *fp = fd_getfile((u_int)fd);

	if (fp == NULL)
		return EBADF;
	if (fp->f_type == DTYPE_KQUEUE)
		error = kevent_file(fp, uap, retval);
	fd_putfile((u_int)fd);
	return error;
}
