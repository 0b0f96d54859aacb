/* SPDX-License-Identifier: BSD-2-Clause */

/* kmem, malloc, pools. */

#include <sys/cprng.h>
#include <sys/kmem.h>
#include <sys/malloc.h>
#include <sys/pool.h>

#include "coretest.h"

int
test_kmem(void)
{
	static const size_t sizes[] = {
		1, 8, 15, 16, 17, 64, 100, 128, 500, 512, 1000, 1024, 2000,
		2048, 4000, 4096, 4097, 10000, 65536, 1000000
	};
	uint8_t *p;
	char *s;
	size_t i, j, size;

	for (i = 0; i < __arraycount(sizes); i++) {
		p = kmem_zalloc(sizes[i], KM_SLEEP);
		CHECK(((uintptr_t)p & 15) == 0);
		CHECK(sizes[i] < 4096 || ((uintptr_t)p & 4095) == 0);
		for (j = 0; j < sizes[i]; j++)
			CHECK(p[j] == 0);
		memset(p, 0xa5, sizes[i]);
		kmem_free(p, sizes[i]);
	}
	s = kmem_asprintf("%d-%s", 12, "ab");
	CHECK(strcmp(s, "12-ab") == 0);
	kmem_strfree(s);
	s = kmem_strdupsize("hello", &size, KM_SLEEP);
	CHECK(size == 6 && strcmp(s, "hello") == 0);
	kmem_free(s, size);
	s = kmem_strndup("hello", 2, KM_SLEEP);
	CHECK(strcmp(s, "he") == 0);
	kmem_strfree(s);
	return 0;
}

#define	SLOTS	400

/* Blocks of any size come and go; each keeps its pattern. */
int
test_kmem_random(void)
{
	static struct {
		uint8_t *p;
		size_t	n;
		uint8_t	c;
	} slot[SLOTS];
	size_t i, j, round;

	for (round = 0; round < 20000; round++) {
		i = cprng_fast32() % SLOTS;
		if (slot[i].p != NULL) {
			for (j = 0; j < slot[i].n; j += 13)
				CHECK(slot[i].p[j] == slot[i].c);
			kmem_free(slot[i].p, slot[i].n);
			slot[i].p = NULL;
			continue;
		}
		slot[i].n = 1 + cprng_fast32() %
		    (round % 50 == 0 ? 40000 : 700);
		slot[i].c = (uint8_t)round;
		slot[i].p = kmem_alloc(slot[i].n, KM_SLEEP);
		memset(slot[i].p, slot[i].c, slot[i].n);
	}
	for (i = 0; i < SLOTS; i++) {
		if (slot[i].p != NULL)
			kmem_free(slot[i].p, slot[i].n);
		slot[i].p = NULL;
	}
	return 0;
}

int
test_malloc(void)
{
	char *p, *q;

	p = malloc(100, M_TEMP, M_WAITOK | M_ZERO);
	CHECK(p[0] == 0 && p[99] == 0 && ((uintptr_t)p & 15) == 0);
	memset(p, 'a', 100);
	q = realloc(p, 5000, M_TEMP, M_WAITOK);
	CHECK(q[0] == 'a' && q[99] == 'a');
	q = realloc(q, 10, M_TEMP, M_WAITOK);
	CHECK(q[9] == 'a');
	free(q, M_TEMP);
	free(NULL, M_TEMP);
	return 0;
}

int
test_pool(void)
{
	static struct pool pool;
	char *items[500];
	int i;

	pool_init(&pool, 200, 64, 0, 0, "testpl", NULL, IPL_NONE);
	for (i = 0; i < 500; i++) {
		items[i] = pool_get(&pool, PR_WAITOK | PR_ZERO);
		CHECK(((uintptr_t)items[i] & 63) == 0 && items[i][199] == 0);
		memset(items[i], i, 200);
	}
	CHECK(pool_nget(&pool) == 500);
	for (i = 0; i < 500; i++) {
		CHECK(items[i][0] == (char)i && items[i][199] == (char)i);
		pool_put(&pool, items[i]);
	}
	CHECK(pool_nput(&pool) == 500);
	CHECK(pool_reclaim(&pool) != 0);
	pool_prime(&pool, 10);
	pool_destroy(&pool);
	return 0;
}

int
test_pool_limit(void)
{
	static struct pool pool;
	void *a, *b;

	pool_init(&pool, 64, 0, 0, 0, "limitpl", &pool_allocator_nointr,
	    IPL_NONE);
	pool_sethardlimit(&pool, 2, NULL, 0);
	a = pool_get(&pool, PR_NOWAIT);
	b = pool_get(&pool, PR_NOWAIT);
	CHECK(a != NULL && b != NULL && pool_get(&pool, PR_NOWAIT) == NULL);
	pool_put(&pool, a);
	a = pool_get(&pool, PR_NOWAIT);
	CHECK(a != NULL);
	pool_put(&pool, a);
	pool_put(&pool, b);
	pool_destroy(&pool);
	return 0;
}

static int constructed, destructed;

static int
construct(void *arg, void *object, int flags)
{
	if (arg != &constructed)
		return EINVAL;
	constructed++;
	memset(object, 'c', 48);
	return 0;
}

static void
destruct(void *arg, void *object)
{
	destructed++;
}

/* Objects are constructed once, however often they are used. */
int
test_pool_cache(void)
{
	pool_cache_t pc;
	char *object[200];
	int i, round;

	constructed = destructed = 0;
	pc = pool_cache_init(48, 0, 0, 0, "testpc", NULL, IPL_NONE, construct,
	    destruct, &constructed);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < 200; i++) {
			object[i] = pool_cache_get(pc, PR_WAITOK);
			CHECK(object[i][0] == 'c' && object[i][47] == 'c');
		}
		for (i = 0; i < 200; i++)
			pool_cache_put(pc, object[i]);
	}
	CHECK(constructed == 200 && destructed == 0);
	object[0] = pool_cache_get(pc, PR_WAITOK);
	pool_cache_destruct_object(pc, object[0]);
	CHECK(destructed == 1);
	pool_cache_invalidate(pc);
	CHECK(destructed == 200);
	object[0] = pool_cache_get(pc, PR_WAITOK);
	CHECK(constructed == 201);
	pool_cache_put(pc, object[0]);
	pool_cache_destroy(pc);
	CHECK(destructed == 201);
	return 0;
}
