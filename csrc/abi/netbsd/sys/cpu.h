/* SPDX-License-Identifier: BSD-2-Clause */

#ifndef _SYS_CPU_H_
#define	_SYS_CPU_H_

#include <machine/cpu.h>

extern int	ncpu;
extern int	ncpuonline;

#endif /* !_SYS_CPU_H_ */
