/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page cache's parts among themselves.
 *
 *	pageindex.c	from an object's offset to a chunk
 *	pages.c		chunks and their pages: making, busying, freeing
 *	pagedaemon.c	getting memory back
 *	uvm_page.c	struct vm_page as file systems know it
 *	ubc.c		copying between the cache and a struct uio
 *	uvm_object.c	vnodes and anonymous memory as objects
 *	genfs_*.c	pages from and to the disk
 *	readahead.c	what to read before it is asked for
 *
 * An object's pages live in chunks: 64 KiB of its offsets, backed by one
 * contiguous piece of memory that is as large as the object needs it (1 to
 * 16 pages).  So a lookup is one for 64 KiB, a copy or a transfer is one
 * piece, and what state the pages are in is known from a few bit masks.  The
 * flags in struct vm_page, which file systems look at, always agree with the
 * masks; only PG_RDONLY may be cleared behind our back, so pc_hole is a hint
 * there.
 *
 * Locks: vmobjlock is taken and released where NetBSD's interfaces say so.
 * It does not protect the chunks; the virtual CPU does.  A chunk may go away
 * whenever its holder sleeps, unless he has made one of its pages busy.
 */
#ifndef _VFS_PAGES_H_
#define	_VFS_PAGES_H_

#include <sys/param.h>
#include <sys/condvar.h>
#include <sys/queue.h>
#include <uvm/uvm.h>

#define	CHUNK_SHIFT	16
#define	CHUNK_SIZE	((size_t)1 << CHUNK_SHIFT)
#define	CHUNK_MASK	(CHUNK_SIZE - 1)
#define	CHUNK_PAGES	(1 << (CHUNK_SHIFT - PAGE_SHIFT))

/* A set of pages of one chunk: bit i is the page at i * PAGE_SIZE. */
typedef uint32_t pageset_t;

struct uvm_pagechunk {
	TAILQ_ENTRY(uvm_pagechunk) pc_lru;
	struct uvm_object *pc_uobj;
	voff_t	pc_off;			/* multiple of CHUNK_SIZE */
	char	*pc_data;
	struct vm_page *pc_page;	/* pc_npages of them */
	uint16_t pc_present;		/* has a page */
	uint16_t pc_valid;		/* ... that holds data (not PG_FAKE) */
	uint16_t pc_dirty;		/* PG_DIRTY, or neither clean nor so */
	uint16_t pc_busy;		/* PG_BUSY */
	uint16_t pc_writing;		/* busy because it is being written */
	uint16_t pc_hole;		/* PG_RDONLY, unless cleared since */
	uint8_t	pc_npages;
	bool	pc_used;		/* since the page daemon last looked */
	bool	pc_onlru;
	bool	pc_wanted;		/* somebody waits on pc_cv */
	bool	pc_ahead;		/* read: read further ahead */
	bool	pc_fresh;		/* memory never used before */
	kcondvar_t pc_cv;
};

/* What the whole cache holds, in pages. */
struct pagecache {
	size_t	pch_pages;
	size_t	pch_chunks;
	size_t	pch_dirty;
	size_t	pch_dirtymax;		/* writers are slowed down above */
	kmutex_t pch_lock;		/* for sleeping only */
};

extern struct pagecache pagecache;
TAILQ_HEAD(pagechunk_queue, uvm_pagechunk);
extern struct pagechunk_queue pagechunk_lru;

/* pageindex.c */
bool	pageindex_insert(struct uvm_object *, struct uvm_pagechunk *);
void	pageindex_remove(struct uvm_object *, voff_t);
void	pageindex_setdirty(struct uvm_object *, voff_t, bool);
bool	pageindex_anydirty(const struct uvm_object *);
struct uvm_pagechunk *pageindex_next(const struct uvm_object *, voff_t, bool);
struct uvm_pagechunk *pageindex_prev(const struct uvm_object *, voff_t, bool);
struct uvm_pagechunk *pageindex_lookup(const struct uvm_object *, voff_t);

/* uvm_map.c */
void	uvm_map_setup(struct vm_map *);

/* pages.c */
void	pages_init(void);
struct uvm_pagechunk *pagechunk_get(struct uvm_object *, voff_t, u_int,
	    u_int);
void	pagechunk_wait(struct uvm_pagechunk *);
void	pageset_add(struct uvm_pagechunk *, pageset_t);
void	pageset_populate(struct uvm_pagechunk *, pageset_t);
void	pageset_free(struct uvm_pagechunk *, pageset_t);
void	pageset_setbusy(struct uvm_pagechunk *, pageset_t);
void	pageset_unbusy(struct uvm_pagechunk *, pageset_t);
void	pageset_setvalid(struct uvm_pagechunk *, pageset_t);
void	pageset_setdirty(struct uvm_pagechunk *, pageset_t);
void	pageset_setclean(struct uvm_pagechunk *, pageset_t);
void	pageset_sethole(struct uvm_pagechunk *, pageset_t, bool);
pageset_t pageset_holes(struct uvm_pagechunk *, pageset_t);
void	pagechunk_deactivate(struct uvm_pagechunk *);
size_t	pagecache_trim(size_t);
void	pagecache_idle(void);
bool	pagecache_hasidle(void);

/* pagedaemon.c */
void	pagedaemon_init(void);
void	pagedaemon_kick(void);
bool	pagedaemon_wait(void);
void	*pages_alloc(size_t);
size_t	pages_reclaim(size_t, int);
void	pagedaemon_throttle(struct uvm_object *, int);

/* Private flag of pgo_get: leave PG_FAKE on pages made by PGO_OVERWRITE. */
#define	PGO_UBCFAKE	0x01000000

/* The pages that [off, off + len) touches; off is in this chunk. */
static inline pageset_t
pageset_of(voff_t off, size_t len)
{
	u_int first, last;

	first = (off & CHUNK_MASK) >> PAGE_SHIFT;
	last = ((off & CHUNK_MASK) + len - 1) >> PAGE_SHIFT;
	return ((2U << last) - 1) & ~((1U << first) - 1);
}

/* The n pages from page i on. */
static inline pageset_t
pageset_run(u_int i, u_int n)
{

	return ((1U << n) - 1) << i;
}

/* The first run of a set, which isn't empty: its start and its length. */
static inline u_int
pageset_firstrun(pageset_t set, u_int *np)
{
	u_int i;

	i = __builtin_ctz(set);
	*np = __builtin_ctz(~(set >> i));
	return i;
}

static inline u_int
pageset_count(pageset_t set)
{
	u_int n;

	for (n = 0; set != 0; n++)
		set &= set - 1;
	return n;
}

static inline u_int
page_index(const struct vm_page *pg)
{

	return (u_int)(pg - pg->mdpage.mp_chunk->pc_page);
}

static inline pageset_t
page_bit(const struct vm_page *pg)
{

	return 1U << page_index(pg);
}

#endif /* !_VFS_PAGES_H_ */
