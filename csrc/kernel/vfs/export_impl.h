/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door, as its files share it.
 *
 *	export.c	kern_export: dispatch, credentials, attach and detach
 *	export_node.c	node ids, the table of pinned nodes, open handles
 *	export_attr.c	attributes both ways
 *	export_name.c	operations on names
 *	export_file.c	open files: read, write, sync, locks, holes
 *	export_page.c	reads that are answered out of the page cache
 *	export_dir.c	reading directories
 *	export_xattr.c	extended attributes
 *
 * Everything here runs in contexts on the one virtual CPU, so lists need no
 * lock; whatever is found on one is referenced before the first sleep.
 */
#ifndef _KERNEL_VFS_EXPORT_IMPL_H_
#define _KERNEL_VFS_EXPORT_IMPL_H_

#include <sys/param.h>
#include <sys/queue.h>
#include <sys/errno.h>
#include <sys/fstypes.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/vnode.h>

#include <rumpy/export.h>

#define	XM_HASH		256	/* chains of the node table */
#define	XM_NCREDS	8	/* callers remembered */
#define	XN_FIDMAX	64	/* longest file handle of a driver */
#define	EXPORT_DIRBUF	8192	/* directory records read at a time */

/*
 * A node that the id alone does not describe: open, unlinked while Linux
 * knows it, or with a file handle that does not fit into an id.
 */
struct export_node {
	LIST_ENTRY(export_node) xn_byid;
	LIST_ENTRY(export_node) xn_byfid;	/* if xn_keyed */
	uint64_t	xn_id;
	struct vnode	*xn_vp;		/* referenced; NULL: see xn_fid */
	u_int		xn_opens;
	bool		xn_unlinked;	/* pinned until Linux forgets it */
	bool		xn_keyed;	/* on a chain of xm_byfid */
	uint64_t	xn_lookups;	/* told to Linux; table ids only */
	size_t		xn_fidlen;	/* 0: keyed by the vnode, or not */
	char		xn_fid[XN_FIDMAX] __aligned(8);
};
LIST_HEAD(export_nodes, export_node);

/* What OPEN, CREATE and OPENDIR hand out. */
struct export_handle {
	LIST_ENTRY(export_handle) xh_list;
	struct export_node *xh_node;
	struct vnode	*xh_vp;		/* referenced, and open */
	kauth_cred_t	xh_cred;	/* of the opener */
	int		xh_fflag;	/* FREAD, FWRITE, FAPPEND.. */
	u_int		xh_refs;
	bool		xh_haslocks;
	bool		xh_noatime;

	/* Directories: records read and not yet handed out. */
	char		*xh_buf;
	off_t		*xh_cookies;
	int		xh_ncookies;
	int		xh_index;	/* of the record at xh_pos */
	size_t		xh_len;
	size_t		xh_pos;
	off_t		xh_next;	/* cookie in front of xh_pos */
};

struct export_user {
	struct export_cred xu_key;
	kauth_cred_t	xu_cred;
};

struct export_mount {
	struct mount	*xm_mp;
	struct vnode	*xm_root;
	uint32_t	xm_flags;	/* EXPORT_RDONLY.. */
	uid_t		xm_uid;		/* EXPORT_MAPPED */
	gid_t		xm_gid;
	uint32_t	xm_entry_valid;
	uint32_t	xm_attr_valid;
	u_int		xm_active;	/* requests inside */
	u_int		xm_nnodes;
	uint64_t	xm_lastid;	/* of the table */
	size_t		xm_fidlen;	/* of handles that fit into an id */
	bool		xm_novget;	/* the driver has no VFS_VGET */
	bool		xm_freezes;	/* files were made immutable by SETFLAGS */
	LIST_HEAD(, export_handle) xm_handles;
	TAILQ_HEAD(, export_link) xm_requests;
	struct export_nodes xm_byid[XM_HASH];
	struct export_nodes xm_byfid[XM_HASH];
	u_int		xm_nextuser;
	struct export_user xm_users[XM_NCREDS];
};

/* A request that is inside; lies on its context's stack, at er_kern[0]. */
#define	XL_NIOV		20	/* 1 MiB in pieces of 64 KiB, and some */

struct export_link {
	TAILQ_ENTRY(export_link) xl_list;
	struct export_req *xl_req;
	kauth_cred_t	xl_cred;	/* of the caller */
	struct export_iov xl_iov[XL_NIOV];
};

/* One operation.  The result is an errno; answers go into the request. */
typedef int export_fn(struct export_mount *, struct export_req *,
    kauth_cred_t);

export_fn export_lookup, export_forget, export_getattr, export_setattr,
    export_readlink, export_symlink, export_mknod, export_mkdir,
    export_unlink, export_rmdir, export_rename, export_hardlink, export_open,
    export_create, export_tmpfile, export_read, export_write, export_flush,
    export_release, export_fsync, export_syncfs, export_statfs, export_opendir,
    export_readdir, export_getlk, export_setlk, export_lseek,
    export_fallocate, export_getxattr, export_setxattr, export_listxattr,
    export_removexattr, export_getflags, export_setflags;

/* export_node.c */
size_t	export_fid_length(struct vnode *);
int	export_node_id(struct export_mount *, struct vnode *, uint64_t *);
int	export_vget(struct export_mount *, uint64_t, int, struct vnode **);
int	export_target(struct export_mount *, const struct export_req *, int,
	    struct vnode **);
void	export_pin_unlinked(struct export_mount *, struct vnode *);
int	export_handle_new(struct export_mount *, struct vnode *, int,
	    kauth_cred_t, uint64_t *);
struct export_handle *export_handle_hold(const struct export_req *);
void	export_handle_rele(struct export_mount *, struct export_handle *);
void	export_close_all(struct export_mount *);

/* export_attr.c */
int	export_fill_attr(struct export_mount *, struct vnode *,
	    struct export_attr *, kauth_cred_t);
int	export_fill_entry(struct export_mount *, struct vnode *,
	    struct export_entry *, kauth_cred_t);
int	export_kill_privs(struct vnode *);

/* export_file.c */
int	export_open_vnode(struct export_mount *, struct export_req *,
	    struct vnode *, kauth_cred_t, bool);

/* export_page.c */
bool	export_read_loan(struct vnode *, struct export_req *, int,
	    kauth_cred_t);

/* export_name.c */
void	export_cn(struct componentname *, uint32_t, uint32_t, const char *,
	    size_t, kauth_cred_t);

/* export_xattr.c */
bool	export_has_xattr(struct vnode *);

static __inline bool
export_mapped(const struct export_mount *xm)
{

	return (xm->xm_flags & EXPORT_MAPPED) != 0;
}

#endif /* !_KERNEL_VFS_EXPORT_IMPL_H_ */
