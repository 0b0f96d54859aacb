/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_pglist.h: the head of a queue of pages.
 */
#ifndef _UVM_UVM_PGLIST_H_
#define	_UVM_UVM_PGLIST_H_

#include <sys/queue.h>

struct vm_page;

TAILQ_HEAD(pglist, vm_page);
LIST_HEAD(pgflist, vm_page);

#endif /* !_UVM_UVM_PGLIST_H_ */
