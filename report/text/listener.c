/*
 * The table of listeners, and the table of latencies. What is idle or not known
 * for anybody is left out, unless all is wanted.
 */
#include "report/text/text.h"

#include <inttypes.h>
#include <string.h>

#include "report/attempt/words.h"

/* Rows of the table; beyond them only their number is shown. */
#define ROWS_MAX 40

#define INDENT 4

enum column {
	COLUMN_FULL,
	COLUMN_BACKLOG,
	COLUMN_LIMIT,
	COLUMN_PEAK,
	COLUMN_DROPS,
	COLUMN_SK_DROPS,
	COLUMN_ATTEMPTS,
	COLUMN_ACCEPTED,
	COLUMN_COUNT,
};

static const struct {
	const char *title;
	int width;
} columns[COLUMN_COUNT] = {
    [COLUMN_FULL] = {"full", 8},	 [COLUMN_BACKLOG] = {"backlog", 9},
    [COLUMN_LIMIT] = {"limit", 7},	 [COLUMN_PEAK] = {"peak", 6},
    [COLUMN_DROPS] = {"drops", 7},	 [COLUMN_SK_DROPS] = {"sk_drops", 9},
    [COLUMN_ATTEMPTS] = {"attempts", 9}, [COLUMN_ACCEPTED] = {"accepted", 9},
};

struct table {
	const struct report_listener *rows[ROWS_MAX];
	size_t count;
	size_t idle, beyond; /* left out */
	bool shown[COLUMN_COUNT];
	unsigned numbers; /* the room that the columns take */
	unsigned process; /* and the process */
	unsigned address; /* its width */
	bool wide;	  /* the address is in the line of its numbers */
	bool narrow;	  /* they do not fit in one line */
};

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

/* Of a socket of a group: which of them took an attempt is not always known. */
static const char *share(const struct report_listener *listener, uint64_t own,
			 char out[TEXT_VALUE_SIZE])
{
	if (listener->group_attempts && !own)
		return "-";
	text_count((int64_t)own, out);
	if (listener->group_attempts && strlen(out) + 1 < TEXT_VALUE_SIZE)
		strcat(out, "+");
	return out;
}

/* "-": not known. */
static const char *number(const struct text *text, const struct report_listener *listener,
			  enum column column, char out[TEXT_VALUE_SIZE])
{
	switch (column) {
	case COLUMN_FULL:
		if (!text_depth_known(listener) || report_full_ns(listener) < 0)
			return "-";
		return listener->full_ns ? text_duration(text, listener->full_ns, out) : "0";
	case COLUMN_BACKLOG:
		return text_count(listener->backlog, out);
	case COLUMN_LIMIT:
		return text_count(listener->limit, out);
	case COLUMN_PEAK:
		return text_count(listener->queue_peak, out);
	case COLUMN_DROPS:
		return text_count(report_drops(text->report, listener), out);
	case COLUMN_SK_DROPS:
		return text_count(listener->sk_drops, out);
	case COLUMN_ATTEMPTS:
		if (text->report->packets_missing && !listener->attempts)
			return "-";
		return share(listener, listener->attempts, out);
	case COLUMN_ACCEPTED:
		if (text->report->kind == REPORT_PCAP ||
		    (text->report->packets_missing && !listener->attempts))
			return "-";
		return share(listener, listener->outcomes[OUTCOME_ACCEPTED], out);
	case COLUMN_COUNT:
		break;
	}
	return "-";
}

/* The numbers with their titles, where the page is narrower than they are side by side. */
static void put_narrow(const struct text *text, const struct table *table,
		       const struct report_listener *listener, const char *address)
{
	char value[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence, "%s %s", address, owner(text, listener, value));
	text_paragraph(text, "", 2, sentence.text);
	sentence_clear(&sentence);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (table->shown[i])
			sentence_add(&sentence, "%s%s %s", sentence.used ? ", " : "",
				     columns[i].title, number(text, listener, i, value));
	text_paragraph(text, "  ", 2, sentence.text);
}

/* Where the line has no room for the process, it stands behind the address, above the numbers. */
static void put_row(const struct text *text, const struct table *table,
		    const struct report_listener *listener)
{
	enum text_colour colour = listener->drops ? TEXT_RED : TEXT_PLAIN;
	char address[ENDPOINT_TEXT_SIZE], value[TEXT_VALUE_SIZE];

	report_listener_format(listener, address);
	text_begin_colour(text, colour);
	if (table->narrow) {
		put_narrow(text, table, listener, address);
		text_end_colour(text, colour);
		return;
	}
	if (table->wide)
		text_cell(text, address, -(int)table->address);
	else
		fprintf(text->out, "%s  %s\n%*s", address, owner(text, listener, value), INDENT,
			"");
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (table->shown[i])
			text_cell(text, number(text, listener, i, value), columns[i].width);
	if (table->wide)
		fprintf(text->out, "  %s", owner(text, listener, value));
	text_end_colour(text, colour);
	fputc('\n', text->out);
}

static void add_remarks(struct sentence *sentence, const struct report_listener *listener)
{
	sentence_clear(sentence);
	if (listener->closed)
		sentence_add(sentence, " was closed during the observation;");
	if (listener->defer_accept_s > 0)
		sentence_add(sentence, " has TCP_DEFER_ACCEPT (%" PRId32 " s);",
			     listener->defer_accept_s);
	if (listener->fastopen > 0)
		sentence_add(sentence, " has TCP Fast Open (queue limit %" PRId32 ");",
			     listener->fastopen);
	if (listener->disagreements)
		sentence_add(sentence,
			     " has %" PRIu64 " sample%s that disagree%s with the rebuilt depth;",
			     listener->disagreements, listener->disagreements == 1 ? "" : "s",
			     listener->disagreements == 1 ? "s" : "");
}

/* The group that the socket is in, once. */
static void put_group(const struct text *text, const struct report_listener *listener,
		      const char *address)
{
	const struct report *report = text->report;
	struct sentence sentence;
	char count[TEXT_VALUE_SIZE];
	unsigned sockets = 0;

	for (size_t i = 0; i < report->listeners_count; i++)
		sockets += report->listeners[i].reuseport &&
			   report_same_place(&report->listeners[i], listener);
	sentence_clear(&sentence);
	sentence_add(&sentence, " is a SO_REUSEPORT group of %u socket%s, each with its own queue",
		     sockets, sockets == 1 ? "" : "s");
	if (listener->group_attempts)
		sentence_add(&sentence, "; which of them took %s attempt%s is not known",
			     text_count((int64_t)listener->group_attempts, count),
			     listener->group_attempts == 1 ? "" : "s");
	sentence_add(&sentence, ".");
	text_paragraph(text, address, 2, sentence.text);
}

/* Several sockets may have one address: what holds of each of them is said once. */
static void put_remarks(const struct text *text, const struct table *table, size_t row)
{
	const struct report_listener *listener = table->rows[row];
	char address[ENDPOINT_TEXT_SIZE];
	struct sentence sentence, other;
	bool group = listener->reuseport, again = false;

	report_listener_format(listener, address);
	add_remarks(&sentence, listener);
	for (size_t i = 0; i < row; i++) {
		if (!report_same_place(table->rows[i], listener))
			continue;
		group = group && !table->rows[i]->reuseport;
		add_remarks(&other, table->rows[i]);
		again = again || strcmp(other.text, sentence.text) == 0;
	}
	if (group)
		put_group(text, listener, address);
	if (!sentence.used || again)
		return;
	sentence.text[sentence.used - 1] = '.';
	text_paragraph(text, address, 2, sentence.text);
}

/* Nothing came to it, and nothing is wrong with it. */
static bool is_idle(const struct report_listener *listener)
{
	return !listener->attempts && !listener->group_attempts && !listener->drops &&
	       listener->sk_drops <= 0 && listener->queue_peak <= 0;
}

static void choose_rows(const struct text *text, struct table *table)
{
	const struct report *report = text->report;
	bool all = text->full;
	size_t busy = 0;

	for (size_t i = 0; i < report->listeners_count; i++)
		busy += !is_idle(&report->listeners[i]);
	/* Where all are idle, a few of them show that they were looked at. */
	if (!busy && report->listeners_count <= 4)
		all = true;
	for (size_t i = 0; i < report->listeners_count; i++) {
		if (!all && is_idle(&report->listeners[i]))
			table->idle++;
		else if (table->count == ROWS_MAX)
			table->beyond++;
		else
			table->rows[table->count++] = &report->listeners[i];
	}
}

/* The columns in which something is known, and whether the address fits beside them. */
static void lay_out(const struct text *text, struct table *table)
{
	char value[TEXT_VALUE_SIZE], address[ENDPOINT_TEXT_SIZE];

	table->address = 16;
	for (size_t i = 0; i < table->count; i++) {
		size_t length = report_listener_format(table->rows[i], address);

		size_t process = text_width(owner(text, table->rows[i], value));

		table->address = length > table->address ? (unsigned)length : table->address;
		table->process = process > table->process ? (unsigned)process : table->process;
		for (int j = 0; j < COLUMN_COUNT; j++)
			if (text->full || strcmp(number(text, table->rows[i], j, value), "-") != 0)
				table->shown[j] = true;
	}
	for (int j = 0; j < COLUMN_COUNT; j++)
		if (table->shown[j])
			table->numbers += (unsigned)columns[j].width;
	table->narrow = INDENT + table->numbers > text->columns;
	table->wide = table->address + table->numbers + 2 + table->process <= text->columns;
}

static void put_titles(const struct text *text, const struct table *table)
{
	text_begin_colour(text, TEXT_DIM);
	text_cell(text, table->wide ? "address" : "", table->wide ? -(int)table->address : INDENT);
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (table->shown[i])
			text_cell(text, columns[i].title, columns[i].width);
	if (table->wide)
		fputs("  process", text->out);
	text_end_colour(text, TEXT_DIM);
	fputc('\n', text->out);
}

static void put_left_out(const struct text *text, const struct table *table)
{
	struct sentence sentence;

	sentence_clear(&sentence);
	if (table->beyond)
		sentence_add(&sentence, "%zu more listener%s not shown: see the HTML report.%s",
			     table->beyond, table->beyond == 1 ? " is" : "s are",
			     table->idle ? " " : "");
	if (table->idle)
		sentence_add(&sentence, "%zu idle listener%s not shown (--full shows %s).",
			     table->idle, table->idle == 1 ? " is" : "s are",
			     table->idle == 1 ? "it" : "them");
	if (sentence.used)
		text_paragraph(text, "", 0, sentence.text);
}

void text_put_listeners(const struct text *text)
{
	struct table table = {.count = 0};

	if (!text->report->listeners_count)
		return;
	choose_rows(text, &table);
	lay_out(text, &table);
	text_heading(text, "Listeners");
	if (table.count && !table.narrow)
		put_titles(text, &table);
	for (size_t i = 0; i < table.count; i++)
		put_row(text, &table, table.rows[i]);
	for (size_t i = 0; i < table.count; i++)
		put_remarks(text, &table, i);
	put_left_out(text, &table);
}

/* Of the columns of latencies, in the order in which they are given up on a narrow page. */
static const struct {
	const char *title;
	unsigned rank; /* 0 stays longest */
} latency_columns[] = {
    {"   count", 3}, {"     min", 6}, {"     p50", 0}, {"     p90", 4},
    {"     p99", 2}, {"   p99.9", 5}, {"     max", 1},
};

void text_put_latency(const struct text *text)
{
	char value[TEXT_VALUE_SIZE];
	unsigned room = (text->columns - 21) / 8;
	bool any = false;

	for (int i = 0; i < LATENCY_COUNT; i++)
		any = any || text->report->latency[i].count;
	if (!any)
		return;
	text_heading(text, "Latencies");
	text_begin_colour(text, TEXT_DIM);
	text_cell(text, "", -21);
	for (size_t j = 0; j < sizeof(latency_columns) / sizeof(latency_columns[0]); j++)
		if (latency_columns[j].rank < room)
			fputs(latency_columns[j].title, text->out);
	text_end_colour(text, TEXT_DIM);
	fputc('\n', text->out);
	for (int i = 0; i < LATENCY_COUNT; i++) {
		const struct latency_summary *latency = &text->report->latency[i];
		int64_t values[] = {latency->min, latency->p50,	 latency->p90,
				    latency->p99, latency->p999, latency->max};

		if (!latency->count && !text->full)
			continue;
		text_cell(text, latency_words(i), -21);
		if (latency_columns[0].rank < room)
			text_cell(text, text_count((int64_t)latency->count, value), 8);
		for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			if (latency_columns[j + 1].rank < room)
				text_cell(text,
					  latency->count ? text_duration(text, values[j], value)
							 : "-",
					  8);
		fputc('\n', text->out);
	}
}
