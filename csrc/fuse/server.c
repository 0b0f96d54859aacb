/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker loop, the pool of requests, answers, stop and failure.  See
 * server.h for who runs where.
 */

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#ifndef FUSE_NO_KERNEL
#include "fuse_kernel.h"
#endif

#define	MAX_WRITE_DEFAULT	(1024u * 1024)
#define	POOL_KEEP		8	/* idle ones that keep their pages */
#define	POOL_LOOK		64	/* requests between looks for others */
#define	REQ_IOV_MAX		320
#define	DRAIN_SECONDS		5

/* Wakes the worker out of read(2); its handler does nothing. */
#define	KICK_SIGNAL		(SIGRTMIN + 6)

_Static_assert(sizeof(struct export_attr) == sizeof(struct fuse_attr),
    "export_attr is the wire's fuse_attr");
_Static_assert(offsetof(struct export_attr, ea_rdev) ==
    offsetof(struct fuse_attr, rdev), "export_attr is the wire's fuse_attr");
_Static_assert(sizeof(struct export_entry) == sizeof(struct fuse_entry_out),
    "export_entry is the wire's fuse_entry_out");
_Static_assert(offsetof(struct export_entry, ee_attr) ==
    offsetof(struct fuse_entry_out, attr),
    "export_entry is the wire's fuse_entry_out");
_Static_assert(sizeof(struct export_dirent) == sizeof(struct fuse_dirent) &&
    offsetof(struct export_dirent, ed_name) ==
    offsetof(struct fuse_dirent, name), "export_dirent is the wire's");
_Static_assert(sizeof(struct export_forget) == sizeof(struct fuse_forget_one),
    "export_forget is the wire's fuse_forget_one");
_Static_assert(sizeof(struct fuse_req) + REQ_HEAD <= REQ_PAGE,
    "a request and its header share the first page");
_Static_assert(offsetof(struct fuse_req, body) ==
    offsetof(struct fuse_req, out) + sizeof(struct fuse_out_header),
    "header and body of an answer go out as one piece");

/*
 * The pool.  One mapping holds a request and its buffer: the structure, then
 * the message so that the data of a write begins on the second page.
 */

static struct fuse_req *
pool_new(struct fuse_server *fs)
{
	uint8_t *base = mmap(NULL, fs->reqsize, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	struct fuse_req *req = (struct fuse_req *)base;
	req->fs = fs;
	req->msg = base + REQ_PAGE - REQ_HEAD;
	req->all = atomic_load(&fs->all_head);
	atomic_store(&fs->all_head, req);
	fs->nreqs++;
	return req;
}

/* Give the pages of requests that a burst left behind back to the host. */
static void
pool_trim(struct fuse_server *fs)
{
	uint32_t n = 0;

	for (struct fuse_req *req = fs->pool; req != NULL; req = req->next) {
		if (++n > POOL_KEEP)
			madvise((uint8_t *)req + REQ_PAGE,
			    fs->reqsize - REQ_PAGE, MADV_DONTNEED);
	}
}

/* What others have returned goes behind what is warm. */
static void
pool_collect(struct fuse_server *fs)
{
	struct fuse_req **end = &fs->pool;

	while (*end != NULL)
		end = &(*end)->next;
	*end = atomic_exchange(&fs->returned, NULL);
	if (fs->nreqs > POOL_KEEP)
		pool_trim(fs);
}

static struct fuse_req *
pool_get(struct fuse_server *fs)
{

	if (fs->pool == NULL || fs->requests % POOL_LOOK == 0)
		pool_collect(fs);
	struct fuse_req *req = fs->pool;
	if (req == NULL)
		return pool_new(fs);
	fs->pool = req->next;
	return req;
}

/* Worker only. */
static void
pool_put(struct fuse_server *fs, struct fuse_req *req)
{

	req->next = fs->pool;
	fs->pool = req;
}

/*
 * Any thread; the request must not be touched after this.  Most contexts end
 * on the worker's thread, inside of its server_submit().
 */
static void
server_free(struct fuse_req *req)
{
	struct fuse_server *fs = req->fs;

	atomic_store_explicit(&req->state, REQ_FREE, memory_order_release);
	if (pthread_equal(pthread_self(), fs->worker)) {
		pool_put(fs, req);
		return;
	}
	req->next = atomic_load(&fs->returned);
	while (!atomic_compare_exchange_weak(&fs->returned, &req->next, req))
		continue;
}

static void
pool_destroy(struct fuse_server *fs)
{
	struct fuse_req *req = atomic_load(&fs->all_head);

	while (req != NULL) {
		struct fuse_req *next = req->all;

		munmap(req, fs->reqsize);
		req = next;
	}
	atomic_store(&fs->all_head, NULL);
}

/*
 * Messages.  The C library's read and writev are points where a thread can be
 * cancelled, which costs a process of several threads two atomic operations a
 * call; syscall(2) is none.  A message of one piece needs no vector.
 */

static ssize_t
message_read(const struct fuse_server *fs, void *msg)
{

	return syscall(SYS_read, fs->cfg.fd, msg, fs->msgsize);
}

static ssize_t
message_write(const struct fuse_server *fs, const struct iovec *iov, int n)
{

	return n == 1 ?
	    syscall(SYS_write, fs->cfg.fd, iov->iov_base, iov->iov_len) :
	    syscall(SYS_writev, fs->cfg.fd, iov, n);
}

/*
 * Answers.
 */

static int
answer_iov(struct fuse_req *req, struct iovec *iov, size_t bodylen,
    size_t *total)
{
	const struct export_req *x = &req->x;
	int n = 1;

	iov[0].iov_base = &req->out;
	iov[0].iov_len = sizeof(req->out) + bodylen;
	*total = iov[0].iov_len;
	if (req->op == NULL || !req->op->wo_data || x->er_done == 0)
		return n;
	*total += x->er_done;
	if (x->er_niov == 0) {
		iov[n].iov_base = x->er_data;
		iov[n++].iov_len = x->er_done;
		return n;
	}
	for (uint32_t i = 0; i < x->er_niov && n < REQ_IOV_MAX; i++) {
		iov[n].iov_base = x->er_iov[i].ei_base;
		iov[n++].iov_len = x->er_iov[i].ei_len;
	}
	return n;
}

static void
answer_trace(const struct fuse_req *req, int error)
{
	const struct export_req *x = &req->x;

	fprintf(stderr, "fuse: %-11s #%lu node %lx handle %lx name %.*s "
	    "off %lu len %lu -> error %d done %lu node %lx\n",
	    req->op != NULL ? req->op->wo_name : "?",
	    (unsigned long)req->unique, (unsigned long)x->er_node,
	    (unsigned long)x->er_handle, (int)x->er_namelen,
	    x->er_name != NULL ? x->er_name : "", (unsigned long)x->er_offset,
	    (unsigned long)x->er_datalen, error, (unsigned long)x->er_done,
	    (unsigned long)x->er_entry.ee_node);
}

/*
 * Send the answer and let go of the request.  error is Linux's.  Linux may
 * have given up on the request (ENOENT), or all of the mount (ENODEV): then
 * there is nobody to tell, and handles are closed at EXPORT_SHUTDOWN.
 */
void
server_answer(struct fuse_req *req, int error, size_t bodylen)
{
	struct iovec iov[REQ_IOV_MAX];
	size_t total = sizeof(req->out);
	int n = 1;

	if (req->fs->cfg.flags & FUSE_SERVER_TRACE)
		answer_trace(req, error);
	if (error != 0) {
		iov[0].iov_base = &req->out;
		iov[0].iov_len = sizeof(req->out);
	} else
		n = answer_iov(req, iov, bodylen, &total);
	req->out.len = (uint32_t)total;
	req->out.error = -error;
	req->out.unique = req->unique;
	ssize_t done;
	do {
		done = message_write(req->fs, iov, n);
	} while (done == -1 && errno == EINTR);
	server_free(req);
}

static bool
server_wants_groups(const struct fuse_req *req, int error)
{
	const struct fuse_server *fs = req->fs;

	return (error == EACCES || error == EPERM) && !req->groups &&
	    req->x.er_cred.ec_uid != 0 && req->x.er_pid != 0 &&
	    (fs->cfg.flags & FUSE_SERVER_MAPPED) == 0;
}

static void
server_postpone(struct fuse_req *req)
{
	struct fuse_server *fs = req->fs;

	req->again = true;
	if (pthread_equal(pthread_self(), fs->worker)) {
		req->next = fs->retries_here;
		fs->retries_here = req;
	} else
		helper_retry(fs, req);
}

/*
 * The server lives while its owner has it and while a context in the kernel
 * has a request of it: one that sleeps through the shutdown answers late.
 */
static void
server_unref(struct fuse_server *fs)
{

	if (atomic_fetch_sub(&fs->refs, 1) != 1)
		return;
	pool_destroy(fs);
	pthread_mutex_destroy(&fs->notes_lock);
	sem_destroy(&fs->helper_work);
	sem_destroy(&fs->ready);
	free(fs);
}

static void
server_finish(struct fuse_req *req)
{
	struct export_req *x = &req->x;
	uint32_t busy = REQ_BUSY;

	/* fuse_server_fail() may have answered already. */
	if (!atomic_compare_exchange_strong(&req->state, &busy, REQ_DONE))
		return;
	if (req->mine) {
		server_free(req);
		return;
	}
	const int error = fuse_errno_from_netbsd(x->er_error);
	if (server_wants_groups(req, error)) {
		server_postpone(req);
		return;
	}
	const size_t len = error == 0 && req->op->wo_encode != NULL ?
	    req->op->wo_encode(req) : 0;
	server_answer(req, error, len);
}

/* er_reply: the context has ended, the kernel's CPU is held. */
static void
server_reply(struct export_req *x)
{
	struct fuse_req *req = (struct fuse_req *)x;
	struct fuse_server *fs = req->fs;

	server_finish(req);
	server_unref(fs);
}

/*
 * Submission.
 */

static int
server_submit_once(struct fuse_server *fs, struct fuse_req *req)
{

	if (fs->cfg.submit != NULL)
		return fs->cfg.submit(fs->cfg.submit_arg, &req->x);
#ifndef FUSE_NO_KERNEL
	return hyp_submit(fs->cfg.kernel, fs->cfg.proc, fs->cfg.entry,
	    &req->x);
#else
	return ENOSYS;
#endif
}

bool
server_kernel_died(const struct fuse_server *fs)
{

#ifndef FUSE_NO_KERNEL
	if (fs->cfg.submit == NULL)
		return hyp_kernel_state(fs->cfg.kernel) != HYP_STATE_RUNNING;
#endif
	return fs->cfg.submit == NULL;
}

/*
 * Hand a request to the kernel.  When this returns it may have been answered
 * and freed, or sleep in the kernel.  An error means that it was not run, or
 * died with the kernel.
 */
void
server_submit(struct fuse_server *fs, struct fuse_req *req)
{
	uint32_t busy = REQ_BUSY;

	if (req->again && !req->groups) {
		req->groups = true;
		if (groups_fetch(req->x.er_pid, &req->x.er_cred) != 0)
			req->x.er_cred.ec_ngroups = 0;
	}
	/* Seen by others no later than the reference, which is a barrier. */
	atomic_store_explicit(&req->state, REQ_BUSY, memory_order_relaxed);
	atomic_fetch_add(&fs->refs, 1);
	const int error = server_submit_once(fs, req);
	if (error == 0)
		return;
	if (atomic_compare_exchange_strong(&req->state, &busy, REQ_DONE)) {
		server_unref(fs);	/* nobody will answer */
		if (req->mine)
			server_free(req);
		else
			server_answer(req, EIO, 0);
	}
	if (error < 0)
		fuse_server_fail(fs);
}

static void
server_do_retries(struct fuse_server *fs)
{
	struct fuse_req *req;

	while ((req = fs->retries_here) != NULL) {
		fs->retries_here = req->next;
		server_submit(fs, req);
	}
}

/* A request of our own, which nobody waits for. */
static void
server_submit_internal(struct fuse_server *fs, uint32_t op)
{
	struct fuse_req *req = pool_get(fs);

	if (req == NULL)
		return;
	memset(&req->x, 0, sizeof(req->x));
	req->mine = true;
	req->again = req->groups = false;
	req->op = NULL;
	req->x.er_op = op;
	req->x.er_export = fs->cfg.export_handle;
	req->x.er_reply = server_reply;
	server_submit(fs, req);
}

/*
 * The worker.
 */

static void
server_prepare(struct fuse_server *fs, struct fuse_req *req, size_t len)
{
	const struct fuse_in_header *in = (const void *)req->msg;
	struct export_req *x = &req->x;

	req->len = len;
	req->unique = in->unique;
	req->again = req->groups = req->mine = false;
	req->arg = 0;
	memset(x, 0, offsetof(struct export_req, er_cred));
	x->er_export = fs->cfg.export_handle;
	x->er_unique = in->unique;
	x->er_node = in->nodeid;
	x->er_pid = in->pid;
	x->er_cred.ec_uid = in->uid;
	x->er_cred.ec_gid = in->gid;
	x->er_cred.ec_ngroups = 0;
	x->er_data = NULL;
	x->er_datalen = 0;
	x->er_error = 0;
	x->er_niov = 0;
	x->er_done = 0;
	x->er_reply = server_reply;
}

static void
server_dispatch(struct fuse_server *fs, struct fuse_req *req, size_t len)
{
	const struct fuse_in_header *in = (const void *)req->msg;

	server_prepare(fs, req, len);
	req->op = wire_op(in->opcode);
	int error = ENOSYS;
	if (req->op == NULL) {
		if (fs->cfg.flags & FUSE_SERVER_TRACE)
			fprintf(stderr, "fuse: operation %u left out: %s\n",
			    in->opcode, wire_absence(in->opcode));
	} else if (len < sizeof(*in) + req->op->wo_argsize)
		error = EINVAL;
	else
		error = req->op->wo_decode(req);
	if (error == 0) {
		server_submit(fs, req);
		if (fs->retries_here != NULL)
			server_do_retries(fs);
	} else if (error > 0)
		server_answer(req, error, 0);
	else if (error == WIRE_SILENT)
		pool_put(fs, req);
}

/* 0: go on; else what fuse_server_run() shall return, plus one. */
static int
server_read_error(struct fuse_server *fs, int error)
{

	switch (error) {
	case ENOENT:	/* taken back while it was read */
	case EINTR:
	case EAGAIN:
		return 0;
	case ENODEV:
	case ECONNABORTED:
		return FUSE_RUN_UNMOUNTED + 1;
	default:
		fs->error = error;
		return FUSE_RUN_ERROR + 1;
	}
}

static int
server_loop(struct fuse_server *fs)
{
	int stop;

	while ((stop = atomic_load(&fs->stop)) == 0) {
		struct fuse_req *req = pool_get(fs);
		if (req == NULL) {
			fs->error = ENOMEM;
			return FUSE_RUN_ERROR;
		}
		const ssize_t n = message_read(fs, req->msg);
		if (n < (ssize_t)sizeof(struct fuse_in_header)) {
			pool_put(fs, req);
			stop = server_read_error(fs, n < 0 ? errno : EIO);
			if (stop != 0)
				return stop - 1;
			continue;
		}
		fs->requests++;
		server_dispatch(fs, req, (size_t)n);
	}
	return stop;
}

static void
server_sleep_ms(long ms)
{
	const struct timespec ts = { 0, ms * 1000000 };

	nanosleep(&ts, NULL);
}

static bool
server_is_busy(struct fuse_server *fs)
{

	for (struct fuse_req *req = atomic_load(&fs->all_head); req != NULL;
	    req = req->all) {
		if (atomic_load(&req->state) == REQ_BUSY)
			return true;
	}
	return false;
}

/* Answer EIO to everybody who still waits. */
static void
server_answer_all(struct fuse_server *fs)
{

	for (struct fuse_req *req = atomic_load(&fs->all_head); req != NULL;
	    req = req->all) {
		uint32_t busy = REQ_BUSY;

		if (!atomic_compare_exchange_strong(&req->state, &busy,
		    REQ_DONE) || req->mine)
			continue;
		/*
		 * A dead context may still own the request, so that its
		 * memory is not used again: answer without freeing.
		 */
		req->out.len = sizeof(req->out);
		req->out.error = -EIO;
		req->out.unique = req->unique;
		ssize_t done = write(fs->cfg.fd, &req->out, sizeof(req->out));
		(void)done;
	}
}

/* Let sleeping requests end, close what is open in the kernel. */
static void
server_drain(struct fuse_server *fs)
{

	server_submit_internal(fs, EXPORT_SHUTDOWN);
	for (int ms = 0; ms < DRAIN_SECONDS * 1000; ms++) {
		if (!server_is_busy(fs))
			return;
		server_sleep_ms(1);
	}
}

/*
 * Serve until unmounted, stopped or failed.  Runs on the caller's thread,
 * which need not have the GIL and must not be needed for anything else.
 */
int
fuse_server_run(struct fuse_server *fs)
{

	fs->worker = pthread_self();
	atomic_store(&fs->running, 1);
	int why = server_loop(fs);
	if (why != FUSE_RUN_PANIC)
		server_drain(fs);
	if (atomic_load(&fs->stop) == FUSE_RUN_PANIC)
		why = FUSE_RUN_PANIC;
	server_answer_all(fs);
	atomic_store(&fs->running, 0);
	sem_post(&fs->ready);
	return why;
}

/*
 * Stopping.
 */

static void
server_kicked(int sig)
{

	(void)sig;
}

static int
server_install_kick(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = server_kicked;
	sigemptyset(&sa.sa_mask);
	return sigaction(KICK_SIGNAL, &sa, NULL) == -1 ? errno : 0;
}

/*
 * A kick between the worker's look at "stop" and its read(2) is lost, so
 * kick until it has left.
 */
static void
server_halt(struct fuse_server *fs, int why)
{
	int none = 0;

	atomic_compare_exchange_strong(&fs->stop, &none, why);
	if (!atomic_load(&fs->running) ||
	    pthread_equal(pthread_self(), fs->worker))
		return;
	while (atomic_load(&fs->running)) {
		pthread_kill(fs->worker, KICK_SIGNAL);
		server_sleep_ms(1);
	}
}

/* Make run() return soon; callable from any thread but a signal handler. */
void
fuse_server_stop(struct fuse_server *fs)
{

	server_halt(fs, FUSE_RUN_STOPPED);
}

/*
 * The kernel is dead: everybody who waits gets EIO and run() returns.  From
 * the helper the worker is only told, since it may be waiting for us.
 */
void
fuse_server_fail(struct fuse_server *fs)
{
	int none = 0;

	atomic_compare_exchange_strong(&fs->stop, &none, FUSE_RUN_PANIC);
	server_answer_all(fs);
	if (fs->helper_up && pthread_equal(pthread_self(), fs->helper))
		pthread_kill(fs->worker, KICK_SIGNAL);
	else
		server_halt(fs, FUSE_RUN_PANIC);
}

/* 0 when Linux has accepted us, ETIMEDOUT, or EIO if run() has ended. */
int
fuse_server_wait_init(struct fuse_server *fs, int timeout_ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += timeout_ms / 1000;
	ts.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	while (sem_timedwait(&fs->ready, &ts) == -1) {
		if (errno != EINTR)
			return errno;
	}
	return fs->inited ? 0 : EIO;
}

int
fuse_server_errno(const struct fuse_server *fs)
{

	return fs->error;
}

uint64_t
fuse_server_requests(const struct fuse_server *fs)
{

	return fs->requests;
}

static void
server_configure(struct fuse_server *fs, const struct fuse_config *cfg)
{

	fs->cfg = *cfg;
	if (fs->cfg.max_write == 0)
		fs->cfg.max_write = MAX_WRITE_DEFAULT;
	fs->cfg.max_write = (fs->cfg.max_write + REQ_PAGE - 1) &
	    ~(REQ_PAGE - 1);
	fs->msgsize = REQ_HEAD + fs->cfg.max_write + REQ_SLACK;
	fs->reqsize = REQ_PAGE + fs->cfg.max_write + REQ_SLACK;
	fs->notes_tail = &fs->notes;
}

struct fuse_server *
fuse_server_create(const struct fuse_config *cfg, int *error)
{
	struct fuse_server *fs = calloc(1, sizeof(*fs));

	if (fs == NULL) {
		*error = ENOMEM;
		return NULL;
	}
	atomic_init(&fs->refs, 1);
	server_configure(fs, cfg);
	sem_init(&fs->ready, 0, 0);
	sem_init(&fs->helper_work, 0, 0);
	pthread_mutex_init(&fs->notes_lock, NULL);
	*error = server_install_kick();
	if (*error == 0)
		*error = helper_start(fs);
	if (*error != 0) {
		fs->cfg.fd = -1;
		fuse_server_destroy(fs);
		return NULL;
	}
	return fs;
}

/*
 * After run() has returned; closes the descriptor, which aborts the mount.
 * Answers that are being written are waited for, sleepers are not: they were
 * answered by run(), and what they hold goes with the last of them.  In a dead
 * kernel nobody will end any more.
 */
void
fuse_server_destroy(struct fuse_server *fs)
{
	const bool dead = server_kernel_died(fs);

	helper_stop(fs);
	for (int ms = 0; !dead && ms < 100 && atomic_load(&fs->refs) > 1; ms++)
		server_sleep_ms(1);
	if (fs->cfg.fd != -1)
		close(fs->cfg.fd);
	if (dead)
		atomic_store(&fs->refs, 1);
	server_unref(fs);
}
