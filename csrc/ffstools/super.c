/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding a superblock, which may be a copy of the first one; groups and
 * inodes in host order.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ffstools.h"

#define	FFT_SEARCHSTEP	4096	/* copies lie at multiples of a block */
#define	FFT_SEARCHREAD	(1 << 20)

#define	FFT_OCG_IUSED	724	/* in a group of 4.2BSD */
#define	FFT_OCG_MAGIC	980
#define	FFT_OCG_FREE	984

/*
 * Decode what was read at byte pos as a superblock, the first one or a copy:
 * a copy names the place of the first, and must lie where a group has one.
 */
static enum ffs_sbverdict
fft_super_try(struct fft_disk *d, int64_t pos, const void *buf,
    struct fft_super *s, const char **why)
{
	static const int64_t places[] = FFS_SBLOCKSEARCH;
	enum ffs_sbverdict verdict;
	bool swap;

	*why = NULL;
	for (int i = 0; places[i] >= 0; i++) {
		int64_t frag;

		verdict = ffs_sb_decode(&s->fs, buf, places[i], d->size,
		    &swap, why);
		if (verdict == FFS_SB_NONE)
			continue;
		s->swap = swap;
		s->version = ffs_isufs2(&s->fs) ? 2 : 1;
		s->where = pos;
		s->alternate = pos != places[i];
		if (verdict != FFS_SB_OK || !s->alternate)
			return verdict;
		frag = pos >> s->fs.fs_fshift;
		if (frag < s->fs.fs_size && ffs_cgsblock(&s->fs,
		    FFS_DTOG(&s->fs, frag)) << s->fs.fs_fshift == pos)
			return FFS_SB_OK;
	}
	return FFS_SB_NONE;
}

/* The first one. */
static int
fft_super_first(struct fft_disk *d, struct fft_super *s)
{
	static const int64_t places[] = FFS_SBLOCKSEARCH;
	uint8_t buf[FFS_SBLOCKSIZE];
	const char *why;

	(void)snprintf(s->why, sizeof(s->why), "no superblock");
	for (int i = 0; places[i] >= 0; i++) {
		enum ffs_sbverdict verdict;

		if (places[i] + FFS_SBLOCKSIZE > d->size ||
		    fft_read(d, places[i], buf, sizeof(buf)) != 0)
			continue;
		verdict = fft_super_try(d, places[i], buf, s, &why);
		if (verdict == FFS_SB_OK && !s->alternate) {
			s->why[0] = '\0';
			return 0;
		}
		/* What belongs elsewhere may be in some file. */
		if (verdict == FFS_SB_BAD && !s->alternate) {
			(void)snprintf(s->why, sizeof(s->why),
			    "the superblock at byte %lld has a bad %s",
			    (long long)places[i], why);
			return EINVAL;
		}
	}
	return EINVAL;
}

/* The first copy there is. */
int
fft_super_search(struct fft_disk *d, struct fft_super *s)
{
	uint8_t *buf = malloc(FFT_SEARCHREAD + FFS_SBLOCKSIZE);
	const char *why;
	int error = ENOENT;

	if (buf == NULL)
		return ENOMEM;
	for (int64_t at = 0; error == ENOENT && at < d->size;
	    at += FFT_SEARCHREAD) {
		int64_t n;

		at = fft_data_from(d, at) / FFT_SEARCHREAD * FFT_SEARCHREAD;
		n = d->size - at;
		if (d->stop != NULL && *d->stop != 0)
			error = EINTR;
		if (n <= 0 || error == EINTR)
			break;
		if (n > FFT_SEARCHREAD + FFS_SBLOCKSIZE)
			n = FFT_SEARCHREAD + FFS_SBLOCKSIZE;
		if (fft_read(d, at, buf, (size_t)n) != 0)
			continue;
		for (int64_t i = 0; i + FFS_SBLOCKSIZE <= n &&
		    i < FFT_SEARCHREAD; i += FFT_SEARCHSTEP) {
			if (fft_super_try(d, at + i, buf + i, s, &why) ==
			    FFS_SB_OK && s->alternate) {
				error = 0;
				break;
			}
		}
	}
	free(buf);
	return error;
}

int
fft_super_find(struct fft_disk *d, int64_t where, int search,
    struct fft_super *s)
{
	uint8_t buf[FFS_SBLOCKSIZE];
	const char *why;
	int error;

	memset(s, 0, sizeof(*s));
	if (where >= 0) {
		error = fft_read(d, where, buf, sizeof(buf));
		if (error != 0)
			return error;
		if (fft_super_try(d, where, buf, s, &why) == FFS_SB_OK)
			return 0;
		return fft_fail(d, EINVAL, "no superblock at byte %lld",
		    (long long)where);
	}
	error = fft_super_first(d, s);
	if (error != 0 && search) {
		char text[sizeof(s->why)];

		memcpy(text, s->why, sizeof(text));
		error = fft_super_search(d, s);
		memcpy(s->why, text, sizeof(text));
	}
	if (error == EINTR)
		return fft_fail(d, EINTR, "interrupted");
	if (error != 0)
		return fft_fail(d, error == ENOMEM ? ENOMEM : EINVAL, "%s%s",
		    s->why, search ? ", and no copy of it" : "");
	return 0;
}

/*
 * 4.2BSD's groups have the magic number behind a map of inodes of fixed size,
 * which the map of fragments follows; the counts are where they stayed.
 */
bool
fft_group_isold(const struct fs *fs, const void *raw, bool swap)
{
	struct cg head;
	uint32_t magic;

	if (!ffs_sb_old43(fs) || fs->fs_cgsize <= FFT_OCG_FREE)
		return false;
	memcpy(&head, raw, sizeof(head));
	memcpy(&magic, (const uint8_t *)raw + FFT_OCG_MAGIC, sizeof(magic));
	return ffs_rw32((uint32_t)head.cg_magic, swap) != FFS_CG_MAGIC &&
	    ffs_rw32(magic, swap) == FFS_CG_MAGIC;
}

int
fft_group_read(struct fft_disk *d, const struct fft_super *s, uint32_t c,
    struct cg *head, void *raw)
{
	int error;

	if (c >= s->fs.fs_ncg)
		return fft_fail(d, EINVAL, "group %u: there are %u", c,
		    s->fs.fs_ncg);
	error = fft_read(d, ffs_cgtod(&s->fs, c) << s->fs.fs_fshift, raw,
	    (size_t)s->fs.fs_cgsize);
	if (error != 0)
		return error;
	memcpy(head, raw, sizeof(*head));
	if (s->swap)
		fft_cg_swap(head);
	if (fft_group_isold(&s->fs, raw, s->swap != 0)) {
		memset(&head->cg_old_btotoff, 0, sizeof(*head) -
		    offsetof(struct cg, cg_old_btotoff));
		head->cg_magic = FFS_CG_MAGIC;
		head->cg_iusedoff = FFT_OCG_IUSED;
		head->cg_freeoff = head->cg_nextfreeoff = FFT_OCG_FREE;
	}
	return 0;
}

int64_t
fft_inode_offset(const struct fs *fs, uint64_t ino)
{
	return (ffs_ino_to_fsba(fs, ino) << fs->fs_fshift) +
	    (int64_t)ffs_ino_to_fsbo(fs, ino) *
	    (fs->fs_bsize / (int)fs->fs_inopb);
}

#define	G16(v)	ffs_rw16((uint16_t)(v), swap)
#define	G32(v)	ffs_rw32((uint32_t)(v), swap)
#define	G64(v)	ffs_rw64((uint64_t)(v), swap)

/* What inodes of both versions call the same and hold alike. */
#define	FFT_DECODE_BOTH(dp, ip) do {					\
	(ip)->mode = G16((dp)->di_mode);				\
	(ip)->nlink = (int16_t)G16((dp)->di_nlink);			\
	(ip)->uid = G32((dp)->di_uid);					\
	(ip)->gid = G32((dp)->di_gid);					\
	(ip)->size = G64((dp)->di_size);				\
	(ip)->nsec[0] = (int32_t)G32((dp)->di_atimensec);		\
	(ip)->nsec[1] = (int32_t)G32((dp)->di_mtimensec);		\
	(ip)->nsec[2] = (int32_t)G32((dp)->di_ctimensec);		\
	(ip)->gen = G32((dp)->di_gen);					\
	(ip)->flags = G32((dp)->di_flags);				\
	(ip)->modrev = G64((dp)->di_modrev);				\
} while (0)

static void
fft_inode_decode2(bool swap, const struct ufs2_dinode *dp,
    struct fft_dinode *ip)
{
	FFT_DECODE_BOTH(dp, ip);
	ip->blocks = G64(dp->di_blocks);
	ip->time[0] = (int64_t)G64(dp->di_atime);
	ip->time[1] = (int64_t)G64(dp->di_mtime);
	ip->time[2] = (int64_t)G64(dp->di_ctime);
	ip->time[3] = (int64_t)G64(dp->di_birthtime);
	ip->nsec[3] = (int32_t)G32(dp->di_birthnsec);
	ip->kernflags = G32(dp->di_kernflags);
	ip->blksize = G32(dp->di_blksize);
	ip->extsize = (int32_t)G32(dp->di_extsize);
	for (int i = 0; i < UFS_NXADDR; i++)
		ip->extb[i] = (int64_t)G64(dp->di_extb[i]);
	for (int i = 0; i < UFS_NDADDR; i++)
		ip->db[i] = (int64_t)G64(dp->di_db[i]);
	for (int i = 0; i < UFS_NIADDR; i++)
		ip->ib[i] = (int64_t)G64(dp->di_ib[i]);
	ip->freelink = G32(dp->di_freelink);
	ip->ckhash = G32(dp->di_ckhash);
}

static void
fft_inode_decode1(bool swap, const struct ufs1_dinode *dp,
    struct fft_dinode *ip)
{
	FFT_DECODE_BOTH(dp, ip);
	ip->blocks = G32(dp->di_blocks);
	ip->time[0] = (int32_t)G32(dp->di_atime);
	ip->time[1] = (int32_t)G32(dp->di_mtime);
	ip->time[2] = (int32_t)G32(dp->di_ctime);
	for (int i = 0; i < UFS_NDADDR; i++)
		ip->db[i] = (int32_t)G32(dp->di_db[i]);
	for (int i = 0; i < UFS_NIADDR; i++)
		ip->ib[i] = (int32_t)G32(dp->di_ib[i]);
}

void
fft_inode_decode(const struct fs *fs, bool swap, const void *dp,
    struct fft_dinode *ip)
{
	memset(ip, 0, sizeof(*ip));
	if (ffs_isufs2(fs))
		fft_inode_decode2(swap, dp, ip);
	else
		fft_inode_decode1(swap, dp, ip);
	if (ffs_sb_old43(fs)) {
		const struct ufs1_dinode *old = dp;

		ip->uid = G16(old->di_oldids[0]);
		ip->gid = G16(old->di_oldids[1]);
		if (ffs_sb_sun(fs)) {
			uint32_t gid;

			memcpy(&gid, &old->di_modrev, sizeof(gid));
			if (ip->uid == FFS_SUN_BIGID)
				ip->uid = G32(old->di_gid);
			if (ip->gid == FFS_SUN_BIGID)
				ip->gid = G32(gid);
			ip->modrev = 0;
			for (int i = 0; i < 3; i++)
				ip->nsec[i] *= 1000;
		}
	}
}

int
fft_inode_read(struct fft_disk *d, const struct fft_super *s, uint64_t ino,
    struct fft_dinode *ip)
{
	uint8_t raw[sizeof(struct ufs2_dinode)] __attribute__((__aligned__(8)));
	int error;

	if (ino >= (uint64_t)s->fs.fs_ipg * s->fs.fs_ncg)
		return fft_fail(d, EINVAL, "inode %llu: there are %llu",
		    (unsigned long long)ino,
		    (unsigned long long)s->fs.fs_ipg * s->fs.fs_ncg);
	error = fft_read(d, fft_inode_offset(&s->fs, ino), raw,
	    ffs_isufs2(&s->fs) ? sizeof(struct ufs2_dinode) :
	    sizeof(struct ufs1_dinode));
	if (error == 0)
		fft_inode_decode(&s->fs, s->swap != 0, raw, ip);
	return error;
}
