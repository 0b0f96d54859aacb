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

/*
 * A mount by its number, which stays when the path to it does not: directories
 * above it may be renamed, roots changed, other mounts put over it.
 */
struct door_mount {
	const char *path;	/* kern_mount_find: its root */
	uint64_t gen;		/* its number: mnt_gen */
	int32_t flags;		/* MNT_FORCE to end it; else: whether */
	int32_t pad;
};

/* Interrupt the sleep of an unbound context (FUSE_INTERRUPT). */
struct door_interrupt {
	void *arg;		/* the argument it was submitted with */
	int32_t found;		/* result */
	int32_t pad;
};

/*
 * Look at what modules have allocated (csrc/kernel/core/memcheck.c): what was
 * by text from BASE on and is not freed.
 */
struct door_leak {
	uint64_t size;
	uint64_t frames[6];
};

struct door_memcheck {
	uint64_t base;
	uint64_t size;
	struct door_leak *leaks;
	uint64_t room;
	uint64_t count;		/* results */
	uint64_t bytes;
};

/*
 * A searched schedule: tasks of the host make calls, each in a context of its
 * own, and csrc/kernel/core/search.c decides which of them goes on.  The whole
 * lies in the host's memory, where it outlives the kernel.
 */
#define	SEARCH_TASKS	16

/* op */
#define	SEARCH_BEGIN	1
#define	SEARCH_ASK	2	/* TASK calls its fn(arg) for proc */
#define	SEARCH_RUN	3	/* until there is a status */
#define	SEARCH_LOOK	4	/* fill in where tasks sleep */
#define	SEARCH_END	5

/* status */
#define	SEARCH_ANSWER	1	/* calls have ended: see their state */
#define	SEARCH_TIME	2	/* all sleep; a time-out is due at DEADLINE */
#define	SEARCH_IO	3	/* all sleep; the host is at transfers */
#define	SEARCH_STUCK	4	/* all sleep, and nothing will come */
#define	SEARCH_LIMIT	5	/* more decisions than the limit */

/* policy */
#define	SEARCH_GIVEN	0	/* what is given, else the default */
#define	SEARCH_RANDOM	1
#define	SEARCH_PRIORITY	2

/* Who goes on: the number of a task, or one of these and a number. */
#define	SEARCH_THREAD	0x100	/* kernel thread, its l_lid */
#define	SEARCH_BIO	0x10000	/* completion of a transfer, its serial number */
#define	SEARCH_HOLD	0xffffffff	/* a transfer completes later */

/* Decision AT was not the default one. */
struct search_choice {
	uint32_t at;
	uint32_t who;
};

/* state of a task */
#define	SEARCH_IDLE	0
#define	SEARCH_ASKED	1
#define	SEARCH_ANSWERED	2

struct search_task {
	uint64_t fn;
	uint64_t arg;
	uint64_t proc;
	int32_t error;		/* what fn answered */
	uint32_t state;
	uint32_t priority;
	/* SEARCH_LOOK: */
	uint32_t nframes;
	uint64_t wchan;		/* 0: it does not sleep */
	uint32_t owner;		/* who holds the lock it waits for, or HOLD */
	uint32_t pad;
	char wmesg[16];
	uint64_t frames[24];
};

struct door_search {
	int32_t op;
	uint32_t task;
	int32_t status;		/* result */
	uint32_t attend;	/* RUN: time has passed */
	uint64_t seed;
	uint32_t policy;
	uint32_t period;	/* RANDOM: one of so many points preempts */
	uint32_t limit;		/* of decisions */
	uint32_t decisions;	/* so far */
	struct search_choice *given;	/* in order; wins over the policy */
	struct search_choice *trace;	/* room for what was chosen */
	uint32_t ngiven;
	uint32_t ntrace;
	uint32_t room;
	uint32_t nchanges;
	uint32_t changes[8];	/* PRIORITY: decisions that lower one's own */
	int64_t deadline;
	struct search_task tasks[16];
};

/*
 * What instrumented modules tell of their way (csrc/kernel/core/cover.c): which
 * basic block followed which, and what was compared.  All of it lies in the
 * host's memory, so that a snapshot that is restored leaves it alone.
 *
 * EDGES is a hash table of SLOTS entries, a power of two; free ones have no
 * target.  USED lists the slots of the run that was begun last.
 */
#define	COVER_ATTACH	1	/* from now on */
#define	COVER_DETACH	2
#define	COVER_BEGIN	3	/* a new run: nothing was reached yet */
#define	COVER_JUDGE	4	/* how much of it is new; it is not from now on */

struct cover_edge {
	uint32_t source;	/* 0: where the module was entered */
	uint32_t target;	/* return addresses */
	uint32_t run;
	uint32_t count;		/* times in that run */
	uint32_t seen;		/* classes of counts that were judged before */
	uint32_t first;		/* the run in which it was new */
};

struct cover_compare {
	uint64_t left;		/* the constant, if one is */
	uint64_t right;
	uint32_t at;
	uint32_t size;		/* bytes */
};

struct door_cover {
	int32_t op;
	uint32_t slots;
	struct cover_edge *edges;
	uint32_t *used;
	struct cover_compare *compares;
	uint32_t nused;
	uint32_t lost;		/* edges for which there was no room */
	uint32_t room;		/* of compares; 0: none are wanted */
	uint32_t ncompares;
	uint32_t run;
	uint32_t last;		/* the block; 0: the next edge has no source */
	uint64_t context;	/* in which it was */
	uint32_t total;		/* slots in use */
	uint32_t fresh;		/* JUDGE: edges that are new, */
	uint32_t oftener;	/* or have a new class of counts */
	uint32_t pad;
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
int	kern_mount_find(struct door_mount *);
int	kern_mount_live(struct door_mount *);
int	kern_mount_end(struct door_mount *);
int	kern_mount_nodiratime(struct door_mount *);
int	kern_module_attach(struct door_module *);
int	kern_module_detach(struct door_module *);
int	kern_export(struct export_req *);
int	kern_export_attach(struct door_export *);
int	kern_export_detach(struct door_export *);
int	kern_interrupt(struct door_interrupt *);
int	kern_search(struct door_search *);
int	kern_memcheck(struct door_memcheck *);
int	kern_cover(struct door_cover *);
void	kern_block_done(struct hyp_bio *);

/* The scheduler's own entries. */
int	kern_enter(struct kern_context *, struct door_enter *);
int	kern_submit(struct door_enter *);
int	kern_idle(void *);
int	kern_attention(void *);
#endif

#endif /* _RUMPY_DOORS_H_ */
