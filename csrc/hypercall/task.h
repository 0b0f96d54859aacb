/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads whose calls somebody else makes; see task.cdef. */
#ifndef _HYPERCALL_TASK_H_
#define _HYPERCALL_TASK_H_

#include "hyp.h"

#include "task.cdef"

/* The call of a thread that is a task of that kernel; door.c. */
int	task_ask(struct hyp_task *, uint64_t proc, uint64_t fn, void *arg);
int	task_is_of(const struct hyp_task *, const struct hyp_kernel *);

#endif /* _HYPERCALL_TASK_H_ */
