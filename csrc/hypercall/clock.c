/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Clocks: the host's, or a virtual one that moves only when it is told to.
 *
 * A clock written in Python is a provider.  It can't be asked where the caller
 * must not sleep; there the time of the last tick is the answer, as it is for
 * everybody who reads time_second.
 */

#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "internal.h"

/*
 * The third quarter of the shared page, so that a snapshot keeps the virtual
 * time; the half before is random.c's.
 */
#define	STATE_OFFSET	3072

struct clock_state {
	_Atomic int64_t	virtual;	/* 0: the host's clocks */
	_Atomic int64_t	wall;		/* ns since 1970 at mono 0 */
	_Atomic int64_t	mono;		/* ns since boot */
};

static struct clock_state *
state_of(struct hyp_kernel *k)
{

	return (struct clock_state *)((char *)k->k_shared + STATE_OFFSET);
}

void
hyp_clock_virtual(struct hyp_kernel *k, int64_t wall, int64_t mono)
{
	struct clock_state *c = state_of(k);

	c->wall = wall - mono;
	c->mono = mono;
	c->virtual = 1;
	hyp_kernel_tick(k);
}

int64_t
hyp_clock_advance(struct hyp_kernel *k, int64_t ns)
{
	struct clock_state *c = state_of(k);
	int64_t now;

	if (!c->virtual || ns < 0)
		return -1;
	now = atomic_fetch_add(&c->mono, ns) + ns;
	hyp_kernel_tick(k);
	return now;
}

int64_t
hypercall_clock_read(struct hyp_kernel *k, int clock)
{
	const struct clock_state *c = state_of(k);
	struct timespec ts;

	if (unlikely(k->provider.clock_read != NULL))
		return __atomic_load_n(clock == HYP_CLOCK_REALTIME ?
		    &k->k_shared->sh_wall : &k->k_shared->sh_mono,
		    __ATOMIC_RELAXED);
	if (unlikely(c->virtual))
		return clock == HYP_CLOCK_REALTIME ? c->wall + c->mono :
		    c->mono;
	if (clock != HYP_CLOCK_REALTIME)
		return hyp_now() - k->k_boot_mono;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}
