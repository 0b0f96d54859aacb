/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IO_DIRECT: read and write past the page cache.
 *
 * A read takes from the cache what is there, and the rest from the disk
 * without leaving it in the cache.  A write makes the disk agree with the
 * cache, and the cache not hide the disk.  What can't be done so (odd
 * offsets, holes that are written to) is left in the uio, and the file system
 * goes on with it through the cache.
 *
 * Memory of the kernel's own is read into as it is.  The bytes of other
 * callers pass through a buffer, since a fault in their memory must not
 * become one of the transfer's.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/vnode.h>
#include <sys/wapbl.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include "vfs/genfs_io.h"
#include "vfs/pages.h"

/*
 * Reading.
 */

#define	DIRECT_READ_MAX	((size_t)1024 * 1024)	/* of memory of our own */

/* How much of [off, off + len), from its start, is (or is not) cached. */
static size_t
direct_run(struct vnode *vp, off_t off, size_t len, bool *cachedp)
{
	const struct uvm_pagechunk *pc;
	size_t done, n;
	bool cached;

	*cachedp = false;
	if (vp->v_uobj.uo_npages == 0)
		return len;
	for (done = 0; done < len; done += n, off += (off_t)n) {
		n = MIN(len - done, CHUNK_SIZE - (off & CHUNK_MASK));
		pc = pageindex_lookup(&vp->v_uobj, off);
		cached = pc != NULL && (pc->pc_present & pageset_of(off, n)) !=
		    0;
		if (done == 0)
			*cachedp = cached;
		else if (cached != *cachedp)
			break;
	}
	return done;
}

/*
 * Read what the cache does not have.  The last sector of the file is read
 * whole, if the caller's buffer has room for that.
 */
static int
direct_fetch(struct vnode *vp, struct uio *uio, void *bounce, size_t len,
    size_t mask)
{
	const off_t off = uio->uio_offset;
	void *data = bounce != NULL ? bounce : uio->uio_iov->iov_base;
	size_t full = roundup2(len, mask + 1);
	int error;

	if (off + (off_t)len < vp->v_size)
		full = len &= ~mask;
	if (full == 0 || (bounce == NULL && full > uio->uio_iov->iov_len))
		return EOPNOTSUPP;
	genfs_node_rdlock(vp);
	error = genfs_xfer_data(vp, off, data, full, true);
	genfs_node_unlock(vp);
	if (error != 0)
		return error;
	if (bounce != NULL)
		return uiomove(bounce, len, uio);
	uioskip(len, uio);
	return 0;
}

/* One piece of at most len bytes. */
static int
direct_read_piece(struct vnode *vp, struct uio *uio, void *bounce, size_t len,
    int ioflag)
{
	const size_t mask = ((size_t)1 << vp->v_mount->mnt_dev_bshift) - 1;
	bool cached;

	len = direct_run(vp, uio->uio_offset, len, &cached);
	if (cached)
		return ubc_uiomove(&vp->v_uobj, uio, len,
		    IO_ADV_DECODE(ioflag), UBC_READ | UBC_PARTIALOK);
	if (((size_t)uio->uio_offset & mask) != 0)
		return EOPNOTSUPP;
	return direct_fetch(vp, uio, bounce, len, mask);
}

static void
direct_read(struct vnode *vp, struct uio *uio, int ioflag)
{
	const bool ours = uio->uio_vmspace != NULL &&
	    VMSPACE_IS_KERNEL_P(uio->uio_vmspace);
	void *bounce = ours ? NULL : kmem_alloc(MAXPHYS, KM_SLEEP);
	size_t len;

	while (uio->uio_resid > 0 && uio->uio_offset < vp->v_size) {
		if (uio->uio_iov->iov_len == 0) {
			uio->uio_iov++;
			uio->uio_iovcnt--;
			continue;
		}
		len = MIN(uio->uio_resid, (size_t)(vp->v_size -
		    uio->uio_offset));
		len = MIN(len, ours ? MIN(DIRECT_READ_MAX,
		    uio->uio_iov->iov_len) : MAXPHYS);
		if (direct_read_piece(vp, uio, bounce, len, ioflag) != 0)
			break;
	}
	if (bounce != NULL)
		kmem_free(bounce, MAXPHYS);
}

/*
 * Writing.
 */

/* One piece, which lies in the file; EOPNOTSUPP if the cache has to do it. */
static int
direct_write_piece(struct vnode *vp, struct uio *uio, void *data, size_t len)
{
	off_t off = uio->uio_offset;
	int error = 0;

	if (vp->v_uobj.uo_npages != 0) {
		rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
		error = VOP_PUTPAGES(vp, trunc_page(off),
		    round_page(off + len), PGO_CLEANIT | PGO_SYNCIO |
		    PGO_JOURNALLOCKED | PGO_FREE);
	}
	if (error == 0)
		error = uiopeek(data, len, uio);
	if (error != 0)
		return error;
	genfs_node_rdlock(vp);
	if (genfs_hasholes(vp, off, len))
		error = EOPNOTSUPP;
	else
		error = genfs_xfer_data(vp, off, data, len, false);
	genfs_node_unlock(vp);
	if (error == 0)
		uioskip(len, uio);
	return error;
}

static void
direct_write(struct vnode *vp, struct uio *uio, int ioflag)
{
	const bool journal = vp->v_mount->mnt_wapbl != NULL &&
	    (ioflag & IO_JOURNALLOCKED) == 0;
	size_t len, mask;
	void *data;

	if (journal && WAPBL_BEGIN(vp->v_mount) != 0)
		return;
	mask = ((size_t)1 << vp->v_mount->mnt_dev_bshift) - 1;
	data = kmem_alloc(MAXPHYS, KM_SLEEP);
	while (uio->uio_resid > 0) {
		len = MIN(uio->uio_resid, MAXPHYS) & ~mask;
		if (len == 0 || ((size_t)uio->uio_offset & mask) != 0 ||
		    uio->uio_offset + (off_t)len > vp->v_size)
			break;
		if (direct_write_piece(vp, uio, data, len) != 0)
			break;
	}
	kmem_free(data, MAXPHYS);
	if (journal)
		WAPBL_END(vp->v_mount);
}

void
genfs_directio(struct vnode *vp, struct uio *uio, int ioflag)
{

	KASSERT((ioflag & IO_DIRECT) != 0);
	if (vp->v_type != VREG)
		return;
	if (uio->uio_rw == UIO_READ)
		direct_read(vp, uio, ioflag);
	else
		direct_write(vp, uio, ioflag);
}
