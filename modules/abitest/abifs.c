/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file system in memory, made of what genfs(9) offers: eight files, known by
 * number, whose pages are read and written by VOP_READ() and VOP_WRITE().
 */

#include <sys/fstrans.h>
#include <sys/kmem.h>
#include <sys/uio.h>
#include <sys/mount.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include "abitest.h"
#include "abifs.h"

char abifs_data[ABIFS_FILES][ABIFS_SIZE];
char abifs_attr[16];
int abifs_loaded, abifs_reclaimed, abifs_aborted;

struct abifs_node {
	struct genfs_node an_gn;
	uint64_t an_key;
};

static struct abifs_node *
VTOAN(struct vnode *vp)
{

	return vp->v_data;
}

static int
abifs_transfer(void *v)
{
	struct vop_read_args *ap = v;		/* as vop_write_args */
	struct uio *uio = ap->a_uio;
	const off_t off = uio->uio_offset;

	if (off >= ABIFS_SIZE)
		return uio->uio_rw == UIO_READ ? 0 : EFBIG;
	return uiomove(abifs_data[VTOAN(ap->a_vp)->an_key] + off,
	    (size_t)MIN(ABIFS_SIZE - off, (off_t)uio->uio_resid), uio);
}

static int
abifs_inactive(void *v)
{
	struct vop_inactive_v2_args *ap = v;

	*ap->a_recycle = false;
	return 0;
}

static int
abifs_reclaim(void *v)
{
	struct vop_reclaim_v2_args *ap = v;
	struct abifs_node *an = VTOAN(ap->a_vp);

	VOP_UNLOCK(ap->a_vp);
	genfs_node_destroy(ap->a_vp);
	ap->a_vp->v_data = NULL;
	kmem_free(an, sizeof(*an));
	abifs_reclaimed++;
	return 0;
}

static int
abifs_access(void *v)
{
	struct vop_access_args *ap = v;

	return ap->a_accmode == VREAD ? 0 : EACCES;
}

static int
abifs_getextattr(void *v)
{
	struct vop_getextattr_args *ap = v;

	if (strcmp(ap->a_name, "colour") != 0 || abifs_attr[0] == '\0')
		return ENOATTR;
	return uiomove(abifs_attr, strlen(abifs_attr), ap->a_uio);
}

static int
abifs_setextattr(void *v)
{
	struct vop_setextattr_args *ap = v;
	size_t n = ap->a_uio->uio_resid;

	if (n >= sizeof(abifs_attr))
		return ENOSPC;
	memset(abifs_attr, 0, sizeof(abifs_attr));
	return uiomove(abifs_attr, n, ap->a_uio);
}

static int
abifs_deleteextattr(void *v)
{

	if (abifs_attr[0] == '\0')
		return ENOATTR;
	abifs_attr[0] = '\0';
	return 0;
}

static int
abifs_abortop(void *v)
{

	abifs_aborted++;
	return genfs_abortop(v);
}

static int (**abifs_vnodeop_p)(void *);
static const struct vnodeopv_entry_desc abifs_vnodeop_entries[] = {
	{ &vop_default_desc, vn_default_error },
	{ &vop_access_desc, abifs_access },
	{ &vop_accessx_desc, genfs_accessx },
	{ &vop_read_desc, abifs_transfer },
	{ &vop_write_desc, abifs_transfer },
	{ &vop_fsync_desc, genfs_nullop },
	{ &vop_mmap_desc, genfs_mmap },
	{ &vop_kqfilter_desc, genfs_kqfilter },
	{ &vop_link_desc, genfs_erofs_link },
	{ &vop_symlink_desc, genfs_erofs_symlink },
	{ &vop_abortop_desc, abifs_abortop },
	{ &vop_inactive_desc, abifs_inactive },
	{ &vop_reclaim_desc, abifs_reclaim },
	{ &vop_lock_desc, genfs_lock },
	{ &vop_unlock_desc, genfs_unlock },
	{ &vop_islocked_desc, genfs_islocked },
	{ &vop_getpages_desc, genfs_compat_getpages },
	{ &vop_putpages_desc, genfs_putpages },
	{ &vop_openextattr_desc, genfs_nullop },
	{ &vop_getextattr_desc, abifs_getextattr },
	{ &vop_setextattr_desc, abifs_setextattr },
	{ &vop_deleteextattr_desc, abifs_deleteextattr },
	{ NULL, NULL }
};
static const struct vnodeopv_desc abifs_vnodeop_opv_desc = {
	&abifs_vnodeop_p, abifs_vnodeop_entries
};
static const struct vnodeopv_desc *const abifs_opv_descs[] = {
	&abifs_vnodeop_opv_desc, NULL
};

static int
abifs_gop_alloc(struct vnode *vp, off_t off, off_t len, int flags,
    kauth_cred_t cred)
{

	return 0;
}

static void
abifs_gop_markupdate(struct vnode *vp, int flags)
{
}

/* Odd files are written by the other function. */
static const struct genfs_ops abifs_genfsops[2] = {
	{ genfs_size, abifs_gop_alloc, genfs_compat_gop_write,
	    abifs_gop_markupdate, genfs_gop_putrange },
	{ genfs_size, abifs_gop_alloc, genfs_gop_write_rwmap,
	    abifs_gop_markupdate, genfs_gop_putrange },
};

static int
abifs_loadvnode(struct mount *mp, struct vnode *vp, const void *key,
    size_t keylen, const void **newkey)
{
	struct abifs_node *an;
	uint64_t n;

	memcpy(&n, key, sizeof(n));
	if (keylen != sizeof(n) || n >= ABIFS_FILES)
		return ENOENT;
	an = kmem_zalloc(sizeof(*an), KM_SLEEP);
	an->an_key = n;
	vp->v_tag = VT_NON;
	vp->v_type = n == ABIFS_DIR ? VDIR : VREG;
	vp->v_op = abifs_vnodeop_p;
	vp->v_data = an;
	genfs_node_init(vp, &abifs_genfsops[n & 1]);
	uvm_vnp_setsize(vp, ABIFS_SIZE);
	*newkey = &an->an_key;
	abifs_loaded++;
	return 0;
}

/* After vcache_rekey_enter(): the key lies in the node. */
const void *
abifs_setkey(struct vnode *vp, uint64_t key)
{

	VTOAN(vp)->an_key = key;
	return &VTOAN(vp)->an_key;
}

static int
abifs_snapshot(struct mount *mp, struct vnode *vp, struct timespec *ts)
{

	return vp == NULL && ts == NULL ? EDQUOT : 0;
}

struct vfsops abifs_vfsops = {
	.vfs_name = "abifs",
	.vfs_statvfs = genfs_statvfs,
	.vfs_loadvnode = abifs_loadvnode,
	.vfs_snapshot = abifs_snapshot,
	.vfs_opv_descs = abifs_opv_descs,
};

/* The type, and a mount of it that covers nothing. */
struct mount *
abifs_mount(void)
{
	struct mount *mp;

	if (vfs_attach(&abifs_vfsops) != 0 ||
	    vfs_getopsbyname("abifs") != &abifs_vfsops)
		return NULL;
	mp = vfs_mountalloc(&abifs_vfsops, NULL);
	mp->mnt_flag |= MNT_LOCAL;
	mp->mnt_fs_bshift = mp->mnt_dev_bshift = DEV_BSHIFT;
	strlcpy(mp->mnt_stat.f_fstypename, "abifs",
	    sizeof(mp->mnt_stat.f_fstypename));
	return mp;
}

/* 0, or why the file system is still in use. */
int
abifs_unmount(struct mount *mp)
{
	int error = vflush(mp, NULL, 0);

	if (error != 0)
		return error;
	fstrans_unmount(mp);
	vfs_rele(mp);
	return vfs_detach(&abifs_vfsops);
}
