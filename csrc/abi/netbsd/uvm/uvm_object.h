/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_object.h: something whose pages can be in memory: every vnode is
 * one (v_uobj, its first member), and so is each anonymous object.
 */
#ifndef _UVM_UVM_OBJECT_H_
#define	_UVM_UVM_OBJECT_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/radixtree.h>
#include <sys/rwlock.h>
#include <uvm/uvm_pglist.h>

struct uvm_pagerops;
struct ubc_map;

struct uvm_object {
	krwlock_t	*vmobjlock;	/* the pages, and PG_* of each */
	const struct uvm_pagerops *pgops;
	int		uo_npages;	/* pages in memory */
	unsigned	uo_refs;
	struct radix_tree uo_pages;
	LIST_HEAD(, ubc_map) uo_ubc;
};

#define	UVM_OBJ_KERN		(-2)	/* uo_refs of a kernel object */

#ifdef _KERNEL

extern const struct uvm_pagerops uvm_vnodeops;
extern const struct uvm_pagerops aobj_pager;

#define	UVM_OBJ_IS_VNODE(uobj)	((uobj)->pgops == &uvm_vnodeops)
#define	UVM_OBJ_IS_AOBJ(uobj)	((uobj)->pgops == &aobj_pager)
#define	UVM_OBJ_IS_KERN_OBJECT(uobj)	((uobj)->uo_refs == (unsigned)-2)

__BEGIN_DECLS
void	uvm_obj_init(struct uvm_object *, const struct uvm_pagerops *, bool,
	    u_int);
void	uvm_obj_destroy(struct uvm_object *, bool);
void	uvm_obj_setlock(struct uvm_object *, krwlock_t *);
bool	uvm_obj_clean_p(struct uvm_object *);
bool	uvm_obj_page_dirty_p(struct vm_page *);
__END_DECLS

#endif /* _KERNEL */

#endif /* !_UVM_UVM_OBJECT_H_ */
