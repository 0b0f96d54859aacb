/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev/null, zero, full, random and urandom. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/cprng.h>
#include <sys/poll.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include <rumpy/hyp.h>

#include "fs/rootfs.h"
#include "dev/dev.h"

#define RND_RANDOM	0
#define RND_URANDOM	1

static int
mem_open(dev_t dev, int flag __unused, int mode __unused,
    struct lwp *l __unused)
{
	switch (minor(dev)) {
	case DEV_NULL:
	case DEV_ZERO:
	case DEV_FULL:
		return 0;
	default:
		return ENXIO;
	}
}

static int
mem_zero(struct uio *uio)
{
	static const char zeros[4096];
	int error = 0;

	while (error == 0 && uio->uio_resid > 0)
		error = uiomove(__UNCONST(zeros),
		    MIN(uio->uio_resid, sizeof(zeros)), uio);
	return error;
}

static int
mem_read(dev_t dev, struct uio *uio, int flag __unused)
{
	return minor(dev) == DEV_NULL ? 0 : mem_zero(uio);
}

static int
mem_write(dev_t dev, struct uio *uio, int flag __unused)
{
	if (minor(dev) == DEV_FULL)
		return ENOSPC;
	uioskip(uio->uio_resid, uio);
	return 0;
}

static int
mem_ioctl(dev_t dev __unused, u_long cmd __unused, void *data __unused,
    int flag __unused, struct lwp *l __unused)
{
	return ENOTTY;
}

static int
mem_close(dev_t dev __unused, int flag __unused, int mode __unused,
    struct lwp *l __unused)
{
	return 0;
}

static const struct cdevsw mem_cdevsw = {
	.d_open = mem_open,
	.d_close = mem_close,
	.d_read = mem_read,
	.d_write = mem_write,
	.d_ioctl = mem_ioctl,
	.d_poll = nopoll,
	.d_mmap = nommap,
	.d_kqfilter = nokqfilter,
	.d_flag = D_MPSAFE,
};

static int
rnd_open(dev_t dev, int flag __unused, int mode __unused,
    struct lwp *l __unused)
{
	return minor(dev) <= RND_URANDOM ? 0 : ENXIO;
}

static int
rnd_read(dev_t dev __unused, struct uio *uio, int flag __unused)
{
	char buf[256];
	int error = 0;

	while (error == 0 && uio->uio_resid > 0) {
		size_t n = MIN(uio->uio_resid, sizeof(buf));

		error = hyp_random(buf, n);
		if (error == 0)
			error = uiomove(buf, n, uio);
	}
	return error;
}

static int
rnd_write(dev_t dev __unused, struct uio *uio, int flag __unused)
{
	/* The host's generator needs no seed of ours. */
	uioskip(uio->uio_resid, uio);
	return 0;
}

static const struct cdevsw rnd_cdevsw = {
	.d_open = rnd_open,
	.d_close = mem_close,
	.d_read = rnd_read,
	.d_write = rnd_write,
	.d_ioctl = mem_ioctl,
	.d_poll = nopoll,
	.d_mmap = nommap,
	.d_kqfilter = nokqfilter,
	.d_flag = D_MPSAFE,
};

static void
mem_node(const char *name, devmajor_t maj, int mn)
{
	int error = rootfs_make_device(name, VCHR, 0666, makedev(maj, mn));

	KASSERT(error == 0);
}

void
mem_dev_init(void)
{
	devmajor_t mem = -1, rnd = -1;
	int error;

	error = devsw_attach("mem", NULL, NULL, &mem_cdevsw, &mem);
	KASSERT(error == 0);
	mem_node("null", mem, DEV_NULL);
	mem_node("zero", mem, DEV_ZERO);
	mem_node("full", mem, DEV_FULL);
	error = devsw_attach("rnd", NULL, NULL, &rnd_cdevsw, &rnd);
	KASSERT(error == 0);
	mem_node("random", rnd, RND_RANDOM);
	mem_node("urandom", rnd, RND_URANDOM);
}
