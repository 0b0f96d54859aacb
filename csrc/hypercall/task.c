/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads whose calls somebody else makes.
 *
 * Two semaphores hand the right to run to and fro.  What a task asks for lies
 * on its own stack or in Python's memory and stays there, because the thread
 * waits until it is answered.
 */

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

#include "internal.h"
#include "task.h"

struct hyp_task {
	sem_t		go;
	sem_t		back;
	struct hyp_kernel *kernel;
	int		state;
	int		answer;
	uint64_t	proc;
	uint64_t	fn;
	void		*arg;
};

static void
sem_wait_for(sem_t *sem)
{

	while (sem_wait(sem) != 0 && errno == EINTR)
		continue;
}

struct hyp_task *
hyp_task_create(struct hyp_kernel *k)
{
	struct hyp_task *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->kernel = k;
	sem_init(&t->go, 0, 0);
	sem_init(&t->back, 0, 0);
	return t;
}

void
hyp_task_destroy(struct hyp_task *t)
{

	sem_destroy(&t->go);
	sem_destroy(&t->back);
	free(t);
}

void
hyp_task_begin(struct hyp_task *t)
{

	hyp_self.t_task = t;
	sem_wait_for(&t->go);
}

void
hyp_task_end(struct hyp_task *t)
{

	hyp_self.t_task = NULL;
	t->state = HYP_TASK_ENDED;
	sem_post(&t->back);
}

int
task_is_of(const struct hyp_task *t, const struct hyp_kernel *k)
{

	return t->kernel == k;
}

int
task_ask(struct hyp_task *t, uint64_t proc, uint64_t fn, void *arg)
{

	t->proc = proc;
	t->fn = fn;
	t->arg = arg;
	t->state = HYP_TASK_ASKS;
	sem_post(&t->back);
	sem_wait_for(&t->go);
	return t->answer;
}

int
hyp_task_resume(struct hyp_task *t, int answer, int timeout_ms)
{
	struct timespec until;

	t->answer = answer;
	t->state = HYP_TASK_LOST;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= NS_PER_SEC) {
		until.tv_sec++;
		until.tv_nsec -= NS_PER_SEC;
	}
	sem_post(&t->go);
	while (sem_timedwait(&t->back, &until) != 0) {
		if (errno != EINTR)
			return HYP_TASK_LOST;
	}
	return t->state;
}

void
hyp_task_asked(struct hyp_task *t, struct search_task *to)
{

	to->fn = t->fn;
	to->arg = (uint64_t)(uintptr_t)t->arg;
	to->proc = t->proc;
}
