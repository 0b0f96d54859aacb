/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces.  The kernel has one, and all callers share another, which is
 * the host process's; what tells them apart is the pmap, where modules look.
 * Entries are there for what uvm_map() has mapped.
 */
#ifndef _UVM_UVM_MAP_H_
#define	_UVM_UVM_MAP_H_

#include <sys/types.h>
#include <sys/condvar.h>
#include <sys/mutex.h>
#include <sys/rbtree.h>
#include <sys/rwlock.h>
#include <uvm/uvm_prot.h>

struct pmap;
struct uvm_object;
struct vm_amap;

struct vm_aref {
	int	ar_pageoff;
	struct	vm_amap *ar_amap;
};

struct vm_map_entry {
	struct	rb_node rb_node;
	vaddr_t	start;
	vaddr_t	end;
	vsize_t	gap;
	vsize_t	maxgap;
	struct	vm_map_entry *prev;
	struct	vm_map_entry *next;
	union {
		struct	uvm_object *uvm_obj;
		struct	vm_map *sub_map;
	} object;
	voff_t	offset;
	uint8_t	etype;
	uint8_t	flags;
	uint8_t	advice;
	uint8_t	unused;
	vm_prot_t protection;
	vm_prot_t max_protection;
	int	inheritance;
	int	wired_count;
	struct	vm_aref aref;
};

#define	UVM_ET_OBJ		0x01
#define	UVM_ET_SUBMAP		0x02
#define	UVM_ET_COPYONWRITE	0x04
#define	UVM_ET_NEEDSCOPY	0x08

struct vm_map {
	struct	pmap *pmap;
	krwlock_t lock;
	struct	lwp *busy;
	kmutex_t misc_lock;
	kcondvar_t cv;
	int	flags;
	struct	rb_tree rb_tree;
	struct	vm_map_entry header;
	int	nentries;
	vsize_t	size;
	volatile int ref_count;
	struct	vm_map_entry *hint;
	struct	vm_map_entry *first_free;
	unsigned int timestamp;
};

struct vmspace {
	struct	vm_map vm_map;
	volatile int vm_refcnt;
	void	*vm_shm;
	segsz_t	vm_rssize;
	segsz_t	vm_rssmax;
	segsz_t	vm_tsize;
	segsz_t	vm_dsize;
	segsz_t	vm_ssize;
	segsz_t	vm_issize;
	void	*vm_taddr;
	void	*vm_daddr;
	void	*vm_maxsaddr;
	void	*vm_minsaddr;
	size_t	vm_aslr_delta_mmap;
};

#ifdef _KERNEL
extern struct vmspace vmspace0;		/* the kernel's */
extern struct vmspace vmspace_host;	/* everybody else's */

void	vm_map_lock_read(struct vm_map *);
void	vm_map_unlock_read(struct vm_map *);
#endif

#endif /* !_UVM_UVM_MAP_H_ */
