/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The helper thread.  It does what may block and so must happen neither in
 * the worker nor in a context that ends: telling Linux about changes that
 * did not come through FUSE (Linux may take locks that a request holds while
 * it waits for us), and second tries with the caller's groups for requests
 * that ended on a thread other than the worker's.  It also notices a kernel
 * that died while requests slept in it and no new one came.
 */

#include <sys/uio.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#define	HELPER_PULSE_MS	500

struct fuse_note {
	struct fuse_note *next;
	struct fuse_out_header out;
	union {
		struct fuse_notify_inval_inode_out inode;
		struct fuse_notify_inval_entry_out entry;
	} u;
	size_t		ulen;
	uint32_t	namelen;
	char		name[EXPORT_NAME_MAX + 1];
};

/*
 * Linux refuses names and nodes that it does not know; that is no error, it
 * has nothing to forget then.
 */
static void
helper_send(const struct fuse_server *fs, struct fuse_note *note)
{
	struct iovec iov[3] = {
		{ &note->out, sizeof(note->out) },
		{ &note->u, note->ulen },
		{ note->name, note->namelen + 1 },
	};
	const int n = note->namelen != 0 ? 3 : 2;

	note->out.len = (uint32_t)(sizeof(note->out) + note->ulen +
	    (n == 3 ? note->namelen + 1 : 0));
	note->out.unique = 0;
	ssize_t done;
	do {
		done = writev(fs->cfg.fd, iov, n);
	} while (done == -1 && errno == EINTR);
}

static struct fuse_note *
helper_next_note(struct fuse_server *fs)
{

	pthread_mutex_lock(&fs->notes_lock);
	struct fuse_note *note = fs->notes;
	if (note != NULL) {
		fs->notes = note->next;
		if (fs->notes == NULL)
			fs->notes_tail = &fs->notes;
	}
	pthread_mutex_unlock(&fs->notes_lock);
	return note;
}

static void
helper_do_retries(struct fuse_server *fs)
{
	struct fuse_req *req = atomic_exchange(&fs->retries, NULL);

	while (req != NULL) {
		struct fuse_req *next = req->next;

		server_submit(fs, req);
		req = next;
	}
}

/* Wait for work, or long enough to look after the kernel. */
static void
helper_wait(struct fuse_server *fs)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += HELPER_PULSE_MS * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	while (sem_timedwait(&fs->helper_work, &ts) == -1 && errno == EINTR)
		continue;
}

static void *
helper_main(void *arg)
{
	struct fuse_server *fs = arg;
	struct fuse_note *note;

	while (!atomic_load(&fs->helper_quit)) {
		helper_wait(fs);
		if (atomic_load(&fs->running) && server_kernel_died(fs))
			fuse_server_fail(fs);
		helper_do_retries(fs);
		while ((note = helper_next_note(fs)) != NULL) {
			helper_send(fs, note);
			free(note);
		}
	}
	return NULL;
}

int
helper_start(struct fuse_server *fs)
{
	sigset_t all, old;

	/* Python's signal handlers are not to be run for this thread. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	const int error = pthread_create(&fs->helper, NULL, helper_main, fs);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	fs->helper_up = error == 0;
	return error;
}

void
helper_stop(struct fuse_server *fs)
{
	struct fuse_note *note;

	if (fs->helper_up) {
		atomic_store(&fs->helper_quit, 1);
		sem_post(&fs->helper_work);
		pthread_join(fs->helper, NULL);
		fs->helper_up = false;
	}
	while ((note = helper_next_note(fs)) != NULL)
		free(note);
}

/* Called as a context ends: no lock, no allocation. */
void
helper_retry(struct fuse_server *fs, struct fuse_req *req)
{

	req->next = atomic_load(&fs->retries);
	while (!atomic_compare_exchange_weak(&fs->retries, &req->next, req))
		continue;
	sem_post(&fs->helper_work);
}

static void
helper_queue(struct fuse_server *fs, struct fuse_note *note)
{

	note->next = NULL;
	pthread_mutex_lock(&fs->notes_lock);
	*fs->notes_tail = note;
	fs->notes_tail = &note->next;
	pthread_mutex_unlock(&fs->notes_lock);
	sem_post(&fs->helper_work);
}

/* The file changed: len 0 is to the end, off < 0 is the attributes only. */
int
fuse_server_inval_inode(struct fuse_server *fs, uint64_t node, int64_t off,
    int64_t len)
{
	struct fuse_note *note = calloc(1, sizeof(*note));

	if (note == NULL)
		return ENOMEM;
	note->out.error = FUSE_NOTIFY_INVAL_INODE;
	note->u.inode.ino = node;
	note->u.inode.off = off;
	note->u.inode.len = len;
	note->ulen = sizeof(note->u.inode);
	helper_queue(fs, note);
	return 0;
}

/* A name came, went or means another file. */
int
fuse_server_inval_entry(struct fuse_server *fs, uint64_t parent,
    const char *name, uint32_t namelen)
{

	if (namelen == 0 || namelen > EXPORT_NAME_MAX)
		return EINVAL;
	struct fuse_note *note = calloc(1, sizeof(*note));
	if (note == NULL)
		return ENOMEM;
	note->out.error = FUSE_NOTIFY_INVAL_ENTRY;
	note->u.entry.parent = parent;
	note->u.entry.namelen = namelen;
	note->ulen = sizeof(note->u.entry);
	note->namelen = namelen;
	memcpy(note->name, name, namelen);
	helper_queue(fs, note);
	return 0;
}
