/*
 * Interface for the live view: a snapshot as a screen for a terminal, as one line
 * for a log, or as one JSON object (synscope.watch/1, docs/watch.md). The views
 * get constant data and know nothing of terminals: lines end with a newline, and
 * colours are the only escape sequences.
 */
#ifndef REPORT_WATCH_VIEW_H
#define REPORT_WATCH_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "report/watch/snapshot.h"

/* A screen is not laid out for less than this; what is smaller shows a part of it. */
#define VIEW_COLUMNS_MIN 40
#define VIEW_ROWS_MIN	 8

struct view_style {
	bool colour;
	bool utf8;
	bool utc; /* the time of day in UTC, not in local time */
	unsigned columns;
	unsigned rows;
};

/* What only the program knows. */
struct view_context {
	const char *interface;
	const char *ports; /* what is watched, in words */
	const char *hint;  /* how to end it; or NULL */
	bool keys;	   /* list the keys */
	const char *note;  /* a source that is off, and what is not known for it; or NULL */
	uint64_t packets;  /* captured by now */
};

/* At most style->rows lines of style->columns characters. Errors stay in out, for ferror(). */
void view_put_screen(FILE *out, const struct snapshot *snapshot, const struct view_context *context,
		     const struct view_style *style);

/* One line of name=value. Errors stay in out. */
void view_put_line(FILE *out, const struct snapshot *snapshot);

/*
 * One object in one line, flushed; last: observation has ended, and this is what
 * was left. Returns 0 or -errno.
 */
int view_put_json(FILE *out, const struct snapshot *snapshot, bool last)
    __attribute__((warn_unused_result));

#endif
