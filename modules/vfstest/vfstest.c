/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs every test and says so on the console; a failure makes the
 * initialisation fail with EDOM.
 */

#include <sys/param.h>
#include <sys/fcntl.h>
#include <sys/module.h>
#include <sys/namei.h>
#include <sys/vnode.h>

#include "vfstest.h"

MODULE(MODULE_CLASS_MISC, vfstest, NULL);

static const struct {
	const char *name;
	int (*run)(void);
} tests[] = {
	{ "posix1e_rules", test_posix1e_rules },
	{ "posix1e_access", test_posix1e_access },
	{ "oldacl", test_oldacl },
	{ "nfs4_modes", test_nfs4_modes },
	{ "nfs4_access", test_nfs4_access },
	{ "nfs4_check", test_nfs4_check },
	{ "nfs4_inherit", test_nfs4_inherit },
	{ "dirhash", test_dirhash },
	{ "dirhash_empty", test_dirhash_empty },
	{ "dirhash_limit", test_dirhash_limit },
	{ "kernel_files", test_kernel_files },
	{ "relookup", test_relookup },
	{ "lookup_exclusive", test_lookup_exclusive },
	{ "names", test_names },
	{ "iterator", test_iterator },
	{ "suspend", test_suspend },
};

/* An open, unlocked file in the root file system; vn_close() it. */
int
vfstest_file(const char *path, struct vnode **vpp)
{
	struct pathbuf *pb = pathbuf_create(path);
	int error;

	error = vn_open(NULL, pb, 0, FREAD | FWRITE | O_CREAT, 0644, vpp,
	    NULL, NULL);
	pathbuf_destroy(pb);
	if (error == 0)
		VOP_UNLOCK(*vpp);
	return error;
}

static int
vfstest_run(void)
{
	int failed = 0, line;

	for (size_t i = 0; i < __arraycount(tests); i++) {
		line = (*tests[i].run)();
		printf("vfstest: %s %s\n", tests[i].name,
		    line == 0 ? "ok" : "FAILED");
		failed += line != 0;
	}
	printf("vfstest: %zu tests, %d failed\n", __arraycount(tests),
	    failed);
	return failed == 0 ? 0 : EDOM;
}

static int
vfstest_modcmd(modcmd_t cmd, void *arg)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		return vfstest_run();
	case MODULE_CMD_FINI:
		return 0;
	default:
		return ENOTTY;
	}
}
