/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pages of the kernel's arena: the one source of memory below kmem, pools,
 * stacks, buffers and the page cache.
 *
 * No lock protects them: the virtual CPU does, because nothing here gives it
 * away except where a caller has said KM_SLEEP.
 */
#ifndef _RUMPY_CORE_PAGES_H_
#define	_RUMPY_CORE_PAGES_H_

#include <sys/types.h>
#include <sys/kmem.h>
#include <sys/queue.h>

/* Who a page belongs to; goes into the flags of kpage_alloc(). */
#define	KPAGE_HEAP	0x000
#define	KPAGE_STACK	0x100
#define	KPAGE_BUF	0x200
#define	KPAGE_CACHE	0x300
#define	KPAGE_POOL	0x400
#define	KPAGE_NOWNERS	5
#define	KPAGE_OWNER(f)	(((f) >> 8) & 7)

/* One for each page of the arena, so that free pages are never touched. */
struct kpage {
	uint32_t kp_next;	/* free list or slab list; index, or none */
	uint32_t kp_prev;
	uint16_t kp_free;	/* slab: first free object, from 1; 0 none */
	uint16_t kp_inuse;	/* slab: objects handed out */
	uint8_t	kp_order;	/* free block: log2 of its pages */
	uint8_t	kp_state;
#define	KP_TAKEN	0
#define	KP_FREE		1	/* head of a free block */
	uint8_t	kp_owner;
	uint8_t	kp_slab;	/* slab: its pages; 0 for others */
};

#define	KPAGE_NONE	UINT32_MAX

struct lwp;

/*
 * Somebody who can give pages back.  Called with the number wanted; answers
 * the number freed.  May sleep only if FLAGS has KM_SLEEP.
 */
struct kpage_reclaim {
	LIST_ENTRY(kpage_reclaim) kr_list;
	const char *kr_name;
	size_t	(*kr_func)(size_t, int);
};

void	kpage_init(void *, size_t, size_t);
void	*kpage_alloc(size_t, int);
void	kpage_free(void *, size_t);
void	kpage_discard(void *, size_t);
void	kpage_set_helper(struct lwp *, void (*)(void));
void	kpage_reclaim_register(struct kpage_reclaim *);
void	kpage_reclaim_unregister(struct kpage_reclaim *);
size_t	kpage_used(void);
size_t	kpage_used_by(int);
size_t	kpage_avail(void);
bool	kpage_spare(size_t);
size_t	kpage_limit(void);

struct kpage *kpage_of(const void *);
void	*kpage_address(const struct kpage *);
struct kpage *kpage_at(uint32_t);
uint32_t kpage_index(const struct kpage *);
bool	kpage_contains(const void *);

#endif /* !_RUMPY_CORE_PAGES_H_ */
