/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Raw I/O: a character device's read and write straight to the driver
 * (physio(9)).
 *
 * Memory of the caller can't be handed to a driver as it is: a fault there
 * must become EFAULT of this call.  So the bytes go through a buffer of the
 * kernel, MAXPHYS at a time.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/uio.h>

#include "vfs/bio.h"

/* Limit a transfer to what drivers take at once. */
void
minphys(struct buf *bp)
{

	if (bp->b_bcount > MAXPHYS)
		bp->b_bcount = MAXPHYS;
}

static void
physio_setup(struct buf *bp, dev_t dev, int flags, void *data, int todo,
    off_t offset)
{

	bp->b_oflags = 0;
	bp->b_error = 0;
	bp->b_flags = (flags & B_READ) | B_PHYS | B_RAW;
	bp->b_cflags |= BC_BUSY;
	bp->b_dev = dev;
	bp->b_data = data;
	bp->b_bcount = todo;
	bp->b_bufsize = todo;
	bp->b_resid = 0;
	bp->b_blkno = btodb(offset);
	bp->b_prio = BPRIO_DEFAULT;
	bp->b_proc = curlwp->l_proc;
}

/* One transfer; the bytes it moved are in *donep. */
static int
physio_one(void (*strategy)(struct buf *), struct buf *bp, struct uio *uio,
    int *donep)
{
	int error;

	*donep = 0;
	if ((bp->b_flags & B_READ) == 0) {
		error = uiopeek(bp->b_data, bp->b_bcount, uio);
		if (error != 0)
			return error;
	}
	(*strategy)(bp);
	error = biowait(bp);
	*donep = bp->b_bcount - bp->b_resid;
	KASSERT(*donep >= 0);
	if (error != 0)
		*donep = 0;
	else if ((bp->b_flags & B_READ) != 0)
		error = uiomove(bp->b_data, *donep, uio);
	else
		uioskip(*donep, uio);
	return error;
}

int
physio(void (*strategy)(struct buf *), struct buf *obp, dev_t dev, int flags,
    void (*min_phys)(struct buf *), struct uio *uio)
{
	struct buf *bp;
	void *data;
	int done, error;

	if (uio->uio_offset < 0 || (uio->uio_offset & (DEV_BSIZE - 1)) != 0)
		return EINVAL;
	bp = obp != NULL ? obp : getiobuf(NULL, true);
	data = kmem_alloc(MAXPHYS, KM_SLEEP);
	error = 0;
	while (error == 0 && uio->uio_resid > 0) {
		physio_setup(bp, dev, flags, data,
		    (int)MIN(uio->uio_resid, MAXPHYS), uio->uio_offset);
		(*min_phys)(bp);
		error = physio_one(strategy, bp, uio, &done);
		if (done < bp->b_bcount)
			break;		/* end of the medium, or an error */
	}
	kmem_free(data, MAXPHYS);
	if (obp == NULL)
		putiobuf(bp);
	return error;
}
