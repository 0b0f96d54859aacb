/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Runs every test and says so on the console; a failure makes the
 * initialisation fail with EDOM.
 */

#include <sys/module.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/lwp.h>
#include <sys/namei.h>
#include <sys/vnode.h>

#include "iotest.h"

MODULE(MODULE_CLASS_MISC, iotest, NULL);

static const struct {
	const char *name;
	int	(*run)(struct vnode *);
} tests[] = {
	{ "cached", test_cached },
	{ "random", test_random },
	{ "limit", test_limit },
	{ "busy", test_busy },
	{ "nested", test_nested },
	{ "cow", test_cow },
	{ "readahead", test_readahead },
	{ "sizes", test_sizes },
	{ "regrow", test_regrow },
	{ "journal", test_journal },
	{ "object", test_object },
	{ "object_shared", test_object_shared },
	{ "object_kept", test_object_kept },
	{ "pager", test_pager },
	{ "uiomove", test_uiomove },
	{ "uio_edges", test_uio_edges },
	{ "bufq", test_bufq },
};

uint32_t
iotest_random(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33);
}

static int
iotest_all(struct vnode *vp)
{
	int failed = 0, line;
	size_t i;

	for (i = 0; i < __arraycount(tests); i++) {
		line = (*tests[i].run)(vp);
		printf("iotest: %s %s\n", tests[i].name,
		    line == 0 ? "ok" : "FAILED");
		failed += line != 0;
	}
	printf("iotest: %zu tests, %d failed\n", __arraycount(tests), failed);
	return failed == 0 ? 0 : EDOM;
}

static int
iotest_run(void)
{
	struct vnode *vp;
	int error;

	error = namei_simple_kernel("/dev/iotest", NSM_FOLLOW_NOEMULROOT,
	    &vp);
	if (error != 0)
		return error;
	error = vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (error == 0)
		error = VOP_OPEN(vp, FREAD | FWRITE, curlwp->l_cred);
	VOP_UNLOCK(vp);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	error = iotest_all(vp);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	(void)VOP_CLOSE(vp, FREAD | FWRITE, curlwp->l_cred);
	vput(vp);
	return error;
}

static int
iotest_modcmd(modcmd_t cmd, void *arg)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		return iotest_run();
	case MODULE_CMD_FINI:
		return 0;
	default:
		return ENOTTY;
	}
}
