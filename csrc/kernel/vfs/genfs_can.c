/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May these credentials do that to a file with these attributes?
 *
 * The traditional rules, as functions that a file system calls for its own
 * decision and passes to kauth_authorize_vnode(), which knows of superusers
 * and listeners.  All answer 0 or an errno.
 */
#include <sys/param.h>
#include <sys/acl.h>
#include <sys/errno.h>
#include <sys/extattr.h>
#include <sys/kauth.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#include <miscfs/genfs/genfs.h>

/* The class of permission bits that counts for these credentials. */
static mode_t
granted(kauth_cred_t cred, uid_t uid, gid_t gid, mode_t mode)
{

	if (kauth_cred_geteuid(cred) == uid)
		return (mode >> 6) & 7;
	if (kauth_cred_groupmember(cred, gid) == 0)
		return (mode >> 3) & 7;
	return mode & 7;
}

static int
owner_or_eperm(kauth_cred_t cred, uid_t uid)
{

	return kauth_cred_geteuid(cred) == uid ? 0 : EPERM;
}

int
genfs_can_access(struct vnode *vp, kauth_cred_t cred, uid_t uid, gid_t gid,
    mode_t mode, struct acl *acl, accmode_t accmode)
{
	mode_t bits = 0, have;

	if (acl != NULL && (vp->v_mount->mnt_flag & MNT_NFS4ACLS) != 0)
		return genfs_can_access_acl_nfs4(vp, cred, uid, gid, mode,
		    acl, accmode);
	if (acl != NULL && (vp->v_mount->mnt_flag & MNT_POSIX1EACLS) != 0)
		return genfs_can_access_acl_posix1e(vp, cred, uid, gid, mode,
		    acl, accmode);
	if ((accmode & VADMIN) != 0 && kauth_cred_geteuid(cred) != uid)
		return EPERM;
	have = granted(cred, uid, gid, mode);
	if ((accmode & VEXEC) != 0)
		bits |= S_IXOTH;
	if ((accmode & (VWRITE | VAPPEND)) != 0)
		bits |= S_IWOTH;
	if ((accmode & VREAD) != 0)
		bits |= S_IROTH;
	return (have & bits) == bits ? 0 : EACCES;
}

int
genfs_can_chflags(struct vnode *vp, kauth_cred_t cred, uid_t uid,
    bool changes_system_flags)
{

	return changes_system_flags ? EPERM : owner_or_eperm(cred, uid);
}

/*
 * Only the owner; the sticky bit only on directories, and set-group-id only
 * for members of the group.
 */
int
genfs_can_chmod(struct vnode *vp, kauth_cred_t cred, uid_t uid, gid_t gid,
    mode_t mode)
{
	int error;

	error = VOP_ACCESSX(vp, VWRITE_ACL, cred);
	if (error != 0)
		return error;
	if (vp->v_type != VDIR && (mode & S_ISTXT) != 0)
		return EFTYPE;
	if ((mode & S_ISGID) != 0 && kauth_cred_groupmember(cred, gid) != 0)
		return EPERM;
	/* Somebody with the right by ACL only must not make set-id files. */
	if ((mode & S_ISUID) != 0)
		return owner_or_eperm(cred, uid);
	return 0;
}

/* The owner may give the file to a group of his, and to nobody else. */
int
genfs_can_chown(struct vnode *vp, kauth_cred_t cred, uid_t uid, gid_t gid,
    uid_t new_uid, gid_t new_gid)
{
	int error;

	error = VOP_ACCESSX(vp, VWRITE_OWNER, cred);
	if (error != 0)
		return error;
	if (uid != new_uid && kauth_cred_geteuid(cred) != new_uid)
		return EPERM;
	if (uid != new_uid || owner_or_eperm(cred, uid) != 0)
		return EPERM;
	if (gid != new_gid && kauth_cred_groupmember(cred, new_gid) != 0)
		return EPERM;
	return 0;
}

/* The owner; or, for "now", whoever may write. */
int
genfs_can_chtimes(struct vnode *vp, kauth_cred_t cred, uid_t uid,
    u_int vaflags)
{
	int error;

	error = VOP_ACCESSX(vp, VWRITE_ATTRIBUTES, cred);
	if (error != 0 && (vaflags & VA_UTIMES_NULL) != 0)
		error = VOP_ACCESS(vp, VWRITE, cred);
	return error;
}

/* In a sticky directory: the owner of the directory or of the file. */
int
genfs_can_sticky(struct vnode *vp, kauth_cred_t cred, uid_t dir_uid,
    uid_t file_uid)
{
	const uid_t euid = kauth_cred_geteuid(cred);

	return euid == dir_uid || euid == file_uid ? 0 : EPERM;
}

/* The system name space is the superuser's. */
int
genfs_can_extattr(struct vnode *vp, kauth_cred_t cred, accmode_t accmode,
    int attrnamespace)
{

	switch (attrnamespace) {
	case EXTATTR_NAMESPACE_SYSTEM:
		return EPERM;
	case EXTATTR_NAMESPACE_USER:
		return VOP_ACCESS(vp, accmode, cred);
	default:
		return EPERM;
	}
}

/*
 * The operations for file systems whose access check knows only one of the two
 * vocabularies: each translates and asks the other one.
 */
int
genfs_access(void *v)
{
	struct vop_access_args *ap = v;

	return VOP_ACCESSX(ap->a_vp, ap->a_accmode, ap->a_cred);
}

int
genfs_accessx(void *v)
{
	struct vop_accessx_args *ap = v;
	accmode_t accmode = ap->a_accmode;
	int error;

	error = vfs_unixify_accmode(&accmode);
	if (error != 0)
		return error;
	return accmode == 0 ? 0 : VOP_ACCESS(ap->a_vp, accmode, ap->a_cred);
}
