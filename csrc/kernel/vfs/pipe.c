/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pipes: a ring of bytes between two open files.
 *
 * pi_lock guards the pipe's contents.  A transfer from or to a caller happens
 * with the lock held: uiomove() does not sleep.  A write of up to PIPE_BUF
 * bytes goes in as a whole.  Nobody is sent a SIGPIPE, as nobody here could
 * handle one; a write without a reader is EPIPE.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/filio.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/poll.h>
#include <sys/proc.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscallargs.h>
#include <sys/time.h>
#include <sys/uio.h>

#define PIPE_SIZE	16384

struct pipe {
	kmutex_t pi_lock;
	kcondvar_t pi_cv;		/* anything has changed */
	struct selinfo pi_rsel, pi_wsel;
	char *pi_buf;
	size_t pi_head;			/* oldest byte */
	size_t pi_count;		/* bytes */
	bool pi_reader, pi_writer;	/* that end is open */
	struct timespec pi_atime, pi_mtime, pi_btime;
};

static struct pipe *
pipe_create(void)
{
	struct pipe *pi = kmem_zalloc(sizeof(*pi), KM_SLEEP);

	mutex_init(&pi->pi_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&pi->pi_cv, "pipe");
	selinit(&pi->pi_rsel);
	selinit(&pi->pi_wsel);
	pi->pi_buf = kmem_alloc(PIPE_SIZE, KM_SLEEP);
	pi->pi_reader = pi->pi_writer = true;
	getnanotime(&pi->pi_btime);
	pi->pi_atime = pi->pi_mtime = pi->pi_btime;
	return pi;
}

static void
pipe_destroy(struct pipe *pi)
{
	kmem_free(pi->pi_buf, PIPE_SIZE);
	seldestroy(&pi->pi_rsel);
	seldestroy(&pi->pi_wsel);
	cv_destroy(&pi->pi_cv);
	mutex_destroy(&pi->pi_lock);
	kmem_free(pi, sizeof(*pi));
}

/* Tell those who sleep and those who poll. */
static void
pipe_changed(struct pipe *pi, struct selinfo *sel, int events)
{
	cv_broadcast(&pi->pi_cv);
	selnotify(sel, events, 0);
}

/* Wait for a change, or say why not. */
static int
pipe_wait(file_t *fp, struct pipe *pi)
{
	if ((fp->f_flag & FNONBLOCK) != 0)
		return EAGAIN;
	return cv_wait_sig(&pi->pi_cv, &pi->pi_lock);
}

static int
pipe_take(struct pipe *pi, struct uio *uio)
{
	size_t n;
	int error = 0;

	while (error == 0 && pi->pi_count != 0 && uio->uio_resid != 0) {
		n = MIN(pi->pi_count, PIPE_SIZE - pi->pi_head);
		n = MIN(n, uio->uio_resid);
		error = uiomove(pi->pi_buf + pi->pi_head, n, uio);
		if (error != 0)
			break;
		pi->pi_head = (pi->pi_head + n) % PIPE_SIZE;
		pi->pi_count -= n;
	}
	return error;
}

static int
pipe_read(file_t *fp, off_t *offset, struct uio *uio, kauth_cred_t cred,
    int flags)
{
	struct pipe *pi = fp->f_pipe;
	int error = 0;

	if (uio->uio_resid == 0)
		return 0;
	mutex_enter(&pi->pi_lock);
	while (pi->pi_count == 0 && pi->pi_writer && error == 0)
		error = pipe_wait(fp, pi);
	if (error == 0 && pi->pi_count != 0) {
		error = pipe_take(pi, uio);
		getnanotime(&pi->pi_atime);
		pipe_changed(pi, &pi->pi_wsel, POLLOUT | POLLWRNORM);
	}
	mutex_exit(&pi->pi_lock);
	return error;
}

static int
pipe_give(struct pipe *pi, struct uio *uio)
{
	size_t at, n;
	int error = 0;

	while (error == 0 && pi->pi_count != PIPE_SIZE &&
	    uio->uio_resid != 0) {
		at = (pi->pi_head + pi->pi_count) % PIPE_SIZE;
		n = MIN(PIPE_SIZE - pi->pi_count, PIPE_SIZE - at);
		n = MIN(n, uio->uio_resid);
		error = uiomove(pi->pi_buf + at, n, uio);
		if (error == 0)
			pi->pi_count += n;
	}
	return error;
}

static int
pipe_write(file_t *fp, off_t *offset, struct uio *uio, kauth_cred_t cred,
    int flags)
{
	struct pipe *pi = fp->f_pipe;
	size_t total = uio->uio_resid;
	size_t room = total <= PIPE_BUF ? total : 1;
	int error = 0;

	mutex_enter(&pi->pi_lock);
	while (uio->uio_resid != 0 && error == 0) {
		if (!pi->pi_reader)
			error = EPIPE;
		else if (PIPE_SIZE - pi->pi_count < room)
			error = pipe_wait(fp, pi);
		else {
			error = pipe_give(pi, uio);
			getnanotime(&pi->pi_mtime);
			pipe_changed(pi, &pi->pi_rsel, POLLIN | POLLRDNORM);
		}
	}
	mutex_exit(&pi->pi_lock);
	/* What went in counts, if the wait for the rest was ended. */
	if (uio->uio_resid != total && (error == EAGAIN || error == EINTR ||
	    error == ERESTART))
		error = 0;
	return error;
}

static int
pipe_ioctl(file_t *fp, u_long cmd, void *data)
{
	struct pipe *pi = fp->f_pipe;

	switch (cmd) {
	case FIONBIO:
		return 0;
	case FIONREAD:
		mutex_enter(&pi->pi_lock);
		*(int *)data = (int)pi->pi_count;
		mutex_exit(&pi->pi_lock);
		return 0;
	case FIONSPACE:
		mutex_enter(&pi->pi_lock);
		*(int *)data = (int)(PIPE_SIZE - pi->pi_count);
		mutex_exit(&pi->pi_lock);
		return 0;
	default:
		return EPASSTHROUGH;
	}
}

static int
pipe_poll(file_t *fp, int events)
{
	struct pipe *pi = fp->f_pipe;
	int revents = 0;

	mutex_enter(&pi->pi_lock);
	if ((fp->f_flag & FREAD) != 0) {
		if (pi->pi_count != 0)
			revents |= events & (POLLIN | POLLRDNORM);
		if (!pi->pi_writer)
			revents |= POLLHUP | (events & (POLLIN | POLLRDNORM));
		if (revents == 0)
			selrecord(curlwp, &pi->pi_rsel);
	} else {
		if (!pi->pi_reader)
			revents |= POLLERR | (events & (POLLOUT | POLLWRNORM));
		else if (PIPE_SIZE - pi->pi_count >= PIPE_BUF)
			revents |= events & (POLLOUT | POLLWRNORM);
		if (revents == 0)
			selrecord(curlwp, &pi->pi_wsel);
	}
	mutex_exit(&pi->pi_lock);
	return revents;
}

static int
pipe_stat(file_t *fp, struct stat *st)
{
	struct pipe *pi = fp->f_pipe;

	memset(st, 0, sizeof(*st));
	mutex_enter(&pi->pi_lock);
	st->st_mode = S_IFIFO | S_IRUSR | S_IWUSR;
	st->st_blksize = PIPE_SIZE;
	st->st_size = (off_t)pi->pi_count;
	st->st_blocks = st->st_size != 0;
	st->st_atimespec = pi->pi_atime;
	st->st_mtimespec = st->st_ctimespec = pi->pi_mtime;
	st->st_birthtimespec = pi->pi_btime;
	st->st_uid = kauth_cred_geteuid(fp->f_cred);
	st->st_gid = kauth_cred_getegid(fp->f_cred);
	mutex_exit(&pi->pi_lock);
	return 0;
}

static int
pipe_close(file_t *fp)
{
	struct pipe *pi = fp->f_pipe;
	bool last;

	mutex_enter(&pi->pi_lock);
	if ((fp->f_flag & FREAD) != 0) {
		pi->pi_reader = false;
		pipe_changed(pi, &pi->pi_wsel, POLLERR | POLLHUP);
	} else {
		pi->pi_writer = false;
		pipe_changed(pi, &pi->pi_rsel, POLLHUP);
	}
	last = !pi->pi_reader && !pi->pi_writer;
	mutex_exit(&pi->pi_lock);
	fp->f_pipe = NULL;
	if (last)
		pipe_destroy(pi);
	return 0;
}

static const struct fileops pipeops = {
	.fo_name = "pipe",
	.fo_read = pipe_read,
	.fo_write = pipe_write,
	.fo_ioctl = pipe_ioctl,
	.fo_fcntl = fnullop_fcntl,
	.fo_poll = pipe_poll,
	.fo_stat = pipe_stat,
	.fo_close = pipe_close,
	.fo_kqfilter = fnullop_kqfilter,
	.fo_restart = fnullop_restart,
};

static void
pipe_end(file_t *fp, struct pipe *pi, int side, int flags)
{
	fp->f_flag = side | (flags & FNONBLOCK);
	fp->f_type = DTYPE_PIPE;
	fp->f_pipe = pi;
	fp->f_ops = &pipeops;
}

static int
pipe_make(struct lwp *l, int *fd, int flags)
{
	file_t *rf, *wf;
	struct pipe *pi;
	int error;

	if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_NOSIGPIPE)) != 0)
		return EINVAL;
	if ((error = fd_allocfile(&rf, &fd[0])) != 0)
		return error;
	if ((error = fd_allocfile(&wf, &fd[1])) != 0) {
		fd_abort(l->l_proc, rf, (unsigned int)fd[0]);
		return error;
	}
	pi = pipe_create();
	pipe_end(rf, pi, FREAD, flags);
	pipe_end(wf, pi, FWRITE, flags);
	fd_set_exclose(l, fd[0], (flags & O_CLOEXEC) != 0);
	fd_set_exclose(l, fd[1], (flags & O_CLOEXEC) != 0);
	fd_affix(l->l_proc, rf, (unsigned int)fd[0]);
	fd_affix(l->l_proc, wf, (unsigned int)fd[1]);
	return 0;
}

int
sys_pipe(struct lwp *l, const struct sys_pipe_args *uap, register_t *retval)
{
	int fd[2], error;

	if ((error = pipe_make(l, fd, 0)) != 0)
		return error;
	retval[0] = fd[0];
	retval[1] = fd[1];
	return 0;
}

int
sys_pipe2(struct lwp *l, const struct sys_pipe2_args *uap,
    register_t *retval)
{
	int fd[2], error;

	if ((error = pipe_make(l, fd, SCARG(uap, flags))) != 0)
		return error;
	error = copyout(fd, SCARG(uap, fildes), sizeof(fd));
	if (error != 0) {
		/* fd_close() gives back what fd_getfile() takes. */
		if (fd_getfile((unsigned int)fd[0]) != NULL)
			(void)fd_close((unsigned int)fd[0]);
		if (fd_getfile((unsigned int)fd[1]) != NULL)
			(void)fd_close((unsigned int)fd[1]);
	}
	return error;
}
