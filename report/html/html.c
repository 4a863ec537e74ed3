/*
 * The HTML report: one file, no network. Attempts are buffered as they end; the
 * page is written at the end: its head, the data, its tail. The data stand in
 * script elements that are no scripts (application/json), where text can end
 * neither the element nor the page, since < > & are escaped.
 */
#include <errno.h>
#include <stdlib.h>

#include "report/attempt/phase.h"
#include "report/attempt/words.h"
#include "report/html/columns.h"
#include "report/html/page.h"
#include "report/json/parts.h"
#include "report/json/writer.h"
#include "report/measure/cost.h"
#include "report/sink/attempt_buffer.h"
#include "report/sink/daytime.h"
#include "report/sink/formats.h"

struct html_sink {
	struct sink sink;
	FILE *out;
	struct attempt_buffer *buffer;
	struct cost cost;
	bool utc;
	struct json_writer json; /* of one element of data after the other */
};

static int html_attempt(struct sink *sink, const struct attempt *attempt)
{
	struct html_sink *html = (struct html_sink *)sink;

	cost_add(&html->cost, attempt);
	return attempt_buffer_add(html->buffer, attempt);
}

static int write_bytes(FILE *out, const void *bytes, size_t size)
{
	errno = 0;
	if (fwrite(bytes, 1, size, out) != size)
		return errno ? -errno : -EIO;
	return 0;
}

static int write_text(FILE *out, const char *text)
{
	return write_bytes(out, text, strlen(text));
}

static int begin_data(struct html_sink *html, const char *tag)
{
	int rc = write_text(html->out, tag);

	json_writer_init(&html->json, html->out);
	html->json.markup_safe = true;
	return rc;
}

static int end_data(struct html_sink *html)
{
	int rc = json_writer_finish(&html->json);

	return rc ? rc : write_text(html->out, "</script>\n");
}

static int write_chunk(struct html_sink *html, struct html_columns *columns)
{
	int rc = begin_data(html, "<script type=\"application/json\" class=\"attempts\">");
	int error;

	if (rc)
		return rc;
	rc = html_columns_write(columns, &html->json);
	error = end_data(html);
	return rc ? rc : error;
}

static int write_attempts(struct html_sink *html, const struct report *report)
{
	struct html_columns *columns;
	struct attempt attempt;
	int rc = html_columns_new(report, &columns);

	if (rc)
		return rc;
	attempt_buffer_rewind(html->buffer);
	while ((rc = attempt_buffer_next(html->buffer, &attempt)) > 0) {
		rc = html_columns_add(columns, &attempt);
		if (!rc && html_columns_full(columns))
			rc = write_chunk(html, columns);
		if (rc)
			break;
	}
	if (!rc && html_columns_count(columns))
		rc = write_chunk(html, columns);
	html_columns_free(columns);
	return rc;
}

static void put_names(struct json_writer *json, const char *key, int count,
		      const char *(*name)(int value))
{
	jw_key(json, key);
	jw_array_begin(json, JSON_COMPACT);
	for (int i = 0; i < count; i++)
		jw_string(json, name(i));
	jw_end(json);
}

static const char *outcome_at(int value)
{
	return outcome_name((enum outcome)value);
}

static const char *cause_at(int value)
{
	return cause_name((enum cause)value);
}

static const char *confidence_at(int value)
{
	return confidence_name((enum confidence)value);
}

static const char *mark_kind_at(int value)
{
	return mark_kind_name((enum mark_kind)value);
}

/* Each name in words, by the name. */
static void put_words(struct json_writer *json, const struct report *report)
{
	int64_t cookies = report->host_known ? report->host.tcp_syncookies : -1;

	jw_key(json, "words");
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		jw_put_string(json, outcome_name((enum outcome)i), outcome_words((enum outcome)i));
	for (int i = 0; i < CAUSE_COUNT; i++)
		jw_put_string(json, cause_name((enum cause)i), cause_words((enum cause)i, cookies));
	for (int i = 0; i < CONFIDENCE_COUNT; i++)
		jw_put_string(json, confidence_name((enum confidence)i),
			      confidence_words((enum confidence)i));
	for (int i = 0; i < LATENCY_COUNT; i++)
		jw_put_string(json, latency_name((enum latency)i), latency_words((enum latency)i));
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		jw_put_string(json, loss_kind_name((enum loss_kind)i),
			      loss_words((enum loss_kind)i));
	for (int i = 0; i < SKIP_REASON_COUNT; i++)
		jw_put_string(json, skip_reason_name((enum skip_reason)i),
			      skip_words((enum skip_reason)i));
	jw_end(json);
	jw_key(json, "phases");
	jw_array_begin(json, JSON_COMPACT);
	for (int i = 0; i < PHASE_COUNT; i++)
		jw_string(json, phase_name((enum phase)i));
	jw_end(json);
}

/* What the numbers in the columns mean. */
static void put_all_names(struct json_writer *json, const struct report *report)
{
	jw_key(json, "names");
	jw_object_begin(json, JSON_COMPACT);
	put_names(json, "outcomes", OUTCOME_COUNT, outcome_at);
	put_names(json, "causes", CAUSE_COUNT, cause_at);
	put_names(json, "confidences", CONFIDENCE_COUNT, confidence_at);
	put_names(json, "marks", MARK_KIND_COUNT, mark_kind_at);
	jw_key(json, "drops");
	jw_array_begin(json, JSON_COMPACT);
	for (int i = 0; i < CAUSE_COUNT; i++)
		jw_bool(json, cause_is_drop((enum cause)i));
	jw_end(json);
	put_words(json, report);
	jw_end(json);
}

static void put_cost(struct json_writer *json, const struct cost *cost)
{
	const struct {
		const char *key;
		const struct histogram *histogram;
	} parts[] = {{"hit", &cost->hit}, {"again", &cost->again}, {"spared", &cost->spared}};

	jw_key(json, "cost");
	jw_object_begin(json, JSON_COMPACT);
	jw_put_u64(json, "never", cost->never);
	jw_put_u64(json, "waiting", cost->waiting);
	jw_put_time(json, "waiting_since_ns", cost->waiting_since_ns);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct latency_summary summary = histogram_summary(parts[i].histogram);

		jw_key(json, parts[i].key);
		json_put_latency(json, &summary);
	}
	jw_end(json);
}

/* The members of `--format json`, but for the attempts, and what people are told beside them. */
static void put_report(struct html_sink *html, const struct report *report)
{
	struct json_writer *json = &html->json;

	jw_object_begin(json, JSON_LINES);
	json_put_report(json, report);
	put_cost(json, &html->cost);
	jw_put_i64(json, "utc_offset_s", daytime_offset_s(report->start_ns, html->utc));
	put_all_names(json, report);
	jw_end(json);
}

static int html_finish(struct sink *sink, const struct report *report)
{
	struct html_sink *html = (struct html_sink *)sink;
	int rc = write_bytes(html->out, html_page_head, html_page_head_size);

	if (!rc)
		rc = begin_data(html, "<script type=\"application/json\" id=\"report\">");
	if (!rc) {
		put_report(html, report);
		rc = end_data(html);
	}
	if (!rc)
		rc = write_attempts(html, report);
	if (!rc)
		rc = write_bytes(html->out, html_page_tail, html_page_tail_size);
	errno = 0;
	if (!rc && (fflush(html->out) != 0 || ferror(html->out)))
		rc = errno ? -errno : -EIO;
	return rc;
}

static void html_free(struct sink *sink)
{
	struct html_sink *html = (struct html_sink *)sink;

	attempt_buffer_free(html->buffer);
	free(html);
}

static const struct sink_ops html_ops = {
    .attempt = html_attempt,
    .finish = html_finish,
    .free = html_free,
};

struct sink *html_sink_new(FILE *out, const struct sink_style *style)
{
	struct html_sink *html = calloc(1, sizeof(*html));

	if (!html)
		return NULL;
	cost_init(&html->cost);
	html->utc = style->utc;
	html->sink.ops = &html_ops;
	html->out = out;
	if (attempt_buffer_new(0, &html->buffer)) {
		free(html);
		return NULL;
	}
	return &html->sink;
}
