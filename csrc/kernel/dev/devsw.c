/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device switches: tables from major numbers to drivers, and the calls of
 * drivers by device number.  The numbers of drivers that NetBSD/amd64 knows
 * are NetBSD's; others get numbers from above.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/conf.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/poll.h>

#define DEVSW_MAJORS	512
#define DEVSW_DYNAMIC	192		/* the first number to give away */
#define DEVSW_NAMES	128

kmutex_t device_lock;

static const struct bdevsw *bdevsw[DEVSW_MAJORS];
static const struct cdevsw *cdevsw[DEVSW_MAJORS];

static struct devsw_conv devsw_names[DEVSW_NAMES] = {
	{ "cons", -1, 0, DEVNODE_DONTBOTHER, 0, { 0, 0 } },
	{ "ctty", -1, 1, DEVNODE_DONTBOTHER, 0, { 0, 0 } },
	{ "mem", -1, 2, DEVNODE_DONTBOTHER, 0, { 0, 0 } },
	{ "md", 17, 58, DEVNODE_DONTBOTHER, 0, { 0, 0 } },
	{ "vnd", 14, 41, DEVNODE_DONTBOTHER, 0, { 0, 0 } },
	{ "rnd", -1, 46, DEVNODE_DONTBOTHER, 0, { 0, 0 } },
	{ "ld", 19, 69, DEVNODE_DONTBOTHER, 0, { 0, 0 } },
};
struct devsw_conv *devsw_conv = devsw_names;
int max_devsw_convs = 7;

void
devsw_init(void)
{
	mutex_init(&device_lock, MUTEX_DEFAULT, IPL_NONE);
}

static struct devsw_conv *
devsw_find(const char *name)
{
	for (int i = 0; i < max_devsw_convs; i++)
		if (strcmp(devsw_names[i].d_name, name) == 0)
			return &devsw_names[i];
	return NULL;
}

static bool
devsw_reserved(devmajor_t maj, bool block)
{
	for (int i = 0; i < max_devsw_convs; i++)
		if ((block ? devsw_names[i].d_bmajor :
		    devsw_names[i].d_cmajor) == maj)
			return true;
	return false;
}

static int
devsw_pick(const void *const *table, bool block, devmajor_t *majp)
{
	for (devmajor_t m = DEVSW_DYNAMIC; m < DEVSW_MAJORS; m++) {
		if (table[m] == NULL && !devsw_reserved(m, block)) {
			*majp = m;
			return 0;
		}
	}
	return ENOMEM;
}

/* The number for one table: asked for, known by name, or a free one. */
static int
devsw_choose(const void *const *table, bool block, const void *sw,
    devmajor_t known, devmajor_t *majp)
{
	if (sw == NULL)
		return 0;
	if (*majp < 0)
		*majp = known;
	if (*majp < 0)
		return devsw_pick(table, block, majp);
	if (*majp >= DEVSW_MAJORS)
		return ENOMEM;
	if (table[*majp] != NULL && table[*majp] != sw)
		return EEXIST;
	return 0;
}

static int
devsw_name_add(const char *name, devmajor_t bmaj, devmajor_t cmaj)
{
	struct devsw_conv *conv = devsw_find(name);
	char *copy;

	if (conv == NULL) {
		if (max_devsw_convs == DEVSW_NAMES)
			return ENOMEM;
		copy = kmem_alloc(strlen(name) + 1, KM_SLEEP);
		strlcpy(copy, name, strlen(name) + 1);
		conv = &devsw_names[max_devsw_convs++];
		conv->d_name = copy;
		conv->d_class = DEVNODE_DONTBOTHER;
	}
	conv->d_bmajor = bmaj;
	conv->d_cmajor = cmaj;
	return 0;
}

/*
 * Register a driver.  A major of -1 asks for any; the numbers given are
 * stored.
 */
int
devsw_attach(const char *name, const struct bdevsw *bdev, devmajor_t *bmajor,
    const struct cdevsw *cdev, devmajor_t *cmajor)
{
	struct devsw_conv *conv;
	devmajor_t nobmajor = -1;
	int error;

	if (name == NULL || cdev == NULL)
		return EINVAL;
	if (bdev == NULL)
		bmajor = &nobmajor;
	mutex_enter(&device_lock);
	conv = devsw_find(name);
	error = devsw_choose((const void *const *)bdevsw, true, bdev,
	    conv != NULL ? conv->d_bmajor : -1, bmajor);
	if (error == 0)
		error = devsw_choose((const void *const *)cdevsw, false, cdev,
		    conv != NULL ? conv->d_cmajor : -1, cmajor);
	if (error == 0)
		error = devsw_name_add(name, *bmajor, *cmajor);
	if (error == 0) {
		if (bdev != NULL)
			bdevsw[*bmajor] = bdev;
		cdevsw[*cmajor] = cdev;
	}
	mutex_exit(&device_lock);
	return error;
}

/* The numbers stay with the name, in case the driver comes back. */
void
devsw_detach(const struct bdevsw *bdev, const struct cdevsw *cdev)
{
	mutex_enter(&device_lock);
	for (int i = 0; i < DEVSW_MAJORS; i++) {
		if (bdev != NULL && bdevsw[i] == bdev)
			bdevsw[i] = NULL;
		if (cdev != NULL && cdevsw[i] == cdev)
			cdevsw[i] = NULL;
	}
	mutex_exit(&device_lock);
}

const struct bdevsw *
bdevsw_lookup(dev_t dev)
{
	return major(dev) < DEVSW_MAJORS ? bdevsw[major(dev)] : NULL;
}

const struct cdevsw *
cdevsw_lookup(dev_t dev)
{
	return major(dev) < DEVSW_MAJORS ? cdevsw[major(dev)] : NULL;
}

devmajor_t
bdevsw_lookup_major(const struct bdevsw *bdev)
{
	for (devmajor_t i = 0; i < DEVSW_MAJORS; i++)
		if (bdevsw[i] == bdev)
			return i;
	return -1;
}

devmajor_t
cdevsw_lookup_major(const struct cdevsw *cdev)
{
	for (devmajor_t i = 0; i < DEVSW_MAJORS; i++)
		if (cdevsw[i] == cdev)
			return i;
	return -1;
}

/* Names and pairs. */

const char *
bdevsw_getname(devmajor_t maj)
{
	for (int i = 0; i < max_devsw_convs; i++)
		if (maj >= 0 && devsw_names[i].d_bmajor == maj)
			return devsw_names[i].d_name;
	return NULL;
}

const char *
cdevsw_getname(devmajor_t maj)
{
	for (int i = 0; i < max_devsw_convs; i++)
		if (maj >= 0 && devsw_names[i].d_cmajor == maj)
			return devsw_names[i].d_name;
	return NULL;
}

const char *
devsw_blk2name(devmajor_t maj)
{
	if (maj < 0 || maj >= DEVSW_MAJORS || bdevsw[maj] == NULL)
		return NULL;
	return bdevsw_getname(maj);
}

/* The driver of a device, "vnd" of "vnd0a". */
static struct devsw_conv *
devsw_find_unit(const char *name)
{
	size_t n;

	for (int i = 0; i < max_devsw_convs; i++) {
		n = strlen(devsw_names[i].d_name);
		if (strncmp(devsw_names[i].d_name, name, n) == 0 &&
		    (name[n] == '\0' || isdigit((u_char)name[n])))
			return &devsw_names[i];
	}
	return NULL;
}

devmajor_t
devsw_name2blk(const char *name, char *devname, size_t len)
{
	struct devsw_conv *conv = devsw_find_unit(name);

	if (conv == NULL || conv->d_bmajor < 0 ||
	    bdevsw[conv->d_bmajor] == NULL)
		return -1;
	if (devname != NULL)
		strlcpy(devname, conv->d_name, len);
	return conv->d_bmajor;
}

devmajor_t
devsw_name2chr(const char *name, char *devname, size_t len)
{
	struct devsw_conv *conv = devsw_find_unit(name);

	if (conv == NULL || conv->d_cmajor < 0 ||
	    cdevsw[conv->d_cmajor] == NULL)
		return -1;
	if (devname != NULL)
		strlcpy(devname, conv->d_name, len);
	return conv->d_cmajor;
}

dev_t
devsw_blk2chr(dev_t bdev)
{
	for (int i = 0; i < max_devsw_convs; i++)
		if (devsw_names[i].d_bmajor == (devmajor_t)major(bdev) &&
		    devsw_names[i].d_cmajor >= 0)
			return makedev(devsw_names[i].d_cmajor, minor(bdev));
	return NODEV;
}

dev_t
devsw_chr2blk(dev_t cdev)
{
	for (int i = 0; i < max_devsw_convs; i++)
		if (devsw_names[i].d_cmajor == (devmajor_t)major(cdev) &&
		    devsw_names[i].d_bmajor >= 0)
			return makedev(devsw_names[i].d_bmajor, minor(cdev));
	return NODEV;
}

/* Calls.  A device without a driver does not exist. */

int
bdev_open(dev_t dev, int flag, int devtype, struct lwp *l)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_open)(dev, flag, devtype, l);
}

int
bdev_cancel(dev_t dev, int flag, int devtype, struct lwp *l)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	if (d == NULL)
		return ENXIO;
	if (d->d_cancel == NULL)
		return ENODEV;
	return (*d->d_cancel)(dev, flag, devtype, l);
}

int
bdev_close(dev_t dev, int flag, int devtype, struct lwp *l)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_close)(dev, flag, devtype, l);
}

void
bdev_strategy(struct buf *bp)
{
	const struct bdevsw *d = bdevsw_lookup(bp->b_dev);

	if (d == NULL) {
		bp->b_error = ENXIO;
		bp->b_resid = bp->b_bcount;
		biodone(bp);
		return;
	}
	(*d->d_strategy)(bp);
}

int
bdev_ioctl(dev_t dev, u_long cmd, void *data, int flag, struct lwp *l)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_ioctl)(dev, cmd, data, flag, l);
}

int
bdev_dump(dev_t dev, daddr_t addr, void *data, size_t size)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	if (d == NULL)
		return ENXIO;
	if (d->d_dump == NULL)
		return ENODEV;
	return (*d->d_dump)(dev, addr, data, size);
}

int
bdev_flags(dev_t dev)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	return d == NULL ? 0 : d->d_flag & ~D_TYPEMASK;
}

int
bdev_type(dev_t dev)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	return d == NULL ? D_OTHER : d->d_flag & D_TYPEMASK;
}

int
bdev_size(dev_t dev)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	return d == NULL || d->d_psize == NULL ? -1 : (*d->d_psize)(dev);
}

int
bdev_discard(dev_t dev, off_t pos, off_t len)
{
	const struct bdevsw *d = bdevsw_lookup(dev);

	if (d == NULL)
		return ENXIO;
	if (d->d_discard == NULL)
		return ENODEV;
	return (*d->d_discard)(dev, pos, len);
}

int
cdev_open(dev_t dev, int flag, int devtype, struct lwp *l)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_open)(dev, flag, devtype, l);
}

int
cdev_cancel(dev_t dev, int flag, int devtype, struct lwp *l)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	if (d == NULL)
		return ENXIO;
	if (d->d_cancel == NULL)
		return ENODEV;
	return (*d->d_cancel)(dev, flag, devtype, l);
}

int
cdev_close(dev_t dev, int flag, int devtype, struct lwp *l)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_close)(dev, flag, devtype, l);
}

int
cdev_read(dev_t dev, struct uio *uio, int flag)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_read)(dev, uio, flag);
}

int
cdev_write(dev_t dev, struct uio *uio, int flag)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_write)(dev, uio, flag);
}

int
cdev_ioctl(dev_t dev, u_long cmd, void *data, int flag, struct lwp *l)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_ioctl)(dev, cmd, data, flag, l);
}

void
cdev_stop(struct tty *tp __unused, int flag __unused)
{
	/* There are no terminals whose output could be stopped. */
}

struct tty *
cdev_tty(dev_t dev)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL || d->d_tty == NULL ? NULL : (*d->d_tty)(dev);
}

int
cdev_poll(dev_t dev, int events, struct lwp *l)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? POLLERR : (*d->d_poll)(dev, events, l);
}

paddr_t
cdev_mmap(dev_t dev, off_t off, int prot)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? (paddr_t)-1 : (*d->d_mmap)(dev, off, prot);
}

int
cdev_kqfilter(dev_t dev, struct knote *kn)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? ENXIO : (*d->d_kqfilter)(dev, kn);
}

int
cdev_discard(dev_t dev, off_t pos, off_t len)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	if (d == NULL)
		return ENXIO;
	if (d->d_discard == NULL)
		return ENODEV;
	return (*d->d_discard)(dev, pos, len);
}

int
cdev_flags(dev_t dev)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? 0 : d->d_flag & ~D_TYPEMASK;
}

int
cdev_type(dev_t dev)
{
	const struct cdevsw *d = cdevsw_lookup(dev);

	return d == NULL ? D_OTHER : d->d_flag & D_TYPEMASK;
}

/* For slots without a use. */

int
devenodev(dev_t dev __unused, ...)
{
	return ENODEV;
}

int
deveopnotsupp(dev_t dev __unused, ...)
{
	return EOPNOTSUPP;
}

int
devnullop(dev_t dev __unused, ...)
{
	return 0;
}

struct tty *
ttyvenodev(struct tty *tp __unused, ...)
{
	return NULL;
}

int
seltrue(dev_t dev __unused, int events, struct lwp *l __unused)
{
	return events & (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

paddr_t
nommap(dev_t dev __unused, off_t off __unused, int prot __unused)
{
	return (paddr_t)-1;
}
