/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Memory of a kernel: a memfd seen through two windows, and the pages of its
 * images.
 *
 * Where things go is decided in Python (rumpy/hypercall/memory.py and
 * rumpy/linker/arena.py).  Here a range below 2 GiB and the arena are taken
 * with MAP_FIXED_NOREPLACE, so that nobody's mapping is ever taken away;
 * images are then mapped inside the range.  All of it is MADV_DONTFORK: a
 * child must find nothing rather than a second owner of the same disk cache.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "memory.h"

#ifndef MAP_FIXED_NOREPLACE
#define	MAP_FIXED_NOREPLACE	0x100000
#endif

#define	PAGE		UINT64_C(4096)
#define	LOW_LIMIT	(UINT64_C(1) << 31)
#define	LOW_FLOOR	(UINT64_C(1) << 20)

/*
 * The pages of one linked image.  Entries are never freed before the kernel
 * is, only reused, because the watchdog's signal handler walks the list
 * without the lock: text_size is 0 whenever text is not certain.
 */
struct image {
	struct image	*next;
	uint64_t	address;
	uint64_t	size;		/* 0: the entry is free */
	uint64_t	text;
	_Atomic uint64_t text_size;
};

struct hyp_memory {
	struct hyp_memory_config	geometry;
	pthread_mutex_t			lock;	/* of writers to images */
	_Atomic(struct image *)		images;
	int				fd;
	uint32_t			process;	/* *hyp_process */
	struct mem_track		*track;	/* memsnap.c */
	uint64_t			*guards; /* bits: pages without access */
	uint64_t			guard_changes;
};

static bool
aligned(uint64_t address, uint64_t size)
{

	return size != 0 && address % PAGE == 0 && size % PAGE == 0 &&
	    address + size > address;
}

static bool
within(uint64_t address, uint64_t size, uint64_t base, uint64_t length)
{

	return address >= base && size <= length &&
	    address - base <= length - size;
}

static int
map_at(uint64_t address, uint64_t size, int prot, int flags, int fd,
    uint64_t offset)
{
	void *want = (void *)(uintptr_t)address;
	void *p;

	p = mmap(want, size, prot, flags | MAP_NORESERVE, fd, (off_t)offset);
	if (p == MAP_FAILED)
		return errno;
	if (p != want) {
		/* Linux before 4.17 takes the address as a hint only. */
		munmap(p, size);
		return EEXIST;
	}
	if (madvise(p, size, MADV_DONTFORK) != 0) {
		const int error = errno;

		munmap(p, size);
		return error;
	}
	return 0;
}

#define	RW	(PROT_READ | PROT_WRITE)
#define	PRIVATE	(MAP_PRIVATE | MAP_ANONYMOUS)

static uint64_t
slab_base(const struct hyp_memory *m)
{

	return m->geometry.low_base + m->geometry.low_size -
	    m->geometry.slab_size;
}

static int
map_windows(struct hyp_memory *m)
{
	const struct hyp_memory_config *g = &m->geometry;
	int error;

	error = map_at(g->low_base, g->low_size, PROT_NONE,
	    PRIVATE | MAP_FIXED_NOREPLACE, -1, 0);
	if (error != 0)
		return error;
	error = map_at(slab_base(m), g->slab_size, RW, MAP_SHARED | MAP_FIXED,
	    m->fd, 0);
	if (error == 0)
		error = map_at(g->arena_base, g->arena_size, RW,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, m->fd, g->slab_size);
	if (error != 0)
		munmap((void *)(uintptr_t)g->low_base, g->low_size);
	return error;
}

int
hyp_memory_create(const struct hyp_memory_config *config,
    struct hyp_memory **result)
{
	struct hyp_memory *m;
	int error;

	if (!aligned(config->low_base, config->low_size) ||
	    !aligned(config->low_base, config->slab_size) ||
	    !aligned(config->arena_base, config->arena_size) ||
	    config->slab_size > config->low_size ||
	    !within(config->low_base, config->low_size, LOW_FLOOR,
	    LOW_LIMIT - LOW_FLOOR))
		return EINVAL;
	if ((error = fork_init()) != 0)
		return error;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return ENOMEM;
	m->geometry = *config;
	m->process = *hyp_process;
	pthread_mutex_init(&m->lock, NULL);
	m->fd = memfd_create("rumpy", MFD_CLOEXEC);
	if (m->fd < 0) {
		error = errno;
		goto out;
	}
	m->guards = calloc((config->slab_size + config->arena_size) / PAGE /
	    64 + 1, sizeof(uint64_t));
	if (m->guards == NULL) {
		error = ENOMEM;
		goto out;
	}
	if (ftruncate(m->fd,
	    (off_t)(config->slab_size + config->arena_size)) != 0) {
		error = errno;
		goto out;
	}
	error = map_windows(m);
out:
	if (error != 0) {
		if (m->fd >= 0)
			close(m->fd);
		pthread_mutex_destroy(&m->lock);
		free(m->guards);
		free(m);
		return error;
	}
	*result = m;
	return 0;
}

void
hyp_memory_destroy(struct hyp_memory *m)
{
	const struct hyp_memory_config *g;
	struct image *i, *next;

	if (m == NULL)
		return;
	g = &m->geometry;
	for (i = m->images; i != NULL; i = next) {
		next = i->next;
		free(i);
	}
	if (m->process == *hyp_process) {
		munmap((void *)(uintptr_t)g->low_base, g->low_size);
		munmap((void *)(uintptr_t)g->arena_base, g->arena_size);
		mem_track_end(m->track);
	}	/* else a child's own kernel may lie there */
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
	free(m->guards);
	free(m);
}

void
hyp_memory_geometry(const struct hyp_memory *m, struct hyp_memory_config *g)
{

	*g = m->geometry;
}

int
hyp_memory_fd(const struct hyp_memory *m)
{

	return m->fd;
}

uint64_t
hyp_memory_resident(const struct hyp_memory *m)
{
	struct stat st;

	if (fstat(m->fd, &st) != 0)
		return 0;
	return (uint64_t)st.st_blocks * 512;
}

bool
hyp_memory_owns(const struct hyp_memory *m, const void *addr, uint64_t size)
{
	const struct hyp_memory_config *g = &m->geometry;
	const uint64_t a = (uint64_t)(uintptr_t)addr;

	return within(a, size, g->arena_base, g->arena_size) ||
	    within(a, size, slab_base(m), g->slab_size);
}

struct mem_track **
hyp_memory_track(struct hyp_memory *m)
{

	return &m->track;
}

/* The pages that hyp_memory_guard() took, and how often they changed. */
const uint64_t *
hyp_memory_guards(const struct hyp_memory *m, uint64_t *changes)
{

	if (changes != NULL)
		*changes = m->guard_changes;
	return m->guards;
}

/*
 * Take pages of the arena away from the kernel or give them back, and keep
 * account of it: a snapshot must find the guards again.
 */
int
hyp_memory_guard(struct hyp_memory *m, uint64_t address, uint64_t size, bool on)
{
	const struct hyp_memory_config *g = &m->geometry;
	uint64_t page, end;

	if (mprotect((void *)(uintptr_t)address, size, on ? PROT_NONE : RW) !=
	    0)
		return errno;
	page = (address - g->arena_base + g->slab_size) / PAGE;
	for (end = page + size / PAGE; page < end; page++) {
		if (on)
			m->guards[page / 64] |= UINT64_C(1) << page % 64;
		else
			m->guards[page / 64] &= ~(UINT64_C(1) << page % 64);
	}
	m->guard_changes++;
	return 0;
}

/* Punch the pages out of the memfd, so that both windows read zeroes. */
int
hyp_memory_discard(struct hyp_memory *m, void *addr, uint64_t size)
{
	const struct hyp_memory_config *g = &m->geometry;
	const uint64_t a = (uint64_t)(uintptr_t)addr;
	uint64_t offset;

	if (!aligned(a, size))
		return EINVAL;
	if (within(a, size, g->arena_base, g->arena_size))
		offset = a - g->arena_base + g->slab_size;
	else if (within(a, size, slab_base(m), g->slab_size))
		offset = a - slab_base(m);
	else
		return EINVAL;
	if (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)offset, (off_t)size) != 0)
		return errno;
	if (m->track != NULL)
		mem_track_punched(m->track, offset, size);
	return 0;
}

/* A free entry, or a new one at the head; the lock is held. */
static struct image *
image_entry_locked(struct hyp_memory *m)
{
	struct image *i;

	for (i = m->images; i != NULL; i = i->next)
		if (i->size == 0)
			return i;
	i = calloc(1, sizeof(*i));
	if (i != NULL) {
		i->next = m->images;
		m->images = i;
	}
	return i;
}

static bool
image_overlaps_locked(const struct hyp_memory *m, uint64_t address,
    uint64_t size)
{

	for (const struct image *i = m->images; i != NULL; i = i->next)
		if (i->size != 0 && address < i->address + i->size &&
		    i->address < address + size)
			return true;
	return false;
}

int
hyp_image_map(struct hyp_memory *m, uint64_t address, uint64_t size)
{
	struct image *image = NULL;
	int error;

	if (!aligned(address, size) || !within(address, size,
	    m->geometry.low_base, m->geometry.low_size - m->geometry.slab_size))
		return EINVAL;
	pthread_mutex_lock(&m->lock);
	if (image_overlaps_locked(m, address, size))
		error = EEXIST;
	else if ((image = image_entry_locked(m)) == NULL)
		error = ENOMEM;
	else
		/* All of it is about to be written. */
		error = map_at(address, size, RW,
		    PRIVATE | MAP_FIXED | MAP_POPULATE, -1, 0);
	if (error == 0) {
		image->address = address;
		image->size = size;
	}
	pthread_mutex_unlock(&m->lock);
	return error;
}

/* The image that holds the whole range; the lock is held. */
static struct image *
find_image_locked(struct hyp_memory *m, uint64_t address, uint64_t size)
{
	struct image *i;

	for (i = m->images; i != NULL; i = i->next)
		if (within(address, size, i->address, i->size))
			return i;
	return NULL;
}

int
hyp_image_seal(struct hyp_memory *m, uint64_t address, uint64_t size,
    int executable)
{
	struct image *image;
	int error = 0;

	if (!aligned(address, size))
		return EINVAL;
	pthread_mutex_lock(&m->lock);
	image = find_image_locked(m, address, size);
	if (image == NULL)
		error = ENOENT;
	else if (executable && image->text_size != 0)
		error = EBUSY;
	else if (mprotect((void *)(uintptr_t)address, size,
	    PROT_READ | (executable ? PROT_EXEC : 0)) != 0)
		error = errno;
	else if (executable) {
		image->text = address;
		image->text_size = size;
	}
	pthread_mutex_unlock(&m->lock);
	return error;
}

int
hyp_image_unmap(struct hyp_memory *m, uint64_t address, uint64_t size)
{
	struct image *image;
	int error = 0;

	if (!aligned(address, size))
		return EINVAL;
	pthread_mutex_lock(&m->lock);
	image = find_image_locked(m, address, size);
	if (image == NULL || image->address != address || image->size != size)
		error = ENOENT;
	else {
		image->text_size = 0;
		image->size = 0;
		error = map_at(address, size, PROT_NONE, PRIVATE | MAP_FIXED,
		    -1, 0);
	}
	pthread_mutex_unlock(&m->lock);
	return error;
}

int
hyp_slab_clear(struct hyp_memory *m, uint64_t address, uint64_t size)
{
	const struct hyp_memory_config *g = &m->geometry;

	if (!within(address, size, slab_base(m), g->slab_size))
		return EINVAL;
	return hyp_memory_discard(m, (void *)(uintptr_t)address, size);
}

int
hyp_image_is_text(const struct hyp_memory *m, uint64_t address)
{

	for (const struct image *i = m->images; i != NULL; i = i->next)
		if (within(address, 1, i->text, i->text_size))
			return 1;
	return 0;
}

/*
 * The hypercalls.  They work on addresses of the arena alone, so that they do
 * the same for a kernel whose memory somebody else has mapped.
 */

static bool
in_arena(const struct hyp_kernel *k, const void *addr, uint64_t size)
{
	const uint64_t a = (uint64_t)(uintptr_t)addr;

	return aligned(a, size) && within(a, size,
	    k->k_config.arena, k->k_config.arena_size);
}

int
hypercall_mem_protect(struct hyp_kernel *k, void *addr, uint64_t size, int prot)
{

	if (!in_arena(k, addr, size) ||
	    (prot & ~(HYP_PROT_READ | HYP_PROT_WRITE)) != 0)
		return EINVAL;
	if (k->k_config.memory != NULL && prot != HYP_PROT_READ)
		return hyp_memory_guard(k->k_config.memory,
		    (uint64_t)(uintptr_t)addr, size,
		    (prot & HYP_PROT_WRITE) == 0) != 0 ? ENOMEM : 0;
	if (mprotect(addr, size, (prot & HYP_PROT_READ ? PROT_READ : 0) |
	    (prot & HYP_PROT_WRITE ? PROT_WRITE : 0)) != 0)
		return ENOMEM;	/* too many mappings */
	return 0;
}

int
hypercall_mem_discard(struct hyp_kernel *k, void *addr, uint64_t size)
{

	if (!in_arena(k, addr, size))
		return EINVAL;
	if (k->k_config.memory != NULL)
		return hyp_memory_discard(k->k_config.memory, addr, size) ==
		    0 ? 0 : ENOMEM;
	if (madvise(addr, size, MADV_REMOVE) == 0)
		return 0;
	/* Not a shared mapping: then it is anonymous, and this does it. */
	if (errno == EINVAL && madvise(addr, size, MADV_DONTNEED) == 0)
		return 0;
	return ENOMEM;
}

int
hypercall_mem_populate(struct hyp_kernel *k, void *addr, uint64_t size)
{

	if (!in_arena(k, addr, size))
		return EINVAL;
#ifdef MADV_POPULATE_WRITE
	if (madvise(addr, size, MADV_POPULATE_WRITE) == 0)
		return 0;
#endif
	return EOPNOTSUPP;		/* then by faults */
}

/* Without a policy of the owner the limit is final. */
int
hypercall_mem_grow(struct hyp_kernel *k, uint64_t size, uint64_t *limit)
{

	(void)k;
	(void)size;
	(void)limit;
	return ENOMEM;
}
