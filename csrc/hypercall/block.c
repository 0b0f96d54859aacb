/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Block devices: windows of files, read and written here, and devices written
 * in Python.
 *
 * hyp_block_try() is called by whoever holds the virtual CPU, so it does only
 * what can't wait: reads of cached pages (RWF_NOWAIT), writes that are a copy
 * into the page cache.  hyp_block_execute() is called without the CPU and does
 * the rest.
 *
 * Image files are never mapped: a truncated file or a full disk is an errno of
 * the transfer and not a signal.  The pointers of a transfer go to preadv2()
 * and friends only, which answer EFAULT for bad ones.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "block.h"
#include "internal.h"

/* NetBSD's numbers, where they differ from the host's or have no name there. */
#define	NB_EIO		5
#define	NB_ENXIO	6
#define	NB_EFAULT	14
#define	NB_EINVAL	22
#define	NB_EROFS	30
#define	NB_EAGAIN	35
#define	NB_EOPNOTSUPP	45
#define	NB_EDQUOT	69
#define	NB_LAST_COMMON	34	/* ERANGE; up to it all agree but EAGAIN */

#define	TMPFS		0x01021994
#define	RAMFS		0x858458f6
#define	HUGETLBFS	0x958458f6

#define	MAXDEVS		1024
#define	MAXIOV		64
/* A write of this size into the page cache is a copy and little else. */
#define	WRITE_NOW	(256 * 1024)

enum kind { FREE, OPENING, FILEDEV, PYTHONDEV, CLOSING };

/*
 * Slots are never given back, so that a lookup needs no lock: it counts itself
 * in first and checks the generation then.
 */
struct blockdev {
	_Atomic uint32_t	bd_refs;
	_Atomic uint32_t	bd_gen;		/* changes at open and close */
	_Atomic int		bd_kind;
	int			bd_fd;
	uint32_t		bd_flags;
	_Atomic bool		bd_dirty;	/* written since the last flush */
	_Atomic bool		bd_nonowait;	/* RWF_NOWAIT is not supported */
	int64_t			bd_offset;
	uint64_t		bd_length;
	uint64_t		bd_handle;
	struct {
		_Atomic uint64_t	ops[HYP_DISCARD + 1];
		_Atomic uint64_t	bytes[HYP_WRITE + 1];
		_Atomic uint64_t	errors;
		_Atomic uint64_t	waits;
	}			bd_stats;
};

static struct blockdev devices[MAXDEVS];
static pthread_mutex_t devices_lock = PTHREAD_MUTEX_INITIALIZER;
static int (*_Atomic python_transfer)(uint64_t, struct hyp_bio *);

int
hyp_block_errno(int host)
{

	if (host == EAGAIN)
		return NB_EAGAIN;
	if (host == EDQUOT)
		return NB_EDQUOT;
	if (host == EOPNOTSUPP)
		return NB_EOPNOTSUPP;
	if (host > 0 && host <= NB_LAST_COMMON)
		return host;
	return NB_EIO;
}

static struct blockdev *
device_hold(uint64_t dev)
{
	const uint64_t index = (dev & 0xffffffff) - 1;
	struct blockdev *bd;

	if (index >= MAXDEVS)
		return NULL;
	bd = &devices[index];
	bd->bd_refs++;
	if (bd->bd_gen == dev >> 32 &&
	    (bd->bd_kind == FILEDEV || bd->bd_kind == PYTHONDEV))
		return bd;
	bd->bd_refs--;
	return NULL;
}

static void
device_drop(struct blockdev *bd)
{

	bd->bd_refs--;
}

/* A free slot, marked as being opened. */
static struct blockdev *
device_new(void)
{
	struct blockdev *bd, *found = NULL;

	pthread_mutex_lock(&devices_lock);
	for (bd = devices; bd < devices + MAXDEVS; bd++)
		if (bd->bd_kind == FREE) {
			found = bd;
			bd->bd_kind = OPENING;
			break;
		}
	pthread_mutex_unlock(&devices_lock);
	return found;
}

static uint64_t
device_publish(struct blockdev *bd, enum kind kind)
{
	const uint32_t gen = ++bd->bd_gen;

	bd->bd_dirty = false;
	bd->bd_nonowait = false;
	memset(&bd->bd_stats, 0, sizeof(bd->bd_stats));
	bd->bd_kind = kind;
	return (uint64_t)gen << 32 | (uint64_t)(bd - devices + 1);
}

int
hyp_block_open_file(const struct hyp_block_config *config, uint64_t *dev)
{
	struct blockdev *bd;
	struct statfs fs;

	if (config->offset < 0 ||
	    config->length > (uint64_t)(INT64_MAX - config->offset))
		return NB_EINVAL;
	bd = device_new();
	if (bd == NULL)
		return hyp_block_errno(ENFILE);
	bd->bd_fd = fcntl(config->fd, F_DUPFD_CLOEXEC, 3);
	if (bd->bd_fd < 0) {
		const int error = errno;

		bd->bd_kind = FREE;
		return hyp_block_errno(error);
	}
	bd->bd_flags = config->flags;
	if (fstatfs(bd->bd_fd, &fs) == 0 && (fs.f_type == TMPFS ||
	    fs.f_type == RAMFS || fs.f_type == HUGETLBFS))
		bd->bd_flags |= HYP_BLOCK_QUICK;
	bd->bd_offset = config->offset;
	bd->bd_length = config->length;
	*dev = device_publish(bd, FILEDEV);
	return 0;
}

int
hyp_block_open_python(uint64_t handle, uint64_t *dev)
{
	struct blockdev *bd = device_new();

	if (bd == NULL)
		return hyp_block_errno(ENFILE);
	bd->bd_fd = -1;
	bd->bd_flags = 0;
	bd->bd_handle = handle;
	*dev = device_publish(bd, PYTHONDEV);
	return 0;
}

void
hyp_block_set_python(int (*function)(uint64_t, struct hyp_bio *))
{

	python_transfer = function;
}

int
hyp_block_close(uint64_t dev)
{
	const struct timespec nap = { 0, 100 * 1000 };
	struct blockdev *bd = device_hold(dev);
	int expected;

	if (bd == NULL)
		return NB_ENXIO;
	expected = bd->bd_kind;
	if (expected == CLOSING || !atomic_compare_exchange_strong(
	    &bd->bd_kind, &expected, CLOSING)) {
		device_drop(bd);
		return NB_ENXIO;
	}
	bd->bd_gen++;
	/* One reference is ours; late lookups come and go by themselves. */
	while (bd->bd_refs > 1)
		nanosleep(&nap, NULL);
	if (bd->bd_fd >= 0)
		close(bd->bd_fd);
	bd->bd_fd = -1;
	bd->bd_kind = FREE;
	device_drop(bd);
	return 0;
}

int
hyp_block_stats(uint64_t dev, struct hyp_block_stats *out)
{
	struct blockdev *bd = device_hold(dev);

	if (bd == NULL)
		return NB_ENXIO;
	out->reads = bd->bd_stats.ops[HYP_READ];
	out->writes = bd->bd_stats.ops[HYP_WRITE];
	out->flushes = bd->bd_stats.ops[HYP_FLUSH];
	out->discards = bd->bd_stats.ops[HYP_DISCARD];
	out->read_bytes = bd->bd_stats.bytes[HYP_READ];
	out->written_bytes = bd->bd_stats.bytes[HYP_WRITE];
	out->errors = bd->bd_stats.errors;
	out->waits = bd->bd_stats.waits;
	device_drop(bd);
	return 0;
}

/* Where a transfer stands: the rest of its vector, copied in portions. */
struct cursor {
	const struct hyp_iovec	*from;
	int			left;		/* of from[] */
	uint64_t		skip;		/* of from[0] */
	uint64_t		done;		/* bytes */
	off_t			at;		/* in the file */
};

/* The next portion of the vector; the number of entries. */
static int
cursor_vector(const struct cursor *c, uint64_t limit, struct iovec *iov)
{
	uint64_t total = 0, skip = c->skip;
	int n;

	for (n = 0; n < MAXIOV && n < c->left && total < limit; n++) {
		uint64_t len = c->from[n].len - skip;

		if (len > limit - total)
			len = limit - total;
		iov[n].iov_base = (char *)c->from[n].base + skip;
		iov[n].iov_len = len;
		total += len;
		skip = 0;
	}
	return n;
}

static void
cursor_advance(struct cursor *c, uint64_t bytes)
{

	c->done += bytes;
	c->at += (off_t)bytes;
	while (c->left > 0 && bytes >= c->from->len - c->skip) {
		bytes -= c->from->len - c->skip;
		c->skip = 0;
		c->from++;
		c->left--;
	}
	c->skip += bytes;
}

/* One system call for one portion; bytes, or a negated host errno. */
static ssize_t
portion(struct blockdev *bd, int op, const struct cursor *c, uint64_t limit,
    int flags)
{
	struct iovec iov[MAXIOV];
	const int n = cursor_vector(c, limit, iov);
	ssize_t r;

	do {
		if (op == HYP_READ)
			r = preadv2(bd->bd_fd, iov, n, c->at, flags);
		else
			r = pwritev2(bd->bd_fd, iov, n, c->at, flags);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

/*
 * Transfer the data.  Returns a host errno; with RWF_NOWAIT that may be EAGAIN
 * or EOPNOTSUPP, and nothing is lost by starting again.
 */
static int
transfer_data(struct blockdev *bd, struct hyp_bio *bio, int flags)
{
	struct cursor c = {
		.from = bio->iov, .left = bio->iovcnt,
		.at = bd->bd_offset + bio->offset,
	};

	while (c.done < bio->length) {
		const ssize_t r = portion(bd, bio->op, &c,
		    bio->length - c.done, flags);

		if (r < 0)
			return (int)-r;
		if (r == 0) {
			/*
			 * The file has been truncated under us, or a partial
			 * read has come to what is not cached.  Only the one
			 * who may wait can tell.
			 */
			bio->resid = bio->length - c.done;
			return flags != 0 ? EAGAIN : EIO;
		}
		cursor_advance(&c, (uint64_t)r);
	}
	bio->resid = 0;
	return 0;
}

static int
transfer_discard(struct blockdev *bd, struct hyp_bio *bio)
{

	if (fallocate(bd->bd_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    bd->bd_offset + bio->offset, (off_t)bio->length) != 0)
		return errno;
	bio->resid = 0;
	return 0;
}

/* fdatasync() fails once for a lost page; the error must not be forgotten. */
static int
transfer_flush(struct blockdev *bd, struct hyp_bio *bio)
{

	bio->resid = 0;
	if (!atomic_exchange(&bd->bd_dirty, false))
		return 0;
	if (fdatasync(bd->bd_fd) == 0)
		return 0;
	bd->bd_dirty = true;
	return errno;
}

static int
transfer(struct blockdev *bd, struct hyp_bio *bio, int flags)
{

	switch (bio->op) {
	case HYP_READ:
		return transfer_data(bd, bio, flags);
	case HYP_WRITE:
		bd->bd_dirty = true;
		return transfer_data(bd, bio, flags);
	case HYP_FLUSH:
		return transfer_flush(bd, bio);
	default:
		bd->bd_dirty = true;
		return transfer_discard(bd, bio);
	}
}

/*
 * Add up the vector.  It is read here, unlike what it points to, so it is
 * copied under guard: a module may have handed us anything.
 */
static bool
vector_length(const struct hyp_bio *bio, uint64_t *total)
{
	struct hyp_iovec part[MAXIOV];

	*total = 0;
	for (int at = 0; at < bio->iovcnt; at += MAXIOV) {
		const int n = bio->iovcnt - at < MAXIOV ? bio->iovcnt - at :
		    MAXIOV;

		if (!hyp_copy_guarded(part, bio->iov + at,
		    (size_t)n * sizeof(part[0])))
			return false;
		for (int i = 0; i < n; i++) {
			if (part[i].len > bio->length - *total)
				return false;
			*total += part[i].len;
		}
	}
	return true;
}

/* What is wrong with a transfer before it begins; NetBSD's errno. */
static int
refuse(const struct blockdev *bd, const struct hyp_bio *bio)
{
	uint64_t total;

	if (bio->op < HYP_READ || bio->op > HYP_DISCARD)
		return NB_EINVAL;
	if (bio->op == HYP_FLUSH)
		return 0;
	if (bio->op != HYP_READ && (bd->bd_flags & HYP_BLOCK_READONLY) != 0)
		return NB_EROFS;
	if (bio->offset < 0 || bio->length > bd->bd_length ||
	    (uint64_t)bio->offset > bd->bd_length - bio->length)
		return NB_EINVAL;
	if (bio->op == HYP_DISCARD)
		return 0;
	if (!vector_length(bio, &total))
		return NB_EFAULT;
	return total == bio->length ? 0 : NB_EINVAL;
}

static void
account(struct blockdev *bd, const struct hyp_bio *bio)
{

	if (bio->op >= HYP_READ && bio->op <= HYP_DISCARD)
		atomic_fetch_add_explicit(&bd->bd_stats.ops[bio->op], 1,
		    memory_order_relaxed);
	if (bio->op == HYP_READ || bio->op == HYP_WRITE)
		atomic_fetch_add_explicit(&bd->bd_stats.bytes[bio->op],
		    bio->length - bio->resid, memory_order_relaxed);
	if (bio->error != 0)
		atomic_fetch_add_explicit(&bd->bd_stats.errors, 1,
		    memory_order_relaxed);
}

/* End a transfer with a NetBSD errno. */
static void
finish(struct blockdev *bd, struct hyp_bio *bio, int error)
{

	bio->error = error;
	if (error != 0 && bio->resid == 0)
		bio->resid = bio->length;
	if (bd != NULL)
		account(bd, bio);
}

/* Whether the holder of the CPU may do it; *flags for preadv2(). */
static bool
may_try(struct blockdev *bd, const struct hyp_bio *bio, int *flags)
{

	*flags = 0;
	if ((bd->bd_flags & HYP_BLOCK_QUICK) != 0)
		return true;
	switch (bio->op) {
	case HYP_READ:
		*flags = RWF_NOWAIT;
		return !bd->bd_nonowait;
	case HYP_WRITE:
		return bio->length <= WRITE_NOW &&
		    (bd->bd_flags & HYP_BLOCK_SYNC) == 0;
	case HYP_FLUSH:
		return !bd->bd_dirty;
	default:
		return false;
	}
}

int
hyp_block_try(struct hyp_kernel *k, struct hyp_bio *bio)
{
	struct blockdev *bd = device_hold(bio->dev);
	int error, flags;

	(void)k;
	bio->resid = 0;
	if (bd == NULL) {
		finish(NULL, bio, NB_ENXIO);
		return 0;
	}
	error = EAGAIN;
	if (bd->bd_kind == PYTHONDEV)
		goto out;
	error = refuse(bd, bio);
	if (error != 0) {
		finish(bd, bio, error);
		error = 0;
		goto out;
	}
	error = EAGAIN;
	if (!may_try(bd, bio, &flags))
		goto out;
	error = transfer(bd, bio, flags);
	if (error == EOPNOTSUPP && flags != 0) {
		bd->bd_nonowait = true;
		error = EAGAIN;
	}
	if (error != EAGAIN) {
		finish(bd, bio, error == 0 ? 0 : hyp_block_errno(error));
		error = 0;
	}
out:
	if (error == EAGAIN)
		bd->bd_stats.waits++;
	device_drop(bd);
	return error;
}

static int
execute_python(struct blockdev *bd, struct hyp_bio *bio)
{
	int (*function)(uint64_t, struct hyp_bio *) = python_transfer;

	if (function == NULL)
		return NB_ENXIO;
	return function(bd->bd_handle, bio);
}

int
hyp_block_execute(struct hyp_kernel *k, struct hyp_bio *bio)
{
	struct blockdev *bd = device_hold(bio->dev);
	int error;

	(void)k;
	bio->resid = 0;
	if (bd == NULL) {
		finish(NULL, bio, NB_ENXIO);
		return 0;
	}
	if (bd->bd_kind == PYTHONDEV)
		error = execute_python(bd, bio);
	else {
		error = refuse(bd, bio);
		if (error == 0) {
			error = transfer(bd, bio, 0);
			if (error != 0)
				error = hyp_block_errno(error);
		}
	}
	finish(bd, bio, error);
	device_drop(bd);
	return 0;
}

int
hyp_block_transfer(uint64_t dev, struct hyp_bio *bio)
{

	bio->dev = dev;
	return hyp_block_execute(NULL, bio);
}
