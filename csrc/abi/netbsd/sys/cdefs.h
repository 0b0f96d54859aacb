/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Compiler glue: the attribute and assertion macros that NetBSD kernel
 * code expects to find under these names.
 */
#ifndef _SYS_CDEFS_H_
#define	_SYS_CDEFS_H_

#define	__BEGIN_DECLS
#define	__END_DECLS

#define	__CONCAT_(a, b)		a ## b
#define	__CONCAT(a, b)		__CONCAT_(a, b)
#define	___CONCAT(a, b)		__CONCAT_(a, b)
#define	__STRING_(a)		#a
#define	__STRING(a)		#a
#define	___STRING(a)		__STRING(a)

#define	__P(protos)		protos
#define	__RCSID(s)
#define	__KERNEL_RCSID(n, s)
#define	__COPYRIGHT(s)

#define	__dead			__attribute__((__noreturn__))
#define	__pure			__attribute__((__pure__))
#define	__constfunc		__attribute__((__const__))
#define	__noinline		__attribute__((__noinline__))
#define	__always_inline		__attribute__((__always_inline__))
#define	__unused		__attribute__((__unused__))
#define	__used			__attribute__((__used__))
#define	__diagused		__unused
#define	__debugused		__unused
#define	__packed		__attribute__((__packed__))
#define	__aligned(x)		__attribute__((__aligned__(x)))
#define	__section(x)		__attribute__((__section__(x)))
#define	__weak			__attribute__((__weak__))
#define	__cold			__attribute__((__cold__))
#define	__hot			__attribute__((__hot__))
#define	__nonnull(x)		__attribute__((__nonnull__ x))
#define	__returns_twice		__attribute__((__returns_twice__))
#define	__printflike(f, a)	__attribute__((__format__(__printf__, f, a)))
#define	__format_arg(f)		__attribute__((__format_arg__(f)))
#define	__alloc_size(...)	__attribute__((__alloc_size__(__VA_ARGS__)))
#define	__malloc_like		__attribute__((__malloc__))
#define	__read_mostly		__section(".data.read_mostly")
#define	__cacheline_aligned \
	__aligned(64) __section(".data.cacheline_aligned")
#define	__cacheline_unaligned
#define	__nosanitize
#define	__noasan
#define	__fallthrough		__attribute__((__fallthrough__))
#define	__FBSDID(s)
#define	__extern_always_inline	extern inline __always_inline \
				    __attribute__((__gnu_inline__))
#define	__strong_alias(a, b) \
	extern __typeof__(b) a __attribute__((__alias__(#b)));
#define	__weak_alias(a, b) \
	extern __typeof__(b) a __attribute__((__weak__, __alias__(#b)));

#define	__predict_true(e)	__builtin_expect((e) != 0, 1)
#define	__predict_false(e)	__builtin_expect((e) != 0, 0)
#define	__insn_barrier()	__asm volatile("" ::: "memory")
#define	__UNVOLATILE(a)		((void *)(unsigned long)(volatile void *)(a))
#define	__UNCONST(a)		((void *)(unsigned long)(const void *)(a))
#define	__USE(a)		((void)(a))
#define	__BIT(n)		((unsigned long)1 << (n))
#define	__BITS(hi, lo) \
	((~0UL >> (63 - (hi))) & (~0UL << (lo)))
#define	__LOWEST_SET_BIT(m)	((((m) - 1) & (m)) ^ (m))
#define	__SHIFTOUT(x, m)	(((x) & (m)) / __LOWEST_SET_BIT(m))
#define	__SHIFTIN(x, m)		((x) * __LOWEST_SET_BIT(m))
#define	__arraycount(a)		(sizeof(a) / sizeof((a)[0]))
#define	__offsetof(t, m)	__builtin_offsetof(t, m)
#define	offsetof(t, m)		__builtin_offsetof(t, m)
#define	__type_min_s(t)		((t)((1ULL << (sizeof(t) * 8 - 1))))
#define	__type_max_s(t)		((t)~((1ULL << (sizeof(t) * 8 - 1))))

#define	__static_assert(x)	_Static_assert(x, #x)
#define	CTASSERT(x)		_Static_assert(x, #x)
#define	__CTASSERT(x)		_Static_assert(x, #x)

/*
 * Link sets: every object adds a pointer to a section of a fixed name; the
 * kernel finds a module's entries by that section name.
 */
#define	__link_set_make_entry(set, sym, cv)				\
	static void cv * const __CONCAT(__link_set_##set##_sym_, sym)	\
	    __section("link_set_" #set) __used = (void cv *)&sym
#define	__link_set_add_text(set, sym)	__link_set_make_entry(set, sym, const)
#define	__link_set_add_rodata(set, sym)	__link_set_make_entry(set, sym, const)
#define	__link_set_add_data(set, sym)	__link_set_make_entry(set, sym, )
#define	__link_set_add_bss(set, sym)	__link_set_make_entry(set, sym, )

#endif /* !_SYS_CDEFS_H_ */
