/*
 * Interface for one column of integers of the HTML report: LEB128 numbers, 0 for
 * "not known", else 1 + (magnitude << 1 | sign), as base64 in the end.
 * report/html/page/columns.js reads it.
 */
#ifndef REPORT_HTML_COLUMN_H
#define REPORT_HTML_COLUMN_H

#include <stddef.h>
#include <stdint.h>

/* All zero is empty. Grows as it is filled; what did not fit leaves error set. */
struct html_column {
	uint8_t *data;
	size_t used;
	size_t size;
	int error; /* 0 or -ENOMEM */
};

void html_column_put(struct html_column *column, int64_t value);
void html_column_put_unknown(struct html_column *column);

/* Makes *text, which is emptied first, the column's base64 (RFC 4648 section 4), without a NUL. */
void html_column_base64(const struct html_column *column, struct html_column *text);

/* Keeps the memory. */
void html_column_empty(struct html_column *column);
void html_column_release(struct html_column *column);

#endif
