/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oops: every way in which a module can bring its kernel down.
 *
 * Writing the name of a fault to the sysctl node oops.now commits it.  Made
 * for teaching and for the tests: the process and its other kernels go on.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/sysctl.h>
#include <sys/systm.h>

#include <lib/libkern/libkern.h>

#include "oops.h"

MODULE(MODULE_CLASS_MISC, oops, NULL);

static volatile int zero;
static char fault[32];

static int
oops_null(void)
{
	volatile int *p = NULL;

	return *p;
}

static int
oops_wild(void)
{
	volatile int *p = (volatile int *)0xdead00000000;

	*p = 1;
	return 0;
}

static int
oops_kassert(void)
{

	KASSERTMSG(zero == 1, "zero is %d", zero);
	return 0;
}

static int
oops_panic(void)
{

	panic("oops: asked for it");
}

static int
oops_divide(void)
{

	return 1 / zero;
}

static int
oops_jump(void)
{
	int (*volatile nowhere)(void) = NULL;

	return (*nowhere)();
}

static int
oops_illegal(void)
{

	__asm volatile("ud2");
	return 0;
}

/* Each frame is used after the call, so that this is no loop. */
static __attribute__((noinline)) int
descend(volatile char *above)
{
	volatile char frame[256];

	frame[0] = above[0] + 1;
	if (zero != 0)
		return 0;
	return descend(frame) + frame[0];
}

static int
oops_recursion(void)
{
	volatile char top = 0;

	return descend(&top);
}

static int
oops_loop(void)
{

	while (zero == 0)
		continue;
	return 0;
}

static int
oops_write_text(void)
{
	volatile char *text = (volatile char *)(uintptr_t)oops_write_text;

	*text = 0;
	return 0;
}

static int
oops_unlock(void)
{
	kmutex_t mtx;

	mutex_init(&mtx, MUTEX_DEFAULT, IPL_NONE);
	mutex_exit(&mtx);
	return 0;
}

static const struct {
	const char	*name;
	int		(*commit)(void);
} faults[] = {
	{ "null", oops_null },
	{ "wild", oops_wild },
	{ "kassert", oops_kassert },
	{ "panic", oops_panic },
	{ "divide", oops_divide },
	{ "jump", oops_jump },
	{ "illegal", oops_illegal },
	{ "recursion", oops_recursion },
	{ "loop", oops_loop },
	{ "smash", oops_smash },
	{ "text", oops_write_text },
	{ "unlock", oops_unlock },
	{ "overrun", oops_overrun },
	{ "underrun", oops_underrun },
	{ "afterfree", oops_afterfree },
	{ "bigfree", oops_bigfree },
	{ "freetwice", oops_freetwice },
	{ "freesize", oops_freesize },
	{ "leak", oops_leak },
	{ "poolrun", oops_poolrun },
	{ "poolleak", oops_poolleak },
	{ "ub_add", oops_ub_add },
	{ "ub_sub", oops_ub_sub },
	{ "ub_mul", oops_ub_mul },
	{ "ub_negate", oops_ub_negate },
	{ "ub_divide", oops_ub_divide },
	{ "ub_shift", oops_ub_shift },
	{ "ub_index", oops_ub_index },
	{ "ub_align", oops_ub_align },
	{ "ub_null", oops_ub_null },
	{ "ub_value", oops_ub_value },
	{ "ub_unreachable", oops_ub_unreachable },
	{ "ub_bits", oops_ub_bits },
	{ "ub_argument", oops_ub_argument },
	{ "ub_return", oops_ub_return },
	{ "ub_pointer", oops_ub_pointer },
	{ "ub_array", oops_ub_array },
};

static int
commit(const char *name)
{

	for (size_t i = 0; i < __arraycount(faults); i++)
		if (strcmp(faults[i].name, name) == 0)
			return (*faults[i].commit)();
	return EINVAL;
}

static int
oops_sysctl(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	int error;

	error = sysctl_lookup(SYSCTLFN_CALL(&node));
	if (error != 0 || newp == NULL)
		return error;
	return commit(fault);
}

SYSCTL_SETUP(oops_sysctl_setup, "oops's sysctl node")
{
	const struct sysctlnode *node = NULL;

	sysctl_createv(clog, 0, NULL, &node, CTLFLAG_PERMANENT,
	    CTLTYPE_NODE, "oops", NULL, NULL, 0, NULL, 0,
	    CTL_CREATE, CTL_EOL);
	if (node == NULL)
		return;
	sysctl_createv(clog, 0, &node, NULL,
	    CTLFLAG_PERMANENT | CTLFLAG_READWRITE, CTLTYPE_STRING, "now",
	    NULL, oops_sysctl, 0, fault, sizeof(fault),
	    CTL_CREATE, CTL_EOL);
}

static int
oops_modcmd(modcmd_t cmd, void *arg)
{

	switch (cmd) {
	case MODULE_CMD_INIT:
	case MODULE_CMD_FINI:
		return 0;
	default:
		return ENOTTY;
	}
}
