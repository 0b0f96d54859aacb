/* SPDX-License-Identifier: BSD-2-Clause */

/* What the kernel's other files know of pool.c. */
#ifndef _RUMPY_CORE_POOL_IMPL_H_
#define	_RUMPY_CORE_POOL_IMPL_H_

#include <sys/pool.h>

void	pool_subsystem_init(void);
u_int	pool_cache_spare(pool_cache_t);

#endif /* !_RUMPY_CORE_POOL_IMPL_H_ */
