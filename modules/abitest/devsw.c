/* SPDX-License-Identifier: BSD-2-Clause */
/* Device switches: names, numbers, and calls by number. */

#include <sys/buf.h>
#include <sys/conf.h>
#include <sys/disk.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/proc.h>
#include <sys/vnode.h>
#include <miscfs/specfs/specdev.h>

#include "abitest.h"

static struct tty *const my_tty = (struct tty *)0x1000;
static dev_t cancelled;

static int
my_cancel(dev_t dev, int flag, int devtype, struct lwp *l)
{

	cancelled = dev;
	return flag == FREAD && devtype == S_IFBLK && l == curlwp ? 0 : EINVAL;
}

static int
my_dump(dev_t dev, daddr_t addr, void *data, size_t size)
{

	return addr == 3 && data == &cancelled && size == 512 ? 0 : EINVAL;
}

static int
my_size(dev_t dev)
{

	return (int)minor(dev) * 10;
}

static struct tty *
my_gettty(dev_t dev)
{

	return minor(dev) == 1 ? my_tty : NULL;
}

static paddr_t
my_mmap(dev_t dev, off_t off, int prot)
{

	return off >= 4096 ? (paddr_t)-1 : (paddr_t)(off >> 12);
}

static const struct bdevsw my_bdev = {
	.d_open = nullopen, .d_close = nullclose, .d_cancel = my_cancel,
	.d_dump = my_dump, .d_psize = my_size, .d_ioctl = noioctl,
	.d_flag = D_DISK | D_MPSAFE,
}, bare_bdev = {
	.d_open = nullopen, .d_close = nullclose, .d_flag = D_TAPE,
};
static const struct cdevsw my_cdev = {
	.d_open = nullopen, .d_close = nullclose, .d_tty = my_gettty,
	.d_mmap = my_mmap, .d_flag = D_TTY | D_NEGOFFSAFE,
}, bare_cdev = {
	.d_open = nullopen, .d_close = nullclose, .d_mmap = nommap,
};

static int
check_names(devmajor_t bmaj, devmajor_t cmaj)
{
	char name[8];

	CHECK(bdevsw_lookup_major(&my_bdev) == bmaj);
	CHECK(cdevsw_lookup_major(&my_cdev) == cmaj);
	CHECK(strcmp(bdevsw_getname(bmaj), "abidsk") == 0);
	CHECK(strcmp(cdevsw_getname(cmaj), "abidsk") == 0);
	CHECK(strcmp(devsw_blk2name(bmaj), "abidsk") == 0);
	CHECK(bdevsw_getname(-1) == NULL && bdevsw_getname(500) == NULL);
	CHECK(cdevsw_getname(-1) == NULL && cdevsw_getname(500) == NULL);
	CHECK(devsw_blk2name(-1) == NULL && devsw_blk2name(500) == NULL);
	CHECK(devsw_blk2name(100000) == NULL);

	CHECK(devsw_name2blk("abidsk", NULL, 0) == bmaj);
	CHECK(devsw_name2blk("abidsk0a", name, sizeof(name)) == bmaj);
	CHECK(strcmp(name, "abidsk") == 0);
	CHECK(devsw_name2chr("abidsk12", name, 4) == cmaj);
	CHECK(strcmp(name, "abi") == 0);		/* cut, but ended */
	CHECK(devsw_name2blk("abidskette", NULL, 0) == -1);
	CHECK(devsw_name2blk("abids", NULL, 0) == -1);
	CHECK(devsw_name2chr("", NULL, 0) == -1);
	CHECK(devsw_name2blk("mem", NULL, 0) == -1);	/* has no blocks */
	CHECK(devsw_name2chr("mem", NULL, 0) == 2);

	CHECK(devsw_blk2chr(makedev(bmaj, 9)) == makedev(cmaj, 9));
	CHECK(devsw_chr2blk(makedev(cmaj, 9)) == makedev(bmaj, 9));
	CHECK(devsw_chr2blk(makedev(2, 0)) == NODEV);
	CHECK(devsw_blk2chr(makedev(500, 0)) == NODEV);
	return 0;
}

static int
check_calls(dev_t bdev, dev_t cdev, dev_t bare, dev_t nobody)
{

	CHECK(bdev_cancel(bdev, FREAD, S_IFBLK, curlwp) == 0);
	CHECK(cancelled == bdev);
	CHECK(bdev_cancel(bare, FREAD, S_IFBLK, curlwp) == ENODEV);
	CHECK(bdev_cancel(nobody, FREAD, S_IFBLK, curlwp) == ENXIO);
	CHECK(bdev_dump(bdev, 3, &cancelled, 512) == 0);
	CHECK(bdev_dump(nobody, 3, &cancelled, 512) == ENXIO);
	CHECK(bdev_size(bdev) == 10 && bdev_size(bare) == -1);
	CHECK(bdev_size(nobody) == -1);
	CHECK(bdev_type(bdev) == D_DISK && bdev_flags(bdev) == D_MPSAFE);
	CHECK(bdev_type(bare) == D_TAPE && bdev_flags(bare) == 0);
	CHECK(bdev_type(nobody) == D_OTHER && bdev_flags(nobody) == 0);
	CHECK(cdev_type(cdev) == D_TTY && cdev_flags(cdev) == D_NEGOFFSAFE);
	CHECK(cdev_type(nobody) == D_OTHER && cdev_flags(nobody) == 0);
	CHECK(cdev_tty(cdev) == my_tty && cdev_tty(nobody) == NULL);
	CHECK(cdev_mmap(cdev, 0, 0) == 0);
	CHECK(cdev_mmap(cdev, 4096, 0) == (paddr_t)-1);
	CHECK(cdev_mmap(nobody, 0, 0) == (paddr_t)-1);
	return 0;
}

int
test_devsw(void)
{
	devmajor_t bmaj = -1, cmaj = -1, bare_b = -1, bare_c = -1;
	int line;

	CHECK(bdevsw_lookup_major(&my_bdev) == -1);
	CHECK(cdevsw_lookup_major(&my_cdev) == -1);
	CHECK(devsw_attach("abidsk", &my_bdev, &bmaj, &my_cdev, &cmaj) == 0);
	CHECK(devsw_attach("abibare", &bare_bdev, &bare_b, &bare_cdev,
	    &bare_c) == 0);
	CHECK(bmaj >= 0 && cmaj >= 0 && bare_b != bmaj && bare_c != cmaj);
	line = check_names(bmaj, cmaj);
	if (line == 0)
		line = check_calls(makedev(bmaj, 1), makedev(cmaj, 1),
		    makedev(bare_b, 0), makedev(500, 0));
	devsw_detach(&my_bdev, &my_cdev);
	devsw_detach(&bare_bdev, &bare_cdev);
	CHECK(devsw_name2blk("abidsk0", NULL, 0) == -1);
	return line;
}

/* Vnodes of devices that belong to no file system. */
int
test_devvp(void)
{
	devmajor_t bmaj = -1, cmaj = -1;
	struct vnode *bvp, *cvp, *again;
	dev_t bdev;

	CHECK(devsw_attach("abidsk", &my_bdev, &bmaj, &my_cdev, &cmaj) == 0);
	bdev = makedev(bmaj, 5);
	CHECK(vfinddev(bdev, VBLK, &again) == 0);
	CHECK(bdevvp(bdev, &bvp) == 0 && bvp->v_type == VBLK);
	CHECK(bvp->v_rdev == bdev);
	CHECK(cdevvp(makedev(cmaj, 6), &cvp) == 0 && cvp->v_type == VCHR);
	CHECK(vfinddev(bdev, VBLK, &again) == 1 && again == bvp);
	vrele(again);
	CHECK(vfinddev(bdev, VCHR, &again) == 0);
	CHECK(kauth_authorize_device_spec(curlwp->l_cred,
	    KAUTH_REQ_DEVICE_RAWIO_SPEC_RW, bvp) == 0);
	vrele(bvp);
	vrele(cvp);
	CHECK(bdevvp(NODEV, &bvp) == 0 && bvp == NULL);
	devsw_detach(&my_bdev, &my_cdev);
	return 0;
}
