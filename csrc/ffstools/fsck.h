/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of fsck share.
 *
 * Everything is repaired in an overlay over the image, also when only a check
 * was asked for: so each phase sees what the one before it did, a check finds
 * exactly what a repair would repair, and nothing is written before all is
 * known.  Reading and writing therefore never fail in the middle: an image
 * that can't be read is a problem that is noted, and what can't go on sets
 * f->fatal, which loops look at.
 *
 * Damage is repaired so that nothing is lost that was fine: a block with two
 * owners is copied for the second, a size that contradicts the blocks is set to
 * what they hold, what lost its name gets one in lost+found.
 */

#ifndef FSCK_H
#define	FSCK_H

#include "ffstools.h"

/* fi_state */
#define	FI_FREE		0
#define	FI_FILE		1
#define	FI_DIR		2

/* fi_flags */
#define	FI_SYSTEM	0x01	/* journal, quotas: has no name */
#define	FI_RECOUNT	0x02	/* lost a block after it was counted */
#define	FI_SUNATTR	0x04	/* has Solaris' attributes, or is their dir */

#define	FI_NODIR	UINT32_MAX

struct fsck_ino {
	uint8_t		fi_state;
	uint8_t		fi_type;	/* as in d_type */
	uint8_t		fi_flags;
	int16_t		fi_nlink;
	int32_t		fi_names;
	uint32_t	fi_dir;		/* of f->dir */
};

struct fsck_dir {
	uint64_t	fd_ino;
	uint64_t	fd_dotdot;	/* on disk; 0: not known */
	uint32_t	fd_parent;	/* of f->dir, or FI_NODIR */
	int64_t		fd_entry;	/* byte of the name's d_ino, or 0 */
	int64_t		fd_first;	/* byte of the first block */
	uint32_t	fd_mark;
	bool		fd_unnamed;	/* of Solaris' attributes */
};

struct fsck_edge {			/* the name of a directory */
	uint32_t	fe_parent;
	uint32_t	fe_child;
	int64_t		fe_at;
};

/* A pointer that must get a block of its own once the free ones are known. */
struct fsck_pending {
	uint64_t	fp_ino;
	int64_t		fp_addr;	/* byte of the pointer */
	int64_t		fp_blk;		/* to copy; 0: an empty directory block */
	bool		fp_keep;	/* its own: look below it */
	int32_t		fp_n;		/* fragments */
	int32_t		fp_level;	/* of indirection */
};

struct fsck {
	struct fft_disk	*d;
	struct fft_fsck	*rep;
	struct fft_super s;
	struct fs	*fs;
	bool		swap;
	bool		v2;
	bool		old43;
	bool		oldgroups;	/* of 4.2BSD */
	bool		recount;	/* blocks are claimed already */
	int		fatal;
	uint64_t	ninodes;
	uint64_t	maxsize;	/* of a file, as pointers reach */
	uint8_t		*used;
	uint8_t		*held;		/* see fsck_hold(); or NULL */
	struct fsck_ino	**ino;		/* by group; NULL: all free */
	uint8_t		*cgok;		/* its head can be believed */
	uint32_t	*inited;
	bool		places_known;
	struct fft_cgplaces places;	/* of a group that is fine */
	struct fsck_dir	*dir;
	size_t		ndirs, maxdirs;
	struct fsck_edge *edge;
	size_t		nedges, maxedges;
	struct fsck_pending *pending;
	size_t		npending, maxpending;
	int64_t		next;		/* block to look at for a free one */
	int64_t		logheader;	/* byte of the journal, or 0 */
	uint8_t		*ind[UFS_NIADDR];	/* buffers of a block */
	uint8_t		*buf;
	int64_t		*map;		/* blocks of a directory */
	size_t		maxmap;
	uint64_t	lostfound;	/* inode, or 0 */
	bool		lostfile;	/* something else has that name */
	bool		connected;	/* names of directories are counted */
	bool		sbdirty;
};

/* An inode while it is looked at. */
struct fsck_node {
	struct fsck	*f;
	uint64_t	ino;
	int64_t		at;		/* byte on the disk */
	uint8_t		raw[sizeof(struct ufs2_dinode)]
			    __attribute__((__aligned__(8)));
	struct fft_dinode i;
	bool		changed;
	bool		snapshot;
	int64_t		frags;		/* counted */
	int64_t		last;		/* highest block that is there */
};

/* fsck.c */
void	fsck_problem(struct fsck *, const char *, int, uint64_t, const char *,
	    ...) __attribute__((__format__(__printf__, 5, 6)));
void	fsck_stuck(struct fsck *, const char *, uint64_t, const char *, ...)
	    __attribute__((__format__(__printf__, 4, 5)));
void	fsck_note(struct fsck *, const char *, ...)
	    __attribute__((__format__(__printf__, 2, 3)));
bool	fsck_read(struct fsck *, int64_t, void *, size_t);
void	fsck_write(struct fsck *, int64_t, const void *, size_t);
void	*fsck_grow(struct fsck *, void *, size_t, size_t *, size_t);
struct fsck_ino *fsck_ino(struct fsck *, uint64_t, bool);
int64_t	fsck_alloc(struct fsck *, int);
void	fsck_release(struct fsck *, int64_t, int);
void	fsck_phase(struct fsck *, int, int64_t);
void	fsck_tick(struct fsck *, int64_t);
bool	fsck_isclean(const struct fsck *);

/* fsck_super.c */
bool	fsck_notupdated(const struct fs *);
bool	fsck_super_read(struct fsck *);
void	fsck_super_again(struct fsck *);
const char *fsck_readonly(const struct fsck *);
void	fsck_super_update(struct fsck *);
void	fsck_super_copies(struct fsck *);
void	fsck_super_finish(struct fsck *);

/* fsck_inode.c */
void	fsck_inodes(struct fsck *);
void	fsck_pendings(struct fsck *);
void	fsck_node_get(struct fsck *, uint64_t, struct fsck_node *);
void	fsck_node_put(struct fsck_node *);
void	fsck_set_size(struct fsck_node *, uint64_t);
void	fsck_set_blocks(struct fsck_node *, uint64_t);
void	fsck_set_nlink(struct fsck_node *, int);
void	fsck_set_ptr(struct fsck_node *, int, int64_t);
int64_t	fsck_ptr_get(const struct fsck *, const void *, int64_t);
void	fsck_ptr_store(struct fsck *, int64_t, int64_t);
void	fsck_clear(struct fsck *, uint64_t);
void	fsck_remove(struct fsck *, uint64_t);
size_t	fsck_blockmap(struct fsck *, const struct fsck_node *);
uint32_t fsck_dir_add(struct fsck *, uint64_t);

/* fsck_dir.c */
void	fsck_directories(struct fsck *);
void	fsck_connect(struct fsck *);
void	fsck_links(struct fsck *);

/* fsck_group.c */
const char *fsck_head_check(const struct fs *, uint32_t, const struct cg *);
void	fsck_group_heads(struct fsck *);
void	fsck_groups(struct fsck *);

/* fsck_sun.c */
bool	fsck_sun_rolled(struct fsck *);
void	fsck_sun_log(struct fsck *);
bool	fsck_sun_type(const struct fsck *, uint32_t);
void	fsck_sun_inode(struct fsck_node *, struct fsck_ino *);

/* fsck_log.c */
void	fsck_journal(struct fsck *);

static inline uint16_t
fsck_16(const struct fsck *f, uint16_t v)
{
	return ffs_rw16(v, f->swap);
}

static inline uint32_t
fsck_32(const struct fsck *f, uint32_t v)
{
	return ffs_rw32(v, f->swap);
}

#endif
