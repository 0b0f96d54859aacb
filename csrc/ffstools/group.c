/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A cylinder group, made from what is used in it: newfs writes it so, and fsck
 * compares it with what is on the disk.
 */

#include <string.h>

#include "ffstools.h"

/* Where newfs puts the maps of a group. */
void
fft_cg_places(const struct fs *fs, struct fft_cgplaces *p)
{
	const uint32_t fbytes = ((uint32_t)fs->fs_fpg + 7) / 8;
	const uint32_t cbytes =
	    (FFS_FRAGSTOBLKS(fs, (uint32_t)fs->fs_fpg) + 7) / 8;

	memset(p, 0, sizeof(*p));
	p->iusedoff = sizeof(struct cg);
	if (!ffs_isufs2(fs)) {
		/* What once were positions on a rotating disk. */
		p->btotoff = sizeof(struct cg);
		p->boff = p->btotoff + 4;
		p->iusedoff = p->boff + 2;
	}
	p->freeoff = p->iusedoff + (fs->fs_ipg + 7) / 8;
	p->nextfreeoff = p->freeoff + fbytes;
	if (fs->fs_contigsumsize > 0) {
		/* The array starts with its member number 1. */
		p->clustersumoff = (p->nextfreeoff - 4 + 3) & ~3U;
		p->clusteroff = p->clustersumoff +
		    4 * ((uint32_t)fs->fs_contigsumsize + 1);
		p->nextfreeoff = p->clusteroff + cbytes;
	}
}

void
fft_cg_swap(struct cg *c)
{
	uint32_t *w = (uint32_t *)(void *)c;
	uint16_t *h = (uint16_t *)(void *)c;
	const unsigned halves = offsetof(struct cg, cg_old_ncyl) / 4;
	const unsigned end = offsetof(struct cg, cg_time) / 4;

	for (unsigned i = 0; i < end; i++) {
		if (i == halves) {
			h[2 * i] = __builtin_bswap16(h[2 * i]);
			h[2 * i + 1] = __builtin_bswap16(h[2 * i + 1]);
		} else
			w[i] = __builtin_bswap32(w[i]);
	}
	c->cg_time = (int64_t)__builtin_bswap64((uint64_t)c->cg_time);
}

/* Give each group's maps to its check hash, if there is one. */
void
fft_cg_sethash(const struct fs *fs, bool swap, void *out)
{
	struct cg *c = out;

	if ((fs->fs_metackhash & FFS_CK_CYLGRP) == 0)
		return;
	c->cg_ckhash = 0;
	c->cg_ckhash = ffs_rw32(ffs_crc32c(~0U, out, (size_t)fs->fs_cgsize),
	    swap);
}

/* Count the runs of free fragments in a block. */
static void
fft_count_runs(const struct fs *fs, unsigned bits, struct cg *c)
{
	for (int i = 0; i < fs->fs_frag; ) {
		int n = 0;

		while (i + n < fs->fs_frag && (bits >> (i + n) & 1) != 0)
			n++;
		if (n > 0) {
			c->cg_frsum[n]++;
			c->cg_cs.cs_nffree += n;
		}
		i += n + 1;
	}
}

/* The map of free fragments and all that is counted in it. */
static void
fft_cg_frags(const struct fs *fs, bool swap, const struct fft_group *g,
    const struct fft_cgplaces *p, struct cg *c, uint8_t *out)
{
	const unsigned full = (1U << fs->fs_frag) - 1;
	const uint32_t whole = FFS_FRAGSTOBLKS(fs, c->cg_ndblk);
	const uint32_t limit = (uint32_t)fs->fs_contigsumsize;
	uint32_t sums[FFS_MAXCONTIG + 1] = { 0 }, run = 0;
	uint8_t *map = out + p->freeoff, *clusters = out + p->clusteroff;

	for (uint32_t b = 0; b * (uint32_t)fs->fs_frag < c->cg_ndblk; b++) {
		unsigned bits = ~fft_blkbits(g->used, fs->fs_frag, b) & full;
		const uint32_t first = b * (uint32_t)fs->fs_frag;

		if (c->cg_ndblk - first < (uint32_t)fs->fs_frag)
			bits &= (1U << (c->cg_ndblk - first)) - 1;
		map[first >> 3] |= (uint8_t)(bits << (first & 7));
		if (bits == full && b < whole) {
			c->cg_cs.cs_nbfree++;
			run++;
			if (limit > 0)
				fft_setbit(clusters, b);
			continue;
		}
		fft_count_runs(fs, bits, c);
		if (run > 0)
			sums[run < limit ? run : limit]++;
		run = 0;
	}
	if (limit == 0)
		return;
	if (run > 0)
		sums[run < limit ? run : limit]++;
	for (uint32_t i = 1; i <= limit; i++) {
		const uint32_t v = ffs_rw32(sums[i], swap);

		memcpy(out + p->clustersumoff + 4 * i, &v, 4);
	}
}

/*
 * The group as it has to be on disk (fs_cgsize bytes), and its summary.
 */
void
fft_cg_build(const struct fs *fs, bool swap, const struct fft_cgplaces *p,
    const struct fft_group *g, void *out, struct csum *cs)
{
	struct cg *c = out;
	uint32_t used = 0;

	if (g->base != NULL) {
		memcpy(out, g->base, (size_t)fs->fs_cgsize);
		memset((uint8_t *)out + p->freeoff, 0,
		    ((size_t)fs->fs_fpg + 7) / 8);
		if (fs->fs_contigsumsize > 0)
			memset((uint8_t *)out + p->clusteroff, 0,
			    (FFS_FRAGSTOBLKS(fs, (size_t)fs->fs_fpg) + 7) / 8);
	} else
		memset(out, 0, (size_t)fs->fs_cgsize);
	if (g->old != NULL)
		*c = *g->old;
	c->cg_magic = FFS_CG_MAGIC;
	c->cg_cgx = g->cgx;
	c->cg_ndblk = ffs_cgfrags(fs, g->cgx);
	memset(&c->cg_cs, 0, sizeof(c->cg_cs));
	memset(c->cg_frsum, 0, sizeof(c->cg_frsum));
	if (ffs_isufs2(fs)) {
		c->cg_niblk = fs->fs_ipg;
		c->cg_initediblk = g->inited;
	} else if (g->old == NULL) {
		c->cg_old_btotoff = (int32_t)p->btotoff;
		c->cg_old_boff = (int32_t)p->boff;
		c->cg_old_ncyl = 1;
		c->cg_old_niblk = (int16_t)fs->fs_ipg;
	}
	c->cg_iusedoff = p->iusedoff;
	c->cg_freeoff = p->freeoff;
	c->cg_nextfreeoff = p->nextfreeoff;
	if (fs->fs_contigsumsize > 0) {
		c->cg_clustersumoff = p->clustersumoff;
		c->cg_clusteroff = p->clusteroff;
		c->cg_nclusterblks = FFS_FRAGSTOBLKS(fs, c->cg_ndblk);
	}
	if (c->cg_rotor >= c->cg_ndblk)
		c->cg_rotor = 0;
	if (c->cg_frotor >= c->cg_ndblk)
		c->cg_frotor = 0;
	if (c->cg_irotor >= fs->fs_ipg)
		c->cg_irotor = 0;
	if (g->old == NULL) {
		c->cg_old_time = (int32_t)g->time;
		c->cg_time = g->time;
	}
	memcpy((uint8_t *)out + p->iusedoff, g->inoused,
	    (fs->fs_ipg + 7) / 8);
	for (uint32_t i = 0; i < fs->fs_ipg; i++)
		used += fft_isset(g->inoused, i);
	c->cg_cs.cs_ndir = (int32_t)g->ndir;
	c->cg_cs.cs_nifree = (int32_t)(fs->fs_ipg - used);
	fft_cg_frags(fs, swap, g, p, c, out);
	*cs = c->cg_cs;
	if (swap)
		fft_cg_swap(c);
	fft_cg_sethash(fs, swap, out);
}

/* Mark in a map of all fragments what belongs to the file system itself. */
void
fft_reserve(const struct fs *fs, uint8_t *used)
{
	const int64_t cslen = FFS_NUMFRAGS(fs,
	    FFS_FRAGROUNDUP(fs, (int64_t)fs->fs_cssize));

	for (uint32_t c = 0; c < fs->fs_ncg; c++) {
		const int64_t from = c == 0 ? 0 : ffs_cgsblock(fs, c);
		const int64_t to = ffs_cgdmin(fs, c);

		for (int64_t f = from; f < to && f < fs->fs_size; f++)
			fft_setbit(used, (uint64_t)f);
	}
	for (int64_t f = 0; f < cslen; f++)
		fft_setbit(used, (uint64_t)(fs->fs_csaddr + f));
}

/* Copy n bits from a map, so that they begin with a whole byte. */
void
fft_copy_bits(uint8_t *to, const uint8_t *map, uint64_t from, uint32_t n)
{
	const uint8_t *p = map + (from >> 3);
	const unsigned shift = from & 7;

	for (uint32_t i = 0; i < (n + 7) / 8; i++)
		to[i] = (uint8_t)((unsigned)(p[i] | p[i + 1] << 8) >> shift);
}
