/* SPDX-License-Identifier: BSD-2-Clause */
/* The start of the vnode layer: what must be ready before what, and /. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/dirhash.h>
#include <sys/filedesc.h>
#include <sys/fstrans.h>
#include <sys/lockf.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/proc.h>
#include <sys/vnode.h>
#include <miscfs/specfs/specdev.h>

#include "dev/dev.h"
#include "fs/rootfs.h"
#include "vfs/kqueue.h"
#include "vfs/lookup.h"
#include "vfs/select_impl.h"
#include "vfs/specfs.h"
#include "vfs/syncer.h"
#include "vfs/vfs_boot.h"
#include "vfs/vfs_private.h"

struct vnode *rootvp;
dev_t rootdev = NODEV;

/* Vectors that are no file system's. */
static const struct vnodeopv_desc * const common_opv_descs[] = {
	&spec_vnodeop_opv_desc,
	&fifo_vnodeop_opv_desc,
	NULL
};

void
vfs_boot(void)
{
	select_init();
	kqueue_init();
	mount_init();
	fstrans_init();
	namei_init();
	spec_init();
	lf_init();
	dirhash_init();
	vfs_opv_init(common_opv_descs);
	vfs_io_init();
	vfs_vnode_sysinit();
	nchinit();
	vfs_io_start();
	devsw_init();
}

/* The root is mounted: fill its /dev. */
void
vfs_boot_devices(void)
{
	mount_remember_root(rootvnode->v_mount, rootvnode);
	mem_dev_init();
	cons_dev_init();
	disk_dev_init();
}
