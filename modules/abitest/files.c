/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors, directories of processes, and transfers by descriptor. */

#include <sys/event.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/lwp.h>
#include <sys/namei.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/select.h>
#include <sys/signalvar.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include "abitest.h"

static int nclosed;

static int
my_close(struct file *fp)
{

	nclosed++;
	return 0;
}

static int
my_poll(struct file *fp, int events)
{

	return events & POLLIN;
}

/* Take all but two bytes, and say that more would have to wait. */
static int
my_transfer(struct file *fp, off_t *offset, struct uio *uio,
    kauth_cred_t cred, int flags)
{

	if (uio->uio_resid <= 2)
		return EWOULDBLOCK;
	*offset += (off_t)uio->uio_resid - 2;
	uio->uio_resid = 2;
	return uio->uio_rw == UIO_READ ? EWOULDBLOCK : 0;
}

static const struct fileops my_fileops = {
	.fo_read = my_transfer, .fo_write = my_transfer,
	.fo_name = "abitest", .fo_close = my_close, .fo_poll = my_poll,
	.fo_ioctl = fbadop_ioctl, .fo_stat = fbadop_stat,
};

/* Put a file of our own at a new descriptor; as a cloning device does. */
static int
my_file(int flag)
{
	struct file *fp;
	int fd;

	if (fd_allocfile(&fp, &fd) != 0)
		return -1;
	curlwp->l_dupfd = -1;
	if (fd_clone(fp, (u_int)fd, flag, &my_fileops, &nclosed) != EMOVEFD)
		return -1;
	return curlwp->l_dupfd;
}

/* A cloning device's file has its flags, and goes when it is closed. */
int
test_fd_clone(void)
{
	const int fd = my_file(FREAD | O_CLOEXEC), other = my_file(FWRITE);
	filedesc_t *fdp = curlwp->l_fd;
	struct file *fp, *again;
	struct stat sb;

	CHECK(fd >= 0 && other >= 0 && other != fd);
	CHECK(fdp->fd_dt->dt_ff[fd]->ff_exclose);
	CHECK(!fdp->fd_dt->dt_ff[other]->ff_exclose);
	fp = fd_getfile((u_int)fd);
	CHECK(fp != NULL && fp->f_type == DTYPE_MISC);
	CHECK(fp->f_ops == &my_fileops && fp->f_data == &nclosed);
	CHECK((fp->f_flag & (FREAD | FWRITE)) == FREAD);
	CHECK((*fp->f_ops->fo_ioctl)(fp, 0, NULL) == EOPNOTSUPP);
	CHECK((*fp->f_ops->fo_stat)(fp, &sb) == EOPNOTSUPP);
	CHECK(fbadop_close(fp) == EOPNOTSUPP && fnullop_poll(fp, POLLIN) == 0);
	fd_putfile((u_int)fd);

	again = fd_getfile2(curproc, (u_int)fd);
	CHECK(again == fp && fd_getfile2(curproc, 100000) == NULL);
	nclosed = 0;
	CHECK(fd_getfile((u_int)fd) != NULL && fd_close((u_int)fd) == 0);
	CHECK(nclosed == 0 && closef(again) == 0 && nclosed == 1);
	CHECK(fd_getfile((u_int)fd) == NULL);
	CHECK(fd_getfile((u_int)other) != NULL);
	CHECK(fd_close((u_int)other) == 0 && nclosed == 2);
	return 0;
}

/* A table that is full is made larger on request. */
int
test_fd_alloc(void)
{
	struct proc *p = curproc;
	struct rlimit *limit = &p->p_limit->pl_rlimit[RLIMIT_NOFILE];
	const u_int size = p->p_fd->fd_dt->dt_nfiles;
	rlim_t before;
	int fd, low;

	CHECK(fd_alloc(p, (int)size, &fd) == ENOSPC);
	fd_tryexpand(p);
	CHECK(p->p_fd->fd_dt->dt_nfiles > size);
	CHECK(fd_alloc(p, (int)size, &fd) == 0 && fd == (int)size);
	CHECK(fd_alloc(p, 0, &low) == 0 && low < fd);
	fd_abort(p, NULL, (u_int)fd);
	fd_abort(p, NULL, (u_int)low);
	before = limit->rlim_cur;
	limit->rlim_cur = 1;
	CHECK(fd_alloc(p, 1, &fd) == EMFILE);
	limit->rlim_cur = before;
	return 0;
}

/* Before another program, the files that are not for it are closed. */
int
test_fd_closeexec(void)
{
	const int keep = my_file(FREAD), close = my_file(FREAD | O_CLOEXEC);
	struct proc *p = curproc;
	filedesc_t *before = p->p_fd;
	struct cwdinfo *cwdi = p->p_cwdi;

	nclosed = 0;
	fd_hold(curlwp);			/* shared: it gets its own */
	cwdi->cwdi_refcnt++;
	fd_closeexec();
	CHECK(p->p_fd != before && curlwp->l_fd == p->p_fd);
	CHECK(p->p_cwdi != cwdi && cwdi->cwdi_refcnt == 1);
	CHECK(fd_getfile((u_int)close) == NULL && nclosed == 0);
	CHECK(fd_getfile((u_int)keep) != NULL);
	fd_putfile((u_int)keep);
	fd_free();				/* back to the shared one */
	p->p_fd = curlwp->l_fd = before;
	cwdfree(p->p_cwdi);
	p->p_cwdi = cwdi;
	CHECK(fd_getfile((u_int)close) != NULL);
	fd_putfile((u_int)close);
	fd_closeexec();				/* its own already */
	CHECK(p->p_fd == before && nclosed == 1);
	CHECK(fd_getfile((u_int)close) == NULL);
	CHECK(fd_getfile((u_int)keep) != NULL);
	CHECK(fd_close((u_int)keep) == 0 && nclosed == 2);
	return 0;
}

/* What processes share until one wants its own. */
int
test_sharing(void)
{
	struct proc *p = curproc, other = { .p_pid = 1 };
	const int fds = p->p_fd->fd_refcnt;

	fd_share(&other);
	CHECK(other.p_fd == p->p_fd && p->p_fd->fd_refcnt == fds + 1);
	p->p_fd->fd_refcnt--;
	cwdshare(&other);
	CHECK(other.p_cwdi == p->p_cwdi && p->p_cwdi->cwdi_refcnt == 2);
	cwdunshare(&other);
	CHECK(other.p_cwdi != p->p_cwdi && p->p_cwdi->cwdi_refcnt == 1);
	CHECK(other.p_cwdi->cwdi_cdir == p->p_cwdi->cwdi_cdir);
	CHECK(other.p_cwdi->cwdi_cmask == p->p_cwdi->cwdi_cmask);
	cwdunshare(p);
	CHECK(p->p_cwdi->cwdi_refcnt == 1);
	cwdfree(other.p_cwdi);
	return 0;
}

/* A vnode is had by descriptor if the file is one. */
int
test_fd_vnode(void)
{
	const int fd = my_file(FREAD);
	struct file *fp;
	struct pathbuf *pb = pathbuf_create("/fd_vnode");
	struct vnode *vp;
	bool move;
	int vfd = -1, error;

	CHECK(fd_getvnode((u_int)fd, &fp) == EINVAL);
	CHECK(fd_getvnode(100000, &fp) == EBADF);
	error = fd_allocfile(&fp, &vfd);
	CHECK(error == 0);
	error = vn_open(NULL, pb, 0, FREAD | FWRITE | O_CREAT, 0600, &vp,
	    &move, &error);
	pathbuf_destroy(pb);
	CHECK(error == 0);
	VOP_UNLOCK(vp);
	fp->f_flag = FREAD | FWRITE;
	fp->f_type = DTYPE_VNODE;
	fp->f_ops = &vnops;
	fp->f_vnode = vp;
	fd_affix(curproc, fp, (u_int)vfd);
	fp = NULL;
	CHECK(fd_getvnode((u_int)vfd, &fp) == 0 && fp->f_vnode == vp);
	fd_putvnode((u_int)vfd);

	CHECK((vp->v_iflag & VI_TEXT) == 0 && vn_marktext(vp) == ETXTBSY);
	CHECK((vp->v_iflag & (VI_TEXT | VI_EXECMAP)) == 0);
	vn_markexec(vp);
	CHECK((vp->v_iflag & (VI_TEXT | VI_EXECMAP)) == VI_EXECMAP);
	vp->v_iflag &= ~VI_EXECMAP;
	CHECK(fd_getfile((u_int)vfd) != NULL && fd_close((u_int)vfd) == 0);
	CHECK(fd_getfile((u_int)fd) != NULL && fd_close((u_int)fd) == 0);
	return 0;
}

/* Calls for programs take programs' addresses; the kernel's are a fault. */
int
test_transfers(void)
{
	const int fd = my_file(FREAD);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct iovec iov = { .iov_base = &pfd, .iov_len = 1 };
	struct timespec ts = { 0, 0 };
	sigset_t mask, before = curlwp->l_sigmask;
	register_t n = 0;
	struct file *fp = fd_getfile((u_int)fd);
	off_t off = -1;

	CHECK(fp != NULL);
	CHECK(pollcommon(&n, &pfd, 1, &ts, NULL) == EFAULT);
	CHECK(pollcommon(&n, NULL, 1, &ts, NULL) == EFAULT);
	CHECK(pollcommon(&n, NULL, 1 << 30, &ts, NULL) == EINVAL);
	memset(&mask, 0xff, sizeof(mask));
	CHECK(pollcommon(&n, NULL, 0, &ts, &mask) == 0 && n == 0);
	CHECK(memcmp(&before, &curlwp->l_sigmask, sizeof(before)) == 0);
	CHECK(do_filereadv(fd, &iov, 0, &off, 0, &n) == EINVAL);
	CHECK(do_filereadv(fd, &iov, IOV_MAX + 1, &off, 0, &n) == EINVAL);
	CHECK(do_filereadv(100000, &iov, 1, &off, 0, &n) == EBADF);
	CHECK(do_filewritev(fd, &iov, 1, &off, 0, &n) == EBADF);
	CHECK(do_filewritev(100000, &iov, 1, &off, 0, &n) == EBADF);
	off = 5;
	CHECK(dofileread(fd, fp, &pfd, 8, &off, 0, &n) == 0);
	CHECK(n == 6 && off == 11);		/* a part is success */
	CHECK(fd_getfile((u_int)fd) == fp);	/* it has been put */
	CHECK(dofileread(fd, fp, &pfd, 1, &off, 0, &n) == EWOULDBLOCK);
	CHECK(n == 0 && fd_getfile((u_int)fd) == fp);
	CHECK(dofileread(fd, fp, &pfd, (size_t)SSIZE_MAX + 1, &off, 0, &n) ==
	    EINVAL);
	CHECK(fd_getfile((u_int)fd) == fp);
	CHECK(dofilewrite(fd, fp, &pfd, 4, &off, 0, &n) == 0 && n == 2);
	iov.iov_len = 7;
	CHECK(do_filereadv(fd, &iov, 1, NULL, FOF_IOV_SYSSPACE, &n) == 0);
	CHECK(n == 5);
	CHECK(do_filereadv(fd, &iov, 1, NULL, 0, &n) == EFAULT);
	CHECK(fd_getfile((u_int)fd) == fp && fd_close((u_int)fd) == 0);
	return 0;
}
