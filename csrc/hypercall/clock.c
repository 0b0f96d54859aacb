/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The host's clocks.  A virtual clock is a provider that replaces this group
 * (rumpy/hypercall/clock.py).
 */

#include <time.h>

#include "internal.h"

int64_t
hypercall_clock_read(struct hyp_kernel *k, int clock)
{
	struct timespec ts;

	if (clock != HYP_CLOCK_REALTIME)
		return hyp_now() - k->k_boot_mono;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}
