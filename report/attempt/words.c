/*
 * The contract's names in plain words. Terms are those of tcp(7), ss(8) and the
 * kernel's documentation.
 */
#include "report/attempt/words.h"

const char *outcome_words(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_ACCEPTED:
		return "accept() returned it";
	case OUTCOME_ESTABLISHED:
		return "handshake complete; accept() not observed";
	case OUTCOME_WAITING:
		return "in the accept queue when observation ended";
	case OUTCOME_REFUSED:
		return "a RST answered the SYN";
	case OUTCOME_UNREACHABLE:
		return "an ICMP error answered the SYN";
	case OUTCOME_UNANSWERED:
		return "no SYN was answered";
	case OUTCOME_HALF_OPEN:
		return "SYN-ACK sent, never acknowledged";
	case OUTCOME_ABORTED:
		return "reset by the client before its final ACK";
	case OUTCOME_RESET:
		return "reset before accept()";
	case OUTCOME_ZOMBIE:
		return "final ACK dropped: only the client believes it is connected";
	case OUTCOME_OPEN:
		return "handshake unfinished when observation ended";
	case OUTCOME_JOINED:
		return "joined an MPTCP connection; accept() is not called for it";
	case OUTCOME_COUNT:
		break;
	}
	return "unknown";
}

static const char *cookie_words(int64_t tcp_syncookies)
{
	if (tcp_syncookies == 2)
		return "answered with a SYN cookie (tcp_syncookies is 2)";
	if (tcp_syncookies == 1)
		return "answered with a SYN cookie (SYN queue full)";
	return "answered with a SYN cookie (SYN queue full, or tcp_syncookies is 2)";
}

const char *cause_words(enum cause cause, int64_t tcp_syncookies)
{
	switch (cause) {
	case CAUSE_ACCEPT_QUEUE_FULL_SYN:
		return "SYN dropped (accept queue full)";
	case CAUSE_ACCEPT_QUEUE_FULL_ACK:
		return "final ACK dropped (accept queue full)";
	case CAUSE_SYN_QUEUE_FULL:
		return "SYN dropped (SYN queue full, tcp_syncookies is off)";
	case CAUSE_SYN_COOKIE:
		return cookie_words(tcp_syncookies);
	case CAUSE_MAX_SYN_BACKLOG_RESERVE:
		return "SYN dropped (the last quarter of tcp_max_syn_backlog is reserved for known "
		       "peers)";
	case CAUSE_COOKIE_ACK_DROPPED:
		return "ACK of a SYN cookie dropped (accept queue full)";
	case CAUSE_NO_LISTENER:
		return "refused (no listener on the port)";
	case CAUSE_UNANSWERED_NO_COUNTER:
		return "no answer and no counter moved (a firewall, rp_filter or the network, not "
		       "a queue)";
	case CAUSE_NO_ROUTE:
		return "dropped (no route back to the client)";
	case CAUSE_EXISTING_CONNECTION:
		return "answered by an old connection of the same addresses and ports (also in "
		       "TIME_WAIT)";
	case CAUSE_DISCARDED_BEFORE_QUEUE:
		return "discarded by the listener before any queue (socket filter, cgroup filter "
		       "or IPsec policy)";
	case CAUSE_MD5_MISMATCH:
		return "dropped (TCP-MD5 or TCP-AO signature missing, wrong or unexpected)";
	case CAUSE_TTL_TOO_SMALL:
		return "dropped (TTL below the listener's minimum, IP_MINTTL)";
	case CAUSE_RP_FILTER:
		return "dropped (rp_filter: no route back to the client through that interface)";
	case CAUSE_DEFER_ACCEPT:
		return "bare ACK ignored until data arrives (TCP_DEFER_ACCEPT, not a loss)";
	case CAUSE_CLIENT_RESET:
		return "reset by the client";
	case CAUSE_SERVER_RESET:
		return "reset by the server, or by something in front of it";
	case CAUSE_SLOW_ACCEPT:
		return "slow accept() (more than 100 ms in the accept queue)";
	case CAUSE_SYNACK_UNACKNOWLEDGED:
		return "SYN-ACK never acknowledged";
	case CAUSE_CLIENT_LEFT:
		return "the client left before accept(): the server's work was wasted";
	case CAUSE_CLOSED_UNSERVED:
		return "accepted, then closed at once with nothing sent";
	case CAUSE_SERVER_FULL:
		return "the server answered that it has too many connections, and closed";
	case CAUSE_SERVER_NOT_READY:
		return "the server answered that it is starting up, shutting down or in recovery, "
		       "and closed";
	case CAUSE_LISTENER_CLOSED:
		return "the listener closed while it waited in its queue";
	case CAUSE_RESET_IN_FRONT:
		return "reset by something in front of the listener (a firewall rule), not by "
		       "the client or the server";
	case CAUSE_ANSWER_STOPPED:
		return "answered, but the SYN-ACK did not leave by a captured interface (an output "
		       "rule or IPsec policy of this host, or another interface)";
	case CAUSE_COUNT:
		break;
	}
	return "unknown";
}

const char *confidence_words(enum confidence confidence)
{
	switch (confidence) {
	case CONFIDENCE_EXACT:
		return "nothing else fits what was recorded";
	case CONFIDENCE_BOUNDED:
		return "it happened within a measured interval";
	case CONFIDENCE_INFERRED:
		return "the best fit; what would decide it is missing";
	case CONFIDENCE_COUNT:
		break;
	}
	return "unknown";
}

const char *latency_words(enum latency latency)
{
	switch (latency) {
	case LATENCY_SYN_TO_SYNACK:
		return "SYN to SYN-ACK";
	case LATENCY_SYNACK_TO_ACK:
		return "SYN-ACK to final ACK";
	case LATENCY_CONNECT:
		return "connect()";
	case LATENCY_ACCEPT_WAIT:
		return "wait for accept()";
	case LATENCY_ACCEPT_TO_FORK:
		return "accept() to fork()";
	case LATENCY_COUNT:
		break;
	}
	return "unknown";
}

const char *loss_words(enum loss_kind kind)
{
	switch (kind) {
	case LOSS_PACKETS_KERNEL:
		return "packets dropped by the kernel: the capture ring was full";
	case LOSS_PACKETS_INTERFACE:
		return "packets dropped by the interface or its driver";
	case LOSS_SAMPLES_LATE:
		return "late samples (more than twice the sample interval)";
	case LOSS_NETLINK:
		return "sock_diag replies lost or interrupted";
	case LOSS_PROC_EVENTS:
		return "fork and exit events lost by the proc connector";
	case LOSS_SERVER_EVENTS:
		return "server events lost: the channel was full";
	case LOSS_BPF_EVENTS:
		return "accept() events lost: the BPF ring was full";
	case LOSS_LOOKUPS:
		return "socket lookups skipped: too many pending";
	case LOSS_RECORDING:
		return "events not written to the recording";
	case LOSS_PACKETS_BACKLOG:
		return "packets dropped in the host's receive backlog (netdev_max_backlog): "
		       "neither captured nor received";
	case LOSS_KIND_COUNT:
		break;
	}
	return "unknown losses";
}

const char *skip_words(enum skip_reason reason)
{
	switch (reason) {
	case SKIP_NOT_IP:
		return "not IP";
	case SKIP_NOT_TCP:
		return "not TCP";
	case SKIP_TRUNCATED:
		return "cut before the end of the TCP header";
	case SKIP_MALFORMED:
		return "malformed";
	case SKIP_FRAGMENT:
		return "fragments without a TCP header";
	case SKIP_FRAGMENT_TABLE:
		return "fragments dropped: fragment table full";
	case SKIP_ENCAPSULATION:
		return "unknown encapsulation";
	case SKIP_ENCRYPTED:
		return "encrypted";
	case SKIP_LINK_TYPE:
		return "unknown link type";
	case SKIP_OUTGOING_COPY:
		return "second copies on loopback";
	case SKIP_REASON_COUNT:
		break;
	}
	return "skipped for an unknown reason";
}
