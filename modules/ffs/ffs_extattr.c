/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended attributes.  FFSv2 keeps those of a file in up to two blocks of its
 * own, a run of records; FFSv1 keeps those of one name in a backing file
 * (ffs_extattr1.c).
 *
 * A record, in the disk's byte order and at multiples of 8 bytes: its length
 * (32 bits), name space, bytes of padding behind the value, length of the
 * name (a byte each), the name, padding to 8 bytes, the value, padding.
 *
 * The area is kept in memory once it was looked at (i_ea, guarded by the
 * vnode's lock; whoever loads it under a shared lock puts it there without
 * sleeping).  A change writes a new area to new blocks, then the inode, then
 * frees the old blocks: whatever is cut in between, one of the two is there
 * whole.  Only where the disk is full is the old one overwritten.
 */

#include "ffs.h"

#include <sys/extattr.h>
#include <sys/stat.h>
#include <lib/libkern/libkern.h>

#define	EA_HEAD		7	/* bytes before the name */
#define	EA_ALIGN(n)	(((n) + 7U) & ~7U)

struct ffs_earec {
	uint32_t	er_off;
	uint32_t	er_len;
	int		er_space;
	unsigned	er_namelen;
	const char	*er_name;
	uint8_t		*er_value;
	uint32_t	er_valuelen;
};

/* Decode the record at off.  False: what lies there is none. */
static bool
ffs_ea_record(const struct ffs_mount *fm, uint8_t *area, uint32_t size,
    uint32_t off, struct ffs_earec *er)
{
	uint8_t *p = area + off;
	uint32_t len, base;

	if (size - off < EA_ALIGN(EA_HEAD + 1))
		return false;
	memcpy(&len, p, sizeof(len));
	len = FFS_G32(fm, len);
	base = EA_ALIGN(EA_HEAD + p[6]);
	if (len > size - off || (len & 7) != 0 || len < base || p[6] == 0 ||
	    p[5] > len - base)
		return false;
	er->er_off = off;
	er->er_len = len;
	er->er_space = p[4];
	er->er_namelen = p[6];
	er->er_name = (const char *)p + EA_HEAD;
	er->er_value = p + base;
	er->er_valuelen = len - base - p[5];
	return true;
}

static int
ffs_ea_damaged(const struct ffs_inode *ip, uint32_t off)
{
	ffs_complain(ip->i_fm, "inode %llu: extended attributes are damaged "
	    "at offset %u", (unsigned long long)ip->i_number, off);
	return EIO;
}

/* How many bytes of an area of size bytes lie in block i. */
static int64_t
ffs_ea_part(const struct fs *fs, int64_t size, int i)
{
	const int64_t left = size - FFS_LBLKTOSIZE(fs, (int64_t)i);

	return left <= 0 ? 0 : MIN(left, fs->fs_bsize);
}

/* Read the blocks of the area into buf, which has i_extsize bytes. */
static int
ffs_ea_read(struct ffs_inode *ip, uint8_t *buf)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	struct buf *bp;

	for (int i = 0; i < UFS_NXADDR; i++) {
		const int64_t n = ffs_ea_part(fs, ip->i_extsize, i);
		int error;

		if (n == 0)
			break;
		if (ffs_badblock(fm, ip->i_extb[i], n))
			return ffs_ea_damaged(ip, (uint32_t)i << fs->fs_bshift);
		error = ffs_devread(fm, FFS_FSBTODB(fs, ip->i_extb[i]),
		    (int)FFS_FRAGROUNDUP(fs, n), 0, &bp);
		if (error != 0)
			return error;
		memcpy(buf + FFS_LBLKTOSIZE(fs, (int64_t)i), bp->b_data,
		    (size_t)n);
		brelse(bp, 0);
	}
	return 0;
}

/* Have the area in memory, all of its records believable. */
static int
ffs_ea_load(struct ffs_inode *ip)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const uint32_t size = (uint32_t)ip->i_extsize;
	struct ffs_earec er;
	uint8_t *area;
	int error;

	if (ip->i_ea != NULL || size == 0)
		return 0;
	if (size > (uint32_t)UFS_NXADDR << fs->fs_bshift)
		return ffs_ea_damaged(ip, 0);
	area = kmem_alloc(size, KM_SLEEP);
	error = ffs_ea_read(ip, area);
	for (uint32_t off = 0; off < size && error == 0; off += er.er_len)
		if (!ffs_ea_record(ip->i_fm, area, size, off, &er))
			error = ffs_ea_damaged(ip, off);
	if (error != 0 || ip->i_ea != NULL) {
		kmem_free(area, size);
		return error;
	}
	ip->i_ea = area;
	ip->i_ealen = size;
	return 0;
}

/* Forget what is in memory. */
void
ffs_ea_drop(struct ffs_inode *ip)
{
	if (ip->i_ea != NULL)
		kmem_free(ip->i_ea, ip->i_ealen);
	ip->i_ea = NULL;
	ip->i_ealen = 0;
}

static bool
ffs_ea_find(const struct ffs_inode *ip, int space, const char *name,
    struct ffs_earec *er)
{
	const size_t namelen = strlen(name);

	for (uint32_t off = 0; off < ip->i_ealen; off += er->er_len) {
		if (!ffs_ea_record(ip->i_fm, ip->i_ea, ip->i_ealen, off, er))
			return false;
		if (er->er_space == space && er->er_namelen == namelen &&
		    memcmp(er->er_name, name, namelen) == 0)
			return true;
	}
	return false;
}

/* Writing. */

static void
ffs_ea_free_block(struct ffs_inode *ip, int64_t bno, int64_t bytes)
{
	struct ffs_mount *fm = ip->i_fm;

	bytes = FFS_FRAGROUNDUP(fm->fm_fs, bytes);
	binvalbuf(fm->fm_devvp, FFS_FSBTODB(fm->fm_fs, bno));
	ffs_blkfree(fm, bno, bytes, ip->i_number);
	ip->i_blocks -= MIN(FFS_BTODB(bytes), ip->i_blocks);
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
}

static void
ffs_ea_free_blocks(struct ffs_inode *ip, const int64_t *bno, int64_t size)
{
	const struct fs *fs = ip->i_fm->fm_fs;

	for (int i = 0; i < UFS_NXADDR; i++)
		if (bno[i] != 0 && ffs_ea_part(fs, size, i) != 0)
			ffs_ea_free_block(ip, bno[i], ffs_ea_part(fs, size,
			    i));
}

/* Blocks for an area of size bytes; nothing is kept when one is missing. */
static int
ffs_ea_alloc(struct ffs_inode *ip, int64_t size, kauth_cred_t cred,
    int64_t *bno)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	int error = 0;

	for (int i = 0; i < UFS_NXADDR && error == 0; i++) {
		const int64_t n = ffs_ea_part(fs, size, i);

		bno[i] = 0;
		if (n != 0)
			error = ffs_alloc(ip, 0, (int)FFS_FRAGROUNDUP(fs, n),
			    cred, &bno[i]);
	}
	if (error != 0 && bno[0] != 0)
		ffs_ea_free_block(ip, bno[0], ffs_ea_part(fs, size, 0));
	return error;
}

static int
ffs_ea_write(struct ffs_inode *ip, const int64_t *bno, const uint8_t *area,
    uint32_t size, bool wait)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	int error = 0;

	for (int i = 0; i < UFS_NXADDR && error == 0; i++) {
		const int64_t n = ffs_ea_part(fs, size, i);
		struct buf *bp;

		if (n == 0)
			break;
		bp = getblk(fm->fm_devvp, FFS_FSBTODB(fs, bno[i]),
		    (int)FFS_FRAGROUNDUP(fs, n), 0, 0);
		if (bp == NULL)
			return EIO;
		clrbuf(bp);
		memcpy(bp->b_data, area + FFS_LBLKTOSIZE(fs, (int64_t)i),
		    (size_t)n);
		error = wait ? bwrite(bp) : ffs_bwrite_meta(fm, bp);
	}
	return error;
}

/* With no room for a copy: over the old area, which is as large or larger. */
static int
ffs_ea_overwrite(struct ffs_inode *ip, const uint8_t *area, uint32_t size)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t osize = ip->i_extsize;
	int64_t bno;
	int error;

	if (FFS_FRAGROUNDUP(fs, (int64_t)size) > FFS_FRAGROUNDUP(fs, osize))
		return ENOSPC;
	error = ffs_ea_write(ip, ip->i_extb, area, size, false);
	if (error != 0)
		return error;
	ip->i_extsize = (int32_t)size;
	for (int i = UFS_NXADDR - 1; i >= 0; i--) {
		const int64_t n = FFS_FRAGROUNDUP(fs, ffs_ea_part(fs, size,
		    i));
		const int64_t o = FFS_FRAGROUNDUP(fs, ffs_ea_part(fs, osize,
		    i));

		if (n == o)
			continue;
		bno = ip->i_extb[i] + FFS_NUMFRAGS(fs, n);
		if (n == 0)
			ip->i_extb[i] = 0;
		ffs_ea_free_block(ip, bno, o - n);
	}
	return 0;
}

/*
 * Make area (size bytes; it becomes the inode's, also on failure) the one of
 * the inode, on the disk too.
 */
static int
ffs_ea_replace(struct ffs_inode *ip, uint8_t *area, uint32_t size,
    kauth_cred_t cred)
{
	const struct ffs_mount *fm = ip->i_fm;
	const int32_t osize = ip->i_extsize;
	/* A journal keeps freed blocks untouched for as long as needed. */
	const bool wait = ffs_syncmeta(fm) ||
	    (osize != 0 && fm->fm_log == NULL);
	int64_t bno[UFS_NXADDR] = { 0 }, old[UFS_NXADDR];
	bool moved = false;
	int error;

	memcpy(old, ip->i_extb, sizeof(old));
	error = ffs_ea_alloc(ip, size, cred, bno);
	if (error == ENOSPC)
		error = ffs_ea_overwrite(ip, area, size);
	else if (error == 0) {
		error = ffs_ea_write(ip, bno, area, size, wait);
		if (error != 0)
			ffs_ea_free_blocks(ip, bno, size);
		moved = error == 0;
	}
	ffs_ea_drop(ip);
	if (error != 0) {
		if (area != NULL)
			kmem_free(area, size);
		return error;
	}
	ip->i_ea = area;
	ip->i_ealen = size;
	if (moved) {
		memcpy(ip->i_extb, bno, sizeof(bno));
		ip->i_extsize = (int32_t)size;
	}
	ip->i_flag |= IN_CHANGE | IN_MODIFIED;
	if (wait)
		error = ffs_update(ip, true);
	/* If that failed, the disk still points at them. */
	if (moved && error == 0)
		ffs_ea_free_blocks(ip, old, osize);
	return error;
}

static int
ffs_ea_store(struct ffs_inode *ip, uint8_t *area, uint32_t size,
    kauth_cred_t cred)
{
	struct ffs_tx tx;
	int error;

	error = ffs_begin(ip->i_fm, &tx);
	if (error != 0) {
		if (area != NULL)
			kmem_free(area, size);
		return error;
	}
	ffs_touch(ip);
	error = ffs_ea_replace(ip, area, size, cred);
	ffs_end(&tx);
	return error;
}

/* Write out a changed area that VOP_OPENEXTATTR kept back. */
static int
ffs_ea_commit(struct ffs_inode *ip, kauth_cred_t cred)
{
	const uint32_t size = ip->i_ealen;
	uint8_t *copy = NULL;

	if (size != 0) {
		copy = kmem_alloc(size, KM_SLEEP);
		memcpy(copy, ip->i_ea, size);
	}
	return ffs_ea_store(ip, copy, size, cred);
}

/* Append a record. */
static void
ffs_ea_put(const struct ffs_mount *fm, uint8_t *p, int space,
    const char *name, const void *value, size_t valuelen)
{
	const size_t namelen = strlen(name);
	const uint32_t base = EA_ALIGN(EA_HEAD + (uint32_t)namelen);
	const uint32_t len = base + EA_ALIGN((uint32_t)valuelen);
	const uint32_t disklen = FFS_G32(fm, len);

	memset(p, 0, len);
	memcpy(p, &disklen, sizeof(disklen));
	p[4] = (uint8_t)space;
	p[5] = (uint8_t)(len - base - valuelen);
	p[6] = (uint8_t)namelen;
	memcpy(p + EA_HEAD, name, namelen);
	memcpy(p + base, value, valuelen);
}

/* Set an attribute of an FFSv2 file, or without value remove it. */
static int
ffs_ea_change(struct ffs_inode *ip, int space, const char *name,
    const void *value, size_t valuelen, kauth_cred_t cred)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const uint64_t max = (uint64_t)UFS_NXADDR << fs->fs_bshift;
	struct ffs_earec er = { 0 };
	uint64_t size, add = 0;
	uint8_t *area = NULL;
	int error;

	error = ffs_ea_load(ip);
	if (error != 0)
		return error;
	if (!ffs_ea_find(ip, space, name, &er)) {
		if (value == NULL)
			return ENOATTR;
		er.er_off = ip->i_ealen;
		er.er_len = 0;
	}
	if (value != NULL)
		add = EA_ALIGN(EA_HEAD + strlen(name)) +
		    (((uint64_t)valuelen + 7) & ~(uint64_t)7);
	size = ip->i_ealen - er.er_len + add;
	if (size > max)
		return ENOSPC;
	if (size != 0) {
		const uint32_t end = er.er_off + er.er_len;

		area = kmem_alloc(size, KM_SLEEP);
		if (er.er_off != 0)
			memcpy(area, ip->i_ea, er.er_off);
		if (end < ip->i_ealen)
			memcpy(area + er.er_off, ip->i_ea + end,
			    ip->i_ealen - end);
		if (value != NULL)
			ffs_ea_put(ip->i_fm, area + size - add, space, name,
			    value, valuelen);
	}
	if (ip->i_eaopen == 0)
		return ffs_ea_store(ip, area, (uint32_t)size, cred);
	ffs_ea_drop(ip);
	ip->i_ea = area;
	ip->i_ealen = (uint32_t)size;
	ip->i_eachanged = true;
	return 0;
}

/* What the rest of the driver uses: either format. */

/* Can this file have any?  Backing files have none of their own. */
static int
ffs_ea_possible(struct ffs_inode *ip)
{
	if (ffs_isufs2(ip->i_fm->fm_fs))
		return 0;
	return ffs_ea1_possible(ip) ? 0 : EOPNOTSUPP;
}

/*
 * The value of an attribute, in memory that the caller frees with its length
 * (NULL if that is 0).  ENOATTR: there is none.
 */
int
ffs_ea_get(struct ffs_inode *ip, int space, const char *name, void **valuep,
    size_t *lenp)
{
	struct ffs_earec er;
	int error;

	*valuep = NULL;
	*lenp = 0;
	if (!ffs_isufs2(ip->i_fm->fm_fs))
		return ffs_ea1_get(ip, space, name, valuep, lenp);
	error = ffs_ea_load(ip);
	if (error != 0)
		return error;
	if (!ffs_ea_find(ip, space, name, &er))
		return ENOATTR;
	if (er.er_valuelen == 0)
		return 0;
	*lenp = er.er_valuelen;
	*valuep = kmem_alloc(*lenp, KM_SLEEP);
	memcpy(*valuep, er.er_value, *lenp);
	return 0;
}

/*
 * Set an attribute, or without value remove it.  With make an FFSv1 may give
 * up the vnode's lock to make a backing file.
 */
int
ffs_ea_set(struct ffs_inode *ip, int space, const char *name,
    const void *value, size_t len, bool make, kauth_cred_t cred)
{
	if (!ffs_isufs2(ip->i_fm->fm_fs))
		return ffs_ea1_set(ip, space, name, value, len, make);
	return ffs_ea_change(ip, space, name, value, len, cred);
}

/* See to it that an attribute can be set without make. */
int
ffs_ea_prepare(struct ffs_inode *ip, int space, const char *name)
{
	if (ffs_isufs2(ip->i_fm->fm_fs))
		return 0;
	return ffs_ea1_prepare(ip, space, name);
}

/* Give back the blocks of a file that is no more. */
void
ffs_ea_free(struct ffs_inode *ip)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const int64_t max = (int64_t)UFS_NXADDR << fs->fs_bshift;
	const int32_t size = ip->i_extsize;
	int64_t old[UFS_NXADDR];
	struct ffs_tx tx;

	ffs_ea_drop(ip);
	if (!ffs_isufs2(fs)) {
		ffs_ea1_free(ip);
		return;
	}
	if (size == 0 || ffs_begin(ip->i_fm, &tx) != 0)
		return;
	ffs_touch(ip);
	memcpy(old, ip->i_extb, sizeof(old));
	memset(ip->i_extb, 0, sizeof(ip->i_extb));
	ip->i_extsize = 0;
	/* What can't be true is left for fsck to find. */
	if (size > 0 && size <= max)
		ffs_ea_free_blocks(ip, old, size);
	ffs_end(&tx);
}

/* Write blocks of the area that are still only in buffers. */
int
ffs_ea_sync(struct ffs_inode *ip)
{
	struct ffs_mount *fm = ip->i_fm;
	const struct fs *fs = fm->fm_fs;
	struct buf *bp;
	int error;

	if (!ffs_isufs2(fs))
		return ffs_ea1_sync(ip);
	if (fm->fm_log != NULL)
		return 0;	/* they are part of the next commit */
	for (int i = 0; i < UFS_NXADDR; i++) {
		const int64_t n = ffs_ea_part(fs, ip->i_extsize, i);
		const daddr_t db = FFS_FSBTODB(fs, ip->i_extb[i]);

		if (n == 0)
			break;
		mutex_enter(&bufcache_lock);
		bp = incore(fm->fm_devvp, db);
		if (bp == NULL || ((bp->b_oflags & BO_DELWRI) == 0 &&
		    (bp->b_cflags & BC_BUSY) == 0)) {
			mutex_exit(&bufcache_lock);
			continue;
		}
		mutex_exit(&bufcache_lock);
		error = bread(fm->fm_devvp, db, (int)FFS_FRAGROUNDUP(fs, n),
		    B_MODIFY, &bp);
		if (error == 0)
			error = bwrite(bp);
		if (error != 0)
			return error;
	}
	return 0;
}

/* Vnode operations. */

static int
ffs_ea_check(struct vnode *vp, int space, const char *name, kauth_cred_t cred,
    accmode_t accmode)
{
	const struct ffs_inode *ip = VTOI(vp);
	int error;

	error = ffs_ea_possible(VTOI(vp));
	if (error != 0)
		return error;
	if (space != EXTATTR_NAMESPACE_USER &&
	    space != EXTATTR_NAMESPACE_SYSTEM)
		return EINVAL;
	if (name != NULL && (name[0] == '\0' ||
	    strlen(name) > EXTATTR_MAXNAMELEN))
		return name[0] == '\0' ? EINVAL : ENAMETOOLONG;
	if (accmode == VWRITE && (vp->v_mount->mnt_flag & MNT_RDONLY) != 0)
		return EROFS;
	if (accmode == VWRITE && (ip->i_flags & (UF_IMMUTABLE | SF_IMMUTABLE |
	    UF_APPEND | SF_APPEND | SF_SNAPSHOT)) != 0)
		return EPERM;
	return extattr_check_cred(vp, space, cred, (int)accmode);
}

int
ffs_getextattr(void *v)
{
	struct vop_getextattr_args *ap = v;
	void *value;
	size_t len;
	int error;

	error = ffs_ea_check(ap->a_vp, ap->a_attrnamespace, ap->a_name,
	    ap->a_cred, VREAD);
	if (error == 0)
		error = ffs_ea_get(VTOI(ap->a_vp), ap->a_attrnamespace,
		    ap->a_name, &value, &len);
	if (error != 0)
		return error;
	if (ap->a_size != NULL)
		*ap->a_size = len;
	if (ap->a_uio != NULL && len != 0)
		error = uiomove(value, MIN(len, ap->a_uio->uio_resid),
		    ap->a_uio);
	if (value != NULL)
		kmem_free(value, len);
	return error;
}

int
ffs_setextattr(void *v)
{
	struct vop_setextattr_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	void *value;
	size_t len;
	int error;

	error = ffs_ea_check(vp, ap->a_attrnamespace, ap->a_name, ap->a_cred,
	    VWRITE);
	if (error != 0)
		return error;
	if (ap->a_uio == NULL)
		return ffs_ea_set(ip, ap->a_attrnamespace, ap->a_name, NULL,
		    0, false, ap->a_cred);
	len = ap->a_uio->uio_resid;
	if (len > (size_t)UFS_NXADDR * FFS_MAXBSIZE)
		return ENOSPC;
	value = kmem_alloc(len + 1, KM_SLEEP);
	error = uiomove(value, len, ap->a_uio);
	if (error == 0)
		error = ffs_ea_set(ip, ap->a_attrnamespace, ap->a_name, value,
		    len, true, ap->a_cred);
	kmem_free(value, len + 1);
	return error;
}

int
ffs_deleteextattr(void *v)
{
	struct vop_deleteextattr_args *ap = v;
	int error;

	error = ffs_ea_check(ap->a_vp, ap->a_attrnamespace, ap->a_name,
	    ap->a_cred, VWRITE);
	if (error == 0)
		error = ffs_ea_set(VTOI(ap->a_vp), ap->a_attrnamespace,
		    ap->a_name, NULL, 0, false, ap->a_cred);
	return error;
}

/* One name for a list: after its length, or before a NUL. */
int
ffs_ea_listname(struct uio *uio, size_t *sizep, int flag, const char *name,
    size_t len)
{
	char buf[EXTATTR_MAXNAMELEN + 1];

	KASSERT(len > 0 && len <= EXTATTR_MAXNAMELEN);
	if (sizep != NULL)
		*sizep += len + 1;
	if (uio == NULL)
		return 0;
	if ((flag & EXTATTR_LIST_LENPREFIX) != 0) {
		buf[0] = (char)len;
		memcpy(buf + 1, name, len);
	} else {
		memcpy(buf, name, len);
		buf[len] = '\0';
	}
	/* A list that does not fit is cut. */
	return uiomove(buf, MIN(len + 1, uio->uio_resid), uio);
}

int
ffs_listextattr(void *v)
{
	struct vop_listextattr_args *ap = v;
	struct ffs_inode *ip = VTOI(ap->a_vp);
	struct ffs_earec er;
	int error;

	error = ffs_ea_check(ap->a_vp, ap->a_attrnamespace, NULL, ap->a_cred,
	    VREAD);
	if (error != 0)
		return error;
	if (ap->a_size != NULL)
		*ap->a_size = 0;
	if (!ffs_isufs2(ip->i_fm->fm_fs))
		return ffs_ea1_list(ip, ap->a_attrnamespace, ap->a_uio,
		    ap->a_size, ap->a_flag);
	error = ffs_ea_load(ip);
	for (uint32_t off = 0; off < ip->i_ealen && error == 0;
	    off += er.er_len) {
		if (!ffs_ea_record(ip->i_fm, ip->i_ea, ip->i_ealen, off, &er))
			return EIO;
		if (er.er_space == ap->a_attrnamespace)
			error = ffs_ea_listname(ap->a_uio, ap->a_size,
			    ap->a_flag, er.er_name, er.er_namelen);
	}
	return error;
}

/*
 * Several changes as one: between VOP_OPENEXTATTR and VOP_CLOSEEXTATTR, under
 * one hold of the vnode's lock, they stay in memory.
 */
int
ffs_openextattr(void *v)
{
	struct vop_openextattr_args *ap = v;
	struct ffs_inode *ip = VTOI(ap->a_vp);
	int error;

	if (!ffs_isufs2(ip->i_fm->fm_fs))
		return EOPNOTSUPP;
	error = ffs_ea_load(ip);
	if (error == 0)
		ip->i_eaopen++;
	return error;
}

int
ffs_closeextattr(void *v)
{
	struct vop_closeextattr_args *ap = v;
	struct ffs_inode *ip = VTOI(ap->a_vp);
	const bool changed = ip->i_eachanged;

	if (ip->i_eaopen == 0)
		return EINVAL;
	if (--ip->i_eaopen != 0)
		return 0;
	ip->i_eachanged = false;
	if (changed && ap->a_commit)
		return ffs_ea_commit(ip, ap->a_cred);
	if (changed)
		ffs_ea_drop(ip);
	return 0;
}
