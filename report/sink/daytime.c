/*
 * Times of day. The zone is asked for once a report, here; everything else is
 * arithmetic, so that a report does not depend on the clocks of summer and winter.
 */
#include "report/sink/daytime.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "event/clock.h"

/* Rounded towards the past: times before 1970 have their seconds too. */
static int64_t seconds_of(int64_t time_ns, int64_t *rest_ns)
{
	int64_t seconds = time_ns / NS_PER_SEC, rest = time_ns % NS_PER_SEC;

	if (rest < 0) {
		rest += NS_PER_SEC;
		seconds--;
	}
	if (rest_ns)
		*rest_ns = rest;
	return seconds;
}

int32_t daytime_offset_s(int64_t time_ns, bool utc)
{
	time_t seconds = (time_t)seconds_of(time_ns, NULL);
	struct tm when;

	if (utc || time_ns == TIME_UNKNOWN || !localtime_r(&seconds, &when))
		return 0;
	return (int32_t)when.tm_gmtoff;
}

const char *daytime_date(int64_t time_ns, int32_t offset_s, char out[DAYTIME_TEXT_SIZE])
{
	time_t seconds = (time_t)(seconds_of(time_ns, NULL) + offset_s);
	struct tm when;

	if (time_ns == TIME_UNKNOWN || !gmtime_r(&seconds, &when) ||
	    !strftime(out, DAYTIME_TEXT_SIZE, "%F %T", &when))
		strcpy(out, "-");
	return out;
}

const char *daytime_clock(int64_t time_ns, int32_t offset_s, unsigned decimals,
			  char out[DAYTIME_TEXT_SIZE])
{
	int64_t rest, seconds = seconds_of(time_ns, &rest) + offset_s;
	int day = (int)(((seconds % 86400) + 86400) % 86400), length;

	if (time_ns == TIME_UNKNOWN)
		return strcpy(out, "-");
	length = snprintf(out, DAYTIME_TEXT_SIZE, "%02d:%02d:%02d.%09d", day / 3600, day / 60 % 60,
			  day % 60, (int)rest);
	if (decimals < 9)
		length -= 9 - (int)decimals + (decimals == 0);
	out[length] = '\0';
	return out;
}

const char *daytime_zone(int32_t offset_s, char out[DAYTIME_TEXT_SIZE])
{
	int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;

	if (!offset_s)
		return strcpy(out, "UTC");
	snprintf(out, DAYTIME_TEXT_SIZE, "UTC%c%02d:%02d", offset_s < 0 ? '-' : '+', minutes / 60,
		 minutes % 60);
	return out;
}
