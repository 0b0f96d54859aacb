/* SPDX-License-Identifier: BSD-2-Clause */

/* Whose processor it is. */
#ifndef _X86_CPUVAR_H_
#define	_X86_CPUVAR_H_

#define	CPUVENDOR_UNKNOWN	0
#define	CPUVENDOR_INTEL		1
#define	CPUVENDOR_AMD		4

extern int cpu_vendor;

#endif /* !_X86_CPUVAR_H_ */
