/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz FIRST LAST: with each seed, random operations on buffers and on a
 * file's pages, compared with a model in memory, and at the end with what is
 * on the disk.  The seed also decides how much memory there is, whether the
 * disk answers late and out of order, and whether transfers fail.
 */
#include <sys/buf.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include "vfs/bio.h"
#include "vfs/pages.h"
#include "standin.h"

#define	MAXSIZE		(6 * 1024 * 1024)
#define	PIECE		(256 * 1024)

/* Buffers: blocks of the disk's start, each full of one byte. */

static unsigned char blocks[FS_RESERVED];

static void
blocks_step(void)
{
	u_int i = rnd(FS_RESERVED), what = rnd(8);
	struct buf *bp;
	int error, j;

	error = bread(disk_vp, (daddr_t)i * (FS_BLOCK / DEV_BSIZE), FS_BLOCK,
	    0, &bp);
	if (error != 0)
		die("block %u: error %d", i, error);
	for (j = 0; j < FS_BLOCK; j += 97) {
		if (((unsigned char *)bp->b_data)[j] != blocks[i])
			die("block %u differs", i);
	}
	if (what < 4) {
		brelse(bp, what == 0 ? BC_AGE : 0);
		return;
	}
	blocks[i] = (unsigned char)rnd(256);
	memset(bp->b_data, blocks[i], FS_BLOCK);
	if (what == 4 && bwrite(bp) != 0)
		die("block %u can't be written", i);
	if (what == 5)
		bawrite(bp);
	if (what > 5)
		bdwrite(bp);
}

static void
blocks_check(void)
{
	int i;

	disk_drain();
	if (vinvalbuf(disk_vp, V_SAVE, NULL, NULL, false, 0) != 0)
		die("buffers can't be written");
	if (bufmem.bm_nbuf != 0 || bufmem.bm_bytes != 0 ||
	    disk_vp->v_holdcnt != 0)
		die("%u buffers are left", bufmem.bm_nbuf);
	for (i = 0; i < FS_RESERVED; i++) {
		if (disk[(size_t)i * FS_BLOCK + 77] != blocks[i])
			die("block %d differs on the disk", i);
	}
}

/* The file. */

static unsigned char *model;
static off_t model_size;

static int
file_move(enum uio_rw rw, off_t off, void *data, size_t n, int flags)
{
	struct iovec iov = { data, n };
	struct uio uio = {
		.uio_iov = &iov, .uio_iovcnt = 1, .uio_offset = off,
		.uio_resid = n, .uio_rw = rw, .uio_vmspace = (void *)&iov,
	};
	int error;

	error = ubc_uiomove(&file_vp->v_uobj, &uio, n, (int)rnd(3), flags);
	if (error == 0 && uio.uio_resid != 0)
		die("%zu bytes were not moved", uio.uio_resid);
	return error;
}

/* Allocate blocks for a partial write as file systems do: pages come first. */
static int
file_balloc(off_t off, off_t len)
{
	off_t start = rounddown2(off, (off_t)FS_BLOCK);
	off_t end = roundup2(off + len, (off_t)FS_BLOCK);
	struct vm_page *pgs[PIECE / PAGE_SIZE] = { NULL };
	int error, i, n = (int)((end - start) >> PAGE_SHIFT);

	genfs_node_wrlock(file_vp);
	rw_enter(file_vp->v_uobj.vmobjlock, RW_WRITER);
	error = VOP_GETPAGES(file_vp, start, pgs, &n, 0, VM_PROT_WRITE, 0,
	    PGO_SYNCIO | PGO_PASTEOF | PGO_NOBLOCKALLOC | PGO_NOTIMESTAMP |
	    PGO_GLOCKHELD);
	if (error == 0)
		file_alloc(off, len);
	genfs_node_unlock(file_vp);
	if (error != 0)
		return error;
	for (i = 0; i < n; i++) {
		pgs[i]->flags &= ~PG_RDONLY;
		uvm_pagemarkdirty(pgs[i], UVM_PAGE_STATUS_DIRTY);
		uvm_pagelock(pgs[i]);
		uvm_pageactivate(pgs[i]);
		uvm_pageunlock(pgs[i]);
	}
	uvm_page_unbusy(pgs, n);
	return 0;
}

/* Before the file grows: its last block must be zero behind the end. */
static void
file_padtail(void)
{
	off_t end = roundup2(model_size, (off_t)FS_BLOCK);

	if (end == model_size)
		return;
	uvm_vnp_setwritesize(file_vp, end);
	uvm_vnp_setsize(file_vp, end);
	if (file_balloc(model_size, end - model_size) != 0)
		die("can't allocate the last block");
	ubc_zerorange(&file_vp->v_uobj, model_size, end - model_size, 0);
	model_size = end;
}

/* Write within one block; EIO and EFAULT leave what they leave. */
static int
file_writeblock(off_t off, unsigned char *data, size_t n)
{
	off_t end = off + (off_t)n;
	bool whole;
	int error, failrate, flags;

	whole = (off & (FS_BLOCK - 1)) == 0 && (n == FS_BLOCK ||
	    off >= roundup2(file_vp->v_size, (off_t)FS_BLOCK));
	flags = UBC_WRITE;
	if (file_vp->v_size < end)
		uvm_vnp_setwritesize(file_vp, end);
	if (whole) {
		genfs_node_wrlock(file_vp);
		file_alloc(off, (off_t)n);
		genfs_node_unlock(file_vp);
		flags |= UBC_FAULTBUSY;
	} else if ((error = file_balloc(off, (off_t)n)) != 0) {
		file_vp->v_writesize = file_vp->v_size;
		return error;
	}
	error = file_move(UIO_WRITE, off, data, n, flags);
	if (error == EIO) {
		file_vp->v_writesize = file_vp->v_size;
		return error;
	}
	if (file_vp->v_size < end)
		uvm_vnp_setsize(file_vp, end);
	model_size = MAX(model_size, end);
	if (error == 0) {
		memcpy(model + off, data, n);
		return 0;
	}
	/* EFAULT: some of it may have been copied; whatever is there counts. */
	failrate = disk_failrate;
	disk_failrate = 0;
	if (file_move(UIO_READ, off, model + off, n, UBC_READ) != 0)
		die("can't read back");
	disk_failrate = failrate;
	return error;
}

static void
file_write(off_t off, size_t len)
{
	static unsigned char data[PIECE], seq;
	size_t done, i, n;
	int error;

	if (off > model_size) {
		if (disk_failrate != 0)
			return;
		file_padtail();
	}
	for (seq++, i = 0; i < len; i++)
		data[i] = (unsigned char)(seq * 7 + i * 13 + (i >> 8));
	for (done = 0; done < len; done += n) {
		n = MIN(len - done, FS_BLOCK - ((off + done) & (FS_BLOCK - 1)));
		error = file_writeblock(off + (off_t)done, data + done, n);
		if (error == EFAULT || (error == EIO && disk_failrate != 0))
			return;
		if (error != 0)
			die("write at %jd: error %d", (intmax_t)off, error);
	}
}

static void
file_read(off_t off, size_t len)
{
	static unsigned char data[PIECE];
	size_t i;
	int error;

	if (off >= model_size)
		return;
	len = MIN(len, (size_t)(model_size - off));
	memset(data, 0x55, len);
	error = file_move(UIO_READ, off, data, len, UBC_READ | UBC_PARTIALOK);
	if (error == EIO && disk_failrate != 0)
		return;
	if (error != 0)
		die("read at %jd: error %d", (intmax_t)off, error);
	for (i = 0; i < len; i++) {
		if (data[i] != model[off + i])
			die("byte %jd differs", (intmax_t)(off + i));
	}
}

static void
file_truncate(off_t size)
{
	off_t end = roundup2(size, (off_t)FS_BLOCK);

	if (size < model_size) {
		end = MIN(end, model_size);
		if (end > size)
			ubc_zerorange(&file_vp->v_uobj, size, end - size, 0);
		uvm_vnp_setsize(file_vp, size);
		file_cut(size);
		memset(model + size, 0, model_size - size);
	} else {
		file_padtail();
		uvm_vnp_setsize(file_vp, size);
	}
	model_size = size;
}

static void
file_put(off_t lo, off_t hi, int flags)
{
	int error;

	rw_enter(file_vp->v_uobj.vmobjlock, RW_WRITER);
	error = VOP_PUTPAGES(file_vp, lo, hi, flags);
	if (error != 0 && (error != EIO || disk_failrate == 0))
		die("put: error %d", error);
}

/* After a flush the disk has it all. */
static void
file_compare(void)
{
	int64_t at;
	off_t off;
	size_t i, n;

	if (!uvn_clean_p(&file_vp->v_uobj) || file_vp->v_numoutput != 0 ||
	    (file_vp->v_iflag & VI_ONWORKLST) != 0)
		die("a flushed file is dirty");
	for (off = 0; off < model_size; off += DEV_BSIZE) {
		n = (size_t)MIN(DEV_BSIZE, model_size - off);
		at = file_block(off);
		for (i = 0; i < n; i++) {
			if (model[off + i] != (at < 0 ? 0 : disk[at + i]))
				die("byte %jd differs on the disk",
				    (intmax_t)(off + i));
		}
	}
}

static void
file_flush(off_t off, size_t len)
{

	switch (rnd(4)) {
	case 0:
		file_put(0, 0, PGO_ALLPAGES | PGO_CLEANIT);
		break;
	case 1:
		file_put(0, 0, PGO_ALLPAGES | PGO_CLEANIT | PGO_SYNCIO |
		    PGO_FREE);
		break;
	case 2:
		file_put(trunc_page(off), round_page(off + len), PGO_CLEANIT |
		    (rnd(2) ? PGO_FREE | PGO_SYNCIO : PGO_LAZY));
		break;
	default:
		file_put(0, 0, PGO_ALLPAGES | PGO_CLEANIT | PGO_SYNCIO);
		if (disk_failrate == 0)
			file_compare();
		break;
	}
}

static void
file_step(void)
{
	off_t off = rnd(3) == 0 ? rnd(100000) : rnd(MAXSIZE - PIECE);
	size_t len = 1 + rnd(rnd(2) ? PIECE - FS_BLOCK : 3000);
	u_int what = rnd(100);

	if (rnd(4) == 0)
		off = rounddown2(off, (off_t)FS_BLOCK);
	if (rnd(3) == 0)
		len = roundup2(len, (size_t)FS_BLOCK);
	if (what < 30)
		file_write(off, len);
	else if (what < 33) {
		copyin_faults_after = rnd(FS_BLOCK);
		file_write(off, len);
		copyin_faults_after = -1;
	} else if (what < 72)
		file_read(off, len);
	else if (what < 85)
		file_flush(off, len);
	else if (what < 90)
		pages_reclaim(rnd(64), 512);
	else if (what < 94)
		disk_drain();
	else if (what < 96)
		pagecache_trim(SIZE_MAX);
	else if (what < 98 && disk_failrate == 0)
		file_truncate(rnd(MAXSIZE));
	else if (off < model_size && disk_failrate == 0) {
		len = MIN(len, (size_t)(model_size - off));
		ubc_zerorange(&file_vp->v_uobj, off, len, 0);
		memset(model + off, 0, len);
	}
}

static void
file_check(void)
{

	disk_drain();
	disk_failrate = 0;
	file_put(0, 0, PGO_ALLPAGES | PGO_CLEANIT | PGO_SYNCIO | PGO_FREE);
	if (file_vp->v_uobj.uo_npages != 0 || pagecache.pch_pages != 0 ||
	    pagecache.pch_dirty != 0 || pagecache.pch_chunks != 0 ||
	    file_vp->v_uobj.uo_pages.t_root != NULL)
		die("%zu pages are left", pagecache.pch_pages);
	file_compare();
}

int
main(int argc, char **argv)
{
	int i, last, seed;

	if (argc != 3)
		die("usage: fuzz FIRST LAST");
	model = calloc(1, MAXSIZE + PIECE);
	standin_start();
	last = atoi(argv[2]);
	for (seed = atoi(argv[1]); seed <= last; seed++) {
		rnd_seed((uint32_t)seed);
		disk_late = seed % 2 != 0;
		memory_limit = seed % 3 == 0 ? 512 : 1 << 20;
		pagecache.pch_dirtymax = memory_limit / 4;
		for (i = 0; i < 2000; i++)
			blocks_step();
		blocks_check();
		disk_failrate = seed % 4 == 2 ? 10 : 0;
		for (i = 0; i < 1000; i++)
			file_step();
		file_check();
		printf("seed %d ok\n", seed);
		fflush(NULL);
	}
	return 0;
}
