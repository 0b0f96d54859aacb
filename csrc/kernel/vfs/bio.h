/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buffer cache's parts among themselves.
 *
 *	bio.c		finding, making and releasing buffers
 *	biorw.c		reading and writing them
 *	bufmem.c	the memory at b_data, and its limit
 *	biosubr.c	the buffers of one vnode
 *	iobuf.c		transfers: completion, waiting, splitting
 *	fscow.c		copy-on-write hooks of snapshots
 */
#ifndef _VFS_BIO_H_
#define	_VFS_BIO_H_

#include <sys/buf.h>
#include <sys/mount.h>
#include <sys/pool.h>
#include <sys/vnode.h>
#include <sys/wapbl.h>
#include <miscfs/specfs/specdev.h>

/* b_vnbufs.le_next of a buffer that is on no vnode's list. */
#define	BIO_NOLIST	((struct buf *)0x87654321)

/*
 * b_oflags, ours alone: dirty still because it could not be written; b_dcookie
 * tells the error.
 */
#define	BIO_WERROR	0x00010000

struct bufmem {
	size_t	bm_bytes;	/* at b_data of cached buffers */
	size_t	bm_limit;	/* what they may grow to */
	u_int	bm_nbuf;	/* cached buffers */
};

extern struct bufmem bufmem;

/* bufmem.c; sizes are rounded up to a class, which *classp tells. */
void	*bufmem_alloc(size_t size, size_t *classp);
void	bufmem_free(void *, size_t class);
void	bufmem_init(void);
size_t	bufmem_trim(void);

/* iobuf.c */
void	bio_later_init(void);

/* bio.c; both with bufcache_lock. */
bool	bio_reclaim_one(void);
void	bio_forget(struct buf *);

/* fscow.c */
bool	fscow_active(const struct mount *);

extern pool_cache_t bio_pool;

/* The mount that a buffer of this vnode belongs to, or NULL. */
static inline struct mount *
bio_vnode_mount(struct vnode *vp)
{

	if (vp->v_type == VBLK)
		return spec_node_getmountedfs(vp);
	return vp->v_mount;
}

/* That mount, if it has a journal. */
static inline struct mount *
bio_journal(struct vnode *vp)
{
	struct mount *mp;

	if (vp == NULL)
		return NULL;
	mp = bio_vnode_mount(vp);
	return mp != NULL && mp->mnt_wapbl != NULL ? mp : NULL;
}

#endif /* !_VFS_BIO_H_ */
