/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsck: the superblock.  The first one is believed unless it can't be, or its
 * copies and what lies where they say contradict it; then a copy takes its
 * place.  At the end it says what was found.
 */

#include <stdio.h>
#include <string.h>

#include "fsck.h"

#define	FSCK_ASKED	8	/* groups, when a superblock is doubted */

/* 32-bit counters only, as before FFSv2. */
bool
fsck_notupdated(const struct fs *fs)
{
	return !ffs_isufs2(fs) && (fs->fs_old_flags & FFS_FLAGS_UPDATED) == 0;
}

/* Do two superblocks agree on where everything lies? */
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

/* And on the rest that nobody changes later? */
static bool
fsck_super_equal(const struct fs *a, const struct fs *b)
{
	if (!fsck_super_same(a, b) || a->fs_magic != b->fs_magic ||
	    a->fs_contigsumsize != b->fs_contigsumsize)
		return false;
	return ffs_isufs2(a) || (a->fs_old_cgoffset == b->fs_old_cgoffset &&
	    a->fs_old_cgmask == b->fs_old_cgmask);
}

static uint32_t
fsck_asked(const struct fs *fs)
{
	return fs->fs_ncg < FSCK_ASKED ? fs->fs_ncg : FSCK_ASKED;
}

/* The copy in group c of the file system of s. */
static bool
fsck_super_copy(struct fsck *f, const struct fft_super *s, uint32_t c,
    struct fft_super *copy)
{
	const int64_t at = ffs_cgsblock(&s->fs, c) << s->fs.fs_fshift;

	return at != s->fs.fs_sblockloc &&
	    fft_super_find(f->d, at, 0, copy) == 0 && copy->swap == s->swap;
}

/* Is the root's first entry "." of itself?  And of which format? */
static bool
fsck_root_ok(struct fsck *f, const struct fft_super *s, bool *is43)
{
	struct fft_dinode root;
	struct direct e;
	uint16_t namlen;

	if (fft_inode_read(f->d, s, UFS_ROOTINO, &root) != 0 ||
	    ffs_reserved_range(&s->fs, root.db[0], 1) ||
	    !fsck_read(f, root.db[0] << s->fs.fs_fshift, &e, 12))
		return false;
	memcpy(&namlen, &e.d_type, sizeof(namlen));
	*is43 = ffs_rw16(namlen, s->swap != 0) == 1;
	return ffs_rw32(e.d_ino, s->swap != 0) == UFS_ROOTINO &&
	    e.d_name[0] == '.' && e.d_name[1] == '\0';
}

/*
 * How much of what a superblock says is where it says: heads of groups, their
 * summaries, the root; and whether there are others that say the same.
 */
static int
fsck_super_score(struct fsck *f, const struct fft_super *s, int *copiesp)
{
	const struct fs *fs = &s->fs;
	struct fft_super copy;
	struct csum sum;
	struct cg head;
	bool is43;
	int score = 0;

	*copiesp = 0;
	for (uint32_t c = 0; c < fsck_asked(fs); c++) {
		if (fsck_super_copy(f, s, c, &copy))
			*copiesp += fsck_super_equal(fs, &copy.fs);
		if (fft_group_read(f->d, s, c, &head, f->buf) != 0 ||
		    fsck_head_check(fs, c, &head) != NULL ||
		    !fsck_read(f, (fs->fs_csaddr << fs->fs_fshift) + c *
		    (int64_t)sizeof(sum), &sum, sizeof(sum)))
			continue;
		score += 2;
		/* In the disk's order both. */
		score += memcmp(f->buf + offsetof(struct cg, cg_cs), &sum,
		    sizeof(sum)) == 0;
	}
	return score + 2 * fsck_root_ok(f, s, &is43);
}

static void
fsck_super_take(struct fsck *f, const struct fft_super *s, const char *why)
{
	f->s = *s;
	f->s.alternate = 1;
	f->old43 = ffs_sb_old43(f->fs);
	f->v2 = ffs_isufs2(f->fs);
	(void)snprintf(f->s.why, sizeof(f->s.why), "%s", why);
}

/*
 * A first superblock may be one and still be wrong.  Who has more of the disk
 * on his side is believed, and then who has more of the copies.
 */
static void
fsck_super_places(struct fsck *f)
{
	const uint32_t n = fsck_asked(f->fs);
	struct fft_super copy, best = f->s;
	int copies, score, most, found;
	bool doubt = false;

	score = fsck_super_score(f, &f->s, &copies);
	most = copies;
	if (score < (int)(2 * n) &&
	    fft_super_search(f->d, &copy) == 0 && copy.swap == f->s.swap &&
	    copy.fs.fs_sblockloc == f->fs->fs_sblockloc &&
	    fsck_super_score(f, &copy, &found) > score) {
		score = fsck_super_score(f, &copy, &most);
		best = copy;
		doubt = true;
	}
	for (uint32_t c = 0; c < n; c++) {
		int has, points;

		if (!fsck_super_copy(f, &f->s, c, &copy) ||
		    fsck_super_equal(&best.fs, &copy.fs) ||
		    copy.fs.fs_sblockloc != f->fs->fs_sblockloc)
			continue;
		points = fsck_super_score(f, &copy, &has);
		if (points < score || (points == score && has <= most + 1))
			continue;
		score = points;
		most = has;
		best = copy;
		doubt = true;
	}
	if (doubt && !fsck_super_equal(f->fs, &best.fs))
		fsck_super_take(f, &best, "the superblock contradicts its "
		    "copies and the groups");
}

/*
 * Which symbolic links have blocks is the same for all file systems of a
 * version, unless they are very old.
 */
static void
fsck_super_links(struct fsck *f)
{
	const int32_t max = f->v2 ? UFS2_MAXSYMLINKLEN : UFS1_MAXSYMLINKLEN;
	struct fft_super copy;
	int32_t said;

	if (f->old43 || fsck_notupdated(f->fs) || !fsck_read(f, f->s.where +
	    (int64_t)offsetof(struct fs, fs_maxsymlinklen), &said,
	    sizeof(said)))
		return;
	said = (int32_t)fsck_32(f, (uint32_t)said);
	if (said == max)
		return;
	for (uint32_t c = 0; c < fsck_asked(f->fs); c++) {
		/* Reading has made what is too large the largest. */
		if (f->fs->fs_maxsymlinklen != max && (!fsck_super_copy(f,
		    &f->s, c, &copy) || copy.fs.fs_maxsymlinklen != max))
			continue;
		fsck_problem(f, "superblock", 1, 0, "it says that symbolic "
		    "links of %d bytes have blocks: corrected", said);
		f->fs->fs_maxsymlinklen = max;
		f->sbdirty = true;
		return;
	}
}

/*
 * A first superblock that tells of another format of inodes or of itself than
 * its copies is damaged.  Formats are never changed back: a copy that knows a
 * newer one is believed.  They do get newer, which systems note in the first
 * superblock only; so copies that know 4.3BSD's inodes are believed together
 * with the root.
 */
static void
fsck_super_doubt(struct fsck *f)
{
	const bool old43 = f->old43, old = fsck_notupdated(f->fs);
	const uint32_t n = fsck_asked(f->fs);
	struct fft_super copy, found = f->s;
	bool newer = false, older = false, is43 = false;

	for (uint32_t c = 0; c < n && !f->v2 && !newer; c++) {
		if (!fsck_super_copy(f, &f->s, c, &copy) ||
		    !fsck_super_same(f->fs, &copy.fs))
			continue;
		if (ffs_sb_sun(&copy.fs)) {
			fsck_super_take(f, &copy, "the superblock is not "
			    "Solaris', but its copies are");
			return;
		}
		newer = (old43 || old) && !ffs_sb_old43(&copy.fs) &&
		    !fsck_notupdated(&copy.fs);
		if (newer || !older)
			found = copy;
		older = ffs_sb_old43(&copy.fs);
	}
	if (newer || (!old43 && older && fsck_root_ok(f, &f->s, &is43) &&
	    is43))
		fsck_super_take(f, &found, newer ?
		    "the superblock is of an older format than its copies" :
		    "the superblock is of a newer format than its copies");
}

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

bool
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
	/* Solaris does not keep its copies. */
	if (!f->s.alternate && !ffs_sb_sun(f->fs)) {
		fsck_super_places(f);
		fsck_super_doubt(f);
		fsck_super_links(f);
	}
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

/* An old superblock over inodes of today's format: brought up to date. */
static bool
fsck_oldsuper(const struct fsck *f)
{
	return !f->old43 && fsck_notupdated(f->fs);
}

/* What is not known well enough to be changed. */
const char *
fsck_readonly(const struct fsck *f)
{
	if (ffs_sb_sun(f->fs))
		return "Solaris' UFS";
	if (f->old43 && f->fs->fs_clean >= FFS_SUN_LEAST)
		return "a state that only Solaris knows";
	if (f->oldgroups)
		return "cylinder groups of 4.2BSD";
	if (fsck_oldsuper(f))
		return "a superblock of the old format (but with -y)";
	return NULL;
}

/* The decoder has filled in all the newer members: say that they are. */
void
fsck_super_update(struct fsck *f)
{
	if (!fsck_oldsuper(f))
		return;
	fsck_problem(f, "old-superblock", 0, 0,
	    "the superblock is of the old format: brought up to date");
	f->fs->fs_old_flags |= FFS_FLAGS_UPDATED;
	f->fs->fs_maxbsize = f->fs->fs_bsize;
	f->sbdirty = true;
}

/*
 * A superblock for the disk, into a buffer with what lies behind it.  An old
 * one stays as it was read but for the members that were there already.
 */
static void
fsck_super_encode(struct fsck *f, uint8_t *buf)
{
	const struct fs *fs = f->fs;
	struct fs *out = (struct fs *)(void *)buf;
	const struct csum sum = {
		.cs_ndir = (int32_t)fs->fs_cstotal.cs_ndir,
		.cs_nbfree = (int32_t)fs->fs_cstotal.cs_nbfree,
		.cs_nifree = (int32_t)fs->fs_cstotal.cs_nifree,
		.cs_nffree = (int32_t)fs->fs_cstotal.cs_nffree,
	};

	if (!fsck_notupdated(fs)) {
		ffs_sb_encode(buf, fs, f->swap);
		return;
	}
	(void)fsck_read(f, f->s.where, buf, FFS_SBLOCKSIZE);
	out->fs_old_time = (int32_t)fsck_32(f, (uint32_t)fs->fs_time);
	out->fs_old_cstotal.cs_ndir = (int32_t)fsck_32(f,
	    (uint32_t)sum.cs_ndir);
	out->fs_old_cstotal.cs_nbfree = (int32_t)fsck_32(f,
	    (uint32_t)sum.cs_nbfree);
	out->fs_old_cstotal.cs_nifree = (int32_t)fsck_32(f,
	    (uint32_t)sum.cs_nifree);
	out->fs_old_cstotal.cs_nffree = (int32_t)fsck_32(f,
	    (uint32_t)sum.cs_nffree);
	out->fs_fmod = fs->fs_fmod;
	out->fs_clean = fs->fs_clean;
	out->fs_ronly = fs->fs_ronly;
	out->fs_old_flags = (uint8_t)fs->fs_flags;
}

/* Copies of the superblock in the groups. */
void
fsck_super_copies(struct fsck *f)
{
	const struct fs *fs = f->fs;
	uint8_t buf[FFS_SBLOCKSIZE];
	struct fs copy;

	for (uint32_t c = 0; c < fs->fs_ncg && f->fatal == 0; c++) {
		const int64_t at = ffs_cgsblock(fs, c) << fs->fs_fshift;
		const char *why;
		bool swap;

		fsck_tick(f, c);
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
		fsck_super_encode(f, buf);
		fsck_write(f, at, buf, sizeof(buf));
	}
}

/* The first superblock, as it is to be. */
void
fsck_super_finish(struct fsck *f)
{
	struct fs *fs = f->fs;
	uint8_t buf[FFS_SBLOCKSIZE];

	if (!fsck_isclean(f)) {
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
	fsck_super_encode(f, buf);
	fsck_write(f, fs->fs_sblockloc, buf, sizeof(buf));
}
