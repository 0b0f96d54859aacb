/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls on access control lists. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/acl.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/kmem.h>
#include <sys/proc.h>
#include <sys/syscallargs.h>
#include <sys/vnode.h>

#include "vn_file.h"

/* What is done with the list of a vnode. */
enum acl_action { ACL_GET, ACL_SET, ACL_REMOVE, ACL_VERIFY };

static bool
acl_type_is_old(acl_type_t type)
{
	return type == ACL_TYPE_ACCESS_OLD || type == ACL_TYPE_DEFAULT_OLD;
}

static acl_type_t
acl_type_modern(acl_type_t type)
{
	switch (type) {
	case ACL_TYPE_ACCESS_OLD:
		return ACL_TYPE_ACCESS;
	case ACL_TYPE_DEFAULT_OLD:
		return ACL_TYPE_DEFAULT;
	default:
		return type;
	}
}

static int
acl_copyin(const void *user, struct acl *acl, acl_type_t type)
{
	struct oldacl old;
	int error;

	if (acl_type_is_old(type)) {
		error = copyin(user, &old, sizeof(old));
		return error != 0 ? error :
		    acl_copy_oldacl_into_acl(&old, acl);
	}
	error = copyin(user, acl, sizeof(*acl));
	if (error == 0 && (acl->acl_maxcnt != ACL_MAX_ENTRIES ||
	    acl->acl_cnt > ACL_MAX_ENTRIES))
		error = EINVAL;
	return error;
}

static int
acl_copyout(const struct acl *acl, void *user, acl_type_t type)
{
	struct oldacl old;
	int error;

	if (acl_type_is_old(type)) {
		error = acl_copy_acl_into_oldacl(acl, &old);
		return error != 0 ? error : copyout(&old, user, sizeof(old));
	}
	return copyout(acl, user, sizeof(*acl));
}

static int
acl_vnode(struct vnode *vp, enum acl_action action, acl_type_t type,
    struct acl *user)
{
	kauth_cred_t cred = curlwp->l_cred;
	acl_type_t t = acl_type_modern(type);
	struct acl *acl = acl_alloc(KM_SLEEP);
	int error = 0;

	if (action == ACL_GET && !acl_type_is_old(type)) {
		uint32_t maxcnt;

		error = copyin(&user->acl_maxcnt, &maxcnt, sizeof(maxcnt));
		if (error == 0 && maxcnt != ACL_MAX_ENTRIES)
			error = EINVAL;
	} else if (action == ACL_SET || action == ACL_VERIFY) {
		error = acl_copyin(user, acl, type);
	}
	if (error == 0)
		error = vn_lock(vp, LK_EXCLUSIVE);
	if (error == 0) {
		switch (action) {
		case ACL_GET:
			error = VOP_GETACL(vp, t, acl, cred);
			break;
		case ACL_SET:
			error = VOP_SETACL(vp, t, acl, cred);
			break;
		case ACL_REMOVE:
			error = VOP_SETACL(vp, t, NULL, cred);
			break;
		case ACL_VERIFY:
			error = VOP_ACLCHECK(vp, t, acl, cred);
			break;
		}
		VOP_UNLOCK(vp);
	}
	if (error == 0 && action == ACL_GET)
		error = acl_copyout(acl, user, type);
	acl_free(acl);
	return error;
}

static int
acl_path(const char *path, uint32_t nflags, enum acl_action action,
    acl_type_t type, struct acl *user)
{
	struct vnode *vp;
	int error;

	error = at_lookup(AT_FDCWD, path, nflags, &vp);
	if (error != 0)
		return error;
	error = acl_vnode(vp, action, type, user);
	vrele(vp);
	return error;
}

static int
acl_fd(int fd, enum acl_action action, acl_type_t type, struct acl *user)
{
	file_t *fp;
	int error;

	error = fd_getvnode((u_int)fd, &fp);
	if (error != 0)
		return error;
	error = acl_vnode(fp->f_vnode, action, type, user);
	fd_putfile((u_int)fd);
	return error;
}

#define ACL_PATH_CALL(name, nflags, action)				\
int									\
sys___acl_##name(struct lwp *l __unused,				\
    const struct sys___acl_##name##_args *uap,				\
    register_t *retval __unused)					\
{									\
	return acl_path(SCARG(uap, path), (nflags), (action),		\
	    SCARG(uap, type), SCARG(uap, aclp));			\
}
#define ACL_FD_CALL(name, action)					\
int									\
sys___acl_##name(struct lwp *l __unused,				\
    const struct sys___acl_##name##_args *uap,				\
    register_t *retval __unused)					\
{									\
	return acl_fd(SCARG(uap, filedes), (action),			\
	    SCARG(uap, type), SCARG(uap, aclp));			\
}

ACL_PATH_CALL(get_file, FOLLOW, ACL_GET)
ACL_PATH_CALL(get_link, NOFOLLOW, ACL_GET)
ACL_PATH_CALL(set_file, FOLLOW, ACL_SET)
ACL_PATH_CALL(set_link, NOFOLLOW, ACL_SET)
ACL_PATH_CALL(aclcheck_file, FOLLOW, ACL_VERIFY)
ACL_PATH_CALL(aclcheck_link, NOFOLLOW, ACL_VERIFY)
ACL_FD_CALL(get_fd, ACL_GET)
ACL_FD_CALL(set_fd, ACL_SET)
ACL_FD_CALL(aclcheck_fd, ACL_VERIFY)

int
sys___acl_delete_file(struct lwp *l __unused,
    const struct sys___acl_delete_file_args *uap,
    register_t *retval __unused)
{
	return acl_path(SCARG(uap, path), FOLLOW, ACL_REMOVE,
	    SCARG(uap, type), NULL);
}

int
sys___acl_delete_link(struct lwp *l __unused,
    const struct sys___acl_delete_link_args *uap,
    register_t *retval __unused)
{
	return acl_path(SCARG(uap, path), NOFOLLOW, ACL_REMOVE,
	    SCARG(uap, type), NULL);
}

int
sys___acl_delete_fd(struct lwp *l __unused,
    const struct sys___acl_delete_fd_args *uap,
    register_t *retval __unused)
{
	return acl_fd(SCARG(uap, filedes), ACL_REMOVE, SCARG(uap, type),
	    NULL);
}
