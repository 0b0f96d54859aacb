/* SPDX-License-Identifier: BSD-2-Clause */
/* Path name translation and the name cache. */

#ifndef _SYS_NAMEI_H_
#define _SYS_NAMEI_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/rwlock.h>

#ifdef _KERNEL
#include <sys/kauth.h>
#include <sys/pool.h>

struct mount;
struct vnode;

/* A path name, owned by its caller, read by namei. */
struct pathbuf;
struct pathbuf *pathbuf_create(const char *);
struct pathbuf *pathbuf_assimilate(char *);
int pathbuf_copyin(const char *, struct pathbuf **);
int pathbuf_maybe_copyin(const char *, enum uio_seg, struct pathbuf **);
void pathbuf_destroy(struct pathbuf *);
void pathbuf_copystring(const struct pathbuf *, char *, size_t);
const char *pathbuf_stringcopy_get(struct pathbuf *);
void pathbuf_stringcopy_put(struct pathbuf *, const char *);

/* One component, as VOP_LOOKUP and the operations on names see it. */
struct componentname {
	uint32_t cn_nameiop;		/* LOOKUP, CREATE, DELETE, RENAME */
	uint32_t cn_flags;
	kauth_cred_t cn_cred;
	const char *cn_nameptr;		/* not terminated at cn_namelen */
	size_t cn_namelen;
};

struct nameidata {
	struct vnode *ni_atdir;		/* start of a relative path, or NULL */
	struct pathbuf *ni_pathbuf;
	char *ni_pnbuf;			/* valid during namei only */
	struct vnode *ni_rootdir;
	struct vnode *ni_erootdir;
	struct vnode *ni_vp;		/* result */
	struct vnode *ni_dvp;		/* its parent, if asked for */
	size_t ni_pathlen;
	const char *ni_next;
	unsigned int ni_loopcnt;	/* symbolic links met */
	struct componentname ni_cnd;
};

/* nameiop, with flags */
#define LOOKUP		0
#define CREATE		1
#define DELETE		2
#define RENAME		3
#define OPMASK		3
#define LOCKLEAF	4
#define LOCKPARENT	8
#define TRYEMULROOT	0x10
#define NOCACHE		0x20
#define FOLLOW		0x40
#define NOFOLLOW	0
#define EMULROOTSET	0x80
#define LOCKSHARED	0x100
#define NOCHROOT	0x1000000
#define NONEXCLHACK	0x2000000
#define MODMASK		0x30001fc
/* parameters, internal to the walk or for the file system */
#define NOCROSSMOUNT	0x800
#define RDONLY		0x1000
#define ISDOTDOT	0x2000
#define MAKEENTRY	0x4000
#define ISLASTCN	0x8000
#define WILLBEDIR	0x10000
#define ISWHITEOUT	0x20000
#define DOWHITEOUT	0x40000
#define REQUIREDIR	0x80000
#define CREATEDIR	0x200000
#define PARAMASK	0x2ff800

#define NAMEI_LOOKUP	0
#define NAMEI_CREATE	1
#define NAMEI_DELETE	2
#define NAMEI_RENAME	3
#define NAMEI_OPMASK	3
#define NAMEI_LOCKLEAF	4
#define NAMEI_LOCKPARENT	8
#define NAMEI_TRYEMULROOT	0x10
#define NAMEI_NOCACHE	0x20
#define NAMEI_FOLLOW	0x40
#define NAMEI_NOFOLLOW	0
#define NAMEI_EMULROOTSET	0x80
#define NAMEI_LOCKSHARED	0x100
#define NAMEI_NOCHROOT	0x1000000
#define NAMEI_NONEXCLHACK	0x2000000
#define NAMEI_MODMASK	0x30001fc
#define NAMEI_NOCROSSMOUNT	0x800
#define NAMEI_RDONLY	0x1000
#define NAMEI_ISDOTDOT	0x2000
#define NAMEI_MAKEENTRY	0x4000
#define NAMEI_ISLASTCN	0x8000
#define NAMEI_WILLBEDIR	0x10000
#define NAMEI_ISWHITEOUT	0x20000
#define NAMEI_DOWHITEOUT	0x40000
#define NAMEI_REQUIREDIR	0x80000
#define NAMEI_CREATEDIR	0x200000
#define NAMEI_PARAMASK	0x2ff800

#define NDINIT(ndp, op, flags, pathbuf) do {				\
	(ndp)->ni_cnd.cn_nameiop = (op);				\
	(ndp)->ni_cnd.cn_flags = (flags);				\
	(ndp)->ni_atdir = NULL;						\
	(ndp)->ni_pathbuf = (pathbuf);					\
	(ndp)->ni_cnd.cn_cred = kauth_cred_get();			\
} while (0)
#define NDAT(ndp, dir)	((ndp)->ni_atdir = (dir))

int namei(struct nameidata *);
int lookup_for_nfsd(struct nameidata *, struct vnode *, int);
int lookup_for_nfsd_index(struct nameidata *, struct vnode *);
int relookup(struct vnode *, struct vnode **, struct componentname *, int);

/* Lookups that want nothing but the vnode, unlocked and referenced. */
typedef const struct namei_simple_flags_type *namei_simple_flags_t;
extern const namei_simple_flags_t NSM_NOFOLLOW_NOEMULROOT;
extern const namei_simple_flags_t NSM_NOFOLLOW_TRYEMULROOT;
extern const namei_simple_flags_t NSM_FOLLOW_NOEMULROOT;
extern const namei_simple_flags_t NSM_FOLLOW_TRYEMULROOT;
int namei_simple_kernel(const char *, namei_simple_flags_t, struct vnode **);
int namei_simple_user(const char *, namei_simple_flags_t, struct vnode **);
int nameiat_simple(struct vnode *, struct pathbuf *, namei_simple_flags_t,
    struct vnode **);
int nameiat_simple_kernel(struct vnode *, const char *, namei_simple_flags_t,
    struct vnode **);
int nameiat_simple_user(struct vnode *, const char *, namei_simple_flags_t,
    struct vnode **);

/* MAXPATHLEN buffers for path names. */
extern pool_cache_t pnbuf_cache;
#define PNBUF_GET()	((char *)pool_cache_get(pnbuf_cache, PR_WAITOK))
#define PNBUF_PUT(pnb)	pool_cache_put(pnbuf_cache, (pnb))

/* Name cache. */
#define PURGE_PARENTS	1
#define PURGE_CHILDREN	2
#define cache_purge(vp)	\
	cache_purge1((vp), NULL, 0, PURGE_PARENTS | PURGE_CHILDREN)

bool cache_lookup(struct vnode *, const char *, size_t, uint32_t, uint32_t,
    int *, struct vnode **);
bool cache_lookup_raw(struct vnode *, const char *, size_t, uint32_t, int *,
    struct vnode **);
int cache_revlookup(struct vnode *, struct vnode **, char **, char *, bool,
    accmode_t);
void cache_enter(struct vnode *, struct vnode *, const char *, size_t,
    uint32_t);
void cache_enter_id(struct vnode *, mode_t, uid_t, gid_t, bool);
bool cache_have_id(struct vnode *);
void cache_purge1(struct vnode *, const char *, size_t, int);
void cache_purgevfs(struct mount *);
void nchinit(void);
void namecache_count_pass2(void);
void namecache_count_2passes(void);
#endif /* _KERNEL */

struct nchstats {
	uint64_t ncs_goodhits;
	uint64_t ncs_neghits;
	uint64_t ncs_badhits;
	uint64_t ncs_falsehits;
	uint64_t ncs_miss;
	uint64_t ncs_long;
	uint64_t ncs_pass2;
	uint64_t ncs_2passes;
	uint64_t ncs_revhits;
	uint64_t ncs_revmiss;
	uint64_t ncs_denied;
};

#endif /* !_SYS_NAMEI_H_ */
