/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Atomic operations, by the interface of atomic_ops(3): always calls, so
 * that a module built elsewhere and ours use the same entry points.
 */
#ifndef _SYS_ATOMIC_H_
#define	_SYS_ATOMIC_H_

#include <sys/types.h>

void	atomic_add_32(volatile uint32_t *, int32_t);
uint32_t	atomic_add_32_nv(volatile uint32_t *, int32_t);
void	atomic_add_64(volatile uint64_t *, int64_t);
uint64_t	atomic_add_64_nv(volatile uint64_t *, int64_t);
void	atomic_add_int(volatile unsigned int *, int);
unsigned int	atomic_add_int_nv(volatile unsigned int *, int);
void	atomic_add_long(volatile unsigned long *, long);
unsigned long	atomic_add_long_nv(volatile unsigned long *, long);
void	atomic_add_ptr(volatile void *, ssize_t);
void	*atomic_add_ptr_nv(volatile void *, ssize_t);
void	atomic_and_32(volatile uint32_t *, uint32_t);
uint32_t	atomic_and_32_nv(volatile uint32_t *, uint32_t);
void	atomic_or_32(volatile uint32_t *, uint32_t);
uint32_t	atomic_or_32_nv(volatile uint32_t *, uint32_t);
void	atomic_and_64(volatile uint64_t *, uint64_t);
uint64_t	atomic_and_64_nv(volatile uint64_t *, uint64_t);
void	atomic_or_64(volatile uint64_t *, uint64_t);
uint64_t	atomic_or_64_nv(volatile uint64_t *, uint64_t);
void	atomic_and_uint(volatile unsigned int *, unsigned int);
unsigned int	atomic_and_uint_nv(volatile unsigned int *, unsigned int);
void	atomic_or_uint(volatile unsigned int *, unsigned int);
unsigned int	atomic_or_uint_nv(volatile unsigned int *, unsigned int);
void	atomic_and_ulong(volatile unsigned long *, unsigned long);
unsigned long	atomic_and_ulong_nv(volatile unsigned long *, unsigned long);
void	atomic_or_ulong(volatile unsigned long *, unsigned long);
unsigned long	atomic_or_ulong_nv(volatile unsigned long *, unsigned long);
void	atomic_dec_32(volatile uint32_t *);
uint32_t	atomic_dec_32_nv(volatile uint32_t *);
void	atomic_inc_32(volatile uint32_t *);
uint32_t	atomic_inc_32_nv(volatile uint32_t *);
uint32_t	atomic_swap_32(volatile uint32_t *, uint32_t);
uint32_t	atomic_cas_32(volatile uint32_t *, uint32_t, uint32_t);
uint32_t	atomic_cas_32_ni(volatile uint32_t *, uint32_t, uint32_t);
void	atomic_dec_64(volatile uint64_t *);
uint64_t	atomic_dec_64_nv(volatile uint64_t *);
void	atomic_inc_64(volatile uint64_t *);
uint64_t	atomic_inc_64_nv(volatile uint64_t *);
uint64_t	atomic_swap_64(volatile uint64_t *, uint64_t);
uint64_t	atomic_cas_64(volatile uint64_t *, uint64_t, uint64_t);
uint64_t	atomic_cas_64_ni(volatile uint64_t *, uint64_t, uint64_t);
void	atomic_dec_uint(volatile unsigned int *);
unsigned int	atomic_dec_uint_nv(volatile unsigned int *);
void	atomic_inc_uint(volatile unsigned int *);
unsigned int	atomic_inc_uint_nv(volatile unsigned int *);
unsigned int	atomic_swap_uint(volatile unsigned int *, unsigned int);
unsigned int	atomic_cas_uint(volatile unsigned int *, unsigned int,
	    unsigned int);
unsigned int	atomic_cas_uint_ni(volatile unsigned int *, unsigned int,
	    unsigned int);
void	atomic_dec_ulong(volatile unsigned long *);
unsigned long	atomic_dec_ulong_nv(volatile unsigned long *);
void	atomic_inc_ulong(volatile unsigned long *);
unsigned long	atomic_inc_ulong_nv(volatile unsigned long *);
unsigned long	atomic_swap_ulong(volatile unsigned long *, unsigned long);
unsigned long	atomic_cas_ulong(volatile unsigned long *, unsigned long,
	    unsigned long);
unsigned long	atomic_cas_ulong_ni(volatile unsigned long *, unsigned long,
	    unsigned long);
void	atomic_dec_ptr(volatile void *);
void	*atomic_dec_ptr_nv(volatile void *);
void	atomic_inc_ptr(volatile void *);
void	*atomic_inc_ptr_nv(volatile void *);
void	*atomic_swap_ptr(volatile void *, void *);
void	*atomic_cas_ptr(volatile void *, void *, void *);
void	*atomic_cas_ptr_ni(volatile void *, void *, void *);

void	membar_acquire(void);
void	membar_release(void);
void	membar_producer(void);
void	membar_consumer(void);
void	membar_enter(void);
void	membar_exit(void);
void	membar_sync(void);
void	membar_datadep_consumer(void);

/* Plain loads and stores that the compiler must neither tear nor repeat. */
#define	atomic_load_relaxed(p)	(*(const volatile __typeof__(*(p)) *)(p))
#define	atomic_store_relaxed(p, v) \
	((void)(*(volatile __typeof__(*(p)) *)(p) = (v)))
#define	atomic_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define	atomic_load_consume(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
#define	atomic_store_release(p, v) \
	__atomic_store_n((p), (v), __ATOMIC_RELEASE)

#endif /* !_SYS_ATOMIC_H_ */
