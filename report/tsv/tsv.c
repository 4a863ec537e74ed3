/*
 * The TSV sink: a line of column names, then one line an attempt, as each ends.
 * Columns are the members of attempts[] in the JSON contract, in its order; what
 * is not known is empty, causes are joined with commas.
 *
 * A capture is read at millions of frames a second, so a line must cost little
 * beside them: it is built in place by integer arithmetic alone. Addresses and
 * the upper digits of times repeat from line to line and are remembered.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "event/decimal.h"
#include "report/sink/formats.h"
#include "report/sink/output.h"
#include "report/sink/time_digits.h"

/* No line is longer: two addresses, a dozen and a half integers, the names of all causes. */
#define LINE_SIZE 1024

struct known_endpoint {
	struct endpoint endpoint;
	size_t length; /* 0: none */
	char text[ENDPOINT_TEXT_SIZE];
};

/* An outcome's name at a fixed length. */
struct outcome_text {
	char name[15];
	uint8_t length;
};

struct tsv_sink {
	struct sink sink;
	bool begun;
	const char *filter; /* the caller's; or NULL */
	struct outcome_text outcomes[OUTCOME_COUNT];
	struct known_endpoint server;
	struct time_digits times;
	struct output output;
};

static const char header[] =
    "client\tserver\tisn\tsyn_ns\tsyns\tsynack_ns\tsynacks\tack_ns\taccept_ns\taccept_after_ns\t"
    "accept_before_ns\tfork_ns\tchild_pid\tend_ns\toutcome\tcauses\tsyn_to_synack_ns\t"
    "synack_to_ack_ns\tconnect_ns\taccept_wait_ns\taccept_to_fork_ns";

static inline char *put_time(struct tsv_sink *tsv, char *p, int64_t time_ns)
{
	p = time_digits_put(&tsv->times, p, time_ns);
	*p++ = '\t';
	return p;
}

static inline char *put_difference(char *p, int64_t value)
{
	if (value >= 0 && value < DECIMAL_8_DIGITS)
		p = decimal_put_small(p, (uint32_t)value);
	else if (value != -1)
		p = decimal_put_i64(p, value);
	*p++ = '\t';
	return p;
}

static inline char *put_count(char *p, uint32_t value)
{
	p = decimal_put_u32(p, value);
	*p++ = '\t';
	return p;
}

static inline char *put_server(struct tsv_sink *tsv, char *p, const struct endpoint *server)
{
	struct known_endpoint *known = &tsv->server;

	if (!known->length || !endpoint_equal(&known->endpoint, server)) {
		known->endpoint = *server;
		known->length = endpoint_format(server, known->text, sizeof(known->text));
	}
	memcpy(p, known->text, sizeof(known->text));
	return p + known->length;
}

static inline char *put_outcome(const struct tsv_sink *tsv, char *p, enum outcome outcome)
{
	const struct outcome_text *text = &tsv->outcomes[outcome];

	memcpy(p, text->name, sizeof(text->name));
	p += text->length;
	*p++ = '\t';
	return p;
}

static char *put_name(char *p, const char *name)
{
	size_t length = strlen(name);

	memcpy(p, name, length);
	return p + length;
}

static char *put_causes(char *p, const struct attempt *attempt)
{
	for (uint32_t i = 0; i < attempt->causes_count && i < ATTEMPT_CAUSES_MAX; i++) {
		if (i)
			*p++ = ',';
		p = put_name(p, cause_name(attempt->causes[i].cause));
	}
	*p++ = '\t';
	return p;
}

static void put_header(struct tsv_sink *tsv)
{
	output_text(&tsv->output, header);
	if (tsv->filter)
		output_text(&tsv->output, "\tfilter");
	output_text(&tsv->output, "\n");
	tsv->begun = true;
}

static int tsv_attempt(struct sink *sink, const struct attempt *a)
{
	struct tsv_sink *tsv = (struct tsv_sink *)sink;
	char *p;

	if (!tsv->begun)
		put_header(tsv);
	p = output_reserve(&tsv->output, LINE_SIZE);
	p += endpoint_format(&a->client, p, ENDPOINT_TEXT_SIZE);
	*p++ = '\t';
	p = put_server(tsv, p, &a->server);
	*p++ = '\t';
	p = put_count(p, a->isn);
	p = put_time(tsv, p, a->syn_ns);
	p = put_count(p, a->syns);
	p = put_time(tsv, p, a->synack_ns);
	p = put_count(p, a->synacks);
	p = put_time(tsv, p, a->ack_ns);
	p = put_time(tsv, p, a->accept_ns);
	p = put_time(tsv, p, a->accept_after_ns);
	p = put_time(tsv, p, a->accept_before_ns);
	p = put_time(tsv, p, a->fork_ns);
	if (a->child_pid)
		p = decimal_put_i64(p, a->child_pid);
	*p++ = '\t';
	p = put_time(tsv, p, a->end_ns);
	p = put_outcome(tsv, p, a->outcome);
	p = put_causes(p, a);
	p = put_difference(p, a->syn_to_synack_ns);
	p = put_difference(p, a->synack_to_ack_ns);
	p = put_difference(p, a->connect_ns);
	p = put_difference(p, a->accept_wait_ns);
	p = put_difference(p, a->accept_to_fork_ns);
	p[-1] = tsv->filter ? '\t' : '\n';
	output_commit(&tsv->output, p);
	if (tsv->filter) {
		output_text(&tsv->output, tsv->filter);
		output_text(&tsv->output, "\n");
	}
	return tsv->output.error;
}

static int tsv_finish(struct sink *sink, const struct report *report)
{
	struct tsv_sink *tsv = (struct tsv_sink *)sink;

	(void)report;
	if (!tsv->begun)
		put_header(tsv);
	return output_finish(&tsv->output);
}

static void tsv_free(struct sink *sink)
{
	free(sink);
}

static const struct sink_ops tsv_ops = {
    .attempt = tsv_attempt, .finish = tsv_finish, .free = tsv_free};

struct sink *tsv_sink_new(FILE *out, const struct sink_style *style)
{
	struct tsv_sink *tsv = calloc(1, sizeof(*tsv));

	if (!tsv)
		return NULL;
	tsv->sink.ops = &tsv_ops;
	tsv->filter = style->filter;
	for (int i = 0; i < OUTCOME_COUNT; i++) {
		struct outcome_text *text = &tsv->outcomes[i];

		text->length = (uint8_t)strlen(outcome_name(i));
		assert(text->length <= sizeof(text->name));
		memcpy(text->name, outcome_name(i), text->length);
	}
	output_init(&tsv->output, out);
	return &tsv->sink;
}
