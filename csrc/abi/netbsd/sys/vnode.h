/* SPDX-License-Identifier: BSD-2-Clause */
/* The vnode: the kernel's handle of a file, whatever file system it is in. */

#ifndef _SYS_VNODE_H_
#define _SYS_VNODE_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/condvar.h>
#include <sys/rwlock.h>
#include <sys/mutex.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/kauth.h>
#include <sys/event.h>
#include <sys/acl.h>
#include <uvm/uvm_param.h>
#include <uvm/uvm_object.h>
#include <uvm/uvm_extern.h>

enum vtype {
	VNON, VREG, VDIR, VBLK, VCHR, VLNK, VSOCK, VFIFO, VBAD
};

/* Which file system's data v_data points to; for printing and for lsof. */
enum vtagtype {
	VT_NON, VT_UFS, VT_NFS, VT_MFS, VT_MSDOSFS, VT_LFS, VT_LOFS,
	VT_FDESC, VT_PORTAL, VT_NULL, VT_UMAP, VT_KERNFS, VT_PROCFS,
	VT_AFS, VT_ISOFS, VT_UNION, VT_ADOSFS, VT_EXT2FS, VT_CODA,
	VT_FILECORE, VT_NTFS, VT_VFS, VT_OVERLAY, VT_SMBFS, VT_PTYFS,
	VT_TMPFS, VT_UDF, VT_SYSVBFS, VT_PUFFS, VT_HFS, VT_EFS, VT_ZFS,
	VT_RUMP, VT_NILFS, VT_V7FS, VT_CHFS, VT_AUTOFS
};

#if defined(_KERNEL)
struct buf;
struct fifoinfo;
struct file;
struct flock;
struct lwp;
struct mount;
struct pathbuf;
struct proc;
struct socket;
struct specnode;
struct stat;
struct uvm_ractx;
struct vattr;
struct vnode;
struct vnode_iterator;

LIST_HEAD(buflists, buf);

struct vnode_klist {
	struct klist vk_klist;
	long vk_interest;		/* union of the watchers' NOTE_ bits */
};

/*
 * Which lock guards a member:
 *	i	v_interlock
 *	l	the vnode lock (vn_lock)
 *	o	v_uobj.vmobjlock
 *	b	bufcache_lock
 *	:	stable while referenced
 */
struct vnode {
	struct uvm_object v_uobj;	/* o	pages of the file */
	voff_t v_size;			/* l	as the page cache sees it */
	voff_t v_writesize;		/* l	size after pending writes */
	kcondvar_t v_cv;		/* i	output or state changed */
	int v_iflag;			/* i	VI_* */
	int v_uflag;			/* l	VU_* */
	int v_usecount;			/*	references */
	int v_numoutput;		/* i	writes in flight */
	int v_writecount;		/* i	opens for writing */
	int v_holdcnt;			/* i	held by buffers and pages */
	struct buflists v_cleanblkhd;	/* b */
	struct buflists v_dirtyblkhd;	/* b */
	int v_vflag __aligned(16);	/* l	VV_* */
	kmutex_t *v_interlock;		/* : */
	struct mount *v_mount;		/* : */
	int (**v_op)(void *);		/* :	operations vector */
	union {
		struct mount *vu_mountedhere;	/* VDIR */
		struct socket *vu_socket;	/* VSOCK */
		struct specnode *vu_specnode;	/* VCHR, VBLK */
		struct fifoinfo *vu_fifoinfo;	/* VFIFO */
		struct uvm_ractx *vu_ractx;	/* VREG */
	} v_un;
	enum vtype v_type;		/* : */
	enum vtagtype v_tag;		/* : */
	void *v_data;			/* :	the file system's inode */
	struct vnode_klist *v_klist;	/* i */
	void *v_segvguard;
} __aligned(64);
#define v_mountedhere	v_un.vu_mountedhere
#define v_socket	v_un.vu_socket
#define v_specnode	v_un.vu_specnode
#define v_fifoinfo	v_un.vu_fifoinfo
#define v_ractx		v_un.vu_ractx

typedef struct vnode vnode_t;

/* v_vflag */
#define VV_ROOT		0x00000001	/* root of its file system */
#define VV_SYSTEM	0x00000002	/* used by the kernel itself */
#define VV_ISTTY	0x00000004
#define VV_MAPPED	0x00000008
#define VV_MPSAFE	0x00000010

/* v_iflag */
#define VI_TEXT		0x100
#define VI_EXECMAP	0x200
#define VI_WRMAP	0x400
#define VI_PAGES	0x800
#define VI_ONWORKLST	0x4000
#define VI_DEADCHECK	0x8000

/* v_uflag */
#define VU_DIROP	0x1000000

/* Flags of vn_lock. */
#define LK_NONE		0x00000000
#define LK_SHARED	1
#define LK_EXCLUSIVE	2
#define LK_UPGRADE	0x10
#define LK_DOWNGRADE	0x20
#define LK_NOWAIT	0x100
#define LK_RETRY	0x200
#endif /* _KERNEL */

/* Attributes; a member that does not matter holds VNOVAL. */
struct vattr {
	enum vtype va_type;
	mode_t va_mode;
	nlink_t va_nlink;
	uid_t va_uid;
	gid_t va_gid;
	dev_t va_fsid;
	ino_t va_fileid;
	u_quad_t va_size;
	long va_blocksize;
	struct timespec va_atime;
	struct timespec va_mtime;
	struct timespec va_ctime;
	struct timespec va_birthtime;
	u_long va_gen;
	u_long va_flags;
	dev_t va_rdev;
	u_quad_t va_bytes;
	u_quad_t va_filerev;
	unsigned int va_vaflags;	/* VA_* */
	long va_spare;
};

/* va_vaflags */
#define VA_UTIMES_NULL	1
#define VA_EXCLUSIVE	2

#ifdef _KERNEL
/* Flags of VOP_READ and VOP_WRITE. */
#define IO_UNIT		0x10
#define IO_APPEND	0x20
#define IO_SYNC		(0x40 | IO_DSYNC)
#define IO_NODELOCKED	0x80
#define IO_NDELAY	0x100
#define IO_DSYNC	0x200
#define IO_ALTSEMANTICS	0x400
#define IO_NORMAL	0x800
#define IO_EXT		0x1000
#define IO_DIRECT	0x2000
#define IO_JOURNALLOCKED	0x4000
#define IO_ADV_MASK	3
#define IO_ADV_SHIFT	0
#define IO_ADV_ENCODE(adv)	(((adv) << IO_ADV_SHIFT) & IO_ADV_MASK)
#define IO_ADV_DECODE(flags)	(((flags) & IO_ADV_MASK) >> IO_ADV_SHIFT)

/* accmode_t: what VOP_ACCESS and VOP_ACCESSX are asked for. */
#define VEXEC			000000000100
#define VWRITE			000000000200
#define VREAD			000000000400
#define VADMIN		0x1000
#define VAPPEND		0x4000
#define VEXPLICIT_DENY	0x8000
#define VREAD_NAMED_ATTRS	0x10000
#define VWRITE_NAMED_ATTRS	0x20000
#define VDELETE_CHILD	0x40000
#define VREAD_ATTRIBUTES	0x80000
#define VWRITE_ATTRIBUTES	0x100000
#define VDELETE		0x200000
#define VREAD_ACL	0x400000
#define VWRITE_ACL	0x800000
#define VWRITE_OWNER	0x1000000
#define VSYNCHRONIZE	0x2000000
#define VCREAT		0x4000000
#define VVERIFY		0x8000000

/* Rights of the owner; rights that stat needs; rights that change data. */
#define VADMIN_PERMS	(VADMIN | VWRITE_ATTRIBUTES | VWRITE_ACL | VWRITE_OWNER)
#define VSTAT_PERMS	(VREAD_ATTRIBUTES | VREAD_ACL)
#define VMODIFY_PERMS	(VWRITE | VAPPEND | VADMIN_PERMS | VDELETE_CHILD | \
			    VDELETE)

#define VNOVAL		(-1)
#define VNOVALSIZE	((u_quad_t)-1)
#define VNOVALFLAGS	((u_long)-1)
#define VSIZENOTSET	((voff_t)-1)

#define VREF(vp)	vref(vp)
#define NULLVP		((struct vnode *)NULL)

/* Between st_mode and enum vtype. */
extern const enum vtype iftovt_tab[];
extern const int vttoif_tab[];
#define IFTOVT(mode)	(iftovt_tab[((mode) & S_IFMT) >> 12])
#define VTTOIF(indx)	(vttoif_tab[(int)(indx)])
#define MAKEIMODE(indx, mode)	(int)(VTTOIF(indx) | (mode))

/* vflush, vinvalbuf, VOP_REVOKE, VOP_FSYNC, file system updates, vdead_check */
#define SKIPSYSTEM	1
#define FORCECLOSE	2
#define WRITECLOSE	4
#define V_SAVE		1
#define REVOKEALL	1
#define FSYNC_WAIT	1
#define FSYNC_DATAONLY	2
#define FSYNC_RECLAIM	4
#define FSYNC_LAZY	8
#define FSYNC_NOLOG	0x10
#define FSYNC_CACHE	0x100
#define UPDATE_WAIT	1
#define UPDATE_DIROP	2
#define UPDATE_CLOSE	4
#define VDEAD_NOWAIT	1

extern struct vnode *rootvnode;
extern int desiredvnodes;
extern unsigned int numvnodes;

/* Description of one operation; what a layer needs to pass it on. */
struct vnodeop_desc {
	int vdesc_offset;		/* slot in an operations vector */
	const char *vdesc_name;
	int vdesc_flags;		/* VDESC_* */
	const int *vdesc_vp_offsets;	/* ends with VDESC_NO_OFFSET */
	int vdesc_vpp_offset;
	int vdesc_cred_offset;
	int vdesc_componentname_offset;
};

#define VDESC_MAX_VPS	8
#define VDESC_VP0_WILLRELE	1
#define VDESC_VP1_WILLRELE	2
#define VDESC_VP2_WILLRELE	4
#define VDESC_VP3_WILLRELE	8
#define VDESC_VP0_WILLPUT	0x101
#define VDESC_VP1_WILLPUT	0x202
#define VDESC_VP2_WILLPUT	0x404
#define VDESC_VP3_WILLPUT	0x808
#define VDESC_NO_OFFSET	(-1)

#define VOPARG_OFFSETTO(type, offset, sp) \
	((type)(void *)((char *)(sp) + (offset)))

struct vnodeopv_entry_desc {
	const struct vnodeop_desc *opve_op;
	int (*opve_impl)(void *);
};
struct vnodeopv_desc {
	int (***opv_desc_vector_p)(void *);
	const struct vnodeopv_entry_desc *opv_desc_ops;
};

/* What all argument structs begin with. */
struct vop_generic_args {
	struct vnodeop_desc *a_desc;
};

#define VOFFSET(op)	(op ## _desc.vdesc_offset)
#define VDESC(op)	(&op ## _desc)
#define VCALL(vp, off, ap)	((*(vp)->v_op[(off)])(ap))
#define VOCALL(opsv, off, ap)	((*((opsv)[(off)]))(ap))

#include <sys/vnode_if.h>

/* Buffers and pages may pin the identity of a vnode without using it. */
void vholdl(struct vnode *);
void holdrelel(struct vnode *);
static __inline void
vhold(struct vnode *vp)
{
	mutex_enter(vp->v_interlock);
	vholdl(vp);
	mutex_exit(vp->v_interlock);
}
static __inline void
holdrele(struct vnode *vp)
{
	mutex_enter(vp->v_interlock);
	holdrelel(vp);
	mutex_exit(vp->v_interlock);
}
#define VHOLD(vp)	vhold(vp)
#define HOLDRELE(vp)	holdrele(vp)

static __inline int
vn_locked_p(struct vnode *vp)
{
	return VOP_ISLOCKED(vp);
}

/* Watchers of a vnode (kqueue). */
#define VN_KEVENT_INTEREST(vp, n) \
	((vp)->v_klist != NULL && ((vp)->v_klist->vk_interest & (n)) != 0)
#define VN_KNOTE(vp, b) do {						\
	if (VN_KEVENT_INTEREST((vp), (b))) {				\
		mutex_enter((vp)->v_interlock);				\
		knote(&(vp)->v_klist->vk_klist, (b));			\
		mutex_exit((vp)->v_interlock);				\
	}								\
} while (0)

/* Life cycle: vnode.c and vcache.c. */
void vfs_vnode_sysinit(void);
int vcache_get(struct mount *, const void *, size_t, struct vnode **);
int vcache_new(struct mount *, struct vnode *, struct vattr *, kauth_cred_t,
    void *, struct vnode **);
int vcache_rekey_enter(struct mount *, struct vnode *, const void *, size_t,
    const void *, size_t);
void vcache_rekey_exit(struct mount *, struct vnode *, const void *, size_t,
    const void *, size_t);
int vcache_tryvget(struct vnode *);
int vcache_make_anon(struct vnode *);
int bdevvp(dev_t, struct vnode **);
int cdevvp(dev_t, struct vnode **);
void vref(struct vnode *);
void vrele(struct vnode *);
void vrele_async(struct vnode *);
void vrele_flush(struct mount *);
void vput(struct vnode *);
int vrefcnt(struct vnode *);
void vremfree(struct vnode *);
void vgone(struct vnode *);
void vgonel(struct vnode *);
void vrevoke(struct vnode *);
bool vrecycle(struct vnode *);
int vdead_check(struct vnode *, int);
int vflush(struct mount *, struct vnode *, int);
void vdevgone(int, int, int, enum vtype);
void vshareilock(struct vnode *, struct vnode *);
void vshareklist(struct vnode *, struct vnode *);
void vprint(const char *, struct vnode *);
void vnpanic(struct vnode *, const char *, ...) __printflike(2, 3) __dead;
int vfinddev(dev_t, enum vtype, struct vnode **);

/* Buffers and the syncer: bio.c, syncer.c. */
int vinvalbuf(struct vnode *, int, kauth_cred_t, struct lwp *, bool, int);
int vflushbuf(struct vnode *, int);
int vtruncbuf(struct vnode *, daddr_t, bool, int);
void vwakeup(struct buf *);
void vn_syncer_add_to_worklist(struct vnode *, int);
void vn_syncer_remove_from_worklist(struct vnode *);
void vfs_syncer_add_to_worklist(struct mount *);
void vfs_syncer_remove_from_worklist(struct mount *);

/* Operations on files by vnode: vn_*.c. */
int vn_lock(struct vnode *, int);
int vn_open(struct vnode *, struct pathbuf *, int, int, int,
    struct vnode **, bool *, int *);
int vn_openchk(struct vnode *, kauth_cred_t, int);
int vn_close(struct vnode *, int, kauth_cred_t);
int vn_rdwr(enum uio_rw, struct vnode *, void *, int, off_t, enum uio_seg,
    int, kauth_cred_t, size_t *, struct lwp *);
int vn_stat(struct vnode *, struct stat *);
int vn_bwrite(void *);
int vn_default_error(void *);
int vn_fifo_bypass(void *);
int vn_readdir(struct file *, char *, int, unsigned int, int *, struct lwp *,
    off_t **, int *);
int vn_writechk(struct vnode *);
int vn_marktext(struct vnode *);
void vn_markexec(struct vnode *);
int vn_isunder(struct vnode *, struct vnode *, struct lwp *);
int vn_kqfilter(struct file *, struct knote *);
void vn_knote_attach(struct vnode *, struct knote *);
void vn_knote_detach(struct vnode *, struct knote *);
int vn_extattr_get(struct vnode *, int, int, const char *, size_t *, void *,
    struct lwp *);
int vn_extattr_set(struct vnode *, int, int, const char *, size_t,
    const void *, struct lwp *);
int vn_extattr_rm(struct vnode *, int, int, const char *, struct lwp *);
uint8_t vtype2dt(enum vtype);
extern int (*vn_union_readdir_hook)(struct vnode **, struct file *,
    struct lwp *);

void vattr_null(struct vattr *);
void vfs_timestamp(struct timespec *);
int vfs_unixify_accmode(accmode_t *);
void vfs_getnewfsid(struct mount *);
#endif /* _KERNEL */

#endif /* !_SYS_VNODE_H_ */
