/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From logical blocks of a file to blocks of the disk.  Every pointer read
 * from an inode or an indirect block is checked before it is followed.
 *
 * An indirect block is a buffer of the file's vnode.  Its logical number is
 * -(f + l - 1), where f is the first data block it leads to and l its height
 * (1: it points at data), which is negative and unique.
 */

#include "ffs.h"

#include <lib/libkern/libkern.h>

/* No run longer than this many bytes is reported. */
#define	FFS_MAXRUN	(1024 * 1024)

/* How to reach lbn; EFBIG if no triple indirect block leads there. */
int
ffs_path(const struct fs *fs, int64_t lbn, struct ffs_path *fp)
{
	const int64_t n = fs->fs_nindir;
	int64_t first = UFS_NDADDR, rel, span = 1;

	if (lbn < 0)
		return EFBIG;
	fp->fp_levels = 0;
	fp->fp_idx[0] = (int)lbn;
	if (lbn < UFS_NDADDR)
		return 0;
	rel = lbn - UFS_NDADDR;
	for (int level = 1; level <= UFS_NIADDR; level++) {
		span *= n;
		if (rel < span) {
			fp->fp_levels = level;
			break;
		}
		rel -= span;
		first += span;
	}
	if (fp->fp_levels == 0)
		return EFBIG;
	fp->fp_idx[0] = fp->fp_levels - 1;
	for (int i = 1; i <= fp->fp_levels; i++) {
		fp->fp_lbn[i] = -(first + fp->fp_levels - i);
		span /= n;
		fp->fp_idx[i] = (int)(rel / span);
		first += (rel / span) * span;
		rel %= span;
	}
	return 0;
}

int64_t
ffs_indir_ptr(const struct ffs_mount *fm, const void *data, int idx)
{
	if (ffs_isufs2(fm->fm_fs))
		return (int64_t)ffs_rw64(((const uint64_t *)data)[idx],
		    fm->fm_swap);
	return (int32_t)ffs_rw32(((const uint32_t *)data)[idx], fm->fm_swap);
}

void
ffs_indir_setptr(const struct ffs_mount *fm, void *data, int idx, int64_t bno)
{
	if (ffs_isufs2(fm->fm_fs))
		((uint64_t *)data)[idx] = ffs_rw64((uint64_t)bno,
		    fm->fm_swap);
	else
		((uint32_t *)data)[idx] = ffs_rw32((uint32_t)bno,
		    fm->fm_swap);
}

/* Bytes that logical block lbn takes on the disk, if allocated. */
int64_t
ffs_blksize(const struct ffs_inode *ip, int64_t lbn)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t start = FFS_LBLKTOSIZE(fs, lbn);

	if (lbn >= UFS_NDADDR || (int64_t)ip->i_size <= start ||
	    (int64_t)ip->i_size >= start + fs->fs_bsize)
		return fs->fs_bsize;
	return FFS_FRAGROUNDUP(fs, (int64_t)ip->i_size - start);
}

/* Get the indirect block that lies at bno, read if it isn't in memory. */
int
ffs_indir_get(struct ffs_inode *ip, int64_t metalbn, int64_t bno,
    struct buf **bpp)
{
	struct vnode *vp = ITOV(ip);
	const struct fs *fs = ip->i_fm->fm_fs;
	struct buf *bp;
	int error;

	if (ffs_badblock(ip->i_fm, bno, fs->fs_bsize))
		return EIO;
	bp = getblk(vp, metalbn, fs->fs_bsize, 0, 0);
	if (bp == NULL)
		return EIO;
	if ((bp->b_oflags & (BO_DONE | BO_DELWRI)) == 0) {
		bp->b_blkno = FFS_FSBTODB(fs, bno);
		bp->b_flags |= B_READ;
		BIO_SETPRIO(bp, BPRIO_TIMECRITICAL);
		VOP_STRATEGY(vp, bp);
		error = biowait(bp);
		if (error != 0) {
			brelse(bp, BC_INVAL);
			return error;
		}
	}
	*bpp = bp;
	return 0;
}

/* How many blocks behind index idx follow on the disk without a gap. */
static int
ffs_run(const struct ffs_inode *ip, const void *ptrs, bool ondisk, int idx,
    int nptrs, int64_t bno)
{
	const struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	const int limit = FFS_MAXRUN >> fs->fs_bshift;
	int run = 0;

	for (int i = idx + 1; i < nptrs && run < limit; i++, run++) {
		const int64_t next = ondisk ? ffs_indir_ptr(fm, ptrs, i) :
		    ((const int64_t *)ptrs)[i];

		bno += fs->fs_frag;
		if (next != bno || ffs_badblock(fm, next, 1))
			break;
	}
	return run;
}

/*
 * Block of the disk (in fragments) for logical block lbn, 0 for a hole, and
 * the number of blocks that follow contiguously.
 */
int
ffs_bmap_lbn(struct ffs_inode *ip, int64_t lbn, int64_t *bnop, int *runp)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	struct ffs_path fp;
	struct buf *bp;
	int64_t bno;
	int error;

	*bnop = 0;
	if (runp != NULL)
		*runp = 0;
	if (ip->i_flag & IN_SHORTLINK)
		return EIO;
	error = ffs_path(fs, lbn, &fp);
	if (error != 0)
		return error;
	if (fp.fp_levels == 0) {
		bno = ip->i_db[lbn];
		if (bno == 0)
			return 0;
		if (ffs_badblock(fm, bno, (int64_t)ip->i_size <=
		    FFS_LBLKTOSIZE(fs, lbn) ? 1 : ffs_blksize(ip, lbn)))
			return EIO;
		*bnop = bno;
		if (runp != NULL)
			*runp = ffs_run(ip, ip->i_db, false, (int)lbn,
			    UFS_NDADDR, bno);
		return 0;
	}
	bno = ip->i_ib[fp.fp_idx[0]];
	for (int i = 1; i <= fp.fp_levels; i++) {
		if (bno == 0)
			return 0;
		error = ffs_indir_get(ip, fp.fp_lbn[i], bno, &bp);
		if (error != 0)
			return error;
		bno = ffs_indir_ptr(fm, bp->b_data, fp.fp_idx[i]);
		if (i == fp.fp_levels && bno != 0) {
			if (ffs_badblock(fm, bno, fs->fs_bsize))
				error = EIO;
			else if (runp != NULL)
				*runp = ffs_run(ip, bp->b_data, true,
				    fp.fp_idx[i], fs->fs_nindir, bno);
		}
		brelse(bp, 0);
	}
	if (error == 0)
		*bnop = bno;
	return error;
}

/* Blocks from here on that a missing pointer of the path leaves out. */
static int64_t
ffs_hole_blocks(const struct fs *fs, const struct ffs_path *fp, int level)
{
	int64_t span = 1, pos = 0;

	for (int i = fp->fp_levels; i > level; i--) {
		pos += fp->fp_idx[i] * span;
		span *= fs->fs_nindir;
	}
	return span - pos;
}

/*
 * Is lbn a hole?  *countp is a number of blocks, at least 1, for which the
 * answer is the same; whole missing indirect blocks are one step.
 */
int
ffs_bmap_hole(struct ffs_inode *ip, int64_t lbn, bool *holep, int64_t *countp)
{
	struct ffs_mount *fm = ip->i_fm;
	struct ffs_path fp;
	struct buf *bp;
	int64_t bno;
	int error, i;

	error = ffs_path(fm->fm_fs, lbn, &fp);
	if (error != 0)
		return error;
	*countp = 1;
	bno = fp.fp_levels == 0 ? ip->i_db[lbn] : ip->i_ib[fp.fp_idx[0]];
	for (i = 0; bno != 0 && i < fp.fp_levels; i++) {
		error = ffs_indir_get(ip, fp.fp_lbn[i + 1], bno, &bp);
		if (error != 0)
			return error;
		bno = ffs_indir_ptr(fm, bp->b_data, fp.fp_idx[i + 1]);
		brelse(bp, 0);
	}
	*holep = bno == 0;
	if (bno == 0)
		*countp = ffs_hole_blocks(fm->fm_fs, &fp, i);
	return 0;
}

int
ffs_bmap(void *v)
{
	struct vop_bmap_args *ap = v;
	struct ffs_inode *ip = VTOI(ap->a_vp);
	int64_t bno;
	int error, run;

	if (ap->a_vpp != NULL)
		*ap->a_vpp = ip->i_fm->fm_devvp;
	if (ap->a_bnp == NULL)
		return 0;
	error = ffs_bmap_lbn(ip, ap->a_bn, &bno, &run);
	if (error != 0)
		return error;
	if (ap->a_runp != NULL)
		*ap->a_runp = run;
	*ap->a_bnp = bno == 0 ? -1 : FFS_FSBTODB(ip->i_fm->fm_fs, bno);
	return 0;
}

/*
 * I/O of a buffer of a file.  One that does not know its block yet has
 * b_blkno equal to b_lblkno.
 */
int
ffs_strategy(void *v)
{
	struct vop_strategy_args *ap = v;
	struct buf *bp = ap->a_bp;
	struct ffs_inode *ip = VTOI(ap->a_vp);
	int64_t bno;
	int error;

	if (bp->b_blkno == bp->b_lblkno) {
		error = ffs_bmap_lbn(ip, bp->b_lblkno, &bno, NULL);
		if (error == 0 && bno == 0 && (bp->b_flags & B_READ) == 0)
			error = EIO;
		if (error != 0) {
			bp->b_error = error;
			bp->b_resid = bp->b_bcount;
			biodone(bp);
			return error;
		}
		if (bno == 0) {
			clrbuf(bp);
			biodone(bp);
			return 0;
		}
		bp->b_blkno = FFS_FSBTODB(ip->i_fm->fm_fs, bno);
	}
	error = VOP_STRATEGY(ip->i_fm->fm_devvp, bp);
	if (__predict_false(ip->i_fm->fm_overlay) && error == 0 &&
	    (bp->b_flags & B_READ) != 0) {
		error = biowait(bp);
		if (error == 0)
			error = ffs_replay_overlay(ip->i_fm, bp);
		if (error != 0)
			bp->b_error = error;
	}
	return error;
}
