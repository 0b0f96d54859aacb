/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * pool(9) and pool_cache(9).
 *
 * A pool is a slab cache with accounting and limits.  A pool cache keeps
 * constructed objects in groups; an object's constructor runs when it comes
 * out of the pool, its destructor when it goes back, not at each get and put.
 * Under memory pressure the groups are emptied.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/pool.h>
#include <sys/proc.h>

#include "core/memcheck.h"
#include "core/pages.h"
#include "core/pool_impl.h"
#include "core/slab.h"

#define	PCG_NOBJECTS	61

/* A group of constructed objects; 512 bytes. */
struct pcg {
	struct	pcg *pcg_next;
	u_int	pcg_avail;
	void	*pcg_objects[PCG_NOBJECTS];
};

/*
 * pc_groups starts with the group in use; those behind it are full.  One
 * empty group is kept at hand so that a put next to a group's border does not
 * allocate each time.
 */
struct pool_cache {
	struct	pool pc_pool;
	struct	pcg *pc_groups;
	struct	pcg *pc_spare;
	int	(*pc_ctor)(void *, void *, int);
	void	(*pc_dtor)(void *, void *);
	void	*pc_arg;
	u_long	pc_cached;
	u_long	pc_nget;
	u_long	pc_nput;
	LIST_ENTRY(pool_cache) pc_list;
};

static TAILQ_HEAD(, pool) pool_list = TAILQ_HEAD_INITIALIZER(pool_list);
static LIST_HEAD(, pool_cache) pool_caches =
    LIST_HEAD_INITIALIZER(pool_caches);
static unsigned int pool_serial;

static void	*pool_page_alloc(struct pool *, int);
static void	pool_page_free(struct pool *, void *);

struct pool_allocator pool_allocator_kmem = {
	.pa_alloc = pool_page_alloc,
	.pa_free = pool_page_free,
	.pa_pagesz = PAGE_SIZE,
};
struct pool_allocator pool_allocator_nointr = {
	.pa_alloc = pool_page_alloc,
	.pa_free = pool_page_free,
	.pa_pagesz = PAGE_SIZE,
};
struct pool_allocator pool_allocator_meta = {
	.pa_alloc = pool_page_alloc,
	.pa_free = pool_page_free,
	.pa_pagesz = PAGE_SIZE,
};

static inline int
pool_kmflags(int flags)
{
	return (flags & PR_NOWAIT) != 0 ? KM_NOSLEEP : KM_SLEEP;
}

/* The standard allocators, for those who call them directly. */
static void *
pool_page_alloc(struct pool *pp, int flags)
{
	return kpage_alloc(1, pool_kmflags(flags) | KPAGE_POOL);
}

static void
pool_page_free(struct pool *pp, void *page)
{
	kpage_free(page, 1);
}

static inline struct slab_cache *
pool_slab(struct pool *pp)
{
	return pp->pr_qcache;
}

static void
pool_set_up(struct pool *pp, size_t size, u_int align, u_int ioff, int flags,
    const char *wchan, struct pool_allocator *palloc, int ipl, bool checked)
{
	struct slab_cache *sc;

	KASSERT(size != 0);
	if ((flags & PR_NOTOUCH) != 0)
		panic("pool_init: %s: PR_NOTOUCH is not supported", wchan);
	if (palloc != NULL && palloc->pa_alloc != pool_page_alloc)
		aprint_debug("%s: items come from our own pages, not from "
		    "the pool's allocator\n", wchan);
	memset(pp, 0, sizeof(*pp));
	sc = kmem_alloc(sizeof(*sc), KM_SLEEP);
	slab_init(sc, checked ? memcheck_pool_size(size) : size, align,
	    KPAGE_POOL, SLAB_CLASS_POOL);
	pp->pr_qcache = sc;
	pp->pr_size = sc->sc_size;
	pp->pr_reqsize = size;
	pp->pr_flags = checked ? PR_CHECKED : 0;
	pp->pr_align = align;
	pp->pr_itemoffset = ioff;
	pp->pr_itemsperpage = sc->sc_perslab;
	pp->pr_maxpages = UINT_MAX;
	pp->pr_hardlimit = UINT_MAX;
	pp->pr_wchan = wchan;
	pp->pr_roflags = (unsigned int)flags;
	pp->pr_alloc = palloc != NULL ? palloc : &pool_allocator_kmem;
	pp->pr_ipl = ipl;
	pp->pr_poolid = ++pool_serial;
	mutex_init(&pp->pr_lock, MUTEX_DEFAULT, ipl);
	cv_init(&pp->pr_cv, wchan);
	TAILQ_INSERT_TAIL(&pool_list, pp, pr_poollist);
}

/* Pools of modules are checked, if anything is. */
#define	POOL_CHECKED()							\
	(memcheck_on && memcheck_of_module(__builtin_return_address(0)))

void
pool_init(struct pool *pp, size_t size, u_int align, u_int ioff, int flags,
    const char *wchan, struct pool_allocator *palloc, int ipl)
{
	pool_set_up(pp, size, align, ioff, flags, wchan, palloc, ipl,
	    POOL_CHECKED());
}

void
pool_destroy(struct pool *pp)
{
	if (pp->pr_nout != 0 && (pp->pr_flags & PR_CHECKED) != 0)
		memcheck_pool_busy(pp);
	if (pp->pr_nout != 0)
		panic("pool_destroy: %s busy: still out: %u", pp->pr_wchan,
		    pp->pr_nout);
	TAILQ_REMOVE(&pool_list, pp, pr_poollist);
	slab_fini(pool_slab(pp));
	kmem_free(pool_slab(pp), sizeof(struct slab_cache));
	pp->pr_qcache = NULL;
	cv_destroy(&pp->pr_cv);
	mutex_destroy(&pp->pr_lock);
}

void
pool_set_drain_hook(struct pool *pp, void (*fn)(void *, int), void *arg)
{
	pp->pr_drain_hook = fn;
	pp->pr_drain_hook_arg = arg;
}

/* The pool is at its hard limit: have items put back, wait for one, or fail. */
static bool
pool_limit_wait(struct pool *pp, int flags)
{
	if (pp->pr_drain_hook != NULL) {
		(*pp->pr_drain_hook)(pp->pr_drain_hook_arg, flags);
		if (pp->pr_nout < pp->pr_hardlimit)
			return true;
	}
	if (pp->pr_hardlimit_warning != NULL &&
	    ratecheck(&pp->pr_hardlimit_warning_last,
	    &pp->pr_hardlimit_ratecap))
		printf("%s\n", pp->pr_hardlimit_warning);
	if ((flags & (PR_NOWAIT | PR_LIMITFAIL)) != 0) {
		pp->pr_nfail++;
		return false;
	}
	mutex_enter(&pp->pr_lock);
	while (pp->pr_nout >= pp->pr_hardlimit) {
		pp->pr_flags |= PR_WANTED;
		cv_wait(&pp->pr_cv, &pp->pr_lock);
	}
	mutex_exit(&pp->pr_lock);
	return true;
}

void *
pool_get(struct pool *pp, int flags)
{
	void *item;

	KASSERT(pp->pr_qcache != NULL);
	if (__predict_false(pp->pr_nout >= pp->pr_hardlimit) &&
	    !pool_limit_wait(pp, flags))
		return NULL;
	item = slab_alloc(pool_slab(pp), pool_kmflags(flags));
	if (__predict_false(item == NULL)) {
		pp->pr_nfail++;
		return NULL;
	}
	if (__predict_false((pp->pr_flags & PR_CHECKED) != 0))
		memcheck_pool_get(pp, item, __builtin_frame_address(0));
	pp->pr_nget++;
	if (++pp->pr_nout > pp->pr_hiwat)
		pp->pr_hiwat = pp->pr_nout;
	if ((flags & PR_ZERO) != 0)
		memset(item, 0, pp->pr_reqsize);
	return item;
}

void
pool_put(struct pool *pp, void *item)
{
	KASSERTMSG(pp->pr_nout != 0, "%s: more put than got", pp->pr_wchan);
	pp->pr_nout--;
	pp->pr_nput++;
	if (__predict_false((pp->pr_flags & PR_CHECKED) != 0))
		memcheck_pool_put(pp, item);
	slab_free(pool_slab(pp), item);
	if (__predict_false((pp->pr_flags & PR_WANTED) != 0)) {
		mutex_enter(&pp->pr_lock);
		pp->pr_flags &= ~(unsigned int)PR_WANTED;
		cv_broadcast(&pp->pr_cv);
		mutex_exit(&pp->pr_lock);
	}
}

int
pool_reclaim(struct pool *pp)
{
	if (pp->pr_drain_hook != NULL)
		(*pp->pr_drain_hook)(pp->pr_drain_hook_arg, PR_NOWAIT);
	return slab_drain(pool_slab(pp));
}

/* Make sure that N items can be had without allocating pages. */
void
pool_prime(struct pool *pp, int n)
{
	void **items;
	int i;

	if (n <= 0)
		return;
	items = kmem_alloc((size_t)n * sizeof(*items), KM_SLEEP);
	for (i = 0; i < n; i++)
		items[i] = slab_alloc(pool_slab(pp), KM_SLEEP);
	while (i-- > 0)
		slab_free(pool_slab(pp), items[i]);
	kmem_free(items, (size_t)n * sizeof(*items));
}

void
pool_setlowat(struct pool *pp, int n)
{
	pp->pr_minitems = (unsigned int)n;
	pool_prime(pp, n);
}

void
pool_sethiwat(struct pool *pp, int n)
{
	pp->pr_maxitems = (unsigned int)n;
}

void
pool_sethardlimit(struct pool *pp, int n, const char *message, int ratecap)
{
	pp->pr_hardlimit = (unsigned int)n;
	pp->pr_hardlimit_warning = message;
	pp->pr_hardlimit_ratecap.tv_sec = ratecap;
	timerclear(&pp->pr_hardlimit_warning_last);
}

unsigned int
pool_nget(struct pool *pp)
{
	return (unsigned int)pp->pr_nget;
}

unsigned int
pool_nput(struct pool *pp)
{
	return (unsigned int)pp->pr_nput;
}

pool_cache_t
pool_cache_init(size_t size, u_int align, u_int align_offset, u_int flags,
    const char *wchan, struct pool_allocator *palloc, int ipl,
    int (*ctor)(void *, void *, int), void (*dtor)(void *, void *), void *arg)
{
	pool_cache_t pc = kmem_zalloc(sizeof(*pc), KM_SLEEP);

	pool_set_up(&pc->pc_pool, size, align, align_offset, (int)flags, wchan,
	    palloc, ipl, POOL_CHECKED());
	pc->pc_pool.pr_cache = pc;
	pc->pc_ctor = ctor;
	pc->pc_dtor = dtor;
	pc->pc_arg = arg;
	LIST_INSERT_HEAD(&pool_caches, pc, pc_list);
	return pc;
}

/* Destroy an object instead of caching it. */
void
pool_cache_destruct_object(pool_cache_t pc, void *object)
{
	if (pc->pc_dtor != NULL)
		(*pc->pc_dtor)(pc->pc_arg, object);
	pool_put(&pc->pc_pool, object);
}

static void *
pool_cache_pop(pool_cache_t pc)
{
	struct pcg *pcg = pc->pc_groups;

	if (pcg == NULL)
		return NULL;
	if (pcg->pcg_avail == 0) {
		if (pcg->pcg_next == NULL)
			return NULL;
		pc->pc_groups = pcg->pcg_next;
		if (pc->pc_spare != NULL)
			kmem_free(pcg, sizeof(*pcg));
		else
			pc->pc_spare = pcg;
		pcg = pc->pc_groups;
	}
	pc->pc_cached--;
	return pcg->pcg_objects[--pcg->pcg_avail];
}

static void *
pool_cache_get_slow(pool_cache_t pc, int flags)
{
	void *object;
	int error;

	if ((object = pool_cache_pop(pc)) != NULL)
		return object;
	if ((object = pool_get(&pc->pc_pool, flags)) == NULL)
		return NULL;
	if (pc->pc_ctor != NULL) {
		error = (*pc->pc_ctor)(pc->pc_arg, object, flags);
		if (error != 0) {
			pool_put(&pc->pc_pool, object);
			return NULL;
		}
	}
	return object;
}

void *
pool_cache_get_paddr(pool_cache_t pc, int flags, paddr_t *pap)
{
	struct pcg *pcg = pc->pc_groups;
	void *object;

	if (__predict_true(pcg != NULL && pcg->pcg_avail != 0)) {
		object = pcg->pcg_objects[--pcg->pcg_avail];
		pc->pc_cached--;
	} else if ((object = pool_cache_get_slow(pc, flags)) == NULL)
		return NULL;
	pc->pc_nget++;
	if (pap != NULL)
		*pap = (paddr_t)object;
	if ((flags & PR_ZERO) != 0)
		memset(object, 0, pc->pc_pool.pr_reqsize);
	return object;
}

/* A group with room at the front, or false if there is no memory for it. */
static bool
pool_cache_room(pool_cache_t pc)
{
	struct pcg *pcg = pc->pc_spare;

	if (pcg != NULL)
		pc->pc_spare = NULL;
	else if ((pcg = kmem_alloc(sizeof(*pcg), KM_NOSLEEP)) == NULL)
		return false;
	pcg->pcg_avail = 0;
	pcg->pcg_next = pc->pc_groups;
	pc->pc_groups = pcg;
	return true;
}

void
pool_cache_put_paddr(pool_cache_t pc, void *object, paddr_t pa)
{
	struct pcg *pcg = pc->pc_groups;

	KASSERT(object != NULL);
	pc->pc_nput++;
	if (__predict_false(pcg == NULL || pcg->pcg_avail == PCG_NOBJECTS)) {
		if (!pool_cache_room(pc)) {
			pool_cache_destruct_object(pc, object);
			return;
		}
		pcg = pc->pc_groups;
	}
	KASSERTMSG(pcg->pcg_avail == 0 ||
	    pcg->pcg_objects[pcg->pcg_avail - 1] != object,
	    "%s: %p put twice", pc->pc_pool.pr_wchan, object);
	pcg->pcg_objects[pcg->pcg_avail++] = object;
	pc->pc_cached++;
}

/* Destroy all cached objects. */
void
pool_cache_invalidate(pool_cache_t pc)
{
	struct pcg *pcg;
	void *object;

	while ((object = pool_cache_pop(pc)) != NULL)
		pool_cache_destruct_object(pc, object);
	while ((pcg = pc->pc_groups) != NULL) {
		if (pcg->pcg_avail != 0)
			break;		/* put back by a destructor */
		pc->pc_groups = pcg->pcg_next;
		kmem_free(pcg, sizeof(*pcg));
	}
	if (pc->pc_spare != NULL) {
		kmem_free(pc->pc_spare, sizeof(struct pcg));
		pc->pc_spare = NULL;
	}
}

bool
pool_cache_reclaim(pool_cache_t pc)
{
	pool_cache_invalidate(pc);
	return pool_reclaim(&pc->pc_pool);
}

void
pool_cache_destroy(pool_cache_t pc)
{
	LIST_REMOVE(pc, pc_list);
	pool_cache_invalidate(pc);
	pool_destroy(&pc->pc_pool);
	kmem_free(pc, sizeof(*pc));
}

void
pool_cache_set_drain_hook(pool_cache_t pc, void (*fn)(void *, int), void *arg)
{
	pool_set_drain_hook(&pc->pc_pool, fn, arg);
}

void
pool_cache_prime(pool_cache_t pc, int n)
{
	pool_prime(&pc->pc_pool, n);
}

void
pool_cache_setlowat(pool_cache_t pc, int n)
{
	pool_setlowat(&pc->pc_pool, n);
}

void
pool_cache_sethiwat(pool_cache_t pc, int n)
{
	pool_sethiwat(&pc->pc_pool, n);
}

void
pool_cache_sethardlimit(pool_cache_t pc, int n, const char *message,
    int ratecap)
{
	pool_sethardlimit(&pc->pc_pool, n, message, ratecap);
}

unsigned int
pool_cache_nget(pool_cache_t pc)
{
	return (unsigned int)pc->pc_nget;
}

unsigned int
pool_cache_nput(pool_cache_t pc)
{
	return (unsigned int)pc->pc_nput;
}

/* Objects that can be had without a further page. */
u_int
pool_cache_spare(pool_cache_t pc)
{
	const struct slab_cache *sc = pool_slab(&pc->pc_pool);

	return sc->sc_nslabs * sc->sc_perslab - pc->pc_pool.pr_nout +
	    (u_int)pc->pc_cached;
}

/*
 * Drain the pool that *PPP names, or the least recently drained one; true if
 * pages came back.
 */
bool
pool_drain(struct pool **ppp)
{
	struct pool *pp = TAILQ_FIRST(&pool_list);

	if (ppp != NULL)
		*ppp = pp;
	if (pp == NULL)
		return false;
	TAILQ_REMOVE(&pool_list, pp, pr_poollist);
	TAILQ_INSERT_TAIL(&pool_list, pp, pr_poollist);
	if (pp->pr_cache != NULL)
		return pool_cache_reclaim(pp->pr_cache);
	return pool_reclaim(pp) != 0;
}

static size_t
pool_pressure(size_t npages, int kmflags)
{
	size_t before = kpage_used();
	struct pool *pp;

	TAILQ_FOREACH(pp, &pool_list, pr_poollist) {
		if (pp->pr_cache != NULL)
			(void)pool_cache_reclaim(pp->pr_cache);
		else
			(void)pool_reclaim(pp);
		if (before - kpage_used() >= npages)
			break;
	}
	return before > kpage_used() ? before - kpage_used() : 0;
}

static struct kpage_reclaim pool_reclaimer = {
	.kr_name = "pools",
	.kr_func = pool_pressure,
};

void
pool_subsystem_init(void)
{
	kpage_reclaim_register(&pool_reclaimer);
}
