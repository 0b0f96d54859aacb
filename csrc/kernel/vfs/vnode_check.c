/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of the vnode operations' lock and reference protocol, for those who
 * write file systems: switched on by the sysctl node debug.vnodes.  What is
 * found is a panic that names the operation.
 */

#include <sys/param.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/vnode.h>

#include "vnode_call.h"
#include "vnode_impl.h"

int vnode_checks;

/*
 * The operation was called, or returned, without the lock it needs.  What is
 * being made needs none: nobody else can find it yet.
 */
void
vnode_check_locked(struct vnode *vp, const char *op, bool after)
{
	if (VOP_ISLOCKED(vp) == LK_NONE &&
	    VNODE_TO_VIMPL(vp)->vi_state != VS_LOADING)
		vnpanic(vp, after ? "VOP %s: returned with its vnode unlocked" :
		    "VOP %s: vnode not locked", op);
}

/* What lookup, create and their like have found: referenced, not locked. */
void
vnode_check_found(struct vnode *dvp, struct vnode *vp, const char *op)
{
	if (vp == NULL)
		panic("VOP %s: succeeded and found no vnode", op);
	if (vrefcnt(vp) <= 0)
		vnpanic(vp, "VOP %s: returned a vnode without a reference", op);
	if (vp != dvp && VOP_ISLOCKED(vp) == LK_EXCLUSIVE)
		vnpanic(vp, "VOP %s: returned a locked vnode", op);
}

/* The operation releases these: keep them, so that they can be looked at. */
void
vnode_check_hold(struct vop_held *held)
{
	held->vh_switches = curlwp->l_ru.ru_nvcsw;
	held->vh_on = true;
	for (int i = 0; i < VOP_HELD_MAX; i++) {
		if (held->vh_vp[i] != NULL)
			held->vh_refs[i] = vrefcnt(held->vh_vp[i]);
	}
	for (int i = 0; i < VOP_HELD_MAX; i++) {
		if (held->vh_vp[i] != NULL)
			vref(held->vh_vp[i]);
	}
}

/*
 * They were released once each, and unlocked.  References can be counted only
 * if nobody else ran meanwhile.
 */
void
vnode_check_released(struct vop_held *held, const char *op)
{
	const bool alone = held->vh_switches == curlwp->l_ru.ru_nvcsw;

	for (int i = 0; i < VOP_HELD_MAX; i++) {
		struct vnode *vp = held->vh_vp[i];

		if (vp == NULL)
			continue;
		if (VOP_ISLOCKED(vp) == LK_EXCLUSIVE)
			vnpanic(vp, "VOP %s: left a vnode locked", op);
		if (alone && vrefcnt(vp) > held->vh_refs[i])
			vnpanic(vp, "VOP %s: kept a reference", op);
		if (alone && vrefcnt(vp) < held->vh_refs[i])
			vnpanic(vp, "VOP %s: released too much", op);
	}
	for (int i = 0; i < VOP_HELD_MAX; i++) {
		if (held->vh_vp[i] != NULL)
			vrele(held->vh_vp[i]);
	}
}

SYSCTL_SETUP(sysctl_debug_vnodes_setup, "sysctl debug.vnodes")
{

	sysctl_createv(clog, 0, NULL, NULL,
	    CTLFLAG_PERMANENT | CTLFLAG_READWRITE, CTLTYPE_INT, "vnodes",
	    NULL, NULL, 0, &vnode_checks, 0, CTL_DEBUG, CTL_CREATE, CTL_EOL);
}
