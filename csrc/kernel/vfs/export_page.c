/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: reading without a copy.
 *
 * When all that a read wants is in the page cache, the answer points at the
 * cache.  From the last look at the pages to the end of hyp_export_reply()
 * the context does not sleep, and so nobody can take or change them.  What is
 * not cached goes the ordinary way, through VOP_READ into the request's
 * buffer; read-ahead sees to it that this is rare.
 */

#include <sys/param.h>
#include <sys/kauth.h>
#include <sys/systm.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include "vfs/export_impl.h"
#include "vfs/pages.h"
#include "vfs/readahead.h"

/* Below this a copy is cheaper than a longer list. */
#define	LOAN_MIN	8192

/* The piece of the cache at off, at most len bytes; NULL if not all valid. */
static struct uvm_pagechunk *
loan_chunk(struct vnode *vp, off_t off, size_t len)
{
	struct uvm_pagechunk *pc = pageindex_lookup(&vp->v_uobj, off);
	const pageset_t set = pageset_of(off, len);

	return pc != NULL && (pc->pc_valid & set) == set ? pc : NULL;
}

static size_t
loan_piece(off_t off, size_t len)
{

	return MIN(len, CHUNK_SIZE - (off & CHUNK_MASK));
}

/* Is all of it cached?  Keeps the read-ahead going; may sleep. */
static bool
loan_ready(struct vnode *vp, off_t off, size_t len)
{

	for (size_t n; len > 0; off += n, len -= n) {
		n = loan_piece(off, len);
		struct uvm_pagechunk *pc = loan_chunk(vp, off, n);
		if (pc == NULL)
			return false;
		if (pc->pc_ahead) {
			pc->pc_ahead = false;
			readahead_continue(&vp->v_uobj, off);
		}
	}
	return true;
}

/* List the pieces; 0 if one has gone meanwhile.  Does not sleep. */
static u_int
loan_list(struct vnode *vp, off_t off, size_t len, struct export_iov *iov)
{
	u_int i = 0;

	for (size_t n; len > 0; off += n, len -= n) {
		n = loan_piece(off, len);
		struct uvm_pagechunk *pc = loan_chunk(vp, off, n);
		if (pc == NULL || i == XL_NIOV)
			return 0;
		pc->pc_used = true;
		iov[i].ei_base = pc->pc_data + (off & CHUNK_MASK);
		iov[i++].ei_len = n;
	}
	return i;
}

/*
 * The driver must know of the read (access time), and must say that there is
 * something to read: let it read one byte.
 */
static int
loan_touch(struct vnode *vp, off_t off, int ioflag, kauth_cred_t cred)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	struct uio uio = {
		.uio_iov = &iov,
		.uio_iovcnt = 1,
		.uio_offset = off,
		.uio_resid = 1,
		.uio_rw = UIO_READ,
	};
	int error;

	UIO_SETUP_SYSSPACE(&uio);
	error = VOP_READ(vp, &uio, ioflag, cred);
	return error == 0 && uio.uio_resid != 0 ? EIO : error;
}

/*
 * Answer a read from the page cache; false if it has to go the ordinary way.
 * The vnode is locked, and must not be slept on before the answer is sent.
 */
bool
export_read_loan(struct vnode *vp, struct export_req *x, int ioflag,
    kauth_cred_t cred)
{
	struct export_link *xl = x->er_kern[0];
	const off_t off = (off_t)x->er_offset;
	size_t len = x->er_datalen;

	if (vp->v_type != VREG || off < 0 || off >= vp->v_size)
		return false;
	len = MIN(len, (size_t)(vp->v_size - off));
	if (len < LOAN_MIN || !loan_ready(vp, off, len) ||
	    loan_touch(vp, off, ioflag, cred) != 0)
		return false;
	x->er_niov = loan_list(vp, off, len, xl->xl_iov);
	if (x->er_niov == 0)
		return false;
	x->er_iov = xl->xl_iov;
	x->er_done = len;
	return true;
}
