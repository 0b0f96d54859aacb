/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffers, their queues, and small things of file systems. */

#include <sys/acl.h>
#include <sys/buf.h>
#include <sys/bufq.h>
#include <sys/conf.h>
#include <sys/dirent.h>
#include <sys/dirhash.h>
#include <sys/disk.h>
#include <sys/fstrans.h>
#include <sys/kthread.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/vnode.h>
#include <miscfs/specfs/specdev.h>

#include "abitest.h"
#include "abifs.h"

static int nfailed, ndone;

static void
count_failed(struct buf *bp)
{

	ndone++;
	nfailed += bp->b_error == EIO && bp->b_resid == bp->b_bcount;
	putiobuf(bp);
}

static struct buf *
request(daddr_t blkno)
{
	struct buf *bp = getiobuf(NULL, true);

	bp->b_flags = B_READ | B_ASYNC;
	bp->b_cflags = BC_BUSY;
	bp->b_bcount = 512;
	bp->b_rawblkno = bp->b_blkno = blkno;
	bp->b_iodone = count_failed;
	return bp;
}

/* What is queued can go to another queue, or fail. */
int
test_bufq(void)
{
	static const daddr_t order[] = { 30, 10, 20, 40 };
	struct bufq_state *fcfs, *sorted;
	struct buf *bp;

	CHECK(bufq_alloc(&fcfs, "fcfs", BUFQ_SORT_RAWBLOCK) == 0);
	CHECK(bufq_alloc(&sorted, "disksort", BUFQ_SORT_RAWBLOCK) == 0);
	CHECK(strcmp(bufq_getstrategyname(fcfs), "fcfs") == 0);
	CHECK(strcmp(bufq_getstrategyname(sorted), "disksort") == 0);
	for (size_t i = 0; i < __arraycount(order); i++)
		bufq_put(fcfs, request(order[i]));
	bp = bufq_peek(fcfs);
	CHECK(bp != NULL && bp->b_rawblkno == 30);
	bufq_move(sorted, fcfs);
	CHECK(bufq_peek(fcfs) == NULL);
	bp = bufq_get(sorted);
	CHECK(bp->b_rawblkno == 10);
	bufq_put(fcfs, bp);
	nfailed = ndone = 0;
	bufq_drain(sorted);
	CHECK(nfailed == 3 && ndone == 3 && bufq_get(sorted) == NULL);
	bufq_drain(fcfs);
	bufq_drain(fcfs);
	CHECK(nfailed == 4 && ndone == 4);
	bufq_free(fcfs);
	bufq_free(sorted);
	return 0;
}

/* A master is done when its parts are; a short part is an error. */
int
test_nested(void)
{
	struct buf *master = getiobuf(NULL, true), *part;
	char data[1024];

	for (int bad = 0; bad < 2; bad++) {
		master->b_flags = B_READ;
		master->b_cflags = BC_BUSY;
		master->b_oflags = 0;
		master->b_data = data;
		master->b_error = 0;
		master->b_bcount = master->b_resid = sizeof(data);
		part = getiobuf(NULL, true);
		nestiobuf_setup(master, part, 512, 512);
		CHECK(part->b_data == data + 512);
		CHECK(part->b_iodone == nestiobuf_iodone);
		part->b_resid = 0;
		nestiobuf_iodone(part);
		CHECK(master->b_resid == 512);
		CHECK((master->b_oflags & BO_DONE) == 0);
		part = getiobuf(NULL, true);
		nestiobuf_setup(master, part, 0, 512);
		part->b_resid = bad ? 100 : 0;
		nestiobuf_iodone(part);
		CHECK(biowait(master) == (bad ? EIO : 0));
	}
	master->b_oflags = 0;
	putiobuf(master);
	return 0;
}

/* A transfer ends where the medium does, in sectors of any size. */
int
test_mediasize(void)
{
	static const struct {
		daddr_t	blkno;
		int	bytes, secsize, result, error, after;
	} rows[] = {
		{ 0, 512, 512, 1, 0, 512 },
		{ 98, 1024, 512, 1, 0, 1024 },
		{ 98, 2048, 512, 1, 0, 1024 },
		{ 99, 8192, 2048, 1, 0, 2048 },
		{ 100, 512, 512, 0, 0, 512 },
		{ 101, 512, 512, 0, EINVAL, 512 },
		{ -1, 512, 512, 0, EINVAL, 512 },
	};
	struct buf *bp = getiobuf(NULL, true);

	for (size_t i = 0; i < __arraycount(rows); i++) {
		bp->b_error = bp->b_resid = 0;
		bp->b_blkno = rows[i].blkno;
		bp->b_bcount = rows[i].bytes;
		CHECK(bounds_check_with_mediasize(bp, rows[i].secsize, 100) ==
		    rows[i].result);
		CHECK(bp->b_error == rows[i].error);
		CHECK(bp->b_bcount == rows[i].after);
		CHECK(rows[i].result != 0 || bp->b_resid == rows[i].bytes);
	}
	putiobuf(bp);
	CHECK(buf_setvalimit(0) == EINVAL && buf_setvalimit(4096) == EINVAL);
	CHECK(buf_setvalimit(32 << 20) == 0);
	return 0;
}

static int
fail_ioctl(dev_t dev, u_long cmd, void *data, int flag, struct lwp *l)
{
	struct dkwedge_info *dkw = data;

	if (cmd != DIOCGWEDGEINFO || minor(dev) != 3)
		return ENOTTY;
	dkw->dkw_size = 4711;
	return 0;
}

/* The vector of a device's vnode, and what it says of its disk. */
int
test_spec(void)
{
	static const struct bdevsw bdev = {
		.d_open = nullopen, .d_close = nullclose,
		.d_ioctl = fail_ioctl, .d_flag = D_DISK,
	};
	static const struct cdevsw cdev = {
		.d_open = nullopen, .d_close = nullclose, .d_mmap = nommap,
	};
	devmajor_t bmaj = -1, cmaj = -1;
	struct vop_lookup_v2_args lookup;
	struct vop_inactive_v2_args inactive;
	struct vop_print_args print;
	struct vnode *vp, *other, *found = rootvnode;
	struct dkwedge_info dkw;
	bool recycle = false;

	CHECK(devsw_attach("abispec", &bdev, &bmaj, &cdev, &cmaj) == 0);
	CHECK(bdevvp(makedev(bmaj, 3), &vp) == 0);
	CHECK(bdevvp(makedev(bmaj, 4), &other) == 0);
	lookup = (struct vop_lookup_v2_args){ .a_dvp = vp, .a_vpp = &found };
	CHECK(spec_lookup(&lookup) == ENOTDIR && found == NULL);
	print = (struct vop_print_args){ .a_vp = vp };
	CHECK(spec_print(&print) == 0);
	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	inactive = (struct vop_inactive_v2_args){
		.a_vp = vp, .a_recycle = &recycle
	};
	CHECK(spec_inactive(&inactive) == 0 && recycle);
	CHECK(getdiskinfo(vp, &dkw) == 0 && dkw.dkw_size == 4711);
	VOP_UNLOCK(vp);
	CHECK(getdiskinfo(other, &dkw) == ENOTTY);
	CHECK(vp->v_op == spec_vnodeop_p);
	CHECK(vp->v_op[vop_reclaim_desc.vdesc_offset] == spec_reclaim);
	vgone(vp);
	CHECK(vfinddev(makedev(bmaj, 3), VBLK, &found) == 0);
	vgone(other);
	devsw_detach(&bdev, &cdev);
	return 0;
}

/* Modes and the entries that mean the same. */
int
test_acl_modes(void)
{
	struct acl_entry user, group, other;

	user = acl_posix1e_mode_to_entry(ACL_USER_OBJ, 10, 20, 0751);
	group = acl_posix1e_mode_to_entry(ACL_GROUP_OBJ, 10, 20, 0751);
	other = acl_posix1e_mode_to_entry(ACL_OTHER, 10, 20, 0751);
	CHECK(user.ae_tag == ACL_USER_OBJ && user.ae_id == 10);
	CHECK(user.ae_perm == (ACL_READ | ACL_WRITE | ACL_EXECUTE));
	CHECK(group.ae_id == 20 && group.ae_perm == (ACL_READ | ACL_EXECUTE));
	CHECK(other.ae_id == ACL_UNDEFINED_ID && other.ae_perm == ACL_EXECUTE);
	CHECK(acl_posix1e_perms_to_mode(&user, &group, &other) == 0751);
	return 0;
}

/* A directory's hash knows its holes until it is complete. */
int
test_holes(void)
{
	struct dirhash *dirh = NULL;
	struct dirhash_entry *e = NULL;
	struct dirent d = { .d_fileno = 5, .d_namlen = 1, .d_name = "x" };

	dirhash_get(&dirh);
	CHECK(dirh != NULL);
	dirhash_enter(dirh, &d, 0, 16, 0);
	dirhash_enter_freed(dirh, 512, 32);
	CHECK(dirhash_lookup_freed(dirh, 33, &e) == 0);
	e = NULL;
	CHECK(dirhash_lookup_freed(dirh, 32, &e) == 1 && e->offset == 512);
	dirhash_purge_entries(dirh);
	e = NULL;
	CHECK(dirhash_lookup(dirh, "x", 1, &e) == 0);
	CHECK(dirh->size == 0 && dirh->num_files == 0);
	CHECK((dirh->flags & (DIRH_PURGED | DIRH_COMPLETE)) == DIRH_PURGED);
	dirhash_purge_entries(NULL);
	dirhash_put(dirh);
	dirhash_purge(&dirh);
	CHECK(dirh == NULL);
	return 0;
}

static struct mount *visited;

static void
visitor(void *arg)
{

	fstrans_start(visited);
	fstrans_done(visited);
	fstrans_lwp_dtor(curlwp);
	kthread_exit(curlwp->l_fstrans == NULL ? 0 : EBUSY);
}

/* A thread that ends leaves nothing in the mounts that it was in. */
int
test_fstrans_end(void)
{
	struct lwp *l;

	visited = abifs_mount();
	CHECK(visited != NULL);
	CHECK(kthread_create(PRI_NONE, KTHREAD_MUSTJOIN, NULL, visitor, NULL,
	    &l, "abitest") == 0);
	CHECK(kthread_join(l) == 0);
	CHECK(abifs_unmount(visited) == 0);
	return 0;
}
