/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The doors: every function that the host may call in a kernel, and the
 * structures they take.
 *
 * All have the form int kern_NAME(struct door_NAME *): 0 or a NetBSD errno,
 * arguments and results in one structure of fixed-width members.  The host
 * finds them by name in the kernel's symbol table (struct hyp_entry) and calls
 * them by hyp_call(), which has taken the virtual CPU and switched to a
 * context's stack before.
 */
#ifndef _RUMPY_DOORS_H_
#define _RUMPY_DOORS_H_

#include <rumpy/boot.h>

/* A system call by NetBSD's number; the process is given at the door. */
struct door_syscall {
	int32_t number;
	int32_t pad;
	int64_t args[8];
	int64_t retval[2];
};

/* A new process: its credentials. */
struct door_proc {
	uint32_t uid;
	uint32_t gid;
	int32_t ngroups;
	int32_t pad;
	uint32_t groups[16];
	uint64_t parent;	/* handle it inherits descriptors, cwd of, or 0 */
	uint64_t handle;	/* result; argument of kern_proc_exit */
};

/* A disk: makes /dev/NAME and /dev/rNAME. */
#define	DOOR_DISK_RDONLY	1

struct door_disk {
	char name[32];
	uint64_t dev;		/* the host's number, in hyp_bio.dev */
	uint32_t sector_size;
	uint32_t flags;
	uint64_t sector_count;
	uint64_t block;		/* results: dev_t of the two nodes */
	uint64_t character;
};

/*
 * A linked module, ready to be initialised.  hyp_module_link() marks a
 * dependency that must be attached before the module asked for can be linked:
 * the kernel attaches it and asks again.
 */
#define	DOOR_MODULE_MORE	0x10000

struct door_module {
	char name[64];
	const void *modinfo;		/* struct modinfo */
	void *const *sysctl_funcs;	/* link_set_sysctl_funcs */
	uint64_t nsysctl_funcs;
	void *const *evcnts;		/* link_set_evcnts */
	uint64_t nevcnts;
	uint64_t base;			/* its mapped range */
	uint64_t size;
	int32_t flags;			/* modctl(2) flags */
	int32_t pad;
	uint64_t host;			/* the linker's */
	uint64_t handle;		/* result */
};

/* Shut down: reboot(2) flags. */
struct door_shutdown {
	int32_t howto;
	int32_t pad;
};

/* Interrupt the sleep of an unbound context (FUSE_INTERRUPT). */
struct door_interrupt {
	void *arg;		/* the argument it was submitted with */
	int32_t found;		/* result */
	int32_t pad;
};

/*
 * How a door reaches its context; only csrc/hypercall/door.c and
 * csrc/kernel/core/sched.c know it.
 */
struct door_enter {
	void *host;		/* cookie of the host thread, for hyp_unpark */
	uint64_t proc;
	uint64_t fn;
	void *arg;
};

struct export_req;		/* <rumpy/export.h> */
struct door_export;

#ifdef _KERNEL
int	kern_boot(struct door_boot *);
int	kern_shutdown(struct door_shutdown *);
int	kern_syscall(struct door_syscall *);
int	kern_proc_create(struct door_proc *);
int	kern_proc_exit(struct door_proc *);
int	kern_disk_attach(struct door_disk *);
int	kern_disk_detach(struct door_disk *);
int	kern_module_attach(struct door_module *);
int	kern_module_detach(struct door_module *);
int	kern_export(struct export_req *);
int	kern_export_attach(struct door_export *);
int	kern_export_detach(struct door_export *);
int	kern_interrupt(struct door_interrupt *);
void	kern_block_done(struct hyp_bio *);

/* The scheduler's own entries. */
int	kern_enter(struct kern_context *, struct door_enter *);
int	kern_submit(struct door_enter *);
int	kern_idle(void *);
int	kern_attention(void *);
#endif

#endif /* _RUMPY_DOORS_H_ */
