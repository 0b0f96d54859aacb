/* SPDX-License-Identifier: BSD-2-Clause */

/* Fixed-size objects: pool(9) and pool_cache(9). */
#ifndef _SYS_POOL_H_
#define	_SYS_POOL_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/time.h>

#define	POOL_PADDR_INVALID	((paddr_t)-1)

#define	PR_WAITOK	0x01
#define	PR_NOWAIT	0x02
#define	PR_WANTED	0x04
#define	PR_PHINPAGE	0x40
#define	PR_LIMITFAIL	0x100
#define	PR_RECURSIVE	0x200
#define	PR_NOTOUCH	0x400
#define	PR_NOALIGN	0x800
#define	PR_LARGECACHE	0x1000
#define	PR_GROWING	0x2000
#define	PR_GROWINGNOWAIT 0x4000
#define	PR_ZERO		0x8000
#define	PR_USEBMAP	0x10000
#define	PR_PSERIALIZE	0x20000

struct pool;
struct pool_cache;
typedef struct pool_cache *pool_cache_t;

struct pool_allocator {
	void	*(*pa_alloc)(struct pool *, int);
	void	(*pa_free)(struct pool *, void *);
	unsigned int pa_pagesz;
	kmutex_t pa_lock;
	TAILQ_HEAD(, pool) pa_list;
	uint32_t pa_refcnt;
	int	pa_pagemask;
	int	pa_pageshift;
};

struct pool_item_header;
LIST_HEAD(pool_pagelist, pool_item_header);

/*
 * Modules hold struct pool as static variables and touch no member, so
 * only the size (368) is fixed; what we need lies at the front.
 */
struct pool {
	TAILQ_ENTRY(pool) pr_poollist;
	struct	pool_pagelist pr_emptypages;
	struct	pool_pagelist pr_fullpages;
	struct	pool_pagelist pr_partpages;
	struct	pool_item_header *pr_curpage;
	struct	pool *pr_phpool;
	struct	pool_cache *pr_cache;
	unsigned int pr_size;		/* of an item, rounded */
	unsigned int pr_align;
	unsigned int pr_itemoffset;
	unsigned int pr_minitems;
	unsigned int pr_maxitems;
	unsigned int pr_minpages;
	unsigned int pr_maxpages;
	unsigned int pr_npages;
	unsigned int pr_itemsperpage;
	unsigned int pr_poolid;
	unsigned int pr_nitems;		/* free ones on our pages */
	unsigned int pr_nout;		/* handed out */
	unsigned int pr_hardlimit;
	unsigned int pr_refcnt;
	struct	pool_allocator *pr_alloc;
	TAILQ_ENTRY(pool) pr_alloc_list;
	void	(*pr_drain_hook)(void *, int);
	void	*pr_drain_hook_arg;
	const char *pr_wchan;
	unsigned int pr_flags;
	unsigned int pr_roflags;
	kmutex_t pr_lock;
	kcondvar_t pr_cv;
	int	pr_ipl;
	void	*_pr_phtree;
	int	pr_maxcolor;
	int	pr_curcolor;
	int	pr_phoffset;
	const char *pr_hardlimit_warning;
	struct	timeval pr_hardlimit_ratecap;
	struct	timeval pr_hardlimit_warning_last;
	unsigned long pr_nget;
	unsigned long pr_nfail;
	unsigned long pr_nput;
	unsigned long pr_npagealloc;
	unsigned long pr_npagefree;
	unsigned int pr_hiwat;
	unsigned long pr_nidle;
	void	*pr_freecheck;
	void	*pr_qcache;
	bool	pr_redzone;
	size_t	pr_reqsize;
	size_t	pr_reqsize_with_redzone;
};

extern struct pool_allocator pool_allocator_kmem;
extern struct pool_allocator pool_allocator_nointr;
extern struct pool_allocator pool_allocator_meta;

void	pool_init(struct pool *, size_t, u_int, u_int, int, const char *,
	    struct pool_allocator *, int);
void	pool_destroy(struct pool *);
void	pool_set_drain_hook(struct pool *, void (*)(void *, int), void *);
void	*pool_get(struct pool *, int);
void	pool_put(struct pool *, void *);
int	pool_reclaim(struct pool *);
void	pool_prime(struct pool *, int);
void	pool_setlowat(struct pool *, int);
void	pool_sethiwat(struct pool *, int);
void	pool_sethardlimit(struct pool *, int, const char *, int);
unsigned int pool_nget(struct pool *);
unsigned int pool_nput(struct pool *);
bool	pool_drain(struct pool **);

pool_cache_t pool_cache_init(size_t, u_int, u_int, u_int, const char *,
	    struct pool_allocator *, int, int (*)(void *, void *, int),
	    void (*)(void *, void *), void *);
void	pool_cache_destroy(pool_cache_t);
void	*pool_cache_get_paddr(pool_cache_t, int, paddr_t *);
void	pool_cache_put_paddr(pool_cache_t, void *, paddr_t);
void	pool_cache_destruct_object(pool_cache_t, void *);
void	pool_cache_invalidate(pool_cache_t);
bool	pool_cache_reclaim(pool_cache_t);
void	pool_cache_set_drain_hook(pool_cache_t, void (*)(void *, int),
	    void *);
void	pool_cache_setlowat(pool_cache_t, int);
void	pool_cache_sethiwat(pool_cache_t, int);
void	pool_cache_sethardlimit(pool_cache_t, int, const char *, int);
void	pool_cache_prime(pool_cache_t, int);
unsigned int pool_cache_nget(pool_cache_t);
unsigned int pool_cache_nput(pool_cache_t);

#define	pool_cache_get(pc, f)	pool_cache_get_paddr((pc), (f), NULL)
#define	pool_cache_put(pc, o) \
	pool_cache_put_paddr((pc), (o), POOL_PADDR_INVALID)

#endif /* !_SYS_POOL_H_ */
