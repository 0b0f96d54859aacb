/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests: makes /mnt/snapshot a snapshot of the file system mounted on
 * /mnt when it is loaded, by VFS_SNAPSHOT() as NetBSD's fss(4) does, and
 * copies it to /snapshot when it is unloaded: nobody else may open one.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/module.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/vnode.h>

MODULE(MODULE_CLASS_MISC, snapper, NULL);

#define PIECE	65536

static struct vnode *snapshot;

static int
snapper_open(const char *path, int flags, struct vnode **vpp)
{
	struct pathbuf *pb = pathbuf_create(path);
	int error;

	error = vn_open(NULL, pb, 0, flags, 0600, vpp, NULL, NULL);
	pathbuf_destroy(pb);
	return error;
}

static int
snapper_take(void)
{
	struct timespec ts;
	int error;

	error = snapper_open("/mnt/snapshot", FREAD | O_CREAT | O_EXCL,
	    &snapshot);
	if (error != 0)
		return error;
	error = VFS_SNAPSHOT(snapshot->v_mount, snapshot, &ts);
	VOP_UNLOCK(snapshot);
	if (error != 0)
		(void)vn_close(snapshot, FREAD, curlwp->l_cred);
	return error;
}

static int
snapper_copy_all(struct vnode *to, void *buf)
{
	const struct statvfs *sv = &snapshot->v_mount->mnt_stat;
	const off_t size = (off_t)(sv->f_blocks * sv->f_frsize);
	off_t off;
	int error = 0;

	for (off = 0; off < size && error == 0; off += PIECE) {
		const int n = (int)MIN(PIECE, size - off);

		error = vn_rdwr(UIO_READ, snapshot, buf, n, off,
		    UIO_SYSSPACE, 0, FSCRED, NULL, curlwp);
		if (error == 0)
			error = vn_rdwr(UIO_WRITE, to, buf, n, off,
			    UIO_SYSSPACE, 0, curlwp->l_cred, NULL, curlwp);
	}
	return error;
}

static int
snapper_leave(void)
{
	struct vnode *to;
	void *buf;
	int error;

	error = snapper_open("/snapshot", FREAD | FWRITE | O_CREAT | O_TRUNC,
	    &to);
	if (error != 0)
		return error;
	VOP_UNLOCK(to);
	buf = kmem_alloc(PIECE, KM_SLEEP);
	error = snapper_copy_all(to, buf);
	kmem_free(buf, PIECE);
	(void)vn_close(to, FREAD | FWRITE, curlwp->l_cred);
	if (error == 0)
		error = vn_close(snapshot, FREAD, curlwp->l_cred);
	return error;
}

static int
snapper_modcmd(modcmd_t cmd, void *arg)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		return snapper_take();
	case MODULE_CMD_FINI:
		return snapper_leave();
	default:
		return ENOTTY;
	}
}
