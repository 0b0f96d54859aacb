/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IO_DIRECT: read and write past the page cache.
 *
 * What can't be done so (odd offsets, the end of the file, holes) is left in
 * the uio, and the file system goes on with it through the cache.  The bytes
 * pass through a buffer of the kernel, since a fault in the caller's memory
 * must not become one of the transfer's.
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

/* Make the disk agree with the cache, and the cache not hide the disk. */
static int
direct_flush(struct vnode *vp, off_t off, size_t len, bool reading)
{

	if (vp->v_uobj.uo_npages == 0)
		return 0;
	rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
	return VOP_PUTPAGES(vp, trunc_page(off), round_page(off + len),
	    PGO_CLEANIT | PGO_SYNCIO | PGO_JOURNALLOCKED |
	    (reading ? 0 : PGO_FREE));
}

/* One piece, which lies in the file; EOPNOTSUPP if the cache has to do it. */
static int
direct_piece(struct vnode *vp, struct uio *uio, void *data, size_t len,
    bool reading)
{
	off_t off = uio->uio_offset;
	int error;

	error = direct_flush(vp, off, len, reading);
	if (error != 0)
		return error;
	if (!reading && (error = uiopeek(data, len, uio)) != 0)
		return error;
	genfs_node_rdlock(vp);
	if (!reading && genfs_hasholes(vp, off, len))
		error = EOPNOTSUPP;
	else
		error = genfs_xfer_data(vp, off, data, len, reading);
	genfs_node_unlock(vp);
	if (error != 0)
		return error;
	if (reading)
		return uiomove(data, len, uio);
	uioskip(len, uio);
	return 0;
}

void
genfs_directio(struct vnode *vp, struct uio *uio, int ioflag)
{
	const bool reading = uio->uio_rw == UIO_READ;
	const bool journal = vp->v_mount->mnt_wapbl != NULL &&
	    (ioflag & IO_JOURNALLOCKED) == 0;
	size_t len, mask;
	void *data;

	KASSERT((ioflag & IO_DIRECT) != 0);
	if (vp->v_type != VREG)
		return;
	if (journal && WAPBL_BEGIN(vp->v_mount) != 0)
		return;
	mask = ((size_t)1 << vp->v_mount->mnt_dev_bshift) - 1;
	data = kmem_alloc(MAXPHYS, KM_SLEEP);
	while (uio->uio_resid > 0) {
		len = MIN(uio->uio_resid, MAXPHYS) & ~mask;
		if (len == 0 || ((size_t)uio->uio_offset & mask) != 0 ||
		    uio->uio_offset + (off_t)len > vp->v_size)
			break;
		if (direct_piece(vp, uio, data, len, reading) != 0)
			break;
	}
	kmem_free(data, MAXPHYS);
	if (journal)
		WAPBL_END(vp->v_mount);
}
