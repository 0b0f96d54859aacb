/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Access control lists of the POSIX.1e draft: the rules for lists, between
 * lists and modes, and for access.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/acl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/stat.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>

struct acl *
acl_alloc(int flags)
{
	struct acl *aclp = kmem_zalloc(sizeof(*aclp), (km_flag_t)flags);

	if (aclp != NULL)
		aclp->acl_maxcnt = ACL_MAX_ENTRIES;
	return aclp;
}

void
acl_free(struct acl *aclp)
{
	kmem_free(aclp, sizeof(*aclp));
}

/* The bits of a mode that an entry of this kind stands for. */
acl_perm_t
acl_posix1e_mode_to_perm(acl_tag_t tag, mode_t mode)
{
	acl_perm_t bits;

	switch (tag) {
	case ACL_USER_OBJ:
		bits = mode >> 6;
		break;
	case ACL_GROUP_OBJ:
		bits = mode >> 3;
		break;
	case ACL_OTHER:
		bits = mode;
		break;
	default:
		panic("%s: tag %u has no mode", __func__, tag);
	}
	return bits & ACL_PERM_BITS;
}

struct acl_entry
acl_posix1e_mode_to_entry(acl_tag_t tag, uid_t uid, gid_t gid, mode_t mode)
{
	struct acl_entry e = {
		.ae_tag = tag,
		.ae_perm = acl_posix1e_mode_to_perm(tag, mode),
		.ae_id = ACL_UNDEFINED_ID,
	};

	if (tag == ACL_USER_OBJ)
		e.ae_id = uid;
	else if (tag == ACL_GROUP_OBJ)
		e.ae_id = gid;
	return e;
}

mode_t
acl_posix1e_perms_to_mode(struct acl_entry *user, struct acl_entry *group,
    struct acl_entry *other)
{
	return (mode_t)((user->ae_perm & ACL_PERM_BITS) << 6 |
	    (group->ae_perm & ACL_PERM_BITS) << 3 |
	    (other->ae_perm & ACL_PERM_BITS));
}

static struct acl_entry *
acl_find(struct acl *acl, acl_tag_t tag)
{
	for (u_int i = 0; i < acl->acl_cnt; i++)
		if (acl->acl_entry[i].ae_tag == tag)
			return &acl->acl_entry[i];
	return NULL;
}

/* The mode that such a file shows: the mask stands where the group would. */
mode_t
acl_posix1e_acl_to_mode(struct acl *acl)
{
	struct acl_entry *user = acl_find(acl, ACL_USER_OBJ);
	struct acl_entry *group = acl_find(acl, ACL_MASK);
	struct acl_entry *other = acl_find(acl, ACL_OTHER);

	if (group == NULL)
		group = acl_find(acl, ACL_GROUP_OBJ);
	KASSERT(user != NULL && group != NULL && other != NULL);
	return acl_posix1e_perms_to_mode(user, group, other);
}

/* Has the list one of each entry that must be there, and nothing odd? */
int
acl_posix1e_check(struct acl *acl)
{
	u_int users = 0, groups = 0, others = 0, masks = 0, named = 0;

	if (acl->acl_cnt > ACL_MAX_ENTRIES)
		return EINVAL;
	for (u_int i = 0; i < acl->acl_cnt; i++) {
		const struct acl_entry *e = &acl->acl_entry[i];

		if ((e->ae_perm | ACL_PERM_BITS) != ACL_PERM_BITS)
			return EINVAL;
		switch (e->ae_tag) {
		case ACL_USER_OBJ:
			users++;
			break;
		case ACL_GROUP_OBJ:
			groups++;
			break;
		case ACL_OTHER:
			others++;
			break;
		case ACL_MASK:
			masks++;
			break;
		case ACL_USER:
		case ACL_GROUP:
			if (e->ae_id == ACL_UNDEFINED_ID)
				return EINVAL;
			named++;
			continue;
		default:
			return EINVAL;
		}
		if (e->ae_id != ACL_UNDEFINED_ID)
			return EINVAL;
	}
	if (users != 1 || groups != 1 || others != 1)
		return EINVAL;
	if (masks > 1 || (named > 0 && masks == 0))
		return EINVAL;
	return 0;
}

/* The mode of a new file below a directory with a default list. */
mode_t
acl_posix1e_newfilemode(mode_t cmode, struct acl *dacl)
{
	mode_t mode = cmode & acl_posix1e_acl_to_mode(dacl) &
	    ACL_OVERRIDE_MASK;

	return mode | (cmode & (mode_t)ACL_PRESERVE_MASK);
}

/* To and from the form on disk. */

int
acl_copy_oldacl_into_acl(const struct oldacl *source, struct acl *dest)
{
	if (source->acl_cnt < 0 || source->acl_cnt > OLDACL_MAX_ENTRIES)
		return EINVAL;
	memset(dest, 0, sizeof(*dest));
	dest->acl_cnt = (u_int)source->acl_cnt;
	dest->acl_maxcnt = ACL_MAX_ENTRIES;
	for (u_int i = 0; i < dest->acl_cnt; i++) {
		dest->acl_entry[i].ae_tag =
		    (acl_tag_t)source->acl_entry[i].ae_tag;
		dest->acl_entry[i].ae_id = source->acl_entry[i].ae_id;
		dest->acl_entry[i].ae_perm = source->acl_entry[i].ae_perm;
	}
	return 0;
}

int
acl_copy_acl_into_oldacl(const struct acl *source, struct oldacl *dest)
{
	if (source->acl_cnt > OLDACL_MAX_ENTRIES)
		return EINVAL;
	memset(dest, 0, sizeof(*dest));
	dest->acl_cnt = (int)source->acl_cnt;
	for (u_int i = 0; i < source->acl_cnt; i++) {
		dest->acl_entry[i].ae_tag =
		    (oldacl_tag_t)source->acl_entry[i].ae_tag;
		dest->acl_entry[i].ae_id = source->acl_entry[i].ae_id;
		dest->acl_entry[i].ae_perm = source->acl_entry[i].ae_perm;
	}
	return 0;
}

/* Access */

static bool
in_group(kauth_cred_t cred, gid_t gid)
{
	int member = 0;

	return kauth_cred_getegid(cred) == gid ||
	    (kauth_cred_ismember_gid(cred, gid, &member) == 0 && member != 0);
}

/* What an entry grants, as accmode bits. */
static accmode_t
posix1e_granted(acl_perm_t perm)
{
	accmode_t granted = 0;

	if (perm & ACL_EXECUTE)
		granted |= VEXEC;
	if (perm & ACL_READ)
		granted |= VREAD;
	if (perm & ACL_WRITE)
		granted |= VWRITE | VAPPEND;
	return granted;
}

/*
 * The entry of the groups: any that grants everything will do.  -1: none of
 * them is for this caller.
 */
static int
posix1e_group_access(struct acl *acl, kauth_cred_t cred, gid_t gid,
    acl_perm_t mask, accmode_t want)
{
	bool matched = false;

	for (u_int i = 0; i < acl->acl_cnt; i++) {
		const struct acl_entry *e = &acl->acl_entry[i];
		gid_t id;

		if (e->ae_tag == ACL_GROUP_OBJ)
			id = gid;
		else if (e->ae_tag == ACL_GROUP)
			id = e->ae_id;
		else
			continue;
		if (!in_group(cred, id))
			continue;
		matched = true;
		if ((want & ~posix1e_granted(e->ae_perm & mask)) == 0)
			return 0;
	}
	return matched ? EACCES : -1;
}

static acl_perm_t
posix1e_perm_of(struct acl *acl, acl_tag_t tag, acl_perm_t none)
{
	const struct acl_entry *e = acl_find(acl, tag);

	return e != NULL ? e->ae_perm : none;
}

int
genfs_can_access_acl_posix1e(struct vnode *vp __unused, kauth_cred_t cred,
    uid_t file_uid, gid_t file_gid, mode_t mode __unused, struct acl *acl,
    accmode_t accmode)
{
	uid_t uid = kauth_cred_geteuid(cred);
	bool owner = uid == file_uid;
	acl_perm_t mask;
	int error;

	if ((accmode & VADMIN) && !owner)
		return EPERM;
	accmode &= VEXEC | VREAD | VWRITE | VAPPEND;
	if (owner)
		return (accmode & ~posix1e_granted(posix1e_perm_of(acl,
		    ACL_USER_OBJ, 0))) == 0 ? 0 : EACCES;
	mask = posix1e_perm_of(acl, ACL_MASK, ACL_PERM_BITS);
	for (u_int i = 0; i < acl->acl_cnt; i++) {
		const struct acl_entry *e = &acl->acl_entry[i];

		if (e->ae_tag == ACL_USER && e->ae_id == uid)
			return (accmode & ~posix1e_granted(e->ae_perm &
			    mask)) == 0 ? 0 : EACCES;
	}
	error = posix1e_group_access(acl, cred, file_gid, mask, accmode);
	if (error != -1)
		return error;
	return (accmode & ~posix1e_granted(posix1e_perm_of(acl, ACL_OTHER,
	    0))) == 0 ? 0 : EACCES;
}
