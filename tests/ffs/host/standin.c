/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in for the kernel, just large enough to run the ffs driver in an
 * ordinary process under AddressSanitizer.  One thread, no locks, an image in
 * memory, buffers and pages that are never evicted: what is left is the
 * driver's own logic.  It is stricter than a kernel: a buffer that is asked
 * for twice, a write outside of the image or into a hole are failures.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/conf.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/malloc.h>
#include <sys/mount.h>
#include <sys/namei.h>
#include <sys/pool.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vnode.h>
#include <sys/wapbl.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>
#include <miscfs/specfs/specdev.h>
#include <uvm/uvm_extern.h>
#include <uvm/uvm_pager.h>

#undef realloc
#undef malloc
#undef free
#include "standin.h"

/* Of the host's library, whose headers don't go with the kernel's. */
extern void *calloc(size_t, size_t);
extern void abort(void) __attribute__((__noreturn__));
extern void *realloc(void *, size_t);
extern void free_(void *) __asm__("free");
extern int dprintf(int, const char *, ...);
extern int vdprintf(int, const char *, __builtin_va_list);

struct hi_entry { LIST_ENTRY(hi_entry) he_link; };
LIST_HEAD(hi_head, hi_entry);

static uint8_t *hi_data;	/* the image */
static size_t hi_size;
static bool hi_ronly;
static bool hi_quiet;
void (*hi_onwrite)(uint64_t, size_t);
static enum hi_fate hi_fates;
static unsigned hi_writesleft;

static void __attribute__((__noreturn__, __format__(__printf__, 1, 2)))
die(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	dprintf(2, "standin: ");
	vdprintf(2, fmt, ap);
	dprintf(2, "\n");
	__builtin_va_end(ap);
	abort();
}

/* Data. */
volatile time_t time_second = 1700000000;
psize_t physmem = 16384;
struct pool_allocator pool_allocator_nointr;
const namei_simple_flags_t NSM_FOLLOW_NOEMULROOT;
static int (*hi_nullops[128])(void *);
int (**spec_vnodeop_p)(void *) = hi_nullops;
int (**fifo_vnodeop_p)(void *) = hi_nullops;
const enum vtype iftovt_tab[16] = {
	VNON, VFIFO, VCHR, VNON, VDIR, VNON, VBLK, VNON,
	VREG, VNON, VLNK, VNON, VSOCK, VNON, VNON, VBAD,
};
const int vttoif_tab[9] = {
	0, S_IFREG, S_IFDIR, S_IFBLK, S_IFCHR, S_IFLNK, S_IFSOCK, S_IFIFO,
	S_IFMT,
};

/* Memory, locks, messages. */
static size_t hi_inuse;		/* bytes that the driver has allocated */
void *
kmem_zalloc(size_t n, km_flag_t f)
{
	(void)f;
	if (n == 0)
		die("allocation of 0 bytes");
	hi_inuse += n;
	return calloc(1, n);
}
void *
kmem_alloc(size_t n, km_flag_t f)
{
	void *p = kmem_zalloc(n, f);

	return memset(p, 0xa5, n);
}
void
kmem_free(void *p, size_t n)
{
	hi_inuse -= n;
	free_(p);
}
void *kmem_intr_alloc(size_t n, km_flag_t f) { return kmem_alloc(n, f); }
void kmem_intr_free(void *p, size_t n) { kmem_free(p, n); }
void *kern_malloc(unsigned long n, int f) { (void)f; return calloc(1, n); }
void kern_free(void *p) { free_(p); }
pool_cache_t
pool_cache_init(size_t size, u_int a, u_int b, u_int c, const char *name,
    struct pool_allocator *pa, int ipl, int (*ctor)(void *, void *, int),
    void (*dtor)(void *, void *), void *arg)
{
	(void)a, (void)b, (void)c, (void)name, (void)pa, (void)ipl, (void)ctor;
	(void)dtor, (void)arg;
	return (pool_cache_t)(uintptr_t)size;
}
void pool_cache_destroy(pool_cache_t pc) { (void)pc; }
void *
pool_cache_get_paddr(pool_cache_t pc, int flags, paddr_t *pap)
{
	(void)flags, (void)pap;
	hi_inuse += (size_t)(uintptr_t)pc;
	return calloc(1, (size_t)(uintptr_t)pc);
}
void
pool_cache_put_paddr(pool_cache_t pc, void *p, paddr_t pa)
{
	(void)pa;
	hi_inuse -= (size_t)(uintptr_t)pc;
	free_(p);
}
void mutex_init(kmutex_t *m, kmutex_type_t t, int i)
    { (void)m, (void)t, (void)i; }
void mutex_destroy(kmutex_t *m) { (void)m; }
void mutex_enter(kmutex_t *m) { (void)m; }
void mutex_exit(kmutex_t *m) { (void)m; }
void cv_init(kcondvar_t *cv, const char *n) { (void)cv, (void)n; }
void cv_destroy(kcondvar_t *cv) { (void)cv; }
void cv_broadcast(kcondvar_t *cv) { (void)cv; }
void
cv_wait(kcondvar_t *cv, kmutex_t *m)
{
	(void)cv, (void)m;
	die("waiting for another thread for ever");
}
void rw_enter(krwlock_t *rw, const krw_t op) { (void)rw, (void)op; }
uint32_t
cprng_fast32(void)
{
	static uint32_t x = 12345;

	return x = x * 1664525 + 1013904223;
}
void
vfs_timestamp(struct timespec *ts)
{
	static long n;

	ts->tv_sec = time_second;
	ts->tv_nsec = ++n % 1000000000;
}
void
getnanotime(struct timespec *ts)
{
	ts->tv_sec = time_second;
	ts->tv_nsec = 0;
}
void
log(int level, const char *fmt, ...)
{
	__builtin_va_list ap;

	(void)level;
	if (hi_quiet)
		return;
	__builtin_va_start(ap, fmt);
	vdprintf(2, fmt, ap);
	__builtin_va_end(ap);
}
void
kern_assert(const char *fmt, ...)
{
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	vdprintf(2, fmt, ap);
	__builtin_va_end(ap);
	dprintf(2, "\n");
	abort();
}
void
panic(const char *fmt, ...)
{
	die("panic: %s", fmt);
}
static struct lwp hi_lwp;
struct lwp lwp0;
kmutex_t bufcache_lock;
struct lwp *x86_curlwp(void) { return &hi_lwp; }

/* Permissions: everything. */
int kauth_authorize_system(kauth_cred_t c, kauth_action_t a,
    enum kauth_system_req r, void *x, void *y, void *z)
    { (void)c, (void)a, (void)r, (void)x, (void)y, (void)z; return 0; }
int kauth_authorize_vnode(kauth_cred_t c, kauth_action_t a, struct vnode *v,
    struct vnode *d, int e)
    { (void)c, (void)a, (void)v, (void)d, (void)e; return 0; }
uid_t kauth_cred_geteuid(kauth_cred_t c) { (void)c; return 0; }
kauth_action_t kauth_accmode_to_action(accmode_t m) { (void)m; return 0; }
int vfs_unixify_accmode(accmode_t *m) { (void)m; return 0; }

int kauth_cred_ismember_gid(kauth_cred_t c, gid_t g, int *r)
    { (void)c, (void)g; *r = 0; return 0; }
gid_t kauth_cred_getegid(kauth_cred_t c) { (void)c; return 0; }
int extattr_check_cred(struct vnode *v, int s, kauth_cred_t c, int a)
    { (void)v, (void)s, (void)c, (void)a; return 0; }
int VOP_ACCESSX(struct vnode *v, accmode_t a, kauth_cred_t c)
    { (void)v, (void)a, (void)c; return 0; }

/* Copying. */
void uio_setup_sysspace(struct uio *uio) { uio->uio_vmspace = NULL; }
int
uiomove(void *p, size_t n, struct uio *uio)
{
	uint8_t *b = p;

	while (n > 0 && uio->uio_resid > 0) {
		struct iovec *iov = uio->uio_iov;
		size_t k = MIN(n, iov->iov_len);

		if (k == 0) {
			uio->uio_iov++;
			uio->uio_iovcnt--;
			continue;
		}
		if (uio->uio_rw == UIO_READ)
			memcpy(iov->iov_base, b, k);
		else
			memcpy(b, iov->iov_base, k);
		iov->iov_base = (uint8_t *)iov->iov_base + k;
		iov->iov_len -= k;
		uio->uio_resid -= k;
		uio->uio_offset += (off_t)k;
		b += k;
		n -= k;
	}
	return 0;
}

/* Vnodes. */
struct hi_page {
	uint8_t		*p_data;
	bool		p_dirty;
};
struct hi_vnode {
	struct vnode	hv_vnode;	/* first */
	struct hi_vnode	*hv_next;
	uint64_t	hv_key;
	bool		hv_dead;
	struct hi_page	*hv_page;
	size_t		hv_npages;
	LIST_HEAD(, buf) hv_bufs;
};
static struct hi_vnode *hi_vnodes;
static struct hi_vnode *hi_devvp;
static struct mount *hi_mount;
static struct vfsops *hi_ops;
static struct specnode hi_specnode;

#define	HV(vp)	((struct hi_vnode *)(vp))

static struct hi_vnode *
hi_newvnode(void)
{
	struct hi_vnode *hv = calloc(1, (sizeof(*hv) + 63) & ~63UL);

	hv->hv_vnode.v_usecount = 1;
	hv->hv_vnode.v_mount = hi_mount;
	return hv;
}
static void
hi_insert(struct hi_vnode *hv)
{
	hv->hv_next = hi_vnodes;
	hi_vnodes = hv;
}
static struct hi_vnode *
hi_find(uint64_t key)
{
	for (struct hi_vnode *hv = hi_vnodes; hv != NULL; hv = hv->hv_next)
		if (hv->hv_key == key && !hv->hv_dead)
			return hv;
	return NULL;
}
int
vcache_get(struct mount *mp, const void *key, size_t len, struct vnode **vpp)
{
	struct hi_vnode *hv;
	const void *newkey;
	uint64_t k;
	int error;

	memcpy(&k, key, len);
	hv = hi_find(k);
	if (hv != NULL) {
		hv->hv_vnode.v_usecount++;
		*vpp = &hv->hv_vnode;
		return 0;
	}
	hv = hi_newvnode();
	error = hi_ops->vfs_loadvnode(mp, &hv->hv_vnode, key, len, &newkey);
	if (error != 0) {
		free_(hv);
		*vpp = NULL;
		return error;
	}
	hv->hv_key = k;
	hi_insert(hv);
	*vpp = &hv->hv_vnode;
	return 0;
}
int
vcache_new(struct mount *mp, struct vnode *dvp, struct vattr *vap,
    kauth_cred_t cred, void *extra, struct vnode **vpp)
{
	struct hi_vnode *hv = hi_newvnode();
	const void *key;
	size_t len;
	int error;

	error = hi_ops->vfs_newvnode(mp, dvp, &hv->hv_vnode, vap, cred, extra,
	    &len, &key);
	if (error != 0) {
		free_(hv);
		return error;
	}
	memcpy(&hv->hv_key, key, sizeof(hv->hv_key));
	if (hi_find(hv->hv_key) != NULL)
		die("inode %llu allocated while its vnode lives",
		    (unsigned long long)hv->hv_key);
	hi_insert(hv);
	*vpp = &hv->hv_vnode;
	return 0;
}
void vref(struct vnode *vp) { vp->v_usecount++; }
static void hi_reclaim(struct hi_vnode *);
void
vrele(struct vnode *vp)
{
	bool recycle = false;
	struct vop_inactive_v2_args ap = { .a_vp = vp, .a_recycle = &recycle };

	if (vp->v_usecount <= 0)
		die("vrele of a free vnode");
	if (vp->v_usecount > 1) {
		vp->v_usecount--;
		return;
	}
	if (vp == &hi_devvp->hv_vnode)
		return;
	(void)vp->v_op[VOFFSET(vop_inactive)](&ap);
	vp->v_usecount--;
	if (recycle)
		hi_reclaim(HV(vp));
}
void vput(struct vnode *vp) { vrele(vp); }
int vn_lock(struct vnode *vp, int flags) { (void)vp, (void)flags; return 0; }
int VOP_UNLOCK(struct vnode *vp) { (void)vp; return 0; }
int VOP_ACCESS(struct vnode *vp, accmode_t m, kauth_cred_t c)
    { (void)vp, (void)m, (void)c; return 0; }
int VOP_OPEN(struct vnode *vp, int m, kauth_cred_t c)
    { (void)vp, (void)m, (void)c; return 0; }
int VOP_CLOSE(struct vnode *vp, int m, kauth_cred_t c)
    { (void)vp, (void)m, (void)c; return 0; }
int VOP_IOCTL(struct vnode *vp, u_long c, void *d, int f, kauth_cred_t cr)
    { (void)vp, (void)c, (void)d, (void)f, (void)cr; return 0; }

/* Buffers. */
kmutex_t bufcache_lock;
static struct mount *
hi_journal(void)
{
	return hi_mount != NULL && hi_mount->mnt_wapbl != NULL ? hi_mount :
	    NULL;
}
u_long buf_memcalc(void) { return 64UL << 20; }
struct buf *
getiobuf(struct vnode *vp, bool wait)
{
	struct buf *bp = calloc(1, sizeof(*bp));

	(void)wait;
	bp->b_vp = vp;
	bp->b_cflags = BC_BUSY;
	return bp;
}
void putiobuf(struct buf *bp) { free_(bp); }
int
bbusy(struct buf *bp, bool intr, int timo, kmutex_t *lock)
{
	(void)intr, (void)timo, (void)lock;
	if ((bp->b_cflags & BC_BUSY) != 0)
		die("a buffer is busy: deadlock");
	bp->b_cflags |= BC_BUSY;
	return 0;
}
void bremfree(struct buf *bp) { (void)bp; }
void brelsel(struct buf *bp, int set) { brelse(bp, set); }
void
biodone(struct buf *bp)
{
	void (*iodone)(struct buf *) = bp->b_iodone;

	bp->b_oflags |= BO_DONE;
	bp->b_iodone = NULL;
	if (iodone != NULL)
		(*iodone)(bp);
}
int
biowait(struct buf *bp)
{
	if ((bp->b_oflags & BO_DONE) == 0)
		die("waiting for a buffer for ever");
	return bp->b_error;
}
/*
 * The disk of a fuzzer's choice: it loses all writes after some time, as when
 * the power fails, or answers them with errors.
 */
static int
hi_diskwrite(size_t off, const void *data, size_t len)
{
	if (hi_fates != HI_WELL) {
		if (hi_writesleft == 0)
			return hi_fates == HI_LOSES ? 0 : EIO;
		hi_writesleft--;
	}
	if (hi_onwrite != NULL)
		hi_onwrite(off, len);
	memcpy(hi_data + off, data, len);
	return 0;
}
void
hi_fate(enum hi_fate fate, unsigned writes)
{
	hi_fates = fate;
	hi_writesleft = writes;
}
int
VOP_STRATEGY(struct vnode *vp, struct buf *bp)
{
	struct vop_strategy_args ap = { .a_vp = vp, .a_bp = bp };
	const off_t off = (off_t)bp->b_blkno * DEV_BSIZE;

	if (vp != &hi_devvp->hv_vnode)
		return vp->v_op[VOFFSET(vop_strategy)](&ap);
	if (off < 0 || (size_t)off + (size_t)bp->b_bcount > hi_size) {
		if ((bp->b_flags & B_READ) == 0)
			die("write outside of the image at %lld",
			    (long long)off);
		bp->b_error = EIO;
	} else if ((bp->b_flags & B_READ) != 0)
		memcpy(bp->b_data, hi_data + off, (size_t)bp->b_bcount);
	else if (hi_ronly)
		die("write to a read-only image at %lld", (long long)off);
	else
		bp->b_error = hi_diskwrite((size_t)off, bp->b_data,
		    (size_t)bp->b_bcount);
	bp->b_resid = bp->b_error != 0 ? bp->b_bcount : 0;
	biodone(bp);
	return 0;
}
int
allocbuf(struct buf *bp, int size, int preserve)
{
	const int old = bp->b_bcount;

	(void)preserve;
	bp->b_data = realloc(bp->b_data, (size_t)size);
	if (size > bp->b_bcount)
		memset((char *)bp->b_data + bp->b_bcount, 0xa5,
		    (size_t)(size - bp->b_bcount));
	bp->b_bcount = bp->b_bufsize = size;
	if ((bp->b_flags & B_LOCKED) != 0 && size != old)
		WAPBL_RESIZE_BUF(hi_mount, bp, old, old);
	return 0;
}
struct buf *
getblk(struct vnode *vp, daddr_t blk, int size, int a, int b)
{
	struct hi_vnode *hv = HV(vp);
	struct buf *bp;

	(void)a, (void)b;
	LIST_FOREACH(bp, &hv->hv_bufs, b_hash) {
		if (bp->b_lblkno != blk)
			continue;
		if ((bp->b_cflags & BC_BUSY) != 0)
			die("buffer %lld is busy: deadlock", (long long)blk);
		bp->b_cflags |= BC_BUSY;
		if (bp->b_bcount != size)
			allocbuf(bp, size, 1);
		return bp;
	}
	bp = calloc(1, sizeof(*bp));
	bp->b_lblkno = bp->b_blkno = blk;
	bp->b_vp = vp;
	bp->b_cflags = BC_BUSY;
	LIST_INSERT_HEAD(&hv->hv_bufs, bp, b_hash);
	allocbuf(bp, size, 0);
	return bp;
}
static void
hi_undirty(struct buf *bp)
{
	if ((bp->b_oflags & BO_DELWRI) != 0)
		LIST_REMOVE(bp, b_vnbufs);
	bp->b_oflags &= ~(u_int)BO_DELWRI;
}
/* A journal has taken BO_DELWRI from a buffer that was dirty. */
void
reassignbuf(struct buf *bp, struct vnode *vp)
{
	if ((bp->b_oflags & BO_DELWRI) != 0 || bp->b_vp != vp)
		die("a buffer is made dirty behind the stand-in's back");
	LIST_REMOVE(bp, b_vnbufs);
}
void
brelse(struct buf *bp, int set)
{
	if ((bp->b_cflags & BC_BUSY) == 0)
		die("brelse of a buffer that is not busy");
	bp->b_cflags &= ~(u_int)BC_BUSY;
	if ((set & (BC_INVAL | BC_NOCACHE)) == 0 &&
	    (bp->b_oflags & (BO_DONE | BO_DELWRI)) != 0)
		return;
	if ((bp->b_flags & B_LOCKED) != 0)
		WAPBL_REMOVE_BUF(hi_mount, bp);
	hi_undirty(bp);
	LIST_REMOVE(bp, b_hash);
	free_(bp->b_data);
	free_(bp);
}
int
bread(struct vnode *vp, daddr_t blk, int size, int flags, struct buf **bpp)
{
	struct buf *bp = getblk(vp, blk, size, 0, 0);
	int error;

	(void)flags;
	if ((bp->b_oflags & (BO_DONE | BO_DELWRI)) == 0) {
		bp->b_flags |= B_READ;
		VOP_STRATEGY(vp, bp);
		error = biowait(bp);
		if (error != 0) {
			brelse(bp, BC_INVAL);
			*bpp = NULL;
			return error;
		}
	}
	*bpp = bp;
	return 0;
}
int
bwrite(struct buf *bp)
{
	int error;

	if (hi_journal() != NULL) {
		bdwrite(bp);
		return 0;
	}
	hi_undirty(bp);
	bp->b_flags &= ~(u_int)B_READ;
	bp->b_oflags &= ~(u_int)BO_DONE;
	VOP_STRATEGY(bp->b_vp, bp);
	error = biowait(bp);
	brelse(bp, error != 0 ? BC_INVAL : 0);
	return error;
}
void
bawrite(struct buf *bp)
{
	/* Only a journal does this, whose b_iodone releases it. */
	hi_undirty(bp);
	bp->b_flags &= ~(u_int)B_READ;
	bp->b_oflags &= ~(u_int)BO_DONE;
	VOP_STRATEGY(bp->b_vp, bp);
}
void
bdwrite(struct buf *bp)
{
	if (hi_ronly)
		die("bdwrite on a read-only mount");
	if (hi_journal() != NULL)
		WAPBL_ADD_BUF(hi_mount, bp);
	if ((bp->b_oflags & BO_DELWRI) == 0)
		LIST_INSERT_HEAD(&bp->b_vp->v_dirtyblkhd, bp, b_vnbufs);
	bp->b_oflags |= BO_DELWRI | BO_DONE;
	brelse(bp, 0);
}
void
binvalbuf(struct vnode *vp, daddr_t blk)
{
	struct buf *bp, *next;

	LIST_FOREACH_SAFE(bp, &HV(vp)->hv_bufs, b_hash, next) {
		if (bp->b_lblkno == blk) {
			bp->b_cflags |= BC_BUSY;
			brelse(bp, BC_INVAL);
		}
	}
}
buf_t *
incore(struct vnode *vp, daddr_t blk)
{
	struct buf *bp;

	LIST_FOREACH(bp, &HV(vp)->hv_bufs, b_hash)
		if (bp->b_lblkno == blk)
			return bp;
	return NULL;
}
static int
hi_flushbufs(struct vnode *vp)
{
	struct buf *bp, *next;
	int error, result = 0;

	LIST_FOREACH_SAFE(bp, &vp->v_dirtyblkhd, b_vnbufs, next) {
		if ((bp->b_flags & B_LOCKED) != 0)
			continue;
		if ((bp->b_cflags & BC_BUSY) != 0)
			die("flushing a busy buffer");
		bp->b_cflags |= BC_BUSY;
		error = bwrite(bp);
		if (error != 0)
			result = error;
	}
	return result;
}
static void
hi_dropbufs(struct vnode *vp, daddr_t from)
{
	struct buf *bp, *next;

	LIST_FOREACH_SAFE(bp, &HV(vp)->hv_bufs, b_hash, next) {
		if (bp->b_lblkno < from)
			continue;
		if ((bp->b_cflags & BC_BUSY) != 0)
			die("dropping a busy buffer");
		bp->b_cflags |= BC_BUSY;
		brelse(bp, BC_INVAL);
	}
}

/* Pages. */
static void
hi_dropages(struct hi_vnode *hv, size_t from)
{
	for (size_t i = from; i < hv->hv_npages; i++) {
		free_(hv->hv_page[i].p_data);
		hv->hv_page[i].p_data = NULL;
		hv->hv_page[i].p_dirty = false;
	}
}
static struct hi_page *
hi_page(struct hi_vnode *hv, off_t off)
{
	const size_t i = (size_t)(off / PAGE_SIZE);

	if (i > 1 << 24)
		die("page %zu of a file: a harness of its own is wanted", i);
	if (i >= hv->hv_npages) {
		const size_t n = i + i / 2 + 16;

		hv->hv_page = realloc(hv->hv_page, n * sizeof(struct hi_page));
		memset(hv->hv_page + hv->hv_npages, 0,
		    (n - hv->hv_npages) * sizeof(struct hi_page));
		hv->hv_npages = n;
	}
	return &hv->hv_page[i];
}
/* Move a page from or to the disk, block by block. */
static int
hi_pageio(struct vnode *vp, off_t off, uint8_t *data, bool write)
{
	struct vop_bmap_args ap = { .a_vp = vp };
	const int shift = hi_mount->mnt_fs_bshift;
	off_t eof;
	int error, run;

	GOP_SIZE(vp, write ? vp->v_writesize : vp->v_size, &eof, 0);
	for (off_t o = off; o < off + PAGE_SIZE && o < eof; ) {
		const off_t stop = MIN(MIN(eof, off + PAGE_SIZE),
		    ((o >> shift) + 1) << shift);
		struct vnode *devvp;
		daddr_t db;
		off_t at;

		ap.a_bn = o >> shift;
		ap.a_vpp = &devvp;
		ap.a_bnp = &db;
		ap.a_runp = &run;
		error = vp->v_op[VOFFSET(vop_bmap)](&ap);
		if (error != 0)
			return error;
		at = (off_t)db * DEV_BSIZE + (o & ((1 << shift) - 1));
		if (db == -1) {
			/* With a block of pointers that could not be written. */
			if (write && hi_fates == HI_FAILS)
				return EIO;
			if (write)
				die("writing a page into a hole at %lld",
				    (long long)o);
			memset(data + (o - off), 0, (size_t)(stop - o));
		} else if ((size_t)at + (size_t)(stop - o) > hi_size) {
			if (write)
				die("page outside of the image");
			return EIO;
		} else if (write) {
			if (hi_ronly)
				die("page written on a read-only mount");
			error = hi_diskwrite((size_t)at, data + (o - off),
			    (size_t)(stop - o));
			if (error != 0)
				return error;
		} else
			memcpy(data + (o - off), hi_data + at,
			    (size_t)(stop - o));
		o = stop;
	}
	return 0;
}
int
ubc_uiomove(struct uvm_object *uobj, struct uio *uio, vsize_t todo, int advice,
    int flags)
{
	struct hi_vnode *hv = HV(uobj);
	struct vnode *vp = &hv->hv_vnode;
	int error = 0;

	(void)advice;
	while (todo > 0 && error == 0) {
		const off_t off = uio->uio_offset;
		const size_t in = (size_t)(off & PAGE_MASK);
		const size_t n = MIN(todo, PAGE_SIZE - in);
		struct hi_page *pg = hi_page(hv, off);

		if (pg->p_data == NULL) {
			uint8_t *data = calloc(1, PAGE_SIZE);

			if ((flags & UBC_FAULTBUSY) == 0) {
				if (off - (off_t)in >= vp->v_size) {
					free_(data);
					return EINVAL;
				}
				error = hi_pageio(vp, off - (off_t)in, data,
				    false);
				if (error != 0) {
					free_(data);
					return error;
				}
			}
			pg->p_data = data;
		}
		error = uiomove(pg->p_data + in, n, uio);
		if ((flags & UBC_WRITE) != 0)
			pg->p_dirty = true;
		todo -= n;
	}
	return error;
}
void
uvm_vnp_setwritesize(struct vnode *vp, voff_t size)
{
	if (size < vp->v_size)
		die("v_writesize below v_size");
	vp->v_writesize = size;
}
void
uvm_vnp_setsize(struct vnode *vp, voff_t size)
{
	if (size < vp->v_writesize)
		hi_dropages(HV(vp), (size_t)howmany(size, PAGE_SIZE));
	vp->v_size = vp->v_writesize = size;
}
int
VOP_PUTPAGES(struct vnode *vp, voff_t lo, voff_t hi, int flags)
{
	struct hi_vnode *hv = HV(vp);
	const size_t first = (size_t)(lo / PAGE_SIZE);
	const size_t end = hi == 0 ? hv->hv_npages :
	    MIN(hv->hv_npages, (size_t)howmany(hi, PAGE_SIZE));
	int error = 0;

	if ((flags & PGO_CLEANIT) != 0) {
		for (size_t i = first; i < end && error == 0; i++) {
			if (!hv->hv_page[i].p_dirty)
				continue;
			error = hi_pageio(vp, (off_t)i * PAGE_SIZE,
			    hv->hv_page[i].p_data, true);
			hv->hv_page[i].p_dirty = false;
		}
	}
	if ((flags & PGO_FREE) != 0)
		hi_dropages(hv, first);
	return error;
}
int
vflushbuf(struct vnode *vp, int flags)
{
	int error = VOP_PUTPAGES(vp, 0, 0, PGO_CLEANIT | PGO_SYNCIO);

	(void)flags;
	return error != 0 ? error : hi_flushbufs(vp);
}
int
vtruncbuf(struct vnode *vp, daddr_t lbn, bool c, int t)
{
	(void)c, (void)t;
	hi_dropages(HV(vp), (size_t)((lbn << hi_mount->mnt_fs_bshift) /
	    PAGE_SIZE));
	hi_dropbufs(vp, lbn);
	return 0;
}
int
vinvalbuf(struct vnode *vp, int flags, kauth_cred_t cred, struct lwp *l,
    bool c, int t)
{
	int error = 0;

	(void)cred, (void)l, (void)c, (void)t;
	if ((flags & V_SAVE) != 0)
		error = hi_flushbufs(vp);
	hi_dropbufs(vp, INT64_MIN);
	return error;
}
int
VOP_FSYNC(struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi)
{
	struct vop_fsync_args ap = { .a_vp = vp, .a_cred = cred,
	    .a_flags = flags, .a_offlo = lo, .a_offhi = hi };

	return vp == &hi_devvp->hv_vnode ? hi_flushbufs(vp) :
	    vp->v_op[VOFFSET(vop_fsync)](&ap);
}
static void
hi_reclaim(struct hi_vnode *hv)
{
	struct vnode *vp = &hv->hv_vnode;
	struct vop_reclaim_v2_args ap = { .a_vp = vp };
	struct vop_fsync_args fs = { .a_vp = vp, .a_cred = NOCRED,
	    .a_flags = FSYNC_WAIT | FSYNC_RECLAIM };

	(void)VOP_PUTPAGES(vp, 0, 0, PGO_CLEANIT | PGO_FREE);
	(void)vp->v_op[VOFFSET(vop_fsync)](&fs);
	hi_dropbufs(vp, INT64_MIN);
	(void)vp->v_op[VOFFSET(vop_reclaim)](&ap);
	if (vp->v_data != NULL)
		die("reclaim left v_data");
	free_(hv->hv_page);
	hv->hv_page = NULL;
	hv->hv_npages = 0;
	hv->hv_dead = true;
	for (struct hi_vnode **pp = &hi_vnodes; *pp != NULL;
	    pp = &(*pp)->hv_next) {
		if (*pp == hv) {
			*pp = hv->hv_next;
			free_(hv);
			return;
		}
	}
}
int
vflush(struct mount *mp, struct vnode *skip, int flags)
{
	(void)mp, (void)skip, (void)flags;
	while (hi_vnodes != NULL) {
		if (hi_vnodes->hv_vnode.v_usecount != 0)
			die("vnode of inode %llu is still in use",
			    (unsigned long long)hi_vnodes->hv_key);
		hi_vnodes->hv_vnode.v_usecount = 1;
		hi_reclaim(hi_vnodes);
	}
	return 0;
}

/* Iterating over vnodes. */
struct vnode_iterator { struct hi_vnode *vi_next; };
void
vfs_vnode_iterator_init(struct mount *mp, struct vnode_iterator **vip)
{
	(void)mp;
	*vip = calloc(1, sizeof(**vip));
	(*vip)->vi_next = hi_vnodes;
}
struct vnode *
vfs_vnode_iterator_next(struct vnode_iterator *vi,
    bool (*want)(void *, struct vnode *), void *cl)
{
	while (vi->vi_next != NULL) {
		struct vnode *vp = &vi->vi_next->hv_vnode;

		vi->vi_next = vi->vi_next->hv_next;
		if (want(cl, vp)) {
			vp->v_usecount++;
			return vp;
		}
	}
	return NULL;
}
void vfs_vnode_iterator_destroy(struct vnode_iterator *vi) { free_(vi); }

/* Names are not cached. */
bool cache_lookup(struct vnode *d, const char *n, size_t l, uint32_t o,
    uint32_t f, int *w, struct vnode **v)
    { (void)d, (void)n, (void)l, (void)o, (void)f, (void)w, (void)v;
    return false; }
void cache_enter(struct vnode *d, struct vnode *v, const char *n, size_t l,
    uint32_t f) { (void)d, (void)v, (void)n, (void)l, (void)f; }
void cache_enter_id(struct vnode *v, mode_t m, uid_t u, gid_t g, bool b)
    { (void)v, (void)m, (void)u, (void)g, (void)b; }
void cache_purge1(struct vnode *v, const char *n, size_t l, int f)
    { (void)v, (void)n, (void)l, (void)f; }

/* genfs and specfs, as far as the driver itself calls them. */
int genfs_can_access(struct vnode *v, kauth_cred_t c, uid_t u, gid_t g,
    mode_t m, struct acl *a, accmode_t am)
    { (void)v, (void)c, (void)u, (void)g, (void)m, (void)a, (void)am;
    return 0; }
int genfs_can_chmod(struct vnode *v, kauth_cred_t c, uid_t u, gid_t g,
    mode_t m) { (void)v, (void)c, (void)u, (void)g, (void)m; return 0; }
int genfs_can_chown(struct vnode *v, kauth_cred_t c, uid_t u, gid_t g,
    uid_t nu, gid_t ng)
    { (void)v, (void)c, (void)u, (void)g, (void)nu, (void)ng; return 0; }
int genfs_can_chflags(struct vnode *v, kauth_cred_t c, uid_t u, bool s)
    { (void)v, (void)c, (void)u, (void)s; return 0; }
int genfs_can_chtimes(struct vnode *v, kauth_cred_t c, uid_t u, u_int f)
    { (void)v, (void)c, (void)u, (void)f; return 0; }
int genfs_can_sticky(struct vnode *v, kauth_cred_t c, uid_t u, uid_t w)
    { (void)v, (void)c, (void)u, (void)w; return 0; }
void
genfs_node_init(struct vnode *vp, const struct genfs_ops *ops)
{
	VTOG(vp)->g_op = ops;
}
void genfs_node_destroy(struct vnode *vp) { (void)vp; }
static struct specnode hi_anyspec;
void
spec_node_init(struct vnode *vp, dev_t dev)
{
	(void)dev;
	vp->v_specnode = &hi_anyspec;
}
void spec_node_setmountedfs(struct vnode *vp, struct mount *mp)
    { (void)vp, (void)mp; }
int spec_fsync(void *v) { (void)v; return 0; }
long makefstype(const char *s) { (void)s; return 17; }
int set_statvfs_info(const char *a, int b, const char *c, int d, const char *e,
    struct mount *m, struct lwp *l)
    { (void)a, (void)b, (void)c, (void)d, (void)e, (void)m, (void)l;
    return 0; }
void copy_statvfs_info(struct statvfs *s, const struct mount *m)
    { (void)s, (void)m; }
const struct bdevsw *bdevsw_lookup(dev_t d)
    { (void)d; return (const struct bdevsw *)hi_nullops; }
int
namei_simple_user(const char *path, namei_simple_flags_t f, struct vnode **vpp)
{
	(void)path, (void)f;
	hi_devvp->hv_vnode.v_usecount++;
	*vpp = &hi_devvp->hv_vnode;
	return 0;
}
int
getdisksize(struct vnode *vp, uint64_t *nsec, unsigned *size)
{
	(void)vp;
	*nsec = hi_size / DEV_BSIZE;
	*size = DEV_BSIZE;
	return 0;
}
int
VFS_SYNC(struct mount *mp, int waitfor, struct kauth_cred *cred)
{
	return hi_ops->vfs_sync(mp, waitfor, cred);
}

int
VFS_ROOT(struct mount *mp, int lktype, struct vnode **vpp)
{
	return hi_ops->vfs_root(mp, lktype, vpp);
}
int
VOP_LOOKUP(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp)
{
	struct vop_lookup_v2_args ap = { .a_dvp = dvp, .a_vpp = vpp,
	    .a_cnp = cnp };

	return dvp->v_op[VOFFSET(vop_lookup)](&ap);
}
int
VOP_CREATE(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *vap)
{
	struct vop_create_v3_args ap = { .a_dvp = dvp, .a_vpp = vpp,
	    .a_cnp = cnp, .a_vap = vap };

	return dvp->v_op[VOFFSET(vop_create)](&ap);
}
int
VOP_MKDIR(struct vnode *dvp, struct vnode **vpp, struct componentname *cnp,
    struct vattr *vap)
{
	struct vop_mkdir_v3_args ap = { .a_dvp = dvp, .a_vpp = vpp,
	    .a_cnp = cnp, .a_vap = vap };

	return dvp->v_op[VOFFSET(vop_mkdir)](&ap);
}
void vattr_null(struct vattr *vap) { memset(vap, 0xff, sizeof(*vap)); }
int
vn_rdwr(enum uio_rw rw, struct vnode *vp, void *base, int len, off_t off,
    enum uio_seg seg, int flags, kauth_cred_t cred, size_t *left,
    struct lwp *l)
{
	size_t n = (size_t)len;
	int error;

	(void)seg, (void)flags, (void)cred, (void)l;
	error = hi_rdwr(vp, base, &n, off, rw == UIO_WRITE);
	*left = (size_t)len - n;
	return error;
}

/* Tables of lists, with a power of two of them. */
void *
hashinit(u_int elements, enum hashtype htype, bool waitok, u_long *mask)
{
	u_long n = 1;

	if (htype != HASH_LIST || !waitok)
		die("only tables of lists, and memory is there");
	while (n < elements)
		n <<= 1;
	*mask = n - 1;
	return kmem_zalloc(n * sizeof(struct hi_head), KM_SLEEP);
}
void
hashdone(void *table, enum hashtype htype, u_long mask)
{
	struct hi_head *head = table;

	(void)htype;
	for (u_long i = 0; i <= mask; i++)
		if (!LIST_EMPTY(&head[i]))
			die("a table is not empty when it goes");
	kmem_free(table, (mask + 1) * sizeof(struct hi_head));
}

/* Attaching: build the vectors. */
int
vfs_attach(struct vfsops *ops)
{
	hi_ops = ops;
	for (int i = 0; ops->vfs_opv_descs[i] != NULL; i++) {
		const struct vnodeopv_desc *d = ops->vfs_opv_descs[i];
		int (**vec)(void *) = calloc(128, sizeof(*vec));

		for (int j = 0; d->opv_desc_ops[j].opve_op != NULL; j++)
			vec[d->opv_desc_ops[j].opve_op->vdesc_offset] =
			    d->opv_desc_ops[j].opve_impl;
		*d->opv_desc_vector_p = vec;
	}
	ops->vfs_init();
	return 0;
}
int vfs_detach(struct vfsops *ops) { (void)ops; return 0; }

/* For main.c. */
void
hi_start(int (*modcmd)(int, void *), bool quiet)
{
	hi_quiet = quiet;
	if (modcmd(0, NULL) != 0)
		die("the module does not start");
}
int
hi_domount(void *data, size_t size, int flags)
{
	struct { char *fspec; } args = { .fspec = "disk" };
	size_t len = sizeof(args);
	int error;

	hi_data = data;
	hi_size = size;
	hi_ronly = (flags & MNT_RDONLY) != 0;
	hi_mount = calloc(1, sizeof(*hi_mount));
	hi_mount->mnt_flag = flags;
	hi_mount->mnt_op = hi_ops;
	hi_devvp = hi_newvnode();
	hi_devvp->hv_vnode.v_type = VBLK;
	hi_devvp->hv_vnode.v_specnode = &hi_specnode;
	error = hi_ops->vfs_mount(hi_mount, "/", &args, &len);
	if (error != 0) {
		hi_fates = HI_WELL;
		hi_dropbufs(&hi_devvp->hv_vnode, INT64_MIN);
		free_(hi_devvp);
		free_(hi_mount);
		if (hi_inuse != 0)
			die("%zu bytes are in use after a refused mount",
			    hi_inuse);
	}
	return error;
}
int
hi_dounmount(void)
{
	int error = hi_ops->vfs_unmount(hi_mount, 0);

	if (error != 0 && hi_ops->vfs_unmount(hi_mount, MNT_FORCE) != 0)
		die("a forced unmount fails");

	hi_fates = HI_WELL;
	hi_dropbufs(&hi_devvp->hv_vnode, INT64_MIN);
	free_(hi_devvp);
	free_(hi_mount);
	if (hi_inuse != 0)
		die("%zu bytes are still in use after the unmount", hi_inuse);
	return error;
}
int
hi_sync(void)
{
	return hi_ops->vfs_sync(hi_mount, MNT_WAIT, NOCRED);
}
int
hi_root(struct vnode **vpp)
{
	return hi_ops->vfs_root(hi_mount, LK_EXCLUSIVE, vpp);
}
int
hi_lookup(struct vnode *dvp, const char *name, size_t len, int op,
    struct vnode **vpp)
{
	struct componentname cn = {
		.cn_nameiop = (uint32_t)op,
		.cn_flags = ISLASTCN | MAKEENTRY |
		    (len == 2 && memcmp(name, "..", 2) == 0 ? ISDOTDOT : 0),
		.cn_nameptr = name,
		.cn_namelen = len,
	};
	struct vop_lookup_v2_args ap = { .a_dvp = dvp, .a_vpp = vpp,
	    .a_cnp = &cn };

	return dvp->v_op[VOFFSET(vop_lookup)](&ap);
}
int
hi_make(struct vnode *dvp, const char *name, size_t len, int type,
    char *target, struct vnode **vpp)
{
	struct componentname cn = { .cn_nameiop = CREATE,
	    .cn_flags = ISLASTCN, .cn_nameptr = name, .cn_namelen = len };
	struct vattr va;
	struct vop_create_v3_args create = { .a_dvp = dvp, .a_vpp = vpp,
	    .a_cnp = &cn, .a_vap = &va };
	struct vop_symlink_v3_args symlink = { .a_dvp = dvp, .a_vpp = vpp,
	    .a_cnp = &cn, .a_vap = &va, .a_target = target };
	int error;

	memset(&va, 0xff, sizeof(va));
	va.va_type = (enum vtype)type;
	va.va_mode = 0755;
	va.va_rdev = 0x305;
	error = hi_lookup(dvp, name, len, CREATE, vpp);
	if (error == 0) {
		vrele(*vpp);
		return EEXIST;
	}
	if (error != EJUSTRETURN)
		return error;
	switch (va.va_type) {
	case VDIR:
		return dvp->v_op[VOFFSET(vop_mkdir)](&create);
	case VLNK:
		return dvp->v_op[VOFFSET(vop_symlink)](&symlink);
	case VREG:
		return dvp->v_op[VOFFSET(vop_create)](&create);
	default:
		return dvp->v_op[VOFFSET(vop_mknod)](&create);
	}
}
int
hi_remove(struct vnode *dvp, const char *name, size_t len)
{
	struct componentname cn = { .cn_nameiop = DELETE,
	    .cn_flags = ISLASTCN, .cn_nameptr = name, .cn_namelen = len };
	struct vop_remove_v3_args remove = { .a_dvp = dvp, .a_cnp = &cn };
	struct vop_rmdir_v2_args rmdir = { .a_dvp = dvp, .a_cnp = &cn };
	struct vnode *vp;
	int error;

	error = hi_lookup(dvp, name, len, DELETE, &vp);
	if (error != 0)
		return error;
	remove.a_vp = rmdir.a_vp = vp;
	return dvp->v_op[vp->v_type == VDIR ? VOFFSET(vop_rmdir) :
	    VOFFSET(vop_remove)](vp->v_type == VDIR ? (void *)&rmdir :
	    (void *)&remove);
}
int
hi_link(struct vnode *dvp, struct vnode *vp, const char *name, size_t len)
{
	struct componentname cn = { .cn_nameiop = CREATE,
	    .cn_flags = ISLASTCN, .cn_nameptr = name, .cn_namelen = len };
	struct vop_link_v2_args ap = { .a_dvp = dvp, .a_vp = vp,
	    .a_cnp = &cn };
	struct vnode *old;
	int error;

	error = hi_lookup(dvp, name, len, CREATE, &old);
	if (error == 0) {
		vrele(old);
		return EEXIST;
	}
	return error != EJUSTRETURN ? error :
	    dvp->v_op[VOFFSET(vop_link)](&ap);
}
int
hi_rdwr(struct vnode *vp, void *data, size_t *lenp, int64_t off, bool write)
{
	struct iovec iov = { .iov_base = data, .iov_len = *lenp };
	struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1,
	    .uio_offset = off, .uio_resid = *lenp,
	    .uio_rw = write ? UIO_WRITE : UIO_READ };
	struct vop_read_args ap = { .a_vp = vp, .a_uio = &uio,
	    .a_cred = NOCRED };
	int error;

	error = vp->v_op[write ? VOFFSET(vop_write) : VOFFSET(vop_read)](&ap);
	*lenp -= uio.uio_resid;
	return error;
}
/* All attributes of one name space: list them, and read each. */
int
hi_listattr(struct vnode *vp, int space)
{
	static char list[8192], value[4096];
	struct iovec iov = { .iov_base = list, .iov_len = sizeof(list) };
	struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1,
	    .uio_resid = sizeof(list), .uio_rw = UIO_READ };
	struct vop_listextattr_args ap = { .a_vp = vp,
	    .a_attrnamespace = space, .a_uio = &uio };
	int error;

	error = vp->v_op[VOFFSET(vop_listextattr)](&ap);
	for (char *p = list; error == 0 && p < list + sizeof(list) -
	    uio.uio_resid; p += strlen(p) + 1) {
		struct iovec iov2 = { .iov_base = value,
		    .iov_len = sizeof(value) };
		struct uio uio2 = { .uio_iov = &iov2, .uio_iovcnt = 1,
		    .uio_resid = sizeof(value), .uio_rw = UIO_READ };
		struct vop_getextattr_args get = { .a_vp = vp,
		    .a_attrnamespace = space, .a_name = p, .a_uio = &uio2 };

		list[sizeof(list) - 1] = '\0';
		error = vp->v_op[VOFFSET(vop_getextattr)](&get);
	}
	return error;
}
/* Set an attribute to len bytes, or remove it (len < 0). */
int
hi_setattr(struct vnode *vp, int space, const char *name, int len)
{
	static char value[70000];
	struct iovec iov = { .iov_base = value, .iov_len = (size_t)len };
	struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1,
	    .uio_resid = (size_t)len, .uio_rw = UIO_WRITE };
	struct vop_setextattr_args ap = { .a_vp = vp,
	    .a_attrnamespace = space, .a_name = name, .a_uio = &uio };
	struct vop_deleteextattr_args del = { .a_vp = vp,
	    .a_attrnamespace = space, .a_name = name };

	return len < 0 ? vp->v_op[VOFFSET(vop_deleteextattr)](&del) :
	    vp->v_op[VOFFSET(vop_setextattr)](&ap);
}
/* Read the list of a file and set it again, with one entry more. */
int
hi_acl(struct vnode *vp, int type)
{
	static struct acl acl;
	struct vop_getacl_args get = { .a_vp = vp, .a_type = type,
	    .a_aclp = &acl };
	struct vop_setacl_args set = { .a_vp = vp, .a_type = type,
	    .a_aclp = &acl };
	int error;

	error = vp->v_op[VOFFSET(vop_getacl)](&get);
	if (error != 0)
		return error;
	if (type == ACL_TYPE_NFS4 && acl.acl_cnt < ACL_MAX_ENTRIES) {
		acl.acl_entry[acl.acl_cnt] = acl.acl_entry[0];
		acl.acl_entry[acl.acl_cnt].ae_tag = ACL_USER;
		acl.acl_entry[acl.acl_cnt++].ae_id = 7;
	}
	return vp->v_op[VOFFSET(vop_setacl)](&set);
}
int
hi_readlink(struct vnode *vp, void *data, size_t *lenp)
{
	struct iovec iov = { .iov_base = data, .iov_len = *lenp };
	struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1,
	    .uio_resid = *lenp, .uio_rw = UIO_READ };
	struct vop_readlink_args ap = { .a_vp = vp, .a_uio = &uio };
	int error;

	error = vp->v_op[VOFFSET(vop_readlink)](&ap);
	*lenp -= uio.uio_resid;
	return error;
}
int
hi_readdir(struct vnode *vp, void *data, size_t *lenp, int64_t *offp,
    int *eofp)
{
	struct iovec iov = { .iov_base = data, .iov_len = *lenp };
	struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1,
	    .uio_offset = *offp, .uio_resid = *lenp, .uio_rw = UIO_READ };
	struct vop_readdir_args ap = { .a_vp = vp, .a_uio = &uio,
	    .a_cred = NOCRED, .a_eofflag = eofp };
	int error;

	*eofp = 0;
	/* As the system call: the name of a damaged image may lead anywhere. */
	if (vp->v_type != VDIR)
		return ENOTDIR;
	error = vp->v_op[VOFFSET(vop_readdir)](&ap);
	*lenp -= uio.uio_resid;
	*offp = uio.uio_offset;
	return error;
}
int
hi_getattr(struct vnode *vp, struct hi_attr *ha)
{
	struct vattr va;
	struct vop_getattr_args ap = { .a_vp = vp, .a_vap = &va };
	int error = vp->v_op[VOFFSET(vop_getattr)](&ap);

	ha->ha_type = (int)va.va_type;
	ha->ha_mode = va.va_mode;
	ha->ha_size = (int64_t)va.va_size;
	ha->ha_ino = va.va_fileid;
	ha->ha_nlink = va.va_nlink;
	return error;
}
int
hi_truncate(struct vnode *vp, int64_t size)
{
	struct vattr va;
	struct vop_setattr_args ap = { .a_vp = vp, .a_vap = &va,
	    .a_cred = NOCRED };

	memset(&va, 0xff, sizeof(va));
	va.va_type = VNON;
	va.va_size = (u_quad_t)size;
	return vp->v_op[VOFFSET(vop_setattr)](&ap);
}
int
hi_fsync(struct vnode *vp)
{
	struct vop_fsync_args ap = { .a_vp = vp, .a_cred = NOCRED,
	    .a_flags = FSYNC_WAIT };

	return vp->v_op[VOFFSET(vop_fsync)](&ap);
}
void hi_rele(struct vnode *vp) { vrele(vp); }
