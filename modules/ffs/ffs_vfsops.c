/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mounting and unmounting, the superblock in memory, and the module itself.
 */

#include "ffs.h"
#include "ffs_log.h"

#include <sys/conf.h>
#include <sys/device.h>
#include <sys/dkio.h>
#include <sys/fcntl.h>
#include <sys/fstrans.h>
#include <sys/lwp.h>
#include <sys/module.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <lib/libkern/libkern.h>
#include <miscfs/specfs/specdev.h>
#include <rumpy/vnode.h>

MODULE(MODULE_CLASS_VFS, ffs, NULL);

/* The argument of mount(2). */
struct ufs_args {
	char	*fspec;		/* path of the block device */
};

static const char *
ffs_name(const struct ffs_mount *fm)
{
	return fm->fm_mp->mnt_stat.f_mntfromname[0] != '\0' ?
	    fm->fm_mp->mnt_stat.f_mntfromname : "ffs";
}

/* The superblock. */

int64_t
ffs_disksize(struct vnode *devvp)
{
	uint64_t nsec;
	unsigned secsize;

	if (getdisksize(devvp, &nsec, &secsize) != 0 || secsize == 0 ||
	    nsec > INT64_MAX / secsize)
		return -1;
	return (int64_t)(nsec * secsize);
}

/*
 * Find the superblock; EINVAL (and the reason on the console) if none is, or
 * the error of a place that could not be read.
 */
static int
ffs_sb_read(struct ffs_mount *fm)
{
	static const int64_t places[] = FFS_SBLOCKSEARCH;
	const int64_t disksize = ffs_disksize(fm->fm_devvp);
	const char *why = NULL;
	struct buf *bp;
	int error;

	for (int i = 0; places[i] >= 0; i++) {
		enum ffs_sbverdict verdict;

		if (disksize >= 0 && places[i] + FFS_SBLOCKSIZE > disksize)
			continue;
		/* Past one that can't be read, a stale one could be found. */
		error = ffs_devread(fm, (daddr_t)FFS_BTODB(places[i]),
		    FFS_SBLOCKSIZE, 0, &bp);
		if (error != 0)
			return error;
		verdict = ffs_sb_decode(fm->fm_fs, bp->b_data, places[i],
		    disksize, &fm->fm_swap, &why);
		if (verdict == FFS_SB_OK)
			memcpy(fm->fm_sbbuf, bp->b_data, FFS_SBLOCKSIZE);
		brelse(bp, BC_INVAL);
		if (verdict == FFS_SB_OK) {
			fm->fm_sbloc = places[i];
			fm->fm_old43 = ffs_sb_old43(fm->fm_fs);
			return 0;
		}
		if (verdict == FFS_SB_BAD) {
			printf("ffs: %s: superblock at %lld: bad %s\n",
			    ffs_name(fm), (long long)places[i], why);
			return EINVAL;
		}
	}
	printf("ffs: %s: no superblock found: not an FFS file system\n",
	    ffs_name(fm));
	return EINVAL;
}

/* Copy the summary array between memory and its place on the disk. */
static int
ffs_summary_io(struct ffs_mount *fm, bool write, bool wait)
{
	const struct fs *fs = fm->fm_fs;
	const int64_t total = (int64_t)fs->fs_ncg * 4;	/* words */
	uint32_t *words = (uint32_t *)(void *)fm->fm_csum;
	int64_t done = 0;
	int error = 0;

	for (int64_t off = 0; done < total && error == 0;
	    off += fs->fs_bsize) {
		const int size = (int)MIN((int64_t)fs->fs_bsize,
		    FFS_FRAGROUNDUP(fs, (int64_t)fs->fs_cssize) - off);
		const int64_t n = MIN(total - done, size / 4);
		uint32_t *data;
		struct buf *bp;

		error = ffs_devread(fm, FFS_FSBTODB(fs, fs->fs_csaddr +
		    FFS_NUMFRAGS(fs, off)), size, write ? B_MODIFY : 0, &bp);
		if (error != 0)
			break;
		data = bp->b_data;
		for (int64_t i = 0; i < n; i++, done++) {
			if (write)
				data[i] = FFS_G32(fm, words[done]);
			else
				words[done] = FFS_G32(fm, data[i]);
		}
		if (!write)
			brelse(bp, 0);
		else if (wait)
			error = bwrite(bp);
		else
			bdwrite(bp);
	}
	return error;
}

/* Write the superblock alone, at once, past a journal. */
int
ffs_sb_writeraw(struct ffs_mount *fm)
{
	struct fs *fs = fm->fm_fs;

	fs->fs_time = time_second;
	ffs_sb_encode(fm->fm_sbbuf, fs, fm->fm_swap);
	return ffs_log_rawio(fm, fm->fm_sbloc, fm->fm_sbbuf,
	    (int)roundup(fs->fs_sbsize, DEV_BSIZE), true);
}

/* Write superblock and summary. */
int
ffs_sb_write(struct ffs_mount *fm, bool wait)
{
	struct fs *fs = fm->fm_fs;
	const int size = (int)roundup(fs->fs_sbsize, DEV_BSIZE);
	struct buf *bp;
	int error;

	KASSERT(!fm->fm_ronly);
	mutex_enter(&fm->fm_lock);
	fm->fm_fmod = false;
	fs->fs_fmod = 0;
	fs->fs_time = time_second;
	mutex_exit(&fm->fm_lock);
	error = ffs_summary_io(fm, true, wait);
	if (error != 0)
		return error;
	bp = getblk(fm->fm_devvp, (daddr_t)FFS_BTODB(fm->fm_sbloc), size, 0,
	    0);
	if (bp == NULL)
		return EIO;
	ffs_sb_encode(fm->fm_sbbuf, fs, fm->fm_swap);
	memcpy(bp->b_data, fm->fm_sbbuf, (size_t)size);
	if (wait)
		return bwrite(bp);
	bdwrite(bp);
	return 0;
}

/* May this file system be written by us?  NULL, or why not. */
static const char *
ffs_why_readonly(const struct ffs_mount *fm)
{
	const struct fs *fs = fm->fm_fs;
	const bool clean = fs->fs_clean == FFS_ISCLEAN;

	if (ffs_sb_sunlog(fs))
		return "Solaris keeps a log in it, which is not replayed here";
	if (ffs_sb_sun(fs))
		return "file systems of Solaris are read-only";
	if (fm->fm_old43)
		return "4.3BSD inodes and directories are read-only";
	if (!ffs_isufs2(fs) && (fs->fs_old_flags & FFS_FLAGS_UPDATED) == 0)
		return "its superblock is of an old format: run rumpy fsck -y";
	if (ffs_sb_hasquota2(fs))
		return "it has quotas, which would become wrong";
	if (fs->fs_snapinum[0] != 0)
		return "it has snapshots, which would become wrong";
	if ((fs->fs_metackhash & ~(uint32_t)FFS_CK_SUPPORTED) != 0)
		return "it has check hashes of an unknown kind";
	if ((fs->fs_flags & (FFS_DOSOFTDEP | FFS_SUJ)) != 0 && !clean)
		return "soft updates are pending: run rumpy fsck -y";
	if ((fs->fs_flags & FFS_NEEDSFSCK) != 0)
		return "it is marked as damaged: run rumpy fsck -y";
	return NULL;
}

static int
ffs_check_writable(const struct ffs_mount *fm)
{
	const char *why = ffs_why_readonly(fm);

	if (why == NULL)
		return 0;
	printf("ffs: %s: can't be written: %s\n", ffs_name(fm), why);
	return EROFS;
}

/* From here on changes are made: say so on the disk. */
static int
ffs_start_writing(struct ffs_mount *fm)
{
	struct fs *fs = fm->fm_fs;
	int error = ffs_check_writable(fm);

	if (error != 0)
		return error;
	if (fs->fs_clean != FFS_ISCLEAN && !fm->fm_replayed &&
	    (fm->fm_mp->mnt_flag & MNT_FORCE) == 0)
		printf("ffs: %s: not clean: please run rumpy fsck\n",
		    ffs_name(fm));
	/*
	 * FFS_ISCLEAN becomes FFS_WASCLEAN, and a replay brings it back to
	 * that; what was not clean before the journal began stays so.
	 */
	if (fm->fm_replayed && (fs->fs_clean & (FFS_ISCLEAN |
	    FFS_WASCLEAN)) != 0)
		fs->fs_clean = FFS_WASCLEAN;
	else if (fs->fs_clean < 0x80)
		fs->fs_clean = (uint8_t)(fs->fs_clean << 1);
	/* FreeBSD's journal will not know of our changes: a full check. */
	if ((fs->fs_flags & FFS_SUJ) != 0)
		fs->fs_flags |= FFS_NEEDSFSCK;
	fs->fs_pendingblocks = 0;
	fs->fs_pendinginodes = 0;
	fs->fs_ronly = 0;
	fm->fm_ronly = false;
	if ((fm->fm_mp->mnt_flag & MNT_LOG) != 0)
		return 0;		/* ffs_log_start() will write it */
	/* Nothing is needed of the journal, and nothing will be in it. */
	if (ffs_sb_haswapbl(fs))
		fs->fs_flags &= ~(uint32_t)FFS_DOWAPBL;
	return ffs_sb_write(fm, true);
}

static void
ffs_flush_disk(struct ffs_mount *fm)
{
	int force = 1;

	(void)VOP_IOCTL(fm->fm_devvp, DIOCCACHESYNC, &force, FWRITE,
	    curlwp->l_cred);
}

/* All has been written: mark the file system clean, if it was at mount. */
static int
ffs_stop_writing(struct ffs_mount *fm)
{
	struct fs *fs = fm->fm_fs;
	int error;

	if (fm->fm_log != NULL) {
		error = ffs_log_stop(fm);
		if (error != 0)
			return error;
	}
	(void)vn_lock(fm->fm_devvp, LK_EXCLUSIVE | LK_RETRY);
	error = ffs_written(fm, VOP_FSYNC(fm->fm_devvp, FSCRED, FSYNC_WAIT,
	    0, 0));
	VOP_UNLOCK(fm->fm_devvp);
	if (error != 0)
		return error;
	if ((fs->fs_clean & FFS_WASCLEAN) != 0 && !fm->fm_lost) {
		fs->fs_clean = FFS_ISCLEAN;
		if ((fs->fs_flags & FFS_SUJ) != 0)
			fs->fs_flags &= ~(uint32_t)FFS_NEEDSFSCK;
	}
	error = ffs_sb_write(fm, true);
	if (error == 0)
		ffs_flush_disk(fm);
	return error;
}

/* struct ffs_mount. */

static struct ffs_mount *
ffs_mount_alloc(struct mount *mp, struct vnode *devvp)
{
	struct ffs_mount *fm = kmem_zalloc(sizeof(*fm), KM_SLEEP);

	fm->fm_mp = mp;
	fm->fm_devvp = devvp;
	fm->fm_dev = devvp->v_rdev;
	fm->fm_ronly = true;
	fm->fm_fs = kmem_alloc(sizeof(struct fs), KM_SLEEP);
	fm->fm_sbbuf = kmem_alloc(FFS_SBLOCKSIZE, KM_SLEEP);
	mutex_init(&fm->fm_lock, MUTEX_DEFAULT, IPL_NONE);
	fm->fm_ihash = hashinit(FFS_IHASH, HASH_LIST, true,
	    &fm->fm_ihashmask);
	return fm;
}

static void
ffs_mount_free(struct ffs_mount *fm)
{
	const uint32_t ncg = fm->fm_csum != NULL ? fm->fm_fs->fs_ncg : 0;

	if (ncg != 0) {
		kmem_free(fm->fm_csum, ncg * sizeof(struct csum));
		kmem_free(fm->fm_contigdirs, ncg);
		kmem_free(fm->fm_cgstate, ncg);
	}
	ffs_replay_free(fm);
	ffs_ea1_stop(fm);
	hashdone(fm->fm_ihash, HASH_LIST, fm->fm_ihashmask);
	mutex_destroy(&fm->fm_lock);
	kmem_free(fm->fm_sbbuf, FFS_SBLOCKSIZE);
	kmem_free(fm->fm_fs, sizeof(struct fs));
	kmem_free(fm, sizeof(*fm));
}

/* Fill in what the rest of the kernel reads in struct mount. */
static void
ffs_mount_publish(struct ffs_mount *fm)
{
	struct mount *mp = fm->fm_mp;
	const struct fs *fs = fm->fm_fs;

	mp->mnt_data = fm;
	mp->mnt_stat.f_fsidx.__fsid_val[0] = (int32_t)fm->fm_dev;
	mp->mnt_stat.f_fsidx.__fsid_val[1] = (int32_t)makefstype(MOUNT_FFS);
	mp->mnt_stat.f_fsid =
	    (unsigned long)mp->mnt_stat.f_fsidx.__fsid_val[0];
	mp->mnt_stat.f_namemax = UFS_MAXNAMLEN;
	mp->mnt_flag |= MNT_LOCAL;
	mp->mnt_iflag |= IMNT_MPSAFE | IMNT_CAN_RWTORO | IMNT_SHRLOOKUP |
	    IMNT_NCLOOKUP | RUMPY_IMNT_CAN_NODIRATIME;
	mp->mnt_fs_bshift = fs->fs_bshift;
	mp->mnt_dev_bshift = DEV_BSHIFT;
	spec_node_setmountedfs(fm->fm_devvp, mp);
}

static void
ffs_mount_unpublish(struct ffs_mount *fm)
{
	spec_node_setmountedfs(fm->fm_devvp, NULL);
	fm->fm_mp->mnt_data = NULL;
	fm->fm_mp->mnt_flag &= ~MNT_LOCAL;
}

static int
ffs_flushfiles(struct mount *mp, int flags)
{
	return vflush(mp, NULLVP, flags);
}

/*
 * Count what is free once more, from the groups: after a replay the summary
 * may be older than they are.
 */
static void
ffs_recount(struct ffs_mount *fm)
{
	struct fs *fs = fm->fm_fs;
	struct csum_total total = { 0 };
	struct ffs_cgref cr;

	for (uint32_t c = 0; c < fs->fs_ncg; c++) {
		struct csum *cs = &fm->fm_csum[c];

		/* Of a damaged group the summary is all there is. */
		if (ffs_cg_get(fm, c, &cr) == 0) {
			cs->cs_ndir = (int32_t)FFS_G32(fm,
			    cr.cr_cg->cg_cs.cs_ndir);
			cs->cs_nbfree =
			    (int32_t)FFS_G32(fm, cr.cr_cg->cg_cs.cs_nbfree);
			cs->cs_nifree =
			    (int32_t)FFS_G32(fm, cr.cr_cg->cg_cs.cs_nifree);
			cs->cs_nffree =
			    (int32_t)FFS_G32(fm, cr.cr_cg->cg_cs.cs_nffree);
			ffs_cg_put(fm, &cr, false);
		}
		total.cs_ndir += cs->cs_ndir;
		total.cs_nbfree += cs->cs_nbfree;
		total.cs_nifree += cs->cs_nifree;
		total.cs_nffree += cs->cs_nffree;
	}
	fs->fs_cstotal = total;
	fm->fm_fmod = true;
}

/*
 * Bring a file system with a journal to the state that the journal describes:
 * on the disk, or on a read-only mount in memory.  Then read the superblock
 * again, which may have been in it.
 */
static int
ffs_replay(struct ffs_mount *fm, bool ronly)
{
	int error;

	error = ffs_replay_open(fm);
	if (error != 0 || fm->fm_replay == NULL)
		return error;
	fm->fm_overlay = ronly;
	if (!ronly) {
		error = ffs_replay_write(fm);
		if (error != 0)
			return error;
		(void)vn_lock(fm->fm_devvp, LK_EXCLUSIVE | LK_RETRY);
		error = vinvalbuf(fm->fm_devvp, V_SAVE, curlwp->l_cred,
		    curlwp, false, 0);
		VOP_UNLOCK(fm->fm_devvp);
		if (error != 0)
			return error;
		/* Before anything says that the journal is not needed. */
		ffs_flush_disk(fm);
		fm->fm_replayed = true;
	}
	return ffs_sb_read(fm);
}

/*
 * A mount without a root can't be looked into, and can't be found again to be
 * unmounted: refuse it while nothing is changed.
 */
static int
ffs_check_root(struct ffs_mount *fm)
{
	const uint64_t root = UFS_ROOTINO;
	struct vnode *vp;
	int error;

	error = vcache_get(fm->fm_mp, &root, sizeof(root), &vp);
	if (error == 0) {
		/* Without links it would be removed when it is let go. */
		if (vp->v_type != VDIR || VTOI(vp)->i_nlink <= 0)
			error = ENOTDIR;
		vrele(vp);
	}
	if (error == 0)
		return 0;
	printf("ffs: %s: the root directory is damaged: run rumpy fsck -y\n",
	    ffs_name(fm));
	return error == EIO ? EIO : EINVAL;
}

/* Mount what is on an open device. */
static int
ffs_mountfs(struct mount *mp, struct vnode *devvp)
{
	const bool ronly = (mp->mnt_flag & MNT_RDONLY) != 0;
	struct ffs_mount *fm;
	bool recount;
	uint32_t ncg;
	int error;

	(void)vn_lock(devvp, LK_EXCLUSIVE | LK_RETRY);
	error = vinvalbuf(devvp, V_SAVE, curlwp->l_cred, curlwp, false, 0);
	VOP_UNLOCK(devvp);
	if (error != 0)
		return error;
	fm = ffs_mount_alloc(mp, devvp);
	error = ffs_sb_read(fm);
	if (error == 0 && ffs_sb_sunlog(fm->fm_fs))
		printf("ffs: %s: what is in Solaris' log is not seen\n",
		    ffs_name(fm));
	/* What will be refused is not replayed to the disk before. */
	if (error == 0 && !ronly)
		error = ffs_check_writable(fm);
	if (error == 0 && ffs_sb_haswapbl(fm->fm_fs))
		error = ffs_replay(fm, ronly);
	if (error != 0)
		goto fail;
	/* With a journal, nobody has kept the summary. */
	recount = ffs_sb_haswapbl(fm->fm_fs) &&
	    fm->fm_fs->fs_clean != FFS_ISCLEAN;
	ncg = fm->fm_fs->fs_ncg;
	fm->fm_csum = kmem_zalloc(ncg * sizeof(struct csum), KM_SLEEP);
	fm->fm_contigdirs = kmem_zalloc(ncg, KM_SLEEP);
	fm->fm_cgstate = kmem_zalloc(ncg, KM_SLEEP);
	error = ffs_summary_io(fm, false, false);
	if (error == 0 && recount)
		ffs_recount(fm);
	if (error == 0)
		error = ffs_acl_mountflags(fm);
	if (error != 0)
		goto fail;
	ffs_mount_publish(fm);
	error = ffs_check_root(fm);
	if (error == 0 && !ronly)
		error = ffs_start_writing(fm);
	if (error == 0 && !ronly && (mp->mnt_flag & MNT_LOG) != 0)
		error = ffs_log_start(fm);
	if (error != 0) {
		fm->fm_ronly = true;
		(void)ffs_flushfiles(mp, FORCECLOSE);
		ffs_mount_unpublish(fm);
		goto fail;
	}
	ffs_ea1_start(fm);
	if (fm->fm_replayed)
		ffs_replay_finish(fm);
	return 0;
fail:
	ffs_mount_free(fm);
	return error;
}

/* Mount updates: from read-write to read-only and back. */
static int
ffs_update_readonly(struct ffs_mount *fm, bool force)
{
	int error;

	error = ffs_flushfiles(fm->fm_mp, WRITECLOSE |
	    (force ? FORCECLOSE : 0));
	if (error == 0)
		error = VFS_SYNC(fm->fm_mp, MNT_WAIT, FSCRED);
	if (error == 0)
		error = ffs_stop_writing(fm);
	if (error == 0)
		fm->fm_ronly = true;
	return error;
}

/*
 * The device stays open as it was: a block device can't be opened twice.  One
 * that refuses writes does so at the superblock, and the mount stays as it is.
 */
static int
ffs_update_readwrite(struct ffs_mount *fm)
{
	int error;

	/* What is in memory is not what is on the disk: mount it anew. */
	if (fm->fm_overlay)
		return EBUSY;
	error = ffs_start_writing(fm);
	if (error == 0 && (fm->fm_mp->mnt_flag & MNT_LOG) != 0)
		error = ffs_log_start(fm);
	if (error != 0)
		fm->fm_ronly = true;
	return error;
}

/* Begin or end to keep a journal, while nobody else is in the file system. */
static int
ffs_update_log(struct ffs_mount *fm)
{
	struct mount *mp = fm->fm_mp;
	bool suspended;
	int error;

	error = vfs_suspend(mp, 0);
	if (error != 0 && error != EWOULDBLOCK)
		return error;
	suspended = error == 0;		/* else our caller has done it */
	error = VFS_SYNC(mp, MNT_WAIT, FSCRED);
	if (error == 0 && fm->fm_log != NULL) {
		error = ffs_log_stop(fm);
		if (error == 0)
			error = ffs_sb_write(fm, true);
		if (error == 0)
			ffs_flush_disk(fm);
	} else if (error == 0)
		error = ffs_log_start(fm);
	if (suspended)
		vfs_resume(mp);
	return error;
}

static int
ffs_mount_update(struct mount *mp)
{
	struct ffs_mount *fm = VFSTOFFS(mp);
	/* On the way there the flag is not set yet. */
	const bool ronly = (mp->mnt_flag & MNT_RDONLY) != 0 ||
	    (mp->mnt_iflag & IMNT_WANTRDONLY) != 0;

	if ((mp->mnt_flag & MNT_RELOAD) != 0)
		return EOPNOTSUPP;
	/* What lists there are does not change in a mount's life. */
	mp->mnt_flag = (mp->mnt_flag & ~(MNT_POSIX1EACLS | MNT_NFS4ACLS)) |
	    fm->fm_aclmode;
	if (!fm->fm_ronly && ronly)
		return ffs_update_readonly(fm,
		    (mp->mnt_flag & MNT_FORCE) != 0);
	if (fm->fm_ronly && !ronly)
		return ffs_update_readwrite(fm);
	if (!ronly && ((mp->mnt_flag & MNT_LOG) != 0) != (fm->fm_log != NULL))
		return ffs_update_log(fm);
	return 0;
}

/* Find the device that a mount names, and check that it may be used. */
static int
ffs_mount_device(struct mount *mp, const struct ufs_args *args,
    struct vnode **devvpp)
{
	const bool update = (mp->mnt_flag & MNT_UPDATE) != 0;
	struct vnode *devvp;
	int error;

	if (args->fspec == NULL) {
		if (!update)
			return EINVAL;
		devvp = VFSTOFFS(mp)->fm_devvp;
		vref(devvp);
		*devvpp = devvp;
		return 0;
	}
	error = namei_simple_user(args->fspec, NSM_FOLLOW_NOEMULROOT, &devvp);
	if (error != 0)
		return error;
	if (devvp->v_type != VBLK)
		error = ENOTBLK;
	else if (bdevsw_lookup(devvp->v_rdev) == NULL)
		error = ENXIO;
	else if (update && devvp->v_rdev != VFSTOFFS(mp)->fm_dev)
		error = EINVAL;
	if (error == 0) {
		const mode_t mode = (mp->mnt_flag & MNT_RDONLY) != 0 ?
		    VREAD : VREAD | VWRITE;

		(void)vn_lock(devvp, LK_EXCLUSIVE | LK_RETRY);
		error = kauth_authorize_system(curlwp->l_cred,
		    KAUTH_SYSTEM_MOUNT, KAUTH_REQ_SYSTEM_MOUNT_DEVICE, mp,
		    devvp, (void *)(uintptr_t)mode);
		VOP_UNLOCK(devvp);
	}
	if (error != 0) {
		vrele(devvp);
		return error;
	}
	*devvpp = devvp;
	return 0;
}

/* Open the device and mount what is on it; keeps the reference. */
static int
ffs_mount_new(struct mount *mp, struct vnode *devvp)
{
	const int mode = (mp->mnt_flag & MNT_RDONLY) != 0 ? FREAD :
	    FREAD | FWRITE;
	int error;

	(void)vn_lock(devvp, LK_EXCLUSIVE | LK_RETRY);
	error = VOP_OPEN(devvp, mode, FSCRED);
	VOP_UNLOCK(devvp);
	if (error != 0)
		return error;
	error = ffs_mountfs(mp, devvp);
	if (error != 0) {
		(void)vn_lock(devvp, LK_EXCLUSIVE | LK_RETRY);
		(void)vinvalbuf(devvp, V_SAVE, NOCRED, curlwp, false, 0);
		(void)VOP_CLOSE(devvp, mode, FSCRED);
		VOP_UNLOCK(devvp);
	}
	return error;
}

static int
ffs_mount(struct mount *mp, const char *path, void *data, size_t *data_len)
{
	struct ufs_args *args = data;
	struct vnode *devvp;
	int error;

	if (args == NULL || *data_len < sizeof(*args))
		return EINVAL;
	if ((mp->mnt_flag & MNT_GETARGS) != 0) {
		if (VFSTOFFS(mp) == NULL)
			return EIO;
		args->fspec = NULL;
		*data_len = sizeof(*args);
		return 0;
	}
	error = ffs_mount_device(mp, args, &devvp);
	if (error != 0)
		return error;
	/* So that messages can tell which device is meant. */
	error = set_statvfs_info(path, UIO_USERSPACE, args->fspec,
	    UIO_USERSPACE, mp->mnt_op->vfs_name, mp, curlwp);
	if (error == 0 && (mp->mnt_flag & MNT_UPDATE) == 0) {
		error = ffs_mount_new(mp, devvp);
		if (error != 0)
			vrele(devvp);
		return error;
	}
	vrele(devvp);
	return error != 0 ? error : ffs_mount_update(mp);
}

static int
ffs_start(struct mount *mp __unused, int flags __unused)
{
	return 0;
}

static int
ffs_unmount(struct mount *mp, int mntflags)
{
	struct ffs_mount *fm = VFSTOFFS(mp);
	struct vnode *devvp = fm->fm_devvp;
	const bool force = (mntflags & MNT_FORCE) != 0;
	const bool ronly = fm->fm_ronly;
	int error;

	error = ffs_flushfiles(mp, force ? FORCECLOSE : 0);
	if (error != 0)
		return error;
	if (!ronly) {
		error = ffs_stop_writing(fm);
		if (error != 0 && !force)
			return error;
		if (fm->fm_log != NULL)
			ffs_log_abandon(fm);
		fm->fm_ronly = true;
	}
	spec_node_setmountedfs(devvp, NULL);
	(void)vn_lock(devvp, LK_EXCLUSIVE | LK_RETRY);
	(void)vinvalbuf(devvp, V_SAVE, NOCRED, curlwp, false, 0);
	(void)VOP_CLOSE(devvp, ronly ? FREAD : FREAD | FWRITE, NOCRED);
	vput(devvp);
	mp->mnt_data = NULL;
	mp->mnt_flag &= ~MNT_LOCAL;
	ffs_mount_free(fm);
	return 0;
}

static int
ffs_vget(struct mount *mp, ino_t ino, int lktype, struct vnode **vpp)
{
	const uint64_t key = ino;
	int error;

	error = vcache_get(mp, &key, sizeof(key), vpp);
	if (error != 0 || lktype == LK_NONE)
		return error;
	error = vn_lock(*vpp, lktype);
	if (error != 0) {
		vrele(*vpp);
		*vpp = NULL;
	}
	return error;
}

static int
ffs_root(struct mount *mp, int lktype, struct vnode **vpp)
{
	int error;

	error = ffs_vget(mp, UFS_ROOTINO, lktype, vpp);
	if (error == 0 && (*vpp)->v_type != VDIR) {
		if (lktype == LK_NONE)
			vrele(*vpp);
		else
			vput(*vpp);
		*vpp = NULL;
		error = EIO;
	}
	return error;
}

static int
ffs_statvfs(struct mount *mp, struct statvfs *sbp)
{
	struct ffs_mount *fm = VFSTOFFS(mp);
	const struct fs *fs = fm->fm_fs;
	int64_t avail, reserve;

	mutex_enter(&fm->fm_lock);
	sbp->f_bsize = (unsigned long)fs->fs_bsize;
	sbp->f_frsize = (unsigned long)fs->fs_fsize;
	sbp->f_iosize = (unsigned long)fs->fs_bsize;
	sbp->f_blocks = (fsblkcnt_t)fs->fs_dsize;
	avail = MAX(ffs_freespace(fs, 0) + ffs_log_pending(fm), 0);
	sbp->f_bfree = (fsblkcnt_t)avail;
	reserve = fs->fs_dsize * fs->fs_minfree / 100;
	sbp->f_bresvd = (fsblkcnt_t)reserve;
	sbp->f_bavail = (fsblkcnt_t)MAX(avail - reserve, 0);
	sbp->f_files = (fsfilcnt_t)fs->fs_ncg * fs->fs_ipg - UFS_ROOTINO;
	sbp->f_ffree = (fsfilcnt_t)MAX(fs->fs_cstotal.cs_nifree, 0);
	sbp->f_favail = sbp->f_ffree;
	sbp->f_fresvd = 0;
	mutex_exit(&fm->fm_lock);
	copy_statvfs_info(sbp, mp);
	return 0;
}

/* Which vnodes have something to write? */
static bool
ffs_sync_selector(void *cl __unused, struct vnode *vp)
{
	const struct ffs_inode *ip = VTOI(vp);

	return ip != NULL && ((ip->i_flag & IN_DIRTY) != 0 ||
	    (vp->v_iflag & VI_ONWORKLST) != 0 ||
	    !LIST_EMPTY(&vp->v_dirtyblkhd));
}

/* The rest of a sync with a journal, which sync(2) leaves empty. */
static int
ffs_sync_log(struct ffs_mount *fm, int waitfor, int error)
{
	const struct fs *fs = fm->fm_fs;
	struct ffs_tx tx = { .tx_log = NULL };

	if (error == 0 && waitfor != MNT_LAZY && fm->fm_fmod) {
		error = ffs_log_begin(fm->fm_log, &tx, fs->fs_cssize +
		    FFS_SBLOCKSIZE, 0);
		if (error == 0) {
			error = ffs_sb_write(fm, false);
			ffs_end(&tx);
		}
	}
	if (error == 0)
		error = ffs_log_flush(fm);
	if (error == 0 && waitfor != MNT_LAZY)
		error = ffs_log_clean(fm);
	return error;
}

static int
ffs_sync(struct mount *mp, int waitfor, kauth_cred_t cred)
{
	struct ffs_mount *fm = VFSTOFFS(mp);
	const bool wait = waitfor == MNT_WAIT;
	struct vnode_iterator *marker;
	struct vnode *vp;
	int error, result = 0;

	if (fm->fm_ronly)
		return 0;
	vfs_vnode_iterator_init(mp, &marker);
	while ((vp = vfs_vnode_iterator_next(marker, ffs_sync_selector,
	    NULL)) != NULL) {
		error = vn_lock(vp, LK_EXCLUSIVE);
		if (error != 0) {
			vrele(vp);
			continue;
		}
		if (waitfor == MNT_LAZY || vp->v_type == VBLK ||
		    vp->v_type == VCHR)
			error = ffs_update(VTOI(vp), false);
		else
			error = ffs_fsync_inode(VTOI(vp),
			    wait ? FSYNC_WAIT : 0, 0, 0);
		if (error != 0)
			result = error;
		vput(vp);
	}
	vfs_vnode_iterator_destroy(marker);
	if (fm->fm_log != NULL)
		return ffs_sync_log(fm, waitfor, result);
	if (fm->fm_fmod) {
		error = ffs_sb_write(fm, wait);
		if (error != 0)
			result = error;
	}
	if (waitfor != MNT_LAZY && !LIST_EMPTY(&fm->fm_devvp->v_dirtyblkhd)) {
		(void)vn_lock(fm->fm_devvp, LK_EXCLUSIVE | LK_RETRY);
		error = VOP_FSYNC(fm->fm_devvp, cred, wait ? FSYNC_WAIT : 0,
		    0, 0);
		VOP_UNLOCK(fm->fm_devvp);
		if (error != 0)
			result = error;
	}
	if (wait && result == 0)
		ffs_flush_disk(fm);
	return ffs_written(fm, result);
}

static int
ffs_loadvnode(struct mount *mp, struct vnode *vp, const void *key,
    size_t keylen, const void **newkey)
{
	uint64_t ino;
	int error;

	KASSERT(keylen == sizeof(ino));
	memcpy(&ino, key, sizeof(ino));
	error = ffs_inode_load(VFSTOFFS(mp), vp, ino);
	if (error == 0)
		*newkey = &VTOI(vp)->i_number;
	return error;
}

/* How many inodes that are in use though marked free one may run into. */
#define	FFS_MAXDUP	256

/* Take an inode for a new file; it is an orphan until it gets a name. */
static int
ffs_newinode(struct ffs_mount *fm, struct ffs_inode *dp, struct vnode *vp,
    const struct vattr *vap, kauth_cred_t cred, struct ffs_inode **ipp)
{
	const mode_t mode = (mode_t)MAKEIMODE(vap->va_type, vap->va_mode);
	uint64_t ino;
	int error = ENOSPC;

	for (int try = 0; try < FFS_MAXDUP; try++) {
		error = ffs_valloc(dp, mode, &ino);
		if (error != 0)
			return error;
		error = ffs_inode_new(fm, vp, ino, vap, cred, dp->i_gid, ipp);
		if (error != EEXIST)
			break;
		/* Its bit was wrong and is right now. */
		ffs_complain(fm, "inode %llu is in use but was marked free",
		    (unsigned long long)ino);
	}
	if (error == EEXIST)
		return EIO;
	if (error != 0)
		ffs_vfree(fm, ino, mode);
	else
		ffs_touch(*ipp);	/* so that it has its type */
	return error;
}

static int
ffs_newvnode(struct mount *mp, struct vnode *dvp, struct vnode *vp,
    struct vattr *vap, kauth_cred_t cred, void *extra __unused,
    size_t *keylen, const void **newkey)
{
	struct ffs_mount *fm = VFSTOFFS(mp);
	struct ffs_inode *dp = VTOI(dvp), *ip;
	struct ffs_tx tx;
	int error;

	if (fm->fm_ronly)
		return EROFS;
	error = ffs_begin(fm, &tx);
	if (error != 0)
		return error;
	error = ffs_newinode(fm, dp, vp, vap, cred, &ip);
	ffs_end(&tx);
	if (error != 0)
		return error;
	*keylen = sizeof(ip->i_number);
	*newkey = &ip->i_number;
	return 0;
}

static int
ffs_fhtovp(struct mount *mp, struct fid *fhp, int lktype, struct vnode **vpp)
{
	struct ffs_fid ff;
	const struct ffs_inode *ip;
	int error;

	if (fhp->fid_len != sizeof(ff))
		return EINVAL;
	memcpy(&ff, fhp, sizeof(ff));
	error = ffs_vget(mp, ff.ff_ino, lktype, vpp);
	if (error != 0)
		return error == ENOENT || error == EINVAL ? ESTALE : error;
	ip = VTOI(*vpp);
	if (ip->i_mode == 0 || ip->i_gen != ff.ff_gen || ip->i_nlink <= 0) {
		if (lktype == LK_NONE)
			vrele(*vpp);
		else
			vput(*vpp);
		*vpp = NULL;
		return ESTALE;
	}
	return 0;
}

static int
ffs_vptofh(struct vnode *vp, struct fid *fhp, size_t *fh_size)
{
	const struct ffs_inode *ip = VTOI(vp);
	struct ffs_fid ff;

	if (*fh_size < sizeof(ff)) {
		*fh_size = sizeof(ff);
		return E2BIG;
	}
	*fh_size = sizeof(ff);
	memset(&ff, 0, sizeof(ff));
	ff.ff_len = sizeof(ff);
	ff.ff_gen = ip->i_gen;
	ff.ff_ino = ip->i_number;
	memcpy(fhp, &ff, sizeof(ff));
	return 0;
}

static int
ffs_quotactl(struct mount *mp __unused, struct quotactl_args *args __unused)
{
	return EOPNOTSUPP;
}

static int
ffs_mountroot(void)
{
	return EOPNOTSUPP;
}

static int
ffs_snapshot(struct mount *mp __unused, struct vnode *vp __unused,
    struct timespec *ts __unused)
{
	return EOPNOTSUPP;
}

static int
ffs_vfsfsync(struct vnode *vp __unused, int flags __unused)
{
	return EOPNOTSUPP;
}

static void
ffs_init(void)
{
	ffs_maps_init();
	ffs_inode_sysinit();
}

static void
ffs_reinit(void)
{
}

static void
ffs_done(void)
{
	ffs_inode_sysfini();
}

static const struct vnodeopv_desc * const ffs_vnodeopv_descs[] = {
	&ffs_vnodeop_opv_desc,
	&ffs_specop_opv_desc,
	&ffs_fifoop_opv_desc,
	NULL,
};

static struct vfsops ffs_vfsops = {
	.vfs_name		= MOUNT_FFS,
	.vfs_min_mount_data	= sizeof(struct ufs_args),
	.vfs_mount		= ffs_mount,
	.vfs_start		= ffs_start,
	.vfs_unmount		= ffs_unmount,
	.vfs_root		= ffs_root,
	.vfs_quotactl		= ffs_quotactl,
	.vfs_statvfs		= ffs_statvfs,
	.vfs_sync		= ffs_sync,
	.vfs_vget		= ffs_vget,
	.vfs_loadvnode		= ffs_loadvnode,
	.vfs_newvnode		= ffs_newvnode,
	.vfs_fhtovp		= ffs_fhtovp,
	.vfs_vptofh		= ffs_vptofh,
	.vfs_init		= ffs_init,
	.vfs_reinit		= ffs_reinit,
	.vfs_done		= ffs_done,
	.vfs_mountroot		= ffs_mountroot,
	.vfs_snapshot		= ffs_snapshot,
	.vfs_extattrctl		= vfs_stdextattrctl,
	.vfs_suspendctl		= genfs_suspendctl,
	.vfs_renamelock_enter	= genfs_renamelock_enter,
	.vfs_renamelock_exit	= genfs_renamelock_exit,
	.vfs_fsync		= ffs_vfsfsync,
	.vfs_opv_descs		= ffs_vnodeopv_descs,
};

static int
ffs_modcmd(modcmd_t cmd, void *arg __unused)
{
	switch (cmd) {
	case MODULE_CMD_INIT:
		return vfs_attach(&ffs_vfsops);
	case MODULE_CMD_FINI:
		return vfs_detach(&ffs_vfsops);
	default:
		return ENOTTY;
	}
}
