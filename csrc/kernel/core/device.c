/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Devices as autoconf(9) shows them to drivers.  There is no hardware to find:
 * a driver registers itself and its attachment, and pseudo-devices are made on
 * request, by config_attach_pseudo().  Such a device may have found children,
 * for which config_found() looks through the tables of all components.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/device.h>
#include <sys/kmem.h>
#include <sys/queue.h>

struct device {
	devclass_t dv_class;
	cfdata_t dv_cfdata;
	cfdriver_t dv_cfdriver;
	cfattach_t dv_cfattach;
	device_t dv_parent;
	int	dv_unit;
	void	*dv_private;
	char	dv_xname[DEVICE_XNAME_SIZE];
};

/* The device that the root file system is said to be on. */
static struct device root_dev = {
	.dv_class = DV_VIRTUAL,
	.dv_xname = "rootfs0",
};
device_t root_device = &root_dev;

static LIST_HEAD(, cfdriver) drivers = LIST_HEAD_INITIALIZER(drivers);

static cfdriver_t
driver_find(const char *name)
{
	cfdriver_t cd;

	LIST_FOREACH(cd, &drivers, cd_list)
		if (strcmp(cd->cd_name, name) == 0)
			return cd;
	return NULL;
}

int
config_cfdriver_attach(struct cfdriver *cd)
{
	if (driver_find(cd->cd_name) != NULL)
		return EEXIST;
	LIST_INIT(&cd->cd_attach);
	LIST_INSERT_HEAD(&drivers, cd, cd_list);
	return 0;
}

int
config_cfdriver_detach(struct cfdriver *cd)
{
	int i;

	for (i = 0; i < cd->cd_ndevs; i++)
		if (cd->cd_devs[i] != NULL)
			return EBUSY;
	if (!LIST_EMPTY(&cd->cd_attach))
		return EBUSY;
	if (cd->cd_ndevs != 0)
		kmem_free(cd->cd_devs,
		    (size_t)cd->cd_ndevs * sizeof(device_t));
	cd->cd_devs = NULL;
	cd->cd_ndevs = 0;
	LIST_REMOVE(cd, cd_list);
	return 0;
}

static cfattach_t
attachment_find(cfdriver_t cd, const char *name)
{
	cfattach_t ca;

	LIST_FOREACH(ca, &cd->cd_attach, ca_list)
		if (strcmp(ca->ca_name, name) == 0)
			return ca;
	return NULL;
}

int
config_cfattach_attach(const char *driver, struct cfattach *ca)
{
	cfdriver_t cd = driver_find(driver);

	if (cd == NULL)
		return ESRCH;
	if (attachment_find(cd, ca->ca_name) != NULL)
		return EEXIST;
	LIST_INSERT_HEAD(&cd->cd_attach, ca, ca_list);
	return 0;
}

int
config_cfattach_detach(const char *driver, struct cfattach *ca)
{
	cfdriver_t cd = driver_find(driver);
	int i;

	if (cd == NULL)
		return ESRCH;
	for (i = 0; i < cd->cd_ndevs; i++)
		if (cd->cd_devs[i] != NULL &&
		    cd->cd_devs[i]->dv_cfattach == ca)
			return EBUSY;
	LIST_REMOVE(ca, ca_list);
	return 0;
}

/* Make room for unit N in the driver's table. */
static void
driver_grow(cfdriver_t cd, int n)
{
	device_t *devs;
	int old = cd->cd_ndevs, size = MAX(n + 1, old * 2);

	if (n < old)
		return;
	devs = kmem_zalloc((size_t)size * sizeof(device_t), KM_SLEEP);
	if (old != 0) {
		memcpy(devs, cd->cd_devs, (size_t)old * sizeof(device_t));
		kmem_free(cd->cd_devs, (size_t)old * sizeof(device_t));
	}
	cd->cd_devs = devs;
	cd->cd_ndevs = size;
}

static device_t
attach(device_t parent, cfdata_t cf, void *aux)
{
	cfdriver_t cd = driver_find(cf->cf_name);
	cfattach_t ca;
	device_t dev;
	int unit;

	if (cd == NULL || (ca = attachment_find(cd, cf->cf_atname)) == NULL)
		return NULL;
	unit = (int)cf->cf_unit;
	if (cf->cf_fstate == FSTATE_STAR) {	/* the next free one */
		while (device_lookup(cd, unit) != NULL)
			unit++;
	} else if (device_lookup(cd, unit) != NULL)
		return NULL;
	else
		cf->cf_fstate = FSTATE_FOUND;
	dev = kmem_zalloc(sizeof(*dev), KM_SLEEP);
	dev->dv_class = cd->cd_class;
	dev->dv_cfdata = cf;
	dev->dv_cfdriver = cd;
	dev->dv_cfattach = ca;
	dev->dv_parent = parent;
	dev->dv_unit = unit;
	if (ca->ca_devsize != 0)
		dev->dv_private = kmem_zalloc(ca->ca_devsize, KM_SLEEP);
	snprintf(dev->dv_xname, sizeof(dev->dv_xname), "%s%d", cf->cf_name,
	    dev->dv_unit);
	driver_grow(cd, dev->dv_unit);
	cd->cd_devs[dev->dv_unit] = dev;
	(*ca->ca_attach)(parent, dev, aux);
	return dev;
}

device_t
config_attach_pseudo(cfdata_t cf)
{

	return attach(NULL, cf, NULL);
}

/* --- components: drivers, their attachments and their tables -------------- */

struct cftable {
	LIST_ENTRY(cftable) ct_list;
	cfdata_t ct_cfdata;
};
static LIST_HEAD(, cftable) cftables = LIST_HEAD_INITIALIZER(cftables);

/*
 * Take back what config_init_component() has done: the drivers before
 * DRIVERS_END, and the attachments before LAST_CA of LAST, if there is one.
 */
static int
component_undo(struct cfdriver *const *cds, struct cfdriver *const *drivers_end,
    const struct cfattachinit *cfai, const struct cfattachinit *last,
    struct cfattach *const *last_ca)
{
	struct cfattach *const *cap;
	int error = 0;

	for (; error == 0 && last != NULL && cfai <= last &&
	    cfai->cfai_name != NULL; cfai++) {
		for (cap = cfai->cfai_list; error == 0 && *cap != NULL &&
		    (cfai != last || cap != last_ca); cap++)
			error = config_cfattach_detach(cfai->cfai_name, *cap);
	}
	for (; error == 0 && cds != drivers_end; cds++)
		error = config_cfdriver_detach(*cds);
	return error;
}

int
config_init_component(struct cfdriver *const *cds,
    const struct cfattachinit *cfai, struct cfdata *cf)
{
	struct cfdriver *const *cdp;
	const struct cfattachinit *a = cfai;
	struct cfattach *const *cap = NULL;
	struct cftable *ct;
	int error = 0;

	for (cdp = cds; *cdp != NULL; cdp++) {
		error = config_cfdriver_attach(*cdp);
		if (error != 0)
			goto undo;
	}
	for (; a->cfai_name != NULL; a++) {
		for (cap = a->cfai_list; *cap != NULL; cap++) {
			error = config_cfattach_attach(a->cfai_name, *cap);
			if (error != 0)
				goto undo;
		}
	}
	ct = kmem_alloc(sizeof(*ct), KM_SLEEP);
	ct->ct_cfdata = cf;
	LIST_INSERT_HEAD(&cftables, ct, ct_list);
	return 0;
undo:
	if (component_undo(cds, cdp, cfai, cap != NULL ? a : NULL, cap) != 0)
		panic("config_init_component: can't be undone");
	return error;
}

/* The component goes, unless it has devices. */
int
config_fini_component(struct cfdriver *const *cds,
    const struct cfattachinit *cfai, struct cfdata *cf)
{
	struct cfdriver *const *end;
	const struct cfattachinit *last;
	struct cftable *ct;
	int i;

	for (end = cds; *end != NULL; end++) {
		for (i = 0; i < (*end)->cd_ndevs; i++)
			if ((*end)->cd_devs[i] != NULL)
				return EBUSY;
	}
	LIST_FOREACH(ct, &cftables, ct_list)
		if (ct->ct_cfdata == cf)
			break;
	if (ct == NULL)
		return ENOENT;
	LIST_REMOVE(ct, ct_list);
	kmem_free(ct, sizeof(*ct));
	for (last = cfai; last->cfai_name != NULL; last++)
		continue;
	return component_undo(cds, end, cfai, last, NULL);
}

/* May a device of this table's row be the parent's child? */
static bool
fits(const struct cfdata *cf, device_t parent, const char *iattr)
{
	const struct cfparent *cfp = cf->cf_pspec;

	if (cfp == NULL || cf->cf_fstate == FSTATE_FOUND ||
	    (iattr != NULL && strcmp(cfp->cfp_iattr, iattr) != 0))
		return false;
	if (cfp->cfp_parent == NULL)
		return true;
	return strcmp(cfp->cfp_parent, parent->dv_cfdriver->cd_name) == 0 &&
	    (cfp->cfp_unit == DVUNIT_ANY || cfp->cfp_unit == parent->dv_unit);
}

/* How well a row's driver knows what was found; 0: not at all. */
static int
match(cfdata_t cf, device_t parent, void *aux, const struct cfargs *args)
{
	cfdriver_t cd = driver_find(cf->cf_name);
	cfattach_t ca;

	if (cd == NULL || (ca = attachment_find(cd, cf->cf_atname)) == NULL)
		return 0;
	if (args != NULL && args->submatch != NULL)
		return (*args->submatch)(parent, cf, args->locators, aux);
	return (*ca->ca_match)(parent, cf, aux);
}

/*
 * A parent has found something: attach the driver that knows it best, or tell
 * PRINT that none does.
 */
device_t
config_found(device_t parent, void *aux, cfprint_t print,
    const struct cfargs *args)
{
	const char *iattr = args != NULL ? args->iattr : NULL;
	cfdata_t best = NULL, cf;
	struct cftable *ct;
	int rank = 0, r;

	LIST_FOREACH(ct, &cftables, ct_list) {
		for (cf = ct->ct_cfdata; cf->cf_name != NULL; cf++) {
			if (!fits(cf, parent, iattr))
				continue;
			r = match(cf, parent, aux, args);
			if (r > rank) {
				rank = r;
				best = cf;
			}
		}
	}
	if (best != NULL)
		return attach(parent, best, aux);
	if (print != NULL && (*print)(aux, device_xname(parent)) == UNCONF)
		printf(" not configured\n");
	return NULL;
}

int
config_detach(device_t dev, int flags)
{
	cfattach_t ca = dev->dv_cfattach;
	device_t parent = dev->dv_parent;
	int error = EOPNOTSUPP;

	if (ca->ca_detach != NULL)
		error = (*ca->ca_detach)(dev, flags);
	if (error != 0 && (flags & DETACH_FORCE) == 0)
		return error;
	if (error != 0)
		panic("config_detach: %s can't be forced off: error %d",
		    dev->dv_xname, error);
	if (dev->dv_cfdata->cf_fstate == FSTATE_FOUND)
		dev->dv_cfdata->cf_fstate = FSTATE_NOTFOUND;
	dev->dv_cfdriver->cd_devs[dev->dv_unit] = NULL;
	if (parent != NULL && parent->dv_cfattach->ca_childdetached != NULL)
		(*parent->dv_cfattach->ca_childdetached)(parent, dev);
	if (dev->dv_private != NULL)
		kmem_free(dev->dv_private, ca->ca_devsize);
	kmem_free(dev, sizeof(*dev));
	return 0;
}

device_t
device_lookup(cfdriver_t cd, int unit)
{
	return unit >= 0 && unit < cd->cd_ndevs ? cd->cd_devs[unit] : NULL;
}

void *
device_lookup_private(cfdriver_t cd, int unit)
{
	return device_private(device_lookup(cd, unit));
}

device_t
device_parent(device_t dev)
{
	return dev->dv_parent;
}

const char *
device_xname(device_t dev)
{
	return dev != NULL ? dev->dv_xname : "(null)";
}

void *
device_private(device_t dev)
{
	return dev != NULL ? dev->dv_private : NULL;
}

int
device_unit(device_t dev)
{
	return dev->dv_unit;
}

devclass_t
device_class(device_t dev)
{
	return dev->dv_class;
}

cfdata_t
device_cfdata(device_t dev)
{
	return dev->dv_cfdata;
}
