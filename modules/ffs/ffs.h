/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ffs: the Berkeley Fast File System, FFSv1 and FFSv2, both byte orders.
 *
 * What is in memory and who guards it:
 *  - The superblock is decoded once into host order (fm_fs); counters in it
 *    and the summary array are guarded by fm_lock and written by ffs_sync().
 *  - A cylinder group is a buffer of the device; whoever holds the buffer
 *    (BC_BUSY) owns the group.  Nothing else is locked while it is held.
 *  - An inode is decoded once (struct ffs_inode) and guarded by its vnode's
 *    lock.  It is written back by ffs_update().
 *  - Directories, indirect blocks and long symbolic links are buffers of the
 *    vnode; indirect blocks have negative logical block numbers.
 *  - Data of regular files are pages of the vnode (genfs, ubc).
 *
 * Metadata are written in one of three ways.  By default all are delayed: they
 * go out when the syncer, fsync(2), sync(2) or unmount(2) says so.  With
 * MNT_SYNCHRONOUS every change is written before the call returns, in the
 * order that leaves no name without its inode and no block with two owners.
 * With MNT_LOG they go to a journal first (ffs_log.c), operation by operation.
 *
 * Order of locks: vnode (directory before its child), transaction, buffer of
 * the vnode, buffer of a cylinder group, fm_lock.
 *
 * What is read from the disk is believed only after a check: superblock
 * (ffs_super.c), group (ffs_cg.c), inode (ffs_inode.c), block number
 * (ffs_badblock), directory entry (ffs_dir.c).  Damage is EIO, never a panic.
 */

#ifndef _FFS_H_
#define	_FFS_H_

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/types.h>
#include <sys/buf.h>
#include <sys/errno.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/namei.h>
#include <sys/time.h>
#include <sys/syslog.h>
#include <sys/vnode.h>

#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include <ufs/ffs_format.h>

struct ffs_dirhash;
struct ffs_ea1;
struct ffs_log;
struct ffs_replay;
struct lockf;

/*
 * Longest text of a symbolic link.  NetBSD makes and follows none that is as
 * long as MAXPATHLEN, but reads what Linux made by way of the vnode door.
 */
#define	FFS_SYMLINK_MAX	4095

#define	FFS_IHASH	256		/* chains to begin with */

LIST_HEAD(ffs_ihead, ffs_inode);

struct ffs_mount {
	struct mount	*fm_mp;		/* : */
	struct vnode	*fm_devvp;	/* : the disk */
	dev_t		fm_dev;		/* : */
	struct fs	*fm_fs;		/* : host order; counters: fm_lock */
	uint8_t		*fm_sbbuf;	/* : the superblock as on disk */
	int64_t		fm_sbloc;	/* : where it was found, bytes */
	bool		fm_swap;	/* : the disk has the other order */
	bool		fm_old43;	/* : 4.3BSD inodes and directories */
	bool		fm_ronly;	/* changes with a mount update only */
	bool		fm_fmod;	/* l superblock or summary is dirty */
	bool		fm_replayed;	/* : its journal was written back */
	bool		fm_overlay;	/* : its journal is laid over reads */
	bool		fm_lost;	/*   a write failed: not clean again */
	kmutex_t	fm_lock;
	struct ffs_ihead *fm_ihash;	/* l inodes in memory, by number */
	u_long		fm_ihashmask;	/* l */
	unsigned	fm_ihashed;	/* l how many there are */
	struct csum	*fm_csum;	/* l per group, host order */
	uint8_t		*fm_contigdirs;	/* l directories made in a row */
	uint8_t		*fm_cgstate;	/*   FFS_CG_* per group */
	struct ffs_replay *fm_replay;	/* : what the journal says, or NULL */
	struct ffs_ea1	*fm_ea1;	/*   FFSv1: files of attributes */
	bool		fm_ea1dirs;	/*   FFSv1: has attributes at all */
	int		fm_aclmode;	/* : MNT_*ACLS: the kind of lists */
	struct ffs_log	*fm_log;	/* the journal we write, or NULL */
	uint64_t	fm_txseq;	/* last transaction of the one before */
	time_t		fm_fullmsg;	/*   last "full" message */
	unsigned	fm_complaints;	/*   messages about damage so far */
};

/* Note what writing came to: what was lost, only fsck can tell. */
static __inline int
ffs_written(struct ffs_mount *fm, int error)
{
	if (error != 0)
		fm->fm_lost = true;
	return error;
}

/* fm_cgstate */
#define	FFS_CG_UNKNOWN	0
#define	FFS_CG_GOOD	1	/* read and checked before */
#define	FFS_CG_BAD	2	/* damaged: never allocate from it */

#define	VFSTOFFS(mp)	((struct ffs_mount *)(mp)->mnt_data)

/* What a search in a directory found; see ffs_dir_find(). */
struct ffs_slot {
	uint32_t	sl_gen;		/* i_dirgen it was true for */
	uint32_t	sl_hash;	/* of the name */
	uint32_t	sl_ino;		/* 0: not found */
	int32_t		sl_freeblk;	/* directory block with room, or -1 */
	uint16_t	sl_namelen;
	uint16_t	sl_need;	/* room that sl_freeblk has */
	uint64_t	sl_off;		/* of the entry, when found */
};

struct ffs_inode {
	struct genfs_node i_gnode;	/* must be first */
	struct vnode	*i_vnode;
	LIST_ENTRY(ffs_inode) i_hash;	/* fm_lock: in fm_ihash */
	struct ffs_mount *i_fm;
	uint64_t	i_number;
	uint32_t	i_flag;		/* IN_* */
	uint16_t	i_mode;
	uint16_t	i_omode;	/* of an inode that is being freed */
	int16_t		i_nlink;
	uint32_t	i_uid;
	uint32_t	i_gid;
	uint32_t	i_flags;	/* UF_*, SF_* */
	uint32_t	i_gen;
	uint64_t	i_size;
	uint64_t	i_blocks;	/* in units of 512 bytes */
	uint64_t	i_modrev;
	struct timespec	i_atime;
	struct timespec	i_mtime;
	struct timespec	i_ctime;
	struct timespec	i_birthtime;
	union {
		struct {
			int64_t	i_db[UFS_NDADDR];
			int64_t	i_ib[UFS_NIADDR];
		};
		char	i_shortlink[UFS2_MAXSYMLINKLEN];
	};
	int64_t		i_extb[UFS_NXADDR];
	int32_t		i_extsize;
	uint8_t		*i_ea;		/* extended attributes, when loaded */
	uint32_t	i_ealen;	/* bytes of them */
	uint16_t	i_eaopen;	/* VOP_OPENEXTATTR less its closes */
	bool		i_eachanged;	/* changed since it was opened */
	struct lockf	*i_lockf;

	/* Directories. */
	uint32_t	i_dirgen;	/* counts changes */
	struct ffs_slot	i_slot;		/* last search of a name to change */
	uint64_t	i_diroff;	/* where a name was found last */
	struct ffs_dirhash *i_dirhash;

	/*
	 * The directory that got a name of this file which may not be on
	 * disk yet; fsync(2) of the file writes it too.  0: none.
	 */
	uint64_t	i_nameparent;

	/* With a journal. */
	uint32_t	i_orphan;	/* place in its list of orphans + 1 */
	bool		i_late;		/* encoded when it commits */
	uint64_t	i_txseq;	/* transaction that has its block */
	LIST_ENTRY(ffs_inode) i_txlink;	/* with i_late */
};

#define	VTOI(vp)	((struct ffs_inode *)(vp)->v_data)
#define	ITOV(ip)	((ip)->i_vnode)

/* i_flag */
#define	IN_ACCESS	0x0001	/* i_atime to be set */
#define	IN_CHANGE	0x0002	/* i_ctime to be set */
#define	IN_UPDATE	0x0004	/* i_mtime to be set */
#define	IN_MODIFIED	0x0008	/* differs from the disk */
#define	IN_ACCESSED	0x0010	/* differs in i_atime only */
#define	IN_HASHED	0x0040	/* in fm_ihash */
#define	IN_SHORTLINK	0x0020	/* symbolic link kept in the inode */
#define	IN_DYING	0x0080	/* nobody will ask for its times */
#define	IN_DIRTY	(IN_ACCESS | IN_CHANGE | IN_UPDATE | IN_MODIFIED | \
			 IN_ACCESSED)

/* File handles. */
struct ffs_fid {
	uint16_t	ff_len;
	uint16_t	ff_pad;
	uint32_t	ff_gen;
	uint64_t	ff_ino;
};

/* Device blocks of 512 bytes that n bytes take. */
#define	FFS_BTODB(n)	((uint64_t)(n) >> FFS_DEV_BSHIFT)

/* On-disk integers of groups, directories and indirect blocks. */
#define	FFS_G16(fm, v)	ffs_rw16((uint16_t)(v), (fm)->fm_swap)
#define	FFS_G32(fm, v)	ffs_rw32((uint32_t)(v), (fm)->fm_swap)
#define	FFS_S32(fm, lv, v)	((lv) = ffs_rw32((uint32_t)(v), (fm)->fm_swap))
#define	FFS_ADD32(fm, lv, d)	FFS_S32(fm, lv, FFS_G32(fm, lv) + (uint32_t)(d))

/* ffs_cg.c: groups and their maps */
struct ffs_cgref {
	struct buf	*cr_bp;
	struct cg	*cr_cg;
	uint8_t		*cr_inosused;	/* bit set: inode used */
	uint8_t		*cr_free;	/* bit set: fragment free */
	uint32_t	*cr_clustersum;	/* NULL: none kept */
	uint8_t		*cr_clusterfree;
	uint32_t	cr_cgx;
	uint32_t	cr_nfrags;	/* fragments of this group */
};
void	ffs_maps_init(void);
int	ffs_cg_get(struct ffs_mount *, uint32_t, struct ffs_cgref *);
void	ffs_cg_put(struct ffs_mount *, struct ffs_cgref *, bool);
void	ffs_cg_damaged(struct ffs_mount *, uint32_t, const char *);
unsigned ffs_blkbits(const uint8_t *, int, uint32_t);
void	ffs_blkset(uint8_t *, int, uint32_t, bool);
void	ffs_frsum_add(struct ffs_mount *, struct cg *, unsigned, int);
void	ffs_clusteracct(struct ffs_mount *, struct ffs_cgref *, uint32_t, int);
int32_t	ffs_find_block(const uint8_t *, int, uint32_t, uint32_t);
int32_t	ffs_find_run(const uint8_t *, int, uint32_t, uint32_t, int);
int32_t	ffs_find_clear(const uint8_t *, uint32_t, uint32_t);

static inline bool
ffs_isset(const uint8_t *map, uint32_t bit)
{
	return (map[bit >> 3] & (1U << (bit & 7))) != 0;
}

static inline void
ffs_setbit(uint8_t *map, uint32_t bit)
{
	map[bit >> 3] |= (uint8_t)(1U << (bit & 7));
}

static inline void
ffs_clrbit(uint8_t *map, uint32_t bit)
{
	map[bit >> 3] &= (uint8_t)~(1U << (bit & 7));
}

/* ffs_alloc.c: space and inodes */
int	ffs_alloc(struct ffs_inode *, int64_t, int, kauth_cred_t, int64_t *);
int	ffs_extend(struct ffs_inode *, int64_t, int, int, kauth_cred_t);
void	ffs_blkfree(struct ffs_mount *, int64_t, int64_t, uint64_t);
void	ffs_blkfree_data(struct ffs_inode *, int64_t, int64_t);
void	ffs_blkunalloc(struct ffs_mount *, int64_t, int64_t, uint64_t);
void	ffs_blkfree_run(struct ffs_mount *, int64_t, int64_t);
int64_t	ffs_find_free(struct ffs_mount *, uint32_t, uint32_t);
int	ffs_take_run(struct ffs_mount *, int64_t, uint32_t);
int	ffs_valloc(struct ffs_inode *, mode_t, uint64_t *);
void	ffs_vfree(struct ffs_mount *, uint64_t, mode_t);
int64_t	ffs_blkpref(struct ffs_inode *, int64_t, int, const void *, bool);
int64_t	ffs_freespace(const struct fs *, int);
bool	ffs_badblock(const struct ffs_mount *, int64_t, int64_t);

/* ffs_bmap.c, ffs_balloc.c: files to blocks */
struct ffs_path {		/* how to reach a logical block */
	int		fp_levels;	/* 0: direct */
	int		fp_idx[UFS_NIADDR + 1];	/* in i_db or i_ib, below */
	int64_t		fp_lbn[UFS_NIADDR + 1];	/* of each indirect block */
};
int	ffs_bmap_hole(struct ffs_inode *, int64_t, bool *, int64_t *);
int	ffs_path(const struct fs *, int64_t, struct ffs_path *);
int64_t	ffs_indir_ptr(const struct ffs_mount *, const void *, int);
void	ffs_indir_setptr(const struct ffs_mount *, void *, int, int64_t);
int	ffs_indir_get(struct ffs_inode *, int64_t, int64_t, struct buf **);
int	ffs_bmap_lbn(struct ffs_inode *, int64_t, int64_t *, int *);
int64_t	ffs_blksize(const struct ffs_inode *, int64_t);
int	ffs_balloc(struct ffs_inode *, off_t, int, kauth_cred_t,
	    struct buf **, bool *);

/* ffs_inode.c, ffs_truncate.c */
int	ffs_inode_load(struct ffs_mount *, struct vnode *, uint64_t);
int	ffs_inode_new(struct ffs_mount *, struct vnode *, uint64_t,
	    const struct vattr *, kauth_cred_t, gid_t,
	    struct ffs_inode **);
void	ffs_inode_free(struct ffs_inode *);
void	ffs_inode_unhash(struct ffs_inode *);
void	ffs_itimes(struct ffs_inode *);
void	ffs_accessed(struct ffs_inode *);
int	ffs_update(struct ffs_inode *, bool);
int	ffs_update_sync(struct ffs_inode *);
int	ffs_truncate(struct ffs_inode *, off_t, int, kauth_cred_t);
int	ffs_punch(struct ffs_inode *, off_t, off_t);
int	ffs_fill_last(struct ffs_inode *, off_t, kauth_cred_t);
void	ffs_inode_sysinit(void);
void	ffs_inode_sysfini(void);
extern const struct genfs_ops ffs_genfsops;

/* ffs_dir.c, ffs_dirhash.c, ffs_lookup.c: directories */
struct ffs_dirent {
	uint32_t	de_ino;
	uint16_t	de_reclen;
	uint8_t		de_type;
	uint8_t		de_namlen;
	bool		de_usable;	/* in use, with a lawful name */
	const char	*de_name;
};
bool	ffs_dirent_get(const struct ffs_mount *, const uint8_t *, unsigned,
	    unsigned, struct ffs_dirent *);
uint32_t ffs_namehash(const char *, size_t);
int	ffs_dirblk_get(struct ffs_inode *, int64_t, struct buf **,
	    uint8_t **, unsigned *);
int	ffs_dir_find(struct ffs_inode *, const char *, size_t, unsigned,
	    struct ffs_slot *);
int	ffs_dir_slot(struct ffs_inode *, const struct componentname *,
	    unsigned, struct ffs_slot *);
int	ffs_dir_enter(struct ffs_inode *, const struct componentname *,
	    struct ffs_inode *, kauth_cred_t);
int	ffs_dir_remove(struct ffs_inode *, const struct componentname *,
	    uint64_t);
int	ffs_dir_rewrite(struct ffs_inode *, const struct ffs_slot *,
	    struct ffs_inode *);
int	ffs_dir_swap(struct ffs_inode *, const struct ffs_slot *,
	    struct ffs_inode *, struct ffs_inode *, const struct ffs_slot *,
	    struct ffs_inode *);
int	ffs_dir_init(struct ffs_inode *, uint64_t, kauth_cred_t);
int	ffs_dir_empty(struct ffs_inode *);
int	ffs_dir_dotdot(struct ffs_inode *, uint64_t *);
int	ffs_dir_setdotdot(struct ffs_inode *, uint64_t);
int	ffs_lookup(void *);
int	ffs_readdir(void *);

#define	FFS_DIRHASH_MIN		4096	/* smaller directories are scanned */
int	ffs_dirhash_build(struct ffs_inode *);
void	ffs_dirhash_free(struct ffs_inode *);
int	ffs_dirhash_find(struct ffs_inode *, const char *, size_t, uint32_t,
	    uint64_t *, uint32_t *);
int32_t	ffs_dirhash_room(struct ffs_inode *, unsigned);
void	ffs_dirhash_add(struct ffs_inode *, uint32_t, uint64_t);
void	ffs_dirhash_del(struct ffs_inode *, uint32_t, uint64_t);
void	ffs_dirhash_setroom(struct ffs_inode *, int64_t, unsigned);
void	ffs_dirhash_trunc(struct ffs_inode *);

/* ffs_wapbl.c: NetBSD's journal */
int	ffs_replay_open(struct ffs_mount *);
int	ffs_replay_write(struct ffs_mount *);
int	ffs_replay_handover(struct ffs_mount *, struct ffs_log *);
int	ffs_replay_overlay(struct ffs_mount *, struct buf *);
void	ffs_replay_finish(struct ffs_mount *);
void	ffs_replay_free(struct ffs_mount *);

/* ffs_extattr.c, ffs_extattr1.c: extended attributes */
int	ffs_ea_get(struct ffs_inode *, int, const char *, void **, size_t *);
int	ffs_ea_set(struct ffs_inode *, int, const char *, const void *, size_t,
	    bool, kauth_cred_t);
int	ffs_ea_prepare(struct ffs_inode *, int, const char *);
void	ffs_ea_free(struct ffs_inode *);
void	ffs_ea_drop(struct ffs_inode *);
int	ffs_ea_sync(struct ffs_inode *);
int	ffs_ea_listname(struct uio *, size_t *, int, const char *, size_t);
int	ffs_getextattr(void *);
int	ffs_setextattr(void *);
int	ffs_deleteextattr(void *);
int	ffs_listextattr(void *);
int	ffs_openextattr(void *);
int	ffs_closeextattr(void *);
bool	ffs_ea1_possible(const struct ffs_inode *);
int	ffs_ea1_get(struct ffs_inode *, int, const char *, void **, size_t *);
int	ffs_ea1_set(struct ffs_inode *, int, const char *, const void *,
	    size_t, bool);
int	ffs_ea1_prepare(struct ffs_inode *, int, const char *);
int	ffs_ea1_list(struct ffs_inode *, int, struct uio *, size_t *, int);
void	ffs_ea1_free(struct ffs_inode *);
int	ffs_ea1_sync(struct ffs_inode *);
void	ffs_ea1_start(struct ffs_mount *);
void	ffs_ea1_stop(struct ffs_mount *);

/* ffs_acl.c: access control lists, which are extended attributes */
#define	FFS_ACLMODE(fm)	((fm)->fm_aclmode)
int	ffs_acl_mountflags(struct ffs_mount *);
int	ffs_acl_access(struct ffs_inode *, accmode_t, kauth_cred_t);
bool	ffs_acl_grants(struct ffs_inode *, accmode_t, kauth_cred_t);
int	ffs_acl_delete(struct ffs_inode *, struct ffs_inode *, kauth_cred_t);
int	ffs_acl_chmod(struct ffs_inode *, kauth_cred_t);
int	ffs_acl_inherit(struct ffs_inode *, struct ffs_inode *, kauth_cred_t);
int	ffs_getacl(void *);
int	ffs_setacl(void *);
int	ffs_aclcheck(void *);

/*
 * ffs_log.c: transactions.  What changes metadata lies between ffs_begin(),
 * which may fail, and ffs_end(); without a journal both do nothing.  Nothing
 * that somebody may hold who begins, such as a vnode lock, may be waited for
 * in between.
 */
#define	FFS_TX_INODES	8
struct ffs_tx {
	struct ffs_log	*tx_log;	/* NULL: nothing to end */
	LIST_ENTRY(ffs_tx) tx_link;
	struct lwp	*tx_lwp;
	int64_t		tx_reserved;
	unsigned	tx_ninodes;	/* to be encoded at the end */
	struct ffs_inode *tx_inode[FFS_TX_INODES];
};
#define	FFS_TX_NOWAIT	1		/* don't wait for other operations */
int	ffs_log_begin(struct ffs_log *, struct ffs_tx *, int64_t, int);
void	ffs_log_end(struct ffs_tx *);
bool	ffs_intx(const struct ffs_mount *);
void	ffs_touch(struct ffs_inode *);
int	ffs_log_flush(struct ffs_mount *);
int	ffs_log_clean(struct ffs_mount *);
void	ffs_log_group(struct ffs_log *, uint32_t);
void	ffs_log_dealloc(struct ffs_log *, int64_t, int, bool);
int64_t	ffs_log_pending(const struct ffs_mount *);
void	ffs_log_orphan(struct ffs_log *, struct ffs_inode *);
void	ffs_log_unorphan(struct ffs_inode *);
void	ffs_log_disown(struct ffs_inode *);
void	ffs_log_encoded(struct ffs_inode *);
void	ffs_log_inodegone(struct ffs_inode *);

/* ffs_logplace.c: where the journal lies; starting and ending its use */
int	ffs_log_start(struct ffs_mount *);
int	ffs_log_stop(struct ffs_mount *);
void	ffs_log_abandon(struct ffs_mount *);
int64_t	ffs_log_steplimit(const struct ffs_mount *, int64_t *);

/* ffs_rename.c, ffs_rw.c, ffs_vnops.c, ffs_vfsops.c */
int	ffs_sb_write(struct ffs_mount *, bool);
int	ffs_sb_writeraw(struct ffs_mount *);
int64_t	ffs_disksize(struct vnode *);
int	ffs_rename(void *);
int	ffs_fcntl(void *);
int	ffs_read(void *);
int	ffs_write(void *);
int	ffs_bmap(void *);
int	ffs_strategy(void *);
int	ffs_fsync_inode(struct ffs_inode *, int, off_t, off_t);
int	ffs_fsync_log(struct ffs_inode *, int);
int	ffs_zero(struct ffs_inode *, off_t, off_t, off_t);
int	ffs_put_pages(struct ffs_inode *, void *, off_t, size_t);
int	ffs_get_pages(struct ffs_inode *, void *, off_t, size_t);
int	ffs_bufio(struct ffs_inode *, void *, size_t, bool, kauth_cred_t);
extern const struct vnodeopv_desc ffs_vnodeop_opv_desc;
extern const struct vnodeopv_desc ffs_specop_opv_desc;
extern const struct vnodeopv_desc ffs_fifoop_opv_desc;
extern int (**ffs_vnodeop_p)(void *);
extern int (**ffs_specop_p)(void *);
extern int (**ffs_fifoop_p)(void *);

/* Damage is reported, but not without end. */
#define	FFS_MAXCOMPLAINTS	64
#define	ffs_complain(fm, fmt, ...) do {					\
	if ((fm)->fm_complaints++ < FFS_MAXCOMPLAINTS)			\
		log(LOG_ERR, "%s: " fmt "\n",				\
		    (fm)->fm_mp->mnt_stat.f_mntonname, __VA_ARGS__);	\
} while (0)

/*
 * Read a block of the device: metadata, as they are or, on a read-only mount,
 * as the journal wants them.
 */
static inline int
ffs_devread(struct ffs_mount *fm, daddr_t db, int size, int flags,
    struct buf **bpp)
{
	int error = bread(fm->fm_devvp, db, size, flags, bpp);

	if (__predict_false(fm->fm_overlay) && error == 0) {
		error = ffs_replay_overlay(fm, *bpp);
		if (error != 0)
			brelse(*bpp, BC_INVAL);
	}
	return error;
}

/*
 * Let lookups go through a directory without asking the driver; with lists
 * its mode does not tell enough.
 */
static inline void
ffs_enter_id(const struct ffs_inode *ip)
{
	cache_enter_id(ITOV(ip), ip->i_mode, ip->i_uid, ip->i_gid,
	    FFS_ACLMODE(ip->i_fm) == 0);
}

static inline bool
ffs_syncmeta(const struct ffs_mount *fm)
{
	return (fm->fm_mp->mnt_flag & MNT_SYNCHRONOUS) != 0;
}

static inline int
ffs_begin(struct ffs_mount *fm, struct ffs_tx *tx)
{
	tx->tx_log = NULL;
	return fm->fm_log == NULL ? 0 : ffs_log_begin(fm->fm_log, tx, 0, 0);
}

static inline void
ffs_end(struct ffs_tx *tx)
{
	if (tx->tx_log != NULL)
		ffs_log_end(tx);
}

/* Write a metadata buffer in the way this mount writes metadata. */
static inline int
ffs_bwrite_meta(struct ffs_mount *fm, struct buf *bp)
{
	if (ffs_syncmeta(fm))
		return bwrite(bp);
	bdwrite(bp);
	return 0;
}

#endif /* _FFS_H_ */
