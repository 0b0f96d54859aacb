/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/buf.h: a block of a vnode on its way between memory and a device, and
 * the cache of such blocks (buffercache(9)).
 *
 * Locks, as modules rely on them:
 *	bufcache_lock	the hash, the free lists, b_cflags, b_freelist*,
 *			a vnode's lists of buffers (with v_interlock)
 *	b_objlock	b_oflags, b_done; v_interlock of b_vp, or a lock of
 *			the buffer cache for buffers without a vnode
 *	BC_BUSY		whoever set it owns all the rest
 */
#ifndef _SYS_BUF_H_
#define	_SYS_BUF_H_

#include <abi/versions.h>
#include <sys/param.h>
#include <sys/types.h>
#include <sys/queue.h>
#include <sys/rbtree.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/workqueue.h>

struct cpu_info;
struct mount;
struct proc;
struct uio;
struct vnode;

struct buf {
	union {
		TAILQ_ENTRY(buf) u_actq;	/* in a driver's queue */
		rb_node_t	u_rbnode;
		struct work	u_work;
	} b_u;
#define	b_actq	b_u.u_actq
#define	b_work	b_u.u_work
	void		(*b_iodone)(struct buf *);
	int		b_error;
	int		b_resid;	/* bytes that were not moved */
	u_int		b_flags;	/* B_*: the owner's */
	int		b_prio;		/* BPRIO_* */
	int		b_bufsize;	/* bytes allocated at b_data */
	int		b_bcount;	/* bytes that are valid */
	dev_t		b_dev;
	void		*b_data;
	daddr_t		b_blkno;	/* in DEV_BSIZE units, on b_vp */
	daddr_t		b_rawblkno;	/* the same, from the disk's start */
	struct proc	*b_proc;
	void		*b_saveaddr;
	struct cpu_info	*b_ci;
	void		*b_private;	/* the owner of b_iodone */
	off_t		b_dcookie;
	kcondvar_t	b_busy;		/* waiters for BC_BUSY to go */
	NETBSD_BUF_SPARE
	LIST_ENTRY(buf)	b_hash;
	LIST_ENTRY(buf)	b_vnbufs;
	TAILQ_ENTRY(buf) b_freelist;
	TAILQ_ENTRY(buf) b_wapbllist;
	daddr_t		b_lblkno;	/* logical block in b_vp */
	int		b_freelistindex;
	u_int		b_cflags;	/* BC_* */
	struct vnode	*b_vp;
	kcondvar_t	b_done;		/* waiters for BO_DONE */
	u_int		b_oflags;	/* BO_* */
	kmutex_t	*b_objlock;
};
typedef struct buf buf_t;

#define	b_cylinder	b_resid		/* for disksort */

/* b_cflags */
#define	BC_AGE		0x00000001	/* to the front of its free list */
#define	BC_BUSY		0x00000010	/* owned */
#define	BC_INVAL	0x00002000	/* contents are not valid */
#define	BC_NOCACHE	0x00008000	/* forget it when released */
#define	BC_WANTED	0x00800000	/* somebody waits on b_busy */
#define	BC_VFLUSH	0x04000000	/* seen by a flush that is running */

/* b_oflags */
#define	BO_DELWRI	0x00000080	/* dirty, to be written later */
#define	BO_DONE		0x00000200	/* I/O complete; contents valid */

/* b_flags */
#define	B_WRITE		0x00000000	/* the absence of B_READ */
#define	B_ASYNC		0x00000004	/* released by the completion */
#define	B_COWDONE	0x00000400	/* copy-on-write handlers have run */
#define	B_GATHERED	0x00001000	/* LFS: part of a segment */
#define	B_LOCKED	0x00004000	/* LFS, WAPBL: stays in memory */
#define	B_PHYS		0x00040000	/* physio(9) of user memory */
#define	B_RAW		0x00080000	/* through a character device */
#define	B_READ		0x00100000
#define	B_DEVPRIVATE	0x02000000	/* for the driver's own use */
#define	B_MEDIA_FUA	0x08000000	/* on stable storage when done */
#define	B_MEDIA_DPO	0x10000000	/* drive need not cache it */
#define	B_MEDIA_FLAGS	(B_MEDIA_FUA | B_MEDIA_DPO)

/* Flags of block allocators (ufs and friends), not of a buffer. */
#define	B_CLRBUF	0x01		/* a new block comes zeroed */
#define	B_SYNC		0x02		/* metadata is written at once */
#define	B_METAONLY	0x04		/* return the indirect block */
#define	B_CONTIG	0x08		/* allocate contiguously */

/* Flags of bread() and breadn(). */
#define	B_MODIFY	0x01		/* the caller means to change it */

#define	BPRIO_NPRIO		3
#define	BPRIO_TIMECRITICAL	2
#define	BPRIO_TIMELIMITED	1
#define	BPRIO_TIMENONCRITICAL	0
#define	BPRIO_DEFAULT		BPRIO_TIMELIMITED

#define	BIO_GETPRIO(bp)		((bp)->b_prio)
#define	BIO_SETPRIO(bp, prio)	((bp)->b_prio = (prio))
#define	BIO_COPYPRIO(bp1, bp2)	BIO_SETPRIO(bp1, BIO_GETPRIO(bp2))

#define	BUF_FLAGBITS							\
    "\20\1AGE\3ASYNC\5BUSY\10DELWRI\12DONE\13COWDONE\15GATHERED\16INVAL" \
    "\17LOCKED\20NOCACHE\23PHYS\24RAW\25READ\30WANTED\32DEVPRIVATE"	\
    "\33VFLUSH\34MEDIA_FUA\35MEDIA_DPO"

#define	clrbuf(bp) do {							\
	memset((bp)->b_data, 0, (size_t)(bp)->b_bcount);		\
	(bp)->b_resid = 0;						\
} while (/*CONSTCOND*/0)

#ifdef _KERNEL

extern kmutex_t	bufcache_lock;
extern kmutex_t	buffer_lock;
extern u_int	nbuf;			/* high mark of buffers wanted */

__BEGIN_DECLS
int	allocbuf(buf_t *, int, int);
void	bawrite(buf_t *);
int	bbusy(buf_t *, bool, int, kmutex_t *);
void	bdwrite(buf_t *);
void	bgetvp(struct vnode *, buf_t *);
void	binvalbuf(struct vnode *, daddr_t);
void	biodone(buf_t *);
int	biowait(buf_t *);
int	bread(struct vnode *, daddr_t, int, int, buf_t **);
int	breadn(struct vnode *, daddr_t, int, daddr_t *, int *, int, int,
	    buf_t **);
void	brelse(buf_t *, int);
void	brelsel(buf_t *, int);
void	brelvp(buf_t *);
void	bremfree(buf_t *);
void	buf_destroy(buf_t *);
int	buf_drain(int);
void	buf_init(buf_t *);
u_long	buf_memcalc(void);
u_int	buf_nbuf(void);
int	buf_setvalimit(vsize_t);
void	bufinit(void);
int	bwrite(buf_t *);
buf_t	*getblk(struct vnode *, daddr_t, int, int, int);
buf_t	*geteblk(int);
buf_t	*getiobuf(struct vnode *, bool);
buf_t	*incore(struct vnode *, daddr_t);
void	minphys(buf_t *);
void	nestiobuf_done(buf_t *, int, int);
void	nestiobuf_iodone(buf_t *);
void	nestiobuf_setup(buf_t *, buf_t *, int, size_t);
int	physio(void (*)(buf_t *), buf_t *, dev_t, int, void (*)(buf_t *),
	    struct uio *);
void	putiobuf(buf_t *);
void	reassignbuf(buf_t *, struct vnode *);
__END_DECLS

#endif /* _KERNEL */

#endif /* !_SYS_BUF_H_ */
