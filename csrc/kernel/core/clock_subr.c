/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Dates and seconds since 1970, for file systems that keep dates.
 *
 * Days are counted in years that begin on 1 March, so that the leap day is a
 * year's last: then a month's first day is a linear function of its number.
 */

#include <sys/param.h>
#include <sys/systm.h>

#include <dev/clock_subr.h>

/* Days from 1 March of year 0 to 1 January 1970. */
#define	EPOCH_DAYS	719468
#define	DAYS_400_YEARS	146097

/* Days from 1 March to the first of a month, 0 being March. */
static int64_t
month_start(int64_t m)
{
	return (153 * m + 2) / 5;
}

time_t
clock_ymdhms_to_secs(struct clock_ymdhms *dt)
{
	int64_t year = (int64_t)dt->dt_year, m = dt->dt_mon, days;

	if (year < POSIX_BASE_YEAR || year > 1000000000)
		return -1;
	if (m < 3) {
		m += 12;
		year--;
	}
	days = year * 365 + year / 4 - year / 100 + year / 400 +
	    month_start(m - 3) + dt->dt_day - 1 - EPOCH_DAYS;
	return ((days * 24 + dt->dt_hour) * 60 + dt->dt_min) * 60 + dt->dt_sec;
}

int
clock_secs_to_ymdhms(time_t secs, struct clock_ymdhms *dt)
{
	int64_t days, rest, era, doe, yoe, doy, m;

	if (secs < 0)
		return EINVAL;
	days = secs / SECS_PER_DAY;
	rest = secs % SECS_PER_DAY;
	dt->dt_wday = (uint8_t)((days + 4) % 7);
	dt->dt_hour = (uint8_t)(rest / SECS_PER_HOUR);
	dt->dt_min = (uint8_t)(rest / 60 % 60);
	dt->dt_sec = (uint8_t)(rest % 60);

	days += EPOCH_DAYS;
	era = days / DAYS_400_YEARS;
	doe = days % DAYS_400_YEARS;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	m = (5 * doy + 2) / 153;
	dt->dt_day = (uint8_t)(doy - month_start(m) + 1);
	dt->dt_mon = (uint8_t)(m < 10 ? m + 3 : m - 9);
	dt->dt_year = (uint64_t)(yoe + era * 400 + (m >= 10));
	return 0;
}
