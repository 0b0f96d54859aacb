/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel's own parts use all the time, each by itself. */

#include <sys/conf.h>
#include <sys/event.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>

#include "abitest.h"
#include "abifs.h"

static struct file *
new_file(int *fd)
{
	struct file *fp;

	if (fd_allocfile(&fp, fd) != 0)
		return NULL;
	fp->f_type = DTYPE_MISC;
	fp->f_flag = FREAD;
	fd_affix(curproc, fp, (u_int)*fd);
	return fp;
}

static int
close_file(struct file *fp)
{

	return fp->f_data == NULL ? 0 : (*(int *)fp->f_data)++ * 0;
}

/* One file at several descriptors is closed with the last of them. */
int
test_fd_dup(void)
{
	static const struct fileops ops = { .fo_close = close_file };
	filedesc_t *fdp = curproc->p_fd;
	int fd, high, nclosed = 0;
	struct file *fp = new_file(&fd);

	CHECK(fp != NULL);
	fp->f_ops = &ops;
	fp->f_data = &nclosed;
	CHECK(fd_getfile((u_int)fd) == fp);
	CHECK(fd_dup(fp, 12, &high, true NETBSD_FD_DUP_FALSE) == 0);
	CHECK(high >= 12 && fdp->fd_dt->dt_ff[high]->ff_exclose);
	CHECK(fd_dup(fp, -1, &high, false NETBSD_FD_DUP_FALSE) == EINVAL);
	fd_set_exclose(curlwp, high, false);
	CHECK(!fdp->fd_dt->dt_ff[high]->ff_exclose);
	CHECK(fd_dup2(fp, 17, O_CLOEXEC) == 0);
	CHECK(fdp->fd_dt->dt_ff[17]->ff_exclose);
	CHECK(fd_dup2(fp, 17, O_CREAT) == EINVAL);
	fd_putfile((u_int)fd);
	CHECK(fd_getfile(17) == fp && fd_close(17) == 0 && nclosed == 0);
	CHECK(fd_getfile((u_int)high) == fp && fd_close((u_int)high) == 0);
	CHECK(nclosed == 0);
	CHECK(fd_getfile((u_int)fd) == fp && fd_close((u_int)fd) == 0);
	CHECK(nclosed == 1 && fd_getfile((u_int)fd) == NULL);
	return 0;
}

static int nevents;

static int
my_event(struct knote *kn, long hint)
{

	nevents += hint == 7;
	return 0;
}

/* A list of those who want to hear of something. */
int
test_klist(void)
{
	static const struct filterops ops = {
		.f_flags = FILTEROP_ISFD, .f_event = my_event,
	};
	struct knote one = { .kn_fop = &ops }, two = { .kn_fop = &ops };
	struct klist list;

	klist_init(&list);
	klist_insert(&list, &one);
	klist_insert(&list, &two);
	CHECK(!SLIST_EMPTY(&list));
	CHECK(!klist_remove(&list, &one));	/* not empty yet */
	CHECK(klist_remove(&list, &two));
	klist_fini(&list);
	CHECK(SLIST_EMPTY(&list) && nevents == 0);
	knote_set_eof(&one, 0);
	CHECK((one.kn_flags & EV_EOF) != 0 && (one.kn_flags & EV_ONESHOT) == 0);
	knote_set_eof(&one, EV_ONESHOT);
	CHECK((one.kn_flags & (EV_EOF | EV_ONESHOT)) == (EV_EOF | EV_ONESHOT));
	knote_clear_eof(&one);
	CHECK((one.kn_flags & EV_EOF) == 0);
	return 0;
}

/* Every mount once, also while the list changes. */
int
test_mount_list(void)
{
	struct mount *mp = abifs_mount(), *at;
	mount_iterator_t *iter;
	int seen = 0, all = 0, again = 0;

	CHECK(mp != NULL);
	mountlist_append(mp);
	mountlist_iterator_init(&iter);
	while ((at = mountlist_iterator_next(iter)) != NULL) {
		all++;
		if (at == mp) {
			seen++;
			mountlist_remove(mp);
		}
	}
	mountlist_iterator_destroy(iter);
	CHECK(seen == 1 && all >= 2);
	mountlist_iterator_init(&iter);
	while ((at = mountlist_iterator_trynext(iter)) != NULL) {
		CHECK(at != mp);
		again++;
	}
	mountlist_iterator_destroy(iter);
	CHECK(again == all - 1);
	CHECK(vfs_busy(mp) == 0);
	vfs_unbusy(mp);
	vfs_ref(mp);
	vfs_rele(mp);
	CHECK(abifs_unmount(mp) == 0);
	return 0;
}

/* Answers of operations that are nothing else. */
int
test_answers(void)
{
	struct pathbuf *pb;
	struct file file = { .f_flag = 0 };
	struct mount *mp;
	off_t off = 0;

	CHECK(genfs_ebadf(NULL) == EBADF && genfs_einval(NULL) == EINVAL);
	CHECK(genfs_enoioctl(NULL) == EPASSTHROUGH);
	CHECK(fbadop_read(&file, &off, NULL, NULL, 0) == EOPNOTSUPP);
	CHECK(fbadop_write(&file, &off, NULL, NULL, 0) == EOPNOTSUPP);
	CHECK(fnullop_fcntl(&file, F_SETFL, NULL) == 0);
	CHECK(fnullop_fcntl(&file, F_GETOWN, NULL) == EOPNOTSUPP);
	fnullop_restart(&file);
	CHECK(seltrue(0, POLLIN | POLLPRI, curlwp) ==
	    ((POLLIN | POLLPRI) & (POLLIN | POLLOUT | POLLRDNORM |
	    POLLWRNORM)));
	CHECK(strnlen("abc", 2) == 2 && strnlen("abc", 9) == 3);
	CHECK(pathbuf_copyin("/kernel", &pb) == EFAULT);
	CHECK(pathbuf_maybe_copyin("/kernel", UIO_USERSPACE, &pb) == EFAULT);
	CHECK(pathbuf_maybe_copyin("/kernel", UIO_SYSSPACE, &pb) == 0);
	pathbuf_destroy(pb);
	CHECK(vfs_rootmountalloc("nosuchfs", "nowhere", &mp) == ENODEV);
	return 0;
}

static int ncalls;

static int
my_read(dev_t dev, struct uio *uio, int flag)
{

	ncalls++;
	return minor(dev) == 1 && flag == 5 ? 0 : EIO;
}

/* Calls of character devices, by number. */
int
test_cdev_calls(void)
{
	static const struct cdevsw sw = {
		.d_open = nullopen, .d_close = nullclose, .d_read = my_read,
		.d_write = nowrite, .d_ioctl = noioctl, .d_poll = nopoll,
		.d_discard = nodiscard, .d_mmap = nommap,
	};
	devmajor_t none = -1, maj = -1;
	dev_t dev, nobody = makedev(500, 0);

	CHECK(devsw_attach("abichr", NULL, &none, &sw, &maj) == 0);
	dev = makedev(maj, 1);
	CHECK(cdevsw_lookup(dev) == &sw && cdevsw_lookup(nobody) == NULL);
	CHECK(cdev_open(dev, FREAD, S_IFCHR, curlwp) == 0);
	CHECK(cdev_read(dev, NULL, 5) == 0 && cdev_read(dev, NULL, 4) == EIO);
	CHECK(ncalls == 2 && cdev_write(dev, NULL, 0) == ENODEV);
	CHECK(cdev_ioctl(dev, 0, NULL, 0, curlwp) == ENODEV);
	CHECK(cdev_poll(dev, POLLIN, curlwp) == POLLIN);
	CHECK(cdev_discard(dev, 0, 512) == ENODEV);
	CHECK(cdev_cancel(dev, 0, S_IFCHR, curlwp) == ENODEV);
	CHECK(cdev_close(dev, FREAD, S_IFCHR, curlwp) == 0);
	CHECK(cdev_open(nobody, FREAD, S_IFCHR, curlwp) == ENXIO);
	CHECK(cdev_read(nobody, NULL, 0) == ENXIO);
	CHECK(cdev_write(nobody, NULL, 0) == ENXIO);
	CHECK(cdev_ioctl(nobody, 0, NULL, 0, curlwp) == ENXIO);
	CHECK(cdev_poll(nobody, POLLIN, curlwp) == POLLERR);
	CHECK(cdev_discard(nobody, 0, 512) == ENXIO);
	CHECK(cdev_close(nobody, FREAD, S_IFCHR, curlwp) == ENXIO);
	CHECK(bdev_open(nobody, FREAD, S_IFBLK, curlwp) == ENXIO);
	CHECK(bdev_close(nobody, FREAD, S_IFBLK, curlwp) == ENXIO);
	CHECK(bdev_ioctl(nobody, 0, NULL, 0, curlwp) == ENXIO);
	CHECK(bdev_discard(nobody, 0, 512) == ENXIO);
	devsw_detach(NULL, &sw);
	CHECK(cdev_open(dev, FREAD, S_IFCHR, curlwp) == ENXIO);
	return 0;
}
