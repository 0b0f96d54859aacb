/* SPDX-License-Identifier: BSD-2-Clause */
/* Vnodes and mounts, by a small file system of our own. */

#include <sys/dirent.h>
#include <sys/event.h>
#include <sys/extattr.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/fstrans.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/quotactl.h>
#include <sys/statvfs.h>
#include <sys/vfs_hooks.h>
#include <sys/vnode.h>
#include <miscfs/deadfs/deadfs.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/specfs/specdev.h>
#include <uvm/uvm_extern.h>

#include "abitest.h"
#include "abifs.h"

/* Lives and deaths of vnodes. */
static int
vnode_life(struct mount *mp, uint64_t key)
{
	struct vnode *vp, *again;
	int line, n = abifs_reclaimed;

	CHECK(vcache_get(mp, &key, sizeof(key), &vp) == 0);
	CHECK(vcache_get(mp, &key, sizeof(key), &again) == 0 && again == vp);
	mutex_enter(vp->v_interlock);
	line = vdead_check(vp, VDEAD_NOWAIT);
	mutex_exit(vp->v_interlock);
	CHECK(line == 0);
	CHECK(!vrecycle(vp));			/* two use it */
	vrele_async(again);
	vrele_flush(mp);
	CHECK(abifs_reclaimed == n && vrecycle(vp) && abifs_reclaimed == n + 1);

	CHECK(vcache_get(mp, &key, sizeof(key), &vp) == 0);
	vref(vp);
	vgone(vp);				/* takes one of the two */
	CHECK(abifs_reclaimed == n + 2 && vp->v_op == dead_vnodeop_p);
	mutex_enter(vp->v_interlock);
	line = vdead_check(vp, 0);
	mutex_exit(vp->v_interlock);
	CHECK(line == ENOENT);
	CHECK(vn_lock(vp, LK_EXCLUSIVE) == ENOENT);
	CHECK(vn_lock(vp, LK_EXCLUSIVE | LK_RETRY) == 0);
	CHECK(VOP_READ(vp, NULL, 0, NULL) == EIO);
	VOP_UNLOCK(vp);
	CHECK(vcache_get(mp, &key, sizeof(key), &again) == 0 && again != vp);
	vrele(vp);
	vrele(again);
	key = 99;
	CHECK(vcache_get(mp, &key, sizeof(key), &vp) == ENOENT);
	return 0;
}

/* A file that gets another number, unless that is another's. */
static int
rekeys(struct mount *mp)
{
	uint64_t one = 1, two = 2, three = 3;
	struct vnode *vp, *taken, *vp3;
	int n;

	CHECK(vcache_get(mp, &one, sizeof(one), &vp) == 0);
	CHECK(vcache_get(mp, &two, sizeof(two), &taken) == 0);
	CHECK(vcache_rekey_enter(mp, vp, &one, sizeof(one), &two,
	    sizeof(two)) == EEXIST);
	CHECK(vcache_rekey_enter(mp, vp, &one, sizeof(one), &three,
	    sizeof(three)) == 0);
	vcache_rekey_exit(mp, vp, &one, sizeof(one), abifs_setkey(vp, 3),
	    sizeof(three));
	CHECK(vcache_get(mp, &three, sizeof(three), &vp3) == 0 && vp3 == vp);
	vrele(vp3);
	n = abifs_loaded;
	CHECK(vcache_get(mp, &one, sizeof(one), &vp3) == 0 && vp3 != vp);
	CHECK(abifs_loaded == n + 1);
	vrele(vp3);
	vrele(vp);
	vrele(taken);
	return 0;
}

/* What a layer shares with the vnode below it. */
static int
sharing(struct mount *mp)
{
	uint64_t low = 4, high = 5;
	struct vnode *lvp, *uvp;
	struct vnode_klist *own;

	CHECK(vcache_get(mp, &low, sizeof(low), &lvp) == 0);
	CHECK(vcache_get(mp, &high, sizeof(high), &uvp) == 0);
	CHECK(lvp->v_interlock != uvp->v_interlock);
	own = uvp->v_klist;
	vshareilock(lvp, uvp);
	vshareklist(lvp, uvp);
	CHECK(uvp->v_interlock == lvp->v_interlock);
	CHECK(own != lvp->v_klist && uvp->v_klist == lvp->v_klist);
	uvp->v_klist = own;
	vrele(lvp);
	vgone(uvp);
	return 0;
}

/* Names, as the cache knows them. */
static int
cached_names(struct mount *mp)
{
	uint64_t dir = ABIFS_DIR, file = 7;
	struct vnode *dvp, *vp, *found;
	int whiteout;

	CHECK(vcache_get(mp, &dir, sizeof(dir), &dvp) == 0);
	CHECK(vcache_get(mp, &file, sizeof(file), &vp) == 0);
	CHECK(!cache_lookup_raw(dvp, "name", 4, 0, NULL, &found));
	cache_enter(dvp, vp, "name", 4, MAKEENTRY);
	cache_enter(dvp, NULL, "none", 4, MAKEENTRY);
	CHECK(cache_lookup_raw(dvp, "name", 4, 0, NULL, &found));
	CHECK(found == vp && vp->v_usecount >= 2);
	vrele(found);
	CHECK(cache_lookup_raw(dvp, "none", 4, 0, &whiteout, &found));
	CHECK(found == NULL && whiteout == 0);
	CHECK(!cache_lookup_raw(dvp, "nam", 3, 0, NULL, &found));
	CHECK(!cache_have_id(dvp));
	cache_enter_id(dvp, 0755, 0, 0, true);
	CHECK(cache_have_id(dvp));
	cache_enter_id(dvp, 0, 0, 0, false);
	CHECK(!cache_have_id(dvp));
	CHECK(cache_revlookup(vp, &found, NULL, NULL, false, 0) == 0);
	CHECK(found == dvp);
	vrele(found);
	cache_purge(dvp);
	CHECK(cache_revlookup(vp, &found, NULL, NULL, false, 0) == -1);
	cache_enter(dvp, vp, "name", 4, MAKEENTRY);
	cache_purgevfs(mp);
	CHECK(!cache_lookup_raw(dvp, "name", 4, 0, NULL, &found));
	vrele(dvp);
	vrele(vp);
	return 0;
}

/* Attributes for the kernel itself; what the medium can't do. */
static int
extattrs(struct mount *mp)
{
	const int ns = EXTATTR_NAMESPACE_USER;
	uint64_t key = 0;
	struct componentname cn = { .cn_nameptr = "x", .cn_namelen = 1 };
	struct vattr va;
	struct vnode *vp, *made = NULL;
	struct knote kn = { .kn_filter = EVFILT_TIMER };
	struct file file = { .f_type = DTYPE_VNODE };
	char buf[8];
	size_t n = sizeof(buf);

	CHECK(vcache_get(mp, &key, sizeof(key), &vp) == 0);
	CHECK(vn_extattr_get(vp, 0, ns, "colour", &n, buf, curlwp) == ENOATTR);
	CHECK(vn_extattr_rm(vp, 0, ns, "colour", curlwp) == ENOATTR);
	CHECK(vn_extattr_set(vp, 0, ns, "colour", 3, "red", curlwp) == 0);
	CHECK(vn_extattr_set(vp, 0, ns, "colour", 99, abifs_data, curlwp) ==
	    ENOSPC);
	CHECK(vn_extattr_get(vp, 0, ns, "colour", &n, buf, curlwp) == 0);
	CHECK(n == 3 && memcmp(buf, "red", 3) == 0);
	CHECK(VOP_ISLOCKED(vp) == 0);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	CHECK(vn_extattr_rm(vp, IO_NODELOCKED, ns, "colour", curlwp) == 0);
	CHECK(VOP_ISLOCKED(vp) == LK_EXCLUSIVE && abifs_attr[0] == '\0');

	CHECK(VOP_OPENEXTATTR(vp, NOCRED) == 0);
	CHECK(VOP_CLOSEEXTATTR(vp, 1, NOCRED) == EOPNOTSUPP);
	CHECK(genfs_can_extattr(vp, curlwp->l_cred, VREAD, ns) == 0);
	CHECK(genfs_can_extattr(vp, curlwp->l_cred, VWRITE, ns) == EACCES);
	CHECK(genfs_can_extattr(vp, curlwp->l_cred, VREAD,
	    EXTATTR_NAMESPACE_SYSTEM) == EPERM);
	CHECK(genfs_can_extattr(vp, curlwp->l_cred, VREAD, 77) == EPERM);
	abifs_aborted = 0;
	CHECK(VOP_LINK(vp, vp, &cn) == EROFS && abifs_aborted == 1);
	vattr_null(&va);
	CHECK(VOP_SYMLINK(vp, &made, &cn, &va, NULL) == EROFS);
	CHECK(abifs_aborted == 2 && made == NULL);
	VOP_UNLOCK(vp);
	CHECK(VOP_MMAP(vp, VM_PROT_READ, curlwp->l_cred) == 0);
	file.f_vnode = vp;
	CHECK(vn_kqfilter(&file, &kn) == EINVAL);
	vrele(vp);
	return 0;
}

static int
run_abifs(int (*one)(struct mount *))
{
	struct mount *mp = abifs_mount();
	int line;

	CHECK(mp != NULL && abifs_vfsops.vfs_refcount > 0);
	line = (*one)(mp);
	CHECK(line != 0 || abifs_unmount(mp) == 0);
	CHECK(line != 0 || abifs_vfsops.vfs_refcount == 0);
	return line;
}

static int
lives(struct mount *mp)
{
	int line = vnode_life(mp, 3);

	vrele_flush(mp);
	return line != 0 ? line : vnode_life(mp, 4);
}

int
test_vnode_life(void)
{

	return run_abifs(lives);
}

int
test_rekey(void)
{

	return run_abifs(rekeys);
}

int
test_vnode_sharing(void)
{

	return run_abifs(sharing);
}

int
test_names(void)
{

	return run_abifs(cached_names);
}

int
test_extattrs(void)
{

	return run_abifs(extattrs);
}

static struct mount *unmounted;

static void
on_unmount(struct mount *mp)
{

	unmounted = mp;
}

/* A mount that is busy, listed, stacked, and asked what it is. */
static int
mounts(struct mount *mp)
{
	static struct vfs_hooks hooks = { .vh_unmount = on_unmount };
	struct mount *lower = rootvnode->v_mount;
	const int refs = lower->mnt_refcnt;
	struct statvfs sb;
	struct vnode *vp;

	CHECK(vfs_trybusy(mp) == 0 && fstrans_held(mp));
	vfs_unbusy(mp);
	CHECK(!fstrans_held(mp));
	CHECK(fstrans_start_nowait(mp) == 0 && fstrans_held(mp));
	fstrans_done(mp);
	fstrans_start_lazy(mp);
	CHECK(fstrans_held(mp));
	fstrans_done(mp);
	mp->mnt_iflag |= IMNT_GONE;
	CHECK(vfs_trybusy(mp) == ENOENT);
	CHECK(vfs_set_lowermount(lower, mp) == ENOENT);
	mp->mnt_iflag &= ~IMNT_GONE;

	CHECK(vfs_set_lowermount(mp, lower) == 0 && mp->mnt_lower == lower);
	CHECK(lower->mnt_refcnt == refs + 1);
	CHECK(vfs_set_lowermount(mp, NULL) == 0 && mp->mnt_lower == NULL);
	CHECK(lower->mnt_refcnt == refs);

	mountlist_append(mp);
	CHECK(vfs_getvfs(&mp->mnt_stat.f_fsidx) != NULL ||
	    mp->mnt_stat.f_fsidx.__fsid_val[0] == 0);
	mountlist_remove(mp);
	CHECK(VFS_SNAPSHOT(mp, NULL, NULL) == EDQUOT);
	CHECK(VFS_SNAPSHOT(lower, NULL, NULL) == EOPNOTSUPP);
	memset(&sb, 1, sizeof(sb));
	CHECK(VFS_STATVFS(mp, &sb) == 0 && sb.f_bsize == DEV_BSIZE);
	CHECK(sb.f_blocks == 2 && sb.f_bfree == 0 && sb.f_files == 0);
	CHECK(strcmp(sb.f_fstypename, "abifs") == 0);
	CHECK(spec_node_lookup_by_mount(mp, &vp) == ENOENT);
	CHECK(do_sys_quotactl("/", NULL) == EFAULT);

	CHECK(vfs_hooks_detach(&hooks) == ESRCH);
	CHECK(vfs_hooks_attach(&hooks) == 0);
	vfs_hooks_unmount(mp);
	CHECK(unmounted == mp && vfs_hooks_detach(&hooks) == 0);
	unmounted = NULL;
	vfs_hooks_unmount(mp);
	CHECK(unmounted == NULL && vfs_hooks_detach(&hooks) == ESRCH);
	return 0;
}

int
test_mounts(void)
{

	return run_abifs(mounts);
}

/* A vector has what is named, and the default for the rest. */
int
test_vectors(void)
{
	static int (**vector)(void *);
	static const struct vnodeopv_entry_desc entries[] = {
		{ &vop_default_desc, genfs_eopnotsupp },
		{ &vop_read_desc, genfs_nullop },
		{ NULL, NULL }
	};
	static const struct vnodeopv_desc desc = { &vector, entries };
	static const struct vnodeopv_desc *const descs[] = { &desc, NULL };

	vfs_opv_init(descs);
	CHECK(vector != NULL);
	CHECK(vector[vop_read_desc.vdesc_offset] == genfs_nullop);
	CHECK(vector[vop_write_desc.vdesc_offset] == genfs_eopnotsupp);
	vfs_opv_free(descs);
	CHECK(vector == NULL);
	return 0;
}

/* Paths: those of servers stay where they are, users' are the users'. */
int
test_paths(void)
{
	struct pathbuf *pb;
	struct nameidata nd;
	struct vnode *vp;
	char *buf = PNBUF_GET();

	strlcpy(buf, "/", MAXPATHLEN);
	pb = pathbuf_assimilate(buf);		/* goes with it */
	NDINIT(&nd, LOOKUP, FOLLOW, pb);
	CHECK(lookup_for_nfsd(&nd, rootvnode, 0) == 0);
	CHECK(nd.ni_vp == rootvnode);
	vrele(nd.ni_vp);
	pathbuf_destroy(pb);
	pb = pathbuf_create("nobody");
	NDINIT(&nd, LOOKUP, FOLLOW, pb);
	CHECK(lookup_for_nfsd(&nd, rootvnode, 1) == ENOENT);
	pathbuf_destroy(pb);
	pb = pathbuf_create(".");
	NDINIT(&nd, LOOKUP, FOLLOW, pb);
	CHECK(lookup_for_nfsd_index(&nd, rootvnode) == 0);
	CHECK(nd.ni_vp == rootvnode && (nd.ni_cnd.cn_flags & FOLLOW) == 0);
	vrele(nd.ni_vp);
	pathbuf_destroy(pb);
	CHECK(nameiat_simple_user(NULL, "/", NSM_FOLLOW_NOEMULROOT, &vp) ==
	    EFAULT);
	namecache_count_pass2();
	namecache_count_2passes();

	CHECK(vtype2dt(VREG) == DT_REG && vtype2dt(VDIR) == DT_DIR);
	CHECK(vtype2dt(VLNK) == DT_LNK && vtype2dt(VFIFO) == DT_FIFO);
	CHECK(vtype2dt(VBLK) == DT_BLK && vtype2dt(VCHR) == DT_CHR);
	CHECK(vtype2dt(VSOCK) == DT_SOCK && vtype2dt(VNON) == DT_UNKNOWN);
	return 0;
}
