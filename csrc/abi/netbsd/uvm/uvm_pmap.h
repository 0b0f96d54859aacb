/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_pmap.h: the kernel has no page tables; a pmap is a name only.
 */
#ifndef _UVM_UVM_PMAP_H_
#define	_UVM_UVM_PMAP_H_

struct pmap;
typedef struct pmap *pmap_t;

#ifdef _KERNEL
extern struct pmap *const kernel_pmap_ptr;
#define	pmap_kernel()	(kernel_pmap_ptr)
#endif

#endif /* !_UVM_UVM_PMAP_H_ */
