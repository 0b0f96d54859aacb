/* SPDX-License-Identifier: BSD-2-Clause */

/* Unit tests of the kernel's core, run when the module is initialised. */
#ifndef _CORETEST_H_
#define	_CORETEST_H_

#include <sys/param.h>
#include <sys/systm.h>

/* A test answers 0, or the line that failed. */
#define	CHECK(e) do {							\
	if (!(e)) {							\
		printf("coretest: %s:%d: %s\n", __FILE__, __LINE__, #e); \
		return __LINE__;					\
	}								\
} while (0)

int	test_strings(void);
int	test_printf(void);
int	test_snprintb(void);
int	test_numbers(void);
int	test_atomics(void);
int	test_kmem(void);
int	test_kmem_random(void);
int	test_malloc(void);
int	test_pool(void);
int	test_pool_limit(void);
int	test_pool_cache(void);
int	test_rbtree(void);
int	test_hash(void);
int	test_once(void);
int	test_evcnt(void);
int	test_sysctl(void);
int	test_kauth(void);
int	test_workqueue(void);
int	test_copy(void);
int	test_cprng(void);
int	test_atomic_widths(void);
int	test_more_strings(void);
int	test_calendar(void);
int	test_kmem_kinds(void);
int	test_percpu(void);
int	test_vmem(void);
int	test_callout_state(void);
int	test_lock_objects(void);

#endif /* !_CORETEST_H_ */
