/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rename, for every file system that fills in struct genfs_rename_ops.
 *
 * The vnode operation arrives with vnodes that were looked up, and partly
 * locked, without regard to each other.  genfs_insane_rename() lets go of all
 * of them but the two directories; genfs_sane_rename() takes what it needs in
 * an order that cannot deadlock, looks the names up again, and decides:
 *
 *	the mount's rename lock, by the caller, keeps the shape of the tree
 *	a directory before what is below it; else the target's before the
 *	    source's
 *	then the two files, directories first, others by address
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/namei.h>
#include <sys/stat.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#include <lib/libkern/libkern.h>

#include <miscfs/genfs/genfs.h>
#include <rumpy/vnode.h>

#include "vnode_call.h"

/* Both ends of a rename, while it is going on. */
struct renaming {
	const struct genfs_rename_ops *ops;
	struct mount	*mp;
	kauth_cred_t	cred;
	bool		exchange;	/* both are there, and both move */
	struct rename_end {
		struct vnode	*dvp;
		struct vnode	*vp;	/* referenced; NULL if not there */
		struct componentname *cnp;
		void		*de;	/* the file system's */
	} from, to;
};

int
genfs_renamelock_enter(struct mount *mp)
{

	mutex_enter(mp->mnt_renamelock);
	return 0;
}

void
genfs_renamelock_exit(struct mount *mp)
{

	mutex_exit(mp->mnt_renamelock);
}

static bool
is_dots(const struct componentname *cnp)
{
	const char *name = cnp->cn_nameptr;

	return (cnp->cn_namelen == 1 && name[0] == '.') ||
	    (cnp->cn_namelen == 2 && name[0] == '.' && name[1] == '.');
}

static bool
same_name(const struct componentname *a, const struct componentname *b)
{

	return a->cn_namelen == b->cn_namelen &&
	    memcmp(a->cn_nameptr, b->cn_nameptr, a->cn_namelen) == 0;
}

/*
 * Look one end up in its locked directory.  FORBIDDEN is the directory that
 * leads to the other end; finding it here is the error LOOPS.
 */
static int
find_end(struct renaming *r, struct rename_end *end,
    const struct vnode *forbidden, int loops)
{
	const bool must_exist = end == &r->from || r->exchange;
	int error;

	error = (*r->ops->gro_lookup)(r->mp, end->dvp, end->cnp, end->de,
	    &end->vp);
	if (error == ENOENT && !must_exist) {
		end->vp = NULL;
		return 0;
	}
	if (error != 0) {
		end->vp = NULL;
		return error;
	}
	if (end->vp == end->dvp)
		return EINVAL;
	return forbidden != NULL && end->vp == forbidden ? loops : 0;
}

static void
release(struct vnode **vpp)
{

	if (*vpp != NULL)
		vrele(*vpp);
	*vpp = NULL;
}

static void
release_ends(struct renaming *r)
{

	release(&r->from.vp);
	release(&r->to.vp);
}

static int
lock_same_directory(struct renaming *r)
{
	int error;

	error = (*r->ops->gro_lock_directory)(r->mp, r->from.dvp);
	if (error != 0)
		return error;
	error = find_end(r, &r->from, NULL, 0);
	if (error == 0)
		error = find_end(r, &r->to, NULL, 0);
	if (error != 0) {
		release_ends(r);
		VOP_UNLOCK(r->from.dvp);
	}
	return error;
}

/* Lock two directories and look up in each: FIRST is not below SECOND. */
static int
lock_in_order(struct renaming *r, struct rename_end *first,
    struct rename_end *second, const struct vnode *between, int loops)
{
	int error;

	error = (*r->ops->gro_lock_directory)(r->mp, first->dvp);
	if (error != 0)
		return error;
	error = find_end(r, first, between, loops);
	if (error != 0)
		goto unlock_first;
	error = (*r->ops->gro_lock_directory)(r->mp, second->dvp);
	if (error != 0)
		goto unlock_first;
	error = find_end(r, second, NULL, 0);
	if (error == 0)
		return 0;
	VOP_UNLOCK(second->dvp);
unlock_first:
	release_ends(r);
	VOP_UNLOCK(first->dvp);
	return error;
}

static int
lock_two_directories(struct renaming *r)
{
	struct vnode *between;
	int error;

	/* Is the source's directory above the target's? */
	error = (*r->ops->gro_genealogy)(r->mp, r->cred, r->from.dvp,
	    r->to.dvp, &between);
	if (error != 0)
		return error;
	if (between != NULL) {
		/* A directory cannot move below itself. */
		error = lock_in_order(r, &r->from, &r->to, between, EINVAL);
		vrele(between);
		return error;
	}
	error = (*r->ops->gro_genealogy)(r->mp, r->cred, r->to.dvp,
	    r->from.dvp, &between);
	if (error != 0)
		return error;
	/* What the source is in cannot be empty, nor move below itself. */
	error = lock_in_order(r, &r->to, &r->from, between,
	    r->exchange ? EINVAL : ENOTEMPTY);
	if (between != NULL)
		vrele(between);
	return error;
}

static bool
locks_after(const struct vnode *a, const struct vnode *b)
{

	if ((a->v_type == VDIR) != (b->v_type == VDIR))
		return b->v_type == VDIR;
	return a > b;
}

/* Lock the files themselves, which may be one and the same. */
static int
lock_files(struct renaming *r)
{
	struct vnode *a = r->from.vp, *b = r->to.vp, *swap;
	int error;

	if (b != NULL && locks_after(a, b)) {
		swap = a;
		a = b;
		b = swap;
	}
	error = vn_lock(a, LK_EXCLUSIVE | LK_RETRY);
	if (error == 0 && b != NULL && a != b) {
		error = vn_lock(b, LK_EXCLUSIVE | LK_RETRY);
		if (error != 0)
			VOP_UNLOCK(a);
	}
	return error;
}

static void
unlock_directories(struct renaming *r)
{

	VOP_UNLOCK(r->from.dvp);
	if (r->from.dvp != r->to.dvp)
		VOP_UNLOCK(r->to.dvp);
}

static int
enter(struct renaming *r)
{
	int error;

	error = r->from.dvp == r->to.dvp ? lock_same_directory(r) :
	    lock_two_directories(r);
	if (error != 0)
		return error;
	error = lock_files(r);
	if (error != 0) {
		release_ends(r);
		unlock_directories(r);
	}
	return error;
}

static void
leave(struct renaming *r)
{

	if (r->to.vp != NULL && r->to.vp != r->from.vp)
		VOP_UNLOCK(r->to.vp);
	VOP_UNLOCK(r->from.vp);
	unlock_directories(r);
	/* Only now: the last reference may need the locks to let a file go. */
	release_ends(r);
}

/* Two names of one file. */
static int
rename_onto_itself(struct renaming *r, bool posixly_correct)
{
	nlink_t nlink;
	int error;

	if (posixly_correct || (r->from.dvp == r->to.dvp &&
	    same_name(r->from.cnp, r->to.cnp)))
		return 0;
	error = (*r->ops->gro_remove_check_possible)(r->mp, r->from.dvp,
	    r->from.vp);
	if (error == 0)
		error = (*r->ops->gro_remove_check_permitted)(r->mp, r->cred,
		    r->from.dvp, r->from.vp);
	if (error == 0)
		error = (*r->ops->gro_remove)(r->mp, r->cred, r->from.dvp,
		    r->from.cnp, r->from.de, r->from.vp, &nlink);
	return error;
}

/* Can what is there be replaced by what comes? */
static int
check_types(const struct renaming *r)
{
	const struct vnode *fvp = r->from.vp, *tvp = r->to.vp;

	if (fvp->v_type == VDIR && fvp->v_mountedhere != NULL)
		return EBUSY;
	if (tvp == NULL)
		return 0;
	if (fvp->v_type == VDIR && tvp->v_type != VDIR)
		return ENOTDIR;
	if (fvp->v_type != VDIR && tvp->v_type == VDIR)
		return EISDIR;
	if (tvp->v_type != VDIR)
		return 0;
	if (tvp->v_mountedhere != NULL)
		return EBUSY;
	return (*r->ops->gro_directory_empty_p)(r->mp, r->cred, r->to.vp,
	    r->to.dvp) ? 0 : ENOTEMPTY;
}

static int
rename_locked(struct renaming *r)
{
	nlink_t nlink = 1;
	int error;

	error = check_types(r);
	if (error == 0)
		error = (*r->ops->gro_rename_check_possible)(r->mp,
		    r->from.dvp, r->from.vp, r->to.dvp, r->to.vp);
	if (error == 0)
		error = (*r->ops->gro_rename_check_permitted)(r->mp, r->cred,
		    r->from.dvp, r->from.vp, r->to.dvp, r->to.vp);
	if (error == 0)
		error = (*r->ops->gro_rename)(r->mp, r->cred, r->from.dvp,
		    r->from.cnp, r->from.de, r->from.vp, r->to.dvp, r->to.cnp,
		    r->to.de, r->to.vp, &nlink);
	if (error != 0)
		return error;
	genfs_rename_cache_purge(r->from.dvp, r->from.vp, r->to.dvp,
	    r->to.vp);
	/* Somebody may have noted meanwhile that the target is not there. */
	cache_purge1(r->to.dvp, r->to.cnp->cn_nameptr, r->to.cnp->cn_namelen,
	    0);
	return 0;
}

int
genfs_sane_rename(const struct genfs_rename_ops *ops, struct vnode *fdvp,
    struct componentname *fcnp, void *fde, struct vnode *tdvp,
    struct componentname *tcnp, void *tde, kauth_cred_t cred,
    bool posixly_correct)
{
	struct renaming r = {
		.ops = ops, .mp = fdvp->v_mount, .cred = cred,
		.from = { .dvp = fdvp, .cnp = fcnp, .de = fde },
		.to = { .dvp = tdvp, .cnp = tcnp, .de = tde },
	};
	int error;

	KASSERT(fdvp->v_mount == tdvp->v_mount);
	if (is_dots(fcnp) || is_dots(tcnp))
		return EINVAL;
	error = enter(&r);
	if (error != 0)
		return error;
	if (r.to.vp != NULL && (tcnp->cn_flags & RUMPY_CN_NOREPLACE) != 0)
		error = EEXIST;
	else if (r.from.vp == r.to.vp)
		error = rename_onto_itself(&r, posixly_correct);
	else
		error = rename_locked(&r);
	leave(&r);
	return error;
}

/*
 * Exchange.  The rules are those of two renames at once, but no file goes
 * away, so that any kind may take the place of any other.
 */

static int
exchange_check(const struct renaming *r)
{
	const struct vnode *fvp = r->from.vp, *tvp = r->to.vp;
	int error;

	if ((fvp->v_type == VDIR && fvp->v_mountedhere != NULL) ||
	    (tvp->v_type == VDIR && tvp->v_mountedhere != NULL))
		return EBUSY;
	error = (*r->ops->gro_rename_check_possible)(r->mp, r->from.dvp,
	    r->from.vp, r->to.dvp, r->to.vp);
	if (error == 0)
		error = (*r->ops->gro_rename_check_permitted)(r->mp, r->cred,
		    r->from.dvp, r->from.vp, r->to.dvp, r->to.vp);
	/* The target's ".." is written, too. */
	if (error == 0 && r->from.dvp != r->to.dvp && tvp->v_type == VDIR)
		error = VOP_ACCESS(r->to.vp, VWRITE, r->cred);
	return error;
}

static void
exchange_done(struct renaming *r)
{
	struct rename_end *ends[] = { &r->from, &r->to };

	for (int i = 0; i < 2; i++) {
		struct vnode *vp = ends[i]->vp;

		cache_purge1(vp, NULL, 0, PURGE_PARENTS);
		if (vp->v_type == VDIR)
			cache_purge1(vp, "..", 2, 0);
		vop_note(ends[i]->dvp, NOTE_WRITE, 0);
		vop_note(vp, NOTE_RENAME, 0);
	}
}

/* The caller has the mount's rename lock. */
static int
exchange_locked(struct renaming *r, const struct rumpy_swap *sw)
{
	int error = enter(r);

	if (error != 0)
		return error;
	if (r->from.vp == r->to.vp) {	/* two names of one file */
		leave(r);
		return 0;
	}
	error = exchange_check(r);
	if (error == 0)
		error = (*sw->sw_swap)(r->mp, r->cred, r->from.dvp,
		    r->from.cnp, r->from.de, r->from.vp, r->to.dvp,
		    r->to.cnp, r->to.de, r->to.vp);
	if (error == 0)
		exchange_done(r);
	leave(r);
	return error;
}

/*
 * Let two names, in unlocked directories, change what they lead to.  EINVAL
 * if the driver has no way to do it.
 */
int
vfs_exchange(struct vnode *fdvp, struct componentname *fcnp,
    struct vnode *tdvp, struct componentname *tcnp)
{
	uint64_t fde[RUMPY_SWAP_ENTRY / 8], tde[RUMPY_SWAP_ENTRY / 8];
	struct mount *mp = fdvp->v_mount;
	struct rumpy_swap sw = { .sw_mp = NULL };
	struct renaming r = {
		.mp = mp, .cred = fcnp->cn_cred, .exchange = true,
		.from = { .dvp = fdvp, .cnp = fcnp, .de = fde },
		.to = { .dvp = tdvp, .cnp = tcnp, .de = tde },
	};
	int error;

	if (is_dots(fcnp) || is_dots(tcnp))
		return EINVAL;
	if (mp != tdvp->v_mount)
		return EXDEV;
	if ((mp->mnt_flag & MNT_RDONLY) != 0)
		return EROFS;
	/* A layer asks the one below, whose answer is not about its vnodes. */
	if (VOP_FCNTL(fdvp, RUMPY_FCNTL_SWAP, &sw, 0, r.cred) != 0 ||
	    sw.sw_mp != mp)
		return EINVAL;
	r.ops = sw.sw_ops;
	error = VFS_RENAMELOCK_ENTER(mp);
	if (error != 0)
		return error;
	fstrans_start(mp);
	error = exchange_locked(&r, &sw);
	fstrans_done(mp);
	VFS_RENAMELOCK_EXIT(mp);
	return error;
}

int
genfs_insane_rename(void *v, int (*sane)(struct vnode *,
    struct componentname *, struct vnode *, struct componentname *,
    kauth_cred_t, bool))
{
	struct vop_rename_args *ap = v;
	struct vnode *fdvp = ap->a_fdvp, *tdvp = ap->a_tdvp;
	int error;

	if (ap->a_tvp != NULL && ap->a_tvp != tdvp)
		VOP_UNLOCK(ap->a_tvp);
	VOP_UNLOCK(tdvp);
	vrele(ap->a_fvp);
	if (ap->a_tvp != NULL)
		vrele(ap->a_tvp);
	error = fdvp->v_mount != tdvp->v_mount ? EXDEV :
	    (*sane)(fdvp, ap->a_fcnp, tdvp, ap->a_tcnp,
	    ap->a_fcnp->cn_cred, false);
	vrele(fdvp);
	vrele(tdvp);
	return error;
}

/* All names that a rename may have made wrong. */
void
genfs_rename_cache_purge(struct vnode *fdvp, struct vnode *fvp,
    struct vnode *tdvp, struct vnode *tvp)
{

	cache_purge1(fvp, NULL, 0, PURGE_PARENTS);
	if (fvp->v_type == VDIR)	/* its ".." may be another one */
		cache_purge1(fvp, "..", 2, 0);
	if (tvp != NULL)
		cache_purge(tvp);
}

/*
 * The rules that file systems with BSD's flags and modes share.
 */
int
genfs_ufslike_rename_check_possible(unsigned long fdflags,
    unsigned long fflags, unsigned long tdflags, unsigned long tflags,
    bool replaces, unsigned long immutable, unsigned long append)
{

	if (((fdflags | fflags) & (immutable | append)) != 0 ||
	    (tdflags & immutable) != 0)
		return EPERM;
	if (replaces && (((tdflags | tflags) & append) != 0 ||
	    (tflags & immutable) != 0))
		return EPERM;
	return 0;
}

static int
check_sticky(kauth_cred_t cred, struct vnode *dvp, mode_t dmode, uid_t duid,
    struct vnode *vp, uid_t uid)
{

	if ((dmode & S_ISTXT) == 0)
		return 0;
	return kauth_authorize_vnode(cred, KAUTH_VNODE_DELETE, vp, dvp,
	    genfs_can_sticky(vp, cred, duid, uid));
}

int
genfs_ufslike_rename_check_permitted(kauth_cred_t cred, struct vnode *fdvp,
    mode_t fdmode, uid_t fduid, struct vnode *fvp, uid_t fuid,
    struct vnode *tdvp, mode_t tdmode, uid_t tduid, struct vnode *tvp,
    uid_t tuid)
{
	int error;

	error = VOP_ACCESS(fdvp, VWRITE, cred);
	if (error == 0)
		error = check_sticky(cred, fdvp, fdmode, fduid, fvp, fuid);
	if (error == 0 && fdvp != tdvp) {
		error = VOP_ACCESS(tdvp, VWRITE, cred);
		/* Its ".." is written. */
		if (error == 0 && fvp->v_type == VDIR)
			error = VOP_ACCESS(fvp, VWRITE, cred);
	}
	if (error == 0 && tvp != NULL)
		error = check_sticky(cred, tdvp, tdmode, tduid, tvp, tuid);
	return error;
}

int
genfs_ufslike_remove_check_possible(unsigned long dflags, unsigned long flags,
    unsigned long immutable, unsigned long append)
{

	return ((dflags | flags) & (immutable | append)) != 0 ? EPERM : 0;
}

int
genfs_ufslike_remove_check_permitted(kauth_cred_t cred, struct vnode *dvp,
    mode_t dmode, uid_t duid, struct vnode *vp, uid_t uid)
{
	int error;

	error = VOP_ACCESS(dvp, VWRITE, cred);
	return error != 0 ? error :
	    check_sticky(cred, dvp, dmode, duid, vp, uid);
}
