/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syncer: a thread that writes what has been dirty for a while.
 *
 * A wheel of one slot for each second holds the vnodes that are due then;
 * file data waits longest, metadata of the device least.  Mounts have a slot
 * too, at which their file system is told to write lazily what only it knows
 * of.  As long as nothing is on the wheel the thread sleeps for good, so that
 * an idle kernel costs its host nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/proc.h>
#include <sys/vnode.h>
#include <miscfs/syncfs/syncfs.h>

#include "vfs/pages.h"
#include "vfs/syncer.h"
#include "vfs/vnode_impl.h"

#define	SYNCER_SLOTS	64		/* a power of two, > any delay */
#define	SYNCER_MASK	(SYNCER_SLOTS - 1)

time_t	syncdelay = 30;
time_t	filedelay = 30;
time_t	dirdelay = 15;
time_t	metadelay = 10;

TAILQ_HEAD(syncer_slot, vnode_impl);

static struct {
	kmutex_t lock;
	kcondvar_t cv;
	struct syncer_slot wheel[SYNCER_SLOTS];
	u_int	now;			/* the slot that is due */
	u_int	nvnodes;
	u_int	nmounts;
	u_int	nextmount;		/* spreads mounts over the wheel */
	bool	resting;		/* there is nothing to do */
} syncer;

/* There is something to do after a time without; seconds stay seconds. */
void
syncer_kick(void)
{

	if (syncer.resting)
		cv_signal(&syncer.cv);
}

static u_int
syncer_slot(time_t delay)
{

	if (delay < 1)
		delay = 1;
	if (delay > SYNCER_SLOTS - 2)
		delay = SYNCER_SLOTS - 2;
	return (syncer.now + (u_int)delay) & SYNCER_MASK;
}

/* Have the syncer look at a vnode in that many seconds; with v_interlock. */
void
vn_syncer_add_to_worklist(struct vnode *vp, int delay)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	KASSERT(mutex_owned(vp->v_interlock));
	if ((vp->v_iflag & VI_ONWORKLST) != 0)
		TAILQ_REMOVE(&syncer.wheel[vip->vi_synclist_slot], vip,
		    vi_synclist);
	else {
		vp->v_iflag |= VI_ONWORKLST;
		if (syncer.nvnodes++ == 0)
			syncer_kick();
	}
	vip->vi_synclist_slot = (int)syncer_slot(delay);
	TAILQ_INSERT_TAIL(&syncer.wheel[vip->vi_synclist_slot], vip,
	    vi_synclist);
}

void
vn_syncer_remove_from_worklist(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	KASSERT(mutex_owned(vp->v_interlock));
	if ((vp->v_iflag & VI_ONWORKLST) == 0)
		return;
	vp->v_iflag &= ~VI_ONWORKLST;
	TAILQ_REMOVE(&syncer.wheel[vip->vi_synclist_slot], vip, vi_synclist);
	syncer.nvnodes--;
}

/* Mounts: VFS_SYNC(MNT_LAZY) every syncdelay seconds, not all at once. */
void
vfs_syncer_add_to_worklist(struct mount *mp)
{

	KASSERT((mp->mnt_iflag & IMNT_ONWORKLIST) == 0);
	mp->mnt_iflag |= IMNT_ONWORKLIST;
	syncer.nextmount = syncer.nextmount * 5 + 3;
	mp->mnt_synclist_slot =
	    (int)syncer_slot(1 + (time_t)syncer.nextmount % syncdelay);
	if (syncer.nmounts++ == 0)
		syncer_kick();
}

void
vfs_syncer_remove_from_worklist(struct mount *mp)
{

	KASSERT((mp->mnt_iflag & IMNT_ONWORKLIST) != 0);
	KASSERT(syncer.nmounts > 0);
	mp->mnt_iflag &= ~IMNT_ONWORKLIST;
	syncer.nmounts--;
}

/* Put a vnode that could not be synced, or not wholly, off for a while. */
static void
syncer_postpone(struct vnode *vp, time_t delay)
{

	mutex_enter(vp->v_interlock);
	if ((vp->v_iflag & VI_ONWORKLST) != 0)
		vn_syncer_add_to_worklist(vp, (int)delay);
	mutex_exit(vp->v_interlock);
}

static void
syncer_vnode(struct vnode *vp)
{

	/* Whatever happens, it is not due again right now. */
	syncer_postpone(vp, syncdelay);
	if (vcache_tryvget(vp) != 0)
		return;
	if (vn_lock(vp, LK_EXCLUSIVE | LK_NOWAIT) != 0) {
		syncer_postpone(vp, 1);
		vrele(vp);
		return;
	}
	(void)VOP_FSYNC(vp, curlwp->l_cred, FSYNC_LAZY, 0, 0);
	vput(vp);
}

static void
syncer_mounts(u_int slot)
{
	mount_iterator_t *iter;
	struct mount *mp;

	mountlist_iterator_init(&iter);
	while ((mp = mountlist_iterator_trynext(iter)) != NULL) {
		if ((mp->mnt_iflag & IMNT_ONWORKLIST) == 0 ||
		    (mp->mnt_flag & MNT_RDONLY) != 0 ||
		    mp->mnt_synclist_slot != (int)slot)
			continue;
		mp->mnt_synclist_slot = (int)syncer_slot(syncdelay);
		(void)VFS_SYNC(mp, MNT_LAZY, curlwp->l_cred);
	}
	mountlist_iterator_destroy(iter);
}

/* One second's work. */
static void
syncer_tick(void)
{
	struct vnode_impl *vip;
	u_int slot;

	slot = syncer.now;
	syncer.now = (syncer.now + 1) & SYNCER_MASK;
	if (syncer.nmounts > 0)
		syncer_mounts(slot);
	while ((vip = TAILQ_FIRST(&syncer.wheel[slot])) != NULL)
		syncer_vnode(VIMPL_TO_VNODE(vip));
	pagecache_idle();
}

static bool
syncer_hasnothing(void)
{

	return syncer.nvnodes == 0 && syncer.nmounts == 0 &&
	    !pagecache_hasidle();
}

static void
syncer_main(void *arg)
{

	(void)arg;
	for (;;) {
		mutex_enter(&syncer.lock);
		while (syncer_hasnothing()) {
			syncer.resting = true;
			cv_wait(&syncer.cv, &syncer.lock);
			syncer.resting = false;
		}
		cv_timedwait(&syncer.cv, &syncer.lock, hz);
		mutex_exit(&syncer.lock);
		syncer_tick();
	}
}

void
syncer_init(void)
{
	int error, i;

	mutex_init(&syncer.lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&syncer.cv, "syncer");
	for (i = 0; i < SYNCER_SLOTS; i++)
		TAILQ_INIT(&syncer.wheel[i]);
	error = kthread_create(PRI_IOFLUSH, KTHREAD_MPSAFE, NULL, syncer_main,
	    NULL, NULL, "ioflush");
	if (error != 0)
		panic("%s: error %d", __func__, error);
}
