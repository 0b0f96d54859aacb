/* SPDX-License-Identifier: BSD-2-Clause */

/* Pages of anonymous objects, struct uio, queues: what needs no disk. */

#include <sys/buf.h>
#include <sys/bufq.h>
#include <sys/kmem.h>
#include <sys/rwlock.h>
#include <sys/uio.h>
#include <uvm/uvm.h>
#include <uvm/uvm_pager.h>
#include <uvm/uvm_pmap.h>

#include "iotest.h"

#define	OBJSIZE		(3 * 1024 * 1024)
#define	PIECE		100000

static int
move(struct uvm_object *uobj, enum uio_rw rw, off_t off, void *data, size_t n)
{
	struct iovec iov[2];
	struct uio uio;
	size_t half = n / 3;
	int error;

	iov[0].iov_base = data;
	iov[0].iov_len = half;
	iov[1].iov_base = (char *)data + half;
	iov[1].iov_len = n - half;
	uio.uio_iov = iov;
	uio.uio_iovcnt = 2;
	uio.uio_offset = off;
	uio.uio_resid = n;
	uio.uio_rw = rw;
	UIO_SETUP_SYSSPACE(&uio);
	error = ubc_uiomove(uobj, &uio, n, UVM_ADV_NORMAL,
	    rw == UIO_READ ? UBC_READ | UBC_PARTIALOK : UBC_WRITE);
	return error != 0 ? error : uio.uio_resid == 0 ? 0 : EIO;
}

static int
object_step(struct uvm_object *uobj, char *model, char *data)
{
	off_t off = iotest_random() % (OBJSIZE - PIECE);
	size_t i, n = 1 + iotest_random() % PIECE;
	u_int what = iotest_random() % 10;

	if (iotest_random() % 4 == 0)
		n = 1 + n % 64;
	if (what < 4) {
		for (i = 0; i < n; i++)
			data[i] = (char)(i * 31 + n);
		CHECK(move(uobj, UIO_WRITE, off, data, n) == 0);
		memcpy(model + off, data, n);
	} else if (what < 9) {
		CHECK(move(uobj, UIO_READ, off, data, n) == 0);
		CHECK(memcmp(model + off, data, n) == 0);
	} else if (iotest_random() % 2 == 0) {
		ubc_zerorange(uobj, off, n, 0);
		memset(model + off, 0, n);
	} else {
		off = trunc_page(off);
		n = round_page(n);
		rw_enter(uobj->vmobjlock, RW_WRITER);
		CHECK((*uobj->pgops->pgo_put)(uobj, off, off + n,
		    PGO_FREE) == 0);
		memset(model + off, 0, n);
	}
	return 0;
}

/* Copies in, copies out, and freed pages that read as zeroes. */
int
test_object(struct vnode *vp)
{
	struct uvm_object *uobj = uao_create(OBJSIZE, 0);
	char *data = kmem_alloc(PIECE, KM_SLEEP);
	char *model = kmem_zalloc(OBJSIZE, KM_SLEEP);
	int i, line = 0;

	for (i = 0; i < 2000 && line == 0; i++)
		line = object_step(uobj, model, data);
	kmem_free(model, OBJSIZE);
	kmem_free(data, PIECE);
	uao_detach(uobj);
	return line;
}

/* Far offsets, references, page by page. */
int
test_object_shared(struct vnode *vp)
{
	struct uvm_object *uobj = uao_create((voff_t)1 << 40, 0);
	struct uvm_page_array ar;
	struct vm_page *pg;
	voff_t off;
	char c;
	int i, n;

	uao_reference(uobj);
	uao_detach(uobj);
	for (i = 0; i < 9; i++) {
		off = (voff_t)1 << (12 + 3 * i);
		c = (char)i;
		CHECK(move(uobj, UIO_WRITE, off, &c, 1) == 0);
	}
	CHECK(uobj->uo_npages == 9);
	uvm_page_array_init(&ar, uobj, 0);
	for (n = 0, off = 0; (pg = uvm_page_array_fill_and_peek(&ar, off, 0))
	    != NULL; n++) {
		CHECK(pg->offset == (voff_t)1 << (12 + 3 * n));
		CHECK(pg->uobject == uobj && (pg->flags & PG_BUSY) == 0);
		CHECK(*(char *)VM_PAGE_TO_PHYS(pg) == (char)n);
		CHECK(uvm_pagelookup(uobj, pg->offset) == pg);
		CHECK(uvm_pagegetdirty(pg) == UVM_PAGE_STATUS_DIRTY);
		off = pg->offset + PAGE_SIZE;
		uvm_page_array_advance(&ar);
	}
	uvm_page_array_fini(&ar);
	CHECK(n == 9);
	CHECK(uvm_pagelookup(uobj, (voff_t)1 << 41) == NULL);
	uao_detach(uobj);
	return 0;
}

static void
setup_uio(struct uio *uio, struct iovec *iov, int n, enum uio_rw rw)
{

	uio->uio_iov = iov;
	uio->uio_iovcnt = n;
	uio->uio_offset = 0;
	uio->uio_rw = rw;
	for (uio->uio_resid = 0; n > 0; n--)
		uio->uio_resid += iov[n - 1].iov_len;
	UIO_SETUP_SYSSPACE(uio);
}

int
test_uiomove(struct vnode *vp)
{
	char a[4] = "abc", b[8] = "", c[8] = "";
	struct iovec iov[3] = { { b, 2 }, { c, 0 }, { c, 5 } };
	struct uio uio;

	setup_uio(&uio, iov, 3, UIO_READ);
	CHECK(uiomove(a, 3, &uio) == 0);
	CHECK(uio.uio_resid == 4 && uio.uio_offset == 3);
	CHECK(memcmp(b, "ab", 3) == 0 && memcmp(c, "c", 2) == 0);
	CHECK(ureadc('x', &uio) == 0 && c[1] == 'x');
	CHECK(uiomove(a, 100, &uio) == 0 && uio.uio_resid == 0);
	CHECK(ureadc('y', &uio) == EINVAL);
	return 0;
}

int
test_uio_edges(struct vnode *vp)
{
	char data[10] = "012345678", out[10] = "";
	struct iovec iov[2] = { { out, 3 }, { out + 3, 7 } };
	struct uio uio;

	setup_uio(&uio, iov, 2, UIO_READ);
	CHECK(uiopeek(data, 5, &uio) == 0 && uio.uio_resid == 10);
	CHECK(memcmp(out, "01234", 6) == 0);
	uioskip(5, &uio);
	CHECK(uio.uio_resid == 5 && uio.uio_offset == 5);
	CHECK(uiomove_frombuf(data, 7, &uio) == 0);	/* its bytes 5 and 6 */
	CHECK(uio.uio_offset == 7 && memcmp(out, "0123456", 8) == 0);
	CHECK(uiomove_frombuf(data, 7, &uio) == 0 && uio.uio_offset == 7);
	uio.uio_offset = -1;
	CHECK(uiomove_frombuf(data, 7, &uio) == EINVAL);
	return 0;
}

/* The order in which a sorted queue gives buffers out. */
int
test_bufq(struct vnode *vp)
{
	static const daddr_t in[] = { 50, 10, 90, 30 };
	static const daddr_t sorted[] = { 10, 30, 50, 90 };
	struct bufq_state *q;
	struct buf *bp, *bufs[4];
	int i;

	CHECK(bufq_alloc(&q, "nonsense", BUFQ_EXACT) == ENOENT);
	CHECK(bufq_alloc(&q, BUFQ_DISK_DEFAULT_STRAT,
	    BUFQ_SORT_RAWBLOCK) == 0);
	for (i = 0; i < 4; i++) {
		bufs[i] = getiobuf(NULL, true);
		bufs[i]->b_rawblkno = in[i];
		bufq_put(q, bufs[i]);
	}
	for (i = 0; i < 4; i++) {
		CHECK(bufq_peek(q)->b_rawblkno == sorted[i]);
		bp = bufq_get(q);
		CHECK(bp->b_rawblkno == sorted[i]);
	}
	CHECK(bufq_get(q) == NULL);
	/* The sweep has passed 10 and 30: they wait for the next one. */
	bufq_put(q, bufs[1]);
	bufq_put(q, bufs[2]);
	CHECK(bufq_peek(q) == bufs[2]);
	CHECK(bufq_cancel(q, bufs[2]) == bufs[2]);
	CHECK(bufq_cancel(q, bufs[2]) == NULL);
	CHECK(bufq_get(q) == bufs[1]);
	bufq_free(q);
	for (i = 0; i < 4; i++)
		putiobuf(bufs[i]);
	return 0;
}

/* To write an anonymous object's pages and free them keeps what is in them. */
int
test_object_kept(struct vnode *vp)
{
	struct uvm_object *uobj = uao_create(OBJSIZE, 0);
	char in[64], out[64];

	memset(in, 3, sizeof(in));
	CHECK(move(uobj, UIO_WRITE, PAGE_SIZE - 10, in, sizeof(in)) == 0);
	rw_enter(uobj->vmobjlock, RW_WRITER);
	CHECK((*uobj->pgops->pgo_put)(uobj, 0, 0,
	    PGO_ALLPAGES | PGO_CLEANIT | PGO_FREE | PGO_SYNCIO) == 0);
	CHECK(move(uobj, UIO_READ, PAGE_SIZE - 10, out, sizeof(out)) == 0);
	CHECK(memcmp(in, out, sizeof(in)) == 0);
	rw_enter(uobj->vmobjlock, RW_WRITER);
	CHECK((*uobj->pgops->pgo_put)(uobj, PAGE_SIZE, 0, PGO_FREE) == 0);
	memset(in + 10, 0, sizeof(in) - 10);
	CHECK(move(uobj, UIO_READ, PAGE_SIZE - 10, out, sizeof(out)) == 0);
	CHECK(memcmp(in, out, sizeof(in)) == 0);
	uao_detach(uobj);
	return 0;
}

/* Busy pages get one address, side by side or not. */
static int
pager_window(struct vm_page **pgs, int n, int flags)
{
	char *data = (char *)uvm_pagermapin(pgs, n,
	    flags | UVMPAGER_MAPIN_WAITOK);
	int i;

	CHECK(data != NULL);
	for (i = 0; i < n; i++)
		CHECK(data[i * PAGE_SIZE] ==
		    *(char *)VM_PAGE_TO_PHYS(pgs[i]));
	memset(data, 0x55, (size_t)n * PAGE_SIZE);
	uvm_pagermapout((vaddr_t)data, n);
	for (i = 0; (flags & UVMPAGER_MAPIN_READ) != 0 && i < n; i++)
		CHECK(*(char *)VM_PAGE_TO_PHYS(pgs[i]) == 0x55);
	return 0;
}

int
test_pager(struct vnode *vp)
{
	struct uvm_object *uobj = uao_create(OBJSIZE, 0);
	struct vm_page *pgs[4], *swap;
	struct buf *bp;
	int i, n = 4, line;
	char byte;

	rw_enter(uobj->vmobjlock, RW_WRITER);
	CHECK((*uobj->pgops->pgo_get)(uobj, 0, pgs, &n, 0, VM_PROT_READ, 0,
	    PGO_SYNCIO) == 0 && n == 4);
	for (i = 0; i < 4; i++) {
		*(char *)VM_PAGE_TO_PHYS(pgs[i]) = (char)(i + 1);
		CHECK(!pmap_test_attrs(pgs[i], PP_ATTRS_D));
		CHECK(!pmap_clear_attrs(pgs[i], PP_ATTRS_D));
	}
	line = pager_window(pgs, 4, UVMPAGER_MAPIN_READ);
	for (i = 0; i < 4; i++)
		*(char *)VM_PAGE_TO_PHYS(pgs[i]) = (char)(i + 1);
	swap = pgs[0];
	pgs[0] = pgs[3];
	pgs[3] = swap;
	if (line == 0)
		line = pager_window(pgs, 4, UVMPAGER_MAPIN_WRITE);
	CHECK(*(char *)VM_PAGE_TO_PHYS(pgs[0]) == 4);
	if (line == 0)
		line = pager_window(pgs, 4, UVMPAGER_MAPIN_READ);
	/* A transfer's end lets go of the pages, and of its buf. */
	bp = getiobuf(NULL, true);
	bp->b_data = (void *)uvm_pagermapin(pgs, 4,
	    UVMPAGER_MAPIN_READ | UVMPAGER_MAPIN_WAITOK);
	bp->b_bufsize = bp->b_bcount = 4 * PAGE_SIZE;
	bp->b_flags = B_READ;
	memset(bp->b_data, 0x66, 4 * PAGE_SIZE);
	uvm_aio_aiodone(bp);
	CHECK(move(uobj, UIO_READ, 2 * PAGE_SIZE, &byte, 1) == 0);
	CHECK(byte == 0x66);
	uao_detach(uobj);
	return line;
}
