/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syncer, and the start of all that moves data (vfs_io.c).
 */
#ifndef _VFS_SYNCER_H_
#define	_VFS_SYNCER_H_

void	syncer_init(void);
void	syncer_kick(void);
void	vfs_io_init(void);
void	vfs_io_start(void);

#endif /* !_VFS_SYNCER_H_ */
