/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsck: the order of things, what is found, and what all phases need.
 */

#include <sys/stat.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsck.h"

#define	FSCK_KEPT	10000	/* problems; the rest is counted */

/* What is found. */

static struct fft_problem *
fsck_newproblem(struct fsck *f, const char *kind, uint64_t ino)
{
	struct fft_fsck *r = f->rep;
	struct fft_problem *p;

	r->count++;
	if (r->nproblems == FSCK_KEPT)
		return NULL;
	if ((r->nproblems & (r->nproblems - 1)) == 0) {
		const size_t n = r->nproblems == 0 ? 1 : 2 * r->nproblems;

		p = realloc(r->problem, n * sizeof(*p));
		if (p == NULL)
			return NULL;
		r->problem = p;
	}
	p = &r->problem[r->nproblems++];
	memset(p, 0, sizeof(*p));
	p->kind = kind;
	p->ino = ino;
	return p;
}

/* Something that is being repaired; serious: more than a crash leaves. */
void
fsck_problem(struct fsck *f, const char *kind, int serious, uint64_t ino,
    const char *fmt, ...)
{
	struct fft_problem *p = fsck_newproblem(f, kind, ino);
	va_list ap;

	f->rep->serious += serious != 0;
	if (p == NULL)
		return;
	p->serious = serious;
	p->repairable = 1;
	va_start(ap, fmt);
	(void)vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
}

/* Something that can't be repaired. */
void
fsck_stuck(struct fsck *f, const char *kind, uint64_t ino, const char *fmt,
    ...)
{
	struct fft_problem *p = fsck_newproblem(f, kind, ino);
	va_list ap;

	f->rep->serious++;
	f->rep->stuck++;
	if (p == NULL)
		return;
	p->serious = 1;
	va_start(ap, fmt);
	(void)vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
}

/* What is left alone, and what the user should know. */
void
fsck_note(struct fsck *f, const char *fmt, ...)
{
	struct fft_fsck *r = f->rep;
	va_list ap;

	if (r->nnotes == sizeof(r->note) / sizeof(r->note[0]))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r->note[r->nnotes++], sizeof(r->note[0]), fmt, ap);
	va_end(ap);
}

void
fsck_phase(struct fsck *f, int phase, int64_t total)
{
	f->rep->done = 0;
	f->rep->total = total;
	f->rep->phase = phase;
}

/* So far is a phase; asked to stop, it ends here. */
void
fsck_tick(struct fsck *f, int64_t done)
{
	f->rep->done = done;
	if (f->rep->stop != 0 && f->fatal == 0)
		f->fatal = fft_fail(f->d, EINTR, "interrupted");
}

/* Reading and writing: see fsck.h. */

bool
fsck_read(struct fsck *f, int64_t off, void *buf, size_t len)
{
	const int error = fft_read(f->d, off, buf, len);

	if (error == 0)
		return true;
	memset(buf, 0, len);
	if (error == ENOMEM)
		f->fatal = error;
	return false;
}

void
fsck_write(struct fsck *f, int64_t off, const void *buf, size_t len)
{
	const int error = fft_write(f->d, off, buf, len);

	if (error == ENOMEM || error == EFBIG)
		f->fatal = error;
	else if (error != 0)
		fsck_stuck(f, "unreadable", 0, "byte %lld can't be changed",
		    (long long)off);
}

/* Room for one more in an array. */
void *
fsck_grow(struct fsck *f, void *p, size_t n, size_t *max, size_t size)
{
	size_t want = *max == 0 ? 64 : 2 * *max;

	if (n < *max)
		return p;
	if (want * size > f->rep->limit || (p = realloc(p, want * size)) ==
	    NULL) {
		f->fatal = fft_fail(f->d, ENOMEM, "out of memory");
		return NULL;
	}
	*max = want;
	return p;
}

/* What is known of an inode; NULL: it is free, or out of memory. */
struct fsck_ino *
fsck_ino(struct fsck *f, uint64_t ino, bool make)
{
	const uint32_t c = FFS_INO_TO_CG(f->fs, ino);

	if (f->ino[c] == NULL) {
		if (!make)
			return NULL;
		f->ino[c] = calloc(f->fs->fs_ipg, sizeof(**f->ino));
		if (f->ino[c] == NULL) {
			f->fatal = fft_fail(f->d, ENOMEM, "out of memory");
			return NULL;
		}
	}
	return &f->ino[c][ino % f->fs->fs_ipg];
}

/* Space. */

/* n free fragments of a block that is used in part, or 0. */
static int64_t
fsck_alloc_part(struct fsck *f, int n)
{
	const struct fs *fs = f->fs;
	int run = 0;

	for (int64_t b = 0; b < fs->fs_size; b++) {
		run = FFS_FRAGNUM(fs, b) == 0 ? 0 : run;
		run = fft_isset(f->used, (uint64_t)b) || (f->held != NULL &&
		    fft_isset(f->held, (uint64_t)b)) ? 0 : run + 1;
		if (run == n && !ffs_reserved_range(fs, b - n + 1, n))
			return b - n + 1;
	}
	return 0;
}

/* n fragments at the start of a free block, else of any; 0: there are none. */
int64_t
fsck_alloc(struct fsck *f, int n)
{
	const struct fs *fs = f->fs;
	const int64_t nblks = fs->fs_size >> fs->fs_fragshift;
	int64_t b = 0;

	for (; f->next < nblks && b == 0; f->next++) {
		b = f->next << fs->fs_fragshift;
		if (fft_blkbits(f->used, fs->fs_frag, (uint64_t)f->next) != 0 ||
		    (f->held != NULL && fft_blkbits(f->held, fs->fs_frag,
		    (uint64_t)f->next) != 0) ||
		    ffs_reserved_range(fs, b, fs->fs_frag))
			b = 0;
	}
	if (b == 0 && n < fs->fs_frag)
		b = fsck_alloc_part(f, n);
	for (int i = 0; b != 0 && i < n; i++)
		fft_setbit(f->used, (uint64_t)(b + i));
	return b;
}

void
fsck_release(struct fsck *f, int64_t b, int n)
{
	int error;

	if (ffs_reserved_range(f->fs, b, n))
		return;
	/* Only whole blocks were ever taken for indirect ones. */
	error = n < f->fs->fs_frag ? 0 : fft_restore(f->d,
	    b << f->fs->fs_fshift, (size_t)f->fs->fs_bsize);
	if (error != 0)
		f->fatal = error;
	for (int i = 0; i < n; i++)
		fft_clrbit(f->used, (uint64_t)(b + i));
	if (b >> f->fs->fs_fragshift < f->next)
		f->next = b >> f->fs->fs_fragshift;
}

bool
fsck_isclean(const struct fsck *f)
{
	const struct fs *fs = f->fs;

	if (ffs_sb_sun(fs))
		return fs->fs_clean == FFS_ISCLEAN ||
		    fs->fs_clean == FFS_SUN_STABLE ||
		    fs->fs_clean == FFS_SUN_CLEANLOG;
	return fs->fs_clean == FFS_ISCLEAN &&
	    (fs->fs_flags & (FFS_UNCLEAN | FFS_NEEDSFSCK)) == 0;
}

/* What is known before the phases; notes about what is left alone. */
static void
fsck_flavour(struct fsck *f)
{
	const struct fs *fs = f->fs;
	struct fft_fsck *r = f->rep;

	r->version = f->v2 ? 2 : 1;
	r->swap = f->swap;
	r->old43 = f->old43;
	r->clean = fsck_isclean(f);
	r->size = fs->fs_size << fs->fs_fshift;
	if (r->mode == FFT_REPAIR)
		fsck_super_update(f);
	if (ffs_sb_hasquota2(fs))
		fsck_note(f, "quotas: left alone; after repairs they may be "
		    "wrong (quotacheck)");
	if (fs->fs_snapinum[0] != 0)
		fsck_note(f, "snapshots: left alone; after repairs they may "
		    "be wrong");
	if ((fs->fs_flags & FFS_SUJ) != 0)
		fsck_note(f, "journaled soft updates: the journal is not "
		    "used, everything is checked");
}

/* Memory for all phases; refuse what would need too much. */
static bool
fsck_setup(struct fsck *f)
{
	const struct fs *fs = f->fs;
	const size_t bsize = (size_t)fs->fs_bsize;
	const uint64_t n = (uint64_t)fs->fs_nindir;
	uint64_t blks;

	blks = UFS_NDADDR + n + n * n + n * n * n;
	if (f->old43 && blks > INT32_MAX)
		blks = INT32_MAX;
	f->maxsize = (blks << fs->fs_bshift) - 1;
	if (f->maxsize > INT64_MAX)
		f->maxsize = INT64_MAX;
	f->ninodes = (uint64_t)fs->fs_ipg * fs->fs_ncg;
	if ((uint64_t)fs->fs_size / 8 > f->rep->limit ||
	    (uint64_t)fs->fs_ncg * 64 > f->rep->limit) {
		f->fatal = fft_fail(f->d, EFBIG, "too large: the map of its "
		    "fragments needs %lld bytes of memory",
		    (long long)fs->fs_size / 8);
		return false;
	}
	f->used = calloc(1, (size_t)fs->fs_size / 8 + 16);
	f->ino = calloc(fs->fs_ncg, sizeof(*f->ino));
	f->cgok = calloc(fs->fs_ncg, 1);
	f->inited = calloc(fs->fs_ncg, sizeof(*f->inited));
	for (int i = 0; i < UFS_NIADDR; i++)
		f->ind[i] = malloc(bsize);
	if (f->used == NULL || f->ino == NULL || f->cgok == NULL ||
	    f->inited == NULL || f->ind[0] == NULL || f->ind[1] == NULL ||
	    f->ind[2] == NULL) {
		f->fatal = fft_fail(f->d, ENOMEM, "out of memory");
		return false;
	}
	fft_reserve(fs, f->used);
	return true;
}

static void
fsck_teardown(struct fsck *f)
{
	for (uint32_t c = 0; f->ino != NULL && c < f->fs->fs_ncg; c++)
		free(f->ino[c]);
	for (int i = 0; i < UFS_NIADDR; i++)
		free(f->ind[i]);
	free(f->used);
	free(f->held);
	free(f->ino);
	free(f->cgok);
	free(f->inited);
	free(f->dir);
	free(f->edge);
	free(f->pending);
	free(f->buf);
	free(f->map);
}

static void
fsck_run(struct fsck *f)
{
	static void (*const phases[])(struct fsck *) = {
		fsck_group_heads, fsck_inodes, fsck_pendings,
		fsck_directories, fsck_connect, fsck_links, fsck_groups,
		fsck_super_copies,
	};

	fsck_flavour(f);
	if (ffs_sb_sun(f->fs) && !fsck_sun_rolled(f))
		return;
	if (ffs_sb_haswapbl(f->fs))
		fsck_journal(f);
	if (f->fatal != 0 || !fsck_setup(f))
		return;
	if (ffs_sb_sunlog(f->fs))
		fsck_sun_log(f);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]) &&
	    f->fatal == 0; i++)
		phases[i](f);
	if (f->fatal == 0)
		fsck_super_finish(f);
	if (fsck_readonly(f) != NULL)
		fsck_note(f, "%s: checked, never repaired", fsck_readonly(f));
}

/* Writing. */

/*
 * When a page is written.  Data first, so that no pointer to a block that was
 * copied comes before the block; what says that all is well comes last, and
 * with it the header that calls a journal empty.  A repair that is cut off is
 * begun again by the next one, with the journal.
 */
static int
fsck_turn(const void *arg, int64_t from, int64_t to)
{
	const struct fsck *f = arg;
	const struct fs *fs = f->fs;

	if (from < fs->fs_sblockloc + FFS_SBLOCKSIZE && to > fs->fs_sblockloc)
		return 2;
	if (from < f->logheader + 1024 && to > f->logheader &&
	    f->logheader != 0)
		return 2;
	return ffs_reserved_range(fs, from >> fs->fs_fshift,
	    ((to - 1) >> fs->fs_fshift) - (from >> fs->fs_fshift) + 1);
}

/* Before the first write the superblock stops saying that all is well. */
static int
fsck_unclean(struct fsck *f)
{
	const int64_t at = f->fs->fs_sblockloc;
	uint8_t buf[FFS_SBLOCKSIZE];
	const char *why;
	struct fs fs;
	bool swap;
	int error;

	error = fft_disk_read(f->d, at, buf, sizeof(buf));
	if (error != 0 || ffs_sb_decode(&fs, buf, at, f->d->size, &swap,
	    &why) != FFS_SB_OK || fs.fs_clean != FFS_ISCLEAN)
		return error;
	fs.fs_clean = 0;
	if (fsck_notupdated(&fs))
		buf[offsetof(struct fs, fs_clean)] = 0;
	else
		ffs_sb_encode(buf, &fs, swap);
	error = fft_disk_write(f->d, at, buf, (size_t)fs.fs_sbsize);
	return error != 0 ? error : fft_disk_sync(f->d);
}

static void
fsck_commit(struct fsck *f)
{
	struct fft_fsck *r = f->rep;

	if (f->fatal != 0 || fft_overlay_pages(f->d) == 0 ||
	    fsck_readonly(f) != NULL || (r->mode != FFT_REPAIR &&
	    (r->mode != FFT_PREEN || r->serious != 0)))
		return;
	f->fatal = fsck_unclean(f);
	if (f->fatal == 0)
		f->fatal = fft_overlay_commit(f->d, fsck_turn, f);
	r->committed = f->fatal == 0;
}

int
fft_fsck(struct fft_disk *d, struct fft_fsck *r)
{
	struct fsck f = { .d = d, .rep = r };
	int error;

	error = fft_overlay_begin(d, r->limit);
	if (error != 0)
		return error;
	d->stop = &r->stop;
	f.buf = malloc(FFS_MAXBSIZE);
	if (f.buf == NULL)
		f.fatal = fft_fail(d, ENOMEM, "out of memory");
	else if (fsck_super_read(&f)) {
		fsck_run(&f);
		fsck_tick(&f, r->done);
		if (fsck_readonly(&f) != NULL && r->mode != FFT_CHECK &&
		    r->count != 0)
			r->stuck = r->stuck != 0 ? r->stuck : r->count;
		fsck_commit(&f);
	}
	fsck_teardown(&f);
	fft_overlay_drop(d);
	d->stop = NULL;
	fsck_phase(&f, 0, 0);
	return f.fatal;
}

void
fft_fsck_free(struct fft_fsck *r)
{
	free(r->problem);
	r->problem = NULL;
	r->nproblems = 0;
}
