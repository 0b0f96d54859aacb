/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is known of the processor, and counters of what it did, for those who
 * show them to people.  The virtual CPU runs on the host's, so it is the
 * host's features that there are.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/cpu.h>
#include <sys/lwp.h>

#include <uvm/uvm_extern.h>
#include <x86/cpuvar.h>

#include "core/cpuinfo.h"
#include "core/pages.h"
#include "vfs/pages.h"

#define	EXT_BASE	0x80000000U
#define	EXT_BRAND	0x80000002U	/* and the two after it */
#define	BRAND_WORDS	12

/* Where ci_feat_val has what CPUID answers; others stay 0. */
enum feature_word {
	FEAT_1_EDX,
	FEAT_1_ECX,
	FEAT_EXT_EDX,
	FEAT_EXT_ECX,
	FEAT_7_EBX = 5,
	FEAT_7_ECX
};

int	cpu_vendor;
int	cpuid_level = -1;
char	cpu_brand_string[BRAND_WORDS * sizeof(uint32_t) + 1];
int64_t	cpu_counts[CPU_COUNT_MAX];

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static struct cpuid
cpuid(uint32_t leaf)
{
	struct cpuid r;

	__asm volatile("cpuid" : "=a" (r.eax), "=b" (r.ebx), "=c" (r.ecx),
	    "=d" (r.edx) : "0" (leaf), "2" (0));
	return r;
}

static void
identify_vendor(struct cpu_info *ci)
{
	const struct cpuid r = cpuid(0);
	const char *name = (const char *)ci->ci_vendor;

	ci->ci_max_cpuid = r.eax;
	ci->ci_vendor[0] = r.ebx;
	ci->ci_vendor[1] = r.edx;
	ci->ci_vendor[2] = r.ecx;
	cpuid_level = (int)r.eax;
	if (strcmp(name, "GenuineIntel") == 0)
		cpu_vendor = CPUVENDOR_INTEL;
	else if (strcmp(name, "AuthenticAMD") == 0)
		cpu_vendor = CPUVENDOR_AMD;
}

static void
identify_features(struct cpu_info *ci)
{
	struct cpuid r = cpuid(1);

	ci->ci_signature = r.eax;
	ci->ci_cflush_lsize = ((r.ebx >> 8) & 0xff) * 8;
	ci->ci_initapicid = r.ebx >> 24;
	ci->ci_feat_val[FEAT_1_EDX] = r.edx;
	ci->ci_feat_val[FEAT_1_ECX] = r.ecx;
	if (ci->ci_max_cpuid < 7)
		return;
	r = cpuid(7);
	ci->ci_feat_val[FEAT_7_EBX] = r.ebx;
	ci->ci_feat_val[FEAT_7_ECX] = r.ecx;
}

static void
identify_extended(struct cpu_info *ci)
{
	struct cpuid r = cpuid(EXT_BASE);
	uint32_t i;

	ci->ci_max_ext_cpuid = r.eax;
	if (r.eax < EXT_BRAND + 2)
		return;
	r = cpuid(EXT_BASE + 1);
	ci->ci_feat_val[FEAT_EXT_EDX] = r.edx;
	ci->ci_feat_val[FEAT_EXT_ECX] = r.ecx;
	for (i = 0; i < 3; i++) {
		r = cpuid(EXT_BRAND + i);
		memcpy(cpu_brand_string + i * sizeof(r), &r, sizeof(r));
	}
}

/*
 * Ask the processor.  Only modules look at the answers, and CPUID is slow in
 * virtual machines, so loading the first one asks.
 */
void
cpuinfo_identify(void)
{
	struct cpu_info *ci = &cpu_info_primary;

	if (cpuid_level >= 0)
		return;
	identify_vendor(ci);
	identify_features(ci);
	identify_extended(ci);
}

/* Bring cpu_counts[] up to date; everything here has one processor. */
void
cpu_count_sync(bool poll)
{
	const struct lwp *l;
	int64_t switches = 0;

	(void)poll;
	LIST_FOREACH(l, &alllwp, l_list)
		switches += l->l_ru.ru_nvcsw;
	cpu_counts[CPU_COUNT_NSWTCH] = switches;
	cpu_counts[CPU_COUNT_FREEPAGES] = (int64_t)kpage_avail();
	cpu_counts[CPU_COUNT_PAGEINS] = uvmexp.pageins;
	cpu_counts[CPU_COUNT_ANONDIRTY] = uvmexp.anonpages;
	cpu_counts[CPU_COUNT_FILEDIRTY] = (int64_t)pagecache.pch_dirty;
	cpu_counts[CPU_COUNT_FILECLEAN] = (int64_t)uvmexp.filepages -
	    (int64_t)pagecache.pch_dirty;
}
