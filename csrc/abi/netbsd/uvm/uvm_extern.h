/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_extern.h: what the rest of the kernel may ask of the memory
 * system: vnode sizes, copying through the page cache, anonymous objects.
 */
#ifndef _UVM_UVM_EXTERN_H_
#define	_UVM_UVM_EXTERN_H_

#include <sys/param.h>
#include <sys/types.h>
#include <sys/rwlock.h>
#include <uvm/uvm_param.h>
#include <uvm/uvm_prot.h>
#include <uvm/uvm_pglist.h>
#include <uvm/uvm_map.h>
#include <uvm/uvm_pmap.h>
#include <uvm/uvm_stat.h>

typedef unsigned int	uvm_flag_t;
typedef int		vm_inherit_t;

struct buf;
struct lwp;
struct uio;
struct uvm_object;
struct vm_map;
struct vm_page;
struct vmspace;
struct vnode;

#define	UVM_PROT_MASK		0x07
#define	UVM_PROT_RW		0x03
#define	UVM_UNKNOWN_OFFSET	((voff_t)-1)

/* Inheritance and advice, as uvm_map() takes them. */
#define	UVM_INH_MASK		0x30
#define	UVM_INH_SHARE		0x00
#define	UVM_INH_COPY		0x10
#define	UVM_INH_NONE		0x20
#define	UVM_INH_DONATE		0x30

#define	UVM_ADV_NORMAL		0x0
#define	UVM_ADV_RANDOM		0x1
#define	UVM_ADV_SEQUENTIAL	0x2
#define	UVM_ADV_WILLNEED	0x3
#define	UVM_ADV_DONTNEED	0x4
#define	UVM_ADV_NOREUSE		0x5
#define	UVM_ADV_MASK		0x7

/* What uvm_map() makes its entry of. */
#define	UVM_MAPFLAG(prot, maxprot, inherit, advice, flags)		\
	((prot) | ((maxprot) << 8) | (inherit) | ((advice) << 12) | (flags))

#define	UVM_FLAG_FIXED		0x00010000
#define	UVM_FLAG_OVERLAY	0x00020000
#define	UVM_FLAG_NOMERGE	0x00040000
#define	UVM_FLAG_COPYONW	0x00080000
#define	UVM_FLAG_AMAPPAD	0x00100000
#define	UVM_FLAG_TRYLOCK	0x00200000
#define	UVM_FLAG_NOWAIT		0x00400000
#define	UVM_FLAG_WAITVA		0x00800000
#define	UVM_FLAG_VAONLY		0x02000000
#define	UVM_FLAG_COLORMATCH	0x04000000
#define	UVM_FLAG_UNMAP		0x08000000

/* uvm_km_alloc() */
#define	UVM_KMF_WIRED		0x1
#define	UVM_KMF_PAGEABLE	0x2
#define	UVM_KMF_VAONLY		0x4
#define	UVM_KMF_TYPEMASK						\
	(UVM_KMF_WIRED | UVM_KMF_PAGEABLE | UVM_KMF_VAONLY)
#define	UVM_KMF_CANFAIL		0x8
#define	UVM_KMF_ZERO		0x10
#define	UVM_KMF_EXEC		0x20
#define	UVM_KMF_TRYLOCK		UVM_FLAG_TRYLOCK
#define	UVM_KMF_NOWAIT		UVM_FLAG_NOWAIT
#define	UVM_KMF_WAITVA		UVM_FLAG_WAITVA
#define	UVM_KMF_COLORMATCH	UVM_FLAG_COLORMATCH

/* uvm_pagealloc_strat() */
#define	UVM_PGA_STRAT_NORMAL	0
#define	UVM_PGA_STRAT_ONLY	1
#define	UVM_PGA_STRAT_FALLBACK	2
#define	UVM_PGA_STRAT_NUMA	3
#define	UVM_PGA_USERESERVE	0x0001
#define	UVM_PGA_ZERO		0x0002

/* ubc_uiomove() and ubc_zerorange() */
#define	UBC_READ		0x001
#define	UBC_WRITE		0x002
#define	UBC_FAULTBUSY		0x004	/* blocks exist; don't read them */
#define	UBC_ISMAPPED		0x008
#define	UBC_UNMAP		0x010
#define	UBC_PARTIALOK		0x100	/* stop at EOF, no error */
#define	UBC_MAX_PAGES		8

#define	UBC_VNODE_FLAGS(vp)						\
	(((vp)->v_vflag & VV_MAPPED) != 0 ? UBC_ISMAPPED : 0)

/* NetBSD's uvn_findpages(), which pagers elsewhere use. */
#define	UFP_ALL			0x00
#define	UFP_NOWAIT		0x01
#define	UFP_NOALLOC		0x02
#define	UFP_NOCACHE		0x04
#define	UFP_NORDONLY		0x08
#define	UFP_DIRTYONLY		0x10
#define	UFP_BACKWARD		0x20
#define	UFP_NOBUSY		0x40

/* Counters of the memory system; modules and sysctl(7) read them. */
struct uvmexp {
	int	pagesize;
	int	pagemask;
	int	pageshift;
	int	npages;
	int	free;
	int	paging;
	int	wired;
	int	ncolors;
	int	colormask;
	int	zeropages;
	int	reserve_pagedaemon;
	int	reserve_kernel;
	unsigned	anonpages;
	unsigned	filepages;
	unsigned	execpages;
	int	freemin;
	int	freetarg;
	int	wiredmax;
	int	nswapdev;
	int	swpages;
	int	swpgavail;
	int	swpginuse;
	int	swpgonly;
	int	nswget;
	int	faults;
	int	traps;
	int	intrs;
	int	swtch;
	int	softs;
	int	syscalls;
	int	pageins;
	int	_unused1;
	int	_unused2;
	int	pgswapin;
	int	pgswapout;
	int	forks;
	int	forks_ppwait;
	int	forks_sharevm;
	int	pga_zerohit;
	int	pga_zeromiss;
	int	zeroaborts;
	int	colorhit;
	int	colormiss;
	int	cpuhit;
	int	cpumiss;
	int	fltnoram;
	int	fltnoanon;
	int	fltpgwait;
	int	fltpgrele;
	int	fltrelck;
	int	fltrelckok;
	int	fltanget;
	int	fltanretry;
	int	fltamcopy;
	int	fltnamap;
	int	fltnomap;
	int	fltlget;
	int	fltget;
	int	flt_anon;
	int	flt_acow;
	int	flt_obj;
	int	flt_prcopy;
	int	flt_przero;
	int	pdwoke;
	int	pdrevs;
	int	_unused3;
	int	pdfreed;
	int	pdscans;
	int	pdanscan;
	int	pdobscan;
	int	pdreact;
	int	pdbusy;
	int	pdpageouts;
	int	pdpending;
	int	pddeact;
	int	pdreanon;
	int	pdrefile;
	int	pdreexec;
	int	bootpages;
};

/* The same for user programs, in words that never change size. */
struct uvmexp_sysctl {
	int64_t	pagesize;
	int64_t	pagemask;
	int64_t	pageshift;
	int64_t	npages;
	int64_t	free;
	int64_t	active;
	int64_t	inactive;
	int64_t	paging;
	int64_t	wired;
	int64_t	zeropages;
	int64_t	reserve_pagedaemon;
	int64_t	reserve_kernel;
	int64_t	freemin;
	int64_t	freetarg;
	int64_t	inactarg;
	int64_t	wiredmax;
	int64_t	nswapdev;
	int64_t	swpages;
	int64_t	swpginuse;
	int64_t	swpgonly;
	int64_t	nswget;
	int64_t	unused1;
	int64_t	cpuhit;
	int64_t	cpumiss;
	int64_t	faults;
	int64_t	traps;
	int64_t	intrs;
	int64_t	swtch;
	int64_t	softs;
	int64_t	syscalls;
	int64_t	pageins;
	int64_t	swapins;
	int64_t	swapouts;
	int64_t	pgswapin;
	int64_t	pgswapout;
	int64_t	forks;
	int64_t	forks_ppwait;
	int64_t	forks_sharevm;
	int64_t	pga_zerohit;
	int64_t	pga_zeromiss;
	int64_t	zeroaborts;
	int64_t	fltnoram;
	int64_t	fltnoanon;
	int64_t	fltpgwait;
	int64_t	fltpgrele;
	int64_t	fltrelck;
	int64_t	fltrelckok;
	int64_t	fltanget;
	int64_t	fltanretry;
	int64_t	fltamcopy;
	int64_t	fltnamap;
	int64_t	fltnomap;
	int64_t	fltlget;
	int64_t	fltget;
	int64_t	flt_anon;
	int64_t	flt_acow;
	int64_t	flt_obj;
	int64_t	flt_prcopy;
	int64_t	flt_przero;
	int64_t	pdwoke;
	int64_t	pdrevs;
	int64_t	unused4;
	int64_t	pdfreed;
	int64_t	pdscans;
	int64_t	pdanscan;
	int64_t	pdobscan;
	int64_t	pdreact;
	int64_t	pdbusy;
	int64_t	pdpageouts;
	int64_t	pdpending;
	int64_t	pddeact;
	int64_t	anonpages;
	int64_t	filepages;
	int64_t	execpages;
	int64_t	colorhit;
	int64_t	colormiss;
	int64_t	ncolors;
	int64_t	bootpages;
	int64_t	poolpages;
	int64_t	countsyncone;
	int64_t	countsyncall;
	int64_t	anonunknown;
	int64_t	anonclean;
	int64_t	anondirty;
	int64_t	fileunknown;
	int64_t	fileclean;
	int64_t	filedirty;
	int64_t	fltup;
	int64_t	fltnoup;
};

#ifdef _KERNEL

extern struct uvmexp	uvmexp;
extern struct vm_map	*kernel_map;
extern psize_t		physmem;

__BEGIN_DECLS
struct uvm_object *uao_create(voff_t, int);
void	uao_detach(struct uvm_object *);
void	uao_reference(struct uvm_object *);

int	ubc_uiomove(struct uvm_object *, struct uio *, vsize_t, int, int);
void	ubc_zerorange(struct uvm_object *, off_t, size_t, int);
void	ubc_purge(struct uvm_object *);

int	uvm_availmem(bool);
void	uvm_deallocate(struct vm_map *, vaddr_t, vsize_t);
void	uvm_estimatepageable(int *, int *);
vaddr_t	uvm_km_alloc(struct vm_map *, vsize_t, vsize_t, uvm_flag_t);
void	uvm_km_free(struct vm_map *, vaddr_t, vsize_t, uvm_flag_t);
int	uvm_map(struct vm_map *, vaddr_t *, vsize_t, struct uvm_object *,
	    voff_t, vsize_t, uvm_flag_t);
void	uvm_unmap1(struct vm_map *, vaddr_t, vaddr_t, int);
void	uvmspace_free(struct vmspace *);
void	uvm_pageout_start(int);
void	uvm_pageout_done(int);
void	uvm_vnp_setsize(struct vnode *, voff_t);
void	uvm_vnp_setwritesize(struct vnode *, voff_t);
bool	uvn_clean_p(struct uvm_object *);
void	uvm_wait(const char *);
__END_DECLS

#endif /* _KERNEL */

#endif /* !_UVM_UVM_EXTERN_H_ */
