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
#include <string.h>

#include "event/clock.h"
#include "event/decimal.h"
#include "event/flow.h"
#include "report/sink/output.h"

/* Deeper nesting is a defect of the caller, and asserted. */
#define JSON_DEPTH_MAX 16

enum json_layout { JSON_COMPACT, JSON_LINES };

struct json_writer {
	struct output output;
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

/* A key with its value. Those that each attempt has dozens of are below. */
void jw_put_i64(struct json_writer *json, const char *name, int64_t value);
void jw_put_string(struct json_writer *json, const char *name, const char *text);
void jw_put_name(struct json_writer *json, const char *name, const char *value);

/* Room for a key of this length, what stands before it in a compact object, and a number. */
#define JSON_MEMBER_SIZE(length) ((length) + DECIMAL_SIZE + 8)

/*
 * The inline ones write key and value at once, in a compact object; the length of a key that is
 * a literal is known where they are compiled.
 */
static inline __attribute__((always_inline)) char *json_member(struct json_writer *json, char *p,
							       const char *name, size_t length)
{
	*p = ',';
	p += json->levels[json->depth].filled;
	json->levels[json->depth].filled = true;
	*p++ = '"';
	memcpy(p, name, length);
	p += length;
	*p++ = '"';
	*p++ = ':';
	return p;
}

static inline bool json_is_compact(const struct json_writer *json)
{
	return !json->levels[json->depth].lines;
}

static inline __attribute__((always_inline)) void jw_put_u64(struct json_writer *json,
							     const char *name, uint64_t value)
{
	size_t length = strlen(name);
	char *p;

	if (!json_is_compact(json)) {
		jw_key(json, name);
		jw_u64(json, value);
		return;
	}
	p = output_reserve(&json->output, JSON_MEMBER_SIZE(length));
	p = json_member(json, p, name, length);
	output_commit(&json->output, decimal_put_u64(p, value));
}

static inline __attribute__((always_inline)) void jw_put_bool(struct json_writer *json,
							      const char *name, bool value)
{
	size_t length = strlen(name);
	char *p;

	if (!json_is_compact(json)) {
		jw_key(json, name);
		jw_bool(json, value);
		return;
	}
	p = output_reserve(&json->output, JSON_MEMBER_SIZE(length));
	p = json_member(json, p, name, length);
	memcpy(p, value ? "true " : "false", 5);
	output_commit(&json->output, p + 4 + !value);
}

static inline __attribute__((always_inline)) void json_put_unless(struct json_writer *json,
								  const char *name, int64_t value,
								  int64_t unknown)
{
	size_t length = strlen(name);
	char *p;

	if (!json_is_compact(json)) {
		jw_key(json, name);
		if (value == unknown)
			jw_null(json);
		else
			jw_i64(json, value);
		return;
	}
	p = output_reserve(&json->output, JSON_MEMBER_SIZE(length));
	p = json_member(json, p, name, length);
	if (value == unknown) {
		memcpy(p, "null", 4);
		p += 4;
	} else {
		p = decimal_put_i64(p, value);
	}
	output_commit(&json->output, p);
}

static inline __attribute__((always_inline)) void jw_put_time(struct json_writer *json,
							      const char *name, int64_t time_ns)
{
	json_put_unless(json, name, time_ns, TIME_UNKNOWN);
}

static inline __attribute__((always_inline)) void jw_put_known(struct json_writer *json,
							       const char *name, int64_t value)
{
	json_put_unless(json, name, value, -1);
}

#endif
