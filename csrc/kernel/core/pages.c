/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The page allocator: a buddy system over the arena.
 *
 * What a page's state is lies in an array at the arena's start, never in the
 * page, so that a free page stays given back to the host.  Sizes need not be
 * powers of two; what is too much goes back at once.  A limit below the
 * arena's size bounds the pages in use: at the limit, those who registered
 * give pages back, then the host is asked for more.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/proc.h>

#include <uvm/uvm.h>

#include <rumpy/hyp.h>

#include "core/pages.h"

#define	KPAGE_NORDERS	20
#define	KPAGE_MAXORDER	(KPAGE_NORDERS - 1)

/* Blocks as large as this go back to the host when they are freed. */
#define	KPAGE_PUNCH	256

/*
 * Pages that only those get who make pages free: writing a page back takes a
 * little memory itself.
 */
#define	KPAGE_RESERVE	48

/* The owner of a page that has been freed. */
#define	KPAGE_NOBODY	UINT8_MAX

/* How long a sleeping caller waits for memory before we call it a deadlock. */
#define	KPAGE_PATIENCE	30	/* seconds */

psize_t	physmem;

static struct {
	char	*base;
	struct	kpage *meta;
	size_t	npages;			/* managed ones */
	size_t	used;
	size_t	limit;
	size_t	owned[KPAGE_NOWNERS];
	uint32_t nonempty;		/* orders with a free block */
	uint32_t head[KPAGE_NORDERS];
	LIST_HEAD(, kpage_reclaim) reclaim;
	struct	lwp *reclaimer;		/* runs the reclaim functions */
	struct	lwp *helper;		/* frees memory, in its own time */
	void	(*wake)(void);		/* .. when it is asked to */
} kpages;

static const char * const kpage_owner_name[KPAGE_NOWNERS] = {
	"heap", "stacks", "buffers", "page cache", "pools"
};

struct kpage *
kpage_at(uint32_t index)
{
	KASSERT(index < kpages.npages);
	return &kpages.meta[index];
}

uint32_t
kpage_index(const struct kpage *kp)
{
	return (uint32_t)(kp - kpages.meta);
}

bool
kpage_contains(const void *p)
{
	const char *c = p;

	return c >= kpages.base &&
	    c < kpages.base + kpages.npages * PAGE_SIZE;
}

struct kpage *
kpage_of(const void *p)
{
	KASSERTMSG(kpage_contains(p), "%p is not in the arena", p);
	return &kpages.meta[((const char *)p - kpages.base) >> PAGE_SHIFT];
}

void *
kpage_address(const struct kpage *kp)
{
	return kpages.base + ((size_t)kpage_index(kp) << PAGE_SHIFT);
}

static void
kpage_push(uint32_t index, u_int order)
{
	struct kpage *kp = &kpages.meta[index];
	uint32_t first = kpages.head[order];

	kp->kp_state = KP_FREE;
	kp->kp_order = (uint8_t)order;
	kp->kp_prev = KPAGE_NONE;
	kp->kp_next = first;
	if (first != KPAGE_NONE)
		kpages.meta[first].kp_prev = index;
	kpages.head[order] = index;
	kpages.nonempty |= 1U << order;
}

static void
kpage_unlink(uint32_t index, u_int order)
{
	struct kpage *kp = &kpages.meta[index];

	KASSERT(kp->kp_state == KP_FREE && kp->kp_order == order);
	if (kp->kp_next != KPAGE_NONE)
		kpages.meta[kp->kp_next].kp_prev = kp->kp_prev;
	if (kp->kp_prev != KPAGE_NONE)
		kpages.meta[kp->kp_prev].kp_next = kp->kp_next;
	else if ((kpages.head[order] = kp->kp_next) == KPAGE_NONE)
		kpages.nonempty &= ~(1U << order);
	kp->kp_state = KP_TAKEN;
}

/* Free one aligned block, joining it with its free neighbours. */
static void
kpage_free_block(uint32_t index, u_int order)
{
	uint32_t buddy;

	while (order < KPAGE_MAXORDER) {
		buddy = index ^ (1U << order);
		if (buddy + (1U << order) > kpages.npages ||
		    kpages.meta[buddy].kp_state != KP_FREE ||
		    kpages.meta[buddy].kp_order != order)
			break;
		kpage_unlink(buddy, order);
		index &= ~(1U << order);
		order++;
	}
	kpage_push(index, order);
}

/* Free a range of any shape as the largest aligned blocks it consists of. */
static void
kpage_free_range(uint32_t index, size_t n)
{
	u_int order;

	while (n != 0) {
		order = index == 0 ? KPAGE_MAXORDER :
		    (u_int)__builtin_ctz(index);
		if (order > KPAGE_MAXORDER)
			order = KPAGE_MAXORDER;
		while ((1UL << order) > n)
			order--;
		kpage_free_block(index, order);
		index += 1U << order;
		n -= 1UL << order;
	}
}

/*
 * Take over the arena: [base, base + size), of which at most LIMIT bytes may
 * be in use at a time.
 */
void
kpage_init(void *base, size_t size, size_t limit)
{
	size_t npages = size >> PAGE_SHIFT, nmeta;
	u_int order;

	KASSERT(((uintptr_t)base & PAGE_MASK) == 0);
	nmeta = howmany(npages * sizeof(struct kpage), PAGE_SIZE);
	if (npages <= nmeta || npages >= KPAGE_NONE)
		panic("arena of %zu pages", npages);
	kpages.meta = base;
	kpages.base = (char *)base + (nmeta << PAGE_SHIFT);
	kpages.npages = npages - nmeta;
	kpages.limit = limit == 0 ? kpages.npages :
	    MIN(limit >> PAGE_SHIFT, kpages.npages);
	LIST_INIT(&kpages.reclaim);
	for (order = 0; order < KPAGE_NORDERS; order++)
		kpages.head[order] = KPAGE_NONE;
	kpage_free_range(0, kpages.npages);
	physmem = kpages.limit;
}

/* The block's first page, or KPAGE_NONE. */
static uint32_t
kpage_take(size_t n)
{
	u_int order = n == 1 ? 0 : (u_int)(64 - __builtin_clzl(n - 1)), have;
	uint32_t fit, index;

	if (order > KPAGE_MAXORDER)
		return KPAGE_NONE;
	fit = kpages.nonempty & ~((1U << order) - 1);
	if (fit == 0)
		return KPAGE_NONE;
	have = (u_int)__builtin_ctz(fit);
	index = kpages.head[have];
	kpage_unlink(index, have);
	while (have > order) {
		have--;
		kpage_push(index + (1U << have), have);
	}
	if (n < (1UL << order))
		kpage_free_range(index + (uint32_t)n, (1UL << order) - n);
	return index;
}

/* May the caller use the reserve? */
static bool
kpage_privileged(void)
{
	return cold || curlwp == uvm.pagedaemon_lwp ||
	    curlwp == kpages.reclaimer || curlwp == kpages.helper;
}

static void *
kpage_try(size_t n, int flags)
{
	u_int owner = KPAGE_OWNER(flags);
	uint32_t index;
	size_t i;

	KASSERT(owner < KPAGE_NOWNERS);
	if (__predict_false(kpages.used + n + KPAGE_RESERVE > kpages.limit) &&
	    (kpages.used + n > kpages.limit || !kpage_privileged()))
		return NULL;
	if ((index = kpage_take(n)) == KPAGE_NONE)
		return NULL;
	for (i = 0; i < n; i++) {
		kpages.meta[index + i].kp_state = KP_TAKEN;
		kpages.meta[index + i].kp_owner = (uint8_t)owner;
		kpages.meta[index + i].kp_slab = 0;
	}
	kpages.used += n;
	kpages.owned[owner] += n;
	return kpages.base + ((size_t)index << PAGE_SHIFT);
}

/*
 * Ask around for N pages.  Not recursive: who gives memory back may need some
 * himself, and then gets what is left or fails.
 */
static bool
kpage_press(size_t n, int flags)
{
	struct kpage_reclaim *kr;
	size_t freed = 0;

	if (kpages.reclaimer != NULL)
		return false;
	kpages.reclaimer = curlwp;
	LIST_FOREACH(kr, &kpages.reclaim, kr_list) {
		freed += (*kr->kr_func)(n - MIN(freed, n), flags);
		if (freed >= n)
			break;
	}
	kpages.reclaimer = NULL;
	return freed != 0;
}

/* Let the host's policy raise the limit. */
static bool
kpage_grow(size_t n)
{
	uint64_t limit = kpages.limit << PAGE_SHIFT;

	if (cold || kpages.limit == kpages.npages)
		return false;
	if (hyp_mem_grow((n + KPAGE_RESERVE) << PAGE_SHIFT, &limit) != 0)
		return false;
	limit = MIN(limit >> PAGE_SHIFT, kpages.npages);
	if (limit <= kpages.limit)
		return false;
	kpages.limit = limit;
	physmem = limit;
	return true;
}

static void __dead
kpage_exhausted(size_t n, int flags)
{
	u_int i;

	for (i = 0; i < KPAGE_NOWNERS; i++)
		printf("memory: %s %zu KiB\n", kpage_owner_name[i],
		    kpages.owned[i] * (PAGE_SIZE / 1024));
	panic("out of memory: %zu pages for %s, %zu of %zu in use", n,
	    kpage_owner_name[KPAGE_OWNER(flags)], kpages.used, kpages.limit);
}

static void *
kpage_alloc_slow(size_t n, int flags)
{
	int patience = KPAGE_PATIENCE * 10;
	void *p;

	for (;;) {
		(void)kpage_press(n, flags & 0xff);
		if ((p = kpage_try(n, flags)) != NULL)
			return p;
		if ((flags & KM_NOSLEEP) != 0)
			return NULL;
		if (kpage_grow(n)) {
			if ((p = kpage_try(n, flags)) != NULL)
				return p;
			continue;
		}
		if (cold || patience-- == 0)
			kpage_exhausted(n, flags);
		if (kpages.wake != NULL)
			(*kpages.wake)();
		(void)kpause("memory", false, MAX(1, hz / 10), NULL);
	}
}

/*
 * N contiguous pages, contents undefined.  With KM_SLEEP the call does not
 * fail; with KM_NOSLEEP it never gives the CPU away.
 */
void *
kpage_alloc(size_t n, int flags)
{
	void *p;

	KASSERT(n != 0);
	if (__predict_true((p = kpage_try(n, flags)) != NULL))
		return p;
	return kpage_alloc_slow(n, flags);
}

void
kpage_free(void *p, size_t n)
{
	struct kpage *kp = kpage_of(p);
	uint32_t index = kpage_index(kp);
	size_t i;

	KASSERT(((uintptr_t)p & PAGE_MASK) == 0 && n != 0);
	KASSERT(index + n <= kpages.npages);
	for (i = 0; i < n; i++) {
		KASSERTMSG(kp[i].kp_owner < KPAGE_NOWNERS,
		    "page %p freed twice", (char *)p + i * PAGE_SIZE);
		kpages.owned[kp[i].kp_owner]--;
		kp[i].kp_owner = KPAGE_NOBODY;
	}
	kpages.used -= n;
	if (n >= KPAGE_PUNCH)
		kpage_discard(p, n);
	kpage_free_range(index, n);
}

/* Give the contents back to the host; the pages stay allocated. */
void
kpage_discard(void *p, size_t n)
{
	int error;

	error = hyp_mem_discard(p, n << PAGE_SHIFT);
	KASSERTMSG(error == 0, "error %d", error);
}

/* A thread that frees memory, and what makes it do so. */
void
kpage_set_helper(struct lwp *l, void (*wake)(void))
{
	kpages.helper = l;
	kpages.wake = wake;
}

void
kpage_reclaim_register(struct kpage_reclaim *kr)
{
	LIST_INSERT_HEAD(&kpages.reclaim, kr, kr_list);
}

void
kpage_reclaim_unregister(struct kpage_reclaim *kr)
{
	LIST_REMOVE(kr, kr_list);
}

size_t
kpage_used(void)
{
	return kpages.used;
}

/* Pages of one owner: KPAGE_HEAP and so on. */
size_t
kpage_used_by(int owner)
{
	return kpages.owned[KPAGE_OWNER(owner)];
}

/* What everybody may still take. */
size_t
kpage_avail(void)
{
	size_t taken = kpages.used + KPAGE_RESERVE;

	return kpages.limit > taken ? kpages.limit - taken : 0;
}

/*
 * Whether N pages are to be had, after asking those who can do without and the
 * host's policy.  For who wants to leave so many to others.  May sleep.
 */
bool
kpage_spare(size_t n)
{

	if (kpage_avail() < n)
		(void)kpage_press(n - kpage_avail(), KM_SLEEP);
	if (kpage_avail() < n)
		(void)kpage_grow(n - kpage_avail());
	return kpage_avail() >= n;
}

size_t
kpage_limit(void)
{
	return kpages.limit;
}
