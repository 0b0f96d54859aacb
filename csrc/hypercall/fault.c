/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signals that a kernel causes, and what is left of it afterwards.
 *
 * A synchronous fault is the kernel's if the thread is in kernel mode
 * (d_mode); its address proves nothing, since a call through NULL leaves 0.
 * The handler does one of three things and returns: it moves a guarded copy to
 * its landing, it sends the thread to hyp_landing() on the host's stack, or it
 * hands the signal to whoever was there before.
 *
 * Others install handlers as well, faulthandler above all, before or after us.
 * fault_check_handlers() puts ours back on top; the monitor calls it while a
 * kernel is in use, and every new kernel.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "internal.h"

#define	ALTSTACK_SIZE	(64 * 1024)
#define	ALTSTACK_ENOUGH	(32 * 1024)
#define	WALK_SPAN	(64 * 1024)	/* no kernel stack is larger */
#define	SCAN_SPAN	4096
#define	FRAMES_FEW	3	/* fewer are suspicious */
#define	FRAMES_SCANNED	12	/* no use in more guesses */
#define	GUARD_SPAN	(64 * 1024 + 4096)

#define	FLAG_DF		0x400
#define	FLAG_TF		0x100
#define	FLAG_AC		0x40000

static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL };
#define	NFAULTS	(sizeof(fault_signals) / sizeof(fault_signals[0]))

static struct sigaction fault_previous[NFAULTS];
static pthread_mutex_t fault_lock = PTHREAD_MUTEX_INITIALIZER;

/* Far from the ends of the range, where others look for a free one first. */
#define	WATCHDOG_SIGNAL	(SIGRTMIN + 11)

/* --- the record ----------------------------------------------------------- */

static void
record_registers(struct hyp_panic *p, const ucontext_t *uc)
{
	static const int order[18] = {
		REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_RBP,
		REG_RSP, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13,
		REG_R14, REG_R15, REG_RIP, REG_EFL,
	};
	int i;

	for (i = 0; i < 18; i++)
		p->regs[i] = (uint64_t)uc->uc_mcontext.gregs[order[i]];
}

static bool
peek(uint64_t address, uint64_t *value)
{

	return hyp_copy_guarded(value, (const void *)(uintptr_t)address,
	    sizeof(*value));
}

/* Does a call instruction end at the address? */
static bool
is_return_address(struct hyp_kernel *k, uint64_t address)
{
	unsigned char b[7];

	if (!kernel_is_text(k, address) || !kernel_is_text(k, address - 7) ||
	    !hyp_copy_guarded(b, (const void *)(uintptr_t)(address - 7), 7))
		return false;
	return b[2] == 0xe8 ||				/* call rel32 */
	    (b[5] == 0xff && (b[6] & 0x38) == 0x10) ||	/* call *reg */
	    (b[4] == 0xff && (b[5] & 0x38) == 0x10) ||	/* call *d8(reg) */
	    (b[1] == 0xff && (b[2] & 0x38) == 0x10);	/* call *d32(reg) */
}

/*
 * The frame pointers are gone, as after a smashed stack: take what looks like
 * return addresses.
 */
static int
scan_stack(struct hyp_kernel *k, struct hyp_panic *p, int n, uint64_t sp)
{
	uint64_t end = sp + SCAN_SPAN, value;

	for (sp &= ~(uint64_t)7; sp < end && n < FRAMES_SCANNED; sp += 8) {
		if (!peek(sp, &value))
			break;
		if (is_return_address(k, value) && p->frames[n - 1] != value)
			p->frames[n++] = value;
	}
	return n;
}

/*
 * Follow the frame pointers: kernel and modules are built with them.  A frame
 * lies above the one before, on the same stack, and returns into kernel text.
 */
static void
record_frames(struct hyp_kernel *k, struct hyp_panic *p, uint64_t ip,
    uint64_t sp, uint64_t bp)
{
	uint64_t end = sp + WALK_SPAN, pair[2];
	int n = 0;

	p->frames[n++] = ip;
	/* After a call through a bad pointer the caller is on the stack. */
	if (!kernel_is_text(k, ip) && peek(sp, &pair[1]) &&
	    kernel_is_text(k, pair[1]))
		p->frames[n++] = pair[1];
	while (n < HYP_PANIC_FRAMES && bp >= sp && bp < end &&
	    (bp & 7) == 0 && peek(bp, &pair[0]) && peek(bp + 8, &pair[1]) &&
	    kernel_is_text(k, pair[1])) {
		p->frames[n++] = pair[1];
		if (pair[0] <= bp)
			break;
		bp = pair[0];
	}
	if (n < FRAMES_FEW)
		n = scan_stack(k, p, n, sp);
	p->nframes = n;
}

/* The first panic of a kernel is the one to tell of. */
static bool
record_begin(struct hyp_kernel *k)
{

	return k->k_panic.cause == HYP_PANIC_NONE;
}

static const char *
fault_name(int signo)
{

	switch (signo) {
	case SIGSEGV:
		return "page fault";
	case SIGBUS:
		return "bus error";
	case SIGFPE:
		return "arithmetic fault";
	case SIGILL:
		return "illegal instruction";
	default:
		return "fault";
	}
}

static bool
is_stack_overflow(struct hyp_kernel *k, const struct hyp_panic *p)
{
	uint64_t sp = p->regs[7], base = k->k_config.arena;

	return p->signo == SIGSEGV && p->code == SEGV_ACCERR &&
	    p->address - base < k->k_config.arena_size &&
	    sp - base < k->k_config.arena_size &&
	    p->address + GUARD_SPAN > sp && p->address < sp + 4096;
}

static void
describe_fault(struct hyp_kernel *k, struct hyp_panic *p)
{
	uint64_t ip = p->regs[16];

	if (p->cause == HYP_PANIC_WATCHDOG) {
		snprintf(p->message, sizeof(p->message),
		    "watchdog: no progress for %d ms",
		    k->k_config.watchdog_ms);
	} else if (is_stack_overflow(k, p)) {
		p->cause = HYP_PANIC_STACK;
		snprintf(p->message, sizeof(p->message),
		    "stack overflow at %#llx", (unsigned long long)p->address);
	} else if (p->signo == SIGSEGV && p->address == ip) {
		snprintf(p->message, sizeof(p->message),
		    "jump to bad address %#llx", (unsigned long long)ip);
	} else if (p->signo == SIGSEGV && p->code == SI_KERNEL) {
		snprintf(p->message, sizeof(p->message),
		    "page fault (signal %d) at a non-canonical address",
		    p->signo);
	} else {
		snprintf(p->message, sizeof(p->message),
		    "%s (signal %d) at address %#llx", fault_name(p->signo),
		    p->signo, (unsigned long long)p->address);
	}
}

/* --- landings ------------------------------------------------------------- */

static void __attribute__((__noreturn__))
die(struct hyp_door *d)
{
	struct hyp_kernel *k = d->d_kernel;

	kernel_kill(k, HYP_STATE_PANICKED);
	hyp_escape(d, kernel_epitaph(k));
}

/* On the host's stack after a fault in kernel mode; registers are recorded. */
void
fault_landed(struct hyp_door *d)
{
	struct hyp_kernel *k = d->d_kernel;
	struct hyp_panic *p = &k->k_panic;

	if (p->nframes == 0 && p->cause != HYP_PANIC_NONE) {
		describe_fault(k, p);
		record_frames(k, p, p->regs[16], p->regs[7], p->regs[6]);
	}
	die(d);
}

void
panic_called(struct hyp_door *d, const char *message, uint64_t length)
{
	struct hyp_kernel *k = d->d_kernel;
	struct hyp_panic *p = &k->k_panic;
	uint64_t ip = 0;

	if (length >= sizeof(p->message))
		length = sizeof(p->message) - 1;
	pthread_mutex_lock(&k->k_lock);
	if (record_begin(k)) {
		p->cause = HYP_PANIC_CALLED;
		if (!hyp_copy_guarded(p->message, message, length))
			strcpy(p->message, "panic");
		(void)peek(d->d_kern_sp, &ip);
		p->regs[6] = d->d_kern_bp;
		p->regs[7] = d->d_kern_sp;
		p->regs[16] = ip;
		record_frames(k, p, ip, d->d_kern_sp, d->d_kern_bp);
	}
	pthread_mutex_unlock(&k->k_lock);
	die(d);
}

void
hypercall_panic(struct hyp_kernel *k, const char *message, uint64_t length)
{

	(void)k;
	panic_called(hyp_top, message, length);
}

void
hypercall_halt(struct hyp_kernel *k, int howto)
{

	(void)howto;
	kernel_kill(k, HYP_STATE_HALTED);
	hyp_escape(hyp_top, kernel_epitaph(k));
}

/* --- handlers ------------------------------------------------------------- */

/* Have the interrupted thread go on in hyp_landing(), on its host stack. */
static void
land(struct hyp_door *d, ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;

	d->d_mode = 0;
	r[REG_RIP] = (greg_t)(uintptr_t)hyp_landing;
	r[REG_RSP] = (greg_t)d->d_host_sp;
	r[REG_RDI] = (greg_t)(uintptr_t)d;
	r[REG_EFL] &= ~(greg_t)(FLAG_DF | FLAG_TF | FLAG_AC);
}

/* A guarded copy goes on at its landing. */
static bool
fixed_up(struct hyp_door *d, ucontext_t *uc)
{
	greg_t *rip = &uc->uc_mcontext.gregs[REG_RIP];
	uint64_t ip = (uint64_t)*rip, i;
	const struct kern_fixup *f;

	if (ip >= (uintptr_t)hyp_copy_guarded_start &&
	    ip < (uintptr_t)hyp_copy_guarded_end) {
		*rip = (greg_t)(uintptr_t)hyp_copy_guarded_fault;
		return true;
	}
	if (d == NULL || d->d_mode == 0)
		return false;
	for (i = 0; i < d->d_kernel->k_nfixups; i++) {
		f = &d->d_kernel->k_fixups[i];
		if (ip >= f->start && ip < f->end) {
			*rip = (greg_t)f->landing;
			return true;
		}
	}
	return false;
}

/*
 * The kernel's code may read CR0, as machine-dependent parts of modules do: a
 * privileged instruction, where SMSW tells the same.
 */
static bool
emulated(struct hyp_door *d, const siginfo_t *si, ucontext_t *uc)
{
	static const int order[8] = {
		REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
		REG_RDI,
	};
	greg_t *r = uc->uc_mcontext.gregs;
	uint64_t ip = (uint64_t)r[REG_RIP], cr0;
	unsigned char b[3];

	if (d == NULL || d->d_mode == 0 || si->si_signo != SIGSEGV ||
	    si->si_code != SI_KERNEL || !kernel_is_text(d->d_kernel, ip) ||
	    !hyp_copy_guarded(b, (const void *)(uintptr_t)ip, sizeof(b)))
		return false;
	/* mov %cr0, %reg; without a prefix it is one of the first eight. */
	if (b[0] != 0x0f || b[1] != 0x20 || (b[2] & 0xf8) != 0xc0)
		return false;
	__asm volatile("smsw %0" : "=r" (cr0));
	r[order[b[2] & 7]] = (greg_t)cr0;
	r[REG_RIP] += sizeof(b);
	return true;
}

static void
chain_default(int signo)
{
	sigset_t set;

	signal(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	raise(signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* Not ours: as if we were not there. */
static void
chain(int signo, siginfo_t *si, void *context)
{
	struct sigaction *sa = &fault_previous[0];
	size_t i;

	for (i = 0; i < NFAULTS; i++) {
		if (fault_signals[i] == signo)
			sa = &fault_previous[i];
	}
	if (hyp_self.t_chaining || ((sa->sa_flags & SA_SIGINFO) == 0 &&
	    (sa->sa_handler == SIG_DFL || sa->sa_handler == SIG_IGN))) {
		/*
		 * Nobody was there; or the one who was has put us back and
		 * raised the signal again, as faulthandler does.
		 */
		chain_default(signo);
		return;
	}
	hyp_self.t_chaining = true;
	if (sa->sa_flags & SA_SIGINFO)
		sa->sa_sigaction(signo, si, context);
	else
		sa->sa_handler(signo);
	hyp_self.t_chaining = false;
}

static void
on_fault(int signo, siginfo_t *si, void *context)
{
	struct hyp_door *d = hyp_top;
	int saved = errno;

	if (si->si_code > 0 &&
	    (fixed_up(d, context) || emulated(d, si, context))) {
		errno = saved;
		return;
	}
	if (d == NULL || d->d_mode == 0) {
		chain(signo, si, context);
	} else if (si->si_code > 0) {
		struct hyp_panic *p = &d->d_kernel->k_panic;

		if (record_begin(d->d_kernel)) {
			p->cause = HYP_PANIC_FAULT;
			p->signo = signo;
			p->code = si->si_code;
			p->address = (uint64_t)(uintptr_t)si->si_addr;
			record_registers(p, context);
		}
		land(d, context);
	}
	/*
	 * Else somebody on top of us has caught the fault, put us back and
	 * raised the signal anew: return, and the instruction faults again.
	 */
	errno = saved;
}

/*
 * The monitor has seen no progress, or the kernel is dead and this thread
 * still runs it.  Either may have changed since.
 */
static void
on_watchdog(int signo, siginfo_t *si, void *context)
{
	struct hyp_door *d = hyp_top;
	const ucontext_t *uc = context;
	struct hyp_kernel *k;

	(void)signo;
	(void)si;
	if (d == NULL || d->d_mode == 0 || fork_is_child(d->d_kernel))
		return;
	k = d->d_kernel;
	if (!kernel_is_text(k, (uint64_t)uc->uc_mcontext.gregs[REG_RIP]))
		return;
	if (cpu_dead(k)) {
		land(d, context);
		return;
	}
	if (atomic_load(&k->k_watch_seq) != k->k_shared->sh_seq)
		return;
	if (record_begin(k)) {
		k->k_panic.cause = HYP_PANIC_WATCHDOG;
		record_registers(&k->k_panic, context);
	}
	land(d, context);
}

void
fault_interrupt(int tid)
{

	syscall(SYS_tgkill, getpid(), tid, WATCHDOG_SIGNAL);
}

/* --- set-up --------------------------------------------------------------- */

static void
install(int signo, void (*handler)(int, siginfo_t *, void *),
    struct sigaction *previous)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = handler;
	sa.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
	sigfillset(&sa.sa_mask);
	if (sigaction(signo, &sa, previous) != 0)
		abort();
}

/* Put our handlers on top of whatever has been installed meanwhile. */
void
fault_check_handlers(void)
{
	struct sigaction sa;
	size_t i;

	pthread_mutex_lock(&fault_lock);
	for (i = 0; i < NFAULTS; i++) {
		if (sigaction(fault_signals[i], NULL, &sa) == 0 &&
		    (sa.sa_flags & SA_SIGINFO) != 0 &&
		    sa.sa_sigaction == on_fault)
			continue;
		fault_previous[i] = sa;
		install(fault_signals[i], on_fault, NULL);
	}
	pthread_mutex_unlock(&fault_lock);
}

int
fault_init(void)
{

	install(WATCHDOG_SIGNAL, on_watchdog, NULL);
	fault_check_handlers();
	return 0;
}

static void
own_signals(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < NFAULTS; i++)
		sigaddset(set, fault_signals[i]);
	sigaddset(set, WATCHDOG_SIGNAL);
}

/* A thread's first door: our signals must reach it, on a stack of their own. */
void
fault_thread_init(void)
{
	stack_t old, ss;
	sigset_t set;

	own_signals(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE) == 0 &&
	    old.ss_size >= ALTSTACK_ENOUGH)
		return;
	memset(&ss, 0, sizeof(ss));
	ss.ss_size = ALTSTACK_SIZE;
	ss.ss_sp = mmap(NULL, ss.ss_size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (ss.ss_sp == MAP_FAILED)
		return;		/* faults then use the kernel's stack */
	if (sigaltstack(&ss, NULL) == 0)
		hyp_self.t_altstack = ss.ss_sp;
	else
		munmap(ss.ss_sp, ss.ss_size);
}

void
fault_thread_exit(struct hyp_thread *t)
{
	stack_t ss;

	if (t->t_altstack == NULL)
		return;
	memset(&ss, 0, sizeof(ss));
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	munmap(t->t_altstack, ALTSTACK_SIZE);
	t->t_altstack = NULL;
}

/*
 * A thread of a kernel's own: idle, monitor, I/O.  It gets its mask before it
 * begins, or a signal could be delivered to it that is to interrupt a sleep of
 * the main thread.
 */
int
fault_thread_create(pthread_t *thread, void *(*func)(void *), void *arg)
{
	sigset_t all, old;
	size_t i;
	int error;

	sigfillset(&all);
	for (i = 0; i < NFAULTS; i++)
		sigdelset(&all, fault_signals[i]);
	sigdelset(&all, WATCHDOG_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(thread, NULL, func, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}
