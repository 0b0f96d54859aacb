/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The sysctl nodes that belong to nobody else: kern and hw.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/cprng.h>
#include <sys/cpu.h>
#include <sys/evcnt.h>
#include <sys/file.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/time.h>

#include "core/sysctl_impl.h"

extern void (*const __start_link_set_sysctl_funcs[])(struct sysctllog **);
extern void (*const __stop_link_set_sysctl_funcs[])(struct sysctllog **);

/* What follows an evcnt_sysctl is group and name, padded to 8 bytes. */
struct evcnt_sysctl {
	uint64_t ev_count;
	uint64_t ev_addr;
	uint64_t ev_parent;
	uint8_t	ev_type;
	uint8_t	ev_grouplen;
	uint8_t	ev_namelen;
	uint8_t	ev_len;		/* in 8 bytes */
	char	ev_strings[];
};

/* Run the kernel's own set; nothing ever tears it down. */
void
sysctl_run_sets(void)
{
	void (*const *setup)(struct sysctllog **);

	for (setup = __start_link_set_sysctl_funcs;
	    setup < __stop_link_set_sysctl_funcs; setup++)
		(**setup)(NULL);
}

static int
sysctl_kern_hostname(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	int error;

	error = sysctl_lookup(SYSCTLFN_CALL(&node));
	if (error == 0 && newp != NULL)
		hostnamelen = (int)strlen(hostname);
	return error;
}

static int
sysctl_kern_clockrate(SYSCTLFN_ARGS)
{
	struct clockinfo ci = {
		.hz = hz, .tick = tick, .stathz = hz, .profhz = hz
	};
	struct sysctlnode node = *rnode;

	node.sysctl_data = &ci;
	return sysctl_lookup(SYSCTLFN_CALL(&node));
}

static int
sysctl_kern_boottime(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	struct timespec ts;

	getnanoboottime(&ts);
	node.sysctl_data = &ts;
	return sysctl_lookup(SYSCTLFN_CALL(&node));
}

/* As many random bytes as are asked for, up to 256. */
static int
sysctl_kern_arnd(SYSCTLFN_ARGS)
{
	uint8_t buf[256];
	struct sysctlnode node = *rnode;

	if (*oldlenp == 0)
		return 0;
	node.sysctl_size = MIN(*oldlenp, sizeof(buf));
	node.sysctl_data = buf;
	cprng_fast(buf, node.sysctl_size);
	return sysctl_lookup(SYSCTLFN_CALL(&node));
}

static size_t
evcnt_record_size(const struct evcnt *ev)
{
	return roundup2(sizeof(struct evcnt_sysctl) + ev->ev_grouplen + 1U +
	    ev->ev_namelen + 1U, sizeof(uint64_t));
}

static int
evcnt_copyout(struct lwp *l, const struct evcnt *ev, char *to)
{
	uint64_t buf[(sizeof(struct evcnt_sysctl) +
	    2 * (EVCNT_STRING_MAX + 1) + 7) / 8];
	struct evcnt_sysctl *es = (void *)buf;
	size_t size = evcnt_record_size(ev);

	memset(buf, 0, size);
	es->ev_count = ev->ev_count;
	es->ev_addr = (uint64_t)ev;
	es->ev_parent = (uint64_t)ev->ev_parent;
	es->ev_type = ev->ev_type;
	es->ev_grouplen = ev->ev_grouplen;
	es->ev_namelen = ev->ev_namelen;
	es->ev_len = (uint8_t)(size / sizeof(uint64_t));
	memcpy(es->ev_strings, ev->ev_group, ev->ev_grouplen);
	memcpy(es->ev_strings + ev->ev_grouplen + 1, ev->ev_name,
	    ev->ev_namelen);
	return sysctl_copyout(l, es, to, size);
}

/* kern.evcnt.TYPE.WHICH: event counters of a type, all or those not zero. */
static int
sysctl_kern_evcnt(SYSCTLFN_ARGS)
{
	const struct evcnt *ev;
	size_t room = oldp != NULL ? *oldlenp : 0, need = 0, size;
	int error = 0;

	if (namelen != 2 || name[0] < EVCNT_TYPE_ANY ||
	    name[0] > EVCNT_TYPE_TRAP || name[1] < 0 || name[1] > 1)
		return EINVAL;
	if (newp != NULL)
		return EPERM;
	TAILQ_FOREACH(ev, &allevents, ev_list) {
		if ((name[0] != EVCNT_TYPE_ANY && ev->ev_type != name[0]) ||
		    (name[1] == 1 && ev->ev_count == 0))
			continue;
		size = evcnt_record_size(ev);
		if (error == 0 && oldp != NULL) {
			if (need + size > room)
				error = ENOMEM;
			else
				error = evcnt_copyout(l, ev,
				    (char *)oldp + need);
		}
		need += size;
	}
	*oldlenp = need;
	return error;
}

static int
sysctl_hw_memory(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	u_quad_t bytes = (u_quad_t)physmem << PAGE_SHIFT;
	u_int small = bytes > INT_MAX ? INT_MAX : (u_int)bytes;

	if (node.sysctl_size == sizeof(small))
		node.sysctl_data = &small;
	else
		node.sysctl_data = &bytes;
	return sysctl_lookup(SYSCTLFN_CALL(&node));
}

#define	KERN_STRING(clog, num, nm, var, len)				\
	sysctl_createv((clog), 0, NULL, NULL, CTLFLAG_PERMANENT,	\
	    CTLTYPE_STRING, (nm), NULL, NULL, 0, __UNCONST(var), (len),	\
	    CTL_KERN, (num), CTL_EOL)
#define	FIXED_INT(clog, base, num, nm, value)				\
	sysctl_createv((clog), 0, NULL, NULL,				\
	    CTLFLAG_PERMANENT | CTLFLAG_IMMEDIATE, CTLTYPE_INT, (nm),	\
	    NULL, NULL, (value), NULL, 0, (base), (num), CTL_EOL)
#define	BY_FUNCTION(clog, type, base, num, nm, func, size)		\
	sysctl_createv((clog), 0, NULL, NULL, CTLFLAG_PERMANENT, (type), \
	    (nm), NULL, (func), 0, NULL, (size), (base), (num), CTL_EOL)

SYSCTL_SETUP(sysctl_kern_setup, "sysctl kern subtree")
{
	KERN_STRING(clog, KERN_OSTYPE, "ostype", ostype, 0);
	KERN_STRING(clog, KERN_OSRELEASE, "osrelease", osrelease, 0);
	KERN_STRING(clog, KERN_VERSION, "version", version, 0);
	FIXED_INT(clog, CTL_KERN, KERN_OSREV, "osrevision",
	    __NetBSD_Version__);
	FIXED_INT(clog, CTL_KERN, KERN_NGROUPS, "ngroups", NGROUPS_MAX);
	FIXED_INT(clog, CTL_KERN, KERN_ARGMAX, "argmax", ARG_MAX);
	FIXED_INT(clog, CTL_KERN, KERN_IOV_MAX, "iov_max", IOV_MAX);
	FIXED_INT(clog, CTL_KERN, KERN_MAXPHYS, "maxphys", MAXPHYS);
	FIXED_INT(clog, CTL_KERN, KERN_FSCALE, "fscale", FSCALE);
	FIXED_INT(clog, CTL_KERN, KERN_FSYNC, "fsync", 1);
	FIXED_INT(clog, CTL_KERN, KERN_MONOTONIC_CLOCK, "monotonic_clock",
	    200112);
	sysctl_createv(clog, 0, NULL, NULL,
	    CTLFLAG_PERMANENT | CTLFLAG_READWRITE, CTLTYPE_STRING,
	    "hostname", NULL, sysctl_kern_hostname, 0, hostname,
	    sizeof(hostname), CTL_KERN, KERN_HOSTNAME, CTL_EOL);
	sysctl_createv(clog, 0, NULL, NULL,
	    CTLFLAG_PERMANENT | CTLFLAG_READWRITE, CTLTYPE_INT, "maxproc",
	    NULL, NULL, 0, &maxproc, 0, CTL_KERN, KERN_MAXPROC, CTL_EOL);
	sysctl_createv(clog, 0, NULL, NULL,
	    CTLFLAG_PERMANENT | CTLFLAG_READWRITE, CTLTYPE_INT, "maxfiles",
	    NULL, NULL, 0, &maxfiles, 0, CTL_KERN, KERN_MAXFILES, CTL_EOL);
	BY_FUNCTION(clog, CTLTYPE_STRUCT, CTL_KERN, KERN_CLOCKRATE,
	    "clockrate", sysctl_kern_clockrate, sizeof(struct clockinfo));
	BY_FUNCTION(clog, CTLTYPE_STRUCT, CTL_KERN, KERN_BOOTTIME, "boottime",
	    sysctl_kern_boottime, sizeof(struct timespec));
	BY_FUNCTION(clog, CTLTYPE_STRUCT, CTL_KERN, KERN_ARND, "arandom",
	    sysctl_kern_arnd, 0);
	BY_FUNCTION(clog, CTLTYPE_STRUCT, CTL_KERN, KERN_EVCNT, "evcnt",
	    sysctl_kern_evcnt, 0);
}

SYSCTL_SETUP(sysctl_hw_setup, "sysctl hw subtree")
{
	sysctl_createv(clog, 0, NULL, NULL, CTLFLAG_PERMANENT,
	    CTLTYPE_STRING, "machine", NULL, NULL, 0, __UNCONST(MACHINE), 0,
	    CTL_HW, HW_MACHINE, CTL_EOL);
	sysctl_createv(clog, 0, NULL, NULL, CTLFLAG_PERMANENT,
	    CTLTYPE_STRING, "machine_arch", NULL, NULL, 0,
	    __UNCONST(MACHINE_ARCH), 0, CTL_HW, HW_MACHINE_ARCH, CTL_EOL);
	sysctl_createv(clog, 0, NULL, NULL, CTLFLAG_PERMANENT,
	    CTLTYPE_STRING, "model", NULL, NULL, 0, __UNCONST("rumpy"), 0,
	    CTL_HW, HW_MODEL, CTL_EOL);
	FIXED_INT(clog, CTL_HW, HW_NCPU, "ncpu", 1);
	FIXED_INT(clog, CTL_HW, HW_NCPUONLINE, "ncpuonline", 1);
	FIXED_INT(clog, CTL_HW, HW_BYTEORDER, "byteorder", 1234);
	FIXED_INT(clog, CTL_HW, HW_PAGESIZE, "pagesize", PAGE_SIZE);
	FIXED_INT(clog, CTL_HW, HW_ALIGNBYTES, "alignbytes", ALIGNBYTES);
	BY_FUNCTION(clog, CTLTYPE_INT, CTL_HW, HW_PHYSMEM, "physmem",
	    sysctl_hw_memory, sizeof(int));
	BY_FUNCTION(clog, CTLTYPE_QUAD, CTL_HW, HW_PHYSMEM64, "physmem64",
	    sysctl_hw_memory, sizeof(u_quad_t));
	BY_FUNCTION(clog, CTLTYPE_QUAD, CTL_HW, HW_USERMEM64, "usermem64",
	    sysctl_hw_memory, sizeof(u_quad_t));
}
