/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Berkeley Fast File System as it lies on disk: FFSv1 (with the 4.3BSD
 * dialect of inodes and directories), FFSv2, both byte orders, the NetBSD and
 * FreeBSD flavours.  Shared by the driver and by the tools; depends on
 * nothing but fixed-width integers, so it compiles in a kernel and on a host.
 *
 * A file system is ncg cylinder groups of fpg fragments.  Each group holds a
 * copy of the superblock, its own bitmaps (struct cg), ipg inodes and data.
 * All block numbers on disk count fragments.
 */

#ifndef _UFS_FFS_FORMAT_H_
#define	_UFS_FFS_FORMAT_H_

#ifdef _KERNEL
#include <sys/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

/* Where a superblock may lie, in bytes, and how much of the disk it takes. */
#define	FFS_SBLOCK_UFS2		65536
#define	FFS_SBLOCK_UFS1		8192
#define	FFS_SBLOCK_FLOPPY	0
#define	FFS_SBLOCK_PIGGY	262144
#define	FFS_SBLOCKSEARCH	{ FFS_SBLOCK_UFS2, FFS_SBLOCK_UFS1, \
				  FFS_SBLOCK_FLOPPY, FFS_SBLOCK_PIGGY, -1 }
#define	FFS_SBLOCKSIZE		8192

#define	FFS_UFS1_MAGIC		0x00011954
#define	FFS_UFS2_MAGIC		0x19540119
#define	FFS_UFS2EA_MAGIC	0x19012038	/* NetBSD 10: v2 with attributes */
#define	FFS_CG_MAGIC		0x00090255

#define	FFS_MINBSIZE		4096
#define	FFS_MAXBSIZE		65536
#define	FFS_MINFSIZE		512
#define	FFS_MAXFRAG		8
#define	FFS_MAXCONTIG		16	/* largest run that clusters count */
#define	FFS_DEV_BSHIFT		9	/* unit of st_blocks and of devices */

#define	UFS_NDADDR		12	/* direct block pointers in an inode */
#define	UFS_NIADDR		3	/* indirect ones */
#define	UFS_NXADDR		2	/* blocks of extended attributes (v2) */
#define	UFS_ROOTINO		2
#define	UFS_WINO		1	/* inode number of a whiteout entry */
#define	UFS_LINK_MAX		32767

/* fs_flags.  Two bits mean different things to NetBSD and to FreeBSD. */
#define	FFS_UNCLEAN		0x0001
#define	FFS_DOSOFTDEP		0x0002
#define	FFS_NEEDSFSCK		0x0004
#define	FFS_SUJ			0x0008	/* FreeBSD: journaled soft updates */
#define	FFS_POSIX1EACLS		0x0010	/* has POSIX.1e ACLs */
#define	FFS_NFS4ACLS_FREEBSD	0x0100	/* FreeBSD: has NFSv4 ACLs */
#define	FFS_NFS4ACLS		0x0800	/* NetBSD: has NFSv4 ACLs */
#define	FFS_FLAGS_UPDATED	0x0080	/* in fs_old_flags */
#define	FFS_DOWAPBL		0x0100	/* NetBSD; FreeBSD: NFSv4 ACLs */
#define	FFS_DOQUOTA2		0x0200	/* NetBSD; FreeBSD: check hashes */
#define	FFS_METACKHASH		0x0200

/* fs_clean */
#define	FFS_ISCLEAN		0x01
#define	FFS_WASCLEAN		0x02

/* fs_optim */
#define	FFS_OPTTIME		0
#define	FFS_OPTSPACE		1

/* fs_old_inodefmt */
#define	FFS_42INODEFMT		(-1)
#define	FFS_44INODEFMT		2
#define	FFS_SUNINODEFMT		(-2)	/* in memory only: Solaris' */

/*
 * Solaris has other things at the superblock's end, and where the state is
 * depends on the byte order; state + time give a constant, by which one knows
 * it.  Bytes in the superblock:
 */
#define	FFS_SUN_STATE_LE	132
#define	FFS_SUN_STATE_BE	1336
#define	FFS_SUN_LOGBNO		1324	/* of its log, or 0 */
#define	FFS_SUN_OKAY		0x7c269d38U
#define	FFS_SUN_MTB_MAGIC	0x00decadeU	/* beyond a terabyte */
#define	FFS_SUN_STABLE		0x02	/* fs_clean: all is on the disk */
#define	FFS_SUN_CLEANLOG	0xfd	/* fs_clean: see the log */
#define	FFS_SUN_LEAST		0xfc	/* fs_clean: from here on its own */
#define	FFS_SUN_ALLROLLED	1	/* fs_unused_1: the log is empty */
#define	FFS_SUN_IFSHAD		0130000	/* mode: holds lists of others */
#define	FFS_SUN_IFATTRDIR	0160000	/* mode: directory of attributes */
#define	FFS_SUN_BIGID		0xffff	/* in di_oldids: look behind di_gen */

/* fs_metackhash (FreeBSD): which structures carry a CRC32C. */
#define	FFS_CK_SUPERBLOCK	0x0001
#define	FFS_CK_CYLGRP		0x0002
#define	FFS_CK_INODE		0x0004
#define	FFS_CK_SUPPORTED	0x0007

#define	FFS_QUOTA2_MAGIC	0xb746915eU

/* fs_journal_location (NetBSD's journal, WAPBL). */
#define	FFS_JOURNAL_VERSION	1
#define	FFS_JOURNAL_NONE	0
#define	FFS_JOURNAL_END		1
#define	FFS_JOURNAL_INFS	2
/* fs_journal_flags: what tunefs(8) wants done at the next mount */
#define	FFS_JOURNAL_CREATE	0x1	/* one of fs_journallocs[1] bytes */
#define	FFS_JOURNAL_CLEAR	0x2

struct csum {			/* free resources of one cylinder group */
	int32_t	cs_ndir;	/* directories */
	int32_t	cs_nbfree;	/* whole blocks */
	int32_t	cs_nifree;	/* inodes */
	int32_t	cs_nffree;	/* fragments outside of whole free blocks */
};

struct csum_total {
	int64_t	cs_ndir;
	int64_t	cs_nbfree;
	int64_t	cs_nifree;
	int64_t	cs_nffree;
	int64_t	cs_spare[4];
};

struct fs {
	int32_t		fs_firstfield;
	int32_t		fs_unused_1;
	int32_t		fs_sblkno;	/* superblock copy, in the group */
	int32_t		fs_cblkno;	/* struct cg, in the group */
	int32_t		fs_iblkno;	/* inodes, in the group */
	int32_t		fs_dblkno;	/* first data, in the group */
	int32_t		fs_old_cgoffset;
	int32_t		fs_old_cgmask;
	int32_t		fs_old_time;
	int32_t		fs_old_size;
	int32_t		fs_old_dsize;
	uint32_t	fs_ncg;
	int32_t		fs_bsize;
	int32_t		fs_fsize;
	int32_t		fs_frag;
	int32_t		fs_minfree;
	int32_t		fs_old_rotdelay;
	int32_t		fs_old_rps;
	int32_t		fs_bmask;
	int32_t		fs_fmask;
	int32_t		fs_bshift;
	int32_t		fs_fshift;
	int32_t		fs_maxcontig;
	int32_t		fs_maxbpg;
	int32_t		fs_fragshift;
	int32_t		fs_fsbtodb;
	int32_t		fs_sbsize;
	int32_t		fs_spare1[2];
	int32_t		fs_nindir;
	uint32_t	fs_inopb;
	int32_t		fs_old_nspf;
	int32_t		fs_optim;
	int32_t		fs_old_npsect;
	int32_t		fs_old_interleave;
	int32_t		fs_old_trackskew;
	int32_t		fs_id[2];
	int32_t		fs_old_csaddr;
	int32_t		fs_cssize;
	int32_t		fs_cgsize;
	int32_t		fs_spare2;
	int32_t		fs_old_nsect;
	int32_t		fs_old_spc;
	int32_t		fs_old_ncyl;
	int32_t		fs_old_cpg;
	uint32_t	fs_ipg;
	int32_t		fs_fpg;
	struct csum	fs_old_cstotal;
	int8_t		fs_fmod;
	uint8_t		fs_clean;
	int8_t		fs_ronly;
	uint8_t		fs_old_flags;
	uint8_t		fs_fsmnt[468];
	uint8_t		fs_volname[32];
	uint64_t	fs_swuid;
	int32_t		fs_pad;
	int32_t		fs_cgrotor;
	uint64_t	fs_incore[16];	/* pointers of some kernel: junk */
	int32_t		fs_old_cpc;
	int32_t		fs_maxbsize;
	uint8_t		fs_journal_version;
	uint8_t		fs_journal_location;
	uint8_t		fs_journal_reserved[2];
	uint32_t	fs_journal_flags;
	uint64_t	fs_journallocs[4];
	uint32_t	fs_quota_magic;
	uint8_t		fs_quota_flags;
	uint8_t		fs_quota_reserved[3];
	uint64_t	fs_quotafile[2];
	int64_t		fs_sparecon64[9];
	int64_t		fs_sblockloc;
	struct csum_total fs_cstotal;
	int64_t		fs_time;
	int64_t		fs_size;	/* fragments in the file system */
	int64_t		fs_dsize;	/* of them for data */
	int64_t		fs_csaddr;	/* where the struct csum array lies */
	int64_t		fs_pendingblocks;
	uint32_t	fs_pendinginodes;
	uint32_t	fs_snapinum[20];
	uint32_t	fs_avgfilesize;
	uint32_t	fs_avgfpdir;
	int32_t		fs_save_cgsize;
	int32_t		fs_sparecon32[24];
	uint32_t	fs_ckhash;	/* FreeBSD */
	uint32_t	fs_metackhash;	/* FreeBSD */
	uint32_t	fs_flags;
	int32_t		fs_contigsumsize;
	int32_t		fs_maxsymlinklen;
	int32_t		fs_old_inodefmt;
	uint64_t	fs_maxfilesize;
	int64_t		fs_qbmask;
	int64_t		fs_qfmask;
	int32_t		fs_state;
	int32_t		fs_old_postblformat;
	int32_t		fs_old_nrpos;
	int32_t		fs_spare5[2];
	int32_t		fs_magic;
};

/*
 * The head of a cylinder group.  Behind it, at the given byte offsets: the
 * map of used inodes, the map of free fragments, and for allocation in runs
 * the counts of free runs and the map of free blocks.
 */
struct cg {
	int32_t		cg_firstfield;
	int32_t		cg_magic;
	int32_t		cg_old_time;
	uint32_t	cg_cgx;
	int16_t		cg_old_ncyl;
	int16_t		cg_old_niblk;
	uint32_t	cg_ndblk;
	struct csum	cg_cs;
	uint32_t	cg_rotor;
	uint32_t	cg_frotor;
	uint32_t	cg_irotor;
	uint32_t	cg_frsum[FFS_MAXFRAG];	/* free runs below frag */
	int32_t		cg_old_btotoff;
	int32_t		cg_old_boff;
	uint32_t	cg_iusedoff;
	uint32_t	cg_freeoff;
	uint32_t	cg_nextfreeoff;
	uint32_t	cg_clustersumoff;
	uint32_t	cg_clusteroff;
	uint32_t	cg_nclusterblks;
	uint32_t	cg_niblk;	/* v2 */
	uint32_t	cg_initediblk;	/* v2: inodes written so far */
	uint32_t	cg_unrefs;	/* FreeBSD */
	int32_t		cg_sparecon32[1];
	uint32_t	cg_ckhash;	/* FreeBSD */
	int64_t		cg_time;
	int64_t		cg_sparecon64[3];
};

struct ufs1_dinode {
	uint16_t	di_mode;
	int16_t		di_nlink;
	uint16_t	di_oldids[2];	/* 4.3BSD: uid and gid */
	uint64_t	di_size;
	int32_t		di_atime;
	int32_t		di_atimensec;
	int32_t		di_mtime;
	int32_t		di_mtimensec;
	int32_t		di_ctime;
	int32_t		di_ctimensec;
	int32_t		di_db[UFS_NDADDR];
	int32_t		di_ib[UFS_NIADDR];
	uint32_t	di_flags;
	uint32_t	di_blocks;
	int32_t		di_gen;
	uint32_t	di_uid;
	uint32_t	di_gid;
	uint64_t	di_modrev;
};

struct ufs2_dinode {
	uint16_t	di_mode;
	int16_t		di_nlink;
	uint32_t	di_uid;
	uint32_t	di_gid;
	uint32_t	di_blksize;
	uint64_t	di_size;
	uint64_t	di_blocks;
	int64_t		di_atime;
	int64_t		di_mtime;
	int64_t		di_ctime;
	int64_t		di_birthtime;
	int32_t		di_mtimensec;
	int32_t		di_atimensec;
	int32_t		di_ctimensec;
	int32_t		di_birthnsec;
	int32_t		di_gen;
	uint32_t	di_kernflags;
	uint32_t	di_flags;
	int32_t		di_extsize;
	int64_t		di_extb[UFS_NXADDR];
	int64_t		di_db[UFS_NDADDR];
	int64_t		di_ib[UFS_NIADDR];
	uint64_t	di_modrev;
	uint32_t	di_freelink;	/* FreeBSD */
	uint32_t	di_ckhash;	/* FreeBSD */
	uint32_t	di_spare[2];
};

/* Inline symbolic links lie over the block pointers. */
#define	UFS1_MAXSYMLINKLEN	((UFS_NDADDR + UFS_NIADDR) * 4)
#define	UFS2_MAXSYMLINKLEN	((UFS_NDADDR + UFS_NIADDR) * 8)

/*
 * A directory is a file of DIRBLKSIZ blocks.  Entries never cross a block and
 * their d_reclen tile it.  d_ino 0 means unused.  A deleted entry's space is
 * added to the entry before it.  4.3BSD has no d_type: the two bytes are one
 * 16-bit d_namlen; Solaris kept that.
 */
#define	UFS_DIRBLKSIZ		512
#define	UFS_MAXNAMLEN		255

struct direct {
	uint32_t	d_ino;
	uint16_t	d_reclen;
	uint8_t		d_type;
	uint8_t		d_namlen;
	char		d_name[UFS_MAXNAMLEN + 1];
};

#define	UFS_DIRHDRSIZ		8	/* bytes before d_name */

/* Bytes an entry with a name of this length needs (the NUL included). */
#define	UFS_DIRSIZ(namlen)	\
	((UFS_DIRHDRSIZ + (unsigned)(namlen) + 1 + 3) & ~3U)

_Static_assert(sizeof(struct fs) == 1376, "struct fs");
_Static_assert(offsetof(struct fs, fs_fmod) == 208, "fs_fmod");
_Static_assert(offsetof(struct fs, fs_old_cpc) == 856, "fs_old_cpc");
_Static_assert(offsetof(struct fs, fs_sblockloc) == 1000, "fs_sblockloc");
_Static_assert(offsetof(struct fs, fs_snapinum) == 1116, "fs_snapinum");
_Static_assert(offsetof(struct fs, fs_flags) == 1312, "fs_flags");
_Static_assert(offsetof(struct fs, fs_magic) == 1372, "fs_magic");
_Static_assert(sizeof(struct cg) == 168, "struct cg");
_Static_assert(offsetof(struct cg, cg_time) == 136, "cg_time");
_Static_assert(sizeof(struct ufs1_dinode) == 128, "struct ufs1_dinode");
_Static_assert(sizeof(struct ufs2_dinode) == 256, "struct ufs2_dinode");
_Static_assert(sizeof(struct direct) == 264, "struct direct");

/*
 * Byte order.  "swap" says that the disk's order is not the host's.  The test
 * is one predicted branch, in practice hidden behind the load; structures that
 * are used all the time (superblock, inodes, summaries) are converted once.
 */
static inline uint16_t
ffs_rw16(uint16_t v, bool swap)
{
	return swap ? __builtin_bswap16(v) : v;
}

static inline uint32_t
ffs_rw32(uint32_t v, bool swap)
{
	return swap ? __builtin_bswap32(v) : v;
}

static inline uint64_t
ffs_rw64(uint64_t v, bool swap)
{
	return swap ? __builtin_bswap64(v) : v;
}

/*
 * Geometry, for a superblock in host order that ffs_sb_check() passed.
 * Names follow the tradition: fragments "frags", blocks "blks", logical block
 * "lbn", device block of 512 bytes "db".
 */
#define	FFS_FSBTODB(fs, b)	((int64_t)(b) << (fs)->fs_fsbtodb)
#define	FFS_LBLKNO(fs, off)	((int64_t)(off) >> (fs)->fs_bshift)
#define	FFS_BLKOFF(fs, off)	((off) & ((fs)->fs_bsize - 1))
#define	FFS_FRAGOFF(fs, off)	((off) & ((fs)->fs_fsize - 1))
#define	FFS_LBLKTOSIZE(fs, lbn)	((int64_t)(lbn) << (fs)->fs_bshift)
#define	FFS_NUMFRAGS(fs, n)	((n) >> (fs)->fs_fshift)
#define	FFS_FRAGROUNDUP(fs, n)	\
	(((n) + (fs)->fs_fsize - 1) & ~(int64_t)((fs)->fs_fsize - 1))
#define	FFS_BLKROUNDUP(fs, n)	\
	(((n) + (fs)->fs_bsize - 1) & ~(int64_t)((fs)->fs_bsize - 1))
#define	FFS_FRAGSTOBLKS(fs, n)	((n) >> (fs)->fs_fragshift)
#define	FFS_BLKSTOFRAGS(fs, n)	((n) << (fs)->fs_fragshift)
#define	FFS_FRAGNUM(fs, b)	((b) & ((fs)->fs_frag - 1))
#define	FFS_BLKNUM(fs, b)	((b) & ~(int64_t)((fs)->fs_frag - 1))
#define	FFS_DTOG(fs, b)		((uint32_t)((b) / (fs)->fs_fpg))
#define	FFS_DTOGD(fs, b)	((int32_t)((b) % (fs)->fs_fpg))
#define	FFS_CGBASE(fs, c)	((int64_t)(fs)->fs_fpg * (c))
#define	FFS_INO_TO_CG(fs, ino)	((uint32_t)((ino) / (fs)->fs_ipg))

static inline bool
ffs_isufs2(const struct fs *fs)
{
	return fs->fs_magic == FFS_UFS2_MAGIC ||
	    fs->fs_magic == FFS_UFS2EA_MAGIC;
}

/* Group start; FFSv1 may rotate the metadata around the platter. */
static inline int64_t
ffs_cgstart(const struct fs *fs, uint32_t c)
{
	int64_t base = FFS_CGBASE(fs, c);

	if (ffs_isufs2(fs))
		return base;
	return base + (int64_t)fs->fs_old_cgoffset *
	    (c & ~(uint32_t)fs->fs_old_cgmask);
}

static inline int64_t
ffs_cgsblock(const struct fs *fs, uint32_t c)
{
	return ffs_cgstart(fs, c) + fs->fs_sblkno;
}

static inline int64_t
ffs_cgtod(const struct fs *fs, uint32_t c)
{
	return ffs_cgstart(fs, c) + fs->fs_cblkno;
}

static inline int64_t
ffs_cgimin(const struct fs *fs, uint32_t c)
{
	return ffs_cgstart(fs, c) + fs->fs_iblkno;
}

static inline int64_t
ffs_cgdmin(const struct fs *fs, uint32_t c)
{
	return ffs_cgstart(fs, c) + fs->fs_dblkno;
}

/* Fragments of group c (the last one may be short). */
static inline uint32_t
ffs_cgfrags(const struct fs *fs, uint32_t c)
{
	int64_t left = fs->fs_size - FFS_CGBASE(fs, c);

	return left < fs->fs_fpg ? (uint32_t)left : (uint32_t)fs->fs_fpg;
}

/* The first fragment of the inode block that holds ino. */
static inline int64_t
ffs_ino_to_fsba(const struct fs *fs, uint64_t ino)
{
	uint32_t idx = (uint32_t)(ino % fs->fs_ipg);

	return ffs_cgimin(fs, FFS_INO_TO_CG(fs, ino)) +
	    FFS_BLKSTOFRAGS(fs, (int64_t)(idx / fs->fs_inopb));
}

static inline uint32_t
ffs_ino_to_fsbo(const struct fs *fs, uint64_t ino)
{
	return (uint32_t)(ino % fs->fs_inopb);
}

/* ffs_super.c: everything that is pure arithmetic on superblocks. */
enum ffs_sbverdict {
	FFS_SB_NONE,		/* no superblock here */
	FFS_SB_OK,
	FFS_SB_BAD		/* a superblock, but absurd: see the reason */
};

void	ffs_sb_swap(struct fs *);
enum ffs_sbverdict ffs_sb_decode(struct fs *, const void *, int64_t,
	    int64_t, bool *, const char **);
void	ffs_sb_encode(void *, const struct fs *, bool);
bool	ffs_sb_old43(const struct fs *);
bool	ffs_sb_sun(const struct fs *);
bool	ffs_sb_sunlog(const struct fs *);
bool	ffs_sb_haswapbl(const struct fs *);
bool	ffs_sb_hasquota2(const struct fs *);
bool	ffs_reserved_range(const struct fs *, int64_t, int64_t);
uint32_t ffs_crc32c(uint32_t, const void *, size_t);

#endif /* _UFS_FFS_FORMAT_H_ */
