/* SPDX-License-Identifier: BSD-2-Clause */
/* The BSD disk label, as far as file systems look at it. */

#ifndef _SYS_DISKLABEL_H_
#define _SYS_DISKLABEL_H_

#include <sys/types.h>

#define MAXPARTITIONS	16
#define RAW_PART	3
#define LABELSECTOR	1
#define LABELOFFSET	0
#define DISKMAGIC	((uint32_t)0x82564557)

struct partition {
	uint32_t p_size;		/* sectors */
	uint32_t p_offset;
	union {
		uint32_t fsize;
		uint32_t cdsession;
	} __partition_u2;
	uint8_t p_fstype;		/* FS_* */
	uint8_t p_frag;
	union {
		uint16_t cpg;
		uint16_t sgs;
	} __partition_u1;
};
#define p_fsize		__partition_u2.fsize
#define p_cdsession	__partition_u2.cdsession
#define p_cpg		__partition_u1.cpg
#define p_sgs		__partition_u1.sgs

struct disklabel {
	uint32_t d_magic;
	uint16_t d_type;
	uint16_t d_subtype;
	char d_typename[16];
	union {
		char un_d_packname[16];
		struct {
			char *un_d_boot0;
			char *un_d_boot1;
		} un_b;
		uint64_t un_d_pad;
	} d_un;
	uint32_t d_secsize;
	uint32_t d_nsectors;
	uint32_t d_ntracks;
	uint32_t d_ncylinders;
	uint32_t d_secpercyl;
	uint32_t d_secperunit;
	uint16_t d_sparespertrack;
	uint16_t d_sparespercyl;
	uint32_t d_acylinders;
	uint16_t d_rpm;
	uint16_t d_interleave;
	uint16_t d_trackskew;
	uint16_t d_cylskew;
	uint32_t d_headswitch;
	uint32_t d_trkseek;
	uint32_t d_flags;
	uint32_t d_drivedata[5];
	uint32_t d_spare[5];
	uint32_t d_magic2;
	uint16_t d_checksum;
	uint16_t d_npartitions;
	uint32_t d_bbsize;
	uint32_t d_sbsize;
	struct partition d_partitions[MAXPARTITIONS];
};
#define d_packname	d_un.un_d_packname

#define FS_UNUSED	0
#define FS_SWAP		1
#define FS_BSDFFS	7
#define FS_MSDOS	8
#define FS_BSDLFS	9
#define FS_OTHER	10
#define FS_ISO9660	12
#define FS_EX2FS	17

#ifdef _KERNEL
#define DISKUNIT(dev)	(minor(dev) / MAXPARTITIONS)
#define DISKPART(dev)	(minor(dev) % MAXPARTITIONS)
#define DISKMINOR(unit, part)	((unit) * MAXPARTITIONS + (part))
#define MAKEDISKDEV(maj, unit, part) \
	(makedev((maj), DISKMINOR((unit), (part))))

struct buf;
struct cpu_disklabel;
struct disk;
int bounds_check_with_mediasize(struct buf *, int, uint64_t);
int bounds_check_with_label(struct disk *, struct buf *, int);
const char *readdisklabel(dev_t, void (*)(struct buf *), struct disklabel *,
    struct cpu_disklabel *);
int writedisklabel(dev_t, void (*)(struct buf *), struct disklabel *,
    struct cpu_disklabel *);
int setdisklabel(struct disklabel *, struct disklabel *, u_long,
    struct cpu_disklabel *);
uint16_t dkcksum(const struct disklabel *);
#endif

#endif /* !_SYS_DISKLABEL_H_ */
