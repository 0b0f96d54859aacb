/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode cache: from (file system, key) to vnode, and the birth and death
 * of vnodes.  The file system fills a vnode in (VFS_LOADVNODE for a file that
 * exists, VFS_NEWVNODE for one that is being made) and takes its part away
 * again (VOP_RECLAIM); everything between is done here and in vnode.c.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/namei.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/buf.h>
#include <sys/wapbl.h>
#include <uvm/uvm.h>
#include <uvm/uvm_readahead.h>
#include <miscfs/specfs/specdev.h>
#include <miscfs/deadfs/deadfs.h>

#include "core/pool_impl.h"
#include "specfs.h"
#include "room.h"
#include "vnode_impl.h"
#include "vfs_private.h"

SLIST_HEAD(vcache_chain, vnode_impl);

#define VCACHE_FIRST	256		/* heads of chains to begin with */

unsigned int numvnodes;

static pool_cache_t vcache_pool;
static struct vcache_chain *vcache_table;
static u_long vcache_mask;
static kmutex_t vcache_lock;		/* only for vcache_cv */
static kcondvar_t vcache_cv;		/* a vnode left a passing state */

void
vcache_init(void)
{
	vcache_pool = pool_cache_init(sizeof(struct vnode_impl), 64, 0, 0,
	    "vcachepl", NULL, IPL_NONE, NULL, NULL, NULL);
	vcache_table = kmem_zalloc(VCACHE_FIRST * sizeof(*vcache_table),
	    KM_SLEEP);
	vcache_mask = VCACHE_FIRST - 1;
	mutex_init(&vcache_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&vcache_cv, "vstate");
}

/*
 * Wait until some vnode has left LOADING, BLOCKED or RECLAIMING.  The vnode
 * that the caller looked at may be gone afterwards.
 */
void
vcache_wait(void)
{
	mutex_enter(&vcache_lock);
	cv_wait(&vcache_cv, &vcache_lock);
	mutex_exit(&vcache_lock);
}

void
vcache_wakeup(void)
{
	if (cv_has_waiters(&vcache_cv))
		cv_broadcast(&vcache_cv);
}

static void
vstate_change(struct vnode_impl *vip, enum vnode_state state)
{
	vip->vi_state = state;
	vcache_wakeup();
}

static uint32_t
vcache_hash(const struct mount *mp, const void *key, size_t keylen)
{
	uint64_t word, h = (uintptr_t)mp >> 6;
	const uint8_t *p = key;

	for (; keylen >= sizeof(word); p += sizeof(word),
	    keylen -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
	}
	while (keylen-- > 0)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

static struct vnode_impl *
vcache_find(const struct mount *mp, const void *key, size_t keylen,
    uint32_t hash)
{
	struct vnode_impl *vip;

	SLIST_FOREACH(vip, &vcache_table[hash & vcache_mask], vi_hashchain) {
		if (vip->vi_keyhash == hash && vip->vi_keymount == mp &&
		    vip->vi_keylen == keylen &&
		    memcmp(vip->vi_key, key, keylen) == 0)
			return vip;
	}
	return NULL;
}

static void
vcache_grow(void)
{
	u_long size = (vcache_mask + 1) * 2;
	struct vcache_chain *table, *old = vcache_table;
	struct vnode_impl *vip;

	table = kmem_zalloc(size * sizeof(*table), KM_NOSLEEP);
	if (table == NULL)
		return;
	for (u_long i = 0; i < size / 2; i++) {
		while ((vip = SLIST_FIRST(&old[i])) != NULL) {
			SLIST_REMOVE_HEAD(&old[i], vi_hashchain);
			SLIST_INSERT_HEAD(&table[vip->vi_keyhash &
			    (size - 1)], vip, vi_hashchain);
		}
	}
	vcache_table = table;
	vcache_mask = size - 1;
	kmem_free(old, size / 2 * sizeof(*table));
}

static void
vcache_hash_insert(struct vnode_impl *vip, struct mount *mp, const void *key,
    size_t keylen, uint32_t hash)
{
	KASSERT(!vip->vi_hashed);
	if (numvnodes > vcache_mask)
		vcache_grow();
	vip->vi_keymount = mp;
	vip->vi_key = key;
	vip->vi_keylen = keylen;
	vip->vi_keyhash = hash;
	vip->vi_hashed = true;
	SLIST_INSERT_HEAD(&vcache_table[hash & vcache_mask], vip,
	    vi_hashchain);
}

void
vcache_hash_remove(struct vnode_impl *vip)
{
	if (!vip->vi_hashed)
		return;
	SLIST_REMOVE(&vcache_table[vip->vi_keyhash & vcache_mask], vip,
	    vnode_impl, vi_hashchain);
	vip->vi_hashed = false;
}

/* Vnodes that take no further memory. */
u_int
vcache_spare(void)
{
	return pool_cache_spare(vcache_pool);
}

/* A vnode with one reference that nobody knows of yet. */
struct vnode_impl *
vcache_alloc(void)
{
	struct vnode_impl *vip;
	struct vnode *vp;

	if (numvnodes >= (unsigned)desiredvnodes)
		vnode_drain_kick();
	vip = pool_cache_get(vcache_pool, PR_WAITOK);
	memset(vip, 0, sizeof(*vip));
	vp = VIMPL_TO_VNODE(vip);
	vp->v_interlock = mutex_obj_alloc(MUTEX_DEFAULT, IPL_NONE);
	uvm_obj_init(&vp->v_uobj, &uvm_vnodeops, true, 1);
	cv_init(&vp->v_cv, "vnode");
	rw_init(&vip->vi_lock);
	LIST_INIT(&vip->vi_nc_children);
	LIST_INIT(&vip->vi_nc_parents);
	vip->vi_state = VS_LOADING;
	vip->vi_touched = true;
	vp->v_klist = &vip->vi_klist;
	klist_init(&vip->vi_klist.vk_klist);
	vp->v_usecount = 1;
	vp->v_type = VNON;
	vp->v_tag = VT_NON;
	vp->v_size = vp->v_writesize = VSIZENOTSET;
	numvnodes++;
	return vip;
}

void
vcache_free(struct vnode_impl *vip)
{
	struct vnode *vp = VIMPL_TO_VNODE(vip);

	KASSERT(vp->v_usecount == 0);
	KASSERT(!vip->vi_hashed && !vip->vi_lrulisted);
	KASSERT((vp->v_iflag & VI_ONWORKLST) == 0);
	KASSERT(LIST_EMPTY(&vip->vi_nc_children));
	KASSERT(LIST_EMPTY(&vip->vi_nc_parents));
	if (vp->v_mount != NULL)
		vfs_insmntque(vp, NULL);
	if (vp->v_type == VBLK || vp->v_type == VCHR)
		spec_node_destroy(vp);
	mutex_obj_free(vp->v_interlock);
	rw_destroy(&vip->vi_lock);
	uvm_obj_destroy(&vp->v_uobj, true);
	cv_destroy(&vp->v_cv);
	KASSERT(numvnodes > 0);
	numvnodes--;
	pool_cache_put(vcache_pool, vip);
}

static void
vcache_fail(struct vnode_impl *vip)
{
	struct vnode *vp = VIMPL_TO_VNODE(vip);

	vcache_hash_remove(vip);
	vp->v_usecount = 0;
	vip->vi_state = VS_RECLAIMED;
	vcache_free(vip);
	vcache_wakeup();
}

static void
vcache_loaded(struct vnode_impl *vip, struct mount *mp)
{
	struct vnode *vp = VIMPL_TO_VNODE(vip);

	KASSERT(vp->v_op != NULL);
	if (mp->mnt_iflag & IMNT_MPSAFE)
		vp->v_vflag |= VV_MPSAFE;
	vfs_insmntque(vp, mp);
	vlru_insert(vip);
	vstate_change(vip, VS_LOADED);
}

/* A reference to a vnode in the cache, whatever state it is in now. */
static int
vcache_ref(struct vnode_impl *vip)
{
	if (vip->vi_state != VS_LOADED)
		return EBUSY;
	vip->vi_touched = true;
	VIMPL_TO_VNODE(vip)->v_usecount++;
	return 0;
}

/*
 * The vnode of a file by its key, referenced.  KEY need not outlive the call:
 * the file system answers with one that lives as long as its inode.
 */
int
vcache_get(struct mount *mp, const void *key, size_t keylen,
    struct vnode **vpp)
{
	uint32_t hash = vcache_hash(mp, key, keylen);
	struct vnode_impl *vip, *fresh = NULL;
	const void *newkey;
	int error;

	*vpp = NULL;
	KASSERT(keylen > 0);
	for (;;) {
		vip = vcache_find(mp, key, keylen, hash);
		if (vip != NULL) {
			if (__predict_true(vcache_ref(vip) == 0))
				break;
			vcache_wait();
		} else if (fresh == NULL) {
			error = room_for_vnode();	/* may sleep */
			if (error != 0)
				return error;
			fresh = vcache_alloc();		/* may sleep */
		} else {
			break;
		}
	}
	if (vip != NULL) {
		if (fresh != NULL)
			vcache_fail(fresh);
		*vpp = VIMPL_TO_VNODE(vip);
		return 0;
	}

	vip = fresh;
	vcache_hash_insert(vip, mp, key, keylen, hash);
	/* Its operations may be called from in there already. */
	VIMPL_TO_VNODE(vip)->v_mount = mp;
	error = VFS_LOADVNODE(mp, VIMPL_TO_VNODE(vip), key, keylen, &newkey);
	VIMPL_TO_VNODE(vip)->v_mount = NULL;
	if (error != 0) {
		vcache_fail(vip);
		return error;
	}
	KASSERT(newkey != NULL && memcmp(key, newkey, keylen) == 0);
	vip->vi_key = newkey;
	vcache_loaded(vip, mp);
	*vpp = VIMPL_TO_VNODE(vip);
	return 0;
}

/* A new file; its vnode is returned referenced, not locked. */
int
vcache_new(struct mount *mp, struct vnode *dvp, struct vattr *vap,
    kauth_cred_t cred, void *extra, struct vnode **vpp)
{
	struct vnode_impl *vip;
	struct vnode *vp;
	const void *key = NULL;
	size_t keylen = 0;
	uint32_t hash;
	int error;

	*vpp = NULL;
	error = room_for_vnode();
	if (error != 0)
		return error;
	vip = vcache_alloc();
	vp = VIMPL_TO_VNODE(vip);
	vp->v_mount = mp;
	error = VFS_NEWVNODE(mp, dvp, vp, vap, cred, extra, &keylen, &key);
	vp->v_mount = NULL;
	if (error != 0) {
		vcache_fail(vip);
		return error;
	}
	KASSERT((key != NULL) == (keylen > 0));
	if (key != NULL) {
		/* The old file of this number may still be dying. */
		hash = vcache_hash(mp, key, keylen);
		while (vcache_find(mp, key, keylen, hash) != NULL)
			vcache_wait();
		vcache_hash_insert(vip, mp, key, keylen, hash);
	}
	vcache_loaded(vip, mp);
	*vpp = vp;
	return 0;
}

/*
 * A file gets another key: reserve it here, then, once the file system is
 * done with the change, put the vnode under it by vcache_rekey_exit().
 */
int
vcache_rekey_enter(struct mount *mp, struct vnode *vp, const void *oldkey,
    size_t oldlen, const void *newkey, size_t newlen)
{
	uint32_t newhash = vcache_hash(mp, newkey, newlen);
	uint32_t oldhash = vcache_hash(mp, oldkey, oldlen);
	struct vnode_impl *marker, *vip;

	marker = kmem_zalloc(sizeof(*marker), KM_SLEEP);
	marker->vi_state = VS_BLOCKED;
	if (vcache_find(mp, newkey, newlen, newhash) != NULL) {
		kmem_free(marker, sizeof(*marker));
		return EEXIST;
	}
	vcache_hash_insert(marker, mp, newkey, newlen, newhash);
	vip = vcache_find(mp, oldkey, oldlen, oldhash);
	KASSERT(vip == VNODE_TO_VIMPL(vp));
	KASSERT(vip->vi_state == VS_LOADED);
	vip->vi_state = VS_BLOCKED;
	return 0;
}

void
vcache_rekey_exit(struct mount *mp, struct vnode *vp, const void *oldkey,
    size_t oldlen, const void *newkey, size_t newlen)
{
	uint32_t newhash = vcache_hash(mp, newkey, newlen);
	struct vnode_impl *marker, *vip = VNODE_TO_VIMPL(vp);

	marker = vcache_find(mp, newkey, newlen, newhash);
	KASSERT(marker != NULL && marker->vi_state == VS_BLOCKED);
	KASSERT(vip->vi_keylen == oldlen &&
	    vip->vi_keyhash == vcache_hash(mp, oldkey, oldlen));
	vcache_hash_remove(marker);
	kmem_free(marker, sizeof(*marker));
	vcache_hash_remove(vip);
	vcache_hash_insert(vip, mp, newkey, newlen, newhash);
	vstate_change(vip, VS_LOADED);
}

/*
 * A reference to a vnode found by address (name cache, buffers).  Never
 * sleeps; EBUSY if the vnode is being born or dying.
 */
int
vcache_tryvget(struct vnode *vp)
{
	return vcache_ref(VNODE_TO_VIMPL(vp));
}

/* Write the file's data back, or lose it if that cannot be done. */
static void
vcache_flush(struct vnode *vp)
{
	struct lwp *l = curlwp;

	if (vinvalbuf(vp, V_SAVE, NOCRED, l, false, 0) == 0)
		return;
	if (vp->v_mount->mnt_wapbl != NULL)
		WAPBL_DISCARD(vp->v_mount);
	if (vinvalbuf(vp, 0, NOCRED, l, false, 0) != 0)
		vnpanic(vp, "reclaim: cannot drop its buffers");
}

static void
vcache_detach_type(struct vnode *vp)
{
	switch (vp->v_type) {
	case VREG:
		if (vp->v_ractx != NULL) {
			uvm_ra_freectx(vp->v_ractx);
			vp->v_ractx = NULL;
		}
		break;
	case VBLK:
	case VCHR:
		spec_node_destroy(vp);
		vp->v_type = VBAD;
		break;
	case VFIFO:
		fifo_revoke(vp);
		break;
	default:
		break;
	}
}

/*
 * Take a vnode apart.  The caller has a reference and the lock, which is
 * released; afterwards the vnode is dead but keeps its references.
 */
void
vcache_reclaim(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);
	struct mount *mp = vp->v_mount;

	KASSERT(vip->vi_state == VS_LOADED && vp->v_usecount > 0);
	vip->vi_state = VS_RECLAIMING;
	if (vp->v_vflag & VV_ROOT)
		mount_forget_root(mp, vp);
	cache_purge(vp);
	vcache_flush(vp);
	KASSERT(vp->v_numoutput == 0);
	if (vp->v_usecount > 1 && (vp->v_type == VBLK || vp->v_type == VCHR))
		spec_node_revoke(vp);

	if (VOP_RECLAIM(vp) != 0)
		vnpanic(vp, "reclaim failed");
	KASSERT(vp->v_data == NULL);
	KASSERT((vp->v_iflag & VI_PAGES) == 0);

	cache_purge(vp);
	vcache_hash_remove(vip);
	vlru_remove(vip);
	vcache_detach_type(vp);
	vp->v_op = dead_vnodeop_p;
	vp->v_vflag &= ~(VV_ROOT | VV_MAPPED);
	vip->vi_ids_valid = false;
	vip->vi_state = VS_RECLAIMED;
	vp->v_tag = VT_NON;
	VN_KNOTE(vp, NOTE_REVOKE);
	vfs_insmntque(vp, dead_rootmount);
	vcache_wakeup();
}

/*
 * The file system of an open device node goes away: keep the device usable
 * under a vnode without a name.
 */
int
vcache_make_anon(struct vnode *vp)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);
	dev_t rdev = vp->v_rdev;
	int error;

	KASSERT(vp->v_type == VBLK || vp->v_type == VCHR);
	error = vn_lock(vp, LK_EXCLUSIVE | LK_RETRY);
	if (error != 0)
		return error;
	if (vip->vi_state != VS_LOADED) {
		VOP_UNLOCK(vp);
		return EBUSY;
	}
	vip->vi_state = VS_RECLAIMING;
	cache_purge(vp);
	vcache_flush(vp);
	if (VOP_RECLAIM(vp) != 0)
		vnpanic(vp, "reclaim failed");
	vcache_hash_remove(vip);
	KASSERT(vp->v_rdev == rdev);
	vp->v_op = spec_vnodeop_p;
	vp->v_vflag |= VV_MPSAFE;
	vp->v_tag = VT_NON;
	vfs_insmntque(vp, dead_rootmount);
	vstate_change(vip, VS_LOADED);
	return 0;
}
