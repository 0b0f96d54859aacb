/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time.  The host stores time_second and its like, and the shared page's
 * sh_wall and sh_mono, at hz while the kernel is in use; the get* functions
 * read those.  The others ask the host's clock.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/proc.h>
#include <sys/time.h>
#include <sys/timevar.h>

#include <rumpy/hyp.h>

#include "lwp_impl.h"

#define	NS_PER_SEC	1000000000L

volatile time_t time_second = 1;
volatile time_t time_uptime = 1;
int hz = 100;
int tick = 10000;			/* microseconds */
int tickadj = 40;
int stathz;
int profhz = 100;
bool rootclock_set;

static int64_t boottime;		/* ns since 1970 */

void
ltime_init(struct door_boot *boot)
{

	hz = boot->hz;
	profhz = hz;
	tick = 1000000 / hz;
	boot->time_second = __UNVOLATILE(&time_second);
	boot->time_uptime = __UNVOLATILE(&time_uptime);
	ltime_refresh();
	boottime = hyp_shared->sh_wall - hyp_shared->sh_mono;
	rootclock_set = true;
}

/* Nanoseconds since boot, exactly. */
int64_t
ltime_mono(void)
{

	return hyp_clock_read(HYP_CLOCK_MONOTONIC);
}

/*
 * The idle thread comes back from a pause in which the monitor may have slept
 * as well.
 */
void
ltime_refresh(void)
{
	int64_t wall = hyp_clock_read(HYP_CLOCK_REALTIME);
	int64_t mono = hyp_clock_read(HYP_CLOCK_MONOTONIC);

	hyp_shared->sh_wall = wall;
	hyp_shared->sh_mono = mono;
	time_second = wall / NS_PER_SEC;
	time_uptime = mono / NS_PER_SEC + 1;
}

static void
ns_to_timespec(int64_t ns, struct timespec *ts)
{

	ts->tv_sec = ns / NS_PER_SEC;
	ts->tv_nsec = ns % NS_PER_SEC;
}

static void
ns_to_timeval(int64_t ns, struct timeval *tv)
{

	tv->tv_sec = ns / NS_PER_SEC;
	tv->tv_usec = (suseconds_t)(ns % NS_PER_SEC / 1000);
}

static void
ns_to_bintime(int64_t ns, struct bintime *bt)
{
	struct timespec ts;

	ns_to_timespec(ns, &ts);
	timespec2bintime(&ts, bt);
}

/* One set of functions for each clock: name, and the value in nanoseconds. */
#define	CLOCK_FUNCTIONS(prefix, suffix, value)				\
void									\
prefix##nano##suffix(struct timespec *ts)				\
{									\
									\
	ns_to_timespec(value, ts);					\
}									\
void									\
prefix##micro##suffix(struct timeval *tv)				\
{									\
									\
	ns_to_timeval(value, tv);					\
}									\
void									\
prefix##bin##suffix(struct bintime *bt)					\
{									\
									\
	ns_to_bintime(value, bt);					\
}

CLOCK_FUNCTIONS(, time, hyp_clock_read(HYP_CLOCK_REALTIME))
CLOCK_FUNCTIONS(, uptime, hyp_clock_read(HYP_CLOCK_MONOTONIC))
CLOCK_FUNCTIONS(get, time, hyp_shared->sh_wall)
CLOCK_FUNCTIONS(get, uptime, hyp_shared->sh_mono)
CLOCK_FUNCTIONS(get, boottime, boottime)

int
getticks(void)
{

	return (int)(hyp_shared->sh_mono / (1000L * tick));
}

/* Wait without giving up the CPU. */
void
delay(unsigned int us)
{
	int64_t end = ltime_mono() + 1000L * us;

	while (ltime_mono() < end)
		continue;
}

/* The clock is the host's: a file system's idea of the time changes nothing. */
void
setrootfstime(time_t t)
{

	(void)t;
}

/* --- conversions ---------------------------------------------------------- */

/* Ticks that last at least that long, and one for the current one. */
int
tstohz(const struct timespec *ts)
{
	int64_t ticks;

	if (ts->tv_sec < 0 || (ts->tv_sec == 0 && ts->tv_nsec <= 0))
		return 0;
	if (ts->tv_sec >= INT_MAX / hz - 1)
		return INT_MAX;
	ticks = ts->tv_sec * hz +
	    (ts->tv_nsec + 1000L * tick - 1) / (1000L * tick) + 1;
	return ticks > INT_MAX ? INT_MAX : (int)ticks;
}

int
tvtohz(const struct timeval *tv)
{
	struct timespec ts;

	TIMEVAL_TO_TIMESPEC(tv, &ts);
	return tstohz(&ts);
}

int
itimerfix(struct timeval *tv)
{

	if (tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return EINVAL;
	if (tv->tv_sec < 0)
		return ETIMEDOUT;
	if (tv->tv_sec == 0 && tv->tv_usec != 0 && tv->tv_usec < tick)
		tv->tv_usec = tick;
	return 0;
}

int
itimespecfix(struct timespec *ts)
{

	if (ts->tv_nsec < 0 || ts->tv_nsec >= NS_PER_SEC)
		return EINVAL;
	if (ts->tv_sec < 0)
		return ETIMEDOUT;
	if (ts->tv_sec == 0 && ts->tv_nsec != 0 && ts->tv_nsec < tick * 1000L)
		ts->tv_nsec = tick * 1000L;
	return 0;
}

/* --- rates ---------------------------------------------------------------- */

/* True, and *LAST is now, if MIN has passed since *LAST. */
int
ratecheck(struct timeval *last, const struct timeval *min)
{
	struct timeval now, delta;

	getmicrouptime(&now);
	timersub(&now, last, &delta);
	if (timerisset(last) && timercmp(&delta, min, <))
		return 0;
	*last = now;
	return 1;
}

/* True if this is not more than the MAXPPS-th call within a second. */
int
ppsratecheck(struct timeval *last, int *count, int maxpps)
{
	struct timeval now, delta;

	getmicrouptime(&now);
	timersub(&now, last, &delta);
	if (!timerisset(last) || delta.tv_sec >= 1) {
		*last = now;
		*count = 0;
	}
	if (*count < INT_MAX)
		++*count;
	return maxpps < 0 || *count <= maxpps;
}
