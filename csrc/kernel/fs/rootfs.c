/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rootfs: the small file system in memory that every kernel starts with.
 *
 * It has everything that names need (directories, devices, FIFOs, symbolic
 * links, regular files), and is meant for /dev, mount points and a few files,
 * not for bulk data.  This file has the nodes, the directories and the file
 * system operations; rootfs_vnops.c, rootfs_data.c and rootfs_rename.c the
 * rest.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/filedesc.h>
#include <sys/fstypes.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/statvfs.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#include <lib/libkern/libkern.h>

#include <miscfs/genfs/genfs.h>
#include <miscfs/specfs/specdev.h>

#include "core/pages.h"
#include "fs/rootfs.h"
#include "vfs/vfs_boot.h"

static struct rootfs_node *rootfs_root;
static ino_t rootfs_nextino = 2;
static u_int rootfs_nnodes;

/* Set any of a node's times to now. */
void
rootfs_touch(struct rootfs_node *rn, int what)
{
	struct timespec now;

	vfs_timestamp(&now);
	if ((what & ROOTFS_ACCESSED) != 0)
		rn->rn_atime = now;
	if ((what & ROOTFS_MODIFIED) != 0)
		rn->rn_mtime = now;
	if ((what & (ROOTFS_MODIFIED | ROOTFS_CHANGED)) != 0)
		rn->rn_ctime = now;
}

struct rootfs_node *
rootfs_node_create(enum vtype type, const struct vattr *vap)
{
	struct rootfs_node *rn = kmem_zalloc(sizeof(*rn), KM_SLEEP);

	rn->rn_self = rn;
	rn->rn_type = type;
	rn->rn_ino = rootfs_nextino++;
	rn->rn_mode = vap->va_mode & ALLPERMS;
	rn->rn_uid = vap->va_uid;
	rn->rn_gid = vap->va_gid;
	if (type == VBLK || type == VCHR)
		rn->rn_rdev = vap->va_rdev;
	TAILQ_INIT(&rn->rn_entries);
	rn->rn_nextcookie = ROOTFS_COOKIE_FIRST;
	rootfs_touch(rn, ROOTFS_ACCESSED | ROOTFS_MODIFIED);
	rn->rn_birthtime = rn->rn_mtime;
	rootfs_nnodes++;
	return rn;
}

void
rootfs_node_destroy(struct rootfs_node *rn)
{

	KASSERT(rn->rn_nlink == 0);
	KASSERT(rn->rn_vnode == NULL);
	KASSERT(TAILQ_EMPTY(&rn->rn_entries));
	rootfs_data_free(rn);
	if (rn->rn_target != NULL)
		kmem_free(rn->rn_target, rn->rn_size + 1);
	kmem_free(rn, sizeof(*rn));
	rootfs_nnodes--;
}

int
rootfs_get_vnode(struct mount *mp, struct rootfs_node *rn, struct vnode **vpp)
{

	return vcache_get(mp, &rn, sizeof(rn), vpp);
}

struct rootfs_entry *
rootfs_find(struct rootfs_node *dir, const char *name, size_t len)
{
	struct rootfs_entry *re;

	TAILQ_FOREACH(re, &dir->rn_entries, re_entry)
		if (re->re_namelen == len &&
		    memcmp(re->re_name, name, len) == 0)
			return re;
	return NULL;
}

/* Give NODE a name in DIR. */
void
rootfs_enter(struct rootfs_node *dir, struct rootfs_node *node,
    const char *name, size_t len)
{
	struct rootfs_entry *re;

	KASSERT(rootfs_find(dir, name, len) == NULL);
	re = kmem_alloc(sizeof(*re) + len + 1, KM_SLEEP);
	memcpy(re->re_name, name, len);
	re->re_name[len] = '\0';
	re->re_namelen = len;
	re->re_node = node;
	re->re_cookie = dir->rn_nextcookie++;
	TAILQ_INSERT_TAIL(&dir->rn_entries, re, re_entry);
	dir->rn_size += len;
	if (node->rn_nlink++ > 0)	/* what is new has its times already */
		rootfs_touch(node, ROOTFS_CHANGED);
	if (node->rn_type == VDIR) {
		node->rn_parent = dir;
		node->rn_nlink++;	/* its "." */
		dir->rn_nlink++;	/* its ".." */
	}
	rootfs_touch(dir, ROOTFS_MODIFIED);
}

/* Take a name away; the node stays for whoever has its vnode. */
void
rootfs_remove(struct rootfs_node *dir, struct rootfs_entry *re)
{
	struct rootfs_node *node = re->re_node;

	TAILQ_REMOVE(&dir->rn_entries, re, re_entry);
	dir->rn_size -= re->re_namelen;
	kmem_free(re, sizeof(*re) + re->re_namelen + 1);
	node->rn_nlink--;
	if (node->rn_type == VDIR) {
		node->rn_parent = NULL;
		node->rn_nlink--;
		dir->rn_nlink--;
	}
	rootfs_touch(dir, ROOTFS_MODIFIED);
	rootfs_touch(node, ROOTFS_CHANGED);
}

/*
 * File system operations.
 */
static int
rootfs_mount(struct mount *mp, const char *path, void *data, size_t *len)
{

	/* It is there once, from the boot on. */
	return (mp->mnt_flag & MNT_GETARGS) != 0 ? 0 : EOPNOTSUPP;
}

static int
rootfs_start(struct mount *mp, int flags)
{

	return 0;
}

static int
rootfs_unmount(struct mount *mp, int flags)
{

	return EBUSY;
}

static int
rootfs_getroot(struct mount *mp, int lktype, struct vnode **vpp)
{
	int error;

	error = rootfs_get_vnode(mp, rootfs_root, vpp);
	if (error == 0 && lktype != LK_NONE)
		error = vn_lock(*vpp, lktype);
	if (error != 0) {
		if (*vpp != NULL)
			vrele(*vpp);
		*vpp = NULL;
	}
	return error;
}

static int
rootfs_statvfs(struct mount *mp, struct statvfs *sbp)
{
	const size_t total = physmem, reserve = rootfs_data_reserve();
	const size_t avail = kpage_avail() - MIN(kpage_avail(), reserve);

	sbp->f_bsize = sbp->f_frsize = sbp->f_iosize = PAGE_SIZE;
	sbp->f_blocks = total;
	sbp->f_bfree = sbp->f_bavail = avail;
	sbp->f_files = rootfs_nnodes + avail;
	sbp->f_ffree = sbp->f_favail = avail;
	copy_statvfs_info(sbp, mp);
	return 0;
}

static int
rootfs_sync(struct mount *mp, int waitfor, kauth_cred_t cred)
{

	return 0;	/* memory is all the storage there is */
}

static void
init_vnode(struct mount *mp, struct vnode *vp, struct rootfs_node *rn)
{

	vp->v_tag = VT_RUMP;
	vp->v_type = rn->rn_type;
	vp->v_data = rn;
	vp->v_op = rootfs_vnodeop_p;
	if (rn->rn_type == VBLK || rn->rn_type == VCHR) {
		vp->v_op = rootfs_specop_p;
		spec_node_init(vp, rn->rn_rdev);
	} else if (rn->rn_type == VFIFO)
		vp->v_op = rootfs_fifoop_p;
	if (rn == rootfs_root)
		vp->v_vflag |= VV_ROOT;
	rn->rn_vnode = vp;
	uvm_vnp_setsize(vp, rn->rn_type == VREG ? rn->rn_size : 0);
	cache_enter_id(vp, rn->rn_mode, rn->rn_uid, rn->rn_gid, true);
}

static int
rootfs_loadvnode(struct mount *mp, struct vnode *vp, const void *key,
    size_t keylen, const void **newkey)
{
	struct rootfs_node *rn;

	KASSERT(keylen == sizeof(rn));
	memcpy(&rn, key, sizeof(rn));
	init_vnode(mp, vp, rn);
	*newkey = &rn->rn_self;
	return 0;
}

static int
rootfs_newvnode(struct mount *mp, struct vnode *dvp, struct vnode *vp,
    struct vattr *vap, kauth_cred_t cred, void *extra, size_t *keylen,
    const void **newkey)
{
	struct rootfs_node *rn;

	KASSERT(vap->va_type != VNON);
	vap->va_uid = kauth_cred_geteuid(cred);
	vap->va_gid = VTORN(dvp)->rn_gid;
	/* Nobody makes programs that run as a group he is not in. */
	if (vap->va_type != VDIR && kauth_cred_geteuid(cred) != 0 &&
	    kauth_cred_groupmember(cred, vap->va_gid) != 0)
		vap->va_mode &= ~(mode_t)S_ISGID;
	rn = rootfs_node_create(vap->va_type, vap);
	init_vnode(mp, vp, rn);
	*keylen = sizeof(rn);
	*newkey = &rn->rn_self;
	return 0;
}

/* What a file handle holds: node addresses are never told to others. */
static int
rootfs_fhtovp(struct mount *mp, struct fid *fid, int lktype,
    struct vnode **vpp)
{

	return EOPNOTSUPP;
}

static int
rootfs_vptofh(struct vnode *vp, struct fid *fid, size_t *len)
{

	return EOPNOTSUPP;
}

static void
rootfs_init(void)
{
}

static const struct vnodeopv_desc * const rootfs_vnodeopv_descs[] = {
	&rootfs_vnodeop_opv_desc,
	&rootfs_specop_opv_desc,
	&rootfs_fifoop_opv_desc,
	NULL,
};

static struct vfsops rootfs_vfsops = {
	.vfs_name = "rootfs",
	.vfs_min_mount_data = 0,
	.vfs_mount = rootfs_mount,
	.vfs_start = rootfs_start,
	.vfs_unmount = rootfs_unmount,
	.vfs_root = rootfs_getroot,
	.vfs_quotactl = (void *)eopnotsupp,
	.vfs_statvfs = rootfs_statvfs,
	.vfs_sync = rootfs_sync,
	.vfs_vget = (void *)eopnotsupp,
	.vfs_loadvnode = rootfs_loadvnode,
	.vfs_newvnode = rootfs_newvnode,
	.vfs_fhtovp = rootfs_fhtovp,
	.vfs_vptofh = rootfs_vptofh,
	.vfs_init = rootfs_init,
	.vfs_done = rootfs_init,
	.vfs_snapshot = (void *)eopnotsupp,
	.vfs_extattrctl = vfs_stdextattrctl,
	.vfs_suspendctl = genfs_suspendctl,
	.vfs_renamelock_enter = genfs_renamelock_enter,
	.vfs_renamelock_exit = genfs_renamelock_exit,
	.vfs_fsync = (void *)eopnotsupp,
	.vfs_opv_descs = rootfs_vnodeopv_descs,
};

static struct rootfs_node *
make_node(struct rootfs_node *dir, const char *name, enum vtype type,
    mode_t mode, dev_t rdev)
{
	struct vattr va;
	struct rootfs_node *rn;

	vattr_null(&va);
	va.va_mode = mode;
	va.va_uid = 0;
	va.va_gid = 0;
	va.va_rdev = rdev;
	rn = rootfs_node_create(type, &va);
	if (dir != NULL)
		rootfs_enter(dir, rn, name, strlen(name));
	return rn;
}

static struct rootfs_node *
dev_directory(void)
{
	struct rootfs_entry *re = rootfs_find(rootfs_root, "dev", 3);

	return re != NULL && re->re_node->rn_type == VDIR ? re->re_node : NULL;
}

/* Drivers put their nodes into /dev. */
int
rootfs_make_device(const char *name, enum vtype type, mode_t mode, dev_t rdev)
{
	struct rootfs_node *dir = dev_directory();

	KASSERT(type == VBLK || type == VCHR);
	if (dir == NULL)
		return ENOENT;
	if (rootfs_find(dir, name, strlen(name)) != NULL)
		return EEXIST;
	make_node(dir, name, type, mode, rdev);
	if (dir->rn_vnode != NULL)	/* forget that it was not there */
		cache_purge1(dir->rn_vnode, NULL, 0, PURGE_CHILDREN);
	return 0;
}

int
rootfs_remove_device(const char *name)
{
	struct rootfs_node *dir = dev_directory(), *rn;
	struct rootfs_entry *re;

	re = dir != NULL ? rootfs_find(dir, name, strlen(name)) : NULL;
	if (re == NULL)
		return ENOENT;
	rn = re->re_node;
	if (rn->rn_type != VBLK && rn->rn_type != VCHR)
		return EINVAL;
	rootfs_remove(dir, re);
	if (dir->rn_vnode != NULL)
		cache_purge1(dir->rn_vnode, NULL, 0, PURGE_CHILDREN);
	if (rn->rn_nlink == 0 && rn->rn_vnode == NULL)
		rootfs_node_destroy(rn);
	return 0;
}

/*
 * Make the root file system, with an empty /dev, and mount it as /.
 */
int
vfs_mountroot(void)
{
	struct mount *mp;
	struct vnode *vp;
	int error;

	error = vfs_attach(&rootfs_vfsops);
	if (error == 0)
		error = vfs_rootmountalloc("rootfs", "rootfs", &mp);
	if (error != 0)
		return error;
	rootfs_root = make_node(NULL, NULL, VDIR, 0755, NODEV);
	rootfs_root->rn_nlink = 2;
	rootfs_root->rn_parent = rootfs_root;
	make_node(rootfs_root, "dev", VDIR, 0755, NODEV);
	mp->mnt_flag = MNT_LOCAL | MNT_ROOTFS;
	mp->mnt_iflag |= IMNT_MPSAFE | IMNT_NCLOOKUP | IMNT_SHRLOOKUP;
	/* nilfs reads its superblock in blocks of what /dev is on. */
	mp->mnt_fs_bshift = PAGE_SHIFT;
	mp->mnt_dev_bshift = DEV_BSHIFT;
	mp->mnt_stat.f_fsidx.__fsid_val[0] = 1;
	mp->mnt_stat.f_fsidx.__fsid_val[1] = makefstype("rootfs");
	mp->mnt_stat.f_fsid = 1;
	mp->mnt_stat.f_namemax = NAME_MAX;
	mountlist_append(mp);
	vfs_unbusy(mp);
	error = VFS_ROOT(mp, LK_NONE, &vp);
	if (error != 0)
		return error;
	rootvnode = vp;
	vref(vp);
	cwdi0.cwdi_cdir = vp;
	return VFS_STATVFS(mp, &mp->mnt_stat);
}
