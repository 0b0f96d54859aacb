/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/wapbl.h: write-ahead physical block logging.  The kernel reaches a
 * journal only through the operations a mounted file system has hung into
 * its struct mount; the rest are functions of the wapbl module.
 */
#ifndef _SYS_WAPBL_H_
#define	_SYS_WAPBL_H_

#include <sys/types.h>
#include <sys/mount.h>

struct buf;
struct vnode;
struct wapbl;
struct wapbl_entry;
struct wapbl_replay;

/* A run of blocks to be freed when the transaction commits. */
struct wapbl_dealloc {
	TAILQ_ENTRY(wapbl_dealloc) wd_entries;
	daddr_t		wd_blkno;
	int		wd_len;
};

/*
 * Called when a commit starts, and when one is abandoned, with the runs of
 * blocks whose deallocation becomes permanent (linked by wd_entries).
 */
typedef void (*wapbl_flush_fn_t)(struct mount *, struct wapbl_dealloc *);

struct wapbl_ops {
	void	(*wo_wapbl_discard)(struct wapbl *);
	int	(*wo_wapbl_replay_isopen)(struct wapbl_replay *);
	int	(*wo_wapbl_replay_can_read)(struct wapbl_replay *, daddr_t,
		    long);
	int	(*wo_wapbl_replay_read)(struct wapbl_replay *, void *,
		    daddr_t, long);
	void	(*wo_wapbl_add_buf)(struct wapbl *, struct buf *);
	void	(*wo_wapbl_remove_buf)(struct wapbl *, struct buf *);
	void	(*wo_wapbl_resize_buf)(struct wapbl *, struct buf *, long,
		    long);
	int	(*wo_wapbl_begin)(struct wapbl *, const char *, int);
	void	(*wo_wapbl_end)(struct wapbl *);
	void	(*wo_wapbl_junlock_assert)(struct wapbl *);
	void	(*wo_wapbl_jlock_assert)(struct wapbl *);
	void	(*wo_wapbl_biodone)(struct buf *);
};

#define	WAPBL_DISCARD(mp)						\
	(*(mp)->mnt_wapbl_op->wo_wapbl_discard)((mp)->mnt_wapbl)
#define	WAPBL_REPLAY_ISOPEN(mp)						\
	((mp)->mnt_wapbl_op != NULL && (mp)->mnt_wapbl_replay != NULL &&	\
	(*(mp)->mnt_wapbl_op->wo_wapbl_replay_isopen)((mp)->mnt_wapbl_replay))
#define	WAPBL_REPLAY_CAN_READ(mp, blk, len)				\
	(*(mp)->mnt_wapbl_op->wo_wapbl_replay_can_read)(		\
	(mp)->mnt_wapbl_replay, (blk), (len))
#define	WAPBL_REPLAY_READ(mp, data, blk, len)				\
	(*(mp)->mnt_wapbl_op->wo_wapbl_replay_read)(			\
	(mp)->mnt_wapbl_replay, (data), (blk), (len))
#define	WAPBL_ADD_BUF(mp, bp)						\
	(*(mp)->mnt_wapbl_op->wo_wapbl_add_buf)((mp)->mnt_wapbl, (bp))
#define	WAPBL_REMOVE_BUF(mp, bp)					\
	(*(mp)->mnt_wapbl_op->wo_wapbl_remove_buf)((mp)->mnt_wapbl, (bp))
#define	WAPBL_RESIZE_BUF(mp, bp, oldsz, oldcnt)				\
	(*(mp)->mnt_wapbl_op->wo_wapbl_resize_buf)((mp)->mnt_wapbl,	\
	(bp), (oldsz), (oldcnt))
#define	WAPBL_BEGIN(mp)							\
	(*(mp)->mnt_wapbl_op->wo_wapbl_begin)((mp)->mnt_wapbl,		\
	__FILE__, __LINE__)
#define	WAPBL_END(mp)							\
	(*(mp)->mnt_wapbl_op->wo_wapbl_end)((mp)->mnt_wapbl)
#define	WAPBL_JUNLOCK_ASSERT(mp)					\
	(*(mp)->mnt_wapbl_op->wo_wapbl_junlock_assert)((mp)->mnt_wapbl)
#define	WAPBL_JLOCK_ASSERT(mp)						\
	(*(mp)->mnt_wapbl_op->wo_wapbl_jlock_assert)((mp)->mnt_wapbl)

#ifdef _KERNEL
__BEGIN_DECLS
/* Of the wapbl module. */
int	wapbl_begin(struct wapbl *, const char *, int);
void	wapbl_biodone(struct buf *);
void	wapbl_discard(struct wapbl *);
void	wapbl_end(struct wapbl *);
int	wapbl_flush(struct wapbl *, int);
void	wapbl_add_buf(struct wapbl *, struct buf *);
void	wapbl_remove_buf(struct wapbl *, struct buf *);
void	wapbl_resize_buf(struct wapbl *, struct buf *, long, long);
void	wapbl_jlock_assert(struct wapbl *);
void	wapbl_junlock_assert(struct wapbl *);
int	wapbl_register_deallocation(struct wapbl *, daddr_t, int, bool,
	    void **);
void	wapbl_register_inode(struct wapbl *, ino_t, mode_t);
int	wapbl_start(struct wapbl **, struct mount *, struct vnode *, daddr_t,
	    size_t, size_t, struct wapbl_replay *, wapbl_flush_fn_t,
	    wapbl_flush_fn_t);
int	wapbl_stop(struct wapbl *, int);
void	wapbl_unregister_deallocation(struct wapbl *, void *);
void	wapbl_unregister_inode(struct wapbl *, ino_t, mode_t);
void	wapbl_replay_free(struct wapbl_replay *);
int	wapbl_replay_can_read(struct wapbl_replay *, daddr_t, long);
int	wapbl_replay_isopen1(struct wapbl_replay *);
int	wapbl_replay_read(struct wapbl_replay *, void *, daddr_t, long);
int	wapbl_replay_start(struct wapbl_replay **, struct vnode *, daddr_t,
	    size_t, size_t);
void	wapbl_replay_stop(struct wapbl_replay *);
int	wapbl_replay_write(struct wapbl_replay *, struct vnode *);
__END_DECLS

extern const struct wapbl_ops wapbl_ops;
#endif /* _KERNEL */

#endif /* !_SYS_WAPBL_H_ */
