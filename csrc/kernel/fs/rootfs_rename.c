/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rootfs: rename, by the protocol that genfs has for it (who is locked when,
 * and which questions are asked in which order).  The "directory entry" that
 * the protocol carries is a struct rootfs_entry pointer.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/stat.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#include <lib/libkern/libkern.h>

#include <miscfs/genfs/genfs.h>

#include "fs/rootfs.h"

bool
rootfs_directory_empty(const struct rootfs_node *dir)
{

	return TAILQ_EMPTY(&dir->rn_entries);
}

static bool
gro_directory_empty_p(struct mount *mp, kauth_cred_t cred, struct vnode *vp,
    struct vnode *dvp)
{

	return rootfs_directory_empty(VTORN(vp));
}

static int
gro_rename_check_possible(struct mount *mp, struct vnode *fdvp,
    struct vnode *fvp, struct vnode *tdvp, struct vnode *tvp)
{

	return genfs_ufslike_rename_check_possible(VTORN(fdvp)->rn_flags,
	    VTORN(fvp)->rn_flags, VTORN(tdvp)->rn_flags,
	    tvp != NULL ? VTORN(tvp)->rn_flags : 0, tvp != NULL,
	    IMMUTABLE, APPEND);
}

static int
gro_rename_check_permitted(struct mount *mp, kauth_cred_t cred,
    struct vnode *fdvp, struct vnode *fvp, struct vnode *tdvp,
    struct vnode *tvp)
{

	return genfs_ufslike_rename_check_permitted(cred,
	    fdvp, VTORN(fdvp)->rn_mode, VTORN(fdvp)->rn_uid,
	    fvp, VTORN(fvp)->rn_uid,
	    tdvp, VTORN(tdvp)->rn_mode, VTORN(tdvp)->rn_uid,
	    tvp, tvp != NULL ? VTORN(tvp)->rn_uid : 0);
}

static int
gro_remove_check_possible(struct mount *mp, struct vnode *dvp,
    struct vnode *vp)
{

	return genfs_ufslike_remove_check_possible(VTORN(dvp)->rn_flags,
	    VTORN(vp)->rn_flags, IMMUTABLE, APPEND);
}

static int
gro_remove_check_permitted(struct mount *mp, kauth_cred_t cred,
    struct vnode *dvp, struct vnode *vp)
{

	return genfs_ufslike_remove_check_permitted(cred, dvp,
	    VTORN(dvp)->rn_mode, VTORN(dvp)->rn_uid, vp, VTORN(vp)->rn_uid);
}

static int
gro_rename(struct mount *mp, kauth_cred_t cred, struct vnode *fdvp,
    struct componentname *fcnp, void *fde, struct vnode *fvp,
    struct vnode *tdvp, struct componentname *tcnp, void *tde,
    struct vnode *tvp, nlink_t *tvp_nlink)
{
	struct rootfs_entry *from = *(struct rootfs_entry **)fde;
	struct rootfs_node *node = VTORN(fvp);

	if (tvp != NULL) {
		rootfs_remove(VTORN(tdvp), *(struct rootfs_entry **)tde);
		*tvp_nlink = VTORN(tvp)->rn_nlink;
	}
	node->rn_nlink++;		/* never without a name meanwhile */
	rootfs_remove(VTORN(fdvp), from);
	rootfs_enter(VTORN(tdvp), node, tcnp->cn_nameptr, tcnp->cn_namelen);
	node->rn_nlink--;
	genfs_rename_cache_purge(fdvp, fvp, tdvp, tvp);
	return 0;
}

static int
gro_remove(struct mount *mp, kauth_cred_t cred, struct vnode *dvp,
    struct componentname *cnp, void *de, struct vnode *vp, nlink_t *nlink)
{

	rootfs_remove(VTORN(dvp), *(struct rootfs_entry **)de);
	cache_purge(vp);
	*nlink = VTORN(vp)->rn_nlink;
	return 0;
}

static int
gro_lookup(struct mount *mp, struct vnode *dvp, struct componentname *cnp,
    void *de, struct vnode **vpp)
{
	struct rootfs_entry *re;

	re = rootfs_find(VTORN(dvp), cnp->cn_nameptr, cnp->cn_namelen);
	*(struct rootfs_entry **)de = re;
	if (re == NULL)
		return ENOENT;
	return rootfs_get_vnode(mp, re->re_node, vpp);
}

/*
 * If FDVP is above TDVP, *NODEP is the directory below it on the way down
 * (referenced), else NULL.
 */
static int
gro_genealogy(struct mount *mp, kauth_cred_t cred, struct vnode *fdvp,
    struct vnode *tdvp, struct vnode **nodep)
{
	struct rootfs_node *rn = VTORN(tdvp), *above = VTORN(fdvp);

	*nodep = NULL;
	for (;;) {
		if (rn->rn_parent == NULL)
			return ENOENT;
		if (rn->rn_parent == rn)
			return 0;		/* the root: not above */
		if (rn->rn_parent == above)
			return rootfs_get_vnode(mp, rn, nodep);
		rn = rn->rn_parent;
	}
}

static int
gro_lock_directory(struct mount *mp, struct vnode *vp)
{
	int error;

	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	if (VTORN(vp)->rn_parent == NULL) {
		VOP_UNLOCK(vp);
		return ENOENT;
	}
	return 0;
}

static const struct genfs_rename_ops rootfs_rename_ops = {
	.gro_directory_empty_p = gro_directory_empty_p,
	.gro_rename_check_possible = gro_rename_check_possible,
	.gro_rename_check_permitted = gro_rename_check_permitted,
	.gro_remove_check_possible = gro_remove_check_possible,
	.gro_remove_check_permitted = gro_remove_check_permitted,
	.gro_rename = gro_rename,
	.gro_remove = gro_remove,
	.gro_lookup = gro_lookup,
	.gro_genealogy = gro_genealogy,
	.gro_lock_directory = gro_lock_directory,
};

static int
sane_rename(struct vnode *fdvp, struct componentname *fcnp,
    struct vnode *tdvp, struct componentname *tcnp, kauth_cred_t cred,
    bool posixly_correct)
{
	struct rootfs_entry *fde = NULL, *tde = NULL;

	return genfs_sane_rename(&rootfs_rename_ops, fdvp, fcnp, &fde, tdvp,
	    tcnp, &tde, cred, posixly_correct);
}

int
rootfs_rename(void *v)
{

	return genfs_insane_rename(v, sane_rename);
}
