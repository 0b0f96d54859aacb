/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files that run a kernel share: its host threads, its doors, the
 * virtual CPU.  The rest of the host side sees hyp.h only, and the functions
 * at the end of this file.
 *
 *	cpu.c		the CPU word, inbox and wait words; park and unpark
 *	door.c		the way in and out; released hypercalls
 *	context.S	switching between the two stacks of a door
 *	fault.c		signals that become panics; the panic record
 *	monitor.c	time variables, watchdog, handlers' re-check
 *	iothread.c	transfers that would block
 *	fork.c		a child of fork must not touch its parent's kernels
 *	kernel.c	life and death of a kernel
 *	snapshot.c	keeping a kernel's state, and going back to it
 *	memsnap.c	copies of its memory
 *	task.c		threads whose calls a searcher makes
 */
#ifndef _HYPERCALL_INTERNAL_H_
#define _HYPERCALL_INTERNAL_H_

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hyp.h"

#define	likely(e)	__builtin_expect(!!(e), 1)
#define	unlikely(e)	__builtin_expect(!!(e), 0)

#define	NS_PER_SEC	INT64_C(1000000000)

/* The CPU word, sh_cpu. */
#define	CPU_HELD	1u	/* somebody has the CPU */
#define	CPU_ATTN	2u	/* the inbox is not empty */

/* Why a door must look closer, sh_entry. */
#define	ENTRY_DEAD	1u	/* closed, halted or panicked */
#define	ENTRY_STALE	2u	/* the monitor sleeps: refresh the time */

/*
 * States of a host thread's wait word.  Its upper bits count kicks, so that a
 * wait that has just been decided on does not miss one.
 */
enum {
	W_RUN,		/* not waiting; it has the CPU, or is elsewhere */
	W_WAIT,		/* waiting; may be granted the CPU or woken */
	W_WAKE,		/* told to compete for the CPU, and will */
	W_GRANT,	/* has been given the CPU */
	W_AWAY,		/* runs Python's signal handlers meanwhile */
	W_WANTED,	/* was away when the CPU was to be given */
};
#define	W_STATE		7u
#define	W_KICK		8u

/*
 * A host thread as seen by one kernel.  Never freed, only reused for another
 * thread or kernel, so that a late wake-up finds a word.
 */
struct hyp_host {
	_Atomic uint32_t h_word;
	_Atomic uint32_t h_posted;	/* is in the inbox */
	struct hyp_host	*h_inbox;	/* next in the inbox */

	/* Owned by the CPU's holder. */
	struct hyp_host	*h_next;	/* queue of those who want the CPU */
	struct hyp_host	*h_prev;
	_Atomic bool	h_queued;
	bool		h_first;	/* lost a competition: goes first */
	bool		h_parked;	/* may be unparked */
	bool		h_stale;	/* waited at the door through a restore */
	bool		h_within;	/* waits in a hypercall, not at a door */
	bool		h_restart;	/* idle: begin again, with the CPU */
	uint32_t	h_barges;	/* how often others went first */
	int64_t		h_since;	/* when it began to wait, or 0 */

	/* Owned by the thread. */
	_Atomic bool	h_open;		/* a door of it is open */
	bool		h_intr;		/* its sleep is to end */
	_Atomic bool	h_cancel;	/* hyp_thread_cancel(); set by others */
	_Atomic bool	h_entering;	/* waits for the CPU at a door */
	_Atomic bool	h_due;		/* idle: its deadline has passed */
	const char	*_Atomic h_call; /* released hypercall it is in */
	_Atomic int64_t	h_call_since;	/* about when, host's clock */
	bool		h_idle;		/* it is the kernel's idle thread */
	int64_t		h_give_up;	/* stop waiting then; 0: never */
	int64_t		h_checked;	/* when it last ran signal handlers */
	struct hyp_door	*h_door;

	/* Guarded by host_lock (door.c). */
	struct hyp_kernel *h_kernel;
	struct hyp_thread *h_thread;
	int		h_tid;
	uint64_t	h_serial;	/* of the kernel */
	struct hyp_host	*h_of_kernel;	/* list */
	struct hyp_host	*h_of_thread;	/* list */
};

/*
 * One call into a kernel; lies on the host thread's stack.  context.S knows
 * the first five members.
 */
struct hyp_door {
	uint64_t	d_host_sp;	/* where hypercalls run */
	uint64_t	d_kern_sp;	/* of the hypercall in progress */
	uint64_t	d_kern_bp;
	uint64_t	d_mode;		/* 1: kernel code is running */
	uint64_t	d_escaped;	/* left by hyp_escape() */
	struct hyp_door	*d_up;		/* the door outside this one */
	struct hyp_kernel *d_kernel;
	struct hyp_host	*d_host;
	struct kern_cpu	d_cpu;		/* saved while released */
	bool		d_given;	/* in a released hypercall */
	bool		d_lent;		/* ... of an unbound context */
	bool		d_done;		/* left in good order */
	bool		d_interrupted;	/* a signal handler raised in Python */
	uint64_t	d_exception;	/* token of Python's */
	struct door_enter d_enter;
};

/* A host thread.  Thread-local. */
struct hyp_thread {
	struct hyp_host	*t_last;	/* the host of its latest door */
	struct hyp_host	*t_hosts;	/* all of them */
	uint64_t	t_exception;	/* of the latest door */
	int64_t		t_limit;	/* sleeps end then; 0: never */
	bool		t_ready;	/* signals and alternate stack are set */
	bool		t_main;		/* runs Python's signal handlers */
	bool		t_chaining;	/* in somebody else's fault handler */
	void		*t_altstack;	/* ours, or NULL */
	struct hyp_task	*t_task;	/* task.c: others make its calls */
};

#define	IO_THREADS	8	/* at most, for each kernel */

/* A transfer that a helper thread is at; tid 0: none. */
struct io_work {
	int		tid;
	int64_t		since;
};

struct hyp_kernel {
	struct hyp_shared *k_shared;
	struct kern_cpu	*k_cpu;
	struct hyp_provider provider;	/* name known to generated code */
	struct hyp_entry k_entry;
	struct hyp_config k_config;
	uint64_t	k_serial;
	uint64_t	k_initproc;
	_Atomic int	k_state;
	uint32_t	k_process;	/* *hyp_process of its maker */
	bool		k_started;

	/* Owned by the CPU's holder. */
	struct hyp_host	*k_first;	/* queue of those who want the CPU */
	struct hyp_host	*k_tail;
	struct hyp_bio	*k_done;	/* completions, oldest first */
	struct hyp_bio	**k_done_tail;
	struct hyp_stats k_stats;

	/* Idle and monitor threads. */
	struct hyp_host	*_Atomic k_idle;
	pthread_t	k_idle_thread;
	pthread_t	k_monitor_thread;
	bool		k_idle_started;
	bool		k_monitor_started;
	bool		k_ending;	/* being closed, under k_lock */
	bool		k_exhumed;	/* dead, held by hyp_snapshot_begin() */
	pthread_cond_t	k_life;		/* with k_lock: revived or closed */
	struct kern_context *k_idle_context;
	_Atomic int64_t	k_idle_until;	/* host's clock: idle sleeps until */
	_Atomic uint32_t k_monitor_word;	/* futex: MON_ in monitor.c */
	int64_t		*k_time_second;
	int64_t		*k_time_uptime;
	struct door_boot *k_boot;	/* while booting */
	_Atomic uint64_t k_watch_seq;	/* what the watchdog has seen */
	const struct kern_fixup *k_fixups;
	uint64_t	k_nfixups;

	struct hyp_console *k_console;	/* console.c */
	int64_t		k_boot_mono;	/* host's clock when made: clock.c */

	pthread_mutex_t	k_lock;		/* k_panic, the list of hosts */
	struct hyp_host	*k_hosts;
	struct hyp_panic k_panic;

	/* Transfers that would block. */
	pthread_mutex_t	k_io_lock;
	pthread_cond_t	k_io_cond;
	struct hyp_bio	*k_io_first;
	struct hyp_bio	**k_io_tail;
	unsigned	k_io_threads;
	unsigned	k_io_idle;
	unsigned	k_io_queued;
	struct io_work	k_io_work[IO_THREADS];
	bool		k_io_stop;
};

/* --- context.S ------------------------------------------------------------ */

extern __thread struct hyp_door *hyp_top
    __attribute__((tls_model("initial-exec")));

/*
 * Call FN(A, B) on the stack that ends at STACK.  Returns its result, or the
 * value given to hyp_escape().
 */
int	hyp_door_run(struct hyp_door *, uint64_t stack, uint64_t fn, void *a,
	    void *b);
/* Abandon whatever runs inside the door. */
void	hyp_escape(struct hyp_door *, int value) __attribute__((__noreturn__));
/* Where a fault handler sends a thread (register arguments: door). */
void	hyp_landing(void);
/* Copy bytes; false: an address was bad (some bytes may be copied). */
bool	hyp_copy_guarded(void *, const void *, size_t);
extern const char hyp_copy_guarded_start[], hyp_copy_guarded_end[],
    hyp_copy_guarded_fault[];

/* --- cpu.c ---------------------------------------------------------------- */

extern const struct hyp_python *hyp_python_ops;

/* Take and give up the CPU; both off the kernel's stacks. */
bool	cpu_enter_slow(struct hyp_kernel *, struct hyp_host *);
bool	cpu_enter_timed(struct hyp_kernel *, struct hyp_host *, int ms);
void	cpu_leave_slow(struct hyp_kernel *, struct hyp_host *);
void	cpu_complete(struct hyp_kernel *, struct hyp_bio *);
void	cpu_rearm(struct hyp_kernel *);
void	cpu_remind(struct hyp_kernel *);
bool	cpu_remembers(struct hyp_host *);
int64_t	cpu_clock(struct hyp_kernel *, int);
void	cpu_wake_all(struct hyp_kernel *);
void	cpu_cancel(struct hyp_host *);
void	cpu_reset(struct hyp_kernel *);
void	cpu_recall(struct hyp_kernel *);
void	cpu_rearm_after(struct hyp_kernel *, int64_t deadline);
int64_t	hyp_now(void);
int64_t	hyp_now_about(void);	/* to a few milliseconds, cheaper */

static inline bool
cpu_dead(struct hyp_kernel *k)
{

	return (__atomic_load_n(&k->k_shared->sh_entry, __ATOMIC_ACQUIRE) &
	    ENTRY_DEAD) != 0;
}

/* --- door.c --------------------------------------------------------------- */

extern __thread struct hyp_thread hyp_self
    __attribute__((tls_model("initial-exec")));

static inline struct hyp_kernel *
hyp_current(void)
{

	return hyp_top->d_kernel;
}

/* Whether the running context may lose the CPU. */
static inline bool
hyp_may_give(const struct hyp_kernel *k)
{

	return k->k_cpu != NULL && k->k_cpu->cpu_nosleep == 0;
}

/* Around a released hypercall, of that name. */
void	hyp_give(struct hyp_kernel *, const char *);
void	hyp_take(struct hyp_kernel *);
/* The idle thread is to begin its door anew; never leaves door.c. */
#define	HYP_ERESTART	(-1199)

/* What a door into a dead kernel answers. */
int	kernel_epitaph(struct hyp_kernel *);
/* The first door, and the idle thread's. */
int	door_boot_run(struct hyp_kernel *, struct door_boot *);
int	door_idle_run(struct hyp_kernel *);
/* Take the CPU for good, waiting for a time.  Not while inside. */
bool	door_seize(struct hyp_kernel *, int timeout_ms);
struct hyp_host *host_of_thread(struct hyp_kernel *);
/* Why the kernel is not at rest, or 0; the caller has the CPU. */
int	host_unrest(struct hyp_kernel *, struct hyp_host *me);
void	host_reset(struct hyp_kernel *);
void	host_recall(struct hyp_kernel *);
void	host_outdate(struct hyp_kernel *);
void	host_forget_kernel(struct hyp_kernel *);
void	host_wake_all(struct hyp_kernel *);
int	host_count_open(struct hyp_kernel *);
void	host_evict(struct hyp_kernel *);
void	host_fork_child(void);

/* --- fault.c -------------------------------------------------------------- */

int	fault_init(void);
void	fault_check_handlers(void);
void	fault_thread_init(void);
void	fault_thread_exit(struct hyp_thread *);
/* Create a thread that signals of others never reach. */
int	fault_thread_create(pthread_t *, void *(*)(void *), void *);
void	fault_landed(struct hyp_door *) __attribute__((__noreturn__));
/* Interrupt a thread that runs kernel text too long. */
void	fault_interrupt(int tid);
/* The kernel has called panic(), or a hypercall was not allowed. */
void	panic_called(struct hyp_door *, const char *, uint64_t)
	    __attribute__((__noreturn__));

/* --- monitor.c ------------------------------------------------------------ */

int	monitor_start(struct hyp_kernel *);
void	monitor_stop(struct hyp_kernel *);
void	monitor_refresh(struct hyp_kernel *);
void	monitor_store_time(struct hyp_kernel *);

/* --- kernel.c ------------------------------------------------------------- */

bool	kernel_is_text(struct hyp_kernel *, uint64_t);
/* The first caller decides the state; true for that one. */
bool	kernel_kill(struct hyp_kernel *, int state);
/* Take a dead kernel's CPU, with nobody inside and no threads at work. */
int	kernel_exhume(struct hyp_kernel *, int timeout_ms);
int	kernel_revive(struct hyp_kernel *);

/* --- fork.c --------------------------------------------------------------- */

/* Serial number of the process, 0 in a child that has no kernel yet. */
extern volatile uint32_t *hyp_process;
int	fork_init(void);

/* Is the kernel another process's? */
static inline bool
fork_is_child(struct hyp_kernel *k)
{

	return *hyp_process != k->k_process;
}

/* --- iothread.c ----------------------------------------------------------- */

bool	io_stop(struct hyp_kernel *, int timeout_ms);
void	io_restart(struct hyp_kernel *);
bool	io_busy(struct hyp_kernel *);
int	io_waiting(struct hyp_kernel *, struct hyp_waiting *, int);

/* --- memsnap.c ------------------------------------------------------------ */

struct mem_track;
struct mem_image;
struct hyp_snapshot_info;

int	mem_image_take(struct hyp_memory *, int how, struct mem_image **);
int	mem_image_restore(struct mem_image *);
void	mem_image_free(struct mem_image *);
void	mem_image_info(struct mem_image *, struct hyp_snapshot_info *);
void	mem_track_punched(struct mem_track *, uint64_t offset, uint64_t size);
void	mem_track_end(struct mem_track *);

/* --- console.c ------------------------------------------------------------ */

struct hyp_console *hyp_console_create(void);
void	hyp_console_destroy(struct hyp_console *);
/* What a snapshot keeps of it: the unfinished line and unread input. */
struct hyp_console_state {
	uint32_t	partial;
	uint32_t	count;
	int32_t		open;
	char		line[256];
	char		input[4096];
};
void	hyp_console_save(struct hyp_console *, struct hyp_console_state *);
void	hyp_console_load(struct hyp_console *,
	    const struct hyp_console_state *);

/* --- what others provide -------------------------------------------------- */

/*
 * 0: done, error and resid are set.  EAGAIN: would have to wait.  Never
 * blocks and never takes the GIL.
 */
int	hyp_block_try(struct hyp_kernel *, struct hyp_bio *);
/* Do it, however long it takes; sets error and resid. */
int	hyp_block_execute(struct hyp_kernel *, struct hyp_bio *);

#endif /* _HYPERCALL_INTERNAL_H_ */
