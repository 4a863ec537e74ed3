/*
 * What is said about causes that are not exact: what else it could have been,
 * and what would have told them apart.
 */
#include "report/text/text.h"

static const char *alternative(enum cause cause)
{
	switch (cause) {
	case CAUSE_ACCEPT_QUEUE_FULL_SYN:
		return "a SYN can also be lost before it reaches the listener; the listener's "
		       "sk_drops around that time would show which it was.";
	case CAUSE_ACCEPT_QUEUE_FULL_ACK:
	case CAUSE_COOKIE_ACK_DROPPED:
		return "an ACK can also be lost on its way; the listener's sk_drops around that "
		       "time, or a lookup of the connection's socket, would show which it was.";
	case CAUSE_SYN_QUEUE_FULL:
	case CAUSE_MAX_SYN_BACKLOG_RESERVE:
		return "with tcp_syncookies off, a full SYN queue, the reserve of "
		       "tcp_max_syn_backlog and a full accept queue look the same on the wire; "
		       "TCPReqQFullDrop and ListenOverflows around that time would show which it "
		       "was.";
	case CAUSE_SYN_COOKIE:
		return "a SYN cookie looks like any SYN-ACK; SyncookiesSent around that time would "
		       "show which it was.";
	case CAUSE_NO_LISTENER:
		return "a firewall that rejects looks the same; its rules (nft list ruleset) would "
		       "show whether it does.";
	case CAUSE_SERVER_RESET:
		return "a firewall that rejects with a TCP reset looks the same; OutRsts around "
		       "that time, which counts the RSTs of TCP alone, and the firewall rules "
		       "would show which it was.";
	case CAUSE_UNANSWERED_NO_COUNTER:
		return "a queue may still have dropped it, if other drops moved the counters at "
		       "the same time; a shorter sample interval would show which it was.";
	case CAUSE_NO_ROUTE:
		return "no memory for a request, or a security module, drops a SYN in the same "
		       "place; ip route get for the client's address would show which it was.";
	case CAUSE_EXISTING_CONNECTION:
		return "a connection of another port may have moved these counters; the socket of "
		       "the same addresses and ports in ss -tan would show which it was.";
	case CAUSE_DISCARDED_BEFORE_QUEUE:
		return "a queue may still have dropped it, if other drops moved the counters at "
		       "the same time; a shorter sample interval would show which it was.";
	case CAUSE_MD5_MISMATCH:
	case CAUSE_TTL_TOO_SMALL:
	case CAUSE_RP_FILTER:
		return "the counter is one of the whole network namespace, so a packet of another "
		       "port may have moved it; the settings of the listener and the interface "
		       "would show which it was.";
	case CAUSE_DEFER_ACCEPT:
		return "a bare ACK without effect may also have been dropped; whether the listener "
		       "has TCP_DEFER_ACCEPT would show which it was.";
	case CAUSE_CLIENT_LEFT:
		return "the client left within the interval in which accept() was called; "
		       "--exact-accepts would show which it was.";
	case CAUSE_CLOSED_UNSERVED:
		return "the time between accept() and the close may have been longer; "
		       "--exact-accepts would show which it was.";
	case CAUSE_SERVER_FULL:
	case CAUSE_SERVER_NOT_READY:
		return "only the first words of its answer were read; its log would show it.";
	case CAUSE_LISTENER_CLOSED:
		return "it may also have been accepted, and reset, just before the listener "
		       "closed, as somebody was (TCPAbortOnClose); --exact-accepts would show "
		       "which it was.";
	case CAUSE_ANSWER_STOPPED:
		return "a lookup found the request, so the kernel had answered; the rules of output "
		       "chains, ip xfrm policy and ip route get would show where the SYN-ACK went.";
	case CAUSE_RESET_IN_FRONT:
		return "OutRsts did not move, which counts the RSTs of TCP; the firewall rules "
		       "would show what sent it.";
	case CAUSE_SYNACK_UNACKNOWLEDGED:
		return "of a SYN-ACK that was sent once it is not known whether its ACK went "
		       "another way, past this capture; the counter SyncookiesRecv and the "
		       "server's own log would show it.";
	case CAUSE_SLOW_ACCEPT:
		return "when accept() returned is known within bounds alone; --exact-accepts would "
		       "show it.";
	case CAUSE_CLIENT_RESET:
		return "the kernel's counters moved more or less than the verdicts explain; the "
		       "ledger shows the difference.";
	case CAUSE_COUNT:
		break;
	}
	return "";
}

/* Which confidences a cause has among the attempts. */
static void find_confidence(const struct text *text, const struct attempt *const *attempts,
			    size_t count, enum cause cause, bool seen[CONFIDENCE_COUNT])
{
	for (size_t i = 0; i < count; i++) {
		const struct attempt *a = attempts[i];

		for (uint32_t j = 0; j < a->causes_count && j < ATTEMPT_CAUSES_MAX; j++)
			if (a->causes[j].cause == cause)
				seen[report_confidence(text->report, cause,
						       a->causes[j].confidence)] = true;
	}
}

void text_put_doubts(const struct text *text, const struct attempt *const *attempts, size_t count)
{
	bool bounded = false;
	struct sentence sentence;

	text_begin_colour(text, TEXT_DIM);
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		bool seen[CONFIDENCE_COUNT] = {false};

		find_confidence(text, attempts, count, cause, seen);
		bounded = bounded || seen[CONFIDENCE_BOUNDED];
		if (!seen[CONFIDENCE_INFERRED])
			continue;
		sentence_clear(&sentence);
		sentence_add(&sentence, "Inferred (%s): %s", cause_name(cause), alternative(cause));
		text_paragraph(text, "", 0, sentence.text);
	}
	if (bounded)
		text_paragraph(text, "", 0, "Bounded: it happened within a measured interval.");
	text_end_colour(text, TEXT_DIM);
}
