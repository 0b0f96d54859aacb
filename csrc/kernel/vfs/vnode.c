/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * References to vnodes, what happens when the last one goes, the list of
 * unused vnodes, and walks over the vnodes of a mount.
 *
 * Every loaded vnode is on one list, least recently used first.  The drain
 * thread takes unused ones from its head while there are more vnodes than
 * desiredvnodes; it also does the releases that their callers could not
 * afford to do themselves.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/conf.h>
#include <sys/fstrans.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/kthread.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sched.h>
#include <uvm/uvm.h>
#include <miscfs/specfs/specdev.h>
#include <miscfs/genfs/genfs.h>

#include "core/pages.h"
#include "vnode_impl.h"
#include "vfs_private.h"

int desiredvnodes;
struct vnode *rootvnode;

static TAILQ_HEAD(, vnode_impl) vlru_list = TAILQ_HEAD_INITIALIZER(vlru_list);
static SLIST_HEAD(, vnode_impl) vrele_list =
    SLIST_HEAD_INITIALIZER(vrele_list);
static kmutex_t vdrain_lock;
static kcondvar_t vdrain_cv;		/* there is work for the thread */
static kcondvar_t vdrain_done_cv;	/* it has finished a round */
static struct lwp *vdrain_lwp;
static bool vdrain_wanted;
static u_int vdrain_extra;		/* so many less, whatever the limit */
static u_int vdrain_rounds;
static u_int vdrain_busy;		/* releases taken off the list */

static void vrelel(struct vnode *, bool);

/* LRU list. */

void
vlru_insert(struct vnode_impl *vip)
{
	KASSERT(!vip->vi_lrulisted);
	TAILQ_INSERT_TAIL(&vlru_list, vip, vi_lru);
	vip->vi_lrulisted = true;
	vip->vi_lrutick = getticks();
}

void
vlru_remove(struct vnode_impl *vip)
{
	if (!vip->vi_lrulisted)
		return;
	TAILQ_REMOVE(&vlru_list, vip, vi_lru);
	vip->vi_lrulisted = false;
}

/* Moving on every release would cost more than the order is worth. */
void
vlru_touch(struct vnode_impl *vip)
{
	int now = getticks();

	if (!vip->vi_lrulisted || vip->vi_lrutick == now)
		return;
	TAILQ_REMOVE(&vlru_list, vip, vi_lru);
	TAILQ_INSERT_TAIL(&vlru_list, vip, vi_lru);
	vip->vi_lrutick = now;
}

/* References. */

void
vref(struct vnode *vp)
{
	KASSERT(vp->v_usecount > 0);
	VNODE_TO_VIMPL(vp)->vi_touched = true;
	vp->v_usecount++;
}

int
vrefcnt(struct vnode *vp)
{
	return vp->v_usecount;
}

void
vholdl(struct vnode *vp)
{
	vp->v_holdcnt++;
}

void
holdrelel(struct vnode *vp)
{
	KASSERT(vp->v_holdcnt > 0);
	vp->v_holdcnt--;
}

static void
vrele_last(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	KASSERT(vp->v_usecount > 0);
	if (--vp->v_usecount > 0)
		return;
	if (vip->vi_state == VS_RECLAIMED) {
		if (vp->v_holdcnt == 0)
			vcache_free(vip);
	} else {
		vlru_touch(vip);
	}
}

/*
 * Drop what may be the last reference.  LOCKED: the caller has the vnode
 * lock exclusively.
 */
static void
vrelel(struct vnode *vp, bool locked)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);
	bool recycle = false;

	if (vp->v_usecount > 1 || vip->vi_state == VS_RECLAIMED) {
		if (locked)
			VOP_UNLOCK(vp);
		vrele_last(vp);
		return;
	}
	KASSERT(vip->vi_state == VS_LOADED);
	if (!locked) {
		if (curlwp == uvm.pagedaemon_lwp) {
			vrele_async(vp);
			return;
		}
		vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
		if (vp->v_usecount > 1 || vip->vi_state != VS_LOADED) {
			VOP_UNLOCK(vp);
			vrele_last(vp);
			return;
		}
	}
	/* Cleared first: who takes a reference meanwhile sets it again. */
	vip->vi_touched = false;
	VOP_INACTIVE(vp, &recycle);
	if (recycle && vp->v_usecount == 1)
		vcache_reclaim(vp);
	else
		VOP_UNLOCK(vp);
	vrele_last(vp);
}

void
vrele(struct vnode *vp)
{
	KASSERT(vp->v_usecount > 0);
	if (vp->v_usecount > 1)
		vp->v_usecount--;
	else
		vrelel(vp, false);
}

void
vput(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	KASSERT(vp->v_usecount > 0);
	if (vp->v_usecount == 1 && vip->vi_state == VS_LOADED &&
	    VOP_ISLOCKED(vp) == LK_EXCLUSIVE) {
		vrelel(vp, true);
		return;
	}
	VOP_UNLOCK(vp);
	vrele(vp);
}

/* Drop a reference where inactivation must not happen now. */
void
vrele_async(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	KASSERT(vp->v_usecount > 0);
	if (vp->v_usecount > 1) {
		vp->v_usecount--;
		return;
	}
	SLIST_INSERT_HEAD(&vrele_list, vip, vi_deferred);
	vnode_drain_kick();
}

/* Do the releases that wait for the drain thread. */
static void
vrele_deferred(void)
{
	struct vnode_impl *vip;

	while ((vip = SLIST_FIRST(&vrele_list)) != NULL) {
		SLIST_REMOVE_HEAD(&vrele_list, vi_deferred);
		vrele(VIMPL_TO_VNODE(vip));
	}
}

/*
 * The same by the drain thread, which must not wait for a suspended mount:
 * who suspended it may be waiting for us, and will do these himself.
 */
static void
vdrain_releases(void)
{
	SLIST_HEAD(, vnode_impl) later = SLIST_HEAD_INITIALIZER(later);
	struct vnode_impl *vip;
	struct mount *mp;

	while ((vip = SLIST_FIRST(&vrele_list)) != NULL) {
		SLIST_REMOVE_HEAD(&vrele_list, vi_deferred);
		mp = VIMPL_TO_VNODE(vip)->v_mount;
		if (fstrans_start_nowait(mp) != 0) {
			SLIST_INSERT_HEAD(&later, vip, vi_deferred);
			continue;
		}
		vdrain_busy++;
		vrele(VIMPL_TO_VNODE(vip));
		vdrain_busy--;
		fstrans_done(mp);
	}
	while ((vip = SLIST_FIRST(&later)) != NULL) {
		SLIST_REMOVE_HEAD(&later, vi_deferred);
		SLIST_INSERT_HEAD(&vrele_list, vip, vi_deferred);
	}
}

/* After this no vnode of the mount waits for its release. */
void
vrele_flush(struct mount *mp __unused)
{
	vrele_deferred();
	mutex_enter(&vdrain_lock);
	while (vdrain_busy > 0 && curlwp != vdrain_lwp)
		cv_timedwait(&vdrain_done_cv, &vdrain_lock, 1);
	mutex_exit(&vdrain_lock);
}

/* Draining. */

static struct vnode_impl *
vdrain_candidate(int *scan)
{
	struct vnode_impl *vip, *next;

	TAILQ_FOREACH_SAFE(vip, &vlru_list, vi_lru, next) {
		struct vnode *vp = VIMPL_TO_VNODE(vip);

		if (--*scan < 0)
			return NULL;
		if (vp->v_usecount == 0 && vip->vi_state == VS_LOADED &&
		    !rw_lock_held(&vip->vi_lock))
			return vip;
		/* In use: let the next look begin behind it. */
		TAILQ_REMOVE(&vlru_list, vip, vi_lru);
		TAILQ_INSERT_TAIL(&vlru_list, vip, vi_lru);
	}
	return NULL;
}

static bool
vdrain_one(int *scan)
{
	struct vnode_impl *vip = vdrain_candidate(scan);
	struct vnode *vp;

	if (vip == NULL)
		return false;
	vp = VIMPL_TO_VNODE(vip);
	vlru_remove(vip);
	vlru_insert(vip);
	if (fstrans_start_nowait(vp->v_mount) != 0)
		return true;
	vp->v_usecount++;
	vip->vi_touched = true;
	struct mount *mp = vp->v_mount;
	if (!vrecycle(vp))
		vrele(vp);
	fstrans_done(mp);
	return true;
}

/*
 * Where nearly all vnodes are in use, each new one would have all of them
 * looked at; then a few at a time must do.
 */
#define	VDRAIN_FEW	64

static void
vdrain_thread(void *arg __unused)
{
	bool exhausted = false;
	int scan;

	for (;;) {
		mutex_enter(&vdrain_lock);
		while (!vdrain_wanted)
			cv_wait(&vdrain_cv, &vdrain_lock);
		vdrain_wanted = false;
		mutex_exit(&vdrain_lock);
		vdrain_releases();
		scan = exhausted && vdrain_extra == 0 ? VDRAIN_FEW :
		    (int)numvnodes;
		while ((numvnodes > (unsigned)desiredvnodes ||
		    vdrain_extra > 0) && vdrain_one(&scan)) {
			if (vdrain_extra > 0)
				vdrain_extra--;
		}
		vdrain_extra = 0;
		exhausted = scan < 0;
		vdrain_rounds++;
		cv_broadcast(&vdrain_done_cv);
	}
}

void
vnode_drain_kick(void)
{
	vdrain_wanted = true;
	cv_broadcast(&vdrain_cv);
	/* A caller that makes many vnodes without sleeping lets it run. */
	if (numvnodes > (unsigned)desiredvnodes +
	    (unsigned)desiredvnodes / 8 && curlwp != vdrain_lwp &&
	    vdrain_lwp != NULL)
		preempt();
}

/* Memory is short: have N unused vnodes go, and wait for that a moment. */
void
vnode_shrink(u_int n, int timo)
{
	u_int round = vdrain_rounds;

	if (vdrain_lwp == NULL || curlwp == vdrain_lwp)
		return;
	vdrain_extra = n;
	vdrain_wanted = true;
	cv_broadcast(&vdrain_cv);
	if (timo == 0)
		return;
	mutex_enter(&vdrain_lock);
	if (vdrain_rounds == round)
		cv_timedwait(&vdrain_done_cv, &vdrain_lock, timo);
	mutex_exit(&vdrain_lock);
}

/* Somebody waits for pages, and nobody has any to give. */
static void
vnode_shortage(void)
{
	vnode_shrink(VDRAIN_FEW, 0);
}

/* About 2 KB a vnode with its inode, of a quarter of memory. */
static int
vnode_default_limit(void)
{
	uint64_t n = (uint64_t)physmem * PAGE_SIZE / 4 / VNODE_COST;

	if (n < 2048)
		n = 2048;
	if (n > 256 * 1024)
		n = 256 * 1024;
	return (int)n;
}

void
vfs_vnode_sysinit(void)
{
	if (desiredvnodes == 0)
		desiredvnodes = vnode_default_limit();
	mutex_init(&vdrain_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&vdrain_cv, "vdrain");
	cv_init(&vdrain_done_cv, "vdraindn");
	vcache_init();
	deadfs_init();
	if (kthread_create(PRI_VM, KTHREAD_MPSAFE, NULL, vdrain_thread, NULL,
	    &vdrain_lwp, "vdrain") != 0)
		panic("cannot start vdrain");
	kpage_set_helper(vdrain_lwp, vnode_shortage);
}

/* Ends of life. */

/* Reclaim a vnode if the caller's reference is the only one; takes it. */
bool
vrecycle(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	if (vip->vi_state != VS_LOADED || vp->v_usecount != 1)
		return false;
	if (vn_lock(vp, LK_EXCLUSIVE | LK_RETRY | LK_NOWAIT) != 0)
		return false;
	if (vip->vi_state != VS_LOADED || vp->v_usecount != 1) {
		VOP_UNLOCK(vp);
		return false;
	}
	vcache_reclaim(vp);
	vrele_last(vp);
	return true;
}

/* Kill a vnode, whoever uses it; the caller's reference goes with it. */
void
vgone(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (vip->vi_state == VS_LOADED)
		vcache_reclaim(vp);
	else
		VOP_UNLOCK(vp);
	vrelel(vp, false);
}

/* Kill all vnodes of a device, or this one if it is none. */
void
vrevoke(struct vnode *vp)
{
	enum vtype type = vp->v_type;
	struct vnode *vq;
	dev_t dev;

	KASSERT(vp->v_usecount > 0);
	if (vnode_state(vp) == VS_RECLAIMED)
		return;
	if (type != VBLK && type != VCHR) {
		vref(vp);
		vgone(vp);
		return;
	}
	dev = vp->v_rdev;
	while (spec_node_lookup_by_dev(type, dev, VDEAD_NOWAIT, &vq) == 0)
		vgone(vq);
}

/* Is the vnode dead or dying?  The interlock is held. */
int
vdead_check(struct vnode *vp, int flags)
{
	while (vnode_state(vp) == VS_RECLAIMING) {
		if (flags & VDEAD_NOWAIT)
			return EBUSY;
		mutex_exit(vp->v_interlock);
		vcache_wait();
		mutex_enter(vp->v_interlock);
	}
	return vnode_state(vp) == VS_RECLAIMED ? ENOENT : 0;
}

/* All vnodes of a range of devices go: their driver is being detached. */
void
vdevgone(int maj, int minl, int minh, enum vtype type)
{
	struct vnode *vp;

	for (int mn = minl; mn <= minh; mn++)
		while (spec_node_lookup_by_dev(type, makedev(maj, mn),
		    0, &vp) == 0)
			vgone(vp);
}

/* A vnode of a device, found by its number. */
int
vfinddev(dev_t dev, enum vtype type, struct vnode **vpp)
{
	return spec_node_lookup_by_dev(type, dev, 0, vpp) == 0;
}

static int
devvp(enum vtype type, dev_t dev, struct vnode **vpp)
{
	struct vattr va;

	if (dev == NODEV) {
		*vpp = NULL;
		return 0;
	}
	vattr_null(&va);
	va.va_type = type;
	va.va_rdev = dev;
	return vcache_new(dead_rootmount, NULL, &va, NOCRED, NULL, vpp);
}

int
bdevvp(dev_t dev, struct vnode **vpp)
{
	return devvp(VBLK, dev, vpp);
}

int
cdevvp(dev_t dev, struct vnode **vpp)
{
	return devvp(VCHR, dev, vpp);
}

/* Sharing between a vnode and the one below it, for layers. */

void
vshareilock(struct vnode *vp, struct vnode *upper)
{
	kmutex_t *old = upper->v_interlock;

	mutex_obj_hold(vp->v_interlock);
	upper->v_interlock = vp->v_interlock;
	mutex_obj_free(old);
}

void
vshareklist(struct vnode *vp, struct vnode *upper)
{
	KASSERT(SLIST_EMPTY(&upper->v_klist->vk_klist));
	upper->v_klist = vp->v_klist;
}

/* The vnodes of a mount. */

void
vfs_insmntque(struct vnode *vp, struct mount *mp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);
	struct mount *old = vp->v_mount;

	if (old != NULL)
		TAILQ_REMOVE(&old->mnt_vnodelist, vip, vi_mntvnodes);
	vp->v_mount = mp;
	if (mp != NULL) {
		TAILQ_INSERT_TAIL(&mp->mnt_vnodelist, vip, vi_mntvnodes);
		vfs_ref(mp);
	}
	if (old != NULL)
		vfs_rele(old);
}

struct vnode_iterator {
	struct vnode_impl vnit_marker;
};

void
vfs_vnode_iterator_init(struct mount *mp, struct vnode_iterator **vnip)
{
	struct vnode_iterator *vni;
	struct vnode_impl *marker;

	vni = kmem_zalloc(sizeof(*vni), KM_SLEEP);
	marker = &vni->vnit_marker;
	marker->vi_state = VS_MARKER;
	VIMPL_TO_VNODE(marker)->v_mount = mp;
	TAILQ_INSERT_HEAD(&mp->mnt_vnodelist, marker, vi_mntvnodes);
	*vnip = vni;
}

void
vfs_vnode_iterator_destroy(struct vnode_iterator *vni)
{
	struct vnode_impl *marker = &vni->vnit_marker;
	struct mount *mp = VIMPL_TO_VNODE(marker)->v_mount;

	TAILQ_REMOVE(&mp->mnt_vnodelist, marker, vi_mntvnodes);
	kmem_free(vni, sizeof(*vni));
}

static void
vnode_iterator_pass(struct vnode_impl *marker, struct vnode_impl *vip)
{
	struct mount *mp = VIMPL_TO_VNODE(marker)->v_mount;

	TAILQ_REMOVE(&mp->mnt_vnodelist, marker, vi_mntvnodes);
	TAILQ_INSERT_AFTER(&mp->mnt_vnodelist, vip, marker, vi_mntvnodes);
}

/* The next vnode that the filter wants, referenced, or NULL at the end. */
struct vnode *
vfs_vnode_iterator_next(struct vnode_iterator *vni,
    bool (*filter)(void *, struct vnode *), void *cookie)
{
	struct vnode_impl *marker = &vni->vnit_marker, *vip;

	while ((vip = TAILQ_NEXT(marker, vi_mntvnodes)) != NULL) {
		struct vnode *vp = VIMPL_TO_VNODE(vip);
		bool wanted;

		if (vip->vi_state == VS_BLOCKED ||
		    vip->vi_state == VS_RECLAIMING) {
			vcache_wait();	/* it may be gone: look again */
			continue;
		}
		vnode_iterator_pass(marker, vip);
		if (vip->vi_state != VS_LOADED)
			continue;
		wanted = true;
		if (filter != NULL) {
			mutex_enter(vp->v_interlock);
			wanted = (*filter)(cookie, vp);
			mutex_exit(vp->v_interlock);
		}
		if (wanted && vcache_tryvget(vp) == 0)
			return vp;
	}
	return NULL;
}

struct vflush_ctx {
	const struct vnode *skipvp;
	int flags;
};

static bool
vflush_selector(void *cookie, struct vnode *vp)
{
	const struct vflush_ctx *c = cookie;

	if (vp == c->skipvp)
		return false;
	if ((c->flags & SKIPSYSTEM) && (vp->v_vflag & VV_SYSTEM))
		return false;
	if ((c->flags & WRITECLOSE) &&
	    (vp->v_writecount == 0 || vp->v_type != VREG))
		return false;
	return true;
}

/* One vnode of vflush(); true if it stays busy. */
static bool
vflush_one(struct vnode *vp, int flags)
{
	if (vrecycle(vp))
		return false;
	if (vp->v_usecount == 1 || (flags & FORCECLOSE) == 0) {
		bool busy = vp->v_usecount > 1;

		vrele(vp);
		return busy;
	}
	if (vp->v_type == VBLK || vp->v_type == VCHR) {
		vcache_make_anon(vp);
		vrele(vp);
	} else {
		vgone(vp);
	}
	return false;
}

static int
vflush_pass(struct mount *mp, struct vflush_ctx *ctx)
{
	struct vnode_iterator *marker;
	struct vnode *vp;
	int busy = 0;

	vfs_vnode_iterator_init(mp, &marker);
	while ((vp = vfs_vnode_iterator_next(marker, vflush_selector,
	    ctx)) != NULL) {
		if (vflush_one(vp, ctx->flags))
			busy++;
	}
	vfs_vnode_iterator_destroy(marker);
	return busy;
}

/*
 * Remove the vnodes of a mount, except SKIPVP.  EBUSY if some are in use and
 * FORCECLOSE does not allow to kill them.
 */
int
vflush(struct mount *mp, struct vnode *skipvp, int flags)
{
	struct vflush_ctx ctx = { .skipvp = skipvp, .flags = flags };
	int busy = 0;

	/* Layers may drop references to further vnodes as they go. */
	for (int pass = 0; pass < 3; pass++) {
		vrele_flush(mp);
		busy = vflush_pass(mp, &ctx);
		if (busy == 0)
			break;
	}
	return busy != 0 ? EBUSY : 0;
}

/* For people. */

static const char *const vnode_types[] = {
	"VNON", "VREG", "VDIR", "VBLK", "VCHR", "VLNK", "VSOCK", "VFIFO",
	"VBAD",
};
static const char *const vnode_states[] = {
	"marker", "loading", "loaded", "blocked", "reclaiming", "reclaimed",
};

void
vprint(const char *label, struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	if (label != NULL)
		printf("%s: ", label);
	printf("vnode %p %s %s tag %d mount %s use %d write %d hold %d"
	    " flags %#x %#x\n", vp, vnode_types[vp->v_type],
	    vnode_states[vip->vi_state], vp->v_tag,
	    vp->v_mount != NULL ? vp->v_mount->mnt_stat.f_mntonname : "-",
	    vp->v_usecount, vp->v_writecount, vp->v_holdcnt, vp->v_vflag,
	    vp->v_iflag);
	if (vp->v_data != NULL)
		VOP_PRINT(vp);
}

void
vnpanic(struct vnode *vp, const char *fmt, ...)
{
	va_list ap;
	char text[160];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vprint("panic", vp);
	panic("%s", text);
}
