/*
 * Moments on the command line.
 */
#include "cmd/options/moment.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "cmd/options/argument.h"
#include "event/clock.h"

/* count digits at *text, which is moved past them. */
static bool take_number(const char **text, int count, int min, int max, int *out)
{
	const char *p = *text;
	int value = 0;

	for (int i = 0; i < count; i++, p++) {
		if (*p < '0' || *p > '9')
			return false;
		value = value * 10 + (*p - '0');
	}
	if (value < min || value > max)
		return false;
	*text = p;
	*out = value;
	return true;
}

static bool take(const char **text, char c)
{
	if (**text != c)
		return false;
	++*text;
	return true;
}

static bool take_date(const char **text, struct tm *tm)
{
	const char *p = *text;
	int year, month;

	if (!take_number(&p, 4, 1970, 9999, &year) || !take(&p, '-') ||
	    !take_number(&p, 2, 1, 12, &month) || !take(&p, '-') ||
	    !take_number(&p, 2, 1, 31, &tm->tm_mday))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	*text = p;
	return true;
}

/* 03:10, 03:10:05, 03:10:05.25 */
static bool take_clock(const char **text, struct tm *tm, int64_t *fraction_ns)
{
	const char *p = *text;

	*fraction_ns = 0;
	if (!take_number(&p, 2, 0, 23, &tm->tm_hour) || !take(&p, ':') ||
	    !take_number(&p, 2, 0, 59, &tm->tm_min))
		return false;
	if (take(&p, ':')) {
		if (!take_number(&p, 2, 0, 60, &tm->tm_sec))
			return false;
		if (take(&p, '.')) {
			int64_t unit_ns = NS_PER_SEC / 10;

			if (*p < '0' || *p > '9')
				return false;
			for (; *p >= '0' && *p <= '9'; p++, unit_ns /= 10)
				*fraction_ns += (*p - '0') * unit_ns;
		}
	}
	*text = p;
	return true;
}

/* Z, +01:00; *known is false where there is none. */
static bool take_zone(const char **text, bool *known, int64_t *offset_ns)
{
	int hours, minutes, sign;

	*known = true;
	*offset_ns = 0;
	if (take(text, 'Z') || take(text, 'z'))
		return true;
	if (**text != '+' && **text != '-') {
		*known = false;
		return true;
	}
	sign = *(*text)++ == '-' ? -1 : 1;
	if (!take_number(text, 2, 0, 23, &hours) || !take(text, ':') ||
	    !take_number(text, 2, 0, 59, &minutes))
		return false;
	*offset_ns = sign * (hours * 60 + minutes) * 60 * NS_PER_SEC;
	return true;
}

static bool to_ns(struct tm *tm, bool utc, int64_t *out_ns)
{
	struct tm wanted = *tm;
	time_t seconds;

	tm->tm_isdst = -1;
	seconds = utc ? timegm(tm) : mktime(tm);
	/* The 31st of February becomes a day in March: that is no date. */
	if (seconds == (time_t)-1 || tm->tm_mday != wanted.tm_mday)
		return false;
	*out_ns = (int64_t)seconds * NS_PER_SEC;
	return true;
}

/* The last time of day like that at or before end_ns. */
static bool last_clock(struct tm *clock, int64_t fraction_ns, int64_t end_ns, bool utc,
		       int64_t *out_ns)
{
	time_t end = (time_t)(end_ns / NS_PER_SEC);
	struct tm day;

	for (int back = 0; back < 2; back++) {
		if (!(utc ? gmtime_r(&end, &day) : localtime_r(&end, &day)))
			return false;
		/* A day before, in the calendar: the clocks may have been changed in between. */
		day.tm_mday -= back;
		day.tm_hour = clock->tm_hour;
		day.tm_min = clock->tm_min;
		day.tm_sec = clock->tm_sec;
		day.tm_isdst = -1;
		*out_ns = (int64_t)(utc ? timegm(&day) : mktime(&day)) * NS_PER_SEC + fraction_ns;
		if (*out_ns <= end_ns)
			return true;
	}
	return true;
}

int moment_parse(const char *text, int64_t end_ns, bool utc, int64_t *out_ns)
{
	struct tm tm = {0};
	int64_t fraction_ns = 0, offset_ns = 0;
	bool zone = false;

	if (take(&text, '-')) {
		if (argument_duration(text, out_ns) < 0)
			return -EINVAL;
		*out_ns = end_ns - *out_ns;
		return 0;
	}
	if (!take_date(&text, &tm)) {
		if (!take_clock(&text, &tm, &fraction_ns) || *text)
			return -EINVAL;
		return last_clock(&tm, fraction_ns, end_ns, utc, out_ns) ? 0 : -EINVAL;
	}
	if (*text && ((!take(&text, 'T') && !take(&text, 't') && !take(&text, ' ')) ||
		      !take_clock(&text, &tm, &fraction_ns) ||
		      !take_zone(&text, &zone, &offset_ns) || *text))
		return -EINVAL;
	if (!to_ns(&tm, utc || zone, out_ns))
		return -EINVAL;
	*out_ns += fraction_ns - offset_ns;
	return 0;
}
