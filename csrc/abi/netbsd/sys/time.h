/* SPDX-License-Identifier: BSD-2-Clause */

/* Times, and the kernel's clocks. */
#ifndef _SYS_TIME_H_
#define	_SYS_TIME_H_

#include <abi/versions.h>
#include <sys/types.h>

struct timeval {
	time_t	tv_sec;
	suseconds_t tv_usec;
};

struct timespec {
	time_t	tv_sec;
	long	tv_nsec;
};

struct bintime {
	time_t	sec;
	uint64_t frac;
};

struct timezone {
	int	tz_minuteswest;
	int	tz_dsttime;
};

struct itimerval {
	struct	timeval it_interval;
	struct	timeval it_value;
};

struct itimerspec {
	struct	timespec it_interval;
	struct	timespec it_value;
};

struct clockinfo {
	int	hz;
	int	tick;
	int	tickadj;
	int	stathz;
	int	profhz;
};

#define	ITIMER_REAL	0
#define	ITIMER_VIRTUAL	1
#define	ITIMER_PROF	2
#define	ITIMER_MONOTONIC 3

#define	CLOCK_REALTIME	0
#define	CLOCK_VIRTUAL	1
#define	CLOCK_PROF	2
#define	CLOCK_MONOTONIC	3
#define	CLOCK_THREAD_CPUTIME_ID	0x20000000
#define	CLOCK_PROCESS_CPUTIME_ID 0x40000000
#define	TIMER_RELTIME	0
#define	TIMER_ABSTIME	1

#define	TIMEVAL_TO_TIMESPEC(tv, ts) do {				\
	(ts)->tv_sec = (tv)->tv_sec;					\
	(ts)->tv_nsec = (tv)->tv_usec * 1000;				\
} while (0)
#define	TIMESPEC_TO_TIMEVAL(tv, ts) do {				\
	(tv)->tv_sec = (ts)->tv_sec;					\
	(tv)->tv_usec = (suseconds_t)((ts)->tv_nsec / 1000);		\
} while (0)

#define	timerclear(t)	((t)->tv_sec = 0, (t)->tv_usec = 0)
#define	timerisset(t)	((t)->tv_sec != 0 || (t)->tv_usec != 0)
#define	timercmp(a, b, op)						\
	((a)->tv_sec == (b)->tv_sec ?					\
	    (a)->tv_usec op (b)->tv_usec : (a)->tv_sec op (b)->tv_sec)
#define	timeradd(a, b, r) do {						\
	(r)->tv_sec = (a)->tv_sec + (b)->tv_sec;			\
	(r)->tv_usec = (a)->tv_usec + (b)->tv_usec;			\
	if ((r)->tv_usec >= 1000000) {					\
		(r)->tv_sec++;						\
		(r)->tv_usec -= 1000000;				\
	}								\
} while (0)
#define	timersub(a, b, r) do {						\
	(r)->tv_sec = (a)->tv_sec - (b)->tv_sec;			\
	(r)->tv_usec = (a)->tv_usec - (b)->tv_usec;			\
	if ((r)->tv_usec < 0) {						\
		(r)->tv_sec--;						\
		(r)->tv_usec += 1000000;				\
	}								\
} while (0)
#define	timespecclear(t) ((t)->tv_sec = 0, (t)->tv_nsec = 0)
#define	timespecisset(t) ((t)->tv_sec != 0 || (t)->tv_nsec != 0)
#define	timespeccmp(a, b, op)						\
	((a)->tv_sec == (b)->tv_sec ?					\
	    (a)->tv_nsec op (b)->tv_nsec : (a)->tv_sec op (b)->tv_sec)
#define	timespecadd(a, b, r) do {					\
	(r)->tv_sec = (a)->tv_sec + (b)->tv_sec;			\
	(r)->tv_nsec = (a)->tv_nsec + (b)->tv_nsec;			\
	if ((r)->tv_nsec >= 1000000000L) {				\
		(r)->tv_sec++;						\
		(r)->tv_nsec -= 1000000000L;				\
	}								\
} while (0)
#define	timespecsub(a, b, r) do {					\
	(r)->tv_sec = (a)->tv_sec - (b)->tv_sec;			\
	(r)->tv_nsec = (a)->tv_nsec - (b)->tv_nsec;			\
	if ((r)->tv_nsec < 0) {						\
		(r)->tv_sec--;						\
		(r)->tv_nsec += 1000000000L;				\
	}								\
} while (0)

/* 2^64 / 10^9 and / 10^6: one (micro, nano)second as a binary fraction. */
#define	BINTIME_SCALE_MS	18446744073709551UL
#define	BINTIME_SCALE_US	18446744073709UL
#define	BINTIME_SCALE_NS	18446744073UL

static inline void
bintime_addx(struct bintime *bt, uint64_t x)
{
	uint64_t old = bt->frac;

	bt->frac += x;
	if (old > bt->frac)
		bt->sec++;
}

static inline void
bintime_add(struct bintime *bt, const struct bintime *bt2)
{
	bintime_addx(bt, bt2->frac);
	bt->sec += bt2->sec;
}

static inline void
bintime_sub(struct bintime *bt, const struct bintime *bt2)
{
	uint64_t old = bt->frac;

	bt->frac -= bt2->frac;
	if (old < bt->frac)
		bt->sec--;
	bt->sec -= bt2->sec;
}

static inline void
bintime2timespec(const struct bintime *bt, struct timespec *ts)
{
	ts->tv_sec = bt->sec;
	ts->tv_nsec = (long)(((bt->frac >> 32) * 1000000000UL) >> 32);
}

static inline void
timespec2bintime(const struct timespec *ts, struct bintime *bt)
{
	bt->sec = ts->tv_sec;
	bt->frac = (uint64_t)ts->tv_nsec * BINTIME_SCALE_NS;
}

static inline void
bintime2timeval(const struct bintime *bt, struct timeval *tv)
{
	tv->tv_sec = bt->sec;
	tv->tv_usec = (suseconds_t)(((bt->frac >> 32) * 1000000UL) >> 32);
}

#ifdef _KERNEL
extern volatile time_t time_second;
extern volatile time_t time_uptime;

void	binuptime(struct bintime *);
void	nanouptime(struct timespec *);
void	microuptime(struct timeval *);
void	bintime(struct bintime *);
void	nanotime(struct timespec *);
void	microtime(struct timeval *);
void	getbinuptime(struct bintime *);
void	getnanouptime(struct timespec *);
void	getmicrouptime(struct timeval *);
void	getbintime(struct bintime *);
void	getnanotime(struct timespec *);
void	getmicrotime(struct timeval *);
void	getbinboottime(struct bintime *);
void	getnanoboottime(struct timespec *);
void	getmicroboottime(struct timeval *);
int	itimerfix(struct timeval *);
int	itimespecfix(struct timespec *);
int	tvtohz(const struct timeval *);
int	tstohz(const struct timespec *);
int	ratecheck(struct timeval *, const struct timeval *);
int	ppsratecheck(struct timeval *, int *, int);
void	tc_setclock(const struct timespec *);
#endif /* _KERNEL */

#endif /* !_SYS_TIME_H_ */
