/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Block devices: windows of files and overlays over them, read and written
 * here, and devices written in Python.
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

enum kind { FREE, OPENING, FILEDEV, OVERLAYDEV, PYTHONDEV, CLOSING };

/* A file, or the part of it that a device uses. */
struct backing {
	int		b_fd;
	bool		b_quick;	/* never waits */
	int64_t		b_offset;
	int64_t		b_end;		/* nobody may cut it off before; or 0 */
	_Atomic int64_t	b_looked;	/* about when that was seen last */
};

/*
 * Slots are never given back, so that a lookup needs no lock: it counts itself
 * in first and checks the generation then.
 */
struct blockdev {
	_Atomic uint32_t	bd_refs;
	_Atomic uint32_t	bd_gen;		/* changes at open and close */
	_Atomic int		bd_kind;
	uint32_t		bd_flags;
	_Atomic bool		bd_dirty;	/* written since the last flush */
	_Atomic bool		bd_nonowait;	/* RWF_NOWAIT is not supported */
	struct backing		bd_lower;
	struct backing		bd_upper;	/* overlays only */
	uint8_t			*bd_map;
	uint64_t		bd_map_size;
	int64_t			bd_map_at;
	uint32_t		bd_sector;
	uint8_t			*bd_changes;	/* of the file written to */
	uint64_t		bd_changes_size;
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
	    bd->bd_kind >= FILEDEV && bd->bd_kind <= PYTHONDEV)
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

static void
backing_close(struct backing *b)
{

	if (b->b_fd >= 0)
		close(b->b_fd);
	b->b_fd = -1;
}

/* Returns a NetBSD errno. */
static int
backing_open(struct backing *b, int fd, int64_t offset)
{
	struct statfs fs;

	b->b_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (b->b_fd < 0)
		return hyp_block_errno(errno);
	b->b_offset = offset;
	b->b_end = 0;
	b->b_looked = 0;
	b->b_quick = fstatfs(b->b_fd, &fs) == 0 && (fs.f_type == TMPFS ||
	    fs.f_type == RAMFS || fs.f_type == HUGETLBFS);
	return 0;
}

/* From now on LENGTH bytes are the device's, if others can reach the file. */
static void
backing_claim(struct backing *b, uint64_t length)
{
	const int64_t end = b->b_offset + (int64_t)length;
	struct stat st;

	if (fstat(b->b_fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size >= end)
		b->b_end = end;
}

/*
 * Somebody has truncated the file.  A write would make it long again, with a
 * hole where data were, and nobody would know.
 */
static bool
backing_is_cut(struct backing *b)
{
	struct stat st;

	if (b->b_end == 0 || fstat(b->b_fd, &st) != 0)
		return false;
	b->b_looked = st.st_size < b->b_end ? 0 : hyp_now_about();
	return st.st_size < b->b_end;
}

/*
 * The same before a write that ends at END.  To look each time would cost a
 * fifth of a synchronous write; once in a tick of the host's clock is enough,
 * as only a write of the last byte hides what the next look would find.
 */
static bool
backing_is_cut_by_now(struct backing *b, uint64_t end)
{

	if (b->b_end == 0 || ((int64_t)end < b->b_end - b->b_offset &&
	    b->b_looked == hyp_now_about()))
		return false;
	return backing_is_cut(b);
}

static int
open_lower(const struct hyp_block_config *config, struct blockdev **result)
{
	struct blockdev *bd;
	int error;

	if (config->offset < 0 ||
	    config->length > (uint64_t)(INT64_MAX - config->offset))
		return NB_EINVAL;
	bd = device_new();
	if (bd == NULL)
		return hyp_block_errno(ENFILE);
	bd->bd_upper.b_fd = -1;
	error = backing_open(&bd->bd_lower, config->fd, config->offset);
	if (error != 0) {
		bd->bd_kind = FREE;
		return error;
	}
	if ((config->flags & HYP_BLOCK_QUICK) != 0)
		bd->bd_lower.b_quick = true;
	else
		backing_claim(&bd->bd_lower, config->length);
	bd->bd_flags = config->flags;
	bd->bd_length = config->length;
	bd->bd_changes = config->changes;
	bd->bd_changes_size = config->changes_size;
	*result = bd;
	return 0;
}

int
hyp_block_open_file(const struct hyp_block_config *config, uint64_t *dev)
{
	struct blockdev *bd;
	int error;

	error = open_lower(config, &bd);
	if (error == 0)
		*dev = device_publish(bd, FILEDEV);
	return error;
}

int
hyp_block_open_overlay(const struct hyp_block_overlay *config, uint64_t *dev)
{
	const uint64_t length = config->lower.length;
	struct blockdev *bd;
	int error;

	if (config->sector < 512 || (config->sector & (config->sector - 1)) ||
	    config->start < 0 || length > (uint64_t)(INT64_MAX - config->start) ||
	    config->map_size < (length / config->sector + 7) / 8)
		return NB_EINVAL;
	error = open_lower(&config->lower, &bd);
	if (error != 0)
		return error;
	error = backing_open(&bd->bd_upper, config->upper, config->start);
	if (error != 0) {
		backing_close(&bd->bd_lower);
		bd->bd_kind = FREE;
		return error;
	}
	bd->bd_flags &= ~(uint32_t)HYP_BLOCK_READONLY;
	bd->bd_sector = config->sector;
	bd->bd_map = config->map;
	bd->bd_map_size = config->map_size;
	bd->bd_map_at = config->map_at;
	bd->bd_changes = config->changes;
	bd->bd_changes_size = config->changes_size;
	*dev = device_publish(bd, OVERLAYDEV);
	return 0;
}

int
hyp_block_open_python(uint64_t handle, uint64_t *dev)
{
	struct blockdev *bd = device_new();

	if (bd == NULL)
		return hyp_block_errno(ENFILE);
	bd->bd_lower.b_fd = bd->bd_upper.b_fd = -1;
	bd->bd_flags = 0;
	bd->bd_changes = NULL;
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
	backing_close(&bd->bd_lower);
	backing_close(&bd->bd_upper);
	bd->bd_map = bd->bd_changes = NULL;
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
portion(const struct backing *b, int op, const struct cursor *c, uint64_t at,
    uint64_t limit, int flags)
{
	struct iovec iov[MAXIOV];
	const int n = cursor_vector(c, limit, iov);
	const off_t where = (off_t)((uint64_t)b->b_offset + at);
	ssize_t r;

	if (b->b_quick)
		flags = 0;
	do {
		if (op == HYP_READ)
			r = preadv2(b->b_fd, iov, n, where, flags);
		else
			r = pwritev2(b->b_fd, iov, n, where, flags);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static bool
map_has(const struct blockdev *bd, uint64_t sector)
{

	return (__atomic_load_n(&bd->bd_map[sector / 8], __ATOMIC_RELAXED) >>
	    sector % 8 & 1) != 0;
}

/* Neighbours share bytes of the map, and helpers work side by side. */
static void
map_add(struct blockdev *bd, uint64_t at, uint64_t length)
{
	const uint64_t end = (at + length) / bd->bd_sector;

	for (uint64_t i = at / bd->bd_sector; i < end; i++)
		__atomic_fetch_or(&bd->bd_map[i / 8], (uint8_t)(1u << i % 8),
		    __ATOMIC_RELAXED);
}

/* Take note of what is about to be written, for whoever keeps copies. */
static void
changes_add(struct blockdev *bd, const struct hyp_bio *bio)
{
	const struct backing *b = bd->bd_kind == OVERLAYDEV ? &bd->bd_upper :
	    &bd->bd_lower;
	const uint64_t at = (uint64_t)(b->b_offset + bio->offset);
	const uint64_t last = (at + bio->length - 1) / HYP_BLOCK_STEP;

	if (bd->bd_changes == NULL || bio->length == 0)
		return;
	for (uint64_t i = at / HYP_BLOCK_STEP;
	    i <= last && i / 8 < bd->bd_changes_size; i++)
		__atomic_fetch_or(&bd->bd_changes[i / 8],
		    (uint8_t)(1u << i % 8), __ATOMIC_RELAXED);
}

/* Which file has the byte at AT, and for how many bytes of the LENGTH. */
static const struct backing *
backing_of(const struct blockdev *bd, int op, uint64_t at, uint64_t *length)
{
	const uint64_t end = at + *length;
	uint64_t next;
	bool upper;

	if (bd->bd_kind != OVERLAYDEV)
		return &bd->bd_lower;
	if (op == HYP_WRITE)
		return &bd->bd_upper;
	upper = map_has(bd, at / bd->bd_sector);
	next = (at / bd->bd_sector + 1) * bd->bd_sector;
	while (next < end && map_has(bd, next / bd->bd_sector) == upper)
		next += bd->bd_sector;
	*length = (next < end ? next : end) - at;
	return upper ? &bd->bd_upper : &bd->bd_lower;
}

/*
 * Transfer the data.  Returns a host errno; with RWF_NOWAIT that may be EAGAIN
 * or EOPNOTSUPP, and nothing is lost by starting again.
 */
static int
transfer_data(struct blockdev *bd, struct hyp_bio *bio, int flags)
{
	struct cursor c = { .from = bio->iov, .left = bio->iovcnt };

	if (bio->op == HYP_WRITE && bd->bd_kind == FILEDEV &&
	    backing_is_cut_by_now(&bd->bd_lower,
	    (uint64_t)bio->offset + bio->length))
		return EIO;
	while (c.done < bio->length) {
		const uint64_t at = (uint64_t)bio->offset + c.done;
		uint64_t length = bio->length - c.done;
		const struct backing *b = backing_of(bd, bio->op, at, &length);
		const ssize_t r = portion(b, bio->op, &c, at, length, flags);

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
	if (bd->bd_kind == OVERLAYDEV && bio->op == HYP_WRITE)
		map_add(bd, (uint64_t)bio->offset, bio->length);
	bio->resid = 0;
	return 0;
}

static int
transfer_discard(struct blockdev *bd, struct hyp_bio *bio)
{
	const struct backing *b = bd->bd_kind == OVERLAYDEV ? &bd->bd_upper :
	    &bd->bd_lower;

	if (fallocate(b->b_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    b->b_offset + bio->offset, (off_t)bio->length) != 0)
		return errno;
	if (bd->bd_kind == OVERLAYDEV)
		map_add(bd, (uint64_t)bio->offset, bio->length);
	bio->resid = 0;
	return 0;
}

/* The data of an overlay first, then the map that says it is there. */
static int
flush_overlay(struct blockdev *bd)
{
	uint64_t done = 0;

	if (bd->bd_map_at == 0)
		return 0;
	if (fdatasync(bd->bd_upper.b_fd) != 0)
		return errno;
	while (done < bd->bd_map_size) {
		const ssize_t r = pwrite(bd->bd_upper.b_fd, bd->bd_map + done,
		    bd->bd_map_size - done, bd->bd_map_at + (off_t)done);

		if (r < 0 && errno != EINTR)
			return errno;
		if (r > 0)
			done += (uint64_t)r;
	}
	return fdatasync(bd->bd_upper.b_fd) == 0 ? 0 : errno;
}

/* A failed flush leaves the device dirty: the next one tries again. */
static int
transfer_flush(struct blockdev *bd, struct hyp_bio *bio)
{
	int error;

	bio->resid = 0;
	if (!atomic_exchange(&bd->bd_dirty, false))
		return 0;
	if (bd->bd_kind == OVERLAYDEV)
		error = flush_overlay(bd);
	else if (backing_is_cut(&bd->bd_lower))
		error = EIO;
	else
		error = fdatasync(bd->bd_lower.b_fd) == 0 ? 0 : errno;
	if (error != 0)
		bd->bd_dirty = true;
	return error;
}

static int
transfer(struct blockdev *bd, struct hyp_bio *bio, int flags)
{

	switch (bio->op) {
	case HYP_READ:
		return transfer_data(bd, bio, flags);
	case HYP_WRITE:
		bd->bd_dirty = true;
		changes_add(bd, bio);
		return transfer_data(bd, bio, flags);
	case HYP_FLUSH:
		return transfer_flush(bd, bio);
	default:
		bd->bd_dirty = true;
		changes_add(bd, bio);
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
	if (bd->bd_kind == OVERLAYDEV && (((uint64_t)bio->offset |
	    bio->length) & (bd->bd_sector - 1)) != 0)
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
	const bool overlay = bd->bd_kind == OVERLAYDEV;
	const bool quick = overlay ? bd->bd_upper.b_quick :
	    bd->bd_lower.b_quick;

	*flags = 0;
	switch (bio->op) {
	case HYP_READ:
		if (bd->bd_lower.b_quick && (quick || !overlay))
			return true;
		*flags = RWF_NOWAIT;
		return !bd->bd_nonowait;
	case HYP_WRITE:
		return quick || (bio->length <= WRITE_NOW &&
		    (bd->bd_flags & HYP_BLOCK_SYNC) == 0);
	case HYP_FLUSH:
		return !bd->bd_dirty || quick;
	default:
		return quick;
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
	if (bd->bd_kind == PYTHONDEV) {
		error = execute_python(bd, bio);
		if (hyp_in_child()) {	/* it has forked: no bio here */
			device_drop(bd);
			return 0;
		}
	} else {
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
