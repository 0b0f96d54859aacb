/* SPDX-License-Identifier: BSD-2-Clause */
/* Access control lists: rules, conversions, and access. */

#include <sys/param.h>
#include <sys/acl.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>

#include "vfstest.h"

#define OWNER	1000
#define GROUP	50

static void
add(struct acl *acl, acl_tag_t tag, uid_t id, acl_perm_t perm)
{
	struct acl_entry *e = &acl->acl_entry[acl->acl_cnt++];

	memset(e, 0, sizeof(*e));
	e->ae_tag = tag;
	e->ae_id = id;
	e->ae_perm = perm;
}

static void
add4(struct acl *acl, acl_tag_t tag, uid_t id, acl_perm_t perm,
    acl_entry_type_t type, acl_flag_t flags)
{
	add(acl, tag, id, perm);
	acl->acl_entry[acl->acl_cnt - 1].ae_entry_type = type;
	acl->acl_entry[acl->acl_cnt - 1].ae_flags = flags;
}

/* The three entries that a mode is. */
static void
minimal(struct acl *acl, mode_t mode)
{
	acl->acl_cnt = 0;
	add(acl, ACL_USER_OBJ, ACL_UNDEFINED_ID,
	    acl_posix1e_mode_to_perm(ACL_USER_OBJ, mode));
	add(acl, ACL_GROUP_OBJ, ACL_UNDEFINED_ID,
	    acl_posix1e_mode_to_perm(ACL_GROUP_OBJ, mode));
	add(acl, ACL_OTHER, ACL_UNDEFINED_ID,
	    acl_posix1e_mode_to_perm(ACL_OTHER, mode));
}

static kauth_cred_t
cred_make(uid_t uid, gid_t gid)
{
	kauth_cred_t cred = kauth_cred_alloc();

	kauth_cred_setuid(cred, uid);
	kauth_cred_seteuid(cred, uid);
	kauth_cred_setgid(cred, gid);
	kauth_cred_setegid(cred, gid);
	return cred;
}

static int
posix1e_rules(struct acl *acl)
{
	for (mode_t mode = 0; mode < 01000; mode++) {
		minimal(acl, mode);
		CHECK(acl_posix1e_check(acl) == 0);
		CHECK(acl_posix1e_acl_to_mode(acl) == mode);
	}
	minimal(acl, 0640);
	add(acl, ACL_USER, 7, ACL_READ);
	CHECK(acl_posix1e_check(acl) == EINVAL);	/* wants a mask */
	add(acl, ACL_MASK, ACL_UNDEFINED_ID, ACL_READ | ACL_WRITE);
	CHECK(acl_posix1e_check(acl) == 0);
	CHECK(acl_posix1e_acl_to_mode(acl) == 0660);	/* the mask shows */
	CHECK(acl_posix1e_newfilemode(04777, acl) == 04660);
	CHECK(acl_posix1e_newfilemode(0600, acl) == 0600);
	add(acl, ACL_MASK, ACL_UNDEFINED_ID, ACL_READ);
	CHECK(acl_posix1e_check(acl) == EINVAL);
	acl->acl_cnt--;
	acl->acl_entry[0].ae_perm = 8;
	CHECK(acl_posix1e_check(acl) == EINVAL);
	acl->acl_entry[0].ae_perm = 7;
	acl->acl_entry[1].ae_id = 3;
	CHECK(acl_posix1e_check(acl) == EINVAL);
	acl->acl_cnt = 2;
	CHECK(acl_posix1e_check(acl) == EINVAL);
	return 0;
}

int
test_posix1e_rules(void)
{
	struct acl *acl = acl_alloc(KM_SLEEP);
	int line;

	CHECK(acl->acl_maxcnt == ACL_MAX_ENTRIES && acl->acl_cnt == 0);
	line = posix1e_rules(acl);
	acl_free(acl);
	return line;
}

static int
posix1e_named(struct acl *acl, kauth_cred_t someone, kauth_cred_t member)
{
	minimal(acl, 0604);
	add(acl, ACL_USER, 7, ACL_READ | ACL_WRITE | ACL_EXECUTE);
	add(acl, ACL_GROUP, 77, ACL_WRITE);
	add(acl, ACL_MASK, ACL_UNDEFINED_ID, ACL_READ | ACL_WRITE);
	/* The named user, within the mask. */
	CHECK(genfs_can_access_acl_posix1e(NULL, someone, OWNER, GROUP, 0,
	    acl, VREAD | VWRITE) == 0);
	CHECK(genfs_can_access_acl_posix1e(NULL, someone, OWNER, GROUP, 0,
	    acl, VEXEC) == EACCES);
	/* The named group: a match keeps from what others may. */
	CHECK(genfs_can_access_acl_posix1e(NULL, member, OWNER, GROUP, 0,
	    acl, VWRITE) == 0);
	CHECK(genfs_can_access_acl_posix1e(NULL, member, OWNER, GROUP, 0,
	    acl, VREAD) == EACCES);
	CHECK(genfs_can_access_acl_posix1e(NULL, member, OWNER, GROUP, 0,
	    acl, VADMIN) == EPERM);
	return 0;
}

/* A list that is a mode grants what the mode grants. */
static int
same_as_mode(struct vnode *vp, struct acl *acl, kauth_cred_t cred,
    mode_t mode, bool nfs4)
{
	static const accmode_t wants[] = {
		VREAD, VWRITE, VEXEC, VREAD | VWRITE, VREAD | VEXEC,
		VREAD | VWRITE | VEXEC, VADMIN,
	};

	for (u_int i = 0; i < __arraycount(wants); i++) {
		int by_mode = genfs_can_access(vp, cred, OWNER, GROUP, mode,
		    NULL, wants[i]);
		int by_list = nfs4 ? genfs_can_access_acl_nfs4(vp, cred,
		    OWNER, GROUP, mode, acl, wants[i]) :
		    genfs_can_access_acl_posix1e(vp, cred, OWNER, GROUP,
		    mode, acl, wants[i]);

		CHECK(by_mode == by_list);
	}
	return 0;
}

static int
all_modes(struct vnode *vp, struct acl *acl, bool nfs4)
{
	kauth_cred_t creds[] = {
		cred_make(OWNER, 5), cred_make(OWNER, GROUP),
		cred_make(6, GROUP), cred_make(6, 6),
	};
	int line = 0;

	for (mode_t mode = 0; line == 0 && mode < 01000; mode++) {
		if (nfs4)
			acl_nfs4_sync_acl_from_mode(acl, mode, OWNER);
		else
			minimal(acl, mode);
		for (u_int i = 0; line == 0 && i < __arraycount(creds); i++)
			line = same_as_mode(vp, acl, creds[i], mode, nfs4);
	}
	for (u_int i = 0; i < __arraycount(creds); i++)
		kauth_cred_free(creds[i]);
	return line;
}

int
test_posix1e_access(void)
{
	struct acl *acl = acl_alloc(KM_SLEEP);
	kauth_cred_t someone = cred_make(7, 8), member = cred_make(9, 77);
	int line;

	line = all_modes(NULL, acl, false);
	if (line == 0)
		line = posix1e_named(acl, someone, member);
	kauth_cred_free(someone);
	kauth_cred_free(member);
	acl_free(acl);
	return line;
}

int
test_oldacl(void)
{
	struct acl *acl = acl_alloc(KM_SLEEP), *back = acl_alloc(KM_SLEEP);
	struct oldacl old;
	int same;

	minimal(acl, 0751);
	add(acl, ACL_USER, 12, ACL_READ);
	add(acl, ACL_MASK, ACL_UNDEFINED_ID, ACL_READ);
	CHECK(acl_copy_acl_into_oldacl(acl, &old) == 0);
	CHECK(acl_copy_oldacl_into_acl(&old, back) == 0);
	CHECK(back->acl_maxcnt == ACL_MAX_ENTRIES);
	same = acl->acl_cnt == back->acl_cnt && memcmp(acl->acl_entry,
	    back->acl_entry, acl->acl_cnt * sizeof(acl->acl_entry[0])) == 0;
	CHECK(same);
	acl->acl_cnt = OLDACL_MAX_ENTRIES + 1;
	CHECK(acl_copy_acl_into_oldacl(acl, &old) == EINVAL);
	old.acl_cnt = OLDACL_MAX_ENTRIES + 1;
	CHECK(acl_copy_oldacl_into_acl(&old, back) == EINVAL);
	acl_free(acl);
	acl_free(back);
	return 0;
}

/* A mode, its list, and the list's mode. */
int
test_nfs4_modes(void)
{
	struct acl *acl = acl_alloc(KM_SLEEP);
	mode_t back;

	for (mode_t mode = 0; mode < 01000; mode++) {
		acl_nfs4_sync_acl_from_mode(acl, mode, OWNER);
		CHECK(acl->acl_cnt >= 3 && acl->acl_cnt <= 6);
		CHECK(acl_nfs4_check(acl, 0) == 0);
		CHECK(acl_nfs4_is_trivial(acl, OWNER));
		back = 04000;
		__acl_nfs4_sync_mode_from_acl(&back, acl);
		CHECK(back == (mode | 04000));
	}
	add4(acl, ACL_USER, 3, ACL_READ_DATA, ACL_ENTRY_TYPE_ALLOW, 0);
	CHECK(!acl_nfs4_is_trivial(acl, OWNER));
	acl_free(acl);
	return 0;
}

static int
nfs4_order(struct vnode *vp, struct acl *acl, kauth_cred_t cred)
{
	acl->acl_cnt = 0;
	add4(acl, ACL_USER, 7, ACL_WRITE_DATA | ACL_DELETE,
	    ACL_ENTRY_TYPE_DENY, 0);
	add4(acl, ACL_USER, 7, ACL_READ_DATA | ACL_WRITE_DATA,
	    ACL_ENTRY_TYPE_ALLOW, 0);
	add4(acl, ACL_EVERYONE, ACL_UNDEFINED_ID, ACL_FULL_SET,
	    ACL_ENTRY_TYPE_ALLOW, ACL_ENTRY_INHERIT_ONLY |
	    ACL_ENTRY_FILE_INHERIT);
	CHECK(genfs_can_access_acl_nfs4(vp, cred, OWNER, GROUP, 0, acl,
	    VREAD) == 0);
	CHECK(genfs_can_access_acl_nfs4(vp, cred, OWNER, GROUP, 0, acl,
	    VWRITE) == EACCES);
	CHECK(genfs_can_access_acl_nfs4(vp, cred, OWNER, GROUP, 0, acl,
	    VEXEC) == EACCES);
	/* Neither denied nor allowed: only the question differs. */
	CHECK(genfs_can_access_acl_nfs4(vp, cred, OWNER, GROUP, 0, acl,
	    VEXEC | VEXPLICIT_DENY) == 0);
	CHECK(genfs_can_access_acl_nfs4(vp, cred, OWNER, GROUP, 0, acl,
	    VDELETE | VEXPLICIT_DENY) == EACCES);
	CHECK(genfs_can_access_acl_nfs4(vp, cred, OWNER, GROUP, 0, acl,
	    VWRITE_ACL) == EPERM);
	return 0;
}

int
test_nfs4_access(void)
{
	struct acl *acl = acl_alloc(KM_SLEEP);
	kauth_cred_t someone = cred_make(7, 8), owner = cred_make(OWNER, 8);
	struct vnode *vp;
	int line;

	CHECK(vfstest_file("/vfstest-acl", &vp) == 0);
	line = all_modes(vp, acl, true);
	if (line == 0)
		line = nfs4_order(vp, acl, someone);
	/* An owner keeps the list in his hands. */
	if (line == 0 && genfs_can_access_acl_nfs4(vp, owner, OWNER, GROUP,
	    0, acl, VWRITE_ACL) != 0)
		line = __LINE__;
	(void)vn_close(vp, FREAD | FWRITE, curlwp->l_cred);
	kauth_cred_free(someone);
	kauth_cred_free(owner);
	acl_free(acl);
	return line;
}

int
test_nfs4_check(void)
{
	struct acl *acl = acl_alloc(KM_SLEEP);
	struct acl_entry *e = &acl->acl_entry[0];

	CHECK(acl_nfs4_check(acl, 1) == EINVAL);
	add4(acl, ACL_EVERYONE, ACL_UNDEFINED_ID, ACL_READ_DATA,
	    ACL_ENTRY_TYPE_ALLOW, ACL_ENTRY_FILE_INHERIT);
	CHECK(acl_nfs4_check(acl, 1) == 0);
	CHECK(acl_nfs4_check(acl, 0) == EINVAL);
	e->ae_flags = ACL_ENTRY_INHERIT_ONLY;
	CHECK(acl_nfs4_check(acl, 1) == EINVAL);
	e->ae_flags = 0;
	e->ae_entry_type = ACL_ENTRY_TYPE_AUDIT;
	CHECK(acl_nfs4_check(acl, 1) == EINVAL);
	e->ae_entry_type = ACL_ENTRY_TYPE_DENY;
	CHECK(acl_nfs4_check(acl, 0) == 0);
	e->ae_perm = 2;
	CHECK(acl_nfs4_check(acl, 0) == EINVAL);
	e->ae_perm = ACL_READ_DATA;
	e->ae_id = 4;
	CHECK(acl_nfs4_check(acl, 0) == EINVAL);
	acl_free(acl);
	return 0;
}

static int
nfs4_inherit(struct acl *parent, struct acl *child)
{
	struct acl_entry *e = child->acl_entry;

	add4(parent, ACL_USER, 7, ACL_READ_DATA | ACL_WRITE_DATA |
	    ACL_WRITE_ACL, ACL_ENTRY_TYPE_ALLOW, ACL_ENTRY_FILE_INHERIT |
	    ACL_ENTRY_DIRECTORY_INHERIT);
	add4(parent, ACL_GROUP, 8, ACL_EXECUTE, ACL_ENTRY_TYPE_DENY,
	    ACL_ENTRY_FILE_INHERIT | ACL_ENTRY_NO_PROPAGATE_INHERIT);
	add4(parent, ACL_USER, 9, ACL_READ_DATA, ACL_ENTRY_TYPE_ALLOW, 0);

	/* A file: both, effective; the mode takes writing from the user. */
	acl_nfs4_compute_inherited_acl(parent, child, 0644, OWNER, 0);
	CHECK(acl_nfs4_check(child, 0) == 0);
	CHECK(e[0].ae_tag == ACL_USER && e[0].ae_id == 7);
	CHECK(e[0].ae_perm == ACL_READ_DATA);
	CHECK(e[0].ae_flags == ACL_ENTRY_INHERITED);
	CHECK(e[1].ae_tag == ACL_GROUP && e[1].ae_perm == ACL_EXECUTE);
	CHECK(child->acl_cnt == 5);

	/* A directory: the one for files only, once, stops here. */
	acl_nfs4_compute_inherited_acl(parent, child, 0775, OWNER, 1);
	CHECK(acl_nfs4_check(child, 1) == 0);
	CHECK(e[0].ae_flags == (ACL_ENTRY_INHERITED | ACL_ENTRY_FILE_INHERIT |
	    ACL_ENTRY_DIRECTORY_INHERIT));
	CHECK(e[0].ae_perm == (ACL_READ_DATA | ACL_WRITE_DATA));
	CHECK(e[1].ae_tag != ACL_GROUP);
	return 0;
}

int
test_nfs4_inherit(void)
{
	struct acl *parent = acl_alloc(KM_SLEEP), *child;
	int line;

	child = acl_alloc(KM_SLEEP);
	line = nfs4_inherit(parent, child);
	acl_free(parent);
	acl_free(child);
	return line;
}
