/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The virtual CPU.  Members up to ci_curlwp lie where NetBSD/amd64 has
 * them; modules reach the structure only through x86_curcpu().
 */
#ifndef _MACHINE_CPU_H_
#define	_MACHINE_CPU_H_

#include <sys/types.h>
#include <sys/cpu_data.h>
#include <machine/intr.h>

struct device;
struct lwp;

struct cpu_info {
	struct	cpu_data ci_data;
	struct	device *ci_dev;
	struct	cpu_info *ci_self;
	char	_ci_machdep0[1080];
	uint32_t ci_signature;		/* what CPUID says of the processor */
	uint32_t ci_vendor[4];
	uint32_t ci_max_cpuid;
	uint32_t ci_max_ext_cpuid;
	uint32_t _ci_lapic_counter;
	uint32_t ci_feat_val[8];
	char	_ci_machdep3[16];
	u_int	ci_cflush_lsize;
	char	_ci_machdep4[620];
	uint32_t ci_initapicid;
	uint32_t _ci_vcpuid;
	cpuid_t	ci_cpuid;
	struct	cpu_info *ci_next;
	char	_ci_machdep1[32];
	struct	lwp *ci_curlwp;
	struct	lwp *ci_onproc;
	char	_ci_machdep2[624];
};

extern struct cpu_info *cpu_info_list;
extern struct cpu_info cpu_info_primary;
extern int cpuid_level;
extern char cpu_brand_string[];

/*
 * Const on purpose: a context keeps one lwp for its life, so the compiler
 * may reuse the value within a function.
 */
struct lwp *x86_curlwp(void) __constfunc;
struct cpu_info *x86_curcpu(void);

#define	curlwp		x86_curlwp()
#define	curcpu()	x86_curcpu()
#define	cpu_index(ci)	((ci)->ci_data.cpu_index)
#define	cpu_number()	cpu_index(curcpu())
#define	CPU_IS_PRIMARY(ci) ((ci) == &cpu_info_primary)
#define	CPU_INFO_ITERATOR int __unused
#define	CPU_INFO_FOREACH(cii, ci) \
	cii = 0, ci = cpu_info_list; ci != NULL; ci = ci->ci_next
#define	cpu_intr_p()	(0)
#define	cpu_softintr_p() (0)

#endif /* !_MACHINE_CPU_H_ */
