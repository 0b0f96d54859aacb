/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsck's last phase: what the groups, the summary and the superblock say is
 * free, against what was found.  Groups are made anew from what is used, and
 * written if anything that matters differs.
 */

#include <stdlib.h>
#include <string.h>

#include "fsck.h"

static bool
fsck_fits(uint64_t off, uint64_t len, uint64_t size)
{
	return off >= sizeof(struct cg) && off <= size && len <= size - off;
}

/* Can the head of a group be believed?  NULL, or what is wrong. */
const char *
fsck_head_check(const struct fs *fs, uint32_t c, const struct cg *h)
{
	const uint64_t size = (uint64_t)fs->fs_cgsize;
	const uint64_t ibytes = (fs->fs_ipg + 7) / 8;
	const uint64_t fbytes = ((uint64_t)fs->fs_fpg + 7) / 8;
	const uint64_t blks = FFS_FRAGSTOBLKS(fs, (uint32_t)fs->fs_fpg);

	if (h->cg_magic != FFS_CG_MAGIC)
		return "magic number";
	if (h->cg_cgx != c)
		return "number";
	if (h->cg_ndblk != ffs_cgfrags(fs, c))
		return "size";
	if (!fsck_fits(h->cg_iusedoff, ibytes, size) ||
	    !fsck_fits(h->cg_freeoff, fbytes, size) ||
	    (h->cg_iusedoff < h->cg_freeoff ?
	    h->cg_iusedoff + ibytes > h->cg_freeoff :
	    h->cg_freeoff + fbytes > h->cg_iusedoff))
		return "place of the maps";
	if (fs->fs_contigsumsize == 0)
		return NULL;
	if (h->cg_clustersumoff % 4 != 0 ||
	    h->cg_clustersumoff + 4 < h->cg_freeoff + fbytes ||
	    !fsck_fits(h->cg_clustersumoff,
	    4 * (uint64_t)(fs->fs_contigsumsize + 1), size) ||
	    h->cg_clusteroff < h->cg_clustersumoff +
	    4 * (uint64_t)(fs->fs_contigsumsize + 1) ||
	    !fsck_fits(h->cg_clusteroff, (blks + 7) / 8, size))
		return "place of the cluster maps";
	return NULL;
}

static void
fsck_places_of(const struct cg *h, struct fft_cgplaces *p)
{
	p->btotoff = (uint32_t)h->cg_old_btotoff;
	p->boff = (uint32_t)h->cg_old_boff;
	p->iusedoff = h->cg_iusedoff;
	p->freeoff = h->cg_freeoff;
	p->clustersumoff = h->cg_clustersumoff;
	p->clusteroff = h->cg_clusteroff;
	p->nextfreeoff = h->cg_nextfreeoff;
}

/*
 * How many inodes of a group were ever written (FFSv2): what its head says, but
 * no fewer than its map knows as used.
 */
static uint32_t
fsck_inited(struct fsck *f, uint32_t c, const struct cg *h)
{
	const struct fs *fs = f->fs;
	const uint8_t *map = f->buf + h->cg_iusedoff;
	uint32_t n = h->cg_initediblk, top = fs->fs_ipg;

	if (n % fs->fs_inopb != 0 || n == 0 || n > fs->fs_ipg) {
		fsck_problem(f, "group", 1, 0, "group %u says that %u inodes "
		    "have been written", c, n);
		return fs->fs_ipg;
	}
	while (top > n && !fft_isset(map, top - 1))
		top--;
	return (top + fs->fs_inopb - 1) / fs->fs_inopb * fs->fs_inopb;
}

/* Before all else: which groups can be believed, and how many inodes have. */
void
fsck_group_heads(struct fsck *f)
{
	const struct fs *fs = f->fs;
	struct cg head;

	for (uint32_t c = 0; c < fs->fs_ncg && f->fatal == 0; c++) {
		const char *why = "block that can't be read";

		if (fft_group_read(f->d, &f->s, c, &head, f->buf) == 0)
			why = fsck_head_check(fs, c, &head);
		f->inited[c] = fs->fs_ipg;
		if (why != NULL) {
			fsck_problem(f, "group", 1, 0,
			    "group %u has a bad %s", c, why);
			continue;
		}
		f->cgok[c] = true;
		f->oldgroups |= fft_group_isold(fs, f->buf, f->swap);
		if (f->v2)
			f->inited[c] = fsck_inited(f, c, &head);
		if (!f->places_known) {
			f->places_known = true;
			fsck_places_of(&head, &f->places);
		}
	}
	if (!f->places_known)
		fft_cg_places(fs, &f->places);
}

/* Inodes and directories of a group, from what was found. */
static uint32_t
fsck_used_inodes(struct fsck *f, uint32_t c, uint8_t *map, uint32_t *ndir)
{
	const struct fs *fs = f->fs;
	uint32_t top = 0;

	memset(map, 0, (fs->fs_ipg + 7) / 8);
	*ndir = 0;
	if (c == 0)
		map[0] |= 3;	/* 0 and 1 are nobody's */
	for (uint32_t i = 0; f->ino[c] != NULL && i < fs->fs_ipg; i++) {
		const struct fsck_ino *ip = &f->ino[c][i];

		if (ip->fi_state == FI_FREE)
			continue;
		fft_setbit(map, i);
		*ndir += ip->fi_state == FI_DIR;
		top = i + 1;
	}
	return top;
}

/* Do n bits of two maps differ? */
static bool
fsck_bits_differ(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	if (memcmp(a, b, n / 8) != 0)
		return true;
	return n % 8 != 0 &&
	    ((a[n / 8] ^ b[n / 8]) & ((1U << n % 8) - 1)) != 0;
}

/* A file's fragments that the map calls free are worse than the reverse. */
static bool
fsck_freed(const uint8_t *disk, const uint8_t *made, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (fft_isset(disk, i) && !fft_isset(made, i))
			return true;
	return false;
}

/* Compare a group with what it should be; whether it must be written. */
static bool
fsck_compare(struct fsck *f, uint32_t c, const struct fft_cgplaces *p,
    const uint8_t *disk, const uint8_t *made)
{
	const struct fs *fs = f->fs;
	const uint64_t before = f->rep->count;
	struct cg a, b;

	memcpy(&a, disk, sizeof(a));
	memcpy(&b, made, sizeof(b));
	if (f->swap) {
		fft_cg_swap(&a);
		fft_cg_swap(&b);
	}
	if (fsck_bits_differ(disk + p->iusedoff, made + p->iusedoff,
	    fs->fs_ipg))
		fsck_problem(f, "inode-map", 0, 0,
		    "group %u: the map of used inodes is wrong", c);
	if (fsck_bits_differ(disk + p->freeoff, made + p->freeoff, b.cg_ndblk))
		fsck_problem(f, "block-map", 0, 0, fsck_freed(disk +
		    p->freeoff, made + p->freeoff, b.cg_ndblk) ?
		    "group %u: the map calls fragments free that are used" :
		    "group %u: the map calls fragments used that are free", c);
	if (memcmp(&a.cg_cs, &b.cg_cs, sizeof(a.cg_cs)) != 0 ||
	    memcmp(a.cg_frsum, b.cg_frsum, sizeof(a.cg_frsum)) != 0)
		fsck_problem(f, "group-counts", 0, 0,
		    "group %u: wrong counts", c);
	if (fs->fs_contigsumsize > 0 && !f->old43 &&
	    (memcmp(disk + p->clustersumoff + 4, made + p->clustersumoff + 4,
	    4 * (size_t)fs->fs_contigsumsize) != 0 ||
	    fsck_bits_differ(disk + p->clusteroff, made + p->clusteroff,
	    FFS_FRAGSTOBLKS(fs, b.cg_ndblk))))
		fsck_problem(f, "clusters", 0, 0,
		    "group %u: wrong counts of free runs", c);
	if (f->v2 && a.cg_initediblk != b.cg_initediblk)
		fsck_problem(f, "inode-map", 0, 0,
		    "group %u: wrong number of written inodes", c);
	if (before == f->rep->count && (fs->fs_metackhash & FFS_CK_CYLGRP) !=
	    0) {
		uint8_t *copy = f->ind[1];

		memcpy(copy, disk, (size_t)fs->fs_cgsize);
		fft_cg_sethash(fs, f->swap, copy);
		if (memcmp(copy, disk, (size_t)fs->fs_cgsize) != 0)
			fsck_problem(f, "group-hash", 0, 0,
			    "group %u: wrong check hash", c);
	}
	return before != f->rep->count || !f->cgok[c];
}

static void
fsck_group(struct fsck *f, uint32_t c, uint8_t *bits, struct csum *cs)
{
	const struct fs *fs = f->fs;
	struct fft_cgplaces places = f->places;
	struct fft_group g = { .cgx = c, .time = f->rep->now };
	uint8_t *inoused = bits + FFS_MAXBSIZE + 16, *made = f->ind[0];
	struct cg head;
	uint32_t top;

	(void)fft_group_read(f->d, &f->s, c, &head, f->buf);
	if (f->cgok[c]) {
		fsck_places_of(&head, &places);
		g.old = &head;
		g.base = f->buf;
	}
	top = fsck_used_inodes(f, c, inoused, &g.ndir);
	fft_copy_bits(bits, f->used, (uint64_t)FFS_CGBASE(fs, c),
	    ffs_cgfrags(fs, c));
	g.inoused = inoused;
	g.used = bits;
	/* All of these were read, and are good. */
	g.inited = f->inited[c];
	if (f->cgok[c] && head.cg_initediblk % fs->fs_inopb == 0 &&
	    head.cg_initediblk >= top && head.cg_initediblk != 0 &&
	    head.cg_initediblk <= fs->fs_ipg)
		g.inited = head.cg_initediblk;
	fft_cg_build(fs, f->swap, &places, &g, made, cs);
	if (fsck_compare(f, c, &places, f->buf, made))
		fsck_write(f, ffs_cgtod(fs, c) << fs->fs_fshift, made,
		    (size_t)fs->fs_cgsize);
}

/* The summary array, and the totals. */
static void
fsck_summary(struct fsck *f, uint32_t *sums, const struct csum_total *total)
{
	struct fs *fs = f->fs;
	const size_t size = fs->fs_ncg * sizeof(struct csum);
	uint32_t *disk = malloc(size);

	if (disk == NULL) {
		f->fatal = fft_fail(f->d, 12, "out of memory");
		return;
	}
	(void)fsck_read(f, fs->fs_csaddr << fs->fs_fshift, disk, size);
	for (size_t i = 0; i < size / 4; i++)
		sums[i] = fsck_32(f, sums[i]);
	if (memcmp(disk, sums, size) != 0) {
		fsck_problem(f, "summary", 0, 0,
		    "the summary of the groups is wrong");
		fsck_write(f, fs->fs_csaddr << fs->fs_fshift, sums, size);
	}
	free(disk);
	if (fs->fs_cstotal.cs_ndir != total->cs_ndir ||
	    fs->fs_cstotal.cs_nbfree != total->cs_nbfree ||
	    fs->fs_cstotal.cs_nifree != total->cs_nifree ||
	    fs->fs_cstotal.cs_nffree != total->cs_nffree) {
		fsck_problem(f, "totals", 0, 0, "the superblock counts %lld "
		    "free blocks, %lld fragments, %lld inodes; there are "
		    "%lld, %lld, %lld", (long long)fs->fs_cstotal.cs_nbfree,
		    (long long)fs->fs_cstotal.cs_nffree,
		    (long long)fs->fs_cstotal.cs_nifree,
		    (long long)total->cs_nbfree, (long long)total->cs_nffree,
		    (long long)total->cs_nifree);
		fs->fs_cstotal.cs_ndir = total->cs_ndir;
		fs->fs_cstotal.cs_nbfree = total->cs_nbfree;
		fs->fs_cstotal.cs_nifree = total->cs_nifree;
		fs->fs_cstotal.cs_nffree = total->cs_nffree;
		f->sbdirty = true;
	}
}

void
fsck_groups(struct fsck *f)
{
	const struct fs *fs = f->fs;
	uint8_t *bits = malloc(2 * (FFS_MAXBSIZE + 16));
	struct csum *sums = calloc(fs->fs_ncg, sizeof(*sums));
	struct csum_total total = { 0 };

	fsck_phase(f, 5, fs->fs_ncg);
	if (bits == NULL || sums == NULL)
		f->fatal = fft_fail(f->d, 12, "out of memory");
	for (uint32_t c = 0; c < fs->fs_ncg && f->fatal == 0; c++) {
		fsck_tick(f, c);
		fsck_group(f, c, bits, &sums[c]);
		total.cs_ndir += sums[c].cs_ndir;
		total.cs_nbfree += sums[c].cs_nbfree;
		total.cs_nifree += sums[c].cs_nifree;
		total.cs_nffree += sums[c].cs_nffree;
	}
	if (f->fatal == 0)
		fsck_summary(f, (uint32_t *)(void *)sums, &total);
	f->rep->free = (total.cs_nbfree << fs->fs_fragshift) + total.cs_nffree;
	f->rep->used = fs->fs_dsize - f->rep->free;
	free(sums);
	free(bits);
}
