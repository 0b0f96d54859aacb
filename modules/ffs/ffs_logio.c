/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal on the disk, and commits.
 *
 * A commit writes the transaction's records behind the last one, has the disk
 * flush them, then writes the header that counts them in, and has the disk
 * flush that.  From then on the blocks may go to where they belong, which is
 * started at once (ffs_loghome.c).  When all of a transaction have arrived,
 * the next header may leave it out: the flush before that header covers them.
 * The ring's room that a header has left out is used again only after a flush,
 * too.
 */

#include "ffs.h"
#include "ffs_log.h"

#include <sys/dkio.h>
#include <sys/fcntl.h>
#include <sys/lwp.h>
#include <lib/libkern/libkern.h>

/* Read or write bytes of the disk, past the cache. */
int
ffs_log_rawio(struct ffs_mount *fm, int64_t off, void *data, int len,
    bool write)
{
	struct vnode *devvp = fm->fm_devvp;
	struct buf *bp = getiobuf(devvp, true);
	int error;

	bp->b_data = data;
	bp->b_bufsize = bp->b_bcount = bp->b_resid = len;
	bp->b_blkno = bp->b_lblkno = off >> DEV_BSHIFT;
	bp->b_dev = fm->fm_dev;
	if (write) {
		mutex_enter(devvp->v_interlock);
		devvp->v_numoutput++;
		mutex_exit(devvp->v_interlock);
	} else
		bp->b_flags |= B_READ;
	BIO_SETPRIO(bp, BPRIO_TIMECRITICAL);
	VOP_STRATEGY(devvp, bp);
	error = biowait(bp);
	if (error == 0 && bp->b_resid != 0)
		error = EIO;
	putiobuf(bp);
	return error;
}

/* Have the disk's cache written; what a header has left out is free now. */
int
ffs_log_diskflush(struct ffs_log *lg)
{
	int error, force = 1;

	lg->lg_flushes++;
	error = VOP_IOCTL(lg->lg_fm->fm_devvp, DIOCCACHESYNC, &force, FWRITE,
	    curlwp->l_cred);
	if (error == ENOTTY || error == ENODEV || error == EOPNOTSUPP)
		error = 0;	/* a disk without a cache */
	if (error == 0)
		lg->lg_used = lg->lg_nextused;
	return error;
}

static int64_t
ffs_logio_advance(const struct ffs_log *lg, int64_t off, int64_t n)
{
	off += n;
	return off >= lg->lg_off + lg->lg_ring ? off - lg->lg_ring : off;
}

/* Write a header: from it on the ring's used part is [tail, head). */
int
ffs_log_putheader(struct ffs_log *lg, int64_t head, int64_t tail)
{
	char block[WAPBL_BLOCK] __aligned(8);
	struct wapbl_header *h = (void *)block;
	struct timespec now;
	int error;

	memset(block, 0, sizeof(block));
	getnanotime(&now);
	h->wc_type = WAPBL_WC_HEADER;
	h->wc_len = WAPBL_BLOCK;
	h->wc_generation = lg->lg_generation++;
	h->wc_time = (uint64_t)now.tv_sec;
	h->wc_timensec = (uint32_t)now.tv_nsec;
	h->wc_version = WAPBL_VERSION;
	h->wc_log_dev_bshift = DEV_BSHIFT;
	h->wc_fs_dev_bshift = DEV_BSHIFT;
	h->wc_head = head;
	h->wc_tail = tail;
	h->wc_circ_off = lg->lg_off;
	h->wc_circ_size = lg->lg_ring;
	if (lg->lg_swap)
		ffs_log_swap_header(h);
	error = ffs_log_rawio(lg->lg_fm, lg->lg_base +
	    lg->lg_slot * WAPBL_BLOCK, block, WAPBL_BLOCK, true);
	lg->lg_slot ^= 1;
	lg->lg_empty = head == 0;
	return error;
}

/* Gathering: what is put follows what was put, around the ring. */

static int
ffs_logio_send(struct ffs_log *lg)
{
	int error = 0;

	if (lg->lg_fill > 0)
		error = ffs_log_rawio(lg->lg_fm, lg->lg_base + lg->lg_outoff,
		    lg->lg_out, lg->lg_fill, true);
	lg->lg_outoff = ffs_logio_advance(lg, lg->lg_outoff, lg->lg_fill);
	lg->lg_fill = 0;
	return error;
}

static int
ffs_logio_put(struct ffs_log *lg, const void *data, int64_t len)
{
	const char *p = data;
	int error = 0;

	while (len > 0 && error == 0) {
		const int64_t end = lg->lg_off + lg->lg_ring - lg->lg_outoff -
		    lg->lg_fill;
		const int n = (int)MIN(MIN(len, end),
		    FFS_LOG_OUT - lg->lg_fill);

		memcpy(lg->lg_out + lg->lg_fill, p, (size_t)n);
		lg->lg_fill += n;
		p += n;
		len -= n;
		if (lg->lg_fill == FFS_LOG_OUT || n == end)
			error = ffs_logio_send(lg);
	}
	return error;
}

static int
ffs_logio_record(struct ffs_log *lg, struct wapbl_record *rec, uint32_t type,
    int count, int64_t data)
{
	const bool swap = lg->lg_swap;

	rec->wc_type = ffs_rw32(type, swap);
	rec->wc_len = (int32_t)ffs_rw32((uint32_t)(WAPBL_BLOCK + data), swap);
	rec->wc_count = (int32_t)ffs_rw32((uint32_t)count, swap);
	rec->wc_clear = (int32_t)ffs_rw32((uint32_t)rec->wc_clear, swap);
	return ffs_logio_put(lg, rec, WAPBL_BLOCK);
}

static void
ffs_logio_run(const struct ffs_log *lg, struct wapbl_record *rec, int i,
    int64_t db, int64_t len)
{
	rec->wc_blocks[i].wc_daddr = (int64_t)ffs_rw64((uint64_t)db,
	    lg->lg_swap);
	rec->wc_blocks[i].wc_dlen = (int32_t)ffs_rw32((uint32_t)len,
	    lg->lg_swap);
}

static int
ffs_logio_blocks(struct ffs_log *lg)
{
	struct buf *bp, *first = TAILQ_FIRST(&lg->lg_bufs);
	struct wapbl_record rec;
	int64_t data;
	int error = 0, n;

	while (first != NULL && error == 0) {
		memset(&rec, 0, sizeof(rec));
		data = 0;
		n = 0;
		for (bp = first; bp != NULL && n < WAPBL_NBLOCKS;
		    bp = TAILQ_NEXT(bp, b_wapbllist)) {
			ffs_logio_run(lg, &rec, n++, bp->b_blkno,
			    bp->b_bcount);
			data += bp->b_bcount;
		}
		error = ffs_logio_record(lg, &rec, WAPBL_WC_BLOCKS, n, data);
		for (; n > 0 && error == 0; n--) {
			error = ffs_logio_put(lg, first->b_data,
			    first->b_bcount);
			first = TAILQ_NEXT(first, b_wapbllist);
		}
	}
	return error;
}

static int
ffs_logio_revocations(struct ffs_log *lg)
{
	const struct fs *fs = lg->lg_fm->fm_fs;
	struct wapbl_record rec;
	int error = 0, n = 0;

	memset(&rec, 0, sizeof(rec));
	for (unsigned i = 0; i < lg->lg_ndealloc && error == 0; i++) {
		const struct ffs_dealloc *da = &lg->lg_dealloc[i];

		if (!da->da_meta)
			continue;
		ffs_logio_run(lg, &rec, n++, FFS_FSBTODB(fs, da->da_bno),
		    (int64_t)da->da_nfrags << fs->fs_fshift);
		if (n == WAPBL_NBLOCKS) {
			error = ffs_logio_record(lg, &rec,
			    WAPBL_WC_REVOCATIONS, n, 0);
			memset(&rec, 0, sizeof(rec));
			n = 0;
		}
	}
	if (n > 0 && error == 0)
		error = ffs_logio_record(lg, &rec, WAPBL_WC_REVOCATIONS, n, 0);
	return error;
}

/* The list of inodes without a name, whole in each transaction. */
static int
ffs_logio_inodes(struct ffs_log *lg)
{
	struct wapbl_record rec;
	unsigned i = 0;
	int error;

	do {
		int n = 0;

		memset(&rec, 0, sizeof(rec));
		rec.wc_clear = i == 0;
		for (; i < lg->lg_norphans && n < WAPBL_NINODES; i++, n++) {
			rec.wc_inodes[n].wc_inumber =
			    ffs_rw32(lg->lg_orphan[i].or_ino, lg->lg_swap);
			rec.wc_inodes[n].wc_imode =
			    ffs_rw32(lg->lg_orphan[i].or_mode, lg->lg_swap);
		}
		error = ffs_logio_record(lg, &rec, WAPBL_WC_INODES, n, 0);
	} while (i < lg->lg_norphans && error == 0);
	return error;
}

/* Exactly what the records of the transaction take. */
static int64_t
ffs_logio_size(const struct ffs_log *lg)
{
	return lg->lg_bytes + (int64_t)WAPBL_BLOCK *
	    (howmany(lg->lg_nbufs, WAPBL_NBLOCKS) +
	    howmany(lg->lg_nmeta, WAPBL_NBLOCKS) +
	    MAX(howmany(lg->lg_norphans, WAPBL_NINODES), 1));
}

/* Forget the oldest transactions whose blocks have arrived. */
static int64_t
ffs_logio_reap(struct ffs_log *lg)
{
	struct ffs_logentry *le;
	int64_t left = 0;

	while ((le = STAILQ_FIRST(&lg->lg_entries)) != NULL &&
	    le->le_refs == 0) {
		STAILQ_REMOVE_HEAD(&lg->lg_entries, le_link);
		kmem_free(le, sizeof(*le));
	}
	STAILQ_FOREACH(le, &lg->lg_entries, le_link)
		left += le->le_len;
	return left;
}

/* Wait until all committed blocks have arrived where they belong. */
static int
ffs_logio_wait(struct ffs_log *lg)
{
	mutex_enter(&lg->lg_lock);
	while (lg->lg_inflight > 0)
		cv_wait(&lg->lg_cv, &lg->lg_lock);
	mutex_exit(&lg->lg_lock);
	return lg->lg_error;
}

/* Empty the journal on the disk, as soon as the disk is flushed again. */
int
ffs_log_checkpoint(struct ffs_log *lg)
{
	int error;

	error = ffs_logio_wait(lg);
	if (error != 0 || lg->lg_empty)
		return error;
	(void)ffs_logio_reap(lg);
	KASSERT(STAILQ_EMPTY(&lg->lg_entries));
	error = ffs_log_diskflush(lg);
	if (error == 0)
		error = ffs_log_putheader(lg, 0, 0);
	lg->lg_nextused = 0;
	return error;
}

/* Mark the freed blocks free, as part of the transaction. */
static void
ffs_logio_free(struct ffs_log *lg)
{
	for (unsigned i = 0; i < lg->lg_ndealloc; i++)
		ffs_blkfree_run(lg->lg_fm, lg->lg_dealloc[i].da_bno,
		    lg->lg_dealloc[i].da_nfrags);
	lg->lg_pending = 0;
}

/* Write the transaction and count it in. */
static int
ffs_logio_write(struct ffs_log *lg)
{
	const int64_t size = ffs_logio_size(lg);
	struct ffs_logentry *le;
	int64_t left;
	int error;

	if (size >= lg->lg_ring - lg->lg_used) {
		error = ffs_log_checkpoint(lg);
		if (error == 0)
			error = ffs_log_diskflush(lg);
		if (error != 0)
			return error;
	}
	if (size >= lg->lg_ring - lg->lg_used) {
		ffs_complain(lg->lg_fm, "transaction of %lld bytes, but the "
		    "journal has %lld", (long long)size,
		    (long long)lg->lg_ring);
		return EFBIG;
	}
	lg->lg_outoff = lg->lg_head;
	lg->lg_fill = 0;
	if ((error = ffs_loghome_sort(lg)) != 0 ||
	    (error = ffs_logio_blocks(lg)) != 0 ||
	    (error = ffs_logio_revocations(lg)) != 0 ||
	    (error = ffs_logio_inodes(lg)) != 0 ||
	    (error = ffs_logio_send(lg)) != 0)
		return error;
	KASSERT(lg->lg_outoff == ffs_logio_advance(lg, lg->lg_head, size));
	left = ffs_logio_reap(lg);
	error = ffs_log_diskflush(lg);
	if (error == 0)
		error = ffs_log_putheader(lg, lg->lg_outoff,
		    ffs_logio_advance(lg, lg->lg_head,
		    left == 0 ? 0 : lg->lg_ring - left));
	lg->lg_nextused = left + size;
	if (error == 0)
		error = ffs_log_diskflush(lg);
	if (error == 0 && lg->lg_oncommit != NULL)
		error = (*lg->lg_oncommit)(lg->lg_fm);
	if (error != 0)
		return error;
	lg->lg_oncommit = NULL;
	lg->lg_head = lg->lg_outoff;
	le = kmem_zalloc(sizeof(*le), KM_SLEEP);
	le->le_log = lg;
	le->le_len = size;
	STAILQ_INSERT_TAIL(&lg->lg_entries, le, le_link);
	ffs_loghome_send(lg, le);
	lg->lg_commits++;
	return 0;
}

/*
 * Commit the running transaction.  Nobody is in the middle of an operation,
 * and nobody begins one before this is over.
 */
int
ffs_log_commit(struct ffs_log *lg)
{
	int error;

	KASSERT(lg->lg_nactive == 0 && lg->lg_committer == NULL);
	lg->lg_committer = curlwp;
	ffs_logio_free(lg);
	error = ffs_log_encodelate(lg);
	if (error == 0 && (lg->lg_nbufs != 0 || lg->lg_ndealloc != 0 ||
	    lg->lg_must))
		error = ffs_logio_write(lg);
	else if (error == 0)
		error = ffs_log_diskflush(lg);
	lg->lg_ndealloc = 0;
	lg->lg_nmeta = 0;
	ffs_log_forgetgroups(lg);
	lg->lg_must = false;
	if (error != 0 && lg->lg_error == 0) {
		lg->lg_error = error;
		ffs_complain(lg->lg_fm, "the journal can't be written: error "
		    "%d: no more changes", error);
	}
	lg->lg_done = lg->lg_seq++;
	lg->lg_committer = NULL;
	cv_broadcast(&lg->lg_cv);
	return error;
}
