/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking turns with the interpreter; see turn.c. */
#ifndef _HYPERCALL_TURN_H_
#define _HYPERCALL_TURN_H_

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Whose turn it is.  Plain loads and stores: it is advice and no lock. */
struct turn {
	_Atomic(const char *)	t_thread;	/* its turn_me, or NULL */
	_Atomic uint32_t	t_steps;	/* odd: it is in a kernel */
};

extern struct turn turn;
extern __thread char turn_me __attribute__((tls_model("initial-exec")));

void	turn_wait(void);

static inline int
turn_is_mine(void)
{

	return atomic_load_explicit(&turn.t_thread, memory_order_relaxed) ==
	    &turn_me;
}

static inline void
turn_step(uint32_t odd)
{
	uint32_t steps = atomic_load_explicit(&turn.t_steps,
	    memory_order_relaxed);

	atomic_store_explicit(&turn.t_steps, ((steps + 1) & ~1u) + odd,
	    memory_order_relaxed);
}

/* This thread has dropped the GIL and goes into a kernel. */
static inline void
turn_leave(void)
{

	if (__builtin_expect(turn_is_mine(), 1))
		turn_step(1);
}

/* This thread comes back and is about to take the GIL. */
static inline void
turn_enter(void)
{

	if (__builtin_expect(!turn_is_mine(), 0))
		turn_wait();
	turn_step(0);
}

#endif /* _HYPERCALL_TURN_H_ */
