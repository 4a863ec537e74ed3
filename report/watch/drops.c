/*
 * What was dropped and why, in the words of the live view.
 */
#include "report/watch/parts.h"

#include <string.h>

/* Those of one reason stand together. */
static const struct {
	enum cause cause;
	const char *reason;
	const char *one;
	const char *many;
} drop_words[] = {
    {CAUSE_ACCEPT_QUEUE_FULL_SYN, "accept queue full", "SYN", "SYNs"},
    {CAUSE_ACCEPT_QUEUE_FULL_ACK, "accept queue full", "final ACK", "final ACKs"},
    {CAUSE_COOKIE_ACK_DROPPED, "accept queue full", "cookie ACK", "cookie ACKs"},
    {CAUSE_SYN_QUEUE_FULL, "SYN queue full", "SYN", "SYNs"},
    {CAUSE_MAX_SYN_BACKLOG_RESERVE, "reserve of tcp_max_syn_backlog", "SYN", "SYNs"},
};

bool view_add_drops(struct sentence *sentence, const int64_t *by_cause, const int64_t *interval,
		    bool reasons)
{
	const char *reason = "";
	char value[TEXT_VALUE_SIZE];

	for (size_t i = 0; i < sizeof(drop_words) / sizeof(drop_words[0]); i++) {
		int64_t count = by_cause[drop_words[i].cause];
		int64_t now = interval ? interval[drop_words[i].cause] : 0;

		if (count <= 0)
			continue;
		if (*reason && (!reasons || strcmp(reason, drop_words[i].reason) == 0))
			sentence_add(sentence, ", ");
		else if (reasons)
			sentence_add(sentence, "%s%s: ", *reason ? "; " : "", drop_words[i].reason);
		sentence_add(sentence, "%s %s", text_count(count, value),
			     count == 1 ? drop_words[i].one : drop_words[i].many);
		if (now > 0)
			sentence_add(sentence, " (+%s)", text_count(now, value));
		reason = drop_words[i].reason;
	}
	return *reason;
}
