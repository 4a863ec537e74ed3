/*
 * The accept queue's depth over time against its limit, drawn with block
 * characters or ASCII: for each column of the chart the greatest depth in it.
 */
#include "report/text/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CHART_ROWS	8
#define CHART_LISTENERS 4
#define LABEL_COLUMNS	9
#define EIGHTHS		8

struct chart {
	struct text_axis axis;
	uint64_t top; /* depth at the upper edge */
	const struct report_listener *listener;
	int64_t *depths; /* of each column, DEPTH_UNKNOWN or DEPTH_GAP */
};

enum {
	DEPTH_UNKNOWN = -1, /* nothing is known */
	DEPTH_GAP = -2,	    /* since nothing was sampled */
};

static void raise_to(int64_t *depth, uint32_t to)
{
	if (*depth < (int64_t)to)
		*depth = to;
}

static void hold(struct chart *chart, int64_t from_ns, int64_t to_ns, uint32_t depth)
{
	unsigned to = text_axis_column(&chart->axis, to_ns);

	for (unsigned i = text_axis_column(&chart->axis, from_ns); i <= to; i++)
		raise_to(&chart->depths[i], depth);
}

/* A point holds until the next one, but for the gaps. */
static void add_series(struct chart *chart, const struct depth_series *series, bool gaps)
{
	const struct report_listener *l = chart->listener;
	int64_t end_ns = text_after(chart->axis.start_ns, chart->axis.length_ns);

	for (size_t i = 0; i < series->count; i++) {
		const struct depth_point *point = &series->points[i];
		int64_t from_ns = point->time_ns;
		int64_t to_ns = i + 1 < series->count ? point[1].time_ns : end_ns;

		for (size_t g = 0; gaps && g < l->gaps_count && l->gaps[g].start_ns < to_ns; g++) {
			if (l->gaps[g].end_ns <= from_ns)
				continue;
			if (l->gaps[g].start_ns >= from_ns)
				hold(chart, from_ns, l->gaps[g].start_ns, point->max);
			from_ns = l->gaps[g].end_ns;
		}
		if (from_ns <= to_ns)
			hold(chart, from_ns, to_ns, point->max);
	}
}

/* Where nothing is known for want of samples. Returns whether that is anywhere. */
static bool mark_gaps(struct chart *chart)
{
	const struct report_listener *l = chart->listener;
	bool any = false;

	for (size_t g = 0; g < l->gaps_count; g++) {
		unsigned to = text_axis_column(&chart->axis, l->gaps[g].end_ns);

		for (unsigned i = text_axis_column(&chart->axis, l->gaps[g].start_ns); i <= to; i++)
			if (chart->depths[i] == DEPTH_UNKNOWN) {
				chart->depths[i] = DEPTH_GAP;
				any = true;
			}
	}
	return any;
}

/* How much of a cell is filled: row 0 is the lowest. */
static unsigned cell_eighths(const struct chart *chart, unsigned row, unsigned column)
{
	int64_t depth = chart->depths[column];
	uint64_t scaled, below = (uint64_t)row * EIGHTHS;

	if (depth <= 0)
		return 0;
	scaled = ((uint64_t)depth * CHART_ROWS * EIGHTHS + chart->top - 1) / chart->top;
	if (scaled <= below)
		return 0;
	return scaled - below < EIGHTHS ? (unsigned)(scaled - below) : EIGHTHS;
}

static enum text_colour cell_colour(const struct chart *chart, unsigned column, unsigned eighths)
{
	if (!eighths)
		return TEXT_PLAIN;
	return chart->listener->limit >= 0 && chart->depths[column] > chart->listener->limit
		   ? TEXT_RED
		   : TEXT_CYAN;
}

static const char *cell_glyph(const struct text *text, unsigned eighths, enum text_colour colour)
{
	static const char *const blocks[EIGHTHS + 1] = {
	    " ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};

	if (text->utf8)
		return blocks[eighths];
	if (!eighths)
		return " ";
	return eighths <= EIGHTHS / 2 ? "." : colour == TEXT_RED ? "#" : ":";
}

static bool is_gap(const struct chart *chart, unsigned row, unsigned column)
{
	return row == 0 && chart->depths[column] == DEPTH_GAP;
}

/* The cells of a row up to the last that is not empty; colours change only where they do. */
static void put_cells(const struct text *text, const struct chart *chart, unsigned row)
{
	enum text_colour current = TEXT_PLAIN;
	unsigned columns = chart->axis.columns;

	while (columns && !cell_eighths(chart, row, columns - 1) &&
	       !is_gap(chart, row, columns - 1))
		columns--;
	for (unsigned i = 0; i < columns; i++) {
		unsigned eighths = cell_eighths(chart, row, i);
		enum text_colour colour = cell_colour(chart, i, eighths);

		if (colour != current) {
			text_end_colour(text, current);
			text_begin_colour(text, colour);
			current = colour;
		}
		fputs(is_gap(chart, row, i) ? "?" : cell_glyph(text, eighths, colour), text->out);
	}
	text_end_colour(text, current);
}

static void put_row(const struct text *text, const struct chart *chart, unsigned row)
{
	int64_t capacity = chart->listener->capacity;
	/* The row whose upper edge is the capacity: a queue that fills it is full. */
	uint64_t edge =
	    capacity > 0 ? ((uint64_t)capacity * CHART_ROWS + chart->top - 1) / chart->top : 0;
	bool limit = edge == row + 1;
	char label[TEXT_VALUE_SIZE] = "", count[TEXT_VALUE_SIZE];

	if (limit)
		snprintf(label, sizeof(label), "full %s", text_count(capacity, count));
	else if (row == CHART_ROWS - 1)
		text_count((int64_t)chart->top, label);
	else if (row == 0)
		strcpy(label, "0");
	text_cell(text, label, LABEL_COLUMNS - 1);
	if (limit)
		fputs(text->utf8 ? "\u2524" : "+", text->out);
	else
		fputs(text->utf8 ? "\u2502" : "|", text->out);
	put_cells(text, chart, row);
	fputc('\n', text->out);
}

/* The rates are those of all listeners together: drawn when they can only be this one's. */
static bool drops_alone(const struct text *text, const struct chart *chart)
{
	const struct report *report = text->report;

	for (size_t i = 0; i < report->listeners_count; i++)
		if ((report->listeners[i].drops > 0) != (&report->listeners[i] == chart->listener))
			return false;
	return report->rates.bucket_ns > 0;
}

/* A cross in each column in which packets were dropped. */
static void put_drops(const struct text *text, struct chart *chart)
{
	const struct rate_series *rates = &text->report->rates;
	int64_t time_ns = chart->axis.start_ns;
	unsigned columns = 0;

	if (!drops_alone(text, chart))
		return;
	memset(chart->depths, 0, chart->axis.columns * sizeof(*chart->depths));
	for (size_t i = 0; i < rates->count; i++) {
		unsigned column = text_axis_column(&chart->axis, time_ns);

		for (int cause = 0; cause < CAUSE_COUNT; cause++)
			if (cause_is_drop(cause) && rates->buckets[i].drops[cause])
				chart->depths[column] = 1;
		if (chart->depths[column])
			columns = column + 1;
		time_ns = text_after(time_ns, rates->bucket_ns);
	}
	if (!columns)
		return;
	text_cell(text, "drops", LABEL_COLUMNS - 1);
	fputc(' ', text->out);
	text_begin_colour(text, TEXT_RED);
	for (unsigned i = 0; i < columns; i++)
		fputs(chart->depths[i] ? (text->utf8 ? "\u2717" : "x") : " ", text->out);
	text_end_colour(text, TEXT_RED);
	fputc('\n', text->out);
}

/* The axis with its ticks, and the times under them. */
static void put_axis(const struct text *text, const struct chart *chart)
{
	struct text_ticks ticks = text_axis_ticks(text, &chart->axis);
	int64_t time_ns = ticks.first_ns;
	unsigned tick = 0;

	fprintf(text->out, "%*s%s", LABEL_COLUMNS - 1, "", text->utf8 ? "\u2514" : "+");
	for (unsigned i = 0; i < chart->axis.columns; i++) {
		bool mark = tick < ticks.count && text_axis_column(&chart->axis, time_ns) == i;

		fputs(mark ? (text->utf8 ? "\u252c" : "+") : (text->utf8 ? "\u2500" : "-"),
		      text->out);
		if (mark) {
			time_ns = text_after(time_ns, ticks.step_ns);
			tick++;
		}
	}
	fputc('\n', text->out);
	text_put_ticks(text, &chart->axis, LABEL_COLUMNS, "");
}

static void put_caption(const struct text *text, const struct report_listener *listener, bool gaps)
{
	char address[ENDPOINT_TEXT_SIZE], count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	report_listener_format(listener, address);
	sentence_clear(&sentence);
	sentence_add(&sentence, "Accept queue of %s over time", address);
	text_heading(text, sentence.text);
	sentence_clear(&sentence);
	if (listener->queue_peak >= 0)
		sentence_add(&sentence, "Peak %s", text_count(listener->queue_peak, count));
	if (listener->capacity >= 0)
		sentence_add(&sentence, "%s %s", sentence.used ? ", capacity" : "Capacity",
			     text_count(listener->capacity, count));
	if (listener->capacity >= 0 && listener->queue_peak > listener->capacity)
		sentence_add(&sentence, " (exceeded by concurrent enqueue on several CPUs)");
	if (listener->samples)
		sentence_add(&sentence, "%s%s samples%s", sentence.used ? "; " : "",
			     text_count((int64_t)listener->samples, count),
			     listener->rebuilt.count
				 ? " and the depth rebuilt from handshakes and accepts"
				 : "");
	else if (listener->rebuilt.count)
		sentence_add(&sentence, "%srebuilt from handshakes and accepts",
			     sentence.used ? "; " : "");
	if (gaps)
		sentence_add(&sentence, "%s?: not sampled, unknown", sentence.used ? "; " : "");
	if (sentence.used) {
		sentence_add(&sentence, ".");
		text_paragraph(text, "", 0, sentence.text);
	}
}

static void put_chart(const struct text *text, struct chart *chart)
{
	uint64_t top = chart->listener->capacity > 0 ? (uint64_t)chart->listener->capacity : 1;
	bool gaps;

	for (unsigned i = 0; i < chart->axis.columns; i++)
		chart->depths[i] = DEPTH_UNKNOWN;
	add_series(chart, &chart->listener->sampled, true);
	add_series(chart, &chart->listener->rebuilt, !chart->listener->rebuilt_in_gaps);
	gaps = mark_gaps(chart);
	/* A queue that is nowhere near its limit is drawn by its own peak. */
	if (chart->listener->queue_peak >= 0 && (uint64_t)chart->listener->queue_peak * 8 < top)
		top = (uint64_t)chart->listener->queue_peak + 1;
	for (unsigned i = 0; i < chart->axis.columns; i++)
		if (chart->depths[i] > (int64_t)top)
			top = (uint64_t)chart->depths[i];
	chart->top = top;
	put_caption(text, chart->listener, gaps);
	for (unsigned row = CHART_ROWS; row-- > 0;)
		put_row(text, chart, row);
	put_axis(text, chart);
	put_drops(text, chart);
}

/* What is drawn: a queue that was at least half full once, or dropped; in full every one. */
static bool is_drawn(const struct text *text, const struct report_listener *listener)
{
	if (!listener->sampled.count && !listener->rebuilt.count)
		return false;
	if (text->full || listener->drops)
		return listener->queue_peak != 0;
	return listener->queue_peak > 0 && listener->queue_peak * 2 >= listener->capacity;
}

void text_put_queues(const struct text *text)
{
	const struct report *report = text->report;
	struct chart chart;
	unsigned drawn = 0, left = 0;

	if (report->start_ns == TIME_UNKNOWN)
		return;
	chart.axis.columns = text->columns - LABEL_COLUMNS;
	chart.axis.start_ns = report->start_ns;
	chart.axis.length_ns = clock_since(report->end_ns, report->start_ns);
	if (chart.axis.length_ns <= 0)
		chart.axis.length_ns = 1;
	chart.depths = malloc(chart.axis.columns * sizeof(*chart.depths));
	if (!chart.depths) {
		fputs("\n(No chart: out of memory.)\n", text->out);
		return;
	}
	/* Those that dropped something come first. */
	for (int dropped = 1; dropped >= 0; dropped--) {
		for (size_t i = 0; i < report->listeners_count; i++) {
			chart.listener = &report->listeners[i];
			if (!is_drawn(text, chart.listener) ||
			    (chart.listener->drops > 0) != dropped)
				continue;
			if (drawn < CHART_LISTENERS) {
				put_chart(text, &chart);
				drawn++;
			} else {
				left++;
			}
		}
	}
	if (left)
		fprintf(text->out, "\n%u more accept queue%s not drawn: see the HTML report.\n",
			left, left == 1 ? "" : "s");
	free(chart.depths);
}
