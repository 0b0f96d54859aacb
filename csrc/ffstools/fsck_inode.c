/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsck's first phase: inodes and their blocks.
 *
 * Three numbers say how long a file is: its size, its highest block, and its
 * count of blocks.  Where size and blocks contradict each other the count
 * decides.  Blocks are claimed in the order of the inodes; who comes second
 * gets a copy when it is known which blocks are free.
 */

#include <sys/stat.h>

#include <stdlib.h>
#include <string.h>

#include "fsck.h"

#define	FSCK_CHUNK	(1 << 20)	/* of inodes read at once */
#define	FSCK_SNAPSHOT	0x200000	/* SF_SNAPSHOT */
#define	FSCK_LOG	0x400000	/* SF_LOG */

/* Inodes on the disk. */

/*
 * A snapshot has pointers that are no blocks.  The flag alone may be an
 * accident: the superblock must know it, or it must be as long as the disk.
 */
static bool
fsck_issnapshot(const struct fsck_node *n)
{
	const struct fs *fs = n->f->fs;
	const uint64_t blks = (uint64_t)fs->fs_size >> fs->fs_fragshift;

	if ((n->i.flags & FSCK_SNAPSHOT) == 0 ||
	    (n->i.mode & S_IFMT) != S_IFREG || n->i.size > n->f->maxsize)
		return false;
	for (int k = 0; k < 20 && fs->fs_snapinum[k] != 0; k++)
		if (fs->fs_snapinum[k] == n->ino)
			return true;
	return n->i.size >> fs->fs_bshift >= blks &&
	    n->i.size >> fs->fs_bshift <= 2 * blks;
}

static void
fsck_node_decode(struct fsck_node *n)
{
	fft_inode_decode(n->f->fs, n->f->swap, n->raw, &n->i);
	n->snapshot = fsck_issnapshot(n);
}

static size_t
fsck_node_size(const struct fsck *f)
{
	return f->v2 ? sizeof(struct ufs2_dinode) : sizeof(struct ufs1_dinode);
}

void
fsck_node_get(struct fsck *f, uint64_t ino, struct fsck_node *n)
{
	memset(n, 0, sizeof(*n));
	n->f = f;
	n->ino = ino;
	n->at = fft_inode_offset(f->fs, ino);
	(void)fsck_read(f, n->at, n->raw, fsck_node_size(f));
	fsck_node_decode(n);
}

static uint32_t
fsck_node_hash(const struct fsck_node *n)
{
	struct ufs2_dinode d;

	memcpy(&d, n->raw, sizeof(d));
	d.di_ckhash = 0;
	return ffs_crc32c(~0U, &d, sizeof(d));
}

void
fsck_node_put(struct fsck_node *n)
{
	struct ufs2_dinode *dp = (struct ufs2_dinode *)(void *)n->raw;

	if (!n->changed)
		return;
	if (n->f->v2 && (n->f->fs->fs_metackhash & FFS_CK_INODE) != 0)
		dp->di_ckhash = fsck_32(n->f, fsck_node_hash(n));
	fsck_write(n->f, n->at, n->raw, fsck_node_size(n->f));
	fsck_node_decode(n);
	n->changed = false;
}

#define	DP1(n)	((struct ufs1_dinode *)(void *)(n)->raw)
#define	DP2(n)	((struct ufs2_dinode *)(void *)(n)->raw)

static void
fsck_set_mode(struct fsck_node *n, uint32_t mode)
{
	n->i.mode = mode;
	n->changed = true;
	DP1(n)->di_mode = fsck_16(n->f, (uint16_t)mode);
}

void
fsck_set_nlink(struct fsck_node *n, int nlink)
{
	n->i.nlink = nlink;
	n->changed = true;
	DP1(n)->di_nlink = (int16_t)fsck_16(n->f, (uint16_t)nlink);
}

void
fsck_set_size(struct fsck_node *n, uint64_t size)
{
	n->i.size = size;
	n->changed = true;
	size = ffs_rw64(size, n->f->swap);
	if (n->f->v2)
		DP2(n)->di_size = size;
	else
		DP1(n)->di_size = size;
}

/* In units of 512 bytes. */
void
fsck_set_blocks(struct fsck_node *n, uint64_t blocks)
{
	n->i.blocks = blocks;
	n->changed = true;
	if (n->f->v2)
		DP2(n)->di_blocks = ffs_rw64(blocks, n->f->swap);
	else
		DP1(n)->di_blocks = fsck_32(n->f, (uint32_t)blocks);
}

static int64_t
fsck_ptr(const struct fsck_node *n, int k)
{
	int64_t v;

	/* The two arrays lie one behind the other. */
	memcpy(&v, (const char *)&n->i + offsetof(struct fft_dinode, db) +
	    8 * (size_t)k, sizeof(v));
	return v;
}
_Static_assert(offsetof(struct fft_dinode, ib) ==
    offsetof(struct fft_dinode, db) + 8 * UFS_NDADDR, "db, ib");

/* Pointers 0 to 11 are direct, 12 to 14 indirect. */
void
fsck_set_ptr(struct fsck_node *n, int k, int64_t v)
{
	if (k < UFS_NDADDR)
		n->i.db[k] = v;
	else
		n->i.ib[k - UFS_NDADDR] = v;
	n->changed = true;
	if (n->f->v2)
		memcpy(n->raw + offsetof(struct ufs2_dinode, di_db) + 8 * k,
		    &(uint64_t){ ffs_rw64((uint64_t)v, n->f->swap) }, 8);
	else
		memcpy(n->raw + offsetof(struct ufs1_dinode, di_db) + 4 * k,
		    &(uint32_t){ fsck_32(n->f, (uint32_t)v) }, 4);
}

/* Where on the disk a pointer of an inode lies. */
static int64_t
fsck_ptr_at(const struct fsck_node *n, int k)
{
	return n->at + (n->f->v2 ?
	    (int64_t)offsetof(struct ufs2_dinode, di_db) + 8 * k :
	    (int64_t)offsetof(struct ufs1_dinode, di_db) + 4 * k);
}

static int64_t
fsck_ext_at(const struct fsck_node *n, int k)
{
	return n->at + (int64_t)offsetof(struct ufs2_dinode, di_extb) + 8 * k;
}

/* Pointers in indirect blocks. */

int64_t
fsck_ptr_get(const struct fsck *f, const void *block, int64_t i)
{
	if (f->v2)
		return (int64_t)ffs_rw64(((const uint64_t *)block)[i], f->swap);
	return (int32_t)fsck_32(f, ((const uint32_t *)block)[i]);
}

void
fsck_ptr_store(struct fsck *f, int64_t at, int64_t v)
{
	const uint64_t v64 = ffs_rw64((uint64_t)v, f->swap);
	const uint32_t v32 = fsck_32(f, (uint32_t)v);

	if (f->v2)
		fsck_write(f, at, &v64, sizeof(v64));
	else
		fsck_write(f, at, &v32, sizeof(v32));
}

/*
 * Clear a pointer of the indirect block at byte base, which may turn out to be
 * another file's data.
 */
static void
fsck_ptr_zero(struct fsck *f, int64_t base, int64_t at)
{
	const int error = fft_keep(f->d, base, (size_t)f->fs->fs_bsize);

	if (error != 0 && f->fatal == 0)
		f->fatal = error;
	fsck_ptr_store(f, at, 0);
}

/* Free an inode; its generation stays. */
void
fsck_clear(struct fsck *f, uint64_t ino)
{
	struct fsck_ino *ip = fsck_ino(f, ino, false);
	struct fsck_node n;

	fsck_node_get(f, ino, &n);
	n.changed = true;
	if (f->v2) {
		const int32_t gen = DP2(&n)->di_gen;

		memset(n.raw, 0, sizeof(n.raw));
		DP2(&n)->di_gen = gen;
	} else {
		const int32_t gen = DP1(&n)->di_gen;

		memset(n.raw, 0, sizeof(n.raw));
		DP1(&n)->di_gen = gen;
	}
	fsck_node_put(&n);
	if (ip != NULL)
		ip->fi_state = FI_FREE;
}

/* Claiming blocks. */

enum claim { CLAIMED, CONTESTED, BAD };

static enum claim
fsck_claim(struct fsck *f, int64_t b, int n)
{
	if (f->recount)
		return CLAIMED;
	if (ffs_reserved_range(f->fs, b, n) ||
	    FFS_FRAGNUM(f->fs, b) + n > f->fs->fs_frag)
		return BAD;
	for (int i = 0; i < n; i++)
		if (fft_isset(f->used, (uint64_t)(b + i)))
			return CONTESTED;
	for (int i = 0; i < n; i++)
		fft_setbit(f->used, (uint64_t)(b + i));
	return CLAIMED;
}

static void
fsck_pend(struct fsck *f, uint64_t ino, int64_t addr, int64_t blk, int n,
    int level)
{
	struct fsck_pending *p = fsck_grow(f, f->pending, f->npending,
	    &f->maxpending, sizeof(*p));

	if (p == NULL)
		return;
	f->pending = p;
	p = &f->pending[f->npending++];
	p->fp_ino = ino;
	p->fp_addr = addr;
	p->fp_blk = blk;
	p->fp_keep = false;
	p->fp_n = n;
	p->fp_level = level;
}

/*
 * One pointer, which lies at byte addr: whether it may stay.  A contested one
 * stays until it gets a block of its own.
 */
static bool
fsck_take(struct fsck_node *n, int64_t addr, int64_t b, int count, int level,
    bool *descend)
{
	struct fsck *f = n->f;

	*descend = true;
	switch (fsck_claim(f, b, count)) {
	case CLAIMED:
		break;
	case CONTESTED:
		fsck_problem(f, "duplicate-block", 1, n->ino, "%d fragments "
		    "from %lld on belong to another file as well: copied",
		    count, (long long)b);
		fsck_pend(f, n->ino, addr, b, count, level);
		*descend = false;
		break;
	case BAD:
		fsck_problem(f, "bad-block", 1, n->ino, "points to fragment "
		    "%lld, which no file may own: removed", (long long)b);
		return false;
	}
	n->frags += count;
	return true;
}

/* The blocks below an indirect block at level (0: it maps data). */
static void
fsck_walk_indirect(struct fsck_node *n, int64_t b, int level, int64_t first,
    int64_t span)
{
	struct fsck *f = n->f;
	const struct fs *fs = f->fs;
	const int64_t base = b << fs->fs_fshift;
	const int width = f->v2 ? 8 : 4;
	uint8_t *data = f->ind[level];
	bool descend;

	if (!fsck_read(f, base, data, (size_t)fs->fs_bsize)) {
		fsck_stuck(f, "unreadable", n->ino, "an indirect block can't "
		    "be read");
		return;
	}
	for (int64_t i = 0; i < fs->fs_nindir && f->fatal == 0; i++) {
		const int64_t v = fsck_ptr_get(f, data, i);
		const int64_t lbn = first + i * span;

		if (v == 0 || (n->snapshot && (v == 1 || v == 2)))
			continue;
		if (!fsck_take(n, base + i * width, v, fs->fs_frag, level,
		    &descend)) {
			fsck_ptr_zero(f, base, base + i * width);
			continue;
		}
		if (level == 0)
			n->last = lbn > n->last ? lbn : n->last;
		else if (descend)
			fsck_walk_indirect(n, v, level - 1, lbn,
			    span / fs->fs_nindir);
		else
			/* What is below is not known yet. */
			n->last = lbn > n->last ? lbn : n->last;
	}
}

/* Forget that a pointer wants a copy; whether it did. */
static bool
fsck_unpend(struct fsck *f, int64_t addr)
{
	for (size_t i = 0; i < f->npending; i++)
		if (f->pending[i].fp_addr == addr) {
			f->pending[i] = f->pending[--f->npending];
			return true;
		}
	return false;
}

/* Does this pointer want a copy of a block that another file has? */
static bool
fsck_pends(const struct fsck *f, int64_t addr)
{
	for (size_t i = 0; i < f->npending; i++)
		if (f->pending[i].fp_addr == addr)
			return true;
	return false;
}

/*
 * Give back all blocks behind a logical block, which are claimed.  What lies
 * below an indirect block that another file has was never claimed: it is left
 * out as a whole, or not at all.
 */
static bool
fsck_drop_indirect(struct fsck_node *n, int64_t b, int level, int64_t first,
    int64_t span, int64_t limit)
{
	struct fsck *f = n->f;
	const struct fs *fs = f->fs;
	const int64_t base = b << fs->fs_fshift;
	const int width = f->v2 ? 8 : 4;
	bool empty = true;

	if (!fsck_read(f, base, f->ind[level], (size_t)fs->fs_bsize))
		return false;
	for (int64_t i = 0; i < fs->fs_nindir && f->fatal == 0; i++) {
		const int64_t v = fsck_ptr_get(f, f->ind[level], i);
		const int64_t lbn = first + i * span;

		if (v == 0)
			continue;
		if (lbn + span - 1 <= limit || (level > 0 &&
		    (fsck_pends(f, base + i * width) ? lbn <= limit :
		    !fsck_drop_indirect(n, v, level - 1, lbn,
		    span / fs->fs_nindir, limit)))) {
			empty = false;
			continue;
		}
		if (!fsck_unpend(f, base + i * width))
			fsck_release(f, v, fs->fs_frag);
		n->frags -= fs->fs_frag;
		fsck_ptr_zero(f, base, base + i * width);
	}
	return empty;
}

static void
fsck_drop_behind(struct fsck_node *n, int64_t limit)
{
	const struct fs *fs = n->f->fs;
	int64_t first = UFS_NDADDR, span = 1;

	for (int k = 0; k < UFS_NIADDR; k++) {
		if (n->i.ib[k] != 0 && (fsck_pends(n->f, fsck_ptr_at(n,
		    UFS_NDADDR + k)) ? first > limit : fsck_drop_indirect(n,
		    n->i.ib[k], k, first, span, limit))) {
			if (!fsck_unpend(n->f, fsck_ptr_at(n, UFS_NDADDR + k)))
				fsck_release(n->f, n->i.ib[k], fs->fs_frag);
			n->frags -= fs->fs_frag;
			fsck_set_ptr(n, UFS_NDADDR + k, 0);
		}
		span *= fs->fs_nindir;
		first += span;
	}
}

/* Sizes. */

static int64_t
fsck_last_of(const struct fsck *f, uint64_t size)
{
	return size == 0 ? -1 : (int64_t)((size - 1) >> f->fs->fs_bshift);
}

/* Fragments of direct block k, for a file of that size. */
static int
fsck_direct_frags(const struct fsck *f, uint64_t size, int k)
{
	const uint64_t from = (uint64_t)k << f->fs->fs_bshift;

	if (size <= from || size - from >= (uint64_t)f->fs->fs_bsize)
		return f->fs->fs_frag;
	return (int)((size - from + (uint64_t)f->fs->fs_fsize - 1) >>
	    f->fs->fs_fshift);
}

/* Fragments that the first blocks up to last have. */
static int64_t
fsck_direct_count(const struct fsck_node *n, uint64_t size, int64_t last)
{
	int64_t sum = n->frags;

	for (int k = 0; k < UFS_NDADDR && k <= last; k++)
		if (n->i.db[k] != 0)
			sum += fsck_direct_frags(n->f, size, k);
	return sum;
}

static int64_t
fsck_said(const struct fsck_node *n)
{
	return (int64_t)(n->i.blocks >> n->f->fs->fs_fsbtodb);
}

/*
 * The size of a file whose last block is direct block k: the count of blocks
 * tells how many fragments that one has.
 */
static uint64_t
fsck_size_to(const struct fsck_node *n, int k)
{
	const struct fs *fs = n->f->fs;
	const int64_t others = fsck_direct_count(n, UINT64_MAX, k - 1);
	int64_t tail = fsck_said(n) - others;

	if (tail < 1 || tail > fs->fs_frag)
		tail = fs->fs_frag;
	return ((uint64_t)k << fs->fs_bshift) +
	    ((uint64_t)tail << fs->fs_fshift);
}

static void
fsck_resize(struct fsck_node *n, uint64_t size)
{
	fsck_problem(n->f, "size", 0, n->ino, "size %lld does not fit its "
	    "blocks: now %llu", (long long)n->i.size,
	    (unsigned long long)size);
	fsck_set_size(n, size);
}

/* Before claiming: a size that fits the direct blocks of a small file. */
static void
fsck_size_before(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const bool absurd = n->i.size > f->maxsize;
	const int64_t want = absurd ? INT64_MAX : fsck_last_of(f, n->i.size);
	bool indirect = false;
	int top = -1;

	for (int k = 0; k < UFS_NIADDR; k++)
		indirect |= n->i.ib[k] != 0;
	for (int k = 0; k < UFS_NDADDR; k++)
		if (n->i.db[k] != 0)
			top = k;
	if (indirect && want < UFS_NDADDR &&
	    fsck_said(n) == fsck_direct_count(n, n->i.size, want)) {
		fsck_problem(f, "behind-end", 0, n->ino,
		    "indirect blocks behind its end: removed");
		for (int k = 0; k < UFS_NIADDR; k++)
			fsck_set_ptr(n, UFS_NDADDR + k, 0);
		indirect = false;
	}
	if (indirect || want == top || n->snapshot)
		return;
	if (want > top) {
		fsck_resize(n, top < 0 ? 0 : fsck_size_to(n, top));
		return;
	}
	if (fsck_said(n) != fsck_direct_count(n, n->i.size, want)) {
		fsck_resize(n, fsck_size_to(n, top));
		return;
	}
	fsck_problem(f, "behind-end", 0, n->ino, "blocks behind its end: "
	    "removed");
	for (int k = (int)want + 1; k <= top; k++)
		fsck_set_ptr(n, k, 0);
}

static void	fsck_blocks(struct fsck_node *);

/* Find the highest block again, of a file whose blocks are claimed. */
static void
fsck_highest(struct fsck_node *n)
{
	const bool before = n->f->recount;
	const int64_t frags = n->frags;

	n->f->recount = true;
	fsck_blocks(n);
	n->f->recount = before;
	n->frags = frags;
}

/* After claiming: the highest block is known. */
static void
fsck_size_after(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const struct fs *fs = f->fs;
	const bool absurd = n->i.size > f->maxsize;
	const int64_t want = absurd ? INT64_MAX : fsck_last_of(f, n->i.size);

	if (n->snapshot)
		return;
	if (n->last < UFS_NDADDR && (n->i.ib[0] != 0 || n->i.ib[1] != 0 ||
	    n->i.ib[2] != 0)) {
		/* Direct blocks were taken as whole ones for their sake. */
		fsck_problem(f, "behind-end", 0, n->ino,
		    "indirect blocks without data: removed");
		fsck_drop_behind(n, n->last);
		if (n->i.size != (uint64_t)(n->last + 1) << fs->fs_bshift)
			fsck_resize(n, (uint64_t)(n->last + 1) <<
			    fs->fs_bshift);
		return;
	}
	if (want == n->last)
		return;
	if (want > n->last) {
		fsck_resize(n, (uint64_t)(n->last + 1) << fs->fs_bshift);
		return;
	}
	if (f->recount || want < UFS_NDADDR || fsck_said(n) == n->frags) {
		fsck_resize(n, (uint64_t)(n->last + 1) << fs->fs_bshift);
		return;
	}
	fsck_problem(f, "behind-end", 0, n->ino, "blocks behind its end: "
	    "removed");
	fsck_drop_behind(n, want);
	/* Was there a hole before them? */
	fsck_highest(n);
	if (n->last < want)
		fsck_resize(n, (uint64_t)(n->last + 1) << fs->fs_bshift);
}

/* Give back the first of the attributes' blocks, which have been claimed. */
static void
fsck_extattr_drop(struct fsck_node *n, const int *count)
{
	for (int k = 0; k < UFS_NXADDR; k++) {
		if (count[k] == 0)
			continue;
		if (!fsck_unpend(n->f, fsck_ext_at(n, k)))
			fsck_release(n->f, n->i.extb[k], count[k]);
		n->frags -= count[k];
	}
}

/* Blocks of extended attributes (FFSv2). */
static void
fsck_extattr(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const struct fs *fs = f->fs;
	bool bad = n->i.extsize < 0 ||
	    n->i.extsize > UFS_NXADDR * fs->fs_bsize;
	int taken[UFS_NXADDR] = { 0 };

	for (int k = 0; k < UFS_NXADDR && !bad && f->v2; k++) {
		const int64_t left = n->i.extsize - (int64_t)k * fs->fs_bsize;
		const int count = left >= fs->fs_bsize ? fs->fs_frag :
		    (int)((left + fs->fs_fsize - 1) >> fs->fs_fshift);
		bool descend;

		if (left <= 0) {
			bad = n->i.extb[k] != 0;
			break;
		}
		bad = n->i.extb[k] == 0 || !fsck_take(n, fsck_ext_at(n, k),
		    n->i.extb[k], count, 0, &descend);
		taken[k] = bad ? 0 : count;
	}
	if (!bad)
		return;
	fsck_problem(f, "attributes", 1, n->ino,
	    "extended attributes are damaged: removed");
	fsck_extattr_drop(n, taken);
	n->changed = true;
	DP2(n)->di_extsize = 0;
	memset(DP2(n)->di_extb, 0, sizeof(DP2(n)->di_extb));
	fsck_node_put(n);
}

/*
 * Pointers to indirect blocks that cannot be go first: whether there are any
 * says how long the direct blocks are.
 */
static void
fsck_bad_indirect(struct fsck_node *n)
{
	const struct fs *fs = n->f->fs;

	for (int k = 0; k < UFS_NIADDR; k++) {
		const int64_t v = n->i.ib[k];

		if (v == 0 || (n->snapshot && (v == 1 || v == 2)) ||
		    (FFS_FRAGNUM(fs, v) == 0 &&
		    !ffs_reserved_range(fs, v, fs->fs_frag)))
			continue;
		fsck_problem(n->f, "bad-block", 1, n->ino, "points to "
		    "fragment %lld, which no file may own: removed",
		    (long long)v);
		fsck_set_ptr(n, UFS_NDADDR + k, 0);
	}
}

/* All blocks of a regular file, directory or long symbolic link. */
static void
fsck_blocks(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const struct fs *fs = f->fs;
	int64_t first = UFS_NDADDR, span = 1;
	bool descend, indirect = false;

	n->last = -1;
	if (n->i.size > fs->fs_maxfilesize &&
	    fs->fs_maxfilesize < f->maxsize) {
		fsck_problem(f, "superblock", 1, 0, "it says that files have "
		    "at most %llu bytes: corrected",
		    (unsigned long long)fs->fs_maxfilesize);
		f->fs->fs_maxfilesize = f->maxsize;
		f->sbdirty = true;
	}
	for (int k = 0; k < UFS_NIADDR; k++)
		indirect |= n->i.ib[k] != 0;
	for (int k = 0; k < UFS_NDADDR; k++) {
		const int64_t v = n->i.db[k];
		const int count = indirect ? fs->fs_frag :
		    fsck_direct_frags(f, n->i.size, k);

		if (v == 0 || (n->snapshot && (v == 1 || v == 2)))
			continue;
		if (fsck_take(n, fsck_ptr_at(n, k), v, count, 0, &descend))
			n->last = k;
		else
			fsck_set_ptr(n, k, 0);
	}
	for (int k = 0; k < UFS_NIADDR; k++) {
		const int64_t v = n->i.ib[k];

		if (v != 0 && !(n->snapshot && (v == 1 || v == 2))) {
			if (!fsck_take(n, fsck_ptr_at(n, UFS_NDADDR + k), v,
			    fs->fs_frag, k + 1, &descend))
				fsck_set_ptr(n, UFS_NDADDR + k, 0);
			else if (descend)
				fsck_walk_indirect(n, v, k, first, span);
			else if (first > n->last)
				/* Its copy will be looked at again. */
				n->last = fsck_last_of(f, n->i.size);
		}
		span *= fs->fs_nindir;
		first += span;
	}
}

/* Files without blocks must have no pointers. */
static void
fsck_no_blocks(struct fsck_node *n, int from)
{
	bool found = false;

	for (int k = from; k < UFS_NDADDR + UFS_NIADDR; k++)
		if (fsck_ptr(n, k) != 0) {
			found = true;
			fsck_set_ptr(n, k, 0);
		}
	if (found)
		fsck_problem(n->f, "pointers", 1, n->ino,
		    "a special file with blocks: removed");
}

/* Is the target of a symbolic link in its inode? */
static bool
fsck_shortlink(struct fsck_node *n)
{
	const struct fsck *f = n->f;
	const int max = f->fs->fs_maxsymlinklen;
	const char *text = (char *)n->raw + (f->v2 ?
	    offsetof(struct ufs2_dinode, di_db) :
	    offsetof(struct ufs1_dinode, di_db));
	size_t len;

	if (max == 0 || n->i.size < (uint64_t)max)
		return max == 0 ? n->i.blocks == 0 : true;
	/* No blocks, but text where pointers would be: the size is wrong. */
	len = strnlen(text, (size_t)max);
	if (n->i.blocks != 0 || len == 0 || len == (size_t)max)
		return false;
	fsck_resize(n, len);
	return true;
}

/* What kind a file is whose mode says nothing known; 0: no file at all. */
static uint32_t
fsck_guess(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const int64_t b = n->i.db[0];
	uint32_t head[4];

	if (n->i.nlink <= 0 || n->i.size == 0 ||
	    n->i.size > f->maxsize)
		return 0;
	if (n->i.blocks == 0 &&
	    n->i.size < (uint64_t)f->fs->fs_maxsymlinklen)
		return S_IFLNK;
	if (ffs_reserved_range(f->fs, b, 1))
		return 0;
	if (n->i.size % UFS_DIRBLKSIZ == 0 &&
	    fsck_read(f, b << f->fs->fs_fshift, head, sizeof(head)) &&
	    fsck_32(f, head[0]) == n->ino &&
	    memcmp((char *)head + 8, ".\0", 2) == 0)
		return S_IFDIR;
	return S_IFREG;
}

/* An inode without or with an unknown type; whether it can be used. */
static bool
fsck_type(struct fsck_node *n, bool marked)
{
	struct fsck *f = n->f;
	uint32_t type = n->i.mode & S_IFMT;
	bool junk = n->i.size != 0;

	if (fsck_sun_type(f, type))
		return true;
	switch (type) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return true;
	}
	for (int k = 0; k < UFS_NDADDR + UFS_NIADDR; k++)
		junk |= fsck_ptr(n, k) != 0;
	if (n->i.mode == 0 && !junk)
		return false;
	type = marked ? fsck_guess(n) : 0;
	if (type == 0) {
		fsck_problem(f, "inode", n->i.mode != 0, n->ino,
		    n->i.mode == 0 ? "a free inode is not empty: cleared" :
		    "mode %o is no kind of file: cleared", n->i.mode);
		fsck_clear(f, n->ino);
		return false;
	}
	fsck_problem(f, "inode", 1, n->ino, "mode %o is no kind of file; its "
	    "contents look like mode %o", n->i.mode, type |
	    (n->i.mode & 07777));
	if (n->i.mode == 0)
		type |= type == S_IFDIR ? 0700 : 0600;
	fsck_set_mode(n, type | (n->i.mode & 07777));
	return true;
}

/*
 * Directories have no holes.  One that has more holes than blocks was never as
 * long as it says: it ends before the first hole.
 */
static void
fsck_dir_sparse(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const struct fs *fs = f->fs;
	int end = 0;

	if (n->last + 1 <= 16 + 2 * (n->frags >> fs->fs_fragshift))
		return;
	while (end < UFS_NDADDR && n->i.db[end] != 0)
		end++;
	fsck_problem(f, "directory-hole", 1, n->ino, "a directory of %llu "
	    "bytes is all holes: cut", (unsigned long long)n->i.size);
	fsck_drop_behind(n, end - 1);
	for (int k = end; k < UFS_NDADDR; k++) {
		if (n->i.db[k] == 0)
			continue;
		if (!fsck_unpend(f, fsck_ptr_at(n, k)))
			fsck_release(f, n->i.db[k], fs->fs_frag);
		n->frags -= fs->fs_frag;
		fsck_set_ptr(n, k, 0);
	}
	n->last = end - 1;
	fsck_set_size(n, (uint64_t)end << fs->fs_bshift);
}

/* Claim and count what a file has, and bring size and count in line. */
static void
fsck_contents(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const uint32_t type = n->i.mode & S_IFMT;
	bool blocks = type == S_IFREG || type == S_IFDIR ||
	    fsck_sun_type(f, type);

	n->frags = 0;
	if (f->v2 && (n->i.extsize != 0 || n->i.extb[0] != 0 ||
	    n->i.extb[1] != 0))
		fsck_extattr(n);
	if (type == S_IFLNK)
		blocks = !fsck_shortlink(n);
	else if (!blocks)
		fsck_no_blocks(n, type == S_IFCHR || type == S_IFBLK);
	if (blocks) {
		const int64_t before = n->frags;

		if (!f->recount)
			fsck_bad_indirect(n);
		fsck_size_before(n);
		n->frags = before;
		fsck_blocks(n);
		fsck_size_after(n);
	}
	if (type == S_IFDIR && !f->recount)
		fsck_dir_sparse(n);
	if (type == S_IFDIR && n->i.size % UFS_DIRBLKSIZ != 0) {
		fsck_problem(f, "directory-size", 0, n->ino, "size %llu of a "
		    "directory", (unsigned long long)n->i.size);
		fsck_set_size(n, (n->i.size + UFS_DIRBLKSIZ - 1) &
		    ~(uint64_t)(UFS_DIRBLKSIZ - 1));
	}
	if ((uint64_t)n->frags << f->fs->fs_fsbtodb != n->i.blocks) {
		fsck_problem(f, "block-count", 0, n->ino, "count of blocks "
		    "%llu, is %llu", (unsigned long long)n->i.blocks,
		    (unsigned long long)n->frags << f->fs->fs_fsbtodb);
		fsck_set_blocks(n, (uint64_t)n->frags << f->fs->fs_fsbtodb);
	}
}

/* Holes of a directory, and one without any block. */
static void
fsck_dir_holes(struct fsck_node *n)
{
	struct fsck *f = n->f;
	const struct fs *fs = f->fs;
	int64_t last;

	if (n->i.size == 0) {
		fsck_problem(f, "directory", 1, n->ino, "an empty directory "
		    "file: made anew");
		fsck_set_size(n, UFS_DIRBLKSIZ);
	}
	last = fsck_last_of(f, n->i.size);
	for (int k = 0; k < UFS_NDADDR && k <= last; k++) {
		const int count = n->i.ib[0] != 0 ? fs->fs_frag :
		    fsck_direct_frags(f, n->i.size, k);

		if (n->i.db[k] != 0)
			continue;
		fsck_problem(f, "directory-hole", 1, n->ino,
		    "block %d of a directory is missing: made anew", k);
		fsck_pend(f, n->ino, fsck_ptr_at(n, k), 0, count, 0);
	}
	if (last < UFS_NDADDR || n->i.ib[0] == 0 ||
	    !fsck_read(f, n->i.ib[0] << fs->fs_fshift, f->ind[0],
	    (size_t)fs->fs_bsize))
		return;
	for (int64_t i = 0; i < fs->fs_nindir && UFS_NDADDR + i <= last; i++) {
		if (fsck_ptr_get(f, f->ind[0], i) != 0)
			continue;
		fsck_problem(f, "directory-hole", 1, n->ino, "block %lld of "
		    "a directory is missing: made anew",
		    (long long)(UFS_NDADDR + i));
		fsck_pend(f, n->ino, (n->i.ib[0] << fs->fs_fshift) +
		    i * (f->v2 ? 8 : 4), 0, fs->fs_frag, 0);
	}
}

uint32_t
fsck_dir_add(struct fsck *f, uint64_t ino)
{
	struct fsck_dir *d = fsck_grow(f, f->dir, f->ndirs, &f->maxdirs,
	    sizeof(*d));

	if (d == NULL)
		return FI_NODIR;
	f->dir = d;
	d = &f->dir[f->ndirs];
	memset(d, 0, sizeof(*d));
	d->fd_ino = ino;
	d->fd_parent = FI_NODIR;
	return (uint32_t)f->ndirs++;
}

static bool
fsck_issystem(const struct fsck *f, const struct fsck_node *n)
{
	const struct fs *fs = f->fs;

	if ((n->i.flags & FSCK_LOG) != 0)
		return true;
	if (ffs_sb_hasquota2(fs))
		for (int k = 0; k < 2; k++)
			if (fs->fs_quotafile[k] == n->ino)
				return true;
	return false;
}

static bool
fsck_isdir(const struct fsck *f, uint32_t type)
{
	return type == S_IFDIR ||
	    (type == FFS_SUN_IFATTRDIR && ffs_sb_sun(f->fs));
}

/* One inode of the first pass. */
static void
fsck_inode(struct fsck *f, struct fsck_node *n, bool marked)
{
	struct fsck_ino *ip;

	fsck_node_decode(n);
	if (!fsck_type(n, marked))
		return;
	if (f->v2 && (f->fs->fs_metackhash & FFS_CK_INODE) != 0 &&
	    n->i.ckhash != fsck_node_hash(n)) {
		fsck_problem(f, "inode-hash", 0, n->ino, "wrong check hash");
		n->changed = true;
	}
	fsck_contents(n);
	ip = fsck_ino(f, n->ino, true);
	if (ip == NULL)
		return;
	ip->fi_state = FI_FILE;
	ip->fi_type = (uint8_t)((n->i.mode & S_IFMT) >> 12);
	ip->fi_nlink = (int16_t)n->i.nlink;
	ip->fi_dir = FI_NODIR;
	if (fsck_issystem(f, n))
		ip->fi_flags |= FI_SYSTEM;
	if (ffs_sb_sun(f->fs))
		fsck_sun_inode(n, ip);
	if (fsck_isdir(f, n->i.mode & S_IFMT)) {
		ip->fi_state = FI_DIR;
		ip->fi_dir = fsck_dir_add(f, n->ino);
		fsck_dir_holes(n);
		f->rep->directories++;
		if (ip->fi_dir != FI_NODIR)
			f->dir[ip->fi_dir].fd_unnamed =
			    (n->i.mode & S_IFMT) != S_IFDIR;
	} else
		f->rep->files++;
	fsck_node_put(n);
}

/* Nothing but zeros from here to there? */
static bool
fsck_ishole(struct fsck *f, int64_t off, int64_t len)
{
	if (fft_overlay_pages(f->d) != 0)
		return false;
	return fft_data_from(f->d, off) >= off + len;
}

static void
fsck_inodes_of(struct fsck *f, uint32_t c, uint8_t *chunk)
{
	const struct fs *fs = f->fs;
	const size_t size = fsck_node_size(f);
	const uint32_t step = FSCK_CHUNK / (uint32_t)size;
	uint8_t *map = NULL;
	struct cg head;

	if (f->cgok[c] && fft_group_read(f->d, &f->s, c, &head, f->buf) == 0)
		map = f->buf + head.cg_iusedoff;
	for (uint32_t i = 0; i < f->inited[c] && f->fatal == 0; i += step) {
		const uint32_t m = f->inited[c] - i < step ?
		    f->inited[c] - i : step;
		const int64_t at = fft_inode_offset(fs,
		    (uint64_t)c * fs->fs_ipg + i);

		if (fsck_ishole(f, at, (int64_t)m * (int64_t)size))
			continue;
		if (!fsck_read(f, at, chunk, m * size)) {
			fsck_stuck(f, "unreadable", 0,
			    "inodes of group %u can't be read", c);
			continue;
		}
		for (uint32_t k = 0; k < m && f->fatal == 0; k++) {
			struct fsck_node n;

			n.ino = (uint64_t)c * fs->fs_ipg + i + k;
			if (n.ino < UFS_ROOTINO)
				continue;
			n.f = f;
			n.at = at + (int64_t)(k * size);
			n.changed = false;
			memcpy(n.raw, chunk + k * size, size);
			fsck_inode(f, &n, map == NULL ||
			    fft_isset(map, i + k));
		}
	}
}

void
fsck_inodes(struct fsck *f)
{
	uint8_t *chunk = malloc(FSCK_CHUNK);

	fsck_phase(f, 1, f->fs->fs_ncg);
	if (chunk == NULL)
		f->fatal = fft_fail(f->d, 12, "out of memory");
	for (uint32_t c = 0; c < f->fs->fs_ncg && f->fatal == 0; c++) {
		fsck_tick(f, c);
		fsck_inodes_of(f, c, chunk);
	}
	free(chunk);
}

/* Give back every block of a file that goes. */
static void
fsck_free_blocks(struct fsck_node *n)
{
	struct fsck *f = n->f;
	bool indirect = false;

	for (int k = 0; k < UFS_NIADDR; k++)
		indirect |= n->i.ib[k] != 0;
	for (int k = 0; k < UFS_NDADDR; k++)
		if (n->i.db[k] != 0)
			fsck_release(f, n->i.db[k], indirect ?
			    f->fs->fs_frag :
			    fsck_direct_frags(f, n->i.size, k));
	fsck_drop_behind(n, -1);
}

/* Free all blocks of an inode that goes. */
void
fsck_remove(struct fsck *f, uint64_t ino)
{
	const struct fs *fs = f->fs;
	struct fsck_node n;
	bool blocks;

	fsck_node_get(f, ino, &n);
	n.last = INT64_MAX;
	blocks = (n.i.mode & S_IFMT) == S_IFREG ||
	    (n.i.mode & S_IFMT) == S_IFDIR || ((n.i.mode & S_IFMT) ==
	    S_IFLNK && n.i.blocks != 0 && n.i.size >=
	    (uint64_t)fs->fs_maxsymlinklen);
	if (blocks)
		fsck_free_blocks(&n);
	for (int k = 0; k < UFS_NXADDR; k++) {
		const int64_t left = n.i.extsize - (int64_t)k * fs->fs_bsize;

		if (f->v2 && n.i.extb[k] != 0 && left > 0)
			fsck_release(f, n.i.extb[k], left >= fs->fs_bsize ?
			    fs->fs_frag : (int)((left + fs->fs_fsize - 1) >>
			    fs->fs_fshift));
	}
	fsck_clear(f, ino);
}

/* Blocks for those who came second. */

static void
fsck_empty_block(struct fsck *f, int64_t b, int n)
{
	struct direct *e;

	memset(f->buf, 0, (size_t)n << f->fs->fs_fshift);
	for (int i = 0; i < n << f->fs->fs_fshift; i += UFS_DIRBLKSIZ) {
		e = (struct direct *)(void *)(f->buf + i);
		e->d_reclen = fsck_16(f, UFS_DIRBLKSIZ);
	}
	fsck_write(f, b << f->fs->fs_fshift, f->buf,
	    (size_t)n << f->fs->fs_fshift);
}

/* Can it be a block of a file? */
static bool
fsck_isblock(const struct fsck *f, int64_t b)
{
	return FFS_FRAGNUM(f->fs, b) == 0 &&
	    !ffs_reserved_range(f->fs, b, f->fs->fs_frag);
}

/*
 * Nobody has claimed what lies below an indirect block that is contested.
 * Copies must not be put there.
 */
static void
fsck_hold(struct fsck *f, int64_t b, int level)
{
	const struct fs *fs = f->fs;
	uint8_t *data = f->ind[level - 1];

	if (fft_read_kept(f->d, b << fs->fs_fshift, data,
	    (size_t)fs->fs_bsize) != 0)
		return;
	for (int64_t i = 0; i < fs->fs_nindir && f->fatal == 0; i++) {
		const int64_t v = fsck_ptr_get(f, data, i);

		if (v == 0 || !fsck_isblock(f, v) ||
		    fft_isset(f->held, (uint64_t)v))
			continue;
		for (int k = 0; k < fs->fs_frag; k++)
			fft_setbit(f->held, (uint64_t)(v + k));
		if (level > 1)
			fsck_hold(f, v, level - 1);
	}
}

static void
fsck_hold_all(struct fsck *f)
{
	for (size_t i = 0; i < f->npending && f->fatal == 0; i++) {
		const struct fsck_pending *p = &f->pending[i];

		if (p->fp_level == 0)
			continue;
		if (f->held == NULL)
			f->held = calloc(1, (size_t)f->fs->fs_size / 8 + 16);
		if (f->held == NULL)
			f->fatal = fft_fail(f->d, 12, "out of memory");
		else
			fsck_hold(f, p->fp_blk, p->fp_level);
	}
}

/*
 * What a copied indirect block points to becomes the file's if nobody else has
 * it; else it is copied, too.
 */
static void
fsck_pend_below(struct fsck *f, const struct fsck_pending *p, int64_t b)
{
	const struct fs *fs = f->fs;

	for (int64_t i = 0; i < fs->fs_nindir && f->fatal == 0; i++) {
		const int64_t v = fsck_ptr_get(f, f->buf, i);
		const int64_t at = (b << fs->fs_fshift) + i * (f->v2 ? 8 : 4);
		bool mine;

		if (v == 0)
			continue;
		if (!fsck_isblock(f, v)) {
			fsck_ptr_store(f, at, 0);
			continue;
		}
		mine = f->held != NULL && fft_isset(f->held, (uint64_t)v) &&
		    fft_blkbits(f->used, fs->fs_frag, (uint64_t)v >>
		    fs->fs_fragshift) == 0;
		for (int k = 0; mine && k < fs->fs_frag; k++)
			fft_setbit(f->used, (uint64_t)(v + k));
		if (mine && p->fp_level == 1)
			continue;
		fsck_pend(f, p->fp_ino, at, v, fs->fs_frag, p->fp_level - 1);
		if (f->fatal == 0)
			f->pending[f->npending - 1].fp_keep = mine;
	}
}

static void
fsck_resolve(struct fsck *f, const struct fsck_pending *p)
{
	const struct fs *fs = f->fs;
	struct fsck_ino *ip = fsck_ino(f, p->fp_ino, false);
	const size_t size = (size_t)p->fp_n << fs->fs_fshift;
	int64_t b;

	if (ip == NULL || ip->fi_state == FI_FREE)
		return;
	/* Sizes, counts and holes of copies are looked at once more. */
	ip->fi_flags |= FI_RECOUNT;
	if (p->fp_keep) {
		(void)fsck_read(f, p->fp_blk << fs->fs_fshift, f->buf, size);
		fsck_pend_below(f, p, p->fp_blk);
		return;
	}
	b = fsck_alloc(f, p->fp_n);
	if (b == 0) {
		fsck_problem(f, "no-space", 1, p->fp_ino,
		    "no room for a copy of fragment %lld: removed",
		    (long long)p->fp_blk);
		fsck_ptr_store(f, p->fp_addr, 0);
		return;
	}
	if (p->fp_blk == 0)
		fsck_empty_block(f, b, p->fp_n);
	else {
		if (fft_read_kept(f->d, p->fp_blk << fs->fs_fshift, f->buf,
		    size) != 0)
			memset(f->buf, 0, size);
		fsck_write(f, b << fs->fs_fshift, f->buf, size);
		if (p->fp_level > 0)
			fsck_pend_below(f, p, b);
	}
	fsck_ptr_store(f, p->fp_addr, b);
}

void
fsck_pendings(struct fsck *f)
{
	struct fsck_node n;

	if (f->npending == 0)
		return;
	fsck_hold_all(f);
	/* The last is taken first, or the list would hold a whole level. */
	while (f->npending > 0 && f->fatal == 0) {
		const struct fsck_pending p = f->pending[--f->npending];

		fsck_resolve(f, &p);
	}
	f->recount = true;
	for (uint64_t ino = 0; ino < f->ninodes && f->fatal == 0; ino++) {
		struct fsck_ino *ip = fsck_ino(f, ino, false);

		if (ip == NULL) {
			/* The whole group is free. */
			ino += f->fs->fs_ipg - 1 - ino % f->fs->fs_ipg;
			continue;
		}
		if ((ip->fi_flags & FI_RECOUNT) == 0)
			continue;
		fsck_node_get(f, ino, &n);
		fsck_contents(&n);
		n.changed = true;	/* its check hash */
		fsck_node_put(&n);
		if (ip->fi_state == FI_DIR && n.i.size == 0) {
			fsck_problem(f, "no-space", 1, ino, "no room for the "
			    "first block of a directory: removed");
			fsck_remove(f, ino);
			f->rep->directories--;
		}
	}
	f->recount = false;
}

/*
 * Where the blocks of a file are: fragments in f->map, 0 for holes; how many
 * blocks.
 */
static void
fsck_map_indirect(struct fsck *f, int64_t b, int level, int64_t first,
    int64_t span, size_t count)
{
	const struct fs *fs = f->fs;

	if (b == 0 || !fsck_read(f, b << fs->fs_fshift, f->ind[level],
	    (size_t)fs->fs_bsize))
		return;
	for (int64_t i = 0; i < fs->fs_nindir &&
	    first + i * span < (int64_t)count; i++) {
		const int64_t v = fsck_ptr_get(f, f->ind[level], i);

		if (level == 0)
			f->map[first + i] = v;
		else
			fsck_map_indirect(f, v, level - 1, first + i * span,
			    span / fs->fs_nindir, count);
	}
}

size_t
fsck_blockmap(struct fsck *f, const struct fsck_node *n)
{
	const int64_t last = fsck_last_of(f, n->i.size);
	const size_t count = (size_t)(last + 1);
	int64_t first = UFS_NDADDR, span = 1;

	if (count > f->maxmap) {
		int64_t *p = count > f->rep->limit / 8 ? NULL :
		    realloc(f->map, count * sizeof(*p));

		if (p == NULL) {
			f->fatal = fft_fail(f->d, 12, "a directory of %llu "
			    "bytes: out of memory",
			    (unsigned long long)n->i.size);
			return 0;
		}
		f->map = p;
		f->maxmap = count;
	}
	memset(f->map, 0, count * sizeof(*f->map));
	for (size_t k = 0; k < UFS_NDADDR && k < count; k++)
		f->map[k] = n->i.db[k];
	for (int k = 0; k < UFS_NIADDR && first < (int64_t)count; k++) {
		fsck_map_indirect(f, n->i.ib[k], k, first, span, count);
		span *= f->fs->fs_nindir;
		first += span;
	}
	return count;
}
