/* SPDX-License-Identifier: BSD-2-Clause */
/* disk(9) and labels, on a disk of 64 sectors of memory. */

#include <sys/buf.h>
#include <sys/device.h>
#include <sys/disk.h>
#include <sys/dkio.h>
#include <sys/pmf.h>

#include "abitest.h"

#define	SECTORS		64

static char memory[SECTORS * DEV_BSIZE];
static struct disk disk;

static void
memory_strategy(struct buf *bp)
{
	char *at = memory + dbtob(bp->b_blkno);

	if (bp->b_blkno + btodb(bp->b_bcount) > SECTORS)
		bp->b_error = EIO;
	else if ((bp->b_flags & B_READ) != 0)
		memcpy(bp->b_data, at, (size_t)bp->b_bcount);
	else
		memcpy(at, bp->b_data, (size_t)bp->b_bcount);
	bp->b_resid = bp->b_error != 0 ? bp->b_bcount : 0;
	biodone(bp);
}

static const struct dkdriver memory_driver = {
	.d_strategy = memory_strategy,
};

static void
disk_make(void)
{

	memset(&disk, 0, sizeof(disk));
	disk_init(&disk, "abitest0", &memory_driver);
	disk_attach(&disk);
	disk.dk_geom.dg_secsize = DEV_BSIZE;
	disk.dk_geom.dg_secperunit = SECTORS;
	disk_set_info(NULL, &disk, NULL);
}

static void
disk_unmake(void)
{

	dkwedge_delall(&disk);
	disk_detach(&disk);
	disk_destroy(&disk);
}

/* A good label: partition 0 is sectors 8 to 23. */
static void
label_make(struct disklabel *lp)
{

	memset(lp, 0, sizeof(*lp));
	lp->d_magic = lp->d_magic2 = DISKMAGIC;
	lp->d_secsize = DEV_BSIZE;
	lp->d_secpercyl = 1;
	lp->d_npartitions = 4;
	lp->d_partitions[0].p_offset = 8;
	lp->d_partitions[0].p_size = 16;
	lp->d_partitions[0].p_fstype = FS_BSDFFS;
	lp->d_checksum = dkcksum(lp);
}

int
test_disk(void)
{
	u_int secsize = 0;
	off_t size = 0;

	CHECK(disk_find("abitest0") == NULL);
	disk_make();
	CHECK(disk_find("abitest0") == &disk);
	CHECK(disk.dk_byteshift == 9 && disk.dk_blkshift == 0);
	CHECK(disk_ioctl(&disk, makedev(1, RAW_PART), DIOCGSECTORSIZE,
	    &secsize, 0, NULL) == 0 && secsize == DEV_BSIZE);
	CHECK(disk_ioctl(&disk, makedev(1, RAW_PART), DIOCGMEDIASIZE, &size,
	    0, NULL) == 0 && size == sizeof(memory));
	label_make(disk.dk_label);
	CHECK(disk_ioctl(&disk, makedev(1, 0), DIOCGMEDIASIZE, &size, 0,
	    NULL) == 0 && size == 16 * DEV_BSIZE);
	CHECK(disk_ioctl(&disk, makedev(1, 0), DIOCWLABEL, &secsize, 0,
	    NULL) == EPASSTHROUGH);
	dkwedge_discover(&disk);
	disk_busy(&disk);
	disk_unbusy(&disk, DEV_BSIZE, 1);
	CHECK(pmf_device_register1(NULL, NULL, NULL, NULL));
	pmf_device_deregister(NULL);
	disk_unmake();
	CHECK(disk_find("abitest0") == NULL);
	return 0;
}

/* Written and read back; a bad one is not taken for one. */
int
test_label(void)
{
	static struct disklabel good, other;
	const dev_t dev = makedev(1, RAW_PART);

	disk_make();
	memset(memory, 0, sizeof(memory));
	label_make(&good);
	CHECK(dkcksum(&good) == 0);
	memset(&other, 0, sizeof(other));
	CHECK(readdisklabel(dev, memory_strategy, &other, NULL) != NULL);
	other.d_secsize = DEV_BSIZE;
	CHECK(readdisklabel(dev, memory_strategy, &other, NULL) != NULL);
	CHECK(writedisklabel(dev, memory_strategy, &good, NULL) == 0);
	CHECK(readdisklabel(dev, memory_strategy, &other, NULL) == NULL);
	CHECK(memcmp(&good, &other, sizeof(good)) == 0);
	memory[LABELSECTOR * DEV_BSIZE + 20] ^= 1;
	CHECK(readdisklabel(dev, memory_strategy, &other, NULL) != NULL);

	other = good;
	other.d_partitions[0].p_size = 8;
	CHECK(setdisklabel(&good, &other, 0, NULL) == EINVAL);
	other.d_checksum = 0;
	other.d_checksum = dkcksum(&other);
	CHECK(setdisklabel(&good, &other, 1 << 0, NULL) == EBUSY);
	CHECK(setdisklabel(&good, &other, 0, NULL) == 0);
	CHECK(good.d_partitions[0].p_size == 8);
	disk_unmake();
	return 0;
}

static int
bounds(daddr_t blkno, int sectors, int flags, int *bytes)
{
	struct buf *bp = geteblk(8 * DEV_BSIZE);
	int answer;

	bp->b_dev = makedev(1, 0);
	bp->b_blkno = blkno;
	bp->b_bcount = sectors * DEV_BSIZE;
	bp->b_flags |= flags;
	answer = bounds_check_with_label(&disk, bp, 0);
	*bytes = bp->b_bcount;
	brelse(bp, BC_INVAL);
	return answer;
}

/* Transfers stay inside their partition, and off the label. */
int
test_bounds(void)
{
	int bytes;

	disk_make();
	label_make(disk.dk_label);
	CHECK(bounds(0, 8, B_READ, &bytes) == 1 && bytes == 8 * DEV_BSIZE);
	CHECK(bounds(12, 8, B_READ, &bytes) == 1 && bytes == 4 * DEV_BSIZE);
	CHECK(bounds(16, 1, B_READ, &bytes) == 0);
	CHECK(bounds(17, 1, B_READ, &bytes) == -1);
	CHECK(bounds(-1, 1, B_READ, &bytes) == -1);
	disk.dk_label->d_partitions[0].p_offset = 0;
	CHECK(bounds(0, 8, B_READ, &bytes) == 1);
	CHECK(bounds(0, 8, B_WRITE, &bytes) == -1);
	CHECK(bounds(2, 8, B_WRITE, &bytes) == 1);
	disk_unmake();
	return 0;
}
