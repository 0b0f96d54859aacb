/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What tests of the execution model drive inside a kernel: functions of the
 * form of a door, int exectest_NAME(struct exectest *), found by their symbol.
 */
#ifndef _EXECTEST_H_
#define	_EXECTEST_H_

#include <sys/types.h>

struct exectest {
	int64_t	a[6];		/* arguments */
	int64_t	r[6];		/* results */
};

#define	EXECTEST_SLOTS	16

/* exectest.c */
int	exectest_null(struct exectest *);
int	exectest_pause(struct exectest *);
int	exectest_wait(struct exectest *);
int	exectest_signal(struct exectest *);
int	exectest_count(struct exectest *);
int	exectest_locked(struct exectest *);
int	exectest_rwlock(struct exectest *);
int	exectest_pingpong(struct exectest *);
int	exectest_callouts(struct exectest *);
int	exectest_callout_halt(struct exectest *);
int	exectest_kthreads(struct exectest *);
int	exectest_submit(struct exectest *);
int	exectest_result(struct exectest *);
int	exectest_console(struct exectest *);
int	exectest_time(struct exectest *);
int	exectest_lend(struct exectest *);
int	exectest_init(void);
int	exectest_fini(void);

/* bench.c */
int	exectest_bench_switch(struct exectest *);
int	exectest_bench_lock(struct exectest *);
int	exectest_bench_hypercall(struct exectest *);
int	exectest_bench_atomic(struct exectest *);
int	exectest_bench_multiply(struct exectest *);

/* crash.c */
int	exectest_crash(struct exectest *);

#endif /* !_EXECTEST_H_ */
