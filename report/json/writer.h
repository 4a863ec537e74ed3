/*
 * Interface for writing JSON as a stream: commas, quotation marks and escapes
 * come by themselves; nothing is held back but one buffer. Integers only.
 *
 * The functions are called jw_, since jansson has json_string() and more.
 *
 * Within an object each value follows its jw_key(). Containers that are begun
 * with JSON_LINES put each of their elements on a line of its own.
 */
#ifndef REPORT_JSON_WRITER_H
#define REPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "event/clock.h"
#include "event/flow.h"
#include "report/sink/output.h"
#include "report/sink/time_digits.h"

/* Deeper nesting is a defect of the caller, and asserted. */
#define JSON_DEPTH_MAX 16

enum json_layout { JSON_COMPACT, JSON_LINES };

struct json_writer {
	struct output output;
	struct time_digits times; /* for members.h */
	unsigned depth;
	bool after_key;
	bool markup_safe; /* to be set after init: the text may stand in an HTML script element */
	struct {
		char close; /* '}' or ']' */
		bool lines;
		bool filled;
	} levels[JSON_DEPTH_MAX];
};

/* out stays the caller's. */
void json_writer_init(struct json_writer *json, FILE *out);

/* Ends with a newline, flushes; returns the first error or 0. Everything must have been closed. */
int json_writer_finish(struct json_writer *json) __attribute__((warn_unused_result));

void jw_object_begin(struct json_writer *json, enum json_layout layout);
void jw_array_begin(struct json_writer *json, enum json_layout layout);
void jw_end(struct json_writer *json);

/*
 * Between objects that each stand on a line: ends the line, nothing is open. The stream ends
 * with json_writer_flush() then, not with json_writer_finish().
 */
void jw_line_end(struct json_writer *json);

/* Hands all to the file; the first error or 0. */
int json_writer_flush(struct json_writer *json) __attribute__((warn_unused_result));

/* A name of the contract: letters, digits, '_' and '-', written as it is. */
void jw_key(struct json_writer *json, const char *name);

void jw_null(struct json_writer *json);
void jw_bool(struct json_writer *json, bool value);
void jw_i64(struct json_writer *json, int64_t value);
void jw_u64(struct json_writer *json, uint64_t value);

/* Any bytes up to the NUL; NULL is null. */
void jw_string(struct json_writer *json, const char *text);
void jw_string_bytes(struct json_writer *json, const char *text, size_t length);

/* "127.0.0.1:8080" */
void jw_endpoint(struct json_writer *json, const struct endpoint *endpoint);

/* TIME_UNKNOWN is null. */
void jw_time(struct json_writer *json, int64_t time_ns);

/* -1 is null: differences, limits and other numbers that cannot be negative. */
void jw_known(struct json_writer *json, int64_t value);

/* A value of the contract, which is written as it is, as names of keys are; NULL is null. */
void jw_name(struct json_writer *json, const char *name);

/* A key with its value. */
void jw_put_i64(struct json_writer *json, const char *name, int64_t value);
void jw_put_u64(struct json_writer *json, const char *name, uint64_t value);
void jw_put_bool(struct json_writer *json, const char *name, bool value);
void jw_put_time(struct json_writer *json, const char *name, int64_t time_ns);
void jw_put_known(struct json_writer *json, const char *name, int64_t value);
void jw_put_string(struct json_writer *json, const char *name, const char *text);
/* Where empty is "not known": null, as of NULL. */
void jw_put_text(struct json_writer *json, const char *name, const char *text);
void jw_put_name(struct json_writer *json, const char *name, const char *value);

#endif
