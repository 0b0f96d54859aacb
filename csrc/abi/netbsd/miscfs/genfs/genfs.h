/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * miscfs/genfs/genfs.h: vnode operations that most file systems share.
 */
#ifndef _MISCFS_GENFS_GENFS_H_
#define	_MISCFS_GENFS_GENFS_H_

#include <sys/types.h>
#include <sys/acl.h>
#include <sys/kauth.h>

struct componentname;
struct mount;
struct statvfs;
struct vm_page;
struct vnode;

/* Entries of vnode operation tables. */
int	genfs_abortop(void *);
int	genfs_access(void *);
int	genfs_accessx(void *);
int	genfs_badop(void *);
int	genfs_compat_getpages(void *);
int	genfs_deadlock(void *);
int	genfs_deadunlock(void *);
int	genfs_ebadf(void *);
int	genfs_einval(void *);
int	genfs_enoioctl(void *);
int	genfs_eopnotsupp(void *);
int	genfs_erofs_link(void *);
#define	genfs_erofs_symlink genfs_erofs_link
int	genfs_fcntl(void *);
int	genfs_getpages(void *);
int	genfs_islocked(void *);
int	genfs_kqfilter(void *);
int	genfs_lock(void *);
int	genfs_mmap(void *);
int	genfs_null_putpages(void *);
int	genfs_nullop(void *);
int	genfs_parsepath(void *);
int	genfs_pathconf(void *);
int	genfs_poll(void *);
int	genfs_putpages(void *);
int	genfs_revoke(void *);
int	genfs_seek(void *);
int	genfs_unlock(void *);

int	genfs_do_putpages(struct vnode *, off_t, off_t, int,
	    struct vm_page **);
int	genfs_statvfs(struct mount *, struct statvfs *);
int	genfs_suspendctl(struct mount *, int);
int	genfs_renamelock_enter(struct mount *);
void	genfs_renamelock_exit(struct mount *);

/* May these credentials do that to a file with these attributes? */
int	genfs_can_access(struct vnode *, kauth_cred_t, uid_t, gid_t, mode_t,
	    struct acl *, accmode_t);
int	genfs_can_access_acl_nfs4(struct vnode *, kauth_cred_t, uid_t, gid_t,
	    mode_t, struct acl *, accmode_t);
int	genfs_can_access_acl_posix1e(struct vnode *, kauth_cred_t, uid_t,
	    gid_t, mode_t, struct acl *, accmode_t);
int	genfs_can_chflags(struct vnode *, kauth_cred_t, uid_t, bool);
int	genfs_can_chmod(struct vnode *, kauth_cred_t, uid_t, gid_t, mode_t);
int	genfs_can_chown(struct vnode *, kauth_cred_t, uid_t, gid_t, uid_t,
	    gid_t);
int	genfs_can_chtimes(struct vnode *, kauth_cred_t, uid_t, u_int);
int	genfs_can_extattr(struct vnode *, kauth_cred_t, accmode_t, int);
int	genfs_can_sticky(struct vnode *, kauth_cred_t, uid_t, uid_t);

/* Rename, with the parts that differ between file systems in a table. */
struct genfs_rename_ops {
	bool	(*gro_directory_empty_p)(struct mount *, kauth_cred_t,
		    struct vnode *, struct vnode *);
	int	(*gro_rename_check_possible)(struct mount *, struct vnode *,
		    struct vnode *, struct vnode *, struct vnode *);
	int	(*gro_rename_check_permitted)(struct mount *, kauth_cred_t,
		    struct vnode *, struct vnode *, struct vnode *,
		    struct vnode *);
	int	(*gro_remove_check_possible)(struct mount *, struct vnode *,
		    struct vnode *);
	int	(*gro_remove_check_permitted)(struct mount *, kauth_cred_t,
		    struct vnode *, struct vnode *);
	int	(*gro_rename)(struct mount *, kauth_cred_t, struct vnode *,
		    struct componentname *, void *, struct vnode *,
		    struct vnode *, struct componentname *, void *,
		    struct vnode *, nlink_t *);
	int	(*gro_remove)(struct mount *, kauth_cred_t, struct vnode *,
		    struct componentname *, void *, struct vnode *,
		    nlink_t *);
	int	(*gro_lookup)(struct mount *, struct vnode *,
		    struct componentname *, void *, struct vnode **);
	int	(*gro_genealogy)(struct mount *, kauth_cred_t,
		    struct vnode *, struct vnode *, struct vnode **);
	int	(*gro_lock_directory)(struct mount *, struct vnode *);
};

int	genfs_insane_rename(void *,
	    int (*)(struct vnode *, struct componentname *, struct vnode *,
	    struct componentname *, kauth_cred_t, bool));
int	genfs_sane_rename(const struct genfs_rename_ops *, struct vnode *,
	    struct componentname *, void *, struct vnode *,
	    struct componentname *, void *, kauth_cred_t, bool);
void	genfs_rename_cache_purge(struct vnode *, struct vnode *,
	    struct vnode *, struct vnode *);
int	genfs_ufslike_rename_check_possible(unsigned long, unsigned long,
	    unsigned long, unsigned long, bool, unsigned long,
	    unsigned long);
int	genfs_ufslike_rename_check_permitted(kauth_cred_t, struct vnode *,
	    mode_t, uid_t, struct vnode *, uid_t, struct vnode *, mode_t,
	    uid_t, struct vnode *, uid_t);
int	genfs_ufslike_remove_check_possible(unsigned long, unsigned long,
	    unsigned long, unsigned long);
int	genfs_ufslike_remove_check_permitted(kauth_cred_t, struct vnode *,
	    mode_t, uid_t, struct vnode *, uid_t);

#endif /* !_MISCFS_GENFS_GENFS_H_ */
