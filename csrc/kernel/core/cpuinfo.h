/* SPDX-License-Identifier: BSD-2-Clause */

/* The description of the processor, for modules. */
#ifndef _RUMPY_CORE_CPUINFO_H_
#define	_RUMPY_CORE_CPUINFO_H_

void	cpuinfo_identify(void);

#endif /* !_RUMPY_CORE_CPUINFO_H_ */
