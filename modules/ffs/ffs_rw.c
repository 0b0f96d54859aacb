/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing files.
 *
 * Data of regular files move through the page cache.  A write first makes
 * sure that the blocks exist, then copies; whatever part of a new block the
 * write does not cover is zeroed, so that nothing old on the disk can be seen.
 */

#include "ffs.h"

#include <sys/fcntl.h>
#include <sys/stat.h>
#include <lib/libkern/libkern.h>
#include <uvm/uvm_extern.h>
#include <uvm/uvm_pager.h>
#include <miscfs/genfs/genfs.h>
#include <rumpy/vnode.h>

/* As much as one step of a write allocates and copies. */
#define	FFS_WRITE_STEP		(64 * 1024)
/* Written pages are sent to the disk when this much is behind. */
#define	FFS_WRITE_BEHIND	(1024 * 1024)

/*
 * Is it time to set the access time?  With relatime only if it would
 * otherwise look older than the last change, or is older than a day.
 */
void
ffs_accessed(struct ffs_inode *ip)
{
	const struct vnode *vp = ITOV(ip);
	const int flag = vp->v_mount->mnt_flag;

	if ((flag & (MNT_NOATIME | MNT_RDONLY)) != 0)
		return;
	if (vp->v_type == VDIR &&
	    (vp->v_mount->mnt_iflag & RUMPY_IMNT_NODIRATIME) != 0)
		return;
	if ((flag & MNT_RELATIME) != 0 &&
	    timespeccmp(&ip->i_atime, &ip->i_mtime, >) &&
	    timespeccmp(&ip->i_atime, &ip->i_ctime, >) &&
	    ip->i_atime.tv_sec + 24 * 60 * 60 > time_second)
		return;
	ip->i_flag |= IN_ACCESS;
}

int
ffs_read(void *v)
{
	struct vop_read_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	struct uio *uio = ap->a_uio;
	const size_t resid = uio->uio_resid;
	int error = 0;

	if (vp->v_type == VDIR)
		return EISDIR;
	if (vp->v_type != VREG)
		return EINVAL;
	if (uio->uio_offset < 0)
		return EINVAL;
	if (resid == 0)
		return 0;		/* not even an access */
	while (error == 0 && uio->uio_resid > 0) {
		if ((ap->a_ioflag & IO_DIRECT) != 0)
			genfs_directio(vp, uio, ap->a_ioflag);
		const off_t left = (off_t)ip->i_size - uio->uio_offset;

		if (left <= 0 || uio->uio_resid == 0)
			break;
		error = ubc_uiomove(&vp->v_uobj, uio,
		    (vsize_t)MIN((off_t)uio->uio_resid, left),
		    IO_ADV_DECODE(ap->a_ioflag),
		    UBC_READ | UBC_PARTIALOK | UBC_VNODE_FLAGS(vp));
	}
	/* The vnode door asks in this way for a read that leaves no trace. */
	if ((uio->uio_resid != resid || error == 0) &&
	    (ap->a_ioflag & IO_ALTSEMANTICS) == 0)
		ffs_accessed(ip);
	if ((ap->a_ioflag & IO_SYNC) == IO_SYNC && error == 0)
		error = ffs_update(ip, true);
	return error;
}

/*
 * Copy into the page cache.  Bytes below keep are valid on the disk or in
 * memory; a page that holds some of them and is written in part has to be read
 * first.  All other pages need not: what is not written of them becomes zero.
 */
static int
ffs_ubc_write(struct vnode *vp, struct uio *uio, size_t len, off_t keep,
    int advice)
{
	const int flags = UBC_WRITE | UBC_VNODE_FLAGS(vp);
	const off_t off = uio->uio_offset, end = off + (off_t)len;
	off_t head = off, tail = end;
	int error = 0;

	if ((off & PAGE_MASK) != 0 && (off_t)trunc_page(off) < keep)
		head = MIN(end, (off_t)round_page(off));
	if ((end & PAGE_MASK) != 0 && end < keep)
		tail = MAX(head, (off_t)trunc_page(end));
	if (head > off)
		error = ubc_uiomove(&vp->v_uobj, uio, (vsize_t)(head - off),
		    advice, flags);
	if (error == 0 && tail > head)
		error = ubc_uiomove(&vp->v_uobj, uio, (vsize_t)(tail - head),
		    advice, flags | UBC_FAULTBUSY);
	if (error == 0 && end > tail)
		error = ubc_uiomove(&vp->v_uobj, uio, (vsize_t)(end - tail),
		    advice, flags);
	return error;
}

/*
 * Write zeros to [from, to) of a file, whose blocks exist; keep is as for
 * ffs_ubc_write().
 */
int
ffs_zero(struct ffs_inode *ip, off_t from, off_t to, off_t keep)
{
	static char zeros[PAGE_SIZE];
	struct iovec iov;
	struct uio uio;
	int error = 0;

	uio.uio_offset = from;
	uio.uio_rw = UIO_WRITE;
	UIO_SETUP_SYSSPACE(&uio);
	while (uio.uio_offset < to && error == 0) {
		const size_t len = (size_t)MIN(to - uio.uio_offset,
		    (off_t)(PAGE_SIZE - (uio.uio_offset & PAGE_MASK)));

		iov.iov_base = zeros;
		iov.iov_len = len;
		uio.uio_iov = &iov;
		uio.uio_iovcnt = 1;
		uio.uio_resid = len;
		error = ffs_ubc_write(ITOV(ip), &uio, len, keep,
		    UVM_ADV_NORMAL);
	}
	return error;
}

/* The same with the caller's bytes, which are all that the pages hold. */
int
ffs_put_pages(struct ffs_inode *ip, void *data, off_t off, size_t len)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct uio uio;

	uio.uio_iov = &iov;
	uio.uio_iovcnt = 1;
	uio.uio_offset = off;
	uio.uio_resid = len;
	uio.uio_rw = UIO_WRITE;
	UIO_SETUP_SYSSPACE(&uio);
	return ffs_ubc_write(ITOV(ip), &uio, len, 0, UVM_ADV_NORMAL);
}

int
ffs_get_pages(struct ffs_inode *ip, void *data, off_t off, size_t len)
{
	struct vnode *vp = ITOV(ip);
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct uio uio;
	int error = 0;

	uio.uio_iov = &iov;
	uio.uio_iovcnt = 1;
	uio.uio_offset = off;
	uio.uio_resid = len;
	uio.uio_rw = UIO_READ;
	UIO_SETUP_SYSSPACE(&uio);
	while (uio.uio_resid > 0 && error == 0)
		error = ubc_uiomove(&vp->v_uobj, &uio, uio.uio_resid,
		    UVM_ADV_NORMAL, UBC_READ | UBC_VNODE_FLAGS(vp));
	return error;
}

/*
 * Allocate what [off, *endp) needs.  i_size follows block by block, for the
 * last block may be fragments only at the end of the file.  Stops early, and
 * says so in *endp, where blocks that were holes inside the file meet ones
 * that were not; *freshp tells which of them these are.  Around the bytes to
 * be written, fresh blocks are zeroed.
 */
static int
ffs_write_alloc(struct ffs_inode *ip, off_t off, off_t *endp, off_t osize,
    kauth_cred_t cred, bool *freshp)
{
	const struct fs *fs = ip->i_fm->fm_fs;
	const off_t first = off;
	bool isnew;
	int error = 0;

	while (off < *endp && error == 0) {
		const off_t start = FFS_LBLKTOSIZE(fs, FFS_LBLKNO(fs, off));
		const off_t stop = MIN(*endp, start + fs->fs_bsize);
		const off_t tail = MIN(start + fs->fs_bsize, osize);

		error = ffs_balloc(ip, off, (int)(stop - off), cred, NULL,
		    &isnew);
		if (error != 0)
			break;
		if ((off_t)ip->i_size < stop) {
			ip->i_size = (uint64_t)stop;
			uvm_vnp_setwritesize(ITOV(ip), (voff_t)stop);
		}
		if (isnew && start < off)
			error = ffs_zero(ip, start, off, 0);
		if (error == 0 && isnew && stop < tail)
			error = ffs_zero(ip, stop, tail, 0);
		isnew = isnew && start < osize;
		if (off == first)
			*freshp = isnew;
		else if (isnew != *freshp) {
			/* Nothing was written to it: undo is not needed. */
			if (isnew)
				error = ffs_zero(ip, off, stop, 0);
			*endp = off;
			break;
		}
		off = stop;
	}
	return error;
}

/* One step of a write: at most FFS_WRITE_STEP bytes. */
static int
ffs_write_step(struct ffs_inode *ip, struct uio *uio, int ioflag,
    kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);
	const off_t off = uio->uio_offset;
	const off_t osize = (off_t)ip->i_size;
	off_t end = MIN(off + (off_t)uio->uio_resid,
	    rounddown(off, FFS_WRITE_STEP) + FFS_WRITE_STEP);
	struct ffs_tx tx;
	bool fresh = false;
	int error;

	error = ffs_begin(ip->i_fm, &tx);
	if (error != 0)
		return error;
	error = ffs_write_alloc(ip, off, &end, osize, cred, &fresh);
	ffs_end(&tx);
	if (error == 0) {
		error = ffs_ubc_write(vp, uio, (size_t)(end - off),
		    fresh ? 0 : osize, IO_ADV_DECODE(ioflag));
		/* A bad user address must not show old contents of the disk. */
		if (error != 0 && fresh && uio->uio_offset < MIN(end, osize))
			(void)ffs_zero(ip, uio->uio_offset, MIN(end, osize),
			    0);
	}
	if ((off_t)ip->i_size > osize)
		uvm_vnp_setsize(vp, (voff_t)ip->i_size);
	/* Keep what was copied of an extension. */
	if (error != 0 && (off_t)ip->i_size > osize)
		(void)ffs_truncate(ip, MAX(osize, uio->uio_offset),
		    ioflag & IO_SYNC, cred);
	if (uio->uio_offset != off)
		ip->i_flag |= IN_CHANGE | IN_UPDATE;
	return error;
}

/* Send what a sequential writer has left behind on its way. */
static void
ffs_write_behind(struct vnode *vp, off_t from, off_t to)
{
	const off_t lo = rounddown(from, FFS_WRITE_BEHIND);
	const off_t hi = rounddown(to, FFS_WRITE_BEHIND);

	if (lo == hi)
		return;
	rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
	(void)VOP_PUTPAGES(vp, lo, hi, PGO_CLEANIT | PGO_LAZY);
}

/* May this write happen?  Sets the offset of an appending one. */
static int
ffs_write_check(struct ffs_inode *ip, struct uio *uio, int ioflag)
{
	const struct fs *fs = ip->i_fm->fm_fs;

	if ((ioflag & IO_APPEND) != 0)
		uio->uio_offset = (off_t)ip->i_size;
	if ((ip->i_flags & (UF_APPEND | SF_APPEND)) != 0 &&
	    uio->uio_offset != (off_t)ip->i_size)
		return EPERM;
	if (uio->uio_offset < 0)
		return EINVAL;
	if ((uint64_t)uio->uio_offset + uio->uio_resid > fs->fs_maxfilesize)
		return EFBIG;
	return 0;
}

/* Writing takes away the right to run as the owner. */
static void
ffs_write_suid(struct ffs_inode *ip, kauth_cred_t cred)
{
	struct vnode *vp = ITOV(ip);

	if ((ip->i_mode & (S_ISUID | S_ISGID)) == 0 || cred == NOCRED)
		return;
	if ((ip->i_mode & S_ISUID) != 0 && kauth_authorize_vnode(cred,
	    KAUTH_VNODE_RETAIN_SUID, vp, NULL, EPERM) != 0)
		ip->i_mode &= (uint16_t)~S_ISUID;
	if ((ip->i_mode & S_ISGID) != 0 && kauth_authorize_vnode(cred,
	    KAUTH_VNODE_RETAIN_SGID, vp, NULL, EPERM) != 0)
		ip->i_mode &= (uint16_t)~S_ISGID;
	ip->i_flag |= IN_CHANGE;
}

int
ffs_write(void *v)
{
	struct vop_write_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct ffs_inode *ip = VTOI(vp);
	struct uio *uio = ap->a_uio;
	const size_t resid = uio->uio_resid;
	const off_t osize = (off_t)ip->i_size;
	off_t from, start;
	int error;

	if (vp->v_type == VDIR)
		return EISDIR;
	if (vp->v_type != VREG)
		return EINVAL;
	error = ffs_write_check(ip, uio, ap->a_ioflag);
	if (error != 0 || resid == 0)
		return error;
	from = start = uio->uio_offset;
	error = ffs_fill_last(ip, uio->uio_offset, ap->a_cred);
	while (error == 0 && uio->uio_resid > 0) {
		error = ffs_write_step(ip, uio, ap->a_ioflag, ap->a_cred);
		ffs_write_behind(vp, from, uio->uio_offset);
		from = uio->uio_offset;
	}
	if (uio->uio_resid != resid)
		ffs_write_suid(ip, ap->a_cred);
	if (error != 0 && (ap->a_ioflag & IO_UNIT) != 0) {
		(void)ffs_truncate(ip, osize, ap->a_ioflag & IO_SYNC,
		    ap->a_cred);
		uio->uio_offset -= (off_t)(resid - uio->uio_resid);
		uio->uio_resid = resid;
	} else if (error != 0 && uio->uio_resid != resid)
		error = 0;	/* a short write tells it better */
	if (error == 0 && ((ap->a_ioflag & IO_SYNC) != 0 ||
	    (vp->v_mount->mnt_flag & MNT_SYNCHRONOUS) != 0)) {
		error = ffs_fsync_inode(ip, FSYNC_WAIT |
		    ((ap->a_ioflag & IO_SYNC) == IO_SYNC ? 0 : FSYNC_DATAONLY),
		    rounddown(start, PAGE_SIZE), 0);
		if (error == 0 && ip->i_fm->fm_log != NULL)
			error = ffs_fsync_log(ip, FSYNC_WAIT);
	}
	return error;
}

/* Read or write a long symbolic link: one block, in a buffer. */
int
ffs_bufio(struct ffs_inode *ip, void *data, size_t len, bool write,
    kauth_cred_t cred)
{
	struct buf *bp;
	bool isnew;
	int error;

	KASSERT(len <= (size_t)ip->i_fm->fm_fs->fs_bsize);
	if (!write) {
		error = bread(ITOV(ip), 0, (int)ffs_blksize(ip, 0), 0, &bp);
		if (error != 0)
			return error;
		memcpy(data, bp->b_data, len);
		brelse(bp, 0);
		return 0;
	}
	error = ffs_balloc(ip, 0, (int)len, cred, &bp, &isnew);
	if (error != 0)
		return error;
	memcpy(bp->b_data, data, len);
	ip->i_size = len;
	uvm_vnp_setsize(ITOV(ip), (voff_t)len);
	ip->i_flag |= IN_CHANGE | IN_UPDATE | IN_MODIFIED;
	return ffs_bwrite_meta(ip->i_fm, bp);
}
