/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Work queues (workqueue(9)): a thread that does what others enqueue.
 *
 * An item's one word links it while it waits.  The thread takes the whole
 * queue at once and calls the function item by item; workqueue_wait() waits
 * until neither the queue nor the batch has the item any more.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/kmem.h>
#include <sys/kthread.h>
#include <sys/mutex.h>
#include <sys/queue.h>
#include <sys/workqueue.h>

struct wq_item {
	SIMPLEQ_ENTRY(wq_item) wi_link;
};
CTASSERT(sizeof(struct wq_item) == sizeof(struct work));
SIMPLEQ_HEAD(wq_items, wq_item);

struct workqueue {
	kmutex_t wq_lock;
	kcondvar_t wq_cv;		/* for the thread */
	kcondvar_t wq_done;		/* for those who wait for an item */
	struct	wq_items wq_pending;
	struct	wq_items wq_batch;	/* taken, not yet begun */
	struct	wq_item *wq_current;
	bool	wq_exit;
	void	(*wq_func)(struct work *, void *);
	void	*wq_arg;
	int	wq_flags;
	lwp_t	*wq_thread;
};

/* Run the batch.  The function may free its item, so that is unlinked first. */
static void
workqueue_run(struct workqueue *wq)
{
	struct wq_item *wi;

	while ((wi = SIMPLEQ_FIRST(&wq->wq_batch)) != NULL) {
		SIMPLEQ_REMOVE_HEAD(&wq->wq_batch, wi_link);
		wq->wq_current = wi;
		mutex_exit(&wq->wq_lock);
		(*wq->wq_func)((struct work *)wi, wq->wq_arg);
		mutex_enter(&wq->wq_lock);
		wq->wq_current = NULL;
		cv_broadcast(&wq->wq_done);
	}
}

static void
workqueue_thread(void *arg)
{
	struct workqueue *wq = arg;

	mutex_enter(&wq->wq_lock);
	for (;;) {
		if (SIMPLEQ_EMPTY(&wq->wq_pending)) {
			if (wq->wq_exit)
				break;
			cv_wait(&wq->wq_cv, &wq->wq_lock);
			continue;
		}
		SIMPLEQ_CONCAT(&wq->wq_batch, &wq->wq_pending);
		workqueue_run(wq);
	}
	mutex_exit(&wq->wq_lock);
	kthread_exit(0);
}

int
workqueue_create(struct workqueue **wqp, const char *name,
    void (*func)(struct work *, void *), void *arg, pri_t prio, int ipl,
    int flags)
{
	struct workqueue *wq = kmem_zalloc(sizeof(*wq), KM_SLEEP);
	int error, kflags = KTHREAD_MUSTJOIN;

	mutex_init(&wq->wq_lock, MUTEX_DEFAULT, ipl);
	cv_init(&wq->wq_cv, name);
	cv_init(&wq->wq_done, name);
	SIMPLEQ_INIT(&wq->wq_pending);
	SIMPLEQ_INIT(&wq->wq_batch);
	wq->wq_func = func;
	wq->wq_arg = arg;
	wq->wq_flags = flags;
	if ((flags & WQ_MPSAFE) != 0)
		kflags |= KTHREAD_MPSAFE;
	error = kthread_create(prio, kflags, NULL, workqueue_thread, wq,
	    &wq->wq_thread, "%s", name);
	if (error != 0) {
		cv_destroy(&wq->wq_cv);
		cv_destroy(&wq->wq_done);
		mutex_destroy(&wq->wq_lock);
		kmem_free(wq, sizeof(*wq));
		return error;
	}
	*wqp = wq;
	return 0;
}

/* What is enqueued is done first. */
void
workqueue_destroy(struct workqueue *wq)
{
	mutex_enter(&wq->wq_lock);
	wq->wq_exit = true;
	cv_signal(&wq->wq_cv);
	mutex_exit(&wq->wq_lock);
	(void)kthread_join(wq->wq_thread);
	cv_destroy(&wq->wq_cv);
	cv_destroy(&wq->wq_done);
	mutex_destroy(&wq->wq_lock);
	kmem_free(wq, sizeof(*wq));
}

void
workqueue_enqueue(struct workqueue *wq, struct work *work,
    struct cpu_info *ci)
{
	struct wq_item *wi = (struct wq_item *)work;

	KASSERT(ci == NULL || (wq->wq_flags & WQ_PERCPU) != 0);
	mutex_enter(&wq->wq_lock);
	KASSERT(!wq->wq_exit);
	SIMPLEQ_INSERT_TAIL(&wq->wq_pending, wi, wi_link);
	cv_signal(&wq->wq_cv);
	mutex_exit(&wq->wq_lock);
}

static bool
workqueue_has(const struct workqueue *wq, const struct wq_item *wanted)
{
	const struct wq_item *wi;

	if (wq->wq_current == wanted)
		return true;
	SIMPLEQ_FOREACH(wi, &wq->wq_pending, wi_link)
		if (wi == wanted)
			return true;
	SIMPLEQ_FOREACH(wi, &wq->wq_batch, wi_link)
		if (wi == wanted)
			return true;
	return false;
}

void
workqueue_wait(struct workqueue *wq, struct work *work)
{
	mutex_enter(&wq->wq_lock);
	/* The function may wait for its own item: it would for ever. */
	while (curlwp != wq->wq_thread &&
	    workqueue_has(wq, (struct wq_item *)work))
		cv_wait(&wq->wq_done, &wq->wq_lock);
	mutex_exit(&wq->wq_lock);
}
