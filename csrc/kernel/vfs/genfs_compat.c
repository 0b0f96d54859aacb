/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of file systems without VOP_BMAP: read by VOP_READ, written by
 * VOP_WRITE.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include "vfs/genfs_io.h"
#include "vfs/pages.h"

static int
genfs_compat_fill(struct vnode *vp, struct vm_page *pg)
{
	struct iovec iov;
	struct uio uio;
	char *data;
	int error;

	data = (char *)VM_PAGE_TO_PHYS(pg);
	iov.iov_base = data;
	iov.iov_len = PAGE_SIZE;
	uio.uio_iov = &iov;
	uio.uio_iovcnt = 1;
	uio.uio_offset = pg->offset;
	uio.uio_resid = PAGE_SIZE;
	uio.uio_rw = UIO_READ;
	UIO_SETUP_SYSSPACE(&uio);
	error = VOP_READ(vp, &uio, 0, curlwp->l_cred);
	if (error == 0)
		memset(data + PAGE_SIZE - uio.uio_resid, 0, uio.uio_resid);
	return error;
}

static int
genfs_compat_chunk(const struct genfs_get *gg, voff_t off, u_int npages,
    struct vm_page **pgs)
{
	struct uvm_pagechunk *pc;
	pageset_t missing, set;
	u_int first, i;
	int error;

	set = pageset_of(off, (size_t)npages * PAGE_SIZE);
	pc = genfs_busy(gg, off, set, &missing);
	first = __builtin_ctz(set);
	error = 0;
	for (i = 0; i < npages && error == 0; i++) {
		pgs[i] = &pc->pc_page[first + i];
		if ((missing & page_bit(pgs[i])) == 0)
			continue;
		error = genfs_compat_fill(gg->gg_vp, pgs[i]);
		if (error == 0)
			pageset_setvalid(pc, page_bit(pgs[i]));
	}
	if (error != 0)
		genfs_drop(pc, set);
	return error;
}

int
genfs_compat_getpages(void *v)
{
	struct vop_getpages_args *ap = v;
	struct vnode *vp = ap->a_vp;
	struct genfs_get gg = { .gg_vp = vp };
	voff_t off;
	int done, error, n, npages;

	if ((ap->a_flags & PGO_LOCKED) != 0)
		return EBUSY;
	rw_exit(vp->v_uobj.vmobjlock);
	if ((ap->a_flags & PGO_SYNCIO) == 0)
		return 0;		/* reading ahead is not our trade */
	if (ap->a_offset + (voff_t)ap->a_centeridx * PAGE_SIZE >= vp->v_size &&
	    (ap->a_flags & PGO_PASTEOF) == 0)
		return EINVAL;
	if ((ap->a_access_type & VM_PROT_WRITE) != 0 &&
	    (vp->v_mount->mnt_flag & MNT_RDONLY) != 0)
		return EROFS;
	npages = *ap->a_count;
	if ((ap->a_flags & PGO_PASTEOF) == 0)
		npages = (int)MIN((voff_t)npages, (voff_t)
		    (round_page(vp->v_size - ap->a_offset) >> PAGE_SHIFT));
	for (done = 0; done < npages; done += n) {
		off = ap->a_offset + (voff_t)done * PAGE_SIZE;
		n = (int)((CHUNK_SIZE - (off & CHUNK_MASK)) >> PAGE_SHIFT);
		n = MIN(n, npages - done);
		error = genfs_compat_chunk(&gg, off, (u_int)n,
		    ap->a_m + done);
		if (error != 0) {
			uvm_page_unbusy(ap->a_m, done);
			memset(ap->a_m, 0, (size_t)npages * sizeof(*ap->a_m));
			return error;
		}
	}
	*ap->a_count = npages;
	return 0;
}

int
genfs_compat_gop_write(struct vnode *vp, struct vm_page **pgs, int npages,
    int flags)
{
	struct iovec iov;
	struct uio uio;
	pageset_t set;
	int error;

	(void)flags;
	rw_exit(vp->v_uobj.vmobjlock);
	set = pageset_run(page_index(pgs[0]), (u_int)npages);
	if (pgs[0]->offset >= vp->v_size) {
		genfs_written(pgs[0]->mdpage.mp_chunk, set, 0);
		return 0;	/* cut off meanwhile */
	}
	iov.iov_base = (void *)VM_PAGE_TO_PHYS(pgs[0]);
	iov.iov_len = (size_t)MIN((off_t)npages * PAGE_SIZE,
	    vp->v_size - pgs[0]->offset);
	uio.uio_iov = &iov;
	uio.uio_iovcnt = 1;
	uio.uio_offset = pgs[0]->offset;
	uio.uio_resid = iov.iov_len;
	uio.uio_rw = UIO_WRITE;
	UIO_SETUP_SYSSPACE(&uio);
	error = VOP_WRITE(vp, &uio, IO_NODELOCKED, curlwp->l_cred);
	genfs_written(pgs[0]->mdpage.mp_chunk, set, error);
	return error;
}
