/* SPDX-License-Identifier: BSD-2-Clause */
/* Names and files from inside the kernel, directory hashes, walks. */

#include <sys/param.h>
#include <sys/dirent.h>
#include <sys/dirhash.h>
#include <sys/fcntl.h>
#include <sys/filedesc.h>
#include <sys/kthread.h>
#include <sys/fstrans.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/vnode.h>

#include "vfstest.h"

static void
entry(struct dirent *de, int number)
{
	memset(de, 0, sizeof(*de));
	de->d_namlen = (uint16_t)snprintf(de->d_name, sizeof(de->d_name),
	    "name%d", number);
	de->d_fileno = 1;
}

/* Is there exactly one candidate, at this offset? */
static bool
found_at(struct dirhash *dirh, const struct dirent *de, uint64_t offset)
{
	struct dirhash_entry *e = NULL;
	int n = 0;

	while (dirhash_lookup(dirh, de->d_name, de->d_namlen, &e))
		n += e->offset == offset;
	return n == 1;
}

int
test_dirhash(void)
{
	struct dirhash_entry *e = NULL;
	struct dirhash *dirh = NULL;
	struct dirent de;

	dirhash_get(&dirh);
	for (int i = 0; i < 1000; i++) {
		entry(&de, i);
		dirhash_enter(dirh, &de, (uint64_t)i * 32, 32, 0);
	}
	dirh->flags |= DIRH_COMPLETE;
	for (int i = 0; i < 1000; i++) {
		entry(&de, i);
		CHECK(found_at(dirh, &de, (uint64_t)i * 32));
	}
	entry(&de, 5000);
	CHECK(!dirhash_lookup(dirh, de.d_name, de.d_namlen, &e));
	entry(&de, 500);
	dirhash_remove(dirh, &de, 500 * 32, 32);
	CHECK(!found_at(dirh, &de, 500 * 32));
	e = NULL;
	CHECK(!dirhash_lookup_freed(dirh, 33, &e));
	e = NULL;
	CHECK(dirhash_lookup_freed(dirh, 20, &e) && e->offset == 500 * 32);
	/* The hole is taken by another name. */
	entry(&de, 7777);
	dirhash_enter(dirh, &de, 500 * 32, 32, 1);
	e = NULL;
	CHECK(!dirhash_lookup_freed(dirh, 1, &e));
	CHECK(!dirhash_dir_isempty(dirh));
	dirhash_put(dirh);
	dirhash_purge(&dirh);
	CHECK(dirh == NULL);
	return 0;
}

/* The names of the directory itself and of its parent don't count. */
int
test_dirhash_empty(void)
{
	static const char *const names[] = { ".", "..", "...", ".a", "a" };
	struct dirhash *dirh = NULL;
	struct dirent de;
	size_t i;

	dirhash_get(&dirh);
	for (i = 0; i < __arraycount(names); i++) {
		memset(&de, 0, sizeof(de));
		strlcpy(de.d_name, names[i], sizeof(de.d_name));
		de.d_namlen = (uint16_t)strlen(names[i]);
		dirhash_enter(dirh, &de, 32 * i, 32, 0);
		CHECK(dirhash_dir_isempty(dirh) == (i < 2));
		if (i < 2)
			continue;
		dirhash_remove(dirh, &de, 32 * i, 32);
		CHECK(dirhash_dir_isempty(dirh));
	}
	dirhash_put(dirh);
	dirhash_purge(&dirh);
	return 0;
}

/* Too much for all: unused ones are emptied, one that is used gives up. */
int
test_dirhash_limit(void)
{
	struct dirhash *old = NULL, *big = NULL;
	struct dirent de;

	entry(&de, 1);
	dirhash_get(&old);
	dirhash_enter(old, &de, 0, 32, 0);
	old->flags |= DIRH_COMPLETE;
	dirhash_put(old);
	dirhash_get(&big);
	for (int i = 0; i < DIRHASH_SIZE / 16; i++) {
		entry(&de, i);
		dirhash_enter(big, &de, (uint64_t)i * 32, 32, 0);
	}
	CHECK(old->size == 0 && (old->flags & DIRH_COMPLETE) == 0);
	CHECK(big->flags & DIRH_BROKEN);
	dirhash_put(big);
	dirhash_purge(&big);
	dirhash_purge(&old);
	return 0;
}

int
test_kernel_files(void)
{
	char buf[16];
	struct vnode *vp;
	struct stat sb;
	size_t resid;

	CHECK(vfstest_file("/vfstest-file", &vp) == 0);
	CHECK(vn_rdwr(UIO_WRITE, vp, __UNCONST("0123456789"), 10, 5,
	    UIO_SYSSPACE, 0, curlwp->l_cred, NULL, curlwp) == 0);
	CHECK(vn_rdwr(UIO_READ, vp, buf, sizeof(buf), 4, UIO_SYSSPACE, 0,
	    curlwp->l_cred, &resid, curlwp) == 0);
	CHECK(resid == 5 && memcmp(buf, "\0000123456789", 11) == 0);
	/* Nobody to take the rest: that is an error. */
	CHECK(vn_rdwr(UIO_READ, vp, buf, sizeof(buf), 4, UIO_SYSSPACE, 0,
	    curlwp->l_cred, NULL, curlwp) == EIO);
	vn_lock(vp, LK_SHARED | LK_RETRY);
	CHECK(vn_stat(vp, &sb) == 0);
	VOP_UNLOCK(vp);
	CHECK(sb.st_size == 15 && S_ISREG(sb.st_mode));
	CHECK(vn_close(vp, FREAD | FWRITE, curlwp->l_cred) == 0);
	return 0;
}

int
test_relookup(void)
{
	struct vnode *vp, *again;
	struct nameidata nd;
	struct pathbuf *pb;

	CHECK(vfstest_file("/vfstest-again", &vp) == 0);
	pb = pathbuf_create("/vfstest-again");
	NDINIT(&nd, DELETE, LOCKPARENT | LOCKLEAF, pb);
	CHECK(namei(&nd) == 0);
	CHECK(nd.ni_vp == vp && VOP_ISLOCKED(vp) == LK_EXCLUSIVE);
	CHECK(nd.ni_dvp == rootvnode);
	CHECK(VOP_ISLOCKED(nd.ni_dvp) == LK_EXCLUSIVE);
	VOP_UNLOCK(vp);
	CHECK(relookup(nd.ni_dvp, &again, &nd.ni_cnd, 0) == 0);
	CHECK(again == vp && VOP_ISLOCKED(vp) == LK_EXCLUSIVE);
	vrele(again);
	CHECK(VOP_REMOVE(nd.ni_dvp, nd.ni_vp, &nd.ni_cnd) == 0);
	CHECK(relookup(nd.ni_dvp, &again, &nd.ni_cnd, 0) == ENOENT);
	vput(nd.ni_dvp);
	pathbuf_destroy(pb);
	CHECK(vn_close(vp, FREAD | FWRITE, curlwp->l_cred) == 0);
	return 0;
}

/*
 * A directory as those of NetBSD's ufs, which answer ENOLCK to who comes with
 * a shared lock for what is not in the name cache.
 */

static int (**plain_op)(void *);
static int picky_shared;

static int
picky_lookup(void *v)
{
	struct vop_lookup_v2_args *ap = v;

	if (VOP_ISLOCKED(ap->a_dvp) != LK_EXCLUSIVE) {
		picky_shared++;
		return ENOLCK;
	}
	return (*plain_op[VOFFSET(vop_lookup)])(v);
}

int
test_lookup_exclusive(void)
{
	static int (*vector[VNODE_OPS_COUNT])(void *);
	struct vnode *dvp, *vp;
	int error;

	CHECK(namei_simple_kernel("/dev", NSM_FOLLOW_NOEMULROOT, &dvp) == 0);
	plain_op = dvp->v_op;
	memcpy(vector, plain_op, sizeof(vector));
	vector[VOFFSET(vop_lookup)] = picky_lookup;
	cache_purge(dvp);
	dvp->v_op = vector;
	error = namei_simple_kernel("/dev/zero", NSM_FOLLOW_NOEMULROOT, &vp);
	dvp->v_op = plain_op;
	CHECK(error == 0 && picky_shared == 1);
	CHECK(VOP_ISLOCKED(dvp) == 0 && vp->v_type == VCHR);
	vrele(vp);
	vrele(dvp);
	return 0;
}

int
test_names(void)
{
	char path[MAXPATHLEN];
	struct vnode *vp, *dvp;
	struct pathbuf *pb;
	const char *copy;

	CHECK(namei_simple_kernel("/dev/./../dev/null",
	    NSM_FOLLOW_NOEMULROOT, &vp) == 0);
	CHECK(vp->v_type == VCHR && vrefcnt(vp) >= 1);
	CHECK(vnode_to_path(path, sizeof(path), vp, curlwp,
	    curlwp->l_proc) == 0);
	CHECK(strcmp(path, "/dev/null") == 0);
	vrele(vp);
	CHECK(namei_simple_kernel("/dev", NSM_NOFOLLOW_NOEMULROOT,
	    &dvp) == 0);
	pb = pathbuf_create("none");
	copy = pathbuf_stringcopy_get(pb);
	CHECK(nameiat_simple(dvp, pb, NSM_FOLLOW_NOEMULROOT, &vp) == ENOENT);
	CHECK(vp == NULL && strcmp(copy, "none") == 0);
	pathbuf_stringcopy_put(pb, copy);
	pathbuf_destroy(pb);
	CHECK(nameiat_simple_kernel(dvp, "zero", NSM_FOLLOW_NOEMULROOT,
	    &vp) == 0);
	CHECK(vn_isunder(dvp, rootvnode, curlwp));
	CHECK(!vn_isunder(rootvnode, dvp, curlwp));
	vrele(vp);
	vrele(dvp);
	return 0;
}

static bool
is_device(void *cookie, struct vnode *vp)
{
	(*(int *)cookie)++;
	return vp->v_type == VCHR;
}

int
test_iterator(void)
{
	struct vnode_iterator *iter;
	struct vnode *vp, *null;
	int asked = 0, seen = 0;

	CHECK(namei_simple_kernel("/dev/null", NSM_FOLLOW_NOEMULROOT,
	    &null) == 0);
	vfs_vnode_iterator_init(rootvnode->v_mount, &iter);
	while ((vp = vfs_vnode_iterator_next(iter, is_device,
	    &asked)) != NULL) {
		CHECK(vp->v_type == VCHR);
		seen += vp == null;
		vrele(vp);
	}
	vfs_vnode_iterator_destroy(iter);
	CHECK(seen == 1 && asked > 1);
	vrele(null);
	return 0;
}

/* A suspended file system keeps others out, and lets us in. */

static volatile int suspend_step;

static void
suspend_thread(void *arg)
{
	struct vnode *vp = arg;

	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	suspend_step = 2;
	VOP_UNLOCK(vp);
	kthread_exit(0);
}

int
test_suspend(void)
{
	struct mount *mp = rootvnode->v_mount;
	struct vnode *vp;
	struct lwp *l;

	CHECK(vfstest_file("/vfstest-suspend", &vp) == 0);
	CHECK(vfs_suspend(mp, 0) == 0);
	CHECK(fstrans_is_owner(mp) && fstrans_held(mp));
	CHECK(fstrans_getstate(mp) == FSTRANS_SUSPENDED);
	CHECK(vfs_suspend(mp, 1) != 0);
	suspend_step = 1;
	CHECK(kthread_create(PRI_NONE, KTHREAD_MPSAFE | KTHREAD_MUSTJOIN,
	    NULL, suspend_thread, vp, &l, "vfstest") == 0);
	(void)kpause("vfstest", false, 3, NULL);
	CHECK(suspend_step == 1);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	VOP_UNLOCK(vp);
	vfs_resume(mp);
	(void)kthread_join(l);
	CHECK(suspend_step == 2);
	CHECK(fstrans_getstate(mp) == FSTRANS_NORMAL && !fstrans_held(mp));
	CHECK(vn_close(vp, FREAD | FWRITE, curlwp->l_cred) == 0);
	return 0;
}
