/* SPDX-License-Identifier: BSD-2-Clause */
/* References that are counted for each CPU; here a number is enough. */
#ifndef _SYS_LOCALCOUNT_H_
#define	_SYS_LOCALCOUNT_H_

#include <sys/types.h>

struct percpu;

struct localcount {
	int64_t	*lc_totalp;
	struct percpu *lc_percpu;
	volatile uint32_t lc_refcnt;
};

#endif /* !_SYS_LOCALCOUNT_H_ */
