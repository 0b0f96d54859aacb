/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of a kernel's memory, and the way back to one of them.
 *
 * Only pages that have backing are copied.  A restore has to find those that
 * differ from the copy.  Where Linux can do it (6.7), userfaultfd protects both
 * windows against writing, asynchronously: the first write to a page costs its
 * writer a short fault, and PAGEMAP_SCAN tells the pages written since the last
 * scan and protects them again.  Elsewhere all pages are compared, which is also
 * the way to a copy that the memory is not known against (the base).
 *
 * Pages are stored through an alias, a third window of the memfd that is not
 * protected, so that restoring a page does not make it a changed one.  A page
 * that was punched out of the memfd keeps its protection and does not count as
 * written; memory.c reports those here.
 *
 * Pages are numbered as in the memfd: the slab's first, then the arena's.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"
#include "memory.h"
#include "snapshot.h"

#define	PAGE		UINT64_C(4096)
#define	PUNCH_PAGES	16	/* so many empty pages in a row: punch them */
#define	REGIONS		2048	/* for one PAGEMAP_SCAN */
#define	CHUNK		512	/* pages that one page table maps */

/* Younger than the headers that the host may have. */
#define	FEATURES	(UINT64_C(1) << 0 |	/* PAGEFAULT_FLAG_WP */	\
			UINT64_C(1) << 12 |	/* WP_HUGETLBFS_SHMEM */	\
			UINT64_C(1) << 13 |	/* WP_UNPOPULATED */		\
			UINT64_C(1) << 15)	/* WP_ASYNC */
#ifndef MADV_POPULATE_WRITE
#define	MADV_POPULATE_WRITE	23
#endif
#ifndef UFFD_USER_MODE_ONLY
#define	UFFD_USER_MODE_ONLY	1
#endif

struct scan_region {
	uint64_t	start;
	uint64_t	end;
	uint64_t	categories;
};

struct scan_arg {
	uint64_t	size;
	uint64_t	flags;
	uint64_t	start;
	uint64_t	end;
	uint64_t	walk_end;
	uint64_t	vec;
	uint64_t	vec_len;
	uint64_t	max_pages;
	uint64_t	category_inverted;
	uint64_t	category_mask;
	uint64_t	category_anyof_mask;
	uint64_t	return_mask;
};

#define	SCAN			_IOWR('f', 16, struct scan_arg)
#define	SCAN_WP_MATCHING	1
#define	SCAN_IS_WRITTEN		2

/* A run of pages that a copy has; the bytes lie one run after the other. */
struct run {
	uint32_t	first;
	uint32_t	count;
	uint64_t	at;		/* first page's index in the copy */
};

struct mem_image {
	struct mem_track	*track;
	uint32_t		process;	/* *hyp_process of its taker */
	struct run		*runs;	/* ascending */
	uint64_t		nruns;
	uint64_t		npages;
	char			*bytes;
	uint64_t		*guards;
	uint64_t		copied;		/* by the last restore */
	uint64_t		cleared;
	uint64_t		restores;
};

struct mem_track {
	pthread_mutex_t		lock;
	struct hyp_memory	*memory;	/* NULL: it is gone */
	struct hyp_memory_config geometry;
	unsigned		references;	/* images and the memory */
	int			fd;		/* the memory's */
	int			uffd;		/* -1: pages are compared */
	int			pagemap;
	char			*alias;
	uint64_t		slab_pages;
	uint64_t		npages;
	bool			*chunks;	/* which are tracked */
	uint64_t		*punched;	/* a bit for each page */
	bool			any_punched;
	struct mem_image	*base;		/* changes are counted from it */
	uint64_t		base_guards;	/* memory's guard_changes then */
	struct scan_region	regions[REGIONS];
};

/* --- where pages are ------------------------------------------------------ */

static uint64_t
slab_base(const struct mem_track *t)
{

	return t->geometry.low_base + t->geometry.low_size -
	    t->geometry.slab_size;
}

static uint64_t
page_address(const struct mem_track *t, uint64_t page)
{

	if (page < t->slab_pages)
		return slab_base(t) + page * PAGE;
	return t->geometry.arena_base + (page - t->slab_pages) * PAGE;
}

static uint64_t
address_page(const struct mem_track *t, uint64_t address)
{
	const uint64_t base = t->geometry.arena_base;

	if (address >= base && address - base < t->geometry.arena_size)
		return t->slab_pages + (address - base) / PAGE;
	return (address - slab_base(t)) / PAGE;
}

/* The run that has the page, or the first one behind it. */
static const struct run *
run_find(const struct mem_image *i, uint64_t page)
{
	uint64_t low = 0, high = i->nruns;

	while (low < high) {
		const uint64_t middle = (low + high) / 2;
		const struct run *r = &i->runs[middle];

		if (r->first + (uint64_t)r->count <= page)
			low = middle + 1;
		else
			high = middle;
	}
	return &i->runs[low];
}

static uint64_t
min_u64(uint64_t a, uint64_t b)
{

	return a < b ? a : b;
}

/* The next run of pages with backing at or after *PAGE; its length, or 0. */
static uint64_t
next_used(struct mem_track *t, uint64_t *page)
{
	const off_t size = (off_t)(t->npages * PAGE);
	const off_t from = (off_t)(*page * PAGE);
	off_t start, end;

	if (from >= size || (start = lseek(t->fd, from, SEEK_DATA)) < 0)
		return 0;
	end = lseek(t->fd, start, SEEK_HOLE);
	if (end < 0)
		end = size;
	*page = (uint64_t)start / PAGE;
	return ((uint64_t)end - (uint64_t)start + PAGE - 1) / PAGE;
}

/* --- life ----------------------------------------------------------------- */

static void
track_untrack(struct mem_track *t)
{

	if (t->uffd >= 0)
		close(t->uffd);		/* ends all protection */
	if (t->pagemap >= 0)
		close(t->pagemap);
	t->uffd = t->pagemap = -1;
	memset(t->chunks, 0, (t->npages + CHUNK - 1) / CHUNK);
	t->base = NULL;
}

static void
track_drop_locked(struct mem_track *t)
{
	const bool last = --t->references == 0;

	pthread_mutex_unlock(&t->lock);
	if (last) {
		pthread_mutex_destroy(&t->lock);
		free(t->chunks);
		free(t->punched);
		free(t);
	}
}

/* The memory is about to be unmapped; images may live on, of no use. */
void
mem_track_end(struct mem_track *t)
{

	if (t == NULL)
		return;
	pthread_mutex_lock(&t->lock);
	track_untrack(t);
	munmap(t->alias, t->npages * PAGE);
	t->alias = NULL;
	t->memory = NULL;
	track_drop_locked(t);
}

static struct mem_track *
track_create(struct hyp_memory *m)
{
	struct mem_track *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	hyp_memory_geometry(m, &t->geometry);
	t->slab_pages = t->geometry.slab_size / PAGE;
	t->npages = t->slab_pages + t->geometry.arena_size / PAGE;
	t->memory = m;
	t->fd = hyp_memory_fd(m);
	t->uffd = t->pagemap = -1;
	t->references = 1;
	t->punched = calloc((t->npages + 63) / 64, sizeof(uint64_t));
	t->chunks = calloc((t->npages + CHUNK - 1) / CHUNK, sizeof(bool));
	t->alias = mmap(NULL, t->npages * PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, t->fd, 0);
	if (t->punched == NULL || t->chunks == NULL ||
	    t->alias == MAP_FAILED) {
		if (t->alias != MAP_FAILED)
			munmap(t->alias, t->npages * PAGE);
		free(t->punched);
		free(t->chunks);
		free(t);
		return NULL;
	}
	(void)madvise(t->alias, t->npages * PAGE, MADV_DONTFORK);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static int
uffd_register(int uffd, uint64_t start, uint64_t length)
{
	struct uffdio_register r = {
		.range = { start, length },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &r) == 0 ? 0 : errno;
}

/* Have Linux keep account of writes; a host errno where it can't. */
static int
track_begin(struct mem_track *t)
{
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURES };
	int error = 0;

	t->uffd = (int)syscall(SYS_userfaultfd,
	    O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (t->uffd < 0)
		return ENOTSUP;
	t->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (t->pagemap < 0 || ioctl(t->uffd, UFFDIO_API, &api) != 0 ||
	    (api.features & FEATURES) != FEATURES)
		error = ENOTSUP;
	if (error == 0)
		error = uffd_register(t->uffd, slab_base(t),
		    t->geometry.slab_size);
	if (error == 0)
		error = uffd_register(t->uffd, t->geometry.arena_base,
		    t->geometry.arena_size);
	if (error != 0)
		track_untrack(t);
	return error;
}

/* Write-protect what one page table maps, from now on. */
static int
track_chunk(struct mem_track *t, uint64_t chunk)
{
	uint64_t at = chunk * CHUNK;
	const uint64_t end = min_u64(at + CHUNK, t->npages);

	while (at < end && !t->chunks[chunk]) {
		const uint64_t stop = at < t->slab_pages ?
		    min_u64(end, t->slab_pages) : end;
		struct uffdio_writeprotect wp = {
			.range = { page_address(t, at), (stop - at) * PAGE },
			.mode = UFFDIO_WRITEPROTECT_MODE_WP,
		};

		if (ioctl(t->uffd, UFFDIO_WRITEPROTECT, &wp) != 0)
			return errno;
		at = stop;
	}
	t->chunks[chunk] = true;
	return 0;
}

/* Have all that a copy has tracked. */
static int
track_protect(struct mem_track *t, const struct mem_image *i)
{
	int error = 0;

	for (uint64_t n = 0; n < i->nruns && error == 0; n++) {
		const uint64_t first = i->runs[n].first;
		const uint64_t last = first + i->runs[n].count - 1;

		for (uint64_t c = first / CHUNK; c <= last / CHUNK &&
		    error == 0; c++)
			error = track_chunk(t, c);
	}
	return error;
}

/* --- finding what has changed --------------------------------------------- */

typedef void (*visit_fn)(struct mem_image *, uint64_t page, uint64_t count);

/*
 * Visit what was written in [start, start + length) since the last scan, and
 * protect it again.  Without VISIT only the latter.
 */
static int
scan_window(struct mem_track *t, uint64_t start, uint64_t length,
    struct mem_image *i, visit_fn visit)
{
	struct scan_region *regions = t->regions;
	struct scan_arg arg = {
		.size = sizeof(arg),
		.flags = SCAN_WP_MATCHING,
		.start = start,
		.end = start + length,
		.vec = (uintptr_t)regions,
		.vec_len = REGIONS,
		.category_mask = SCAN_IS_WRITTEN,
		.return_mask = SCAN_IS_WRITTEN,
	};

	while (arg.start < arg.end) {
		const int n = ioctl(t->pagemap, SCAN, &arg);

		if (n < 0)
			return errno;
		for (int r = 0; visit != NULL && r < n; r++)
			visit(i, address_page(t, regions[r].start),
			    (regions[r].end - regions[r].start) / PAGE);
		if (arg.walk_end <= arg.start)
			return EIO;
		arg.start = arg.walk_end;
	}
	return 0;
}

/* Pages [page, end), all of them tracked. */
static int
scan_pages(struct mem_track *t, uint64_t page, uint64_t end,
    struct mem_image *i, visit_fn visit)
{
	int error = 0;

	while (page < end && error == 0) {
		const uint64_t stop = page < t->slab_pages ?
		    min_u64(end, t->slab_pages) : end;

		error = scan_window(t, page_address(t, page),
		    (stop - page) * PAGE, i, visit);
		page = stop;
	}
	return error;
}

/*
 * Pages [page, end), none of them tracked: they were empty, so what has backing
 * now was written.
 */
static int
scan_empty(struct mem_track *t, uint64_t page, uint64_t end,
    struct mem_image *i, visit_fn visit)
{
	const off_t limit = (off_t)(end * PAGE);
	uint64_t count;
	int error = 0;

	while (page < end && error == 0) {
		const off_t start = lseek(t->fd, (off_t)(page * PAGE),
		    SEEK_DATA);

		/* Do not measure what comes behind: it may be long. */
		if (start < 0 || start >= limit)
			break;
		count = min_u64(next_used(t, &page), end - page);
		for (uint64_t c = page / CHUNK; c <= (page + count - 1) /
		    CHUNK && error == 0; c++)
			error = track_chunk(t, c);
		visit(i, page, count);
		page += count;
	}
	return error;
}

/*
 * Visit what was written since the last scan, and protect it again.  Tracking
 * a page costs a little at each scan; so what has never been used is not.
 */
static int
scan(struct mem_track *t, struct mem_image *i, visit_fn visit)
{
	const uint64_t nchunks = (t->npages + CHUNK - 1) / CHUNK;
	int error = 0;

	for (uint64_t c = 0, next; c < nchunks && error == 0; c = next) {
		const bool tracked = t->chunks[c];
		uint64_t end;

		for (next = c + 1; next < nchunks && t->chunks[next] == tracked;
		    next++)
			continue;
		end = min_u64(next * CHUNK, t->npages);
		if (tracked)
			error = scan_pages(t, c * CHUNK, end, i, visit);
		else if (visit != NULL)
			error = scan_empty(t, c * CHUNK, end, i, visit);
	}
	return error;
}

/* The pages that were punched out, which a scan does not tell. */
static void
visit_punched(struct mem_track *t, struct mem_image *i, visit_fn visit)
{
	const uint64_t words = (t->npages + 63) / 64;

	if (!t->any_punched)
		return;
	for (uint64_t w = 0; w < words; w++) {
		uint64_t bits = t->punched[w];

		for (t->punched[w] = 0; bits != 0; bits &= bits - 1)
			if (visit != NULL)
				visit(i, w * 64 + (uint64_t)__builtin_ctzll(
				    bits), 1);
	}
	t->any_punched = false;
}

/* Called by the one who has the CPU, or who loads and unloads modules. */
void
mem_track_punched(struct mem_track *t, uint64_t offset, uint64_t size)
{
	const uint64_t end = (offset + size) / PAGE;

	pthread_mutex_lock(&t->lock);
	for (uint64_t p = offset / PAGE; p < end; p++)
		t->punched[p / 64] |= UINT64_C(1) << p % 64;
	t->any_punched = true;
	pthread_mutex_unlock(&t->lock);
}

/* --- restoring ------------------------------------------------------------ */

/*
 * Whole pages, most of them in nobody's cache.  This is what spares reading
 * what will be overwritten; memcpy() begins to do so with larger sizes only
 * (1,000 pages here and there: 490 us by memcpy(), 330 so; a few: the same).
 */
static void
copy_pages(char *to, const char *from, uint64_t size)
{

	__asm__ volatile("rep movsb" : "+D" (to), "+S" (from), "+c" (size) :
	    : "memory");
}

/* The words that belong to the running host stay. */
static void
restore_shared(struct mem_track *t, const char *from)
{
	const size_t head = (sizeof(struct hyp_shared) + 63) / 64 * 64;

	memcpy(t->alias + t->slab_pages * PAGE + head, from + head,
	    PAGE - head);
}

static void
restore_pages(struct mem_image *i, const struct run *r, uint64_t page,
    uint64_t count)
{
	struct mem_track *t = i->track;
	const char *from = i->bytes + (r->at + page - r->first) * PAGE;

	i->copied += count;
	if (page <= t->slab_pages && t->slab_pages < page + count) {
		const uint64_t before = t->slab_pages - page;

		copy_pages(t->alias + page * PAGE, from, before * PAGE);
		restore_shared(t, from + before * PAGE);
		page += before + 1;
		count -= before + 1;
		from += (before + 1) * PAGE;
	}
	copy_pages(t->alias + page * PAGE, from, count * PAGE);
}

/*
 * Pages that were empty.  A few are likely to be used again soon: zeroes spare
 * them the way out of the memfd and in again.
 */
static void
clear_pages(struct mem_image *i, uint64_t page, uint64_t count)
{
	struct mem_track *t = i->track;

	i->cleared += count;
	if (count >= PUNCH_PAGES && fallocate(t->fd, FALLOC_FL_PUNCH_HOLE |
	    FALLOC_FL_KEEP_SIZE, (off_t)(page * PAGE),
	    (off_t)(count * PAGE)) == 0)
		return;
	memset(t->alias + page * PAGE, 0, count * PAGE);
}

/* Pages that may have changed get their contents back. */
static void
visit_restore(struct mem_image *i, uint64_t page, uint64_t count)
{
	const uint64_t end = page + count;
	const struct run *r = run_find(i, page), *last = i->runs + i->nruns;

	while (page < end) {
		uint64_t n;

		if (r < last && r->first <= page) {
			n = min_u64(end, r->first + (uint64_t)r->count) - page;
			restore_pages(i, r, page, n);
			r++;
		} else {
			n = (r < last ? min_u64(end, r->first) : end) - page;
			clear_pages(i, page, n);
		}
		page += n;
	}
}

/* The same, but looks first. */
static void
visit_compare(struct mem_image *i, uint64_t page, uint64_t count)
{
	struct mem_track *t = i->track;
	const struct run *r = run_find(i, page), *last = i->runs + i->nruns;
	const uint64_t end = page + count;

	for (; page < end; page++) {
		while (r < last && r->first + (uint64_t)r->count <= page)
			r++;
		if (r == last || page < r->first)
			clear_pages(i, page, 1);
		else if (memcmp(t->alias + page * PAGE,
		    i->bytes + (r->at + page - r->first) * PAGE, PAGE) != 0)
			restore_pages(i, r, page, 1);
	}
}

/* Whatever memory holds, make it the copy's. */
static void
compare_all(struct mem_track *t, struct mem_image *i)
{
	uint64_t page = 0, count, seen = 0;
	const struct run *r = i->runs, *last = i->runs + i->nruns;

	/* Used now: compare, or empty. */
	while ((count = next_used(t, &page)) != 0) {
		uint64_t at = page, end = page + count;

		while (at < end) {
			const struct run *f = run_find(i, at);
			uint64_t n;

			if (f < last && f->first <= at) {
				n = min_u64(end, f->first +
				    (uint64_t)f->count) - at;
				visit_compare(i, at, n);
			} else {
				n = (f < last ? min_u64(end, f->first) : end) -
				    at;
				clear_pages(i, at, n);
			}
			at += n;
		}
		/* In the copy, and not used now. */
		for (; r < last && r->first < page; r++) {
			const uint64_t first = r->first < seen ? seen :
			    r->first;
			const uint64_t stop = min_u64(page, r->first +
			    (uint64_t)r->count);

			if (first < stop)
				restore_pages(i, r, first, stop - first);
			if (r->first + (uint64_t)r->count > page)
				break;
		}
		seen = end;
		page = end;
	}
	for (; r < last; r++) {
		const uint64_t first = r->first < seen ? seen : r->first;
		const uint64_t stop = r->first + (uint64_t)r->count;

		if (first < stop)
			restore_pages(i, r, first, stop - first);
	}
}

/* The guards below stacks are not in the memory, but in its mapping. */
static int
restore_guards(struct mem_track *t, const struct mem_image *i)
{
	const uint64_t *now = hyp_memory_guards(t->memory, NULL);
	const uint64_t words = (t->npages + 63) / 64;
	int error;

	for (uint64_t w = 0; w < words; w++) {
		uint64_t bits = now[w] ^ i->guards[w];

		for (; bits != 0; bits &= bits - 1) {
			const uint64_t bit = bits & -bits;
			const uint64_t page = w * 64 +
			    (uint64_t)__builtin_ctzll(bits);

			error = hyp_memory_guard(t->memory,
			    page_address(t, page), PAGE,
			    (i->guards[w] & bit) != 0);
			if (error != 0)
				return error;
		}
	}
	return 0;
}

static int
restore_locked(struct mem_track *t, struct mem_image *i)
{
	uint64_t changes;
	int error = 0;

	i->copied = i->cleared = 0;
	(void)hyp_memory_guards(t->memory, &changes);
	if (t->base != i || changes != t->base_guards)
		error = restore_guards(t, i);
	if (error != 0)
		return error;
	if (t->uffd >= 0 && t->base == i) {
		error = scan(t, i, visit_restore);
		visit_punched(t, i, visit_restore);
	} else {
		if (t->uffd >= 0)
			error = scan(t, i, NULL);
		if (t->uffd >= 0 && error == 0)
			error = track_protect(t, i);
		visit_punched(t, i, NULL);
		compare_all(t, i);
	}
	if (error != 0) {
		/* No reason to: then do without. */
		track_untrack(t);
		compare_all(t, i);
	}
	i->restores++;
	t->base = i;
	(void)hyp_memory_guards(t->memory, &t->base_guards);
	return 0;
}

int
mem_image_restore(struct mem_image *i)
{
	struct mem_track *t = i->track;
	int error = EINVAL;

	pthread_mutex_lock(&t->lock);
	if (t->memory != NULL)
		error = restore_locked(t, i);
	pthread_mutex_unlock(&t->lock);
	return error;
}

/* --- taking --------------------------------------------------------------- */

static int
image_add_run(struct mem_image *i, uint64_t *room, uint64_t page,
    uint64_t count)
{
	struct run *runs;

	if (i->nruns == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		runs = realloc(i->runs, *room * sizeof(*runs));
		if (runs == NULL)
			return ENOMEM;
		i->runs = runs;
	}
	i->runs[i->nruns].first = (uint32_t)page;
	i->runs[i->nruns].count = (uint32_t)count;
	i->runs[i->nruns].at = i->npages;
	i->nruns++;
	i->npages += count;
	return 0;
}

static int
image_fill(struct mem_track *t, struct mem_image *i)
{
	const uint64_t words = (t->npages + 63) / 64;
	uint64_t page = 0, count, room = 0;

	while ((count = next_used(t, &page)) != 0) {
		if (image_add_run(i, &room, page, count) != 0)
			return ENOMEM;
		page += count;
	}
	i->guards = malloc(words * sizeof(uint64_t));
	i->bytes = mmap(NULL, i->npages * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (i->bytes == MAP_FAILED)
		i->bytes = NULL;
	if (i->bytes == NULL || i->guards == NULL)
		return ENOMEM;
	(void)madvise(i->bytes, i->npages * PAGE, MADV_DONTFORK);
	for (uint64_t n = 0; n < i->nruns; n++) {
		char *from = t->alias + i->runs[n].first * PAGE;
		const uint64_t size = i->runs[n].count * PAGE;

		/* All faults of the alias now, and none at a restore. */
		(void)madvise(from, size, MADV_POPULATE_WRITE);
		memcpy(i->bytes + i->runs[n].at * PAGE, from, size);
	}
	memcpy(i->guards, hyp_memory_guards(t->memory, NULL),
	    words * sizeof(uint64_t));
	return 0;
}

/* From now on changes are counted from here. */
static int
image_base(struct mem_track *t, struct mem_image *i, int how)
{
	int error = 0;

	if (how == HYP_SNAPSHOT_COMPARE) {
		track_untrack(t);
	} else if (t->uffd < 0) {
		error = track_begin(t);
	} else {
		error = scan(t, NULL, NULL);
	}
	if (error == 0 && t->uffd >= 0)
		error = track_protect(t, i);
	if (error != 0) {
		track_untrack(t);
		if (how == HYP_SNAPSHOT_TRACK)
			return error;
	}
	visit_punched(t, NULL, NULL);
	t->base = i;
	(void)hyp_memory_guards(t->memory, &t->base_guards);
	return 0;
}

static void
image_destroy(struct mem_image *i)
{

	if (i->bytes != NULL)
		munmap(i->bytes, i->npages * PAGE);
	free(i->guards);
	free(i->runs);
	free(i);
}

static struct mem_track *
track_of(struct hyp_memory *m)
{
	struct mem_track **where = hyp_memory_track(m);

	if (*where == NULL)
		*where = track_create(m);
	return *where;
}

/* The caller keeps everybody out of the kernel. */
int
mem_image_take(struct hyp_memory *m, int how, struct mem_image **result)
{
	struct mem_track *t = track_of(m);
	struct mem_image *i;
	int error;

	if (t == NULL || (i = calloc(1, sizeof(*i))) == NULL)
		return ENOMEM;
	pthread_mutex_lock(&t->lock);
	i->track = t;
	i->process = *hyp_process;
	error = image_fill(t, i);
	if (error == 0)
		error = image_base(t, i, how);
	if (error == 0)
		t->references++;
	pthread_mutex_unlock(&t->lock);
	if (error != 0) {
		image_destroy(i);
		return error;
	}
	*result = i;
	return 0;
}

void
mem_image_free(struct mem_image *i)
{
	struct mem_track *t = i->track;

	if (i->process != *hyp_process)
		return;		/* a child has none of this mapped */
	pthread_mutex_lock(&t->lock);
	if (t->base == i)
		t->base = NULL;
	image_destroy(i);
	if (t->references == 2)
		track_untrack(t);	/* it was the last: writes cost less */
	track_drop_locked(t);
}

void
mem_image_info(struct mem_image *i, struct hyp_snapshot_info *out)
{
	struct mem_track *t = i->track;

	pthread_mutex_lock(&t->lock);
	out->pages = i->npages;
	out->copied = i->copied;
	out->cleared = i->cleared;
	out->restores = i->restores;
	out->tracking = t->uffd >= 0;
	out->base = t->base == i;
	pthread_mutex_unlock(&t->lock);
}
