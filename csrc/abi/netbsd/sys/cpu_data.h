/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Machine-independent half of struct cpu_info: 896 bytes on amd64.  Members lie
 * where NetBSD has them; what only its own kernel uses is not named.
 */
#ifndef _SYS_CPU_DATA_H_
#define	_SYS_CPU_DATA_H_

#include <sys/types.h>

struct lwp;

/* What cpu_counts[] counts. */
enum cpu_count {
	CPU_COUNT_NSWTCH,
	CPU_COUNT_NSYSCALL,
	CPU_COUNT_NTRAP,
	CPU_COUNT_NINTR,
	CPU_COUNT_NSOFT,
	CPU_COUNT_FREEPAGES = 14,
	CPU_COUNT_PAGEINS = 16,
	CPU_COUNT_FLTPGWAIT = 19,
	CPU_COUNT_FLTRELCK = 20,
	CPU_COUNT_FLTRELCKOK = 21,
	CPU_COUNT_NFAULT = 24,
	CPU_COUNT_ANONUNKNOWN = 40,
	CPU_COUNT_ANONCLEAN,
	CPU_COUNT_ANONDIRTY,
	CPU_COUNT_FILEUNKNOWN,
	CPU_COUNT_FILECLEAN,
	CPU_COUNT_FILEDIRTY,
	CPU_COUNT_EXECPAGES,
	CPU_COUNT_SYNC,
	CPU_COUNT_MAX			/* 48 */
};

struct schedstate_percpu {
	char	_spc_private0[56];
	uint64_t spc_cp_time[5];	/* user, nice, system, intr, idle */
	char	_spc_private1[72];
};

struct cpu_data {
	u_int	cpu_index;
	u_int	_cpu_pad;
	char	_cpu_private0[40];
	struct	schedstate_percpu cpu_schedstate;
	char	_cpu_private1[104];
	struct	lwp *cpu_idlelwp;
	char	_cpu_private2[136];
	uint64_t cpu_cc_freq;		/* of the cycle counter; 0: unknown */
	int64_t	cpu_cc_skew;
	char	cpu_name[8];
	void	*_cpu_kcpuset;
	int64_t	cpu_counts[CPU_COUNT_MAX];
	char	_cpu_private3[16];
};

#define	ci_schedstate	ci_data.cpu_schedstate

#ifdef _KERNEL
extern int64_t cpu_counts[];

static __inline int64_t
cpu_count_get(enum cpu_count which)
{

	return cpu_counts[which];
}

void	cpu_count_sync(bool);
#endif

#endif /* !_SYS_CPU_DATA_H_ */
