/* SPDX-License-Identifier: BSD-2-Clause */

/* The boot's entry into pool.c. */
#ifndef _RUMPY_CORE_POOL_IMPL_H_
#define	_RUMPY_CORE_POOL_IMPL_H_

void	pool_subsystem_init(void);

#endif /* !_RUMPY_CORE_POOL_IMPL_H_ */
