/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and writing the image, and an overlay: pages of 4 KiB that were
 * changed but not written.  fsck works on the overlay, so that it sees its own
 * repairs in a mere check, and writes nothing before it knows everything.
 */

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ffstools.h"

#define	FFT_PAGE	4096
#define	FFT_ROUNDS	3

struct fft_overlay {
	int64_t		*key;		/* page number + 1; 0: empty */
	uint8_t		**page;
	size_t		mask;
	size_t		count;
	size_t		limit;		/* pages */
};

/* Remember what went wrong, and answer the error. */
int
fft_fail(struct fft_disk *d, int error, const char *fmt, ...)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	va_list ap;

	(void)pthread_mutex_lock(&lock);
	va_start(ap, fmt);
	(void)vsnprintf(d->error, sizeof(d->error), fmt, ap);
	va_end(ap);
	(void)pthread_mutex_unlock(&lock);
	return error;
}

static int
fft_pread(struct fft_disk *d, int64_t off, void *buf, size_t len)
{
	char *p = buf;

	while (len > 0) {
		const ssize_t n = pread(d->fd, p, len, d->offset + off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fft_fail(d, errno, "read at byte %lld: %s",
			    (long long)off, strerror(errno));
		if (n == 0)
			return fft_fail(d, EIO,
			    "read at byte %lld: the image ends before",
			    (long long)off);
		p += n;
		off += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
fft_pwrite(struct fft_disk *d, int64_t off, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		const ssize_t n = pwrite(d->fd, p, len, d->offset + off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			const int error = n < 0 ? errno : EIO;

			return fft_fail(d, error, "write at byte %lld: %s",
			    (long long)off, strerror(error));
		}
		p += n;
		off += n;
		len -= (size_t)n;
	}
	return 0;
}

static size_t
fft_overlay_slot(const struct fft_overlay *ov, int64_t page)
{
	size_t i = (size_t)((uint64_t)page * 0x9e3779b97f4a7c15ULL >> 32) &
	    ov->mask;

	while (ov->key[i] != 0 && ov->key[i] != page + 1)
		i = (i + 1) & ov->mask;
	return i;
}

static void
fft_overlay_free(struct fft_overlay *ov)
{
	if (ov == NULL)
		return;
	if (ov->page != NULL)
		for (size_t i = 0; i <= ov->mask; i++)
			free(ov->page[i]);
	free(ov->page);
	free(ov->key);
	free(ov);
}

static struct fft_overlay *
fft_overlay_new(size_t limit)
{
	struct fft_overlay *ov = calloc(1, sizeof(*ov));

	if (ov == NULL)
		return NULL;
	ov->mask = 255;
	ov->limit = limit / FFT_PAGE;
	ov->key = calloc(ov->mask + 1, sizeof(*ov->key));
	ov->page = calloc(ov->mask + 1, sizeof(*ov->page));
	if (ov->key != NULL && ov->page != NULL)
		return ov;
	fft_overlay_free(ov);
	return NULL;
}

/* From now on changes stay in memory: at most so many bytes. */
int
fft_overlay_begin(struct fft_disk *d, size_t limit)
{
	d->overlay = fft_overlay_new(limit);
	d->kept = fft_overlay_new(limit);
	if (d->overlay != NULL && d->kept != NULL)
		return 0;
	fft_overlay_drop(d);
	return fft_fail(d, ENOMEM, "out of memory");
}

size_t
fft_overlay_pages(const struct fft_disk *d)
{
	const struct fft_overlay *ov = d->overlay;

	return ov == NULL ? 0 : ov->count;
}

void
fft_overlay_drop(struct fft_disk *d)
{
	fft_overlay_free(d->overlay);
	fft_overlay_free(d->kept);
	d->overlay = d->kept = NULL;
}

static int
fft_overlay_grow(struct fft_overlay *ov)
{
	struct fft_overlay old = *ov;
	const size_t n = 2 * (ov->mask + 1);
	int64_t *key = calloc(n, sizeof(*key));
	uint8_t **page = calloc(n, sizeof(*page));

	if (key == NULL || page == NULL) {
		free(key);
		free(page);
		return ENOMEM;
	}
	ov->key = key;
	ov->page = page;
	ov->mask = n - 1;
	for (size_t i = 0; i <= old.mask; i++) {
		if (old.key[i] != 0) {
			const size_t s = fft_overlay_slot(ov, old.key[i] - 1);

			ov->key[s] = old.key[i];
			ov->page[s] = old.page[i];
		}
	}
	free(old.key);
	free(old.page);
	return 0;
}

/* A page of an overlay; made, and then not filled in, if it is new. */
static int
fft_overlay_page(struct fft_disk *d, struct fft_overlay *ov, int64_t page,
    uint8_t **datap, bool *newp)
{
	size_t s = fft_overlay_slot(ov, page);
	uint8_t *data;

	*newp = ov->key[s] == 0;
	if (!*newp) {
		*datap = ov->page[s];
		return 0;
	}
	if (ov->count >= ov->limit)
		return fft_fail(d, EFBIG, "more damage than the memory set "
		    "aside for repairs holds");
	if (2 * ov->count > ov->mask) {
		if (fft_overlay_grow(ov) != 0)
			return fft_fail(d, ENOMEM, "out of memory");
		s = fft_overlay_slot(ov, page);
	}
	data = calloc(1, FFT_PAGE);
	if (data == NULL)
		return fft_fail(d, ENOMEM, "out of memory");
	ov->key[s] = page + 1;
	ov->page[s] = data;
	ov->count++;
	*datap = data;
	return 0;
}

/* Bytes of a page, as far as the image has them. */
static size_t
fft_page_size(const struct fft_disk *d, int64_t page)
{
	const int64_t left = d->size - page * FFT_PAGE;

	return left < FFT_PAGE ? (size_t)left : FFT_PAGE;
}

/* The page for a change; read from the image when it is new. */
static int
fft_overlay_change(struct fft_disk *d, int64_t page, uint8_t **datap)
{
	uint8_t buf[FFT_PAGE];
	bool new;
	int error;

	if (((struct fft_overlay *)d->overlay)->key[fft_overlay_slot(
	    d->overlay, page)] == 0) {
		error = fft_pread(d, page * FFT_PAGE, buf,
		    fft_page_size(d, page));
		if (error != 0)
			return error;
	}
	error = fft_overlay_page(d, d->overlay, page, datap, &new);
	if (error == 0 && new)
		memcpy(*datap, buf, fft_page_size(d, page));
	return error;
}

/* Lay what an overlay has over what was read. */
static void
fft_overlay_patch(const struct fft_overlay *ov, int64_t off, void *buf,
    size_t len)
{
	if (ov == NULL || ov->count == 0)
		return;
	for (int64_t page = off / FFT_PAGE;
	    page * FFT_PAGE < off + (int64_t)len; page++) {
		const size_t s = fft_overlay_slot(ov, page);
		int64_t from = page * FFT_PAGE, to = from + FFT_PAGE;

		if (ov->key[s] == 0)
			continue;
		if (from < off)
			from = off;
		if (to > off + (int64_t)len)
			to = off + (int64_t)len;
		memcpy((char *)buf + (from - off), ov->page[s] +
		    from % FFT_PAGE, (size_t)(to - from));
	}
}

int
fft_read(struct fft_disk *d, int64_t off, void *buf, size_t len)
{
	int error;

	if (off < 0 || (int64_t)len > d->size - off)
		return fft_fail(d, EIO, "read of %zu bytes at byte %lld: "
		    "behind the end", len, (long long)off);
	error = fft_pread(d, off, buf, len);
	if (error == 0)
		fft_overlay_patch(d->overlay, off, buf, len);
	return error;
}

/*
 * Remember pages as they are now, for fft_read_kept(): what is changed in the
 * belief that it is one thing may turn out to be another's.
 */
int
fft_keep(struct fft_disk *d, int64_t off, size_t len)
{
	int error = 0;

	for (int64_t page = off / FFT_PAGE; page * FFT_PAGE < off +
	    (int64_t)len && error == 0; page++) {
		uint8_t *data = NULL;
		bool new;

		error = fft_overlay_page(d, d->kept, page, &data, &new);
		if (error == 0 && new)
			error = fft_read(d, page * FFT_PAGE, data,
			    fft_page_size(d, page));
	}
	return error;
}

/* What was kept comes back: it is nobody's any more. */
int
fft_restore(struct fft_disk *d, int64_t off, size_t len)
{
	const struct fft_overlay *ov = d->kept;
	int error = 0;

	if (ov == NULL || ov->count == 0)
		return 0;
	for (int64_t page = off / FFT_PAGE; page * FFT_PAGE < off +
	    (int64_t)len && error == 0; page++) {
		const size_t s = fft_overlay_slot(ov, page);

		if (ov->key[s] != 0)
			error = fft_write(d, page * FFT_PAGE, ov->page[s],
			    fft_page_size(d, page));
	}
	return error;
}

int
fft_read_kept(struct fft_disk *d, int64_t off, void *buf, size_t len)
{
	const int error = fft_read(d, off, buf, len);

	if (error == 0)
		fft_overlay_patch(d->kept, off, buf, len);
	return error;
}

int
fft_write(struct fft_disk *d, int64_t off, const void *buf, size_t len)
{
	int error = 0;

	if (off < 0 || (int64_t)len > d->size - off)
		return fft_fail(d, EIO, "write of %zu bytes at byte %lld: "
		    "behind the end", len, (long long)off);
	if (d->overlay == NULL)
		return fft_pwrite(d, off, buf, len);
	for (int64_t page = off / FFT_PAGE;
	    page * FFT_PAGE < off + (int64_t)len && error == 0; page++) {
		int64_t from = page * FFT_PAGE, to = from + FFT_PAGE;
		uint8_t *data = NULL;

		if (from < off)
			from = off;
		if (to > off + (int64_t)len)
			to = off + (int64_t)len;
		error = fft_overlay_change(d, page, &data);
		if (error == 0)
			memcpy(data + from % FFT_PAGE, (const char *)buf +
			    (from - off), (size_t)(to - from));
	}
	return error;
}

static int
fft_overlay_compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The next byte that is no hole, or the end. */
int64_t
fft_data_from(const struct fft_disk *d, int64_t off)
{
	const off_t at = lseek(d->fd, d->offset + off, SEEK_DATA);

	if (at < 0)
		return errno == ENXIO ? d->size : off;
	return at - d->offset < d->size ? at - d->offset : d->size;
}

/* Past the overlay. */

int
fft_disk_read(struct fft_disk *d, int64_t off, void *buf, size_t len)
{
	if (off < 0 || (int64_t)len > d->size - off)
		return fft_fail(d, EIO, "read of %zu bytes at byte %lld: "
		    "behind the end", len, (long long)off);
	return fft_pread(d, off, buf, len);
}

int
fft_disk_write(struct fft_disk *d, int64_t off, const void *buf, size_t len)
{
	return fft_pwrite(d, off, buf, len);
}

int
fft_disk_sync(struct fft_disk *d)
{
	/* Not every device of the host knows how. */
	if (fdatasync(d->fd) == 0 || errno == EINVAL || errno == ENOTSUP)
		return 0;
	return fft_fail(d, errno, "sync: %s", strerror(errno));
}

/* The pages whose turn it is; then all that was written is on the disk. */
static int
fft_overlay_round(struct fft_disk *d, const int64_t *order, size_t n,
    int round, int (*turn)(const void *, int64_t, int64_t), const void *arg)
{
	const struct fft_overlay *ov = d->overlay;
	size_t written = 0;
	int error = 0;

	for (size_t i = 0; i < n && error == 0; i++) {
		const int64_t at = order[i] * FFT_PAGE;
		const size_t len = fft_page_size(d, order[i]);

		if (turn(arg, at, at + (int64_t)len) != round)
			continue;
		error = fft_pwrite(d, at,
		    ov->page[fft_overlay_slot(ov, order[i])], len);
		written++;
	}
	return error != 0 || written == 0 ? error : fft_disk_sync(d);
}

/*
 * Write all pages and forget them: in FFT_ROUNDS rounds, of which turn() tells
 * one for a stretch of bytes, and each in ascending order.
 */
int
fft_overlay_commit(struct fft_disk *d,
    int (*turn)(const void *, int64_t, int64_t), const void *arg)
{
	struct fft_overlay *ov = d->overlay;
	int64_t *order;
	size_t n = 0;
	int error = 0;

	if (ov == NULL)
		return 0;
	order = malloc((ov->count + 1) * sizeof(*order));
	if (order == NULL)
		return fft_fail(d, ENOMEM, "out of memory");
	for (size_t i = 0; i <= ov->mask; i++)
		if (ov->key[i] != 0)
			order[n++] = ov->key[i] - 1;
	qsort(order, n, sizeof(*order), fft_overlay_compare);
	for (int round = 0; round < FFT_ROUNDS && error == 0; round++)
		error = fft_overlay_round(d, order, n, round, turn, arg);
	free(order);
	if (error == 0)
		fft_overlay_drop(d);
	return error;
}
