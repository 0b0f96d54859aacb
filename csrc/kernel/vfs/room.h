/* SPDX-License-Identifier: BSD-2-Clause */
/* Is there memory for one more file that a user holds?  0 or ENFILE. */
#ifndef _KERNEL_VFS_ROOM_H_
#define _KERNEL_VFS_ROOM_H_

/* An open directory that was read, with its cookies, counts as so many. */
#define	ROOM_DIRBUF	8

int	room_for_directory(void);
int	room_for_file(void);
int	room_for_vnode(void);
void	room_hold(int);

#endif /* !_KERNEL_VFS_ROOM_H_ */
