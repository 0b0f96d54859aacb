/* SPDX-License-Identifier: BSD-2-Clause */
/* The mounted file system and the operations of its type. */

#ifndef _SYS_MOUNT_H_
#define _SYS_MOUNT_H_

#include <abi/versions.h>
#include <sys/types.h>
#include <sys/queue.h>
#include <sys/mutex.h>
#include <sys/fstypes.h>
#include <sys/statvfs.h>
#include <sys/specificdata.h>
#include <sys/ucred.h>

/* Names of the file system types. */
#define MOUNT_FFS	"ffs"
#define MOUNT_UFS	MOUNT_FFS
#define MOUNT_NFS	"nfs"
#define MOUNT_MFS	"mfs"
#define MOUNT_MSDOS	"msdos"
#define MOUNT_LFS	"lfs"
#define MOUNT_FDESC	"fdesc"
#define MOUNT_NULL	"null"
#define MOUNT_OVERLAY	"overlay"
#define MOUNT_UMAP	"umap"
#define MOUNT_KERNFS	"kernfs"
#define MOUNT_PROCFS	"procfs"
#define MOUNT_CD9660	"cd9660"
#define MOUNT_UNION	"union"
#define MOUNT_ADOSFS	"adosfs"
#define MOUNT_EXT2FS	"ext2fs"
#define MOUNT_CFS	"coda"
#define MOUNT_CODA	MOUNT_CFS
#define MOUNT_FILECORE	"filecore"
#define MOUNT_NTFS	"ntfs"
#define MOUNT_SMBFS	"smbfs"
#define MOUNT_PTYFS	"ptyfs"
#define MOUNT_TMPFS	"tmpfs"
#define MOUNT_UDF	"udf"
#define MOUNT_SYSVBFS	"sysvbfs"
#define MOUNT_PUFFS	"puffs"
#define MOUNT_HFS	"hfs"
#define MOUNT_EFS	"efs"
#define MOUNT_ZFS	"zfs"
#define MOUNT_NILFS	"nilfs"
#define MOUNT_RUMPFS	"rumpfs"
#define MOUNT_V7FS	"v7fs"
#define MOUNT_AUTOFS	"autofs"

#define MNAMELEN	0x5a
#define VFS_GENERIC	0
#define VFS_MAXTYPENUM	1
#define VFS_CONF	2
#define VFS_USERMOUNT	3
#define VFS_MAGICLINKS	4
#define VFS_TIMESTAMP_PRECISION	5
#define VQ_MOUNT	1
#define VQ_UNMOUNT	2
#define VFS_MAX_MOUNT_DATA	0x2000

/* Arguments of NFS exports, as mount(2) with MNT_EXPORTED has them. */
struct export_args30 {
	int ex_flags;
	uid_t ex_root;
	struct uucred ex_anon;
	struct sockaddr *ex_addr;
	int ex_addrlen;
	struct sockaddr *ex_mask;
	int ex_masklen;
	char *ex_indexfile;
};
struct mnt_export_args30 {
	const char *fspec;
	struct export_args30 eargs;
};

#ifdef _KERNEL
struct kauth_cred;
struct lwp;
struct nameidata;
struct quotactl_args;
struct timespec;
struct uio;
struct vattr;
struct vfsops;
struct vnode;
struct vnode_impl;
struct vnode_iterator;
struct vnodeopv_desc;
struct wapbl;
struct wapbl_ops;
struct wapbl_replay;

struct mount {
	kmutex_t *mnt_vnodelock;	/* guards mnt_vnodelist */
	struct vfsops *mnt_op;
	struct vnode *mnt_vnodecovered;
	struct mount *mnt_lower;	/* below a layer, for fstrans */
	NETBSD_MOUNT_TRANSINFO		/* fstrans.c */
	void *mnt_data;			/* the file system's own */
	kmutex_t *mnt_renamelock;
	int mnt_flag;			/* MNT_* */
	int mnt_iflag;			/* IMNT_* */
	int mnt_fs_bshift;
	int mnt_dev_bshift;
	specificdata_reference mnt_specdataref;
	kmutex_t *mnt_updating;		/* held by mount updates and unmount */
	const struct wapbl_ops *mnt_wapbl_op;
	struct wapbl *mnt_wapbl;
	struct wapbl_replay *mnt_wapbl_replay;
	uint64_t mnt_gen;
	NETBSD_MOUNT_HOLE
	int mnt_refcnt __aligned(64);
	int mnt_synclist_slot;
	TAILQ_HEAD(, vnode_impl) mnt_vnodelist;
	struct statvfs mnt_stat;
};

struct vfsops {
	const char *vfs_name;
	size_t vfs_min_mount_data;
	int (*vfs_mount)(struct mount *, const char *, void *, size_t *);
	int (*vfs_start)(struct mount *, int);
	int (*vfs_unmount)(struct mount *, int);
	int (*vfs_root)(struct mount *, int, struct vnode **);
	int (*vfs_quotactl)(struct mount *, struct quotactl_args *);
	int (*vfs_statvfs)(struct mount *, struct statvfs *);
	int (*vfs_sync)(struct mount *, int, struct kauth_cred *);
	int (*vfs_vget)(struct mount *, ino_t, int, struct vnode **);
	int (*vfs_loadvnode)(struct mount *, struct vnode *, const void *,
	    size_t, const void **);
	int (*vfs_newvnode)(struct mount *, struct vnode *, struct vnode *,
	    struct vattr *, struct kauth_cred *, void *, size_t *,
	    const void **);
	int (*vfs_fhtovp)(struct mount *, struct fid *, int, struct vnode **);
	int (*vfs_vptofh)(struct vnode *, struct fid *, size_t *);
	void (*vfs_init)(void);
	void (*vfs_reinit)(void);
	void (*vfs_done)(void);
	int (*vfs_mountroot)(void);
	int (*vfs_snapshot)(struct mount *, struct vnode *,
	    struct timespec *);
	int (*vfs_extattrctl)(struct mount *, int, struct vnode *, int,
	    const char *);
	int (*vfs_suspendctl)(struct mount *, int);
	int (*vfs_renamelock_enter)(struct mount *);
	void (*vfs_renamelock_exit)(struct mount *);
	int (*vfs_fsync)(struct vnode *, int);
	const struct vnodeopv_desc * const *vfs_opv_descs;
	int vfs_refcount;
	LIST_ENTRY(vfsops) vfs_list;
};

int VFS_MOUNT(struct mount *, const char *, void *, size_t *);
int VFS_START(struct mount *, int);
int VFS_UNMOUNT(struct mount *, int);
int VFS_ROOT(struct mount *, int, struct vnode **);
int VFS_QUOTACTL(struct mount *, struct quotactl_args *);
int VFS_STATVFS(struct mount *, struct statvfs *);
int VFS_SYNC(struct mount *, int, struct kauth_cred *);
int VFS_VGET(struct mount *, ino_t, int, struct vnode **);
int VFS_LOADVNODE(struct mount *, struct vnode *, const void *, size_t,
    const void **);
int VFS_NEWVNODE(struct mount *, struct vnode *, struct vnode *,
    struct vattr *, struct kauth_cred *, void *, size_t *, const void **);
int VFS_FHTOVP(struct mount *, struct fid *, int, struct vnode **);
int VFS_VPTOFH(struct vnode *, struct fid *, size_t *);
int VFS_SNAPSHOT(struct mount *, struct vnode *, struct timespec *);
int VFS_EXTATTRCTL(struct mount *, int, struct vnode *, int, const char *);
int VFS_SUSPENDCTL(struct mount *, int);
int VFS_RENAMELOCK_ENTER(struct mount *);
void VFS_RENAMELOCK_EXIT(struct mount *);

/* The usual declaration block of a file system. */
#define VFS_PROTOS(fsname)						\
int fsname##_mount(struct mount *, const char *, void *, size_t *);	\
int fsname##_start(struct mount *, int);				\
int fsname##_unmount(struct mount *, int);				\
int fsname##_root(struct mount *, int, struct vnode **);		\
int fsname##_quotactl(struct mount *, struct quotactl_args *);		\
int fsname##_statvfs(struct mount *, struct statvfs *);			\
int fsname##_sync(struct mount *, int, struct kauth_cred *);		\
int fsname##_vget(struct mount *, ino_t, int, struct vnode **);		\
int fsname##_loadvnode(struct mount *, struct vnode *, const void *,	\
    size_t, const void **);						\
int fsname##_newvnode(struct mount *, struct vnode *, struct vnode *,	\
    struct vattr *, struct kauth_cred *, void *, size_t *,		\
    const void **);							\
int fsname##_fhtovp(struct mount *, struct fid *, int,			\
    struct vnode **);							\
int fsname##_vptofh(struct vnode *, struct fid *, size_t *);		\
void fsname##_init(void);						\
void fsname##_reinit(void);						\
void fsname##_done(void);						\
int fsname##_mountroot(void);						\
int fsname##_snapshot(struct mount *, struct vnode *,			\
    struct timespec *);							\
int fsname##_extattrctl(struct mount *, int, struct vnode *, int,	\
    const char *);							\
int fsname##_suspendctl(struct mount *, int)

/* File system types. */
extern kmutex_t vfs_list_lock;
LIST_HEAD(vfs_list_head, vfsops);
extern struct vfs_list_head vfs_list;
int vfs_attach(struct vfsops *);
int vfs_detach(struct vfsops *);
struct vfsops *vfs_getopsbyname(const char *);
void vfs_delref(struct vfsops *);
void vfs_opv_init(const struct vnodeopv_desc * const *);
void vfs_opv_free(const struct vnodeopv_desc * const *);

/* Mounts. */
struct mount *vfs_getvfs(fsid_t *);
struct mount *vfs_mountalloc(struct vfsops *, struct vnode *);
int vfs_rootmountalloc(const char *, const char *, struct mount **);
int vfs_busy(struct mount *);
int vfs_trybusy(struct mount *);
void vfs_unbusy(struct mount *);
void vfs_ref(struct mount *);
void vfs_rele(struct mount *);
int vfs_set_lowermount(struct mount *, struct mount *);
bool vfs_unmountall(struct lwp *);
bool vfs_unmountall1(struct lwp *, bool, bool);
void vfs_sync_all(struct lwp *);
void vfs_shutdown(void);
int vfs_mountroot(void);
int dounmount(struct mount *, int, struct lwp *);
int do_sys_mount(struct lwp *, const char *, enum uio_seg, const char *, int,
    void *, enum uio_seg, size_t, register_t *);
void mountlist_remove(struct mount *);
void vfs_insmntque(struct vnode *, struct mount *);
long makefstype(const char *);
int vfs_stdextattrctl(struct mount *, int, struct vnode *, int,
    const char *);

typedef struct mount_iterator mount_iterator_t;
void mountlist_iterator_init(mount_iterator_t **);
void mountlist_iterator_destroy(mount_iterator_t *);
struct mount *mountlist_iterator_next(mount_iterator_t *);
struct mount *mountlist_iterator_trynext(mount_iterator_t *);
void mountlist_append(struct mount *);

void vfs_vnode_iterator_init(struct mount *, struct vnode_iterator **);
void vfs_vnode_iterator_destroy(struct vnode_iterator *);
struct vnode *vfs_vnode_iterator_next(struct vnode_iterator *,
    bool (*)(void *, struct vnode *), void *);

extern struct mount *dead_rootmount;
extern int doforce;		/* may vflush() close what is open? */

#include <sys/vfs_hooks.h>
#endif /* _KERNEL */

#endif /* !_SYS_MOUNT_H_ */
