/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Objects of one size, cut from pages; what kmem and pools are made of.
 */
#ifndef _RUMPY_CORE_SLAB_H_
#define	_RUMPY_CORE_SLAB_H_

#include <sys/types.h>
#include <sys/queue.h>

#define	SLAB_MAGAZINE	30
#define	SLAB_ALIGN	16

/*
 * The magazine holds free objects that are handed out next; all others are
 * chained within their slab, whose page records say how many are out.
 */
struct slab_cache {
	u_int	sc_loaded;		/* objects in the magazine */
	uint32_t sc_size;
	void	*sc_magazine[SLAB_MAGAZINE];
	uint32_t sc_partial;		/* first slab with a free object */
	uint32_t sc_nslabs;
	uint16_t sc_perslab;
	uint8_t	sc_npages;		/* of a slab; a power of two */
	uint8_t	sc_class;		/* checked when an object comes back */
	int	sc_owner;		/* KPAGE_HEAP or KPAGE_POOL */
	LIST_ENTRY(slab_cache) sc_list;
};

#define	SLAB_CLASS_POOL	255

/*
 * A free object's second word says so: a second free finds it, and an
 * allocation that does not find it knows of a write after the free.
 */
#define	SLAB_FREED	0xf4eedf4eedf4eed1UL

void	slab_misused(const struct slab_cache *, const void *, bool) __dead;

static inline void
slab_mark_free(const struct slab_cache *sc, void *p)
{
#ifdef DIAGNOSTIC
	uint64_t *word = (uint64_t *)p + 1;

	if (__predict_false(*word == (SLAB_FREED ^ (uint64_t)p)))
		slab_misused(sc, p, true);
	*word = SLAB_FREED ^ (uint64_t)p;
#endif
}

static inline void *
slab_mark_used(const struct slab_cache *sc, void *p)
{
#ifdef DIAGNOSTIC
	uint64_t *word = (uint64_t *)p + 1;

	if (__predict_false(*word != (SLAB_FREED ^ (uint64_t)p)))
		slab_misused(sc, p, false);
	*word = 0;
#endif
	return p;
}

void	slab_init(struct slab_cache *, size_t, size_t, int, uint8_t);
void	slab_fini(struct slab_cache *);
void	*slab_alloc_slow(struct slab_cache *, int);
void	slab_free_slow(struct slab_cache *, void *);
bool	slab_drain(struct slab_cache *);

static inline void *
slab_alloc(struct slab_cache *sc, int kmflags)
{
	void *p;

	if (__predict_true(sc->sc_loaded != 0))
		p = sc->sc_magazine[--sc->sc_loaded];
	else if ((p = slab_alloc_slow(sc, kmflags)) == NULL)
		return NULL;
	return slab_mark_used(sc, p);
}

static inline void
slab_free(struct slab_cache *sc, void *p)
{
	slab_mark_free(sc, p);
	if (__predict_true(sc->sc_loaded < SLAB_MAGAZINE))
		sc->sc_magazine[sc->sc_loaded++] = p;
	else
		slab_free_slow(sc, p);
}

#endif /* !_RUMPY_CORE_SLAB_H_ */
