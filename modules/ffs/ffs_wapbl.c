/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Replay of NetBSD's journal (WAPBL).
 *
 * The journal is a ring of records behind two copies of its header; the newer
 * copy says where the ring's used part begins (tail) and ends (head).  Blocks
 * of metadata are in it as they shall be, revocations take back what earlier
 * records say of a block, and lists of inodes name files that were being
 * created or removed.
 *
 * All of the journal is read and checked before anything is done with it.
 * Mounted for writing, its blocks are written to where they belong; mounted
 * read-only they are laid over what is read (ffs_devread() and
 * ffs_strategy()), and the disk stays as it is.
 */

#include "ffs.h"
#include "ffs_log.h"

#include <sys/stat.h>
#include <lib/libkern/libkern.h>

struct ffs_replay {
	struct ffs_mount *rp_fm;
	bool		rp_swap;	/* the journal has the other order */
	int64_t		rp_base;	/* of the journal, bytes */
	int64_t		rp_size;
	int64_t		rp_off;		/* of the ring, in the journal */
	int64_t		rp_ring;	/* its size */
	int64_t		rp_tail;
	int64_t		rp_used;	/* bytes of the ring */
	int64_t		rp_stale;	/* the older header, to be renewed */
	struct wapbl_header rp_header;	/* the newer one, host order */
	/* From a device block to where in the journal it is; open addressing. */
	int64_t		*rp_key;	/* device block + 1; 0: empty */
	int64_t		*rp_val;	/* offset; 0: revoked */
	uint64_t	rp_mask;
	/* Inodes to be looked at after the replay. */
	struct ffs_replay_inode {
		uint32_t ri_number;
		uint32_t ri_mode;
	}		*rp_inode;
	size_t		rp_ninodes;
	size_t		rp_maxinodes;
};

/* Copy len bytes at off of the journal, which may go around the ring. */
static int
ffs_log_read(struct ffs_replay *rp, int64_t off, void *data, int64_t len)
{
	char *p = data;
	struct buf *bp;
	int error;

	while (len > 0) {
		const int64_t end = off >= rp->rp_off && rp->rp_ring != 0 ?
		    rp->rp_off + rp->rp_ring : rp->rp_size;
		const int n = (int)MIN(MIN(len, end - off), MAXBSIZE);

		error = bread(rp->rp_fm->fm_devvp,
		    (rp->rp_base + off) >> DEV_BSHIFT, n, 0, &bp);
		if (error != 0)
			return error;
		memcpy(p, bp->b_data, (size_t)n);
		brelse(bp, BC_INVAL);
		p += n;
		len -= n;
		off += n;
		if (off == end)
			off = rp->rp_off;
	}
	return 0;
}

static int64_t
ffs_log_advance(const struct ffs_replay *rp, int64_t off, int64_t n)
{
	off += n;
	return off >= rp->rp_off + rp->rp_ring ? off - rp->rp_ring : off;
}

void
ffs_log_swap_header(struct wapbl_header *h)
{
	uint32_t *w = (uint32_t *)h;

	for (int i = 0; i < 6; i++)
		w[i] = __builtin_bswap32(w[i]);
	h->wc_time = __builtin_bswap64(h->wc_time);
	for (int i = 8; i < 12; i++)
		w[i] = __builtin_bswap32(w[i]);
	h->wc_head = (int64_t)__builtin_bswap64((uint64_t)h->wc_head);
	h->wc_tail = (int64_t)__builtin_bswap64((uint64_t)h->wc_tail);
	h->wc_circ_off = (int64_t)__builtin_bswap64((uint64_t)h->wc_circ_off);
	h->wc_circ_size =
	    (int64_t)__builtin_bswap64((uint64_t)h->wc_circ_size);
}

static bool
ffs_log_inring(const struct wapbl_header *h, int64_t off)
{
	return off % WAPBL_BLOCK == 0 && off >= h->wc_circ_off &&
	    off < h->wc_circ_off + h->wc_circ_size;
}

static bool
ffs_log_header_ok(const struct ffs_replay *rp, const struct wapbl_header *h)
{
	return h->wc_version == WAPBL_VERSION &&
	    h->wc_log_dev_bshift == DEV_BSHIFT &&
	    h->wc_fs_dev_bshift == DEV_BSHIFT &&
	    h->wc_circ_off >= 2 * WAPBL_BLOCK &&
	    h->wc_circ_off < rp->rp_size && h->wc_circ_size > 0 &&
	    h->wc_circ_off % WAPBL_BLOCK == 0 &&
	    h->wc_circ_size % WAPBL_BLOCK == 0 &&
	    h->wc_circ_size <= rp->rp_size - h->wc_circ_off &&
	    ((h->wc_head == 0 && h->wc_tail == 0) ||
	    (ffs_log_inring(h, h->wc_head) && ffs_log_inring(h, h->wc_tail)));
}

/* Where the journal is.  Some kernels did not swap these numbers. */
static const char *
ffs_log_locate(struct ffs_replay *rp)
{
	struct ffs_mount *fm = rp->rp_fm;
	const struct fs *fs = fm->fm_fs;
	uint64_t addr = fs->fs_journallocs[0];
	uint64_t count = fs->fs_journallocs[1];
	const int64_t disk = ffs_disksize(fm->fm_devvp);

	if (fs->fs_journallocs[2] == __builtin_bswap64(WAPBL_BLOCK)) {
		addr = __builtin_bswap64(addr);
		count = __builtin_bswap64(count);
	} else if (fs->fs_journallocs[2] != WAPBL_BLOCK)
		return "block size";
	if (addr == 0 || addr > INT64_MAX / WAPBL_BLOCK || count < 4 ||
	    count > INT64_MAX / WAPBL_BLOCK - addr)
		return "place";
	/* What it holds is taken into memory: no more than there can be. */
	if (disk >= 0 && addr + count > (uint64_t)disk / WAPBL_BLOCK)
		return "place (the disk is smaller: a truncated image?)";
	rp->rp_base = (int64_t)addr * WAPBL_BLOCK;
	rp->rp_size = (int64_t)count * WAPBL_BLOCK;
	return NULL;
}

/* Read both headers and take the newer. */
static const char *
ffs_log_header(struct ffs_replay *rp)
{
	struct wapbl_header h[2], *best = NULL;
	char block[2 * WAPBL_BLOCK];

	if (ffs_log_read(rp, 0, block, sizeof(block)) != 0)
		return "header can't be read";
	for (int i = 0; i < 2; i++) {
		memcpy(&h[i], block + i * WAPBL_BLOCK, sizeof(h[i]));
		if (h[i].wc_type == __builtin_bswap32(WAPBL_WC_HEADER)) {
			ffs_log_swap_header(&h[i]);
			rp->rp_swap = true;
		}
		if (h[i].wc_type != WAPBL_WC_HEADER)
			continue;
		if (!ffs_log_header_ok(rp, &h[i]))
			return "header";
		if (best == NULL || h[i].wc_generation > best->wc_generation)
			best = &h[i];
	}
	if (best == NULL)
		return "header";
	rp->rp_header = *best;
	rp->rp_stale = best == &h[0] ? WAPBL_BLOCK : 0;
	rp->rp_off = best->wc_circ_off;
	rp->rp_ring = best->wc_circ_size;
	rp->rp_tail = best->wc_tail;
	if (rp->rp_tail != 0)
		rp->rp_used = (best->wc_head + rp->rp_ring - 1 -
		    rp->rp_tail) % rp->rp_ring + 1;
	return NULL;
}

/* The place of a device block in the table. */
static uint64_t
ffs_log_slot(const struct ffs_replay *rp, int64_t db)
{
	uint64_t i = ((uint64_t)db * 0x9e3779b97f4a7c15ULL >> 32) &
	    rp->rp_mask;

	while (rp->rp_key[i] != 0 && rp->rp_key[i] != db + 1)
		i = (i + 1) & rp->rp_mask;
	return i;
}

/* A run of blocks as a record names it, if it can be true. */
static const char *
ffs_log_run(struct ffs_replay *rp, const struct wapbl_record *rec, int i,
    int64_t *dbp, int64_t *lenp)
{
	const struct fs *fs = rp->rp_fm->fm_fs;
	const int64_t size = FFS_FSBTODB(fs, fs->fs_size);

	*dbp = (int64_t)ffs_rw64((uint64_t)rec->wc_blocks[i].wc_daddr,
	    rp->rp_swap);
	*lenp = (int32_t)ffs_rw32((uint32_t)rec->wc_blocks[i].wc_dlen,
	    rp->rp_swap);
	if (*lenp <= 0 || *lenp % DEV_BSIZE != 0 || *lenp > MAXBSIZE)
		return "length of a block";
	if (*dbp < 0 || *dbp > size - (*lenp >> DEV_BSHIFT))
		return "block outside of the file system";
	return NULL;
}

/* Do both superblocks say the same of where things are? */
static bool
ffs_log_samefs(const struct fs *a, const struct fs *b)
{
	return a->fs_magic == b->fs_magic && a->fs_bsize == b->fs_bsize &&
	    a->fs_fsize == b->fs_fsize && a->fs_size == b->fs_size &&
	    a->fs_fpg == b->fs_fpg && a->fs_ipg == b->fs_ipg &&
	    a->fs_sblkno == b->fs_sblkno && a->fs_cblkno == b->fs_cblkno &&
	    a->fs_iblkno == b->fs_iblkno && a->fs_dblkno == b->fs_dblkno &&
	    a->fs_old_cgoffset == b->fs_old_cgoffset &&
	    a->fs_old_cgmask == b->fs_old_cgmask &&
	    a->fs_csaddr == b->fs_csaddr && a->fs_cssize == b->fs_cssize &&
	    a->fs_cgsize == b->fs_cgsize;
}

/* Is what the journal has at off, n bytes, a superblock for this disk? */
static bool
ffs_log_issuper(struct ffs_replay *rp, int64_t n, int64_t off)
{
	const struct ffs_mount *fm = rp->rp_fm;
	struct fs *fs = kmem_alloc(sizeof(*fs), KM_SLEEP);
	uint8_t *raw = kmem_zalloc(FFS_SBLOCKSIZE, KM_SLEEP);
	const char *why;
	bool swap, ok;

	ok = ffs_log_read(rp, off, raw, MIN(n, FFS_SBLOCKSIZE)) == 0 &&
	    ffs_sb_decode(fs, raw, fm->fm_sbloc, -1, &swap, &why) ==
	    FFS_SB_OK && swap == fm->fm_swap && fs->fs_sbsize <= n &&
	    ffs_log_samefs(fs, fm->fm_fs);
	kmem_free(raw, FFS_SBLOCKSIZE);
	kmem_free(fs, sizeof(*fs));
	return ok;
}

/*
 * Where a mistake would cost all: over the superblock only another one may be
 * written, and nothing over the journal while it is read.
 */
static const char *
ffs_log_target(struct ffs_replay *rp, int64_t db, int64_t n, int64_t off)
{
	const int64_t sb = rp->rp_fm->fm_sbloc;
	const int64_t at = db << DEV_BSHIFT;

	if (at < rp->rp_base + rp->rp_size && at + n > rp->rp_base)
		return "block of the journal itself";
	if (at >= sb + rp->rp_fm->fm_fs->fs_sbsize || at + n <= sb)
		return NULL;
	return at == sb && ffs_log_issuper(rp, n, off) ? NULL :
	    "block over the superblock";
}

/* Note the blocks of a record, whose data begin at off. */
static const char *
ffs_log_blocks(struct ffs_replay *rp, const struct wapbl_record *rec,
    int count, int64_t len, int64_t off)
{
	int64_t total = WAPBL_BLOCK, db, n;
	const char *why;

	for (int i = 0; i < count; i++) {
		why = ffs_log_run(rp, rec, i, &db, &n);
		if (why != NULL)
			return why;
		total += n;
		if (total > len)
			return "blocks of a record";
		why = ffs_log_target(rp, db, n, off);
		if (why != NULL)
			return why;
		for (int64_t b = 0; b < n >> DEV_BSHIFT; b++) {
			const uint64_t s = ffs_log_slot(rp, db + b);

			rp->rp_key[s] = db + b + 1;
			rp->rp_val[s] = off;
			off = ffs_log_advance(rp, off, DEV_BSIZE);
		}
	}
	return total == len ? NULL : "length of a record";
}

static const char *
ffs_log_revocations(struct ffs_replay *rp, const struct wapbl_record *rec,
    int count)
{
	int64_t db, n;
	const char *why;

	for (int i = 0; i < count; i++) {
		why = ffs_log_run(rp, rec, i, &db, &n);
		if (why != NULL)
			return why;
		for (int64_t b = 0; b < n >> DEV_BSHIFT; b++) {
			const uint64_t s = ffs_log_slot(rp, db + b);

			if (rp->rp_key[s] != 0)
				rp->rp_val[s] = 0;
		}
	}
	return NULL;
}

static const char *
ffs_log_inodes(struct ffs_replay *rp, const struct wapbl_record *rec,
    int count)
{
	if (ffs_rw32((uint32_t)rec->wc_clear, rp->rp_swap) != 0)
		rp->rp_ninodes = 0;
	for (int i = 0; i < count; i++) {
		/* The ring bounds their number; rp_maxinodes comes from it. */
		if (rp->rp_ninodes == rp->rp_maxinodes)
			return "number of inodes";
		rp->rp_inode[rp->rp_ninodes].ri_number =
		    ffs_rw32(rec->wc_inodes[i].wc_inumber, rp->rp_swap);
		rp->rp_inode[rp->rp_ninodes].ri_mode =
		    ffs_rw32(rec->wc_inodes[i].wc_imode, rp->rp_swap);
		rp->rp_ninodes++;
	}
	return NULL;
}

/* Look at one record; *lenp is how long it is. */
static const char *
ffs_log_record(struct ffs_replay *rp, int64_t off, int64_t left,
    struct wapbl_record *rec, int64_t *lenp)
{
	int count;

	if (ffs_log_read(rp, off, rec, WAPBL_BLOCK) != 0)
		return "record can't be read";
	*lenp = (int32_t)ffs_rw32((uint32_t)rec->wc_len, rp->rp_swap);
	count = (int32_t)ffs_rw32((uint32_t)rec->wc_count, rp->rp_swap);
	if (*lenp < WAPBL_BLOCK || *lenp % WAPBL_BLOCK != 0 || *lenp > left)
		return "length of a record";
	rec->wc_type = ffs_rw32(rec->wc_type, rp->rp_swap);
	if (count < 0 || count > (rec->wc_type == WAPBL_WC_INODES ?
	    (int)__arraycount(rec->wc_inodes) :
	    (int)__arraycount(rec->wc_blocks)))
		return "entries of a record";
	switch (rec->wc_type) {
	case WAPBL_WC_BLOCKS:
		return ffs_log_blocks(rp, rec, count, *lenp,
		    ffs_log_advance(rp, off, WAPBL_BLOCK));
	case WAPBL_WC_REVOCATIONS:
		return ffs_log_revocations(rp, rec, count);
	case WAPBL_WC_INODES:
		return ffs_log_inodes(rp, rec, count);
	default:
		return "kind of a record";
	}
}

/* Read the whole used part of the ring. */
static const char *
ffs_log_scan(struct ffs_replay *rp)
{
	struct wapbl_record rec;
	int64_t off = rp->rp_tail, len;
	const char *why;

	for (int64_t left = rp->rp_used; left > 0; left -= len) {
		why = ffs_log_record(rp, off, left, &rec, &len);
		if (why != NULL)
			return why;
		off = ffs_log_advance(rp, off, len);
	}
	return NULL;
}

void
ffs_replay_free(struct ffs_mount *fm)
{
	struct ffs_replay *rp = fm->fm_replay;

	if (rp == NULL)
		return;
	if (rp->rp_key != NULL) {
		const size_t n = (rp->rp_mask + 1) * sizeof(int64_t);

		kmem_free(rp->rp_key, n);
		kmem_free(rp->rp_val, n);
		kmem_free(rp->rp_inode,
		    rp->rp_maxinodes * sizeof(*rp->rp_inode));
	}
	kmem_free(rp, sizeof(*rp));
	fm->fm_replay = NULL;
}

/* The table is made for what is used: it can't get more than half full. */
static void
ffs_replay_alloc(struct ffs_replay *rp)
{
	const uint64_t blocks = (uint64_t)rp->rp_used / WAPBL_BLOCK;
	uint64_t n = 64;

	while (n < 2 * blocks)
		n *= 2;
	rp->rp_mask = n - 1;
	rp->rp_key = kmem_zalloc(n * sizeof(int64_t), KM_SLEEP);
	rp->rp_val = kmem_zalloc(n * sizeof(int64_t), KM_SLEEP);
	rp->rp_maxinodes = (blocks + 1) * 62;
	rp->rp_inode = kmem_alloc(rp->rp_maxinodes * sizeof(*rp->rp_inode),
	    KM_SLEEP);
}

/*
 * Read and check the journal.  After success fm_replay holds what it says,
 * or is NULL if it is empty.  EINVAL for one that can't be trusted.
 */
int
ffs_replay_open(struct ffs_mount *fm)
{
	struct ffs_replay *rp = kmem_zalloc(sizeof(*rp), KM_SLEEP);
	const char *why;

	KASSERT(fm->fm_replay == NULL);
	fm->fm_replay = rp;
	rp->rp_fm = fm;
	why = ffs_log_locate(rp);
	if (why == NULL)
		why = ffs_log_header(rp);
	if (why == NULL && rp->rp_used > 0) {
		ffs_replay_alloc(rp);
		why = ffs_log_scan(rp);
	}
	if (why != NULL || rp->rp_used == 0)
		ffs_replay_free(fm);
	if (why != NULL) {
		printf("ffs: %s: bad journal: %s\n",
		    fm->fm_mp->mnt_stat.f_mntfromname, why);
		return EINVAL;
	}
	return 0;
}

/* Lay the journal over a buffer that was read from the device. */
int
ffs_replay_overlay(struct ffs_mount *fm, struct buf *bp)
{
	struct ffs_replay *rp = fm->fm_replay;
	int error = 0;

	for (int64_t b = 0; b < bp->b_bcount >> DEV_BSHIFT && error == 0;
	    b++) {
		const uint64_t s = ffs_log_slot(rp, bp->b_blkno + b);

		if (rp->rp_key[s] != 0 && rp->rp_val[s] != 0)
			error = ffs_log_read(rp, rp->rp_val[s],
			    (char *)bp->b_data + (b << DEV_BSHIFT),
			    DEV_BSIZE);
	}
	return error;
}

/* Write one run of blocks home, as far as the journal has no later ones. */
static int
ffs_replay_run(struct ffs_replay *rp, int64_t db, int64_t n, int64_t off)
{
	struct buf *bp;
	int error = 0;

	n >>= DEV_BSHIFT;
	for (int64_t b = 0, run; b < n && error == 0; b += run) {
		const int64_t first = off;

		for (run = 0; b + run < n &&
		    rp->rp_val[ffs_log_slot(rp, db + b + run)] == off; run++)
			off = ffs_log_advance(rp, off, DEV_BSIZE);
		if (run == 0) {
			off = ffs_log_advance(rp, off, DEV_BSIZE);
			run = 1;
			continue;
		}
		bp = getblk(rp->rp_fm->fm_devvp, db + b,
		    (int)(run << DEV_BSHIFT), 0, 0);
		if (bp == NULL)
			return EIO;
		error = ffs_log_read(rp, first, bp->b_data,
		    run << DEV_BSHIFT);
		if (error != 0)
			brelse(bp, BC_INVAL);
		else
			error = bwrite(bp);
	}
	return error;
}

/* Say on the disk that nothing is in the journal any more. */
static int
ffs_replay_empty(struct ffs_replay *rp)
{
	struct wapbl_header h = rp->rp_header;
	struct buf *bp;

	h.wc_head = h.wc_tail = 0;
	h.wc_generation++;
	if (rp->rp_swap)
		ffs_log_swap_header(&h);
	bp = getblk(rp->rp_fm->fm_devvp, (rp->rp_base + rp->rp_stale) >>
	    DEV_BSHIFT, WAPBL_BLOCK, 0, 0);
	if (bp == NULL)
		return EIO;
	clrbuf(bp);
	memcpy(bp->b_data, &h, sizeof(h));
	return bwrite(bp);
}

/* Can a file without a name have this number? */
static bool
ffs_replay_maybe(const struct ffs_mount *fm, uint64_t ino)
{
	return ino > UFS_ROOTINO &&
	    ino < (uint64_t)fm->fm_fs->fs_ncg * fm->fm_fs->fs_ipg;
}

/*
 * Write the journal's blocks to where they belong.  It is not emptied: that is
 * for those who take care of the inodes that it lists.
 */
int
ffs_replay_write(struct ffs_mount *fm)
{
	struct ffs_replay *rp = fm->fm_replay;
	struct wapbl_record rec;
	int64_t off = rp->rp_tail, len, data, db, n;
	int error = 0;

	printf("ffs: %s: replaying the journal\n",
	    fm->fm_mp->mnt_stat.f_mntfromname);
	for (int64_t left = rp->rp_used; left > 0 && error == 0;
	    left -= len, off = ffs_log_advance(rp, off, len)) {
		error = ffs_log_read(rp, off, &rec, WAPBL_BLOCK);
		if (error != 0)
			break;
		len = (int32_t)ffs_rw32((uint32_t)rec.wc_len, rp->rp_swap);
		if (ffs_rw32(rec.wc_type, rp->rp_swap) != WAPBL_WC_BLOCKS)
			continue;
		data = ffs_log_advance(rp, off, WAPBL_BLOCK);
		for (int i = 0; i < (int32_t)ffs_rw32((uint32_t)rec.wc_count,
		    rp->rp_swap) && error == 0; i++) {
			if (ffs_log_run(rp, &rec, i, &db, &n) != NULL)
				return EIO;	/* it was good before */
			error = ffs_replay_run(rp, db, n, data);
			data = ffs_log_advance(rp, data, n);
		}
	}
	return error;
}

/*
 * The mount goes on with the same journal: its next transaction comes behind
 * the replayed ones and lists their inodes.
 */
int
ffs_replay_handover(struct ffs_mount *fm, struct ffs_log *lg)
{
	const struct ffs_replay *rp = fm->fm_replay;

	if (rp->rp_off != lg->lg_off || rp->rp_ring != lg->lg_ring ||
	    rp->rp_base != lg->lg_base)
		return EINVAL;
	lg->lg_swap = rp->rp_swap;
	lg->lg_head = rp->rp_header.wc_head;
	lg->lg_used = lg->lg_nextused = rp->rp_used;
	lg->lg_generation = rp->rp_header.wc_generation + 1;
	lg->lg_slot = rp->rp_stale != 0;
	for (size_t i = 0; i < rp->rp_ninodes; i++)
		if (ffs_replay_maybe(fm, rp->rp_inode[i].ri_number))
			ffs_log_found(lg, rp->rp_inode[i].ri_number,
			    (mode_t)rp->rp_inode[i].ri_mode);
	return 0;
}

/*
 * After the replay, on a mount for writing: files that were open without a
 * name are removed, inodes that were only half made are given back.
 */
void
ffs_replay_finish(struct ffs_mount *fm)
{
	struct ffs_replay *rp = fm->fm_replay;
	struct vnode *vp;
	struct ffs_tx tx;

	for (size_t i = 0; i < rp->rp_ninodes; i++) {
		const uint64_t ino = rp->rp_inode[i].ri_number;
		int error;

		if (!ffs_replay_maybe(fm, ino))
			continue;
		error = vcache_get(fm->fm_mp, &ino, sizeof(ino), &vp);
		if (error == 0)
			vrele(vp);	/* without a name: it goes */
		else if (error == ENOENT && ffs_begin(fm, &tx) == 0) {
			ffs_vfree(fm, ino, (mode_t)rp->rp_inode[i].ri_mode);
			ffs_end(&tx);
		}
	}
	if (fm->fm_log != NULL)
		ffs_log_founddone(fm->fm_log);
	else
		(void)ffs_replay_empty(rp);
	ffs_replay_free(fm);
}
