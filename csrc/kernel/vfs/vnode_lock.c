/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode lock: a readers/writer lock in the private part of the vnode,
 * reached through VOP_LOCK so that layers can pass it on.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/rwlock.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>

#include "vnode_impl.h"
#include "vnode_call.h"

static int
vnode_lock_upgrade(struct vnode_impl *vip, int flags)
{
	if (rw_tryupgrade(&vip->vi_lock))
		return 0;
	if (flags & LK_NOWAIT)
		return EBUSY;
	rw_exit(&vip->vi_lock);
	rw_enter(&vip->vi_lock, RW_WRITER);
	return 0;
}

static __inline int
vnode_lock(struct vnode_impl *vip, int flags)
{
	krw_t op = (flags & LK_SHARED) ? RW_READER : RW_WRITER;

	if (__predict_false(flags & (LK_UPGRADE | LK_DOWNGRADE))) {
		if (flags & LK_UPGRADE)
			return vnode_lock_upgrade(vip, flags);
		rw_downgrade(&vip->vi_lock);
		return 0;
	}
	if (flags & LK_NOWAIT)
		return rw_tryenter(&vip->vi_lock, op) ? 0 : EBUSY;
	rw_enter(&vip->vi_lock, op);
	return 0;
}

int
genfs_lock(void *v)
{
	struct vop_lock_args *ap = v;

	return vnode_lock(VNODE_TO_VIMPL(ap->a_vp), ap->a_flags);
}

int
genfs_unlock(void *v)
{
	struct vop_unlock_args *ap = v;

	rw_exit(&VNODE_TO_VIMPL(ap->a_vp)->vi_lock);
	return 0;
}

int
genfs_islocked(void *v)
{
	struct vop_islocked_args *ap = v;
	krwlock_t *lock = &VNODE_TO_VIMPL(ap->a_vp)->vi_lock;

	if (rw_write_held(lock))
		return LK_EXCLUSIVE;
	if (rw_read_held(lock))
		return LK_SHARED;
	return LK_NONE;
}

/* A dead vnode can be locked by those who insist. */
int
genfs_deadlock(void *v)
{
	struct vop_lock_args *ap = v;

	if ((ap->a_flags & (LK_RETRY | LK_UPGRADE | LK_DOWNGRADE)) == 0)
		return ENOENT;
	return vnode_lock(VNODE_TO_VIMPL(ap->a_vp), ap->a_flags);
}

int
genfs_deadunlock(void *v)
{
	return genfs_unlock(v);
}

/*
 * Lock a vnode that the caller has a reference to.  Without LK_RETRY a
 * vnode that is dead by the time the lock is ours is refused.
 */
int
vn_lock(struct vnode *vp, int flags)
{
	int error;

	KASSERT(vp->v_usecount > 0);
	/* What VFS_ROOT(mp, LK_NONE, &vp) hands on to us, with LK_RETRY. */
	if (__predict_false((flags & (LK_SHARED | LK_EXCLUSIVE | LK_UPGRADE |
	    LK_DOWNGRADE)) == 0))
		return 0;
	if (__predict_true(vp->v_op[VOFFSET(vop_lock)] == genfs_lock)) {
		struct mount *mp = vop_enter(vp);

		error = vnode_lock(VNODE_TO_VIMPL(vp), flags);
		if (__predict_true((flags &
		    (LK_UPGRADE | LK_DOWNGRADE)) == 0))
			vop_leave_lock(vp, mp, error);
		else
			vop_leave(mp);
	} else {
		error = VOP_LOCK(vp, flags);
	}
	if (error == 0 && (flags & LK_RETRY) == 0 &&
	    __predict_false(vnode_state(vp) == VS_RECLAIMED)) {
		VOP_UNLOCK(vp);
		error = ENOENT;
	}
	return error;
}
