/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_param.h: sizes of pages, and rounding to them.
 */
#ifndef _UVM_UVM_PARAM_H_
#define	_UVM_UVM_PARAM_H_

#include <sys/types.h>
#include <machine/vmparam.h>

typedef off_t	voff_t;		/* an offset in a memory object */
typedef voff_t	pgoff_t;	/* the same, in pages */

#define	MIN_PAGE_SIZE	4096
#define	MAX_PAGE_SIZE	4096

#ifndef PAGE_SHIFT
#define	PAGE_SHIFT	12
#endif
#ifndef PAGE_SIZE
#define	PAGE_SIZE	(1 << PAGE_SHIFT)
#endif
#ifndef PAGE_MASK
#define	PAGE_MASK	(PAGE_SIZE - 1)
#endif

#define	round_page(x)	(((x) + PAGE_MASK) & ~(vaddr_t)PAGE_MASK)
#define	trunc_page(x)	((x) & ~(vaddr_t)PAGE_MASK)

#ifndef atop
#define	atop(x)		(((paddr_t)(x)) >> PAGE_SHIFT)
#define	ptoa(x)		(((paddr_t)(x)) << PAGE_SHIFT)
#endif

/* sysctl(7), vm. */
#define	VM_METER		1
#define	VM_LOADAVG		2
#define	VM_UVMEXP		3
#define	VM_NKMEMPAGES		4
#define	VM_UVMEXP2		5
#define	VM_ANONMIN		6
#define	VM_EXECMIN		7
#define	VM_FILEMIN		8
#define	VM_MAXSLP		9
#define	VM_USPACE		10
#define	VM_ANONMAX		11
#define	VM_EXECMAX		12
#define	VM_FILEMAX		13
#define	VM_MINADDRESS		14
#define	VM_MAXADDRESS		15
#define	VM_PROC			16
#define	VM_GUARD_SIZE		17
#define	VM_THREAD_GUARD_SIZE	18

#define	VM_PROC_MAP		1

#endif /* !_UVM_UVM_PARAM_H_ */
