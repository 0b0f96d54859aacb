/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Directory blocks: reading, searching and changing them.
 *
 * All goes through ffs_dirent_get(), which believes nothing: an entry that
 * does not fit its block ends the search with EIO, one with an impossible
 * name is passed over.  A directory block is never left half changed: all of
 * a change happens in one buffer.
 */

#include "ffs.h"

#include <sys/dirent.h>
#include <sys/stat.h>
#include <lib/libkern/libkern.h>
#include <uvm/uvm_extern.h>

/* A name is lawful if it has no slash and no NUL, and is not empty. */
static bool
ffs_name_ok(const char *name, unsigned len)
{
	if (len == 0)
		return false;
	for (unsigned i = 0; i < len; i++)
		if (name[i] == '/' || name[i] == '\0')
			return false;
	return true;
}

/* ffs_dirent_get() for who compares the name with a good one anyway. */
static inline bool
ffs_dirent_decode(const struct ffs_mount *fm, const uint8_t *blk, unsigned off,
    unsigned avail, struct ffs_dirent *de)
{
	const struct direct *d = (const void *)(blk + off);
	unsigned namlen;

	if (off + UFS_DIRHDRSIZ > avail)
		return false;
	de->de_ino = FFS_G32(fm, d->d_ino);
	de->de_reclen = FFS_G16(fm, d->d_reclen);
	de->de_type = d->d_type;
	namlen = d->d_namlen;
	if (fm->fm_old43) {
		/* The two bytes are a 16-bit length. */
		uint16_t len;

		memcpy(&len, &d->d_type, sizeof(len));
		namlen = FFS_G16(fm, len);
		de->de_type = DT_UNKNOWN;
	}
	de->de_name = d->d_name;
	if (de->de_reclen < UFS_DIRHDRSIZ + 4 || (de->de_reclen & 3) != 0 ||
	    de->de_reclen > avail - off)
		return false;
	if (de->de_ino == 0) {
		de->de_namlen = 0;
		de->de_usable = false;
		return true;
	}
	if (namlen > UFS_MAXNAMLEN || UFS_DIRSIZ(namlen) > de->de_reclen)
		return false;
	de->de_namlen = (uint8_t)namlen;
	de->de_usable = de->de_ino != UFS_WINO;
	return true;
}

/*
 * Decode the entry at off in a directory block of avail bytes.  False: what
 * lies there is no entry, nor can what follows it be found.
 */
bool
ffs_dirent_get(const struct ffs_mount *fm, const uint8_t *blk, unsigned off,
    unsigned avail, struct ffs_dirent *de)
{

	if (!ffs_dirent_decode(fm, blk, off, avail, de))
		return false;
	if (de->de_usable)
		de->de_usable = ffs_name_ok(de->de_name, de->de_namlen);
	return true;
}

/* FNV-1a with a final mix. */
uint32_t
ffs_namehash(const char *name, size_t len)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619U;
	h ^= h >> 15;
	h *= 0x2c1b3c6dU;
	return h ^ (h >> 13);
}

/*
 * Get directory block number blk (of UFS_DIRBLKSIZ bytes): its buffer, its
 * bytes and how many of them belong to the directory.
 */
int
ffs_dirblk_get(struct ffs_inode *dp, int64_t blk, struct buf **bpp,
    uint8_t **datap, unsigned *availp)
{
	const struct fs *fs = dp->i_fm->fm_fs;
	const off_t off = blk * UFS_DIRBLKSIZ;
	const int64_t lbn = FFS_LBLKNO(fs, off);
	struct buf *bp;
	int error;

	if (off >= (off_t)dp->i_size)
		return EIO;
	error = bread(ITOV(dp), lbn, (int)ffs_blksize(dp, lbn), B_MODIFY, &bp);
	if (error != 0)
		return error;
	KASSERT(FFS_BLKOFF(fs, off) + UFS_DIRBLKSIZ <= bp->b_bcount);
	*bpp = bp;
	*datap = (uint8_t *)bp->b_data + FFS_BLKOFF(fs, off);
	*availp = (unsigned)MIN((off_t)dp->i_size - off, UFS_DIRBLKSIZ);
	return 0;
}

static int
ffs_dir_bad(struct ffs_inode *dp, off_t off)
{
	ffs_complain(dp->i_fm, "directory %llu is damaged at offset %lld",
	    (unsigned long long)dp->i_number, (long long)off);
	return EIO;
}

/* Bytes of a block that entries do not need. */
static unsigned
ffs_dirblk_room(const struct ffs_mount *fm, const uint8_t *blk)
{
	struct ffs_dirent de;
	unsigned used = 0;

	for (unsigned off = 0; off < UFS_DIRBLKSIZ; off += de.de_reclen) {
		if (!ffs_dirent_decode(fm, blk, off, UFS_DIRBLKSIZ, &de))
			return 0;
		if (de.de_ino != 0)
			used += UFS_DIRSIZ(de.de_namlen);
	}
	return UFS_DIRBLKSIZ - used;
}

/*
 * Search one buffer's worth of directory blocks for a name.  Returns true if
 * found; notes in sl the first block with room for sl_need bytes.
 */
static int
ffs_scan_buf(struct ffs_inode *dp, off_t base, const uint8_t *data,
    unsigned len, const char *name, size_t namelen, struct ffs_slot *sl)
{
	const struct ffs_mount *fm = dp->i_fm;
	struct ffs_dirent de;

	for (unsigned b = 0; b < len; b += UFS_DIRBLKSIZ) {
		const unsigned avail = MIN(len - b, UFS_DIRBLKSIZ);
		unsigned used = 0;

		for (unsigned off = 0; off < avail; off += de.de_reclen) {
			if (!ffs_dirent_decode(fm, data + b, off, avail, &de))
				return ffs_dir_bad(dp, base + b + off);
			if (de.de_ino != 0)
				used += UFS_DIRSIZ(de.de_namlen);
			if (de.de_usable && de.de_namlen == namelen &&
			    memcmp(de.de_name, name, namelen) == 0) {
				sl->sl_ino = de.de_ino;
				sl->sl_off = (uint64_t)base + b + off;
				return 0;
			}
		}
		if (sl->sl_freeblk < 0 && avail == UFS_DIRBLKSIZ &&
		    UFS_DIRBLKSIZ - used >= sl->sl_need)
			sl->sl_freeblk = (int32_t)((base + b) /
			    UFS_DIRBLKSIZ);
	}
	return ENOENT;
}

/* Search the directory blocks in [at, end). */
static int
ffs_scan_range(struct ffs_inode *dp, off_t at, off_t end, const char *name,
    size_t namelen, struct ffs_slot *sl)
{
	const struct fs *fs = dp->i_fm->fm_fs;
	struct buf *bp;
	int error = ENOENT;

	while (at < end && error == ENOENT) {
		const int64_t lbn = FFS_LBLKNO(fs, at);
		const unsigned skip = (unsigned)FFS_BLKOFF(fs, at);
		const unsigned len = (unsigned)MIN(end - at,
		    (off_t)fs->fs_bsize - skip);

		error = bread(ITOV(dp), lbn, (int)ffs_blksize(dp, lbn), 0,
		    &bp);
		if (error != 0)
			return error;
		error = ffs_scan_buf(dp, at, (const uint8_t *)bp->b_data + skip,
		    len, name, namelen, sl);
		brelse(bp, 0);
		at += len;
	}
	return error;
}

/*
 * Who asks for one name after the other asks in the order of the listing, so
 * the search begins where the last one ended.  A search for room begins at the
 * beginning.
 */
static int
ffs_scan(struct ffs_inode *dp, const char *name, size_t namelen,
    struct ffs_slot *sl)
{
	const off_t size = (off_t)dp->i_size;
	off_t start = 0;
	int error;

	if (sl->sl_need == 0 && dp->i_diroff < dp->i_size)
		start = (off_t)rounddown(dp->i_diroff, UFS_DIRBLKSIZ);
	error = ffs_scan_range(dp, start, size, name, namelen, sl);
	if (error == ENOENT)
		error = ffs_scan_range(dp, 0, start, name, namelen, sl);
	if (error == 0)
		dp->i_diroff = sl->sl_off;
	return error;
}

/*
 * Search a directory.  0 and sl_ino, sl_off when found; ENOENT when not, and
 * then sl_freeblk is a block with need bytes of room, or -1.
 */
int
ffs_dir_find(struct ffs_inode *dp, const char *name, size_t namelen,
    unsigned need, struct ffs_slot *sl)
{
	int error;

	sl->sl_gen = dp->i_dirgen;
	sl->sl_hash = ffs_namehash(name, namelen);
	sl->sl_namelen = (uint16_t)namelen;
	sl->sl_need = (uint16_t)need;
	sl->sl_ino = 0;
	sl->sl_off = 0;
	sl->sl_freeblk = -1;
	if (namelen > UFS_MAXNAMLEN)
		return ENAMETOOLONG;
	if (dp->i_size >= FFS_DIRHASH_MIN && ffs_dirhash_build(dp) == 0) {
		error = ffs_dirhash_find(dp, name, namelen, sl->sl_hash,
		    &sl->sl_off, &sl->sl_ino);
		if (error == ENOENT && need != 0)
			sl->sl_freeblk = ffs_dirhash_room(dp, need);
		return error;
	}
	return ffs_scan(dp, name, namelen, sl);
}

/* The same for a name that VOP_LOOKUP() may just have searched. */
int
ffs_dir_slot(struct ffs_inode *dp, const struct componentname *cnp,
    unsigned need, struct ffs_slot *sl)
{
	if (dp->i_slot.sl_gen == dp->i_dirgen &&
	    dp->i_slot.sl_namelen == cnp->cn_namelen &&
	    dp->i_slot.sl_need >= need && dp->i_slot.sl_hash ==
	    ffs_namehash(cnp->cn_nameptr, cnp->cn_namelen)) {
		*sl = dp->i_slot;
		return sl->sl_ino != 0 ? 0 : ENOENT;
	}
	return ffs_dir_find(dp, cnp->cn_nameptr, cnp->cn_namelen, need, sl);
}

static void
ffs_dirent_put(const struct ffs_mount *fm, uint8_t *p, uint32_t ino,
    unsigned reclen, uint8_t type, const char *name, unsigned namelen)
{
	struct direct *d = (void *)p;

	KASSERT(UFS_DIRSIZ(namelen) <= reclen && !fm->fm_old43);
	FFS_S32(fm, d->d_ino, ino);
	d->d_reclen = ffs_rw16((uint16_t)reclen, fm->fm_swap);
	d->d_type = type;
	d->d_namlen = (uint8_t)namelen;
	memcpy(d->d_name, name, namelen);
	memset(d->d_name + namelen, 0,
	    UFS_DIRSIZ(namelen) - UFS_DIRHDRSIZ - namelen);
}

/*
 * Move the entries of a block together, so that all room is behind the last.
 * Returns the offset of that last entry.
 */
static unsigned
ffs_dirblk_compact(struct ffs_inode *dp, uint8_t *blk, uint64_t base)
{
	const struct ffs_mount *fm = dp->i_fm;
	unsigned to = 0, last = 0, next;
	struct ffs_dirent de;

	for (unsigned off = 0; off < UFS_DIRBLKSIZ; off = next) {
		const bool ok = ffs_dirent_get(fm, blk, off, UFS_DIRBLKSIZ,
		    &de);

		KASSERT(ok);	/* the room of a bad block is 0 */
		next = off + de.de_reclen;
		if (de.de_ino == 0)
			continue;
		if (to != off) {
			const unsigned size = UFS_DIRSIZ(de.de_namlen);

			if (dp->i_dirhash != NULL && de.de_usable) {
				const uint32_t h = ffs_namehash(de.de_name,
				    de.de_namlen);

				ffs_dirhash_del(dp, h, base + off);
				ffs_dirhash_add(dp, h, base + to);
			}
			memmove(blk + to, blk + off, size);
		}
		((struct direct *)(void *)(blk + to))->d_reclen =
		    ffs_rw16((uint16_t)UFS_DIRSIZ(de.de_namlen), fm->fm_swap);
		last = to;
		to += UFS_DIRSIZ(de.de_namlen);
	}
	if (to == 0) {
		/* Nothing in it: one unused entry over all. */
		memset(blk, 0, UFS_DIRHDRSIZ);
		to = UFS_DIRBLKSIZ;
	}
	((struct direct *)(void *)(blk + last))->d_reclen =
	    ffs_rw16((uint16_t)(UFS_DIRBLKSIZ - last), fm->fm_swap);
	return last;
}

/* Put an entry into a block that has the room; its offset in the block. */
static unsigned
ffs_dirblk_insert(struct ffs_inode *dp, uint8_t *blk, uint64_t base,
    uint32_t ino, uint8_t type, const char *name, unsigned namelen)
{
	const struct ffs_mount *fm = dp->i_fm;
	const unsigned need = UFS_DIRSIZ(namelen);
	struct ffs_dirent de;
	unsigned off, used;
	bool ok;

	for (int pass = 0; ; pass++) {
		KASSERT(pass < 2);
		for (off = 0; off < UFS_DIRBLKSIZ; off += de.de_reclen) {
			ok = ffs_dirent_decode(fm, blk, off, UFS_DIRBLKSIZ,
			    &de);
			KASSERT(ok);
			used = de.de_ino == 0 ? 0 : UFS_DIRSIZ(de.de_namlen);
			if (de.de_reclen - used >= need)
				goto found;
		}
		(void)ffs_dirblk_compact(dp, blk, base);
	}
found:
	if (used != 0)
		((struct direct *)(void *)(blk + off))->d_reclen =
		    ffs_rw16((uint16_t)used, fm->fm_swap);
	ffs_dirent_put(fm, blk + off + used, ino, de.de_reclen - used, type,
	    name, namelen);
	return off + used;
}

/* After a change of a directory. */
static void
ffs_dir_changed(struct ffs_inode *dp)
{
	dp->i_dirgen++;
	dp->i_flag |= IN_CHANGE | IN_UPDATE;
	ffs_touch(dp);
}

/* Append a directory block that holds one entry. */
static int
ffs_dir_append(struct ffs_inode *dp, uint32_t ino, uint8_t type,
    const char *name, unsigned namelen, kauth_cred_t cred, uint64_t *offp)
{
	struct ffs_mount *fm = dp->i_fm;
	const off_t off = (off_t)roundup(dp->i_size, UFS_DIRBLKSIZ);
	struct buf *bp;
	uint8_t *blk;
	bool isnew;
	int error;

	if ((uint64_t)off + UFS_DIRBLKSIZ > fm->fm_fs->fs_maxfilesize)
		return EFBIG;
	error = ffs_balloc(dp, off, UFS_DIRBLKSIZ, cred, &bp, &isnew);
	if (error != 0)
		return error;
	blk = (uint8_t *)bp->b_data + FFS_BLKOFF(fm->fm_fs, off);
	memset(blk, 0, UFS_DIRBLKSIZ);
	ffs_dirent_put(fm, blk, ino, UFS_DIRBLKSIZ, type, name, namelen);
	dp->i_size = (uint64_t)off + UFS_DIRBLKSIZ;
	uvm_vnp_setsize(ITOV(dp), (voff_t)dp->i_size);
	dp->i_flag |= IN_MODIFIED;
	*offp = (uint64_t)off;
	return ffs_bwrite_meta(fm, bp);
}

/*
 * Enter a name for ip into directory dp.  On a synchronous mount the inode
 * must be on the disk before: see the callers.
 */
int
ffs_dir_enter(struct ffs_inode *dp, const struct componentname *cnp,
    struct ffs_inode *ip, kauth_cred_t cred)
{
	struct ffs_mount *fm = dp->i_fm;
	const unsigned namelen = (unsigned)cnp->cn_namelen;
	const uint8_t type = (uint8_t)IFTODT(ip->i_mode);
	struct ffs_slot sl;
	struct buf *bp;
	uint8_t *blk;
	unsigned avail, room;
	uint64_t off;
	int error;

	if (dp->i_nlink <= 0)
		return ENOENT;
	error = ffs_dir_slot(dp, cnp, UFS_DIRSIZ(namelen), &sl);
	if (error != ENOENT)
		return error == 0 ? EEXIST : error;
	if (sl.sl_freeblk < 0) {
		error = ffs_dir_append(dp, (uint32_t)ip->i_number, type,
		    cnp->cn_nameptr, namelen, cred, &off);
	} else {
		const uint64_t base = (uint64_t)sl.sl_freeblk * UFS_DIRBLKSIZ;

		error = ffs_dirblk_get(dp, sl.sl_freeblk, &bp, &blk, &avail);
		if (error != 0)
			return error;
		room = ffs_dirblk_room(fm, blk);
		if (avail != UFS_DIRBLKSIZ || room < UFS_DIRSIZ(namelen)) {
			brelse(bp, 0);
			return ffs_dir_bad(dp, (off_t)base);
		}
		off = base + ffs_dirblk_insert(dp, blk, base,
		    (uint32_t)ip->i_number, type, cnp->cn_nameptr, namelen);
		if (dp->i_dirhash != NULL)
			ffs_dirhash_setroom(dp, sl.sl_freeblk,
			    room - UFS_DIRSIZ(namelen));
		error = ffs_bwrite_meta(fm, bp);
	}
	if (error == 0 && dp->i_dirhash != NULL && sl.sl_freeblk < 0)
		ffs_dirhash_setroom(dp, (int64_t)(off / UFS_DIRBLKSIZ),
		    UFS_DIRBLKSIZ - UFS_DIRSIZ(namelen));
	if (error == 0 && dp->i_dirhash != NULL)
		ffs_dirhash_add(dp, sl.sl_hash, off);
	ffs_dir_changed(dp);
	ip->i_nameparent = dp->i_number;
	if (ffs_syncmeta(fm))
		(void)ffs_update(dp, true);
	return error;
}

#define	FFS_TRIM_MAX	64	/* blocks of the file system */

/* Whole blocks at the end with nothing in them are given back. */
static void
ffs_dir_trim(struct ffs_inode *dp)
{
	const struct ffs_mount *fm = dp->i_fm;
	uint64_t size = dp->i_size;
	struct buf *bp;
	uint8_t *blk;
	unsigned avail, room;

	if (size % UFS_DIRBLKSIZ != 0)
		return;
	while (size > UFS_DIRBLKSIZ && ffs_dirblk_get(dp, (int64_t)(size /
	    UFS_DIRBLKSIZ) - 1, &bp, &blk, &avail) == 0) {
		room = ffs_dirblk_room(fm, blk);
		brelse(bp, 0);
		if (room != UFS_DIRBLKSIZ)
			break;
		size -= UFS_DIRBLKSIZ;
	}
	/* In steps of some size, else emptying a directory is quadratic. */
	if (dp->i_size - size < 4 * UFS_DIRBLKSIZ && size > UFS_DIRBLKSIZ)
		return;
	/* One transaction frees no more than this. */
	if (fm->fm_log != NULL)
		size = MAX(size, dp->i_size - MIN(dp->i_size,
		    FFS_TRIM_MAX * (uint64_t)fm->fm_fs->fs_bsize));
	if (size < dp->i_size && ffs_truncate(dp, (off_t)size, 0, NOCRED) == 0)
		ffs_dirhash_trunc(dp);
}

/*
 * Remove the entry at off in a block; its room goes to the one before.  False
 * if the block is damaged, else *roomp is the room that it has then.
 */
static bool
ffs_dirblk_delete(const struct ffs_mount *fm, uint8_t *blk, unsigned at,
    unsigned *roomp)
{
	unsigned off = 0, used = 0, prev = 0, prevlen = 0, len = 0;
	struct ffs_dirent de;

	while (off < UFS_DIRBLKSIZ) {
		if (!ffs_dirent_decode(fm, blk, off, UFS_DIRBLKSIZ, &de))
			return false;
		if (off == at)
			len = de.de_reclen;
		else if (de.de_ino != 0)
			used += UFS_DIRSIZ(de.de_namlen);
		if (off < at) {
			prev = off;
			prevlen = de.de_reclen;
		}
		off += de.de_reclen;
	}
	if (len == 0)
		return false;
	((struct direct *)(void *)(blk + at))->d_ino = 0;
	if (at != 0)
		((struct direct *)(void *)(blk + prev))->d_reclen =
		    ffs_rw16((uint16_t)(prevlen + len), fm->fm_swap);
	*roomp = UFS_DIRBLKSIZ - used;
	return true;
}

/* Remove a name that leads to inode ino. */
int
ffs_dir_remove(struct ffs_inode *dp, const struct componentname *cnp,
    uint64_t ino)
{
	struct ffs_mount *fm = dp->i_fm;
	struct ffs_slot sl;
	struct buf *bp;
	uint8_t *blk;
	unsigned avail, room;
	int error;

	error = ffs_dir_slot(dp, cnp, 0, &sl);
	if (error != 0)
		return error;
	if (sl.sl_ino != ino)
		return ENOENT;
	error = ffs_dirblk_get(dp, (int64_t)(sl.sl_off / UFS_DIRBLKSIZ), &bp,
	    &blk, &avail);
	if (error != 0)
		return error;
	if (avail != UFS_DIRBLKSIZ || !ffs_dirblk_delete(fm, blk,
	    (unsigned)(sl.sl_off % UFS_DIRBLKSIZ), &room)) {
		brelse(bp, 0);
		return ffs_dir_bad(dp, (off_t)sl.sl_off);
	}
	if (dp->i_dirhash != NULL) {
		ffs_dirhash_del(dp, sl.sl_hash, sl.sl_off);
		ffs_dirhash_setroom(dp, (int64_t)(sl.sl_off / UFS_DIRBLKSIZ),
		    room);
	}
	error = ffs_bwrite_meta(fm, bp);
	ffs_dir_changed(dp);
	if (room == UFS_DIRBLKSIZ)
		ffs_dir_trim(dp);
	if (ffs_syncmeta(fm))
		(void)ffs_update(dp, true);
	return error;
}

static void
ffs_dirent_lead(const struct ffs_mount *fm, uint8_t *entry,
    const struct ffs_inode *ip)
{
	struct direct *d = (void *)entry;

	FFS_S32(fm, d->d_ino, ip->i_number);
	d->d_type = (uint8_t)IFTODT(ip->i_mode);
}

/* Let the entry that sl describes lead to another inode. */
int
ffs_dir_rewrite(struct ffs_inode *dp, const struct ffs_slot *sl,
    struct ffs_inode *ip)
{
	struct ffs_mount *fm = dp->i_fm;
	struct buf *bp;
	uint8_t *blk;
	unsigned avail;
	int error;

	KASSERT(sl->sl_gen == dp->i_dirgen && sl->sl_ino != 0);
	error = ffs_dirblk_get(dp, (int64_t)(sl->sl_off / UFS_DIRBLKSIZ), &bp,
	    &blk, &avail);
	if (error != 0)
		return error;
	ffs_dirent_lead(fm, blk + sl->sl_off % UFS_DIRBLKSIZ, ip);
	error = ffs_bwrite_meta(fm, bp);
	ffs_dir_changed(dp);
	ip->i_nameparent = dp->i_number;
	return error;
}

/*
 * Let the entry that asl describes lead to bip, and the one that bsl describes
 * to aip.  Two buffers are both at hand before either is changed.  Without a
 * journal they are written at once: a crash then has only the time between two
 * writes to leave a file without a name.
 */
int
ffs_dir_swap(struct ffs_inode *adp, const struct ffs_slot *asl,
    struct ffs_inode *aip, struct ffs_inode *bdp, const struct ffs_slot *bsl,
    struct ffs_inode *bip)
{
	struct ffs_mount *fm = adp->i_fm;
	struct buf *abp, *bbp = NULL;
	uint8_t *ablk, *bblk;
	unsigned avail;
	int error, berror = 0;

	KASSERT(asl->sl_gen == adp->i_dirgen && asl->sl_ino != 0);
	KASSERT(bsl->sl_gen == bdp->i_dirgen && bsl->sl_ino != 0);
	error = ffs_dirblk_get(adp, (int64_t)(asl->sl_off / UFS_DIRBLKSIZ),
	    &abp, &ablk, &avail);
	if (error != 0)
		return error;
	if (adp == bdp && FFS_LBLKNO(fm->fm_fs, asl->sl_off) ==
	    FFS_LBLKNO(fm->fm_fs, bsl->sl_off)) {
		bblk = (uint8_t *)abp->b_data + rounddown(FFS_BLKOFF(fm->fm_fs,
		    bsl->sl_off), UFS_DIRBLKSIZ);
	} else {
		error = ffs_dirblk_get(bdp,
		    (int64_t)(bsl->sl_off / UFS_DIRBLKSIZ), &bbp, &bblk,
		    &avail);
		if (error != 0) {
			brelse(abp, 0);
			return error;
		}
	}
	ffs_dirent_lead(fm, ablk + asl->sl_off % UFS_DIRBLKSIZ, bip);
	ffs_dirent_lead(fm, bblk + bsl->sl_off % UFS_DIRBLKSIZ, aip);
	if (bbp == NULL) {
		error = ffs_bwrite_meta(fm, abp);
	} else if (fm->fm_log != NULL) {
		bdwrite(abp);
		bdwrite(bbp);
	} else {
		error = bwrite(abp);
		berror = bwrite(bbp);
	}
	ffs_dir_changed(adp);
	ffs_dir_changed(bdp);
	aip->i_nameparent = bdp->i_number;
	bip->i_nameparent = adp->i_number;
	return error != 0 ? error : berror;
}

/* Write the first block of a new directory. */
int
ffs_dir_init(struct ffs_inode *ip, uint64_t parent, kauth_cred_t cred)
{
	struct ffs_mount *fm = ip->i_fm;
	struct buf *bp;
	uint8_t *blk;
	bool isnew;
	int error;

	error = ffs_balloc(ip, 0, UFS_DIRBLKSIZ, cred, &bp, &isnew);
	if (error != 0)
		return error;
	blk = bp->b_data;
	memset(blk, 0, UFS_DIRBLKSIZ);
	ffs_dirent_put(fm, blk, (uint32_t)ip->i_number, UFS_DIRSIZ(1), DT_DIR,
	    ".", 1);
	ffs_dirent_put(fm, blk + UFS_DIRSIZ(1), (uint32_t)parent,
	    UFS_DIRBLKSIZ - UFS_DIRSIZ(1), DT_DIR, "..", 2);
	ip->i_size = UFS_DIRBLKSIZ;
	uvm_vnp_setsize(ITOV(ip), UFS_DIRBLKSIZ);
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	return ffs_bwrite_meta(fm, bp);
}

/* 0 if there is nothing but "." and ".." in it, else ENOTEMPTY; or EIO ... */
int
ffs_dir_empty(struct ffs_inode *ip)
{
	const struct ffs_mount *fm = ip->i_fm;
	struct ffs_dirent de;
	struct buf *bp;
	uint8_t *blk;
	unsigned avail;
	int error;

	for (int64_t b = 0; b < (int64_t)howmany(ip->i_size, UFS_DIRBLKSIZ);
	    b++) {
		error = ffs_dirblk_get(ip, b, &bp, &blk, &avail);
		if (error != 0)
			return error;
		for (unsigned off = 0; off < avail; off += de.de_reclen) {
			bool empty = ffs_dirent_get(fm, blk, off, avail, &de);

			if (empty && de.de_ino != 0 && de.de_ino != UFS_WINO)
				empty = de.de_usable &&
				    (de.de_namlen == 1 ||
				    (de.de_namlen == 2 &&
				    de.de_name[1] == '.')) &&
				    de.de_name[0] == '.';
			if (!empty) {
				brelse(bp, 0);
				return ENOTEMPTY;
			}
		}
		brelse(bp, 0);
	}
	return 0;
}

/* The inode that ".." leads to. */
int
ffs_dir_dotdot(struct ffs_inode *ip, uint64_t *inop)
{
	struct ffs_slot sl;
	int error;

	error = ffs_dir_find(ip, "..", 2, 0, &sl);
	if (error == 0)
		*inop = sl.sl_ino;
	return error;
}

/* Let ".." lead elsewhere, after a rename. */
int
ffs_dir_setdotdot(struct ffs_inode *ip, uint64_t parent)
{
	struct ffs_mount *fm = ip->i_fm;
	struct ffs_slot sl;
	struct buf *bp;
	uint8_t *blk;
	unsigned avail;
	int error;

	error = ffs_dir_find(ip, "..", 2, 0, &sl);
	if (error != 0)
		return error == ENOENT ? EIO : error;
	error = ffs_dirblk_get(ip, (int64_t)(sl.sl_off / UFS_DIRBLKSIZ), &bp,
	    &blk, &avail);
	if (error != 0)
		return error;
	FFS_S32(fm, ((struct direct *)(void *)(blk + sl.sl_off %
	    UFS_DIRBLKSIZ))->d_ino, parent);
	ip->i_dirgen++;
	return ffs_bwrite_meta(fm, bp);
}
