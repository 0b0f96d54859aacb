/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes of FFSv1: the file /.attribute/SPACE/NAME holds those of
 * that name, after a head one slot for each inode number.  The head says how
 * long a value may be, a slot whether it is in use, by which generation of
 * its inode, and how long the value is.
 *
 * The files are looked for when the file system is mounted, and remembered by
 * inode number: no reference is kept.  One that a user removes is missed when
 * it is next used.  A name that is set for the first time gets its file then;
 * the directories have to be there, or the mount option "extattr", which makes
 * them, has to be given.
 *
 * The order of locks is: a file, then a backing file.  Directories are locked
 * before files, so that making a backing file gives up the file's lock.
 */

#include "ffs.h"

#include <sys/extattr.h>
#include <sys/lwp.h>
#include <sys/namei.h>
#include <sys/stat.h>
#include <lib/libkern/libkern.h>

#define	EA1_MAGIC	0x00b5d5ec
#define	EA1_VERSION	3
#define	EA1_INUSE	1		/* in eh_flags */
#define	EA1_NAMELEN	64		/* bytes of the longest name */
#define	EA1_VALUELEN	1024		/* room for values in new files */
#define	EA1_MAXVALUE	65536

struct ea1_head {			/* of a backing file */
	uint32_t	eh_magic;
	uint32_t	eh_version;
	uint32_t	eh_size;	/* room for each value */
};

struct ea1_slot {			/* followed by the value */
	uint32_t	es_flags;
	uint32_t	es_len;
	uint32_t	es_gen;
};

struct ffs_ea1 {
	struct ffs_ea1	*ea_next;
	uint64_t	ea_ino;		/* of the backing file */
	uint32_t	ea_gen;
	uint32_t	ea_size;	/* room for a value */
	int		ea_space;
	bool		ea_dirty;	/* written since it was last synced */
	char		ea_name[EA1_NAMELEN + 1];
};

static const struct {
	int		space;
	const char	*name;
} ea1_dirs[] = {
	{ EXTATTR_NAMESPACE_USER, "user" },
	{ EXTATTR_NAMESPACE_SYSTEM, "system" },
};
#define	EA1_TOP	".attribute"

/* Backing files. */

static int
ea1_rdwr(struct vnode *vp, enum uio_rw rw, void *data, size_t len, off_t off)
{
	size_t left = 0;
	int error;

	error = vn_rdwr(rw, vp, data, (int)len, off, UIO_SYSSPACE,
	    IO_NODELOCKED, lwp0.l_cred, &left, curlwp);
	/* What lies behind the end of the file reads as unused. */
	if (error == 0 && rw == UIO_READ)
		memset((char *)data + len - left, 0, left);
	else if (error == 0 && left != 0)
		error = EIO;
	return error;
}

/* Lock the backing file for a use on behalf of ip; ENOATTR if it is gone. */
static int
ea1_lock(struct ffs_inode *ip, const struct ffs_ea1 *ea, int lktype,
    struct vnode **vpp)
{
	struct ffs_inode *bp;
	int error;

	if (ea->ea_ino == ip->i_number)
		return EOPNOTSUPP;
	error = vcache_get(ip->i_fm->fm_mp, &ea->ea_ino, sizeof(ea->ea_ino),
	    vpp);
	if (error == 0) {
		error = vn_lock(*vpp, lktype);
		if (error != 0)
			vrele(*vpp);
	}
	if (error != 0)
		return error == ENOENT ? ENOATTR : error;
	bp = VTOI(*vpp);
	if ((*vpp)->v_type != VREG || bp->i_gen != ea->ea_gen ||
	    bp->i_nlink <= 0) {
		vput(*vpp);
		return ENOATTR;
	}
	return 0;
}

static struct ffs_ea1 *
ea1_find(const struct ffs_mount *fm, int space, const char *name)
{
	struct ffs_ea1 *ea;

	for (ea = fm->fm_ea1; ea != NULL; ea = ea->ea_next)
		if (ea->ea_space == space && strcmp(ea->ea_name, name) == 0)
			break;
	return ea;
}

static off_t
ea1_where(const struct ffs_inode *ip, const struct ffs_ea1 *ea)
{
	return (off_t)sizeof(struct ea1_head) + (off_t)ip->i_number *
	    (off_t)(sizeof(struct ea1_slot) + ea->ea_size);
}

/* The slot of ip.  ENOATTR: there is none in use, or it is of a dead file. */
static int
ea1_slot(const struct ffs_inode *ip, const struct ffs_ea1 *ea,
    struct vnode *vp, uint32_t *lenp)
{
	const struct ffs_mount *fm = ip->i_fm;
	struct ea1_slot es;
	int error;

	error = ea1_rdwr(vp, UIO_READ, &es, sizeof(es), ea1_where(ip, ea));
	if (error != 0)
		return error;
	if ((FFS_G32(fm, es.es_flags) & EA1_INUSE) == 0 ||
	    FFS_G32(fm, es.es_gen) != ip->i_gen)
		return ENOATTR;
	*lenp = FFS_G32(fm, es.es_len);
	return *lenp > ea->ea_size ? EIO : 0;
}

bool
ffs_ea1_possible(const struct ffs_inode *ip)
{
	const struct ffs_mount *fm = ip->i_fm;

	for (const struct ffs_ea1 *ea = fm->fm_ea1; ea != NULL;
	    ea = ea->ea_next)
		if (ea->ea_ino == ip->i_number)
			return false;
	return fm->fm_ea1dirs;
}

int
ffs_ea1_get(struct ffs_inode *ip, int space, const char *name, void **valuep,
    size_t *lenp)
{
	struct ffs_ea1 *ea = ea1_find(ip->i_fm, space, name);
	struct vnode *vp;
	uint32_t len = 0;
	int error;

	if (ea == NULL)
		return ENOATTR;
	error = ea1_lock(ip, ea, LK_SHARED, &vp);
	if (error != 0)
		return error;
	error = ea1_slot(ip, ea, vp, &len);
	if (error == 0 && len != 0) {
		*valuep = kmem_alloc(len, KM_SLEEP);
		*lenp = len;
		error = ea1_rdwr(vp, UIO_READ, *valuep, len,
		    ea1_where(ip, ea) + (off_t)sizeof(struct ea1_slot));
		if (error != 0) {
			kmem_free(*valuep, len);
			*valuep = NULL;
			*lenp = 0;
		}
	}
	vput(vp);
	return error;
}

/* Write the slot of ip: with a value, or as unused. */
static int
ea1_put(struct ffs_inode *ip, struct ffs_ea1 *ea, struct vnode *vp,
    const void *value, size_t len)
{
	const struct ffs_mount *fm = ip->i_fm;
	const size_t size = sizeof(struct ea1_slot) + len;
	struct ea1_slot *es = kmem_zalloc(size, KM_SLEEP);
	int error;

	if (value != NULL) {
		es->es_flags = FFS_G32(fm, EA1_INUSE);
		es->es_len = FFS_G32(fm, (uint32_t)len);
		es->es_gen = FFS_G32(fm, ip->i_gen);
		memcpy(es + 1, value, len);
	}
	error = ea1_rdwr(vp, UIO_WRITE, es, size, ea1_where(ip, ea));
	kmem_free(es, size);
	ea->ea_dirty = true;
	ip->i_flag |= IN_CHANGE;
	return error;
}

/* Making backing files. */

/* Look up or make a name in a locked directory; *vpp is locked. */
static int
ea1_make(struct vnode *dvp, const char *name, enum vtype type,
    struct vnode **vpp)
{
	struct componentname cn = {
		.cn_nameiop = CREATE,
		.cn_flags = ISLASTCN | LOCKPARENT | NOCROSSMOUNT,
		.cn_cred = lwp0.l_cred,
		.cn_nameptr = name,
		.cn_namelen = strlen(name),
	};
	struct vattr va;
	int error;

	error = VOP_LOOKUP(dvp, vpp, &cn);
	if (error == EJUSTRETURN) {
		vattr_null(&va);
		va.va_type = type;
		va.va_mode = type == VDIR ? S_IRWXU : S_IRUSR | S_IWUSR;
		if (type == VDIR)
			error = VOP_MKDIR(dvp, vpp, &cn, &va);
		else
			error = VOP_CREATE(dvp, vpp, &cn, &va);
	}
	if (error != 0)
		return error;
	if (*vpp == dvp || (*vpp)->v_type != type) {
		vrele(*vpp);
		return EIO;
	}
	error = vn_lock(*vpp, LK_EXCLUSIVE);
	if (error != 0)
		vrele(*vpp);
	return error;
}

/* The directory of a name space, locked; made if it is not there. */
static int
ea1_makedir(struct ffs_mount *fm, int space, struct vnode **vpp)
{
	struct vnode *root, *top;
	int error;

	error = VFS_ROOT(fm->fm_mp, LK_EXCLUSIVE, &root);
	if (error != 0)
		return error;
	error = ea1_make(root, EA1_TOP, VDIR, &top);
	vput(root);
	if (error != 0)
		return error;
	for (size_t i = 0; i < __arraycount(ea1_dirs); i++)
		if (ea1_dirs[i].space == space)
			error = ea1_make(top, ea1_dirs[i].name, VDIR, vpp);
	vput(top);
	return error;
}

/* Remember a backing file, unless it is none.  vp is locked. */
static int
ea1_remember(struct ffs_mount *fm, int space, const char *name,
    size_t namelen, struct vnode *vp)
{
	struct ffs_inode *ip = VTOI(vp);
	struct ea1_head eh;
	struct ffs_ea1 *ea, *new;
	int error;

	if (vp->v_type != VREG || namelen > EA1_NAMELEN)
		return EINVAL;
	error = ea1_rdwr(vp, UIO_READ, &eh, sizeof(eh), 0);
	if (error != 0)
		return error;
	if (FFS_G32(fm, eh.eh_magic) != EA1_MAGIC ||
	    FFS_G32(fm, eh.eh_version) != EA1_VERSION ||
	    FFS_G32(fm, eh.eh_size) > EA1_MAXVALUE)
		return EINVAL;
	new = kmem_zalloc(sizeof(*new), KM_SLEEP);
	memcpy(new->ea_name, name, namelen);
	new->ea_space = space;
	/* The list only grows: others may be sleeping at an entry of it. */
	ea = ea1_find(fm, space, new->ea_name);
	if (ea == NULL) {
		ea = new;
		ea->ea_next = fm->fm_ea1;
		fm->fm_ea1 = ea;
	} else
		kmem_free(new, sizeof(*new));
	ea->ea_ino = ip->i_number;
	ea->ea_gen = ip->i_gen;
	ea->ea_size = FFS_G32(fm, eh.eh_size);
	return 0;
}

/* Make the backing file of a name.  No vnode is locked. */
static int
ea1_makefile(struct ffs_mount *fm, int space, const char *name)
{
	struct ea1_head eh = {
		.eh_magic = FFS_G32(fm, EA1_MAGIC),
		.eh_version = FFS_G32(fm, EA1_VERSION),
		.eh_size = FFS_G32(fm, EA1_VALUELEN),
	};
	struct vnode *dvp, *vp;
	int error;

	if (strlen(name) > EA1_NAMELEN)
		return ENAMETOOLONG;
	if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0)
		return EINVAL;
	error = ea1_makedir(fm, space, &dvp);
	if (error != 0)
		return error;
	error = ea1_make(dvp, name, VREG, &vp);
	vput(dvp);
	if (error != 0)
		return error;
	if (VTOI(vp)->i_size == 0)
		error = ea1_rdwr(vp, UIO_WRITE, &eh, sizeof(eh), 0);
	/* With its name: the attribute is nothing without. */
	if (error == 0)
		error = VOP_FSYNC(vp, lwp0.l_cred, FSYNC_WAIT, 0, 0);
	if (error == 0)
		error = ea1_remember(fm, space, name, strlen(name), vp);
	vput(vp);
	return error == EINVAL ? EIO : error;
}

/* As ffs_ea_prepare(): makes the backing file, with ip unlocked meanwhile. */
int
ffs_ea1_prepare(struct ffs_inode *ip, int space, const char *name)
{
	struct vnode *vp = ITOV(ip), *file;
	const struct ffs_ea1 *ea = ea1_find(ip->i_fm, space, name);
	int error;

	if (!ffs_ea1_possible(ip))
		return EOPNOTSUPP;
	if (ea != NULL && ea1_lock(ip, ea, LK_SHARED, &file) == 0) {
		vput(file);
		return 0;
	}
	VOP_UNLOCK(vp);
	error = ea1_makefile(ip->i_fm, space, name);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	/* It may have been revoked meanwhile. */
	return error == 0 && VTOI(vp) != ip ? ENOENT : error;
}

/* As ffs_ea_set(). */
int
ffs_ea1_set(struct ffs_inode *ip, int space, const char *name,
    const void *value, size_t len, bool make)
{
	struct ffs_mount *fm = ip->i_fm;
	struct ffs_ea1 *ea = ea1_find(fm, space, name);
	struct vnode *vp;
	uint32_t olen;
	int error = ENOATTR;

	if (ea != NULL)
		error = ea1_lock(ip, ea, LK_EXCLUSIVE, &vp);
	if (error == ENOATTR && value != NULL && make) {
		error = ffs_ea1_prepare(ip, space, name);
		ea = ea1_find(fm, space, name);
		if (error == 0)
			error = ea == NULL ? EIO : ea1_lock(ip, ea,
			    LK_EXCLUSIVE, &vp);
	}
	if (error != 0)
		return error;
	if (value != NULL && len > ea->ea_size)
		error = ENOSPC;
	else if (value == NULL)
		error = ea1_slot(ip, ea, vp, &olen);
	/* A slot that can't be true may be removed. */
	if (error == 0 || (error == EIO && value == NULL))
		error = ea1_put(ip, ea, vp, value, len);
	vput(vp);
	return error;
}

int
ffs_ea1_list(struct ffs_inode *ip, int space, struct uio *uio, size_t *sizep,
    int flag)
{
	struct vnode *vp;
	uint32_t len;
	int error = 0;

	for (struct ffs_ea1 *ea = ip->i_fm->fm_ea1; ea != NULL && error == 0;
	    ea = ea->ea_next) {
		if (ea->ea_space != space)
			continue;
		error = ea1_lock(ip, ea, LK_SHARED, &vp);
		if (error == 0) {
			error = ea1_slot(ip, ea, vp, &len);
			vput(vp);
		}
		if (error == 0)
			error = ffs_ea_listname(uio, sizep, flag, ea->ea_name,
			    strlen(ea->ea_name));
		else if (error == ENOATTR)
			error = 0;
	}
	return error;
}

/* The file is no more: so are its attributes. */
void
ffs_ea1_free(struct ffs_inode *ip)
{
	struct vnode *vp;
	uint32_t len;

	for (struct ffs_ea1 *ea = ip->i_fm->fm_ea1; ea != NULL;
	    ea = ea->ea_next) {
		if (ea1_lock(ip, ea, LK_EXCLUSIVE, &vp) != 0)
			continue;
		if (ea1_slot(ip, ea, vp, &len) == 0)
			(void)ea1_put(ip, ea, vp, NULL, 0);
		vput(vp);
	}
}

/* What was set is on the disk when this returns. */
int
ffs_ea1_sync(struct ffs_inode *ip)
{
	struct vnode *vp;
	int error;

	for (struct ffs_ea1 *ea = ip->i_fm->fm_ea1; ea != NULL;
	    ea = ea->ea_next) {
		if (!ea->ea_dirty || ea->ea_ino == ip->i_number ||
		    ea1_lock(ip, ea, LK_EXCLUSIVE, &vp) != 0)
			continue;
		ea->ea_dirty = false;
		error = ffs_fsync_inode(VTOI(vp), FSYNC_WAIT, 0, 0);
		vput(vp);
		if (error != 0)
			return error;
	}
	return 0;
}

/* Finding them at mount. */

/* A name in a directory, as a locked vnode. */
static int
ea1_open(struct vnode *dvp, const char *name, size_t namelen,
    struct vnode **vpp)
{
	struct ffs_slot sl;
	uint64_t ino;
	int error;

	if (dvp->v_type != VDIR)
		return ENOENT;
	error = ffs_dir_find(VTOI(dvp), name, namelen, 0, &sl);
	if (error != 0)
		return error;
	ino = sl.sl_ino;
	if (ino == VTOI(dvp)->i_number || ino == UFS_ROOTINO)
		return EIO;
	error = vcache_get(dvp->v_mount, &ino, sizeof(ino), vpp);
	if (error != 0)
		return error;
	error = vn_lock(*vpp, LK_EXCLUSIVE);
	if (error != 0)
		vrele(*vpp);
	return error;
}

/* Copies the name of the first usable entry from *offp on; "" at the end. */
static int
ea1_nextname(struct ffs_inode *dp, uint64_t *offp, char *name)
{
	struct ffs_dirent de;
	unsigned avail;
	uint8_t *data;
	struct buf *bp;
	int error;

	name[0] = '\0';
	while (*offp < dp->i_size) {
		unsigned at = (unsigned)(*offp % UFS_DIRBLKSIZ);

		error = ffs_dirblk_get(dp, (int64_t)(*offp / UFS_DIRBLKSIZ),
		    &bp, &data, &avail);
		if (error != 0)
			return error;
		for (; at < avail && name[0] == '\0'; at += de.de_reclen) {
			if (!ffs_dirent_get(dp->i_fm, data, at, avail, &de)) {
				brelse(bp, 0);
				return EIO;
			}
			*offp += de.de_reclen;
			if (de.de_usable && de.de_name[0] != '.') {
				memcpy(name, de.de_name, de.de_namlen);
				name[de.de_namlen] = '\0';
			}
		}
		brelse(bp, 0);
		if (name[0] != '\0')
			return 0;
	}
	return 0;
}

/* Remember the backing files in one directory. */
static void
ea1_scan(struct ffs_mount *fm, struct vnode *dvp, int space)
{
	char name[UFS_MAXNAMLEN + 1];
	struct vnode *vp;
	uint64_t off = 0;

	if (dvp->v_type != VDIR)
		return;
	fm->fm_ea1dirs = true;
	while (ea1_nextname(VTOI(dvp), &off, name) == 0 && name[0] != '\0') {
		if (ea1_open(dvp, name, strlen(name), &vp) != 0)
			continue;
		if (ea1_remember(fm, space, name, strlen(name), vp) != 0)
			ffs_complain(fm, "/%s: %s is no attribute file",
			    EA1_TOP, name);
		vput(vp);
	}
}

void
ffs_ea1_start(struct ffs_mount *fm)
{
	struct vnode *root, *top, *dvp;

	if (ffs_isufs2(fm->fm_fs) || fm->fm_old43)
		return;
	fm->fm_ea1dirs = !fm->fm_ronly &&
	    (fm->fm_mp->mnt_flag & MNT_EXTATTR) != 0;
	if (VFS_ROOT(fm->fm_mp, LK_EXCLUSIVE, &root) != 0)
		return;
	if (ea1_open(root, EA1_TOP, sizeof(EA1_TOP) - 1, &top) == 0) {
		for (size_t i = 0; i < __arraycount(ea1_dirs); i++)
			if (ea1_open(top, ea1_dirs[i].name,
			    strlen(ea1_dirs[i].name), &dvp) == 0) {
				ea1_scan(fm, dvp, ea1_dirs[i].space);
				vput(dvp);
			}
		vput(top);
	}
	vput(root);
}

void
ffs_ea1_stop(struct ffs_mount *fm)
{
	struct ffs_ea1 *ea;

	while ((ea = fm->fm_ea1) != NULL) {
		fm->fm_ea1 = ea->ea_next;
		kmem_free(ea, sizeof(*ea));
	}
}
