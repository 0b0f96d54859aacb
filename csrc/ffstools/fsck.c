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
		run = fft_isset(f->used, (uint64_t)b) ? 0 : run + 1;
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
	if (ffs_reserved_range(f->fs, b, n))
		return;
	for (int i = 0; i < n; i++)
		fft_clrbit(f->used, (uint64_t)(b + i));
	if (b >> f->fs->fs_fragshift < f->next)
		f->next = b >> f->fs->fs_fragshift;
}

/* The superblock. */

/*
 * What the damaged first superblock still tells and its copies never knew:
 * name, journal, quotas, snapshots.
 */
static void
fsck_super_merge(struct fsck *f)
{
	struct fs *fs = f->fs;
	uint8_t buf[FFS_SBLOCKSIZE];
	struct fs old;

	if (!fsck_read(f, fs->fs_sblockloc, buf, sizeof(buf)))
		return;
	memcpy(&old, buf, sizeof(old));
	if (f->swap)
		ffs_sb_swap(&old);
	if (old.fs_magic != fs->fs_magic ||
	    old.fs_sblockloc != fs->fs_sblockloc)
		return;
	memcpy(fs->fs_volname, old.fs_volname, sizeof(fs->fs_volname));
	memcpy(fs->fs_fsmnt, old.fs_fsmnt, sizeof(fs->fs_fsmnt));
	fs->fs_clean = old.fs_clean;
	if (ffs_sb_haswapbl(&old)) {
		fs->fs_flags |= FFS_DOWAPBL;
		fs->fs_journal_version = old.fs_journal_version;
		fs->fs_journal_location = old.fs_journal_location;
		memcpy(fs->fs_journallocs, old.fs_journallocs,
		    sizeof(fs->fs_journallocs));
	}
	if (ffs_sb_hasquota2(&old)) {
		fs->fs_flags |= FFS_DOQUOTA2;
		fs->fs_quota_magic = old.fs_quota_magic;
		fs->fs_quota_flags = old.fs_quota_flags;
		memcpy(fs->fs_quotafile, old.fs_quotafile,
		    sizeof(fs->fs_quotafile));
	}
}

static bool	fsck_oldsuper(const struct fsck *);
static bool	fsck_super_same(const struct fs *, const struct fs *);

/*
 * A first superblock that says it is of an old format, while its copies say
 * they are not, is damaged: formats are not changed back.
 */
static void
fsck_super_doubt(struct fsck *f)
{
	const uint32_t n = f->fs->fs_ncg < 4 ? f->fs->fs_ncg : 4;
	struct fft_super copy;

	for (uint32_t c = 0; c < n && (f->old43 || fsck_oldsuper(f)); c++) {
		const int64_t at = ffs_cgsblock(f->fs, c) << f->fs->fs_fshift;

		if (at == f->s.where ||
		    fft_super_find(f->d, at, 0, &copy) != 0 ||
		    ffs_sb_old43(&copy.fs) ||
		    (copy.fs.fs_old_flags & FFS_FLAGS_UPDATED) == 0 ||
		    copy.swap != f->s.swap ||
		    !fsck_super_same(f->fs, &copy.fs))
			continue;
		f->s = copy;
		f->s.alternate = 1;
		f->old43 = false;
		(void)snprintf(f->s.why, sizeof(f->s.why), "%s",
		    "the superblock is of an older format than its copies");
	}
}

static bool
fsck_super_read(struct fsck *f)
{
	struct fft_fsck *r = f->rep;
	int error;

	error = fft_super_find(f->d, r->alternate, 1, &f->s);
	if (error != 0) {
		f->fatal = error;
		return false;
	}
	f->fs = &f->s.fs;
	f->swap = f->s.swap != 0;
	f->v2 = ffs_isufs2(f->fs);
	f->old43 = ffs_sb_old43(f->fs);
	fsck_super_doubt(f);
	if (f->s.alternate) {
		fsck_problem(f, "superblock", 1, 0, "%s: taken from the copy "
		    "at sector %lld", f->s.why[0] != '\0' ? f->s.why :
		    "another one was asked for",
		    (long long)f->s.where / 512);
		fsck_super_merge(f);
		f->sbdirty = true;
	}
	return true;
}

/* After a replay, which may have brought another one. */
void
fsck_super_again(struct fsck *f)
{
	const bool swap = f->swap;
	uint8_t buf[FFS_SBLOCKSIZE];
	struct fs new;
	const char *why;
	bool newswap;

	if (f->s.alternate || !fsck_read(f, f->s.where, buf, sizeof(buf)))
		return;
	if (ffs_sb_decode(&new, buf, f->s.where, f->d->size, &newswap, &why) !=
	    FFS_SB_OK || newswap != swap || new.fs_magic != f->fs->fs_magic) {
		fsck_problem(f, "superblock", 1, 0,
		    "the journal brought an absurd superblock: not taken");
		f->sbdirty = true;
		return;
	}
	*f->fs = new;
	f->sbdirty = true;
}

/* 32-bit counters only, as before FFSv2; inodes are today's. */
static bool
fsck_oldsuper(const struct fsck *f)
{
	return !f->v2 && !f->old43 &&
	    (f->fs->fs_old_flags & FFS_FLAGS_UPDATED) == 0;
}

static bool
fsck_readonly(const struct fsck *f)
{
	return f->old43 || fsck_oldsuper(f);
}

/* The decoder has filled in all the newer members: say that they are. */
static void
fsck_super_update(struct fsck *f)
{
	fsck_problem(f, "old-superblock", 0, 0,
	    "the superblock is of the old format: brought up to date");
	f->fs->fs_old_flags |= FFS_FLAGS_UPDATED;
	f->fs->fs_maxbsize = f->fs->fs_bsize;
	f->sbdirty = true;
}

/* What makes an image one to look at only; notes about the rest. */
static void
fsck_flavour(struct fsck *f)
{
	const struct fs *fs = f->fs;
	struct fft_fsck *r = f->rep;

	r->version = f->v2 ? 2 : 1;
	r->swap = f->swap;
	r->old43 = f->old43;
	r->clean = fs->fs_clean == FFS_ISCLEAN &&
	    (fs->fs_flags & FFS_NEEDSFSCK) == 0;
	r->size = fs->fs_size << fs->fs_fshift;
	if (fsck_oldsuper(f) && r->mode == FFT_REPAIR)
		fsck_super_update(f);
	if (f->old43 || fsck_oldsuper(f))
		fsck_note(f, "%s: checked, never repaired",
		    ffs_sb_sun(fs) ? "Solaris' log and lists are not known" :
		    f->old43 ? "4.3BSD inodes and directories" :
		    "a superblock of the old format (but with -y)");
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

static bool
fsck_super_same(const struct fs *a, const struct fs *b)
{
	return a->fs_size == b->fs_size && a->fs_ncg == b->fs_ncg &&
	    a->fs_bsize == b->fs_bsize && a->fs_fsize == b->fs_fsize &&
	    a->fs_ipg == b->fs_ipg && a->fs_fpg == b->fs_fpg &&
	    a->fs_sblkno == b->fs_sblkno && a->fs_cblkno == b->fs_cblkno &&
	    a->fs_iblkno == b->fs_iblkno && a->fs_dblkno == b->fs_dblkno &&
	    a->fs_csaddr == b->fs_csaddr && a->fs_cssize == b->fs_cssize &&
	    a->fs_cgsize == b->fs_cgsize && a->fs_sblockloc == b->fs_sblockloc;
}

/* Copies of the superblock in the groups. */
static void
fsck_super_copies(struct fsck *f)
{
	const struct fs *fs = f->fs;
	uint8_t buf[FFS_SBLOCKSIZE];
	struct fs copy;

	for (uint32_t c = 0; c < fs->fs_ncg && f->fatal == 0; c++) {
		const int64_t at = ffs_cgsblock(fs, c) << fs->fs_fshift;
		const char *why;
		bool swap;

		if (at == fs->fs_sblockloc ||
		    !fsck_read(f, at, buf, sizeof(buf)))
			continue;
		if (ffs_sb_decode(&copy, buf, fs->fs_sblockloc, f->d->size,
		    &swap, &why) == FFS_SB_OK && swap == f->swap &&
		    fsck_super_same(fs, &copy))
			continue;
		fsck_problem(f, "superblock-copy", 0, 0, "the copy in group "
		    "%u is damaged", c);
		memset(buf, 0, sizeof(buf));
		ffs_sb_encode(buf, fs, f->swap);
		fsck_write(f, at, buf, sizeof(buf));
	}
}

/* The first superblock, as it is to be. */
static void
fsck_super_finish(struct fsck *f)
{
	struct fs *fs = f->fs;
	uint8_t buf[FFS_SBLOCKSIZE];

	if (fs->fs_clean != FFS_ISCLEAN ||
	    (fs->fs_flags & (FFS_UNCLEAN | FFS_NEEDSFSCK)) != 0) {
		fsck_problem(f, "not-clean", 0, 0, "not marked as clean");
		f->sbdirty = true;
	}
	if (!f->sbdirty && f->rep->count == 0)
		return;
	fs->fs_clean = FFS_ISCLEAN;
	fs->fs_flags &= ~(uint32_t)(FFS_UNCLEAN | FFS_NEEDSFSCK);
	fs->fs_pendingblocks = 0;
	fs->fs_pendinginodes = 0;
	fs->fs_fmod = 0;
	fs->fs_ronly = 0;
	fs->fs_time = f->rep->now;
	(void)fsck_read(f, fs->fs_sblockloc, buf, sizeof(buf));
	if (f->s.alternate)
		memset(buf, 0, sizeof(buf));
	ffs_sb_encode(buf, fs, f->swap);
	fsck_write(f, fs->fs_sblockloc, buf, sizeof(buf));
}

/* Memory for all phases; refuse what would need too much. */
static bool
fsck_setup(struct fsck *f)
{
	const struct fs *fs = f->fs;
	const size_t bsize = (size_t)fs->fs_bsize;
	const uint64_t n = (uint64_t)fs->fs_nindir;

	f->maxsize = ((UFS_NDADDR + n + n * n + n * n * n) <<
	    fs->fs_bshift) - 1;
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
	f->buf = malloc(FFS_MAXBSIZE);
	if (f->used == NULL || f->ino == NULL || f->cgok == NULL ||
	    f->inited == NULL || f->ind[0] == NULL || f->ind[1] == NULL ||
	    f->ind[2] == NULL || f->buf == NULL) {
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
	if (ffs_sb_haswapbl(f->fs))
		fsck_journal(f);
	if (f->fatal != 0 || !fsck_setup(f))
		return;
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]) &&
	    f->fatal == 0; i++)
		phases[i](f);
	if (f->fatal == 0)
		fsck_super_finish(f);
}

int
fft_fsck(struct fft_disk *d, struct fft_fsck *r)
{
	struct fsck f = { .d = d, .rep = r };
	int error;

	error = fft_overlay_begin(d, r->limit);
	if (error != 0)
		return error;
	if (fsck_super_read(&f)) {
		fsck_run(&f);
		if (fsck_readonly(&f) && r->mode != FFT_CHECK &&
		    r->count != 0)
			r->stuck = r->stuck != 0 ? r->stuck : r->count;
		if (f.fatal == 0 && fft_overlay_pages(d) != 0 &&
		    !fsck_readonly(&f) && (r->mode == FFT_REPAIR ||
		    (r->mode == FFT_PREEN && r->serious == 0))) {
			f.fatal = fft_overlay_commit(d);
			r->committed = f.fatal == 0;
		}
	}
	fsck_teardown(&f);
	fft_overlay_drop(d);
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
