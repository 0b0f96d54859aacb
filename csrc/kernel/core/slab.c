/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Slabs: runs of 1 to 16 pages cut into objects of one size.
 *
 * A slab's state is in the record of its first page (struct kpage): how many
 * objects are out, and the chain of free ones, whose links lie in the objects.
 * A slab without objects out is given back, unless it is the last one with
 * something free.  The virtual CPU is the lock.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>

#include "core/pages.h"
#include "core/slab.h"

#define	SLAB_MAXPAGES	16
/* A slab is so large that it holds at least this many, if it can be. */
#define	SLAB_MINOBJECTS	8

static LIST_HEAD(, slab_cache) slab_caches =
    LIST_HEAD_INITIALIZER(slab_caches);

void
slab_init(struct slab_cache *sc, size_t size, size_t align, int owner,
    uint8_t class)
{
	u_int npages = 1;

	align = MAX(align, SLAB_ALIGN);
	KASSERT(powerof2(align) && align <= PAGE_SIZE);
	size = roundup2(MAX(size, sizeof(uint16_t)), align);
	while (npages < SLAB_MAXPAGES &&
	    npages * PAGE_SIZE < size * SLAB_MINOBJECTS)
		npages *= 2;
	while (npages * PAGE_SIZE < size)
		npages *= 2;
	KASSERT(npages <= 128);
	*sc = (struct slab_cache){
		.sc_size = (uint32_t)size,
		.sc_partial = KPAGE_NONE,
		.sc_perslab = (uint16_t)(npages * PAGE_SIZE / size),
		.sc_npages = (uint8_t)npages,
		.sc_class = class,
		.sc_owner = owner,
	};
	LIST_INSERT_HEAD(&slab_caches, sc, sc_list);
}

static void
slab_link(struct slab_cache *sc, struct kpage *kp)
{
	uint32_t index = kpage_index(kp);

	kp->kp_prev = KPAGE_NONE;
	kp->kp_next = sc->sc_partial;
	if (sc->sc_partial != KPAGE_NONE)
		kpage_at(sc->sc_partial)->kp_prev = index;
	sc->sc_partial = index;
}

static void
slab_unlink(struct slab_cache *sc, struct kpage *kp)
{
	if (kp->kp_next != KPAGE_NONE)
		kpage_at(kp->kp_next)->kp_prev = kp->kp_prev;
	if (kp->kp_prev != KPAGE_NONE)
		kpage_at(kp->kp_prev)->kp_next = kp->kp_next;
	else
		sc->sc_partial = kp->kp_next;
}

/* The record of the slab that an object lies in. */
static struct kpage *
slab_of(const struct slab_cache *sc, const void *p)
{
	struct kpage *kp = kpage_of(p);

	KASSERTMSG(kp->kp_slab == sc->sc_npages && kp->kp_order == sc->sc_class,
	    "%p does not belong to the objects of %u bytes", p, sc->sc_size);
	return kpage_at(kpage_index(kp) & ~(uint32_t)(sc->sc_npages - 1));
}

static struct kpage *
slab_create(struct slab_cache *sc, int kmflags)
{
	struct kpage *kp;
	char *base;
	u_int i;

	base = kpage_alloc(sc->sc_npages, kmflags | sc->sc_owner);
	if (base == NULL)
		return NULL;
	kp = kpage_of(base);
	KASSERT((kpage_index(kp) & (sc->sc_npages - 1U)) == 0);
	for (i = 0; i < sc->sc_npages; i++) {
		kp[i].kp_slab = sc->sc_npages;
		kp[i].kp_order = sc->sc_class;
	}
	for (i = 0; i < sc->sc_perslab; i++) {
		void *p = base + (size_t)i * sc->sc_size;

		((uint64_t *)p)[1] = 0;
		slab_mark_free(sc, p);
		*(uint16_t *)p =
		    i + 1U < sc->sc_perslab ? (uint16_t)(i + 2) : 0;
	}
	kp->kp_free = 1;
	kp->kp_inuse = 0;
	slab_link(sc, kp);
	sc->sc_nslabs++;
	return kp;
}

static void
slab_destroy(struct slab_cache *sc, struct kpage *kp)
{
	KASSERT(kp->kp_inuse == 0);
	slab_unlink(sc, kp);
	sc->sc_nslabs--;
	kpage_free(kpage_address(kp), sc->sc_npages);
}

/* One object out of a slab that has one. */
static void *
slab_take(struct slab_cache *sc, struct kpage *kp)
{
	char *p = (char *)kpage_address(kp) +
	    (size_t)(kp->kp_free - 1) * sc->sc_size;

	kp->kp_free = *(uint16_t *)(void *)p;
	kp->kp_inuse++;
	if (kp->kp_free == 0)
		slab_unlink(sc, kp);
	return p;
}

static void
slab_return(struct slab_cache *sc, void *p)
{
	struct kpage *kp = slab_of(sc, p);
	size_t where = (size_t)((char *)p - (char *)kpage_address(kp));

	KASSERTMSG(where % sc->sc_size == 0, "%p is inside an object", p);
	KASSERTMSG(kp->kp_inuse != 0, "%p freed twice", p);
	if (kp->kp_free == 0)
		slab_link(sc, kp);
	*(uint16_t *)p = kp->kp_free;
	kp->kp_free = (uint16_t)(where / sc->sc_size + 1);
	if (--kp->kp_inuse == 0 &&
	    (kp->kp_next != KPAGE_NONE || kp->kp_prev != KPAGE_NONE))
		slab_destroy(sc, kp);
}

void
slab_misused(const struct slab_cache *sc, const void *p, bool twice)
{
	if (twice)
		panic("%p (%u bytes) freed twice", p, sc->sc_size);
	panic("%p (%u bytes) written to after it was freed", p, sc->sc_size);
}

/* The magazine is empty: fill half of it from slabs that exist. */
void *
slab_alloc_slow(struct slab_cache *sc, int kmflags)
{
	while (sc->sc_partial != KPAGE_NONE &&
	    sc->sc_loaded <= SLAB_MAGAZINE / 2)
		sc->sc_magazine[sc->sc_loaded++] =
		    slab_take(sc, kpage_at(sc->sc_partial));
	if (sc->sc_loaded == 0) {
		struct kpage *kp;

		/* May sleep, and somebody may load the magazine meanwhile. */
		if ((kp = slab_create(sc, kmflags)) == NULL)
			return NULL;
		return slab_take(sc, kp);
	}
	return sc->sc_magazine[--sc->sc_loaded];
}

/* The magazine is full: its older half goes back to the slabs. */
void
slab_free_slow(struct slab_cache *sc, void *p)
{
	u_int i, n = SLAB_MAGAZINE / 2;

	for (i = 0; i < n; i++)
		slab_return(sc, sc->sc_magazine[i]);
	sc->sc_loaded -= n;
	memmove(sc->sc_magazine, sc->sc_magazine + n,
	    sc->sc_loaded * sizeof(void *));
	sc->sc_magazine[sc->sc_loaded++] = p;
}

/* Give back what can be given back; true if that was anything. */
bool
slab_drain(struct slab_cache *sc)
{
	uint32_t before = sc->sc_nslabs, index, next;
	struct kpage *kp;

	while (sc->sc_loaded != 0)
		slab_return(sc, sc->sc_magazine[--sc->sc_loaded]);
	for (index = sc->sc_partial; index != KPAGE_NONE; index = next) {
		kp = kpage_at(index);
		next = kp->kp_next;
		if (kp->kp_inuse == 0)
			slab_destroy(sc, kp);
	}
	return sc->sc_nslabs != before;
}

void
slab_fini(struct slab_cache *sc)
{
	(void)slab_drain(sc);
	KASSERTMSG(sc->sc_nslabs == 0, "%u slabs of %u bytes still in use",
	    sc->sc_nslabs, sc->sc_size);
	LIST_REMOVE(sc, sc_list);
}
