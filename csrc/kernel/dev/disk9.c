/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * disk(9): what a module's disk driver (vnd) shares with all others.  The
 * host's own disks are dev/disk.c and don't need it.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/bitops.h>
#include <sys/buf.h>
#include <sys/device.h>
#include <sys/disk.h>
#include <sys/dkio.h>
#include <sys/fcntl.h>
#include <sys/kmem.h>
#include <sys/pmf.h>
#include <sys/queue.h>

/* Room for what the port keeps with a label: the MBR and bad sectors. */
#define	CPU_LABEL_SIZE	1024

static TAILQ_HEAD(, disk) disks = TAILQ_HEAD_INITIALIZER(disks);

void
disk_init(struct disk *dk, const char *name, const struct dkdriver *driver)
{

	mutex_init(&dk->dk_rawlock, MUTEX_DEFAULT, IPL_NONE);
	mutex_init(&dk->dk_openlock, MUTEX_DEFAULT, IPL_NONE);
	LIST_INIT(&dk->dk_wedges);
	dk->dk_nwedges = 0;
	dk->dk_labelsector = LABELSECTOR;
	dk->dk_name = name;
	dk->dk_driver = driver;
}

void
disk_destroy(struct disk *dk)
{

	mutex_destroy(&dk->dk_openlock);
	mutex_destroy(&dk->dk_rawlock);
}

void
disk_attach(struct disk *dk)
{

	dk->dk_label = kmem_zalloc(sizeof(*dk->dk_label), KM_SLEEP);
	dk->dk_cpulabel = kmem_zalloc(CPU_LABEL_SIZE, KM_SLEEP);
	TAILQ_INSERT_TAIL(&disks, dk, dk_link);
}

void
disk_detach(struct disk *dk)
{

	TAILQ_REMOVE(&disks, dk, dk_link);
	kmem_free(dk->dk_label, sizeof(*dk->dk_label));
	kmem_free(dk->dk_cpulabel, CPU_LABEL_SIZE);
	dk->dk_label = NULL;
	dk->dk_cpulabel = NULL;
}

struct disk *
disk_find(const char *name)
{
	struct disk *dk;

	TAILQ_FOREACH(dk, &disks, dk_link)
		if (strcmp(dk->dk_name, name) == 0)
			return dk;
	return NULL;
}

/* A driver may set dk_geom only; its size in powers of two follows. */
void
disk_set_info(device_t dev, struct disk *dk, const char *type)
{
	const uint32_t secsize = dk->dk_geom.dg_secsize;

	(void)dev, (void)type;
	if (secsize == 0 || !powerof2(secsize))
		return;
	dk->dk_byteshift = ilog2(secsize);
	dk->dk_blkshift = dk->dk_byteshift - DEV_BSHIFT;
}

/* The partition that a device is, or NULL for the whole disk. */
static struct partition *
disk_partition(const struct disk *dk, dev_t dev)
{
	const int part = DISKPART(dev);

	if (part == RAW_PART || dk->dk_label == NULL ||
	    part >= dk->dk_label->d_npartitions)
		return NULL;
	return &dk->dk_label->d_partitions[part];
}

/* The requests that every disk answers alike; the rest is the driver's. */
int
disk_ioctl(struct disk *dk, dev_t dev, u_long cmd, void *data, int flag,
    struct lwp *l)
{
	const struct partition *p;
	uint64_t sectors;

	(void)flag, (void)l;
	switch (cmd) {
	case DIOCGSECTORSIZE:
		*(u_int *)data = dk->dk_geom.dg_secsize;
		return 0;
	case DIOCGMEDIASIZE:
		p = disk_partition(dk, dev);
		sectors = p != NULL ? p->p_size :
		    (uint64_t)dk->dk_geom.dg_secperunit;
		*(off_t *)data = (off_t)(sectors * dk->dk_geom.dg_secsize);
		return 0;
	case DIOCGDINFO:
		if (dk->dk_label == NULL)
			return ENOTTY;
		*(struct disklabel *)data = *dk->dk_label;
		return 0;
	default:
		return EPASSTHROUGH;
	}
}

void
disk_busy(struct disk *dk)
{

	(void)dk;
}

void
disk_unbusy(struct disk *dk, long bytes, int reading)
{

	(void)dk, (void)bytes, (void)reading;
}

/*
 * Keep a transfer inside its partition and off the label.  1: do it; 0: at the
 * end, there is nothing to transfer; -1: b_error says why not.
 */
int
bounds_check_with_label(struct disk *dk, struct buf *bp, int wlabel)
{
	const struct disklabel *lp = dk->dk_label;
	const struct partition *p = &lp->d_partitions[DISKPART(bp->b_dev)];
	const int64_t ratio = MAX(1, lp->d_secsize / DEV_BSIZE);
	const int64_t size = (int64_t)p->p_size * ratio;
	const int64_t first = bp->b_blkno + (int64_t)p->p_offset * ratio;
	const int64_t label = dk->dk_labelsector * ratio;
	int64_t n = howmany((int64_t)bp->b_bcount, DEV_BSIZE);

	if (bp->b_blkno < 0 || bp->b_blkno > size) {
		bp->b_error = EINVAL;
		return -1;
	}
	if (bp->b_blkno == size) {
		bp->b_resid = bp->b_bcount;
		return 0;
	}
	if (n > size - bp->b_blkno) {
		n = size - bp->b_blkno;
		bp->b_bcount = (int)dbtob(n);
	}
	if ((bp->b_flags & B_READ) == 0 && wlabel == 0 &&
	    p->p_fstype != FS_UNUSED && first <= label && first + n > label) {
		bp->b_error = EROFS;
		return -1;
	}
	return 1;
}

/*
 * Labels.
 */

/* All 16-bit words of a good label and its partitions cancel out. */
uint16_t
dkcksum(const struct disklabel *lp)
{
	const uint16_t *word = (const uint16_t *)lp;
	const uint16_t *end = (const uint16_t *)
	    &lp->d_partitions[MIN(lp->d_npartitions, MAXPARTITIONS)];
	uint16_t sum = 0;

	while (word < end)
		sum ^= *word++;
	return sum;
}

static bool
label_good(const struct disklabel *lp)
{

	return lp->d_magic == DISKMAGIC && lp->d_magic2 == DISKMAGIC &&
	    lp->d_npartitions <= MAXPARTITIONS && dkcksum(lp) == 0;
}

/* The label's sector in a buffer; b_error says whether it could be read. */
static struct buf *
label_read(dev_t dev, void (*strategy)(struct buf *), uint32_t secsize)
{
	struct buf *bp = geteblk((int)secsize);

	bp->b_dev = dev;
	bp->b_blkno = (daddr_t)LABELSECTOR * (secsize / DEV_BSIZE);
	bp->b_bcount = (int)secsize;
	bp->b_flags |= B_READ;
	(*strategy)(bp);
	(void)biowait(bp);
	return bp;
}

/* Fill in the label that is on the disk; says what is wrong, or NULL. */
const char *
readdisklabel(dev_t dev, void (*strategy)(struct buf *),
    struct disklabel *lp, struct cpu_disklabel *clp)
{
	const struct disklabel *found;
	const char *wrong = NULL;
	struct buf *bp;

	(void)clp;
	if (lp->d_secsize < DEV_BSIZE || lp->d_secsize > MAXBSIZE)
		return "sectors of an odd size";
	bp = label_read(dev, strategy, lp->d_secsize);
	found = (const void *)((const char *)bp->b_data + LABELOFFSET);
	if (bp->b_error != 0 || bp->b_resid != 0)
		wrong = "the label can't be read";
	else if (found->d_magic != DISKMAGIC)
		wrong = "no disk label";
	else if (!label_good(found))
		wrong = "disk label corrupted";
	else
		*lp = *found;
	brelse(bp, BC_INVAL);
	return wrong;
}

int
writedisklabel(dev_t dev, void (*strategy)(struct buf *),
    struct disklabel *lp, struct cpu_disklabel *clp)
{
	struct buf *bp;
	int error;

	(void)clp;
	if (lp->d_secsize < DEV_BSIZE || lp->d_secsize > MAXBSIZE)
		return EINVAL;
	bp = label_read(dev, strategy, lp->d_secsize);
	error = bp->b_error;
	if (error == 0 && bp->b_resid != 0)
		error = EIO;
	if (error == 0) {
		memcpy((char *)bp->b_data + LABELOFFSET, lp, sizeof(*lp));
		bp->b_oflags &= ~BO_DONE;
		bp->b_flags &= ~B_READ;
		(*strategy)(bp);
		error = biowait(bp);
	}
	brelse(bp, BC_INVAL);
	return error;
}

/* Take a new label, unless it moves or shrinks a partition that is open. */
int
setdisklabel(struct disklabel *olp, struct disklabel *nlp, u_long openmask,
    struct cpu_disklabel *clp)
{
	const struct partition *op, *np;
	int i;

	(void)clp;
	if (nlp->d_secpercyl == 0 || nlp->d_secsize == 0 ||
	    nlp->d_secsize % DEV_BSIZE != 0 || !label_good(nlp))
		return EINVAL;
	for (i = 0; i < MAXPARTITIONS; i++) {
		if ((openmask & (1UL << i)) == 0 || i == RAW_PART)
			continue;
		op = &olp->d_partitions[i];
		np = &nlp->d_partitions[i];
		if (i >= nlp->d_npartitions || np->p_size < op->p_size ||
		    np->p_offset != op->p_offset)
			return EBUSY;
	}
	*olp = *nlp;
	return 0;
}

/* Wedges are made by partition tables, which the host sees to. */

void
dkwedge_discover(struct disk *dk __unused)
{
}

void
dkwedge_delall(struct disk *dk)
{

	KASSERT(dk->dk_nwedges == 0);
}

/* Nothing is ever put to sleep, so the wish to hear of it is granted. */

bool
pmf_device_register1(device_t dev, bool (*suspend)(device_t,
    const pmf_qual_t *), bool (*resume)(device_t, const pmf_qual_t *),
    bool (*shutdown)(device_t, int))
{

	(void)dev, (void)suspend, (void)resume, (void)shutdown;
	return true;
}

void
pmf_device_deregister(device_t dev __unused)
{
}
