/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fault that needs a stack protector to be noticed.  This file is built
 * with one (module.mk), as NetBSD's own modules may be; the guard and the
 * function that is called when it has changed are the kernel's.
 */
#include <sys/param.h>
#include <sys/systm.h>

#include "oops.h"

static __attribute__((noinline)) void
fill(volatile char *p, size_t n)
{

	for (size_t i = 0; i < n; i++)
		p[i] = 'x';
}

int
oops_smash(void)
{
	volatile char buf[16];

	fill(buf, sizeof(buf) + 32);
	return buf[0];
}
