/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello: the smallest module.  It greets on the console when it is loaded and
 * says goodbye when it goes, and offers one read-only sysctl node, hello.times.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/module.h>
#include <sys/sysctl.h>
#include <sys/systm.h>

MODULE(MODULE_CLASS_MISC, hello, NULL);

static int hello_times;

SYSCTL_SETUP(hello_sysctl_setup, "hello's sysctl nodes")
{
	const struct sysctlnode *node = NULL;

	sysctl_createv(clog, 0, NULL, &node, CTLFLAG_PERMANENT,
	    CTLTYPE_NODE, "hello", NULL, NULL, 0, NULL, 0,
	    CTL_CREATE, CTL_EOL);
	if (node == NULL)
		return;
	sysctl_createv(clog, 0, &node, NULL, CTLFLAG_PERMANENT,
	    CTLTYPE_INT, "times", NULL, NULL, 0, &hello_times, 0,
	    CTL_CREATE, CTL_EOL);
}

static int
hello_modcmd(modcmd_t cmd, void *arg)
{

	switch (cmd) {
	case MODULE_CMD_INIT:
		hello_times++;
		printf("hello, anykernel\n");
		return 0;
	case MODULE_CMD_FINI:
		printf("goodbye, anykernel\n");
		return 0;
	default:
		return ENOTTY;
	}
}
