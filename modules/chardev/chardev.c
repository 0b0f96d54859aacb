/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chardev: a character device that is a queue of bytes, as an example of a
 * driver in a module.
 *
 * There are CHARDEV_UNITS queues, independent of each other, under major
 * number CHARDEV_MAJOR; the minor number is the unit.  The module makes no
 * device nodes, as no NetBSD module does:
 *
 *	k.load("chardev")
 *	k.mknod("/dev/queue0", 0o666 | stat.S_IFCHR, os.makedev(351, 0))
 *	fd = k.open("/dev/queue0", os.O_RDWR | os.O_NONBLOCK)
 *
 * What is written comes out again in the order it went in.
 *	read	takes what is there; waits while there is nothing, or answers
 *		EAGAIN if the file is O_NONBLOCK.
 *	write	puts in everything, waiting for room as it goes; O_NONBLOCK
 *		puts in what fits, or answers EAGAIN if nothing does.
 *	poll	readable while there is something, writable while there is
 *		room; kqueue's EVFILT_READ and EVFILT_WRITE likewise.
 *	ioctl	FIONREAD: bytes inside.  QIOCGSIZE, QIOCSSIZE: the capacity.
 *		QIOCFLUSH: empty it.
 * A signal interrupts waiting with EINTR.  The bytes stay when the device is
 * closed, and go with the module, which refuses to leave while a queue is
 * open.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/conf.h>
#include <sys/event.h>
#include <sys/file.h>
#include <sys/filio.h>
#include <sys/intr.h>
#include <sys/kmem.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/poll.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include "chardev.h"

MODULE(MODULE_CLASS_DRIVER, chardev, NULL);

#define QUEUE_SIZE	4096

struct queue {
	kmutex_t q_lock;
	kcondvar_t q_readcv;
	kcondvar_t q_writecv;
	struct selinfo q_readsel;
	struct selinfo q_writesel;
	bool q_open;
	char *q_data;
	size_t q_size;			/* capacity */
	size_t q_head;			/* where the oldest byte is */
	size_t q_len;
};

static struct queue queues[CHARDEV_UNITS];

/* Wake whoever may go on now. */

static void
queue_filled(struct queue *q)
{
	cv_broadcast(&q->q_readcv);
	selnotify(&q->q_readsel, POLLIN | POLLRDNORM, NOTE_SUBMIT);
}

static void
queue_drained(struct queue *q)
{
	cv_broadcast(&q->q_writecv);
	selnotify(&q->q_writesel, POLLOUT | POLLWRNORM, NOTE_SUBMIT);
}

static struct queue *
queue_of(dev_t dev)
{
	return minor(dev) < CHARDEV_UNITS ? &queues[minor(dev)] : NULL;
}

static int
chardev_open(dev_t dev, int flags, int mode, struct lwp *l)
{
	struct queue *q = queue_of(dev);

	if (q == NULL)
		return ENXIO;
	q->q_open = true;
	return 0;
}

/* The last close of the device. */
static int
chardev_close(dev_t dev, int flags, int mode, struct lwp *l)
{
	queue_of(dev)->q_open = false;
	return 0;
}

/* Wait for a condition of the queue; q_lock is held. */
static int
queue_wait(struct queue *q, kcondvar_t *cv, int ioflag)
{
	if (ioflag & IO_NDELAY)
		return EWOULDBLOCK;
	return cv_wait_sig(cv, &q->q_lock);
}

static int
chardev_read(dev_t dev, struct uio *uio, int ioflag)
{
	struct queue *q = queue_of(dev);
	int error = 0;
	size_t n;

	mutex_enter(&q->q_lock);
	while (error == 0 && q->q_len == 0 && uio->uio_resid > 0)
		error = queue_wait(q, &q->q_readcv, ioflag);
	while (error == 0 && q->q_len > 0 && uio->uio_resid > 0) {
		n = MIN(MIN(q->q_len, q->q_size - q->q_head), uio->uio_resid);
		error = uiomove(q->q_data + q->q_head, n, uio);
		if (error == 0) {
			q->q_head = (q->q_head + n) % q->q_size;
			q->q_len -= n;
		}
	}
	queue_drained(q);
	mutex_exit(&q->q_lock);
	return error;
}

/* As much as fits now. */
static int
queue_put(struct queue *q, struct uio *uio)
{
	size_t tail, n;
	int error = 0;

	while (error == 0 && q->q_len < q->q_size && uio->uio_resid > 0) {
		tail = (q->q_head + q->q_len) % q->q_size;
		n = MIN(MIN(q->q_size - q->q_len, q->q_size - tail),
		    uio->uio_resid);
		error = uiomove(q->q_data + tail, n, uio);
		if (error == 0)
			q->q_len += n;
	}
	return error;
}

static int
chardev_write(dev_t dev, struct uio *uio, int ioflag)
{
	struct queue *q = queue_of(dev);
	size_t total = uio->uio_resid;
	int error = 0;

	mutex_enter(&q->q_lock);
	while (error == 0 && uio->uio_resid > 0) {
		if (q->q_len == q->q_size) {
			error = queue_wait(q, &q->q_writecv, ioflag);
			continue;
		}
		error = queue_put(q, uio);
		queue_filled(q);
	}
	mutex_exit(&q->q_lock);
	if (error == EWOULDBLOCK && uio->uio_resid < total)
		error = 0;		/* some of it went in */
	return error;
}

/* A new capacity, with the contents moved to the front. */
static int
queue_resize(struct queue *q, int size)
{
	char *data, *old;
	size_t oldsize;

	if (size < CHARDEV_MINSIZE || size > CHARDEV_MAXSIZE)
		return EINVAL;
	data = kmem_alloc((size_t)size, KM_SLEEP);
	mutex_enter(&q->q_lock);
	if (q->q_len > (size_t)size) {
		mutex_exit(&q->q_lock);
		kmem_free(data, (size_t)size);
		return EBUSY;
	}
	for (size_t i = 0; i < q->q_len; i++)
		data[i] = q->q_data[(q->q_head + i) % q->q_size];
	old = q->q_data;
	oldsize = q->q_size;
	q->q_data = data;
	q->q_size = (size_t)size;
	q->q_head = 0;
	queue_drained(q);
	mutex_exit(&q->q_lock);
	kmem_free(old, oldsize);
	return 0;
}

static int
chardev_ioctl(dev_t dev, u_long cmd, void *data, int flags, struct lwp *l)
{
	struct queue *q = queue_of(dev);

	switch (cmd) {
	case FIONBIO:
		return 0;		/* IO_NDELAY tells */
	case FIONREAD:
		*(int *)data = (int)q->q_len;
		return 0;
	case QIOCGSIZE:
		*(int *)data = (int)q->q_size;
		return 0;
	case QIOCSSIZE:
		if ((flags & FWRITE) == 0)
			return EBADF;
		return queue_resize(q, *(int *)data);
	case QIOCFLUSH:
		if ((flags & FWRITE) == 0)
			return EBADF;
		mutex_enter(&q->q_lock);
		q->q_head = q->q_len = 0;
		queue_drained(q);
		mutex_exit(&q->q_lock);
		return 0;
	default:
		return ENOTTY;
	}
}

static int
chardev_poll(dev_t dev, int events, struct lwp *l)
{
	struct queue *q = queue_of(dev);
	int revents = 0;

	mutex_enter(&q->q_lock);
	if (events & (POLLIN | POLLRDNORM)) {
		if (q->q_len > 0)
			revents |= events & (POLLIN | POLLRDNORM);
		else
			selrecord(l, &q->q_readsel);
	}
	if (events & (POLLOUT | POLLWRNORM)) {
		if (q->q_len < q->q_size)
			revents |= events & (POLLOUT | POLLWRNORM);
		else
			selrecord(l, &q->q_writesel);
	}
	mutex_exit(&q->q_lock);
	return revents;
}

/* kqueue */

static void
chardev_rdetach(struct knote *kn)
{
	struct queue *q = kn->kn_hook;

	mutex_enter(&q->q_lock);
	selremove_knote(&q->q_readsel, kn);
	mutex_exit(&q->q_lock);
}

static void
chardev_wdetach(struct knote *kn)
{
	struct queue *q = kn->kn_hook;

	mutex_enter(&q->q_lock);
	selremove_knote(&q->q_writesel, kn);
	mutex_exit(&q->q_lock);
}

/* With the hint of selnotify() the lock is held already. */

static int
chardev_revent(struct knote *kn, long hint)
{
	struct queue *q = kn->kn_hook;

	if ((hint & NOTE_SUBMIT) == 0)
		mutex_enter(&q->q_lock);
	kn->kn_data = (int64_t)q->q_len;
	if ((hint & NOTE_SUBMIT) == 0)
		mutex_exit(&q->q_lock);
	return kn->kn_data > 0;
}

static int
chardev_wevent(struct knote *kn, long hint)
{
	struct queue *q = kn->kn_hook;

	if ((hint & NOTE_SUBMIT) == 0)
		mutex_enter(&q->q_lock);
	kn->kn_data = (int64_t)(q->q_size - q->q_len);
	if ((hint & NOTE_SUBMIT) == 0)
		mutex_exit(&q->q_lock);
	return kn->kn_data > 0;
}

static const struct filterops chardev_rfiltops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = chardev_rdetach,
	.f_event = chardev_revent,
};
static const struct filterops chardev_wfiltops = {
	.f_flags = FILTEROP_ISFD | FILTEROP_MPSAFE,
	.f_detach = chardev_wdetach,
	.f_event = chardev_wevent,
};

static int
chardev_kqfilter(dev_t dev, struct knote *kn)
{
	struct queue *q = queue_of(dev);

	kn->kn_hook = q;
	mutex_enter(&q->q_lock);
	switch (kn->kn_filter) {
	case EVFILT_READ:
		kn->kn_fop = &chardev_rfiltops;
		selrecord_knote(&q->q_readsel, kn);
		break;
	case EVFILT_WRITE:
		kn->kn_fop = &chardev_wfiltops;
		selrecord_knote(&q->q_writesel, kn);
		break;
	default:
		mutex_exit(&q->q_lock);
		return EINVAL;
	}
	mutex_exit(&q->q_lock);
	return 0;
}

static const struct cdevsw chardev_cdevsw = {
	.d_open = chardev_open,
	.d_close = chardev_close,
	.d_read = chardev_read,
	.d_write = chardev_write,
	.d_ioctl = chardev_ioctl,
	.d_stop = nostop,
	.d_tty = notty,
	.d_poll = chardev_poll,
	.d_mmap = nommap,
	.d_kqfilter = chardev_kqfilter,
	.d_discard = nodiscard,
	.d_flag = D_OTHER | D_MPSAFE,
};

/* The module. */

static void
queue_init(struct queue *q)
{
	memset(q, 0, sizeof(*q));
	mutex_init(&q->q_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&q->q_readcv, "queuerd");
	cv_init(&q->q_writecv, "queuewr");
	selinit(&q->q_readsel);
	selinit(&q->q_writesel);
	q->q_size = QUEUE_SIZE;
	q->q_data = kmem_alloc(q->q_size, KM_SLEEP);
}

static void
queue_fini(struct queue *q)
{
	seldestroy(&q->q_readsel);
	seldestroy(&q->q_writesel);
	cv_destroy(&q->q_readcv);
	cv_destroy(&q->q_writecv);
	mutex_destroy(&q->q_lock);
	kmem_free(q->q_data, q->q_size);
}

static int
chardev_init(void)
{
	devmajor_t bmajor = -1, cmajor = CHARDEV_MAJOR;
	int error;

	for (int i = 0; i < CHARDEV_UNITS; i++)
		queue_init(&queues[i]);
	error = devsw_attach("chardev", NULL, &bmajor, &chardev_cdevsw,
	    &cmajor);
	if (error != 0) {
		for (int i = 0; i < CHARDEV_UNITS; i++)
			queue_fini(&queues[i]);
	}
	return error;
}

static int
chardev_fini(void)
{
	for (int i = 0; i < CHARDEV_UNITS; i++)
		if (queues[i].q_open)
			return EBUSY;
	devsw_detach(NULL, &chardev_cdevsw);
	for (int i = 0; i < CHARDEV_UNITS; i++)
		queue_fini(&queues[i]);
	return 0;
}

static int
chardev_modcmd(modcmd_t cmd, void *arg)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		return chardev_init();
	case MODULE_CMD_FINI:
		return chardev_fini();
	default:
		return ENOTTY;
	}
}
