/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system calls on files share. */
#ifndef _KERNEL_VFS_VN_FILE_H_
#define _KERNEL_VFS_VN_FILE_H_

#include <sys/param.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/namei.h>
#include <sys/stat.h>
#include <sys/vnode.h>

/*
 * Start of a path relative to a descriptor.  *DVPP is referenced, or NULL for
 * the current directory (and for absolute paths, where it does not matter).
 */
int at_start(int, const struct pathbuf *, struct vnode **);
int at_copyin(int, const char *, struct pathbuf **, struct vnode **);
void at_done(struct pathbuf *, struct vnode *);
int at_lookup(int, const char *, uint32_t, struct vnode **);
int at_namei(int, const char *, uint32_t, uint32_t, struct nameidata *,
    struct pathbuf **);

/* AT_SYMLINK_NOFOLLOW as flags of namei; other bits are an error. */
static __inline int
at_follow(int flags, int allowed, uint32_t *nflags)
{
	if (flags & ~allowed)
		return EINVAL;
	*nflags = (flags & AT_SYMLINK_NOFOLLOW) ? NOFOLLOW : FOLLOW;
	return 0;
}

#endif /* !_KERNEL_VFS_VN_FILE_H_ */
