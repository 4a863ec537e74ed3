/*
 * Interface for the pieces of the text report: the page that they share, and
 * one function for each section. A section that has nothing to say prints nothing.
 */
#ifndef REPORT_TEXT_TEXT_H
#define REPORT_TEXT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "report/attempt/attempt.h"
#include "report/attempt/report.h"
#include "report/measure/cost.h"

enum text_colour {
	TEXT_PLAIN,
	TEXT_BOLD,
	TEXT_DIM,
	TEXT_RED,
	TEXT_YELLOW,
	TEXT_GREEN,
	TEXT_CYAN,
};

/* What every section needs: where to print, how, and the report. */
struct text {
	FILE *out;
	bool colour;
	bool utf8;
	bool full; /* nothing is left out */
	unsigned columns;
	int32_t utc_offset_s; /* of the times of day */
	const struct report *report;
};

/* The narrowest page that is drawn; a narrower terminal wraps. */
#define TEXT_COLUMNS_MIN     40
#define TEXT_COLUMNS_MAX     400
#define TEXT_COLUMNS_DEFAULT 100

/* A sentence under construction; what does not fit is cut, never overrun. */
struct sentence {
	size_t used;
	char text[4096];
};

void sentence_clear(struct sentence *sentence);
void sentence_add(struct sentence *sentence, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for any duration, time, count or address as text. */
#define TEXT_VALUE_SIZE 64

/* Three digits and a unit: "870 ns", "31.2 us", "1.02 s"; "-" for -1. Returns out. */
const char *text_duration(const struct text *text, int64_t ns, char out[TEXT_VALUE_SIZE]);

/* Seconds since the report's start: "12.004 s". Returns out. */
const char *text_time(const struct text *text, int64_t time_ns, char out[TEXT_VALUE_SIZE]);

/*
 * The time of day, with as many decimals; with the day in a report of more than one. Returns out.
 */
const char *text_clock(const struct text *text, int64_t time_ns, unsigned decimals,
		       char out[TEXT_VALUE_SIZE]);

/* Both, to be found in logs: "12.004 s (23:13:32.004)". Returns out. */
const char *text_when(const struct text *text, int64_t time_ns, char out[TEXT_VALUE_SIZE]);

/* Milliseconds with three digits: "0.031". Returns out. */
const char *text_ms(int64_t ns, char out[TEXT_VALUE_SIZE]);

/* "1,234,567"; "-" for -1. Returns out. */
const char *text_count(int64_t count, char out[TEXT_VALUE_SIZE]);

/*
 * Text that came from elsewhere (a process name, a path), made harmless for a
 * terminal: control characters and what is no UTF-8 become '?'; without utf8
 * everything beyond ASCII too. Cut at size. Returns out.
 */
const char *text_safe(const struct text *text, const char *from, char *out, size_t size);

/* The columns that UTF-8 text takes (one a character). */
size_t text_width(const char *string);

/* Prints string in a field, at the right for width > 0, at the left for width < 0. */
void text_cell(const struct text *text, const char *string, int width);

void text_begin_colour(const struct text *text, enum text_colour colour);
void text_end_colour(const struct text *text, enum text_colour colour);

/* An empty line and a line in bold. */
void text_heading(const struct text *text, const char *heading);

/* Prints prefix and string, wrapped at the page's width; further lines begin at column indent. */
void text_paragraph(const struct text *text, const char *prefix, unsigned indent,
		    const char *string);

/* The same where the line has been printed up to column already. */
void text_paragraph_at(const struct text *text, unsigned column, unsigned indent,
		       const char *string);

/* The bullet of a list, with its blank. */
const char *text_bullet(const struct text *text);

/* a + b; at the ends of the range instead of beyond it (clock_since()). */
static inline int64_t text_after(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? -INT64_MAX : INT64_MAX;
	return sum == INT64_MIN ? -INT64_MAX : sum;
}

/* A time axis across columns of the page. */
struct text_axis {
	int64_t start_ns;
	int64_t length_ns; /* > 0 */
	unsigned columns;
};

/* The column in which a time falls; times beyond the axis fall into the first and the last one. */
unsigned text_axis_column(const struct text_axis *axis, int64_t time_ns);

/* The ticks of an axis: every step, counted from the report's start. */
struct text_ticks {
	int64_t first_ns; /* the first one on the axis */
	int64_t step_ns;  /* 1, 2 or 5 times a power of ten, or whole minutes, hours or days */
	unsigned count;
};

/* As many round ticks as leave room for their labels. */
struct text_ticks text_axis_ticks(const struct text *text, const struct text_axis *axis);

/*
 * Two lines: at each tick its distance from the start and its time of day, behind
 * mark. The axis begins at column indent.
 */
void text_put_ticks(const struct text *text, const struct text_axis *axis, unsigned indent,
		    const char *mark);

/* "limit 5, set by the listen() backlog; somaxconn is 4096": which setting limits a queue. */
void text_limit(const struct text *text, const struct report_listener *listener, uint32_t limit,
		struct sentence *sentence);

/* What an earlier verdict on the page has explained already: it is not said again. */
enum text_told {
	TEXT_TOLD_LIMIT = 1,  /* of this attempt's listener */
	TEXT_TOLD_ZOMBIE = 2, /* how a zombie comes to be */
};

/* What became of an attempt and why, as sentences. told: enum text_told. */
void text_verdict(const struct text *text, const struct attempt *attempt, unsigned told,
		  struct sentence *sentence);

/*
 * Prints the verdict as an entry of a list, behind the client's address. What those
 * before it on the page have explained is not said again.
 */
void text_put_verdict(const struct text *text, const struct attempt *attempt,
		      const struct attempt *const *before, size_t count);

/* True when the listener's depth was sampled or rebuilt, so that it is known when it was full. */
bool text_depth_known(const struct report_listener *listener);

/* What else the inferred causes of these attempts could have been, and what would have told. */
void text_put_doubts(const struct text *text, const struct attempt *const *attempts, size_t count);

/*
 * Attempts that are alike, counted as they end: the same listener, outcome, causes
 * and confidences. Bounded: what is of none of the first kinds is counted as others.
 */
#define TEXT_KINDS_MAX 256

struct text_kind {
	uint64_t key;  /* what makes them alike */
	int64_t score; /* of the worst of them, worst_score() */
	uint64_t count;
	int64_t first_ns; /* first SYNs of the first and the last of them, TIME_UNKNOWN */
	int64_t last_ns;
	struct attempt worst;
};

struct text_kinds {
	struct text_kind *kinds;
	size_t count, room;
	uint64_t others; /* attempts of further kinds */
};

/* 0 or -ENOMEM. */
int text_kinds_add(struct text_kinds *kinds, const struct attempt *attempt);
void text_kinds_release(struct text_kinds *kinds);

/* The connections that are not to this host. */
void text_put_ways(const struct text *text);

/* The sections, in their order. */
void text_put_title(const struct text *text);
/* What a filter leaves out of the report; nothing without one. */
void text_put_filter(const struct text *text);
/* The sentence, where there is a filter: of what it leaves nothing out. */
void text_put_unfiltered(const struct text *text, const char *sentence);
void text_put_answer(const struct text *text, const struct cost *cost);
void text_put_cost(const struct text *text, const struct cost *cost);
void text_put_listeners(const struct text *text);
void text_put_queues(const struct text *text);
void text_put_latency(const struct text *text);
void text_put_worst(const struct text *text, unsigned count);
/* The worst of each kind, and how many are like it. */
void text_put_kinds(const struct text *text, struct text_kinds *kinds, unsigned count);
/* attempt: the one that text_put_handshake() shows, NULL when there was none. */
void text_put_handshake(const struct text *text, const struct attempt *attempt);
void text_put_ledger(const struct text *text);
void text_put_advice(const struct text *text);
void text_put_losses(const struct text *text);
void text_put_notes(const struct text *text);

/*
 * Whether attempt shows better than shown (NULL: nothing yet) that the kernel
 * finishes the handshake before accept() is called.
 */
bool text_handshake_better(const struct attempt *attempt, const struct attempt *shown);

/* The waterfall of these attempts on one time axis. */
void text_put_timeline(const struct text *text, const struct attempt *attempts, size_t count);

/* The sequence diagram of one attempt: client, kernel, server. */
void text_put_sequence(const struct text *text, const struct attempt *attempt);

#endif
