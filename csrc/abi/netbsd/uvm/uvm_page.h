/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_page.h: one page of memory that holds data of an object.
 *
 * The owner's vmobjlock guards flags and offset; PG_BUSY makes the page the
 * property of whoever set it.  There are no page tables here: the "physical"
 * address of a page is the address of its bytes.
 */
#ifndef _UVM_UVM_PAGE_H_
#define	_UVM_UVM_PAGE_H_

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/queue.h>
#include <sys/rwlock.h>
#include <uvm/uvm_param.h>
#include <uvm/uvm_pglist.h>

struct lwp;
struct uvm_object;
struct uvm_pagechunk;
struct vm_anon;

/* Machine-dependent in NetBSD; here the page cache's own. */
struct vm_page_md {
	struct uvm_pagechunk	*mp_chunk;	/* what the page is part of */
	void			*mp_spare[4];
};

struct vm_page {
	union {
		TAILQ_ENTRY(vm_page) queue;
		LIST_ENTRY(vm_page) list;
	} pageq;
	uint32_t	pqflags;
	uint32_t	flags;			/* PG_* */
	paddr_t		phys_addr;
	uint32_t	loan_count;
	uint32_t	wire_count;
	struct vm_anon	*uanon;
	struct uvm_object *uobject;
	voff_t		offset;
	kmutex_t	interlock;
	TAILQ_ENTRY(vm_page) pdqueue;
	struct vm_page_md mdpage;
};

/* flags */
#define	PG_CLEAN	0x00000001	/* known to be clean */
#define	PG_DIRTY	0x00000002	/* known to be dirty */
#define	PG_BUSY		0x00000004	/* owned */
#define	PG_PAGEOUT	0x00000010	/* to be freed for memory's sake */
#define	PG_RELEASED	0x00000020	/* to be freed when unbusied */
#define	PG_FAKE		0x00000040	/* contents not valid yet */
#define	PG_RDONLY	0x00000080	/* no block behind it: a hole */
#define	PG_TABLED	0x00000200	/* in its object's index */
#define	PG_AOBJ		0x00000400
#define	PG_ANON		0x00000800
#define	PG_FILE		0x00001000
#define	PG_READAHEAD	0x00002000	/* read ahead, not used yet */
#define	PG_FREE		0x00004000
#define	PG_MARKER	0x00008000
#define	PG_PAGER1	0x00010000	/* the pager's own */
#define	PG_PGLCA	0x00020000

#define	PG_STAT		(PG_ANON | PG_AOBJ | PG_FILE)
#define	PG_SWAPBACKED	(PG_ANON | PG_AOBJ)

/* pqflags */
#define	PQ_INTENT_A	0x00000000	/* activate */
#define	PQ_INTENT_I	0x00000001	/* deactivate */
#define	PQ_INTENT_E	0x00000002	/* enqueue */
#define	PQ_INTENT_D	0x00000003	/* dequeue */
#define	PQ_INTENT_MASK	0x00000003
#define	PQ_INTENT_SET	0x00000004
#define	PQ_INTENT_QUEUED 0x00000008
#define	PQ_PRIVATE	0x00000ff0
#define	PQ_WANTED	0x00001000	/* somebody waits for PG_BUSY */

/* What uvm_pagegetdirty() answers and uvm_pagemarkdirty() is told. */
#define	UVM_PAGE_STATUS_UNKNOWN	0
#define	UVM_PAGE_STATUS_CLEAN	1
#define	UVM_PAGE_STATUS_DIRTY	2
#define	UVM_PAGE_NUM_STATUS	3

#define	VM_PSTRAT_RANDOM	1
#define	VM_PSTRAT_BSEARCH	2
#define	VM_PSTRAT_BIGFIRST	3

#ifdef _KERNEL

#define	VM_PAGE_TO_PHYS(pg)	((pg)->phys_addr)
#define	UVM_PAGE_OWN(pg, tag)	do { } while (/*CONSTCOND*/0)

__BEGIN_DECLS
void	uvm_pageactivate(struct vm_page *);
void	uvm_pagecopy(struct vm_page *, struct vm_page *);
void	uvm_pagedeactivate(struct vm_page *);
void	uvm_pagefree(struct vm_page *);
unsigned int uvm_pagegetdirty(struct vm_page *);
void	uvm_pagelock(struct vm_page *);
struct vm_page *uvm_pagelookup(struct uvm_object *, voff_t);
void	uvm_pagemarkdirty(struct vm_page *, unsigned int);
bool	uvm_pagereadonly_p(struct vm_page *);
void	uvm_page_unbusy(struct vm_page **, int);
void	uvm_pageunlock(struct vm_page *);
void	uvm_pageunwire(struct vm_page *);
void	uvm_pagewait(struct vm_page *, krwlock_t *, const char *);
void	uvm_pagewakeup(struct vm_page *);
bool	uvm_pagewanted_p(struct vm_page *);
void	uvm_pagewire(struct vm_page *);
void	uvm_pagezero(struct vm_page *);
__END_DECLS

#endif /* _KERNEL */

#endif /* !_UVM_UVM_PAGE_H_ */
