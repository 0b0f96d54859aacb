/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Block transfers: on the spot where that takes no waiting, on the caller's
 * thread where the caller waits anyway, and else on helper threads, whose
 * completions go to the kernel's inbox.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define	IO_LINGER_SEC	5	/* a helper without work ends then */

#define	NB_EINPROGRESS	36	/* NetBSD's */

static struct hyp_bio *
io_next(struct hyp_kernel *k)
{
	struct timespec until;
	struct hyp_bio *b;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IO_LINGER_SEC;
	k->k_io_idle++;
	while (k->k_io_first == NULL && !k->k_io_stop) {
		if (pthread_cond_timedwait(&k->k_io_cond, &k->k_io_lock,
		    &until) == ETIMEDOUT)
			break;
	}
	k->k_io_idle--;
	b = k->k_io_first;
	if (b != NULL) {
		k->k_io_first = b->next;
		if (b->next == NULL)
			k->k_io_tail = &k->k_io_first;
		k->k_io_queued--;
	}
	return b;
}

/* A place to say what this thread is at; one is free. */
static struct io_work *
io_work_begin(struct hyp_kernel *k)
{
	struct io_work *w = k->k_io_work;

	while (w->tid != 0)
		w++;
	w->tid = (int)syscall(SYS_gettid);
	w->since = hyp_now_about();
	return w;
}

static void *
io_thread(void *arg)
{
	struct hyp_kernel *k = arg;
	struct io_work *work;
	struct hyp_bio *b;

	pthread_mutex_lock(&k->k_io_lock);
	while ((b = io_next(k)) != NULL) {
		work = io_work_begin(k);
		pthread_mutex_unlock(&k->k_io_lock);
		if (!cpu_dead(k))
			(void)hyp_block_execute(k, b);
		/* The memory stays until io_stop() has seen us end. */
		if (!cpu_dead(k))
			cpu_complete(k, b);
		pthread_mutex_lock(&k->k_io_lock);
		work->tid = 0;
	}
	k->k_io_threads--;
	pthread_cond_broadcast(&k->k_io_cond);
	pthread_mutex_unlock(&k->k_io_lock);
	return NULL;
}

/* Queue a transfer for the helpers. */
static int
io_queue(struct hyp_kernel *k, struct hyp_bio *b)
{
	pthread_t thread;
	int error = 0;

	pthread_mutex_lock(&k->k_io_lock);
	if (k->k_io_queued >= k->k_io_idle && k->k_io_threads < IO_THREADS) {
		error = fault_thread_create(&thread, io_thread, k);
		if (error == 0) {
			pthread_detach(thread);
			k->k_io_threads++;
		}
	}
	if (k->k_io_threads > 0) {
		b->next = NULL;
		*k->k_io_tail = b;
		k->k_io_tail = &b->next;
		k->k_io_queued++;
		pthread_cond_signal(&k->k_io_cond);
		error = 0;
	}
	pthread_mutex_unlock(&k->k_io_lock);
	return error;
}

/*
 * The transfer on this thread, with the CPU released.  If a signal handler
 * raised meanwhile, that is no failure of the device: once more.
 */
static void
io_here(struct hyp_kernel *k, struct hyp_bio *b)
{
	struct hyp_door *d = hyp_top;
	uint64_t before;

	hyp_give(k, "block_submit");
	before = d->d_exception;
	(void)hyp_block_execute(k, b);
	if (unlikely(fork_is_child(k)))
		hyp_take(k);		/* does not return */
	if (b->error != 0 && d->d_interrupted && d->d_exception != before)
		(void)hyp_block_execute(k, b);
	d->d_interrupted = false;
	hyp_take(k);
}

int
hypercall_block_submit(struct hyp_kernel *k, struct hyp_bio *b)
{
	int error = hyp_block_try(k, b);

	k->k_shared->sh_seq++;		/* progress, for the watchdog */
	if (error != EAGAIN)
		return 0;
	if ((b->flags & HYP_BIO_WAIT) != 0 && k->k_cpu != NULL &&
	    k->k_cpu->cpu_curlwp == k->k_cpu->cpu_home &&
	    k->k_cpu->cpu_nosleep == 0 && !hyp_top->d_host->h_idle) {
		io_here(k, b);
		return 0;
	}
	error = io_queue(k, b);
	if (error == 0)
		return NB_EINPROGRESS;
	b->error = ENOMEM;	/* no thread: the same number in NetBSD */
	b->resid = b->length;
	return 0;
}

/* After io_stop(): the kernel lives again. */
void
io_restart(struct hyp_kernel *k)
{

	pthread_mutex_lock(&k->k_io_lock);
	k->k_io_stop = false;
	pthread_mutex_unlock(&k->k_io_lock);
}

/* Whether transfers are waiting or in progress. */
bool
io_busy(struct hyp_kernel *k)
{
	bool busy;

	pthread_mutex_lock(&k->k_io_lock);
	busy = k->k_io_queued > 0 || k->k_io_threads > k->k_io_idle;
	pthread_mutex_unlock(&k->k_io_lock);
	return busy;
}

/* The transfers in progress, as hyp_waiting() has them; how many. */
int
io_waiting(struct hyp_kernel *k, struct hyp_waiting *out, int room)
{
	const int64_t now = hyp_now_about();
	int i, n = 0;

	pthread_mutex_lock(&k->k_io_lock);
	for (i = 0; i < IO_THREADS && n < room; i++) {
		if (k->k_io_work[i].tid == 0)
			continue;
		memset(&out[n], 0, sizeof(out[n]));
		out[n].tid = k->k_io_work[i].tid;
		out[n].ns = now - k->k_io_work[i].since;
		strcpy(out[n].call, "block_submit");
		n++;
	}
	pthread_mutex_unlock(&k->k_io_lock);
	return n;
}

/* Called when the kernel is dead: end the helpers. */
bool
io_stop(struct hyp_kernel *k, int timeout_ms)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= NS_PER_SEC) {
		until.tv_sec++;
		until.tv_nsec -= NS_PER_SEC;
	}
	pthread_mutex_lock(&k->k_io_lock);
	k->k_io_stop = true;
	k->k_io_first = NULL;
	k->k_io_tail = &k->k_io_first;
	k->k_io_queued = 0;
	pthread_cond_broadcast(&k->k_io_cond);
	while (k->k_io_threads > 0 && pthread_cond_timedwait(&k->k_io_cond,
	    &k->k_io_lock, &until) == 0)
		continue;
	done = k->k_io_threads == 0;
	pthread_mutex_unlock(&k->k_io_lock);
	return done;
}
