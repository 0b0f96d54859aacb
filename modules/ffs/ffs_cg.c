/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cylinder groups: reading and checking one, and arithmetic on its maps.
 * A group whose head does not fit its superblock is never allocated from.
 */

#include "ffs.h"

#include <sys/syslog.h>
#include <lib/libkern/libkern.h>

/*
 * For maps of 1, 2, 4 and 8 fragments a block, what one byte of the map
 * offers: bit n of ffs_runs is set if some block in it has a free run of
 * exactly n fragments, bit 0 if a block is entirely free.
 */
static uint8_t ffs_runs[4][256];

static int
ffs_fragidx(int frag)
{
	return frag == 8 ? 3 : frag == 4 ? 2 : frag == 2 ? 1 : 0;
}

/* One entry of ffs_runs for one block. */
static unsigned
ffs_runset(unsigned bits, int frag)
{
	unsigned set = 0;

	if (bits == (1U << frag) - 1)
		return 1;
	for (int i = 0; i < frag; ) {
		int n = 0;

		while (i + n < frag && (bits & (1U << (i + n))) != 0)
			n++;
		if (n > 0)
			set |= 1U << n;
		i += n + 1;
	}
	return set;
}

void
ffs_maps_init(void)
{
	for (int idx = 0; idx < 4; idx++) {
		const int frag = 1 << idx;

		for (unsigned byte = 0; byte < 256; byte++) {
			unsigned set = 0;

			for (int i = 0; i < 8; i += frag)
				set |= ffs_runset((byte >> i) &
				    ((1U << frag) - 1), frag);
			ffs_runs[idx][byte] = (uint8_t)set;
		}
	}
}

/* The free bits of one block. */
unsigned
ffs_blkbits(const uint8_t *map, int frag, uint32_t blk)
{
	const uint32_t bit = blk * (uint32_t)frag;

	return (map[bit >> 3] >> (bit & 7)) & ((1U << frag) - 1);
}

/* Mark a whole block free or used. */
void
ffs_blkset(uint8_t *map, int frag, uint32_t blk, bool isfree)
{
	const uint32_t bit = blk * (uint32_t)frag;
	const uint8_t mask = (uint8_t)(((1U << frag) - 1) << (bit & 7));

	if (isfree)
		map[bit >> 3] |= mask;
	else
		map[bit >> 3] &= (uint8_t)~mask;
}

/* Count the runs of a block into (d = 1) or out of (d = -1) cg_frsum. */
void
ffs_frsum_add(struct ffs_mount *fm, struct cg *cgp, unsigned bits, int d)
{
	const int frag = fm->fm_fs->fs_frag;

	if (bits == (1U << frag) - 1)
		return;
	for (int i = 0; i < frag; ) {
		int n = 0;

		while (i + n < frag && (bits & (1U << (i + n))) != 0)
			n++;
		if (n > 0)
			FFS_ADD32(fm, cgp->cg_frsum[n], d);
		i += n + 1;
	}
}

/*
 * The first entirely free block at or after start, wrapping around once;
 * -1 if there is none.
 */
int32_t
ffs_find_block(const uint8_t *map, int frag, uint32_t nblks, uint32_t start)
{
	const uint8_t *tab = ffs_runs[ffs_fragidx(frag)];
	const uint32_t perbyte = 8 / (uint32_t)frag;
	const unsigned full = (1U << frag) - 1;

	if (start >= nblks)
		start = 0;
	for (int pass = 0; pass < 2; pass++) {
		const uint32_t end = pass == 0 ? nblks : start;
		uint32_t blk = pass == 0 ? start : 0;

		while (blk < end) {
			const uint32_t byte = blk / perbyte;

			if (blk % perbyte == 0 && (tab[map[byte]] & 1) == 0) {
				blk += perbyte;
				continue;
			}
			if (ffs_blkbits(map, frag, blk) == full)
				return (int32_t)blk;
			blk++;
		}
	}
	return -1;
}

/*
 * The first fragment of a free run of exactly n fragments inside one block,
 * searched from start, wrapping around once; -1 if there is none.
 */
int32_t
ffs_find_run(const uint8_t *map, int frag, uint32_t nfrags, uint32_t start,
    int n)
{
	const uint8_t *tab = ffs_runs[ffs_fragidx(frag)];
	const uint32_t nbytes = (nfrags + 7) / 8;
	uint32_t byte;

	KASSERT(n > 0 && n < frag);
	if (start >= nfrags)
		start = 0;
	byte = start / 8;
	for (uint32_t i = 0; i <= nbytes; i++, byte++) {
		if (byte >= nbytes)
			byte = 0;
		if ((tab[map[byte]] & (1U << n)) == 0)
			continue;
		for (uint32_t f = byte * 8; f < byte * 8 + 8; ) {
			const uint32_t base = f & ~(uint32_t)(frag - 1);
			const unsigned bits = ffs_blkbits(map, frag,
			    base / (uint32_t)frag);
			uint32_t len = 0;

			while (f + len < base + (uint32_t)frag &&
			    (bits & (1U << (f + len - base))) != 0)
				len++;
			if (len == (uint32_t)n && f + len <= nfrags &&
			    bits != (1U << frag) - 1)
				return (int32_t)f;
			f += len + 1;
			if (f > base + (uint32_t)frag)
				f = base + (uint32_t)frag;
		}
	}
	return -1;
}

/* The first clear bit at or after start, wrapping around once; -1: none. */
int32_t
ffs_find_clear(const uint8_t *map, uint32_t nbits, uint32_t start)
{
	if (start >= nbits)
		start = 0;
	for (int pass = 0; pass < 2; pass++) {
		const uint32_t end = pass == 0 ? nbits : start;
		uint32_t bit = pass == 0 ? start : 0;

		while (bit < end) {
			if ((bit & 7) == 0 && map[bit >> 3] == 0xff)
				bit += 8;
			else if (!ffs_isset(map, bit))
				return (int32_t)bit;
			else
				bit++;
		}
	}
	return -1;
}

/*
 * A whole block became free (d = 1) or used (d = -1): keep the map of free
 * blocks and the counts of free runs, which longer than fs_contigsumsize all
 * count as that.
 */
void
ffs_clusteracct(struct ffs_mount *fm, struct ffs_cgref *cr, uint32_t blk,
    int d)
{
	const uint32_t limit = (uint32_t)fm->fm_fs->fs_contigsumsize;
	const uint32_t nblks = FFS_FRAGSTOBLKS(fm->fm_fs, cr->cr_nfrags);
	uint32_t back = 0, fwd = 0, all;

	if (cr->cr_clustersum == NULL || blk >= nblks)
		return;
	if (d > 0)
		ffs_setbit(cr->cr_clusterfree, blk);
	else
		ffs_clrbit(cr->cr_clusterfree, blk);
	while (fwd < limit && blk + fwd + 1 < nblks &&
	    ffs_isset(cr->cr_clusterfree, blk + fwd + 1))
		fwd++;
	while (back < limit && back < blk &&
	    ffs_isset(cr->cr_clusterfree, blk - back - 1))
		back++;
	all = back + fwd + 1;
	if (all > limit)
		all = limit;
	FFS_ADD32(fm, cr->cr_clustersum[all], d);
	if (back > 0)
		FFS_ADD32(fm, cr->cr_clustersum[back], -d);
	if (fwd > 0)
		FFS_ADD32(fm, cr->cr_clustersum[fwd], -d);
}

/* Remember that a group is not to be trusted; say so once. */
void
ffs_cg_damaged(struct ffs_mount *fm, uint32_t cgx, const char *what)
{
	if (fm->fm_cgstate[cgx] == FFS_CG_BAD)
		return;
	fm->fm_cgstate[cgx] = FFS_CG_BAD;
	log(LOG_ERR, "%s: cylinder group %u is damaged (%s): not allocating "
	    "from it; run fsck\n", fm->fm_mp->mnt_stat.f_mntonname, cgx, what);
}

static bool
ffs_cg_fits(uint64_t off, uint64_t len, uint64_t size)
{
	return off >= sizeof(struct cg) && off <= size && len <= size - off;
}

/* Check the head and find the maps; NULL or what is wrong. */
static const char *
ffs_cg_check(struct ffs_mount *fm, struct ffs_cgref *cr)
{
	const struct fs *fs = fm->fm_fs;
	struct cg *cgp = cr->cr_cg;
	const uint64_t size = (uint64_t)fs->fs_cgsize;
	const uint32_t iused = FFS_G32(fm, cgp->cg_iusedoff);
	const uint32_t freeoff = FFS_G32(fm, cgp->cg_freeoff);
	const uint32_t sumoff = FFS_G32(fm, cgp->cg_clustersumoff);
	const uint32_t cloff = FFS_G32(fm, cgp->cg_clusteroff);
	const uint64_t ibytes = howmany(fs->fs_ipg, 8);
	const uint64_t fbytes = howmany((uint64_t)fs->fs_fpg, 8);
	const uint32_t nclust = FFS_FRAGSTOBLKS(fs, cr->cr_nfrags);

	if (FFS_G32(fm, cgp->cg_magic) != FFS_CG_MAGIC)
		return "magic";
	if (FFS_G32(fm, cgp->cg_cgx) != cr->cr_cgx)
		return "index";
	if (FFS_G32(fm, cgp->cg_ndblk) != cr->cr_nfrags)
		return "size";
	if (!ffs_cg_fits(iused, ibytes, size) ||
	    !ffs_cg_fits(freeoff, fbytes, size) ||
	    (iused < freeoff ? iused + ibytes > freeoff :
	    freeoff + fbytes > iused))
		return "maps";
	cr->cr_inosused = (uint8_t *)cgp + iused;
	cr->cr_free = (uint8_t *)cgp + freeoff;
	cr->cr_clustersum = NULL;
	cr->cr_clusterfree = NULL;
	if (fs->fs_contigsumsize == 0)
		return NULL;
	/* The sums start with 1: what would be number 0 may be map. */
	if (sumoff % 4 != 0 || sumoff + 4 < freeoff + fbytes ||
	    !ffs_cg_fits(sumoff, 4 * (uint64_t)(fs->fs_contigsumsize + 1),
	    size) || cloff < freeoff + fbytes ||
	    !ffs_cg_fits(cloff, howmany(nclust, 8), size) ||
	    (iused > freeoff && iused + ibytes > MIN(sumoff + 4, cloff)))
		return "cluster maps";
	cr->cr_clustersum = (uint32_t *)((uint8_t *)cgp + sumoff);
	cr->cr_clusterfree = (uint8_t *)cgp + cloff;
	return NULL;
}

/* The bits that are set in a byte. */
static uint32_t
ffs_bitcount(unsigned bits)
{
	bits -= (bits >> 1) & 0x55;
	bits = (bits & 0x33) + ((bits >> 2) & 0x33);
	return (bits + (bits >> 4)) & 0x0f;
}

/*
 * Do the maps hold as much as the head says?  Asked once for a group: a map
 * that marks a live block as free must not lead to it being given away.
 */
static const char *
ffs_cg_recount(struct ffs_mount *fm, struct ffs_cgref *cr)
{
	const struct fs *fs = fm->fm_fs;
	const struct csum *cs = &cr->cr_cg->cg_cs;
	const unsigned whole = (1U << fs->fs_frag) - 1;
	uint32_t blocks = 0, frags = 0, inodes = fs->fs_ipg;

	for (uint32_t b = 0; b < FFS_FRAGSTOBLKS(fs, cr->cr_nfrags); b++) {
		const unsigned bits = ffs_blkbits(cr->cr_free, fs->fs_frag, b);

		if (bits == whole)
			blocks++;
		else
			frags += ffs_bitcount(bits);
	}
	for (uint32_t f = (uint32_t)FFS_BLKNUM(fs, cr->cr_nfrags);
	    f < cr->cr_nfrags; f++)
		frags += ffs_isset(cr->cr_free, f);
	for (uint32_t i = 0; i < howmany(fs->fs_ipg, 8); i++)
		inodes -= ffs_bitcount(cr->cr_inosused[i]);
	if (FFS_G32(fm, cs->cs_nbfree) != blocks ||
	    FFS_G32(fm, cs->cs_nffree) != frags)
		return "free blocks are not as many as its map says";
	if (FFS_G32(fm, cs->cs_nifree) != inodes)
		return "free inodes are not as many as its map says";
	return NULL;
}

static uint32_t
ffs_cg_hash(const struct fs *fs, struct cg *cgp)
{
	const uint32_t saved = cgp->cg_ckhash;
	uint32_t crc;

	cgp->cg_ckhash = 0;
	crc = ffs_crc32c(~0U, cgp, (size_t)fs->fs_cgsize);
	cgp->cg_ckhash = saved;
	return crc;
}

/*
 * Read group cgx and hold it until ffs_cg_put().  EIO when it can't be read
 * or is damaged.
 */
int
ffs_cg_get(struct ffs_mount *fm, uint32_t cgx, struct ffs_cgref *cr)
{
	const struct fs *fs = fm->fm_fs;
	const char *what;
	int error;

	KASSERT(cgx < fs->fs_ncg);
	if (fm->fm_cgstate[cgx] == FFS_CG_BAD)
		return EIO;
	error = ffs_devread(fm, FFS_FSBTODB(fs, ffs_cgtod(fs, cgx)),
	    (int)FFS_FRAGROUNDUP(fs, (int64_t)fs->fs_cgsize), B_MODIFY,
	    &cr->cr_bp);
	if (error != 0)
		return error;
	cr->cr_cg = cr->cr_bp->b_data;
	cr->cr_cgx = cgx;
	cr->cr_nfrags = ffs_cgfrags(fs, cgx);
	what = ffs_cg_check(fm, cr);
	if (what == NULL && (fs->fs_metackhash & FFS_CK_CYLGRP) != 0 &&
	    fm->fm_cgstate[cgx] != FFS_CG_GOOD &&
	    FFS_G32(fm, cr->cr_cg->cg_ckhash) != ffs_cg_hash(fs, cr->cr_cg))
		what = "check hash";
	if (what == NULL && fm->fm_cgstate[cgx] != FFS_CG_GOOD)
		what = ffs_cg_recount(fm, cr);
	if (what != NULL) {
		ffs_cg_damaged(fm, cgx, what);
		brelse(cr->cr_bp, 0);
		return EIO;
	}
	fm->fm_cgstate[cgx] = FFS_CG_GOOD;
	return 0;
}

/* Let go of a group, after a change or not. */
void
ffs_cg_put(struct ffs_mount *fm, struct ffs_cgref *cr, bool changed)
{
	const struct fs *fs = fm->fm_fs;
	struct cg *cgp = cr->cr_cg;

	if (!changed) {
		brelse(cr->cr_bp, 0);
		return;
	}
	FFS_S32(fm, cgp->cg_old_time, time_second);
	if (ffs_isufs2(fs))
		cgp->cg_time = (int64_t)ffs_rw64((uint64_t)time_second,
		    fm->fm_swap);
	if ((fs->fs_metackhash & FFS_CK_CYLGRP) != 0)
		FFS_S32(fm, cgp->cg_ckhash, ffs_cg_hash(fs, cgp));
	if (fm->fm_log != NULL)
		ffs_log_group(fm->fm_log, cr->cr_cgx);
	bdwrite(cr->cr_bp);
}
