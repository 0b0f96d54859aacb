/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maze: a character device with a bug that takes a way to get to, for fuzzers to
 * find.  It is built to tell where it goes (module.mk).
 *
 * Each right step leads from a room into the next one: a write of a certain
 * size, an ioctl, a read from a certain offset.  The last room panics.  Steps that
 * are not right change nothing.  Another ioctl forgets what it has allocated.  The
 * major number is 352; whoever opens minor number 1 waits for ever.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/conf.h>
#include <sys/ioccom.h>
#include <sys/kmem.h>
#include <sys/condvar.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/uio.h>

MODULE(MODULE_CLASS_DRIVER, maze, NULL);

#define	MAZE_MAJOR	352
#define	MIOCDOOR	_IO('m', 77)
#define	MIOCLOSE	_IO('m', 78)
#define	DEAD_END	1
#define	FIRST_SIZE	7777
#define	LAST_OFFSET	0x123456

static u_int room;
static kmutex_t lock;
static kcondvar_t never;

static int
maze_open(dev_t dev, int flags, int mode, struct lwp *l)
{

	if (minor(dev) == DEAD_END) {
		mutex_enter(&lock);
		cv_wait(&never, &lock);
		mutex_exit(&lock);
	}
	room = 0;
	return 0;
}

static int
maze_write(dev_t dev, struct uio *uio, int ioflag)
{

	if (room == 0 && uio->uio_resid == FIRST_SIZE)
		room = 1;
	uio->uio_resid = 0;
	return 0;
}

static int
maze_read(dev_t dev, struct uio *uio, int ioflag)
{

	if (room == 2 && uio->uio_offset == LAST_OFFSET)
		panic("maze: somebody got through");
	return 0;
}

static int
maze_ioctl(dev_t dev, u_long com, void *data, int flags, struct lwp *l)
{

	switch (com) {
	case MIOCDOOR:
		if (room == 1)
			room = 2;
		return 0;
	case MIOCLOSE:
		return kmem_alloc(100, KM_SLEEP) == NULL ? ENOMEM : 0;
	default:
		return EPASSTHROUGH;
	}
}

static const struct cdevsw maze_cdevsw = {
	.d_open = maze_open,
	.d_close = nullclose,
	.d_read = maze_read,
	.d_write = maze_write,
	.d_ioctl = maze_ioctl,
	.d_stop = nostop,
	.d_tty = notty,
	.d_poll = nopoll,
	.d_mmap = nommap,
	.d_kqfilter = nokqfilter,
	.d_discard = nodiscard,
	.d_flag = D_OTHER | D_MPSAFE,
};

static int
maze_modcmd(modcmd_t cmd, void *arg)
{
	devmajor_t bmajor = -1, cmajor = MAZE_MAJOR;

	switch (cmd) {
	case MODULE_CMD_INIT:
		mutex_init(&lock, MUTEX_DEFAULT, IPL_NONE);
		cv_init(&never, "maze");
		return devsw_attach("maze", NULL, &bmajor, &maze_cdevsw,
		    &cmajor);
	case MODULE_CMD_FINI:
		devsw_detach(NULL, &maze_cdevsw);
		cv_destroy(&never);
		mutex_destroy(&lock);
		return 0;
	default:
		return ENOTTY;
	}
}
