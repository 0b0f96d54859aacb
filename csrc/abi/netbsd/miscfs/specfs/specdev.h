/* SPDX-License-Identifier: BSD-2-Clause */
/* Vnodes of devices: shared by every file system that has device nodes. */

#ifndef _MISCFS_SPECFS_SPECDEV_H_
#define _MISCFS_SPECFS_SPECDEV_H_

#include <abi/versions.h>
#include <sys/vnode.h>

struct lockf;

/* One for each device (and kind), however many names it has. */
typedef struct specdev {
	struct mount *sd_mountpoint;	/* the file system mounted from it */
	struct lockf *sd_lockf;
	struct vnode *sd_bdevvp;	/* block device: the vnode with buffers */
	u_int sd_opencnt;
	u_int sd_refcnt;		/* specnodes */
	NETBSD_SPECDEV_RDEV
	volatile u_int sd_iocnt;	/* operations inside the driver */
	bool sd_opened;
	bool sd_closing;
	NETBSD_SPECDEV_TAIL
} specdev_t;

/* One for each vnode of a device. */
typedef struct specnode {
	struct vnode *sn_next;		/* hash chain */
	specdev_t *sn_dev;
	dev_t sn_rdev;
	u_int sn_opencnt;
	bool sn_gone;
} specnode_t;

#define v_rdev		v_specnode->sn_rdev
#define v_specinfo	v_specnode
#define SPECHSZ		64

extern int (**spec_vnodeop_p)(void *);

void spec_init(void);
void spec_node_init(struct vnode *, dev_t);
void spec_node_destroy(struct vnode *);
int spec_node_lookup_by_dev(enum vtype, dev_t, int, struct vnode **);
int spec_node_lookup_by_mount(struct mount *, struct vnode **);
struct mount *spec_node_getmountedfs(struct vnode *);
void spec_node_setmountedfs(struct vnode *, struct mount *);
void spec_node_revoke(struct vnode *);

int spec_lookup(void *);
int spec_open(void *);
int spec_close(void *);
int spec_read(void *);
int spec_write(void *);
int spec_fdiscard(void *);
int spec_ioctl(void *);
int spec_poll(void *);
int spec_kqfilter(void *);
int spec_mmap(void *);
int spec_fsync(void *);
int spec_inactive(void *);
int spec_reclaim(void *);
int spec_bmap(void *);
int spec_strategy(void *);
int spec_print(void *);
int spec_pathconf(void *);
int spec_advlock(void *);
#define spec_seek	genfs_nullop
#define spec_abortop	genfs_badop
#define spec_revoke	genfs_revoke

/* Entries for the vectors that file systems have for their device nodes. */
#define GENFS_SPECOP_ENTRIES						\
	{ &vop_parsepath_desc, genfs_badop },				\
	{ &vop_lookup_desc, genfs_badop },				\
	{ &vop_create_desc, genfs_badop },				\
	{ &vop_mknod_desc, genfs_badop },				\
	{ &vop_open_desc, spec_open },					\
	{ &vop_fallocate_desc, genfs_eopnotsupp },			\
	{ &vop_fdiscard_desc, spec_fdiscard },				\
	{ &vop_ioctl_desc, spec_ioctl },				\
	{ &vop_poll_desc, spec_poll },					\
	{ &vop_kqfilter_desc, spec_kqfilter },				\
	{ &vop_revoke_desc, genfs_revoke },				\
	{ &vop_mmap_desc, spec_mmap },					\
	{ &vop_seek_desc, spec_seek },					\
	{ &vop_remove_desc, genfs_badop },				\
	{ &vop_link_desc, genfs_badop },				\
	{ &vop_rename_desc, genfs_badop },				\
	{ &vop_mkdir_desc, genfs_badop },				\
	{ &vop_rmdir_desc, genfs_badop },				\
	{ &vop_symlink_desc, genfs_badop },				\
	{ &vop_readdir_desc, genfs_badop },				\
	{ &vop_readlink_desc, genfs_badop },				\
	{ &vop_abortop_desc, genfs_badop },				\
	{ &vop_bmap_desc, spec_bmap },					\
	{ &vop_strategy_desc, spec_strategy },				\
	{ &vop_pathconf_desc, spec_pathconf },				\
	{ &vop_advlock_desc, spec_advlock },				\
	{ &vop_getpages_desc, genfs_getpages },				\
	{ &vop_putpages_desc, genfs_putpages }

#endif /* !_MISCFS_SPECFS_SPECDEV_H_ */
