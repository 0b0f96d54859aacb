/* SPDX-License-Identifier: BSD-2-Clause */

/* The boot's entry into cprng.c. */
#ifndef _RUMPY_CORE_CPRNG_IMPL_H_
#define	_RUMPY_CORE_CPRNG_IMPL_H_

void	cprng_init(void);
void	stack_protector_init(void);

#endif /* !_RUMPY_CORE_CPRNG_IMPL_H_ */
