/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every VOP_* does around the call of the file system: enter the
 * mount's transaction and, in kernels built with VNODE_LOCKDEBUG, check that
 * the caller followed the lock protocol.
 */
#ifndef _KERNEL_VFS_VNODE_CALL_H_
#define _KERNEL_VFS_VNODE_CALL_H_

#include <sys/systm.h>
#include <sys/vnode.h>
#include <sys/mount.h>

#include "fstrans_impl.h"

#ifdef VNODE_LOCKDEBUG
#define vop_check_locked(vp, op) do {					\
	if (VOP_ISLOCKED(vp) == LK_NONE)				\
		vnpanic((vp), "VOP %s: vnode not locked", (op));	\
} while (0)
#else
#define vop_check_locked(vp, op)	((void)(vp))
#endif

/* The vnode may move to the dead mount while we wait for a suspension. */
static __inline struct mount *
vop_enter(struct vnode *vp)
{
	struct mount *mp;

	for (;;) {
		mp = vp->v_mount;
		if (fstrans_enter_fast(mp))
			return mp;
		fstrans_start(mp);
		if (__predict_true(mp == vp->v_mount))
			return mp;
		fstrans_done(mp);
	}
}

static __inline void
vop_leave(struct mount *mp)
{
	if (!fstrans_leave_fast(mp))
		fstrans_done(mp);
}

/* A held vnode lock keeps the transaction of the mount it unlocks under. */
static __inline void
vop_leave_lock(struct vnode *vp, struct mount *mp, int error)
{
	if (error != 0) {
		vop_leave(mp);
	} else if (__predict_false(mp != vp->v_mount)) {
		vop_leave(mp);
		fstrans_start(vp->v_mount);
	}
}

/* Tell who watches the vnode. */
static __inline void
vop_note(struct vnode *vp, long what, int error)
{
	if (__predict_false(vp->v_klist->vk_interest != 0) && error == 0)
		VN_KNOTE(vp, what);
}

/* The same for a vnode that the operation releases, or NULL. */
static __inline bool
vop_watch(struct vnode *vp)
{
	if (__predict_true(vp == NULL || vp->v_klist->vk_interest == 0))
		return false;
	vref(vp);
	return true;
}

static __inline void
vop_unwatch(struct vnode *vp, bool watched, long what, int error)
{
	if (__predict_true(!watched))
		return;
	vop_note(vp, what, error);
	vrele(vp);
}

#endif /* !_KERNEL_VFS_VNODE_CALL_H_ */
