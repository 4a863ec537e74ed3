/*
 * The table of listeners, and the table of latencies.
 */
#include "report/text/text.h"

#include <inttypes.h>
#include <string.h>

#include "report/attempt/words.h"

/* Rows of the table; beyond them only their number is shown. */
#define ROWS_MAX 40

/* The numbers and the room that they take; the process has what is left. */
#define NUMBERS_COLUMNS 64
#define PROCESS_COLUMNS 14
#define INDENT		4

static const char *owner(const struct text *text, const struct report_listener *listener,
			 char out[TEXT_VALUE_SIZE])
{
	char comm[24];

	text_safe(text, listener->comm, comm, sizeof(comm));
	if (!listener->pids_count)
		return "-";
	if (listener->pids_count == 1)
		snprintf(out, TEXT_VALUE_SIZE, "%.23s %" PRId32, comm, listener->pids[0]);
	else
		snprintf(out, TEXT_VALUE_SIZE, "%.23s %" PRId32 " +%u", comm, listener->pids[0],
			 (unsigned)listener->pids_count - 1);
	return out;
}

static void put_numbers(const struct text *text, const struct report_listener *listener)
{
	char value[TEXT_VALUE_SIZE];
	const char *full = "-", *accepted = "-";

	if (text_depth_known(listener))
		full = listener->full_ns ? text_duration(text, listener->full_ns, value) : "0";
	text_cell(text, full, 8);
	text_cell(text, text_count(listener->backlog, value), 9);
	text_cell(text, text_count(listener->limit, value), 7);
	text_cell(text, text_count(listener->queue_peak, value), 6);
	text_cell(text, text_count(report_drops(text->report, listener), value), 7);
	text_cell(text, text_count(listener->sk_drops, value), 9);
	text_cell(text, text_count((int64_t)listener->attempts, value), 9);
	if (text->report->kind != REPORT_PCAP)
		accepted = text_count((int64_t)listener->outcomes[OUTCOME_ACCEPTED], value);
	text_cell(text, accepted, 9);
}

/* wide: the address stands in the same line as its numbers, in a field of this width. */
static void put_row(const struct text *text, const struct report_listener *listener, bool wide,
		    unsigned width)
{
	unsigned used = (wide ? width : INDENT) + NUMBERS_COLUMNS + 2;
	enum text_colour colour = listener->drops ? TEXT_RED : TEXT_PLAIN;
	char address[ENDPOINT_TEXT_SIZE], value[TEXT_VALUE_SIZE], cut[TEXT_VALUE_SIZE];

	endpoint_format(&listener->local, address, sizeof(address));
	text_begin_colour(text, colour);
	if (wide)
		text_cell(text, address, -(int)width);
	else
		fprintf(text->out, "%s\n%*s", address, INDENT, "");
	put_numbers(text, listener);
	/* Cut at the page's edge, by characters. */
	snprintf(cut, sizeof(cut), "%s", owner(text, listener, value));
	for (size_t length = strlen(cut); length && used + text_width(cut) > text->columns;)
		cut[--length] = '\0';
	for (size_t length = strlen(cut); length && cut[length - 1] == ' ';)
		cut[--length] = '\0';
	fprintf(text->out, "  %s", cut);
	text_end_colour(text, colour);
	fputc('\n', text->out);
}

static void put_remarks(const struct text *text, const struct report_listener *listener)
{
	char address[ENDPOINT_TEXT_SIZE];
	struct sentence sentence;

	endpoint_format(&listener->local, address, sizeof(address));
	sentence_clear(&sentence);
	if (listener->reuseport)
		sentence_add(&sentence, " is in a SO_REUSEPORT group: each socket has its own "
					"queue;");
	if (listener->closed)
		sentence_add(&sentence, " was closed during the observation;");
	if (listener->defer_accept_s > 0)
		sentence_add(&sentence, " has TCP_DEFER_ACCEPT (%" PRId32 " s);",
			     listener->defer_accept_s);
	if (listener->fastopen > 0)
		sentence_add(&sentence, " has TCP Fast Open (queue limit %" PRId32 ");",
			     listener->fastopen);
	if (listener->disagreements)
		sentence_add(&sentence,
			     " has %" PRIu64 " sample%s that disagree%s with the rebuilt depth;",
			     listener->disagreements, listener->disagreements == 1 ? "" : "s",
			     listener->disagreements == 1 ? "s" : "");
	if (!sentence.used)
		return;
	sentence.text[sentence.used - 1] = '.';
	text_paragraph(text, address, 2, sentence.text);
}

void text_put_listeners(const struct text *text)
{
	const struct report *report = text->report;
	size_t rows = report->listeners_count < ROWS_MAX ? report->listeners_count : ROWS_MAX;
	unsigned width = 16;
	bool wide;

	if (!report->listeners_count)
		return;
	for (size_t i = 0; i < rows; i++) {
		char address[ENDPOINT_TEXT_SIZE];
		size_t length =
		    endpoint_format(&report->listeners[i].local, address, sizeof(address));

		width = length > width ? (unsigned)length : width;
	}
	wide = width + NUMBERS_COLUMNS + 2 + PROCESS_COLUMNS <= text->columns;
	text_heading(text, "Listeners");
	text_begin_colour(text, TEXT_DIM);
	text_cell(text, wide ? "address" : "", wide ? -(int)width : INDENT);
	fputs("    full  backlog  limit  peak  drops sk_drops attempts accepted  process\n",
	      text->out);
	text_end_colour(text, TEXT_DIM);
	for (size_t i = 0; i < rows; i++)
		put_row(text, &report->listeners[i], wide, width);
	for (size_t i = 0; i < rows; i++)
		put_remarks(text, &report->listeners[i]);
	if (rows < report->listeners_count)
		fprintf(text->out, "and %zu more\n", report->listeners_count - rows);
}

void text_put_latency(const struct text *text)
{
	char value[TEXT_VALUE_SIZE];
	bool any = false;

	for (int i = 0; i < LATENCY_COUNT; i++)
		any = any || text->report->latency[i].count;
	if (!any)
		return;
	text_heading(text, "Latencies");
	text_begin_colour(text, TEXT_DIM);
	text_cell(text, "", -21);
	fputs("   count     min     p50     p90     p99   p99.9     max\n", text->out);
	text_end_colour(text, TEXT_DIM);
	for (int i = 0; i < LATENCY_COUNT; i++) {
		const struct latency_summary *latency = &text->report->latency[i];
		int64_t values[] = {latency->min, latency->p50,	 latency->p90,
				    latency->p99, latency->p999, latency->max};

		if (!latency->count && !text->full)
			continue;
		text_cell(text, latency_words(i), -21);
		text_cell(text, text_count((int64_t)latency->count, value), 8);
		for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			text_cell(text,
				  latency->count ? text_duration(text, values[j], value) : "-", 8);
		fputc('\n', text->out);
	}
}
