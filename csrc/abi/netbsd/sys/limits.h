/* SPDX-License-Identifier: BSD-2-Clause */

/* Ranges of the C types (LP64). */
#ifndef _SYS_LIMITS_H_
#define	_SYS_LIMITS_H_

#define	CHAR_BIT	8
#define	NBBY		8
#define	SCHAR_MIN	(-0x7f - 1)
#define	SCHAR_MAX	0x7f
#define	UCHAR_MAX	0xff
#define	CHAR_MIN	SCHAR_MIN
#define	CHAR_MAX	SCHAR_MAX
#define	SHRT_MIN	(-0x7fff - 1)
#define	SHRT_MAX	0x7fff
#define	USHRT_MAX	0xffff
#define	INT_MIN		(-0x7fffffff - 1)
#define	INT_MAX		0x7fffffff
#define	UINT_MAX	0xffffffffU
#define	LONG_MIN	(-0x7fffffffffffffffL - 1)
#define	LONG_MAX	0x7fffffffffffffffL
#define	ULONG_MAX	0xffffffffffffffffUL
#define	LLONG_MIN	(-0x7fffffffffffffffLL - 1)
#define	LLONG_MAX	0x7fffffffffffffffLL
#define	ULLONG_MAX	0xffffffffffffffffULL
#define	QUAD_MIN	LONG_MIN
#define	QUAD_MAX	LONG_MAX
#define	UQUAD_MAX	ULONG_MAX
#define	LONG_BIT	64
#define	WORD_BIT	32

#endif /* !_SYS_LIMITS_H_ */
