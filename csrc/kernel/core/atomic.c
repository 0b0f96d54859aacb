/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * atomic_ops(3) and membar_ops(3) as functions that modules can call.
 *
 * Contexts of one kernel share a virtual CPU, but a fault handler, the monitor
 * thread and a host that looks at memory don't, so the operations are really
 * atomic.
 */

#include <sys/param.h>
#include <sys/atomic.h>

#define	ATOMIC_ADD(name, type, delta)					\
void									\
atomic_add_##name(volatile type *p, delta d)				\
{									\
	(void)__atomic_add_fetch(p, (type)d, __ATOMIC_RELAXED);		\
}									\
type									\
atomic_add_##name##_nv(volatile type *p, delta d)			\
{									\
	return __atomic_add_fetch(p, (type)d, __ATOMIC_RELAXED);	\
}

#define	ATOMIC_LOGIC(name, type)					\
void									\
atomic_and_##name(volatile type *p, type v)				\
{									\
	(void)__atomic_and_fetch(p, v, __ATOMIC_RELAXED);		\
}									\
type									\
atomic_and_##name##_nv(volatile type *p, type v)			\
{									\
	return __atomic_and_fetch(p, v, __ATOMIC_RELAXED);		\
}									\
void									\
atomic_or_##name(volatile type *p, type v)				\
{									\
	(void)__atomic_or_fetch(p, v, __ATOMIC_RELAXED);		\
}									\
type									\
atomic_or_##name##_nv(volatile type *p, type v)				\
{									\
	return __atomic_or_fetch(p, v, __ATOMIC_RELAXED);		\
}

#define	ATOMIC_CAS(name, suffix, type)					\
type									\
atomic_cas_##name##suffix(volatile type *p, type old, type new)		\
{									\
	(void)__atomic_compare_exchange_n(p, &old, new, false,		\
	    __ATOMIC_RELAXED, __ATOMIC_RELAXED);			\
	return old;							\
}

#define	ATOMIC_STEP(name, type)						\
void									\
atomic_inc_##name(volatile type *p)					\
{									\
	(void)__atomic_add_fetch(p, 1, __ATOMIC_RELAXED);		\
}									\
type									\
atomic_inc_##name##_nv(volatile type *p)				\
{									\
	return __atomic_add_fetch(p, 1, __ATOMIC_RELAXED);		\
}									\
void									\
atomic_dec_##name(volatile type *p)					\
{									\
	(void)__atomic_sub_fetch(p, 1, __ATOMIC_RELAXED);		\
}									\
type									\
atomic_dec_##name##_nv(volatile type *p)				\
{									\
	return __atomic_sub_fetch(p, 1, __ATOMIC_RELAXED);		\
}									\
type									\
atomic_swap_##name(volatile type *p, type v)				\
{									\
	return __atomic_exchange_n(p, v, __ATOMIC_RELAXED);		\
}									\
ATOMIC_CAS(name, , type)						\
ATOMIC_CAS(name, _ni, type)

ATOMIC_ADD(32, uint32_t, int32_t)
ATOMIC_ADD(64, uint64_t, int64_t)
ATOMIC_ADD(int, unsigned int, int)
ATOMIC_ADD(long, unsigned long, long)
ATOMIC_LOGIC(32, uint32_t)
ATOMIC_LOGIC(64, uint64_t)
ATOMIC_LOGIC(uint, unsigned int)
ATOMIC_LOGIC(ulong, unsigned long)
ATOMIC_STEP(32, uint32_t)
ATOMIC_STEP(64, uint64_t)
ATOMIC_STEP(uint, unsigned int)
ATOMIC_STEP(ulong, unsigned long)

/* The same for pointers, which are counted in bytes. */
typedef volatile uintptr_t __attribute__((__may_alias__)) word_t;

void
atomic_add_ptr(volatile void *p, ssize_t d)
{
	(void)__atomic_add_fetch((word_t *)p, (uintptr_t)d, __ATOMIC_RELAXED);
}

void *
atomic_add_ptr_nv(volatile void *p, ssize_t d)
{
	return (void *)__atomic_add_fetch((word_t *)p, (uintptr_t)d,
	    __ATOMIC_RELAXED);
}

void
atomic_inc_ptr(volatile void *p)
{
	atomic_add_ptr(p, 1);
}

void *
atomic_inc_ptr_nv(volatile void *p)
{
	return atomic_add_ptr_nv(p, 1);
}

void
atomic_dec_ptr(volatile void *p)
{
	atomic_add_ptr(p, -1);
}

void *
atomic_dec_ptr_nv(volatile void *p)
{
	return atomic_add_ptr_nv(p, -1);
}

void *
atomic_swap_ptr(volatile void *p, void *v)
{
	return (void *)__atomic_exchange_n((word_t *)p, (uintptr_t)v,
	    __ATOMIC_RELAXED);
}

void *
atomic_cas_ptr(volatile void *p, void *old, void *new)
{
	uintptr_t expected = (uintptr_t)old;

	(void)__atomic_compare_exchange_n((word_t *)p, &expected,
	    (uintptr_t)new, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return (void *)expected;
}

void *
atomic_cas_ptr_ni(volatile void *p, void *old, void *new)
{
	return atomic_cas_ptr(p, old, new);
}

void
membar_acquire(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

void
membar_release(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void
membar_producer(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void
membar_consumer(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

void
membar_enter(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
membar_exit(void)
{
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

void
membar_sync(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
membar_datadep_consumer(void)
{
	__atomic_signal_fence(__ATOMIC_ACQUIRE);
}
