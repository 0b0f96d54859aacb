/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A file system that is compiled against NetBSD's own headers, not against
 * ours: whatever it inlines, every offset, macro and argument structure, is
 * NetBSD's.  One directory with one file; reading them is the test.
 *
 * The package that has the headers lacks some; netbsd_headers.py says what is
 * needed of those.
 */

#include <sys/param.h>
#include <sys/types.h>
#include <sys/systm.h>
#include <sys/kauth.h>
#include <sys/queue.h>
#include <sys/rbtree.h>
#include <sys/mutex.h>
#include <sys/rwlock.h>
#include <sys/condvar.h>
#include <sys/callout.h>
#include <sys/kmem.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/lwp.h>
#include <sys/module.h>
#include <sys/sysctl.h>
#include <sys/vnode.h>
#include <sys/mount.h>
#include <sys/dirent.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>
#include <miscfs/specfs/specdev.h>

#define	ROOT_INO	2
#define	FILE_INO	3

static const char content[] = "NetBSD's headers made this\n";

struct foreign_node {
	struct	genfs_node fn_genfs;	/* where genfs looks for it */
	ino_t	fn_ino;
	rb_node_t fn_tree;
	TAILQ_ENTRY(foreign_node) fn_list;
};

struct foreign_mount {
	kmutex_t fm_lock;
	kcondvar_t fm_cv;
	rb_tree_t fm_tree;
	TAILQ_HEAD(, foreign_node) fm_nodes;
	int	fm_loaded;
};

static struct pool foreign_pool;
static pool_cache_t foreign_cache;
static struct sysctllog *foreign_log;
static int foreign_reads;

static int
node_compare(void *ctx, const void *a, const void *b)
{
	const struct foreign_node *x = a, *y = b;

	return x->fn_ino < y->fn_ino ? -1 : x->fn_ino > y->fn_ino;
}

static int
node_compare_key(void *ctx, const void *a, const void *key)
{
	const struct foreign_node *x = a;
	const ino_t *ino = key;

	return x->fn_ino < *ino ? -1 : x->fn_ino > *ino;
}

static const rb_tree_ops_t foreign_tree_ops = {
	.rbto_compare_nodes = node_compare,
	.rbto_compare_key = node_compare_key,
	.rbto_node_offset = offsetof(struct foreign_node, fn_tree),
};

static const struct genfs_ops foreign_genfsops = {
	.gop_size = genfs_size,
};

static int (**foreign_vnodeop_p)(void *);
extern struct vfsops foreign_vfsops;

/* --- vnode operations --------------------------------------------------- */

static int
foreign_lookup(void *v)
{
	struct vop_lookup_v2_args *ap = v;
	struct componentname *cnp = ap->a_cnp;
	ino_t ino = 0;

	*ap->a_vpp = NULL;
	if (ap->a_dvp->v_type != VDIR)
		return ENOTDIR;
	if (cnp->cn_namelen == 1 && cnp->cn_nameptr[0] == '.')
		ino = ROOT_INO;
	else if (cnp->cn_namelen == 5 &&
	    strncmp(cnp->cn_nameptr, "hello", 5) == 0)
		ino = FILE_INO;
	if ((cnp->cn_flags & ISLASTCN) != 0 && cnp->cn_nameiop != LOOKUP)
		return EROFS;
	if (ino == 0)
		return ENOENT;
	return vcache_get(ap->a_dvp->v_mount, &ino, sizeof(ino), ap->a_vpp);
}

static int
foreign_getattr(void *v)
{
	struct vop_getattr_args *ap = v;
	struct foreign_node *fn = ap->a_vp->v_data;
	struct vattr *vap = ap->a_vap;

	memset(vap, 0, sizeof(*vap));
	vap->va_type = ap->a_vp->v_type;
	vap->va_mode = vap->va_type == VDIR ? 0555 : 0444;
	vap->va_nlink = vap->va_type == VDIR ? 2 : 1;
	vap->va_uid = 12;
	vap->va_gid = 34;
	vap->va_fsid = ap->a_vp->v_mount->mnt_stat.f_fsidx.__fsid_val[0];
	vap->va_fileid = fn->fn_ino;
	vap->va_size = vap->va_type == VREG ? sizeof(content) - 1 : 512;
	vap->va_blocksize = 4096;
	vap->va_mtime.tv_sec = 1000000000;
	vap->va_atime = vap->va_ctime = vap->va_birthtime = vap->va_mtime;
	vap->va_gen = 1;
	vap->va_bytes = vap->va_size;
	return 0;
}

static int
foreign_access(void *v)
{
	struct vop_access_args *ap = v;

	if ((ap->a_accmode & VWRITE) != 0)
		return EROFS;
	return 0;
}

static int
foreign_read(void *v)
{
	struct vop_read_args *ap = v;
	struct uio *uio = ap->a_uio;
	size_t size = sizeof(content) - 1;

	if (ap->a_vp->v_type != VREG)
		return EISDIR;
	foreign_reads++;
	curlwp->l_ru.ru_inblock++;
	if (uio->uio_offset >= (off_t)size)
		return 0;
	return uiomove(__UNCONST(content + uio->uio_offset),
	    MIN(size - uio->uio_offset, uio->uio_resid), uio);
}

static int
foreign_entry(struct uio *uio, ino_t ino, int type, const char *name)
{
	struct dirent d;

	memset(&d, 0, sizeof(d));
	d.d_fileno = ino;
	d.d_type = type;
	d.d_namlen = strlen(name);
	memcpy(d.d_name, name, d.d_namlen);
	d.d_reclen = _DIRENT_SIZE(&d);
	if (uio->uio_resid < d.d_reclen)
		return -1;
	return uiomove(&d, d.d_reclen, uio);
}

static int
foreign_readdir(void *v)
{
	struct vop_readdir_args *ap = v;
	struct uio *uio = ap->a_uio;
	off_t at = uio->uio_offset;
	int error = 0;

	if (at == 0 && (error = foreign_entry(uio, ROOT_INO, DT_DIR, ".")) == 0)
		at++;
	if (at == 1 && error == 0 &&
	    (error = foreign_entry(uio, ROOT_INO, DT_DIR, "..")) == 0)
		at++;
	if (at == 2 && error == 0 &&
	    (error = foreign_entry(uio, FILE_INO, DT_REG, "hello")) == 0)
		at++;
	uio->uio_offset = at;
	if (ap->a_eofflag != NULL)
		*ap->a_eofflag = at == 3;
	if (ap->a_ncookies != NULL) {
		*ap->a_ncookies = 0;
		*ap->a_cookies = NULL;
	}
	return error < 0 ? 0 : error;
}

static int
foreign_inactive(void *v)
{
	struct vop_inactive_v2_args *ap = v;

	*ap->a_recycle = false;
	return 0;
}

static int
foreign_reclaim(void *v)
{
	struct vop_reclaim_v2_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct foreign_mount *fm = vp->v_mount->mnt_data;
	struct foreign_node *fn = vp->v_data;

	VOP_UNLOCK(vp);
	mutex_enter(&fm->fm_lock);
	rb_tree_remove_node(&fm->fm_tree, fn);
	TAILQ_REMOVE(&fm->fm_nodes, fn, fn_list);
	fm->fm_loaded--;
	mutex_exit(&fm->fm_lock);
	genfs_node_destroy(vp);
	vp->v_data = NULL;
	pool_cache_put(foreign_cache, fn);
	return 0;
}

static const struct vnodeopv_entry_desc foreign_vnodeop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	{ &vop_parsepath_desc, genfs_parsepath },
	{ &vop_lookup_desc, foreign_lookup },
	{ &vop_open_desc, genfs_nullop },
	{ &vop_close_desc, genfs_nullop },
	{ &vop_access_desc, foreign_access },
	{ &vop_accessx_desc, genfs_accessx },
	{ &vop_getattr_desc, foreign_getattr },
	{ &vop_read_desc, foreign_read },
	{ &vop_readdir_desc, foreign_readdir },
	{ &vop_fsync_desc, genfs_nullop },
	{ &vop_seek_desc, genfs_seek },
	{ &vop_abortop_desc, genfs_abortop },
	{ &vop_inactive_desc, foreign_inactive },
	{ &vop_reclaim_desc, foreign_reclaim },
	{ &vop_lock_desc, genfs_lock },
	{ &vop_unlock_desc, genfs_unlock },
	{ &vop_islocked_desc, genfs_islocked },
	{ &vop_putpages_desc, genfs_null_putpages },
	{ NULL, NULL }
};

static const struct vnodeopv_desc foreign_vnodeop_opv_desc =
	{ &foreign_vnodeop_p, foreign_vnodeop_entries };

static const struct vnodeopv_desc * const foreign_opv_descs[] = {
	&foreign_vnodeop_opv_desc,
	NULL
};

/* --- file system operations ---------------------------------------------- */

static int
foreign_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	struct foreign_mount *fm;

	if ((mp->mnt_flag & MNT_UPDATE) != 0)
		return EOPNOTSUPP;
	fm = kmem_zalloc(sizeof(*fm), KM_SLEEP);
	mutex_init(&fm->fm_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&fm->fm_cv, "foreign");
	rb_tree_init(&fm->fm_tree, &foreign_tree_ops);
	TAILQ_INIT(&fm->fm_nodes);
	mp->mnt_data = fm;
	mp->mnt_flag |= MNT_LOCAL | MNT_RDONLY;
	mp->mnt_stat.f_namemax = 255;
	mp->mnt_fs_bshift = DEV_BSHIFT;
	mp->mnt_dev_bshift = DEV_BSHIFT;
	vfs_getnewfsid(mp);
	return set_statvfs_info(path, UIO_USERSPACE, "foreign", UIO_SYSSPACE,
	    mp->mnt_op->vfs_name, mp, curlwp);
}

static int
foreign_start(struct mount *mp, int flags)
{
	return 0;
}

static int
foreign_unmount(struct mount *mp, int flags)
{
	struct foreign_mount *fm = mp->mnt_data;
	int error;

	error = vflush(mp, NULL, (flags & MNT_FORCE) != 0 ? FORCECLOSE : 0);
	if (error != 0)
		return error;
	if (fm->fm_loaded != 0 || RB_TREE_MIN(&fm->fm_tree) != NULL)
		return EBUSY;
	cv_destroy(&fm->fm_cv);
	mutex_destroy(&fm->fm_lock);
	mp->mnt_data = NULL;
	kmem_free(fm, sizeof(*fm));
	return 0;
}

static int
foreign_root(struct mount *mp, int lktype, struct vnode **vpp)
{
	ino_t ino = ROOT_INO;
	int error;

	if ((error = vcache_get(mp, &ino, sizeof(ino), vpp)) != 0)
		return error;
	error = vn_lock(*vpp, lktype);
	if (error != 0) {
		vrele(*vpp);
		*vpp = NULL;
	}
	return error;
}

static int
foreign_statvfs(struct mount *mp, struct statvfs *sbp)
{
	sbp->f_bsize = sbp->f_frsize = sbp->f_iosize = 4096;
	sbp->f_blocks = 11;
	sbp->f_files = 2;
	copy_statvfs_info(sbp, mp);
	return 0;
}

static int
foreign_sync(struct mount *mp, int waitfor, struct kauth_cred *cred)
{
	return 0;
}

static int
foreign_loadvnode(struct mount *mp, struct vnode *vp, const void *key,
    size_t key_len, const void **new_key)
{
	struct foreign_mount *fm = mp->mnt_data;
	struct foreign_node *fn;
	ino_t ino;

	memcpy(&ino, key, sizeof(ino));
	fn = pool_cache_get(foreign_cache, PR_WAITOK);
	fn->fn_ino = ino;
	mutex_enter(&fm->fm_lock);
	rb_tree_insert_node(&fm->fm_tree, fn);
	TAILQ_INSERT_TAIL(&fm->fm_nodes, fn, fn_list);
	fm->fm_loaded++;
	mutex_exit(&fm->fm_lock);
	vp->v_tag = VT_NON;
	vp->v_type = ino == ROOT_INO ? VDIR : VREG;
	if (ino == ROOT_INO)
		vp->v_vflag |= VV_ROOT;
	vp->v_op = foreign_vnodeop_p;
	vp->v_data = fn;
	genfs_node_init(vp, &foreign_genfsops);
	uvm_vnp_setsize(vp, ino == ROOT_INO ? 512 : sizeof(content) - 1);
	*new_key = &fn->fn_ino;
	return 0;
}

static void
foreign_init(void)
{
	foreign_cache = pool_cache_init(sizeof(struct foreign_node), 0, 0, 0,
	    "foreignpl", NULL, IPL_NONE, NULL, NULL, NULL);
}

static void
foreign_reinit(void)
{
}

static void
foreign_done(void)
{
	pool_cache_destroy(foreign_cache);
}

struct vfsops foreign_vfsops = {
	.vfs_name = "foreign",
	.vfs_min_mount_data = 0,
	.vfs_mount = foreign_mount,
	.vfs_start = foreign_start,
	.vfs_unmount = foreign_unmount,
	.vfs_root = foreign_root,
	.vfs_quotactl = (void *)eopnotsupp,
	.vfs_statvfs = foreign_statvfs,
	.vfs_sync = foreign_sync,
	.vfs_vget = (void *)eopnotsupp,
	.vfs_loadvnode = foreign_loadvnode,
	.vfs_fhtovp = (void *)eopnotsupp,
	.vfs_vptofh = (void *)eopnotsupp,
	.vfs_init = foreign_init,
	.vfs_reinit = foreign_reinit,
	.vfs_done = foreign_done,
	.vfs_snapshot = (void *)eopnotsupp,
	.vfs_extattrctl = vfs_stdextattrctl,
	.vfs_suspendctl = genfs_suspendctl,
	.vfs_renamelock_enter = genfs_renamelock_enter,
	.vfs_renamelock_exit = genfs_renamelock_exit,
	.vfs_fsync = (void *)eopnotsupp,
	.vfs_opv_descs = foreign_opv_descs
};

/* --- module ---------------------------------------------------------------- */

MODULE(MODULE_CLASS_VFS, foreign, NULL);

/* Macros that NetBSD inlines into modules, on our kernel's objects. */
static int
foreign_selftest(void)
{
	krwlock_t lock;
	callout_t ch;
	char *p;

	pool_init(&foreign_pool, 100, 0, 0, 0, "foreignp", NULL, IPL_NONE);
	p = pool_get(&foreign_pool, PR_WAITOK | PR_ZERO);
	if (p[0] != 0 || p[99] != 0)
		return 1;
	pool_put(&foreign_pool, p);
	pool_destroy(&foreign_pool);

	rw_init(&lock);
	rw_enter(&lock, RW_READER);
	if (rw_tryenter(&lock, RW_WRITER))
		return 2;
	rw_exit(&lock);
	rw_destroy(&lock);

	callout_init(&ch, CALLOUT_MPSAFE);
	if (callout_pending(&ch))
		return 3;
	callout_destroy(&ch);

	if (curlwp->l_proc == NULL || curproc->p_pid < 0)
		return 4;
	if (kauth_cred_geteuid(curlwp->l_cred) !=
	    kauth_cred_geteuid(kauth_cred_get()))
		return 5;
	if (lwp0.l_proc != &proc0 || proc0.p_pid != 0)
		return 6;
	return 0;
}

static void
foreign_sysctl(void)
{
	const struct sysctlnode *node = NULL;

	sysctl_createv(&foreign_log, 0, NULL, &node, CTLFLAG_PERMANENT,
	    CTLTYPE_NODE, "foreign", NULL, NULL, 0, NULL, 0, CTL_VFS,
	    CTL_CREATE, CTL_EOL);
	if (node != NULL)
		sysctl_createv(&foreign_log, 0, &node, NULL,
		    CTLFLAG_READONLY, CTLTYPE_INT, "reads", NULL, NULL, 0,
		    &foreign_reads, 0, CTL_CREATE, CTL_EOL);
}

static int
foreign_modcmd(modcmd_t cmd, void *arg)
{
	int error;

	switch (cmd) {
	case MODULE_CMD_INIT:
		error = foreign_selftest();
		printf("foreign: selftest %d\n", error);
		if (error != 0)
			return EINVAL;
		error = vfs_attach(&foreign_vfsops);
		if (error == 0)
			foreign_sysctl();
		return error;
	case MODULE_CMD_FINI:
		error = vfs_detach(&foreign_vfsops);
		if (error == 0)
			sysctl_teardown(&foreign_log);
		return error;
	default:
		return ENOTTY;
	}
}
