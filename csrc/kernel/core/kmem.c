/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * kmem(9) and malloc(9): general-purpose memory.
 *
 * Small sizes come from slabs, one for each size class; the rest are whole
 * pages.  The caller of kmem_free() says the size, which finds the class; the
 * slab layer checks that it was the right one.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/malloc.h>

#include "core/kmem_impl.h"
#include "core/memcheck.h"
#include "core/pages.h"
#include "core/slab.h"

#define	KMEM_MAXSLAB	4096
#define	KMEM_QUANTUM	16

static const uint16_t kmem_sizes[] = {
	16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448,
	512, 640, 768, 1024, 1280, 1536, 2048, 2688, 4096
};
#define	KMEM_NCLASSES	__arraycount(kmem_sizes)

static struct slab_cache kmem_cache[KMEM_NCLASSES];
static uint8_t kmem_class[KMEM_MAXSLAB / KMEM_QUANTUM + 1];
static size_t kmem_large;	/* bytes in whole pages */

/* malloc(9) keeps the size in front of the block. */
struct malloc_head {
	size_t	mh_size;	/* of the whole, this head included */
	uint64_t mh_magic;
};
#define	MALLOC_MAGIC	0x6d616c6c6f636564UL

static size_t
kmem_reclaim(size_t npages, int kmflags)
{
	size_t before = kpage_used();
	u_int i;

	for (i = 0; i < KMEM_NCLASSES; i++)
		(void)slab_drain(&kmem_cache[i]);
	return before - kpage_used();
}

static struct kpage_reclaim kmem_reclaimer = {
	.kr_name = "kmem",
	.kr_func = kmem_reclaim,
};

void
kmem_init(void)
{
	u_int class = 0, i;

	for (i = 0; i < KMEM_NCLASSES; i++)
		slab_init(&kmem_cache[i], kmem_sizes[i],
		    kmem_sizes[i] == PAGE_SIZE ? PAGE_SIZE : SLAB_ALIGN,
		    KPAGE_HEAP, (uint8_t)i);
	for (i = 0; i < __arraycount(kmem_class); i++) {
		if (i * KMEM_QUANTUM > kmem_sizes[class])
			class++;
		kmem_class[i] = (uint8_t)class;
	}
	kpage_reclaim_register(&kmem_reclaimer);
}

static inline struct slab_cache *
kmem_cache_of(size_t size)
{
	return &kmem_cache[kmem_class[(size + KMEM_QUANTUM - 1) /
	    KMEM_QUANTUM]];
}

/* What a request of this size really takes. */
size_t
kmem_roundup_size(size_t size)
{
	return size <= KMEM_MAXSLAB ? kmem_cache_of(size)->sc_size :
	    roundup2(size, PAGE_SIZE);
}

static inline void *
kmem_get(size_t size, km_flag_t flags)
{
	void *p;

	KASSERT(size != 0);
	KASSERT((flags & (KM_SLEEP | KM_NOSLEEP)) == KM_SLEEP ||
	    (flags & (KM_SLEEP | KM_NOSLEEP)) == KM_NOSLEEP);
	if (__predict_true(size <= KMEM_MAXSLAB))
		return slab_alloc(kmem_cache_of(size), (int)flags);
	p = kpage_alloc(howmany(size, PAGE_SIZE), (int)flags | KPAGE_HEAP);
	if (p != NULL)
		kmem_large += roundup2(size, PAGE_SIZE);
	return p;
}

/* Checks are on and a module has called: the frame is our caller's. */
#define	KMEM_CHECKED()							\
	(__predict_false(memcheck_on) &&				\
	    memcheck_of_module(__builtin_return_address(0)))

void *
kmem_raw_alloc(size_t size, km_flag_t flags)
{
	return kmem_get(size, flags);
}

void *
kmem_alloc(size_t size, km_flag_t flags)
{
	if (KMEM_CHECKED())
		return memcheck_alloc(size, flags, __builtin_frame_address(0));
	return kmem_get(size, flags);
}

void *
kmem_zalloc(size_t size, km_flag_t flags)
{
	void *p;

	if (KMEM_CHECKED())
		p = memcheck_alloc(size, flags, __builtin_frame_address(0));
	else
		p = kmem_get(size, flags);
	if (__predict_true(p != NULL))
		memset(p, 0, size);
	return p;
}

void
kmem_free(void *p, size_t size)
{
	KASSERT(p != NULL && size != 0);
	if (__predict_false(memcheck_on) && memcheck_free(p, size))
		return;
	kmem_raw_free(p, size);
}

void
kmem_raw_free(void *p, size_t size)
{
	if (__predict_true(size <= KMEM_MAXSLAB)) {
		slab_free(kmem_cache_of(size), p);
		return;
	}
	kmem_large -= roundup2(size, PAGE_SIZE);
	kpage_free(p, howmany(size, PAGE_SIZE));
}

void *
kmem_intr_alloc(size_t size, km_flag_t flags)
{
	if (KMEM_CHECKED())
		return memcheck_alloc(size, flags, __builtin_frame_address(0));
	return kmem_get(size, flags);
}

void *
kmem_intr_zalloc(size_t size, km_flag_t flags)
{
	void *p;

	if (KMEM_CHECKED())
		p = memcheck_alloc(size, flags, __builtin_frame_address(0));
	else
		p = kmem_get(size, flags);
	return p != NULL ? memset(p, 0, size) : NULL;
}

void
kmem_intr_free(void *p, size_t size)
{
	kmem_free(p, size);
}

static char *
kmem_vasprintf(const char *fmt, va_list ap)
{
	va_list again;
	char *p;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	p = kmem_alloc((size_t)len + 1, KM_SLEEP);
	(void)vsnprintf(p, (size_t)len + 1, fmt, ap);
	return p;
}

char *
kmem_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *p;

	va_start(ap, fmt);
	p = kmem_vasprintf(fmt, ap);
	va_end(ap);
	return p;
}

char *
kmem_strdupsize(const char *s, size_t *lenp, km_flag_t flags)
{
	size_t size = strlen(s) + 1;
	char *p = kmem_alloc(size, flags);

	if (p == NULL)
		return NULL;
	if (lenp != NULL)
		*lenp = size;
	return memcpy(p, s, size);
}

char *
kmem_strndup(const char *s, size_t maxlen, km_flag_t flags)
{
	size_t len = strnlen(s, maxlen);
	char *p = kmem_alloc(len + 1, flags);

	if (p == NULL)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

void
kmem_strfree(char *s)
{
	if (s != NULL)
		kmem_free(s, strlen(s) + 1);
}

/* A buffer the caller has, if it is large enough. */
void *
kmem_tmpbuf_alloc(size_t size, void *buf, size_t bufsize, km_flag_t flags)
{
	return size <= bufsize ? buf : kmem_alloc(size, flags);
}

void
kmem_tmpbuf_free(void *p, size_t size, void *buf)
{
	if (p != buf)
		kmem_free(p, size);
}

void *
kern_malloc(unsigned long size, int flags)
{
	km_flag_t kmflags = (flags & M_NOWAIT) != 0 ? KM_NOSLEEP : KM_SLEEP;
	struct malloc_head *mh;

	if (size > SIZE_MAX - sizeof(*mh))
		return NULL;
	if (KMEM_CHECKED())
		mh = memcheck_alloc(size + sizeof(*mh), kmflags,
		    __builtin_frame_address(0));
	else
		mh = kmem_get(size + sizeof(*mh), kmflags);
	if (mh == NULL)
		return NULL;
	mh->mh_size = size + sizeof(*mh);
	mh->mh_magic = MALLOC_MAGIC;
	if ((flags & M_ZERO) != 0)
		memset(mh + 1, 0, size);
	return mh + 1;
}

static struct malloc_head *
malloc_head(void *p)
{
	struct malloc_head *mh = (struct malloc_head *)p - 1;

	KASSERTMSG(mh->mh_magic == MALLOC_MAGIC, "%p was not malloc'ed", p);
	return mh;
}

void
kern_free(void *p)
{
	struct malloc_head *mh;

	if (p == NULL)
		return;
	mh = malloc_head(p);
	mh->mh_magic = 0;
	kmem_free(mh, mh->mh_size);
}

void *
kern_realloc(void *p, unsigned long size, int flags)
{
	size_t old;
	void *q;

	if (p == NULL)
		return kern_malloc(size, flags);
	if (size == 0) {
		kern_free(p);
		return NULL;
	}
	old = malloc_head(p)->mh_size - sizeof(struct malloc_head);
	if (size <= old && size > old / 2)
		return p;
	if ((q = kern_malloc(size, flags)) == NULL)
		return NULL;
	memcpy(q, p, MIN(old, size));
	kern_free(p);
	return q;
}
