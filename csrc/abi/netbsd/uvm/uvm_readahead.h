/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_readahead.h: guesses about what will be read next.
 */
#ifndef _UVM_UVM_READAHEAD_H_
#define	_UVM_UVM_READAHEAD_H_

#include <sys/types.h>
#include <uvm/uvm_param.h>

struct uvm_object;
struct uvm_ractx;

#ifdef _KERNEL
__BEGIN_DECLS
struct uvm_ractx *uvm_ra_allocctx(void);
void	uvm_ra_freectx(struct uvm_ractx *);
void	uvm_ra_request(struct uvm_ractx *, int, struct uvm_object *, off_t,
	    size_t);
int	uvm_readahead(struct uvm_object *, off_t, off_t);
__END_DECLS
#endif /* _KERNEL */

#endif /* !_UVM_UVM_READAHEAD_H_ */
