/*
 * The waterfall: one line an attempt on a shared time axis, with the phases of
 * its life and a cross wherever one of its packets was dropped.
 */
#include "report/text/text.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_MAX   32
#define OUTCOME_MAX 12
#define AXIS_MIN    20

/* In order of rank: a cell shows the highest of what falls into it. */
enum cell {
	CELL_EMPTY,
	CELL_UNANSWERED, /* SYN sent, no answer yet */
	CELL_HANDSHAKE,
	CELL_BELIEVED, /* the client's ACK was dropped: it alone believes in the connection */
	CELL_QUEUED,   /* finished, waiting for accept() */
	CELL_SERVED,
	CELL_SYN,
	CELL_ACCEPT,
	CELL_RESET,
	CELL_DROP,
	CELL_COUNT,
};

static const struct {
	const char *utf8;
	const char *ascii;
	enum text_colour colour;
	const char *meaning; /* NULL: not in the legend */
} cells[CELL_COUNT] = {
    [CELL_EMPTY] = {" ", " ", TEXT_PLAIN, NULL},
    [CELL_UNANSWERED] = {"\u00b7", ".", TEXT_DIM, "no answer yet"},
    [CELL_HANDSHAKE] = {"\u2500", "-", TEXT_CYAN, "handshake"},
    [CELL_BELIEVED] = {"\u2504", "~", TEXT_RED,
		       "half-connected: only the client believes it is connected"},
    [CELL_QUEUED] = {"\u2591", "=", TEXT_YELLOW, "in the accept queue"},
    [CELL_SERVED] = {"\u2588", "#", TEXT_GREEN, "being served"},
    [CELL_SYN] = {"S", "S", TEXT_PLAIN, "SYN"},
    [CELL_ACCEPT] = {"A", "A", TEXT_BOLD, "accept()"},
    [CELL_RESET] = {"R", "R", TEXT_RED, "RST"},
    [CELL_DROP] = {"\u2717", "x", TEXT_RED, "packet dropped"},
};

struct waterfall {
	struct text_axis axis;
	uint8_t *line; /* enum cell of each column */
};

static int64_t later(int64_t a, int64_t b)
{
	return a == TIME_UNKNOWN || (b != TIME_UNKNOWN && b > a) ? b : a;
}

static int64_t last_mark(const struct attempt *a)
{
	int64_t last = TIME_UNKNOWN;

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		last = later(last, a->marks[i].time_ns);
	return last;
}

/* accept() as exactly as it is known: the point, or the end of its bound. */
static int64_t accepted_at(const struct attempt *a)
{
	return a->accept_ns != TIME_UNKNOWN ? a->accept_ns : a->accept_before_ns;
}

static int64_t served_until(const struct attempt *a)
{
	return later(later(a->reply_ns, a->close_ns), a->end_ns);
}

/* Who was under way before is there from the beginning. */
static int64_t begin_of(const struct text *text, const struct attempt *a)
{
	return a->syn_ns != TIME_UNKNOWN ? a->syn_ns : text->report->start_ns;
}

static int64_t end_of(const struct text *text, const struct attempt *a)
{
	int64_t end = later(later(a->syn_ns, last_mark(a)), a->ack_ns);

	/* Who waits still when observation ends waits up to there. */
	if (a->outcome == OUTCOME_WAITING || a->outcome == OUTCOME_OPEN)
		end = later(end, text->report->end_ns);
	return later(later(end, accepted_at(a)), served_until(a));
}

static void mark_cell(struct waterfall *fall, int64_t time_ns, enum cell cell)
{
	uint8_t *place;

	if (time_ns == TIME_UNKNOWN)
		return;
	place = &fall->line[text_axis_column(&fall->axis, time_ns)];
	if (*place < cell)
		*place = (uint8_t)cell;
}

static void fill(struct waterfall *fall, int64_t from_ns, int64_t to_ns, enum cell cell)
{
	if (from_ns == TIME_UNKNOWN || to_ns == TIME_UNKNOWN || to_ns < from_ns)
		return;
	for (unsigned i = text_axis_column(&fall->axis, from_ns);
	     i <= text_axis_column(&fall->axis, to_ns); i++)
		if (fall->line[i] < (uint8_t)cell)
			fall->line[i] = (uint8_t)cell;
}

/* Something that the client sent after the handshake was dropped. */
static bool has_drop(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		if (a->marks[i].dropped && a->marks[i].kind != MARK_SYN)
			return true;
	return false;
}

static void draw_line(const struct text *text, struct waterfall *fall, const struct attempt *a)
{
	int64_t end = end_of(text, a), accepted = accepted_at(a);
	int64_t answered = a->synack_ns != TIME_UNKNOWN ? a->synack_ns : end;
	int64_t finished = a->ack_ns != TIME_UNKNOWN ? a->ack_ns : end;

	memset(fall->line, CELL_EMPTY, fall->axis.columns);
	fill(fall, a->syn_ns, answered, CELL_UNANSWERED);
	if (a->synack_ns != TIME_UNKNOWN)
		fill(fall, a->synack_ns, finished, CELL_HANDSHAKE);
	if (a->entered_ns != a->ack_ns && has_drop(a))
		fill(fall, a->ack_ns, a->entered_ns != TIME_UNKNOWN ? a->entered_ns : end,
		     CELL_BELIEVED);
	if (accepted != TIME_UNKNOWN)
		fill(fall, a->entered_ns, accepted, CELL_QUEUED);
	else if (a->outcome == OUTCOME_WAITING)
		fill(fall, a->entered_ns, end, CELL_QUEUED);
	fill(fall, accepted, served_until(a), CELL_SERVED);
	mark_cell(fall, accepted, CELL_ACCEPT);
	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++) {
		const struct mark *mark = &a->marks[i];

		if (mark->dropped)
			mark_cell(fall, mark->time_ns, CELL_DROP);
		else if (mark->kind == MARK_SYN)
			mark_cell(fall, mark->time_ns, CELL_SYN);
		else if (mark->kind == MARK_RST_CLIENT || mark->kind == MARK_RST_SERVER)
			mark_cell(fall, mark->time_ns, CELL_RESET);
	}
	mark_cell(fall, a->syn_ns, CELL_SYN);
}

static void put_line(const struct text *text, const struct waterfall *fall)
{
	for (unsigned i = 0; i < fall->axis.columns; i++) {
		enum cell cell = fall->line[i];

		if (i == 0 || fall->line[i - 1] != cell)
			text_begin_colour(text, cells[cell].colour);
		fputs(text->utf8 ? cells[cell].utf8 : cells[cell].ascii, text->out);
		if (i + 1 == fall->axis.columns || fall->line[i + 1] != cell)
			text_end_colour(text, cells[cell].colour);
	}
}

/* Of an address too long for its place the end says more: it has the port. */
static const char *label_of(const struct attempt *a, char out[ENDPOINT_TEXT_SIZE])
{
	size_t length = endpoint_format(&a->client, out, ENDPOINT_TEXT_SIZE);

	return length > LABEL_MAX ? out + (length - LABEL_MAX) : out;
}

static void put_legend(const struct text *text)
{
	struct sentence sentence;

	sentence_clear(&sentence);
	for (int i = 0; i < CELL_COUNT; i++)
		if (cells[i].meaning)
			sentence_add(&sentence, "%s%s %s", sentence.used ? ", " : "",
				     text->utf8 ? cells[i].utf8 : cells[i].ascii, cells[i].meaning);
	text_begin_colour(text, TEXT_DIM);
	text_paragraph(text, "", 0, sentence.text);
	text_end_colour(text, TEXT_DIM);
}

void text_put_timeline(const struct text *text, const struct attempt *attempts, size_t count)
{
	struct waterfall fall = {.axis.start_ns = INT64_MAX};
	int64_t end = TIME_UNKNOWN;
	char label[ENDPOINT_TEXT_SIZE];
	unsigned width = 0;
	bool above; /* the labels, for want of room beside the lines */

	for (size_t i = 0; i < count; i++) {
		size_t columns = text_width(label_of(&attempts[i], label));

		width = columns > width ? (unsigned)columns : width;
		if (begin_of(text, &attempts[i]) < fall.axis.start_ns)
			fall.axis.start_ns = begin_of(text, &attempts[i]);
		end = later(end, end_of(text, &attempts[i]));
	}
	if (!count || fall.axis.start_ns == TIME_UNKNOWN || end == TIME_UNKNOWN)
		return;
	fall.axis.length_ns = clock_since(end, fall.axis.start_ns);
	if (fall.axis.length_ns <= 0)
		fall.axis.length_ns = 1;
	above = text->columns < width + AXIS_MIN + OUTCOME_MAX + 4;
	if (above)
		width = 0;
	fall.axis.columns = text->columns - width - OUTCOME_MAX - 4;
	fall.line = malloc(fall.axis.columns);
	text_heading(text, "Timeline of the worst attempts");
	if (!fall.line) {
		fputs("(Not drawn: out of memory.)\n", text->out);
		return;
	}
	text_put_ticks(text, &fall.axis, width + 2, text->utf8 ? "\u2502" : "|");
	for (size_t i = 0; i < count; i++) {
		if (above)
			fprintf(text->out, "%s\n", label_of(&attempts[i], label));
		else
			text_cell(text, label_of(&attempts[i], label), (int)width);
		fputs("  ", text->out);
		draw_line(text, &fall, &attempts[i]);
		put_line(text, &fall);
		fprintf(text->out, "  %s\n", outcome_name(attempts[i].outcome));
	}
	put_legend(text);
	free(fall.line);
}
