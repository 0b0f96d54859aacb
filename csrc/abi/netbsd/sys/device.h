/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of autoconf(9) that pseudo devices and file systems meet. */

#ifndef _SYS_DEVICE_H_
#define _SYS_DEVICE_H_

#include <sys/types.h>
#include <sys/queue.h>

#define DEVICE_XNAME_SIZE	16

typedef enum devclass {
	DV_DULL, DV_CPU, DV_DISK, DV_IFNET, DV_TAPE, DV_TTY, DV_AUDIODEV,
	DV_DISPLAYDEV, DV_BUS, DV_VIRTUAL
} devclass_t;

typedef enum devact { DVACT_DEACTIVATE = 0 } devact_t;

/* A part of a disk that is a disk of its own. */
struct dkwedge_info {
	char dkw_devname[16];
	uint8_t dkw_wname[128];
	char dkw_parent[16];
	daddr_t dkw_offset;		/* in sectors of the parent */
	uint64_t dkw_size;
	char dkw_ptype[32];
};
struct dkwedge_list {
	void *dkwl_buf;
	size_t dkwl_bufsize;
	u_int dkwl_nwedges;
	u_int dkwl_ncopied;
};
#define DKW_PTYPE_FFS		"ffs"
#define DKW_PTYPE_SWAP		"swap"
#define DKW_PTYPE_LFS		"lfs"
#define DKW_PTYPE_UNKNOWN	""

#ifdef _KERNEL
typedef struct device *device_t;
typedef struct cfdata *cfdata_t;
typedef struct cfdriver *cfdriver_t;
typedef struct cfattach *cfattach_t;

struct devhandle_impl;
struct vnode;

/* What a device may be a child of. */
struct cfparent {
	const char *cfp_iattr;
	const char *cfp_parent;		/* NULL: of any that has the attribute */
	int cfp_unit;
};
#define DVUNIT_ANY		(-1)

/* cf_fstate: whether the entry is taken; a starred one can be, many times. */
#define FSTATE_NOTFOUND		0
#define FSTATE_FOUND		1
#define FSTATE_STAR		2

struct cfdata {
	const char *cf_name;
	const char *cf_atname;
	unsigned int cf_unit:24;
	unsigned char cf_fstate;
	int *cf_loc;
	int cf_flags;
	const struct cfparent *cf_pspec;
};

struct cfattach {
	const char *ca_name;
	LIST_ENTRY(cfattach) ca_list;
	size_t ca_devsize;
	int ca_flags;
	int (*ca_match)(device_t, cfdata_t, void *);
	void (*ca_attach)(device_t, device_t, void *);
	int (*ca_detach)(device_t, int);
	int (*ca_activate)(device_t, devact_t);
	int (*ca_rescan)(device_t, const char *, const int *);
	void (*ca_childdetached)(device_t, device_t);
};
LIST_HEAD(cfattachlist, cfattach);

struct cfiattrdata;
struct cfdriver {
	LIST_ENTRY(cfdriver) cd_list;
	struct cfattachlist cd_attach;
	device_t *cd_devs;
	const char *cd_name;
	enum devclass cd_class;
	int cd_ndevs;
	const struct cfiattrdata * const *cd_attrs;
};

struct cfattachinit {
	const char *cfai_name;
	struct cfattach *const *cfai_list;
};

typedef struct devhandle {
	const struct devhandle_impl *impl;
	union {
		uint64_t integer;
		void *pointer;
	};
} devhandle_t;

typedef int (*cfprint_t)(void *, const char *);
typedef int (*cfsubmatch_t)(device_t, cfdata_t, const int *, void *);
#define QUIET			0
#define UNCONF			1

struct cfargs {
	uintptr_t cfargs_version;
	cfsubmatch_t submatch;
	cfsubmatch_t search;
	const char *iattr;
	const int *locators;
	devhandle_t devhandle;
};
#define CFARGS_VERSION		1

int getdiskinfo(struct vnode *, struct dkwedge_info *);
int getdisksize(struct vnode *, uint64_t *, unsigned int *);
int config_cfdriver_attach(struct cfdriver *);
int config_cfdriver_detach(struct cfdriver *);
int config_cfattach_attach(const char *, struct cfattach *);
int config_cfattach_detach(const char *, struct cfattach *);
int config_init_component(struct cfdriver *const *,
    const struct cfattachinit *, struct cfdata *);
int config_fini_component(struct cfdriver *const *,
    const struct cfattachinit *, struct cfdata *);
device_t config_found(device_t, void *, cfprint_t, const struct cfargs *);
device_t config_attach_pseudo(cfdata_t);
int config_detach(device_t, int);
#define DETACH_FORCE	0x01
#define DETACH_QUIET	0x02
device_t device_lookup(cfdriver_t, int);
device_t device_parent(device_t);
void *device_lookup_private(cfdriver_t, int);
const char *device_xname(device_t);
void *device_private(device_t);
int device_unit(device_t);
devclass_t device_class(device_t);
cfdata_t device_cfdata(device_t);
#endif /* _KERNEL */

#endif /* !_SYS_DEVICE_H_ */
