/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetBSD's journal (WAPBL): its records on the disk, and what its parts share.
 *
 *	ffs_wapbl.c	replay
 *	ffs_log.c	transactions
 *	ffs_logio.c	the ring on the disk, and commits
 *	ffs_loghome.c	from there to where the blocks belong
 *	ffs_logplace.c	where a journal lies; starting and stopping one
 *
 * The journal is a ring of records behind two copies of its header; the newer
 * copy says where the ring's used part begins (tail) and ends (head).
 */

#ifndef _FFS_LOG_H_
#define	_FFS_LOG_H_

#define	WAPBL_WC_HEADER		0x5741424cU
#define	WAPBL_WC_INODES		0x5741424dU
#define	WAPBL_WC_REVOCATIONS	0x5741424eU
#define	WAPBL_WC_BLOCKS		0x5741424fU
#define	WAPBL_VERSION		1
#define	WAPBL_BLOCK		512	/* the only size anybody has made */
#define	WAPBL_NBLOCKS		31	/* entries of a record of blocks */
#define	WAPBL_NINODES		62	/* ... of inodes */

struct wapbl_header {
	uint32_t	wc_type;
	int32_t		wc_len;
	uint32_t	wc_checksum;	/* unused */
	uint32_t	wc_generation;
	int32_t		wc_fsid[2];
	uint64_t	wc_time;
	uint32_t	wc_timensec;
	uint32_t	wc_version;
	uint32_t	wc_log_dev_bshift;
	uint32_t	wc_fs_dev_bshift;
	int64_t		wc_head;
	int64_t		wc_tail;
	int64_t		wc_circ_off;
	int64_t		wc_circ_size;
};
_Static_assert(sizeof(struct wapbl_header) == 80, "wapbl_header");

/* A record: blocks and revocations, or inodes.  Fills one block. */
struct wapbl_record {
	uint32_t	wc_type;
	int32_t		wc_len;		/* with the data behind it */
	int32_t		wc_count;
	int32_t		wc_clear;	/* inodes: the list starts anew */
	union {
		struct {
			int64_t	wc_daddr;
			int32_t	wc_unused;
			int32_t	wc_dlen;
		} wc_blocks[WAPBL_NBLOCKS];
		struct {
			uint32_t wc_inumber;
			uint32_t wc_imode;
		} wc_inodes[WAPBL_NINODES];
	};
};
_Static_assert(sizeof(struct wapbl_record) == WAPBL_BLOCK, "wapbl_record");

/* Blocks to be marked free when the transaction commits. */
struct ffs_dealloc {
	int64_t		da_bno;
	int32_t		da_nfrags;
	bool		da_meta;	/* may be in the journal: revoke */
};

/* An inode without a name: removed by a replay. */
struct ffs_orphan {
	uint32_t	or_ino;
	uint32_t	or_mode;
	struct ffs_inode *or_ip;
};

/* A committed transaction whose blocks are on their way home. */
struct ffs_logentry {
	STAILQ_ENTRY(ffs_logentry) le_link;
	int64_t		le_len;		/* bytes of the ring */
	unsigned	le_refs;	/* blocks that have not arrived */
	struct ffs_log	*le_log;
};

struct ffs_log {
	struct ffs_mount *lg_fm;	/* : */
	kmutex_t	lg_lock;	/* for lg_cv only: nothing preempts */
	kcondvar_t	lg_cv;
	int		lg_error;	/* it can't be written any more */

	/* The transaction that runs. */
	TAILQ_HEAD(, buf) lg_bufs;	/* in the order they were changed */
	unsigned	lg_nbufs;
	int64_t		lg_bytes;	/* of them */
	LIST_HEAD(, ffs_inode) lg_late;	/* not encoded since they changed */
	LIST_HEAD(, ffs_tx) lg_active;	/* operations that are part of it */
	unsigned	lg_nactive;
	int64_t		lg_reserved;	/* bytes they may still add */
	bool		lg_must;	/* commit even without blocks */
	uint64_t	lg_seq;		/* its number */
	uint64_t	lg_done;	/* of the last one that committed */
	struct lwp	*lg_committer;	/* who commits right now */
	unsigned	lg_wanted;	/* who waits to do so */

	struct ffs_dealloc *lg_dealloc;
	unsigned	lg_ndealloc;
	unsigned	lg_maxdealloc;
	unsigned	lg_nmeta;	/* of them with da_meta */
	int64_t		lg_pending;	/* their fragments */
	uint8_t		*lg_cgmap;	/* groups they lie in */
	uint8_t		*lg_cgbufs;	/* groups that are in lg_bufs */
	unsigned	lg_ncg;		/* how many will get there only later */

	struct ffs_orphan *lg_orphan;
	unsigned	lg_norphans;
	unsigned	lg_maxorphans;
	unsigned	lg_nfound;	/* where those of a replay end */

	/* How much one transaction may put into the ring. */
	int64_t		lg_limit;
	int64_t		lg_opmax;	/* one operation */
	int64_t		lg_cgbytes;	/* one group */

	/* The ring. */
	int64_t		lg_base;	/* of the journal on the disk, bytes */
	int64_t		lg_off;		/* of the ring in it */
	int64_t		lg_ring;	/* its size */
	int64_t		lg_head;	/* where the next transaction goes */
	int64_t		lg_used;	/* bytes before it that must stay */
	int64_t		lg_nextused;	/* ... once the disk is flushed */
	uint32_t	lg_generation;
	int		lg_slot;	/* of the next header, 0 or 1 */
	bool		lg_swap;
	bool		lg_empty;	/* the disk says that nothing is used */
	STAILQ_HEAD(, ffs_logentry) lg_entries;	/* oldest first */
	unsigned	lg_inflight;	/* blocks that have not arrived */
	int		(*lg_oncommit)(struct ffs_mount *);

	/* Gathers what goes to the ring. */
	char		*lg_out;
	int		lg_fill;
	int64_t		lg_outoff;	/* where it goes */

	/* Counted for those who measure. */
	uint64_t	lg_commits;
	uint64_t	lg_flushes;
};

/* ffs_log.c */
struct ffs_log *ffs_log_alloc(struct ffs_mount *);
void	ffs_log_free(struct ffs_log *);
int64_t	ffs_log_need(const struct ffs_log *);
void	ffs_log_found(struct ffs_log *, uint64_t, mode_t);
void	ffs_log_founddone(struct ffs_log *);
void	ffs_log_forgetgroups(struct ffs_log *);
int	ffs_log_encodelate(struct ffs_log *);
extern const struct wapbl_ops ffs_wapbl_ops;

/* ffs_logio.c */
#define	FFS_LOG_OUT	MAXBSIZE
int	ffs_log_rawio(struct ffs_mount *, int64_t, void *, int, bool);
int	ffs_log_diskflush(struct ffs_log *);
int	ffs_log_commit(struct ffs_log *);
int	ffs_log_checkpoint(struct ffs_log *);
int	ffs_log_putheader(struct ffs_log *, int64_t, int64_t);

/* ffs_loghome.c */
int	ffs_loghome_sort(struct ffs_log *);
void	ffs_loghome_send(struct ffs_log *, struct ffs_logentry *);
void	ffs_log_biodone(struct buf *);
void	ffs_log_release(struct ffs_log *, struct buf *);
void	ffs_log_swap_header(struct wapbl_header *);

#endif /* _FFS_LOG_H_ */
