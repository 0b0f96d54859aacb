/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/buf.h>
#include <sys/fstrans.h>
#include <sys/kmem.h>
#include <sys/kthread.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>
#include <miscfs/specfs/specdev.h>
#include <miscfs/syncfs/syncfs.h>

#include "core/lwp_impl.h"
#include "core/pages.h"
#include "vfs/pages.h"
#include "vfs/vnode_impl.h"
#include "standin.h"

/* Chance. */

static uint32_t rnd_state = 1;

void
rnd_seed(uint32_t seed)
{

	rnd_state = seed * 2654435761u | 1;
}

uint32_t
rnd(uint32_t n)
{

	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 17;
	rnd_state ^= rnd_state << 5;
	return rnd_state % n;
}

/* Failing. */

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(NULL);
	abort();
}

void
panic(const char *fmt, ...)
{

	die("panic: %s", fmt);
}

void
kern_assert(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	die(".");
}

/* One lwp; locks that nobody waits for, but that must be used rightly. */

static struct lwp_impl self;
struct kern_cpu kern_cpu;
int hz = 100, cold;
const int schedppq = 1;
psize_t physmem;
struct vmspace vmspace0, vmspace_host;
/* No process maps anything. */
void uvm_map_setup(struct vm_map *map) { (void)map; }

struct lwp *
x86_curlwp(void)
{

	return &self.li_lwp;
}

void
mutex_init(kmutex_t *mtx, kmutex_type_t type, int ipl)
{

	mtx->mtx_word = 0;
}

void
mutex_enter(kmutex_t *mtx)
{

	if (mtx->mtx_word != 0)
		die("mutex %p is held", mtx);
	mtx->mtx_word = 1;
}

void
mutex_exit(kmutex_t *mtx)
{

	if (mtx->mtx_word == 0)
		die("mutex %p is not held", mtx);
	mtx->mtx_word = 0;
}

int
mutex_owned(const kmutex_t *mtx)
{

	return mtx->mtx_word != 0;
}

struct lwp *
mutex_owner(const kmutex_t *mtx)
{

	return mtx->mtx_word != 0 ? curlwp : NULL;
}

void
rw_init(krwlock_t *rw)
{

	rw->rw_owner = 0;
}

void
rw_destroy(krwlock_t *rw)
{

	if (rw->rw_owner != 0)
		die("rwlock %p is held", rw);
}

int
rw_tryenter(krwlock_t *rw, const krw_t op)
{

	if (rw->rw_owner != 0)
		return 0;
	rw->rw_owner = 1;
	return 1;
}

void
rw_enter(krwlock_t *rw, const krw_t op)
{

	if (!rw_tryenter(rw, op))
		die("rwlock %p is held", rw);
}

void
rw_exit(krwlock_t *rw)
{

	if (rw->rw_owner == 0)
		die("rwlock %p is not held", rw);
	rw->rw_owner = 0;
}

int
rw_write_held(krwlock_t *rw)
{

	return rw->rw_owner != 0;
}

krwlock_t *
rw_obj_alloc(void)
{

	return calloc(1, sizeof(krwlock_t));
}

void
rw_obj_hold(krwlock_t *rw)
{
}

bool
rw_obj_free(krwlock_t *rw)
{

	host_free(rw);
	return true;
}

void cv_init(kcondvar_t *cv, const char *name) {}
void cv_destroy(kcondvar_t *cv) {}
void cv_broadcast(kcondvar_t *cv) {}
void cv_signal(kcondvar_t *cv) {}

static void disk_one(void);

/* All that can happen while the only thread sleeps is a disk's answer. */
void
cv_wait(kcondvar_t *cv, kmutex_t *mtx)
{

	mutex_exit(mtx);
	disk_one();
	mutex_enter(mtx);
}

int
cv_timedwait(kcondvar_t *cv, kmutex_t *mtx, int timo)
{

	cv_wait(cv, mtx);
	return 0;
}

int
cv_timedwait_sig(kcondvar_t *cv, kmutex_t *mtx, int timo)
{

	cv_wait(cv, mtx);
	return 0;
}

int
kpause(const char *wmesg, bool intr, int timo, kmutex_t *mtx)
{

	disk_drain();
	return 0;
}

int
kthread_create(pri_t pri, int flags, struct cpu_info *ci, void (*func)(void *),
    void *arg, lwp_t **lp, const char *fmt, ...)
{

	return 0;
}

/* Memory, with a limit; what is freed is spoilt. */

size_t memory_limit = 1 << 20;
static size_t memory_used;
static struct kpage_reclaim *memory_reclaim[4];
static int memory_nreclaim;

/* The page daemon's work, which has no thread here. */
static void
memory_clean(void)
{
	struct uvm_pagechunk *pc;
	voff_t off;

	TAILQ_FOREACH(pc, &pagechunk_lru, pc_lru) {
		if (pc->pc_dirty == 0 || pc->pc_busy != 0 ||
		    !rw_tryenter(pc->pc_uobj->vmobjlock, RW_WRITER))
			continue;
		off = pc->pc_off;
		VOP_PUTPAGES((struct vnode *)pc->pc_uobj, off,
		    off + CHUNK_SIZE, PGO_CLEANIT);
		return;
	}
}

void *
kpage_alloc(size_t n, int flags)
{
	int i, try;

	for (try = 0; try < 300; try++) {
		if (memory_used + n <= memory_limit) {
			memory_used += n;
			return aligned_alloc(PAGE_SIZE, n * PAGE_SIZE);
		}
		for (i = 0; i < memory_nreclaim; i++)
			memory_reclaim[i]->kr_func(n, flags & 0xff);
		if (try > 3)
			memory_clean();
		if (try > 10)
			disk_drain();
	}
	if ((flags & KM_NOSLEEP) != 0)
		return NULL;
	die("out of memory: %zu of %zu pages, %zu dirty", memory_used,
	    memory_limit, pagecache.pch_dirty);
}

void
kpage_free(void *p, size_t n)
{

	memory_used -= n;
	memset(p, 0xdb, n * PAGE_SIZE);
	host_free(p);
}

void kpage_discard(void *p, size_t n) {}

int
hyp_mem_populate(void *p, uint64_t n)
{

	return EOPNOTSUPP;
}

size_t
kpage_limit(void)
{

	return memory_limit;
}

size_t
kpage_avail(void)
{

	return memory_limit - MIN(memory_used, memory_limit);
}

void
kpage_reclaim_register(struct kpage_reclaim *kr)
{

	memory_reclaim[memory_nreclaim++] = kr;
}

void *
kmem_alloc(size_t n, km_flag_t flags)
{

	return calloc(1, n);
}

void *
kmem_zalloc(size_t n, km_flag_t flags)
{

	return calloc(1, n);
}

void
kmem_free(void *p, size_t n)
{

	host_free(p);
}

struct pool_cache {
	size_t	pc_size;
};

pool_cache_t
pool_cache_init(size_t size, u_int align, u_int align_offset, u_int flags,
    const char *name, struct pool_allocator *pa, int ipl,
    int (*ctor)(void *, void *, int), void (*dtor)(void *, void *), void *arg)
{
	pool_cache_t pc = calloc(1, sizeof(*pc));

	pc->pc_size = size;
	return pc;
}

void *
pool_cache_get_paddr(pool_cache_t pc, int flags, paddr_t *pa)
{

	return calloc(1, pc->pc_size);
}

void
pool_cache_put_paddr(pool_cache_t pc, void *p, paddr_t pa)
{

	host_free(p);
}

void *
hashinit(u_int n, enum hashtype type, bool wait, u_long *maskp)
{

	*maskp = n - 1;
	return calloc(n, sizeof(void *));
}

void
hashdone(void *p, enum hashtype type, u_long mask)
{

	host_free(p);
}

/* The caller's memory. */

long copyin_faults_after = -1;

int
copyout(const void *kaddr, void *uaddr, size_t n)
{

	memcpy(uaddr, kaddr, n);
	return 0;
}

int
copyin(const void *uaddr, void *kaddr, size_t n)
{

	if (copyin_faults_after >= 0 && (size_t)copyin_faults_after < n) {
		memcpy(kaddr, uaddr, copyin_faults_after);
		return EFAULT;
	}
	memcpy(kaddr, uaddr, n);
	return 0;
}

/* The rest of the vnode layer. */

time_t filedelay = 30, dirdelay = 15, metadelay = 10;

void fstrans_start(struct mount *mp) {}
void fstrans_done(struct mount *mp) {}
void syncer_kick(void) {}
void vref(struct vnode *vp) {}
void vrele(struct vnode *vp) {}
void vrele_async(struct vnode *vp) {}

int
fstrans_start_nowait(struct mount *mp)
{

	return 0;
}

void
vholdl(struct vnode *vp)
{

	vp->v_holdcnt++;
}

void
holdrelel(struct vnode *vp)
{

	vp->v_holdcnt--;
}

int
vcache_tryvget(struct vnode *vp)
{

	return 0;
}

struct mount *
spec_node_getmountedfs(struct vnode *vp)
{

	return NULL;
}

void
vn_syncer_add_to_worklist(struct vnode *vp, int delay)
{

	vp->v_iflag |= VI_ONWORKLST;
}

void
vn_syncer_remove_from_worklist(struct vnode *vp)
{

	vp->v_iflag &= ~VI_ONWORKLST;
}

/* The disk. */

unsigned char *disk;
bool disk_late;
int disk_failrate;
static struct buf *disk_queue[64];
static u_int disk_nqueue;

static void
disk_transfer(struct buf *bp)
{
	unsigned char *at = disk + (size_t)bp->b_blkno * DEV_BSIZE;

	if ((size_t)bp->b_blkno * DEV_BSIZE + bp->b_bcount >
	    (size_t)FS_NBLOCKS * FS_BLOCK)
		die("transfer behind the end of the disk");
	if (disk_failrate != 0 && rnd(disk_failrate) == 0)
		bp->b_error = EIO;
	else {
		if ((bp->b_flags & B_READ) != 0)
			memcpy(bp->b_data, at, bp->b_bcount);
		else
			memcpy(at, bp->b_data, bp->b_bcount);
		bp->b_resid = 0;
	}
	biodone(bp);
}

static void
disk_one(void)
{
	struct buf *bp;
	u_int i;

	if (disk_nqueue == 0)
		die("sleeping for ever");
	i = rnd(disk_nqueue);
	bp = disk_queue[i];
	disk_queue[i] = disk_queue[--disk_nqueue];
	disk_transfer(bp);
}

void
disk_drain(void)
{

	while (disk_nqueue != 0)
		disk_one();
}

int
VOP_STRATEGY(struct vnode *vp, struct buf *bp)
{

	if (disk_late && disk_nqueue < __arraycount(disk_queue) && rnd(2))
		disk_queue[disk_nqueue++] = bp;
	else
		disk_transfer(bp);
	return 0;
}

/* The file system: a map from the blocks of a file to those of the disk. */

static struct mount fs_mount;
static struct vnode_impl fs_file, fs_disk;
static struct specnode fs_specnode;
static kmutex_t fs_interlock[2];
struct vnode *file_vp = &fs_file.vi_vnode;
struct vnode *disk_vp = &fs_disk.vi_vnode;

static struct {
	struct genfs_node node;		/* must be first */
	int	map[FS_MAXFILE];	/* -1: a hole */
} fs_inode;
static struct genfs_node fs_disknode;
static bool fs_taken[FS_NBLOCKS];

static int
fs_pick(int before)
{
	int b;

	if (before >= 0 && before + 1 < FS_NBLOCKS && !fs_taken[before + 1] &&
	    rnd(4) != 0)
		return before + 1;
	for (b = (int)rnd(FS_NBLOCKS); fs_taken[b]; b = (b + 1) % FS_NBLOCKS)
		continue;
	return b;
}

/* Give the range blocks; they hold rubbish at first, as on a used disk. */
void
file_alloc(off_t off, off_t len)
{
	int b, i;

	for (i = (int)(off >> FSHIFT_BLOCK);
	    i <= (off + len - 1) >> FSHIFT_BLOCK; i++) {
		if (fs_inode.map[i] >= 0)
			continue;
		b = fs_pick(i > 0 ? fs_inode.map[i - 1] : -1);
		fs_taken[b] = true;
		fs_inode.map[i] = b;
		memset(disk + (size_t)b * FS_BLOCK, 0xaa, FS_BLOCK);
	}
}

void
file_cut(off_t size)
{
	int i;

	for (i = (int)howmany(size, FS_BLOCK); i < FS_MAXFILE; i++) {
		if (fs_inode.map[i] >= 0)
			fs_taken[fs_inode.map[i]] = false;
		fs_inode.map[i] = -1;
	}
}

/* Where on the disk a byte is; -1 in a hole. */
int64_t
file_block(off_t off)
{
	int b = fs_inode.map[off >> FSHIFT_BLOCK];

	return b < 0 ? -1 : (int64_t)b * FS_BLOCK + (off & (FS_BLOCK - 1));
}

static int
fs_gop_alloc(struct vnode *vp, off_t off, off_t len, int flags,
    kauth_cred_t cred)
{

	file_alloc(off, len);
	return 0;
}

static void
fs_gop_markupdate(struct vnode *vp, int flags)
{
}

static const struct genfs_ops fs_genfsops = {
	.gop_size = genfs_size,
	.gop_alloc = fs_gop_alloc,
	.gop_write = genfs_gop_write,
	.gop_markupdate = fs_gop_markupdate,
	.gop_putrange = genfs_gop_putrange,
};

int
VOP_BMAP(struct vnode *vp, daddr_t lbn, struct vnode **vpp, daddr_t *bnp,
    int *runp)
{
	int run;

	*vpp = disk_vp;
	*runp = 0;
	*bnp = -1;
	if (lbn >= FS_MAXFILE || fs_inode.map[lbn] < 0)
		return 0;
	*bnp = (daddr_t)fs_inode.map[lbn] << (FSHIFT_BLOCK - DEV_BSHIFT);
	for (run = 0; run < 7 && lbn + run + 1 < FS_MAXFILE; run++) {
		if (fs_inode.map[lbn + run + 1] != fs_inode.map[lbn] + run + 1)
			break;
	}
	*runp = run;
	return 0;
}

int
VOP_GETPAGES(struct vnode *vp, voff_t off, struct vm_page **m, int *count,
    int centeridx, vm_prot_t access, int advice, int flags)
{
	struct vop_getpages_args a = {
		NULL, vp, off, m, count, centeridx, access, advice, flags
	};

	return genfs_getpages(&a);
}

/* What the kernel asks a vnode's vector: is the pager genfs's? */
const struct vnodeop_desc vop_putpages_desc = { .vdesc_offset = 0 };
static int (*fs_vector[])(void *) = { genfs_putpages };

int
VOP_PUTPAGES(struct vnode *vp, voff_t lo, voff_t hi, int flags)
{
	struct vop_putpages_args a = { NULL, vp, lo, hi, flags };

	return genfs_putpages(&a);
}

int
VOP_BWRITE(struct vnode *vp, struct buf *bp)
{

	return bwrite(bp);
}

int
VOP_FSYNC(struct vnode *vp, kauth_cred_t cred, int flags, off_t lo, off_t hi)
{

	return vflushbuf(vp, flags);
}

static void
fs_vnode(struct vnode *vp, enum vtype type, kmutex_t *interlock, void *data)
{

	vp->v_type = type;
	vp->v_mount = &fs_mount;
	vp->v_interlock = interlock;
	vp->v_data = data;
	vp->v_op = fs_vector;
	uvm_obj_init(&vp->v_uobj, &uvm_vnodeops, true, 1);
	genfs_node_init(vp, &fs_genfsops);
}

void
standin_start(void)
{

	disk = calloc(FS_NBLOCKS, FS_BLOCK);
	physmem = memory_limit;
	bufinit();
	pages_init();
	pagedaemon_init();
	fs_mount.mnt_fs_bshift = FSHIFT_BLOCK;
	fs_mount.mnt_dev_bshift = DEV_BSHIFT;
	fs_vnode(file_vp, VREG, &fs_interlock[0], &fs_inode);
	fs_vnode(disk_vp, VBLK, &fs_interlock[1], &fs_disknode);
	disk_vp->v_size = (voff_t)FS_NBLOCKS * FS_BLOCK;
	disk_vp->v_specnode = &fs_specnode;
	file_cut(0);			/* all holes */
	memset(fs_taken, true, FS_RESERVED);
}
