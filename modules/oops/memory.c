/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a module should not do with memory.  Without checks most of it goes
 * unnoticed, or brings down somebody else.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/malloc.h>
#include <sys/pool.h>

#include "oops.h"

static char *volatile kept;
static struct pool pool;

/* One byte too many. */
int
oops_overrun(void)
{
	char *volatile p = kmem_alloc(100, KM_SLEEP);

	p[100] = 0;
	kmem_free(p, 100);
	return 0;
}

int
oops_underrun(void)
{
	char *volatile p = kmem_zalloc(5000, KM_SLEEP);

	p[-1] = 0;
	kmem_free(p, 5000);
	return 0;
}

/* Frees, and goes on writing: found when somebody looks. */
int
oops_afterfree(void)
{

	kept = kmem_alloc(200, KM_SLEEP);
	kmem_free(kept, 200);
	kept[100] = 'x';
	return 0;
}

/* Harmless, but it takes much. */
int
oops_bigfree(void)
{
	char *volatile p = kmem_alloc(10000, KM_SLEEP);

	kmem_free(p, 10000);
	return 0;
}

int
oops_freetwice(void)
{
	char *volatile p = kmem_alloc(64, KM_SLEEP);

	kmem_free(p, 64);
	kmem_free(p, 64);
	return 0;
}

int
oops_freesize(void)
{
	char *volatile p = kmem_alloc(40, KM_SLEEP);

	kmem_free(p, 41);
	return 0;
}

/* Never freed, by kmem(9) and malloc(9). */
int
oops_leak(void)
{

	kept = kmem_alloc(300, KM_SLEEP);
	kept = malloc(1000, M_TEMP, M_WAITOK);
	return 0;
}

int
oops_poolrun(void)
{
	char *volatile p;

	pool_init(&pool, 48, 0, 0, 0, "oopspool", NULL, IPL_NONE);
	p = pool_get(&pool, PR_WAITOK);
	memset(p, 0, 56);
	pool_put(&pool, p);
	pool_destroy(&pool);
	return 0;
}

int
oops_poolleak(void)
{

	pool_init(&pool, 48, 0, 0, 0, "oopspool", NULL, IPL_NONE);
	kept = pool_get(&pool, PR_WAITOK);
	pool_destroy(&pool);
	return 0;
}
