/*
 * The sequence diagram of one attempt: the client's packets, the kernel's
 * answers and the server's calls, each with its time since the first SYN.
 */
#include "report/text/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The times stand left of the client's line. */
#define CLIENT_COLUMN 14
#define WIDE_COLUMNS  100

/* Columns between the lines of the client and the kernel. */
static unsigned to_kernel(const struct text *text)
{
	return text->columns >= WIDE_COLUMNS ? 31 : 23;
}

/* Columns between the lines of the kernel and the server. */
static unsigned to_server(const struct text *text)
{
	return text->columns >= WIDE_COLUMNS ? 25 : 17;
}

enum step_kind {
	STEP_TO_KERNEL,	  /* client -> kernel */
	STEP_TO_CLIENT,	  /* kernel -> client */
	STEP_TO_SERVER,	  /* kernel -> server: accept() returns */
	STEP_FROM_SERVER, /* server -> kernel: a call */
	STEP_IN_SERVER,	  /* fork(), exit */
};

struct step {
	int64_t time_ns;
	enum step_kind kind;
	const char *label;
	const struct mark *mark; /* NULL for a call */
	int32_t pid;		 /* 0: none to be told */
};

#define STEPS_MAX (ATTEMPT_MARKS_MAX + 8)

static enum step_kind mark_direction(enum mark_kind kind)
{
	switch (kind) {
	case MARK_SYN:
	case MARK_ACK:
	case MARK_DATA:
	case MARK_RST_CLIENT:
	case MARK_FIN_CLIENT:
		return STEP_TO_KERNEL;
	case MARK_SYN_ACK:
	case MARK_SERVER_DATA:
	case MARK_RST_SERVER:
	case MARK_FIN_SERVER:
	case MARK_ICMP:
	case MARK_KIND_COUNT:
		break;
	}
	return STEP_TO_CLIENT;
}

static const char *mark_label(enum mark_kind kind)
{
	switch (kind) {
	case MARK_SYN:
		return "SYN";
	case MARK_SYN_ACK:
		return "SYN-ACK";
	case MARK_ACK:
		return "ACK";
	case MARK_DATA:
	case MARK_SERVER_DATA:
		return "data";
	case MARK_RST_CLIENT:
	case MARK_RST_SERVER:
		return "RST";
	case MARK_FIN_CLIENT:
	case MARK_FIN_SERVER:
		return "FIN";
	case MARK_ICMP:
		return "ICMP error";
	case MARK_KIND_COUNT:
		break;
	}
	return "?";
}

static size_t add_call(struct step *steps, size_t count, int64_t time_ns, enum step_kind kind,
		       const char *label, int32_t pid)
{
	if (time_ns == TIME_UNKNOWN)
		return count;
	steps[count] = (struct step){.time_ns = time_ns, .kind = kind, .label = label, .pid = pid};
	return count + 1;
}

/* Stable: equal times keep the order in which they were added, packets first. */
static void sort_steps(struct step *steps, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct step step = steps[i];
		size_t j = i;

		for (; j > 0 && steps[j - 1].time_ns > step.time_ns; j--)
			steps[j] = steps[j - 1];
		steps[j] = step;
	}
}

static size_t collect(const struct attempt *a, struct step steps[STEPS_MAX])
{
	int32_t child = a->child_pid ? a->child_pid : a->accept_pid;
	size_t count = 0;

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++) {
		const struct mark *mark = &a->marks[i];

		steps[count++] = (struct step){.time_ns = mark->time_ns,
					       .kind = mark_direction(mark->kind),
					       .label = mark_label(mark->kind),
					       .mark = mark};
	}
	count = add_call(steps, count, a->accept_ns, STEP_TO_SERVER, "accept()", a->accept_pid);
	if (a->accept_ns == TIME_UNKNOWN)
		count = add_call(steps, count, a->accept_before_ns, STEP_TO_SERVER,
				 "accept() by now", a->accept_pid);
	count = add_call(steps, count, a->fork_ns, STEP_IN_SERVER, "fork()", a->child_pid);
	count = add_call(steps, count, a->first_byte_ns, STEP_TO_SERVER, "request", child);
	count = add_call(steps, count, a->reply_ns, STEP_FROM_SERVER, "reply", child);
	count = add_call(steps, count, a->close_ns, STEP_FROM_SERVER, "close()", child);
	count = add_call(steps, count, a->exit_ns, STEP_IN_SERVER, "exit", child);
	sort_steps(steps, count);
	return count;
}

static void put_glyph(const struct text *text, const char *utf8, const char *ascii)
{
	fputs(text->utf8 ? utf8 : ascii, text->out);
}

/* The line of one party, or a blank. */
static void put_lifeline(const struct text *text)
{
	put_glyph(text, "\u2502", "|");
}

/* "----- SYN ---->" over this many columns; a dropped packet's head is a cross. */
static void put_arrow(const struct text *text, const char *label, unsigned columns, bool right,
		      bool dropped)
{
	unsigned width = (unsigned)text_width(label) + 2;
	unsigned left = columns > width ? (columns - width) / 2 : 0;
	unsigned rest = columns > width ? columns - width - left : 0;

	for (unsigned i = 0; i < left; i++) {
		if (!right && i == 0)
			put_glyph(text, "\u25c4", "<");
		else
			put_glyph(text, "\u2500", "-");
	}
	fprintf(text->out, " %s ", label);
	for (unsigned i = 0; i < rest; i++) {
		if (right && i + 1 == rest)
			put_glyph(text, dropped ? "\u2717" : "\u25ba", dropped ? "x" : ">");
		else
			put_glyph(text, "\u2500", "-");
	}
}

static void put_blank(const struct text *text, unsigned columns)
{
	fprintf(text->out, "%*s", (int)columns, "");
}

/* What stands right of the kernel's line: why the packet was dropped. */
static void put_remark(const struct text *text, const struct step *step)
{
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence, "dropped");
	if (step->mark->depth != MARK_DEPTH_UNKNOWN)
		sentence_add(&sentence, ": accept queue %" PRIu32 " of %" PRIu64, step->mark->depth,
			     (uint64_t)step->mark->limit + 1);
	else if (step->mark->cause_known)
		sentence_add(&sentence, ": %s", cause_name(step->mark->cause));
	fprintf(text->out, " %s", sentence.text);
}

static void put_packet(const struct text *text, const struct step *step)
{
	bool right = step->kind == STEP_TO_KERNEL;
	bool dropped = step->mark->dropped;

	put_lifeline(text);
	if (dropped)
		text_begin_colour(text, TEXT_RED);
	put_arrow(text, step->label, to_kernel(text), right, dropped);
	if (dropped)
		text_end_colour(text, TEXT_RED);
	put_lifeline(text);
	if (dropped) {
		put_remark(text, step);
	} else {
		put_blank(text, to_server(text));
		put_lifeline(text);
	}
}

static void put_call(const struct text *text, const struct step *step)
{
	put_lifeline(text);
	put_blank(text, to_kernel(text));
	put_lifeline(text);
	if (step->kind == STEP_IN_SERVER) {
		put_blank(text, to_server(text));
		put_lifeline(text);
		fprintf(text->out, " %s", step->label);
	} else {
		put_arrow(text, step->label, to_server(text), step->kind == STEP_TO_SERVER, false);
		put_lifeline(text);
	}
	if (step->pid)
		fprintf(text->out, " process %" PRId32, step->pid);
}

/* A long silence is drawn as one: the lines are broken. */
static void put_gap(const struct text *text, int64_t ns)
{
	char wait[TEXT_VALUE_SIZE];

	text_duration(text, ns, wait);
	put_blank(text, CLIENT_COLUMN);
	put_glyph(text, "\u250a", ":");
	put_blank(text, to_kernel(text));
	put_glyph(text, "\u250a", ":");
	put_blank(text, to_server(text));
	put_glyph(text, "\u250a", ":");
	fprintf(text->out, " %s\n", wait);
}

/* zero_ns: where the times of the drawing begin, TIME_UNKNOWN when nothing is drawn. */
static void put_head(const struct text *text, const struct attempt *a, int64_t zero_ns)
{
	char client[ENDPOINT_TEXT_SIZE], server[ENDPOINT_TEXT_SIZE],
	    prefix[2 * ENDPOINT_TEXT_SIZE + 8], when[TEXT_VALUE_SIZE];
	struct sentence sentence;

	endpoint_format(&a->client, client, sizeof(client));
	endpoint_format(&a->server, server, sizeof(server));
	snprintf(prefix, sizeof(prefix), "%s to %s", client, server);
	text_heading(text, prefix);
	text_verdict(text, a, 0, &sentence);
	text_paragraph(text, "", 0, sentence.text);
	text_put_doubts(text, &a, 1);
	if (zero_ns != TIME_UNKNOWN) {
		sentence_clear(&sentence);
		sentence_add(&sentence, "Times in ms since the first %s, at %s.",
			     a->syn_ns == zero_ns ? "SYN" : "observed event",
			     text_when(text, zero_ns, when));
		text_paragraph(text, "", 0, sentence.text);
	}
	fputc('\n', text->out);
	text_cell(text, "ms", CLIENT_COLUMN - 2);
	put_blank(text, 2);
	text_cell(text, "client", -(int)to_kernel(text) - 1);
	text_cell(text, "kernel", -(int)to_server(text) - 1);
	fputs("server\n", text->out);
}

#define GAP_NS (50 * NS_PER_MS)

void text_put_sequence(const struct text *text, const struct attempt *a)
{
	struct step steps[STEPS_MAX];
	size_t count = collect(a, steps);
	int64_t zero_ns = a->syn_ns != TIME_UNKNOWN ? a->syn_ns
			  : count		    ? steps[0].time_ns
						    : TIME_UNKNOWN;
	char ms[TEXT_VALUE_SIZE];

	put_head(text, a, zero_ns);
	for (size_t i = 0; i < count; i++) {
		int64_t gap = i ? clock_since(steps[i].time_ns, steps[i - 1].time_ns) : 0;

		if (gap >= GAP_NS)
			put_gap(text, gap);
		text_cell(text, text_ms(clock_since(steps[i].time_ns, zero_ns), ms),
			  CLIENT_COLUMN - 2);
		put_blank(text, 2);
		if (steps[i].mark)
			put_packet(text, &steps[i]);
		else
			put_call(text, &steps[i]);
		fputc('\n', text->out);
	}
	if (a->marks_lost)
		fprintf(text->out, "(%" PRIu32 " more packets were not kept.)\n", a->marks_lost);
}
