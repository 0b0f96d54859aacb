/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages: of files, of memory, and by themselves. */

#include <sys/uio.h>
#include <sys/kmem.h>
#include <sys/kthread.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/proc.h>
#include <sys/rwlock.h>
#include <sys/vnode.h>
#include <miscfs/genfs/genfs.h>
#include <miscfs/genfs/genfs_node.h>
#include <uvm/uvm.h>
#include <uvm/uvm_page_array.h>
#include <uvm/uvm_pager.h>
#include <uvm/uvm_readahead.h>

#include "abitest.h"
#include "abifs.h"

static int
move(struct uvm_object *uobj, enum uio_rw rw, off_t off, void *data, size_t n)
{
	struct iovec iov = { .iov_base = data, .iov_len = n };
	struct uio uio = {
		.uio_iov = &iov, .uio_iovcnt = 1, .uio_offset = off,
		.uio_resid = n, .uio_rw = rw,
	};

	UIO_SETUP_SYSSPACE(&uio);
	return ubc_uiomove(uobj, &uio, n, UVM_ADV_NORMAL,
	    rw == UIO_READ ? UBC_READ : UBC_WRITE);
}

static int
put(struct vnode *vp, off_t lo, off_t hi, int flags)
{

	rw_enter(vp->v_uobj.vmobjlock, RW_WRITER);
	return VOP_PUTPAGES(vp, lo, hi, flags);
}

/* Read through the pages, write into them, and back to the file. */
static int
check_pages(struct vnode *vp, char *disk)
{
	struct uvm_object *uobj = &vp->v_uobj;
	struct vm_page *pg, *none = NULL;
	char buf[100];

	memset(disk, 'd', ABIFS_SIZE);
	CHECK(uvm_obj_clean_p(uobj) && uobj->uo_npages == 0);
	CHECK(move(uobj, UIO_READ, 4090, buf, 100) == 0);
	CHECK(buf[0] == 'd' && buf[99] == 'd' && uobj->uo_npages >= 2);
	disk[5000] = 'x';			/* behind the cache's back */
	CHECK(move(uobj, UIO_READ, 5000, buf, 1) == 0 && buf[0] == 'd');
	CHECK(uvm_obj_clean_p(uobj));

	buf[0] = 'w';
	CHECK(move(uobj, UIO_WRITE, 4096, buf, 1) == 0);
	CHECK(!uvm_obj_clean_p(uobj) && disk[4096] == 'd');
	rw_enter(uobj->vmobjlock, RW_WRITER);
	pg = uvm_pagelookup(uobj, 4096);
	CHECK(pg != NULL && uvm_obj_page_dirty_p(pg));
	CHECK(!uvm_obj_page_dirty_p(uvm_pagelookup(uobj, 0)));
	rw_exit(uobj->vmobjlock);
	ubc_purge(uobj);

	CHECK(put(vp, 0, 4096, PGO_CLEANIT | PGO_SYNCIO) == 0);
	CHECK(disk[4096] == 'd');		/* not that page */
	CHECK(put(vp, 4096, 8192, PGO_CLEANIT | PGO_SYNCIO) == 0);
	CHECK(disk[4096] == 'w' && disk[4097] == 'd');
	CHECK(uvm_obj_clean_p(uobj));
	rw_enter(uobj->vmobjlock, RW_WRITER);
	CHECK(genfs_do_putpages(vp, 4096, 8192, PGO_FREE, &none) == 0);
	rw_enter(uobj->vmobjlock, RW_WRITER);
	CHECK(uvm_pagelookup(uobj, 4096) == NULL);
	CHECK(uvm_pagelookup(uobj, 0) != NULL);
	rw_exit(uobj->vmobjlock);
	CHECK(put(vp, 0, 0, PGO_ALLPAGES | PGO_FREE) == 0);
	CHECK(uobj->uo_npages == 0);
	return 0;
}

/* Reading ahead brings pages before anybody asks. */
static int
check_ahead(struct vnode *vp)
{
	struct uvm_object *uobj = &vp->v_uobj;
	struct uvm_ractx *ra = uvm_ra_allocctx();

	CHECK(ra != NULL);
	uvm_ra_request(NULL, UVM_ADV_NORMAL, uobj, 0, 4096);
	uvm_ra_request(ra, UVM_ADV_RANDOM, uobj, 0, 4096);
	CHECK(uobj->uo_npages == 0);
	uvm_ra_request(ra, UVM_ADV_SEQUENTIAL, uobj, 0, 4096);
	uvm_ra_freectx(ra);
	CHECK(uvm_readahead(uobj, 0, ABIFS_SIZE) == 0);
	CHECK(uvm_readahead(uobj, 1 << 20, 4096) == 0);	/* past the end */
	return 0;
}

static int
check_nodelock(struct vnode *vp)
{

	CHECK(!genfs_node_wrlocked(vp));
	genfs_node_rdlock(vp);
	CHECK(!genfs_node_wrlocked(vp));
	genfs_node_unlock(vp);
	genfs_node_wrlock(vp);
	CHECK(genfs_node_wrlocked(vp) && !genfs_node_rdtrylock(vp));
	genfs_node_unlock(vp);
	CHECK(genfs_node_rdtrylock(vp));
	genfs_node_unlock(vp);
	return 0;
}

int
test_file_pages(void)
{
	struct mount *mp = abifs_mount();
	uint64_t key = 0;
	struct vnode *vp;
	int line;

	CHECK(mp != NULL && vcache_get(mp, &key, sizeof(key), &vp) == 0);
	line = check_pages(vp, abifs_data[0]);
	if (line == 0)
		line = check_ahead(vp);
	if (line == 0)
		line = check_nodelock(vp);
	CHECK(line == 0);
	vrele(vp);
	CHECK(abifs_unmount(mp) == 0);
	return 0;
}

/* What can be done to a page. */
static int
check_page(struct uvm_object *uobj)
{
	struct vm_page *one, *two;
	char *data, *other;
	int wired = uvmexp.wired;

	one = uvm_pagelookup(uobj, 0);
	two = uvm_pagelookup(uobj, 4096);
	CHECK(one != NULL && two != NULL && one != two);
	data = (char *)VM_PAGE_TO_PHYS(one);
	other = (char *)VM_PAGE_TO_PHYS(two);
	uvm_pagecopy(one, two);
	CHECK(memcmp(data, other, 4096) == 0 && other[5] == 'm');
	uvm_pagemarkdirty(one, UVM_PAGE_STATUS_CLEAN);
	uvm_pagezero(one);
	CHECK(data[0] == 0 && data[4095] == 0 && other[5] == 'm');
	CHECK(uvm_pagegetdirty(one) == UVM_PAGE_STATUS_DIRTY);
	CHECK(!uvm_pagereadonly_p(one));
	one->flags |= PG_RDONLY;
	CHECK(uvm_pagereadonly_p(one));
	one->flags &= ~PG_RDONLY;

	uvm_pagewire(one);
	uvm_pagewire(one);
	CHECK(one->wire_count == 2 && uvmexp.wired == wired + 2);
	uvm_pageunwire(one);
	uvm_pageunwire(one);
	CHECK(one->wire_count == 0 && uvmexp.wired == wired);
	uvm_pagedeactivate(one);
	uvm_pagelock(one);
	uvm_pageactivate(one);
	uvm_pageunlock(one);
	CHECK(!uvm_pagewanted_p(one));
	uvm_pagewakeup(one);
	CHECK(!uvm_pagewanted_p(one));
	uvm_pagefree(two);
	CHECK(uvm_pagelookup(uobj, 4096) == NULL && uobj->uo_npages == 2);
	return 0;
}

/* Pages in order, or in reverse, or as long as there is no gap. */
static int
check_array(struct uvm_object *uobj)
{
	struct uvm_page_array ar;
	struct vm_page *pg;

	uvm_page_array_init(&ar, uobj, 0);
	CHECK(uvm_page_array_peek(&ar) == NULL);
	CHECK(uvm_page_array_fill(&ar, 0, 0) == 0);
	pg = uvm_page_array_peek(&ar);
	CHECK(pg != NULL && pg->offset == 0 && ar.ar_npages == 2);
	uvm_page_array_clear(&ar);
	CHECK(uvm_page_array_peek(&ar) == NULL);
	CHECK(uvm_page_array_fill(&ar, 4096, 1) == 0 && ar.ar_npages == 1);
	CHECK(uvm_page_array_peek(&ar)->offset == 1 << 20);
	CHECK(uvm_page_array_fill(&ar, 2 << 20, 1) == ENOENT);
	uvm_page_array_fini(&ar);
	uvm_page_array_init(&ar, uobj, UVM_PAGE_ARRAY_FILL_BACKWARD);
	CHECK(uvm_page_array_fill(&ar, 2 << 20, 1) == 0);
	CHECK(uvm_page_array_peek(&ar)->offset == 1 << 20);
	uvm_page_array_fini(&ar);
	uvm_page_array_init(&ar, uobj, UVM_PAGE_ARRAY_FILL_DENSE);
	CHECK(uvm_page_array_fill(&ar, 4096, 0) == ENOENT);
	CHECK(uvm_page_array_fill(&ar, 0, 0) == 0 && ar.ar_npages == 1);
	uvm_page_array_fini(&ar);
	return 0;
}

int
test_pages(void)
{
	struct uvm_object *uobj = uao_create(4 << 20, 0);
	char data[8192];
	int line;

	memset(data, 'm', sizeof(data));
	CHECK(move(uobj, UIO_WRITE, 0, data, sizeof(data)) == 0);
	CHECK(move(uobj, UIO_WRITE, 1 << 20, data, 1) == 0);
	CHECK(uobj->uo_npages == 3);
	rw_enter(uobj->vmobjlock, RW_WRITER);
	line = check_page(uobj);
	if (line == 0)
		line = check_array(uobj);
	rw_exit(uobj->vmobjlock);
	uao_detach(uobj);
	return line;
}

static void
unbusy(void *arg)
{
	struct vm_page *pg = arg;
	krwlock_t *lock = pg->uobject->vmobjlock;

	kpause("abitest", false, 1, NULL);
	rw_enter(lock, RW_WRITER);
	uvm_page_unbusy(&pg, 1);
	rw_exit(lock);
	kthread_exit(0);
}

/* Whoever wants a busy page waits until the other is done with it. */
int
test_busy_page(void)
{
	struct uvm_object *uobj = uao_create(1 << 20, 0);
	struct vm_page *pg = NULL;
	struct lwp *l;
	int npages = 1;

	rw_enter(uobj->vmobjlock, RW_WRITER);
	CHECK((*uobj->pgops->pgo_get)(uobj, 4096, &pg, &npages, 0,
	    VM_PROT_WRITE, UVM_ADV_RANDOM, PGO_SYNCIO) == 0);
	CHECK(pg != NULL && (pg->flags & PG_BUSY) != 0);
	CHECK(kthread_create(PRI_NONE, KTHREAD_MUSTJOIN, NULL, unbusy, pg,
	    &l, "abitest") == 0);
	rw_enter(uobj->vmobjlock, RW_WRITER);
	uvm_pagewait(pg, uobj->vmobjlock, "abitest");
	CHECK(!rw_lock_held(uobj->vmobjlock));
	CHECK((pg->flags & PG_BUSY) == 0);
	CHECK(kthread_join(l) == 0);
	uao_detach(uobj);
	return 0;
}

/* Objects share locks; memory is counted; addresses come with memory. */
int
test_memory(void)
{
	struct uvm_object *uobj = uao_create(4096, 0), mine;
	krwlock_t *lock = rw_obj_alloc(), *own = uobj->vmobjlock;
	int active = -1, inactive = -1, paging = uvmexp.paging;
	vaddr_t va;

	uvm_obj_setlock(uobj, lock);
	CHECK(uobj->vmobjlock == lock && own != lock);
	rw_obj_free(lock);			/* the object has one, too */
	rw_enter(uobj->vmobjlock, RW_WRITER);
	rw_exit(uobj->vmobjlock);
	uvm_obj_setlock(uobj, NULL);
	CHECK(uobj->vmobjlock != NULL);
	uao_detach(uobj);

	uvm_obj_init(&mine, NULL, true, 3);
	CHECK(mine.vmobjlock != NULL && mine.uo_refs == 3);
	CHECK(mine.uo_npages == 0 && uvm_obj_clean_p(&mine));
	CHECK(uvm_pagelookup(&mine, 0) == NULL);
	uvm_obj_destroy(&mine, true);

	CHECK(uvm_availmem(false) > 0 && uvm_availmem(true) > 0);
	CHECK(uvm_availmem(true) <= uvmexp.npages);
	uvm_estimatepageable(&active, &inactive);
	CHECK(active >= 0 && inactive >= 0);
	uvm_pageout_start(3);
	CHECK(uvmexp.paging == paging + 3);
	uvm_pageout_done(3);
	CHECK(uvmexp.paging == paging);
	uvm_wait("abitest");

	va = uvm_km_alloc(kernel_map, 10000, 0, UVM_KMF_WIRED | UVM_KMF_ZERO);
	CHECK(va != 0 && (va & PAGE_MASK) == 0);
	for (int i = 0; i < 10000; i++)
		CHECK(((char *)va)[i] == 0);
	uvm_km_free(kernel_map, va, 10000, UVM_KMF_WIRED);
	CHECK(uvm_km_alloc(kernel_map, 4096, 0, UVM_KMF_VAONLY) == 0);
	CHECK(uvm_km_alloc(kernel_map, (vsize_t)1 << 40, 0, UVM_KMF_WIRED |
	    UVM_KMF_CANFAIL) == 0);
	return 0;
}
