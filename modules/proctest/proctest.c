/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the tests. */

#include <sys/module.h>

#include "proctest.h"

MODULE(MODULE_CLASS_MISC, proctest, "ptrace_common");

static const struct {
	const char *name;
	int	(*run)(void);
} tests[] = {
	{ "map", test_map },
	{ "map_object", test_map_object },
	{ "processes", test_processes },
	{ "process_info", test_process_info },
	{ "process_refuses", test_process_refuses },
	{ "exithook", test_exithook },
	{ "cpu", test_cpu },
	{ "sync", test_sync },
	{ "autoconf", test_autoconf },
};

static int
proctest_run(void)
{
	int failed = 0, line;

	for (size_t i = 0; i < __arraycount(tests); i++) {
		line = (*tests[i].run)();
		printf("proctest: %s %s\n", tests[i].name,
		    line == 0 ? "ok" : "FAILED");
		failed += line != 0;
	}
	printf("proctest: %zu tests, %d failed\n", __arraycount(tests),
	    failed);
	return failed == 0 ? 0 : EDOM;
}

static int
proctest_modcmd(modcmd_t cmd, void *arg)
{
	(void)arg;
	switch (cmd) {
	case MODULE_CMD_INIT:
		return proctest_run();
	case MODULE_CMD_FINI:
		return 0;
	default:
		return ENOTTY;
	}
}
