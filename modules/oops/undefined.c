/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What C does not define, one of each kind.  This file is built with
 * -fsanitize=undefined (module.mk), so that each is a panic.
 */
#include <sys/param.h>
#include <sys/systm.h>

#include "oops.h"

static volatile int zero, most = 0x7fffffff, least = -0x7fffffff - 1;
static volatile int64_t mostlong = INT64_MAX;
static volatile unsigned char odd = 2;
static volatile int array[4];

int
oops_ub_add(void)
{

	return most + (zero + 1);
}

int
oops_ub_sub(void)
{

	return (int)((mostlong - (zero - 5)) >> 32);
}

int
oops_ub_mul(void)
{

	return most * (zero + 2);
}

int
oops_ub_negate(void)
{

	return -least;
}

int
oops_ub_divide(void)
{

	return most / zero;
}

int
oops_ub_shift(void)
{

	return 1 << (zero + 40);
}

int
oops_ub_index(void)
{

	return array[zero + 4];
}

int
oops_ub_align(void)
{
	volatile uintptr_t p = (uintptr_t)&array[0] + 1;

	return *(volatile int *)p;
}

int
oops_ub_null(void)
{
	volatile uintptr_t p = 0;

	return *(volatile int *)(p + zero);
}

int
oops_ub_value(void)
{

	return *(volatile bool *)&odd ? 1 : 0;
}

int
oops_ub_unreachable(void)
{

	if (zero == 0)
		__builtin_unreachable();
	return 0;
}

int
oops_ub_bits(void)
{

	return __builtin_ctz(zero);
}

static __attribute__((nonnull, noinline)) int
first(volatile int *p)
{

	return p != (volatile int *)8;
}

int
oops_ub_argument(void)
{
	volatile uintptr_t p = 0;

	return first((volatile int *)p);
}

static __attribute__((returns_nonnull, noinline)) volatile int *
nothing(void)
{
	volatile uintptr_t p = 0;

	return (volatile int *)p;
}

int
oops_ub_return(void)
{

	return nothing() != array;
}

int
oops_ub_pointer(void)
{
	volatile char *p = (volatile char *)array;

	p -= mostlong;
	return (uintptr_t)p == 1;
}

int
oops_ub_array(void)
{
	volatile char room[zero - 1];

	room[0] = 0;
	return room[0];
}
