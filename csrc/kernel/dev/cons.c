/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/console: what is written goes to the console's ring, reads wait for
 * what the host has to offer.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/ioctl.h>
#include <sys/poll.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include <rumpy/hyp.h>

#include "fs/rootfs.h"
#include "dev/dev.h"

static int
cons_open(dev_t dev, int flag __unused, int mode __unused,
    struct lwp *l __unused)
{
	return minor(dev) == 0 ? 0 : ENXIO;
}

static int
cons_close(dev_t dev __unused, int flag __unused, int mode __unused,
    struct lwp *l __unused)
{
	return 0;
}

static int
cons_read(dev_t dev __unused, struct uio *uio, int flag __unused)
{
	char buf[512];
	int64_t n;

	if (uio->uio_resid == 0)
		return 0;
	n = hyp_console_read(buf, MIN(uio->uio_resid, sizeof(buf)));
	if (n < 0)
		return (int)-n;
	return uiomove(buf, (size_t)n, uio);
}

static int
cons_write(dev_t dev __unused, struct uio *uio, int flag __unused)
{
	char buf[512];
	int error = 0;

	while (error == 0 && uio->uio_resid > 0) {
		size_t n = MIN(uio->uio_resid, sizeof(buf));

		error = uiomove(buf, n, uio);
		if (error == 0)
			hyp_console_write(buf, n);
	}
	return error;
}

static int
cons_ioctl(dev_t dev __unused, u_long cmd, void *data, int flag __unused,
    struct lwp *l __unused)
{
	struct winsize *ws = data;

	switch (cmd) {
	case TIOCGWINSZ:
		memset(ws, 0, sizeof(*ws));
		return 0;
	case TIOCDRAIN:
	case TIOCFLUSH:
		return 0;	/* nothing is kept back in here */
	default:
		return ENOTTY;
	}
}

static int
cons_poll(dev_t dev __unused, int events, struct lwp *l __unused)
{
	/* Whether there is input only a read can tell. */
	return events & (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
}

static const struct cdevsw cons_cdevsw = {
	.d_open = cons_open,
	.d_close = cons_close,
	.d_read = cons_read,
	.d_write = cons_write,
	.d_ioctl = cons_ioctl,
	.d_poll = cons_poll,
	.d_mmap = nommap,
	.d_kqfilter = nokqfilter,
	.d_flag = D_TTY | D_MPSAFE,
};

void
cons_dev_init(void)
{
	devmajor_t maj = -1;
	int error;

	error = devsw_attach("cons", NULL, NULL, &cons_cdevsw, &maj);
	KASSERT(error == 0);
	error = rootfs_make_device("console", VCHR, 0666, makedev(maj, 0));
	KASSERT(error == 0);
}
