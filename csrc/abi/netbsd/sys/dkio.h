/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls of disks. */

#ifndef _SYS_DKIO_H_
#define _SYS_DKIO_H_

#include <sys/ioccom.h>
#include <sys/disklabel.h>
#include <sys/device.h>

struct plistref;

#define DIOCGDINFO	_IOR('d', 101, struct disklabel)
#define DIOCSDINFO	_IOW('d', 102, struct disklabel)
#define DIOCWDINFO	_IOW('d', 103, struct disklabel)
#define DIOCWLABEL	_IOW('d', 109, int)
#define DIOCGDEFLABEL	_IOR('d', 114, struct disklabel)
#define DIOCGCACHE	_IOR('d', 116, int)
#define DIOCSCACHE	_IOW('d', 117, int)
#define DIOCCACHESYNC	_IOW('d', 118, int)
#define DIOCGWEDGEINFO	_IOR('d', 122, struct dkwedge_info)
#define DIOCGDISKINFO	_IOWR('d', 127, struct plistref)
#define DIOCGSTRATEGY	_IOR('d', 125, struct disk_strategy)
#define DIOCSSTRATEGY	_IOW('d', 126, struct disk_strategy)
#define DIOCGMEDIASIZE	_IOR('d', 132, off_t)
#define DIOCGSECTORSIZE	_IOR('d', 133, u_int)
#define DIOCGSECTORALIGN _IOR('d', 135, struct disk_sectoralign)

struct disk_strategy {
	char dks_name[32];
	char *dks_param;
	size_t dks_paramlen;
};
struct disk_sectoralign {
	uint32_t dsa_firstaligned;
	uint32_t dsa_alignment;
};

/* DIOCGCACHE, DIOCSCACHE */
#define DKCACHE_READ	1
#define DKCACHE_WRITE	2
#define DKCACHE_RCHANGE	0x100
#define DKCACHE_WCHANGE	0x200
#define DKCACHE_SAVE	0x10000
#define DKCACHE_FUA	0x20000
#define DKCACHE_DPO	0x40000

#endif /* !_SYS_DKIO_H_ */
