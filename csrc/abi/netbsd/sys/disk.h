/* SPDX-License-Identifier: BSD-2-Clause */
/* The generic part of a disk driver. */

#ifndef _SYS_DISK_H_
#define _SYS_DISK_H_

#include <abi/versions.h>
#include <sys/types.h>
#include <sys/queue.h>
#include <sys/mutex.h>
#include <sys/dkio.h>

#ifdef _KERNEL
struct buf;
struct cpu_disklabel;
struct dkwedge_softc;
struct io_stats;
struct lwp;
struct vnode;

struct disk_geom {
	int64_t dg_secperunit;
	uint32_t dg_secsize;
	uint32_t dg_nsectors;
	uint32_t dg_ntracks;
	uint32_t dg_ncylinders;
	uint32_t dg_secpercyl;
	uint32_t dg_pcylinders;
	uint32_t dg_sparespertrack;
	uint32_t dg_sparespercyl;
	uint32_t dg_acylinders;
	NETBSD_DISK_GEOM_TAIL
};

struct dkdriver {
	void (*d_strategy)(struct buf *);
	void (*d_minphys)(struct buf *);
	int (*d_open)(dev_t, int, int, struct lwp *);
	int (*d_close)(dev_t, int, int, struct lwp *);
	int (*d_diskstart)(device_t, struct buf *);
	void (*d_iosize)(device_t, int *);
	int (*d_dumpblocks)(device_t, void *, daddr_t, int);
	int (*d_lastclose)(device_t);
	int (*d_discard)(device_t, off_t, off_t);
	int (*d_firstopen)(device_t, dev_t, int, int);
	void (*d_label)(device_t, struct disklabel *);
};

struct disk {
	TAILQ_ENTRY(disk) dk_link;
	const char *dk_name;
	struct _prop_dictionary *dk_info;
	struct disk_geom dk_geom;
	int dk_bopenmask;
	int dk_copenmask;
	int dk_openmask;
	int dk_state;
	int dk_blkshift;
	int dk_byteshift;
	struct io_stats *dk_stats;
	const struct dkdriver *dk_driver;
	kmutex_t dk_rawlock;
	u_int dk_rawopens;
	struct vnode *dk_rawvp;
	kmutex_t dk_openlock;
	u_int dk_nwedges;
	LIST_HEAD(, dkwedge_softc) dk_wedges;
	daddr_t dk_labelsector;
	struct disklabel *dk_label;
	struct cpu_disklabel *dk_cpulabel;
};

void disk_init(struct disk *, const char *, const struct dkdriver *);
void disk_attach(struct disk *);
void disk_detach(struct disk *);
void disk_destroy(struct disk *);
void disk_busy(struct disk *);
void disk_unbusy(struct disk *, long, int);
void disk_wait(struct disk *);
struct disk *disk_find(const char *);
int disk_ioctl(struct disk *, dev_t, u_long, void *, int, struct lwp *);
void disk_set_info(device_t, struct disk *, const char *);
void dkwedge_discover(struct disk *);
void dkwedge_delall(struct disk *);
#endif

#endif /* !_SYS_DISK_H_ */
