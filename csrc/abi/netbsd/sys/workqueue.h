/* SPDX-License-Identifier: BSD-2-Clause */

/* Deferred work in a thread's context (workqueue(9)). */
#ifndef _SYS_WORKQUEUE_H_
#define	_SYS_WORKQUEUE_H_

#include <sys/types.h>

struct work {
	void	*wk_dummy;
};

struct workqueue;
struct cpu_info;

#define	WQ_MPSAFE	0x01
#define	WQ_PERCPU	0x02
#define	WQ_FPU		0x04

int	workqueue_create(struct workqueue **, const char *,
	    void (*)(struct work *, void *), void *, pri_t, int, int);
void	workqueue_destroy(struct workqueue *);
void	workqueue_enqueue(struct workqueue *, struct work *,
	    struct cpu_info *);
void	workqueue_wait(struct workqueue *, struct work *);

#endif /* !_SYS_WORKQUEUE_H_ */
