/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounting a /dev/fuse descriptor with mount(2), for those who may.  Others
 * ask fusermount3 for a descriptor (rumpy/fuse/mounting.py).
 */

#include <sys/mount.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "fuse_api.h"

#define	MOUNT_OPTIONS_MAX	512

/*
 * Mount fd on mountpoint as file system type fuse.rumpy.  options is a
 * string to add ("allow_other,default_permissions") or "".  0 or an errno.
 */
int
fuse_mount_fd(int fd, const char *source, const char *mountpoint,
    unsigned long flags, const char *options)
{
	char data[MOUNT_OPTIONS_MAX];
	struct stat st;

	if (stat(mountpoint, &st) == -1)
		return errno;
	const int n = snprintf(data, sizeof(data),
	    "fd=%d,rootmode=%o,user_id=%u,group_id=%u%s%s", fd,
	    st.st_mode & S_IFMT, (unsigned)getuid(), (unsigned)getgid(),
	    options[0] != '\0' ? "," : "", options);
	if (n < 0 || (size_t)n >= sizeof(data))
		return EINVAL;
	if (mount(source, mountpoint, "fuse.rumpy", flags, data) == -1)
		return errno;
	return 0;
}

/* umount2(2); lazy: the tree goes now, the mount when nobody uses it. */
int
fuse_unmount(const char *mountpoint, int lazy)
{
	const int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);

	return umount2(mountpoint, flags) == -1 ? errno : 0;
}
