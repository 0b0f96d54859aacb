/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounts: their life, the list of them, mount(2) and unmount(2).
 *
 * A mount lives as long as somebody refers to it (mnt_refcnt), and each of
 * its vnodes does.  It is usable while it is on the list; vfs_busy() keeps it
 * there.  mnt_updating is held by whoever mounts, updates or unmounts it.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/extattr.h>
#include <sys/fcntl.h>
#include <sys/filedesc.h>
#include <sys/fstrans.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/module.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/vnode.h>

#include <rumpy/doors.h>
#include <rumpy/vnode.h>

#include "vnode_impl.h"
#include "vfs_private.h"
#include "vn_file.h"

struct mount_iterator {
	struct mount_impl mit_marker;
	struct mount *mit_current;	/* busy */
};

static TAILQ_HEAD(, mount_impl) mountlist = TAILQ_HEAD_INITIALIZER(mountlist);
static uint64_t mount_generation;

/* File systems ask this before they honour MNT_FORCE; always yes here. */
int doforce = 1;

void
mount_init(void)
{
	mutex_init(&vfs_list_lock, MUTEX_DEFAULT, IPL_NONE);
}

/* Life. */

struct mount *
mount_alloc(struct vfsops *ops, struct vnode *vp)
{
	struct mount_impl *mi = kmem_zalloc(sizeof(*mi), KM_SLEEP);
	struct mount *mp = &mi->mi_mount;

	mp->mnt_op = ops;
	mp->mnt_refcnt = 1;
	TAILQ_INIT(&mp->mnt_vnodelist);
	mp->mnt_renamelock = mutex_obj_alloc(MUTEX_DEFAULT, IPL_NONE);
	mp->mnt_vnodelock = mutex_obj_alloc(MUTEX_DEFAULT, IPL_NONE);
	mp->mnt_updating = mutex_obj_alloc(MUTEX_DEFAULT, IPL_NONE);
	mp->mnt_vnodecovered = vp;
	mp->mnt_gen = ++mount_generation;
	fstrans_mount(mp);
	return mp;
}

/* Takes over the caller's reference to the type. */
struct mount *
vfs_mountalloc(struct vfsops *ops, struct vnode *vp)
{
	return mount_alloc(ops, vp);
}

int
vfs_rootmountalloc(const char *fstypename, const char *devname,
    struct mount **mpp)
{
	struct vfsops *ops = vfs_getopsbyname(fstypename);
	struct mount *mp;

	if (ops == NULL)
		return ENODEV;
	mp = mount_alloc(ops, NULL);
	(void)vfs_busy(mp);
	mp->mnt_flag = MNT_RDONLY;
	strlcpy(mp->mnt_stat.f_fstypename, ops->vfs_name,
	    sizeof(mp->mnt_stat.f_fstypename));
	strlcpy(mp->mnt_stat.f_mntonname, "/",
	    sizeof(mp->mnt_stat.f_mntonname));
	strlcpy(mp->mnt_stat.f_mntfromname, devname,
	    sizeof(mp->mnt_stat.f_mntfromname));
	*mpp = mp;
	return 0;
}

void
vfs_ref(struct mount *mp)
{
	KASSERT(mp->mnt_refcnt > 0);
	mp->mnt_refcnt++;
}

void
vfs_rele(struct mount *mp)
{
	KASSERT(mp->mnt_refcnt > 0);
	if (--mp->mnt_refcnt > 0)
		return;
	KASSERT(TAILQ_EMPTY(&mp->mnt_vnodelist));
	KASSERT(!MOUNT_TO_IMPL(mp)->mi_listed);
	fstrans_unmount(mp);
	mutex_obj_free(mp->mnt_updating);
	mutex_obj_free(mp->mnt_renamelock);
	mutex_obj_free(mp->mnt_vnodelock);
	vfs_delref(mp->mnt_op);
	kmem_free(MOUNT_TO_IMPL(mp), sizeof(struct mount_impl));
}

/* Keep a mount mounted; ENOENT if it is not any more. */
int
vfs_busy(struct mount *mp)
{
	vfs_ref(mp);
	fstrans_start(mp);
	if (mp->mnt_iflag & IMNT_GONE) {
		fstrans_done(mp);
		vfs_rele(mp);
		return ENOENT;
	}
	return 0;
}

int
vfs_trybusy(struct mount *mp)
{
	if (fstrans_start_nowait(mp) != 0)
		return EBUSY;
	if (mp->mnt_iflag & IMNT_GONE) {
		fstrans_done(mp);
		return ENOENT;
	}
	vfs_ref(mp);
	return 0;
}

void
vfs_unbusy(struct mount *mp)
{
	fstrans_done(mp);
	vfs_rele(mp);
}

/* Say which mount a layer is stacked on. */
int
vfs_set_lowermount(struct mount *mp, struct mount *lower)
{
	struct mount *old = mp->mnt_lower;

	if (lower != NULL) {
		if (lower->mnt_iflag & IMNT_GONE)
			return ENOENT;
		vfs_ref(lower);
	}
	mp->mnt_lower = lower;
	if (old != NULL)
		vfs_rele(old);
	return 0;
}

/* Root vnodes for the walk: valid until the vnode is reclaimed. */

void
mount_remember_root(struct mount *mp, struct vnode *vp)
{
	if ((vp->v_vflag & VV_ROOT) && vp->v_mount == mp &&
	    vnode_state(vp) == VS_LOADED)
		MOUNT_TO_IMPL(mp)->mi_root = vp;
}

void
mount_forget_root(struct mount *mp, struct vnode *vp)
{
	if (MOUNT_TO_IMPL(mp)->mi_root == vp)
		MOUNT_TO_IMPL(mp)->mi_root = NULL;
}

/* The list. */

void
mountlist_append(struct mount *mp)
{
	KASSERT(!MOUNT_TO_IMPL(mp)->mi_listed);
	MOUNT_TO_IMPL(mp)->mi_listed = true;
	TAILQ_INSERT_TAIL(&mountlist, MOUNT_TO_IMPL(mp), mi_list);
}

void
mountlist_remove(struct mount *mp)
{
	KASSERT(MOUNT_TO_IMPL(mp)->mi_listed);
	MOUNT_TO_IMPL(mp)->mi_listed = false;
	TAILQ_REMOVE(&mountlist, MOUNT_TO_IMPL(mp), mi_list);
}

void
mountlist_iterator_init(mount_iterator_t **mip)
{
	mount_iterator_t *mi = kmem_zalloc(sizeof(*mi), KM_SLEEP);

	TAILQ_INSERT_HEAD(&mountlist, &mi->mit_marker, mi_list);
	*mip = mi;
}

void
mountlist_iterator_destroy(mount_iterator_t *mi)
{
	if (mi->mit_current != NULL)
		vfs_unbusy(mi->mit_current);
	TAILQ_REMOVE(&mountlist, &mi->mit_marker, mi_list);
	kmem_free(mi, sizeof(*mi));
}

static struct mount *
mountlist_advance(mount_iterator_t *mi, int (*busy)(struct mount *))
{
	struct mount_impl *next;

	if (mi->mit_current != NULL) {
		vfs_unbusy(mi->mit_current);
		mi->mit_current = NULL;
	}
	while ((next = TAILQ_NEXT(&mi->mit_marker, mi_list)) != NULL) {
		TAILQ_REMOVE(&mountlist, &mi->mit_marker, mi_list);
		TAILQ_INSERT_AFTER(&mountlist, next, &mi->mit_marker,
		    mi_list);
		if (!next->mi_listed)
			continue;		/* another iterator */
		if ((*busy)(&next->mi_mount) != 0)
			continue;
		mi->mit_current = &next->mi_mount;
		return mi->mit_current;
	}
	return NULL;
}

/* The next mount, busy until the call after. */
struct mount *
mountlist_iterator_next(mount_iterator_t *mi)
{
	return mountlist_advance(mi, vfs_busy);
}

struct mount *
mountlist_iterator_trynext(mount_iterator_t *mi)
{
	return mountlist_advance(mi, vfs_trybusy);
}

/* By file system id, or NULL; without a reference. */
struct mount *
vfs_getvfs(fsid_t *fsid)
{
	struct mount_impl *mi;

	TAILQ_FOREACH(mi, &mountlist, mi_list) {
		fsid_t *have = &mi->mi_mount.mnt_stat.f_fsidx;

		if (mi->mi_listed &&
		    have->__fsid_val[0] == fsid->__fsid_val[0] &&
		    have->__fsid_val[1] == fsid->__fsid_val[1])
			return &mi->mi_mount;
	}
	return NULL;
}

/* mount(2) */

/* Processes that stand in the directory now stand in the new root. */
static void
mount_checkdirs(struct vnode *olddp)
{
	struct vnode *newdp;
	struct proc *p;

	if (olddp->v_usecount == 1 || olddp->v_mountedhere == NULL)
		return;
	if (VFS_ROOT(olddp->v_mountedhere, LK_NONE, &newdp) != 0)
		return;
	LIST_FOREACH(p, &allproc, p_list) {
		struct cwdinfo *cwdi = p->p_cwdi;

		if (cwdi == NULL)
			continue;
		if (cwdi->cwdi_cdir == olddp) {
			vref(newdp);
			cwdi->cwdi_cdir = newdp;
			vrele(olddp);
		}
		if (cwdi->cwdi_rdir == olddp) {
			vref(newdp);
			cwdi->cwdi_rdir = newdp;
			vrele(olddp);
		}
	}
	vrele(newdp);
}

/*
 * Some keep extended attributes in files of their own, which they open when
 * they are told and not before; the others don't know what this is about.
 */
static void
mount_extattr(struct mount *mp, bool was)
{
	const bool wanted = (mp->mnt_flag & MNT_EXTATTR) != 0;
	int error;

	if (wanted == was)
		return;
	error = VFS_EXTATTRCTL(mp, wanted ? EXTATTR_CMD_START :
	    EXTATTR_CMD_STOP, NULL, 0, NULL);
	if (error == 0 || error == EOPNOTSUPP)
		return;
	printf("%s: extended attributes cannot be %s: error %d\n",
	    mp->mnt_stat.f_mntonname, wanted ? "started" : "stopped", error);
	mp->mnt_flag ^= MNT_EXTATTR;
}

static void
mount_syncer(struct mount *mp)
{
	bool wanted = (mp->mnt_flag & (MNT_RDONLY | MNT_ASYNC)) == 0;
	bool listed = (mp->mnt_iflag & IMNT_ONWORKLIST) != 0;

	if (wanted && !listed)
		vfs_syncer_add_to_worklist(mp);
	else if (!wanted && listed)
		vfs_syncer_remove_from_worklist(mp);
}

/* Those who may mount without being root get no devices and no set-ids. */
static int
mount_authorize(struct lwp *l, enum kauth_system_req req, void *what,
    int *flags, void *data)
{
	int error;

	error = kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_MOUNT, req,
	    what, (void *)(uintptr_t)*flags, data);
	if (error != 0)
		return error;
	if (kauth_authorize_generic(l->l_cred, KAUTH_GENERIC_ISSUSER,
	    NULL) != 0)
		*flags |= MNT_NODEV | MNT_NOSUID;
	return 0;
}

static int
mount_check_point(struct lwp *l, struct vnode *vp)
{
	int error;

	if (vp->v_type != VDIR)
		return ENOTDIR;
	error = vn_lock(vp, LK_EXCLUSIVE);
	if (error != 0)
		return error;
	error = vinvalbuf(vp, V_SAVE, l->l_cred, l, false, 0);
	VOP_UNLOCK(vp);
	return error;
}

static void
mount_discard(struct mount *mp)
{
	struct vnode *covered = mp->mnt_vnodecovered;

	mp->mnt_iflag |= IMNT_GONE;
	mp->mnt_vnodecovered = NULL;
	mutex_exit(mp->mnt_updating);
	vfs_rele(mp);
	vrele(covered);
}

/*
 * Let the file system mount itself, then show it.  On failure the mount and
 * its reference to the directory are gone.
 */
static int
mount_new(struct lwp *l, struct mount *mp, struct vnode *vp,
    const char *path, void *data, size_t *len)
{
	int error;

	mutex_enter(mp->mnt_updating);
	error = VFS_MOUNT(mp, path, data, len);
	mp->mnt_flag &= (int)~MNT_OP_FLAGS;
	if (error != 0) {
		mount_discard(mp);
		return error;
	}
	cache_purge(vp);
	if (vp->v_mountedhere != NULL || vnode_state(vp) != VS_LOADED) {
		error = vnode_state(vp) != VS_LOADED ? ENOENT : EBUSY;
		if (VFS_UNMOUNT(mp, MNT_FORCE) != 0)
			panic("mount: cannot undo %s",
			    mp->mnt_op->vfs_name);
		mount_discard(mp);
		return error;
	}
	mountlist_append(mp);
	vp->v_mountedhere = mp;
	mount_syncer(mp);
	mutex_exit(mp->mnt_updating);

	vfs_ref(mp);
	mount_checkdirs(vp);
	(void)VFS_STATVFS(mp, &mp->mnt_stat);
	error = VFS_START(mp, 0);
	if (error != 0)
		(void)dounmount(mp, MNT_FORCE, l);
	else
		mount_extattr(mp, false);
	vfs_rele(mp);
	return error;
}

static int
mount_domount(struct lwp *l, struct vnode *vp, struct vfsops *ops,
    const char *path, int flags, void *data, size_t *len)
{
	struct mount *mp;
	int error;

	if (flags & MNT_EXPORTED)
		error = EINVAL;
	else
		error = mount_authorize(l, KAUTH_REQ_SYSTEM_MOUNT_NEW, vp,
		    &flags, data);
	if (error == 0)
		error = mount_check_point(l, vp);
	if (error != 0) {
		vfs_delref(ops);
		return error;
	}
	vref(vp);
	mp = mount_alloc(ops, vp);
	mp->mnt_stat.f_owner = kauth_cred_geteuid(l->l_cred);
	mp->mnt_flag = flags & (int)(MNT_BASIC_FLAGS | MNT_FORCE |
	    MNT_IGNORE);
	return mount_new(l, mp, vp, path, data, len);
}

/*
 * Change the flags and let the file system follow.  On its way to read-only
 * it may still write: it is told by IMNT_WANTRDONLY, and the flag comes last.
 */
static int
mount_change(struct mount *mp, const char *path, int flags, void *data,
    size_t *len)
{
	const int saved = mp->mnt_flag;
	int error;

	mp->mnt_flag &= (int)~(MNT_OP_FLAGS | MNT_BASIC_FLAGS);
	mp->mnt_flag |= flags & (int)(MNT_OP_FLAGS | MNT_BASIC_FLAGS);
	if ((saved & MNT_RDONLY) && (flags & MNT_RDONLY) == 0)
		mp->mnt_iflag |= IMNT_WANTRDWR;
	if ((saved & MNT_RDONLY) == 0 && (flags & MNT_RDONLY)) {
		mp->mnt_iflag |= IMNT_WANTRDONLY;
		mp->mnt_flag &= ~MNT_RDONLY;
	}
	error = VFS_MOUNT(mp, path, data, len);
	if (error == 0 && (flags & MNT_EXPORTED))
		error = vfs_hooks_reexport(mp, path, data);
	if (error != 0)
		mp->mnt_flag = saved;
	else if (mp->mnt_iflag & IMNT_WANTRDONLY)
		mp->mnt_flag |= MNT_RDONLY;
	mp->mnt_flag &= (int)~MNT_OP_FLAGS;
	mp->mnt_iflag &= ~(IMNT_WANTRDWR | IMNT_WANTRDONLY);
	return error;
}

/* While nobody else is inside: the file system may rely on that. */
static int
mount_update(struct lwp *l, struct vnode *vp, const char *path, int flags,
    void *data, size_t *len)
{
	struct mount *mp = vp->v_mount;
	bool extattr, suspended;
	int error;

	if ((vp->v_vflag & VV_ROOT) == 0)
		return EINVAL;
	if ((flags & MNT_RELOAD) && (mp->mnt_flag & MNT_RDONLY) == 0)
		return EOPNOTSUPP;
	if ((flags & MNT_RDONLY) && (mp->mnt_flag & MNT_RDONLY) == 0 &&
	    (mp->mnt_iflag & IMNT_CAN_RWTORO) == 0)
		return EOPNOTSUPP;
	error = mount_authorize(l, KAUTH_REQ_SYSTEM_MOUNT_UPDATE, mp, &flags,
	    data);
	if (error != 0)
		return error;
	vfs_ref(mp);
	error = vfs_suspend(mp, 0);
	if (error != 0 && error != EOPNOTSUPP) {
		vfs_rele(mp);
		return error;
	}
	suspended = error == 0;
	mutex_enter(mp->mnt_updating);
	extattr = (mp->mnt_flag & MNT_EXTATTR) != 0;
	error = (mp->mnt_iflag & IMNT_GONE) ? ENOENT :
	    mount_change(mp, path, flags, data, len);
	if (error == 0)
		mount_syncer(mp);
	mutex_exit(mp->mnt_updating);
	if (suspended)
		vfs_resume(mp);
	if (error == 0)
		mount_extattr(mp, extattr);
	vfs_rele(mp);
	return error;
}

/* MNT_GETARGS: the file system writes its arguments over the buffer. */
static int
mount_getargs(struct lwp *l, struct vnode *vp, const char *path, int flags,
    void *data, size_t *len)
{
	struct mount *mp = vp->v_mount;
	int error, saved;

	if (flags & ~MNT_GETARGS)
		return EINVAL;
	error = vfs_busy(mp);
	if (error != 0)
		return EPERM;
	error = kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_MOUNT,
	    KAUTH_REQ_SYSTEM_MOUNT_GET, mp, data, NULL);
	if (error == 0) {
		mutex_enter(mp->mnt_updating);
		saved = mp->mnt_flag;
		mp->mnt_flag &= (int)~MNT_OP_FLAGS;
		mp->mnt_flag |= MNT_GETARGS;
		error = VFS_MOUNT(mp, path, data, len);
		mp->mnt_flag = saved;
		mutex_exit(mp->mnt_updating);
	}
	vfs_unbusy(mp);
	return error;
}

/* The type by name, from a module if there is one. */
static int
mount_find_type(const char *type, enum uio_seg seg, struct vfsops **opsp)
{
	char name[32];
	int error;

	if (seg == UIO_USERSPACE)
		error = copyinstr(type, name, sizeof(name), NULL);
	else
		error = copystr(type, name, sizeof(name), NULL);
	if (error == ENAMETOOLONG)
		return ENODEV;
	if (error != 0)
		return error;
	if (strcmp(name, "ufs") == 0)
		strlcpy(name, MOUNT_UFS, sizeof(name));
	*opsp = vfs_getopsbyname(name);
	if (*opsp != NULL)
		return 0;
	(void)module_autoload(name, MODULE_CLASS_VFS);
	*opsp = vfs_getopsbyname(name);
	return *opsp != NULL ? 0 : ENODEV;
}

/* A kernel copy of the arguments, as large as the type wants at least. */
static int
mount_copyin(struct vfsops *ops, int flags, void *data, enum uio_seg seg,
    size_t *lenp, void **bufp, size_t *sizep)
{
	size_t len = *lenp, size;
	int error = 0;
	void *buf;

	*bufp = NULL;
	*sizep = 0;
	if (data == NULL)
		return 0;
	if (len == 0)
		len = ops->vfs_min_mount_data;
	if (len > VFS_MAX_MOUNT_DATA)
		return EINVAL;
	size = MAX(len, ops->vfs_min_mount_data);
	if (size == 0)
		return 0;
	buf = kmem_zalloc(size, KM_SLEEP);
	if ((flags & MNT_GETARGS) == 0) {
		if (seg == UIO_USERSPACE)
			error = copyin(data, buf, len);
		else
			memcpy(buf, data, len);
	}
	if (error != 0) {
		kmem_free(buf, size);
		return error;
	}
	*bufp = buf;
	*sizep = size;
	*lenp = len;
	return 0;
}

static int
mount_dispatch(struct lwp *l, struct vnode *vp, struct vfsops *ops,
    const char *path, int flags, void *buf, size_t *len)
{
	if (flags & MNT_GETARGS)
		return mount_getargs(l, vp, path, flags, buf, len);
	if (flags & MNT_UPDATE)
		return mount_update(l, vp, path, flags, buf, len);
	return mount_domount(l, vp, ops, path, flags, buf, len);
}

int
do_sys_mount(struct lwp *l, const char *type, enum uio_seg type_seg,
    const char *path, int flags, void *data, enum uio_seg data_seg,
    size_t data_len, register_t *retval)
{
	struct vfsops *ops = NULL;
	struct pathbuf *pb;
	struct vnode *vp;
	size_t bufsize;
	void *buf;
	int error;

	error = pathbuf_maybe_copyin(path, UIO_USERSPACE, &pb);
	if (error != 0)
		return error;
	error = nameiat_simple(NULL, pb, NSM_FOLLOW_NOEMULROOT, &vp);
	pathbuf_destroy(pb);
	if (error != 0)
		return error;
	if (flags & (MNT_GETARGS | MNT_UPDATE)) {
		ops = vp->v_mount->mnt_op;
		ops->vfs_refcount++;
	} else {
		error = mount_find_type(type, type_seg, &ops);
	}
	if (error == 0)
		error = mount_copyin(ops, flags, data, data_seg, &data_len,
		    &buf, &bufsize);
	if (error != 0) {
		if (ops != NULL)
			vfs_delref(ops);
		vrele(vp);
		return error;
	}
	error = mount_dispatch(l, vp, ops, path, flags, buf, &data_len);
	if (flags & (MNT_GETARGS | MNT_UPDATE))
		vfs_delref(ops);	/* else the new mount has it */
	if (error == 0 && (flags & MNT_GETARGS)) {
		data_len = MIN(data_len, bufsize);
		if (data_seg == UIO_USERSPACE)
			error = copyout(buf, data, data_len);
		else
			memcpy(data, buf, data_len);
		*retval = (register_t)data_len;
	}
	if (buf != NULL)
		kmem_free(buf, bufsize);
	vrele(vp);
	return error;
}

/* unmount(2) */

static bool
mount_has_vnodes(struct mount *mp)
{
	struct vnode_impl *vip;

	TAILQ_FOREACH(vip, &mp->mnt_vnodelist, vi_mntvnodes) {
		if (vip->vi_state == VS_MARKER)
			continue;
		vprint("unmount", VIMPL_TO_VNODE(vip));
		return true;
	}
	return false;
}

/* The file system is suspended (if it can be) and mnt_updating is held. */
static int
unmount_locked(struct mount *mp, int flags, struct lwp *l)
{
	int async = mp->mnt_flag & MNT_ASYNC;
	bool syncer = (mp->mnt_iflag & IMNT_ONWORKLIST) != 0;
	int error = 0;

	if (syncer)
		vfs_syncer_remove_from_worklist(mp);
	mp->mnt_iflag |= IMNT_UNMOUNT;
	mp->mnt_flag &= ~MNT_ASYNC;
	cache_purgevfs(mp);
	if ((mp->mnt_flag & MNT_RDONLY) == 0)
		error = VFS_SYNC(mp, MNT_WAIT, l->l_cred);
	if (error == 0 || (flags & MNT_FORCE))
		error = VFS_UNMOUNT(mp, flags);
	mp->mnt_iflag &= ~IMNT_UNMOUNT;
	if (error != 0) {
		mp->mnt_flag |= async;
		if (syncer)
			vfs_syncer_add_to_worklist(mp);
	}
	return error;
}

/*
 * Unmount.  The caller has a reference to the mount; the one that the mount
 * list stands for is dropped on success.
 */
int
dounmount(struct mount *mp, int flags, struct lwp *l)
{
	struct vnode *covered;
	bool suspended, barred;
	int error;

	error = vfs_suspend(mp, 0);
	if (error != 0 && error != EOPNOTSUPP && error != EWOULDBLOCK)
		return error;
	suspended = error == 0;
	/* Who cannot be suspended is kept out at least. */
	barred = error == EOPNOTSUPP && mp->mnt_lower == NULL;
	if (barred && (error = fstrans_setstate(mp, FSTRANS_SUSPENDED)) != 0)
		return error;
	mutex_enter(mp->mnt_updating);
	if (mp->mnt_iflag & IMNT_GONE)
		error = ENOENT;
	else
		error = unmount_locked(mp, flags, l);
	if (error != 0) {
		mutex_exit(mp->mnt_updating);
		if (suspended)
			vfs_resume(mp);
		if (barred)
			(void)fstrans_setstate(mp, FSTRANS_NORMAL);
		if (error != ENOENT)
			mount_extattr(mp, false);	/* it has closed them */
		return error;
	}
	if (mount_has_vnodes(mp))
		panic("unmount %s: vnodes are left",
		    mp->mnt_stat.f_mntonname);
	mp->mnt_iflag |= IMNT_GONE;
	covered = mp->mnt_vnodecovered;
	if (covered != NULL)
		covered->v_mountedhere = NULL;
	mp->mnt_vnodecovered = NULL;
	mountlist_remove(mp);
	vfs_hooks_unmount(mp);
	mutex_exit(mp->mnt_updating);
	if (suspended)
		vfs_resume(mp);
	if (barred)
		(void)fstrans_setstate(mp, FSTRANS_NORMAL);
	(void)vfs_set_lowermount(mp, NULL);
	if (covered != NULL)
		vrele(covered);
	vfs_rele(mp);
	return 0;
}

/* The host's own way to mounts, by number. */

static struct mount *
mount_by_gen(uint64_t gen)
{
	struct mount_impl *mi;

	TAILQ_FOREACH(mi, &mountlist, mi_list)
		if (mi->mi_listed && mi->mi_mount.mnt_gen == gen)
			return &mi->mi_mount;
	return NULL;
}

/* The number of the mount whose root the path is. */
int
kern_mount_find(struct door_mount *d)
{
	struct vnode *vp;
	int error;

	error = at_lookup(AT_FDCWD, d->path, FOLLOW, &vp);
	if (error != 0)
		return error;
	if (vp->v_vflag & VV_ROOT)
		d->gen = vp->v_mount->mnt_gen;
	else
		error = EINVAL;
	vrele(vp);
	return error;
}

int
kern_mount_live(struct door_mount *d)
{
	return mount_by_gen(d->gen) != NULL ? 0 : ENOENT;
}

/* Whether directories are to have no access times. */
int
kern_mount_nodiratime(struct door_mount *d)
{
	struct mount *mp = mount_by_gen(d->gen);

	if (mp == NULL)
		return ENOENT;
	if ((mp->mnt_iflag & RUMPY_IMNT_CAN_NODIRATIME) == 0)
		return EOPNOTSUPP;
	if (d->flags != 0)
		mp->mnt_iflag |= RUMPY_IMNT_NODIRATIME;
	else
		mp->mnt_iflag &= ~RUMPY_IMNT_NODIRATIME;
	return 0;
}

int
kern_mount_end(struct door_mount *d)
{
	struct mount *mp = mount_by_gen(d->gen);
	int error;

	if (mp == NULL || (mp->mnt_flag & MNT_ROOTFS))
		return ENOENT;
	vfs_ref(mp);
	error = dounmount(mp, d->flags & MNT_FORCE, curlwp);
	vfs_rele(mp);
	return error;
}

/* Shutdown. */

void
vfs_sync_all(struct lwp *l)
{
	mount_iterator_t *iter;
	struct mount *mp;
	int async;

	mountlist_iterator_init(&iter);
	while ((mp = mountlist_iterator_next(iter)) != NULL) {
		if (mp->mnt_flag & MNT_RDONLY)
			continue;
		mutex_enter(mp->mnt_updating);
		async = mp->mnt_flag & MNT_ASYNC;
		mp->mnt_flag &= ~MNT_ASYNC;
		(void)VFS_SYNC(mp, MNT_NOWAIT, l->l_cred);
		mp->mnt_flag |= async;
		mutex_exit(mp->mnt_updating);
	}
	mountlist_iterator_destroy(iter);
}

static bool
unmount_last(struct lwp *l, int flags, bool verbose, uint64_t below,
    uint64_t *gen, bool *done)
{
	struct mount_impl *mi;
	struct mount *mp = NULL;
	int error;

	TAILQ_FOREACH(mi, &mountlist, mi_list)
		if (mi->mi_listed && mi->mi_mount.mnt_gen < below &&
		    (mp == NULL || mi->mi_mount.mnt_gen > mp->mnt_gen) &&
		    (mi->mi_mount.mnt_flag & MNT_ROOTFS) == 0)
			mp = &mi->mi_mount;
	*done = mp == NULL;
	if (*done)
		return true;
	*gen = mp->mnt_gen;
	vfs_ref(mp);
	error = dounmount(mp, flags, l);
	if (error != 0 && verbose)
		printf("unmount of %s failed: error %d\n",
		    mp->mnt_stat.f_mntonname, error);
	vfs_rele(mp);
	return error == 0;
}

/* Unmount everything, the youngest first; true if nothing is left. */
bool
vfs_unmountall1(struct lwp *l, bool force, bool verbose)
{
	uint64_t gen = UINT64_MAX;
	bool all = true, done;

	do {
		all &= unmount_last(l, force ? MNT_FORCE : 0, verbose, gen,
		    &gen, &done);
	} while (!done);
	return all;
}

bool
vfs_unmountall(struct lwp *l)
{
	return vfs_unmountall1(l, true, true);
}

void
vfs_shutdown(void)
{
	struct lwp *l = curlwp;

	vfs_sync_all(l);
	(void)vfs_unmountall(l);
}
