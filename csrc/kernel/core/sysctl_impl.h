/* SPDX-License-Identifier: BSD-2-Clause */

/* The boot's entry into sysctl_base.c. */
#ifndef _RUMPY_CORE_SYSCTL_IMPL_H_
#define	_RUMPY_CORE_SYSCTL_IMPL_H_

void	sysctl_run_sets(void);

#endif /* !_RUMPY_CORE_SYSCTL_IMPL_H_ */
