/* SPDX-License-Identifier: BSD-2-Clause */
/* Access control lists: POSIX.1e draft and NFSv4. */

#ifndef _SYS_ACL_H_
#define _SYS_ACL_H_

#include <sys/types.h>
#include <sys/param.h>
#include <sys/stat.h>

#define OLDACL_MAX_ENTRIES	32
#define ACL_MAX_ENTRIES		254

#define POSIX1E_ACL_ACCESS_EXTATTR_NAMESPACE	EXTATTR_NAMESPACE_SYSTEM
#define POSIX1E_ACL_ACCESS_EXTATTR_NAME		"posix1e.acl_access"
#define POSIX1E_ACL_DEFAULT_EXTATTR_NAMESPACE	EXTATTR_NAMESPACE_SYSTEM
#define POSIX1E_ACL_DEFAULT_EXTATTR_NAME	"posix1e.acl_default"
#define NFS4_ACL_EXTATTR_NAMESPACE		EXTATTR_NAMESPACE_SYSTEM
#define NFS4_ACL_EXTATTR_NAME			"nfs4.acl"

typedef uint32_t acl_tag_t;
typedef uint32_t acl_perm_t;
typedef uint16_t acl_entry_type_t;
typedef uint16_t acl_flag_t;
typedef int acl_type_t;
typedef int *acl_permset_t;
typedef uint16_t *acl_flagset_t;

struct acl_entry {
	acl_tag_t ae_tag;
	uid_t ae_id;
	acl_perm_t ae_perm;
	acl_entry_type_t ae_entry_type;	/* NFSv4 only */
	acl_flag_t ae_flags;		/* NFSv4 only */
};
typedef struct acl_entry *acl_entry_t;

struct acl {
	unsigned int acl_maxcnt;
	unsigned int acl_cnt;
	int acl_spare[4];
	struct acl_entry acl_entry[ACL_MAX_ENTRIES];
};

/* The form on disk of POSIX.1e lists. */
typedef int oldacl_tag_t;
typedef mode_t oldacl_perm_t;
struct oldacl_entry {
	oldacl_tag_t ae_tag;
	uid_t ae_id;
	oldacl_perm_t ae_perm;
};
struct oldacl {
	int acl_cnt;
	struct oldacl_entry acl_entry[OLDACL_MAX_ENTRIES];
};

#define ACL_BRAND_UNKNOWN	0
#define ACL_BRAND_POSIX		1
#define ACL_BRAND_NFS4		2

/* ae_tag */
#define ACL_UNDEFINED_TAG	0
#define ACL_USER_OBJ	1
#define ACL_USER	2
#define ACL_GROUP_OBJ	4
#define ACL_GROUP	8
#define ACL_MASK	0x10
#define ACL_OTHER	0x20
#define ACL_OTHER_OBJ	ACL_OTHER
#define ACL_EVERYONE	0x40
#define ACL_UNDEFINED_ID	((uid_t)-1)

/* ae_entry_type */
#define ACL_ENTRY_TYPE_ALLOW	0x100
#define ACL_ENTRY_TYPE_DENY	0x200
#define ACL_ENTRY_TYPE_AUDIT	0x400
#define ACL_ENTRY_TYPE_ALARM	0x800

/* acl_type_t */
#define ACL_TYPE_ACCESS_OLD	0
#define ACL_TYPE_DEFAULT_OLD	1
#define ACL_TYPE_ACCESS	2
#define ACL_TYPE_DEFAULT	3
#define ACL_TYPE_NFS4	4

/* ae_perm of POSIX.1e entries, then of NFSv4 ones */
#define ACL_EXECUTE	1
#define ACL_WRITE	2
#define ACL_READ	4
#define ACL_PERM_NONE	0
#define ACL_PERM_BITS		(ACL_EXECUTE | ACL_WRITE | ACL_READ)
#define ACL_POSIX1E_BITS	(ACL_EXECUTE | ACL_WRITE | ACL_READ)
#define ACL_READ_DATA	8
#define ACL_LIST_DIRECTORY	8
#define ACL_WRITE_DATA	0x10
#define ACL_ADD_FILE	0x10
#define ACL_APPEND_DATA	0x20
#define ACL_ADD_SUBDIRECTORY	0x20
#define ACL_READ_NAMED_ATTRS	0x40
#define ACL_WRITE_NAMED_ATTRS	0x80
#define ACL_DELETE_CHILD	0x100
#define ACL_READ_ATTRIBUTES	0x200
#define ACL_WRITE_ATTRIBUTES	0x400
#define ACL_DELETE	0x800
#define ACL_READ_ACL	0x1000
#define ACL_WRITE_ACL	0x2000
#define ACL_WRITE_OWNER	0x4000
#define ACL_SYNCHRONIZE	0x8000
#define ACL_FULL_SET \
	(ACL_READ_DATA | ACL_WRITE_DATA | ACL_APPEND_DATA | \
	    ACL_READ_NAMED_ATTRS | ACL_WRITE_NAMED_ATTRS | ACL_EXECUTE | \
	    ACL_DELETE_CHILD | ACL_READ_ATTRIBUTES | ACL_WRITE_ATTRIBUTES | \
	    ACL_DELETE | ACL_READ_ACL | ACL_WRITE_ACL | ACL_WRITE_OWNER | \
	    ACL_SYNCHRONIZE)
#define ACL_MODIFY_SET \
	(ACL_FULL_SET & ~(ACL_WRITE_ACL | ACL_WRITE_OWNER))
#define ACL_READ_SET \
	(ACL_READ_DATA | ACL_READ_NAMED_ATTRS | ACL_READ_ATTRIBUTES | \
	    ACL_READ_ACL)
#define ACL_WRITE_SET \
	(ACL_WRITE_DATA | ACL_APPEND_DATA | ACL_WRITE_NAMED_ATTRS | \
	    ACL_WRITE_ATTRIBUTES)
#define ACL_NFS4_PERM_BITS	ACL_FULL_SET

#define ACL_FIRST_ENTRY		0
#define ACL_NEXT_ENTRY		1

/* ae_flags */
#define ACL_ENTRY_FILE_INHERIT	1
#define ACL_ENTRY_DIRECTORY_INHERIT	2
#define ACL_ENTRY_NO_PROPAGATE_INHERIT	4
#define ACL_ENTRY_INHERIT_ONLY	8
#define ACL_ENTRY_SUCCESSFUL_ACCESS	0x10
#define ACL_ENTRY_FAILED_ACCESS	0x20
#define ACL_ENTRY_INHERITED	0x80
#define ACL_FLAGS_BITS	0xbf

#define ACL_OVERRIDE_MASK	(S_IRWXU | S_IRWXG | S_IRWXO)
#define ACL_PRESERVE_MASK	(~ACL_OVERRIDE_MASK)

#ifdef _KERNEL
struct vnode;

struct acl *acl_alloc(int);
void acl_free(struct acl *);

mode_t acl_posix1e_acl_to_mode(struct acl *);
int acl_posix1e_check(struct acl *);
acl_perm_t acl_posix1e_mode_to_perm(acl_tag_t, mode_t);
struct acl_entry acl_posix1e_mode_to_entry(acl_tag_t, uid_t, gid_t, mode_t);
mode_t acl_posix1e_perms_to_mode(struct acl_entry *, struct acl_entry *,
    struct acl_entry *);
mode_t acl_posix1e_newfilemode(mode_t, struct acl *);

int acl_nfs4_check(const struct acl *, int);
int acl_nfs4_is_trivial(const struct acl *, int);
void acl_nfs4_compute_inherited_acl(const struct acl *, struct acl *, mode_t,
    int, int);
void acl_nfs4_sync_acl_from_mode(struct acl *, mode_t, int);
void __acl_nfs4_sync_mode_from_acl(mode_t *, const struct acl *);

int acl_copy_oldacl_into_acl(const struct oldacl *, struct acl *);
int acl_copy_acl_into_oldacl(const struct acl *, struct oldacl *);
#endif

#endif /* !_SYS_ACL_H_ */
