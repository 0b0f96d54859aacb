/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks: the block devices that the host offers through hyp_block_submit().
 *
 * Each has a block node /dev/NAME and a raw one /dev/rNAME.  A buf becomes
 * one request of the host; requests complete at once or later, through
 * kern_block_done(), which runs on whatever thread has the CPU and must not
 * sleep.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/conf.h>
#include <sys/disk.h>
#include <sys/disklabel.h>
#include <sys/dkio.h>
#include <sys/fcntl.h>
#include <sys/intr.h>
#include <sys/ioctl.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/vnode.h>
#include <uvm/uvm.h>
#include <miscfs/specfs/specdev.h>

#include <rumpy/doors.h>
#include <rumpy/hyp.h>

#include "core/lwp_impl.h"
#include "fs/rootfs.h"
#include "dev/dev.h"

#define DISK_UNITS	256

struct hostdisk {
	char hd_name[32];
	uint64_t hd_host;		/* the host's number */
	uint64_t hd_sectors;
	uint32_t hd_secsize;
	bool hd_readonly;
	u_int hd_opens;			/* bit 0 block, bit 1 raw */
	u_int hd_inflight;
};

/* One transfer on its way. */
struct diskreq {
	struct hyp_bio dr_bio;
	struct hyp_iovec dr_iov;
	struct hostdisk *dr_disk;
	struct buf *dr_buf;		/* NULL: somebody waits for dr_done */
	bool dr_done;
};

static struct hostdisk *disk_units[DISK_UNITS];
static pool_cache_t diskreq_cache;
static kmutex_t disk_lock;		/* only for disk_cv */
static kcondvar_t disk_cv;		/* a request without a buf is done */
static devmajor_t disk_bmajor = -1, disk_cmajor = -1;

static struct hostdisk *
disk_find_dev(dev_t dev)
{
	u_int unit = (u_int)DISKUNIT(dev);

	if (unit >= DISK_UNITS || DISKPART(dev) != RAW_PART)
		return NULL;
	return disk_units[unit];
}

static int
disk_open(dev_t dev, int flags, int fmt, struct lwp *l __unused)
{
	struct hostdisk *hd = disk_find_dev(dev);

	if (hd == NULL)
		return ENXIO;
	if ((flags & FWRITE) && hd->hd_readonly)
		return EROFS;
	hd->hd_opens |= fmt == S_IFBLK ? 1 : 2;
	return 0;
}

static int
disk_close(dev_t dev, int flags __unused, int fmt, struct lwp *l __unused)
{
	struct hostdisk *hd = disk_find_dev(dev);

	if (hd == NULL)
		return ENXIO;
	hd->hd_opens &= fmt == S_IFBLK ? ~1u : ~2u;
	return 0;
}

/* Transfers. */

static void
diskreq_finish(struct diskreq *dr)
{
	struct buf *bp = dr->dr_buf;

	dr->dr_disk->hd_inflight--;
	if (bp == NULL) {
		dr->dr_done = true;
		cv_broadcast(&disk_cv);
		return;
	}
	bp->b_error = dr->dr_bio.error;
	bp->b_resid = (int)((uint64_t)bp->b_resid + dr->dr_bio.resid);
	if (bp->b_error != 0 && dr->dr_bio.resid == 0)
		bp->b_resid = bp->b_bcount;
	pool_cache_put(diskreq_cache, dr);
	biodone(bp);
}

/* How many requests the host has. */
u_int
disk_inflight(void)
{
	u_int i, n = 0;

	for (i = 0; i < DISK_UNITS; i++) {
		if (disk_units[i] != NULL)
			n += disk_units[i]->hd_inflight;
	}
	return n;
}

/* The host has completed a request that was under way. */
void
kern_block_done(struct hyp_bio *bio)
{
	diskreq_finish(bio->cookie);
}

static void
diskreq_submit(struct diskreq *dr)
{
	int error;

	dr->dr_disk->hd_inflight++;
	error = hyp_block_submit(&dr->dr_bio);
	if (error == EINPROGRESS)
		return;
	if (error != 0)
		dr->dr_bio.error = error;
	if (__predict_false(sched_search) && search_hold(&dr->dr_bio))
		return;
	diskreq_finish(dr);
}

static struct diskreq *
diskreq_make(struct hostdisk *hd, int op, off_t offset, void *data,
    uint64_t length)
{
	struct diskreq *dr = pool_cache_get(diskreq_cache, PR_WAITOK);

	memset(dr, 0, sizeof(*dr));
	dr->dr_disk = hd;
	dr->dr_iov.base = data;
	dr->dr_iov.len = length;
	dr->dr_bio.dev = hd->hd_host;
	dr->dr_bio.op = op;
	dr->dr_bio.offset = offset;
	dr->dr_bio.length = length;
	dr->dr_bio.iov = &dr->dr_iov;
	dr->dr_bio.iovcnt = data != NULL ? 1 : 0;
	dr->dr_bio.cookie = dr;
	return dr;
}

/* A request that is waited for, with data or without. */
static int
disk_transfer(struct hostdisk *hd, int op, off_t offset, void *data,
    uint64_t length)
{
	struct diskreq *dr = diskreq_make(hd, op, offset, data, length);
	int error;

	dr->dr_bio.flags = HYP_BIO_WAIT;
	diskreq_submit(dr);
	mutex_enter(&disk_lock);
	while (!dr->dr_done)
		cv_wait(&disk_cv, &disk_lock);
	mutex_exit(&disk_lock);
	error = dr->dr_bio.error;
	pool_cache_put(diskreq_cache, dr);
	return error;
}

static int
disk_command(struct hostdisk *hd, int op, off_t offset, uint64_t length)
{
	return disk_transfer(hd, op, offset, NULL, length);
}

/* Bytes of the transfer that lie on the disk, or -1 with b_error set. */
static int64_t
disk_bounds(const struct hostdisk *hd, struct buf *bp)
{
	int64_t size = (int64_t)(hd->hd_sectors * hd->hd_secsize);
	int64_t start = (int64_t)dbtob(bp->b_blkno);

	if (bp->b_bcount < 0 || start < 0 ||
	    start % hd->hd_secsize != 0 ||
	    (uint32_t)bp->b_bcount % hd->hd_secsize != 0) {
		bp->b_error = EINVAL;
		return -1;
	}
	if ((bp->b_flags & B_READ) == 0 && hd->hd_readonly) {
		bp->b_error = EROFS;
		return -1;
	}
	if (start >= size) {
		/* Reading at the end is end of file; beyond is an error. */
		if (start > size || (bp->b_flags & B_READ) == 0)
			bp->b_error = start > size ? EINVAL : ENOSPC;
		return bp->b_error != 0 ? -1 : 0;
	}
	return MIN((int64_t)bp->b_bcount, size - start);
}

static void
disk_strategy(struct buf *bp)
{
	struct hostdisk *hd = disk_find_dev(bp->b_dev);
	struct diskreq *dr;
	int64_t length;

	bp->b_error = 0;
	bp->b_resid = bp->b_bcount;
	if (hd == NULL) {
		bp->b_error = ENXIO;
		biodone(bp);
		return;
	}
	length = disk_bounds(hd, bp);
	if (length <= 0) {
		biodone(bp);
		return;
	}
	bp->b_resid = bp->b_bcount - (int)length;
	bp->b_rawblkno = bp->b_blkno;
	dr = diskreq_make(hd, (bp->b_flags & B_READ) ? HYP_READ : HYP_WRITE,
	    (off_t)dbtob(bp->b_blkno), bp->b_data, (uint64_t)length);
	dr->dr_buf = bp;
	/* Nobody but our caller is to hear of it: it will wait. */
	if ((bp->b_flags & B_ASYNC) == 0 && bp->b_iodone == NULL &&
	    curlwp != uvm.pagedaemon_lwp)
		dr->dr_bio.flags = HYP_BIO_WAIT;
	diskreq_submit(dr);
}

static int
disk_read(dev_t dev, struct uio *uio, int flags __unused)
{
	return physio(disk_strategy, NULL, dev, B_READ, minphys, uio);
}

static int
disk_write(dev_t dev, struct uio *uio, int flags __unused)
{
	return physio(disk_strategy, NULL, dev, B_WRITE, minphys, uio);
}

/* Description. */

static bool
disk_is_amigas(struct hostdisk *hd)
{
	char *sector = kmem_alloc(hd->hd_secsize, KM_SLEEP);
	bool found;

	found = disk_transfer(hd, HYP_READ, 0, sector, hd->hd_secsize) == 0 &&
	    memcmp(sector, "DOS", 3) == 0;
	kmem_free(sector, hd->hd_secsize);
	return found;
}

/* A label for those who insist on one: the whole disk, no partitions. */
static void
disk_label(struct hostdisk *hd, struct disklabel *lp)
{
	uint32_t sectors = (uint32_t)MIN(hd->hd_sectors, UINT32_MAX);
	uint16_t sum = 0, *p;

	memset(lp, 0, sizeof(*lp));
	lp->d_magic = lp->d_magic2 = DISKMAGIC;
	strlcpy(lp->d_typename, "rumpy", sizeof(lp->d_typename));
	strlcpy(lp->d_packname, "fictitious", sizeof(lp->d_packname));
	lp->d_secsize = hd->hd_secsize;
	lp->d_nsectors = 32;
	lp->d_ntracks = 64;
	lp->d_secpercyl = 32 * 64;
	lp->d_ncylinders = MAX(1, sectors / lp->d_secpercyl);
	lp->d_secperunit = sectors;
	lp->d_rpm = 3600;
	lp->d_interleave = 1;
	lp->d_npartitions = RAW_PART + 1;
	lp->d_partitions[RAW_PART].p_size = sectors;
	lp->d_partitions[RAW_PART].p_fstype = FS_UNUSED;
	/*
	 * What Amigas take their file system's blocks and first block from.  On
	 * other disks the same member is the CD session.
	 */
	if (disk_is_amigas(hd)) {
		lp->d_partitions[RAW_PART].p_fsize = hd->hd_secsize;
		lp->d_partitions[RAW_PART].p_frag = 1;
		lp->d_partitions[RAW_PART].p_cpg = 2;
	}
	for (p = (uint16_t *)(void *)lp;
	    p < (uint16_t *)(void *)&lp->d_partitions[lp->d_npartitions]; p++)
		sum ^= *p;
	lp->d_checksum = sum;
}

static void
disk_wedge_info(const struct hostdisk *hd, struct dkwedge_info *dkw)
{
	memset(dkw, 0, sizeof(*dkw));
	strlcpy(dkw->dkw_devname, hd->hd_name, sizeof(dkw->dkw_devname));
	strlcpy((char *)dkw->dkw_wname, hd->hd_name, sizeof(dkw->dkw_wname));
	strlcpy(dkw->dkw_parent, hd->hd_name, sizeof(dkw->dkw_parent));
	dkw->dkw_size = hd->hd_sectors;
	strlcpy(dkw->dkw_ptype, DKW_PTYPE_UNKNOWN, sizeof(dkw->dkw_ptype));
}

static int
disk_dev_ioctl(dev_t dev, u_long cmd, void *data, int flag,
    struct lwp *l __unused)
{
	struct hostdisk *hd = disk_find_dev(dev);
	struct disk_sectoralign *dsa = data;

	if (hd == NULL)
		return ENXIO;
	switch (cmd) {
	case DIOCGMEDIASIZE:
		*(off_t *)data = (off_t)(hd->hd_sectors * hd->hd_secsize);
		return 0;
	case DIOCGSECTORSIZE:
		*(u_int *)data = hd->hd_secsize;
		return 0;
	case DIOCGSECTORALIGN:
		dsa->dsa_firstaligned = 0;
		dsa->dsa_alignment = 1;
		return 0;
	case DIOCGWEDGEINFO:
		disk_wedge_info(hd, data);
		return 0;
	case DIOCGDINFO:
		disk_label(hd, data);
		return 0;
	case DIOCGCACHE:
		*(int *)data = DKCACHE_READ | DKCACHE_WRITE;
		return 0;
	case DIOCCACHESYNC:
		if (hd->hd_readonly)
			return 0;
		return disk_command(hd, HYP_FLUSH, 0, 0);
	case DIOCSDINFO:
	case DIOCWDINFO:
		/* A disk here is one partition. */
		return (flag & FWRITE) ? EOPNOTSUPP : EBADF;
	default:
		return ENOTTY;
	}
}

static int
disk_size(dev_t dev)
{
	struct hostdisk *hd = disk_find_dev(dev);

	if (hd == NULL)
		return -1;
	return (int)MIN(hd->hd_sectors * hd->hd_secsize / DEV_BSIZE,
	    INT32_MAX);
}

static int
disk_discard(dev_t dev, off_t pos, off_t len)
{
	struct hostdisk *hd = disk_find_dev(dev);
	uint64_t size;

	if (hd == NULL)
		return ENXIO;
	if (hd->hd_readonly)
		return EROFS;
	size = hd->hd_sectors * hd->hd_secsize;
	if (pos < 0 || len < 0 || (uint64_t)pos > size ||
	    (uint64_t)len > size - (uint64_t)pos)
		return EINVAL;
	return disk_command(hd, HYP_DISCARD, pos, (uint64_t)len);
}

static const struct bdevsw disk_bdevsw = {
	.d_open = disk_open,
	.d_close = disk_close,
	.d_strategy = disk_strategy,
	.d_ioctl = disk_dev_ioctl,
	.d_psize = disk_size,
	.d_discard = disk_discard,
	.d_flag = D_DISK | D_MPSAFE,
};
static const struct cdevsw disk_cdevsw = {
	.d_open = disk_open,
	.d_close = disk_close,
	.d_read = disk_read,
	.d_write = disk_write,
	.d_ioctl = disk_dev_ioctl,
	.d_poll = nopoll,
	.d_mmap = nommap,
	.d_kqfilter = nokqfilter,
	.d_discard = disk_discard,
	.d_flag = D_DISK | D_MPSAFE,
};

void
disk_dev_init(void)
{
	int error;

	mutex_init(&disk_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&disk_cv, "diskio");
	diskreq_cache = pool_cache_init(sizeof(struct diskreq), 0, 0, 0,
	    "diskreq", NULL, IPL_BIO, NULL, NULL, NULL);
	error = devsw_attach("hostdisk", &disk_bdevsw, &disk_bmajor,
	    &disk_cdevsw, &disk_cmajor);
	KASSERT(error == 0);
}

/* Doors. */

static int
disk_make_nodes(struct hostdisk *hd, u_int unit, struct door_disk *door)
{
	dev_t bdev = MAKEDISKDEV(disk_bmajor, unit, RAW_PART);
	dev_t cdev = MAKEDISKDEV(disk_cmajor, unit, RAW_PART);
	char raw[sizeof(hd->hd_name) + 1];
	int error;

	raw[0] = 'r';
	strlcpy(raw + 1, hd->hd_name, sizeof(raw) - 1);
	error = rootfs_make_device(hd->hd_name, VBLK, 0640, bdev);
	if (error != 0)
		return error;
	error = rootfs_make_device(raw, VCHR, 0640, cdev);
	if (error != 0) {
		(void)rootfs_remove_device(hd->hd_name);
		return error;
	}
	door->block = bdev;
	door->character = cdev;
	return 0;
}

static bool
disk_name_valid(const char name[32])
{
	size_t len;

	for (len = 0; len < 32 && name[len] != '\0'; len++)
		if (name[len] == '/')
			return false;
	return len > 0 && len < 31 && name[0] != '.';
}

int
kern_disk_attach(struct door_disk *door)
{
	uint32_t ss = door->sector_size;
	struct hostdisk *hd;
	u_int unit;
	int error;

	if (!disk_name_valid(door->name) || ss < DEV_BSIZE ||
	    ss > MAXPHYS || (ss & (ss - 1)) != 0 ||
	    door->sector_count > INT64_MAX / ss)
		return EINVAL;
	for (unit = 0; unit < DISK_UNITS; unit++)
		if (disk_units[unit] == NULL)
			break;
	if (unit == DISK_UNITS)
		return ENXIO;
	hd = kmem_zalloc(sizeof(*hd), KM_SLEEP);
	strlcpy(hd->hd_name, door->name, sizeof(hd->hd_name));
	hd->hd_host = door->dev;
	hd->hd_sectors = door->sector_count;
	hd->hd_secsize = ss;
	hd->hd_readonly = (door->flags & DOOR_DISK_RDONLY) != 0;
	error = disk_make_nodes(hd, unit, door);
	if (error != 0) {
		kmem_free(hd, sizeof(*hd));
		return error;
	}
	disk_units[unit] = hd;
	return 0;
}

/* EBUSY while the disk is open or mounted. */
int
kern_disk_detach(struct door_disk *door)
{
	char raw[sizeof(door->name) + 1];
	struct hostdisk *hd = NULL;
	int unit;

	for (unit = 0; unit < DISK_UNITS; unit++) {
		hd = disk_units[unit];
		if (hd != NULL && strncmp(hd->hd_name, door->name,
		    sizeof(hd->hd_name)) == 0)
			break;
	}
	if (unit == DISK_UNITS)
		return ENXIO;
	if (hd->hd_opens != 0 || hd->hd_inflight != 0)
		return EBUSY;
	raw[0] = 'r';
	strlcpy(raw + 1, hd->hd_name, sizeof(raw) - 1);
	(void)rootfs_remove_device(hd->hd_name);
	(void)rootfs_remove_device(raw);
	vdevgone(disk_bmajor, DISKMINOR(unit, RAW_PART),
	    DISKMINOR(unit, RAW_PART), VBLK);
	vdevgone(disk_cmajor, DISKMINOR(unit, RAW_PART),
	    DISKMINOR(unit, RAW_PART), VCHR);
	disk_units[unit] = NULL;
	kmem_free(hd, sizeof(*hd));
	return 0;
}

/* What file systems ask about the device they are mounted from. */

int
getdisksize(struct vnode *vp, uint64_t *numsecp, unsigned int *secsizep)
{
	off_t size;
	u_int secsize;
	int error;

	error = VOP_IOCTL(vp, DIOCGSECTORSIZE, &secsize, FREAD, NOCRED);
	if (error == 0)
		error = VOP_IOCTL(vp, DIOCGMEDIASIZE, &size, FREAD, NOCRED);
	if (error != 0)
		return error;
	if (secsize == 0)
		return EINVAL;
	*secsizep = secsize;
	*numsecp = (uint64_t)size / secsize;
	return 0;
}

int
getdiskinfo(struct vnode *vp, struct dkwedge_info *dkw)
{
	return VOP_IOCTL(vp, DIOCGWEDGEINFO, dkw, FREAD, NOCRED);
}

/* Shorten a transfer that crosses the end of the medium; 0: nothing left. */
int
bounds_check_with_mediasize(struct buf *bp, int secsize, uint64_t mediasize)
{
	int64_t sectors = (bp->b_bcount + secsize - 1) / secsize;
	int64_t left = (int64_t)mediasize - bp->b_blkno;

	if (bp->b_blkno < 0 || left < 0) {
		bp->b_error = EINVAL;
		bp->b_resid = bp->b_bcount;
		return 0;
	}
	if (left == 0) {
		bp->b_resid = bp->b_bcount;
		return 0;
	}
	if (sectors > left)
		bp->b_bcount = (int)(left * secsize);
	return 1;
}
