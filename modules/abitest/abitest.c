/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the tests; the small ones are here. */

#include <sys/compat_stub.h>
#include <sys/module.h>
#include <sys/mount.h>
#include <sys/pty.h>
#include <sys/sysctl.h>
#include <sys/vnode.h>
#include <prop/proplib.h>

#include "abitest.h"

MODULE(MODULE_CLASS_MISC, abitest, NULL);

static const struct {
	const char *name;
	int	(*run)(void);
} tests[] = {
#define	ABI_ROW(name) { #name, test_##name },
	ABI_TESTS(ABI_ROW)
};

/* Nobody has terminals, but somebody may be the one to show them. */
int
test_pty(void)
{
	static struct ptm_pty mine;
	struct ptm_pty *before;

	CHECK(npty == 0 && pty_isfree(0, 1) && pty_isfree(100, 0));
	CHECK(minor(pty_makedev('t', 3)) == 3);
	CHECK(major(pty_makedev('t', 3)) != major(pty_makedev('p', 3)));
	before = pty_sethandler(&mine);
	CHECK(pty_sethandler(before) == &mine);
	return 0;
}

static int
hook_function(struct puffs_req *a, struct puffs_req **b, ssize_t *c)
{

	(void)a, (void)b, (void)c;
	return 42;
}

/* A hook leads nowhere until it is set; whoever is inside is counted. */
int
test_hook(void)
{
	struct puffs_out_50_hook_t *hook = &puffs_out_50_hook;

	CHECK(!module_hook_tryenter(&hook->hooked, &hook->lc));
	hook->f = hook_function;
	hook->hooked = true;
	CHECK(module_hook_tryenter(&hook->hooked, &hook->lc));
	CHECK(hook->lc.lc_refcnt == 1);
	CHECK((*hook->f)(NULL, NULL, NULL) == 42);
	module_hook_exit(&hook->lc);
	CHECK(hook->lc.lc_refcnt == 0);
	hook->hooked = false;
	hook->f = NULL;
	CHECK(prop_dictionary_get(NULL, "msg") == NULL);
	return 0;
}

/* What VFS_ROOT(mp, LK_NONE, &vp) asks of a file system: no lock at all. */
int
test_lock_none(void)
{
	struct vnode *vp = rootvnode;

	vref(vp);
	CHECK(vn_lock(vp, LK_NONE) == 0);
	CHECK(vn_lock(vp, LK_NONE | LK_RETRY) == 0);
	CHECK(VOP_ISLOCKED(vp) == LK_NONE);
	CHECK(vn_lock(vp, LK_EXCLUSIVE | LK_RETRY) == 0);
	CHECK(VOP_ISLOCKED(vp) == LK_EXCLUSIVE);
	VOP_UNLOCK(vp);
	vrele(vp);
	return 0;
}

static int
abitest_run(void)
{
	int failed = 0, line;

	for (size_t i = 0; i < __arraycount(tests); i++) {
		line = (*tests[i].run)();
		printf("abitest: %s %s\n", tests[i].name,
		    line == 0 ? "ok" : "FAILED");
		failed += line != 0;
	}
	printf("abitest: %zu tests, %d failed\n", __arraycount(tests),
	    failed);
	return failed == 0 ? 0 : EDOM;
}

static __printflike(1, 2) void
call_vpanic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vpanic(fmt, ap);
	va_end(ap);
}

/* What a kernel does not live through, or only without file systems. */
static int
abitest_do(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	int what = 0, error;

	node.sysctl_data = &what;
	error = sysctl_lookup(SYSCTLFN_CALL(&node));
	if (error != 0 || newp == NULL)
		return error;
	switch (what) {
	case 1:
		call_vpanic("abitest %s %d", "panics", what);
		return 0;
	case 2:
		return vfs_unmountall1(l, false, true) ? 0 : EBUSY;
	case 3:
		return vfs_unmountall(l) ? 0 : EBUSY;
	default:
		return EINVAL;
	}
}

static struct sysctllog *abitest_log;

static void
abitest_node(void)
{
	const struct sysctlnode *node;

	sysctl_createv(&abitest_log, 0, NULL, &node, 0, CTLTYPE_NODE,
	    "abitest", NULL, NULL, 0, NULL, 0, CTL_CREATE, CTL_EOL);
	sysctl_createv(&abitest_log, 0, &node, NULL, CTLFLAG_READWRITE,
	    CTLTYPE_INT, "do", NULL, abitest_do, 0, NULL, 0, CTL_CREATE,
	    CTL_EOL);
}

static int
abitest_modcmd(modcmd_t cmd, void *arg)
{

	switch (cmd) {
	case MODULE_CMD_INIT:
		abitest_node();
		return abitest_run();
	case MODULE_CMD_FINI:
		sysctl_teardown(&abitest_log);
		return 0;
	default:
		return ENOTTY;
	}
}
