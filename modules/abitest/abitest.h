/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel promises to NetBSD's own modules and ours don't need, tested
 * when the module is initialised.
 */
#ifndef _ABITEST_H_
#define	_ABITEST_H_

#include <sys/param.h>
#include <sys/systm.h>

/* A test answers 0, or the line that failed. */
#define	CHECK(e) do {							\
	if (!(e)) {							\
		printf("abitest: %s:%d: %s\n", __FILE__, __LINE__, #e);	\
		return __LINE__;					\
	}								\
} while (0)

int	test_disk(void);
int	test_label(void);
int	test_bounds(void);
int	test_pty(void);
int	test_hook(void);
int	test_lock_none(void);

#endif /* !_ABITEST_H_ */
