/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inodes: from the disk into struct ffs_inode and back.
 */

#include "ffs.h"

#include <sys/cprng.h>
#include <sys/pool.h>
#include <sys/stat.h>
#include <lib/libkern/libkern.h>
#include <miscfs/fifofs/fifo.h>
#include <miscfs/specfs/specdev.h>
#include <uvm/uvm_extern.h>

static pool_cache_t ffs_inode_cache;

void
ffs_inode_sysinit(void)
{
	ffs_inode_cache = pool_cache_init(sizeof(struct ffs_inode), 0, 0, 0,
	    "ffsino", &pool_allocator_nointr, IPL_NONE, NULL, NULL, NULL);
}

void
ffs_inode_sysfini(void)
{
	pool_cache_destroy(ffs_inode_cache);
}

/* Read the block of inodes that holds ino, and find ino in it. */
static int
ffs_dinode_get(struct ffs_mount *fm, uint64_t ino, bool modify,
    struct buf **bpp, void **dpp)
{
	const struct fs *fs = fm->fm_fs;
	const size_t size = ffs_isufs2(fs) ? sizeof(struct ufs2_dinode) :
	    sizeof(struct ufs1_dinode);
	int error;

	error = ffs_devread(fm, FFS_FSBTODB(fs, ffs_ino_to_fsba(fs, ino)),
	    fs->fs_bsize, modify ? B_MODIFY : 0, bpp);
	if (error == 0)
		*dpp = (char *)(*bpp)->b_data +
		    size * ffs_ino_to_fsbo(fs, ino);
	return error;
}

static struct timespec
ffs_time(int64_t sec, uint32_t nsec)
{
	struct timespec ts;

	ts.tv_sec = sec;
	ts.tv_nsec = nsec < 1000000000 ? (long)nsec : 0;
	return ts;
}

/*
 * Solaris' inodes: microseconds, and behind the generation the inode of an
 * access control list, then both ids with 32 bits.
 */
static void
ffs_decode_sun(struct ffs_inode *ip, const struct ufs1_dinode *dp, bool swap)
{
	uint32_t gid;

	if (ip->i_uid == FFS_SUN_BIGID)
		ip->i_uid = ffs_rw32(dp->di_gid, swap);
	memcpy(&gid, &dp->di_modrev, sizeof(gid));
	if (ip->i_gid == FFS_SUN_BIGID)
		ip->i_gid = ffs_rw32(gid, swap);
	ip->i_modrev = 0;
	ip->i_atime.tv_nsec = MIN(ip->i_atime.tv_nsec, 999999) * 1000;
	ip->i_mtime.tv_nsec = MIN(ip->i_mtime.tv_nsec, 999999) * 1000;
	ip->i_ctime.tv_nsec = MIN(ip->i_ctime.tv_nsec, 999999) * 1000;
}

static void
ffs_decode1(struct ffs_inode *ip, const struct ufs1_dinode *dp)
{
	const bool swap = ip->i_fm->fm_swap;
#define	R32(m)	ffs_rw32((uint32_t)dp->m, swap)
	ip->i_mode = ffs_rw16(dp->di_mode, swap);
	ip->i_nlink = (int16_t)ffs_rw16((uint16_t)dp->di_nlink, swap);
	ip->i_size = ffs_rw64(dp->di_size, swap);
	ip->i_atime = ffs_time((int32_t)R32(di_atime), R32(di_atimensec));
	ip->i_mtime = ffs_time((int32_t)R32(di_mtime), R32(di_mtimensec));
	ip->i_ctime = ffs_time((int32_t)R32(di_ctime), R32(di_ctimensec));
	ip->i_birthtime = ffs_time(VNOVAL, 0);
	ip->i_flags = R32(di_flags);
	ip->i_blocks = R32(di_blocks);
	ip->i_gen = R32(di_gen);
	ip->i_modrev = ffs_rw64(dp->di_modrev, swap);
	if (ip->i_fm->fm_old43) {
		ip->i_uid = ffs_rw16(dp->di_oldids[0], swap);
		ip->i_gid = ffs_rw16(dp->di_oldids[1], swap);
		ip->i_flags = 0;
		if (ffs_sb_sun(ip->i_fm->fm_fs))
			ffs_decode_sun(ip, dp, swap);
	} else {
		ip->i_uid = R32(di_uid);
		ip->i_gid = R32(di_gid);
	}
	if ((ip->i_flag & IN_SHORTLINK) != 0) {
		memcpy(ip->i_shortlink, dp->di_db, UFS1_MAXSYMLINKLEN);
		return;
	}
	for (int i = 0; i < UFS_NDADDR; i++)
		ip->i_db[i] = (int32_t)R32(di_db[i]);
	for (int i = 0; i < UFS_NIADDR; i++)
		ip->i_ib[i] = (int32_t)R32(di_ib[i]);
#undef R32
}

static void
ffs_decode2(struct ffs_inode *ip, const struct ufs2_dinode *dp)
{
	const bool swap = ip->i_fm->fm_swap;
#define	R32(m)	ffs_rw32((uint32_t)dp->m, swap)
#define	R64(m)	((int64_t)ffs_rw64((uint64_t)dp->m, swap))
	ip->i_mode = ffs_rw16(dp->di_mode, swap);
	ip->i_nlink = (int16_t)ffs_rw16((uint16_t)dp->di_nlink, swap);
	ip->i_uid = R32(di_uid);
	ip->i_gid = R32(di_gid);
	ip->i_size = (uint64_t)R64(di_size);
	ip->i_blocks = (uint64_t)R64(di_blocks);
	ip->i_atime = ffs_time(R64(di_atime), R32(di_atimensec));
	ip->i_mtime = ffs_time(R64(di_mtime), R32(di_mtimensec));
	ip->i_ctime = ffs_time(R64(di_ctime), R32(di_ctimensec));
	ip->i_birthtime = ffs_time(R64(di_birthtime), R32(di_birthnsec));
	ip->i_gen = R32(di_gen);
	ip->i_flags = R32(di_flags);
	ip->i_modrev = (uint64_t)R64(di_modrev);
	ip->i_extsize = (int32_t)R32(di_extsize);
	for (int i = 0; i < UFS_NXADDR; i++)
		ip->i_extb[i] = R64(di_extb[i]);
	if ((ip->i_flag & IN_SHORTLINK) != 0) {
		memcpy(ip->i_shortlink, dp->di_db, UFS2_MAXSYMLINKLEN);
		return;
	}
	for (int i = 0; i < UFS_NDADDR; i++)
		ip->i_db[i] = R64(di_db[i]);
	for (int i = 0; i < UFS_NIADDR; i++)
		ip->i_ib[i] = R64(di_ib[i]);
#undef R32
#undef R64
}

static void
ffs_encode1(const struct ffs_inode *ip, struct ufs1_dinode *dp)
{
	const bool swap = ip->i_fm->fm_swap;
#define	W32(m, v)							\
	(dp->m = (__typeof__(dp->m))ffs_rw32((uint32_t)(v), swap))
	dp->di_mode = ffs_rw16(ip->i_mode, swap);
	dp->di_nlink = (int16_t)ffs_rw16((uint16_t)ip->i_nlink, swap);
	dp->di_size = ffs_rw64(ip->i_size, swap);
	W32(di_atime, ip->i_atime.tv_sec);
	W32(di_atimensec, ip->i_atime.tv_nsec);
	W32(di_mtime, ip->i_mtime.tv_sec);
	W32(di_mtimensec, ip->i_mtime.tv_nsec);
	W32(di_ctime, ip->i_ctime.tv_sec);
	W32(di_ctimensec, ip->i_ctime.tv_nsec);
	W32(di_flags, ip->i_flags);
	W32(di_blocks, ip->i_blocks);
	W32(di_gen, ip->i_gen);
	W32(di_uid, ip->i_uid);
	W32(di_gid, ip->i_gid);
	dp->di_modrev = ffs_rw64(ip->i_modrev, swap);
	if ((ip->i_flag & IN_SHORTLINK) != 0) {
		memcpy(dp->di_db, ip->i_shortlink, UFS1_MAXSYMLINKLEN);
		return;
	}
	for (int i = 0; i < UFS_NDADDR; i++)
		W32(di_db[i], ip->i_db[i]);
	for (int i = 0; i < UFS_NIADDR; i++)
		W32(di_ib[i], ip->i_ib[i]);
#undef W32
}

/* FreeBSD's check hash of an inode as it lies on disk. */
static uint32_t
ffs_dinode_hash(const struct ufs2_dinode *dp)
{
	static const uint32_t zero;
	const uint8_t *p = (const void *)dp;
	const size_t at = offsetof(struct ufs2_dinode, di_ckhash);
	uint32_t crc;

	crc = ffs_crc32c(~0U, p, at);
	crc = ffs_crc32c(crc, &zero, sizeof(zero));
	return ffs_crc32c(crc, p + at + sizeof(zero),
	    sizeof(*dp) - at - sizeof(zero));
}

static void
ffs_encode2(const struct ffs_inode *ip, struct ufs2_dinode *dp)
{
	const bool swap = ip->i_fm->fm_swap;
#define	W32(m, v)							\
	(dp->m = (__typeof__(dp->m))ffs_rw32((uint32_t)(v), swap))
#define	W64(m, v)							\
	(dp->m = (__typeof__(dp->m))ffs_rw64((uint64_t)(v), swap))
	dp->di_mode = ffs_rw16(ip->i_mode, swap);
	dp->di_nlink = (int16_t)ffs_rw16((uint16_t)ip->i_nlink, swap);
	W32(di_uid, ip->i_uid);
	W32(di_gid, ip->i_gid);
	W64(di_size, ip->i_size);
	W64(di_blocks, ip->i_blocks);
	W64(di_atime, ip->i_atime.tv_sec);
	W64(di_mtime, ip->i_mtime.tv_sec);
	W64(di_ctime, ip->i_ctime.tv_sec);
	W64(di_birthtime, ip->i_birthtime.tv_sec);
	W32(di_atimensec, ip->i_atime.tv_nsec);
	W32(di_mtimensec, ip->i_mtime.tv_nsec);
	W32(di_ctimensec, ip->i_ctime.tv_nsec);
	W32(di_birthnsec, ip->i_birthtime.tv_nsec);
	W32(di_gen, ip->i_gen);
	W32(di_flags, ip->i_flags);
	W64(di_modrev, ip->i_modrev);
	W32(di_extsize, ip->i_extsize);
	for (int i = 0; i < UFS_NXADDR; i++)
		W64(di_extb[i], ip->i_extb[i]);
	if ((ip->i_flag & IN_SHORTLINK) != 0)
		memcpy(dp->di_db, ip->i_shortlink, UFS2_MAXSYMLINKLEN);
	else {
		for (int i = 0; i < UFS_NDADDR; i++)
			W64(di_db[i], ip->i_db[i]);
		for (int i = 0; i < UFS_NIADDR; i++)
			W64(di_ib[i], ip->i_ib[i]);
	}
	if ((ip->i_fm->fm_fs->fs_metackhash & FFS_CK_INODE) != 0)
		W32(di_ckhash, ffs_dinode_hash(dp));
#undef W32
#undef W64
}

/*
 * A symbolic link whose target lies over the block pointers.  Must be known
 * before decoding.
 */
static bool
ffs_is_shortlink(const struct ffs_mount *fm, mode_t mode, uint64_t size,
    uint64_t blocks)
{
	const int max = fm->fm_fs->fs_maxsymlinklen;

	if (!S_ISLNK(mode))
		return false;
	if (max == 0)
		return blocks == 0 && size < UFS1_MAXSYMLINKLEN;
	return size < (uint64_t)max;
}

static void
ffs_decode(struct ffs_inode *ip, const void *dp)
{
	const struct ufs1_dinode *dp1 = dp;
	const struct ufs2_dinode *dp2 = dp;
	const bool swap = ip->i_fm->fm_swap;

	if (ffs_isufs2(ip->i_fm->fm_fs)) {
		if (ffs_is_shortlink(ip->i_fm, ffs_rw16(dp2->di_mode, swap),
		    ffs_rw64(dp2->di_size, swap),
		    ffs_rw64(dp2->di_blocks, swap)))
			ip->i_flag |= IN_SHORTLINK;
		ffs_decode2(ip, dp2);
	} else {
		if (ffs_is_shortlink(ip->i_fm, ffs_rw16(dp1->di_mode, swap),
		    ffs_rw64(dp1->di_size, swap),
		    ffs_rw32(dp1->di_blocks, swap)))
			ip->i_flag |= IN_SHORTLINK;
		ffs_decode1(ip, dp1);
	}
}

/* Can this be a file?  0 or an errno. */
static int
ffs_inode_check(const struct ffs_inode *ip)
{
	const struct fs *fs = ip->i_fm->fm_fs;

	switch (ip->i_mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
		/* A negative size is a huge one here. */
		if (ip->i_size > fs->fs_maxfilesize)
			return EIO;
		if (S_ISLNK(ip->i_mode) && ip->i_size > FFS_SYMLINK_MAX)
			return EIO;
		return 0;
	case S_IFIFO:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFSOCK:
		return 0;
	case 0:
		return ENOENT;
	default:
		return EIO;
	}
}

/* Where inodes carry a hash: is it right?  Unused ones need none. */
static bool
ffs_dinode_intact(struct ffs_mount *fm, uint64_t ino, const void *dp)
{
	const struct ufs2_dinode *dp2 = dp;

	if (!ffs_isufs2(fm->fm_fs) || dp2->di_mode == 0 ||
	    (fm->fm_fs->fs_metackhash & FFS_CK_INODE) == 0 ||
	    FFS_G32(fm, dp2->di_ckhash) == ffs_dinode_hash(dp2))
		return true;
	ffs_complain(fm, "inode %llu: bad check hash",
	    (unsigned long long)ino);
	return false;
}

static struct ffs_inode *
ffs_inode_alloc(struct ffs_mount *fm, struct vnode *vp, uint64_t ino)
{
	struct ffs_inode *ip = pool_cache_get(ffs_inode_cache, PR_WAITOK);

	memset(ip, 0, sizeof(*ip));
	ip->i_vnode = vp;
	ip->i_fm = fm;
	ip->i_number = ino;
	ip->i_slot.sl_gen = ~0U;
	return ip;
}

/*
 * Which inodes are in memory: a damaged map must not make one of them a new
 * file, even where the disk does not have it yet.
 */

static struct ffs_ihead *
ffs_ihash_chain(const struct ffs_mount *fm, uint64_t ino)
{
	return &fm->fm_ihash[ino & fm->fm_ihashmask];
}

/* Keep the chains short, however many inodes there come to be. */
static void
ffs_ihash_grow(struct ffs_mount *fm)
{
	struct ffs_ihead *new, *old = NULL;
	struct ffs_inode *ip;
	u_long mask, omask = 0;

	if (fm->fm_ihashed <= 2 * fm->fm_ihashmask)
		return;
	new = hashinit((u_int)(8 * (fm->fm_ihashmask + 1)), HASH_LIST, true,
	    &mask);
	mutex_enter(&fm->fm_lock);
	if (mask > fm->fm_ihashmask) {
		old = fm->fm_ihash;
		omask = fm->fm_ihashmask;
		fm->fm_ihash = new;
		fm->fm_ihashmask = mask;
		for (u_long i = 0; i <= omask; i++)
			while ((ip = LIST_FIRST(&old[i])) != NULL) {
				LIST_REMOVE(ip, i_hash);
				LIST_INSERT_HEAD(ffs_ihash_chain(fm,
				    ip->i_number), ip, i_hash);
			}
	} else {			/* somebody was quicker */
		old = new;
		omask = mask;
	}
	mutex_exit(&fm->fm_lock);
	hashdone(old, HASH_LIST, omask);
}

static void
ffs_inode_hash(struct ffs_inode *ip)
{
	struct ffs_mount *fm = ip->i_fm;

	ffs_ihash_grow(fm);
	mutex_enter(&fm->fm_lock);
	LIST_INSERT_HEAD(ffs_ihash_chain(fm, ip->i_number), ip, i_hash);
	fm->fm_ihashed++;
	ip->i_flag |= IN_HASHED;
	mutex_exit(&fm->fm_lock);
}

static bool
ffs_inode_inmemory(struct ffs_mount *fm, uint64_t ino)
{
	const struct ffs_inode *ip;

	mutex_enter(&fm->fm_lock);
	LIST_FOREACH(ip, ffs_ihash_chain(fm, ino), i_hash)
		if (ip->i_number == ino)
			break;
	mutex_exit(&fm->fm_lock);
	return ip != NULL;
}

/* From here on its number may be given away. */
void
ffs_inode_unhash(struct ffs_inode *ip)
{
	if ((ip->i_flag & IN_HASHED) == 0)
		return;
	mutex_enter(&ip->i_fm->fm_lock);
	LIST_REMOVE(ip, i_hash);
	ip->i_fm->fm_ihashed--;
	ip->i_flag &= ~(uint32_t)IN_HASHED;
	mutex_exit(&ip->i_fm->fm_lock);
}

void
ffs_inode_free(struct ffs_inode *ip)
{
	ffs_log_inodegone(ip);
	/* Removed, but could not be freed: a replay will. */
	if (ip->i_orphan != 0)
		ffs_log_disown(ip);
	ffs_inode_unhash(ip);
	pool_cache_put(ffs_inode_cache, ip);
}

/* Device number of a special file. */
static dev_t
ffs_rdev(const struct ffs_inode *ip)
{
	if (ffs_isufs2(ip->i_fm->fm_fs))
		return (dev_t)ip->i_db[0];
	return (dev_t)(uint32_t)ip->i_db[0];
}

/* Make the vnode one of this inode. */
static void
ffs_vinit(struct ffs_inode *ip)
{
	struct vnode *vp = ITOV(ip);

	ffs_inode_hash(ip);
	vp->v_tag = VT_UFS;
	vp->v_type = IFTOVT(ip->i_mode);
	vp->v_data = ip;
	switch (vp->v_type) {
	case VCHR:
	case VBLK:
		vp->v_op = ffs_specop_p;
		spec_node_init(vp, ffs_rdev(ip));
		break;
	case VFIFO:
		vp->v_op = ffs_fifoop_p;
		break;
	default:
		vp->v_op = ffs_vnodeop_p;
		break;
	}
	if (ip->i_number == UFS_ROOTINO)
		vp->v_vflag |= VV_ROOT;
	genfs_node_init(vp, &ffs_genfsops);
	uvm_vnp_setsize(vp, (voff_t)ip->i_size);
	ffs_enter_id(ip);
}

/* Read inode ino and make vp its vnode. */
int
ffs_inode_load(struct ffs_mount *fm, struct vnode *vp, uint64_t ino)
{
	const struct fs *fs = fm->fm_fs;
	struct ffs_inode *ip;
	struct buf *bp;
	void *dp;
	int error;

	if (ino < UFS_ROOTINO || ino >= (uint64_t)fs->fs_ncg * fs->fs_ipg)
		return EINVAL;
	ip = ffs_inode_alloc(fm, vp, ino);
	error = ffs_dinode_get(fm, ino, false, &bp, &dp);
	if (error != 0) {
		ffs_inode_free(ip);
		return error;
	}
	error = ffs_dinode_intact(fm, ino, dp) ? 0 : EIO;
	ffs_decode(ip, dp);
	brelse(bp, 0);
	if (error == 0)
		error = ffs_inode_check(ip);
	if (error != 0) {
		ffs_inode_free(ip);
		return error;
	}
	ffs_vinit(ip);
	return 0;
}

/*
 * Make vp the vnode of a new file in inode ino, whose bit is already taken.
 * EEXIST if the inode turns out to be in use: the map of a damaged image
 * lied, and the caller leaves the bit set and takes another.
 */
int
ffs_inode_new(struct ffs_mount *fm, struct vnode *vp, uint64_t ino,
    const struct vattr *vap, kauth_cred_t cred, gid_t gid,
    struct ffs_inode **ipp)
{
	struct ffs_inode *ip;
	struct timespec now;
	struct buf *bp;
	void *dp;
	int error;

	if (ffs_inode_inmemory(fm, ino))
		return EEXIST;
	ip = ffs_inode_alloc(fm, vp, ino);
	error = ffs_dinode_get(fm, ino, false, &bp, &dp);
	if (error != 0) {
		ffs_inode_free(ip);
		return error;
	}
	ffs_decode(ip, dp);
	brelse(bp, 0);
	if (ip->i_mode != 0) {
		ffs_inode_free(ip);
		return EEXIST;
	}
	memset(ip->i_shortlink, 0, sizeof(ip->i_shortlink));
	memset(ip->i_extb, 0, sizeof(ip->i_extb));
	ip->i_extsize = 0;
	ip->i_size = 0;
	ip->i_blocks = 0;
	ip->i_flags = 0;
	ip->i_nlink = 0;
	ip->i_modrev = 0;
	if (++ip->i_gen == 0 || (int32_t)ip->i_gen < 0)
		ip->i_gen = (cprng_fast32() >> 1) | 1;
	ip->i_mode = (uint16_t)MAKEIMODE(vap->va_type, vap->va_mode);
	ip->i_uid = kauth_cred_geteuid(cred);
	ip->i_gid = gid;
	if (vap->va_type == VBLK || vap->va_type == VCHR)
		ip->i_db[0] = ffs_isufs2(fm->fm_fs) ? (int64_t)vap->va_rdev :
		    (int32_t)vap->va_rdev;
	vfs_timestamp(&now);
	ip->i_atime = ip->i_mtime = ip->i_ctime = now;
	ip->i_birthtime = ffs_isufs2(fm->fm_fs) ? now : ffs_time(VNOVAL, 0);
	ip->i_flag = IN_MODIFIED;
	ffs_vinit(ip);
	/* Who may not set S_ISGID on it does not get it by creating it. */
	if ((ip->i_mode & S_ISGID) != 0 && kauth_authorize_vnode(cred,
	    KAUTH_VNODE_WRITE_SECURITY, vp, NULL, genfs_can_chmod(vp, cred,
	    ip->i_uid, ip->i_gid, ip->i_mode & ALLPERMS)) != 0) {
		ip->i_mode &= ~S_ISGID;
		ffs_enter_id(ip);
	}
	*ipp = ip;
	return 0;
}

/* Set the times that are due. */
void
ffs_itimes(struct ffs_inode *ip)
{
	struct timespec now;

	if ((ip->i_flag & (IN_ACCESS | IN_CHANGE | IN_UPDATE)) == 0)
		return;
	if ((ip->i_flag & IN_DYING) != 0)
		ip->i_flag |= IN_MODIFIED;
	else if (!ip->i_fm->fm_ronly) {
		vfs_timestamp(&now);
		if ((ip->i_flag & IN_ACCESS) != 0) {
			ip->i_atime = now;
			ip->i_flag |= IN_ACCESSED;
		}
		if ((ip->i_flag & IN_UPDATE) != 0) {
			ip->i_mtime = now;
			ip->i_modrev++;
			ip->i_flag |= IN_MODIFIED;
		}
		if ((ip->i_flag & IN_CHANGE) != 0) {
			ip->i_ctime = now;
			ip->i_flag |= IN_MODIFIED;
		}
	}
	ip->i_flag &= ~(uint32_t)(IN_ACCESS | IN_CHANGE | IN_UPDATE);
}

/*
 * Write the inode into its block, and the block to the disk if wait; with a
 * journal only its flush makes that durable.
 */
int
ffs_update(struct ffs_inode *ip, bool wait)
{
	struct ffs_mount *fm = ip->i_fm;
	struct ffs_tx tx;
	struct buf *bp;
	void *dp;
	int error;

	if (fm->fm_ronly)
		return 0;
	ffs_itimes(ip);
	if ((ip->i_flag & (IN_MODIFIED | IN_ACCESSED)) == 0)
		return 0;
	error = ffs_begin(fm, &tx);
	if (error != 0)
		return error;
	error = ffs_dinode_get(fm, ip->i_number, true, &bp, &dp);
	if (error == 0) {
		ip->i_flag &= ~(uint32_t)(IN_MODIFIED | IN_ACCESSED);
		if (ffs_isufs2(fm->fm_fs))
			ffs_encode2(ip, dp);
		else
			ffs_encode1(ip, dp);
		if (fm->fm_log != NULL)
			ffs_log_encoded(ip);
		if (wait)
			error = bwrite(bp);
		else
			bdwrite(bp);
	}
	ffs_end(&tx);
	return error;
}

/*
 * Write the block with the inode if it waits in memory: for the syncer, which
 * has put the inode there a moment ago, or to be tried again.
 */
static int
ffs_write_delayed(struct ffs_inode *ip)
{
	struct ffs_mount *fm = ip->i_fm;
	const daddr_t blkno = FFS_FSBTODB(fm->fm_fs,
	    ffs_ino_to_fsba(fm->fm_fs, ip->i_number));
	struct buf *bp;
	bool waits;
	void *dp;
	int error;

	mutex_enter(&bufcache_lock);
	bp = incore(fm->fm_devvp, blkno);
	waits = bp != NULL && ((bp->b_oflags & BO_DELWRI) != 0 ||
	    (bp->b_cflags & BC_BUSY) != 0);
	mutex_exit(&bufcache_lock);
	if (!waits)
		return 0;
	error = ffs_dinode_get(fm, ip->i_number, false, &bp, &dp);
	if (error != 0)
		return error;
	if ((bp->b_oflags & BO_DELWRI) != 0)
		return bwrite(bp);
	brelse(bp, 0);			/* it has been on its way */
	return 0;
}

/*
 * For fsync(2): when this returns, the inode is on the disk but for the time
 * of the last access.
 */
int
ffs_update_sync(struct ffs_inode *ip)
{
	struct ffs_mount *fm = ip->i_fm;
	int error = 0;

	if ((ip->i_flag & (IN_MODIFIED | IN_CHANGE | IN_UPDATE)) != 0)
		return ffs_update(ip, true);
	if (!fm->fm_ronly && fm->fm_log == NULL)
		error = ffs_write_delayed(ip);
	return error != 0 ? error : ffs_update(ip, false);
}
