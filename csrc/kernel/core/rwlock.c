/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers/writer locks (rwlock(9)).
 *
 * The word is the number of readers times RW_READER_UNIT, or the writer's
 * address with RW_WRITE; RW_WAITERS says that somebody sleeps on it.  Newcomers
 * queue behind sleepers, readers too, and a release hands the lock to the first
 * sleeper, or to all readers that come before the next writer: nobody starves.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/rwlock.h>
#include <sys/proc.h>

#include "lwp_impl.h"

#define	RW_WAITERS	0x01
#define	RW_WRITE	0x04
#define	RW_DEAD		0x08
#define	RW_FLAGS	((uintptr_t)63)
#define	RW_READER_UNIT	((uintptr_t)64)
#define	RW_COUNT(w)	((w) / RW_READER_UNIT)	/* if not RW_WRITE */
#define	RW_OWNER(w)	((w) & ~RW_FLAGS)

CTASSERT(sizeof(krwlock_t) == 8);

void
rw_init(krwlock_t *rw)
{

	rw->rw_owner = 0;
}

void
rw_destroy(krwlock_t *rw)
{

	KASSERTMSG(rw->rw_owner == 0, "rwlock %p is in use", rw);
	rw->rw_owner = RW_DEAD;
}

static void __noinline
rw_enter_slow(krwlock_t *rw, krw_t op)
{
	struct lwp_impl *l = CUR_IMPL;
	uintptr_t w = rw->rw_owner;

	if (w & RW_DEAD)
		panic("rwlock %p: not initialized", rw);
	if ((w & RW_WRITE) != 0 && RW_OWNER(w) == (uintptr_t)l)
		panic("rwlock %p: locking against myself", rw);
	rw->rw_owner = w | RW_WAITERS;
	l->li_wait = op;
	(void)sleepq_wait(sleepq_bucket(rw), rw, "rwlock", 0, false, NULL);
	KASSERT(op == RW_READER ? (rw->rw_owner & RW_WRITE) == 0 :
	    RW_OWNER(rw->rw_owner) == (uintptr_t)l);
}

void
rw_enter(krwlock_t *rw, const krw_t op)
{
	uintptr_t w = rw->rw_owner;

	if (op == RW_READER && __predict_true((w & RW_FLAGS) == 0))
		rw->rw_owner = w + RW_READER_UNIT;
	else if (op == RW_WRITER && __predict_true(w == 0))
		rw->rw_owner = (uintptr_t)CUR_IMPL | RW_WRITE;
	else
		rw_enter_slow(rw, op);
}

int
rw_tryenter(krwlock_t *rw, const krw_t op)
{
	uintptr_t w = rw->rw_owner;

	KASSERTMSG((w & RW_DEAD) == 0, "rwlock %p: not initialized", rw);
	if (op == RW_READER && (w & RW_FLAGS) == 0) {
		rw->rw_owner = w + RW_READER_UNIT;
		return 1;
	}
	if (op == RW_WRITER && w == 0) {
		rw->rw_owner = (uintptr_t)CUR_IMPL | RW_WRITE;
		return 1;
	}
	return 0;
}

/*
 * READERS hold the lock and nobody else; let sleepers in: a writer if there
 * are no readers, else as many readers as come first.
 */
static void
rw_handover(krwlock_t *rw, uintptr_t readers)
{
	struct lwp_impl **queue = sleepq_bucket(rw), *l;
	uintptr_t w = readers * RW_READER_UNIT;

	while ((l = sleepq_first(queue, rw)) != NULL) {
		if (l->li_wait == RW_WRITER) {
			if (w == 0) {
				w = (uintptr_t)l | RW_WRITE;
				sleepq_wake(l, 0);
			}
			break;
		}
		w += RW_READER_UNIT;
		sleepq_wake(l, 0);
	}
	if (sleepq_first(queue, rw) != NULL)
		w |= RW_WAITERS;
	rw->rw_owner = w;
}

static void __noinline
rw_exit_slow(krwlock_t *rw)
{
	uintptr_t w = rw->rw_owner;

	if (w & RW_WRITE) {
		if (RW_OWNER(w) != (uintptr_t)CUR_IMPL)
			panic("rwlock %p: not locked by this lwp", rw);
		rw_handover(rw, 0);
	} else {
		if (RW_COUNT(w) == 0)
			panic("rwlock %p: not locked", rw);
		if (RW_COUNT(w) == 1)
			rw_handover(rw, 0);
		else
			rw->rw_owner = w - RW_READER_UNIT;
	}
}

void
rw_exit(krwlock_t *rw)
{
	uintptr_t w = rw->rw_owner;

	if ((w & RW_FLAGS) == 0 && __predict_true(w != 0))
		rw->rw_owner = w - RW_READER_UNIT;
	else if (__predict_true(w == ((uintptr_t)CUR_IMPL | RW_WRITE)))
		rw->rw_owner = 0;
	else
		rw_exit_slow(rw);
}

/* The caller holds it as a reader: 1 if it is the only one and writes now. */
int
rw_tryupgrade(krwlock_t *rw)
{
	uintptr_t w = rw->rw_owner;

	KASSERT((w & RW_WRITE) == 0 && RW_COUNT(w) > 0);
	if (RW_COUNT(w) != 1)
		return 0;
	rw->rw_owner = (uintptr_t)CUR_IMPL | RW_WRITE | (w & RW_WAITERS);
	return 1;
}

void
rw_downgrade(krwlock_t *rw)
{

	KASSERT(rw_write_held(rw));
	if (rw->rw_owner & RW_WAITERS)
		rw_handover(rw, 1);
	else
		rw->rw_owner = RW_READER_UNIT;
}

int
rw_read_held(krwlock_t *rw)
{
	uintptr_t w = rw->rw_owner;

	return (w & RW_WRITE) == 0 && RW_COUNT(w) > 0;
}

int
rw_write_held(krwlock_t *rw)
{
	uintptr_t w = rw->rw_owner;

	return (w & RW_WRITE) != 0 && RW_OWNER(w) == (uintptr_t)CUR_IMPL;
}

int
rw_lock_held(krwlock_t *rw)
{

	return rw_read_held(rw) || (rw->rw_owner & RW_WRITE) != 0;
}

/* How the caller holds it. */
krw_t
rw_lock_op(krwlock_t *rw)
{

	return rw_write_held(rw) ? RW_WRITER : RW_READER;
}

lwp_t *
rw_owner(krwlock_t *rw)
{
	uintptr_t w = rw->rw_owner;

	return (w & RW_WRITE) != 0 ? (lwp_t *)RW_OWNER(w) : NULL;
}

/* --- locks that are shared and counted ------------------------------------ */

struct rw_obj {
	krwlock_t ro_lock;		/* first: this is what callers have */
	u_int	ro_refcnt;
	u_int	ro_magic;
#define	RW_OBJ_MAGIC	0x72776c6b
};

static struct rw_obj *
rw_obj_of(krwlock_t *rw)
{
	struct rw_obj *ro = (struct rw_obj *)rw;

	KASSERTMSG(ro->ro_magic == RW_OBJ_MAGIC && ro->ro_refcnt > 0,
	    "rwlock %p is not from rw_obj_alloc()", rw);
	return ro;
}

static krwlock_t *
rw_obj_make(km_flag_t flags)
{
	struct rw_obj *ro = kmem_alloc(sizeof(*ro), flags);

	if (ro == NULL)
		return NULL;
	rw_init(&ro->ro_lock);
	ro->ro_refcnt = 1;
	ro->ro_magic = RW_OBJ_MAGIC;
	return &ro->ro_lock;
}

krwlock_t *
rw_obj_alloc(void)
{

	return rw_obj_make(KM_SLEEP);
}

krwlock_t *
rw_obj_tryalloc(void)
{

	return rw_obj_make(KM_NOSLEEP);
}

void
rw_obj_hold(krwlock_t *rw)
{

	rw_obj_of(rw)->ro_refcnt++;
}

/* True if that was the last reference. */
bool
rw_obj_free(krwlock_t *rw)
{
	struct rw_obj *ro = rw_obj_of(rw);

	if (--ro->ro_refcnt > 0)
		return false;
	rw_destroy(rw);
	ro->ro_magic = 0;
	kmem_free(ro, sizeof(*ro));
	return true;
}

u_int
rw_obj_refcnt(krwlock_t *rw)
{

	return rw_obj_of(rw)->ro_refcnt;
}
