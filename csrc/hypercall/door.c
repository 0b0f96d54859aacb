/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way into a kernel and out of it again.
 *
 * A door takes the virtual CPU, takes a free context off the kernel's list,
 * and calls the kernel's function on that context's stack.  If the context
 * sleeps, the kernel switches to others and comes back here by way of the same
 * stack frame, on the same thread; the door does not notice.  A door is left
 * early only when the kernel is dead or the process is a child of fork: then
 * the thread goes back to its host stack for good (hyp_escape) and neither the
 * CPU nor the context is given back.
 *
 * cffi has dropped the GIL before it calls anything here, and nothing here
 * takes it with the CPU in hand.
 */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"
#include "snapshot.h"
#include "task.h"

__thread struct hyp_door *hyp_top;
__thread struct hyp_thread hyp_self;

/* Guards the lists of hosts, of threads and kernels both. */
static pthread_mutex_t host_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hyp_host *host_free;
static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;

/* --- host threads --------------------------------------------------------- */

/* Its thread forgets it. */
static void
host_orphan(struct hyp_host *h)
{
	struct hyp_host **hp;

	if (h->h_thread == NULL)
		return;
	for (hp = &h->h_thread->t_hosts; *hp != h; hp = &(*hp)->h_of_thread)
		continue;
	*hp = h->h_of_thread;
	h->h_thread = NULL;
}

static void
host_unlink(struct hyp_host *h)
{
	struct hyp_host **hp;

	host_orphan(h);
	for (hp = &h->h_kernel->k_hosts; *hp != h; hp = &(*hp)->h_of_kernel)
		continue;
	*hp = h->h_of_kernel;
	h->h_kernel = NULL;
	h->h_of_kernel = host_free;
	host_free = h;
}

/*
 * A thread ends: its hosts are nobody's.  One that has given up waiting, or
 * left a dead kernel, may be in the inbox or the queue yet; it stays the
 * kernel's then, and is never another thread's.
 */
static void
thread_exit(void *arg)
{
	struct hyp_thread *t = arg;
	struct hyp_host *h;

	pthread_mutex_lock(&host_lock);
	while ((h = t->t_hosts) != NULL) {
		if (cpu_remembers(h))
			host_orphan(h);
		else
			host_unlink(h);
	}
	pthread_mutex_unlock(&host_lock);
	fault_thread_exit(t);
}

static void
thread_key_create(void)
{

	if (pthread_key_create(&thread_key, thread_exit) != 0)
		abort();
}

/* A thread's first door into any kernel. */
static void
thread_init(struct hyp_thread *t)
{

	pthread_once(&thread_once, thread_key_create);
	pthread_setspecific(thread_key, t);
	fault_thread_init();
	t->t_ready = true;
}

static struct hyp_host *
host_alloc(void)
{
	struct hyp_host *h = host_free;

	if (h != NULL) {
		host_free = h->h_of_kernel;
		return h;
	}
	if (posix_memalign((void **)&h, 64, sizeof(*h)) != 0)
		return NULL;
	memset(h, 0, sizeof(*h));
	return h;
}

static void
host_init(struct hyp_host *h, struct hyp_kernel *k, struct hyp_thread *t)
{

	h->h_posted = 0;
	h->h_queued = h->h_first = h->h_parked = false;
	h->h_open = h->h_cancel = h->h_intr = h->h_idle = false;
	h->h_stale = h->h_within = h->h_restart = false;
	h->h_due = h->h_entering = false;
	h->h_call = NULL;
	h->h_give_up = 0;
	h->h_since = 0;
	h->h_barges = 0;
	h->h_tid = (int)syscall(SYS_gettid);
	h->h_kernel = k;
	h->h_serial = k->k_serial;
	h->h_thread = t;
	h->h_of_kernel = k->k_hosts;
	k->k_hosts = h;
	h->h_of_thread = t->t_hosts;
	t->t_hosts = h;
	k->k_stats.hosts++;
}

/* This thread as seen by that kernel; NULL without memory. */
static struct hyp_host *
host_find(struct hyp_kernel *k)
{
	struct hyp_thread *t = &hyp_self;
	struct hyp_host *h;

	if (!t->t_ready)
		thread_init(t);
	pthread_mutex_lock(&host_lock);
	for (h = t->t_hosts; h != NULL; h = h->h_of_thread) {
		if (h->h_kernel == k)
			break;
	}
	if (h == NULL && (h = host_alloc()) != NULL)
		host_init(h, k, t);
	pthread_mutex_unlock(&host_lock);
	if (h != NULL)
		t->t_last = h;
	return h;
}

static inline struct hyp_host *
host_get(struct hyp_kernel *k)
{
	struct hyp_host *h = hyp_self.t_last;

	/* Hosts are never freed, so that a stale one may be looked at. */
	if (likely(h != NULL && h->h_kernel == k &&
	    h->h_serial == k->k_serial && h->h_thread == &hyp_self))
		return h;
	return host_find(k);
}

void
host_forget_kernel(struct hyp_kernel *k)
{

	pthread_mutex_lock(&host_lock);
	while (k->k_hosts != NULL)
		host_unlink(k->k_hosts);
	pthread_mutex_unlock(&host_lock);
}

void
host_wake_all(struct hyp_kernel *k)
{

	pthread_mutex_lock(&host_lock);
	cpu_wake_all(k);
	pthread_mutex_unlock(&host_lock);
}

/* How many threads are inside. */
int
host_count_open(struct hyp_kernel *k)
{
	struct hyp_host *h;
	int count = 0;

	pthread_mutex_lock(&host_lock);
	for (h = k->k_hosts; h != NULL; h = h->h_of_kernel)
		count += atomic_load(&h->h_open);
	pthread_mutex_unlock(&host_lock);
	return count;
}

/* The kernel is dead: drag threads out of its code. */
void
host_evict(struct hyp_kernel *k)
{
	struct hyp_host *h;

	pthread_mutex_lock(&host_lock);
	for (h = k->k_hosts; h != NULL; h = h->h_of_kernel) {
		if (atomic_load(&h->h_open))
			fault_interrupt(h->h_tid);
	}
	pthread_mutex_unlock(&host_lock);
}

/* The child has one thread, and the lock may have been another's. */
void
host_fork_child(void)
{

	pthread_mutex_init(&host_lock, NULL);
	hyp_self.t_last = NULL;
}

/* --- in and out ----------------------------------------------------------- */

int
kernel_epitaph(struct hyp_kernel *k)
{

	return atomic_load(&k->k_state) == HYP_STATE_PANICKED ? HYP_EPANIC :
	    HYP_ECLOSED;
}

/*
 * Runs when a door's frame goes.  The thread may be ending inside the kernel
 * or in a hypercall (CPython up to 3.13 ends daemon threads by a forced unwind
 * when they ask for the GIL too late); nobody could ever go on there.
 */
static void
door_unwound(struct hyp_door *d)
{

	if (likely(d->d_done))
		return;
	if (!fork_is_child(d->d_kernel)) {
		struct hyp_kernel *k = d->d_kernel;

		pthread_mutex_lock(&k->k_lock);
		if (k->k_panic.cause == HYP_PANIC_NONE && !cpu_dead(k)) {
			k->k_panic.cause = HYP_PANIC_THREAD;
			strcpy(k->k_panic.message,
			    "a host thread was ended inside the kernel");
		}
		pthread_mutex_unlock(&k->k_lock);
		kernel_kill(k, HYP_STATE_PANICKED);
	}
	hyp_top = d->d_up;
	atomic_store(&d->d_host->h_call, NULL);
	atomic_store(&d->d_host->h_open, false);
}

static inline bool
cpu_take(struct hyp_kernel *k, struct hyp_host *h)
{
	struct hyp_shared *sh = k->k_shared;
	uint32_t c = 0;

	if (unlikely(!__atomic_compare_exchange_n(&sh->sh_cpu, &c, CPU_HELD,
	    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)))
		return cpu_enter_slow(k, h);
	sh->sh_host = h;
	sh->sh_seq++;
	return true;
}

static inline void
cpu_give(struct hyp_kernel *k, struct hyp_host *h)
{
	struct hyp_shared *sh = k->k_shared;
	uint32_t c = CPU_HELD;

	if (unlikely((sh->sh_nwait | sh->sh_runnable | sh->sh_work) != 0) ||
	    unlikely(!__atomic_compare_exchange_n(&sh->sh_cpu, &c, 0, false,
	    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)))
		cpu_leave_slow(k, h);
}

/* What a door finds out of the ordinary once it has the CPU. */
static int __attribute__((__noinline__))
door_look_closer(struct hyp_kernel *k, struct hyp_host *h)
{

	if (cpu_dead(k))
		return kernel_epitaph(k);
	monitor_refresh(k);
	if (h->h_intr) {
		/* A signal handler raised while we waited for the CPU. */
		h->h_intr = false;
		cpu_give(k, h);
		if (h->h_stale) {
			h->h_stale = false;
			return HYP_ESTALE;
		}
		return HYP_EEXC;
	}
	return 0;
}

/* The answer of a door that is not to be entered or has been left. */
static inline int
door_answer(struct hyp_door *d, int result)
{

	d->d_done = true;
	if (unlikely(d->d_exception != 0)) {
		hyp_self.t_exception = d->d_exception;
		if (result != HYP_EPANIC && result != HYP_ECLOSED)
			result = HYP_EEXC;
	}
	return result;
}

/* Get the CPU for a door of this thread. */
static inline __attribute__((__always_inline__)) int
door_open(struct hyp_kernel *k, struct hyp_door *d)
{
	struct hyp_host *h;
	int error = 0;

	d->d_done = true;	/* nothing to clean up yet */
	d->d_exception = 0;
	if (unlikely(fork_is_child(k)))
		return HYP_ECHILD;
	h = host_get(k);
	if (unlikely(h == NULL))
		return HYP_EHOST;
	if (unlikely(atomic_load_explicit(&h->h_open, memory_order_relaxed)))
		return HYP_EDEADLK;
	d->d_up = hyp_top;
	d->d_kernel = k;
	d->d_host = h;
	d->d_mode = 0;
	d->d_escaped = 0;
	d->d_given = d->d_lent = d->d_interrupted = false;
	h->h_door = d;
	atomic_store_explicit(&h->h_open, true, memory_order_relaxed);
	hyp_top = d;
	d->d_done = false;
	if (unlikely(!cpu_take(k, h)))
		error = kernel_epitaph(k);
	else if (unlikely(k->k_shared->sh_entry != 0 || h->h_intr))
		error = door_look_closer(k, h);
	if (unlikely(error != 0)) {
		hyp_top = d->d_up;
		atomic_store(&h->h_open, false);
	}
	return error;
}

/* Leave, in good order or not. */
static inline void
door_close(struct hyp_door *d)
{
	struct hyp_host *h = d->d_host;

	if (likely(d->d_escaped == 0))
		cpu_give(d->d_kernel, h);
	h->h_intr = false;
	if (unlikely(atomic_load_explicit(&h->h_cancel, memory_order_relaxed)))
		atomic_store(&h->h_cancel, false);
	hyp_top = d->d_up;
	atomic_store_explicit(&h->h_open, false, memory_order_release);
}

/* Completions that arrived: let the kernel see them before we go. */
static void __attribute__((__noinline__))
door_attend(struct hyp_door *d, struct kern_context *kc)
{
	struct hyp_kernel *k = d->d_kernel;

	(void)hyp_door_run(d, kc->kc_stack, k->k_entry.kern_attention, kc,
	    &d->d_enter);
}

int
hyp_call(struct hyp_kernel *k, uint64_t proc, uint64_t fn, void *arg)
{
	struct hyp_door d __attribute__((__cleanup__(door_unwound)));
	struct hyp_shared *sh = k->k_shared;
	struct kern_context *kc;
	int r;

	if (unlikely(fn == 0))
		return d.d_done = true, HYP_ENODOOR;
	if (unlikely(hyp_self.t_task != NULL) &&
	    task_is_of(hyp_self.t_task, k))
		return d.d_done = true, task_ask(hyp_self.t_task, proc, fn, arg);
	if (unlikely((r = door_open(k, &d)) != 0))
		return door_answer(&d, r);
	kc = sh->sh_context;
	if (unlikely(kc == NULL)) {
		door_close(&d);
		return door_answer(&d, ENOMEM);
	}
	sh->sh_context = kc->kc_next;
	d.d_enter.host = d.d_host;
	d.d_enter.proc = proc;
	d.d_enter.fn = fn;
	d.d_enter.arg = arg;
	r = hyp_door_run(&d, kc->kc_stack, k->k_entry.kern_enter, kc,
	    &d.d_enter);
	if (likely(d.d_escaped == 0)) {
		if (unlikely(sh->sh_work != 0))
			door_attend(&d, kc);
		kc->kc_next = sh->sh_context;
		sh->sh_context = kc;
	}
	door_close(&d);
	return door_answer(&d, r);
}

int
hyp_syscall(struct hyp_kernel *k, uint64_t proc, int number,
    const int64_t *args, int64_t *retval)
{
	struct door_syscall ds;
	int error;

	ds.number = number;
	ds.pad = 0;
	memcpy(ds.args, args, sizeof(ds.args));
	ds.retval[0] = ds.retval[1] = 0;
	error = hyp_call(k, proc, k->k_entry.kern_syscall, &ds);
	retval[0] = ds.retval[0];
	retval[1] = ds.retval[1];
	return error;
}

int
hyp_submit(struct hyp_kernel *k, uint64_t proc, uint64_t fn, void *arg)
{
	struct door_enter enter = { NULL, proc, fn, arg };

	return hyp_call(k, proc, k->k_entry.kern_submit, &enter);
}

int
hyp_interrupt(struct hyp_kernel *k, void *arg)
{
	struct door_interrupt di = { .arg = arg };
	int error;

	error = hyp_call(k, 0, k->k_entry.kern_interrupt, &di);
	return error != 0 ? error : di.found ? 0 : ENOENT;
}

int
door_boot_run(struct hyp_kernel *k, struct door_boot *boot)
{
	struct hyp_door d __attribute__((__cleanup__(door_unwound)));
	int r;

	if ((r = door_open(k, &d)) != 0)
		return door_answer(&d, r);
	boot->host = d.d_host;
	r = hyp_door_run(&d, boot->stack + boot->stack_size,
	    k->k_entry.kern_boot, boot, NULL);
	door_close(&d);
	return door_answer(&d, r);
}

/*
 * Run kern_idle, in a context that is the idle thread's from then on.  When a
 * snapshot has been restored it begins anew there, the CPU in hand.
 */
static int
idle_enter(struct hyp_kernel *k, struct hyp_door *d)
{
	struct hyp_shared *sh = k->k_shared;
	struct kern_context *kc = k->k_idle_context;
	int r;

	if (kc == NULL) {
		if ((kc = sh->sh_context) == NULL)
			return ENOMEM;
		sh->sh_context = kc->kc_next;
		k->k_idle_context = kc;
	}
	d->d_enter.host = d->d_host;
	d->d_enter.proc = 0;
	d->d_enter.fn = k->k_entry.kern_idle;
	d->d_enter.arg = NULL;
	do {
		d->d_escaped = 0;
		r = hyp_door_run(d, kc->kc_stack, k->k_entry.kern_enter, kc,
		    &d->d_enter);
	} while (r == HYP_ERESTART && d->d_escaped != 0);
	return r;
}

/* The idle thread's only door; it is left when the kernel is dead. */
int
door_idle_run(struct hyp_kernel *k)
{
	struct hyp_door d __attribute__((__cleanup__(door_unwound)));
	struct hyp_host *h = host_find(k);
	int r;

	d.d_done = true;
	if (h == NULL)
		return HYP_EHOST;
	h->h_idle = true;
	atomic_store(&k->k_idle, h);
	if ((r = door_open(k, &d)) != 0)
		return door_answer(&d, r);
	r = idle_enter(k, &d);
	door_close(&d);
	return door_answer(&d, r);
}

/* Take the CPU for good: the kernel is to be closed. */
bool
door_seize(struct hyp_kernel *k, int timeout_ms)
{
	struct hyp_host *h = host_get(k);

	if (h == NULL || atomic_load(&h->h_open))
		return false;
	return cpu_enter_timed(k, h, timeout_ms);
}

struct hyp_host *
host_of_thread(struct hyp_kernel *k)
{

	return host_get(k);
}

int
host_unrest(struct hyp_kernel *k, struct hyp_host *me)
{
	struct hyp_host *h;
	int why = 0;

	pthread_mutex_lock(&host_lock);
	for (h = k->k_hosts; h != NULL && why != HYP_BUSY_INSIDE;
	    h = h->h_of_kernel) {
		if (h == me || !atomic_load(&h->h_open) ||
		    atomic_load(&h->h_entering))
			continue;
		if (!h->h_idle)
			why = HYP_BUSY_INSIDE;
		else if (!h->h_within)
			why = HYP_BUSY_WORK;
	}
	pthread_mutex_unlock(&host_lock);
	return why;
}

void
host_reset(struct hyp_kernel *k)
{

	pthread_mutex_lock(&host_lock);
	cpu_reset(k);
	pthread_mutex_unlock(&host_lock);
}

/*
 * Calls that wait at the door were made in a past that is left: what they hold
 * of the kernel may not be there any more.
 */
void
host_outdate(struct hyp_kernel *k)
{
	struct hyp_host *h;

	pthread_mutex_lock(&host_lock);
	for (h = k->k_hosts; h != NULL; h = h->h_of_kernel) {
		if (atomic_load(&h->h_entering) && !h->h_idle)
			h->h_stale = h->h_intr = true;
	}
	pthread_mutex_unlock(&host_lock);
}

void
host_recall(struct hyp_kernel *k)
{

	pthread_mutex_lock(&host_lock);
	cpu_recall(k);
	pthread_mutex_unlock(&host_lock);
}

/* --- released hypercalls -------------------------------------------------- */

void
hyp_give(struct hyp_kernel *k, const char *name)
{
	static const char message[] =
	    "a hypercall that may sleep, where sleeping is not allowed";
	struct hyp_door *d = hyp_top;

	if (unlikely(k->k_cpu == NULL || k->k_cpu->cpu_nosleep != 0))
		panic_called(d, message, sizeof(message) - 1);
	d->d_cpu = *k->k_cpu;
	d->d_lent = d->d_cpu.cpu_curlwp != d->d_cpu.cpu_home;
	d->d_given = true;
	atomic_store_explicit(&d->d_host->h_call_since, hyp_now_about(),
	    memory_order_relaxed);
	atomic_store_explicit(&d->d_host->h_call, name, memory_order_release);
	cpu_give(k, d->d_host);
}

void
hyp_take(struct hyp_kernel *k)
{
	struct hyp_door *d = hyp_top;

	atomic_store_explicit(&d->d_host->h_call, NULL, memory_order_relaxed);
	if (unlikely(fork_is_child(k)))
		hyp_escape(d, HYP_ECHILD);
	if (unlikely(!cpu_take(k, d->d_host)) || unlikely(cpu_dead(k)))
		hyp_escape(d, kernel_epitaph(k));
	d->d_given = d->d_lent = false;
	*k->k_cpu = d->d_cpu;
}

/* Who is in a released hypercall, and since when; how many. */
int
hyp_waiting(struct hyp_kernel *k, struct hyp_waiting *out, int room)
{
	const int64_t now = hyp_now_about();
	struct hyp_host *h;
	const char *name;
	int n = 0;

	pthread_mutex_lock(&host_lock);
	for (h = k->k_hosts; h != NULL && n < room; h = h->h_of_kernel) {
		name = atomic_load(&h->h_call);
		if (name == NULL || !atomic_load(&h->h_open))
			continue;
		memset(&out[n], 0, sizeof(out[n]));
		out[n].tid = h->h_tid;
		out[n].ns = now - atomic_load(&h->h_call_since);
		strncpy(out[n].call, name, sizeof(out[n].call) - 1);
		n++;
	}
	pthread_mutex_unlock(&host_lock);
	return n + io_waiting(k, out + n, room - n);
}

/* --- exceptions of Python code -------------------------------------------- */

int
hyp_exception_put(uint64_t token)
{
	struct hyp_door *d = hyp_top;

	if (d == NULL || d->d_lent || d->d_host->h_idle ||
	    d->d_exception != 0)
		return 0;
	d->d_exception = token;
	return 1;
}

int
hyp_exception_put_signal(uint64_t token)
{
	struct hyp_door *d = hyp_top;

	if (d == NULL || d->d_host->h_idle || d->d_exception != 0)
		return 0;
	d->d_exception = token;
	d->d_interrupted = true;
	if (d->d_lent)
		d->d_host->h_intr = true;
	return 1;
}

uint64_t
hyp_exception_take(void)
{
	uint64_t token = hyp_self.t_exception;

	hyp_self.t_exception = 0;
	return token;
}

int
hyp_in_child(void)
{

	return hyp_top != NULL && fork_is_child(hyp_top->d_kernel);
}

int
hyp_thread_inside(struct hyp_kernel *k)
{
	struct hyp_door *d;

	for (d = hyp_top; d != NULL; d = d->d_up) {
		if (d->d_kernel == k)
			return 1;
	}
	return 0;
}

int64_t
hyp_thread_limit(int64_t until)
{
	int64_t old = hyp_self.t_limit;

	hyp_self.t_limit = until;
	return old;
}

int
hyp_thread_cancel(struct hyp_kernel *k, int tid)
{
	struct hyp_host *h;
	int found = 0;

	pthread_mutex_lock(&host_lock);
	for (h = k->k_hosts; h != NULL; h = h->h_of_kernel) {
		if (h->h_tid == tid && atomic_load(&h->h_open)) {
			cpu_cancel(h);
			found = 1;
		}
	}
	pthread_mutex_unlock(&host_lock);
	return found;
}

void
hyp_thread_is_main(void)
{

	hyp_self.t_main = true;
}

/* --- stubs ---------------------------------------------------------------- */

#include <rumpy/hyp_wrappers.h>

#define	STUB_DECLARE(name)	void hyp_stub_##name(void);
#define	STUB_ENTRY(name)						\
	{ "hyp_" #name, (uint64_t)(uintptr_t)hyp_stub_##name },

HYP_STUBS(STUB_DECLARE)

const struct hyp_symbol *
hyp_symbols(int *count)
{
	static struct hyp_symbol symbols[] = { HYP_STUBS(STUB_ENTRY) };

	*count = (int)(sizeof(symbols) / sizeof(symbols[0]));
	return symbols;
}
