/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * For modules that were compiled with a stack protector.  The kernel itself is
 * not: its stacks have guard pages.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/cprng.h>

#include "core/cprng_impl.h"

long	__stack_chk_guard[8];

void	__stack_chk_fail(void);

/* A zero byte first, so that a string copy cannot restore the guard. */
void
stack_protector_init(void)
{
	(void)cprng_fast(__stack_chk_guard, sizeof(__stack_chk_guard));
	*(char *)__stack_chk_guard = '\0';
}

void
__stack_chk_fail(void)
{
	panic("stack overflow detected; called from %p",
	    __builtin_return_address(0));
}
