/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The name cache: (directory, name) to vnode, with negative entries and
 * whiteouts.  Entries hold no references; a vnode takes its entries along
 * when it dies (cache_purge).  The table is bounded: what has not been used
 * since the last time it was considered is evicted first.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/vnode.h>

#include "vnode_impl.h"
#include "namecache.h"

#define NC_POOL_SIZE	128		/* entries with names up to 39 bytes */
#define NC_FIRST	512		/* heads of chains to begin with */
#define NC_POOL_NAME	(NC_POOL_SIZE - sizeof(struct ncentry))

struct nchead *nc_table;
uint32_t nc_mask;
struct nchstats nc_stats;

static TAILQ_HEAD(, ncentry) nc_lru = TAILQ_HEAD_INITIALIZER(nc_lru);
static pool_cache_t nc_pool;
static u_int nc_count;
static u_int nc_limit;

void
nchinit(void)
{
	nc_limit = (u_int)desiredvnodes * 2;
	nc_table = kmem_zalloc(NC_FIRST * sizeof(*nc_table), KM_SLEEP);
	nc_mask = NC_FIRST - 1;
	nc_pool = pool_cache_init(NC_POOL_SIZE, 64, 0, 0, "ncache", NULL,
	    IPL_NONE, NULL, NULL, NULL);
}

/* Twice the chains; what cannot be had now is tried again later. */
static void
nc_grow(void)
{
	uint32_t size = (nc_mask + 1) * 2;
	struct nchead *table, *old = nc_table;
	struct ncentry *nc;

	table = kmem_zalloc(size * sizeof(*table), KM_NOSLEEP);
	if (table == NULL)
		return;
	TAILQ_FOREACH(nc, &nc_lru, nc_lru)
		LIST_INSERT_HEAD(&table[nc->nc_key & (size - 1)], nc,
		    nc_hash);
	nc_table = table;
	kmem_free(old, size / 2 * sizeof(*table));
	nc_mask = size - 1;
}

static struct ncentry *
nc_alloc(size_t namelen)
{
	if (namelen <= NC_POOL_NAME)
		return pool_cache_get(nc_pool, PR_NOWAIT);
	return kmem_alloc(sizeof(struct ncentry) + namelen, KM_NOSLEEP);
}

static void
nc_remove(struct ncentry *nc)
{
	LIST_REMOVE(nc, nc_hash);
	LIST_REMOVE(nc, nc_child);
	if (nc->nc_vp != NULL)
		LIST_REMOVE(nc, nc_parent);
	TAILQ_REMOVE(&nc_lru, nc, nc_lru);
	nc_count--;
	if (nc->nc_nlen <= NC_POOL_NAME)
		pool_cache_put(nc_pool, nc);
	else
		kmem_free(nc, sizeof(*nc) + nc->nc_nlen);
}

/* Make room for one: second chance for what was used lately. */
static void
nc_evict(void)
{
	struct ncentry *nc;

	while (nc_count >= nc_limit) {
		nc = TAILQ_FIRST(&nc_lru);
		if (nc->nc_used) {
			nc->nc_used = false;
			TAILQ_REMOVE(&nc_lru, nc, nc_lru);
			TAILQ_INSERT_TAIL(&nc_lru, nc, nc_lru);
		} else {
			nc_remove(nc);
		}
	}
}

/*
 * Look a name up for VOP_LOOKUP.  True: the cache knows, and *VN_RET is the
 * vnode, referenced, or NULL if there is none.
 */
bool
cache_lookup(struct vnode *dvp, const char *name, size_t namelen,
    uint32_t nameiop, uint32_t cnflags, int *iswht_ret,
    struct vnode **vn_ret)
{
	struct ncentry *nc;

	if (iswht_ret != NULL)
		*iswht_ret = 0;
	*vn_ret = NULL;
	nc = nc_find(dvp, name, namelen);
	if (nc == NULL) {
		nc_stats.ncs_miss++;
		return false;
	}
	if ((cnflags & MAKEENTRY) == 0) {
		/* The entry is about to change: do not keep what we know. */
		nc_stats.ncs_badhits++;
		nc_remove(nc);
		return false;
	}
	if (nc->nc_vp == NULL) {
		if (iswht_ret != NULL && nc->nc_whiteout)
			*iswht_ret = 1;
		if (nameiop == CREATE && (cnflags & ISLASTCN)) {
			/* The name is about to exist. */
			nc_stats.ncs_badhits++;
			nc_remove(nc);
			return false;
		}
		nc_stats.ncs_neghits++;
		return true;
	}
	if (vcache_tryvget(nc->nc_vp) != 0) {
		nc_stats.ncs_falsehits++;
		return false;
	}
	nc_stats.ncs_goodhits++;
	*vn_ret = nc->nc_vp;
	return true;
}

/* The same without opinions about what the name is wanted for. */
bool
cache_lookup_raw(struct vnode *dvp, const char *name, size_t namelen,
    uint32_t cnflags __unused, int *iswht_ret, struct vnode **vn_ret)
{
	struct ncentry *nc;

	if (iswht_ret != NULL)
		*iswht_ret = 0;
	*vn_ret = NULL;
	nc = nc_find(dvp, name, namelen);
	if (nc == NULL)
		return false;
	if (nc->nc_vp == NULL) {
		if (iswht_ret != NULL)
			*iswht_ret = nc->nc_whiteout;
		return true;
	}
	if (vcache_tryvget(nc->nc_vp) != 0)
		return false;
	*vn_ret = nc->nc_vp;
	return true;
}

/*
 * From a vnode to a name of it and the directory that has it.  The name is
 * put before *BPP in the buffer that begins at BUFP.  -1: not in the cache.
 */
int
cache_revlookup(struct vnode *vp, struct vnode **dvpp, char **bpp,
    char *bufp, bool checkaccess, accmode_t accmode)
{
	struct ncentry *nc;
	char *bp;
	int error;

	*dvpp = NULL;
	LIST_FOREACH(nc, &VNODE_TO_VIMPL(vp)->vi_nc_parents, nc_parent) {
		if (nc->nc_nlen == 1 && nc->nc_name[0] == '.')
			continue;
		if (nc->nc_nlen == 2 && nc->nc_name[0] == '.' &&
		    nc->nc_name[1] == '.')
			continue;
		break;
	}
	if (nc == NULL) {
		nc_stats.ncs_revmiss++;
		return -1;
	}
	nc_stats.ncs_revhits++;
	if (bufp != NULL) {
		bp = *bpp - nc->nc_nlen;
		if (bp <= bufp)
			return ERANGE;
		memcpy(bp, nc->nc_name, nc->nc_nlen);
		*bpp = bp;
	}
	if (vcache_tryvget(nc->nc_dvp) != 0)
		return -1;
	*dvpp = nc->nc_dvp;
	if (checkaccess) {
		vn_lock(*dvpp, LK_SHARED | LK_RETRY);
		error = VOP_ACCESS(*dvpp, accmode, curlwp->l_cred);
		VOP_UNLOCK(*dvpp);
		if (error != 0) {
			vrele(*dvpp);
			*dvpp = NULL;
			return error;
		}
	}
	return 0;
}

/* Remember a name; VP is NULL for one that does not exist. */
void
cache_enter(struct vnode *dvp, struct vnode *vp, const char *name,
    size_t namelen, uint32_t cnflags)
{
	struct ncentry *nc;

	if ((cnflags & MAKEENTRY) == 0 || namelen > UINT16_MAX)
		return;
	if (vnode_state(dvp) != VS_LOADED)
		return;
	if (vp != NULL && vnode_state(vp) != VS_LOADED)
		return;
	nc = nc_find(dvp, name, namelen);
	if (nc != NULL)
		nc_remove(nc);
	nc_evict();
	if (nc_count > nc_mask)
		nc_grow();
	nc = nc_alloc(namelen);
	if (nc == NULL)
		return;			/* a cache may forget */
	nc->nc_dvp = dvp;
	nc->nc_vp = vp;
	nc->nc_key = nc_hash_name(dvp, name, namelen);
	nc->nc_nlen = (uint16_t)namelen;
	nc->nc_whiteout = vp == NULL && (cnflags & ISWHITEOUT) != 0;
	nc->nc_used = false;
	memcpy(nc->nc_name, name, namelen);
	LIST_INSERT_HEAD(&nc_table[nc->nc_key & nc_mask], nc, nc_hash);
	LIST_INSERT_HEAD(&VNODE_TO_VIMPL(dvp)->vi_nc_children, nc, nc_child);
	if (vp != NULL)
		LIST_INSERT_HEAD(&VNODE_TO_VIMPL(vp)->vi_nc_parents, nc,
		    nc_parent);
	TAILQ_INSERT_TAIL(&nc_lru, nc, nc_lru);
	nc_count++;
}

/*
 * Who may search a directory, so that the walk need not ask the file system.
 * VALID is false when that cannot be told from these three.
 */
void
cache_enter_id(struct vnode *vp, mode_t mode, uid_t uid, gid_t gid,
    bool valid)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);

	if (vp->v_type != VDIR)
		return;
	vip->vi_id_mode = mode;
	vip->vi_id_uid = uid;
	vip->vi_id_gid = gid;
	vip->vi_ids_valid = valid;
}

bool
cache_have_id(struct vnode *vp)
{
	return VNODE_TO_VIMPL(vp)->vi_ids_valid;
}

/*
 * Forget names: those of the vnode (PURGE_PARENTS), those in it
 * (PURGE_CHILDREN), or one in it (NAME).
 */
void
cache_purge1(struct vnode *vp, const char *name, size_t namelen, int flags)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(vp);
	struct ncentry *nc;

	if (flags & PURGE_PARENTS)
		while ((nc = LIST_FIRST(&vip->vi_nc_parents)) != NULL)
			nc_remove(nc);
	if (flags & PURGE_CHILDREN)
		while ((nc = LIST_FIRST(&vip->vi_nc_children)) != NULL)
			nc_remove(nc);
	if (name != NULL && (nc = nc_find(vp, name, namelen)) != NULL)
		nc_remove(nc);
}

void
cache_purgevfs(struct mount *mp)
{
	struct vnode_impl *vip;

	TAILQ_FOREACH(vip, &mp->mnt_vnodelist, vi_mntvnodes)
		if (vip->vi_state != VS_MARKER)
			cache_purge1(VIMPL_TO_VNODE(vip), NULL, 0,
			    PURGE_CHILDREN);
}

/* Counters that file systems bump when a directory search wraps around. */

void
namecache_count_pass2(void)
{
	nc_stats.ncs_pass2++;
}

void
namecache_count_2passes(void)
{
	nc_stats.ncs_2passes++;
}
