/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks of what modules do with memory: memcheck.c, for kmem.c and pool.c. */
#ifndef _RUMPY_CORE_MEMCHECK_H_
#define	_RUMPY_CORE_MEMCHECK_H_

#include <sys/types.h>
#include <sys/kmem.h>
#include <sys/pool.h>

extern int memcheck_on;

/* kmem.c's own way to memory, for memcheck.c. */
void	*kmem_raw_alloc(size_t, km_flag_t);
void	kmem_raw_free(void *, size_t);

bool	memcheck_of_module(const void *);
void	memcheck_module(uint64_t, uint64_t, bool);

/* FRAME is the caller's, whose return address is a module's. */
void	*memcheck_alloc(size_t, km_flag_t, void *);
bool	memcheck_free(void *, size_t);

size_t	memcheck_pool_size(size_t);
void	memcheck_pool_get(struct pool *, void *, void *);
void	memcheck_pool_put(struct pool *, void *);
void	memcheck_pool_busy(struct pool *) __dead;

#define	PR_CHECKED	0x40000000	/* pr_flags: items have a tail */

#endif /* !_RUMPY_CORE_MEMCHECK_H_ */
