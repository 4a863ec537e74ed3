/*
 * Interface for the attempts of the HTML report as columns: chunk by chunk,
 * each member's values one after another, so that 100,000 attempts stay a small
 * file and open fast. report/html/page/attempts.js reads them.
 *
 * Times are differences: to the attempt's own first time, which itself is one to
 * that of the attempt before it.
 */
#ifndef REPORT_HTML_COLUMNS_H
#define REPORT_HTML_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "report/attempt/attempt.h"
#include "report/attempt/report.h"
#include "report/json/writer.h"

/* Attempts a chunk: bounds the memory of a report, whatever its length. */
#define HTML_CHUNK_ATTEMPTS 4096

struct html_columns;

/*
 * Times are given relative to the start of observation. The report is the
 * caller's and must outlive the columns. Returns 0 or -ENOMEM.
 */
int html_columns_new(const struct report *report, struct html_columns **out)
    __attribute__((warn_unused_result));

/* Not to be called when full. Returns 0 or -ENOMEM. */
int html_columns_add(struct html_columns *columns, const struct attempt *attempt)
    __attribute__((warn_unused_result));

uint32_t html_columns_count(const struct html_columns *columns);
bool html_columns_full(const struct html_columns *columns);

/*
 * Writes the chunk as one JSON object and empties it. Returns 0 or -ENOMEM; json keeps its own
 * errors.
 */
int html_columns_write(struct html_columns *columns, struct json_writer *json)
    __attribute__((warn_unused_result));

/* NULL is legal. */
void html_columns_free(struct html_columns *columns);

#endif
