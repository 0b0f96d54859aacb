/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NFSv4 access control lists: ordered entries that allow or deny, for the
 * owner, the group, everyone, and named users and groups.  Between lists and
 * modes they behave as Solaris's PSARC 2010/029 describes: a mode is exactly
 * a "trivial" list, and chmod makes the list that.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/acl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/stat.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>

#define INHERIT_FLAGS	(ACL_ENTRY_FILE_INHERIT | ACL_ENTRY_DIRECTORY_INHERIT)

/* Access */

static const struct {
	accmode_t accmode;
	acl_perm_t perm;
} nfs4_rights[] = {
	{ VREAD, ACL_READ_DATA },
	{ VWRITE, ACL_WRITE_DATA },
	{ VAPPEND, ACL_APPEND_DATA },
	{ VEXEC, ACL_EXECUTE },
	{ VREAD_NAMED_ATTRS, ACL_READ_NAMED_ATTRS },
	{ VWRITE_NAMED_ATTRS, ACL_WRITE_NAMED_ATTRS },
	{ VDELETE_CHILD, ACL_DELETE_CHILD },
	{ VREAD_ATTRIBUTES, ACL_READ_ATTRIBUTES },
	{ VWRITE_ATTRIBUTES, ACL_WRITE_ATTRIBUTES },
	{ VDELETE, ACL_DELETE },
	{ VREAD_ACL, ACL_READ_ACL },
	{ VWRITE_ACL, ACL_WRITE_ACL },
	{ VWRITE_OWNER, ACL_WRITE_OWNER },
	{ VSYNCHRONIZE, ACL_SYNCHRONIZE },
};

static acl_perm_t
nfs4_wanted(accmode_t accmode)
{
	acl_perm_t perm = 0;

	for (u_int i = 0; i < __arraycount(nfs4_rights); i++)
		if (accmode & nfs4_rights[i].accmode)
			perm |= nfs4_rights[i].perm;
	return perm;
}

static bool
nfs4_in_group(kauth_cred_t cred, gid_t gid)
{
	int member = 0;

	return kauth_cred_getegid(cred) == gid ||
	    (kauth_cred_ismember_gid(cred, gid, &member) == 0 && member != 0);
}

/* Is the entry about this caller? */
static bool
nfs4_concerns(const struct acl_entry *e, kauth_cred_t cred, uid_t file_uid,
    gid_t file_gid)
{
	switch (e->ae_tag) {
	case ACL_USER_OBJ:
		return kauth_cred_geteuid(cred) == file_uid;
	case ACL_USER:
		return kauth_cred_geteuid(cred) == e->ae_id;
	case ACL_GROUP_OBJ:
		return nfs4_in_group(cred, file_gid);
	case ACL_GROUP:
		return nfs4_in_group(cred, e->ae_id);
	default:
		KASSERT(e->ae_tag == ACL_EVERYONE);
		return true;
	}
}

/*
 * Go down the list: each right is decided by the first entry that speaks of
 * it.  *DENIED: one was denied, not just never allowed.
 */
static bool
nfs4_permits(const struct acl *acl, kauth_cred_t cred, uid_t file_uid,
    gid_t file_gid, acl_perm_t want, bool *denied)
{
	*denied = false;
	for (u_int i = 0; i < acl->acl_cnt && want != 0; i++) {
		const struct acl_entry *e = &acl->acl_entry[i];

		if (e->ae_entry_type != ACL_ENTRY_TYPE_ALLOW &&
		    e->ae_entry_type != ACL_ENTRY_TYPE_DENY)
			continue;
		if (e->ae_flags & ACL_ENTRY_INHERIT_ONLY)
			continue;
		if (!nfs4_concerns(e, cred, file_uid, file_gid))
			continue;
		if (e->ae_entry_type == ACL_ENTRY_TYPE_ALLOW) {
			want &= ~e->ae_perm;
		} else if (e->ae_perm & want) {
			*denied = true;
			return false;
		}
	}
	return want == 0;
}

int
genfs_can_access_acl_nfs4(struct vnode *vp, kauth_cred_t cred,
    uid_t file_uid, gid_t file_gid, mode_t mode __unused, struct acl *acl,
    accmode_t accmode)
{
	bool owner = kauth_cred_geteuid(cred) == file_uid;
	acl_perm_t want;
	bool denied;

	if ((accmode & VADMIN) && !owner)
		return EPERM;
	/* Whoever may append needs no right to overwrite. */
	if (vp->v_type != VDIR && (accmode & VAPPEND))
		accmode &= ~VWRITE;
	want = nfs4_wanted(accmode);
	/* An owner can lock out himself from the data, not from the list. */
	if (owner)
		want &= ~(acl_perm_t)(ACL_READ_ACL | ACL_WRITE_ACL |
		    ACL_READ_ATTRIBUTES | ACL_WRITE_ATTRIBUTES);
	if (nfs4_permits(acl, cred, file_uid, file_gid, want, &denied))
		return 0;
	if ((accmode & VEXPLICIT_DENY) && !denied)
		return 0;
	return (accmode & VADMIN_PERMS) ? EPERM : EACCES;
}

/* The rules for lists. */

static int
nfs4_entry_check(const struct acl_entry *e, int is_directory)
{
	switch (e->ae_tag) {
	case ACL_USER_OBJ:
	case ACL_GROUP_OBJ:
	case ACL_EVERYONE:
		if (e->ae_id != ACL_UNDEFINED_ID)
			return EINVAL;
		break;
	case ACL_USER:
	case ACL_GROUP:
		if (e->ae_id == ACL_UNDEFINED_ID)
			return EINVAL;
		break;
	default:
		return EINVAL;
	}
	if ((e->ae_perm | ACL_NFS4_PERM_BITS) != ACL_NFS4_PERM_BITS)
		return EINVAL;
	if (e->ae_entry_type != ACL_ENTRY_TYPE_ALLOW &&
	    e->ae_entry_type != ACL_ENTRY_TYPE_DENY)
		return EINVAL;
	if ((e->ae_flags | ACL_FLAGS_BITS) != ACL_FLAGS_BITS ||
	    (e->ae_flags & (ACL_ENTRY_SUCCESSFUL_ACCESS |
	    ACL_ENTRY_FAILED_ACCESS)))
		return EINVAL;
	if (!is_directory && (e->ae_flags & (INHERIT_FLAGS |
	    ACL_ENTRY_NO_PROPAGATE_INHERIT | ACL_ENTRY_INHERIT_ONLY)))
		return EINVAL;
	if ((e->ae_flags & (ACL_ENTRY_NO_PROPAGATE_INHERIT |
	    ACL_ENTRY_INHERIT_ONLY)) && (e->ae_flags & INHERIT_FLAGS) == 0)
		return EINVAL;
	return 0;
}

int
acl_nfs4_check(const struct acl *aclp, int is_directory)
{
	int error = 0;

	if (aclp->acl_cnt == 0 || aclp->acl_cnt > ACL_MAX_ENTRIES)
		return EINVAL;
	for (u_int i = 0; error == 0 && i < aclp->acl_cnt; i++)
		error = nfs4_entry_check(&aclp->acl_entry[i], is_directory);
	return error;
}

/* Between lists and modes. */

static acl_perm_t
nfs4_perm_of_bits(mode_t bits)
{
	acl_perm_t perm = 0;

	if (bits & S_IROTH)
		perm |= ACL_READ_DATA;
	if (bits & S_IWOTH)
		perm |= ACL_WRITE_DATA | ACL_APPEND_DATA;
	if (bits & S_IXOTH)
		perm |= ACL_EXECUTE;
	return perm;
}

static void
nfs4_append(struct acl *aclp, acl_tag_t tag, acl_perm_t perm,
    acl_entry_type_t type)
{
	struct acl_entry *e;

	KASSERT(aclp->acl_cnt < ACL_MAX_ENTRIES);
	e = &aclp->acl_entry[aclp->acl_cnt++];
	e->ae_tag = tag;
	e->ae_id = ACL_UNDEFINED_ID;
	e->ae_perm = perm;
	e->ae_entry_type = type;
	e->ae_flags = 0;
}

/* Append the list that means the same as a mode: three to six entries. */
static void
nfs4_append_trivial(struct acl *aclp, mode_t mode)
{
	const acl_perm_t all = ACL_READ_ACL | ACL_READ_ATTRIBUTES |
	    ACL_READ_NAMED_ATTRS | ACL_SYNCHRONIZE;
	const acl_perm_t own = ACL_WRITE_ACL | ACL_WRITE_OWNER |
	    ACL_WRITE_ATTRIBUTES | ACL_WRITE_NAMED_ATTRS;
	acl_perm_t user = nfs4_perm_of_bits(mode >> 6);
	acl_perm_t group = nfs4_perm_of_bits(mode >> 3);
	acl_perm_t other = nfs4_perm_of_bits(mode);
	acl_perm_t user_deny, group_deny, user_first;

	/* What the owner lacks but a later entry would give him. */
	user_deny = (group | other) & ~user;
	group_deny = other & ~group;
	/* What the group is denied but the owner, being in it, must have. */
	user_first = group_deny & ~user_deny & user;
	if (user_first != 0)
		nfs4_append(aclp, ACL_USER_OBJ, user_first,
		    ACL_ENTRY_TYPE_ALLOW);
	if (user_deny != 0)
		nfs4_append(aclp, ACL_USER_OBJ, user_deny,
		    ACL_ENTRY_TYPE_DENY);
	if (group_deny != 0)
		nfs4_append(aclp, ACL_GROUP_OBJ, group_deny,
		    ACL_ENTRY_TYPE_DENY);
	nfs4_append(aclp, ACL_USER_OBJ, user | all | own,
	    ACL_ENTRY_TYPE_ALLOW);
	nfs4_append(aclp, ACL_GROUP_OBJ, group | all, ACL_ENTRY_TYPE_ALLOW);
	nfs4_append(aclp, ACL_EVERYONE, other | all, ACL_ENTRY_TYPE_ALLOW);
}

void
acl_nfs4_sync_acl_from_mode(struct acl *aclp, mode_t mode,
    int file_owner_id __unused)
{
	aclp->acl_cnt = 0;
	nfs4_append_trivial(aclp, mode);
}

/* Let an entry decide those bits of one class that are still open. */
static void
nfs4_decide(acl_perm_t perm, bool allow, mode_t *mode, mode_t *open,
    int shift)
{
	mode_t bits = 0;

	if (perm & ACL_READ_DATA)
		bits |= S_IROTH;
	/* Writing takes both; denying either denies it. */
	if (allow ? (perm & (ACL_WRITE_DATA | ACL_APPEND_DATA)) ==
	    (ACL_WRITE_DATA | ACL_APPEND_DATA) :
	    (perm & (ACL_WRITE_DATA | ACL_APPEND_DATA)) != 0)
		bits |= S_IWOTH;
	if (perm & ACL_EXECUTE)
		bits |= S_IXOTH;
	bits = (bits << shift) & *open;
	*open &= ~bits;
	if (allow)
		*mode |= bits;
}

void
__acl_nfs4_sync_mode_from_acl(mode_t *modep, const struct acl *aclp)
{
	mode_t mode = *modep & (mode_t)ACL_PRESERVE_MASK;
	mode_t open = ACL_OVERRIDE_MASK;

	for (u_int i = 0; i < aclp->acl_cnt; i++) {
		const struct acl_entry *e = &aclp->acl_entry[i];
		bool allow = e->ae_entry_type == ACL_ENTRY_TYPE_ALLOW;

		if ((!allow && e->ae_entry_type != ACL_ENTRY_TYPE_DENY) ||
		    (e->ae_flags & ACL_ENTRY_INHERIT_ONLY))
			continue;
		switch (e->ae_tag) {
		case ACL_USER_OBJ:
			nfs4_decide(e->ae_perm, allow, &mode, &open, 6);
			break;
		case ACL_GROUP_OBJ:
			nfs4_decide(e->ae_perm, allow, &mode, &open, 3);
			break;
		case ACL_EVERYONE:
			nfs4_decide(e->ae_perm, allow, &mode, &open, 6);
			nfs4_decide(e->ae_perm, allow, &mode, &open, 3);
			nfs4_decide(e->ae_perm, allow, &mode, &open, 0);
			break;
		default:
			break;		/* named ones do not show */
		}
	}
	*modep = mode;
}

/* Does the list say no more than a mode can? */
int
acl_nfs4_is_trivial(const struct acl *aclp, int file_owner_id __unused)
{
	struct acl *trivial;
	mode_t mode = 0;
	bool same;

	if (aclp->acl_cnt > 6)
		return 0;
	__acl_nfs4_sync_mode_from_acl(&mode, aclp);
	trivial = acl_alloc(KM_SLEEP);
	nfs4_append_trivial(trivial, mode);
	same = trivial->acl_cnt == aclp->acl_cnt;
	for (u_int i = 0; same && i < aclp->acl_cnt; i++) {
		const struct acl_entry *a = &aclp->acl_entry[i];
		const struct acl_entry *b = &trivial->acl_entry[i];

		same = a->ae_tag == b->ae_tag && a->ae_id == b->ae_id &&
		    a->ae_perm == b->ae_perm &&
		    a->ae_entry_type == b->ae_entry_type &&
		    a->ae_flags == b->ae_flags;
	}
	acl_free(trivial);
	return same;
}

/* Inheritance */

/* The entry of a new file that comes from one of its directory's. */
static bool
nfs4_inherit_entry(const struct acl_entry *from, struct acl_entry *to,
    mode_t mode, int is_directory)
{
	bool named = from->ae_tag == ACL_USER || from->ae_tag == ACL_GROUP;
	bool effective;

	if ((from->ae_flags & INHERIT_FLAGS) == 0)
		return false;
	if (from->ae_entry_type != ACL_ENTRY_TYPE_ALLOW &&
	    from->ae_entry_type != ACL_ENTRY_TYPE_DENY)
		return false;
	if (!is_directory && (from->ae_flags & ACL_ENTRY_FILE_INHERIT) == 0)
		return false;
	/* Only on its way to files further down? */
	if (is_directory &&
	    (from->ae_flags & ACL_ENTRY_DIRECTORY_INHERIT) == 0 &&
	    (from->ae_flags & ACL_ENTRY_NO_PROPAGATE_INHERIT))
		return false;
	*to = *from;
	to->ae_flags |= ACL_ENTRY_INHERITED;
	to->ae_flags &= (acl_flag_t)~ACL_ENTRY_INHERIT_ONLY;
	if (!is_directory)
		to->ae_flags &= (acl_flag_t)~(INHERIT_FLAGS |
		    ACL_ENTRY_NO_PROPAGATE_INHERIT);
	else if (from->ae_flags & ACL_ENTRY_NO_PROPAGATE_INHERIT)
		to->ae_flags &= (acl_flag_t)~(INHERIT_FLAGS |
		    ACL_ENTRY_NO_PROPAGATE_INHERIT);
	else if ((from->ae_flags & ACL_ENTRY_DIRECTORY_INHERIT) == 0)
		to->ae_flags |= ACL_ENTRY_INHERIT_ONLY;
	effective = (to->ae_flags & ACL_ENTRY_INHERIT_ONLY) == 0;
	if (!effective || from->ae_entry_type == ACL_ENTRY_TYPE_DENY)
		return true;
	/*
	 * The mode speaks for owner, group and everyone; what it withholds
	 * from the group, named users and groups do not get either.
	 */
	if (!named) {
		if ((to->ae_flags & INHERIT_FLAGS) == 0)
			return false;
		to->ae_flags |= ACL_ENTRY_INHERIT_ONLY;
		return true;
	}
	to->ae_perm &= ~(acl_perm_t)(ACL_WRITE_ACL | ACL_WRITE_OWNER |
	    ACL_WRITE_NAMED_ATTRS | ACL_WRITE_ATTRIBUTES);
	to->ae_perm &= ~(nfs4_perm_of_bits(S_IRWXO) &
	    ~nfs4_perm_of_bits(mode >> 3));
	return true;
}

void
acl_nfs4_compute_inherited_acl(const struct acl *parent, struct acl *child,
    mode_t mode, int file_owner_id __unused, int is_directory)
{
	struct acl_entry e;

	child->acl_cnt = 0;
	for (u_int i = 0; i < parent->acl_cnt; i++) {
		if (!nfs4_inherit_entry(&parent->acl_entry[i], &e, mode,
		    is_directory))
			continue;
		/* Six are kept for what the mode says. */
		if (child->acl_cnt >= ACL_MAX_ENTRIES - 6)
			break;
		child->acl_entry[child->acl_cnt++] = e;
	}
	nfs4_append_trivial(child, mode);
}
