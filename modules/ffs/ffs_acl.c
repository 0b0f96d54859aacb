/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access control lists.  A mount has POSIX.1e lists or NFSv4 lists or none: as
 * its superblock or its options say.  A list is an extended attribute in the
 * system's name space; a file without one has what its mode says.
 *
 * Of a POSIX.1e list the entries of owner, mask (or group, without a mask)
 * and others are the mode: the mode is what counts, and they are filled in
 * from it when the list is read.  An NFSv4 list sets the mode when it is set,
 * and chmod(2) replaces it by the mode.
 */

#include "ffs.h"

#include <sys/acl.h>
#include <sys/extattr.h>
#include <sys/stat.h>
#include <lib/libkern/libkern.h>

/* As on disk, in the disk's byte order. */
struct acl_disk1e_entry {
	uint32_t	ae_tag;
	uint32_t	ae_id;
	uint32_t	ae_perm;	/* FreeBSD: 16 bits and padding */
};

struct acl_disk1e {
	uint32_t	acl_cnt;
	struct acl_disk1e_entry acl_entry[OLDACL_MAX_ENTRIES];
};

struct acl_disknfs4_entry {
	uint32_t	ae_tag;
	uint32_t	ae_id;
	uint32_t	ae_perm;
	uint16_t	ae_type;
	uint16_t	ae_flags;
};

struct acl_disknfs4 {
	uint32_t	acl_maxcnt;
	uint32_t	acl_cnt;
	uint32_t	acl_spare[4];
	struct acl_disknfs4_entry acl_entry[ACL_MAX_ENTRIES];
};

_Static_assert(sizeof(struct acl_disk1e) == 388, "POSIX.1e list");
_Static_assert(sizeof(struct acl_disknfs4) == 4088, "NFSv4 list");

static const char *
ffs_acl_name(acl_type_t type)
{
	return type == ACL_TYPE_NFS4 ? NFS4_ACL_EXTATTR_NAME :
	    type == ACL_TYPE_DEFAULT ? POSIX1E_ACL_DEFAULT_EXTATTR_NAME :
	    POSIX1E_ACL_ACCESS_EXTATTR_NAME;
}

/* Which lists this mount has; EINVAL: it can't be told, or has none. */
int
ffs_acl_mountflags(struct ffs_mount *fm)
{
	const struct fs *fs = fm->fm_fs;
	struct mount *mp = fm->fm_mp;
	int mode = mp->mnt_flag & (MNT_POSIX1EACLS | MNT_NFS4ACLS);

	if (fm->fm_old43) {
		if (mode != 0)
			printf("ffs: 4.3BSD inodes have no lists\n");
		return mode != 0 ? EINVAL : 0;
	}
	if ((fs->fs_flags & FFS_POSIX1EACLS) != 0)
		mode |= MNT_POSIX1EACLS;
	if ((fs->fs_flags & FFS_NFS4ACLS) != 0 ||
	    ((fs->fs_flags & FFS_NFS4ACLS_FREEBSD) != 0 &&
	    fs->fs_journal_version == 0))
		mode |= MNT_NFS4ACLS;
	if (mode == (MNT_POSIX1EACLS | MNT_NFS4ACLS)) {
		printf("ffs: lists are either POSIX.1e or NFSv4, not both\n");
		return EINVAL;
	}
	fm->fm_aclmode = mode;
	mp->mnt_flag |= mode;
	return 0;
}

/* To and from the disk. */

static int
ffs_acl_decode1e(const struct ffs_mount *fm, const struct acl_disk1e *d,
    struct acl *acl)
{
	acl->acl_cnt = FFS_G32(fm, d->acl_cnt);
	if (acl->acl_cnt > OLDACL_MAX_ENTRIES)
		return EIO;
	for (u_int i = 0; i < acl->acl_cnt; i++) {
		const struct acl_disk1e_entry *e = &d->acl_entry[i];
		const uint32_t perm = FFS_G32(fm, e->ae_perm);

		acl->acl_entry[i].ae_tag = FFS_G32(fm, e->ae_tag);
		acl->acl_entry[i].ae_id = FFS_G32(fm, e->ae_id);
		/* On a big-endian FreeBSD, 16 bits are the upper ones. */
		acl->acl_entry[i].ae_perm = (perm & 0xffff) != 0 ?
		    perm & 0xffff : perm >> 16;
		/* The entries of no one in particular had an id of 0 once. */
		if (acl->acl_entry[i].ae_tag != ACL_USER &&
		    acl->acl_entry[i].ae_tag != ACL_GROUP)
			acl->acl_entry[i].ae_id = ACL_UNDEFINED_ID;
	}
	return acl_posix1e_check(acl) == 0 ? 0 : EIO;
}

static int
ffs_acl_decodenfs4(const struct ffs_inode *ip, const struct acl_disknfs4 *d,
    struct acl *acl)
{
	const struct ffs_mount *fm = ip->i_fm;

	acl->acl_cnt = FFS_G32(fm, d->acl_cnt);
	if (acl->acl_cnt > ACL_MAX_ENTRIES)
		return EIO;
	for (u_int i = 0; i < acl->acl_cnt; i++) {
		const struct acl_disknfs4_entry *e = &d->acl_entry[i];

		acl->acl_entry[i] = (struct acl_entry){
			.ae_tag = FFS_G32(fm, e->ae_tag),
			.ae_id = FFS_G32(fm, e->ae_id),
			.ae_perm = FFS_G32(fm, e->ae_perm),
			.ae_entry_type = FFS_G16(fm, e->ae_type),
			.ae_flags = FFS_G16(fm, e->ae_flags),
		};
	}
	return acl_nfs4_check(acl, S_ISDIR(ip->i_mode)) == 0 ? 0 : EIO;
}

/* The list that is on the disk; ENOATTR if there is none. */
static int
ffs_acl_read(struct ffs_inode *ip, acl_type_t type, struct acl *acl)
{
	const size_t want = type == ACL_TYPE_NFS4 ?
	    sizeof(struct acl_disknfs4) : sizeof(struct acl_disk1e);
	void *value;
	size_t len;
	int error;

	error = ffs_ea_get(ip, EXTATTR_NAMESPACE_SYSTEM, ffs_acl_name(type),
	    &value, &len);
	if (error != 0)
		return error;
	if (len != want)
		error = EIO;
	else if (type == ACL_TYPE_NFS4)
		error = ffs_acl_decodenfs4(ip, value, acl);
	else
		error = ffs_acl_decode1e(ip->i_fm, value, acl);
	if (value != NULL)
		kmem_free(value, len);
	if (error == EIO)
		ffs_complain(ip->i_fm, "inode %llu: its access control list "
		    "is damaged", (unsigned long long)ip->i_number);
	return error;
}

static int
ffs_acl_write(struct ffs_inode *ip, acl_type_t type, const struct acl *acl,
    bool make, kauth_cred_t cred)
{
	const struct ffs_mount *fm = ip->i_fm;
	const size_t len = type == ACL_TYPE_NFS4 ?
	    sizeof(struct acl_disknfs4) : sizeof(struct acl_disk1e);
	struct acl_disk1e *d1e;
	struct acl_disknfs4 *dnfs4;
	void *value;
	int error;

	if (type != ACL_TYPE_NFS4 && acl->acl_cnt > OLDACL_MAX_ENTRIES)
		return EINVAL;
	value = kmem_zalloc(len, KM_SLEEP);
	d1e = value;
	dnfs4 = value;
	for (u_int i = 0; i < acl->acl_cnt; i++) {
		const struct acl_entry *e = &acl->acl_entry[i];

		if (type == ACL_TYPE_NFS4)
			dnfs4->acl_entry[i] = (struct acl_disknfs4_entry){
				.ae_tag = FFS_G32(fm, e->ae_tag),
				.ae_id = FFS_G32(fm, e->ae_id),
				.ae_perm = FFS_G32(fm, e->ae_perm),
				.ae_type = FFS_G16(fm, e->ae_entry_type),
				.ae_flags = FFS_G16(fm, e->ae_flags),
			};
		else
			d1e->acl_entry[i] = (struct acl_disk1e_entry){
				.ae_tag = FFS_G32(fm, e->ae_tag),
				.ae_id = FFS_G32(fm, e->ae_id),
				.ae_perm = FFS_G32(fm, e->ae_perm),
			};
	}
	if (type == ACL_TYPE_NFS4) {
		dnfs4->acl_maxcnt = FFS_G32(fm, ACL_MAX_ENTRIES);
		dnfs4->acl_cnt = FFS_G32(fm, acl->acl_cnt);
	} else
		d1e->acl_cnt = FFS_G32(fm, acl->acl_cnt);
	error = ffs_ea_set(ip, EXTATTR_NAMESPACE_SYSTEM, ffs_acl_name(type),
	    value, len, make, cred);
	kmem_free(value, len);
	return error;
}

static int
ffs_acl_remove(struct ffs_inode *ip, acl_type_t type, kauth_cred_t cred)
{
	int error;

	error = ffs_ea_set(ip, EXTATTR_NAMESPACE_SYSTEM, ffs_acl_name(type),
	    NULL, 0, false, cred);
	return error == ENOATTR || error == EOPNOTSUPP ? 0 : error;
}

/* Between POSIX.1e lists and modes. */

static struct acl_entry *
ffs_acl_entry(struct acl *acl, acl_tag_t tag)
{
	for (u_int i = 0; i < acl->acl_cnt; i++)
		if (acl->acl_entry[i].ae_tag == tag)
			return &acl->acl_entry[i];
	return NULL;
}

/* The entry that stands where a mode has its group bits. */
static struct acl_entry *
ffs_acl_groupclass(struct acl *acl)
{
	struct acl_entry *e = ffs_acl_entry(acl, ACL_MASK);

	return e != NULL ? e : ffs_acl_entry(acl, ACL_GROUP_OBJ);
}

/* Let the mode decide; with keep, it can only take away. */
static void
ffs_acl_applymode(struct acl *acl, mode_t mode, bool keep)
{
	struct acl_entry *e[] = {
		ffs_acl_entry(acl, ACL_USER_OBJ),
		ffs_acl_groupclass(acl),
		ffs_acl_entry(acl, ACL_OTHER),
	};

	for (int i = 0; i < 3; i++) {
		const acl_perm_t bits = (mode >> (6 - 3 * i)) & ACL_PERM_BITS;

		e[i]->ae_perm = keep ? e[i]->ae_perm & bits : bits;
	}
}

/* The list that a mode stands for. */
static void
ffs_acl_frommode(const struct ffs_inode *ip, struct acl *acl)
{
	static const acl_tag_t tags[] = {
		ACL_USER_OBJ, ACL_GROUP_OBJ, ACL_OTHER
	};

	acl->acl_cnt = 3;
	for (int i = 0; i < 3; i++)
		acl->acl_entry[i] = (struct acl_entry){
			.ae_tag = tags[i],
			.ae_id = ACL_UNDEFINED_ID,
			.ae_perm = acl_posix1e_mode_to_perm(tags[i],
			    ip->i_mode),
		};
}

static void
ffs_acl_setmode(struct ffs_inode *ip, mode_t mode)
{
	ip->i_mode = (uint16_t)((ip->i_mode & ~ACL_OVERRIDE_MASK) |
	    (mode & ACL_OVERRIDE_MASK));
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	ffs_enter_id(ip);
}

/* The list of a file, one made of its mode where it has none. */
static int
ffs_acl_get(struct ffs_inode *ip, acl_type_t type, struct acl *acl)
{
	int error = ffs_acl_read(ip, type, acl);

	if (error == ENOATTR || error == EOPNOTSUPP) {
		acl->acl_cnt = 0;
		if (type == ACL_TYPE_NFS4)
			acl_nfs4_sync_acl_from_mode(acl, ip->i_mode,
			    (int)ip->i_uid);
		else if (type == ACL_TYPE_ACCESS)
			ffs_acl_frommode(ip, acl);
		return 0;
	}
	if (error == 0 && type == ACL_TYPE_ACCESS)
		ffs_acl_applymode(acl, ip->i_mode, false);
	return error;
}

/* What the rest of the driver asks. */

/*
 * May cred do that to the file, as far as its list says?  ENOATTR: it has
 * none; the mode says.
 */
int
ffs_acl_access(struct ffs_inode *ip, accmode_t accmode, kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);
	const bool nfs4 = FFS_ACLMODE(ip->i_fm) == MNT_NFS4ACLS;
	struct acl *acl;
	int error;

	if (FFS_ACLMODE(ip->i_fm) == 0 || vp->v_type == VLNK ||
	    (ffs_isufs2(ip->i_fm->fm_fs) && ip->i_extsize == 0))
		return ENOATTR;
	acl = acl_alloc(KM_SLEEP);
	error = ffs_acl_read(ip, nfs4 ? ACL_TYPE_NFS4 : ACL_TYPE_ACCESS, acl);
	if (error == EOPNOTSUPP)
		error = ENOATTR;
	if (error == 0 && nfs4) {
		error = genfs_can_access_acl_nfs4(vp, cred, ip->i_uid,
		    ip->i_gid, ip->i_mode & ALLPERMS, acl, accmode);
	} else if (error == 0) {
		ffs_acl_applymode(acl, ip->i_mode, false);
		error = vfs_unixify_accmode(&accmode);
		if (error == 0 && accmode != 0)
			error = genfs_can_access_acl_posix1e(vp, cred,
			    ip->i_uid, ip->i_gid, ip->i_mode & ALLPERMS, acl,
			    accmode);
	}
	acl_free(acl);
	return error;
}

/* Does an NFSv4 list allow expressly what its mode would not? */
bool
ffs_acl_grants(struct ffs_inode *ip, accmode_t accmode, kauth_cred_t cred)
{
	return FFS_ACLMODE(ip->i_fm) == MNT_NFS4ACLS &&
	    ffs_acl_access(ip, accmode, cred) == 0;
}

/*
 * May cred take the name of ip out of dp?  NFSv4 lists: if that may be
 * deleted, or children of this may; not if one of them denies it.  ENOATTR:
 * they say nothing.
 */
int
ffs_acl_delete(struct ffs_inode *dp, struct ffs_inode *ip, kauth_cred_t cred)
{
	if (FFS_ACLMODE(dp->i_fm) != MNT_NFS4ACLS)
		return ENOATTR;
	if (ffs_acl_access(ip, VDELETE, cred) == 0 ||
	    ffs_acl_access(dp, VDELETE_CHILD, cred) == 0)
		return 0;
	if (ffs_acl_access(dp, VDELETE_CHILD | VEXPLICIT_DENY, cred) ==
	    EACCES)
		return EPERM;
	return ENOATTR;
}

/* The mode was set: an NFSv4 list gives way to it. */
int
ffs_acl_chmod(struct ffs_inode *ip, kauth_cred_t cred)
{
	if (FFS_ACLMODE(ip->i_fm) != MNT_NFS4ACLS)
		return 0;
	return ffs_acl_remove(ip, ACL_TYPE_NFS4, cred);
}

static int
ffs_acl_inherit1e(struct ffs_inode *dp, struct ffs_inode *ip, struct acl *acl,
    kauth_cred_t cred)
{
	mode_t mode;
	int error;

	error = ffs_acl_read(dp, ACL_TYPE_DEFAULT, acl);
	if (error == 0 && acl->acl_cnt == 0)
		error = ENOATTR;
	if (error != 0)
		return error;
	if (S_ISDIR(ip->i_mode)) {
		error = ffs_acl_write(ip, ACL_TYPE_DEFAULT, acl, false, cred);
		if (error != 0)
			return error;
	}
	mode = acl_posix1e_newfilemode(ip->i_mode & ALLPERMS, acl);
	ffs_acl_applymode(acl, mode, true);
	ffs_acl_setmode(ip, mode);
	return acl->acl_cnt == 3 ? 0 :
	    ffs_acl_write(ip, ACL_TYPE_ACCESS, acl, false, cred);
}

static int
ffs_acl_inheritnfs4(struct ffs_inode *dp, struct ffs_inode *ip,
    struct acl *acl, kauth_cred_t cred)
{
	struct acl *parent;
	mode_t mode;
	int error;

	parent = acl_alloc(KM_SLEEP);
	error = ffs_acl_read(dp, ACL_TYPE_NFS4, parent);
	if (error == 0) {
		acl_nfs4_compute_inherited_acl(parent, acl,
		    ip->i_mode & ALLPERMS, (int)ip->i_uid,
		    S_ISDIR(ip->i_mode));
		if (!acl_nfs4_is_trivial(acl, (int)ip->i_uid)) {
			error = ffs_acl_write(ip, ACL_TYPE_NFS4, acl, false,
			    cred);
			mode = ip->i_mode & ALLPERMS;
			__acl_nfs4_sync_mode_from_acl(&mode, acl);
			ffs_acl_setmode(ip, mode);
		}
	}
	acl_free(parent);
	return error;
}

/* A new file gets what its directory has for new files. */
int
ffs_acl_inherit(struct ffs_inode *dp, struct ffs_inode *ip,
    kauth_cred_t cred)
{
	struct acl *acl;
	int error;

	if (FFS_ACLMODE(ip->i_fm) == 0 || S_ISLNK(ip->i_mode))
		return 0;
	acl = acl_alloc(KM_SLEEP);
	error = FFS_ACLMODE(ip->i_fm) == MNT_NFS4ACLS ?
	    ffs_acl_inheritnfs4(dp, ip, acl, cred) :
	    ffs_acl_inherit1e(dp, ip, acl, cred);
	acl_free(acl);
	/* None there, or no room for any: the mode says all. */
	return error == ENOATTR || error == EOPNOTSUPP ? 0 : error;
}

/* Vnode operations. */

static int
ffs_acl_typecheck(struct vnode *vp, acl_type_t type)
{
	const int mode = FFS_ACLMODE(VTOI(vp)->i_fm);

	if (mode == 0 || vp->v_type == VLNK)
		return EOPNOTSUPP;
	switch (type) {
	case ACL_TYPE_NFS4:
		return mode == MNT_NFS4ACLS ? 0 : EINVAL;
	case ACL_TYPE_ACCESS:
		return mode == MNT_POSIX1EACLS ? 0 : EINVAL;
	case ACL_TYPE_DEFAULT:
		return mode == MNT_POSIX1EACLS && vp->v_type == VDIR ? 0 :
		    EINVAL;
	default:
		return EINVAL;
	}
}

int
ffs_getacl(void *v)
{
	struct vop_getacl_args *ap = v;
	int error;

	error = ffs_acl_typecheck(ap->a_vp, ap->a_type);
	if (error == 0 && ap->a_type == ACL_TYPE_NFS4)
		error = VOP_ACCESSX(ap->a_vp, VREAD_ACL, ap->a_cred);
	if (error != 0)
		return error;
	memset(ap->a_aclp, 0, sizeof(*ap->a_aclp));
	ap->a_aclp->acl_maxcnt = ACL_MAX_ENTRIES;
	return ffs_acl_get(VTOI(ap->a_vp), ap->a_type, ap->a_aclp);
}

static int
ffs_acl_valid(struct vnode *vp, acl_type_t type, struct acl *acl)
{
	int error;

	error = ffs_acl_typecheck(vp, type);
	if (error != 0)
		return error;
	if (type == ACL_TYPE_NFS4)
		return acl_nfs4_check(acl, vp->v_type == VDIR);
	/* No default list at all is one, too. */
	if (type == ACL_TYPE_DEFAULT && acl->acl_cnt == 0)
		return 0;
	if (acl->acl_cnt > OLDACL_MAX_ENTRIES)
		return EINVAL;
	return acl_posix1e_check(acl);
}

int
ffs_aclcheck(void *v)
{
	struct vop_aclcheck_args *ap = v;

	return ffs_acl_valid(ap->a_vp, ap->a_type, ap->a_aclp);
}

/* Set a list that was found valid; acl NULL removes it. */
static int
ffs_acl_set(struct ffs_inode *ip, acl_type_t type, struct acl *acl,
    kauth_cred_t cred)
{
	mode_t mode = ip->i_mode & ALLPERMS;
	bool plain;
	int error;

	if (acl == NULL)
		return ffs_acl_remove(ip, type, cred);
	if (type == ACL_TYPE_DEFAULT) {
		if (acl->acl_cnt == 0)
			return ffs_acl_remove(ip, type, cred);
		/* New files below must not have to make its backing file. */
		error = ffs_ea_prepare(ip, EXTATTR_NAMESPACE_SYSTEM,
		    ffs_acl_name(ACL_TYPE_ACCESS));
		return error != 0 ? error :
		    ffs_acl_write(ip, type, acl, true, cred);
	}
	if (type == ACL_TYPE_NFS4) {
		plain = acl_nfs4_is_trivial(acl, (int)ip->i_uid);
		__acl_nfs4_sync_mode_from_acl(&mode, acl);
	} else {
		plain = acl->acl_cnt == 3;
		mode = acl_posix1e_acl_to_mode(acl);
	}
	if (plain)
		error = ffs_acl_remove(ip, type, cred);
	else
		error = ffs_acl_write(ip, type, acl, true, cred);
	if (error == 0)
		ffs_acl_setmode(ip, mode);
	return error;
}

int
ffs_setacl(void *v)
{
	struct vop_setacl_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	int error;

	error = ap->a_aclp == NULL ? ffs_acl_typecheck(vp, ap->a_type) :
	    ffs_acl_valid(vp, ap->a_type, ap->a_aclp);
	if (error != 0)
		return error;
	if ((vp->v_mount->mnt_flag & MNT_RDONLY) != 0)
		return EROFS;
	if ((ip->i_flags & (UF_IMMUTABLE | SF_IMMUTABLE | UF_APPEND |
	    SF_APPEND)) != 0)
		return EPERM;
	error = VOP_ACCESSX(vp, ap->a_type == ACL_TYPE_NFS4 ? VWRITE_ACL :
	    VADMIN, ap->a_cred);
	if (error == 0)
		error = ffs_acl_set(ip, ap->a_type, ap->a_aclp, ap->a_cred);
	if (error == 0 && ffs_syncmeta(ip->i_fm))
		error = ffs_update(ip, true);
	return error;
}
