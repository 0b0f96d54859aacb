/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life and death of a kernel.
 *
 * The first pages of the arena are the host's: the shared page, then a guard,
 * then the stack that kern_boot() runs on.  The rest is the kernel's.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "internal.h"
#include "memory.h"
#include "snapshot.h"

#define	PAGE		UINT64_C(4096)
#define	GUARD_SIZE	(16 * PAGE)
#define	STACK_SIZE	(16 * PAGE)
#define	HOST_SIZE	(PAGE + GUARD_SIZE + STACK_SIZE)

#define	DEFAULT_HZ		100
#define	DEFAULT_WATCHDOG_MS	10000
#define	CLOSE_SEIZE_MS		500	/* wait that long for the CPU */

static pthread_mutex_t process_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t kernel_serial;
static int process_error;

_Static_assert(sizeof(struct hyp_shared) <= PAGE, "shared page");
_Static_assert(offsetof(struct hyp_door, d_mode) == 24, "context.S");
_Static_assert(offsetof(struct hyp_door, d_escaped) == 32, "context.S");

int
hyp_process_init(const struct hyp_python *python)
{
	int error;

	pthread_mutex_lock(&process_lock);
	error = fork_init();
	if (error == 0)
		error = fault_init();
	if (python != NULL)
		hyp_python_ops = python;
	pthread_mutex_unlock(&process_lock);
	return error;
}

int
hyp_host_errno(void)
{

	return process_error;
}

static void
config_defaults(struct hyp_config *c)
{

	if (c->hz <= 0 || c->hz > 1000)
		c->hz = DEFAULT_HZ;
	if (c->watchdog_ms == 0)
		c->watchdog_ms = DEFAULT_WATCHDOG_MS;
	if (c->memory_limit == 0 || c->memory_limit > c->arena_size)
		c->memory_limit = c->arena_size;
}

static void
kernel_init(struct hyp_kernel *k, const struct hyp_config *config)
{

	k->k_config = *config;
	config_defaults(&k->k_config);
	k->k_serial = __atomic_add_fetch(&kernel_serial, 1, __ATOMIC_SEQ_CST);
	k->k_process = *hyp_process;
	k->k_boot_mono = hyp_now();
	k->k_shared = (struct hyp_shared *)(uintptr_t)config->arena;
	k->k_shared->sh_deadline = INT64_MAX;
	k->k_shared->sh_until = INT64_MIN;
	k->k_done_tail = &k->k_done;
	k->k_io_tail = &k->k_io_first;
	pthread_mutex_init(&k->k_lock, NULL);
	pthread_cond_init(&k->k_life, NULL);
	pthread_mutex_init(&k->k_io_lock, NULL);
	pthread_cond_init(&k->k_io_cond, NULL);
}

struct hyp_kernel *
hyp_kernel_create(const struct hyp_config *config, int *error)
{
	struct hyp_kernel *k;

	*error = EINVAL;
	if (config->arena % PAGE != 0 || config->arena_size < 4 * HOST_SIZE)
		return NULL;
	if ((*error = hyp_process_init(NULL)) != 0)
		return NULL;
	if (posix_memalign((void **)&k, 64, sizeof(*k)) != 0) {
		*error = ENOMEM;
		return NULL;
	}
	memset(k, 0, sizeof(*k));
	kernel_init(k, config);
	k->k_console = hyp_console_create();
	if (k->k_console == NULL)
		*error = ENOMEM;
	else if (mprotect((void *)(uintptr_t)(config->arena + PAGE), GUARD_SIZE,
	    PROT_NONE) != 0)
		*error = errno;
	if (*error != 0) {
		hyp_console_destroy(k->k_console);
		free(k);
		return NULL;
	}
	*error = 0;
	return k;
}

int
hyp_kernel_start(struct hyp_kernel *k, const struct hyp_entry *entry)
{
	struct door_boot boot;
	int error;

	if (k->k_started)
		return EALREADY;
	if (entry->kern_boot == 0 || entry->kern_enter == 0 ||
	    entry->kern_submit == 0 || entry->kern_idle == 0 ||
	    entry->kern_attention == 0)
		return HYP_ENODOOR;
	k->k_entry = *entry;
	memset(&boot, 0, sizeof(boot));
	boot.size = sizeof(boot);
	boot.version = HYP_VERSION;
	boot.hz = k->k_config.hz;
	boot.arena = k->k_config.arena + HOST_SIZE;
	boot.arena_size = k->k_config.arena_size - HOST_SIZE;
	boot.memory_limit = k->k_config.memory_limit;
	boot.shared = k->k_shared;
	boot.stack = k->k_config.arena + PAGE + GUARD_SIZE;
	boot.stack_size = STACK_SIZE;
	boot.low_base = k->k_config.low_base;
	boot.low_end = k->k_config.low_end;
	boot.boothowto = k->k_config.boothowto;
	k->k_boot = &boot;
	k->k_started = true;
	error = door_boot_run(k, &boot);
	k->k_boot = NULL;
	k->k_initproc = boot.initproc;
	if (error == 0)
		atomic_store(&k->k_state, HYP_STATE_RUNNING);
	return error;
}

/* The idle thread of a panicked kernel waits for its revival, or its end. */
static bool
idle_revived(struct hyp_kernel *k)
{
	bool revived;

	pthread_mutex_lock(&k->k_lock);
	while (!k->k_ending && cpu_dead(k) &&
	    atomic_load(&k->k_state) == HYP_STATE_PANICKED)
		pthread_cond_wait(&k->k_life, &k->k_lock);
	revived = !k->k_ending && !cpu_dead(k);
	pthread_mutex_unlock(&k->k_lock);
	return revived;
}

static void *
idle_thread(void *arg)
{
	struct hyp_kernel *k = arg;

	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	while (door_idle_run(k) == HYP_EPANIC && idle_revived(k))
		continue;
	return NULL;
}

int
hypercall_cpu_start(struct hyp_kernel *k)
{
	struct door_boot *boot = k->k_boot;
	int error;

	if (boot == NULL || boot->cpu == NULL || boot->time_second == NULL ||
	    boot->time_uptime == NULL)
		return EINVAL;
	k->k_cpu = boot->cpu;
	k->k_time_second = boot->time_second;
	k->k_time_uptime = boot->time_uptime;
	k->k_fixups = boot->fixups;
	k->k_nfixups = boot->nfixups;
	error = monitor_start(k);
	if (error == 0) {
		error = fault_thread_create(&k->k_idle_thread, idle_thread, k);
		k->k_idle_started = error == 0;
	}
	return error == 0 ? 0 : ENOMEM;
}

bool
kernel_is_text(struct hyp_kernel *k, uint64_t address)
{
	struct hyp_memory *memory = k->k_config.memory;

	if (memory != NULL)
		return hyp_image_is_text(memory, address) != 0;
	return address >= k->k_config.low_base &&
	    address < k->k_config.low_end;
}

bool
kernel_kill(struct hyp_kernel *k, int state)
{
	int old = atomic_load(&k->k_state);
	bool first = false;

	while (old < HYP_STATE_HALTED && !first)
		first = atomic_compare_exchange_weak(&k->k_state, &old, state);
	__atomic_fetch_or(&k->k_shared->sh_entry, ENTRY_DEAD,
	    __ATOMIC_SEQ_CST);
	host_wake_all(k);
	return first;
}

/* Wait for the threads inside to leave a dead kernel. */
static bool
kernel_drain(struct hyp_kernel *k, int timeout_ms)
{
	int64_t end = hyp_now() + timeout_ms * INT64_C(1000000);
	struct timespec pause = { 0, 50000 };
	int i;

	for (i = 0; host_count_open(k) > 0; i++) {
		if (hyp_now() >= end)
			return false;
		if (i % 64 == 63) {
			host_evict(k);
			host_wake_all(k);
		}
		nanosleep(&pause, NULL);
	}
	return true;
}

/*
 * Make a panicked kernel's memory the caller's: nobody inside, no thread of
 * its own at work, the CPU in hand.
 */
int
kernel_exhume(struct hyp_kernel *k, int timeout_ms)
{
	struct hyp_shared *sh = k->k_shared;
	uint32_t c = 0;

	if (atomic_load(&k->k_state) != HYP_STATE_PANICKED)
		return kernel_epitaph(k);
	if (!kernel_drain(k, timeout_ms))
		return HYP_BUSY_INSIDE;
	if (!io_stop(k, timeout_ms))
		return HYP_BUSY_IO;
	monitor_stop(k);
	/*
	 * Whoever had the CPU has left it taken.  If it is free, a thread that
	 * finds out at its door may take it before us: then it is inside.
	 */
	(void)__atomic_compare_exchange_n(&sh->sh_cpu, &c, CPU_HELD, false,
	    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	if (!kernel_drain(k, timeout_ms))
		return HYP_BUSY_INSIDE;
	host_reset(k);
	__atomic_store_n(&sh->sh_cpu, CPU_HELD, __ATOMIC_SEQ_CST);
	sh->sh_host = host_of_thread(k);
	k->k_exhumed = true;
	return 0;
}

/* Its memory is that of a living kernel again. */
int
kernel_revive(struct hyp_kernel *k)
{
	int error;

	pthread_mutex_lock(&k->k_lock);
	memset(&k->k_panic, 0, sizeof(k->k_panic));
	pthread_mutex_unlock(&k->k_lock);
	io_restart(k);
	__atomic_fetch_and(&k->k_shared->sh_entry, ~ENTRY_DEAD,
	    __ATOMIC_SEQ_CST);
	error = monitor_start(k);
	if (error != 0) {
		__atomic_fetch_or(&k->k_shared->sh_entry, ENTRY_DEAD,
		    __ATOMIC_SEQ_CST);
		return error;
	}
	k->k_exhumed = false;
	pthread_mutex_lock(&k->k_lock);
	atomic_store(&k->k_state, HYP_STATE_RUNNING);
	pthread_cond_broadcast(&k->k_life);
	pthread_mutex_unlock(&k->k_lock);
	host_recall(k);
	return 0;
}

/*
 * Nobody gets in any more, sleepers leave with HYP_ECLOSED.  EBUSY: somebody
 * is still inside, in a hypercall that takes long; call again.
 */
int
hyp_kernel_close(struct hyp_kernel *k, int timeout_ms)
{

	if (fork_is_child(k))
		return HYP_ECHILD;
	if (hyp_thread_inside(k))
		return HYP_EDEADLK;
	pthread_mutex_lock(&k->k_lock);
	k->k_ending = true;
	pthread_cond_broadcast(&k->k_life);
	pthread_mutex_unlock(&k->k_lock);
	if (!cpu_dead(k)) {
		/* Between two switches if possible, not amidst one. */
		(void)door_seize(k, CLOSE_SEIZE_MS);
		kernel_kill(k, HYP_STATE_CLOSED);
	}
	if (!kernel_drain(k, timeout_ms) || !io_stop(k, timeout_ms))
		return EBUSY;
	if (k->k_idle_started) {
		pthread_join(k->k_idle_thread, NULL);
		k->k_idle_started = false;
	}
	monitor_stop(k);
	return 0;
}

int
hyp_kernel_inside(struct hyp_kernel *k)
{

	return host_count_open(k);
}

/* After a successful close; the memory may be unmapped afterwards. */
int
hyp_kernel_destroy(struct hyp_kernel *k)
{

	if (!fork_is_child(k)) {
		if (k->k_idle_started || k->k_monitor_started ||
		    k->k_io_threads > 0 || host_count_open(k) > 0)
			return EBUSY;
		host_forget_kernel(k);
	}
	pthread_cond_destroy(&k->k_life);
	pthread_mutex_destroy(&k->k_lock);
	hyp_console_destroy(k->k_console);
	free(k);
	return 0;
}

int
hyp_kernel_state(struct hyp_kernel *k)
{

	return atomic_load(&k->k_state);
}

void *
hyp_kernel_cookie(struct hyp_kernel *k)
{

	return k->k_config.cookie;
}

uint64_t
hyp_kernel_initproc(struct hyp_kernel *k)
{

	return k->k_initproc;
}

void
hyp_kernel_provide(struct hyp_kernel *k, const struct hyp_provider *provider)
{

	k->provider = *provider;
}

int
hyp_panic_get(struct hyp_kernel *k, struct hyp_panic *out)
{

	pthread_mutex_lock(&k->k_lock);
	*out = k->k_panic;
	pthread_mutex_unlock(&k->k_lock);
	return out->cause == HYP_PANIC_NONE ? ENOENT : 0;
}

void
hyp_stats(struct hyp_kernel *k, struct hyp_stats *out)
{

	*out = k->k_stats;
	out->doors = k->k_shared->sh_seq;
}

/* COUNT doors one after the other; nanoseconds each. */
int
hyp_bench_door(struct hyp_kernel *k, uint64_t fn, void *arg, long count,
    double *ns)
{
	int64_t start = hyp_now();
	long i;
	int error = 0;

	for (i = 0; i < count && error == 0; i++)
		error = hyp_call(k, 0, fn, arg);
	*ns = (double)(hyp_now() - start) / (double)count;
	return error;
}
