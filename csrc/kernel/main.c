/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The boot, as a list; and the shutdown.
 *
 * kern_boot() is the first thing to run in a kernel, on a stack that the host
 * lends, before there are memory, contexts or a console to speak of.  Each
 * step below may use what the ones before it have made; from "scheduler" on,
 * steps may sleep.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/conf.h>
#include <sys/evcnt.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/kernel.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/once.h>
#include <sys/proc.h>
#include <sys/reboot.h>
#include <sys/sysctl.h>
#include <sys/syscallargs.h>
#include <sys/vnode.h>

#include <rumpy/doors.h>
#include <rumpy/hyp.h>

#include "core/copy.h"
#include "core/cprng_impl.h"
#include "core/kmem_impl.h"
#include "core/lwp_impl.h"
#include "core/pages.h"
#include "core/pool_impl.h"
#include "core/proc_impl.h"
#include "core/sysctl_impl.h"
#include "module/module.h"
#include "vfs/vfs_boot.h"

/* A step of the boot; an error ends it. */
struct boot_step {
	const char *bs_name;
	int	(*bs_run)(struct door_boot *);
};

static int
boot_host(struct door_boot *boot)
{
	if (boot->size != sizeof(*boot) || boot->version != HYP_VERSION)
		return EFTYPE;
	boothowto = boot->boothowto;
	lwp_bootstrap(boot);
	copy_init(boot);
	boot->fixups = copy_fixups;
	boot->nfixups = copy_nfixups;
	return 0;
}

static int
boot_memory(struct door_boot *boot)
{
	kpage_init((void *)boot->arena, boot->arena_size, boot->memory_limit);
	kmem_init();
	pool_subsystem_init();
	return 0;
}

static int
boot_scheduler(struct door_boot *boot)
{
	sched_init();
	callout_startup();
	return sched_start(boot);
}

static int
boot_services(struct door_boot *boot)
{
	once_init();
	evcnt_init();
	cprng_init();
	stack_protector_init();
	kauth_init();
	sysctl_init();
	sysctl_run_sets();
	return 0;
}

static int
boot_proc0(struct door_boot *boot)
{
	procinit();
	resource_init();
	fd_sys_init();
	proc0_init();
	cold = 0;
	return 0;
}

static int
boot_vfs(struct door_boot *boot)
{
	vfs_boot();
	return 0;
}

static int
boot_root(struct door_boot *boot)
{
	int error = vfs_mountroot();

	if (error == 0)
		vfs_boot_devices();
	return error;
}

static int
boot_modules(struct door_boot *boot)
{
	module_init();
	return 0;
}

/* The process that callers get who name none. */
static int
boot_initproc(struct door_boot *boot)
{
	initproc = proc_create(&proc0, false);
	strlcpy(initproc->p_comm, "init", sizeof(initproc->p_comm));
	boot->initproc = (uint64_t)initproc;
	return proc_open_console(initproc);
}

static const struct boot_step boot_steps[] = {
	{ "host", boot_host },
	{ "memory", boot_memory },
	{ "scheduler", boot_scheduler },
	{ "services", boot_services },
	{ "proc0", boot_proc0 },
	{ "vfs", boot_vfs },
	{ "root", boot_root },
	{ "modules", boot_modules },
	{ "init", boot_initproc },
};

static void
boot_greet(void)
{
	char buf[9];

	aprint_verbose("%s", version);
	format_bytes(buf, sizeof(buf), (uint64_t)physmem << PAGE_SHIFT);
	aprint_verbose("total memory = %s\n", buf);
	format_bytes(buf, sizeof(buf),
	    (uint64_t)kpage_avail() << PAGE_SHIFT);
	aprint_verbose("avail memory = %s\n", buf);
	aprint_verbose("mainbus0 (root)\ncpu0 at mainbus0\n");
}

int
kern_boot(struct door_boot *boot)
{
	const struct boot_step *bs;
	int error;

	for (bs = boot_steps; bs < boot_steps + __arraycount(boot_steps);
	    bs++) {
		if ((error = (*bs->bs_run)(boot)) != 0) {
			aprint_error("boot: %s: error %d\n", bs->bs_name,
			    error);
			return error;
		}
		if (bs->bs_run == boot_services)
			boot_greet();
		aprint_debug("boot: %s\n", bs->bs_name);
	}
	aprint_verbose("root on rootfs0\n");
	CUR_IMPL->li_lwp.l_stat = LSIDL;
	return 0;
}

/* Write everything back, unmount, and leave for good. */
static int
shut_down(int howto)
{
	if (doing_shutdown++ != 0)
		return EALREADY;
	if ((howto & RB_NOSYNC) == 0) {
		aprint_verbose("syncing disks... done\n");
		vfs_shutdown();
	}
	aprint_verbose("The operating system has halted.\n");
	hyp_halt(howto);
}

int
kern_shutdown(struct door_shutdown *d)
{
	return shut_down(d->howto);
}

int
sys_reboot(struct lwp *l, const struct sys_reboot_args *uap,
    register_t *retval)
{
	int error;

	error = kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_REBOOT, 0,
	    NULL, NULL, NULL);
	if (error != 0)
		return error;
	return shut_down(SCARG(uap, opt));
}
