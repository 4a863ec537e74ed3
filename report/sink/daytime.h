/*
 * Interface for times of day, as people read them in their logs: a point in
 * time in the local time zone, or in UTC.
 */
#ifndef REPORT_SINK_DAYTIME_H
#define REPORT_SINK_DAYTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAYTIME_TEXT_SIZE 40

/*
 * How far the local time zone (TZ, /etc/localtime) is ahead of UTC at time_ns, in
 * seconds; 0 for utc, and where it is not known. A report keeps the offset of its
 * start: its times stay comparable when the clocks change meanwhile.
 */
int32_t daytime_offset_s(int64_t time_ns, bool utc);

/* "2023-11-14 23:13:20": time_ns at this offset. Returns out; "-" when it has no date. */
const char *daytime_date(int64_t time_ns, int32_t offset_s, char out[DAYTIME_TEXT_SIZE]);

/* "23:13:20.341": the time of day alone, with 0 to 9 decimals, cut, not rounded. Returns out. */
const char *daytime_clock(int64_t time_ns, int32_t offset_s, unsigned decimals,
			  char out[DAYTIME_TEXT_SIZE]);

/* The zone of the offset: "UTC" for 0, else "UTC+01:00". Returns out. */
const char *daytime_zone(int32_t offset_s, char out[DAYTIME_TEXT_SIZE]);

#endif
