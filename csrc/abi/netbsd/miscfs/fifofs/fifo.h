/* SPDX-License-Identifier: BSD-2-Clause */
/* Named pipes, shared by every file system that has them. */

#ifndef _MISCFS_FIFOFS_FIFO_H_
#define _MISCFS_FIFOFS_FIFO_H_

#include <sys/vnode.h>

extern int (**fifo_vnodeop_p)(void *);


/* Entries for the vectors that file systems have for their FIFOs. */
#define GENFS_FIFOOP_ENTRIES						\
	{ &vop_parsepath_desc, genfs_badop },				\
	{ &vop_lookup_desc, vn_fifo_bypass },				\
	{ &vop_create_desc, vn_fifo_bypass },				\
	{ &vop_mknod_desc, vn_fifo_bypass },				\
	{ &vop_open_desc, vn_fifo_bypass },				\
	{ &vop_fallocate_desc, vn_fifo_bypass },			\
	{ &vop_fdiscard_desc, vn_fifo_bypass },				\
	{ &vop_ioctl_desc, vn_fifo_bypass },				\
	{ &vop_poll_desc, vn_fifo_bypass },				\
	{ &vop_kqfilter_desc, vn_fifo_bypass },				\
	{ &vop_revoke_desc, vn_fifo_bypass },				\
	{ &vop_mmap_desc, vn_fifo_bypass },				\
	{ &vop_seek_desc, vn_fifo_bypass },				\
	{ &vop_remove_desc, vn_fifo_bypass },				\
	{ &vop_link_desc, vn_fifo_bypass },				\
	{ &vop_rename_desc, vn_fifo_bypass },				\
	{ &vop_mkdir_desc, vn_fifo_bypass },				\
	{ &vop_rmdir_desc, vn_fifo_bypass },				\
	{ &vop_symlink_desc, vn_fifo_bypass },				\
	{ &vop_readdir_desc, vn_fifo_bypass },				\
	{ &vop_readlink_desc, vn_fifo_bypass },				\
	{ &vop_abortop_desc, vn_fifo_bypass },				\
	{ &vop_bmap_desc, vn_fifo_bypass },				\
	{ &vop_strategy_desc, vn_fifo_bypass },				\
	{ &vop_pathconf_desc, vn_fifo_bypass },				\
	{ &vop_advlock_desc, vn_fifo_bypass },				\
	{ &vop_getpages_desc, genfs_badop },				\
	{ &vop_putpages_desc, vn_fifo_bypass }

#endif /* !_MISCFS_FIFOFS_FIFO_H_ */
