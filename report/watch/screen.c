/*
 * A snapshot as a screen: how its rows are shared out, and the lines above and
 * below the tables.
 */
#include "report/watch/view.h"

#include <inttypes.h>
#include <string.h>

#include "report/sink/daytime.h"
#include "report/watch/parts.h"

/* The worst attempts keep so many rows, whatever the number of listeners: two are titles. */
#define WORST_ROWS_MIN 6
#define WORST_TITLES   2

void view_put_cut(const struct text *text, enum text_colour colour, const char *string)
{
	size_t length = 0, width = 0, word = 0;
	bool cut = false;

	while (string[length] && !cut) {
		bool begins = ((uint8_t)string[length] & 0xc0) != 0x80;

		/* Room for the mark. */
		if (begins && string[length] == ' ' && width < text->columns)
			word = length;
		cut = begins && width++ == text->columns;
		length += !cut;
	}
	/* Whole words alone: half a number would be another number. */
	if (cut)
		length = word;
	text_begin_colour(text, colour);
	fwrite(string, 1, length, text->out);
	if (cut && text->columns)
		fputs(text->utf8 ? "\u2026" : "~", text->out);
	text_end_colour(text, colour);
	fputc('\n', text->out);
}

/* "0:14", "1:02:03" */
static void add_running(struct sentence *sentence, int64_t ns)
{
	int64_t seconds = ns > 0 ? ns / NS_PER_SEC : 0;

	if (seconds >= 3600)
		sentence_add(sentence, "%" PRId64 ":%02d", seconds / 3600,
			     (int)(seconds / 60 % 60));
	else
		sentence_add(sentence, "%d", (int)(seconds / 60));
	sentence_add(sentence, ":%02d", (int)(seconds % 60));
}

/* What a narrow title goes without, in this order. */
enum title_part { TITLE_ALL, TITLE_ZONE, TITLE_INTERFACE, TITLE_CLOCK, TITLE_RUNNING, TITLE_PARTS };

static void fill_title(const struct text *text, const struct snapshot *s,
		       const struct view_context *context, enum title_part without,
		       struct sentence *sentence)
{
	char clock[DAYTIME_TEXT_SIZE], zone[DAYTIME_TEXT_SIZE], value[256];

	sentence_clear(sentence);
	sentence_add(sentence, "synscope watch  %s",
		     text_safe(text, context->ports, value, sizeof(value)));
	if (without < TITLE_INTERFACE)
		sentence_add(sentence, " on %s",
			     text_safe(text, context->interface, value, sizeof(value)));
	if (without < TITLE_CLOCK)
		sentence_add(sentence, "  %s",
			     daytime_clock(s->to_ns, text->utc_offset_s, 0, clock));
	if (without < TITLE_ZONE)
		sentence_add(sentence, " %s", daytime_zone(text->utc_offset_s, zone));
	if (without < TITLE_RUNNING) {
		sentence_add(sentence, "  for ");
		add_running(sentence, s->to_ns - s->start_ns);
	}
}

static void put_title(const struct text *text, const struct snapshot *s,
		      const struct view_context *context)
{
	struct sentence sentence;
	size_t used = 0, hint = context->hint ? strlen(context->hint) : 0;

	for (enum title_part without = TITLE_ALL; without != TITLE_PARTS; without++) {
		fill_title(text, s, context, without, &sentence);
		used = text_width(sentence.text);
		/* The hint is worth the zone and the interface, and no more. */
		if (used + (hint && without < TITLE_INTERFACE ? hint + 3 : 0) <= text->columns)
			break;
	}
	if (hint && used + hint + 3 <= text->columns)
		sentence_add(&sentence, "%*s%s", (int)(text->columns - used - hint), "",
			     context->hint);
	view_put_cut(text, TEXT_BOLD, sentence.text);
}

static void put_totals(const struct text *text, const struct snapshot *s,
		       const struct view_context *context)
{
	int64_t drops = rate_counts_drops(&s->total);
	char a[TEXT_VALUE_SIZE], b[TEXT_VALUE_SIZE], c[TEXT_VALUE_SIZE], d[TEXT_VALUE_SIZE];
	struct sentence sentence, shorter;

	sentence_clear(&sentence);
	sentence_clear(&shorter);
	sentence_add(&sentence, "%s attempts, %s handshakes, %s accepts, %s drops",
		     text_count(s->total.attempts, a), text_count(s->total.handshakes, b),
		     text_count(s->total.accepts, c), text_count(drops > 0 ? drops : 0, d));
	sentence_add(&shorter, "%s attempts, %s drops", a, d);
	if (text_width(sentence.text) > text->columns)
		sentence = shorter;
	sentence_clear(&shorter);
	sentence_add(&shorter, "%s; %s packets", sentence.text,
		     text_count((int64_t)context->packets, a));
	if (text_width(shorter.text) <= text->columns)
		sentence = shorter;
	if (s->elsewhere_total.attempts)
		sentence_add(&sentence, "; %s (%s per second) without a listener",
			     text_count(s->elsewhere_total.attempts, a),
			     view_rate(s->elsewhere.syns, s->to_ns - s->from_ns, b));
	view_put_cut(text, TEXT_PLAIN, sentence.text);
}

/* The report says more of each. */
static const char *loss_words(enum loss_kind kind)
{
	switch (kind) {
	case LOSS_PACKETS_KERNEL:
		return "packets (capture ring full)";
	case LOSS_PACKETS_INTERFACE:
		return "packets (interface)";
	case LOSS_PACKETS_BACKLOG:
		return "packets (receive backlog)";
	case LOSS_SAMPLES_LATE: /* see put_late() */
		break;
	case LOSS_NETLINK:
		return "sock_diag replies";
	case LOSS_PROC_EVENTS:
		return "process events";
	case LOSS_SERVER_EVENTS:
		return "server events";
	case LOSS_BPF_EVENTS:
		return "BPF events";
	case LOSS_LOOKUPS:
		return "socket lookups";
	case LOSS_RECORDING:
		return "unrecorded events";
	case LOSS_KIND_COUNT:
		break;
	}
	return "unknown";
}

/* A sample that is late is still a sample: what that does to the numbers, and what not. */
static void put_late(const struct text *text, uint64_t late)
{
	char value[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence,
		     "%s late sample%s: a short peak may be missed; drops are not affected",
		     text_count((int64_t)late, value), late == 1 ? "" : "s");
	if (text_width(sentence.text) > text->columns) {
		sentence_clear(&sentence);
		sentence_add(&sentence, "%s late sample%s: peaks may be missed", value,
			     late == 1 ? "" : "s");
	}
	view_put_cut(text, TEXT_DIM, sentence.text);
}

#define KEYS_ROWS 3

static void put_keys(const struct text *text)
{
	view_put_cut(text, TEXT_PLAIN, "  q, Ctrl-C  quit; the report follows");
	view_put_cut(text, TEXT_PLAIN, "  Ctrl-Z     suspend (fg resumes)");
	view_put_cut(text, TEXT_PLAIN, "  ?          hide this list");
}

/* What is missing from the numbers. Returns the lines that it takes, printed or not. */
static size_t put_missing(const struct text *text, const struct snapshot *s,
			  const struct view_context *context, bool print)
{
	char value[TEXT_VALUE_SIZE], note[RECORDING_TEXT_SIZE];
	struct sentence sentence;
	bool several = false;
	size_t lines = 0;

	sentence_clear(&sentence);
	sentence_add(&sentence, "Missing:");
	for (int i = 0; i < LOSS_KIND_COUNT; i++) {
		if (!s->losses[i] || i == LOSS_SAMPLES_LATE)
			continue;
		sentence_add(&sentence, "%s %s %s", several ? "," : "",
			     text_count((int64_t)s->losses[i], value),
			     loss_words((enum loss_kind)i));
		several = true;
	}
	if (several && ++lines && print)
		view_put_cut(text, TEXT_YELLOW, sentence.text);
	if (s->losses[LOSS_SAMPLES_LATE] && ++lines && print)
		put_late(text, s->losses[LOSS_SAMPLES_LATE]);
	if (context->note && ++lines && print)
		view_put_cut(text, TEXT_YELLOW, text_safe(text, context->note, note, sizeof(note)));
	return lines;
}

void view_put_screen(FILE *out, const struct snapshot *snapshot, const struct view_context *context,
		     const struct view_style *style)
{
	struct text text = {
	    .out = out,
	    .colour = style->colour,
	    .utf8 = style->utf8,
	    .utc_offset_s = daytime_offset_s(snapshot->to_ns, style->utc),
	    .columns = style->columns > VIEW_COLUMNS_MIN ? style->columns : VIEW_COLUMNS_MIN,
	};
	size_t rows = style->rows > VIEW_ROWS_MIN ? style->rows : VIEW_ROWS_MIN;
	size_t table = view_table_rows(snapshot), worst = view_worst_rows(snapshot);
	bool keys = context->keys && rows >= VIEW_ROWS_MIN + KEYS_ROWS;

	/* Two lines of title, and a blank one before each table. */
	rows -= 4 + put_missing(&text, snapshot, context, false);
	if (keys)
		rows -= KEYS_ROWS;
	if (table + worst > rows) {
		size_t kept = worst < WORST_ROWS_MIN ? worst : WORST_ROWS_MIN;

		if (kept > rows / 3)
			kept = rows / 3 > WORST_TITLES ? rows / 3 : 0;
		table = table + kept > rows ? rows - kept : table;
		worst = rows - table > WORST_TITLES ? rows - table : 0;
	}
	put_title(&text, snapshot, context);
	put_totals(&text, snapshot, context);
	put_missing(&text, snapshot, context, true);
	if (keys)
		put_keys(&text);
	fputc('\n', out);
	if (snapshot->listeners_count)
		view_put_table(&text, snapshot, table);
	else if (snapshot->to_ns > snapshot->start_ns)
		view_put_cut(&text, TEXT_YELLOW, "No listener yet; waiting for one.");
	else
		view_put_cut(&text, TEXT_DIM, "Starting; the display lags 0.5 s.");
	fputc('\n', out);
	view_put_worst(&text, snapshot, worst);
}
