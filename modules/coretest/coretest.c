/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Runs every test and says so on the console; a failure makes the
 * initialisation fail with EDOM.
 */

#include <sys/module.h>

#include "coretest.h"

MODULE(MODULE_CLASS_MISC, coretest, NULL);

static const struct {
	const char *name;
	int	(*run)(void);
} tests[] = {
	{ "strings", test_strings },
	{ "printf", test_printf },
	{ "snprintb", test_snprintb },
	{ "numbers", test_numbers },
	{ "atomics", test_atomics },
	{ "kmem", test_kmem },
	{ "kmem_random", test_kmem_random },
	{ "malloc", test_malloc },
	{ "pool", test_pool },
	{ "pool_limit", test_pool_limit },
	{ "pool_cache", test_pool_cache },
	{ "rbtree", test_rbtree },
	{ "hash", test_hash },
	{ "once", test_once },
	{ "evcnt", test_evcnt },
	{ "sysctl", test_sysctl },
	{ "kauth", test_kauth },
	{ "workqueue", test_workqueue },
	{ "copy", test_copy },
	{ "cprng", test_cprng },
	{ "atomic_widths", test_atomic_widths },
	{ "more_strings", test_more_strings },
	{ "calendar", test_calendar },
	{ "kmem_kinds", test_kmem_kinds },
	{ "percpu", test_percpu },
	{ "vmem", test_vmem },
	{ "callout_state", test_callout_state },
	{ "lock_objects", test_lock_objects },
};

static int
coretest_run(void)
{
	int failed = 0, line;
	size_t i;

	for (i = 0; i < __arraycount(tests); i++) {
		line = (*tests[i].run)();
		printf("coretest: %s %s\n", tests[i].name,
		    line == 0 ? "ok" : "FAILED");
		failed += line != 0;
	}
	printf("coretest: %zu tests, %d failed\n", __arraycount(tests),
	    failed);
	return failed == 0 ? 0 : EDOM;
}

static int
coretest_modcmd(modcmd_t cmd, void *arg)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		return coretest_run();
	case MODULE_CMD_FINI:
		return 0;
	default:
		return ENOTTY;
	}
}
