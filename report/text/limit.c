/*
 * Which setting binds an accept queue, in words, and the names of causes for
 * lists. The limit is min(backlog, somaxconn), fixed by listen().
 */
#include "report/text/text.h"

#include <inttypes.h>

void text_limit(const struct text *text, const struct report_listener *listener, uint32_t limit,
		struct sentence *sentence)
{
	int64_t backlog = listener ? listener->backlog : -1;
	int64_t somaxconn = text->report->host_known ? text->report->host.somaxconn : -1;

	sentence_add(sentence, "limit %" PRIu32, limit);
	if (backlog == limit && somaxconn > backlog)
		sentence_add(sentence, " = listen backlog; somaxconn %" PRId64 " would allow more",
			     somaxconn);
	else if (backlog == limit)
		sentence_add(sentence, " = listen backlog");
	else if (backlog > limit && somaxconn == limit)
		sentence_add(sentence,
			     " = somaxconn; the listen backlog of %" PRId64 " would allow more",
			     backlog);
	else if (backlog > limit)
		sentence_add(sentence, " = somaxconn when listen() was called, backlog %" PRId64,
			     backlog);
	else if (backlog == -1 && somaxconn > limit)
		sentence_add(sentence,
			     "; somaxconn %" PRId64
			     " would allow more, so it is the listen backlog",
			     somaxconn);
	else if (backlog == -1 && somaxconn == limit)
		sentence_add(sentence, " = somaxconn, or the listen backlog");
}

bool text_depth_known(const struct report_listener *listener)
{
	return listener->limit >= 0 && (listener->sampled.count || listener->rebuilt.count ||
					listener->samples || listener->episodes_count);
}

const char *text_cause(enum cause cause)
{
	switch (cause) {
	case CAUSE_ACCEPT_QUEUE_FULL_SYN:
		return "SYN dropped, the accept queue was full";
	case CAUSE_ACCEPT_QUEUE_FULL_ACK:
		return "final ACK dropped, the accept queue was full";
	case CAUSE_SYN_QUEUE_FULL:
		return "SYN dropped, the SYN queue was full";
	case CAUSE_SYN_COOKIE:
		return "SYN answered by a cookie";
	case CAUSE_MAX_SYN_BACKLOG_RESERVE:
		return "SYN dropped, the last quarter of tcp_max_syn_backlog is kept for known "
		       "peers";
	case CAUSE_COOKIE_ACK_DROPPED:
		return "ACK of a SYN cookie dropped, the accept queue was full";
	case CAUSE_NO_LISTENER:
		return "refused, nothing listened there";
	case CAUSE_UNANSWERED_NO_COUNTER:
		return "no answer and no counter moved (a firewall, rp_filter or the network, not "
		       "the queue)";
	case CAUSE_DEFER_ACCEPT:
		return "bare ACK put off on purpose by TCP_DEFER_ACCEPT";
	case CAUSE_CLIENT_RESET:
		return "reset by the client";
	case CAUSE_SERVER_RESET:
		return "reset by the server";
	case CAUSE_SLOW_ACCEPT:
		return "accept() called late";
	case CAUSE_SYNACK_UNACKNOWLEDGED:
		return "SYN-ACK never acknowledged";
	case CAUSE_COUNT:
		break;
	}
	return "unknown";
}
