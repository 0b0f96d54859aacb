/* SPDX-License-Identifier: BSD-2-Clause */

/* Dates and seconds since 1970. */
#ifndef _DEV_CLOCK_SUBR_H_
#define	_DEV_CLOCK_SUBR_H_

#include <sys/types.h>

struct clock_ymdhms {
	uint64_t dt_year;
	uint8_t	dt_mon;		/* 1 to 12 */
	uint8_t	dt_day;		/* 1 to 31 */
	uint8_t	dt_wday;	/* 0 is Sunday */
	uint8_t	dt_hour;
	uint8_t	dt_min;
	uint8_t	dt_sec;
};

time_t	clock_ymdhms_to_secs(struct clock_ymdhms *);
int	clock_secs_to_ymdhms(time_t, struct clock_ymdhms *);

#define	SECS_PER_MINUTE	60
#define	SECS_PER_HOUR	3600
#define	SECS_PER_DAY	86400
#define	DAYS_PER_COMMON_YEAR	365
#define	DAYS_PER_LEAP_YEAR	366
#define	POSIX_BASE_YEAR	1970

static inline int
is_leap_year(uint64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static inline uint64_t
days_per_year(uint64_t year)
{
	return is_leap_year(year) ? DAYS_PER_LEAP_YEAR : DAYS_PER_COMMON_YEAR;
}

#endif /* !_DEV_CLOCK_SUBR_H_ */
