/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Misuses of memory that the kernel must notice: debug.misuse is written with
 * the number of one.
 */

#include <sys/kmem.h>
#include <sys/malloc.h>
#include <sys/pool.h>
#include <sys/sysctl.h>

#include "coretest.h"

static void
free_twice(void)
{
	void *p = kmem_alloc(100, KM_SLEEP);

	kmem_free(p, 100);
	kmem_free(p, 100);
}

static void
write_after_free(void)
{
	uint64_t *volatile p = kmem_alloc(200, KM_SLEEP);

	kmem_free(p, 200);
	p[1] = 1;
	(void)kmem_alloc(200, KM_SLEEP);
}

static void
free_wrong_size(void)
{
	void *p[64];
	int i;

	/* Noticed when the objects go back to their slabs. */
	for (i = 0; i < 64; i++)
		p[i] = kmem_alloc(100, KM_SLEEP);
	for (i = 0; i < 64; i++)
		kmem_free(p[i], 500);
}

static void
free_wild(void)
{
	static char here[64];

	kmem_free(here, 5000);
}

static void
free_unallocated(void)
{
	char *p = kern_malloc(100, M_WAITOK);

	kern_free(p + 16);
}

static void
free_pages_twice(void)
{
	void *p = kmem_alloc(10000, KM_SLEEP);

	kmem_free(p, 10000);
	kmem_free(p, 10000);
}

static void
destroy_busy_pool(void)
{
	static struct pool pool;

	pool_init(&pool, 50, 0, 0, 0, "busypl", NULL, IPL_NONE);
	(void)pool_get(&pool, PR_WAITOK);
	pool_destroy(&pool);
}

static void
put_twice(void)
{
	pool_cache_t pc = pool_cache_init(50, 0, 0, 0, "twicepc", NULL,
	    IPL_NONE, NULL, NULL, NULL);
	void *p = pool_cache_get(pc, PR_WAITOK);

	pool_cache_put(pc, p);
	pool_cache_put(pc, p);
}

static void (*const misuses[])(void) = {
	free_twice, write_after_free, free_wrong_size, free_wild,
	free_unallocated, free_pages_twice, destroy_busy_pool, put_twice,
};

static int
sysctl_misuse(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	int number = -1, error;

	node.sysctl_data = &number;
	error = sysctl_lookup(SYSCTLFN_CALL(&node));
	if (error != 0 || newp == NULL)
		return error;
	if (number < 0 || number >= (int)__arraycount(misuses))
		return EINVAL;
	(*misuses[number])();
	return EDOM;		/* it was not noticed */
}

SYSCTL_SETUP(sysctl_misuse_setup, "sysctl debug.misuse")
{
	sysctl_createv(clog, 0, NULL, NULL, CTLFLAG_READWRITE, CTLTYPE_INT,
	    "misuse", NULL, sysctl_misuse, 0, NULL, sizeof(int), CTL_DEBUG,
	    CTL_CREATE, CTL_EOL);
}
