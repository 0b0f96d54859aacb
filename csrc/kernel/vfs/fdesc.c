/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors and open files.
 *
 * A table of descriptors is used by all callers of a process.  Each entry
 * counts the calls that use it (fd_getfile, fd_putfile): a close while others
 * are inside is finished by the last of them.  Each file counts the entries
 * it stands in.  The first few
 * entries and a small table are part of struct filedesc; larger tables
 * replace it and are kept until the process is gone, as a caller may still
 * look at the old one.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/fcntl.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/intr.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/stat.h>
#include <sys/vnode.h>

#include "vfs/kqueue.h"
#include "vfs/room.h"

struct filelist filehead = LIST_HEAD_INITIALIZER(filehead);
u_int maxfiles = 3404;
u_int nfiles;
filedesc_t filedesc0;
struct cwdinfo cwdi0;

static pool_cache_t file_cache;
static pool_cache_t fdfile_cache;

/* An entry, with the file that it is to close when nobody uses it. */
struct fdentry {
	fdfile_t fe_file;
	file_t *fe_closing;
};
#define FDENTRY(ff)	((struct fdentry *)(void *)(ff))

CTASSERT(sizeof(struct fdentry) <= sizeof(filedesc0.fd_dfdfile[0]));

static int fd_finish_close(unsigned int, file_t *);

static int
file_ctor(void *arg __unused, void *obj, int flags __unused)
{
	file_t *fp = obj;

	memset(fp, 0, sizeof(*fp));
	mutex_init(&fp->f_lock, MUTEX_DEFAULT, IPL_NONE);
	return 0;
}

static void
file_dtor(void *arg __unused, void *obj)
{
	file_t *fp = obj;

	mutex_destroy(&fp->f_lock);
}

static int
fdfile_ctor(void *arg __unused, void *obj, int flags __unused)
{
	struct fdentry *fe = obj;

	memset(fe, 0, sizeof(*fe));
	cv_init(&fe->fe_file.ff_closing, "fdclose");
	return 0;
}

static void
fdfile_dtor(void *arg __unused, void *obj)
{
	fdfile_t *ff = obj;

	cv_destroy(&ff->ff_closing);
}

void
fd_sys_init(void)
{
	file_cache = pool_cache_init(sizeof(file_t), 64, 0, 0, "file", NULL,
	    IPL_NONE, file_ctor, file_dtor, NULL);
	fdfile_cache = pool_cache_init(sizeof(struct fdentry), 64, 0, 0,
	    "fdfile", NULL, IPL_NONE, fdfile_ctor, fdfile_dtor, NULL);
	rw_init(&cwdi0.cwdi_lock);
	cwdi0.cwdi_cmask = CMASK;
	cwdi0.cwdi_refcnt = 1;
}

/* Tables. */

static fdfile_t *
fd_builtin(filedesc_t *fdp, int fd)
{
	return (fdfile_t *)(void *)fdp->fd_dfdfile[fd];
}

/* An empty table, in the storage given or in new one. */
filedesc_t *
fd_init(filedesc_t *fdp)
{
	if (fdp == NULL)
		fdp = kmem_alloc(sizeof(*fdp), KM_SLEEP);
	memset(fdp, 0, sizeof(*fdp));
	fdp->fd_refcnt = 1;
	fdp->fd_dt = &fdp->fd_dtbuiltin;
	fdp->fd_dtbuiltin.dt_nfiles = NDFILE;
	fdp->fd_himap = fdp->fd_dhimap;
	fdp->fd_lomap = fdp->fd_dlomap;
	fdp->fd_lastfile = -1;
	fdp->fd_lastkqfile = -1;
	mutex_init(&fdp->fd_lock, MUTEX_DEFAULT, IPL_NONE);
	for (int i = 0; i < NDFDFILE; i++) {
		(void)fdfile_ctor(NULL, fd_builtin(fdp, i), 0);
		fdp->fd_dt->dt_ff[i] = fd_builtin(fdp, i);
	}
	return fdp;
}

static fdfile_t *
fd_entry(const filedesc_t *fdp, u_int fd)
{
	const fdtab_t *dt = fdp->fd_dt;

	return fd < dt->dt_nfiles ? dt->dt_ff[fd] : NULL;
}

static u_int
fd_limit(struct proc *p)
{
	rlim_t lim = p->p_limit->pl_rlimit[RLIMIT_NOFILE].rlim_cur;

	return (u_int)MIN(lim, maxfiles);
}

/* The maps say which descriptors, and which words of descriptors, are taken. */

static void
fd_mark(filedesc_t *fdp, u_int fd)
{
	u_int off = fd >> NDENTRYSHIFT;

	fdp->fd_lomap[off] |= 1U << (fd & NDENTRYMASK);
	if (fdp->fd_lomap[off] == ~0U)
		fdp->fd_himap[off >> NDENTRYSHIFT] |=
		    1U << (off & NDENTRYMASK);
	if ((int)fd > fdp->fd_lastfile)
		fdp->fd_lastfile = (int)fd;
}

static void
fd_unmark(filedesc_t *fdp, u_int fd)
{
	u_int off = fd >> NDENTRYSHIFT;
	int last;

	fdp->fd_himap[off >> NDENTRYSHIFT] &= ~(1U << (off & NDENTRYMASK));
	fdp->fd_lomap[off] &= ~(1U << (fd & NDENTRYMASK));
	if ((int)fd < fdp->fd_freefile)
		fdp->fd_freefile = (int)fd;
	if ((int)fd == fdp->fd_lastfile) {
		for (last = (int)fd - 1; last >= 0; last--)
			if (fdp->fd_lomap[last >> NDENTRYSHIFT] &
			    (1U << (last & NDENTRYMASK)))
				break;
		fdp->fd_lastfile = last;
	}
}

/* The lowest free descriptor that is not below WANT, or -1. */
static int
fd_find_free(const filedesc_t *fdp, u_int want, u_int limit)
{
	u_int word;

	for (u_int off = want >> NDENTRYSHIFT;
	    off << NDENTRYSHIFT < limit; off++) {
		word = ~fdp->fd_lomap[off];
		if (off == want >> NDENTRYSHIFT)
			word &= ~0U << (want & NDENTRYMASK);
		if (word != 0) {
			u_int fd = (off << NDENTRYSHIFT) +
			    (u_int)__builtin_ctz(word);

			return fd < limit ? (int)fd : -1;
		}
	}
	return -1;
}

/*
 * Reserve a descriptor.  ENOSPC: the table is full, call fd_tryexpand() and
 * try again.
 */
int
fd_alloc(struct proc *p, int want, int *result)
{
	filedesc_t *fdp = p->p_fd;
	u_int nfiles_here = fdp->fd_dt->dt_nfiles, limit = fd_limit(p);
	fdfile_t *ff;
	int fd;

	if (want < fdp->fd_freefile)
		want = fdp->fd_freefile;
	fd = fd_find_free(fdp, (u_int)want, MIN(nfiles_here, limit));
	if (fd < 0)
		return nfiles_here >= limit ? EMFILE : ENOSPC;
	if (fdp->fd_dt->dt_ff[fd] == NULL) {
		ff = pool_cache_get(fdfile_cache, PR_NOWAIT);
		if (ff == NULL)
			return ENOMEM;
		fdp->fd_dt->dt_ff[fd] = ff;
	}
	ff = fdp->fd_dt->dt_ff[fd];
	KASSERT(!ff->ff_allocated && ff->ff_file == NULL);
	ff->ff_allocated = true;
	ff->ff_exclose = false;
	fd_mark(fdp, (u_int)fd);
	if (want == fdp->fd_freefile)
		fdp->fd_freefile = fd + 1;
	*result = fd;
	return 0;
}

static size_t
fdtab_size(u_int n)
{
	return sizeof(fdtab_t) + (n > NDFILE ? (n - NDFILE) *
	    sizeof(fdfile_t *) : 0);
}

/* A table of twice the size; the old one stays for those who look at it. */
static void
fd_expand(filedesc_t *fdp)
{
	u_int old = fdp->fd_dt->dt_nfiles, n, words;
	uint32_t *lomap, *himap;
	fdtab_t *dt;

	for (n = 64; n <= old; n *= 2)
		continue;
	words = NDLOSLOTS(n);
	dt = kmem_zalloc(fdtab_size(n), KM_SLEEP);
	lomap = kmem_zalloc(words * sizeof(*lomap), KM_SLEEP);
	himap = kmem_zalloc(NDHISLOTS(n) * sizeof(*himap), KM_SLEEP);
	if (fdp->fd_dt->dt_nfiles != old) {
		/* Somebody else was faster. */
		kmem_free(dt, fdtab_size(n));
		kmem_free(lomap, words * sizeof(*lomap));
		kmem_free(himap, NDHISLOTS(n) * sizeof(*himap));
		return;
	}
	dt->dt_nfiles = n;
	dt->dt_link = fdp->fd_dt;
	memcpy(dt->dt_ff, fdp->fd_dt->dt_ff, old * sizeof(dt->dt_ff[0]));
	memcpy(lomap, fdp->fd_lomap, NDLOSLOTS(old) * sizeof(*lomap));
	memcpy(himap, fdp->fd_himap, NDHISLOTS(old) * sizeof(*himap));
	if (fdp->fd_lomap != fdp->fd_dlomap) {
		kmem_free(fdp->fd_lomap, NDLOSLOTS(old) * sizeof(*lomap));
		kmem_free(fdp->fd_himap, NDHISLOTS(old) * sizeof(*himap));
	}
	fdp->fd_lomap = lomap;
	fdp->fd_himap = himap;
	fdp->fd_dt = dt;
}

void
fd_tryexpand(struct proc *p)
{
	fd_expand(p->p_fd);
}

static int
fd_alloc_expand(struct proc *p, int want, int *result)
{
	int error;

	while ((error = fd_alloc(p, want, result)) == ENOSPC)
		fd_tryexpand(p);
	return error;
}

/* Make the table reach descriptor FD. */
static int
fd_reach(struct proc *p, u_int fd)
{
	if (fd >= fd_limit(p))
		return EBADF;
	while (fd >= p->p_fd->fd_dt->dt_nfiles)
		fd_tryexpand(p);
	return 0;
}

/* Files. */

static file_t *
file_alloc(void)
{
	file_t *fp;

	if (nfiles >= maxfiles)
		return NULL;
	fp = pool_cache_get(file_cache, PR_WAITOK);
	fp->f_offset = 0;
	fp->f_data = NULL;
	fp->f_ops = NULL;
	fp->f_flag = 0;
	fp->f_type = 0;
	fp->f_advice = 0;
	fp->f_count = 0;
	fp->f_msgcount = 0;
	fp->f_unpcount = 0;
	fp->f_cred = curlwp->l_cred;
	kauth_cred_hold(fp->f_cred);
	LIST_INSERT_HEAD(&filehead, fp, f_list);
	nfiles++;
	return fp;
}

static void
file_free(file_t *fp)
{
	LIST_REMOVE(fp, f_list);
	nfiles--;
	kauth_cred_free(fp->f_cred);
	pool_cache_put(file_cache, fp);
}

/* A file and a descriptor for it, which fd_affix() joins. */
int
fd_allocfile(file_t **resultfp, int *resultfd)
{
	struct proc *p = curlwp->l_proc;
	file_t *fp;
	int error;

	error = room_for_file();
	if (error != 0)
		return error;
	error = fd_alloc_expand(p, 0, resultfd);
	if (error != 0)
		return error;
	fp = file_alloc();
	if (fp == NULL) {
		fd_abort(p, NULL, (u_int)*resultfd);
		printf("file: table is full\n");
		return ENFILE;
	}
	*resultfp = fp;
	return 0;
}

/* From now on the descriptor is the file. */
void
fd_affix(struct proc *p, file_t *fp, unsigned int fd)
{
	fdfile_t *ff = p->p_fd->fd_dt->dt_ff[fd];

	KASSERT(ff->ff_allocated && ff->ff_file == NULL);
	fp->f_count++;
	ff->ff_file = fp;
}

/* Give back a descriptor that nothing was affixed to, and the file. */
void
fd_abort(struct proc *p, file_t *fp, unsigned int fd)
{
	filedesc_t *fdp = p->p_fd;
	fdfile_t *ff = fdp->fd_dt->dt_ff[fd];

	KASSERT(ff->ff_file == NULL);
	ff->ff_allocated = false;
	ff->ff_exclose = false;
	fd_unmark(fdp, fd);
	if (fp != NULL) {
		KASSERT(fp->f_count == 0);
		file_free(fp);
	}
}

file_t *
fd_getfile(unsigned int fd)
{
	fdfile_t *ff = fd_entry(curlwp->l_fd, fd);

	if (__predict_false(ff == NULL || ff->ff_file == NULL))
		return NULL;
	ff->ff_refcnt++;
	return ff->ff_file;
}

void
fd_putfile(unsigned int fd)
{
	fdfile_t *ff = curlwp->l_fd->fd_dt->dt_ff[fd];

	KASSERT((ff->ff_refcnt & FR_MASK) > 0);
	if (__predict_false(--ff->ff_refcnt == FR_CLOSING)) {
		/* It was closed under us, and we are the last to leave. */
		file_t *fp = FDENTRY(ff)->fe_closing;

		FDENTRY(ff)->fe_closing = NULL;
		ff->ff_refcnt = 0;
		(void)fd_finish_close(fd, fp);
		cv_broadcast(&ff->ff_closing);
	}
}

/* A file of another process, with a count to be dropped by closef(). */
file_t *
fd_getfile2(struct proc *p, unsigned int fd)
{
	fdfile_t *ff;

	if (p->p_fd == NULL)
		return NULL;
	ff = fd_entry(p->p_fd, fd);
	if (ff == NULL || ff->ff_file == NULL)
		return NULL;
	ff->ff_file->f_count++;
	return ff->ff_file;
}

int
fd_getvnode(unsigned int fd, file_t **fpp)
{
	file_t *fp = fd_getfile(fd);

	if (__predict_false(fp == NULL))
		return EBADF;
	if (__predict_false(fp->f_type != DTYPE_VNODE)) {
		fd_putfile(fd);
		return EINVAL;
	}
	if (__predict_false(fp->f_vnode->v_type == VBAD)) {
		fd_putfile(fd);
		return EBADF;
	}
	*fpp = fp;
	return 0;
}

void
fd_putvnode(unsigned int fd)
{
	fd_putfile(fd);
}

/* Closing. */

static void
file_unlock_all(file_t *fp, void *id, int flags)
{
	struct flock lf = {
		.l_whence = SEEK_SET, .l_start = 0, .l_len = 0,
		.l_type = F_UNLCK,
	};

	(void)VOP_ADVLOCK(fp->f_vnode, id, F_UNLCK, &lf, flags);
}

/* One entry less for a file; the last one closes it. */
int
closef(file_t *fp)
{
	int error = 0;

	KASSERT(fp->f_count > 0);
	if (--fp->f_count > 0)
		return 0;
	if ((fp->f_flag & FHASLOCK) && fp->f_type == DTYPE_VNODE)
		file_unlock_all(fp, fp, F_FLOCK);
	if (fp->f_ops != NULL)
		error = (*fp->f_ops->fo_close)(fp);
	file_free(fp);
	return error;
}

/* Nobody uses the entry any more: free it, and let go of the file. */
static int
fd_finish_close(unsigned int fd, file_t *fp)
{
	struct lwp *l = curlwp;
	filedesc_t *fdp = l->l_fd;

	fdp->fd_dt->dt_ff[fd]->ff_allocated = false;
	fd_unmark(fdp, fd);
	/* POSIX: closing any descriptor of a file drops the process's locks. */
	if (__predict_false((l->l_proc->p_flag & PK_ADVLOCK) != 0 &&
	    fp->f_type == DTYPE_VNODE))
		file_unlock_all(fp, l->l_proc, F_POSIX);
	return closef(fp);
}

/*
 * Close a descriptor that the caller has taken with fd_getfile().  Others
 * that use it are asked to leave (fo_restart); the last one to do so finishes
 * the close, and until then the number is not used for another file.
 */
int
fd_close(unsigned int fd)
{
	filedesc_t *fdp = curlwp->l_fd;
	fdfile_t *ff = fdp->fd_dt->dt_ff[fd];
	file_t *fp = ff->ff_file;

	if (__predict_false(fp == NULL || (ff->ff_refcnt & FR_CLOSING))) {
		fd_putfile(fd);
		return EBADF;
	}
	ff->ff_file = NULL;
	ff->ff_exclose = false;
	if (__predict_false(!SLIST_EMPTY(&ff->ff_knlist)))
		knote_fdclose(ff);
	ff->ff_refcnt--;
	if (__predict_false(ff->ff_refcnt > 0)) {
		ff->ff_refcnt |= FR_CLOSING;
		FDENTRY(ff)->fe_closing = fp;
		if (fp->f_ops->fo_restart != NULL)
			(*fp->f_ops->fo_restart)(fp);
		return 0;
	}
	return fd_finish_close(fd, fp);
}

/* Wait until a close that others have to finish is done. */
static int
fd_wait_closed(filedesc_t *fdp, unsigned int fd)
{
	fdfile_t *ff = fdp->fd_dt->dt_ff[fd];
	int error = 0;

	mutex_enter(&fdp->fd_lock);
	while (error == 0 && ff != NULL && FDENTRY(ff)->fe_closing != NULL)
		error = cv_wait_sig(&ff->ff_closing, &fdp->fd_lock);
	mutex_exit(&fdp->fd_lock);
	return error;
}

/* Duplicating.  The caller has taken FP with fd_getfile(). */

int
fd_dup(file_t *fp, int minfd, int *newp, bool exclose NETBSD_FD_DUP_CLOFORK)
{
	struct proc *p = curlwp->l_proc;
	int error;

	if (minfd < 0 || (u_int)minfd >= fd_limit(p))
		return EINVAL;
	error = fd_reach(p, (u_int)minfd);
	if (error == 0)
		error = fd_alloc_expand(p, minfd, newp);
	if (error != 0)
		return error;
	p->p_fd->fd_dt->dt_ff[*newp]->ff_exclose = exclose;
	NETBSD_FD_DUP_FOCLOSE(p->p_fd->fd_dt->dt_ff[*newp])
	if (exclose)
		p->p_fd->fd_exclose = true;
	fd_affix(p, fp, (u_int)*newp);
	return 0;
}

int
fd_dup2(file_t *fp, unsigned int new, int flags)
{
	struct proc *p = curlwp->l_proc;
	filedesc_t *fdp = p->p_fd;
	fdfile_t *ff;
	int error;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_NOSIGPIPE))
		return EINVAL;
	error = fd_reach(p, new);
	if (error != 0)
		return error;
	fp->f_count++;			/* survives the close below */
	while (fd_getfile(new) != NULL)
		(void)fd_close(new);
	error = fd_wait_closed(fdp, new);
	if (error != 0) {
		(void)closef(fp);
		return error;
	}
	ff = fdp->fd_dt->dt_ff[new];
	if (ff == NULL) {
		ff = pool_cache_get(fdfile_cache, PR_WAITOK);
		fdp->fd_dt->dt_ff[new] = ff;
	}
	if (ff->ff_allocated) {
		/* Reserved by an open that has not finished. */
		(void)closef(fp);
		return EBUSY;
	}
	ff->ff_allocated = true;
	fd_mark(fdp, new);
	ff->ff_exclose = (flags & O_CLOEXEC) != 0;
	if (ff->ff_exclose)
		fdp->fd_exclose = true;
	if (flags & (O_NONBLOCK | O_NOSIGPIPE))
		fp->f_flag |= flags & (FNONBLOCK | FNOSIGPIPE);
	ff->ff_file = fp;
	return 0;
}

/*
 * For a device whose open makes a file of another kind: fill the file that
 * the caller's open has prepared.
 */
int
fd_clone(file_t *fp, unsigned int fd, int flag, const struct fileops *fops,
    void *data)
{
	struct lwp *l = curlwp;

	fp->f_flag = flag & FMASK;
	fd_set_exclose(l, (int)fd, (flag & O_CLOEXEC) != 0);
	fp->f_type = DTYPE_MISC;
	fp->f_ops = fops;
	fp->f_data = data;
	l->l_dupfd = (int)fd;
	fd_affix(l->l_proc, fp, fd);
	return EMOVEFD;
}

/* open(2) ended with EDUPFD or EMOVEFD: the result is descriptor OLD. */
int
fd_dupopen(int old, bool moveit, int flags, int *newp)
{
	struct proc *p = curlwp->l_proc;
	file_t *fp = fd_getfile((u_int)old);
	int error;

	if (fp == NULL)
		return EBADF;
	if (moveit) {
		error = fd_alloc_expand(p, 0, newp);
		if (error == 0)
			fd_affix(p, fp, (u_int)*newp);
		(void)fd_close((u_int)old);
		return error;
	}
	/* The mode must be one that the file is open for. */
	if (((flags & (FREAD | FWRITE)) | fp->f_flag) != fp->f_flag) {
		fd_putfile((u_int)old);
		return EACCES;
	}
	error = fd_alloc_expand(p, 0, newp);
	if (error == 0)
		fd_affix(p, fp, (u_int)*newp);
	fd_putfile((u_int)old);
	return error;
}

void
fd_set_exclose(struct lwp *l, int fd, bool exclose)
{
	filedesc_t *fdp = l->l_fd;

	fdp->fd_dt->dt_ff[fd]->ff_exclose = exclose;
	if (exclose)
		fdp->fd_exclose = true;
}

/* Processes. */

/* A copy of the current process's table; the files are shared. */
filedesc_t *
fd_copy(void)
{
	filedesc_t *fdp = curlwp->l_proc->p_fd, *newfdp = fd_init(NULL);
	fdfile_t *ff, *nff;

	while (newfdp->fd_dt->dt_nfiles < fdp->fd_dt->dt_nfiles)
		fd_expand(newfdp);
	for (int i = 0; i <= fdp->fd_lastfile; i++) {
		ff = fdp->fd_dt->dt_ff[i];
		if (ff == NULL || ff->ff_file == NULL ||
		    ff->ff_file->f_type == DTYPE_KQUEUE)
			continue;
		nff = newfdp->fd_dt->dt_ff[i];
		if (nff == NULL) {
			nff = pool_cache_get(fdfile_cache, PR_WAITOK);
			newfdp->fd_dt->dt_ff[i] = nff;
			if (ff->ff_file == NULL)
				continue;	/* closed while we slept */
		}
		nff->ff_file = ff->ff_file;
		nff->ff_file->f_count++;
		nff->ff_allocated = true;
		nff->ff_exclose = ff->ff_exclose;
		fd_mark(newfdp, (u_int)i);
	}
	newfdp->fd_exclose = fdp->fd_exclose;
	return newfdp;
}

static void
fd_free_tables(filedesc_t *fdp)
{
	fdtab_t *dt, *link;

	for (u_int i = NDFDFILE; i < fdp->fd_dt->dt_nfiles; i++)
		if (fdp->fd_dt->dt_ff[i] != NULL)
			pool_cache_put(fdfile_cache, fdp->fd_dt->dt_ff[i]);
	for (int i = 0; i < NDFDFILE; i++)
		fdfile_dtor(NULL, fd_builtin(fdp, i));
	if (fdp->fd_lomap != fdp->fd_dlomap) {
		u_int n = fdp->fd_dt->dt_nfiles;

		kmem_free(fdp->fd_lomap, NDLOSLOTS(n) * sizeof(uint32_t));
		kmem_free(fdp->fd_himap, NDHISLOTS(n) * sizeof(uint32_t));
	}
	for (dt = fdp->fd_dt; dt != &fdp->fd_dtbuiltin; dt = link) {
		link = dt->dt_link;
		kmem_free(dt, fdtab_size(dt->dt_nfiles));
	}
}

/* The current process exits. */
void
fd_free(void)
{
	filedesc_t *fdp = curlwp->l_proc->p_fd;

	if (--fdp->fd_refcnt > 0)
		return;
	for (u_int fd = 0; fdp->fd_lastfile >= 0 &&
	    fd <= (u_int)fdp->fd_lastfile; fd++)
		if (fd_getfile(fd) != NULL)
			(void)fd_close(fd);
	fd_free_tables(fdp);
	mutex_destroy(&fdp->fd_lock);
	if (fdp != &filedesc0)
		kmem_free(fdp, sizeof(*fdp));
}

void
fd_share(struct proc *p2)
{
	filedesc_t *fdp = curlwp->l_proc->p_fd;

	fdp->fd_refcnt++;
	p2->p_fd = fdp;
}

void
fd_hold(struct lwp *l)
{
	l->l_fd->fd_refcnt++;
}

/* Before a new program: the tables are its own, and some files are closed. */
void
fd_closeexec(void)
{
	struct lwp *l = curlwp;
	struct proc *p = l->l_proc;
	filedesc_t *fdp = p->p_fd;

	cwdunshare(p);
	if (fdp->fd_refcnt > 1) {
		fdp = fd_copy();
		fd_free();
		p->p_fd = l->l_fd = fdp;
	}
	if (!fdp->fd_exclose)
		return;
	for (int fd = 0; fd <= fdp->fd_lastfile; fd++) {
		fdfile_t *ff = fdp->fd_dt->dt_ff[fd];

		if (ff != NULL && ff->ff_exclose &&
		    fd_getfile((u_int)fd) != NULL)
			(void)fd_close((u_int)fd);
	}
	fdp->fd_exclose = false;
}

/* Directories of a process. */

struct cwdinfo *
cwdinit(void)
{
	struct cwdinfo *old = curlwp->l_proc->p_cwdi, *cwdi;

	cwdi = kmem_zalloc(sizeof(*cwdi), KM_SLEEP);
	rw_init(&cwdi->cwdi_lock);
	cwdi->cwdi_refcnt = 1;
	cwdi->cwdi_cmask = old->cwdi_cmask;
	cwdi->cwdi_cdir = old->cwdi_cdir;
	cwdi->cwdi_rdir = old->cwdi_rdir;
	cwdi->cwdi_edir = old->cwdi_edir;
	if (cwdi->cwdi_cdir != NULL)
		vref(cwdi->cwdi_cdir);
	if (cwdi->cwdi_rdir != NULL)
		vref(cwdi->cwdi_rdir);
	if (cwdi->cwdi_edir != NULL)
		vref(cwdi->cwdi_edir);
	return cwdi;
}

void
cwdshare(struct proc *p2)
{
	struct cwdinfo *cwdi = curlwp->l_proc->p_cwdi;

	cwdi->cwdi_refcnt++;
	p2->p_cwdi = cwdi;
}

void
cwdunshare(struct proc *p)
{
	struct cwdinfo *old = p->p_cwdi;

	if (old->cwdi_refcnt == 1)
		return;
	p->p_cwdi = cwdinit();
	cwdfree(old);
}

void
cwdfree(struct cwdinfo *cwdi)
{
	if (--cwdi->cwdi_refcnt > 0)
		return;
	if (cwdi->cwdi_cdir != NULL)
		vrele(cwdi->cwdi_cdir);
	if (cwdi->cwdi_rdir != NULL)
		vrele(cwdi->cwdi_rdir);
	if (cwdi->cwdi_edir != NULL)
		vrele(cwdi->cwdi_edir);
	rw_destroy(&cwdi->cwdi_lock);
	kmem_free(cwdi, sizeof(*cwdi));
}

/* Operations that a kind of file has no use for. */

int
fnullop_fcntl(file_t *fp __unused, u_int cmd, void *data __unused)
{
	return cmd == F_SETFL ? 0 : EOPNOTSUPP;
}

int
fnullop_poll(file_t *fp __unused, int which __unused)
{
	return 0;
}

int
fnullop_kqfilter(file_t *fp __unused, struct knote *kn __unused)
{
	return EOPNOTSUPP;
}

void
fnullop_restart(file_t *fp __unused)
{
	/* Nothing sleeps in such a file. */
}

int
fbadop_read(file_t *fp __unused, off_t *offset __unused,
    struct uio *uio __unused, kauth_cred_t cred __unused, int flags __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_write(file_t *fp __unused, off_t *offset __unused,
    struct uio *uio __unused, kauth_cred_t cred __unused, int flags __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_ioctl(file_t *fp __unused, u_long com __unused, void *data __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_stat(file_t *fp __unused, struct stat *sb __unused)
{
	return EOPNOTSUPP;
}

int
fbadop_close(file_t *fp __unused)
{
	return EOPNOTSUPP;
}
