/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Giving blocks to files.  The last block of a file that needs no indirect
 * block may be some fragments; they grow in place or move.
 *
 * New indirect blocks are filled before anything points at them, and nothing
 * is linked before all that is needed was allocated: there is nothing to
 * unwind when the disk is full.
 */

#include "ffs.h"

#include <lib/libkern/libkern.h>
#include <uvm/uvm_extern.h>
#include <uvm/uvm_pager.h>

/*
 * Allocate nsize bytes for fragments that have to move.  With room on the
 * disk, take a whole block and give its end back: so that the next growth
 * happens in place.
 */
static int
ffs_alloc_moved(struct ffs_inode *ip, int nsize, kauth_cred_t cred,
    int64_t *bnop)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;

	if (nsize < fs->fs_bsize && fs->fs_optim == FFS_OPTTIME &&
	    fs->fs_cstotal.cs_nbfree > fs->fs_ncg &&
	    ffs_freespace(fs, fs->fs_minfree) > 2 * fs->fs_frag &&
	    ffs_alloc(ip, 0, fs->fs_bsize, cred, bnop) == 0) {
		ffs_blkunalloc(fm, *bnop + FFS_NUMFRAGS(fs, nsize),
		    fs->fs_bsize - nsize, ip->i_number);
		ip->i_blocks -= FFS_BTODB(fs->fs_bsize - nsize);
		return 0;
	}
	return ffs_alloc(ip, 0, nsize, cred, bnop);
}

/* Move the fragments of a regular file: its pages become dirty there. */
static int
ffs_move_pages(struct ffs_inode *ip, int64_t lbn, int osize, int64_t newbno)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t start = FFS_LBLKTOSIZE(fs, lbn);
	const int64_t oldbno = ip->i_db[lbn];
	size_t len;
	void *copy;
	int error;

	len = (size_t)MIN((off_t)osize, (off_t)ip->i_size - start);
	KASSERT(len > 0 && len <= (size_t)fs->fs_bsize);
	copy = kmem_alloc((size_t)fs->fs_bsize, KM_SLEEP);
	error = ffs_get_pages(ip, copy, start, len);
	if (error == 0) {
		ip->i_db[lbn] = newbno;
		error = ffs_put_pages(ip, copy, start, len);
		/*
		 * What was durable at the old place must be so at the new one
		 * before the journal says that it is there.
		 */
		if (error == 0 && ip->i_fm->fm_log != NULL) {
			rw_enter(ITOV(ip)->v_uobj.vmobjlock, RW_WRITER);
			error = VOP_PUTPAGES(ITOV(ip), trunc_page(start),
			    round_page(start + (off_t)len),
			    PGO_CLEANIT | PGO_SYNCIO);
		}
		if (error != 0)
			ip->i_db[lbn] = oldbno;
	}
	kmem_free(copy, (size_t)fs->fs_bsize);
	return error;
}

/*
 * Grow the fragments of direct block lbn from osize to nsize bytes.  For
 * files in buffers *bpp is the block, grown and zeroed behind osize.
 */
static int
ffs_grow(struct ffs_inode *ip, int64_t lbn, int osize, int nsize,
    kauth_cred_t cred, struct buf **bpp)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	const int64_t oldbno = ip->i_db[lbn];
	int64_t bno = oldbno;
	struct buf *bp = NULL;
	int error;

	if (ffs_badblock(fm, oldbno, osize))
		return EIO;
	if (bpp != NULL) {
		error = bread(ITOV(ip), lbn, osize, B_MODIFY, &bp);
		if (error != 0)
			return error;
	}
	error = ffs_extend(ip, oldbno, osize, nsize, cred);
	if (error == EAGAIN || error == EIO) {
		error = ffs_alloc_moved(ip, nsize, cred, &bno);
		if (error == 0 && bpp == NULL)
			error = ffs_move_pages(ip, lbn, osize, bno);
		if (error == 0)
			ip->i_blocks -= FFS_BTODB(osize);
		else if (bno != oldbno) {
			ffs_blkunalloc(fm, bno, nsize, ip->i_number);
			ip->i_blocks -= FFS_BTODB(nsize);
		}
	}
	if (error != 0) {
		if (bp != NULL)
			brelse(bp, 0);
		return error;
	}
	ip->i_db[lbn] = bno;
	if (bno != oldbno)
		ffs_blkfree_data(ip, oldbno, osize);
	if (bp != NULL) {
		allocbuf(bp, nsize, 1);
		memset((char *)bp->b_data + osize, 0, (size_t)(nsize - osize));
		bp->b_blkno = FFS_FSBTODB(fs, bno);
		*bpp = bp;
	}
	return 0;
}

/* A buffer for a block that was just allocated. */
static int
ffs_newbuf(struct ffs_inode *ip, int64_t lbn, int size, int64_t bno,
    struct buf **bpp)
{
	struct buf *bp = getblk(ITOV(ip), lbn, size, 0, 0);

	if (bp == NULL)
		return EIO;
	bp->b_blkno = FFS_FSBTODB(ip->i_fm->fm_fs, bno);
	clrbuf(bp);
	*bpp = bp;
	return 0;
}

static int
ffs_balloc_direct(struct ffs_inode *ip, int64_t lbn, int upto,
    kauth_cred_t cred, struct buf **bpp, bool *newp)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t start = FFS_LBLKTOSIZE(fs, lbn);
	const int64_t eof = (int64_t)ip->i_size - start;
	int osize, nsize, error;
	int64_t bno;

	/* The size of a last block follows from i_size: cover that too. */
	if (eof > upto)
		upto = (int)MIN(eof, fs->fs_bsize);
	nsize = (int)FFS_FRAGROUNDUP(fs, upto);
	if (ip->i_db[lbn] != 0) {
		osize = (int)ffs_blksize(ip, lbn);
		if (nsize > osize)
			return ffs_grow(ip, lbn, osize, nsize, cred, bpp);
		if (bpp == NULL)
			return 0;
		return bread(ITOV(ip), lbn, osize, B_MODIFY, bpp);
	}
	error = ffs_alloc(ip, ffs_blkpref(ip, lbn, (int)lbn, ip->i_db, false),
	    nsize, cred, &bno);
	if (error != 0)
		return error;
	if (bpp != NULL) {
		error = ffs_newbuf(ip, lbn, nsize, bno, bpp);
		if (error != 0) {
			ffs_blkunalloc(ip->i_fm, bno, nsize, ip->i_number);
			ip->i_blocks -= FFS_BTODB(nsize);
			return error;
		}
	}
	ip->i_db[lbn] = bno;
	*newp = true;
	return 0;
}

/* Write an indirect block that now points somewhere. */
static int
ffs_indir_link(struct ffs_inode *ip, struct buf *bp, int idx, int64_t bno)
{
	ffs_indir_setptr(ip->i_fm, bp->b_data, idx, bno);
	return ffs_bwrite_meta(ip->i_fm, bp);
}

/*
 * Allocate what misses on the path to an indirect data block: level have is
 * the lowest that exists (0: not even the pointer in the inode), its buffer
 * parent (NULL when have is 0).  Consumes parent.
 */
static int
ffs_balloc_missing(struct ffs_inode *ip, int64_t lbn,
    const struct ffs_path *fp, int have, struct buf *parent,
    kauth_cred_t cred, int64_t *bnop)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	int64_t bno[UFS_NIADDR + 2], pref;
	struct buf *bp;
	int i, error = 0;

	/* bno[i] is what level i - 1 shall point at; the last is data. */
	for (i = have + 1; i <= fp->fp_levels + 1 && error == 0; i++) {
		const bool data = i == fp->fp_levels + 1;

		if (data && have == fp->fp_levels)
			pref = ffs_blkpref(ip, lbn, fp->fp_idx[have],
			    parent->b_data, true);
		else if (i > have + 1)
			pref = bno[i - 1] + fs->fs_frag;
		else
			pref = ffs_blkpref(ip, data ? lbn : -1, 0, NULL, true);
		error = ffs_alloc(ip, pref, fs->fs_bsize, cred, &bno[i]);
	}
	if (error != 0)
		i--;
	/* From the bottom: an indirect block, then what points at it. */
	for (int l = fp->fp_levels; l > have && error == 0; l--) {
		error = ffs_newbuf(ip, fp->fp_lbn[l], fs->fs_bsize, bno[l],
		    &bp);
		if (error == 0)
			error = ffs_indir_link(ip, bp, fp->fp_idx[l],
			    bno[l + 1]);
	}
	if (error == 0) {
		if (have == 0)
			ip->i_ib[fp->fp_idx[0]] = bno[1];
		else
			error = ffs_indir_link(ip, parent, fp->fp_idx[have],
			    bno[have + 1]);
		if (error == 0) {
			*bnop = bno[fp->fp_levels + 1];
			return 0;
		}
	} else if (parent != NULL)
		brelse(parent, 0);
	while (--i > have) {
		if (i <= fp->fp_levels)
			binvalbuf(ITOV(ip), fp->fp_lbn[i]);
		ffs_blkunalloc(fm, bno[i], fs->fs_bsize, ip->i_number);
		ip->i_blocks -= FFS_BTODB(fs->fs_bsize);
	}
	return error;
}

static int
ffs_balloc_indirect(struct ffs_inode *ip, int64_t lbn, kauth_cred_t cred,
    struct buf **bpp, bool *newp)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	struct ffs_path fp;
	struct buf *bp = NULL;
	int64_t bno;
	int error, have;

	error = ffs_path(fs, lbn, &fp);
	if (error != 0)
		return error;
	bno = ip->i_ib[fp.fp_idx[0]];
	for (have = 0; bno != 0 && have < fp.fp_levels; have++) {
		if (bp != NULL)
			brelse(bp, 0);
		error = ffs_indir_get(ip, fp.fp_lbn[have + 1], bno, &bp);
		if (error != 0)
			return error;
		bno = ffs_indir_ptr(fm, bp->b_data, fp.fp_idx[have + 1]);
	}
	if (bno == 0) {
		error = ffs_balloc_missing(ip, lbn, &fp, have, bp, cred, &bno);
		if (error != 0)
			return error;
		*newp = true;
		return bpp == NULL ? 0 : ffs_newbuf(ip, lbn, fs->fs_bsize,
		    bno, bpp);
	}
	if (bp != NULL)
		brelse(bp, 0);
	if (ffs_badblock(fm, bno, fs->fs_bsize))
		return EIO;
	return bpp == NULL ? 0 : bread(ITOV(ip), lbn, fs->fs_bsize, B_MODIFY,
	    bpp);
}

/*
 * Make sure that size bytes at off, inside one block, are allocated.  *newp
 * tells that the block was a hole.  With bpp, for files whose data are
 * buffers, the block is returned, zeroed where it is new.
 *
 * The caller keeps the rule that fragments end only at the end of the file:
 * before it goes beyond a last block that is some fragments, it makes that
 * block whole.
 */
int
ffs_balloc(struct ffs_inode *ip, off_t off, int size, kauth_cred_t cred,
    struct buf **bpp, bool *newp)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t lbn = FFS_LBLKNO(fs, off);
	const int upto = (int)FFS_BLKOFF(fs, off) + size;

	KASSERT(size > 0 && upto <= fs->fs_bsize);
	*newp = false;
	if (lbn < UFS_NDADDR)
		return ffs_balloc_direct(ip, lbn, upto, cred, bpp, newp);
	return ffs_balloc_indirect(ip, lbn, cred, bpp, newp);
}
