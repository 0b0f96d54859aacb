/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library behind rumpy newfs, fsck and dumpfs.
 *
 * It works on a stretch of an open file; the descriptor is its caller's, who
 * has locked it.  On-disk structures are those of the driver
 * (include/ufs/ffs_format.h, modules/ffs/ffs_super.c), and so is the check
 * that a superblock has to pass: what it let through can be computed with.
 *
 * io.c		the file; changes that wait in memory until all is known
 * group.c	a cylinder group's maps and counts, from what is used
 * super.c	finding a superblock; groups and inodes in host order
 * newfs.c	geometry, and the empty file system
 * tree.c	the tree that is to be put in
 * populate.c	where everything goes, and copying it there
 * fsck*.c	checking and repairing; fsck_sun.c: what only Solaris has
 */

#ifndef FFSTOOLS_H
#define	FFSTOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ufs/ffs_format.h>

#include "ffstools.cdef"

/* io.c */
int	fft_fail(struct fft_disk *, int, const char *, ...)
	    __attribute__((__format__(__printf__, 3, 4)));
int	fft_read(struct fft_disk *, int64_t, void *, size_t);
int	fft_write(struct fft_disk *, int64_t, const void *, size_t);
int	fft_overlay_begin(struct fft_disk *, size_t);
size_t	fft_overlay_pages(const struct fft_disk *);
int	fft_overlay_commit(struct fft_disk *,
	    int (*)(const void *, int64_t, int64_t), const void *);
int	fft_keep(struct fft_disk *, int64_t, size_t);
int	fft_restore(struct fft_disk *, int64_t, size_t);
int	fft_read_kept(struct fft_disk *, int64_t, void *, size_t);
int64_t	fft_data_from(const struct fft_disk *, int64_t);
int	fft_disk_read(struct fft_disk *, int64_t, void *, size_t);
int	fft_disk_write(struct fft_disk *, int64_t, const void *, size_t);
int	fft_disk_sync(struct fft_disk *);
void	fft_overlay_drop(struct fft_disk *);

/* Bits. */
static inline bool
fft_isset(const uint8_t *map, uint64_t bit)
{
	return (map[bit >> 3] >> (bit & 7) & 1) != 0;
}

static inline void
fft_setbit(uint8_t *map, uint64_t bit)
{
	map[bit >> 3] |= (uint8_t)(1U << (bit & 7));
}

static inline void
fft_clrbit(uint8_t *map, uint64_t bit)
{
	map[bit >> 3] &= (uint8_t)~(1U << (bit & 7));
}

/* The bits of one block; maps of fragments begin with a whole block. */
static inline unsigned
fft_blkbits(const uint8_t *map, int frag, uint64_t blk)
{
	const uint64_t bit = blk * (uint64_t)frag;

	return (map[bit >> 3] >> (bit & 7)) & ((1U << frag) - 1);
}

/* group.c */
struct fft_cgplaces {		/* of the maps in a group, bytes */
	uint32_t	btotoff;
	uint32_t	boff;
	uint32_t	iusedoff;
	uint32_t	freeoff;
	uint32_t	clustersumoff;
	uint32_t	clusteroff;
	uint32_t	nextfreeoff;
};

struct fft_group {		/* what is known of one */
	uint32_t	cgx;
	const uint8_t	*inoused;	/* a bit for each inode */
	const uint8_t	*used;		/* a bit for each fragment */
	uint32_t	ndir;
	uint32_t	inited;		/* inodes written so far (v2) */
	const struct cg	*old;		/* keep its rotors and times, or NULL */
	const void	*base;		/* keep what is beside the maps, or NULL */
	int64_t		time;
};

void	fft_cg_places(const struct fs *, struct fft_cgplaces *);
void	fft_cg_swap(struct cg *);
void	fft_cg_build(const struct fs *, bool, const struct fft_cgplaces *,
	    const struct fft_group *, void *, struct csum *);
void	fft_cg_sethash(const struct fs *, bool, void *);
void	fft_reserve(const struct fs *, uint8_t *);
void	fft_copy_bits(uint8_t *, const uint8_t *, uint64_t, uint32_t);

/* super.c */
void	fft_inode_decode(const struct fs *, bool, const void *,
	    struct fft_dinode *);
int	fft_super_search(struct fft_disk *, struct fft_super *);
int64_t	fft_inode_offset(const struct fs *, uint64_t);
bool	fft_group_isold(const struct fs *, const void *, bool);

/* newfs.c */
int	fft_geometry(struct fft_disk *, const struct fft_newfs *, int64_t,
	    struct fs *);
void	fft_choose_sizes(struct fft_newfs *, int64_t);
int64_t	fft_now(const struct fft_newfs *);

/* tree.c */
struct fft_inode {
	struct fft_stat	st;
	uint32_t	nlink;
	uint32_t	node;		/* of its first name */
	uint32_t	ino;
	int		fd;		/* of its contents, or -1: by name */
	uint32_t	nextents;
	struct fft_extent *extents;	/* NULL: no holes */
	char		*target;	/* of a symbolic link */
	uint8_t		*dir;		/* contents of a directory */
	uint64_t	key[2];		/* device and inode on the host */
	int64_t		blocks;		/* of 512 bytes */
	int64_t		db[UFS_NDADDR];
	int64_t		ib[UFS_NIADDR];
};

struct fft_node {
	uint32_t	parent;
	uint32_t	child;		/* sorted after fft_tree_finish() */
	uint32_t	next;
	uint32_t	inode;
	uint32_t	nchildren;
	uint8_t		namelen;
	char		*name;
};

struct fft_tree {
	struct fft_node	*node;		/* 0 is the root */
	struct fft_inode *inode;
	size_t		nnodes, maxnodes;
	size_t		ninodes, maxinodes;
	uint32_t	*hash;		/* of inodes with several links */
	size_t		hashsize, hashed;
	int		top;		/* descriptor of what was scanned */
	bool		sorted;
	struct fft_arena *arena;
};

int	fft_tree_finish(struct fft_tree *, struct fft_disk *);
size_t	fft_tree_path(const struct fft_tree *, uint32_t, char *, size_t);

/* populate.c */
struct fft_layout;
int	fft_layout_count(struct fft_disk *, const struct fft_newfs *,
	    struct fft_tree *, int32_t, int32_t, int64_t *);
int	fft_layout_make(struct fft_disk *, const struct fft_newfs *,
	    const struct fs *, struct fft_tree *, struct fft_layout **);
int	fft_layout_write(struct fft_layout *, struct fft_made *);
void	fft_layout_free(struct fft_layout *);

#endif
