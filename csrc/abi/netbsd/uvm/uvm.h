/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm.h: the memory system's global state.  Modules read one member
 * of struct uvm: is the current lwp the page daemon?
 */
#ifndef _UVM_UVM_H_
#define	_UVM_UVM_H_

#include <uvm/uvm_extern.h>
#include <uvm/uvm_object.h>
#include <uvm/uvm_page.h>
#include <uvm/uvm_page_array.h>
#include <uvm/uvm_pager.h>
#include <uvm/uvm_readahead.h>

struct pgfreelist {
	void		*pgfl_buckets[8];
};

struct uvm {
	struct pgfreelist page_free[6];
	u_int		bucketcount;
	bool		page_init_done;
	int		pagedaemon;		/* what it sleeps on */
	struct lwp	*pagedaemon_lwp;
};

#ifdef _KERNEL
extern struct uvm	uvm;
#endif

#endif /* !_UVM_UVM_H_ */
