/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From path names to vnodes.
 *
 * A walk goes one component at a time.  As long as the name cache knows the
 * way and the permissions of the directories on it, the walk takes neither
 * references nor locks: it does not sleep, so nothing can change under it.
 * Where the cache does not know, the walk takes a reference to where it is,
 * asks the file system with the directory locked, and goes on as before.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/dirent.h>
#include <sys/file.h>
#include <sys/filedesc.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/unistd.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>

#include "vnode_impl.h"
#include "vfs_private.h"
#include "namecache.h"
#include "lookup.h"

pool_cache_t pnbuf_cache;
static pool_cache_t pathbuf_cache;

struct namei_simple_flags_type {
	int nsf_follow;
};
static const struct namei_simple_flags_type nsm_nofollow = { NOFOLLOW };
static const struct namei_simple_flags_type nsm_follow = { FOLLOW };
const namei_simple_flags_t NSM_NOFOLLOW_NOEMULROOT = &nsm_nofollow;
const namei_simple_flags_t NSM_NOFOLLOW_TRYEMULROOT = &nsm_nofollow;
const namei_simple_flags_t NSM_FOLLOW_NOEMULROOT = &nsm_follow;
const namei_simple_flags_t NSM_FOLLOW_TRYEMULROOT = &nsm_follow;

/* Path buffers. */

struct pathbuf {
	char *pb_path;			/* the walk edits it in place */
	char *pb_copy;			/* as it was, for who asked */
	u_int pb_copyrefs;
	bool pb_external;		/* pb_path came from PNBUF_GET */
	char pb_buffer[MAXPATHLEN];
};

void
namei_init(void)
{
	pnbuf_cache = pool_cache_init(MAXPATHLEN, 0, 0, 0, "pnbufpl", NULL,
	    IPL_NONE, NULL, NULL, NULL);
	pathbuf_cache = pool_cache_init(sizeof(struct pathbuf), 0, 0, 0,
	    "pathbuf", NULL, IPL_NONE, NULL, NULL, NULL);
}

static struct pathbuf *
pathbuf_create_raw(void)
{
	struct pathbuf *pb = pool_cache_get(pathbuf_cache, PR_WAITOK);

	pb->pb_path = pb->pb_buffer;
	pb->pb_copy = NULL;
	pb->pb_copyrefs = 0;
	pb->pb_external = false;
	return pb;
}

struct pathbuf *
pathbuf_create(const char *path)
{
	struct pathbuf *pb = pathbuf_create_raw();

	if (strlcpy(pb->pb_path, path, MAXPATHLEN) >= MAXPATHLEN) {
		pathbuf_destroy(pb);
		return NULL;
	}
	return pb;
}

/* Takes over a buffer of PNBUF_GET. */
struct pathbuf *
pathbuf_assimilate(char *pnbuf)
{
	struct pathbuf *pb = pathbuf_create_raw();

	pb->pb_path = pnbuf;
	pb->pb_external = true;
	return pb;
}

void
pathbuf_destroy(struct pathbuf *pb)
{
	KASSERT(pb->pb_copyrefs == 0);
	if (__predict_false(pb->pb_copy != NULL))
		PNBUF_PUT(pb->pb_copy);
	if (__predict_false(pb->pb_external))
		PNBUF_PUT(pb->pb_path);
	pool_cache_put(pathbuf_cache, pb);
}

int
pathbuf_copyin(const char *userpath, struct pathbuf **ret)
{
	struct pathbuf *pb = pathbuf_create_raw();
	int error;

	error = copyinstr(userpath, pb->pb_path, MAXPATHLEN, NULL);
	if (error != 0) {
		pathbuf_destroy(pb);
		return error;
	}
	*ret = pb;
	return 0;
}

int
pathbuf_maybe_copyin(const char *path, enum uio_seg seg,
    struct pathbuf **ret)
{
	if (seg == UIO_USERSPACE)
		return pathbuf_copyin(path, ret);
	*ret = pathbuf_create(path);
	return *ret == NULL ? ENAMETOOLONG : 0;
}

/* The path itself, for who does not keep it. */
const char *
pathbuf_chars(const struct pathbuf *pb)
{
	return pb->pb_path;
}

void
pathbuf_copystring(const struct pathbuf *pb, char *buf, size_t maxlen)
{
	strlcpy(buf, pb->pb_path, maxlen);
}

const char *
pathbuf_stringcopy_get(struct pathbuf *pb)
{
	if (pb->pb_copyrefs++ == 0 && pb->pb_copy == NULL) {
		pb->pb_copy = PNBUF_GET();
		strlcpy(pb->pb_copy, pb->pb_path, MAXPATHLEN);
	}
	return pb->pb_copy;
}

void
pathbuf_stringcopy_put(struct pathbuf *pb, const char *copy)
{
	KASSERT(pb->pb_copyrefs > 0 && copy == pb->pb_copy);
	pb->pb_copyrefs--;
}

/* The walk. */

struct walk {
	struct nameidata *w_ndp;
	struct componentname *w_cnp;
	struct vnode *w_dir;		/* where we are */
	bool w_held;			/* we have a reference to w_dir */
	bool w_locked;			/* and its lock */
	bool w_last;			/* this is the last component */
};

static __inline struct vnode *
walk_root(void)
{
	struct vnode *rdir = curlwp->l_proc->p_cwdi->cwdi_rdir;

	return rdir != NULL ? rdir : rootvnode;
}

static void
walk_hold(struct walk *w)
{
	if (!w->w_held) {
		w->w_held = true;
		/* Never zero: it was reached without a sleep. */
		VNODE_TO_VIMPL(w->w_dir)->vi_touched = true;
		w->w_dir->v_usecount++;
	}
}

static void
walk_drop(struct walk *w)
{
	if (w->w_locked)
		VOP_UNLOCK(w->w_dir);
	w->w_locked = false;
	if (w->w_held)
		vrele(w->w_dir);
	w->w_held = false;
	w->w_dir = NULL;
}

/* Go on in VP, of which HELD tells if we have a reference. */
static void
walk_step(struct walk *w, struct vnode *vp, bool held)
{
	if (w->w_held) {
		/* The release may sleep: VP must not vanish meanwhile. */
		if (!held)
			(void)vcache_tryvget(vp);
		walk_drop(w);
		held = true;
	}
	w->w_dir = vp;
	w->w_held = held;
}

/* May these credentials search the directory, going by its cached mode? */
static __inline bool
walk_may_search(struct vnode *dvp, kauth_cred_t cred)
{
	struct vnode_impl *vip = VNODE_TO_VIMPL(dvp);

	if (!vip->vi_ids_valid ||
	    (dvp->v_mount->mnt_iflag & IMNT_NCLOOKUP) == 0)
		return false;
	/* Searchable for all, and no listener can say otherwise. */
	if ((vip->vi_id_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) ==
	    (S_IXUSR | S_IXGRP | S_IXOTH))
		return true;
	return kauth_authorize_vnode(cred,
	    vfs_access_action(VEXEC, VDIR, vip->vi_id_mode), dvp, NULL,
	    genfs_can_access(dvp, cred, vip->vi_id_uid, vip->vi_id_gid,
	    vip->vi_id_mode, NULL, VEXEC)) == 0;
}

/*
 * Split off one component: sets cn_nameptr, cn_namelen, ni_next and the
 * flags that depend on where it stands.
 */
static int
walk_parse(struct walk *w, const char *p)
{
	struct componentname *cnp = w->w_cnp;
	const char *e;
	size_t len;
	int error;

	cnp->cn_nameptr = p;
	if (__predict_true(w->w_dir->v_op[VOFFSET(vop_parsepath)] ==
	    genfs_parsepath)) {
		for (e = p; *e != '\0' && *e != '/'; e++)
			continue;
	} else if (w->w_dir->v_type != VDIR) {
		return ENOTDIR;
	} else {
		error = VOP_PARSEPATH(w->w_dir, p, &len);
		if (error != 0)
			return error;
		e = p + len;
	}
	cnp->cn_namelen = (size_t)(e - p);
	if (cnp->cn_namelen > KERNEL_NAME_MAX)
		return ENAMETOOLONG;
	cnp->cn_flags &= ~(ISLASTCN | ISDOTDOT | MAKEENTRY | ISWHITEOUT |
	    REQUIREDIR);
	if (cnp->cn_namelen == 2 && p[0] == '.' && p[1] == '.')
		cnp->cn_flags |= ISDOTDOT;
	if (*e == '/') {
		do {
			e++;
		} while (*e == '/');
		if (*e == '\0')
			cnp->cn_flags |= REQUIREDIR;
	}
	w->w_last = *e == '\0';
	if (w->w_last)
		cnp->cn_flags |= ISLASTCN;
	w->w_ndp->ni_next = e;
	return 0;
}

/*
 * Ask the cache.  0: *VPP is the vnode, without a reference.  ENOENT: it is
 * known not to exist.  Anything else: ask the file system.
 */
static __inline int
walk_cached(struct walk *w, struct vnode **vpp)
{
	struct componentname *cnp = w->w_cnp;
	struct vnode *dvp = w->w_dir;
	struct ncentry *nc;

	if (dvp->v_type != VDIR || !walk_may_search(dvp, cnp->cn_cred))
		return -1;
	if (cnp->cn_namelen == 1 && cnp->cn_nameptr[0] == '.') {
		*vpp = dvp;
		return 0;
	}
	if (cnp->cn_flags & ISDOTDOT) {
		if (dvp == walk_root()) {
			*vpp = dvp;
			return 0;
		}
		if (dvp->v_vflag & VV_ROOT)
			return -1;
	}
	nc = nc_find(dvp, cnp->cn_nameptr, cnp->cn_namelen);
	if (nc == NULL)
		return -1;
	if (nc->nc_vp == NULL) {
		if (nc->nc_whiteout || (dvp->v_vflag & VV_ROOT) ||
		    (w->w_last && cnp->cn_nameiop != LOOKUP))
			return -1;
		nc_stats.ncs_neghits++;
		return ENOENT;
	}
	if (vnode_state(nc->nc_vp) != VS_LOADED)
		return -1;
	nc_stats.ncs_goodhits++;
	*vpp = nc->nc_vp;
	return 0;
}

/* Before ".." leaves the root of a mounted file system, come down from it. */
static void
walk_uncover(struct walk *w)
{
	struct vnode *covered;

	while (w->w_dir != walk_root() && (w->w_dir->v_vflag & VV_ROOT) &&
	    (w->w_cnp->cn_flags & NOCROSSMOUNT) == 0 &&
	    (covered = w->w_dir->v_mount->mnt_vnodecovered) != NULL) {
		vref(covered);
		walk_step(w, covered, true);
	}
}

/*
 * VOP_LOOKUP() in a locked directory.  Some file systems search under an
 * exclusive lock only; they answer ENOLCK to a shared one, and are asked again.
 */
int
lookup_locked(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	const uint32_t flags = cnp->cn_flags;
	int error = VOP_LOOKUP(dvp, vpp, cnp);

	if (error != ENOLCK || VOP_ISLOCKED(dvp) == LK_EXCLUSIVE)
		return error;
	VOP_UNLOCK(dvp);
	vn_lock(dvp, LK_EXCLUSIVE | LK_RETRY);
	cnp->cn_flags = flags;
	return VOP_LOOKUP(dvp, vpp, cnp);
}

/* Ask the file system, with the directory locked. */
static int
walk_lookup(struct walk *w, struct vnode **vpp)
{
	struct componentname *cnp = w->w_cnp;
	bool wantparent = w->w_last && (cnp->cn_flags & LOCKPARENT) != 0;
	struct vnode *covered;
	int error, lktype = LK_EXCLUSIVE;

	*vpp = NULL;
	walk_hold(w);
	if (cnp->cn_flags & ISDOTDOT) {
		walk_uncover(w);
		if (w->w_dir == walk_root()) {
			/* The parent of the root is the root. */
			vref(w->w_dir);
			*vpp = w->w_dir;
			if (!wantparent)
				return 0;
			error = vn_lock(w->w_dir, LK_EXCLUSIVE);
			w->w_locked = error == 0;
			if (error != 0) {
				vrele(*vpp);
				*vpp = NULL;
			}
			return error;
		}
	}
	if ((cnp->cn_flags & NOCACHE) == 0 && !(w->w_last &&
	    (cnp->cn_nameiop == DELETE ||
	    (wantparent && cnp->cn_nameiop != CREATE))))
		cnp->cn_flags |= MAKEENTRY;
	if (!wantparent && (w->w_dir->v_mount->mnt_iflag & IMNT_SHRLOOKUP))
		lktype = LK_SHARED;

again:
	if (w->w_dir->v_type != VDIR)
		return ENOTDIR;
	error = vn_lock(w->w_dir, lktype);
	if (error != 0)
		return error;
	w->w_locked = true;
	error = lookup_locked(w->w_dir, vpp, cnp);
	if (error == ENOENT && (w->w_dir->v_vflag & VV_ROOT) &&
	    (w->w_dir->v_mount->mnt_flag & MNT_UNION) &&
	    (covered = w->w_dir->v_mount->mnt_vnodecovered) != NULL) {
		/* A union mount shows the names below where it has none. */
		vref(covered);
		VOP_UNLOCK(w->w_dir);
		w->w_locked = false;
		walk_step(w, covered, true);
		goto again;
	}
	if (error == EJUSTRETURN) {
		KASSERT(*vpp == NULL && w->w_last);
		if ((cnp->cn_flags & REQUIREDIR) &&
		    (cnp->cn_flags & CREATEDIR) == 0)
			error = ENOENT;
		else if (cnp->cn_flags & RDONLY)
			error = EROFS;
		else
			error = 0;
	}
	if (error != 0 || !wantparent) {
		VOP_UNLOCK(w->w_dir);
		w->w_locked = false;
	}
	return error;
}

/* What the link says, then what was left of the path, becomes the path. */
static int
walk_symlink(struct walk *w, struct vnode *vp)
{
	struct nameidata *ndp = w->w_ndp;
	struct iovec iov;
	struct uio uio;
	size_t len, rest;
	char *link;
	int error;

	if (ndp->ni_loopcnt++ >= MAXSYMLINKS)
		return ELOOP;
	vn_lock(vp, LK_SHARED | LK_RETRY);
	if (vp->v_mount->mnt_flag & MNT_SYMPERM) {
		error = VOP_ACCESS(vp, VEXEC, w->w_cnp->cn_cred);
		if (error != 0) {
			VOP_UNLOCK(vp);
			return error;
		}
	}
	link = PNBUF_GET();
	iov.iov_base = link;
	iov.iov_len = MAXPATHLEN;
	uio.uio_iov = &iov;
	uio.uio_iovcnt = 1;
	uio.uio_offset = 0;
	uio.uio_resid = MAXPATHLEN;
	uio.uio_rw = UIO_READ;
	UIO_SETUP_SYSSPACE(&uio);
	error = VOP_READLINK(vp, &uio, w->w_cnp->cn_cred);
	VOP_UNLOCK(vp);
	len = MAXPATHLEN - uio.uio_resid;
	rest = strlen(ndp->ni_next);
	if (error == 0 && len == 0)
		error = ENOENT;
	/* A slash that stood after the link must not get lost. */
	bool slash = rest > 0 || (w->w_cnp->cn_flags & REQUIREDIR);
	if (error == 0 && len + slash + rest >= MAXPATHLEN)
		error = ENAMETOOLONG;
	if (error == 0) {
		if (slash)
			link[len++] = '/';
		memcpy(link + len, ndp->ni_next, rest + 1);
		memcpy(ndp->ni_pnbuf, link, len + rest + 1);
	}
	PNBUF_PUT(link);
	return error;
}

/* From a directory that is mounted on to the root of what is on it. */
int
mount_enter_root(struct vnode *vp, struct vnode **vpp)
{
	struct mount *mp;
	struct vnode *root;
	int error;

	while (vp->v_type == VDIR && (mp = vp->v_mountedhere) != NULL) {
		if (vfs_busy(mp) != 0)
			continue;	/* it has just been unmounted */
		error = VFS_ROOT(mp, LK_NONE, &root);
		if (error == 0)
			mount_remember_root(mp, root);
		vfs_unbusy(mp);
		vrele(vp);
		if (error != 0)
			return error;
		vp = root;
	}
	*vpp = vp;
	return 0;
}

/* Cross mounts without sleeping; false if that cannot be done. */
static __inline bool
walk_cross_cached(struct vnode **vpp)
{
	struct vnode *vp = *vpp;

	while (vp->v_type == VDIR && vp->v_mountedhere != NULL) {
		vp = mount_cached_root(vp->v_mountedhere);
		if (vp == NULL || vnode_state(vp) != VS_LOADED)
			return false;
	}
	*vpp = vp;
	return true;
}

/* One component by the cache alone: 0, an error, or -1 for the slow way. */
static __inline int
walk_fast(struct walk *w, struct vnode **vpp)
{
	struct componentname *cnp = w->w_cnp;
	struct vnode *vp;
	int error;

	if (w->w_last && (cnp->cn_nameiop != LOOKUP ||
	    (cnp->cn_flags & (LOCKPARENT | NOCACHE))))
		return -1;
	error = walk_cached(w, &vp);
	if (error != 0)
		return error;
	if (vp->v_type == VLNK && (!w->w_last ||
	    (cnp->cn_flags & (FOLLOW | REQUIREDIR))))
		return -1;
	if (vp->v_type == VDIR && vp->v_mountedhere != NULL &&
	    (cnp->cn_flags & NOCROSSMOUNT) == 0 && !walk_cross_cached(&vp))
		return -1;
	*vpp = vp;
	return 0;
}

/* The same with everything that may happen; *VPP is referenced, or NULL. */
static int
walk_slow(struct walk *w, struct vnode **vpp, bool *linkp)
{
	struct componentname *cnp = w->w_cnp;
	struct vnode *vp;
	int error;

	*linkp = false;
	error = walk_lookup(w, &vp);
	if (error != 0 || vp == NULL) {
		*vpp = NULL;
		return error;
	}
	if (vp->v_type == VLNK && (!w->w_last ||
	    (cnp->cn_flags & (FOLLOW | REQUIREDIR)))) {
		if (w->w_locked) {
			VOP_UNLOCK(w->w_dir);
			w->w_locked = false;
		}
		error = walk_symlink(w, vp);
		vrele(vp);
		*linkp = error == 0;
		return error;
	}
	if ((cnp->cn_flags & NOCROSSMOUNT) == 0) {
		error = mount_enter_root(vp, &vp);
		if (error != 0)
			return error;
	}
	*vpp = vp;
	return 0;
}

/* Where an absolute or relative path begins; leaves the slashes behind. */
static const char *
walk_start(struct walk *w, const char *p, struct vnode *atdir)
{
	struct vnode *dir;

	if (*p == '/') {
		while (*p == '/')
			p++;
		dir = walk_root();
	} else {
		dir = atdir;
	}
	if (dir != w->w_dir) {
		if (w->w_held)
			walk_drop(w);
		w->w_dir = dir;
		w->w_held = false;
	}
	return p;
}

/* Lock what the caller wants locked, in the order of the hierarchy. */
static int
walk_lock_result(struct walk *w, struct vnode *vp)
{
	struct componentname *cnp = w->w_cnp;
	int error, lktype;

	if (vp == NULL || (cnp->cn_flags & LOCKLEAF) == 0)
		return 0;
	if (w->w_locked && w->w_dir == vp)
		return 0;
	lktype = (cnp->cn_flags & LOCKSHARED) ? LK_SHARED : LK_EXCLUSIVE;
	if (w->w_locked && (cnp->cn_flags & ISDOTDOT)) {
		VOP_UNLOCK(w->w_dir);
		w->w_locked = false;
		error = vn_lock(vp, lktype | LK_RETRY);
		if (error == 0) {
			error = vn_lock(w->w_dir, LK_EXCLUSIVE);
			if (error != 0)
				VOP_UNLOCK(vp);
			w->w_locked = error == 0;
		}
		return error;
	}
	return vn_lock(vp, lktype | LK_RETRY);
}

/* The path named a directory without naming an entry of it: "/", "//". */
static int
walk_finish_root(struct walk *w)
{
	struct nameidata *ndp = w->w_ndp;
	struct vnode *vp;
	int error;

	walk_hold(w);
	vp = w->w_dir;
	w->w_cnp->cn_nameptr = ndp->ni_pnbuf;
	w->w_cnp->cn_namelen = 0;
	w->w_cnp->cn_flags |= ISLASTCN;
	w->w_held = false;
	if ((w->w_cnp->cn_flags & NOCROSSMOUNT) == 0) {
		error = mount_enter_root(vp, &vp);
		if (error != 0)
			return error;
	}
	error = walk_lock_result(w, vp);
	if (error != 0) {
		vrele(vp);
		return error;
	}
	ndp->ni_vp = vp;
	ndp->ni_dvp = NULL;
	return 0;
}

static int
walk_finish(struct walk *w, struct vnode *vp, bool held)
{
	struct nameidata *ndp = w->w_ndp;
	struct componentname *cnp = w->w_cnp;
	int error;

	if (vp != NULL && !held) {
		VNODE_TO_VIMPL(vp)->vi_touched = true;
		vp->v_usecount++;
	}
	error = 0;
	if (vp != NULL && (cnp->cn_flags & REQUIREDIR) && vp->v_type != VDIR)
		error = ENOTDIR;
	if (error == 0)
		error = walk_lock_result(w, vp);
	if (error != 0) {
		if (w->w_locked)
			VOP_UNLOCK(w->w_dir);
		w->w_locked = false;
		if (vp != NULL)
			vrele(vp);
		return error;
	}
	ndp->ni_vp = vp;
	if (cnp->cn_flags & LOCKPARENT) {
		KASSERT(w->w_held && w->w_locked);
		ndp->ni_dvp = w->w_dir;
		w->w_held = w->w_locked = false;
	} else {
		KASSERT(!w->w_locked);
		ndp->ni_dvp = NULL;
	}
	return 0;
}

static int
walk_path(struct walk *w, struct vnode *atdir)
{
	struct nameidata *ndp = w->w_ndp;
	const char *p = ndp->ni_pnbuf;
	struct vnode *vp;
	bool held, link;
	int error;

	if (*p == '\0')
		return ENOENT;
	p = walk_start(w, p, atdir);
	if (*p == '\0')
		return walk_finish_root(w);
	for (;;) {
		error = walk_parse(w, p);
		if (error != 0)
			return error;
		held = false;
		error = walk_fast(w, &vp);
		if (error == -1) {
			error = walk_slow(w, &vp, &link);
			held = true;
			if (error == 0 && link) {
				/* Relative links start where they stand. */
				p = walk_start(w, ndp->ni_pnbuf, w->w_dir);
				if (*p == '\0')
					return walk_finish_root(w);
				continue;
			}
		}
		if (error != 0)
			return error;
		if (w->w_last)
			return walk_finish(w, vp, held);
		walk_step(w, vp, held);
		p = ndp->ni_next;
	}
}

int
namei(struct nameidata *ndp)
{
	struct cwdinfo *cwdi = curlwp->l_proc->p_cwdi;
	struct walk w = { .w_ndp = ndp, .w_cnp = &ndp->ni_cnd };
	struct vnode *atdir;
	int error;

	KASSERT(ndp->ni_pathbuf != NULL);
	ndp->ni_pnbuf = ndp->ni_pathbuf->pb_path;
	ndp->ni_cnd.cn_nameptr = ndp->ni_pnbuf;
	ndp->ni_loopcnt = 0;
	ndp->ni_vp = ndp->ni_dvp = NULL;
	ndp->ni_rootdir = walk_root();
	ndp->ni_erootdir = NULL;
	atdir = ndp->ni_atdir != NULL ? ndp->ni_atdir : cwdi->cwdi_cdir;
	error = walk_path(&w, atdir);
	if (w.w_dir != NULL && (w.w_held || w.w_locked))
		walk_drop(&w);
	if (error != 0) {
		ndp->ni_vp = ndp->ni_dvp = NULL;
	}
	return error;
}

/*
 * The stat of a hot path: the vnode with a light reference if the cache
 * knows all of the way, else -1 or an error.
 */
int
namei_light(struct vnode *atdir, const char *path, uint32_t flags,
    struct vnode **vpp)
{
	struct nameidata nd;
	struct walk w = { .w_ndp = &nd, .w_cnp = &nd.ni_cnd };
	struct vnode *vp;
	int error;

	nd.ni_cnd.cn_nameiop = LOOKUP;
	nd.ni_cnd.cn_flags = flags;
	nd.ni_cnd.cn_cred = curlwp->l_cred;
	if (*path == '\0')
		return ENOENT;
	if (atdir == NULL)
		atdir = curlwp->l_proc->p_cwdi->cwdi_cdir;
	path = walk_start(&w, path, atdir);
	vp = w.w_dir;
	if (*path == '\0' && !walk_cross_cached(&vp))
		return -1;
	while (*path != '\0') {
		w.w_dir = vp;
		if (w.w_dir->v_op[VOFFSET(vop_parsepath)] != genfs_parsepath)
			return -1;
		error = walk_parse(&w, path);
		if (error != 0)
			return error;
		error = walk_fast(&w, &vp);
		if (error != 0)
			return error;
		path = nd.ni_next;
	}
	if ((nd.ni_cnd.cn_flags & REQUIREDIR) && vp->v_type != VDIR)
		return -1;
	if (vnode_state(vp) != VS_LOADED)
		return -1;		/* we stand in a dead directory */
	vref_light(vp);
	*vpp = vp;
	return 0;
}

/*
 * Look a component up again in its directory, which is locked before and
 * after.
 */
int
relookup(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    int dummy __unused)
{
	struct vnode *vp;
	int error;

	KASSERT(cnp->cn_flags & ISLASTCN);
	cnp->cn_flags &= ~(ISDOTDOT | MAKEENTRY | ISWHITEOUT);
	if ((cnp->cn_flags & NOCACHE) == 0 && cnp->cn_nameiop != DELETE &&
	    ((cnp->cn_flags & LOCKPARENT) == 0 || cnp->cn_nameiop == CREATE))
		cnp->cn_flags |= MAKEENTRY;
	if (cnp->cn_namelen == 2 && cnp->cn_nameptr[0] == '.' &&
	    cnp->cn_nameptr[1] == '.')
		cnp->cn_flags |= ISDOTDOT;
	*vpp = NULL;
	error = VOP_LOOKUP(dvp, &vp, cnp);
	if (error == EJUSTRETURN)
		return (cnp->cn_flags & RDONLY) ? EROFS : 0;
	if (error != 0)
		return error;
	if ((cnp->cn_flags & LOCKLEAF) && vp != dvp) {
		error = vn_lock(vp, LK_EXCLUSIVE);
		if (error != 0) {
			vrele(vp);
			return error;
		}
	}
	*vpp = vp;
	return 0;
}

/* The simple ones. */

int
nameiat_simple(struct vnode *dvp, struct pathbuf *pb,
    namei_simple_flags_t sflags, struct vnode **vpp)
{
	struct nameidata nd;
	int error;

	NDINIT(&nd, LOOKUP, (uint32_t)sflags->nsf_follow, pb);
	if (dvp != NULL)
		NDAT(&nd, dvp);
	error = namei(&nd);
	*vpp = error == 0 ? nd.ni_vp : NULL;
	return error;
}

int
nameiat_simple_kernel(struct vnode *dvp, const char *path,
    namei_simple_flags_t sflags, struct vnode **vpp)
{
	struct pathbuf *pb = pathbuf_create(path);
	int error;

	if (pb == NULL)
		return ENAMETOOLONG;
	error = nameiat_simple(dvp, pb, sflags, vpp);
	pathbuf_destroy(pb);
	return error;
}

int
nameiat_simple_user(struct vnode *dvp, const char *path,
    namei_simple_flags_t sflags, struct vnode **vpp)
{
	struct pathbuf *pb;
	int error;

	error = pathbuf_copyin(path, &pb);
	if (error != 0)
		return error;
	error = nameiat_simple(dvp, pb, sflags, vpp);
	pathbuf_destroy(pb);
	return error;
}

int
namei_simple_kernel(const char *path, namei_simple_flags_t sflags,
    struct vnode **vpp)
{
	return nameiat_simple_kernel(NULL, path, sflags, vpp);
}

int
namei_simple_user(const char *path, namei_simple_flags_t sflags,
    struct vnode **vpp)
{
	return nameiat_simple_user(NULL, path, sflags, vpp);
}

/*
 * For NFS servers: paths relative to a directory of the client's, never
 * through symbolic links, never across mounts.
 */
int
lookup_for_nfsd(struct nameidata *ndp, struct vnode *dir, int neverfollow)
{
	if (neverfollow)
		ndp->ni_cnd.cn_flags &= ~FOLLOW;
	ndp->ni_cnd.cn_flags |= NOCROSSMOUNT;
	NDAT(ndp, dir);
	return namei(ndp);
}

int
lookup_for_nfsd_index(struct nameidata *ndp, struct vnode *dir)
{
	return lookup_for_nfsd(ndp, dir, 1);
}
