/* SPDX-License-Identifier: BSD-2-Clause */
/* Small common things of the vnode layer: tables, attributes, statvfs. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/dirent.h>
#include <sys/filedesc.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/timevar.h>
#include <sys/vfs_hooks.h>
#include <sys/vnode.h>

#include "vfs_private.h"

const enum vtype iftovt_tab[16] = {
	VNON, VFIFO, VCHR, VNON, VDIR, VNON, VBLK, VNON,
	VREG, VNON, VLNK, VNON, VSOCK, VNON, VNON, VBAD,
};
const int vttoif_tab[9] = {
	0, S_IFREG, S_IFDIR, S_IFBLK, S_IFCHR, S_IFLNK, S_IFSOCK, S_IFIFO,
	S_IFMT,
};

uint8_t
vtype2dt(enum vtype type)
{
	static const uint8_t dt[] = {
		[VNON] = DT_UNKNOWN, [VREG] = DT_REG, [VDIR] = DT_DIR,
		[VBLK] = DT_BLK, [VCHR] = DT_CHR, [VLNK] = DT_LNK,
		[VSOCK] = DT_SOCK, [VFIFO] = DT_FIFO, [VBAD] = DT_UNKNOWN,
	};

	return dt[type];
}

/* "Nothing is to be changed": what VOP_SETATTR's caller starts from. */
void
vattr_null(struct vattr *vap)
{
	memset(vap, 0, sizeof(*vap));
	vap->va_type = VNON;
	vap->va_mode = (mode_t)VNOVAL;
	vap->va_nlink = (nlink_t)VNOVAL;
	vap->va_uid = (uid_t)VNOVAL;
	vap->va_gid = (gid_t)VNOVAL;
	vap->va_fsid = (dev_t)VNOVAL;
	vap->va_fileid = (ino_t)VNOVAL;
	vap->va_size = (u_quad_t)VNOVAL;
	vap->va_blocksize = VNOVAL;
	vap->va_atime.tv_sec = vap->va_atime.tv_nsec = VNOVAL;
	vap->va_mtime.tv_sec = vap->va_mtime.tv_nsec = VNOVAL;
	vap->va_ctime.tv_sec = vap->va_ctime.tv_nsec = VNOVAL;
	vap->va_birthtime.tv_sec = vap->va_birthtime.tv_nsec = VNOVAL;
	vap->va_gen = (u_long)VNOVAL;
	vap->va_flags = (u_long)VNOVAL;
	vap->va_rdev = (dev_t)VNOVAL;
	vap->va_bytes = (u_quad_t)VNOVAL;
	vap->va_vaflags = 0;
}

/* The time that file systems write into inodes. */
void
vfs_timestamp(struct timespec *tsp)
{
	nanotime(tsp);
}

int
vn_default_error(void *v __unused)
{
	return EOPNOTSUPP;
}

/*
 * For file systems that know only read, write and execute: translate the
 * finer rights, or say that they cannot be granted at all.
 */
int
vfs_unixify_accmode(accmode_t *accmode)
{
	accmode_t want = *accmode;

	if (want & VEXPLICIT_DENY) {
		/* Asked whether something is explicitly denied: it is not. */
		*accmode = 0;
		return 0;
	}
	if (want & (VDELETE_CHILD | VDELETE))
		return EPERM;
	if (want & VADMIN_PERMS) {
		want &= ~VADMIN_PERMS;
		want |= VADMIN;
	}
	want &= ~(VSTAT_PERMS | VSYNCHRONIZE);
	*accmode = want;
	return 0;
}

long
makefstype(const char *type)
{
	long rv = 0;

	for (; *type != '\0'; type++)
		rv = (rv << 2) ^ *type;
	return rv;
}

/* An identity for a mount that has none of its own. */
void
vfs_getnewfsid(struct mount *mp)
{
	static uint16_t counter;
	long type = makefstype(mp->mnt_op->vfs_name);
	struct mount *other;
	fsid_t fsid;

	fsid.__fsid_val[1] = (int)type;
	do {
		if (++counter == 0)
			counter = 1;
		fsid.__fsid_val[0] = (int)makedev(type & 0xff, counter);
		other = vfs_getvfs(&fsid);
	} while (other != NULL);
	mp->mnt_stat.f_fsidx = fsid;
	mp->mnt_stat.f_fsid = (unsigned long)fsid.__fsid_val[0];
}

/* statvfs */

static int
statvfs_name(const char *from, int seg, char *to, size_t size)
{
	size_t len;
	int error;

	if (from == NULL)
		return 0;
	if (seg == UIO_USERSPACE)
		error = copyinstr(from, to, size - 1, &len);
	else
		error = copystr(from, to, size - 1, &len);
	if (error == ENAMETOOLONG) {
		to[size - 1] = '\0';
		return 0;
	}
	if (error == 0)
		memset(to + len, 0, size - len);
	return error;
}

int
set_statvfs_info(const char *onp, int ukon, const char *fromp, int ukfrom,
    const char *vfsname, struct mount *mp, struct lwp *l __unused)
{
	struct statvfs *sfs = &mp->mnt_stat;
	int error;

	memset(sfs->f_fstypename, 0, sizeof(sfs->f_fstypename));
	strlcpy(sfs->f_fstypename, vfsname, sizeof(sfs->f_fstypename));
	error = statvfs_name(onp, ukon, sfs->f_mntonname,
	    sizeof(sfs->f_mntonname));
	if (error == 0)
		error = statvfs_name(fromp, ukfrom, sfs->f_mntfromname,
		    sizeof(sfs->f_mntfromname));
	return error;
}

/* The part of the answer that the mount knows, for VFS_STATVFS. */
void
copy_statvfs_info(struct statvfs *sbp, const struct mount *mp)
{
	const struct statvfs *mbp = &mp->mnt_stat;

	if (sbp == mbp)
		return;
	sbp->f_fsidx = mbp->f_fsidx;
	sbp->f_fsid = mbp->f_fsid;
	sbp->f_owner = mbp->f_owner;
	sbp->f_flag = mbp->f_flag;
	sbp->f_syncwrites = mbp->f_syncwrites;
	sbp->f_asyncwrites = mbp->f_asyncwrites;
	sbp->f_syncreads = mbp->f_syncreads;
	sbp->f_asyncreads = mbp->f_asyncreads;
	memcpy(sbp->f_spare, mbp->f_spare, sizeof(mbp->f_spare));
	memcpy(sbp->f_fstypename, mbp->f_fstypename,
	    sizeof(sbp->f_fstypename));
	memcpy(sbp->f_mntonname, mbp->f_mntonname, sizeof(sbp->f_mntonname));
	memcpy(sbp->f_mntfromname, mbp->f_mntfromname,
	    sizeof(sbp->f_mntfromname));
	memcpy(sbp->f_mntfromlabel, mbp->f_mntfromlabel,
	    sizeof(sbp->f_mntfromlabel));
	sbp->f_namemax = mbp->f_namemax;
}

/* Inside a chroot the mount point is told as seen from there. */
static int
statvfs_chroot(struct statvfs *sp, struct lwp *l, bool root)
{
	struct vnode *rdir = l->l_proc->p_cwdi->cwdi_rdir;
	char *path, *bp;
	size_t len;
	int error;

	if (rdir == NULL)
		return 0;
	path = kmem_alloc(MAXPATHLEN, KM_SLEEP);
	bp = path + MAXPATHLEN;
	*--bp = '\0';
	error = getcwd_common(rdir, rootvnode, &bp, path, MAXPATHLEN / 2, 0,
	    l);
	if (error == 0) {
		len = strlen(bp);
		if (len > 1 && strncmp(bp, sp->f_mntonname, len) == 0 &&
		    (sp->f_mntonname[len] == '/' ||
		    sp->f_mntonname[len] == '\0')) {
			memmove(sp->f_mntonname, sp->f_mntonname + len,
			    strlen(sp->f_mntonname + len) + 1);
			if (sp->f_mntonname[0] == '\0')
				strlcpy(sp->f_mntonname, "/",
				    sizeof(sp->f_mntonname));
		} else if (root) {
			strlcpy(sp->f_mntonname, "/",
			    sizeof(sp->f_mntonname));
		} else {
			error = EPERM;
		}
	}
	kmem_free(path, MAXPATHLEN);
	return error;
}

/*
 * statvfs of a mount as a process may see it.  ROOT: the mount that the
 * process's root directory is in may be shown even if it begins above.
 */
int
dostatvfs(struct mount *mp, struct statvfs *sp, struct lwp *l, int flags,
    int root)
{
	int error = 0;

	if (flags == MNT_NOWAIT || flags == MNT_LAZY) {
		memcpy(sp, &mp->mnt_stat, sizeof(*sp));
	} else {
		memset(sp, 0, sizeof(*sp));
		error = VFS_STATVFS(mp, sp);
		if (error != 0)
			return error;
		memcpy(&mp->mnt_stat, sp, sizeof(*sp));
	}
	sp->f_flag = (unsigned long)(unsigned)mp->mnt_flag &
	    MNT_VISFLAGMASK;
	return statvfs_chroot(sp, l, root != 0);
}

/* Hooks. */

static LIST_HEAD(, vfs_hooks) vfs_hooks_head =
    LIST_HEAD_INITIALIZER(vfs_hooks_head);

int
vfs_hooks_attach(struct vfs_hooks *h)
{
	LIST_INSERT_HEAD(&vfs_hooks_head, h, vfs_hooks_list);
	return 0;
}

int
vfs_hooks_detach(struct vfs_hooks *h)
{
	struct vfs_hooks *p;

	LIST_FOREACH(p, &vfs_hooks_head, vfs_hooks_list) {
		if (p == h) {
			LIST_REMOVE(h, vfs_hooks_list);
			return 0;
		}
	}
	return ESRCH;
}

void
vfs_hooks_unmount(struct mount *mp)
{
	struct vfs_hooks *h, *next;

	LIST_FOREACH_SAFE(h, &vfs_hooks_head, vfs_hooks_list, next)
		if (h->vh_unmount != NULL)
			(*h->vh_unmount)(mp);
}

/* The first hook that has an opinion answers. */
int
vfs_hooks_reexport(struct mount *mp, const char *path, void *data)
{
	struct vfs_hooks *h;
	int error;

	LIST_FOREACH(h, &vfs_hooks_head, vfs_hooks_list) {
		if (h->vh_reexport == NULL)
			continue;
		error = (*h->vh_reexport)(mp, path, data);
		if (error != EJUSTRETURN)
			return error;
	}
	return EOPNOTSUPP;
}
