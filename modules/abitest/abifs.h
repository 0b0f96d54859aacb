/* SPDX-License-Identifier: BSD-2-Clause */
/* The file system in memory that the tests of vnodes use. */
#ifndef _ABIFS_H_
#define	_ABIFS_H_

struct mount;
struct vfsops;
struct vnode;

#define	ABIFS_FILES	8
#define	ABIFS_SIZE	40000
#define	ABIFS_DIR	6		/* the one that is a directory */

extern char abifs_data[ABIFS_FILES][ABIFS_SIZE], abifs_attr[16];
extern int abifs_loaded, abifs_reclaimed, abifs_aborted;
extern struct vfsops abifs_vfsops;

struct mount *abifs_mount(void);
int abifs_unmount(struct mount *);
const void *abifs_setkey(struct vnode *, uint64_t);

#endif /* !_ABIFS_H_ */
