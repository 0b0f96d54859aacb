/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_page_array.h: walk the pages of an object in steps of a few.
 * The caller holds vmobjlock while it fills.
 */
#ifndef _UVM_UVM_PAGE_ARRAY_H_
#define	_UVM_UVM_PAGE_ARRAY_H_

#include <sys/types.h>
#include <uvm/uvm_param.h>

struct uvm_object;
struct vm_page;

struct uvm_page_array {
	struct vm_page	*ar_pages[16];
	struct uvm_object *ar_uobj;
	unsigned int	ar_flags;	/* UVM_PAGE_ARRAY_FILL_* */
	unsigned int	ar_npages;
	unsigned int	ar_idx;
};

#define	UVM_PAGE_ARRAY_FILL_DIRTY	1	/* dirty pages only */
#define	UVM_PAGE_ARRAY_FILL_DENSE	2	/* stop at the first gap */
#define	UVM_PAGE_ARRAY_FILL_BACKWARD	4	/* towards lower offsets */

#ifdef _KERNEL
__BEGIN_DECLS
void	uvm_page_array_advance(struct uvm_page_array *);
void	uvm_page_array_clear(struct uvm_page_array *);
int	uvm_page_array_fill(struct uvm_page_array *, voff_t, unsigned int);
struct vm_page *uvm_page_array_fill_and_peek(struct uvm_page_array *, voff_t,
	    unsigned int);
void	uvm_page_array_fini(struct uvm_page_array *);
void	uvm_page_array_init(struct uvm_page_array *, struct uvm_object *,
	    unsigned int);
struct vm_page *uvm_page_array_peek(struct uvm_page_array *);
__END_DECLS
#endif /* _KERNEL */

#endif /* !_UVM_UVM_PAGE_ARRAY_H_ */
