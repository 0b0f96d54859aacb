/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The geometry of a new file system.  Groups are as large as their maps allow,
 * but there are at least four of them where the disk is not tiny.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "ffstools.h"

#define	FFT_MINGROUPS	4
#define	FFT_MINLOG	16	/* blocks of a journal */
#define	FFT_MAXNIBLK	32256	/* of FFSv1: cg_old_niblk has 16 bits */

static int64_t
fft_roundup(int64_t v, int64_t unit)
{
	return (v + unit - 1) / unit * unit;
}

static int32_t
fft_log2(int64_t v)
{
	return v <= 0 ? 0 : 63 - __builtin_clzll((unsigned long long)v);
}

int64_t
fft_now(const struct fft_newfs *p)
{
	return p->date == INT64_MIN ? (int64_t)time(NULL) : p->date;
}

/* Block and fragment size for a file system of so many bytes. */
void
fft_choose_sizes(struct fft_newfs *p, int64_t size)
{
	if (p->bsize == 0 && p->fsize != 0)
		p->bsize = p->fsize > FFS_MAXBSIZE / FFS_MAXFRAG ?
		    FFS_MAXBSIZE : p->fsize * FFS_MAXFRAG;
	if (p->bsize != 0 && p->bsize < FFS_MINBSIZE)
		return;		/* is refused later */
	if (p->bsize == 0)
		p->bsize = size < 20LL << 20 ? 4096 :
		    size < 1LL << 30 ? 8192 :
		    size < 128LL << 30 ? 16384 : 32768;
	if (p->fsize == 0)
		p->fsize = p->bsize / FFS_MAXFRAG;
}

static int
fft_check_params(struct fft_disk *d, const struct fft_newfs *p)
{
	if (p->version != 1 && p->version != 2)
		return fft_fail(d, EINVAL, "version %d: there are 1 and 2",
		    p->version);
	if (p->version == 1 && p->attributes)
		return fft_fail(d, EINVAL, "FFSv1 has no attributes in "
		    "inodes");
	if (p->bsize < FFS_MINBSIZE || p->bsize > FFS_MAXBSIZE ||
	    (p->bsize & (p->bsize - 1)) != 0)
		return fft_fail(d, EINVAL, "block size %d: a power of two "
		    "from 4096 to 65536", p->bsize);
	if (p->fsize < FFS_MINFSIZE || p->fsize > p->bsize ||
	    (p->fsize & (p->fsize - 1)) != 0 ||
	    p->bsize / p->fsize > FFS_MAXFRAG)
		return fft_fail(d, EINVAL, "fragment size %d: a block, a "
		    "half, a quarter or an eighth of one, and at least 512",
		    p->fsize);
	if (p->minfree < 0 || p->minfree > 50)
		return fft_fail(d, EINVAL, "reserve of %d percent",
		    p->minfree);
	if (p->superblock >= 0 && p->superblock != FFS_SBLOCK_FLOPPY &&
	    p->superblock != FFS_SBLOCK_UFS1 &&
	    p->superblock != FFS_SBLOCK_UFS2 &&
	    p->superblock != FFS_SBLOCK_PIGGY)
		return fft_fail(d, EINVAL, "superblock at byte %lld: 0, 8192, "
		    "65536 or 262144", (long long)p->superblock);
	/* The driver's largest step needs twelve, and room to begin again. */
	if (p->log > 0 && p->log < FFT_MINLOG * (int64_t)p->bsize)
		return fft_fail(d, EINVAL, "a journal of %lld bytes: %lld are "
		    "the least with such blocks", (long long)p->log,
		    FFT_MINLOG * (long long)p->bsize);
	if (p->density < 0 || p->inodes < 0 || p->log < 0)
		return fft_fail(d, EINVAL, "a negative size");
	return 0;
}

/* What depends on version and block size only. */
static void
fft_geometry_fixed(const struct fft_newfs *p, struct fs *fs)
{
	const int64_t n = p->bsize / (p->version == 2 ? 8 : 4);

	memset(fs, 0, sizeof(*fs));
	fs->fs_magic = p->version == 1 ? FFS_UFS1_MAGIC :
	    p->attributes ? FFS_UFS2EA_MAGIC : FFS_UFS2_MAGIC;
	fs->fs_bsize = p->bsize;
	fs->fs_fsize = p->fsize;
	fs->fs_frag = p->bsize / p->fsize;
	fs->fs_minfree = p->minfree;
	fs->fs_optim = p->optim;
	fs->fs_bmask = -p->bsize;
	fs->fs_fmask = -p->fsize;
	fs->fs_bshift = fft_log2(p->bsize);
	fs->fs_fshift = fft_log2(p->fsize);
	fs->fs_fragshift = fft_log2(fs->fs_frag);
	fs->fs_fsbtodb = fs->fs_fshift - FFS_DEV_BSHIFT;
	fs->fs_maxcontig = FFS_MAXBSIZE / p->bsize;
	fs->fs_contigsumsize = fs->fs_maxcontig > 1 ? fs->fs_maxcontig : 0;
	if (fs->fs_contigsumsize > FFS_MAXCONTIG)
		fs->fs_contigsumsize = FFS_MAXCONTIG;
	fs->fs_nindir = (int32_t)n;
	fs->fs_maxbpg = (int32_t)n;
	fs->fs_inopb = (uint32_t)p->bsize / (p->version == 2 ?
	    sizeof(struct ufs2_dinode) : sizeof(struct ufs1_dinode));
	fs->fs_sbsize = (int32_t)fft_roundup(sizeof(struct fs), p->fsize);
	if (fs->fs_sbsize > FFS_SBLOCKSIZE)
		fs->fs_sbsize = FFS_SBLOCKSIZE;
	fs->fs_maxbsize = p->bsize;
	fs->fs_maxfilesize = ((uint64_t)(UFS_NDADDR + n + n * n + n * n * n)
	    << fs->fs_bshift) - 1;
	if (fs->fs_maxfilesize > INT64_MAX)
		fs->fs_maxfilesize = INT64_MAX;
	fs->fs_maxsymlinklen = p->version == 2 ? UFS2_MAXSYMLINKLEN :
	    UFS1_MAXSYMLINKLEN;
	fs->fs_old_inodefmt = FFS_44INODEFMT;
	fs->fs_old_flags = FFS_FLAGS_UPDATED;
	fs->fs_qbmask = p->bsize - 1;
	fs->fs_qfmask = p->fsize - 1;
	fs->fs_avgfilesize = 16384;
	fs->fs_avgfpdir = 64;
	fs->fs_clean = FFS_ISCLEAN;
	fs->fs_sblockloc = p->superblock >= 0 ? p->superblock :
	    p->version == 2 ? FFS_SBLOCK_UFS2 : FFS_SBLOCK_UFS1;
	fs->fs_sblkno = (int32_t)(fft_roundup(fs->fs_sblockloc +
	    FFS_SBLOCKSIZE, p->bsize) >> fs->fs_fshift);
	fs->fs_cblkno = fs->fs_sblkno + (int32_t)(fft_roundup(FFS_SBLOCKSIZE,
	    p->bsize) >> fs->fs_fshift);
	fs->fs_iblkno = fs->fs_cblkno + fs->fs_frag;
}

/* Try a number of groups; whether the maps of one fit into a block. */
static bool
fft_geometry_groups(const struct fft_newfs *p, struct fs *fs, int64_t nfrags,
    int64_t ncg)
{
	const int64_t fpg = fft_roundup((nfrags + ncg - 1) / ncg, fs->fs_frag);
	const int64_t density = p->density != 0 ? p->density :
	    4 * (int64_t)p->fsize;
	int64_t inodes = nfrags * p->fsize / density, ipg;
	struct fft_cgplaces places;

	if (inodes < p->inodes)
		inodes = p->inodes;
	ncg = (nfrags + fpg - 1) / fpg;
	ipg = fft_roundup((inodes + ncg - 1) / ncg, fs->fs_inopb);
	if (ipg < fs->fs_inopb)
		ipg = fs->fs_inopb;
	if (fpg > 8LL * fs->fs_bsize || ipg > 8LL * fs->fs_bsize ||
	    (p->version == 1 && ipg > FFT_MAXNIBLK) ||
	    ipg * ncg > UINT32_MAX)
		return false;
	fs->fs_ncg = (uint32_t)ncg;
	fs->fs_fpg = (int32_t)fpg;
	fs->fs_ipg = (uint32_t)ipg;
	fs->fs_dblkno = fs->fs_iblkno + (int32_t)(ipg / fs->fs_inopb *
	    fs->fs_frag);
	fft_cg_places(fs, &places);
	fs->fs_cgsize = (int32_t)fft_roundup(places.nextfreeoff, p->fsize);
	return fs->fs_cgsize <= fs->fs_bsize;
}

/* Totals, now that the groups are known. */
static int
fft_geometry_totals(struct fft_disk *d, struct fs *fs, int64_t nfrags)
{
	const int64_t last = nfrags - (int64_t)(fs->fs_ncg - 1) * fs->fs_fpg;

	/* A last group that holds nothing but its own maps is left out. */
	if (fs->fs_ncg > 1 && last < fs->fs_dblkno + fs->fs_frag) {
		fs->fs_ncg--;
		nfrags -= last;
	}
	fs->fs_size = nfrags;
	fs->fs_csaddr = fs->fs_dblkno;
	fs->fs_cssize = (int32_t)fft_roundup((int64_t)fs->fs_ncg *
	    (int64_t)sizeof(struct csum), fs->fs_fsize);
	fs->fs_dsize = nfrags - fs->fs_dblkno - (int64_t)(fs->fs_ncg - 1) *
	    (fs->fs_dblkno - fs->fs_sblkno) - (fs->fs_cssize >> fs->fs_fshift);
	if (fs->fs_dblkno + (fs->fs_cssize >> fs->fs_fshift) + fs->fs_frag >
	    (fs->fs_ncg > 1 ? fs->fs_fpg : nfrags))
		return fft_fail(d, ENOSPC, "%lld bytes are too few for such "
		    "blocks and so many inodes", (long long)d->size);
	return 0;
}

/* What FFSv1's older readers look at. */
static void
fft_geometry_old(struct fs *fs)
{
	if (ffs_isufs2(fs))
		return;
	fs->fs_old_time = (int32_t)fs->fs_time;
	fs->fs_old_cgmask = -1;
	fs->fs_old_rps = 60;
	fs->fs_old_nspf = fs->fs_fsize >> FFS_DEV_BSHIFT;
	fs->fs_old_spc = fs->fs_fpg * fs->fs_old_nspf;
	fs->fs_old_npsect = fs->fs_old_nsect = fs->fs_old_spc;
	fs->fs_old_interleave = 1;
	fs->fs_old_ncyl = (int32_t)fs->fs_ncg;
	fs->fs_old_cpg = 1;
	fs->fs_old_postblformat = 1;
	fs->fs_old_nrpos = 1;
	fs->fs_old_size = (int32_t)fs->fs_size;
	fs->fs_old_dsize = (int32_t)fs->fs_dsize;
	fs->fs_old_csaddr = (int32_t)fs->fs_csaddr;
}

/*
 * Bytes in one piece that some group has: between its maps and those of the
 * next.  The first one also has the summary and the root's directory, and
 * behind the last one there is nothing.
 */
static int64_t
fft_run(const struct fs *fs, int64_t nfrags)
{
	const int64_t frags = fs->fs_ncg == 1 ? nfrags - fs->fs_dblkno :
	    fs->fs_ncg == 2 ? nfrags - fs->fs_fpg - fs->fs_dblkno :
	    fs->fs_fpg - fs->fs_dblkno + fs->fs_sblkno;

	return frags / fs->fs_frag * fs->fs_bsize;
}

/* A superblock for a file system of size bytes. */
int
fft_geometry(struct fft_disk *d, const struct fft_newfs *p, int64_t size,
    struct fs *fs)
{
	int64_t nfrags, ncg, least;
	int error = fft_check_params(d, p);

	if (error != 0)
		return error;
	fft_geometry_fixed(p, fs);
	nfrags = size / p->bsize * fs->fs_frag;
	if (p->version == 1 && nfrags > INT32_MAX)
		return fft_fail(d, EFBIG, "FFSv1 has room for %lld bytes with "
		    "such fragments", (long long)INT32_MAX * p->fsize);
	if (nfrags < fs->fs_iblkno + 2 * fs->fs_frag)
		return fft_fail(d, ENOSPC, "%lld bytes are too few",
		    (long long)size);
	least = (nfrags + 8LL * p->bsize - 1) / (8LL * p->bsize);
	ncg = least < FFT_MINGROUPS ? FFT_MINGROUPS : least;
	/*
	 * Small ones have fewer groups, of which each is worth its maps, and
	 * holds the journal in one piece.
	 */
	while (ncg > least && (!fft_geometry_groups(p, fs, nfrags, ncg) ||
	    fs->fs_fpg < 4 * fs->fs_dblkno || fft_run(fs, nfrags) < p->log) &&
	    ncg > 1)
		ncg--;
	while (!fft_geometry_groups(p, fs, nfrags, ncg)) {
		if (++ncg > nfrags / (fs->fs_iblkno + 2 * fs->fs_frag) + 1)
			return fft_fail(d, ENOSPC, "no number of groups suits "
			    "%lld bytes with so many inodes",
			    (long long)size);
	}
	error = fft_geometry_totals(d, fs, nfrags);
	if (error != 0)
		return error;
	fs->fs_time = fft_now(p);
	fs->fs_id[0] = (int32_t)fs->fs_time;
	fs->fs_id[1] = (int32_t)p->fsid;
	memcpy(fs->fs_volname, p->label, sizeof(fs->fs_volname));
	fft_geometry_old(fs);
	return 0;
}

/* Blocks that files may take: all but what the file system needs itself. */
static int64_t
fft_room(const struct fs *fs)
{
	const int64_t csblks = (FFS_NUMFRAGS(fs, fs->fs_cssize) + fs->fs_frag -
	    1) >> fs->fs_fragshift;
	const int64_t frags = fs->fs_size - fs->fs_dblkno -
	    (int64_t)(fs->fs_ncg - 1) * (fs->fs_dblkno - fs->fs_sblkno);

	return (frags >> fs->fs_fragshift) - csblks;
}

/* The smallest size that leaves the reserve free. */
static int
fft_choose_total(struct fft_disk *d, struct fft_newfs *p, int64_t blocks)
{
	const int64_t want = blocks * 100 / (100 - p->minfree) + 8 +
	    p->free / p->bsize;
	int64_t size = (want + 64) * p->bsize;
	struct fs fs;

	for (int i = 0; i < 200; i++) {
		const int error = fft_geometry(d, p, size, &fs);
		int64_t room = 0;

		if (error != 0 && error != ENOSPC)
			return error;
		if (error == 0)
			room = fft_room(&fs);
		if (room >= want && (int64_t)fs.fs_ipg * fs.fs_ncg >=
		    p->inodes) {
			d->size = fs.fs_size << fs.fs_fshift;
			return 0;
		}
		size += (room < want ? want - room : 16) * p->bsize;
	}
	return fft_fail(d, EINVAL, "no size suits these numbers");
}

static int64_t
fft_tree_bytes(const struct fft_tree *t)
{
	int64_t sum = 0;

	for (size_t i = 0; i < t->ninodes; i++)
		sum += t->inode[i].st.size + 512;
	return sum;
}

/* Something does not fit: say what it would fit into. */
static int
fft_newfs_needs(struct fft_disk *d, const struct fft_newfs *p,
    struct fft_tree *t)
{
	struct fft_newfs q = *p;
	struct fft_disk any = { .fd = -1 };

	if (t->nnodes > 1 && fft_newfs_plan(&any, &q, t) == 0 &&
	    any.size > d->size)
		return fft_fail(d, ENOSPC, "the tree does not fit into %lld "
		    "bytes: it needs about %lld", (long long)d->size,
		    (long long)any.size);
	return ENOSPC;
}

int
fft_newfs_plan(struct fft_disk *d, struct fft_newfs *p, struct fft_tree *t)
{
	int64_t blocks, need;
	struct fs fs;
	int error;

	fft_choose_sizes(p, d->size != 0 ? d->size : fft_tree_bytes(t) +
	    p->log + p->free);
	error = fft_check_params(d, p);
	if (error == 0)
		error = fft_tree_finish(t, d);
	if (error != 0)
		return error;
	/* Two are not used, and one is the journal. */
	need = (int64_t)t->ninodes + 2 + (p->log != 0);
	if (d->size != 0) {
		if (p->inodes < need)
			p->inodes = need;
		error = fft_geometry(d, p, d->size, &fs);
		return error == ENOSPC ? fft_newfs_needs(d, p, t) : error;
	}
	if (p->inodes < need + need / 8)
		p->inodes = need + need / 8;
	error = fft_layout_count(d, p, t, p->bsize, p->fsize, &blocks);
	if (error == 0)
		error = fft_choose_total(d, p, blocks);
	return error;
}

int
fft_newfs(struct fft_disk *d, const struct fft_newfs *p, struct fft_tree *t,
    struct fft_made *made)
{
	struct fft_layout *l = NULL;
	struct fs fs;
	int error;

	memset(made, 0, sizeof(*made));
	error = fft_tree_finish(t, d);
	if (error == 0)
		error = fft_geometry(d, p, d->size, &fs);
	if (error == 0)
		error = fft_layout_make(d, p, &fs, t, &l);
	if (error == ENOSPC)
		error = fft_newfs_needs(d, p, t);
	if (error == 0)
		error = fft_layout_write(l, made);
	fft_layout_free(l);
	return error;
}
