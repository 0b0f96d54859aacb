/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address spaces.  The kernel has one, and all callers share another, which is
 * the host process's; what tells them apart is the pmap, where modules look.
 */
#ifndef _UVM_UVM_MAP_H_
#define	_UVM_UVM_MAP_H_

#include <sys/types.h>
#include <sys/condvar.h>
#include <sys/mutex.h>
#include <sys/rbtree.h>
#include <sys/rwlock.h>

struct pmap;
struct vm_map_entry;

struct vm_map {
	struct	pmap *pmap;
	krwlock_t lock;
	struct	lwp *busy;
	kmutex_t misc_lock;
	kcondvar_t cv;
	int	flags;
	struct	rb_tree rb_tree;
	char	_vmm_header[128];
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
#endif

#endif /* !_UVM_UVM_MAP_H_ */
