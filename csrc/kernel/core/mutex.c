/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutexes (mutex(9)).
 *
 * The word of an adaptive mutex is its owner's address, 0 when it is free;
 * MTX_WAITERS says that somebody sleeps on it.  As one context runs at a time,
 * no atomic operation is needed: an uncontended lock is a load and a store.
 * A release with waiters hands the mutex to the first of them, because one
 * that is merely woken could find it taken again for ever.
 *
 * A spin mutex can't be contended: whoever holds it keeps the CPU, which is
 * what cpu_nosleep asserts.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/mutex.h>
#include <sys/proc.h>

#include "lwp_impl.h"

#define	MTX_WAITERS	0x01
#define	MTX_SPIN	0x02
#define	MTX_LOCKED	0x04		/* of a spin mutex */
#define	MTX_DEAD	0x08		/* destroyed */
#define	MTX_OWNER(w)	((w) & ~(uintptr_t)63)

CTASSERT(sizeof(kmutex_t) == 8);

void
mutex_init(kmutex_t *mtx, kmutex_type_t type, int ipl)
{
	bool spin = type == MUTEX_SPIN;

	/* The soft levels are threads, which may sleep. */
	if (type == MUTEX_DEFAULT || type == MUTEX_DRIVER)
		spin = ipl > IPL_SOFTSERIAL;
	mtx->mtx_word = spin ? MTX_SPIN : 0;
}

void
mutex_destroy(kmutex_t *mtx)
{

	KASSERTMSG(mtx->mtx_word == 0 || mtx->mtx_word == MTX_SPIN,
	    "mutex %p is in use", mtx);
	mtx->mtx_word = MTX_DEAD;
}

static void
mutex_spin_take(kmutex_t *mtx)
{

	KASSERTMSG((mtx->mtx_word & MTX_LOCKED) == 0,
	    "spin mutex %p: locking against myself", mtx);
	kern_cpu.cpu_nosleep++;
	mtx->mtx_word |= MTX_LOCKED;
}

static void __noinline
mutex_enter_slow(kmutex_t *mtx)
{
	struct lwp_impl *l = CUR_IMPL;
	uintptr_t w = mtx->mtx_word;

	if (w & MTX_SPIN) {
		mutex_spin_take(mtx);
		return;
	}
	if ((w & MTX_DEAD) != 0 || MTX_OWNER(w) == 0)
		panic("mutex %p: not initialized", mtx);
	if (MTX_OWNER(w) == (uintptr_t)l)
		panic("mutex %p: locking against myself", mtx);
	mtx->mtx_word = w | MTX_WAITERS;
	(void)sleepq_wait(sleepq_bucket(mtx), mtx, "mutex", 0, false, NULL);
	KASSERT(MTX_OWNER(mtx->mtx_word) == (uintptr_t)l);
}

void
mutex_enter(kmutex_t *mtx)
{

	if (__predict_true(mtx->mtx_word == 0))
		mtx->mtx_word = (uintptr_t)CUR_IMPL;
	else
		mutex_enter_slow(mtx);
}

static void __noinline
mutex_exit_slow(kmutex_t *mtx)
{
	struct lwp_impl *next, *other;
	uintptr_t w = mtx->mtx_word;

	if (w & MTX_SPIN) {
		KASSERTMSG((w & MTX_LOCKED) != 0 && kern_cpu.cpu_nosleep > 0,
		    "spin mutex %p: not locked", mtx);
		mtx->mtx_word = w & ~(uintptr_t)MTX_LOCKED;
		kern_cpu.cpu_nosleep--;
		return;
	}
	if (MTX_OWNER(w) != (uintptr_t)CUR_IMPL)
		panic("mutex %p: not locked by this lwp (owner %p)", mtx,
		    (void *)MTX_OWNER(w));
	next = sleepq_first(sleepq_bucket(mtx), mtx);
	KASSERT(next != NULL);
	other = sleepq_next(next, mtx);
	mtx->mtx_word = (uintptr_t)next | (other != NULL ? MTX_WAITERS : 0);
	sleepq_wake(next, 0);
}

void
mutex_exit(kmutex_t *mtx)
{

	if (__predict_true(mtx->mtx_word == (uintptr_t)CUR_IMPL))
		mtx->mtx_word = 0;
	else
		mutex_exit_slow(mtx);
}

void
mutex_spin_enter(kmutex_t *mtx)
{

	KASSERT((mtx->mtx_word & MTX_SPIN) != 0);
	mutex_spin_take(mtx);
}

void
mutex_spin_exit(kmutex_t *mtx)
{

	mutex_exit_slow(mtx);
}

int
mutex_tryenter(kmutex_t *mtx)
{
	uintptr_t w = mtx->mtx_word;

	if (w == 0) {
		mtx->mtx_word = (uintptr_t)CUR_IMPL;
		return 1;
	}
	if ((w & (MTX_SPIN | MTX_LOCKED)) == MTX_SPIN) {
		mutex_spin_take(mtx);
		return 1;
	}
	KASSERTMSG((w & MTX_DEAD) == 0, "mutex %p: not initialized", mtx);
	return 0;
}

/* A spin mutex does not know who holds it: only whether. */
int
mutex_owned(const kmutex_t *mtx)
{
	uintptr_t w = mtx->mtx_word;

	if (w & MTX_SPIN)
		return (w & MTX_LOCKED) != 0;
	return w != 0 && MTX_OWNER(w) == (uintptr_t)CUR_IMPL;
}

/* True, or a panic: the caller does not hold it and so could take it. */
int
mutex_ownable(const kmutex_t *mtx)
{

	KASSERTMSG(!mutex_owned(mtx), "mutex %p: already owned", mtx);
	return 1;
}

lwp_t *
mutex_owner(const kmutex_t *mtx)
{

	return (mtx->mtx_word & MTX_SPIN) != 0 ? NULL :
	    (lwp_t *)MTX_OWNER(mtx->mtx_word);
}

/* --- mutexes that are shared and counted ---------------------------------- */

struct mutex_obj {
	kmutex_t mo_lock;		/* first: this is what callers have */
	u_int	mo_refcnt;
	u_int	mo_magic;
#define	MUTEX_OBJ_MAGIC	0x6d757478
};

static struct mutex_obj *
mutex_obj_of(kmutex_t *mtx)
{
	struct mutex_obj *mo = (struct mutex_obj *)mtx;

	KASSERTMSG(mo->mo_magic == MUTEX_OBJ_MAGIC && mo->mo_refcnt > 0,
	    "mutex %p is not from mutex_obj_alloc()", mtx);
	return mo;
}

static kmutex_t *
mutex_obj_make(kmutex_type_t type, int ipl, km_flag_t flags)
{
	struct mutex_obj *mo = kmem_alloc(sizeof(*mo), flags);

	if (mo == NULL)
		return NULL;
	mutex_init(&mo->mo_lock, type, ipl);
	mo->mo_refcnt = 1;
	mo->mo_magic = MUTEX_OBJ_MAGIC;
	return &mo->mo_lock;
}

kmutex_t *
mutex_obj_alloc(kmutex_type_t type, int ipl)
{

	return mutex_obj_make(type, ipl, KM_SLEEP);
}

kmutex_t *
mutex_obj_tryalloc(kmutex_type_t type, int ipl)
{

	return mutex_obj_make(type, ipl, KM_NOSLEEP);
}

void
mutex_obj_hold(kmutex_t *mtx)
{

	mutex_obj_of(mtx)->mo_refcnt++;
}

/* True if that was the last reference. */
bool
mutex_obj_free(kmutex_t *mtx)
{
	struct mutex_obj *mo = mutex_obj_of(mtx);

	if (--mo->mo_refcnt > 0)
		return false;
	mutex_destroy(mtx);
	mo->mo_magic = 0;
	kmem_free(mo, sizeof(*mo));
	return true;
}

u_int
mutex_obj_refcnt(kmutex_t *mtx)
{

	return mutex_obj_of(mtx)->mo_refcnt;
}
