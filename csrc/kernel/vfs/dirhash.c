/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hashes of directories that file systems with slow directories keep: where
 * each name is, and which holes there are between them.  Hashes that nobody
 * uses are emptied, oldest first, when all together take too much memory.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/dirent.h>
#include <sys/dirhash.h>
#include <sys/hash.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/pool.h>
#include <sys/queue.h>

TAILQ_HEAD(dirhash_head, dirhash);
static struct dirhash_head dirhash_queue =
    TAILQ_HEAD_INITIALIZER(dirhash_queue);
static pool_cache_t dirhash_pool;
static pool_cache_t dirhash_entry_pool;
static uint32_t dirhash_bytes;
static uint32_t dirhash_limit = DIRHASH_SIZE;

void
dirhash_init(void)
{
	dirhash_pool = pool_cache_init(sizeof(struct dirhash), 0, 0, 0,
	    "dirhash", NULL, IPL_NONE, NULL, NULL, NULL);
	dirhash_entry_pool = pool_cache_init(sizeof(struct dirhash_entry), 0,
	    0, 0, "dirhashent", NULL, IPL_NONE, NULL, NULL, NULL);
}

static void
dirhash_entry_free(struct dirhash *dirh, struct dirhash_entry *e)
{
	LIST_REMOVE(e, next);
	dirh->size -= sizeof(*e);
	dirhash_bytes -= sizeof(*e);
	pool_cache_put(dirhash_entry_pool, e);
}

void
dirhash_purge_entries(struct dirhash *dirh)
{
	struct dirhash_entry *e;

	if (dirh == NULL || dirh->size == 0)
		return;
	for (int i = 0; i < DIRHASH_HASHSIZE; i++)
		while ((e = LIST_FIRST(&dirh->entries[i])) != NULL)
			dirhash_entry_free(dirh, e);
	while ((e = LIST_FIRST(&dirh->free_entries)) != NULL)
		dirhash_entry_free(dirh, e);
	KASSERT(dirh->size == 0);
	dirh->flags &= ~(uint32_t)DIRH_COMPLETE;
	dirh->flags |= DIRH_PURGED;
	dirh->num_files = 0;
}

/* Give the hash back altogether; nobody uses it. */
void
dirhash_purge(struct dirhash **dirp)
{
	struct dirhash *dirh = *dirp;

	if (dirh == NULL)
		return;
	KASSERT(dirh->refcnt == 0);
	dirhash_purge_entries(dirh);
	TAILQ_REMOVE(&dirhash_queue, dirh, next);
	pool_cache_put(dirhash_pool, dirh);
	*dirp = NULL;
}

/* The hash of a directory, made if there is none, and used from now on. */
void
dirhash_get(struct dirhash **dirp)
{
	struct dirhash *dirh = *dirp;

	if (dirh == NULL) {
		dirh = pool_cache_get(dirhash_pool, PR_WAITOK);
		memset(dirh, 0, sizeof(*dirh));
		for (int i = 0; i < DIRHASH_HASHSIZE; i++)
			LIST_INIT(&dirh->entries[i]);
		LIST_INIT(&dirh->free_entries);
		*dirp = dirh;
	} else {
		TAILQ_REMOVE(&dirhash_queue, dirh, next);
	}
	dirh->refcnt++;
	TAILQ_INSERT_HEAD(&dirhash_queue, dirh, next);
}

void
dirhash_put(struct dirhash *dirh)
{
	KASSERT(dirh->refcnt > 0);
	dirh->refcnt--;
}

/* Empty what nobody uses until SIZE more bytes are within the limit. */
static bool
dirhash_reserve(uint32_t size)
{
	struct dirhash *dirh;

	TAILQ_FOREACH_REVERSE(dirh, &dirhash_queue, dirhash_head, next) {
		if (dirhash_bytes + size <= dirhash_limit)
			return true;
		if (dirh->refcnt == 0)
			dirhash_purge_entries(dirh);
	}
	return dirhash_bytes + size <= dirhash_limit;
}

static uint32_t
dirhash_hash(const char *name, size_t len)
{
	return hash32_buf(name, len, HASH32_STR_INIT);
}

static struct dirhash_entry *
dirhash_entry_alloc(struct dirhash *dirh)
{
	struct dirhash_entry *e;

	e = pool_cache_get(dirhash_entry_pool, PR_WAITOK);
	memset(e, 0, sizeof(*e));
	dirh->size += sizeof(*e);
	dirhash_bytes += sizeof(*e);
	return e;
}

static void
dirhash_unfree(struct dirhash *dirh, uint64_t offset)
{
	struct dirhash_entry *e;

	LIST_FOREACH(e, &dirh->free_entries, next) {
		if (e->offset == offset) {
			dirhash_entry_free(dirh, e);
			return;
		}
	}
}

/* A directory is empty although its own and its parent's names are in it. */
static bool
dirhash_counts(const struct dirent *d)
{
	return d->d_name[0] != '.' || d->d_namlen > 2 ||
	    (d->d_namlen == 2 && d->d_name[1] != '.');
}

/*
 * A name stands at OFFSET.  NEW: it has just been put there, otherwise it
 * was found by reading the directory.
 */
void
dirhash_enter(struct dirhash *dirh, struct dirent *dirent, uint64_t offset,
    uint32_t entry_size, int new)
{
	uint32_t hash = dirhash_hash(dirent->d_name, dirent->d_namlen);
	struct dirhash_entry *e;

	/* A complete hash has all that reading can find. */
	if (!new && (dirh->flags & DIRH_COMPLETE))
		return;
	if (dirh->flags & DIRH_BROKEN)
		return;
	if (new)
		dirhash_unfree(dirh, offset);
	if (!dirhash_reserve(sizeof(*e))) {
		dirhash_purge_entries(dirh);
		dirh->flags |= DIRH_BROKEN;
		return;
	}
	e = dirhash_entry_alloc(dirh);
	e->hashvalue = hash;
	e->offset = offset;
	e->d_namlen = dirent->d_namlen;
	e->entry_size = entry_size;
	if (dirhash_counts(dirent))
		dirh->num_files++;
	LIST_INSERT_HEAD(&dirh->entries[hash & DIRHASH_HASHMASK], e, next);
}

/* There is a hole at OFFSET. */
void
dirhash_enter_freed(struct dirhash *dirh, uint64_t offset,
    uint32_t entry_size)
{
	struct dirhash_entry *e;

	if (dirh->flags & (DIRH_COMPLETE | DIRH_BROKEN))
		return;
	LIST_FOREACH(e, &dirh->free_entries, next)
		KASSERT(e->offset != offset);
	if (!dirhash_reserve(sizeof(*e)))
		return;
	e = dirhash_entry_alloc(dirh);
	e->offset = offset;
	e->entry_size = entry_size;
	LIST_INSERT_HEAD(&dirh->free_entries, e, next);
}

/* A name has been removed and left a hole. */
void
dirhash_remove(struct dirhash *dirh, struct dirent *dirent, uint64_t offset,
    uint32_t entry_size)
{
	uint32_t hash = dirhash_hash(dirent->d_name, dirent->d_namlen);
	struct dirhash_entry *e;

	if (dirh->flags & DIRH_BROKEN)
		return;
	LIST_FOREACH(e, &dirh->entries[hash & DIRHASH_HASHMASK], next)
		if (e->hashvalue == hash && e->offset == offset)
			break;
	if (e == NULL)
		panic("dirhash_remove: %s is not in the hash",
		    dirent->d_name);
	KASSERT(e->entry_size == entry_size);
	LIST_REMOVE(e, next);
	e->d_namlen = 0;
	LIST_INSERT_HEAD(&dirh->free_entries, e, next);
	if (dirhash_counts(dirent)) {
		KASSERT(dirh->num_files > 0);
		dirh->num_files--;
	}
}

/*
 * Where a name may be: the next candidate after *RESULT (NULL at first).
 * False when there is none; the caller compares the names.
 */
int
dirhash_lookup(struct dirhash *dirh, const char *name, int namelen,
    struct dirhash_entry **result)
{
	uint32_t hash = dirhash_hash(name, (size_t)namelen);
	struct dirhash_entry *e;

	if (*result == NULL)
		e = LIST_FIRST(&dirh->entries[hash & DIRHASH_HASHMASK]);
	else
		e = LIST_NEXT(*result, next);
	for (; e != NULL; e = LIST_NEXT(e, next))
		if (e->hashvalue == hash && e->d_namlen == (uint32_t)namelen)
			break;
	*result = e;
	return e != NULL;
}

/* The next hole of at least this size after *RESULT. */
int
dirhash_lookup_freed(struct dirhash *dirh, uint32_t min_size,
    struct dirhash_entry **result)
{
	struct dirhash_entry *e;

	e = *result == NULL ? LIST_FIRST(&dirh->free_entries) :
	    LIST_NEXT(*result, next);
	for (; e != NULL; e = LIST_NEXT(e, next))
		if (e->entry_size >= min_size)
			break;
	*result = e;
	return e != NULL;
}

bool
dirhash_dir_isempty(struct dirhash *dirh)
{
	return dirh->num_files == 0;
}
