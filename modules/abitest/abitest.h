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

/* Every test: int test_NAME(void). */
#define	ABI_TESTS(T)							\
	T(disk) T(label) T(bounds) T(pty) T(hook) T(lock_none)		\
	T(clocks) T(timers) T(ppsratecheck) T(signals) T(processes)	\
	T(limits) T(levels) T(mtsleep) T(nothings) T(hooks) T(counter)	\
	T(random) T(syscalls) T(devices)

#define	ABI_DECLARE(name) int test_##name(void);
ABI_TESTS(ABI_DECLARE)

#endif /* !_ABITEST_H_ */
