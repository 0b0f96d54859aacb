/* SPDX-License-Identifier: BSD-2-Clause */

/* Per-CPU storage (percpu(9)); there is one CPU for each kernel. */
#ifndef _SYS_PERCPU_H_
#define	_SYS_PERCPU_H_

#include <sys/types.h>

struct cpu_info;
struct percpu;
typedef struct percpu percpu_t;
typedef void (*percpu_callback_t)(void *, void *, struct cpu_info *);

percpu_t *percpu_alloc(size_t);
percpu_t *percpu_create(size_t, percpu_callback_t, percpu_callback_t, void *);
void	percpu_free(percpu_t *, size_t);
void	*percpu_getref(percpu_t *);
void	percpu_putref(percpu_t *);
void	percpu_foreach(percpu_t *, percpu_callback_t, void *);

#endif /* !_SYS_PERCPU_H_ */
