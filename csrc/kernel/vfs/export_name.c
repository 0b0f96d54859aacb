/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: operations on names.  Each is VOP_LOOKUP with the right
 * intent in a locked directory, followed by the operation itself, which finds
 * what the lookup left behind in the directory's inode.
 */

#include <sys/param.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/stat.h>
#include <sys/systm.h>
#include <sys/unistd.h>

#include <rumpy/vnode.h>

#include "export_impl.h"
#include "lookup.h"
#include "room.h"

#define	TARGET_MAX	4096	/* PATH_MAX of Linux: text of a link, with its NUL */

void
export_cn(struct componentname *cn, uint32_t op, uint32_t flags,
    const char *name, size_t len, kauth_cred_t cred)
{

	cn->cn_nameiop = op;
	cn->cn_flags = flags | ISLASTCN;
	if (op == LOOKUP || op == CREATE)
		cn->cn_flags |= MAKEENTRY;
	if (op != LOOKUP)
		cn->cn_flags |= LOCKPARENT;
	cn->cn_cred = cred;
	cn->cn_nameptr = name;
	cn->cn_namelen = len;
}

/* "." and ".." are Linux's own business. */
static bool
name_is_dots(const char *name, size_t len)
{

	return len == 0 || (name[0] == '.' &&
	    (len == 1 || (len == 2 && name[1] == '.')));
}

/* Not every driver can look up names under a shared lock. */
static int
name_lock(const struct export_mount *xm)
{

	return (xm->xm_mp->mnt_iflag & IMNT_SHRLOOKUP) != 0 ? LK_SHARED :
	    LK_EXCLUSIVE;
}

/* The directory of a request, locked and referenced. */
static int
name_dir(struct export_mount *xm, uint64_t id, const char *name, size_t len,
    int lktype, struct vnode **dvpp)
{
	int error;

	if (name_is_dots(name, len))
		return EINVAL;
	error = export_vget(xm, id, lktype, dvpp);
	if (error == 0 && (*dvpp)->v_type != VDIR) {
		vput(*dvpp);
		error = ENOTDIR;
	}
	return error;
}

/* Fill in the answer about a vnode that is referenced; gives it back. */
static int
name_answer(struct export_mount *xm, struct export_req *x, struct vnode *vp,
    kauth_cred_t cred)
{
	int error = vn_lock(vp, LK_SHARED);

	if (error != 0) {
		vrele(vp);
		return error;
	}
	error = export_fill_entry(xm, vp, &x->er_entry, cred);
	vput(vp);
	return error;
}

/*
 * Linux walks "." and ".." by itself, and asks for them only when all that it
 * has of a file is a handle (FUSE_EXPORT_SUPPORT).
 */
static int
lookup_dots(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct componentname cn;
	struct vnode *dvp, *vp;
	int error;

	error = export_vget(xm, x->er_node, LK_NONE, &dvp);
	if (error != 0 || x->er_namelen == 1)
		return error != 0 ? error : name_answer(xm, x, dvp, cred);
	error = dvp->v_type == VDIR ? vn_lock(dvp, LK_EXCLUSIVE) : ENOTDIR;
	if (error == 0) {
		export_cn(&cn, LOOKUP, ISDOTDOT, x->er_name, x->er_namelen,
		    lwp0.l_cred);
		error = VOP_LOOKUP(dvp, &vp, &cn);
		VOP_UNLOCK(dvp);
	}
	vrele(dvp);
	return error != 0 ? error : name_answer(xm, x, vp, cred);
}

int
export_lookup(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct componentname cn;
	struct vnode *dvp, *vp;
	int error;

	if (x->er_namelen != 0 && name_is_dots(x->er_name, x->er_namelen))
		return lookup_dots(xm, x, cred);
	error = name_dir(xm, x->er_node, x->er_name, x->er_namelen,
	    name_lock(xm), &dvp);
	if (error != 0)
		return error;
	export_cn(&cn, LOOKUP, 0, x->er_name, x->er_namelen, cred);
	error = lookup_locked(dvp, &vp, &cn);
	vput(dvp);
	if (error == 0)
		return name_answer(xm, x, vp, cred);
	if (error == ENOENT && (xm->xm_flags & EXPORT_NEGATIVE) != 0) {
		memset(&x->er_entry, 0, sizeof(x->er_entry));
		x->er_entry.ee_entry_valid = xm->xm_entry_valid;
		return 0;
	}
	return error;
}

/*
 * Making.
 */

/* The name of the request is free; its directory is locked. */
static int
make_lookup(struct vnode *dvp, struct componentname *cn)
{
	struct vnode *vp;
	const int error = VOP_LOOKUP(dvp, &vp, cn);

	if (error == EJUSTRETURN)
		return 0;
	if (error != 0)
		return error;
	vrele(vp);
	return EEXIST;
}

static int
make_node(struct vnode *dvp, struct vnode **vpp, struct componentname *cn,
    struct vattr *va, char *target)
{

	switch (va->va_type) {
	case VDIR:
		return VOP_MKDIR(dvp, vpp, cn, va);
	case VLNK:
		return VOP_SYMLINK(dvp, vpp, cn, va, target);
	case VREG:
	case VSOCK:
		return VOP_CREATE(dvp, vpp, cn, va);
	case VFIFO:
	case VBLK:
	case VCHR:
		return VOP_MKNOD(dvp, vpp, cn, va);
	default:
		return EINVAL;
	}
}

/*
 * Linux's rule for the group of a new file: its maker's, but in a set-group-id
 * directory the directory's, and a directory made there is one, too.  NetBSD's
 * drivers always take the directory's.  Both are told apart by what the driver
 * did, so that nothing is to be done where a driver follows Linux.
 */
static int
make_group(struct vnode *dvp, struct vnode *vp, mode_t wanted,
    kauth_cred_t cred)
{
	struct vattr dir, va, new;
	int error;

	error = VOP_GETATTR(dvp, &dir, cred);
	if (error != 0)
		return error;
	const bool inherits = (dir.va_mode & S_ISGID) != 0;
	if (!inherits && dir.va_gid == kauth_cred_getegid(cred))
		return 0;
	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	error = VOP_GETATTR(vp, &va, cred);
	vattr_null(&new);
	if (!inherits && va.va_gid != kauth_cred_getegid(cred)) {
		new.va_gid = kauth_cred_getegid(cred);
		if ((wanted & S_ISGID) != 0)
			new.va_mode = va.va_mode | S_ISGID;
	}
	if (inherits && vp->v_type == VDIR && (va.va_mode & S_ISGID) == 0)
		new.va_mode = va.va_mode | S_ISGID;
	if (error == 0 && (new.va_gid != (gid_t)VNOVAL ||
	    new.va_mode != (mode_t)VNOVAL))
		error = VOP_SETATTR(vp, &new, lwp0.l_cred);
	VOP_UNLOCK(vp);
	/* A file system that keeps no owners has the name all the same. */
	return error == EOPNOTSUPP || error == EPERM || error == EINVAL ? 0 :
	    error;
}

/* Make va's kind of file by the request's name; *vpp is referenced. */
static int
make(struct export_mount *xm, const struct export_req *x, struct vattr *va,
    char *target, kauth_cred_t cred, struct vnode **vpp)
{
	struct componentname cn;
	struct vnode *dvp;
	int error;

	error = name_dir(xm, x->er_node, x->er_name, x->er_namelen,
	    LK_EXCLUSIVE, &dvp);
	if (error != 0)
		return error;
	export_cn(&cn, CREATE, va->va_type == VDIR ? CREATEDIR : 0,
	    x->er_name, x->er_namelen, cred);
	error = make_lookup(dvp, &cn);
	if (error == 0)
		error = make_node(dvp, vpp, &cn, va, target);
	if (error == 0 && !export_mapped(xm)) {
		error = make_group(dvp, *vpp, (mode_t)x->er_mode, cred);
		if (error != 0)
			vrele(*vpp);
	}
	vput(dvp);
	return error;
}

static int
make_and_answer(struct export_mount *xm, struct export_req *x,
    struct vattr *va, char *target, kauth_cred_t cred)
{
	struct vnode *vp;
	const int error = make(xm, x, va, target, cred, &vp);

	return error != 0 ? error : name_answer(xm, x, vp, cred);
}

int
export_mkdir(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct vattr va;

	vattr_null(&va);
	va.va_type = VDIR;
	va.va_mode = x->er_mode & ALLPERMS;
	return make_and_answer(xm, x, &va, NULL, cred);
}

int
export_mknod(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct vattr va;
	int error;

	vattr_null(&va);
	va.va_type = IFTOVT(x->er_mode);
	va.va_mode = x->er_mode & ALLPERMS;
	if (va.va_type == VBLK || va.va_type == VCHR) {
		error = kauth_authorize_system(cred, KAUTH_SYSTEM_MKNOD, 0,
		    NULL, NULL, NULL);
		if (error != 0)
			return error;
		va.va_rdev = makedev(export_major(x->er_rdev),
		    export_minor(x->er_rdev));
	}
	return make_and_answer(xm, x, &va, NULL, cred);
}

/*
 * Our namei follows no text of MAXPATHLEN bytes, Linux's does.  A driver that
 * keeps such says so; others need not be ready for one.
 */
static int
target_fits(struct export_mount *xm, const struct export_req *x)
{
	struct vnode *dvp;
	register_t most;
	int error;

	if (x->er_namelen2 >= TARGET_MAX)
		return ENAMETOOLONG;
	error = export_vget(xm, x->er_node, LK_SHARED, &dvp);
	if (error != 0)
		return error;
	error = VOP_PATHCONF(dvp, _PC_SYMLINK_MAX, &most);
	vput(dvp);
	return error != 0 || most < (register_t)x->er_namelen2 ?
	    ENAMETOOLONG : 0;
}

int
export_symlink(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct vattr va;
	char *target;
	int error;

	if (x->er_namelen2 >= MAXPATHLEN) {
		error = target_fits(xm, x);
		if (error != 0)
			return error;
	}
	target = kmem_alloc(TARGET_MAX, KM_SLEEP);
	memcpy(target, x->er_name2, x->er_namelen2);
	target[x->er_namelen2] = '\0';
	vattr_null(&va);
	va.va_type = VLNK;
	va.va_mode = ACCESSPERMS;
	error = make_and_answer(xm, x, &va, target, cred);
	kmem_free(target, TARGET_MAX);
	return error;
}

int
export_readlink(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct iovec iov = { x->er_data, x->er_datalen };
	struct uio uio = {
		.uio_iov = &iov,
		.uio_iovcnt = 1,
		.uio_resid = x->er_datalen,
		.uio_rw = UIO_READ,
	};
	struct vnode *vp;
	int error;

	UIO_SETUP_SYSSPACE(&uio);
	error = export_vget(xm, x->er_node, LK_SHARED, &vp);
	if (error != 0)
		return error;
	error = vp->v_type != VLNK ? EINVAL : VOP_READLINK(vp, &uio, cred);
	vput(vp);
	x->er_done = x->er_datalen - uio.uio_resid;
	return error;
}

/*
 * CREATE: make a regular file and open it, or open the one there is.
 */

/* Whether the name is taken; then *vpp is its file, referenced. */
static int
create_existing(struct export_mount *xm, const struct export_req *x,
    kauth_cred_t cred, struct vnode **vpp)
{
	struct componentname cn;
	struct vnode *dvp;
	int error;

	if (x->er_oflags & EXPORT_O_EXCL)
		return EEXIST;
	error = name_dir(xm, x->er_node, x->er_name, x->er_namelen,
	    name_lock(xm), &dvp);
	if (error != 0)
		return error;
	export_cn(&cn, LOOKUP, 0, x->er_name, x->er_namelen, cred);
	error = lookup_locked(dvp, vpp, &cn);
	vput(dvp);
	return error;
}

int
export_create(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct vattr va;
	struct vnode *vp;
	bool isnew = true;
	int error;

	error = room_for_file();
	if (error != 0)
		return error;
	vattr_null(&va);
	va.va_type = VREG;
	va.va_mode = x->er_mode & ALLPERMS;
	if (x->er_oflags & EXPORT_O_EXCL)
		va.va_vaflags |= VA_EXCLUSIVE;
	error = make(xm, x, &va, NULL, cred, &vp);
	if (error == EEXIST) {
		isnew = false;
		error = create_existing(xm, x, cred, &vp);
	}
	if (error != 0)
		return error;
	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error == 0) {
		error = export_fill_entry(xm, vp, &x->er_entry, cred);
		if (error != 0)
			VOP_UNLOCK(vp);
	}
	if (error != 0) {
		vrele(vp);
		return error;
	}
	return export_open_vnode(xm, x, vp, cred, isnew);
}

/*
 * TMPFILE: a file without a name.
 */

/*
 * Does a file that VFS_NEWVNODE() makes have no name, no link, and an end with
 * its last user?  All that is missing then is what a directory's access control
 * list hands down.
 */
static bool
tmpfile_nameless(const struct mount *mp)
{

	return strcmp(mp->mnt_stat.f_fstypename, MOUNT_FFS) == 0 &&
	    (mp->mnt_flag & (MNT_POSIX1EACLS | MNT_NFS4ACLS)) == 0;
}

/*
 * With other file systems it has one for the moment, in which nobody can look
 * into the locked directory; a crash then leaves a file too many.
 */
static int
tmpfile_unname(struct vnode *dvp, const struct componentname *made)
{
	struct componentname cn;
	struct vnode *vp;
	int error;

	export_cn(&cn, DELETE, 0, made->cn_nameptr, made->cn_namelen,
	    lwp0.l_cred);
	error = VOP_LOOKUP(dvp, &vp, &cn);
	if (error != 0)
		return error;
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	return VOP_REMOVE(dvp, vp, &cn);
}

static int
tmpfile_locked(struct export_mount *xm, struct vnode *dvp,
    struct vattr *va, kauth_cred_t cred, struct vnode **vpp)
{
	const bool nameless = tmpfile_nameless(dvp->v_mount);
	static unsigned serial;
	struct componentname cn;
	char name[32];
	int error, gone = 0;

	do {
		const int len = snprintf(name, sizeof(name), ".#rumpy-%08x",
		    serial++);

		/* This also tells whether a name may be made here. */
		export_cn(&cn, CREATE, 0, name, (size_t)len, cred);
		error = make_lookup(dvp, &cn);
	} while (error == EEXIST);
	if (error == 0)
		error = nameless ?
		    vcache_new(dvp->v_mount, dvp, va, cred, NULL, vpp) :
		    VOP_CREATE(dvp, vpp, &cn, va);
	if (error != 0)
		return error;
	if (!export_mapped(xm))
		error = make_group(dvp, *vpp, va->va_mode, cred);
	if (!nameless)
		gone = tmpfile_unname(dvp, &cn);
	return error != 0 ? error : gone;
}

int
export_tmpfile(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct vnode *dvp, *vp = NULL;
	struct vattr va;
	int error;

	error = room_for_file();
	if (error != 0)
		return error;
	error = export_vget(xm, x->er_node, LK_EXCLUSIVE, &dvp);
	if (error != 0)
		return error;
	vattr_null(&va);
	va.va_type = VREG;
	va.va_mode = x->er_mode & ALLPERMS;
	error = dvp->v_type == VDIR ?
	    tmpfile_locked(xm, dvp, &va, cred, &vp) : ENOTDIR;
	vput(dvp);
	if (error == 0) {
		export_pin_unlinked(xm, vp);
		error = vn_lock(vp, LK_EXCLUSIVE);
	}
	if (error == 0) {
		error = export_fill_entry(xm, vp, &x->er_entry, cred);
		if (error == 0)
			return export_open_vnode(xm, x, vp, cred, true);
		VOP_UNLOCK(vp);
	}
	if (vp != NULL)
		vrele(vp);
	return error;
}

/*
 * Removing.
 */

static int
remove_check(const struct vnode *vp, bool isdir)
{

	if ((vp->v_vflag & VV_ROOT) != 0)
		return EBUSY;
	if (!isdir)
		return vp->v_type == VDIR ? EPERM : 0;
	if (vp->v_type != VDIR)
		return ENOTDIR;
	return vp->v_mountedhere != NULL ? EBUSY : 0;
}

/*
 * Linux asks for flags first; to NetBSD's drivers, that a directory is not
 * empty comes before them.
 */
static bool
remove_forbidden(struct vnode *dvp, const struct vattr *va)
{
	const u_long fixed = UF_IMMUTABLE | SF_IMMUTABLE | UF_APPEND |
	    SF_APPEND;
	struct vattr dir;

	return (va->va_flags & fixed) != 0 ||
	    (VOP_GETATTR(dvp, &dir, lwp0.l_cred) == 0 &&
	    (dir.va_flags & fixed) != 0);
}

static int
remove_locked(struct export_mount *xm, struct vnode *dvp, bool isdir,
    struct componentname *cn, kauth_cred_t cred)
{
	struct vnode *vp;
	struct vattr va;
	int error;

	error = VOP_LOOKUP(dvp, &vp, cn);
	if (error != 0)
		return error;
	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	error = remove_check(vp, isdir);
	if (error == 0)
		error = VOP_GETATTR(vp, &va, cred);
	if (error != 0) {
		vput(vp);
		return error;
	}
	/*
	 * The operation lets go of vp; an unlinked file that Linux knows
	 * lives until Linux forgets it.
	 */
	vref(vp);
	error = isdir ? VOP_RMDIR(dvp, vp, cn) : VOP_REMOVE(dvp, vp, cn);
	if (error == ENOTEMPTY && remove_forbidden(dvp, &va))
		error = EPERM;
	if (error == 0 && (isdir || va.va_nlink <= 1))
		export_pin_unlinked(xm, vp);
	vrele(vp);
	return error;
}

static int
remove_name(struct export_mount *xm, struct export_req *x, bool isdir,
    kauth_cred_t cred)
{
	struct componentname cn;
	struct vnode *dvp;
	int error;

	error = name_dir(xm, x->er_node, x->er_name, x->er_namelen,
	    LK_EXCLUSIVE, &dvp);
	if (error != 0)
		return error;
	export_cn(&cn, DELETE, 0, x->er_name, x->er_namelen, cred);
	error = remove_locked(xm, dvp, isdir, &cn, cred);
	vput(dvp);
	return error;
}

int
export_unlink(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{

	return remove_name(xm, x, false, cred);
}

int
export_rmdir(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{

	return remove_name(xm, x, true, cred);
}

/*
 * Linking.
 */

static int
link_locked(struct vnode *dvp, struct vnode *vp, struct componentname *cn)
{
	int error = make_lookup(dvp, cn);

	if (error == 0 && dvp->v_mount != vp->v_mount)
		error = EXDEV;
	if (error == 0)
		error = VOP_LINK(dvp, vp, cn);
	return error;
}

int
export_hardlink(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct componentname cn;
	struct vnode *dvp, *vp;
	int error;

	error = export_vget(xm, x->er_node2, LK_NONE, &vp);
	if (error != 0)
		return error;
	error = vp->v_type == VDIR ? EPERM : name_dir(xm, x->er_node,
	    x->er_name, x->er_namelen, LK_EXCLUSIVE, &dvp);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	export_cn(&cn, CREATE, 0, x->er_name, x->er_namelen, cred);
	error = link_locked(dvp, vp, &cn);
	vput(dvp);
	if (error == 0)
		return name_answer(xm, x, vp, cred);
	vrele(vp);
	return error;
}

/*
 * Renaming.  The source is looked up first and left unlocked, then the target
 * with its directory (and itself, if there) locked; VOP_RENAME looks at the
 * source again under its own locks and lets go of all four vnodes.
 */

struct rename {
	struct componentname r_fcn;
	struct componentname r_tcn;
	struct vnode	*r_fdvp;
	struct vnode	*r_fvp;
	struct vnode	*r_tdvp;
	struct vnode	*r_tvp;
};

static int
rename_source(struct export_mount *xm, const struct export_req *x,
    struct rename *r)
{
	int error;

	error = name_dir(xm, x->er_node, x->er_name, x->er_namelen,
	    LK_EXCLUSIVE, &r->r_fdvp);
	if (error != 0)
		return error;
	error = VOP_LOOKUP(r->r_fdvp, &r->r_fvp, &r->r_fcn);
	VOP_UNLOCK(r->r_fdvp);
	if (error != 0)
		vrele(r->r_fdvp);
	return error;
}

static int
rename_target_found(const struct rename *r)
{

	if ((r->r_tcn.cn_flags & RUMPY_CN_NOREPLACE) != 0)
		return EEXIST;
	if ((r->r_tvp->v_vflag & VV_ROOT) != 0 ||
	    (r->r_tvp->v_type == VDIR && r->r_tvp->v_mountedhere != NULL))
		return EBUSY;
	if (r->r_fvp->v_type == VDIR && r->r_tvp->v_type != VDIR)
		return ENOTDIR;
	if (r->r_fvp->v_type != VDIR && r->r_tvp->v_type == VDIR)
		return EISDIR;
	return 0;
}

/* On success tdvp is locked, and tvp too unless it is NULL. */
static int
rename_target(struct export_mount *xm, const struct export_req *x,
    struct rename *r)
{
	int error;

	error = name_dir(xm, x->er_node2, x->er_name2, x->er_namelen2,
	    LK_EXCLUSIVE, &r->r_tdvp);
	if (error != 0)
		return error;
	if (r->r_fvp->v_type == VDIR)
		r->r_tcn.cn_flags |= WILLBEDIR | CREATEDIR;
	error = VOP_LOOKUP(r->r_tdvp, &r->r_tvp, &r->r_tcn);
	if (error == EJUSTRETURN) {
		r->r_tvp = NULL;
		return 0;
	}
	if (error == 0) {
		error = rename_target_found(r);
		if (error == 0 && r->r_tvp != r->r_tdvp)
			error = vn_lock(r->r_tvp, LK_EXCLUSIVE);
		if (error != 0)
			vrele(r->r_tvp);
	}
	if (error != 0)
		vput(r->r_tdvp);
	return error;
}

/* All four are as VOP_RENAME wants them; it lets go of them. */
static int
rename_do(struct export_mount *xm, struct rename *r)
{
	struct vnode *tvp = r->r_tvp;
	struct vattr va;
	bool last = false;
	int error;

	if (tvp != NULL && tvp != r->r_fvp &&
	    VOP_GETATTR(tvp, &va, lwp0.l_cred) == 0) {
		last = tvp->v_type == VDIR || va.va_nlink <= 1;
		if (last)
			vref(tvp);
	}
	error = VOP_RENAME(r->r_fdvp, r->r_fvp, &r->r_fcn, r->r_tdvp, tvp,
	    &r->r_tcn);
	if (last) {
		if (error == 0)
			export_pin_unlinked(xm, tvp);
		vrele(tvp);
	}
	return error;
}

/* One end of an exchange: may the name be taken away? */
static int
exchange_end(struct export_mount *xm, uint64_t dir, const char *name,
    uint32_t len, struct componentname *cn, struct vnode **dvpp)
{
	struct vnode *vp;
	int error;

	error = name_dir(xm, dir, name, len, LK_EXCLUSIVE, dvpp);
	if (error != 0)
		return error;
	error = VOP_LOOKUP(*dvpp, &vp, cn);
	VOP_UNLOCK(*dvpp);
	if (error != 0)
		vrele(*dvpp);
	else
		vrele(vp);
	return error;
}

static int
export_exchange(struct export_mount *xm, struct export_req *x,
    kauth_cred_t cred)
{
	struct componentname fcn, tcn;
	struct vnode *fdvp, *tdvp;
	int error;

	export_cn(&fcn, DELETE, 0, x->er_name, x->er_namelen, cred);
	export_cn(&tcn, DELETE, 0, x->er_name2, x->er_namelen2, cred);
	error = exchange_end(xm, x->er_node, x->er_name, x->er_namelen, &fcn,
	    &fdvp);
	if (error != 0)
		return error;
	error = exchange_end(xm, x->er_node2, x->er_name2, x->er_namelen2,
	    &tcn, &tdvp);
	if (error == 0) {
		error = vfs_exchange(fdvp, &fcn, tdvp, &tcn);
		vrele(tdvp);
	}
	vrele(fdvp);
	return error;
}

int
export_rename(struct export_mount *xm, struct export_req *x, kauth_cred_t cred)
{
	struct rename r;
	int error;

	if ((x->er_flags & EXPORT_F_EXCHANGE) != 0)
		return export_exchange(xm, x, cred);
	export_cn(&r.r_fcn, DELETE, 0, x->er_name, x->er_namelen, cred);
	export_cn(&r.r_tcn, RENAME, (x->er_flags & EXPORT_F_NOREPLACE) != 0 ?
	    RUMPY_CN_NOREPLACE : 0, x->er_name2, x->er_namelen2, cred);
	error = rename_source(xm, x, &r);
	if (error != 0)
		return error;
	/* No directory may move while another one does. */
	const bool locks = r.r_fvp->v_type == VDIR ||
	    x->er_node != x->er_node2;
	error = locks ? VFS_RENAMELOCK_ENTER(xm->xm_mp) : 0;
	if (error == 0) {
		error = rename_target(xm, x, &r);
		if (error == 0) {
			error = rename_do(xm, &r);
			r.r_fdvp = NULL;
		}
		if (locks)
			VFS_RENAMELOCK_EXIT(xm->xm_mp);
	}
	if (r.r_fdvp != NULL) {
		vrele(r.r_fvp);
		vrele(r.r_fdvp);
	}
	return error;
}
