/* SPDX-License-Identifier: BSD-2-Clause */

/* The types of malloc(9): names without effect since NetBSD 7. */
#ifndef _SYS_MALLOCVAR_H_
#define	_SYS_MALLOCVAR_H_

#define	MALLOC_JUSTDEFINE_LIMIT(t, s, l, m)
#define	MALLOC_JUSTDEFINE(t, s, l)
#define	MALLOC_DEFINE(t, s, l)
#define	MALLOC_DECLARE(t)

#endif /* !_SYS_MALLOCVAR_H_ */
