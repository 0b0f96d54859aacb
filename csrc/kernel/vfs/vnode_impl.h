/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The private side of a vnode: state, cache key, lists, the vnode lock.
 *
 * Kernel code runs on one virtual CPU that is given up only where it sleeps,
 * so lists and counts here need no lock of their own; whatever is looked at
 * before a sleep must be looked at again after it.  v_interlock is still
 * taken where the interface of a subsystem promises it.
 */
#ifndef _KERNEL_VFS_VNODE_IMPL_H_
#define _KERNEL_VFS_VNODE_IMPL_H_

#include <sys/param.h>
#include <sys/queue.h>
#include <sys/rwlock.h>
#include <sys/vnode.h>

/*
 *	MARKER		placeholder of an iterator, no vnode at all
 *	LOADING		in the cache, the file system has not filled it in yet
 *	LOADED		in use or cached
 *	BLOCKED		LOADED, but no new reference may be taken now
 *	RECLAIMING	being taken apart
 *	RECLAIMED	dead: only its users' references keep it
 */
enum vnode_state {
	VS_MARKER,
	VS_LOADING,
	VS_LOADED,
	VS_BLOCKED,
	VS_RECLAIMING,
	VS_RECLAIMED
};

struct ncentry;

struct vnode_impl {
	struct vnode vi_vnode;

	/* Identity: file system and its key, which points into v_data. */
	struct mount *vi_keymount;
	const void *vi_key;
	size_t vi_keylen;
	uint32_t vi_keyhash;
	bool vi_hashed;
	bool vi_lrulisted;
	bool vi_ids_valid;		/* the three vi_id_* are right */
	bool vi_touched;		/* VOP_INACTIVE due at last release */
	SLIST_ENTRY(vnode_impl) vi_hashchain;

	/* For the walk: may this directory be searched, without asking it. */
	mode_t vi_id_mode;
	uid_t vi_id_uid;
	gid_t vi_id_gid;
	enum vnode_state vi_state;
	LIST_HEAD(, ncentry) vi_nc_children;	/* names in it */
	LIST_HEAD(, ncentry) vi_nc_parents;	/* names of it */

	krwlock_t vi_lock;		/* the vnode lock */
	TAILQ_ENTRY(vnode_impl) vi_mntvnodes;
	TAILQ_ENTRY(vnode_impl) vi_lru;
	SLIST_ENTRY(vnode_impl) vi_deferred;	/* release list */

	/* Owned by the syncer. */
	TAILQ_ENTRY(vnode_impl) vi_synclist;
	int vi_synclist_slot;

	int vi_lrutick;			/* when it was moved to the tail */
	struct vnode_klist vi_klist;
};

#define VNODE_TO_VIMPL(vp)	((struct vnode_impl *)(void *)(vp))
#define VIMPL_TO_VNODE(vip)	(&(vip)->vi_vnode)

static __inline enum vnode_state
vnode_state(const struct vnode *vp)
{
	return ((const struct vnode_impl *)(const void *)vp)->vi_state;
}

void vlru_touch(struct vnode_impl *);

/*
 * A reference that promises to leave no trace: taken without a sleep on a
 * vnode that is loaded, dropped without VOP_INACTIVE if nobody else used the
 * vnode in between.  For stat and its like.
 */
static __inline void
vref_light(struct vnode *vp)
{
	KASSERT(vnode_state(vp) == VS_LOADED);
	vp->v_usecount++;
}

static __inline void
vrele_light(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	if (vp->v_usecount > 1) {
		vp->v_usecount--;
	} else if (!vip->vi_touched && vip->vi_state == VS_LOADED) {
		vp->v_usecount = 0;
		vlru_touch(vip);
	} else {
		vrele(vp);
	}
}

struct vnode_impl *vcache_alloc(void);
void vcache_free(struct vnode_impl *);
void vcache_reclaim(struct vnode *);
void vcache_hash_remove(struct vnode_impl *);
void vcache_wait(void);
void vcache_wakeup(void);
void vcache_init(void);
void vlru_insert(struct vnode_impl *);
void vlru_remove(struct vnode_impl *);
void vnode_drain_kick(void);
void vnode_shrink(u_int, int);
u_int vcache_spare(void);
void deadfs_init(void);

#endif /* !_KERNEL_VFS_VNODE_IMPL_H_ */
