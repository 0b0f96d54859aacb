/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Superblocks: byte order, the differences between generations, and the check
 * of every field that anything divides, shifts, indexes or sizes by.  After
 * ffs_sb_decode() said yes, the rest of the driver may compute with the
 * superblock without another thought; nothing on the disk can change that.
 *
 * Pure functions without kernel interfaces: tools and unit tests compile this
 * file on the host.
 */

#include <ufs/ffs_format.h>

#ifdef _KERNEL
#include <sys/systm.h>
#include <lib/libkern/libkern.h>
#else
#include <string.h>
#endif

/* Runs of equal-width integers in struct fs; the rest is bytes. */
static const struct {
	uint16_t	off;
	uint8_t		width;
	uint8_t		count;
} ffs_sb_runs[] = {
	{ 0, 4, 52 }, { 712, 8, 1 }, { 720, 4, 2 }, { 856, 4, 2 },
	{ 868, 4, 1 }, { 872, 8, 4 }, { 904, 4, 1 }, { 912, 8, 2 },
	{ 928, 8, 9 }, { 1000, 8, 1 }, { 1008, 8, 8 }, { 1072, 8, 5 },
	{ 1112, 4, 50 }, { 1312, 4, 4 }, { 1328, 8, 3 }, { 1352, 4, 6 },
};

void
ffs_sb_swap(struct fs *fs)
{
	for (size_t i = 0; i < sizeof(ffs_sb_runs) / sizeof(ffs_sb_runs[0]);
	    i++) {
		uint8_t *p = (uint8_t *)fs + ffs_sb_runs[i].off;

		for (unsigned n = 0; n < ffs_sb_runs[i].count; n++) {
			if (ffs_sb_runs[i].width == 4) {
				uint32_t v;

				memcpy(&v, p + 4 * n, 4);
				v = __builtin_bswap32(v);
				memcpy(p + 4 * n, &v, 4);
			} else {
				uint64_t v;

				memcpy(&v, p + 8 * n, 8);
				v = __builtin_bswap64(v);
				memcpy(p + 8 * n, &v, 8);
			}
		}
	}
}

/* 4.3BSD inodes and directories: 16-bit ids, no d_type, no inline links. */
bool
ffs_sb_old43(const struct fs *fs)
{
	return fs->fs_magic == FFS_UFS1_MAGIC &&
	    fs->fs_old_inodefmt < FFS_44INODEFMT;
}

bool
ffs_sb_sun(const struct fs *fs)
{
	return fs->fs_magic == FFS_UFS1_MAGIC &&
	    fs->fs_old_inodefmt == FFS_SUNINODEFMT;
}

/* Solaris' log; ffs_sb_fromsun() has noted where it is. */
bool
ffs_sb_sunlog(const struct fs *fs)
{
	return ffs_sb_sun(fs) && (fs->fs_journallocs[0] != 0 ||
	    fs->fs_clean == FFS_SUN_CLEANLOG);
}

/* NetBSD's journal holds changes that the file system does not have yet. */
bool
ffs_sb_haswapbl(const struct fs *fs)
{
	return (fs->fs_flags & FFS_DOWAPBL) != 0 &&
	    fs->fs_journal_version == FFS_JOURNAL_VERSION &&
	    (fs->fs_journal_location == FFS_JOURNAL_END ||
	    fs->fs_journal_location == FFS_JOURNAL_INFS);
}

bool
ffs_sb_hasquota2(const struct fs *fs)
{
	return (fs->fs_flags & FFS_DOQUOTA2) != 0 &&
	    fs->fs_quota_magic == FFS_QUOTA2_MAGIC;
}

/*
 * Before FFS_FLAGS_UPDATED, FFSv1 kept size, summary and flags in 32-bit
 * fields only and the newer ones hold junk.
 */
static void
ffs_sb_modernise(struct fs *fs, int64_t where)
{
	if (fs->fs_magic != FFS_UFS1_MAGIC ||
	    (fs->fs_old_flags & FFS_FLAGS_UPDATED) != 0)
		return;
	fs->fs_size = fs->fs_old_size;
	fs->fs_dsize = fs->fs_old_dsize;
	fs->fs_csaddr = fs->fs_old_csaddr;
	fs->fs_time = fs->fs_old_time;
	memset(&fs->fs_cstotal, 0, sizeof(fs->fs_cstotal));
	fs->fs_cstotal.cs_ndir = fs->fs_old_cstotal.cs_ndir;
	fs->fs_cstotal.cs_nbfree = fs->fs_old_cstotal.cs_nbfree;
	fs->fs_cstotal.cs_nifree = fs->fs_old_cstotal.cs_nifree;
	fs->fs_cstotal.cs_nffree = fs->fs_old_cstotal.cs_nffree;
	fs->fs_flags = fs->fs_old_flags;
	fs->fs_sblockloc = where;
	fs->fs_journal_version = 0;
	fs->fs_journal_location = FFS_JOURNAL_NONE;
	fs->fs_quota_magic = 0;
	fs->fs_metackhash = 0;
	fs->fs_pendingblocks = 0;
	fs->fs_pendinginodes = 0;
	memset(fs->fs_snapinum, 0, sizeof(fs->fs_snapinum));
	fs->fs_qbmask = ~(int64_t)fs->fs_bmask;
	fs->fs_qfmask = ~(int64_t)fs->fs_fmask;
	if (ffs_sb_old43(fs))
		fs->fs_maxsymlinklen = 0;
}

static uint32_t
ffs_sb_get32(const void *buf, size_t off, bool swap)
{
	uint32_t v;

	memcpy(&v, (const uint8_t *)buf + off, sizeof(v));
	return ffs_rw32(v, swap);
}

/*
 * Solaris' inodes and directories are 4.3BSD's but for the places of large
 * ids.  Where BSD has the format of inodes, Solaris has its log's place.
 */
static void
ffs_sb_fromsun(struct fs *fs, const void *buf, bool swap)
{
	const uint32_t time = (uint32_t)fs->fs_old_time;

	if (fs->fs_magic != FFS_UFS1_MAGIC ||
	    (fs->fs_old_flags & FFS_FLAGS_UPDATED) != 0 ||
	    (ffs_sb_get32(buf, FFS_SUN_STATE_LE, swap) + time !=
	    FFS_SUN_OKAY && ffs_sb_get32(buf, FFS_SUN_STATE_BE, swap) + time !=
	    FFS_SUN_OKAY))
		return;
	fs->fs_old_inodefmt = FFS_SUNINODEFMT;
	fs->fs_old_flags = 0;
	fs->fs_flags = 0;
	fs->fs_contigsumsize = 0;
	fs->fs_maxfilesize = 0;
	fs->fs_avgfilesize = fs->fs_avgfpdir = 0;
	memset(fs->fs_journallocs, 0, sizeof(fs->fs_journallocs));
	fs->fs_journallocs[0] = ffs_sb_get32(buf, FFS_SUN_LOGBNO, swap);
}

static bool
ffs_ispow2(int64_t v)
{
	return v > 0 && (v & (v - 1)) == 0;
}

/* Block and fragment sizes, and all that is derived from them. */
static const char *
ffs_sb_check_sizes(const struct fs *fs)
{
	const int addrsize = ffs_isufs2(fs) ? 8 : 4;
	const int dinosize = ffs_isufs2(fs) ? (int)sizeof(struct ufs2_dinode) :
	    (int)sizeof(struct ufs1_dinode);

	if (!ffs_ispow2(fs->fs_bsize) || fs->fs_bsize < FFS_MINBSIZE ||
	    fs->fs_bsize > FFS_MAXBSIZE)
		return "block size";
	if (!ffs_ispow2(fs->fs_fsize) || fs->fs_fsize < FFS_MINFSIZE ||
	    fs->fs_fsize > fs->fs_bsize)
		return "fragment size";
	if (fs->fs_bsize / fs->fs_fsize > FFS_MAXFRAG ||
	    fs->fs_frag != fs->fs_bsize / fs->fs_fsize)
		return "fragments in a block";
	if (fs->fs_bshift < 0 || fs->fs_bshift > 16 ||
	    fs->fs_bsize != 1 << fs->fs_bshift ||
	    fs->fs_bmask != -fs->fs_bsize)
		return "block shift or mask";
	if (fs->fs_fshift < 0 || fs->fs_fshift > 16 ||
	    fs->fs_fsize != 1 << fs->fs_fshift ||
	    fs->fs_fmask != -fs->fs_fsize)
		return "fragment shift or mask";
	if (fs->fs_fragshift != fs->fs_bshift - fs->fs_fshift)
		return "fragment count shift";
	if (fs->fs_fsbtodb != fs->fs_fshift - FFS_DEV_BSHIFT)
		return "device block shift";
	if (fs->fs_sbsize < (int)sizeof(struct fs) ||
	    fs->fs_sbsize > FFS_SBLOCKSIZE)
		return "superblock size";
	if (fs->fs_nindir != fs->fs_bsize / addrsize)
		return "pointers in an indirect block";
	if (fs->fs_inopb != (uint32_t)(fs->fs_bsize / dinosize))
		return "inodes in a block";
	return NULL;
}

/* How many groups, how large, and where their parts lie. */
static const char *
ffs_sb_check_groups(const struct fs *fs, int64_t disksize)
{
	int64_t iblks, maxstart;

	if (fs->fs_fpg <= 0 || fs->fs_fpg > 8 * fs->fs_bsize ||
	    fs->fs_fpg < fs->fs_frag)
		return "fragments in a group";
	if (fs->fs_size <= 0 || fs->fs_size > (INT64_MAX >> fs->fs_fshift))
		return "size";
	if (disksize >= 0 && fs->fs_size > disksize >> fs->fs_fshift)
		return "size (the disk is smaller: a truncated image?)";
	if (!ffs_isufs2(fs) && fs->fs_size > INT32_MAX)
		return "size";
	if (fs->fs_ncg < 1 || (int64_t)fs->fs_ncg !=
	    (fs->fs_size + fs->fs_fpg - 1) / fs->fs_fpg)
		return "number of groups";
	if (fs->fs_ipg < fs->fs_inopb || fs->fs_ipg % fs->fs_inopb != 0 ||
	    fs->fs_ipg > (uint32_t)8 * (uint32_t)fs->fs_bsize ||
	    (uint64_t)fs->fs_ipg * fs->fs_ncg > UINT32_MAX)
		return "inodes in a group";
	iblks = FFS_BLKSTOFRAGS(fs, (int64_t)(fs->fs_ipg / fs->fs_inopb));
	if (fs->fs_sblkno < 0 || fs->fs_cblkno <= fs->fs_sblkno ||
	    fs->fs_iblkno <= fs->fs_cblkno ||
	    fs->fs_dblkno < fs->fs_iblkno + iblks ||
	    fs->fs_dblkno > fs->fs_fpg)
		return "layout of a group";
	if (fs->fs_cgsize < (int)sizeof(struct cg) ||
	    fs->fs_cgsize > fs->fs_bsize ||
	    FFS_FRAGROUNDUP(fs, (int64_t)fs->fs_cgsize) >
	    (int64_t)(fs->fs_iblkno - fs->fs_cblkno) << fs->fs_fshift)
		return "size of a group's maps";
	if (!ffs_isufs2(fs)) {
		maxstart = fs->fs_old_cgoffset < 0 ? -1 :
		    (int64_t)fs->fs_old_cgoffset *
		    ~(uint32_t)fs->fs_old_cgmask;
		if (maxstart < 0 || (maxstart > 0 &&
		    maxstart + fs->fs_dblkno > fs->fs_fpg))
			return "rotation of the groups";
	}
	/* The last group must be able to hold at least its own metadata. */
	if (ffs_cgdmin(fs, fs->fs_ncg - 1) > fs->fs_size)
		return "size of the last group";
	return NULL;
}

/* The summary array and the amounts. */
static const char *
ffs_sb_check_summary(const struct fs *fs)
{
	const int64_t need = (int64_t)fs->fs_ncg * (int64_t)sizeof(struct csum);

	if (fs->fs_cssize < need ||
	    fs->fs_cssize > FFS_BLKROUNDUP(fs, need) + fs->fs_bsize)
		return "size of the summary";
	if (fs->fs_csaddr < ffs_cgdmin(fs, 0) || fs->fs_csaddr +
	    FFS_NUMFRAGS(fs, FFS_FRAGROUNDUP(fs, (int64_t)fs->fs_cssize)) >
	    fs->fs_size)
		return "place of the summary";
	if (fs->fs_dsize < 0 || fs->fs_dsize > fs->fs_size)
		return "data size";
	if (fs->fs_minfree < 0 || fs->fs_minfree > 99)
		return "reserve";
	if (fs->fs_contigsumsize < 0 || fs->fs_contigsumsize > FFS_MAXCONTIG)
		return "cluster summary size";
	return NULL;
}

/* Preferences cannot hurt; bring them into a range that makes sense. */
static void
ffs_sb_clamp(struct fs *fs)
{
	const int maxlink = ffs_isufs2(fs) ? UFS2_MAXSYMLINKLEN :
	    UFS1_MAXSYMLINKLEN;
	const uint64_t n = (uint64_t)fs->fs_nindir;
	uint64_t blks, maxsize;

	if (fs->fs_maxbpg <= 0)
		fs->fs_maxbpg = fs->fs_nindir;
	if (fs->fs_maxcontig <= 0)
		fs->fs_maxcontig = 1;
	if (fs->fs_optim != FFS_OPTSPACE)
		fs->fs_optim = FFS_OPTTIME;
	if (fs->fs_avgfilesize == 0 || fs->fs_avgfilesize > INT32_MAX)
		fs->fs_avgfilesize = 16384;
	if (fs->fs_avgfpdir == 0 || fs->fs_avgfpdir > INT32_MAX)
		fs->fs_avgfpdir = 64;
	if (fs->fs_maxsymlinklen < 0)
		fs->fs_maxsymlinklen = 0;
	if (fs->fs_maxsymlinklen > maxlink)
		fs->fs_maxsymlinklen = maxlink;
	if (fs->fs_cgrotor < 0 || (uint32_t)fs->fs_cgrotor >= fs->fs_ncg)
		fs->fs_cgrotor = 0;

	/* What the pointers can reach bounds what the superblock claims. */
	blks = UFS_NDADDR + n + n * n + n * n * n;
	if (ffs_sb_old43(fs) && blks > INT32_MAX)
		blks = INT32_MAX;
	maxsize = blks > (uint64_t)INT64_MAX >> fs->fs_bshift ? INT64_MAX :
	    (blks << fs->fs_bshift) - 1;
	if (fs->fs_maxfilesize == 0 || fs->fs_maxfilesize > maxsize)
		fs->fs_maxfilesize = maxsize;
}

/*
 * A block of 64 KiB puts a copy of an FFSv1 superblock at 65536, where a
 * first-class FFSv2 one would be: believe a superblock only where it says it
 * lies.
 */
static bool
ffs_sb_ishome(const struct fs *fs, int64_t where)
{
	if (ffs_isufs2(fs) || (fs->fs_old_flags & FFS_FLAGS_UPDATED) != 0)
		return fs->fs_sblockloc == where;
	return where == FFS_SBLOCK_UFS1 || where == FFS_SBLOCK_FLOPPY;
}

static bool
ffs_sb_ismagic(const struct fs *fs)
{
	return fs->fs_magic == FFS_UFS1_MAGIC || ffs_isufs2(fs);
}

/* CRC32C of a superblock as it lies on disk, its own hash taken as 0. */
static uint32_t
ffs_sb_hash(const void *buf, uint32_t size)
{
	static const uint32_t zero;
	const uint8_t *p = buf;
	const size_t at = offsetof(struct fs, fs_ckhash);
	uint32_t crc;

	crc = ffs_crc32c(~0U, p, at);
	crc = ffs_crc32c(crc, &zero, sizeof(zero));
	return ffs_crc32c(crc, p + at + sizeof(zero), size - at - sizeof(zero));
}

static const char *
ffs_sb_check_hash(const struct fs *fs, const void *buf, bool swap)
{
	const struct fs *raw = buf;

	if ((fs->fs_metackhash & FFS_CK_SUPERBLOCK) == 0 ||
	    ffs_rw32(raw->fs_ckhash, swap) ==
	    ffs_sb_hash(buf, (uint32_t)fs->fs_sbsize))
		return NULL;
	return "check hash";
}

/* What is known, but not as one of ours. */
static enum ffs_sbverdict
ffs_sb_alien(const struct fs *swapped, int64_t where, const char **whyp)
{
	const uint32_t magic = (uint32_t)swapped->fs_magic;

	if (where != FFS_SBLOCK_UFS1 || (magic != FFS_SUN_MTB_MAGIC &&
	    magic != __builtin_bswap32(FFS_SUN_MTB_MAGIC)))
		return FFS_SB_NONE;
	*whyp = "format (Solaris' for more than a terabyte)";
	return FFS_SB_BAD;
}

/*
 * Decode the superblock found in buf (FFS_SBLOCKSIZE bytes, read at byte
 * where) into host order.  disksize is the disk's size in bytes or -1.
 * Sets *swapp, and *whyp when the verdict is FFS_SB_BAD.
 */
enum ffs_sbverdict
ffs_sb_decode(struct fs *fs, const void *buf, int64_t where, int64_t disksize,
    bool *swapp, const char **whyp)
{
	memcpy(fs, buf, sizeof(*fs));
	*swapp = false;
	*whyp = NULL;
	if (!ffs_sb_ismagic(fs)) {
		ffs_sb_swap(fs);
		if (!ffs_sb_ismagic(fs))
			return ffs_sb_alien(fs, where, whyp);
		*swapp = true;
	}
	if (!ffs_sb_ishome(fs, where))
		return FFS_SB_NONE;
	ffs_sb_modernise(fs, where);
	ffs_sb_fromsun(fs, buf, *swapp);
	if ((*whyp = ffs_sb_check_sizes(fs)) != NULL ||
	    (*whyp = ffs_sb_check_hash(fs, buf, *swapp)) != NULL ||
	    (*whyp = ffs_sb_check_groups(fs, disksize)) != NULL ||
	    (*whyp = ffs_sb_check_summary(fs)) != NULL)
		return FFS_SB_BAD;
	ffs_sb_clamp(fs);
	return FFS_SB_OK;
}

/*
 * The reverse, into a buffer that still holds the superblock as it was read
 * (what lies behind struct fs is kept).  Only superblocks of FFS_FLAGS_UPDATED
 * are ever written, whose old counters nobody reads.
 */
void
ffs_sb_encode(void *buf, const struct fs *fs, bool swap)
{
	struct fs *out = buf;

	memcpy(out, fs, sizeof(*out));
	if (!ffs_isufs2(fs))
		out->fs_old_time = (int32_t)fs->fs_time;
	memset(out->fs_incore, 0, sizeof(out->fs_incore));
	if (swap)
		ffs_sb_swap(out);
	if ((fs->fs_metackhash & FFS_CK_SUPERBLOCK) != 0)
		out->fs_ckhash = ffs_rw32(ffs_sb_hash(buf,
		    (uint32_t)fs->fs_sbsize), swap);
}

/*
 * Whether any of the n fragments from b belongs to the file system itself:
 * superblock copies, group maps, inodes, the summary array, or lies outside.
 * No file may own such a fragment, whatever a pointer or a bitmap says.
 */
bool
ffs_reserved_range(const struct fs *fs, int64_t b, int64_t n)
{
	uint32_t c;
	int64_t cslen;

	if (b <= 0 || n <= 0 || b >= fs->fs_size || n > fs->fs_size - b)
		return true;
	c = FFS_DTOG(fs, b);
	if (FFS_DTOG(fs, b + n - 1) != c)
		return true;
	if (c == 0 ? b < ffs_cgdmin(fs, 0) :
	    (b < ffs_cgdmin(fs, c) && b + n > ffs_cgsblock(fs, c)))
		return true;
	cslen = FFS_NUMFRAGS(fs, FFS_FRAGROUNDUP(fs, (int64_t)fs->fs_cssize));
	return b < fs->fs_csaddr + cslen && b + n > fs->fs_csaddr;
}

/* CRC32C as FreeBSD's check hashes have it: bit-reflected, no final xor. */
uint32_t
ffs_crc32c(uint32_t crc, const void *data, size_t len)
{
	static uint32_t table[256];
	const uint8_t *p = data;

	if (table[1] == 0) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (int k = 0; k < 8; k++)
				c = (c >> 1) ^ (0x82f63b78U & -(c & 1));
			table[i] = c;
		}
	}
	while (len-- > 0)
		crc = table[(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return crc;
}
