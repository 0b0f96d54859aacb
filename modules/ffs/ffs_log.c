/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions of a file system that is mounted with a journal.
 *
 * Every operation that changes metadata lies between ffs_begin() and
 * ffs_end(); what it has changed becomes part of the running transaction,
 * which commits as a whole: when there is no room for another operation, when
 * fsync(2) or sync(2) ask for it, and from time to time.
 *
 *  - A metadata buffer that was changed is held in memory (B_LOCKED) until
 *    the transaction is in the journal; the buffer cache tells us of it
 *    (ffs_wapbl_ops), so that no bdwrite() can be forgotten.
 *  - Inodes that were changed are encoded into their blocks at the end of the
 *    operation: bitmap and inode always commit together.  An inode whose block
 *    is part of the transaction already waits for the commit.
 *  - Blocks that are freed are marked free only when the transaction commits;
 *    before that nobody may write data to them, for after a crash they would
 *    belong to their old owner again.
 *  - Inodes that have no name are listed in each commit, so that a replay can
 *    remove them.
 *
 * A commit waits for all operations to end, and operations wait for a commit
 * to end.  So nothing that a waiter may hold (vnode locks above all) may be
 * waited for between ffs_begin() and ffs_end().
 */

#include "ffs.h"
#include "ffs_log.h"

#include <sys/lwp.h>
#include <sys/wapbl.h>
#include <lib/libkern/libkern.h>

/* Free blocks below which a commit must first give back what it can. */
#define	FFS_LOG_SHORT		64
/* One commit frees no more runs of blocks than this. */
#define	FFS_LOG_MAXDEALLOC	65536

/* What this thread has begun, if anything. */
static struct ffs_tx *
ffs_log_current(const struct ffs_log *lg)
{
	struct ffs_tx *tx;

	LIST_FOREACH(tx, &lg->lg_active, tx_link)
		if (tx->tx_lwp == curlwp)
			return tx;
	return NULL;
}

/* True inside of a transaction, where another can't be waited for. */
bool
ffs_intx(const struct ffs_mount *fm)
{
	return fm->fm_log != NULL && ffs_log_current(fm->fm_log) != NULL;
}

/* At most what the transaction will take of the ring, as it is now. */
int64_t
ffs_log_need(const struct ffs_log *lg)
{
	const int64_t records = (lg->lg_nbufs + lg->lg_ncg) / WAPBL_NBLOCKS +
	    lg->lg_nmeta / WAPBL_NBLOCKS +
	    lg->lg_norphans / WAPBL_NINODES + 5;

	return lg->lg_bytes + lg->lg_ncg * lg->lg_cgbytes +
	    records * WAPBL_BLOCK;
}

/* Would blocks that only a commit gives back be missed? */
static bool
ffs_log_short(const struct ffs_log *lg)
{
	const struct fs *fs = lg->lg_fm->fm_fs;

	return lg->lg_pending > 0 &&
	    (fs->fs_cstotal.cs_nbfree < FFS_LOG_SHORT ||
	    ffs_freespace(fs, fs->fs_minfree) <
	    FFS_BLKSTOFRAGS(fs, (int64_t)FFS_LOG_SHORT));
}

static bool
ffs_log_fits(const struct ffs_log *lg, int64_t more)
{
	return ffs_log_need(lg) + lg->lg_reserved + lg->lg_opmax + more <=
	    lg->lg_limit && lg->lg_ndealloc < FFS_LOG_MAXDEALLOC &&
	    !ffs_log_short(lg);
}

static bool
ffs_log_isempty(const struct ffs_log *lg)
{
	return lg->lg_nbufs == 0 && lg->lg_ndealloc == 0;
}

/* Wait until there is room for one more operation. */
static int
ffs_log_room(struct ffs_log *lg, int64_t more, bool nowait)
{
	int error = 0;

	mutex_enter(&lg->lg_lock);
	for (;;) {
		if ((error = lg->lg_error) != 0)
			break;
		if (lg->lg_committer == NULL && (nowait ||
		    (lg->lg_wanted == 0 && ffs_log_fits(lg, more))))
			break;
		if (lg->lg_committer != NULL || lg->lg_nactive > 0 ||
		    lg->lg_wanted > 0) {
			cv_wait(&lg->lg_cv, &lg->lg_lock);
			continue;
		}
		/* Nothing to commit, and still no room: it must do. */
		if (ffs_log_isempty(lg))
			break;
		mutex_exit(&lg->lg_lock);
		(void)ffs_log_commit(lg);
		mutex_enter(&lg->lg_lock);
	}
	mutex_exit(&lg->lg_lock);
	return error;
}

/*
 * Begin an operation that changes metadata by no more than what is reserved
 * for one, and more bytes.  Inside of another one it is part of that.  With
 * FFS_TX_NOWAIT the caller may hold what an operation waits for.
 */
int
ffs_log_begin(struct ffs_log *lg, struct ffs_tx *tx, int64_t more, int flags)
{
	int error;

	if (ffs_log_current(lg) != NULL || lg->lg_committer == curlwp)
		return 0;
	error = ffs_log_room(lg, more, (flags & FFS_TX_NOWAIT) != 0);
	if (error != 0)
		return error;
	tx->tx_log = lg;
	tx->tx_lwp = curlwp;
	tx->tx_ninodes = 0;
	tx->tx_reserved = lg->lg_opmax + more;
	lg->lg_reserved += tx->tx_reserved;
	lg->lg_nactive++;
	LIST_INSERT_HEAD(&lg->lg_active, tx, tx_link);
	return 0;
}

static void
ffs_log_encode(struct ffs_log *lg, struct ffs_inode *ip)
{
	const int error = ffs_update(ip, false);

	if (error != 0 && lg->lg_error == 0) {
		/* Half of an operation must not commit. */
		ffs_complain(lg->lg_fm, "inode %llu can't be written: error "
		    "%d: the journal stops", (unsigned long long)ip->i_number,
		    error);
		lg->lg_error = error;
	}
}

/* The inode goes into this operation's transaction with what it has become. */
static void
ffs_log_putinode(struct ffs_log *lg, struct ffs_inode *ip)
{
	ffs_log_orphan(lg, ip);
	if (ip->i_txseq != lg->lg_seq)
		ffs_log_encode(lg, ip);
	else if (!ip->i_late) {
		ip->i_late = true;
		LIST_INSERT_HEAD(&lg->lg_late, ip, i_txlink);
	}
}

/* The inode's block has become part of the running transaction. */
void
ffs_log_encoded(struct ffs_inode *ip)
{
	ip->i_txseq = ip->i_fm->fm_log->lg_seq;
}

/* The inode leaves memory. */
void
ffs_log_inodegone(struct ffs_inode *ip)
{
	if (ip->i_late)
		LIST_REMOVE(ip, i_txlink);
	ip->i_late = false;
}

/* The transaction commits: encode what has waited for that. */
int
ffs_log_encodelate(struct ffs_log *lg)
{
	struct ffs_inode *ip;

	while ((ip = LIST_FIRST(&lg->lg_late)) != NULL) {
		const bool dying = ip->i_mode == 0;

		ffs_log_inodegone(ip);
		/* It loses its type with its number; see ffs_inactive(). */
		if (dying)
			ip->i_mode = ip->i_omode;
		ffs_log_encode(lg, ip);
		if (dying) {
			ip->i_mode = 0;
			ip->i_flag |= IN_MODIFIED;
		}
	}
	return lg->lg_error;
}

void
ffs_log_end(struct ffs_tx *tx)
{
	struct ffs_log *lg = tx->tx_log;

	KASSERT(tx->tx_lwp == curlwp);
	for (unsigned i = 0; i < tx->tx_ninodes; i++)
		ffs_log_putinode(lg, tx->tx_inode[i]);
	LIST_REMOVE(tx, tx_link);
	lg->lg_reserved -= tx->tx_reserved;
	if (--lg->lg_nactive == 0)
		cv_broadcast(&lg->lg_cv);
	if (ffs_syncmeta(lg->lg_fm))
		(void)ffs_log_flush(lg->lg_fm);
}

/* The running operation changes this inode in a way that names or maps see. */
void
ffs_touch(struct ffs_inode *ip)
{
	struct ffs_log *lg = ip->i_fm->fm_log;
	struct ffs_tx *tx;

	if (lg == NULL)
		return;
	tx = ffs_log_current(lg);
	KASSERTMSG(tx != NULL, "inode %llu is changed outside of a "
	    "transaction", (unsigned long long)ip->i_number);
	for (unsigned i = 0; i < tx->tx_ninodes; i++)
		if (tx->tx_inode[i] == ip)
			return;
	if (tx->tx_ninodes == FFS_TX_INODES) {
		ffs_log_putinode(lg, tx->tx_inode[0]);
		tx->tx_inode[0] = tx->tx_inode[--tx->tx_ninodes];
	}
	tx->tx_inode[tx->tx_ninodes++] = ip;
}

/*
 * Commit what was done until now.  When this returns 0, it is on the disk,
 * and so is what had been written to the device before.
 */
int
ffs_log_flush(struct ffs_mount *fm)
{
	struct ffs_log *lg = fm->fm_log;
	const uint64_t want = lg->lg_seq;
	int error;

	KASSERT(ffs_log_current(lg) == NULL && lg->lg_committer != curlwp);
	mutex_enter(&lg->lg_lock);
	lg->lg_wanted++;
	while (lg->lg_error == 0 && lg->lg_done < want) {
		if (lg->lg_committer != NULL || lg->lg_nactive > 0) {
			cv_wait(&lg->lg_cv, &lg->lg_lock);
			continue;
		}
		mutex_exit(&lg->lg_lock);
		(void)ffs_log_commit(lg);
		mutex_enter(&lg->lg_lock);
	}
	lg->lg_wanted--;
	cv_broadcast(&lg->lg_cv);
	error = lg->lg_error;
	mutex_exit(&lg->lg_lock);
	return error;
}

/*
 * Empty the journal on the disk: all that was committed goes home first.  What
 * other threads change meanwhile is not part of it.
 */
int
ffs_log_clean(struct ffs_mount *fm)
{
	struct ffs_log *lg = fm->fm_log;
	int error;

	KASSERT(ffs_log_current(lg) == NULL);
	mutex_enter(&lg->lg_lock);
	while (lg->lg_committer != NULL)
		cv_wait(&lg->lg_cv, &lg->lg_lock);
	lg->lg_committer = curlwp;
	mutex_exit(&lg->lg_lock);
	error = ffs_log_checkpoint(lg);
	lg->lg_committer = NULL;
	cv_broadcast(&lg->lg_cv);
	return error;
}

/* Blocks that become free with the next commit. */

static void
ffs_log_growdealloc(struct ffs_log *lg)
{
	const unsigned max = MAX(2 * lg->lg_maxdealloc, 64);
	struct ffs_dealloc *new = kmem_alloc(max * sizeof(*new), KM_SLEEP);

	if (lg->lg_maxdealloc != 0) {
		memcpy(new, lg->lg_dealloc, lg->lg_ndealloc * sizeof(*new));
		kmem_free(lg->lg_dealloc, lg->lg_maxdealloc * sizeof(*new));
	}
	lg->lg_dealloc = new;
	lg->lg_maxdealloc = max;
}

/* The running transaction has changed group c: its block is counted now. */
void
ffs_log_group(struct ffs_log *lg, uint32_t c)
{
	if (ffs_isset(lg->lg_cgbufs, c))
		return;
	ffs_setbit(lg->lg_cgbufs, c);
	lg->lg_ncg -= ffs_isset(lg->lg_cgmap, c);
}

/* The transaction is over. */
void
ffs_log_forgetgroups(struct ffs_log *lg)
{
	const size_t bytes = howmany(lg->lg_fm->fm_fs->fs_ncg, 8);

	memset(lg->lg_cgmap, 0, bytes);
	memset(lg->lg_cgbufs, 0, bytes);
	lg->lg_ncg = 0;
}

void
ffs_log_dealloc(struct ffs_log *lg, int64_t bno, int nfrags, bool meta)
{
	const struct fs *fs = lg->lg_fm->fm_fs;
	const uint32_t c = FFS_DTOG(fs, bno);
	struct ffs_dealloc *last = NULL;

	KASSERT(ffs_log_current(lg) != NULL);
	if (!ffs_isset(lg->lg_cgmap, c)) {
		ffs_setbit(lg->lg_cgmap, c);
		lg->lg_ncg += !ffs_isset(lg->lg_cgbufs, c);
	}
	lg->lg_pending += nfrags;
	if (lg->lg_ndealloc > 0)
		last = &lg->lg_dealloc[lg->lg_ndealloc - 1];
	/* A run goes on; a revocation is no longer than a buffer. */
	if (last != NULL && last->da_meta == meta &&
	    last->da_bno + last->da_nfrags == bno &&
	    FFS_DTOG(fs, last->da_bno) == c && (!meta ||
	    (int64_t)(last->da_nfrags + nfrags) << fs->fs_fshift <=
	    MAXBSIZE)) {
		last->da_nfrags += nfrags;
		return;
	}
	if (lg->lg_ndealloc == lg->lg_maxdealloc)
		ffs_log_growdealloc(lg);
	last = &lg->lg_dealloc[lg->lg_ndealloc++];
	last->da_bno = bno;
	last->da_nfrags = nfrags;
	last->da_meta = meta;
	lg->lg_nmeta += meta;
}

/* Fragments that are free but for a commit. */
int64_t
ffs_log_pending(const struct ffs_mount *fm)
{
	return fm->fm_log != NULL ? fm->fm_log->lg_pending : 0;
}

/* Inodes without a name. */

static void
ffs_log_addorphan(struct ffs_log *lg, struct ffs_inode *ip, uint64_t ino,
    mode_t mode)
{
	struct ffs_orphan *or;

	if (lg->lg_norphans == lg->lg_maxorphans) {
		const unsigned max = MAX(2 * lg->lg_maxorphans, 64);

		or = kmem_alloc(max * sizeof(*or), KM_SLEEP);
		if (lg->lg_maxorphans != 0) {
			memcpy(or, lg->lg_orphan,
			    lg->lg_norphans * sizeof(*or));
			kmem_free(lg->lg_orphan,
			    lg->lg_maxorphans * sizeof(*or));
		}
		lg->lg_orphan = or;
		lg->lg_maxorphans = max;
	}
	or = &lg->lg_orphan[lg->lg_norphans++];
	or->or_ino = (uint32_t)ino;
	or->or_mode = (uint32_t)mode;
	or->or_ip = ip;
	if (ip != NULL)
		ip->i_orphan = lg->lg_norphans;
}

static void
ffs_log_delorphan(struct ffs_log *lg, unsigned i)
{
	if (lg->lg_orphan[i].or_ip != NULL)
		lg->lg_orphan[i].or_ip->i_orphan = 0;
	lg->lg_orphan[i] = lg->lg_orphan[--lg->lg_norphans];
	if (i < lg->lg_norphans && lg->lg_orphan[i].or_ip != NULL)
		lg->lg_orphan[i].or_ip->i_orphan = i + 1;
}

/* Keep the list of orphans right for this inode. */
void
ffs_log_orphan(struct ffs_log *lg, struct ffs_inode *ip)
{
	const mode_t mode = ip->i_mode != 0 ? ip->i_mode : ip->i_omode;

	if (ip->i_nlink > 0) {
		if (ip->i_orphan != 0)
			ffs_log_delorphan(lg, ip->i_orphan - 1);
	} else if (ip->i_orphan != 0)
		lg->lg_orphan[ip->i_orphan - 1].or_mode = mode;
	else {
		/* It may be one that a replay has found. */
		for (unsigned i = 0; i < lg->lg_nfound; i++) {
			if (lg->lg_orphan[i].or_ip == NULL &&
			    lg->lg_orphan[i].or_ino == ip->i_number) {
				lg->lg_orphan[i].or_ip = ip;
				ip->i_orphan = i + 1;
				return;
			}
		}
		ffs_log_addorphan(lg, ip, ip->i_number, mode);
	}
}

/* An inode that a replay has found is in the list until it is gone. */
void
ffs_log_found(struct ffs_log *lg, uint64_t ino, mode_t mode)
{
	ffs_log_addorphan(lg, NULL, ino, mode);
	lg->lg_nfound = lg->lg_norphans;
}

/* All that a replay has found is done with: what is left has a name. */
void
ffs_log_founddone(struct ffs_log *lg)
{
	lg->lg_nfound = 0;
	for (unsigned i = 0; i < lg->lg_norphans; )
		if (lg->lg_orphan[i].or_ip == NULL)
			ffs_log_delorphan(lg, i);
		else
			i++;
}

/* The inode's number is given back in this operation. */
void
ffs_log_unorphan(struct ffs_inode *ip)
{
	if (ip->i_fm->fm_log != NULL && ip->i_orphan != 0)
		ffs_log_delorphan(ip->i_fm->fm_log, ip->i_orphan - 1);
}

/* The inode goes out of memory, but stays an orphan. */
void
ffs_log_disown(struct ffs_inode *ip)
{
	ip->i_fm->fm_log->lg_orphan[ip->i_orphan - 1].or_ip = NULL;
	ip->i_orphan = 0;
}

/* What the buffer cache tells us. */

static void
ffs_wapbl_add(struct wapbl *wl, struct buf *bp)
{
	struct ffs_log *lg = (void *)wl;

	KASSERTMSG(lg->lg_committer == curlwp ||
	    ffs_log_current(lg) != NULL || lg->lg_error != 0,
	    "block %jd is changed outside of a transaction",
	    (intmax_t)bp->b_blkno);
	if ((bp->b_flags & B_LOCKED) != 0)
		return;
	bp->b_flags |= B_LOCKED;
	TAILQ_INSERT_TAIL(&lg->lg_bufs, bp, b_wapbllist);
	lg->lg_nbufs++;
	lg->lg_bytes += bp->b_bcount;
}

void
ffs_log_release(struct ffs_log *lg, struct buf *bp)
{
	KASSERT((bp->b_flags & B_LOCKED) != 0);
	bp->b_flags &= ~B_LOCKED;
	TAILQ_REMOVE(&lg->lg_bufs, bp, b_wapbllist);
	lg->lg_nbufs--;
	lg->lg_bytes -= bp->b_bcount;
}

static void
ffs_wapbl_remove(struct wapbl *wl, struct buf *bp)
{
	ffs_log_release((void *)wl, bp);
}

static void
ffs_wapbl_resize(struct wapbl *wl, struct buf *bp, long oldsize __unused,
    long oldcount)
{
	struct ffs_log *lg = (void *)wl;

	lg->lg_bytes += bp->b_bcount - oldcount;
}

/* Give up what has not been committed: it could not be. */
static void
ffs_wapbl_discard(struct wapbl *wl)
{
	struct ffs_log *lg = (void *)wl;
	struct buf *bp;

	if (lg->lg_error == 0)
		lg->lg_error = EIO;
	mutex_enter(&bufcache_lock);
	while ((bp = TAILQ_FIRST(&lg->lg_bufs)) != NULL) {
		if (bbusy(bp, false, 0, NULL) != 0)
			continue;
		bremfree(bp);
		brelsel(bp, BC_INVAL);
	}
	mutex_exit(&bufcache_lock);
	cv_broadcast(&lg->lg_cv);
}

/*
 * The kernel brackets its writing of pages: for those whose snapshots allocate
 * there.  We have none, and data are part of no transaction.
 */
static int
ffs_wapbl_begin(struct wapbl *wl __unused, const char *file __unused,
    int line __unused)
{
	return 0;
}

static void
ffs_wapbl_end(struct wapbl *wl __unused)
{
}

static void
ffs_wapbl_jlock(struct wapbl *wl)
{
	KASSERT(ffs_log_current((void *)wl) != NULL);
}

static void
ffs_wapbl_junlock(struct wapbl *wl)
{
	KASSERT(ffs_log_current((void *)wl) == NULL);
}

const struct wapbl_ops ffs_wapbl_ops = {
	.wo_wapbl_discard	= ffs_wapbl_discard,
	.wo_wapbl_add_buf	= ffs_wapbl_add,
	.wo_wapbl_remove_buf	= ffs_wapbl_remove,
	.wo_wapbl_resize_buf	= ffs_wapbl_resize,
	.wo_wapbl_begin		= ffs_wapbl_begin,
	.wo_wapbl_end		= ffs_wapbl_end,
	.wo_wapbl_jlock_assert	= ffs_wapbl_jlock,
	.wo_wapbl_junlock_assert = ffs_wapbl_junlock,
	.wo_wapbl_biodone	= ffs_log_biodone,
};

/* The log in memory. */

struct ffs_log *
ffs_log_alloc(struct ffs_mount *fm)
{
	struct ffs_log *lg = kmem_zalloc(sizeof(*lg), KM_SLEEP);

	lg->lg_fm = fm;
	mutex_init(&lg->lg_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&lg->lg_cv, "ffslog");
	TAILQ_INIT(&lg->lg_bufs);
	LIST_INIT(&lg->lg_active);
	LIST_INIT(&lg->lg_late);
	STAILQ_INIT(&lg->lg_entries);
	/* Inodes in memory know the numbers of an earlier journal's. */
	lg->lg_seq = fm->fm_txseq + 1;
	lg->lg_cgmap = kmem_zalloc(howmany(fm->fm_fs->fs_ncg, 8), KM_SLEEP);
	lg->lg_cgbufs = kmem_zalloc(howmany(fm->fm_fs->fs_ncg, 8), KM_SLEEP);
	lg->lg_out = kmem_alloc(FFS_LOG_OUT, KM_SLEEP);
	return lg;
}

void
ffs_log_free(struct ffs_log *lg)
{
	struct ffs_logentry *le;
	struct ffs_inode *ip;

	KASSERT(lg->lg_nactive == 0 && lg->lg_nbufs == 0 &&
	    lg->lg_inflight == 0);
	while ((ip = LIST_FIRST(&lg->lg_late)) != NULL)
		ffs_log_inodegone(ip);
	for (unsigned i = 0; i < lg->lg_norphans; i++)
		if (lg->lg_orphan[i].or_ip != NULL)
			lg->lg_orphan[i].or_ip->i_orphan = 0;
	while ((le = STAILQ_FIRST(&lg->lg_entries)) != NULL) {
		STAILQ_REMOVE_HEAD(&lg->lg_entries, le_link);
		kmem_free(le, sizeof(*le));
	}
	if (lg->lg_maxdealloc != 0)
		kmem_free(lg->lg_dealloc,
		    lg->lg_maxdealloc * sizeof(*lg->lg_dealloc));
	if (lg->lg_maxorphans != 0)
		kmem_free(lg->lg_orphan,
		    lg->lg_maxorphans * sizeof(*lg->lg_orphan));
	kmem_free(lg->lg_out, FFS_LOG_OUT);
	kmem_free(lg->lg_cgmap, howmany(lg->lg_fm->fm_fs->fs_ncg, 8));
	kmem_free(lg->lg_cgbufs, howmany(lg->lg_fm->fm_fs->fs_ncg, 8));
	lg->lg_fm->fm_txseq = lg->lg_seq;
	cv_destroy(&lg->lg_cv);
	mutex_destroy(&lg->lg_lock);
	kmem_free(lg, sizeof(*lg));
}
