/* SPDX-License-Identifier: BSD-2-Clause */

/* size_t, NULL and offsetof for freestanding code. */
#ifndef _STDDEF_H_
#define	_STDDEF_H_

#include <sys/cdefs.h>
#include <sys/null.h>

typedef __SIZE_TYPE__	size_t;
typedef __PTRDIFF_TYPE__ ptrdiff_t;

#endif /* !_STDDEF_H_ */
