/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transfers between the pages of a chunk and the disk.
 *
 * A chunk's memory is contiguous, so a run of its pages that is contiguous on
 * the disk is one transfer; otherwise a master buffer has several parts.
 * Where the file has a hole, a read clears memory and a write does nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/mount.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>

#include "vfs/bio.h"
#include "vfs/genfs_io.h"
#include "vfs/pages.h"

/* Contiguous blocks of a file on a device. */
struct genfs_extent {
	struct vnode	*ge_devvp;
	daddr_t		ge_blkno;	/* -1: a hole */
	size_t		ge_len;
};

/* The extent at an offset, of len bytes at most. */
static int
genfs_bmap(struct vnode *vp, off_t off, size_t len, struct genfs_extent *ge)
{
	int devshift, error, fsshift, run;
	off_t end;
	daddr_t lbn;

	if (vp->v_type != VBLK) {
		fsshift = vp->v_mount->mnt_fs_bshift;
		devshift = vp->v_mount->mnt_dev_bshift;
	} else
		fsshift = devshift = DEV_BSHIFT;
	lbn = off >> fsshift;
	run = 0;
	error = VOP_BMAP(vp, lbn, &ge->ge_devvp, &ge->ge_blkno, &run);
	if (error != 0)
		return error;
	/* NetBSD's snapshots save one block of each transfer: the first. */
	if (vp->v_type != VBLK && fscow_active(vp->v_mount))
		run = 0;
	if (ge->ge_blkno == (daddr_t)-1)
		run = 0;
	else
		ge->ge_blkno += (off - (lbn << fsshift)) >> devshift;
	end = (lbn + 1 + run) << fsshift;
	ge->ge_len = MIN((size_t)(end - off), len);
	return 0;
}

/* Does an extent begin behind the end of its disk, if it has a known one? */
static bool
genfs_beyond(const struct genfs_extent *ge)
{
	const struct vnode *devvp = ge->ge_devvp;

	return devvp->v_type == VBLK && devvp->v_size > 0 &&
	    ge->ge_blkno >= btodb(devvp->v_size);
}

/* One part of a transfer that starts at done; the whole if it covers it. */
static bool
genfs_part(struct buf *mbp, const struct genfs_extent *ge, int done)
{
	struct buf *bp;

	if (__predict_false(genfs_beyond(ge))) {
		nestiobuf_done(mbp, (int)ge->ge_len, EIO);
		return false;
	}
	if (done == 0 && ge->ge_len == (size_t)mbp->b_bcount) {
		mbp->b_blkno = ge->ge_blkno;
		VOP_STRATEGY(ge->ge_devvp, mbp);
		return true;
	}
	bp = getiobuf(mbp->b_vp, true);
	nestiobuf_setup(mbp, bp, done, ge->ge_len);
	bp->b_blkno = ge->ge_blkno;
	VOP_STRATEGY(ge->ge_devvp, bp);
	return false;
}

/*
 * Start a transfer that begins at an offset of its vnode; into a chunk, whose
 * pages learn of holes, or into other memory.
 */
static void
genfs_strategy(struct buf *mbp, off_t off, struct uvm_pagechunk *pc)
{
	struct genfs_extent ge;
	bool reading = (mbp->b_flags & B_READ) != 0;
	int done, error, len, skipped;

	error = 0;
	skipped = 0;
	len = mbp->b_bcount;
	for (done = 0; done < len; done += (int)ge.ge_len) {
		error = genfs_bmap(mbp->b_vp, off + done, len - done, &ge);
		if (error != 0)
			break;
		if (ge.ge_blkno != (daddr_t)-1) {
			if (genfs_part(mbp, &ge, done))
				return;
			continue;
		}
		skipped += (int)ge.ge_len;
		if (reading) {
			memset((char *)mbp->b_data + done, 0, ge.ge_len);
			if (pc != NULL)
				pageset_sethole(pc,
				    pageset_of(off + done, ge.ge_len), true);
		}
	}
	/* The master may be gone once its last byte is accounted for. */
	nestiobuf_done(mbp, skipped + len - done, error);
}

static void
genfs_setup(struct buf *bp, struct vnode *vp, void *data, size_t len,
    bool reading)
{

	bp->b_vp = vp;
	bp->b_objlock = vp->v_interlock;
	bp->b_cflags = BC_BUSY;
	bp->b_flags = reading ? B_READ : B_WRITE;
	bp->b_data = data;
	bp->b_bufsize = bp->b_bcount = bp->b_resid = (int)len;
	if (!reading) {
		mutex_enter(vp->v_interlock);
		vp->v_numoutput++;
		mutex_exit(vp->v_interlock);
	}
}

/*
 * A file system with a strategy of its own may leave b_resid as it was (udf,
 * for contents in its inodes); genfs_part() has kept disks from doing so.
 */
static int
genfs_result(const struct buf *bp)
{

	if (bp->b_error != 0)
		return bp->b_error;
	return bp->b_resid != 0 && bp->b_resid != bp->b_bcount ? EIO : 0;
}

static int
genfs_rw(struct vnode *vp, off_t off, void *data, size_t len, bool reading,
    struct uvm_pagechunk *pc)
{
	struct buf b;
	int error;

	buf_init(&b);
	b.b_prio = BPRIO_TIMECRITICAL;
	genfs_setup(&b, vp, data, len, reading);
	genfs_strategy(&b, off, pc);
	(void)biowait(&b);
	error = genfs_result(&b);
	buf_destroy(&b);
	return error;
}

/* Move len bytes from a page of a chunk on, and wait for it. */
int
genfs_xfer_wait(struct vnode *vp, struct uvm_pagechunk *pc, u_int first,
    size_t len, bool reading)
{

	if (len == 0)
		return 0;
	return genfs_rw(vp, pc->pc_off + (voff_t)first * PAGE_SIZE,
	    pc->pc_data + first * PAGE_SIZE, len, reading, pc);
}

/* The same between the disk and memory that isn't the page cache's. */
int
genfs_xfer_data(struct vnode *vp, off_t off, void *data, size_t len,
    bool reading)
{

	return genfs_rw(vp, off, data, len, reading, NULL);
}

/* Is there a hole in this range, or is that not to be known? */
bool
genfs_hasholes(struct vnode *vp, off_t off, size_t len)
{
	struct genfs_extent ge;

	for (; len > 0; off += ge.ge_len, len -= ge.ge_len) {
		if (genfs_bmap(vp, off, len, &ge) != 0 ||
		    ge.ge_blkno == (daddr_t)-1)
			return true;
	}
	return false;
}

/* Pages have been written, or not: keep those that were not. */
void
genfs_written(struct uvm_pagechunk *pc, pageset_t set, int error)
{
	pageset_t bits;

	if (error != 0) {
		for (bits = set; bits != 0; bits &= bits - 1)
			pc->pc_page[__builtin_ctz(bits)].flags &=
			    ~(PG_RELEASED | PG_PAGEOUT);
		pageset_setdirty(pc, set);
	}
	pageset_unbusy(pc, set);
}

/* b_iodone of a transfer that nobody waits for; must not sleep. */
void
genfs_iodone(struct buf *bp)
{
	struct uvm_pagechunk *pc = bp->b_private;
	pageset_t set = (pageset_t)bp->b_dcookie;
	int error = genfs_result(bp);

	if ((bp->b_flags & B_READ) == 0)
		genfs_written(pc, set, error);
	else if (error == 0) {
		pageset_setvalid(pc, set);
		pageset_unbusy(pc, set);
	} else
		pageset_free(pc, set);
	putiobuf(bp);
}

/*
 * Start to move len bytes.  The pages in `set', which are busy, are done with
 * when it has ended.
 */
void
genfs_xfer_start(struct vnode *vp, struct uvm_pagechunk *pc, u_int first,
    size_t len, bool reading, pageset_t set)
{
	struct buf *bp;

	KASSERT(len > 0);
	bp = getiobuf(vp, true);
	genfs_setup(bp, vp, pc->pc_data + first * PAGE_SIZE, len, reading);
	bp->b_flags |= B_ASYNC;
	bp->b_iodone = genfs_iodone;
	bp->b_private = pc;
	bp->b_dcookie = set;
	genfs_strategy(bp, pc->pc_off + (voff_t)first * PAGE_SIZE, pc);
}
