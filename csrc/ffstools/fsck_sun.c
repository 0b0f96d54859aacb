/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsck: what Solaris' UFS has that others don't.  It is checked, and never
 * written.
 *
 * Its log lies in extents that no inode owns.  Lists are files without a name,
 * which the inodes point to that share them; attributes of a file lie in a
 * directory without a name, which the file points to.
 */

#include <sys/stat.h>

#include <errno.h>
#include <string.h>

#include "fsck.h"

#define	SUN_SECTOR	512
#define	SUN_MAXBLOCKS	64	/* of extents, in a chain */

struct sun_extents {		/* at the log's place */
	uint32_t	type;	/* 0 */
	uint32_t	checksum;
	uint32_t	count;
	uint32_t	nbytes;
	uint32_t	next;	/* sector of more of them, or 0 */
	struct {
		uint32_t	logical;
		uint32_t	sector;
		uint32_t	nsectors;
	} extent[(SUN_SECTOR - 20) / 12];
};

struct sun_dinode {		/* the end of an inode */
	uint32_t	shadow;
	uint32_t	uid;
	uint32_t	gid;
	uint32_t	attrdir;
};
#define	SUN_DINODE	112	/* byte of it in an inode */

/*
 * Is all that the log holds where it belongs?  If not, what is on the disk
 * means nothing yet.
 */
bool
fsck_sun_rolled(struct fsck *f)
{
	if (!ffs_sb_sunlog(f->fs) || f->fs->fs_unused_1 == FFS_SUN_ALLROLLED)
		return true;
	f->fatal = fft_fail(f->d, ENOTSUP, "Solaris' log may hold changes "
	    "that are nowhere else: run fsck -F ufs on Solaris, or mount it "
	    "there and unmount it, then check");
	return false;
}

/* Sectors that are the log's; false: they can't be. */
static bool
fsck_sun_claim(struct fsck *f, uint32_t sector, uint64_t nsectors)
{
	const int shift = f->fs->fs_fsbtodb;
	const int64_t from = (int64_t)sector >> shift;
	const int64_t to = ((int64_t)sector + (int64_t)nsectors +
	    (1 << shift) - 1) >> shift;

	if (nsectors == 0 || from <= 0 || to > f->fs->fs_size)
		return false;
	for (int64_t b = from; b < to; b++) {
		if (ffs_reserved_range(f->fs, b, 1))
			return false;
		fft_setbit(f->used, (uint64_t)b);
	}
	return true;
}

static bool
fsck_sun_extents(struct fsck *f, uint32_t sector, uint32_t *next)
{
	struct sun_extents e;
	uint32_t count;

	if (!fsck_sun_claim(f, sector, (uint64_t)f->fs->fs_bsize /
	    SUN_SECTOR) || !fsck_read(f, (int64_t)sector * SUN_SECTOR, &e,
	    sizeof(e)))
		return false;
	count = fsck_32(f, e.count);
	*next = fsck_32(f, e.next);
	if (e.type != 0 || count > sizeof(e.extent) / sizeof(e.extent[0]))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!fsck_sun_claim(f, fsck_32(f, e.extent[i].sector),
		    fsck_32(f, e.extent[i].nsectors)))
			return false;
	return true;
}

/* What the log takes of the disk, before anybody else. */
void
fsck_sun_log(struct fsck *f)
{
	uint32_t sector = (uint32_t)f->fs->fs_journallocs[0];

	for (int i = 0; sector != 0; i++)
		if (i == SUN_MAXBLOCKS || !fsck_sun_extents(f, sector,
		    &sector)) {
			fsck_problem(f, "journal", 1, 0,
			    "the list of the log's extents is damaged");
			return;
		}
}

/* Kinds of files that only Solaris knows. */
bool
fsck_sun_type(const struct fsck *f, uint32_t type)
{
	return ffs_sb_sun(f->fs) && (type == FFS_SUN_IFSHAD ||
	    type == FFS_SUN_IFATTRDIR);
}

static void
fsck_sun_points(struct fsck_node *n, uint32_t ino, const char *what,
    bool counted)
{
	struct fsck *f = n->f;
	struct fsck_ino *to;

	if (ino < UFS_ROOTINO || ino >= f->ninodes) {
		fsck_problem(f, "attributes", 1, n->ino, "its %s are in inode "
		    "%u, which cannot be", what, ino);
		return;
	}
	to = fsck_ino(f, ino, true);
	if (to != NULL && counted)
		to->fi_names++;
	else if (to != NULL)
		to->fi_flags |= FI_SUNATTR;
}

/* An inode that was found in use: whom it points to. */
void
fsck_sun_inode(struct fsck_node *n, struct fsck_ino *ip)
{
	const struct fsck *f = n->f;
	struct sun_dinode d;

	memcpy(&d, n->raw + SUN_DINODE, sizeof(d));
	if (d.shadow != 0)
		fsck_sun_points(n, fsck_32(f, d.shadow), "lists", true);
	if (d.attrdir != 0) {
		/* How these two count each other's links is not known. */
		ip->fi_flags |= FI_SUNATTR;
		fsck_sun_points(n, fsck_32(f, d.attrdir), "attributes", false);
	}
}
