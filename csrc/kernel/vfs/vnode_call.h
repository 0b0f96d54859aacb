/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every VOP_* does around the call of the file system: enter the
 * mount's transaction and, if that is wanted, check that caller and file
 * system follow the protocol of locks and references.
 */
#ifndef _KERNEL_VFS_VNODE_CALL_H_
#define _KERNEL_VFS_VNODE_CALL_H_

#include <sys/systm.h>
#include <sys/vnode.h>
#include <sys/mount.h>

#include "fstrans_impl.h"

/* Whether to check (the sysctl node debug.vnodes); see vnode_check.c. */
extern int vnode_checks;

#define VOP_HELD_MAX	4

/* Vnodes that an operation releases, and how many references they had. */
struct vop_held {
	struct vnode *vh_vp[VOP_HELD_MAX];
	int vh_refs[VOP_HELD_MAX];
	long vh_switches;
	bool vh_on;
};

void	vnode_check_locked(struct vnode *, const char *, bool);
void	vnode_check_found(struct vnode *, struct vnode *, const char *);
void	vnode_check_hold(struct vop_held *);
void	vnode_check_released(struct vop_held *, const char *);

#define vop_check_locked(vp, op) do {					\
	if (__predict_false(vnode_checks != 0))				\
		vnode_check_locked((vp), (op), false);			\
} while (0)
#define vop_check_still(vp, op) do {					\
	if (__predict_false(vnode_checks != 0))				\
		vnode_check_locked((vp), (op), true);			\
} while (0)
#define vop_check_found(dvp, vpp, op, error) do {			\
	if (__predict_false(vnode_checks != 0) && (error) == 0)		\
		vnode_check_found((dvp), *(vpp), (op));			\
} while (0)
#define vop_check_hold(held) do {					\
	if (__predict_false(vnode_checks != 0))				\
		vnode_check_hold(held);					\
} while (0)
#define vop_check_released(held, op) do {				\
	if (__predict_false((held)->vh_on))				\
		vnode_check_released((held), (op));			\
} while (0)

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
