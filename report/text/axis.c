/*
 * Times on the page: offsets from the report's start, times of day beside them,
 * and axes with round ticks.
 */
#include "report/text/text.h"

#include <inttypes.h>
#include <string.h>

#include "report/sink/daytime.h"

/* A label, a time of day with its decimals, and a blank on both sides. */
#define TICK_COLUMNS 16

/* A burst is over within milliseconds: then they are what tells attempts apart. */
static bool is_fine(const struct report *report)
{
	return clock_since(report->end_ns, report->start_ns) < 2 * NS_PER_SEC;
}

const char *text_time(const struct text *text, int64_t time_ns, char out[TEXT_VALUE_SIZE])
{
	const struct report *report = text->report;
	int64_t ns = clock_since(time_ns, report->start_ns);
	bool fine;
	const char *sign = ns < 0 ? "-" : "";

	if (time_ns == TIME_UNKNOWN || report->start_ns == TIME_UNKNOWN)
		return strcpy(out, "-");
	if (ns < 0)
		ns = -ns;
	fine = is_fine(report);
	snprintf(out, TEXT_VALUE_SIZE, "%s%lld.%0*lld s", sign, ns / NS_PER_SEC, fine ? 6 : 3,
		 ns % NS_PER_SEC / (fine ? NS_PER_US : NS_PER_MS));
	return out;
}

const char *text_clock(const struct text *text, int64_t time_ns, unsigned decimals,
		       char out[TEXT_VALUE_SIZE])
{
	const struct report *report = text->report;
	char clock[DAYTIME_TEXT_SIZE], date[DAYTIME_TEXT_SIZE] = "";

	daytime_clock(time_ns, text->utc_offset_s, decimals, clock);
	if (report->start_ns != TIME_UNKNOWN &&
	    clock_since(report->end_ns, report->start_ns) >= 86400 * NS_PER_SEC)
		/* Of "2023-11-14 23:13:20" the month, the day and a blank. */
		snprintf(out, TEXT_VALUE_SIZE, "%.6s%s",
			 daytime_date(time_ns, text->utc_offset_s, date) + 5, clock);
	else
		snprintf(out, TEXT_VALUE_SIZE, "%s", clock);
	return out;
}

const char *text_when(const struct text *text, int64_t time_ns, char out[TEXT_VALUE_SIZE])
{
	char clock[TEXT_VALUE_SIZE];
	size_t length = strlen(text_time(text, time_ns, out));

	if (time_ns != TIME_UNKNOWN && text->report->start_ns != TIME_UNKNOWN)
		snprintf(out + length, TEXT_VALUE_SIZE - length, " (%s)",
			 text_clock(text, time_ns, is_fine(text->report) ? 6 : 3, clock));
	return out;
}

unsigned text_axis_column(const struct text_axis *axis, int64_t time_ns)
{
	int64_t since = clock_since(time_ns, axis->start_ns), length = axis->length_ns;
	unsigned column;

	if (since <= 0)
		return 0;
	if (since >= length)
		return axis->columns - 1;
	/* Of months the last bits do not matter; the product must fit. */
	while (length > INT64_MAX / TEXT_COLUMNS_MAX) {
		length /= 2;
		since /= 2;
	}
	column = (unsigned)(since * axis->columns / length);
	return column < axis->columns ? column : axis->columns - 1;
}

#define MINUTE_NS (60 * NS_PER_SEC)
#define HOUR_NS	  (60 * MINUTE_NS)
#define DAY_NS	  (24 * HOUR_NS)

/* The shortest round step that is not below least_ns. */
static int64_t round_step(int64_t least_ns)
{
	static const int64_t long_steps[] = {
	    15 * NS_PER_SEC, 30 * NS_PER_SEC, MINUTE_NS,      2 * MINUTE_NS, 5 * MINUTE_NS,
	    10 * MINUTE_NS,  15 * MINUTE_NS,  30 * MINUTE_NS, HOUR_NS,	     2 * HOUR_NS,
	    3 * HOUR_NS,     6 * HOUR_NS,     12 * HOUR_NS,   DAY_NS,
	};
	static const int64_t factors[] = {1, 2, 5};
	int64_t days = 1;

	for (int64_t power = 1; power <= 10 * NS_PER_SEC; power *= 10)
		for (size_t i = 0; i < 3; i++)
			if (factors[i] * power >= least_ns && factors[i] * power <= 10 * NS_PER_SEC)
				return factors[i] * power;
	for (size_t i = 0; i < sizeof(long_steps) / sizeof(long_steps[0]); i++)
		if (long_steps[i] >= least_ns)
			return long_steps[i];
	while (days < INT64_MAX / DAY_NS / 2 && days * DAY_NS < least_ns)
		days *= 2;
	return days * DAY_NS;
}

struct text_ticks text_axis_ticks(const struct text *text, const struct text_axis *axis)
{
	unsigned most = axis->columns / TICK_COLUMNS;
	struct text_ticks ticks = {0};
	int64_t from_ns = clock_since(axis->start_ns, text->report->start_ns), end_ns;

	ticks.step_ns = round_step(axis->length_ns / (most ? most : 1));
	/* An axis begins at the report's start or later. */
	if (from_ns < 0)
		from_ns = 0;
	if (from_ns > INT64_MAX - ticks.step_ns)
		return ticks;
	from_ns = (from_ns / ticks.step_ns + (from_ns % ticks.step_ns > 0)) * ticks.step_ns;
	ticks.first_ns = text_after(text->report->start_ns, from_ns);
	end_ns = text_after(axis->start_ns, axis->length_ns);
	if (ticks.first_ns <= end_ns)
		ticks.count = (unsigned)(clock_since(end_ns, ticks.first_ns) / ticks.step_ns) + 1;
	return ticks;
}

/* "12.5 s", "90 min", "3 h": as many decimals as the step has. */
static void format_offset(int64_t ns, int64_t step_ns, char out[TEXT_VALUE_SIZE])
{
	int64_t unit = NS_PER_SEC;
	unsigned decimals = 0;

	if (step_ns >= HOUR_NS) {
		snprintf(out, TEXT_VALUE_SIZE, "%" PRId64 " h", (int64_t)(ns / HOUR_NS));
	} else if (step_ns >= MINUTE_NS) {
		snprintf(out, TEXT_VALUE_SIZE, "%" PRId64 " min", (int64_t)(ns / MINUTE_NS));
	} else {
		while (unit > 1 && step_ns % unit) {
			unit /= 10;
			decimals++;
		}
		if (decimals)
			snprintf(out, TEXT_VALUE_SIZE, "%" PRId64 ".%0*" PRId64 " s",
				 (int64_t)(ns / NS_PER_SEC), (int)decimals,
				 (int64_t)(ns % NS_PER_SEC / unit));
		else
			snprintf(out, TEXT_VALUE_SIZE, "%" PRId64 " s", (int64_t)(ns / NS_PER_SEC));
	}
}

/* Decimals that tell two ticks apart, and one more. */
static unsigned clock_decimals(int64_t step_ns)
{
	unsigned decimals = 0;

	for (int64_t unit = 10 * NS_PER_SEC; step_ns < unit && decimals < 9; unit /= 10)
		decimals++;
	return decimals;
}

static void put_labels(const struct text *text, const struct text_axis *axis,
		       const struct text_ticks *ticks, unsigned indent, const char *mark,
		       bool clocks)
{
	unsigned column = 0, columns = axis->columns + indent;
	int64_t time_ns = ticks->first_ns;
	char label[TEXT_VALUE_SIZE];

	for (unsigned i = 0; i < ticks->count; i++) {
		unsigned at = indent + text_axis_column(axis, time_ns), width;

		if (clocks)
			text_clock(text, time_ns, clock_decimals(ticks->step_ns), label);
		else
			format_offset(clock_since(time_ns, text->report->start_ns), ticks->step_ns,
				      label);
		time_ns = text_after(time_ns, ticks->step_ns);
		width = (unsigned)(text_width(mark) + text_width(label));
		/* The last one may have no room to its right. */
		if (at + width > columns && !*mark && columns - width > column)
			at = columns - width;
		if (at < column || at + width > columns)
			continue;
		fprintf(text->out, "%*s%s%s", (int)(at - column), "", mark, label);
		column = at + width;
	}
	if (column)
		fputc('\n', text->out);
}

void text_put_ticks(const struct text *text, const struct text_axis *axis, unsigned indent,
		    const char *mark)
{
	struct text_ticks ticks = text_axis_ticks(text, axis);

	put_labels(text, axis, &ticks, indent, mark, false);
	put_labels(text, axis, &ticks, indent, mark, true);
}
