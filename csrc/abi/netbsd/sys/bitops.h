/* SPDX-License-Identifier: BSD-2-Clause */

/* Finding bits. */
#ifndef _SYS_BITOPS_H_
#define	_SYS_BITOPS_H_

#include <sys/types.h>

static inline int
ffs32(uint32_t n)
{
	return __builtin_ffs((int)n);
}

static inline int
ffs64(uint64_t n)
{
	return __builtin_ffsl((long)n);
}

static inline int
fls32(uint32_t n)
{
	return n == 0 ? 0 : 32 - __builtin_clz(n);
}

static inline int
fls64(uint64_t n)
{
	return n == 0 ? 0 : 64 - __builtin_clzl(n);
}

/* The highest set bit's index; -1 for 0. */
#define	ilog2(n)	(fls64((uint64_t)(n)) - 1)

#endif /* !_SYS_BITOPS_H_ */
