/*
 * The contract's names of outcomes, causes, confidences, marks and latencies,
 * and which causes are drops. No other words: sentences belong to the renderers.
 */
#include "report/attempt/attempt.h"
#include "report/attempt/report.h"

const char *outcome_name(enum outcome outcome)
{
	static const char *const names[OUTCOME_COUNT] = {
	    [OUTCOME_ACCEPTED] = "accepted",
	    [OUTCOME_ESTABLISHED] = "established",
	    [OUTCOME_WAITING] = "waiting",
	    [OUTCOME_REFUSED] = "refused",
	    [OUTCOME_UNREACHABLE] = "unreachable",
	    [OUTCOME_UNANSWERED] = "unanswered",
	    [OUTCOME_HALF_OPEN] = "half-open",
	    [OUTCOME_ABORTED] = "aborted",
	    [OUTCOME_RESET] = "reset",
	    [OUTCOME_ZOMBIE] = "zombie",
	    [OUTCOME_OPEN] = "open",
	    [OUTCOME_JOINED] = "joined",
	};

	return outcome < OUTCOME_COUNT ? names[outcome] : "unknown";
}

const char *cause_name(enum cause cause)
{
	static const char *const names[CAUSE_COUNT] = {
	    [CAUSE_ACCEPT_QUEUE_FULL_SYN] = "accept-queue-full-syn",
	    [CAUSE_ACCEPT_QUEUE_FULL_ACK] = "accept-queue-full-ack",
	    [CAUSE_SYN_QUEUE_FULL] = "syn-queue-full",
	    [CAUSE_SYN_COOKIE] = "syn-cookie",
	    [CAUSE_MAX_SYN_BACKLOG_RESERVE] = "max-syn-backlog-reserve",
	    [CAUSE_COOKIE_ACK_DROPPED] = "cookie-ack-dropped",
	    [CAUSE_NO_LISTENER] = "no-listener",
	    [CAUSE_UNANSWERED_NO_COUNTER] = "unanswered-no-counter",
	    [CAUSE_NO_ROUTE] = "no-route",
	    [CAUSE_EXISTING_CONNECTION] = "existing-connection",
	    [CAUSE_DISCARDED_BEFORE_QUEUE] = "discarded-before-queue",
	    [CAUSE_MD5_MISMATCH] = "md5-mismatch",
	    [CAUSE_TTL_TOO_SMALL] = "ttl-too-small",
	    [CAUSE_RP_FILTER] = "rp-filter",
	    [CAUSE_DEFER_ACCEPT] = "defer-accept",
	    [CAUSE_CLIENT_RESET] = "client-reset",
	    [CAUSE_SERVER_RESET] = "server-reset",
	    [CAUSE_SLOW_ACCEPT] = "slow-accept",
	    [CAUSE_SYNACK_UNACKNOWLEDGED] = "synack-unacknowledged",
	    [CAUSE_CLIENT_LEFT] = "client-left",
	    [CAUSE_CLOSED_UNSERVED] = "closed-unserved",
	    [CAUSE_SERVER_FULL] = "server-full",
	    [CAUSE_SERVER_NOT_READY] = "server-not-ready",
	    [CAUSE_LISTENER_CLOSED] = "listener-closed",
	    [CAUSE_RESET_IN_FRONT] = "reset-in-front",
	    [CAUSE_ANSWER_STOPPED] = "answer-stopped",
	};

	return cause < CAUSE_COUNT ? names[cause] : "unknown";
}

const char *confidence_name(enum confidence confidence)
{
	static const char *const names[CONFIDENCE_COUNT] = {
	    [CONFIDENCE_EXACT] = "exact",
	    [CONFIDENCE_BOUNDED] = "bounded",
	    [CONFIDENCE_INFERRED] = "inferred",
	};

	return confidence < CONFIDENCE_COUNT ? names[confidence] : "unknown";
}

const char *mark_kind_name(enum mark_kind kind)
{
	static const char *const names[MARK_KIND_COUNT] = {
	    [MARK_SYN] = "syn",
	    [MARK_SYN_ACK] = "syn-ack",
	    [MARK_ACK] = "ack",
	    [MARK_DATA] = "data",
	    [MARK_SERVER_DATA] = "server-data",
	    [MARK_RST_CLIENT] = "rst-client",
	    [MARK_RST_SERVER] = "rst-server",
	    [MARK_FIN_CLIENT] = "fin-client",
	    [MARK_FIN_SERVER] = "fin-server",
	    [MARK_ICMP] = "icmp",
	};

	return kind < MARK_KIND_COUNT ? names[kind] : "unknown";
}

const char *role_name(enum role role)
{
	static const char *const names[ROLE_COUNT] = {
	    [ROLE_INBOUND] = "inbound",
	    [ROLE_OUTBOUND] = "outbound",
	    [ROLE_FORWARDED] = "forwarded",
	};

	return role < ROLE_COUNT ? names[role] : NULL;
}

const char *latency_name(enum latency latency)
{
	static const char *const names[LATENCY_COUNT] = {
	    [LATENCY_SYN_TO_SYNACK] = "syn_to_synack",
	    [LATENCY_SYNACK_TO_ACK] = "synack_to_ack",
	    [LATENCY_CONNECT] = "connect",
	    [LATENCY_ACCEPT_WAIT] = "accept_wait",
	    [LATENCY_ACCEPT_TO_FORK] = "accept_to_fork",
	};

	return latency < LATENCY_COUNT ? names[latency] : "unknown";
}

bool cause_is_drop(enum cause cause)
{
	switch (cause) {
	case CAUSE_ACCEPT_QUEUE_FULL_SYN:
	case CAUSE_ACCEPT_QUEUE_FULL_ACK:
	case CAUSE_SYN_QUEUE_FULL:
	case CAUSE_MAX_SYN_BACKLOG_RESERVE:
	case CAUSE_COOKIE_ACK_DROPPED:
		return true;
	case CAUSE_SYN_COOKIE:		  /* it was answered */
	case CAUSE_NO_LISTENER:		  /* no listener, no queue */
	case CAUSE_UNANSWERED_NO_COUNTER: /* the queue is innocent */
	case CAUSE_NO_ROUTE:		  /* the queues had no part in these */
	case CAUSE_EXISTING_CONNECTION:
	case CAUSE_DISCARDED_BEFORE_QUEUE:
	case CAUSE_MD5_MISMATCH:
	case CAUSE_TTL_TOO_SMALL:
	case CAUSE_RP_FILTER:
	case CAUSE_DEFER_ACCEPT: /* dropped on purpose */
	case CAUSE_CLIENT_RESET:
	case CAUSE_SERVER_RESET:
	case CAUSE_SLOW_ACCEPT:
	case CAUSE_SYNACK_UNACKNOWLEDGED:
	case CAUSE_CLIENT_LEFT:
	case CAUSE_CLOSED_UNSERVED:
	case CAUSE_SERVER_FULL:
	case CAUSE_SERVER_NOT_READY:
	case CAUSE_LISTENER_CLOSED:
	case CAUSE_RESET_IN_FRONT:
	case CAUSE_ANSWER_STOPPED:
	case CAUSE_COUNT:
		break;
	}
	return false;
}
