/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Snapshots: a kernel brought to rest, kept, and brought back.
 *
 * A kernel is at rest when no door is open, no transfer is in progress and its
 * idle thread is parked; then all of it lies in its memory, and in the few
 * words of struct hyp_snapshot.  Contexts that sleep and callouts that are
 * armed are memory like everything else.
 *
 * The idle thread is the exception: it is inside at every snapshot, and what
 * its host stack knows of the kernel's is of the past that was left, not of
 * the one restored.  So it drops its kernel stack when it next gets the CPU
 * and begins kern_idle() again in the same context (door.c).  A thread that
 * waits at a door for the CPU has no part in the kernel yet and may go on
 * waiting.
 *
 * Monotonic time goes on from where the snapshot was taken, as a virtual clock
 * does; wall time is the host's.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "memory.h"
#include "snapshot.h"

#define	NAP_NS		50000

struct hyp_snapshot {
	struct mem_image	*s_image;
	uint64_t		s_serial;	/* of the kernel */
	int64_t			s_mono;
	int64_t			s_deadline;
	struct kern_context	*s_context;
	struct hyp_console_state s_console;
};

/*
 * The idle thread is parked and nothing will make it go on but time.  It may
 * have to restart then, as it will in this snapshot anyway.
 */
static bool
idle_rests(struct hyp_kernel *k)
{
	struct hyp_shared *sh = k->k_shared;
	struct hyp_host *h = atomic_load(&k->k_idle);

	return h != NULL && k->k_idle_context != NULL && h->h_parked &&
	    h->h_within && !h->h_queued &&
	    (atomic_load(&h->h_word) & W_STATE) == W_WAIT &&
	    !atomic_load(&h->h_posted) && !atomic_load(&h->h_due) &&
	    sh->sh_runnable == 0 && sh->sh_work == 0 && k->k_done == NULL &&
	    __atomic_load_n(&sh->sh_done, __ATOMIC_SEQ_CST) == NULL;
}

/* Why the kernel, whose CPU the caller has, is not at rest. */
static int
unrest(struct hyp_kernel *k, struct hyp_host *me, bool strictly)
{
	int why;

	if ((why = host_unrest(k, me)) != 0)
		return why;
	if (io_busy(k))
		return HYP_BUSY_IO;
	return strictly && !idle_rests(k) ? HYP_BUSY_WORK : 0;
}

int
hyp_snapshot_begin(struct hyp_kernel *k, int revive, int timeout_ms)
{
	const struct timespec nap = { 0, NAP_NS };
	const int64_t end = hyp_now() + timeout_ms * INT64_C(1000000);
	struct hyp_host *me;
	int why;

	if (fork_is_child(k))
		return HYP_ECHILD;
	if (hyp_thread_inside(k))
		return HYP_EDEADLK;
	if ((me = host_of_thread(k)) == NULL)
		return HYP_EHOST;
	for (;;) {
		if (cpu_dead(k))
			why = revive ? kernel_exhume(k, timeout_ms) :
			    kernel_epitaph(k);
		else if (!door_seize(k, timeout_ms))
			why = cpu_dead(k) ? 0 : HYP_BUSY_INSIDE;
		else if ((why = unrest(k, me, !revive)) != 0)
			cpu_leave_slow(k, me);
		else
			break;
		if (cpu_dead(k) && (why != 0 || k->k_exhumed))
			break;
		if (why != 0 && hyp_now() >= end)
			break;
		nanosleep(&nap, NULL);
	}
	if (why == 0)
		atomic_store(&me->h_open, true);	/* no doors meanwhile */
	return why;
}

void
hyp_snapshot_end(struct hyp_kernel *k)
{
	struct hyp_host *me = host_of_thread(k);

	atomic_store(&me->h_open, false);
	k->k_exhumed = false;
	if (!cpu_dead(k))
		cpu_leave_slow(k, me);
}

void
hyp_snapshot_spoil(struct hyp_kernel *k, const char *message)
{

	pthread_mutex_lock(&k->k_lock);
	if (k->k_panic.cause == HYP_PANIC_NONE) {
		k->k_panic.cause = HYP_PANIC_CALLED;
		strncpy(k->k_panic.message, message,
		    sizeof(k->k_panic.message) - 1);
	}
	pthread_mutex_unlock(&k->k_lock);
	(void)kernel_kill(k, HYP_STATE_PANICKED);
}

int
hyp_snapshot_take(struct hyp_kernel *k, int how, struct hyp_snapshot **result)
{
	struct hyp_shared *sh = k->k_shared;
	struct hyp_snapshot *s;
	int error;

	if (k->k_config.memory == NULL)
		return ENOTSUP;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return ENOMEM;
	s->s_serial = k->k_serial;
	s->s_mono = cpu_clock(k, HYP_CLOCK_MONOTONIC);
	s->s_deadline = __atomic_load_n(&sh->sh_deadline, __ATOMIC_SEQ_CST);
	s->s_context = sh->sh_context;
	hyp_console_save(k->k_console, &s->s_console);
	if (!idle_rests(k))		/* its deadline has passed just now */
		error = EAGAIN;
	else
		error = mem_image_take(k->k_config.memory, how, &s->s_image);
	if (error != 0) {
		free(s);
		return error;
	}
	*result = s;
	return 0;
}

/* What of the shared page is the kernel's, and was not copied. */
static void
restore_words(struct hyp_kernel *k, const struct hyp_snapshot *s)
{
	struct hyp_shared *sh = k->k_shared;
	struct hyp_host *idle = atomic_load(&k->k_idle);

	sh->sh_runnable = 0;
	sh->sh_work = 0;
	sh->sh_context = s->s_context;
	k->k_done = NULL;
	k->k_done_tail = &k->k_done;
	__atomic_store_n(&sh->sh_done, NULL, __ATOMIC_SEQ_CST);
	if (idle != NULL && idle->h_within)
		idle->h_restart = true;
	host_outdate(k);
	__atomic_store_n(&k->k_boot_mono, hyp_now() - s->s_mono,
	    __ATOMIC_SEQ_CST);
	sh->sh_seq++;
}

int
hyp_snapshot_restore(struct hyp_kernel *k, struct hyp_snapshot *s)
{
	int error;

	if (s->s_serial != k->k_serial)
		return EINVAL;
	error = mem_image_restore(s->s_image);
	if (error != 0)
		return error;
	restore_words(k, s);
	hyp_console_load(k->k_console, &s->s_console);
	if (k->k_exhumed && (error = kernel_revive(k)) != 0)
		return error;
	monitor_store_time(k);
	cpu_rearm_after(k, s->s_deadline);
	return 0;
}

void
hyp_snapshot_free(struct hyp_snapshot *s)
{

	if (s == NULL)
		return;
	mem_image_free(s->s_image);
	free(s);
}

void
hyp_snapshot_info(struct hyp_snapshot *s, struct hyp_snapshot_info *out)
{

	mem_image_info(s->s_image, out);
}
