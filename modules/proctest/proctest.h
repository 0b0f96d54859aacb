/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What procfs and modules that map memory are promised, tested when the module
 * is initialised.
 */
#ifndef _PROCTEST_H_
#define	_PROCTEST_H_

#include <sys/param.h>
#include <sys/systm.h>

/* A test answers 0, or the line that failed. */
#define	CHECK(e) do {							\
	if (!(e)) {							\
		printf("proctest: %s:%d: %s\n", __FILE__, __LINE__, #e); \
		return __LINE__;					\
	}								\
} while (0)

int	test_map(void);
int	test_map_object(void);
int	test_processes(void);
int	test_process_info(void);
int	test_process_refuses(void);
int	test_exithook(void);
int	test_cpu(void);
int	test_sync(void);
int	test_autoconf(void);

#endif /* !_PROCTEST_H_ */
