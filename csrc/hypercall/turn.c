/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Taking turns with the interpreter.
 *
 * A system call from Python drops the GIL and takes it again, and most last no
 * longer than a thread needs to be woken.  Where two threads call at once, each
 * would find the GIL taken, go to sleep, and have to be woken by the other at
 * every call; and the interpreter's state would move from one processor to the
 * other every microsecond.  So a thread that comes back from a kernel lets the
 * one whose turn it is make more calls, looking on, until that one is in a call
 * that takes longer or has had its time.
 *
 * Who looks on gives up soon, and waits for the GIL as everybody does.  So
 * races, threads that ended and threads that compute cost a little time only.
 */

#include "turn.h"

/* How often it looks; a pause in between takes 20 to 70 ns. */
#define	LONG_CALL	12	/* no change: the other is in a long call */
#define	LONG_AWAY	1200	/* no change: it computes, or is gone */
#define	WHOLE_TURN	800	/* then it has had its time */

struct turn turn __attribute__((__aligned__(64)));
__thread char turn_me;

/* Whether to go on looking, after so many looks and so many without change. */
static int
turn_goes_on(uint32_t steps, int looks, int same)
{

	if ((steps & 1) == 0)
		return same < LONG_AWAY && looks < 2 * WHOLE_TURN;
	/* Best is when it has just left, since then the GIL is free. */
	return same < LONG_CALL && (looks < WHOLE_TURN || same != 0);
}

void
turn_wait(void)
{
	uint32_t steps, before = 0;
	int looks, same = 0;

	for (looks = 0; atomic_load_explicit(&turn.t_thread,
	    memory_order_relaxed) != NULL; looks++) {
		steps = atomic_load_explicit(&turn.t_steps,
		    memory_order_relaxed);
		same = looks != 0 && steps == before ? same + 1 : 0;
		before = steps;
		if (!turn_goes_on(steps, looks, same))
			break;
		__builtin_ia32_pause();
	}
	atomic_store_explicit(&turn.t_thread, &turn_me, memory_order_relaxed);
}
