/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests: stands in for the root file system while it is loaded, and says
 * on the console what a file system sees when its mount is changed.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/extattr.h>
#include <sys/fstrans.h>
#include <sys/module.h>
#include <sys/mount.h>
#include <sys/vnode.h>

MODULE(MODULE_CLASS_MISC, mountspy, NULL);

static struct vfsops *spied_ops;
static struct vfsops spy_ops;
static int spied_iflag;

/* A file system that can be read-only, but doesn't like MNT_FORCE. */
static int
spy_mount(struct mount *mp, const char *path, void *data, size_t *len)
{
	printf("mountspy: mount%s%s%s%s%s\n",
	    (mp->mnt_flag & MNT_UPDATE) != 0 ? " update" : "",
	    (mp->mnt_flag & MNT_RDONLY) != 0 ? " rdonly" : "",
	    (mp->mnt_iflag & IMNT_WANTRDONLY) != 0 ? " wantro" : "",
	    (mp->mnt_iflag & IMNT_WANTRDWR) != 0 ? " wantrw" : "",
	    fstrans_is_owner(mp) ? " alone" : "");
	return (mp->mnt_flag & MNT_FORCE) != 0 ? EBUSY : 0;
}

static int
spy_extattrctl(struct mount *mp, int cmd, struct vnode *vp, int space,
    const char *name)
{
	printf("mountspy: extattr %s\n", cmd == EXTATTR_CMD_START ? "start" :
	    cmd == EXTATTR_CMD_STOP ? "stop" : "?");
	return 0;
}

static int
mountspy_modcmd(modcmd_t cmd, void *arg)
{
	struct mount *mp = rootvnode->v_mount;

	switch (cmd) {
	case MODULE_CMD_INIT:
		spied_ops = mp->mnt_op;
		spied_iflag = mp->mnt_iflag & IMNT_CAN_RWTORO;
		spy_ops = *spied_ops;
		spy_ops.vfs_mount = spy_mount;
		spy_ops.vfs_extattrctl = spy_extattrctl;
		mp->mnt_op = &spy_ops;
		mp->mnt_iflag |= IMNT_CAN_RWTORO;
		return 0;
	case MODULE_CMD_FINI:
		mp->mnt_op = spied_ops;
		mp->mnt_iflag &= ~IMNT_CAN_RWTORO;
		mp->mnt_iflag |= spied_iflag;
		return 0;
	default:
		return ENOTTY;
	}
}
