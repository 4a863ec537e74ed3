/*
 * The text sink: the report for a terminal. It leads with the answer; the
 * numbers that it rests on follow. Attempts are added up as they come, and only
 * those that will be shown one by one are kept.
 */
#include "report/text/choice.h"
#include "report/text/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/sink/daytime.h"
#include "report/sink/formats.h"

#define WORST_DEFAULT 10
#define CHOSEN_MAX    16 /* attempts that --attempt matches */

struct text_sink {
	struct sink sink;
	struct sink_style style;
	FILE *out;
	struct cost cost;
	struct text_kinds kinds;
	bool handshake_known;
	struct attempt handshake;
	struct choice choice;
	uint64_t chosen_count; /* all that matched; CHOSEN_MAX of them are kept */
	struct attempt *chosen;
};

static int text_attempt(struct sink *sink, const struct attempt *attempt)
{
	struct text_sink *self = (struct text_sink *)sink;

	cost_add(&self->cost, attempt);
	if (text_handshake_better(attempt, self->handshake_known ? &self->handshake : NULL)) {
		self->handshake = *attempt;
		self->handshake_known = true;
	}
	if (self->style.attempt && choice_matches(&self->choice, attempt)) {
		if (self->chosen_count < CHOSEN_MAX)
			self->chosen[self->chosen_count] = *attempt;
		self->chosen_count++;
		if (self->style.attempts_shown)
			++*self->style.attempts_shown;
	}
	/* Each of the worst is shown, or one chosen one: no kind is. */
	if (self->style.full || self->style.attempt)
		return 0;
	return text_kinds_add(&self->kinds, attempt);
}

static void put_chosen(const struct text_sink *self, const struct text *text)
{
	size_t kept = self->chosen_count < CHOSEN_MAX ? self->chosen_count : CHOSEN_MAX;
	char wanted[128];

	if (!self->chosen_count)
		fprintf(self->out, "No attempt matches %s.\n",
			text_safe(text, self->style.attempt, wanted, sizeof(wanted)));
	for (size_t i = 0; i < kept; i++)
		text_put_sequence(text, &self->chosen[i]);
	if (self->chosen_count > kept)
		fprintf(self->out, "\nand %llu more that match\n",
			(unsigned long long)(self->chosen_count - kept));
}

static void put_report(struct text_sink *self, const struct text *text)
{
	unsigned worst = self->style.worst ? self->style.worst : WORST_DEFAULT;
	size_t count = text->report->worst_count < worst ? text->report->worst_count : worst;

	text_put_title(text);
	text_put_filter(text);
	if (self->style.attempt) {
		put_chosen(self, text);
		return;
	}
	text_put_answer(text, &self->cost);
	text_put_queues(text);
	text_put_listeners(text);
	text_put_latency(text);
	if (self->style.timeline)
		text_put_timeline(text, text->report->worst, count);
	if (text->full)
		text_put_worst(text, worst);
	else
		text_put_kinds(text, &self->kinds, worst);
	text_put_handshake(text, self->handshake_known ? &self->handshake : NULL);
	text_put_ledger(text);
	text_put_advice(text);
	text_put_losses(text);
	text_put_notes(text);
}

static int text_finish(struct sink *sink, const struct report *report)
{
	struct text_sink *self = (struct text_sink *)sink;
	unsigned columns = self->style.columns ? self->style.columns : TEXT_COLUMNS_DEFAULT;
	struct text text = {
	    .out = self->out,
	    .colour = self->style.colour,
	    .utf8 = self->style.utf8,
	    .full = self->style.full,
	    .utc_offset_s = daytime_offset_s(report->start_ns, self->style.utc),
	    .columns = columns < TEXT_COLUMNS_MIN   ? TEXT_COLUMNS_MIN
		       : columns > TEXT_COLUMNS_MAX ? TEXT_COLUMNS_MAX
						    : columns,
	    .report = report,
	};

	errno = 0;
	put_report(self, &text);
	if (fflush(self->out) != 0 || ferror(self->out))
		return errno ? -errno : -EIO;
	return 0;
}

static void text_free(struct sink *sink)
{
	struct text_sink *self = (struct text_sink *)sink;

	text_kinds_release(&self->kinds);
	free(self->chosen);
	free(self);
}

static const struct sink_ops text_ops = {
    .attempt = text_attempt, .finish = text_finish, .free = text_free};

struct sink *text_sink_new(FILE *out, const struct sink_style *style)
{
	struct text_sink *self = calloc(1, sizeof(*self));

	if (!self)
		return NULL;
	self->sink.ops = &text_ops;
	self->style = *style;
	self->out = out;
	cost_init(&self->cost);
	if (style->attempt && choice_parse(style->attempt, &self->choice) < 0) {
		free(self);
		return NULL;
	}
	if (style->attempt)
		self->chosen = calloc(CHOSEN_MAX, sizeof(*self->chosen));
	if (style->attempt && !self->chosen) {
		text_free(&self->sink);
		return NULL;
	}
	return &self->sink;
}
