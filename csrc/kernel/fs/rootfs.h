/* SPDX-License-Identifier: BSD-2-Clause */
/* The root file system, in memory. */
#ifndef _KERNEL_FS_ROOTFS_H_
#define _KERNEL_FS_ROOTFS_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/vnode.h>

struct lockf;

/* A name in a directory. */
struct rootfs_entry {
	TAILQ_ENTRY(rootfs_entry) re_entry;
	struct rootfs_node *re_node;
	off_t		re_cookie;	/* grows with every entry made */
	size_t		re_namelen;
	char		re_name[];
};

/*
 * A file.  It lives while it has names or a vnode; all members are guarded by
 * the vnode's lock.
 */
struct rootfs_node {
	struct rootfs_node *rn_self;	/* the vnode cache's key points here */
	struct vnode	*rn_vnode;	/* or NULL */
	struct lockf	*rn_lockf;
	enum vtype	rn_type;
	ino_t		rn_ino;
	mode_t		rn_mode;	/* permission bits */
	nlink_t		rn_nlink;
	uid_t		rn_uid;
	gid_t		rn_gid;
	u_long		rn_flags;
	off_t		rn_size;
	dev_t		rn_rdev;
	struct timespec	rn_atime, rn_mtime, rn_ctime, rn_birthtime;

	/* VDIR */
	TAILQ_HEAD(, rootfs_entry) rn_entries;
	struct rootfs_node *rn_parent;	/* NULL once removed */
	off_t		rn_nextcookie;

	/* VREG: pages, NULL where there is a hole; VLNK: the target */
	char		**rn_pages;
	size_t		rn_npages;
	char		*rn_target;
};

#define	VTORN(vp)	((struct rootfs_node *)(vp)->v_data)

/* Cookies of "." and ".." come before all others. */
#define	ROOTFS_COOKIE_DOT	0
#define	ROOTFS_COOKIE_DOTDOT	1
#define	ROOTFS_COOKIE_FIRST	2

/* A regular file cannot be larger than this many bytes. */
#define	ROOTFS_FILE_MAX		((off_t)256 << 20)

/* rootfs.c */
struct rootfs_node *rootfs_node_create(enum vtype, const struct vattr *);
void	rootfs_node_destroy(struct rootfs_node *);
int	rootfs_get_vnode(struct mount *, struct rootfs_node *,
	    struct vnode **);
struct rootfs_entry *rootfs_find(struct rootfs_node *, const char *, size_t);
void	rootfs_enter(struct rootfs_node *, struct rootfs_node *,
	    const char *, size_t);
void	rootfs_remove(struct rootfs_node *, struct rootfs_entry *);
void	rootfs_touch(struct rootfs_node *, int);
int	rootfs_make_device(const char *, enum vtype, mode_t, dev_t);
int	rootfs_remove_device(const char *);

#define	ROOTFS_ACCESSED	1
#define	ROOTFS_MODIFIED	2
#define	ROOTFS_CHANGED	4

/* rootfs_data.c */
int	rootfs_data_read(struct rootfs_node *, struct uio *);
int	rootfs_data_write(struct rootfs_node *, struct uio *);
size_t	rootfs_data_reserve(void);
int	rootfs_data_resize(struct rootfs_node *, off_t);
void	rootfs_data_free(struct rootfs_node *);

/* rootfs_rename.c */
int	rootfs_rename(void *);
bool	rootfs_directory_empty(const struct rootfs_node *);

/* rootfs_vnops.c */
extern const struct vnodeopv_desc rootfs_vnodeop_opv_desc;
extern const struct vnodeopv_desc rootfs_specop_opv_desc;
extern const struct vnodeopv_desc rootfs_fifoop_opv_desc;
extern int (**rootfs_vnodeop_p)(void *);
extern int (**rootfs_specop_p)(void *);
extern int (**rootfs_fifoop_p)(void *);

#endif /* _KERNEL_FS_ROOTFS_H_ */
