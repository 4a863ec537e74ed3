/*
 * The listeners of the live view: a row each, with a bar for the depth of the
 * accept queue, rates, and latencies; below it what was dropped and why. Which
 * columns there are depends on the width; the most important ones stay.
 */
#include "report/watch/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MIN 10
#define BAR_MIN	 6
#define BAR_MAX	 24
/* Columns from this rank on come only where the bar keeps so much. */
#define RANK_EXTRA 7
#define BAR_EXTRA  12
#define RANK_MAX   10
/* "  postgres 12345" */
#define PROCESS_MIN 16

enum column {
	COLUMN_NOW,
	COLUMN_PEAK,
	COLUMN_LIMIT,
	COLUMN_HALF_OPEN,
	COLUMN_SYNS,
	COLUMN_HANDSHAKES,
	COLUMN_ACCEPTS,
	COLUMN_DROPS,
	COLUMN_HANDSHAKE_P50,
	COLUMN_HANDSHAKE_P99,
	COLUMN_WAIT_P50,
	COLUMN_WAIT_P99,
	COLUMN_COUNT,
};

enum group { GROUP_QUEUE, GROUP_RATES, GROUP_HANDSHAKE, GROUP_WAIT, GROUP_COUNT };

static const char *const group_titles[GROUP_COUNT] = {
    [GROUP_QUEUE] = "accept queue",
    [GROUP_RATES] = "per second",
    [GROUP_HANDSHAKE] = "handshake",
    [GROUP_WAIT] = "in queue",
};

struct column_form {
	const char *title;
	enum group group;
	unsigned width; /* with the blank before it */
	unsigned rank;	/* the lower the longer it stays; 0 always */
};

static const struct column_form forms[COLUMN_COUNT] = {
    [COLUMN_NOW] = {"now", GROUP_QUEUE, 6, 0},
    [COLUMN_PEAK] = {"peak", GROUP_QUEUE, 6, 2},
    [COLUMN_LIMIT] = {"limit", GROUP_QUEUE, 6, 0},
    [COLUMN_HALF_OPEN] = {"half-open", GROUP_QUEUE, 10, 10},
    [COLUMN_SYNS] = {"SYNs", GROUP_RATES, 8, 7},
    [COLUMN_HANDSHAKES] = {"handshakes", GROUP_RATES, 11, 3},
    [COLUMN_ACCEPTS] = {"accepts", GROUP_RATES, 8, 4},
    [COLUMN_DROPS] = {"drops", GROUP_RATES, 7, 1},
    [COLUMN_HANDSHAKE_P50] = {"p50", GROUP_HANDSHAKE, 8, 8},
    [COLUMN_HANDSHAKE_P99] = {"p99", GROUP_HANDSHAKE, 10, 6},
    [COLUMN_WAIT_P50] = {"p50", GROUP_WAIT, 8, 9},
    [COLUMN_WAIT_P99] = {"p99", GROUP_WAIT, 9, 5},
};

struct layout {
	unsigned name;
	unsigned bar;
	unsigned process; /* at the end, with its blank; 0: not shown */
	bool shown[COLUMN_COUNT];
};

const char *view_rate(int64_t count, int64_t interval_ns, char out[TEXT_VALUE_SIZE])
{
	int64_t seconds, tenths;

	if (interval_ns <= 0)
		return strcpy(out, "-");
	if (count < 0)
		count = 0; /* drops that were taken back */
	if (count == 0)
		return strcpy(out, "0");
	/* Counts of an interval, times 10^10, fit: there are no 10^8 packets in one. */
	tenths = (count > 900000000 ? 900000000 : count) * 10 * NS_PER_SEC / interval_ns;
	seconds = tenths / 10;
	if (tenths >= 1000)
		return text_count(seconds, out);
	snprintf(out, TEXT_VALUE_SIZE, "%" PRId64 ".%" PRId64, seconds, tenths % 10);
	return out;
}

static struct layout lay_out(const struct text *text, const struct snapshot *s)
{
	struct layout layout = {.name = NAME_MIN};
	unsigned left;

	for (size_t i = 0; i < s->listeners_count; i++) {
		char address[ENDPOINT_TEXT_SIZE];
		unsigned length =
		    (unsigned)endpoint_format_on(&s->listeners[i].local, s->listeners[i].interface,
						 s->listeners[i].device, address, sizeof(address));

		layout.name = length > layout.name ? length : layout.name;
	}
	if (layout.name > text->columns / 4 && layout.name > 20)
		layout.name = text->columns / 4 > 20 ? text->columns / 4 : 20;
	left = text->columns - layout.name - 1 - BAR_MIN;
	for (unsigned rank = 0; rank <= RANK_MAX; rank++) {
		unsigned kept = rank < RANK_EXTRA ? 0 : BAR_EXTRA - BAR_MIN;

		for (int c = 0; c < COLUMN_COUNT; c++) {
			if (forms[c].rank != rank || forms[c].width + kept > left)
				continue;
			layout.shown[c] = true;
			left -= forms[c].width;
		}
	}
	layout.bar = BAR_MIN + left < BAR_MAX ? BAR_MIN + left : BAR_MAX;
	left -= layout.bar - BAR_MIN;
	layout.process = left >= PROCESS_MIN ? left : 0;
	return layout;
}

/* Titles of groups above the right ends of their columns. */
static void put_heads(const struct text *text, const struct layout *layout)
{
	unsigned widths[GROUP_COUNT] = {layout->bar + 1};
	struct sentence sentence;

	for (int c = 0; c < COLUMN_COUNT; c++)
		if (layout->shown[c])
			widths[forms[c].group] += forms[c].width;
	text_begin_colour(text, TEXT_DIM);
	text_cell(text, "", -(int)layout->name);
	sentence_clear(&sentence);
	for (int g = 0; g < GROUP_COUNT; g++) {
		if (g == GROUP_QUEUE)
			sentence_add(&sentence, " %-*s", (int)widths[g] - 1, group_titles[g]);
		else if (widths[g])
			sentence_add(&sentence, "%*s", (int)widths[g], group_titles[g]);
	}
	fputs(sentence.text, text->out);
	fputc('\n', text->out);
	text_cell(text, "listener", -(int)layout->name);
	fprintf(text->out, "%*s", (int)layout->bar + 1, "");
	for (int c = 0; c < COLUMN_COUNT; c++)
		if (layout->shown[c])
			text_cell(text, forms[c].title, (int)forms[c].width);
	fputs(layout->process ? "  process" : "", text->out);
	text_end_colour(text, TEXT_DIM);
	fputc('\n', text->out);
}

/* Some of cells for depth of capacity: one for any, and all only for a full queue. */
static unsigned cells_of(int64_t depth, int64_t capacity, unsigned cells)
{
	int64_t n;

	if (depth <= 0)
		return 0;
	if (depth >= capacity)
		return cells;
	n = depth * cells / capacity;
	return n ? (unsigned)n : 1;
}

static void repeat(const struct text *text, const char *string, unsigned count)
{
	while (count--)
		fputs(string, text->out);
}

/* Filled to the depth now, lighter up to the peak. */
static void put_bar(const struct text *text, const struct snapshot_listener *l, unsigned width)
{
	int64_t capacity = l->limit + 1;
	int64_t top = l->depth_peak > l->depth ? l->depth_peak : l->depth;
	unsigned now = cells_of(l->depth, capacity, width), peak = cells_of(top, capacity, width);
	enum text_colour colour = TEXT_GREEN;

	fputc(' ', text->out);
	if (l->closed || l->depth < 0) {
		text_begin_colour(text, TEXT_DIM);
		text_cell(text, l->closed ? "closed" : "?", -(int)width);
		text_end_colour(text, TEXT_DIM);
		return;
	}
	if (top >= capacity)
		colour = TEXT_RED;
	else if (top * 4 >= capacity * 3)
		colour = TEXT_YELLOW;
	text_begin_colour(text, colour);
	repeat(text, text->utf8 ? "\u2588" : "#", now);
	repeat(text, text->utf8 ? "\u2592" : "+", peak - now);
	text_end_colour(text, colour);
	text_begin_colour(text, TEXT_DIM);
	repeat(text, text->utf8 ? "\u00b7" : ".", width - peak);
	text_end_colour(text, TEXT_DIM);
}

static const char *percentile(const struct text *text, const struct latency_summary *latency,
			      int64_t ns, char out[TEXT_VALUE_SIZE])
{
	return latency->count ? text_duration(text, ns, out) : "-";
}

static const char *cell(const struct text *text, const struct snapshot *s,
			const struct snapshot_listener *l, bool counted, enum column column,
			char out[TEXT_VALUE_SIZE])
{
	const struct rate_counts *counts = &l->counts;
	int64_t interval_ns = counted ? s->to_ns - s->from_ns : 0;

	switch (column) {
	case COLUMN_NOW:
		return text_count(l->closed ? -1 : l->depth, out);
	case COLUMN_PEAK:
		return text_count(l->closed ? -1 : l->depth_peak, out);
	case COLUMN_LIMIT:
		return text_count(l->limit, out);
	case COLUMN_HALF_OPEN:
		return text_count(l->closed ? -1 : l->half_open, out);
	case COLUMN_SYNS:
		return view_rate(counts->syns, interval_ns, out);
	case COLUMN_HANDSHAKES:
		return view_rate(counts->handshakes, interval_ns, out);
	case COLUMN_ACCEPTS:
		return view_rate(counts->accepts, interval_ns, out);
	case COLUMN_DROPS:
		return view_rate(rate_counts_drops(counts), interval_ns, out);
	case COLUMN_HANDSHAKE_P50:
		return percentile(text, &l->handshake, l->handshake.p50, out);
	case COLUMN_HANDSHAKE_P99:
		return percentile(text, &l->handshake, l->handshake.p99, out);
	case COLUMN_WAIT_P50:
		return percentile(text, &l->accept_wait, l->accept_wait.p50, out);
	case COLUMN_WAIT_P99:
		return percentile(text, &l->accept_wait, l->accept_wait.p99, out);
	case COLUMN_COUNT:
		break;
	}
	return "";
}

/* Too long an address loses its beginning: the port tells more. */
static void put_name(const struct text *text, const struct snapshot_listener *l, unsigned width)
{
	char address[ENDPOINT_TEXT_SIZE];
	size_t length =
	    endpoint_format_on(&l->local, l->interface, l->device, address, sizeof(address));

	if (length <= width) {
		text_cell(text, address, -(int)width);
		return;
	}
	view_put_tail(text, address, width);
}

/* The first owner; ends the line. */
static void put_process(const struct text *text, const struct snapshot_listener *l, unsigned width)
{
	char comm[LISTENER_COMM_SIZE + 1], numbers[TEXT_VALUE_SIZE];
	size_t used, room;

	if (!l->pids_count) {
		fputc('\n', text->out);
		return;
	}
	/* The name may be cut, never a number. */
	used = (size_t)snprintf(numbers, sizeof(numbers), " %" PRId32, l->pids[0]);
	if (l->pids_count > 1)
		used += (size_t)snprintf(numbers + used, sizeof(numbers) - used, " +%u",
					 (unsigned)l->pids_count - 1);
	room = width > used + 2 ? width - used - 2 : 0;
	text_safe(text, l->comm, comm, room + 1 < sizeof(comm) ? room + 1 : sizeof(comm));
	fprintf(text->out, "  %s%s\n", comm, room ? numbers : "");
}

static void put_row(const struct text *text, const struct snapshot *s, size_t index,
		    const struct layout *layout)
{
	const struct snapshot_listener *l = &s->listeners[index];
	bool dropping = rate_counts_drops(&l->counts) > 0;
	char value[TEXT_VALUE_SIZE];

	text_begin_colour(text, dropping ? TEXT_RED : TEXT_BOLD);
	put_name(text, l, layout->name);
	text_end_colour(text, dropping ? TEXT_RED : TEXT_BOLD);
	put_bar(text, l, layout->bar);
	for (int c = 0; c < COLUMN_COUNT; c++) {
		enum text_colour colour = c == COLUMN_DROPS && dropping ? TEXT_RED : TEXT_PLAIN;

		if (!layout->shown[c])
			continue;
		text_begin_colour(text, colour);
		text_cell(text, cell(text, s, l, l->leader == index, (enum column)c, value),
			  (int)forms[c].width);
		text_end_colour(text, colour);
	}
	if (layout->process)
		put_process(text, l, layout->process);
	else
		fputc('\n', text->out);
}

/* "dropped 262, accept queue full: 51 SYNs (+3), 211 cookie ACKs" */
static void put_drops(const struct text *text, const struct snapshot_listener *l)
{
	char value[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence, "  dropped %s, ", text_count(rate_counts_drops(&l->total), value));
	view_add_drops(&sentence, l->total.drops, l->counts.drops, true);
	view_put_cut(text, rate_counts_drops(&l->counts) > 0 ? TEXT_RED : TEXT_YELLOW,
		     sentence.text);
}

/* "queue full: owner stopped (T) for 3.2 s, pid 4242" */
static void put_stall(const struct text *text, const struct snapshot_listener *l)
{
	char value[TEXT_VALUE_SIZE], why[STALL_TEXT_SIZE];
	bool full = l->depth > l->limit;
	struct sentence sentence;

	sentence_clear(&sentence);
	if (full)
		sentence_add(&sentence, "  queue full: ");
	else
		sentence_add(&sentence, "  %s waiting: ", text_count(l->depth, value));
	sentence_add(&sentence, "%s", stall_text(&l->stall, why));
	if (l->stall.pid)
		sentence_add(&sentence, ", pid %" PRId32, l->stall.pid);
	view_put_cut(text, full ? TEXT_RED : TEXT_YELLOW, sentence.text);
}

struct order {
	const struct snapshot_listener *listener;
	size_t index;
	int rank; /* of its leader: a SO_REUSEPORT group stands together */
};

/*
 * Those that dropped something first, those that nobody ever asked for last. The order is steady.
 */
static int rank(const struct snapshot_listener *l)
{
	if (rate_counts_drops(&l->total) > 0)
		return 0;
	if (l->closed)
		return 3;
	return l->total.syns ? 1 : 2;
}

static int by_rank(const void *x, const void *y)
{
	const struct order *a = x, *b = y;

	if (a->rank != b->rank)
		return a->rank - b->rank;
	if (a->listener->local.port != b->listener->local.port)
		return a->listener->local.port < b->listener->local.port ? -1 : 1;
	if (a->listener->leader != b->listener->leader)
		return a->listener->leader < b->listener->leader ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static size_t rows_of(const struct snapshot_listener *l)
{
	return 1 + (l->stall.cause != STALL_NONE) + (rate_counts_drops(&l->total) > 0);
}

/* A listener that came and went without a client is not worth a row. */
static bool is_shown(const struct snapshot_listener *l)
{
	return !l->closed || l->total.syns;
}

size_t view_table_rows(const struct snapshot *snapshot)
{
	size_t rows = 2;

	for (size_t i = 0; i < snapshot->listeners_count; i++)
		if (is_shown(&snapshot->listeners[i]))
			rows += rows_of(&snapshot->listeners[i]);
	return rows;
}

void view_put_table(const struct text *text, const struct snapshot *snapshot, size_t rows)
{
	struct order *order = calloc(snapshot->listeners_count + 1, sizeof(*order));
	struct layout layout = lay_out(text, snapshot);
	size_t count = 0, shown = 0, used = 2;

	for (size_t i = 0; order && i < snapshot->listeners_count; i++) {
		const struct snapshot_listener *l = &snapshot->listeners[i];

		if (is_shown(l))
			order[count++] =
			    (struct order){l, i, rank(&snapshot->listeners[l->leader])};
	}
	if (count)
		qsort(order, count, sizeof(*order), by_rank);
	put_heads(text, &layout);
	for (; shown < count; shown++) {
		const struct snapshot_listener *l = order[shown].listener;
		size_t more = shown + 1 < count; /* the line that says how many are left */

		if (++used + more > rows)
			break;
		put_row(text, snapshot, order[shown].index, &layout);
		if (l->stall.cause != STALL_NONE && used + 1 + more <= rows) {
			put_stall(text, l);
			used++;
		}
		if (rate_counts_drops(&l->total) > 0 && used + 1 + more <= rows) {
			put_drops(text, l);
			used++;
		}
	}
	if (shown < count) {
		struct sentence sentence;

		sentence_clear(&sentence);
		sentence_add(&sentence, "and %zu more", count - shown);
		view_put_cut(text, TEXT_DIM, sentence.text);
	}
	free(order);
}
