/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_pager.h: how the pages of an object are brought in and sent out.
 */
#ifndef _UVM_UVM_PAGER_H_
#define	_UVM_UVM_PAGER_H_

#include <sys/types.h>
#include <uvm/uvm_param.h>
#include <uvm/uvm_prot.h>

struct uvm_faultinfo;
struct uvm_object;
struct vm_page;

struct uvm_pagerops {
	void	(*pgo_init)(void);
	void	(*pgo_reference)(struct uvm_object *);
	void	(*pgo_detach)(struct uvm_object *);
	int	(*pgo_fault)(struct uvm_faultinfo *, vaddr_t,
		    struct vm_page **, int, int, vm_prot_t, int);
	int	(*pgo_get)(struct uvm_object *, voff_t, struct vm_page **,
		    int *, int, vm_prot_t, int, int);
	int	(*pgo_put)(struct uvm_object *, voff_t, voff_t, int);
	void	(*pgo_markdirty)(struct uvm_object *);
};

/* Flags of pgo_get, pgo_put, VOP_GETPAGES and VOP_PUTPAGES. */
#define	PGO_CLEANIT		0x0001	/* put: write dirty pages */
#define	PGO_SYNCIO		0x0002	/* wait for the I/O */
#define	PGO_DEACTIVATE		0x0004	/* put: the first to be reclaimed */
#define	PGO_FREE		0x0008	/* put: free the pages */
#define	PGO_ALLPAGES		0x0010	/* the whole object */
#define	PGO_JOURNALLOCKED	0x0020	/* the journal's lock is held */
#define	PGO_LOCKED		0x0040	/* get: must not sleep */
#define	PGO_BUSYFAIL		0x0080	/* put: fail on a busy page */
#define	PGO_OVERWRITE		0x0200	/* get: will be overwritten */
#define	PGO_PASTEOF		0x0400	/* get: pages past EOF allowed */
#define	PGO_NOBLOCKALLOC	0x0800	/* get: allocate no blocks */
#define	PGO_NOTIMESTAMP		0x1000	/* leave the timestamps alone */
#define	PGO_RECLAIM		0x2000	/* put: the vnode is reclaimed */
#define	PGO_GLOCKHELD		0x4000	/* g_glock is held */
#define	PGO_LAZY		0x8000	/* put: a lazy sync */
#define	PGO_DONTCARE		((struct vm_page *)-1L)

#define	UVMPAGER_MAPIN_WRITE	0x0000	/* host to device */
#define	UVMPAGER_MAPIN_WAITOK	0x0001
#define	UVMPAGER_MAPIN_READ	0x0002	/* device to host */

struct buf;

vaddr_t	uvm_pagermapin(struct vm_page **, int, int);
void	uvm_pagermapout(vaddr_t, int);
void	uvm_aio_aiodone(struct buf *);

#endif /* !_UVM_UVM_PAGER_H_ */
