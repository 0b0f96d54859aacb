/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation policy: which group, which block, which fragments, which inode;
 * and giving them back.
 *
 * Blocks of a file follow each other where possible; a file's inode lies in
 * the group of its directory, its first blocks in the group of its inode, and
 * every fs_maxbpg blocks it moves on to a group with more room than average.
 * New directories are spread.  When the preferred group has no room, groups
 * are tried at quadratic distance, then all.
 */

#include "ffs.h"

#include <sys/cprng.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <lib/libkern/libkern.h>

/* Fragments that may be allocated while keeping a reserve of percent. */
int64_t
ffs_freespace(const struct fs *fs, int percent)
{
	return FFS_BLKSTOFRAGS(fs, fs->fs_cstotal.cs_nbfree) +
	    fs->fs_cstotal.cs_nffree - fs->fs_dsize * percent / 100;
}

/* True if no file may own these fragments; see ffs_reserved_range(). */
bool
ffs_badblock(const struct ffs_mount *fm, int64_t bno, int64_t bytes)
{
	return ffs_reserved_range(fm->fm_fs, bno,
	    FFS_NUMFRAGS(fm->fm_fs, FFS_FRAGROUNDUP(fm->fm_fs, bytes)));
}

/* Book a change of what is free in a group, everywhere that counts it. */
static void
ffs_book(struct ffs_mount *fm, struct ffs_cgref *cr, int dbfree, int dffree,
    int dnifree, int dndir)
{
	struct csum *cs = &fm->fm_csum[cr->cr_cgx];
	struct csum_total *total = &fm->fm_fs->fs_cstotal;
	struct csum *cgcs = &cr->cr_cg->cg_cs;

	FFS_ADD32(fm, cgcs->cs_nbfree, dbfree);
	FFS_ADD32(fm, cgcs->cs_nffree, dffree);
	FFS_ADD32(fm, cgcs->cs_nifree, dnifree);
	FFS_ADD32(fm, cgcs->cs_ndir, dndir);
	mutex_enter(&fm->fm_lock);
	cs->cs_nbfree += dbfree;
	cs->cs_nffree += dffree;
	cs->cs_nifree += dnifree;
	cs->cs_ndir += dndir;
	total->cs_nbfree += dbfree;
	total->cs_nffree += dffree;
	total->cs_nifree += dnifree;
	total->cs_ndir += dndir;
	fm->fm_fmod = true;
	mutex_exit(&fm->fm_lock);
}

/* Take the whole block blk of the group. */
static void
ffs_take_block(struct ffs_mount *fm, struct ffs_cgref *cr, uint32_t blk)
{
	ffs_blkset(cr->cr_free, fm->fm_fs->fs_frag, blk, false);
	ffs_clusteracct(fm, cr, blk, -1);
}

/*
 * A free block of this group that no metadata lie in, from start on.  The map
 * of a damaged image may offer the superblock: then the group is given up.
 */
static int32_t
ffs_pick_block(struct ffs_mount *fm, struct ffs_cgref *cr, uint32_t start)
{
	const struct fs *fs = fm->fm_fs;
	const uint32_t nblks = FFS_FRAGSTOBLKS(fs, cr->cr_nfrags);
	const int32_t blk = ffs_find_block(cr->cr_free, fs->fs_frag, nblks,
	    start);

	if (blk < 0)
		return -1;
	if (ffs_badblock(fm, FFS_CGBASE(fs, cr->cr_cgx) +
	    FFS_BLKSTOFRAGS(fs, (int64_t)blk), fs->fs_bsize)) {
		ffs_cg_damaged(fm, cr->cr_cgx, "metadata marked free");
		return -1;
	}
	return blk;
}

/* Allocate a whole block; returns its fragment in the group or -1. */
static int32_t
ffs_cg_block(struct ffs_mount *fm, struct ffs_cgref *cr, int64_t pref)
{
	const struct fs *fs = fm->fm_fs;
	uint32_t start;
	int32_t blk;

	if (pref != 0 && FFS_DTOG(fs, pref) == cr->cr_cgx)
		start = (uint32_t)FFS_FRAGSTOBLKS(fs, FFS_DTOGD(fs, pref));
	else
		start = FFS_G32(fm, cr->cr_cg->cg_rotor) >> fs->fs_fragshift;
	blk = ffs_pick_block(fm, cr, start);
	if (blk < 0)
		return -1;
	ffs_take_block(fm, cr, (uint32_t)blk);
	FFS_S32(fm, cr->cr_cg->cg_rotor, FFS_BLKSTOFRAGS(fs, blk));
	ffs_book(fm, cr, -1, 0, 0, 0);
	return FFS_BLKSTOFRAGS(fs, blk);
}

/* Allocate n fragments by breaking up a free block. */
static int32_t
ffs_cg_breakup(struct ffs_mount *fm, struct ffs_cgref *cr, int64_t pref, int n)
{
	const struct fs *fs = fm->fm_fs;
	const int32_t frag = ffs_cg_block(fm, cr, pref);
	const int rest = fs->fs_frag - n;

	if (frag < 0)
		return -1;
	for (int i = n; i < fs->fs_frag; i++)
		ffs_setbit(cr->cr_free, (uint32_t)(frag + i));
	FFS_ADD32(fm, cr->cr_cg->cg_frsum[rest], 1);
	ffs_book(fm, cr, 0, rest, 0, 0);
	return frag;
}

/*
 * Allocate n fragments, fewer than a block: out of the shortest free run
 * that is long enough, else by breaking up a block.
 */
static int32_t
ffs_cg_frags(struct ffs_mount *fm, struct ffs_cgref *cr, int64_t pref, int n)
{
	const struct fs *fs = fm->fm_fs;
	struct cg *cgp = cr->cr_cg;
	uint32_t start;
	int32_t frag;
	int run;

	for (run = n; run < fs->fs_frag; run++)
		if (FFS_G32(fm, cgp->cg_frsum[run]) != 0)
			break;
	if (run == fs->fs_frag)
		return ffs_cg_breakup(fm, cr, pref, n);
	if (pref != 0 && FFS_DTOG(fs, pref) == cr->cr_cgx)
		start = (uint32_t)FFS_DTOGD(fs, pref);
	else
		start = FFS_G32(fm, cgp->cg_frotor);
	frag = ffs_find_run(cr->cr_free, fs->fs_frag, cr->cr_nfrags, start,
	    run);
	if (frag < 0) {
		ffs_cg_damaged(fm, cr->cr_cgx, "counts of free fragments");
		return -1;
	}
	if (ffs_badblock(fm, FFS_CGBASE(fs, cr->cr_cgx) + frag,
	    (int64_t)n << fs->fs_fshift)) {
		ffs_cg_damaged(fm, cr->cr_cgx, "metadata marked free");
		return -1;
	}
	for (int i = 0; i < n; i++)
		ffs_clrbit(cr->cr_free, (uint32_t)(frag + i));
	FFS_ADD32(fm, cgp->cg_frsum[run], -1);
	if (run != n)
		FFS_ADD32(fm, cgp->cg_frsum[run - n], 1);
	FFS_S32(fm, cgp->cg_frotor, frag);
	ffs_book(fm, cr, 0, -n, 0, 0);
	return frag;
}

/* Allocate size bytes in group cgx; a block number or 0. */
static int64_t
ffs_alloccg(struct ffs_inode *ip, uint32_t cgx, int64_t pref, int size)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	const struct csum *cs = &fm->fm_csum[cgx];
	struct ffs_cgref cr;
	int32_t frag;

	if (cs->cs_nbfree <= 0 && (size == fs->fs_bsize || cs->cs_nffree <= 0))
		return 0;
	if (ffs_cg_get(fm, cgx, &cr) != 0)
		return 0;
	if (size == fs->fs_bsize)
		frag = ffs_cg_block(fm, &cr, pref);
	else
		frag = ffs_cg_frags(fm, &cr, pref, size >> fs->fs_fshift);
	ffs_cg_put(fm, &cr, frag >= 0);
	return frag < 0 ? 0 : FFS_CGBASE(fs, cgx) + frag;
}

/* Try the preferred group, then others, then all. */
static int64_t
ffs_hashalloc(struct ffs_inode *ip, uint32_t cgx, int64_t pref, int size,
    int64_t (*alloc)(struct ffs_inode *, uint32_t, int64_t, int))
{
	const uint32_t ncg = ip->i_fm->fm_fs->fs_ncg;
	uint32_t c = cgx;
	int64_t result;

	if ((result = (*alloc)(ip, cgx, pref, size)) != 0)
		return result;
	for (uint32_t i = 1; i < ncg; i *= 2) {
		c = (c + i) % ncg;
		if ((result = (*alloc)(ip, c, 0, size)) != 0)
			return result;
	}
	for (uint32_t i = 0; i < ncg; i++) {
		if ((result = (*alloc)(ip, (cgx + i) % ncg, 0, size)) != 0)
			return result;
	}
	return 0;
}

/* Say at most every few seconds that there is no room. */
static int
ffs_full(struct ffs_mount *fm, const char *what)
{
	if (time_second - fm->fm_fullmsg >= 5) {
		fm->fm_fullmsg = time_second;
		log(LOG_NOTICE, "%s: %s\n", fm->fm_mp->mnt_stat.f_mntonname,
		    what);
	}
	return ENOSPC;
}

/* Is there room for size bytes that these credentials may take? */
static bool
ffs_mayalloc(struct ffs_mount *fm, int size, kauth_cred_t cred)
{
	const struct fs *fs = fm->fm_fs;

	if (size == fs->fs_bsize ? fs->fs_cstotal.cs_nbfree <= 0 :
	    ffs_freespace(fs, 0) < FFS_NUMFRAGS(fs, size))
		return false;
	return ffs_freespace(fs, fs->fs_minfree) > 0 || cred == NOCRED ||
	    kauth_authorize_system(cred, KAUTH_SYSTEM_FS_RESERVEDSPACE, 0,
	    NULL, NULL, NULL) == 0;
}

/*
 * Allocate size bytes (whole fragments) for the inode, preferably at pref.
 * Counts them in i_blocks.
 */
int
ffs_alloc(struct ffs_inode *ip, int64_t pref, int size, kauth_cred_t cred,
    int64_t *bnop)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	int64_t bno = 0;

	KASSERT(size > 0 && size <= fs->fs_bsize &&
	    FFS_FRAGOFF(fs, size) == 0);
	if (pref < 0 || pref >= fs->fs_size)
		pref = 0;
	if (ffs_mayalloc(fm, size, cred))
		bno = ffs_hashalloc(ip, pref == 0 ?
		    FFS_INO_TO_CG(fs, ip->i_number) : FFS_DTOG(fs, pref), pref,
		    size, ffs_alloccg);
	if (bno == 0)
		return ffs_full(fm, "file system full");
	ip->i_blocks += FFS_BTODB(size);
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	ffs_touch(ip);
	*bnop = bno;
	return 0;
}

/*
 * Grow the fragments at bno from osize to nsize bytes in place; EAGAIN if
 * the fragments behind them are taken.
 */
int
ffs_extend(struct ffs_inode *ip, int64_t bno, int osize, int nsize,
    kauth_cred_t cred)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	const int ofrags = osize >> fs->fs_fshift;
	const int nfrags = nsize >> fs->fs_fshift;
	const uint32_t base = (uint32_t)FFS_DTOGD(fs, bno);
	struct ffs_cgref cr;
	unsigned bits;
	int error;

	if (ffs_freespace(fs, 0) < nfrags - ofrags ||
	    (!ffs_mayalloc(fm, nsize - osize, cred) && nsize < fs->fs_bsize))
		return ENOSPC;
	if (FFS_FRAGNUM(fs, bno) + nfrags > fs->fs_frag)
		return EAGAIN;
	error = ffs_cg_get(fm, FFS_DTOG(fs, bno), &cr);
	if (error != 0)
		return error;
	for (int i = ofrags; i < nfrags; i++) {
		if (base + (uint32_t)i >= cr.cr_nfrags ||
		    !ffs_isset(cr.cr_free, base + (uint32_t)i)) {
			ffs_cg_put(fm, &cr, false);
			return EAGAIN;
		}
	}
	bits = ffs_blkbits(cr.cr_free, fs->fs_frag,
	    base >> fs->fs_fragshift);
	ffs_frsum_add(fm, cr.cr_cg, bits, -1);
	for (int i = ofrags; i < nfrags; i++)
		ffs_clrbit(cr.cr_free, base + (uint32_t)i);
	bits = ffs_blkbits(cr.cr_free, fs->fs_frag,
	    base >> fs->fs_fragshift);
	ffs_frsum_add(fm, cr.cr_cg, bits, 1);
	ffs_book(fm, &cr, 0, ofrags - nfrags, 0, 0);
	ffs_cg_put(fm, &cr, true);
	ip->i_blocks += FFS_BTODB(nsize - osize);
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	ffs_touch(ip);
	return 0;
}

/* Put n fragments back into the block they are part of. */
static void
ffs_free_frags(struct ffs_mount *fm, struct ffs_cgref *cr, uint32_t base,
    int n)
{
	const struct fs *fs = fm->fm_fs;
	const int frag = fs->fs_frag;
	const uint32_t blk = base >> fs->fs_fragshift;
	unsigned bits = ffs_blkbits(cr->cr_free, frag, blk);
	int dffree = n;

	ffs_frsum_add(fm, cr->cr_cg, bits, -1);
	for (int i = 0; i < n; i++)
		ffs_setbit(cr->cr_free, base + (uint32_t)i);
	bits = ffs_blkbits(cr->cr_free, frag, blk);
	ffs_frsum_add(fm, cr->cr_cg, bits, 1);
	if (bits == (1U << frag) - 1) {
		dffree -= frag;
		ffs_clusteracct(fm, cr, blk, 1);
		ffs_book(fm, cr, 1, dffree, 0, 0);
	} else
		ffs_book(fm, cr, 0, dffree, 0, 0);
}

/* Free n fragments inside one block; false if some of them are free. */
static bool
ffs_free_piece(struct ffs_mount *fm, struct ffs_cgref *cr, uint32_t base,
    int n)
{
	const struct fs *fs = fm->fm_fs;

	for (int i = 0; i < n; i++)
		if (ffs_isset(cr->cr_free, base + (uint32_t)i))
			return false;
	if (n == fs->fs_frag) {
		const uint32_t blk = base >> fs->fs_fragshift;

		ffs_blkset(cr->cr_free, fs->fs_frag, blk, true);
		ffs_clusteracct(fm, cr, blk, 1);
		ffs_book(fm, cr, 1, 0, 0, 0);
	} else
		ffs_free_frags(fm, cr, base, n);
	return true;
}

/* Mark nfrags fragments from bno on free; all lie in one group. */
void
ffs_blkfree_run(struct ffs_mount *fm, int64_t bno, int64_t nfrags)
{
	const struct fs *fs = fm->fm_fs;
	struct ffs_cgref cr;
	bool changed = false;

	if (ffs_cg_get(fm, FFS_DTOG(fs, bno), &cr) != 0)
		return;
	while (nfrags > 0) {
		const int n = (int)MIN(nfrags,
		    fs->fs_frag - FFS_FRAGNUM(fs, bno));

		if (ffs_free_piece(fm, &cr, (uint32_t)FFS_DTOGD(fs, bno), n))
			changed = true;
		else
			ffs_complain(fm, "block %lld is free already",
			    (long long)bno);
		bno += n;
		nfrags -= n;
	}
	ffs_cg_put(fm, &cr, changed);
}

/* Can these fragments belong to a file?  Else the image is damaged. */
static bool
ffs_freeable(struct ffs_mount *fm, int64_t bno, int64_t size, uint64_t ino)
{
	const struct fs *fs = fm->fm_fs;

	KASSERT(size > 0 && size <= fs->fs_bsize);
	if (!ffs_badblock(fm, bno, size) && FFS_FRAGNUM(fs, bno) +
	    FFS_NUMFRAGS(fs, size) <= fs->fs_frag)
		return true;
	ffs_complain(fm, "inode %llu: freeing bad block %lld",
	    (unsigned long long)ino, (long long)bno);
	return false;
}

/*
 * Free size bytes at bno.  What is out of range or free already belongs to a
 * damaged image: it is reported and left alone.  With a journal this happens
 * when the transaction commits.
 */
void
ffs_blkfree(struct ffs_mount *fm, int64_t bno, int64_t size, uint64_t ino)
{
	const int n = (int)FFS_NUMFRAGS(fm->fm_fs, size);

	if (!ffs_freeable(fm, bno, size, ino))
		return;
	if (fm->fm_log != NULL)
		ffs_log_dealloc(fm->fm_log, bno, n, true);
	else
		ffs_blkfree_run(fm, bno, n);
}

/* The same for blocks of an inode that are in the journal only if metadata. */
void
ffs_blkfree_data(struct ffs_inode *ip, int64_t bno, int64_t size)
{
	struct ffs_mount *fm = ip->i_fm;

	if (fm->fm_log == NULL || !S_ISREG(ip->i_mode))
		ffs_blkfree(fm, bno, size, ip->i_number);
	else if (ffs_freeable(fm, bno, size, ip->i_number))
		ffs_log_dealloc(fm->fm_log, bno,
		    (int)FFS_NUMFRAGS(fm->fm_fs, size), false);
}

/* Give back what the running operation has allocated and nobody has seen. */
void
ffs_blkunalloc(struct ffs_mount *fm, int64_t bno, int64_t size, uint64_t ino)
{
	if (ffs_freeable(fm, bno, size, ino))
		ffs_blkfree_run(fm, bno, FFS_NUMFRAGS(fm->fm_fs, size));
}

/*
 * The first of n contiguous free blocks in group cgx, as a block number; 0 if
 * it has none.
 */
int64_t
ffs_find_free(struct ffs_mount *fm, uint32_t cgx, uint32_t n)
{
	const struct fs *fs = fm->fm_fs;
	struct ffs_cgref cr;
	uint32_t run = 0, nblks;
	int64_t bno = 0;

	if (fm->fm_csum[cgx].cs_nbfree < (int32_t)n ||
	    ffs_cg_get(fm, cgx, &cr) != 0)
		return 0;
	nblks = FFS_FRAGSTOBLKS(fs, cr.cr_nfrags);
	for (uint32_t blk = 0; blk < nblks && bno == 0; blk++) {
		run = ffs_blkbits(cr.cr_free, fs->fs_frag, blk) ==
		    (1U << fs->fs_frag) - 1 ? run + 1 : 0;
		if (run == n)
			bno = FFS_CGBASE(fs, cgx) +
			    FFS_BLKSTOFRAGS(fs, (int64_t)(blk + 1 - n));
	}
	ffs_cg_put(fm, &cr, false);
	if (bno != 0 && ffs_reserved_range(fs, bno,
	    FFS_BLKSTOFRAGS(fs, (int64_t)n)))
		bno = 0;
	return bno;
}

/* Allocate n contiguous blocks that ffs_find_free() has found. */
int
ffs_take_run(struct ffs_mount *fm, int64_t bno, uint32_t n)
{
	const struct fs *fs = fm->fm_fs;
	const uint32_t first = (uint32_t)FFS_FRAGSTOBLKS(fs,
	    FFS_DTOGD(fs, bno));
	struct ffs_cgref cr;
	int error;

	error = ffs_cg_get(fm, FFS_DTOG(fs, bno), &cr);
	if (error != 0)
		return error;
	for (uint32_t i = 0; i < n; i++) {
		ffs_take_block(fm, &cr, first + i);
		ffs_book(fm, &cr, -1, 0, 0, 0);
	}
	ffs_cg_put(fm, &cr, true);
	return 0;
}

/* The next group from start with at least the average of free blocks. */
static uint32_t
ffs_roomy_cg(const struct ffs_mount *fm, uint32_t start)
{
	const struct fs *fs = fm->fm_fs;
	const int64_t avg = fs->fs_cstotal.cs_nbfree / fs->fs_ncg;

	for (uint32_t i = 0; i < fs->fs_ncg; i++) {
		const uint32_t c = (start + i) % fs->fs_ncg;

		if (fm->fm_cgstate[c] != FFS_CG_BAD &&
		    fm->fm_csum[c].cs_nbfree >= avg)
			return c;
	}
	return start % fs->fs_ncg;
}

/*
 * Where logical block lbn should go.  idx is its place in the array of
 * pointers ptrs: i_db or i_ib (ondisk false), or an indirect block's data.
 * 0 leaves the choice to the group of the inode.
 */
int64_t
ffs_blkpref(struct ffs_inode *ip, int64_t lbn, int idx, const void *ptrs,
    bool ondisk)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	int64_t prev = 0;
	uint32_t c;

	if (ptrs != NULL && idx > 0)
		prev = ondisk ? ffs_indir_ptr(fm, ptrs, idx - 1) :
		    ((const int64_t *)ptrs)[idx - 1];
	if (prev > 0 && prev < fs->fs_size - fs->fs_frag &&
	    (idx == 0 || idx % fs->fs_maxbpg != 0))
		return prev + fs->fs_frag;
	if (lbn < UFS_NDADDR + fs->fs_nindir || lbn < 0)
		return 0;
	c = prev > 0 && prev < fs->fs_size ? FFS_DTOG(fs, prev) + 1 :
	    FFS_INO_TO_CG(fs, ip->i_number) +
	    (uint32_t)(lbn / fs->fs_maxbpg);
	c = ffs_roomy_cg(fm, c % fs->fs_ncg);
	return FFS_CGBASE(fs, c) + fs->fs_frag;
}

/*
 * Write zeroed inodes (with random generations) where FFSv2 has not written
 * any yet, before the first of them is used.
 */
static int
ffs_init_inodes(struct ffs_mount *fm, struct ffs_cgref *cr, uint32_t idx)
{
	const struct fs *fs = fm->fm_fs;
	uint32_t inited = FFS_G32(fm, cr->cr_cg->cg_initediblk);

	if (!ffs_isufs2(fs))
		return 0;
	if (inited % fs->fs_inopb != 0 || inited > fs->fs_ipg)
		return EIO;
	while (idx >= inited) {
		const uint64_t ino = (uint64_t)cr->cr_cgx * fs->fs_ipg +
		    inited;
		struct buf *bp = getblk(fm->fm_devvp, FFS_FSBTODB(fs,
		    ffs_ino_to_fsba(fs, ino)), fs->fs_bsize, 0, 0);
		struct ufs2_dinode *dp;

		if (bp == NULL)
			return EIO;
		clrbuf(bp);
		dp = bp->b_data;
		for (uint32_t i = 0; i < fs->fs_inopb; i++)
			FFS_S32(fm, dp[i].di_gen, cprng_fast32() >> 1 | 1);
		if (ffs_syncmeta(fm))
			bwrite(bp);
		else
			bdwrite(bp);
		inited += fs->fs_inopb;
		FFS_S32(fm, cr->cr_cg->cg_initediblk, inited);
	}
	return 0;
}

/* Allocate an inode in group cgx, near pref; its number or 0. */
static int64_t
ffs_nodealloccg(struct ffs_inode *dp, uint32_t cgx, int64_t pref, int mode)
{
	struct ffs_mount *fm = dp->i_fm;
	const struct fs *fs = fm->fm_fs;
	struct ffs_cgref cr;
	uint32_t start;
	int32_t idx;

	if (fm->fm_csum[cgx].cs_nifree <= 0 || ffs_cg_get(fm, cgx, &cr) != 0)
		return 0;
	if (pref != 0 && FFS_INO_TO_CG(fs, pref) == cgx)
		start = (uint32_t)((uint64_t)pref % fs->fs_ipg);
	else
		start = FFS_G32(fm, cr.cr_cg->cg_irotor);
	idx = ffs_find_clear(cr.cr_inosused, fs->fs_ipg, start);
	if (idx < 0 || (cgx == 0 && idx < UFS_ROOTINO) ||
	    ffs_init_inodes(fm, &cr, (uint32_t)idx) != 0) {
		ffs_cg_put(fm, &cr, false);
		ffs_cg_damaged(fm, cgx, "counts of free inodes");
		return 0;
	}
	ffs_setbit(cr.cr_inosused, (uint32_t)idx);
	FFS_S32(fm, cr.cr_cg->cg_irotor, idx);
	ffs_book(fm, &cr, 0, 0, -1, (mode & S_IFMT) == S_IFDIR);
	ffs_cg_put(fm, &cr, true);
	return (int64_t)cgx * fs->fs_ipg + idx;
}

/* Is this group good for another directory? */
static bool
ffs_dircg_ok(const struct ffs_mount *fm, uint32_t c, bool strict)
{
	const struct fs *fs = fm->fm_fs;
	const struct csum *cs = &fm->fm_csum[c];
	const int64_t avgi = fs->fs_cstotal.cs_nifree / fs->fs_ncg;
	const int64_t avgb = fs->fs_cstotal.cs_nbfree / fs->fs_ncg;
	const int64_t avgd = fs->fs_cstotal.cs_ndir / fs->fs_ncg;
	const int64_t dirbytes = (int64_t)fs->fs_avgfilesize *
	    fs->fs_avgfpdir;
	int64_t maxdirs;

	if (fm->fm_cgstate[c] == FFS_CG_BAD || cs->cs_nifree <= 0)
		return false;
	if (!strict)
		return cs->cs_nifree >= avgi;
	/* As many in a row as have room for their files in this group. */
	maxdirs = ((int64_t)cs->cs_nbfree << fs->fs_bshift) /
	    (dirbytes > 0 ? dirbytes : 1);
	if (maxdirs > 255)
		maxdirs = 255;
	return cs->cs_ndir < avgd + fs->fs_ipg / 16 + 1 &&
	    cs->cs_nifree >= avgi - avgi / 4 &&
	    cs->cs_nbfree >= avgb - avgb / 4 &&
	    fm->fm_contigdirs[c] < (maxdirs > 0 ? maxdirs : 1);
}

/*
 * A group for a new directory.  Those in the root are spread at random over
 * groups with few directories; others stay near their parent as long as
 * there is room for the files that they will get.
 */
static uint32_t
ffs_dirpref(struct ffs_inode *dp)
{
	struct ffs_mount *fm = dp->i_fm;
	const struct fs *fs = fm->fm_fs;
	const int64_t avgd = fs->fs_cstotal.cs_ndir / fs->fs_ncg;
	uint32_t start = FFS_INO_TO_CG(fs, dp->i_number);

	if (dp->i_number == UFS_ROOTINO) {
		start = cprng_fast32() % fs->fs_ncg;
		for (uint32_t i = 0; i < fs->fs_ncg; i++) {
			const uint32_t c = (start + i) % fs->fs_ncg;

			if (fm->fm_csum[c].cs_ndir <= avgd &&
			    ffs_dircg_ok(fm, c, true))
				return c;
		}
	}
	for (int strict = 1; strict >= 0; strict--) {
		for (uint32_t i = 0; i < fs->fs_ncg; i++) {
			const uint32_t c = (start + i) % fs->fs_ncg;

			if (ffs_dircg_ok(fm, c, strict))
				return c;
		}
	}
	return start;
}

/* Allocate an inode for a file in directory dp. */
int
ffs_valloc(struct ffs_inode *dp, mode_t mode, uint64_t *inop)
{
	struct ffs_mount *fm = dp->i_fm;
	const struct fs *fs = fm->fm_fs;
	const bool isdir = (mode & S_IFMT) == S_IFDIR;
	int64_t pref, ino;
	uint32_t cgx;

	if (fs->fs_cstotal.cs_nifree <= 0)
		return ffs_full(fm, "out of inodes");
	if (isdir) {
		cgx = ffs_dirpref(dp);
		pref = 0;
	} else {
		cgx = FFS_INO_TO_CG(fs, dp->i_number);
		pref = 0;
	}
	if (isdir ? fm->fm_contigdirs[cgx] < 255 : false)
		fm->fm_contigdirs[cgx]++;
	else if (!isdir && fm->fm_contigdirs[cgx] > 0)
		fm->fm_contigdirs[cgx]--;
	ino = ffs_hashalloc(dp, cgx, pref, (int)mode, ffs_nodealloccg);
	if (ino == 0)
		return ffs_full(fm, "out of inodes");
	*inop = (uint64_t)ino;
	return 0;
}

/* Mark an inode free in its group. */
void
ffs_vfree(struct ffs_mount *fm, uint64_t ino, mode_t mode)
{
	const struct fs *fs = fm->fm_fs;
	const uint32_t idx = (uint32_t)(ino % fs->fs_ipg);
	struct ffs_cgref cr;

	KASSERT(ino >= UFS_ROOTINO && ino < (uint64_t)fs->fs_ncg * fs->fs_ipg);
	if (ffs_cg_get(fm, FFS_INO_TO_CG(fs, ino), &cr) != 0)
		return;
	if (!ffs_isset(cr.cr_inosused, idx)) {
		ffs_complain(fm, "inode %llu is free already",
		    (unsigned long long)ino);
		ffs_cg_put(fm, &cr, false);
		return;
	}
	ffs_clrbit(cr.cr_inosused, idx);
	if (idx < FFS_G32(fm, cr.cr_cg->cg_irotor))
		FFS_S32(fm, cr.cr_cg->cg_irotor, idx);
	ffs_book(fm, &cr, 0, 0, 1, -((mode & S_IFMT) == S_IFDIR));
	ffs_cg_put(fm, &cr, true);
}
