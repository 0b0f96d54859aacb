/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetBSD's journal (WAPBL): what it holds is written to where it belongs, into
 * the overlay as everything else; then the journal is marked as empty.
 *
 * Behind two copies of a header lies a ring of records.  A record is a block
 * of 512 bytes that names runs of blocks, whose contents follow it; or takes
 * runs back; or names inodes that were being made or removed, which the other
 * phases find anyhow.  All is checked before anything is written.
 */

#include <stdlib.h>
#include <string.h>

#include "fsck.h"

#define	LOG_HEADER	0x5741424cU
#define	LOG_INODES	0x5741424dU
#define	LOG_REVOKE	0x5741424eU
#define	LOG_BLOCKS	0x5741424fU
#define	LOG_SECTOR	512
#define	LOG_MAXRUNS	31
#define	LOG_MAXINODES	62

struct log_header {
	uint32_t	type, len, checksum, generation, fsid[2];
	uint64_t	time;
	uint32_t	timensec, version, logshift, fsshift;
	int64_t		head, tail, off, size;
};
_Static_assert(sizeof(struct log_header) == 80, "log_header");

struct log_run {
	int64_t		daddr;
	uint32_t	unused;
	uint32_t	dlen;
};

struct log_record {
	uint32_t	type, len, count, clear;
	struct log_run	run[LOG_MAXRUNS];
};
_Static_assert(sizeof(struct log_record) == LOG_SECTOR, "log_record");

struct fsck_log {
	struct fsck	*f;
	bool		swap;
	int64_t		base;		/* bytes */
	int64_t		size;
	struct log_header h;
	int		which;		/* of the headers is the newer */
	int64_t		used;		/* bytes of the ring */
	int64_t		*key;		/* sector of the disk + 1 */
	int64_t		*val;		/* where in the journal; 0: revoked */
	uint64_t	mask;
};

static uint32_t
log_32(const struct fsck_log *l, uint32_t v)
{
	return ffs_rw32(v, l->swap);
}

static int64_t
log_64(const struct fsck_log *l, int64_t v)
{
	return (int64_t)ffs_rw64((uint64_t)v, l->swap);
}

static void
log_swap(struct log_header *h)
{
	uint32_t *w = (uint32_t *)(void *)h;

	for (int i = 0; i < 6; i++)
		w[i] = __builtin_bswap32(w[i]);
	for (int i = 8; i < 12; i++)
		w[i] = __builtin_bswap32(w[i]);
	h->time = __builtin_bswap64(h->time);
	h->head = (int64_t)__builtin_bswap64((uint64_t)h->head);
	h->tail = (int64_t)__builtin_bswap64((uint64_t)h->tail);
	h->off = (int64_t)__builtin_bswap64((uint64_t)h->off);
	h->size = (int64_t)__builtin_bswap64((uint64_t)h->size);
}

static const char *
log_place(struct fsck_log *l)
{
	const struct fs *fs = l->f->fs;
	uint64_t addr = fs->fs_journallocs[0], count = fs->fs_journallocs[1];
	const uint64_t sectors = (uint64_t)l->f->d->size / LOG_SECTOR;

	/* Some kernels did not bring these numbers into the disk's order. */
	if (fs->fs_journallocs[2] == __builtin_bswap64(LOG_SECTOR)) {
		addr = __builtin_bswap64(addr);
		count = __builtin_bswap64(count);
	} else if (fs->fs_journallocs[2] != LOG_SECTOR)
		return "block size";
	if (addr == 0 || count < 4 || addr >= sectors ||
	    count > sectors - addr)
		return "place";
	l->base = (int64_t)addr * LOG_SECTOR;
	l->size = (int64_t)count * LOG_SECTOR;
	return NULL;
}

static bool
log_inring(const struct log_header *h, int64_t off)
{
	return off % LOG_SECTOR == 0 && off >= h->off &&
	    off < h->off + h->size;
}

static bool
log_header_ok(const struct fsck_log *l, const struct log_header *h)
{
	return h->version == 1 && h->logshift == 9 && h->fsshift == 9 &&
	    h->off >= 2 * LOG_SECTOR && h->off < l->size && h->size > 0 &&
	    h->off % LOG_SECTOR == 0 && h->size % LOG_SECTOR == 0 &&
	    h->size <= l->size - h->off &&
	    ((h->head == 0 && h->tail == 0) ||
	    (log_inring(h, h->head) && log_inring(h, h->tail)));
}

static const char *
log_headers(struct fsck_log *l)
{
	uint8_t raw[2 * LOG_SECTOR];
	bool found = false;

	if (!fsck_read(l->f, l->base, raw, sizeof(raw)))
		return "header that can't be read";
	for (int i = 0; i < 2; i++) {
		struct log_header h;

		memcpy(&h, raw + i * LOG_SECTOR, sizeof(h));
		if (h.type == __builtin_bswap32(LOG_HEADER)) {
			log_swap(&h);
			l->swap = true;
		}
		if (h.type != LOG_HEADER)
			continue;
		if (!log_header_ok(l, &h))
			return "header";
		if (!found || h.generation > l->h.generation) {
			l->h = h;
			l->which = i;
		}
		found = true;
	}
	if (!found)
		return "header";
	if (l->h.tail != 0)
		l->used = (l->h.head + l->h.size - 1 - l->h.tail) %
		    l->h.size + 1;
	return NULL;
}

static int64_t
log_next(const struct fsck_log *l, int64_t off, int64_t n)
{
	off += n;
	return off >= l->h.off + l->h.size ? off - l->h.size : off;
}

static uint64_t
log_slot(const struct fsck_log *l, int64_t sector)
{
	uint64_t i = ((uint64_t)sector * 0x9e3779b97f4a7c15ULL >> 32) &
	    l->mask;

	while (l->key[i] != 0 && l->key[i] != sector + 1)
		i = (i + 1) & l->mask;
	return i;
}

/* Is what the journal has at off, n bytes, a superblock for this disk? */
static bool
log_issuper(struct fsck_log *l, int64_t n, int64_t off)
{
	const struct fs *fs = l->f->fs;
	uint8_t raw[FFS_SBLOCKSIZE] = { 0 };
	struct fs new;
	const char *why;
	bool swap;

	for (int64_t i = 0; i < n && i < FFS_SBLOCKSIZE; i += LOG_SECTOR) {
		if (!fsck_read(l->f, l->base + off, raw + i, LOG_SECTOR))
			return false;
		off = log_next(l, off, LOG_SECTOR);
	}
	return ffs_sb_decode(&new, raw, l->f->s.where, l->f->d->size, &swap,
	    &why) == FFS_SB_OK && swap == l->f->swap && new.fs_sbsize <= n &&
	    new.fs_magic == fs->fs_magic && new.fs_bsize == fs->fs_bsize &&
	    new.fs_fsize == fs->fs_fsize && new.fs_size == fs->fs_size &&
	    new.fs_fpg == fs->fs_fpg && new.fs_ipg == fs->fs_ipg &&
	    new.fs_csaddr == fs->fs_csaddr;
}

/* As the driver: no junk over the superblock, nothing over the journal. */
static bool
log_target_ok(struct fsck_log *l, int64_t at, int64_t n, int64_t off)
{
	const int64_t sb = l->f->s.where;

	if (at < l->base + l->size && at + n > l->base)
		return false;
	if (l->f->s.alternate || at >= sb + l->f->fs->fs_sbsize ||
	    at + n <= sb)
		return true;
	return at == sb && log_issuper(l, n, off);
}

static const char *
log_runs(struct fsck_log *l, const struct log_record *r, int64_t off,
    int64_t len)
{
	const int64_t end = FFS_FSBTODB(l->f->fs, l->f->fs->fs_size);
	const bool revoke = r->type == LOG_REVOKE;
	int64_t total = LOG_SECTOR;

	for (uint32_t i = 0; i < r->count; i++) {
		const int64_t at = log_64(l, r->run[i].daddr);
		const int64_t n = log_32(l, r->run[i].dlen);

		if (n <= 0 || n % LOG_SECTOR != 0 || n > FFS_MAXBSIZE ||
		    at < 0 || at > end - n / LOG_SECTOR)
			return "run of blocks";
		total += n;
		if (!revoke && total > len)
			return "length of a record";
		if (!revoke && !log_target_ok(l, at * LOG_SECTOR, n, off))
			return "place to write to";
		for (int64_t k = 0; k < n / LOG_SECTOR; k++) {
			const uint64_t s = log_slot(l, at + k);

			if (revoke) {
				if (l->key[s] != 0)
					l->val[s] = 0;
				continue;
			}
			l->key[s] = at + k + 1;
			l->val[s] = off;
			off = log_next(l, off, LOG_SECTOR);
		}
	}
	return NULL;
}

static const char *
log_scan(struct fsck_log *l)
{
	struct log_record r;
	int64_t off = l->h.tail, len;
	const char *why;

	for (int64_t left = l->used; left > 0; left -= len) {
		if (!fsck_read(l->f, l->base + off, &r, sizeof(r)))
			return "record that can't be read";
		len = (int32_t)log_32(l, r.len);
		r.type = log_32(l, r.type);
		r.count = log_32(l, r.count);
		if (len < LOG_SECTOR || len % LOG_SECTOR != 0 || len > left)
			return "length of a record";
		switch (r.type) {
		case LOG_BLOCKS:
		case LOG_REVOKE:
			if (r.count > LOG_MAXRUNS)
				return "number of runs";
			why = log_runs(l, &r, log_next(l, off, LOG_SECTOR),
			    len);
			if (why != NULL)
				return why;
			break;
		case LOG_INODES:
			if (r.count > LOG_MAXINODES)
				return "number of inodes";
			break;
		default:
			return "kind of record";
		}
		off = log_next(l, off, len);
	}
	return NULL;
}

static bool
log_table(struct fsck_log *l)
{
	uint64_t n = 64;

	while (n < 2 * (uint64_t)l->used / LOG_SECTOR)
		n *= 2;
	l->mask = n - 1;
	if (n * 16 <= l->f->rep->limit) {
		l->key = calloc(n, sizeof(*l->key));
		l->val = calloc(n, sizeof(*l->val));
	}
	if (l->key != NULL && l->val != NULL)
		return true;
	l->f->fatal = fft_fail(l->f->d, 12, "journal: out of memory");
	return false;
}

static void
log_replay(struct fsck_log *l)
{
	uint8_t sector[LOG_SECTOR];
	struct log_header h = l->h;

	for (uint64_t i = 0; i <= l->mask && l->f->fatal == 0; i++) {
		if (l->key[i] == 0 || l->val[i] == 0 ||
		    !fsck_read(l->f, l->base + l->val[i], sector,
		    sizeof(sector)))
			continue;
		fsck_write(l->f, (l->key[i] - 1) * LOG_SECTOR, sector,
		    sizeof(sector));
		l->f->rep->replayed++;
	}
	/* The other header becomes the newer one, and says: empty. */
	h.head = h.tail = 0;
	h.generation++;
	if (l->swap)
		log_swap(&h);
	memset(sector, 0, sizeof(sector));
	memcpy(sector, &h, sizeof(h));
	fsck_write(l->f, l->base + (l->which == 0 ? LOG_SECTOR : 0), sector,
	    sizeof(sector));
	l->f->logheader = l->base;
}

void
fsck_journal(struct fsck *f)
{
	struct fsck_log l = { .f = f };
	const char *why = log_place(&l);

	if (why == NULL)
		why = log_headers(&l);
	if (why == NULL && l.used > 0 && log_table(&l))
		why = log_scan(&l);
	if (why != NULL) {
		fsck_problem(f, "journal", 1, 0, "the journal has a bad %s: "
		    "it is given up", why);
		f->fs->fs_flags &= ~(uint32_t)FFS_DOWAPBL;
		f->sbdirty = true;
	} else if (l.used > 0 && f->fatal == 0) {
		log_replay(&l);
		fsck_problem(f, "journal", 0, 0, "a journal of %lld bytes: "
		    "replayed", (long long)l.used);
		fsck_super_again(f);
	}
	free(l.key);
	free(l.val);
}
