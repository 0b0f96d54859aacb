/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changing the length of files.
 *
 * Shrinking forgets the pointers first and frees the blocks after, so that a
 * crash between leaks blocks instead of giving them two owners.  A block is
 * freed before what it points to is looked at: should a damaged image have
 * loops in its indirect blocks, the second visit finds the block free.  With a
 * journal it does not, for freed blocks stay marked as used until the commit;
 * there the count of blocks that a disk can have ends it.
 *
 * With a journal a long file is shortened in several transactions, from its
 * end; after each of them it is a shorter file.
 */

#include "ffs.h"

#include <sys/stat.h>
#include <lib/libkern/libkern.h>
#include <uvm/uvm_extern.h>
#include <uvm/uvm_pager.h>

static bool
ffs_haspages(const struct ffs_inode *ip)
{
	return S_ISREG(ip->i_mode);
}

/*
 * Before the file grows to newsize: make a last block that is some fragments
 * as large as the new size wants it, and put zeros behind the old end.
 */
int
ffs_fill_last(struct ffs_inode *ip, off_t newsize, kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t osize = (off_t)ip->i_size;
	const int64_t lbn = FFS_LBLKNO(fs, osize);
	const off_t end = MIN(newsize, FFS_LBLKTOSIZE(fs, lbn + 1));
	struct ffs_tx tx;
	int64_t bno;
	bool isnew;
	int error;

	if (FFS_BLKOFF(fs, osize) == 0 || newsize <= osize)
		return 0;
	if (lbn < UFS_NDADDR)
		bno = ip->i_db[lbn];
	else {
		error = ffs_bmap_lbn(ip, lbn, &bno, NULL);
		if (error != 0)
			return error;
	}
	if (bno == 0)
		return 0;
	error = ffs_begin(ip->i_fm, &tx);
	if (error != 0)
		return error;
	error = ffs_balloc(ip, osize, (int)(end - osize), cred, NULL, &isnew);
	if (error == 0) {
		uvm_vnp_setwritesize(vp, end);
		error = ffs_zero(ip, osize, end, osize);
		if (error == 0) {
			ip->i_size = (uint64_t)end;
			ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
			ffs_touch(ip);
		}
		uvm_vnp_setsize(vp, (voff_t)ip->i_size);
	}
	ffs_end(&tx);
	return error;
}

/* Lengthen a regular file by a hole; its last block is allocated. */
static int
ffs_lengthen(struct ffs_inode *ip, off_t length, kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t osize = (off_t)ip->i_size;
	const off_t start = FFS_LBLKTOSIZE(fs, FFS_LBLKNO(fs, length - 1));
	struct ffs_tx tx;
	bool isnew;
	int error;

	if ((uint64_t)length > fs->fs_maxfilesize)
		return EFBIG;
	error = ffs_fill_last(ip, length, cred);
	if (error == 0 && (off_t)ip->i_size < length &&
	    (error = ffs_begin(ip->i_fm, &tx)) == 0) {
		error = ffs_balloc(ip, length - 1, 1, cred, NULL, &isnew);
		if (error == 0) {
			ip->i_size = (uint64_t)length;
			ffs_touch(ip);
			uvm_vnp_setwritesize(vp, length);
			error = ffs_zero(ip, MAX(start, osize), length, osize);
			uvm_vnp_setsize(vp, length);
		}
		ffs_end(&tx);
	}
	if (error != 0) {
		(void)ffs_truncate(ip, osize, 0, cred);
		return error;
	}
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	return 0;
}

/* What a truncation has to free; collected before the inode is written. */
struct ffs_cut {
	struct ffs_inode *fc_ip;
	int64_t		fc_from;	/* the first logical block that goes */
	int64_t		fc_to;		/* the one behind the last that does */
	uint64_t	fc_freed;	/* in units of 512 bytes */
};

/* Do all of the span logical blocks at first go?  Does one of them? */
static bool
ffs_cut_covers(const struct ffs_cut *fc, int64_t first, int64_t span)
{
	return first >= fc->fc_from && span <= fc->fc_to - first;
}

static bool
ffs_cut_touches(const struct ffs_cut *fc, int64_t first, int64_t span)
{
	return first < fc->fc_to && first + span > fc->fc_from;
}

/* More than the disk has: the same blocks again and again. */
static bool
ffs_cut_overrun(const struct ffs_cut *fc)
{
	const struct fs *fs = fc->fc_ip->i_fm->fm_fs;

	return fc->fc_freed > (uint64_t)FFS_FSBTODB(fs, fs->fs_size);
}

/* Free a block of data, or (meta) one that leads to them. */
static void
ffs_cut_free(struct ffs_cut *fc, int64_t bno, int64_t size, bool meta)
{
	if (ffs_cut_overrun(fc))
		return;
	if (meta)
		ffs_blkfree(fc->fc_ip->i_fm, bno, size, fc->fc_ip->i_number);
	else
		ffs_blkfree_data(fc->fc_ip, bno, size);
	fc->fc_freed += FFS_BTODB(size);
}

/* Is the block at bno still allocated, as what points at it claims? */
static bool
ffs_isallocated(struct ffs_mount *fm, int64_t bno)
{
	struct ffs_cgref cr;
	bool used;

	if (ffs_badblock(fm, bno, fm->fm_fs->fs_bsize) ||
	    FFS_FRAGNUM(fm->fm_fs, bno) != 0 ||
	    ffs_cg_get(fm, FFS_DTOG(fm->fm_fs, bno), &cr) != 0)
		return false;
	used = ffs_blkbits(cr.cr_free, fm->fm_fs->fs_frag, (uint32_t)
	    FFS_FRAGSTOBLKS(fm->fm_fs, FFS_DTOGD(fm->fm_fs, bno))) == 0;
	ffs_cg_put(fm, &cr, false);
	return used;
}

/*
 * Cut the tree under the indirect block at bno, level levels above data,
 * whose first data block is first.  Returns true if nothing of it stays, and
 * then it has been freed.
 */
static bool
ffs_cut_indirect(struct ffs_cut *fc, int64_t bno, int level, int64_t first)
{
	struct ffs_inode *ip = fc->fc_ip;
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	const int64_t metalbn = -(first + level - 1);
	int64_t span = 1, child;
	struct buf *bp;
	void *copy;

	for (int i = 1; i < level; i++)
		span *= fs->fs_nindir;
	const bool whole = ffs_cut_covers(fc, first, span * fs->fs_nindir);
	if (!ffs_isallocated(fm, bno) || ffs_cut_overrun(fc))
		return whole;
	if (ffs_indir_get(ip, metalbn, bno, &bp) != 0) {
		/* Unreadable: what it pointed to is lost, fsck finds it. */
		if (whole)
			ffs_cut_free(fc, bno, fs->fs_bsize, true);
		return whole;
	}
	copy = kmem_alloc((size_t)fs->fs_bsize, KM_SLEEP);
	memcpy(copy, bp->b_data, (size_t)fs->fs_bsize);
	if (whole) {
		brelse(bp, BC_INVAL);
		ffs_cut_free(fc, bno, fs->fs_bsize, true);
	} else {
		for (int i = 0; i < fs->fs_nindir; i++) {
			if (ffs_cut_covers(fc, first + (int64_t)i * span,
			    span))
				ffs_indir_setptr(fm, bp->b_data, i, 0);
		}
		(void)ffs_bwrite_meta(fm, bp);
	}
	for (int i = 0; i < fs->fs_nindir; i++) {
		const int64_t f = first + (int64_t)i * span;

		child = ffs_indir_ptr(fm, copy, i);
		if (child == 0 || !ffs_cut_touches(fc, f, span))
			continue;
		if (level > 1)
			(void)ffs_cut_indirect(fc, child, level - 1, f);
		else
			ffs_cut_free(fc, child, fs->fs_bsize, false);
	}
	kmem_free(copy, (size_t)fs->fs_bsize);
	return whole;
}

/* The last buffer of a directory may not reach beyond what is kept of it. */
static int
ffs_shrink_buf(struct ffs_inode *ip, off_t length)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t lbn = FFS_LBLKNO(fs, length);
	const int osize = (int)ffs_blksize(ip, lbn);
	const int nsize = lbn >= UFS_NDADDR ? osize :
	    (int)FFS_FRAGROUNDUP(fs, FFS_BLKOFF(fs, length));
	struct buf *bp;
	int error;

	error = bread(ITOV(ip), lbn, osize, B_MODIFY, &bp);
	if (error != 0)
		return error;
	if (nsize < osize)
		allocbuf(bp, nsize, 1);
	memset((char *)bp->b_data + FFS_BLKOFF(fs, length), 0,
	    (size_t)(nsize - (int)FFS_BLKOFF(fs, length)));
	return ffs_bwrite_meta(ip->i_fm, bp);
}

/* Forget in memory what lies behind the new end. */
static int
ffs_forget(struct ffs_inode *ip, off_t length)
{
	struct vnode *vp = ITOV(ip);
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t keep = FFS_LBLKNO(fs, length + fs->fs_bsize - 1);
	int error;

	if (ffs_haspages(ip)) {
		if (FFS_BLKOFF(fs, length) != 0) {
			const off_t end = MIN((off_t)ip->i_size,
			    FFS_BLKROUNDUP(fs, length));

			error = ffs_zero(ip, length, end, end);
			if (error != 0)
				return error;
		}
		ip->i_size = (uint64_t)length;
		uvm_vnp_setsize(vp, length);
	}
	error = vtruncbuf(vp, keep, false, 0);
	if (error == 0 && !ffs_haspages(ip) && FFS_BLKOFF(fs, length) != 0)
		error = ffs_shrink_buf(ip, length);
	if (!ffs_haspages(ip)) {
		ip->i_size = (uint64_t)length;
		uvm_vnp_setsize(vp, length);
	}
	return error;
}

/* Cut direct blocks; the pointers have been taken out of the inode. */
static void
ffs_cut_direct(struct ffs_cut *fc, const int64_t *olddb, off_t osize,
    off_t length)
{
	struct ffs_inode *ip = fc->fc_ip;
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t last = FFS_LBLKNO(fs, length);

	for (int64_t lbn = 0; lbn < UFS_NDADDR; lbn++) {
		const int64_t start = FFS_LBLKTOSIZE(fs, lbn);
		int64_t osz = fs->fs_bsize, nsz = 0;

		if (olddb[lbn] == 0)
			continue;
		if (osize > start && osize < start + fs->fs_bsize)
			osz = FFS_FRAGROUNDUP(fs, osize - start);
		if (lbn < last)
			continue;
		if (lbn == last)
			nsz = FFS_FRAGROUNDUP(fs, length - start);
		if (nsz < osz)
			ffs_cut_free(fc, olddb[lbn] + FFS_NUMFRAGS(fs, nsz),
			    osz - nsz, false);
	}
}

/* Shorten a file that has blocks. */
static int
ffs_shorten(struct ffs_inode *ip, off_t length, bool wait)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t osize = (off_t)ip->i_size;
	struct ffs_cut fc = { .fc_ip = ip, .fc_to = INT64_MAX };
	int64_t olddb[UFS_NDADDR], oldib[UFS_NIADDR];
	int64_t first = UFS_NDADDR, span = 1;
	int error;

	fc.fc_from = FFS_LBLKNO(fs, length + fs->fs_bsize - 1);
	error = ffs_forget(ip, length);
	if (error != 0)
		return error;
	memcpy(olddb, ip->i_db, sizeof(olddb));
	memcpy(oldib, ip->i_ib, sizeof(oldib));
	for (int64_t lbn = fc.fc_from; lbn < UFS_NDADDR; lbn++)
		ip->i_db[lbn] = 0;
	for (int i = 0; i < UFS_NIADDR; i++) {
		if (first >= fc.fc_from)
			ip->i_ib[i] = 0;
		span *= fs->fs_nindir;
		first += span;
	}
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	ffs_touch(ip);
	if (wait)
		error = ffs_update(ip, true);
	/* From the end of the file. */
	for (int i = UFS_NIADDR - 1; i >= 0; i--) {
		first -= span;
		if (oldib[i] != 0 && first + span > fc.fc_from)
			(void)ffs_cut_indirect(&fc, oldib[i], i + 1, first);
		span /= fs->fs_nindir;
	}
	ffs_cut_direct(&fc, olddb, osize, length);
	ip->i_blocks -= MIN(fc.fc_freed, ip->i_blocks);
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	return error;
}

/* A new end in or behind a hole would leave the last block unallocated. */
static int
ffs_back_end(struct ffs_inode *ip, off_t length, kauth_cred_t cred)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t start = FFS_LBLKTOSIZE(fs, FFS_LBLKNO(fs, length - 1));
	const off_t osize = (off_t)ip->i_size;
	struct ffs_tx tx;
	bool isnew;
	int error;

	if (!ffs_haspages(ip) || length == 0)
		return 0;
	error = ffs_begin(ip->i_fm, &tx);
	if (error != 0)
		return error;
	error = ffs_balloc(ip, length - 1, 1, cred, NULL, &isnew);
	if (error == 0 && isnew)
		error = ffs_zero(ip, start, MIN(osize, start + fs->fs_bsize),
		    0);
	ffs_end(&tx);
	return error;
}

/* Has none of the blocks [from, to) been allocated, nor a way to them? */
static bool
ffs_all_missing(struct ffs_inode *ip, int64_t from, int64_t to)
{
	int64_t count;
	bool hole;

	for (; from < to; from += count) {
		if (ffs_bmap_hole(ip, from, &hole, &count) != 0 || !hole ||
		    count == 1)
			return false;
	}
	return true;
}

/*
 * Where the hole begins that ends at block from, or a later place in it, but
 * not below end: what may be cut off with what is behind it at no cost.  Tried
 * in steps that double and halve, since a file may have a hole of terabytes.
 */
static int64_t
ffs_hole_start(struct ffs_inode *ip, int64_t end, int64_t from, int64_t step)
{
	int64_t width = step;

	while (from > end && width >= step) {
		if (ffs_all_missing(ip, MAX(from - width, end), from)) {
			from = MAX(from - width, end);
			width *= 2;
		} else
			width /= 2;
	}
	return from;
}

/*
 * Shorten a file that has blocks: in one transaction, or with a journal in as
 * many as it takes to leave each of them small.
 */
static int
ffs_shorten_all(struct ffs_inode *ip, off_t length, bool wait)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	int64_t more = 0, step = INT64_MAX;
	const int64_t end = FFS_LBLKNO(fs, length + fs->fs_bsize - 1);
	struct ffs_tx tx = { .tx_log = NULL };
	int error = 0;
	off_t next;

	if (fm->fm_log != NULL && S_ISREG(ip->i_mode) && !ffs_intx(fm))
		step = ffs_log_steplimit(fm, &more);
	do {
		const int64_t last = FFS_LBLKNO(fs, (int64_t)ip->i_size +
		    fs->fs_bsize - 1);
		int64_t from = last - step;

		if (from > end)
			from = ffs_hole_start(ip, end, from, step);
		next = from > end ? FFS_LBLKTOSIZE(fs, from) : length;
		if (fm->fm_log != NULL)
			error = ffs_log_begin(fm->fm_log, &tx, more, 0);
		if (error != 0)
			break;
		error = ffs_shorten(ip, next, wait);
		ffs_end(&tx);
		tx.tx_log = NULL;
	} while (error == 0 && next != length);
	return error;
}

/* Forget the target of a symbolic link that is kept in the inode. */
static int
ffs_truncate_shortlink(struct ffs_inode *ip, bool wait)
{
	memset(ip->i_shortlink, 0, sizeof(ip->i_shortlink));
	ip->i_flag &= ~(uint32_t)IN_SHORTLINK;
	ip->i_size = 0;
	uvm_vnp_setsize(ITOV(ip), 0);
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	return ffs_update(ip, wait);
}

/*
 * Set the length of a file, directory or symbolic link.  With IO_SYNC, or on
 * a synchronous mount, the inode is on the disk before blocks are freed.
 */
int
ffs_truncate(struct ffs_inode *ip, off_t length, int ioflag,
    kauth_cred_t cred)
{
	const bool wait = (ioflag & IO_SYNC) != 0 || ffs_syncmeta(ip->i_fm);
	int error;

	if (length < 0)
		return EINVAL;
	if (ip->i_fm->fm_ronly)
		return EROFS;
	if ((ip->i_flag & IN_SHORTLINK) != 0) {
		KASSERT(length == 0);
		return ffs_truncate_shortlink(ip, wait);
	}
	if ((uint64_t)length > ip->i_size) {
		error = ffs_lengthen(ip, length, cred);
	} else if ((uint64_t)length < ip->i_size ||
	    (length == 0 && ip->i_blocks != 0)) {
		error = ffs_back_end(ip, length, cred);
		if (error == 0)
			error = ffs_shorten_all(ip, length, wait);
	} else {
		ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
		return ffs_update(ip, wait);
	}
	if (error == 0 && wait)
		error = ffs_update(ip, true);
	return error;
}

/*
 * Holes.  As in shortening, pointers are forgotten before blocks are freed.
 * The last block of a file is kept, for FFS knows none that ends in a hole.
 */

/* Write zeros to [from, to), which lies in one block, unless that is a hole. */
static int
ffs_punch_zero(struct ffs_inode *ip, off_t from, off_t to)
{
	int64_t bno;
	int error;

	if (from >= to)
		return 0;
	error = ffs_bmap_lbn(ip, FFS_LBLKNO(ip->i_fm->fm_fs, from), &bno,
	    NULL);
	if (error != 0 || bno == 0)
		return error;
	return ffs_zero(ip, from, to, (off_t)ip->i_size);
}

/* Free the logical blocks [from, to), none of them the file's last. */
static int
ffs_punch_blocks(struct ffs_inode *ip, int64_t from, int64_t to, bool wait)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	struct ffs_cut fc = { .fc_ip = ip, .fc_from = from, .fc_to = to };
	int64_t olddb[UFS_NDADDR], oldib[UFS_NIADDR];
	int64_t first = UFS_NDADDR, span = 1;
	int error = 0;

	memcpy(olddb, ip->i_db, sizeof(olddb));
	memcpy(oldib, ip->i_ib, sizeof(oldib));
	for (int64_t lbn = from; lbn < MIN(to, UFS_NDADDR); lbn++)
		ip->i_db[lbn] = 0;
	for (int i = 0; i < UFS_NIADDR; i++) {
		span *= fs->fs_nindir;
		if (ffs_cut_covers(&fc, first, span))
			ip->i_ib[i] = 0;
		first += span;
	}
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	ffs_touch(ip);
	if (wait)
		error = ffs_update(ip, true);
	for (int64_t lbn = from; lbn < MIN(to, UFS_NDADDR); lbn++) {
		if (olddb[lbn] != 0)
			ffs_cut_free(&fc, olddb[lbn], fs->fs_bsize, false);
	}
	first = UFS_NDADDR;
	span = 1;
	for (int i = 0; i < UFS_NIADDR; i++) {
		span *= fs->fs_nindir;
		if (oldib[i] != 0 && ffs_cut_touches(&fc, first, span))
			(void)ffs_cut_indirect(&fc, oldib[i], i + 1, first);
		first += span;
	}
	ip->i_blocks -= MIN(fc.fc_freed, ip->i_blocks);
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	return error;
}

/* The same in transactions that a journal has room for. */
static int
ffs_punch_all(struct ffs_inode *ip, int64_t from, int64_t to, bool wait)
{
	struct ffs_mount *fm = ip->i_fm;
	int64_t more = 0, step = INT64_MAX;
	struct ffs_tx tx = { .tx_log = NULL };
	int error = 0;

	if (fm->fm_log != NULL)
		step = ffs_log_steplimit(fm, &more);
	while (from < to && error == 0) {
		const int64_t next = to - from > step ? from + step : to;

		if (fm->fm_log != NULL)
			error = ffs_log_begin(fm->fm_log, &tx, more, 0);
		if (error != 0)
			break;
		error = ffs_punch_blocks(ip, from, next, wait);
		ffs_end(&tx);
		tx.tx_log = NULL;
		from = next;
	}
	return error;
}

/*
 * Make the bytes [from, to) of a regular file, which ends behind from, zeros,
 * and give back the blocks that hold nothing else.
 */
int
ffs_punch(struct ffs_inode *ip, off_t from, off_t to)
{
	struct vnode *vp = ITOV(ip);
	const struct fs *fs = ip->i_fm->fm_fs;
	const bool wait = ffs_syncmeta(ip->i_fm);
	int64_t head, tail;
	int error;

	to = MIN(to, (off_t)ip->i_size);
	head = FFS_LBLKNO(fs, from + fs->fs_bsize - 1);
	tail = MIN(FFS_LBLKNO(fs, to), FFS_LBLKNO(fs, (off_t)ip->i_size - 1));
	if (head > tail || FFS_LBLKTOSIZE(fs, head) > to)
		return ffs_punch_zero(ip, from, to);
	error = ffs_punch_zero(ip, from, FFS_LBLKTOSIZE(fs, head));
	if (error == 0)
		error = ffs_punch_zero(ip, FFS_LBLKTOSIZE(fs, tail), to);
	if (error != 0 || head == tail)
		return error;
	rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
	error = VOP_PUTPAGES(vp, FFS_LBLKTOSIZE(fs, head),
	    FFS_LBLKTOSIZE(fs, tail), PGO_FREE | PGO_SYNCIO);
	if (error == 0)
		error = ffs_punch_all(ip, head, tail, wait);
	if (error == 0 && wait)
		error = ffs_update(ip, true);
	return error;
}
