/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An index in memory of each large directory: from the hash of a name to the
 * offset of its entry, and from an amount of room to a directory block that
 * has it.  With it, looking up, entering and removing cost the same whatever
 * the size of the directory.
 *
 * The table has open addressing and linear probing; a removal moves later
 * entries back, so there are no tombstones.  Directory blocks with equal room
 * are chained.  Guarded by the vnode's lock; tables of directories that were
 * not used for long are given up when all together take too much memory.
 */

#include "ffs.h"

#include <sys/atomic.h>
#include <lib/libkern/libkern.h>

#define	DH_CLASSES	(UFS_DIRBLKSIZ / 4 + 1)

struct ffs_dhslot {
	uint32_t	ds_hash;
	uint32_t	ds_where;	/* offset / 4 + 1; 0: empty */
};

struct ffs_dirhash {
	TAILQ_ENTRY(ffs_dirhash) dh_lru;
	struct ffs_inode *dh_ip;
	struct ffs_dhslot *dh_slot;
	uint32_t	dh_mask;	/* number of slots - 1 */
	uint32_t	dh_used;
	uint32_t	dh_nblk;	/* directory blocks known */
	uint32_t	dh_maxblk;	/* that the arrays have room for */
	uint8_t		*dh_room;	/* per block, room / 4 */
	int32_t		*dh_next;	/* chains of equal room */
	int32_t		*dh_prev;
	int32_t		dh_head[DH_CLASSES];
	unsigned	dh_busy;	/* searches that may sleep */
};

/* Beyond it ds_where can't point. */
#define	DH_MAXSIZE	((uint64_t)UINT32_MAX * 4)

static TAILQ_HEAD(, ffs_dirhash) ffs_dh_lru =
    TAILQ_HEAD_INITIALIZER(ffs_dh_lru);
static size_t ffs_dh_memory;

static size_t
ffs_dh_limit(void)
{
	return (size_t)physmem * PAGE_SIZE / 8;
}

static void *
ffs_dh_alloc(size_t size)
{
	ffs_dh_memory += size;
	return kmem_alloc(size, KM_SLEEP);
}

static void
ffs_dh_release(void *p, size_t size)
{
	ffs_dh_memory -= size;
	kmem_free(p, size);
}

static void
ffs_dh_link(struct ffs_dirhash *dh, int32_t blk)
{
	int32_t *head = &dh->dh_head[dh->dh_room[blk]];

	dh->dh_prev[blk] = -1;
	dh->dh_next[blk] = *head;
	if (*head >= 0)
		dh->dh_prev[*head] = blk;
	*head = blk;
}

static void
ffs_dh_unlink(struct ffs_dirhash *dh, int32_t blk)
{
	const int32_t next = dh->dh_next[blk], prev = dh->dh_prev[blk];

	if (next >= 0)
		dh->dh_prev[next] = prev;
	if (prev >= 0)
		dh->dh_next[prev] = next;
	else
		dh->dh_head[dh->dh_room[blk]] = next;
}

/* Make the arrays of blocks hold at least n. */
static void
ffs_dh_growblk(struct ffs_dirhash *dh, uint32_t n)
{
	const uint32_t max = MAX(n + n / 2, 64);
	uint8_t *room;
	int32_t *links;

	if (n <= dh->dh_maxblk)
		return;
	room = ffs_dh_alloc(max);
	links = ffs_dh_alloc(2 * max * sizeof(*links));
	if (dh->dh_maxblk != 0) {
		memcpy(room, dh->dh_room, dh->dh_nblk);
		memcpy(links, dh->dh_next, dh->dh_nblk * sizeof(*links));
		memcpy(links + max, dh->dh_prev, dh->dh_nblk * sizeof(*links));
		ffs_dh_release(dh->dh_room, dh->dh_maxblk);
		ffs_dh_release(dh->dh_next,
		    2 * dh->dh_maxblk * sizeof(*links));
	}
	dh->dh_room = room;
	dh->dh_next = links;
	dh->dh_prev = links + max;
	dh->dh_maxblk = max;
}

static void
ffs_dh_insert(struct ffs_dirhash *dh, uint32_t hash, uint32_t where)
{
	uint32_t i = hash & dh->dh_mask;

	while (dh->dh_slot[i].ds_where != 0)
		i = (i + 1) & dh->dh_mask;
	dh->dh_slot[i].ds_hash = hash;
	dh->dh_slot[i].ds_where = where;
	dh->dh_used++;
}

static void
ffs_dh_resize(struct ffs_dirhash *dh, uint32_t nslots)
{
	struct ffs_dhslot *old = dh->dh_slot;
	const uint32_t oldn = old == NULL ? 0 : dh->dh_mask + 1;

	dh->dh_slot = ffs_dh_alloc(nslots * sizeof(*old));
	memset(dh->dh_slot, 0, nslots * sizeof(*old));
	dh->dh_mask = nslots - 1;
	dh->dh_used = 0;
	for (uint32_t i = 0; i < oldn; i++)
		if (old[i].ds_where != 0)
			ffs_dh_insert(dh, old[i].ds_hash, old[i].ds_where);
	if (oldn != 0)
		ffs_dh_release(old, oldn * sizeof(*old));
}

static void
ffs_dh_destroy(struct ffs_dirhash *dh)
{
	if (dh->dh_slot != NULL)
		ffs_dh_release(dh->dh_slot,
		    (dh->dh_mask + 1) * sizeof(*dh->dh_slot));
	if (dh->dh_maxblk != 0) {
		ffs_dh_release(dh->dh_room, dh->dh_maxblk);
		ffs_dh_release(dh->dh_next,
		    2 * dh->dh_maxblk * sizeof(*dh->dh_next));
	}
	ffs_dh_release(dh, sizeof(*dh));
}

/* Give up tables that were not used for long, if memory wants it. */
static void
ffs_dh_evict(void)
{
	struct ffs_dirhash *dh, *next;

	TAILQ_FOREACH_SAFE(dh, &ffs_dh_lru, dh_lru, next) {
		if (ffs_dh_memory <= ffs_dh_limit())
			return;
		if (dh->dh_busy == 0) {
			TAILQ_REMOVE(&ffs_dh_lru, dh, dh_lru);
			dh->dh_ip->i_dirhash = NULL;
			ffs_dh_destroy(dh);
		}
	}
}

void
ffs_dirhash_free(struct ffs_inode *dp)
{
	struct ffs_dirhash *dh = dp->i_dirhash;

	if (dh == NULL)
		return;
	KASSERT(dh->dh_busy == 0);
	TAILQ_REMOVE(&ffs_dh_lru, dh, dh_lru);
	dp->i_dirhash = NULL;
	ffs_dh_destroy(dh);
}

static void
ffs_dh_add(struct ffs_dirhash *dh, uint32_t hash, uint64_t off)
{
	if ((dh->dh_used + 1) * 3ULL > (dh->dh_mask + 1) * 2ULL)
		ffs_dh_resize(dh, 2 * (dh->dh_mask + 1));
	ffs_dh_insert(dh, hash, (uint32_t)(off / 4 + 1));
}

static void
ffs_dh_setroom(struct ffs_dirhash *dh, int64_t blk, unsigned room)
{
	KASSERT(blk >= 0 && blk <= dh->dh_nblk && room <= UFS_DIRBLKSIZ);
	if (blk == dh->dh_nblk) {
		ffs_dh_growblk(dh, dh->dh_nblk + 1);
		dh->dh_nblk++;
	} else if (dh->dh_room[blk] == room / 4)
		return;
	else
		ffs_dh_unlink(dh, (int32_t)blk);
	dh->dh_room[blk] = (uint8_t)(room / 4);
	ffs_dh_link(dh, (int32_t)blk);
}

/* Enter what one block holds. */
static int
ffs_dh_addblk(struct ffs_dirhash *dh, struct ffs_inode *dp, int64_t blk)
{
	struct ffs_dirent de;
	struct buf *bp;
	uint8_t *data;
	unsigned avail, used = 0;
	int error;

	error = ffs_dirblk_get(dp, blk, &bp, &data, &avail);
	if (error != 0)
		return error;
	for (unsigned off = 0; off < avail; off += de.de_reclen) {
		if (!ffs_dirent_get(dp->i_fm, data, off, avail, &de)) {
			error = EIO;
			break;
		}
		if (de.de_ino != 0)
			used += UFS_DIRSIZ(de.de_namlen);
		if (de.de_usable)
			ffs_dh_add(dh, ffs_namehash(de.de_name, de.de_namlen),
			    (uint64_t)blk * UFS_DIRBLKSIZ + off);
	}
	brelse(bp, 0);
	if (error == 0)
		ffs_dh_setroom(dh, blk, avail - used);
	return error;
}

/*
 * Make sure that a directory has its table.  EIO for a damaged one, which is
 * then scanned from its beginning up to the damage; ENOMEM for one whose table
 * would be too large, which is scanned as well.
 */
int
ffs_dirhash_build(struct ffs_inode *dp)
{
	struct ffs_dirhash *dh = dp->i_dirhash;
	const int64_t nblk = (int64_t)(dp->i_size / UFS_DIRBLKSIZ);
	uint32_t nslots = 256;
	int error = 0;

	if (dh != NULL) {
		TAILQ_REMOVE(&ffs_dh_lru, dh, dh_lru);
		TAILQ_INSERT_TAIL(&ffs_dh_lru, dh, dh_lru);
		return 0;
	}
	if (dp->i_size % UFS_DIRBLKSIZ != 0 || dp->i_size >= DH_MAXSIZE ||
	    dp->i_blocks < FFS_BTODB(dp->i_size))
		return EIO;
	/* A damaged size must not take all memory. */
	if (dp->i_size / 32 * sizeof(*dh->dh_slot) > 4 * ffs_dh_limit())
		return ENOMEM;
	dh = ffs_dh_alloc(sizeof(*dh));
	memset(dh, 0, sizeof(*dh));
	dh->dh_ip = dp;
	for (int i = 0; i < DH_CLASSES; i++)
		dh->dh_head[i] = -1;
	while (nslots < dp->i_size / 32)
		nslots *= 2;
	ffs_dh_resize(dh, nslots);
	for (int64_t b = 0; b < nblk && error == 0; b++)
		error = ffs_dh_addblk(dh, dp, b);
	if (error != 0 || dp->i_dirhash != NULL) {
		ffs_dh_destroy(dh);	/* or somebody was faster */
		return error;
	}
	dp->i_dirhash = dh;
	dh->dh_busy++;
	TAILQ_INSERT_TAIL(&ffs_dh_lru, dh, dh_lru);
	ffs_dh_evict();
	dh->dh_busy--;
	return 0;
}

/* The entry of a name: its offset and inode number, or ENOENT. */
int
ffs_dirhash_find(struct ffs_inode *dp, const char *name, size_t namelen,
    uint32_t hash, uint64_t *offp, uint32_t *inop)
{
	struct ffs_dirhash *dh = dp->i_dirhash;
	struct ffs_dirent de;
	struct buf *bp;
	uint8_t *data;
	unsigned avail;
	int error = ENOENT;

	dh->dh_busy++;
	for (uint32_t i = hash & dh->dh_mask; dh->dh_slot[i].ds_where != 0;
	    i = (i + 1) & dh->dh_mask) {
		uint64_t off;
		bool ok;

		if (dh->dh_slot[i].ds_hash != hash)
			continue;
		off = (uint64_t)(dh->dh_slot[i].ds_where - 1) * 4;
		error = ffs_dirblk_get(dp, (int64_t)(off / UFS_DIRBLKSIZ),
		    &bp, &data, &avail);
		if (error != 0)
			break;
		ok = ffs_dirent_get(dp->i_fm, data,
		    (unsigned)(off % UFS_DIRBLKSIZ), avail, &de) &&
		    de.de_usable && de.de_namlen == namelen &&
		    memcmp(de.de_name, name, namelen) == 0;
		brelse(bp, 0);
		if (ok) {
			*offp = off;
			*inop = de.de_ino;
			break;
		}
		error = ENOENT;
	}
	dh->dh_busy--;
	return error;
}

/* A block with at least need bytes of room, or -1. */
int32_t
ffs_dirhash_room(struct ffs_inode *dp, unsigned need)
{
	const struct ffs_dirhash *dh = dp->i_dirhash;

	for (unsigned c = howmany(need, 4); c < DH_CLASSES; c++)
		if (dh->dh_head[c] >= 0)
			return dh->dh_head[c];
	return -1;
}

void
ffs_dirhash_add(struct ffs_inode *dp, uint32_t hash, uint64_t off)
{
	struct ffs_dirhash *dh = dp->i_dirhash;

	dh->dh_busy++;
	ffs_dh_add(dh, hash, off);
	dh->dh_busy--;
}

void
ffs_dirhash_del(struct ffs_inode *dp, uint32_t hash, uint64_t off)
{
	struct ffs_dirhash *dh = dp->i_dirhash;
	const uint32_t where = (uint32_t)(off / 4 + 1);
	uint32_t hole = hash & dh->dh_mask;

	while (dh->dh_slot[hole].ds_where != where) {
		KASSERT(dh->dh_slot[hole].ds_where != 0);
		hole = (hole + 1) & dh->dh_mask;
	}
	/* Move back what would not be found across the hole. */
	for (uint32_t i = (hole + 1) & dh->dh_mask;
	    dh->dh_slot[i].ds_where != 0; i = (i + 1) & dh->dh_mask) {
		const uint32_t home = dh->dh_slot[i].ds_hash & dh->dh_mask;

		if (((i - home) & dh->dh_mask) >= ((i - hole) & dh->dh_mask)) {
			dh->dh_slot[hole] = dh->dh_slot[i];
			hole = i;
		}
	}
	dh->dh_slot[hole].ds_where = 0;
	dh->dh_used--;
}

void
ffs_dirhash_setroom(struct ffs_inode *dp, int64_t blk, unsigned room)
{
	struct ffs_dirhash *dh = dp->i_dirhash;

	dh->dh_busy++;
	ffs_dh_setroom(dh, blk, room);
	dh->dh_busy--;
}

/* The directory became shorter by blocks without entries. */
void
ffs_dirhash_trunc(struct ffs_inode *dp)
{
	struct ffs_dirhash *dh = dp->i_dirhash;

	if (dh == NULL)
		return;
	while (dh->dh_nblk > dp->i_size / UFS_DIRBLKSIZ)
		ffs_dh_unlink(dh, (int32_t)--dh->dh_nblk);
}
