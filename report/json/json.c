/*
 * The JSON sink: one object, synscope.report/1. Attempts come while the run goes
 * on but stand last in the object, so they wait in a buffer.
 */
#include <stdlib.h>

#include "report/json/parts.h"
#include "report/json/writer.h"
#include "report/sink/formats.h"
#include "report/sink/attempt_buffer.h"

#define REPORT_SCHEMA "synscope.report/1"

struct json_sink {
	struct sink sink;
	struct attempt_buffer *buffer;
	struct json_writer json;
};

static int json_attempt(struct sink *sink, const struct attempt *attempt)
{
	return attempt_buffer_add(((struct json_sink *)sink)->buffer, attempt);
}

static int put_attempts(struct json_writer *json, const struct report *report,
			struct attempt_buffer *buffer)
{
	struct attempt attempt;
	int result;

	jw_key(json, "attempts");
	jw_array_begin(json, JSON_LINES);
	attempt_buffer_rewind(buffer);
	while ((result = attempt_buffer_next(buffer, &attempt)) == 1 && !json->output.error)
		json_put_attempt(json, report, &attempt);
	jw_end(json);
	return result < 0 ? result : 0;
}

static int json_finish(struct sink *sink, const struct report *report)
{
	struct json_sink *self = (struct json_sink *)sink;
	struct json_writer *json = &self->json;
	int result, written;

	jw_object_begin(json, JSON_LINES);
	jw_put_string(json, "schema", REPORT_SCHEMA);
	json_put_report(json, report);
	result = put_attempts(json, report, self->buffer);
	jw_end(json);
	written = json_writer_finish(json);
	return result ? result : written;
}

static void json_free(struct sink *sink)
{
	attempt_buffer_free(((struct json_sink *)sink)->buffer);
	free(sink);
}

static const struct sink_ops json_ops = {
    .attempt = json_attempt, .finish = json_finish, .free = json_free};

struct sink *json_sink_new(FILE *out, const struct sink_style *style)
{
	struct json_sink *self = malloc(sizeof(*self));

	(void)style;
	if (!self)
		return NULL;
	self->sink.ops = &json_ops;
	if (attempt_buffer_new(0, &self->buffer) != 0) {
		free(self);
		return NULL;
	}
	json_writer_init(&self->json, out);
	return &self->sink;
}
