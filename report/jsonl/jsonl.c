/*
 * The JSON lines sink: one self-contained object an attempt, synscope.attempt/1, for
 * shippers and databases. The members of attempts[] in the JSON report, the host that it
 * was on, and the times as text too: jq before 1.7, and others that read numbers as
 * doubles, round integers of nanoseconds.
 *
 * The rows of a recording are written when all is known, those of a capture as their attempts
 * end. As a stream each row is written out at once; whether the ledger explains the kernel's
 * counters is not known by then, so that a cause which rests on them is inferred at most.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event/clock.h"
#include "event/decimal.h"
#include "report/json/members.h"
#include "report/json/parts.h"
#include "report/json/writer.h"
#include "report/sink/formats.h"
#include "report/sink/attempt_buffer.h"

#define ATTEMPT_SCHEMA "synscope.attempt/1"
#define SECONDS_KNOWN  4

struct known_second {
	int64_t seconds;
	size_t length; /* 0: none */
	char text[32];
};

struct jsonl_sink {
	struct sink sink;
	FILE *out;
	bool stream;
	const char *filter; /* the caller's */
	char *origin; /* an object of what all rows say of where they are from; NULL: no memory */
	size_t origin_length;
	bool waits;		       /* the rows of a recording wait for its report */
	struct attempt_buffer *buffer; /* there; NULL of a stream */
	struct report doubts;	       /* of a stream: what is not known yet */
	struct known_second seconds[SECONDS_KNOWN];
	struct json_writer json;
};

/* The text of a second, which most times of a row share. False: it has no date. */
static bool remember(struct known_second *known, int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;

	known->length = 0;
	if (!gmtime_r(&when, &tm))
		return false;
	known->seconds = seconds;
	known->length = strftime(known->text, sizeof(known->text), "%Y-%m-%dT%H:%M:%S.", &tm);
	return known->length > 0;
}

/* Nothing where it is not known. */
static char *put_time(struct jsonl_sink *self, char *p, const char *key, int64_t time_ns)
{
	int64_t seconds = time_ns / NS_PER_SEC, rest = time_ns % NS_PER_SEC;
	struct known_second *known;

	if (time_ns == TIME_UNKNOWN)
		return p;
	if (rest < 0) {
		rest += NS_PER_SEC;
		seconds--;
	}
	known = &self->seconds[(uint64_t)seconds % SECONDS_KNOWN];
	if ((!known->length || known->seconds != seconds) && !remember(known, seconds))
		return p;
	p = member_text(p, key);
	*p++ = '"';
	memcpy(p, known->text, sizeof(known->text));
	p = decimal_put8(p + known->length, (uint32_t)(rest / 10));
	*p++ = (char)('0' + rest % 10);
	*p++ = 'Z';
	*p++ = '"';
	return p;
}

/* RFC 3339, those that are known. */
static char *put_times(struct jsonl_sink *self, char *p, const struct attempt *a)
{
	char *first;

	p = first = member_text(p, MEMBER("times"));
	p = put_time(self, p, MEMBER("syn"), a->syn_ns);
	p = put_time(self, p, MEMBER("synack"), a->synack_ns);
	p = put_time(self, p, MEMBER("ack"), a->ack_ns);
	p = put_time(self, p, MEMBER("entered"), a->entered_ns);
	p = put_time(self, p, MEMBER("accept"), a->accept_ns);
	p = put_time(self, p, MEMBER("accept_after"), a->accept_after_ns);
	p = put_time(self, p, MEMBER("accept_before"), a->accept_before_ns);
	p = put_time(self, p, MEMBER("fork"), a->fork_ns);
	p = put_time(self, p, MEMBER("end"), a->end_ns);
	if (p == first)
		p++;
	*first = '{'; /* in place of the comma */
	*p++ = '}';
	return p;
}

/* Apart as well, for who groups by them. */
static char *put_address(char *p, const char *address, const char *port,
			 const struct endpoint *endpoint)
{
	p = member_text(p, address);
	*p++ = '"';
	p += address_format(&endpoint->address, p, ENDPOINT_TEXT_SIZE);
	*p++ = '"';
	return member_u64(p, port, endpoint->port);
}

static int put_row(struct jsonl_sink *self, const struct report *report, const struct attempt *a)
{
	struct json_writer *json = &self->json;
	char *p;

	if (!self->origin)
		return -ENOMEM;
	jw_object_begin(json, JSON_COMPACT);
	jw_put_name(json, "schema", ATTEMPT_SCHEMA);
	p = json_members_begin(json, 1);
	p = put_time(self, p, MEMBER("time"), a->syn_ns != TIME_UNKNOWN ? a->syn_ns : a->ack_ns);
	*p++ = ',';
	json_members_end(json, p);
	output_bytes(&json->output, self->origin + 1, self->origin_length - 2);
	p = json_members_begin(json, 4);
	p = put_address(p, MEMBER("client_address"), MEMBER("client_port"), &a->client);
	p = put_address(p, MEMBER("server_address"), MEMBER("server_port"), &a->server);
	json_members_end(json, p);
	json_put_attempt_members(json, report, a);
	json_members_end(json, put_times(self, json_members_begin(json, 10), a));
	jw_end(json);
	jw_line_end(json);
	return json->output.error;
}

static void set_origin(struct jsonl_sink *self, const struct host_identity *identity)
{
	struct json_writer *json = &self->json;
	FILE *memory;
	int result;

	free(self->origin);
	self->origin = NULL;
	memory = open_memstream(&self->origin, &self->origin_length);
	if (!memory)
		return;
	json_writer_init(json, memory);
	jw_object_begin(json, JSON_COMPACT);
	jw_key(json, "host");
	json_put_identity(json, identity);
	jw_put_string(json, "filter", self->filter);
	jw_end(json);
	result = json_writer_flush(json);
	if (fclose(memory) != 0 || result) {
		free(self->origin);
		self->origin = NULL;
	}
	json_writer_init(json, self->out);
}

/* Which causes are doubted is known at the end. Of a capture alone none is. */
static void on_begin(struct sink *sink, const struct recording_meta *meta)
{
	struct jsonl_sink *self = (struct jsonl_sink *)sink;

	set_origin(self, &meta->host.identity);
	self->waits = !self->stream;
}

static int on_attempt(struct sink *sink, const struct attempt *attempt)
{
	struct jsonl_sink *self = (struct jsonl_sink *)sink;
	int result;

	if (self->waits)
		return attempt_buffer_add(self->buffer, attempt);
	result = put_row(self, &self->doubts, attempt);
	return result || !self->stream ? result : json_writer_flush(&self->json);
}

static int on_finish(struct sink *sink, const struct report *report)
{
	struct jsonl_sink *self = (struct jsonl_sink *)sink;
	struct attempt attempt;
	int result = 0, written;

	if (self->waits) {
		attempt_buffer_rewind(self->buffer);
		while ((result = attempt_buffer_next(self->buffer, &attempt)) == 1) {
			result = put_row(self, report, &attempt);
			if (result)
				break;
		}
	}
	written = json_writer_flush(&self->json);
	return result < 0 ? result : written;
}

static void on_free(struct sink *sink)
{
	struct jsonl_sink *self = (struct jsonl_sink *)sink;

	attempt_buffer_free(self->buffer);
	free(self->origin);
	free(self);
}

struct sink *jsonl_sink_new(FILE *out, const struct sink_style *style)
{
	static const struct sink_ops ops = {
	    .begin = on_begin, .attempt = on_attempt, .finish = on_finish, .free = on_free};
	struct jsonl_sink *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->sink.ops = &ops;
	self->out = out;
	self->stream = style->stream;
	self->filter = style->filter;
	if (!style->stream && attempt_buffer_new(0, &self->buffer) != 0) {
		free(self);
		return NULL;
	}
	for (int i = 0; self->stream && i < CAUSE_COUNT; i++)
		self->doubts.cause_doubted[i] = cause_is_drop((enum cause)i);
	set_origin(self, &(struct host_identity){0});
	return &self->sink;
}
