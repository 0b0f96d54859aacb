/* SPDX-License-Identifier: BSD-2-Clause */

/* Machine-independent half of struct cpu_info: 896 bytes on amd64. */
#ifndef _SYS_CPU_DATA_H_
#define	_SYS_CPU_DATA_H_

#include <sys/types.h>

struct lwp;

struct cpu_data {
	char	_cpu_schedstate[168];
	struct	lwp *cpu_idlelwp;
	u_int	cpu_index;
	u_int	_cpu_pad;
	uint64_t cpu_nsyscall;
	uint64_t cpu_nswtch;
	char	cpu_name[8];
	char	_cpu_private[896 - 208];
};

#endif /* !_SYS_CPU_DATA_H_ */
