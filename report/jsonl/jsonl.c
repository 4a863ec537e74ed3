/*
 * The JSON lines sink: one self-contained object an attempt, synscope.attempt/1, for
 * shippers and databases. The members of attempts[] in the JSON report, the host that it
 * was on, and the times as text too: jq before 1.7, and others that read numbers as
 * doubles, round integers of nanoseconds.
 *
 * A report is written when all is known. As a stream each row is written when its attempt
 * ends; whether the ledger explains the kernel's counters is not known by then, so that a
 * cause which rests on them is inferred at most.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event/clock.h"
#include "event/decimal.h"
#include "report/json/parts.h"
#include "report/json/writer.h"
#include "report/sink/formats.h"
#include "report/sink/attempt_buffer.h"

#define ATTEMPT_SCHEMA "synscope.attempt/1"
#define TIME_SIZE      44
#define SECONDS_KNOWN  4

struct known_second {
	int64_t seconds;
	size_t length; /* 0: none */
	char text[32];
};

struct jsonl_sink {
	struct sink sink;
	struct attempt_buffer *buffer; /* NULL: a stream */
	struct json_writer json;
	struct report doubts; /* of a stream: what is not known yet */
	struct host_identity identity;
	struct known_second seconds[SECONDS_KNOWN];
	const char *filter; /* the caller's */
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

static void put_time(struct jsonl_sink *self, const char *name, int64_t time_ns)
{
	int64_t seconds = time_ns / NS_PER_SEC, rest = time_ns % NS_PER_SEC;
	struct known_second *known;
	char text[TIME_SIZE], *p;

	if (time_ns == TIME_UNKNOWN)
		return;
	if (rest < 0) {
		rest += NS_PER_SEC;
		seconds--;
	}
	known = &self->seconds[(uint64_t)seconds % SECONDS_KNOWN];
	if ((!known->length || known->seconds != seconds) && !remember(known, seconds))
		return;
	memcpy(text, known->text, sizeof(known->text));
	p = decimal_put8(text + known->length, (uint32_t)(rest / 10));
	*p++ = (char)('0' + rest % 10);
	*p++ = 'Z';
	*p = '\0';
	jw_put_name(&self->json, name, text);
}

/* RFC 3339, those that are known. */
static void put_times(struct jsonl_sink *self, const struct attempt *a)
{
	struct json_writer *json = &self->json;

	jw_key(json, "times");
	jw_object_begin(json, JSON_COMPACT);
	put_time(self, "syn", a->syn_ns);
	put_time(self, "synack", a->synack_ns);
	put_time(self, "ack", a->ack_ns);
	put_time(self, "entered", a->entered_ns);
	put_time(self, "accept", a->accept_ns);
	put_time(self, "accept_after", a->accept_after_ns);
	put_time(self, "accept_before", a->accept_before_ns);
	put_time(self, "fork", a->fork_ns);
	put_time(self, "end", a->end_ns);
	jw_end(json);
}

/* Apart as well, for who groups by them. */
static void put_address(struct json_writer *json, const char *address, const char *port,
			const struct endpoint *endpoint)
{
	char text[ENDPOINT_TEXT_SIZE];

	address_format(&endpoint->address, text, sizeof(text));
	jw_put_string(json, address, text);
	jw_put_u64(json, port, endpoint->port);
}

static void put_row(struct jsonl_sink *self, const struct report *report, const struct attempt *a)
{
	struct json_writer *json = &self->json;

	jw_object_begin(json, JSON_COMPACT);
	jw_put_name(json, "schema", ATTEMPT_SCHEMA);
	put_time(self, "time", a->syn_ns != TIME_UNKNOWN ? a->syn_ns : a->ack_ns);
	jw_key(json, "host");
	json_put_identity(json, &self->identity);
	jw_put_string(json, "filter", self->filter);
	put_address(json, "client_address", "client_port", &a->client);
	put_address(json, "server_address", "server_port", &a->server);
	json_put_attempt_members(json, report, a);
	put_times(self, a);
	jw_end(json);
	jw_line_end(json);
}

static void on_begin(struct sink *sink, const struct recording_meta *meta)
{
	((struct jsonl_sink *)sink)->identity = meta->host.identity;
}

static int on_attempt(struct sink *sink, const struct attempt *attempt)
{
	struct jsonl_sink *self = (struct jsonl_sink *)sink;

	if (self->buffer)
		return attempt_buffer_add(self->buffer, attempt);
	put_row(self, &self->doubts, attempt);
	return json_writer_flush(&self->json);
}

static int on_finish(struct sink *sink, const struct report *report)
{
	struct jsonl_sink *self = (struct jsonl_sink *)sink;
	struct attempt attempt;
	int result = 0, written;

	if (self->buffer) {
		attempt_buffer_rewind(self->buffer);
		while ((result = attempt_buffer_next(self->buffer, &attempt)) == 1 &&
		       !self->json.output.error)
			put_row(self, report, &attempt);
	}
	written = json_writer_flush(&self->json);
	return result < 0 ? result : written;
}

static void on_free(struct sink *sink)
{
	attempt_buffer_free(((struct jsonl_sink *)sink)->buffer);
	free(sink);
}

struct sink *jsonl_sink_new(FILE *out, const struct sink_style *style)
{
	static const struct sink_ops ops = {
	    .begin = on_begin, .attempt = on_attempt, .finish = on_finish, .free = on_free};
	struct jsonl_sink *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->sink.ops = &ops;
	self->filter = style->filter;
	if (!style->stream && attempt_buffer_new(0, &self->buffer) != 0) {
		free(self);
		return NULL;
	}
	for (int i = 0; i < CAUSE_COUNT; i++)
		self->doubts.cause_doubted[i] = cause_is_drop((enum cause)i);
	json_writer_init(&self->json, out);
	return &self->sink;
}
