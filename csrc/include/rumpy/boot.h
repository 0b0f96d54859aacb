/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a kernel and its host share in memory, as opposed to by calls: the
 * shared page, block requests, and the argument of kern_boot().
 *
 * Included by kernel code, host C and (as far as listed in hyp.cdef) cffi, so
 * every member has a fixed width and nothing here depends on a C library.
 */
#ifndef _RUMPY_BOOT_H_
#define _RUMPY_BOOT_H_

#ifdef _KERNEL
#include <sys/types.h>
#else
#include <stddef.h>
#include <stdint.h>
#endif

#define	HYP_CLOCK_REALTIME	0
#define	HYP_CLOCK_MONOTONIC	1

/* hyp_mem_protect() */
#define	HYP_PROT_NONE	0
#define	HYP_PROT_READ	1
#define	HYP_PROT_WRITE	2

/* hyp_park() */
#define	HYP_PARK_RUN	1	/* unparked, or the deadline has passed */
#define	HYP_PARK_INTR	2	/* interrupt the caller's own sleep */

/*
 * A block transfer.  The kernel owns it from its making to the submission and
 * again from completion on; the host owns it in between.
 */
#define	HYP_READ	1
#define	HYP_WRITE	2
#define	HYP_FLUSH	3
#define	HYP_DISCARD	4

#define	HYP_BIO_WAIT	1	/* the caller waits for it at once */

struct hyp_iovec {
	void *base;
	uint64_t len;
};

struct hyp_bio {
	uint64_t dev;		/* host's device number (door_disk.dev) */
	int32_t op;
	uint32_t flags;
	int64_t offset;		/* bytes */
	uint64_t length;	/* bytes, the sum of iov[] */
	struct hyp_iovec *iov;
	int32_t iovcnt;
	int32_t error;		/* result: NetBSD errno */
	uint64_t resid;		/* result: bytes not transferred */
	void *cookie;		/* the kernel's */
	struct hyp_bio *next;	/* the host's, and of the list of hyp_drain() */
	void *host[4];		/* the host's */
};

/*
 * The head of every context of the kernel, as far as a door needs it: contexts
 * that nobody uses form a list, newest first.
 */
struct kern_context {
	uint64_t kc_stack;	/* top, 16-byte aligned */
	struct kern_context *kc_next;
};

/*
 * What the virtual CPU runs.  Lies in the kernel, at door_boot.cpu, so that
 * x86_curlwp() is one load; the host saves and restores it around released
 * hypercalls.
 */
struct kern_cpu {
	void *cpu_curlwp;	/* running context */
	void *cpu_home;		/* context bound to this host thread */
	uint32_t cpu_nosleep;	/* > 0 while the CPU must not be given away */
	uint32_t cpu_pad;
};

/*
 * The shared page, first page of the arena.  Unless said otherwise a member
 * belongs to whoever holds the virtual CPU.
 */
struct hyp_shared {
	/* One line that every door touches. */
	uint32_t sh_cpu;	/* atomic; see csrc/hypercall/cpu.c */
	uint32_t sh_entry;	/* atomic; doors that find it set look closer */
	uint32_t sh_runnable;	/* kernel: length of the unbound run queue */
	uint32_t sh_nwait;	/* host threads that wait for the CPU */
	uint64_t sh_work;	/* completions wait for hyp_drain() */
	uint64_t sh_seq;	/* counts doors and switches, for the watchdog */
	struct kern_context *sh_context;	/* free contexts */
	void *sh_host;		/* host thread that holds the CPU */
	uint64_t sh_pad1[2];

	/* Time, stored by the host at hz while the kernel is in use. */
	int64_t sh_wall;	/* atomic; ns since 1970 */
	int64_t sh_mono;	/* atomic; ns since boot */
	uint64_t sh_pad2[6];

	/* Posts to the CPU's holder. */
	void *sh_inbox;		/* atomic; host threads, newest first */
	void *sh_done;		/* atomic; struct hyp_bio, newest first */
	int64_t sh_deadline;	/* atomic; hyp_arm() */
	int64_t sh_until;	/* atomic; what the idle thread sleeps until */
	uint64_t sh_pad3[4];
};

/*
 * A stretch of kernel text that may fault on a pointer of somebody else, and
 * where to go on then.  The kernel hands over one array of these; START is the
 * first byte, END the first one behind.
 */
struct kern_fixup {
	uint64_t start;
	uint64_t end;
	uint64_t landing;
};

struct door_boot {
	uint64_t size;		/* of this structure */
	uint32_t version;	/* of hypercalls.tbl: HYP_VERSION */
	int32_t hz;
	uint64_t arena;		/* pages the kernel may use: address, bytes */
	uint64_t arena_size;
	uint64_t memory_limit;	/* bytes of them in use at a time */
	struct hyp_shared *shared;
	void *host;		/* the calling host thread, as in door_enter */
	uint64_t stack;		/* the stack that kern_boot() runs on */
	uint64_t stack_size;
	uint64_t low_base;	/* this kernel's image and modules */
	uint64_t low_end;
	int32_t boothowto;	/* AB_VERBOSE and friends */
	int32_t pad;
	/* results */
	struct kern_cpu *cpu;
	const struct kern_fixup *fixups;
	uint64_t nfixups;
	int64_t *time_second;	/* stored by the host at hz */
	int64_t *time_uptime;
	uint64_t initproc;	/* handle of the initial process */
};

#endif /* _RUMPY_BOOT_H_ */
