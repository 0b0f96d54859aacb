/* SPDX-License-Identifier: BSD-2-Clause */

/* The boot's entry into kmem.c. */
#ifndef _RUMPY_CORE_KMEM_IMPL_H_
#define	_RUMPY_CORE_KMEM_IMPL_H_

void	kmem_init(void);

#endif /* !_RUMPY_CORE_KMEM_IMPL_H_ */
