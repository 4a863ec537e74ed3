/*
 * Interface for sinks: who gets finished attempts, one at a time, and at the
 * end the report. What is shown never knows its format.
 */
#ifndef REPORT_SINK_SINK_H
#define REPORT_SINK_SINK_H

#include <stdio.h>

#include "event/recording/recording.h"
#include "report/attempt/attempt.h"
#include "report/attempt/report.h"

struct sink;

struct sink_ops {
	/* Before the first attempt, of what was recorded or is live. NULL: not wanted. */
	void (*begin)(struct sink *sink, const struct recording_meta *meta);
	/* In the order in which attempts end. Returns 0 or -errno. NULL: not wanted. */
	int (*attempt)(struct sink *sink, const struct attempt *attempt);
	/* Once, at the end. Returns 0 or -errno; a failed write (full disk) is an error. */
	int (*finish)(struct sink *sink, const struct report *report);
	void (*free)(struct sink *sink);
};

/* Embedded as the first member of each sink. */
struct sink {
	const struct sink_ops *ops;
};

static inline void sink_free(struct sink *sink)
{
	if (sink)
		sink->ops->free(sink);
}

/*
 * How a report for people is drawn; the page (HTML) takes utc alone, formats for programs nothing.
 */
struct sink_style {
	bool colour;
	bool utf8;
	const char *filter;	  /* what the attempts were chosen by, in words, or NULL */
	bool stream;		  /* rows as they come, with what is known by then */
	bool utc;		  /* --utc: times of day in UTC, not in local time */
	bool full;		  /* --full: also what is idle, empty or repeated */
	unsigned columns;	  /* 0: 100 */
	bool timeline;		  /* --timeline */
	unsigned worst;		  /* --worst N, 0: the default of 10 */
	const char *attempt;	  /* --attempt, as report/text/choice.h reads it, or NULL */
	uint64_t *attempts_shown; /* counts those that match; or NULL */
};

struct sink_format {
	const char *name; /* "text", "json", "tsv", "html", "perfetto" */
	const char *description;
	/* The sink writes to out, which stays the caller's. NULL when out of memory. */
	struct sink *(*new)(FILE *out, const struct sink_style *style);
};

/* Ends with an entry whose name is NULL. */
extern const struct sink_format sink_formats[];

const struct sink_format *sink_format_find(const char *name);

#endif
