/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_pmap.h: the kernel has no page tables; a pmap is a name only.
 */
#ifndef _UVM_UVM_PMAP_H_
#define	_UVM_UVM_PMAP_H_

#include <sys/types.h>

struct pmap;
typedef struct pmap *pmap_t;

#ifdef _KERNEL
extern struct pmap *const kernel_pmap_ptr;
#define	pmap_kernel()	(kernel_pmap_ptr)

struct vm_page;

/* What the hardware notes about a mapped page. */
#define	PP_ATTRS_D	0x01		/* written to */
#define	PP_ATTRS_A	0x02		/* looked at */

bool	pmap_test_attrs(struct vm_page *, unsigned int);
bool	pmap_clear_attrs(struct vm_page *, unsigned int);
void	pmap_page_remove(struct vm_page *);
bool	pmap_extract(pmap_t, vaddr_t, paddr_t *);
#endif

#endif /* !_UVM_UVM_PMAP_H_ */
