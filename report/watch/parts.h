/*
 * Interface inside the live view: the parts of a screen, and the words and
 * numbers that they share. struct text has no report here.
 */
#ifndef REPORT_WATCH_PARTS_H
#define REPORT_WATCH_PARTS_H

#include "report/text/text.h"
#include "report/watch/snapshot.h"

/* Prints a string and a newline; where it is too long whole words of it, and a mark. */
void view_put_cut(const struct text *text, enum text_colour colour, const char *string);

/* A count of an interval as so many a second: "0", "2.5", "60,000"; "-" for no interval. */
const char *view_rate(int64_t count, int64_t interval_ns, char out[TEXT_VALUE_SIZE]);

/*
 * Drops: "51 SYNs (+3), 211 cookie ACKs", with reasons "accept queue full: 51 SYNs
 * ...". by_cause has CAUSE_COUNT numbers; those of the interval, in parentheses,
 * may be NULL. True when there was any.
 */
bool view_add_drops(struct sentence *sentence, const int64_t *by_cause, const int64_t *interval,
		    bool reasons);

/*
 * table.c: how many lines the listeners take at most, and the listeners in no more than rows.
 */
size_t view_table_rows(const struct snapshot *snapshot);
void view_put_table(const struct text *text, const struct snapshot *snapshot, size_t rows);

/* worst.c: the worst attempts in no more than rows lines; count of them: what it could use. */
size_t view_worst_rows(const struct snapshot *snapshot);
void view_put_worst(const struct text *text, const struct snapshot *snapshot, size_t rows);

/* An address in a field of this width, its end at least: see worst.c. */
void view_put_tail(const struct text *text, const char *address, unsigned width);

#endif
