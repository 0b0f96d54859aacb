/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a journal lies, making one, and starting and ending its use.
 *
 * It lies behind the file system, if newfs has left room there, or in it, as a
 * file without a name whose blocks follow each other.  A file system without
 * one gets one inside at its first mount with MNT_LOG: as NetBSD has it, 1/1024
 * of the file system, at least 1 MiB and at most 64 MiB.  (Room behind the
 * file system is never taken unasked: what lies there may be somebody else's
 * partition.)
 *
 * A new journal's own inode and blocks are its first transaction.  Until the
 * superblock tells of the journal, all it has touched are free blocks.
 */

#include "ffs.h"
#include "ffs_log.h"

#include <sys/lwp.h>
#include <sys/stat.h>
#include <sys/wapbl.h>
#include <lib/libkern/libkern.h>

#define	FFS_LOG_SCALE	1024
#define	FFS_LOG_MIN	(1024 * 1024)
#define	FFS_LOG_MAX	(64 * 1024 * 1024)

/* Buffers that one operation may change, and with large blocks. */
#define	FFS_TX_BUFS	24
#define	FFS_TX_FEWBUFS	12

static int
ffs_log_refuse(struct ffs_mount *fm, int error, const char *why)
{
	printf("ffs: %s: no journal: %s\n",
	    fm->fm_mp->mnt_stat.f_mntfromname, why);
	return error;
}

/* Divide the journal's size up; false if it is too small for its blocks. */
static bool
ffs_log_measure(struct ffs_log *lg, int64_t size)
{
	const struct fs *fs = lg->lg_fm->fm_fs;

	lg->lg_off = 2 * WAPBL_BLOCK;
	lg->lg_ring = size - lg->lg_off;
	lg->lg_head = lg->lg_off;
	lg->lg_cgbytes = FFS_FRAGROUNDUP(fs, (int64_t)fs->fs_cgsize);
	lg->lg_opmax = FFS_TX_BUFS * (int64_t)fs->fs_bsize;
	if (lg->lg_opmax > lg->lg_ring / 4)
		lg->lg_opmax = FFS_TX_FEWBUFS * (int64_t)fs->fs_bsize;
	/*
	 * All of the ring: when there is much to do, fewer and longer
	 * transactions write the groups' and inodes' blocks less often.
	 */
	lg->lg_limit = MIN(lg->lg_ring - 8 * WAPBL_BLOCK,
	    MAX((int64_t)buf_memcalc() / 4, 2 * lg->lg_opmax));
	return lg->lg_opmax + 8 * WAPBL_BLOCK <= lg->lg_limit;
}

/*
 * How many blocks one step of a truncation may free, and in *morep how much
 * of the journal it then takes for the groups they lie in.
 */
int64_t
ffs_log_steplimit(const struct ffs_mount *fm, int64_t *morep)
{
	const struct ffs_log *lg = fm->fm_log;
	const int64_t ncg = fm->fm_fs->fs_ncg;
	const int64_t max = MAX(lg->lg_limit / 4 / lg->lg_cgbytes, 1);

	*morep = MIN(ncg, max) * lg->lg_cgbytes;
	return ncg <= max ? 32768 : max;
}

/* The journal inside: is this the file that the superblock means? */
static bool
ffs_log_isfile(struct ffs_mount *fm, uint64_t ino, int64_t addr,
    int64_t count)
{
	const struct fs *fs = fm->fm_fs;
	const int64_t nblks = count >> (fs->fs_bshift - DEV_BSHIFT);
	struct ffs_inode *ip;
	struct vnode *vp;
	int64_t bno;
	bool ok;

	if (vcache_get(fm->fm_mp, &ino, sizeof(ino), &vp) != 0)
		return false;
	ip = VTOI(vp);
	ok = vp->v_type == VREG && (ip->i_flags & SF_LOG) != 0 &&
	    (int64_t)ip->i_size == count << DEV_BSHIFT &&
	    FFS_BLKOFF(fs, (int64_t)ip->i_size) == 0;
	for (int64_t lbn = 0; ok && lbn < nblks; lbn++)
		ok = ffs_bmap_lbn(ip, lbn, &bno, NULL) == 0 &&
		    FFS_FSBTODB(fs, bno) == addr +
		    (lbn << (fs->fs_bshift - DEV_BSHIFT));
	vrele(vp);
	return ok;
}

/* Find the journal that the superblock tells of. */
static int
ffs_log_find(struct ffs_mount *fm, struct ffs_log *lg, int64_t *sizep)
{
	const struct fs *fs = fm->fm_fs;
	const int64_t fsend = FFS_FSBTODB(fs, fs->fs_size);
	const int64_t disk = ffs_disksize(fm->fm_devvp) >> DEV_BSHIFT;
	uint64_t loc[4];

	memcpy(loc, fs->fs_journallocs, sizeof(loc));
	if (loc[2] == __builtin_bswap64(WAPBL_BLOCK))
		for (int i = 0; i < 4; i++)
			loc[i] = __builtin_bswap64(loc[i]);
	else if (loc[2] != WAPBL_BLOCK)
		return ffs_log_refuse(fm, EINVAL, "its block size is not 512");
	if (loc[0] == 0 || loc[0] > INT64_MAX / WAPBL_BLOCK ||
	    loc[1] > INT32_MAX)
		return ffs_log_refuse(fm, EINVAL, "its place is wrong");
	if (fs->fs_journal_location == FFS_JOURNAL_END) {
		if ((int64_t)loc[0] < fsend ||
		    (int64_t)(loc[0] + loc[1]) > disk)
			return ffs_log_refuse(fm, EINVAL,
			    "it is not behind the file system");
	} else if (!ffs_log_isfile(fm, loc[3], (int64_t)loc[0],
	    (int64_t)loc[1]))
		return ffs_log_refuse(fm, EINVAL,
		    "its file is not what the superblock says");
	lg->lg_base = (int64_t)loc[0] << DEV_BSHIFT;
	*sizep = (int64_t)loc[1] << DEV_BSHIFT;
	return 0;
}

/* Go on counting where the headers that are there have ended. */
static void
ffs_log_oldheaders(struct ffs_log *lg)
{
	char block[2 * WAPBL_BLOCK] __aligned(8);

	if (ffs_log_rawio(lg->lg_fm, lg->lg_base, block, sizeof(block),
	    false) != 0)
		return;
	for (int i = 0; i < 2; i++) {
		struct wapbl_header *h = (void *)(block + i * WAPBL_BLOCK);

		lg->lg_swap = h->wc_type ==
		    __builtin_bswap32(WAPBL_WC_HEADER);
		if (lg->lg_swap)
			ffs_log_swap_header(h);
		if (h->wc_type == WAPBL_WC_HEADER &&
		    h->wc_generation >= lg->lg_generation)
			lg->lg_generation = h->wc_generation + 1;
	}
}

/* Both headers say that nothing is in the ring. */
static int
ffs_log_clear(struct ffs_log *lg)
{
	int error;

	ffs_log_oldheaders(lg);
	error = ffs_log_putheader(lg, 0, 0);
	if (error == 0)
		error = ffs_log_putheader(lg, 0, 0);
	if (error == 0)
		error = ffs_log_diskflush(lg);
	return error;
}

static void
ffs_log_attach(struct ffs_mount *fm, struct ffs_log *lg)
{
	struct mount *mp = fm->fm_mp;

	fm->fm_log = lg;
	mp->mnt_wapbl_op = &ffs_wapbl_ops;
	mp->mnt_wapbl = (struct wapbl *)lg;
}

static void
ffs_log_detach(struct ffs_mount *fm)
{
	struct mount *mp = fm->fm_mp;
	struct ffs_log *lg = fm->fm_log;

	fm->fm_log = NULL;
	mp->mnt_wapbl = NULL;
	mp->mnt_wapbl_op = NULL;
	ffs_log_free(lg);
}

/* Tell of the journal in the superblock. */
static int
ffs_log_announce(struct ffs_mount *fm)
{
	int error;

	fm->fm_fs->fs_flags |= FFS_DOWAPBL;
	error = ffs_sb_writeraw(fm);
	if (error == 0)
		error = ffs_log_diskflush(fm->fm_log);
	return error;
}

/* Making one. */

/* How many indirect blocks a file of n blocks has. */
static uint32_t
ffs_log_nindirect(const struct fs *fs, int64_t n)
{
	const int64_t per = fs->fs_nindir;
	uint32_t count = 0;

	n -= UFS_NDADDR;
	if (n <= 0)
		return 0;
	count++;
	n -= per;
	if (n > 0)
		count += 1 + (uint32_t)howmany(n, per);
	return count;		/* FFS_LOG_MAX needs no third level */
}

/* Where contiguous blocks for a journal of up to n are; 0 if nowhere. */
static int64_t
ffs_log_findroom(struct ffs_mount *fm, int64_t *np)
{
	const struct fs *fs = fm->fm_fs;
	const int64_t min = FFS_LOG_MIN >> fs->fs_bshift;

	for (int64_t n = *np; n >= min; n = n > min ? MAX(n / 2, min) : 0) {
		/* From the middle of the disk, to be near to everything. */
		for (uint32_t i = 0; i < fs->fs_ncg; i++) {
			const uint32_t c = (fs->fs_ncg / 2 + i) % fs->fs_ncg;
			const int64_t bno = ffs_find_free(fm, c,
			    (uint32_t)n + ffs_log_nindirect(fs, n));

			if (bno != 0) {
				*np = n;
				return bno;
			}
		}
	}
	return 0;
}

/*
 * Fill the indirect block at bno, level levels above data, whose first data
 * block is first.  Data lie at data, indirect blocks are taken from *indp.
 */
static int
ffs_log_indirect(struct ffs_inode *ip, int level, int64_t first, int64_t bno,
    int64_t n, int64_t data, int64_t *indp)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	const int64_t span = level == 1 ? 1 : fs->fs_nindir;
	struct buf *bp;
	int error = 0;

	bp = getblk(ITOV(ip), -(first + level - 1), fs->fs_bsize, 0, 0);
	if (bp == NULL)
		return EIO;
	bp->b_blkno = FFS_FSBTODB(fs, bno);
	clrbuf(bp);
	for (int i = 0; i < fs->fs_nindir && error == 0; i++) {
		const int64_t f = first + i * span;

		if (f >= n)
			break;
		if (level == 1) {
			ffs_indir_setptr(fm, bp->b_data, i,
			    data + FFS_BLKSTOFRAGS(fs, f));
			continue;
		}
		ffs_indir_setptr(fm, bp->b_data, i, *indp);
		*indp += fs->fs_frag;
		error = ffs_log_indirect(ip, level - 1, f,
		    *indp - fs->fs_frag, n, data, indp);
	}
	bdwrite(bp);
	return error;
}

/* Give the new file n blocks at bno, where its indirect blocks come first. */
static int
ffs_log_fill(struct ffs_inode *ip, int64_t bno, int64_t n)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const uint32_t nind = ffs_log_nindirect(fs, n);
	const int64_t data = bno + FFS_BLKSTOFRAGS(fs, (int64_t)nind);
	int64_t ind = bno, first = UFS_NDADDR, span = fs->fs_nindir;
	int error;

	error = ffs_take_run(ip->i_fm, bno, (uint32_t)n + nind);
	if (error != 0)
		return error;
	for (int64_t i = 0; i < MIN(n, UFS_NDADDR); i++)
		ip->i_db[i] = data + FFS_BLKSTOFRAGS(fs, i);
	for (int l = 1; first < n && error == 0; l++) {
		ip->i_ib[l - 1] = ind;
		ind += fs->fs_frag;
		error = ffs_log_indirect(ip, l, first, ip->i_ib[l - 1], n,
		    data, &ind);
		first += span;
		span *= fs->fs_nindir;
	}
	ip->i_size = (uint64_t)FFS_LBLKTOSIZE(fs, n);
	ip->i_blocks = FFS_BTODB(FFS_LBLKTOSIZE(fs, n + nind));
	ip->i_nlink = 1;
	ip->i_flags = SF_LOG;
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	ffs_touch(ip);
	return error;
}

/* The journal's file is made in a transaction of the journal itself. */
static int
ffs_log_makefile(struct ffs_mount *fm, int64_t bno, int64_t n)
{
	const uint64_t root = UFS_ROOTINO;
	struct vnode *rvp, *vp;
	struct vattr va;
	struct ffs_tx tx;
	int error;

	error = vcache_get(fm->fm_mp, &root, sizeof(root), &rvp);
	if (error != 0)
		return error;
	vattr_null(&va);
	va.va_type = VREG;
	va.va_mode = 0;
	error = vcache_new(fm->fm_mp, rvp, &va, curlwp->l_cred, NULL, &vp);
	vrele(rvp);
	if (error != 0)
		return error;
	fm->fm_fs->fs_journallocs[3] = ffs_rw64(VTOI(vp)->i_number,
	    fm->fm_swap);
	error = ffs_begin(fm, &tx);
	if (error == 0) {
		error = ffs_log_fill(VTOI(vp), bno, n);
		ffs_end(&tx);
	}
	/* Its buffers are part of the transaction, not of a file in use. */
	if (error == 0)
		error = ffs_log_flush(fm);
	vrele(vp);
	return error;
}

/*
 * Take away the journal that is there, as tunefs(8) of NetBSD has asked for.
 * Nobody knows of its file before that is given back.
 */
static int
ffs_log_remove(struct ffs_mount *fm, struct ffs_log *lg)
{
	struct fs *fs = fm->fm_fs;
	const bool inside = fs->fs_journal_location == FFS_JOURNAL_INFS;
	uint64_t ino = fs->fs_journallocs[3];
	struct vnode *vp;
	int error;

	if (fs->fs_journallocs[2] != WAPBL_BLOCK)
		ino = __builtin_bswap64(ino);
	fs->fs_journal_version = 0;
	fs->fs_journal_location = FFS_JOURNAL_NONE;
	fs->fs_journal_flags = 0;
	memset(fs->fs_journallocs, 0, sizeof(fs->fs_journallocs));
	error = ffs_sb_writeraw(fm);
	if (error == 0)
		error = ffs_log_diskflush(lg);
	if (error != 0 || !inside)
		return error;
	error = vcache_get(fm->fm_mp, &ino, sizeof(ino), &vp);
	if (error != 0)
		return ffs_log_refuse(fm, error, "the old one has no file");
	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	if (vp->v_type == VREG && (VTOI(vp)->i_flags & SF_LOG) != 0) {
		VTOI(vp)->i_nlink = 0;
		VTOI(vp)->i_flags = 0;
		VTOI(vp)->i_flag |= IN_CHANGE | IN_MODIFIED;
	}
	vput(vp);
	return vflushbuf(fm->fm_devvp, FSYNC_WAIT);
}

/* The size of journal that tunefs(8) has asked for, in bytes; or 0. */
static int64_t
ffs_log_wanted(const struct fs *fs)
{
	const uint64_t *loc = fs->fs_journallocs;
	uint64_t size = loc[1];

	if ((fs->fs_journal_flags & FFS_JOURNAL_CREATE) == 0 ||
	    fs->fs_journal_location != FFS_JOURNAL_INFS ||
	    (loc[0] | loc[2] | loc[3]) != 0)
		return 0;
	/* Of the two orders it may be in, the other one makes it huge. */
	size = MIN(size, __builtin_bswap64(size));
	return (int64_t)MIN(size, FFS_LOG_MAX);
}

/* Make a journal inside of the file system. */
static int
ffs_log_create(struct ffs_mount *fm, struct ffs_log *lg)
{
	struct fs *fs = fm->fm_fs;
	int64_t size = ffs_log_wanted(fs), bno, n;
	int error;

	/* Others keep other things where NetBSD notes the journal. */
	if (fs->fs_metackhash != 0 ||
	    (fs->fs_flags & (FFS_DOSOFTDEP | FFS_SUJ)) != 0 ||
	    (size == 0 && (fs->fs_journallocs[0] | fs->fs_journallocs[1] |
	    fs->fs_journallocs[2] | fs->fs_journallocs[3]) != 0))
		return ffs_log_refuse(fm, EOPNOTSUPP,
		    "this is not a file system of NetBSD");
	if (size == 0)
		size = MIN((fs->fs_size << fs->fs_fshift) / FFS_LOG_SCALE,
		    FFS_LOG_MAX);
	size = MAX(size, FFS_LOG_MIN);
	n = size >> fs->fs_bshift;
	if (!ffs_log_measure(lg, n << fs->fs_bshift))
		n = (2 * FFS_TX_FEWBUFS + 4);	/* blocks of 64 KiB */
	bno = ffs_log_findroom(fm, &n);
	if (bno == 0)
		return ffs_log_refuse(fm, ENOSPC,
		    "no contiguous megabyte is free");
	size = n << fs->fs_bshift;
	if (!ffs_log_measure(lg, size))
		return ffs_log_refuse(fm, ENOSPC, "too little room");
	bno += FFS_BLKSTOFRAGS(fs, (int64_t)ffs_log_nindirect(fs, n));
	lg->lg_base = FFS_FSBTODB(fs, bno) << DEV_BSHIFT;
	error = ffs_log_clear(lg);
	if (error != 0)
		return error;
	lg->lg_oncommit = ffs_log_announce;
	ffs_log_attach(fm, lg);
	fs->fs_journal_version = FFS_JOURNAL_VERSION;
	fs->fs_journal_location = FFS_JOURNAL_INFS;
	fs->fs_journal_flags = 0;
	/* These are in the order of the machine, as the journal is. */
	fs->fs_journallocs[0] = ffs_rw64((uint64_t)FFS_FSBTODB(fs, bno),
	    fm->fm_swap);
	fs->fs_journallocs[1] = ffs_rw64((uint64_t)size >> DEV_BSHIFT,
	    fm->fm_swap);
	fs->fs_journallocs[2] = ffs_rw64(WAPBL_BLOCK, fm->fm_swap);
	error = ffs_log_makefile(fm, bno - FFS_BLKSTOFRAGS(fs,
	    (int64_t)ffs_log_nindirect(fs, n)), n);
	if (error != 0) {
		fs->fs_journal_version = 0;
		fs->fs_journal_location = FFS_JOURNAL_NONE;
		memset(fs->fs_journallocs, 0, sizeof(fs->fs_journallocs));
		fs->fs_flags &= ~(uint32_t)FFS_DOWAPBL;
	}
	return error;
}

/* Use the journal that is there; found tells what its replay has left. */
static int
ffs_log_reuse(struct ffs_mount *fm, struct ffs_log *lg)
{
	int64_t size;
	int error;

	error = ffs_log_find(fm, lg, &size);
	if (error != 0)
		return error;
	if (!ffs_log_measure(lg, size))
		return ffs_log_refuse(fm, EINVAL,
		    "it is too small for blocks of this size");
	if (fm->fm_replay == NULL) {
		error = ffs_log_clear(lg);
		if (error != 0)
			return error;
		ffs_log_attach(fm, lg);
		return ffs_log_announce(fm);
	}
	/* What was replayed stays until its inodes are in ours. */
	error = ffs_replay_handover(fm, lg);
	if (error != 0)
		return error;
	ffs_log_attach(fm, lg);
	lg->lg_oncommit = ffs_log_announce;
	lg->lg_must = true;
	return ffs_log_flush(fm);
}

/*
 * Start to keep a journal.  Nothing is dirty, nobody else is in the file
 * system, and fs_clean is as it shall be from now on.
 */
int
ffs_log_start(struct ffs_mount *fm)
{
	struct fs *fs = fm->fm_fs;
	struct ffs_log *lg = ffs_log_alloc(fm);
	int error = 0;

	KASSERT(fm->fm_log == NULL);
	/* What a replay has left needs the old journal for now. */
	if (fs->fs_journal_version == FFS_JOURNAL_VERSION &&
	    (fs->fs_journal_flags & FFS_JOURNAL_CLEAR) != 0 &&
	    fm->fm_replay == NULL)
		error = ffs_log_remove(fm, lg);
	if (error != 0)
		ffs_complain(fm, "the old journal can't be removed: error %d",
		    error);
	else if (fs->fs_journal_version == FFS_JOURNAL_VERSION &&
	    fs->fs_journal_location != FFS_JOURNAL_NONE)
		error = ffs_log_reuse(fm, lg);
	else
		error = ffs_log_create(fm, lg);
	if (error != 0) {
		if (fm->fm_log != NULL)
			ffs_log_abandon(fm);
		else
			ffs_log_free(lg);
	}
	return error;
}

/*
 * All is written and nobody changes anything: end the use of the journal.
 * The caller writes the superblock, which then doesn't tell of it.
 */
int
ffs_log_stop(struct ffs_mount *fm)
{
	struct ffs_log *lg = fm->fm_log;
	int error;

	error = ffs_log_flush(fm);
	if (error == 0)
		error = ffs_log_clean(fm);
	if (error == 0)
		error = ffs_log_diskflush(lg);
	if (error != 0)
		return error;
	ffs_log_detach(fm);
	fm->fm_fs->fs_flags &= ~(uint32_t)FFS_DOWAPBL;
	return 0;
}

/* The journal has failed: leave the disk as the last commit has it. */
void
ffs_log_abandon(struct ffs_mount *fm)
{
	struct ffs_log *lg = fm->fm_log;

	(*ffs_wapbl_ops.wo_wapbl_discard)((struct wapbl *)lg);
	mutex_enter(&lg->lg_lock);
	while (lg->lg_inflight > 0)
		cv_wait(&lg->lg_cv, &lg->lg_lock);
	mutex_exit(&lg->lg_lock);
	ffs_log_detach(fm);
}
