/*
 * The worst attempts by name, and the one that shows when the handshake is
 * finished: before accept() is called.
 */
#include "report/text/text.h"

#include <inttypes.h>

#include "report/measure/worst.h"

static bool has_drop(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (cause_is_drop(a->causes[i].cause))
			return true;
	return false;
}

/* What the verdicts before this one explain. */
static unsigned told_before(const struct attempt *a, const struct attempt *const *before,
			    size_t count)
{
	unsigned told = 0;

	for (size_t i = 0; i < count; i++) {
		if (has_drop(before[i]) && before[i]->listener == a->listener)
			told |= TEXT_TOLD_LIMIT;
		if (before[i]->outcome == OUTCOME_ZOMBIE)
			told |= TEXT_TOLD_ZOMBIE;
	}
	return told;
}

void text_put_verdict(const struct text *text, const struct attempt *a,
		      const struct attempt *const *before, size_t count)
{
	enum text_colour colour = has_drop(a) ? TEXT_RED : TEXT_PLAIN;
	char address[ENDPOINT_TEXT_SIZE], prefix[ENDPOINT_TEXT_SIZE + 8];
	struct sentence sentence;

	endpoint_format(&a->client, address, sizeof(address));
	snprintf(prefix, sizeof(prefix), "%s%s: ", text_bullet(text), address);
	text_verdict(text, a, told_before(a, before, count), &sentence);
	text_begin_colour(text, colour);
	text_paragraph(text, prefix, 2, sentence.text);
	text_end_colour(text, colour);
}

void text_put_worst(const struct text *text, unsigned count)
{
	const struct report *report = text->report;
	size_t shown = report->worst_count < count ? report->worst_count : count;
	const struct attempt *before[WORST_MAX];
	char heading[TEXT_VALUE_SIZE];

	if (!shown)
		return;
	if (shown > WORST_MAX)
		shown = WORST_MAX;
	snprintf(heading, sizeof(heading),
		 shown == 1 ? "The worst attempt" : "The %zu worst attempts", shown);
	text_heading(text, heading);
	for (size_t i = 0; i < shown; i++) {
		text_put_verdict(text, &report->worst[i], before, i);
		before[i] = &report->worst[i];
	}
	text_put_doubts(text, before, shown);
}

bool text_handshake_better(const struct attempt *a, const struct attempt *shown)
{
	if (a->accept_ns == TIME_UNKNOWN || a->ack_ns == TIME_UNKNOWN ||
	    a->syn_ns == TIME_UNKNOWN || a->synack_ns == TIME_UNKNOWN || a->ack_ns >= a->accept_ns)
		return false;
	/* One SYN, one SYN-ACK: nothing else to explain. */
	if (a->syns != 1 || a->synacks != 1 || a->ghost)
		return false;
	return !shown || a->accept_wait_ns > shown->accept_wait_ns;
}

static void put_step(const struct text *text, const struct attempt *a, int64_t time_ns,
		     const char *what, const char *meaning)
{
	char ms[TEXT_VALUE_SIZE];

	if (time_ns == TIME_UNKNOWN)
		return;
	text_cell(text, text_ms(clock_since(time_ns, a->syn_ns), ms), 12);
	fputs(" ms  ", text->out);
	text_cell(text, what, -10);
	fputc(' ', text->out);
	text_paragraph_at(text, 28, 28, meaning);
}

void text_put_handshake(const struct text *text, const struct attempt *a)
{
	char address[ENDPOINT_TEXT_SIZE], wait[TEXT_VALUE_SIZE], process[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!a)
		return;
	text_heading(text, "The handshake does not wait for accept()");
	endpoint_format(&a->client, address, sizeof(address));
	sentence_clear(&sentence);
	sentence_add(&sentence,
		     "The kernel completes it; accept() only takes an established connection out "
		     "of the queue. Measured for %s, which connected at %s:",
		     address, text_when(text, a->syn_ns, wait));
	text_paragraph(text, "", 0, sentence.text);
	put_step(text, a, a->syn_ns, "SYN", "the client called connect()");
	put_step(text, a, a->synack_ns, "SYN-ACK", "the kernel's answer; connect() returns");
	put_step(text, a, a->ack_ns, "ACK", "the handshake is complete: into the accept queue");
	sentence_clear(&sentence);
	snprintf(process, sizeof(process), " in process %" PRId32, a->accept_pid);
	sentence_add(&sentence, "returns it%s, %s after the handshake was complete",
		     a->accept_pid ? process : "",
		     text_duration(text, clock_since(a->accept_ns, a->ack_ns), wait));
	put_step(text, a, a->accept_ns, "accept()", sentence.text);
	sentence_clear(&sentence);
	sentence_add(&sentence, "process %" PRId32 " serves it", a->child_pid);
	put_step(text, a, a->fork_ns, "fork()", sentence.text);
}
