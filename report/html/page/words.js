/* The contract's names in words. An unknown name (a newer program's) is shown as it is. */

const OUTCOME_WORDS = {
	"accepted": "accept() returned it",
	"established": "handshake done; accept() could not be observed",
	"waiting": "still in the accept queue when observation ended",
	"refused": "a RST answered the SYN",
	"unreachable": "an ICMP error answered the SYN",
	"unanswered": "no SYN was ever answered",
	"half-open": "SYN-ACK sent, never acknowledged",
	"aborted": "the client reset it before its final ACK",
	"reset": "reset before accept()",
	"zombie": "its final ACK was dropped: the client believes that it is connected, the server does not",
	"open": "still under way when observation ended",
};

const GOOD_OUTCOMES = ["accepted"];
const NEUTRAL_OUTCOMES = ["established", "waiting", "open"];

const CAUSE_WORDS = {
	"accept-queue-full-syn": "SYN dropped: the accept queue was full",
	"accept-queue-full-ack": "final ACK dropped: the accept queue was full",
	"syn-queue-full": "SYN dropped: the SYN queue was full and cookies are off",
	"syn-cookie": "answered with a SYN cookie: the SYN queue was full, or tcp_syncookies is 2",
	"max-syn-backlog-reserve": "SYN dropped: the last quarter of tcp_max_syn_backlog is kept for known peers",
	"cookie-ack-dropped": "ACK of a SYN cookie dropped: the accept queue was full",
	"no-listener": "nobody listened on the port",
	"unanswered-no-counter": "no answer and no counter moved: a firewall, rp_filter or the network; the queue is innocent",
	"defer-accept": "TCP_DEFER_ACCEPT: the bare ACK is ignored on purpose until data comes",
	"client-reset": "the client reset it",
	"server-reset": "the server reset it",
	"slow-accept": "waited long in the accept queue: accept() was slow",
	"synack-unacknowledged": "the SYN-ACK was never acknowledged",
};

const CONFIDENCE_WORDS = {
	"exact": "nothing else fits what was recorded",
	"bounded": "it happened within a measured interval",
	"inferred": "it fits best; what would decide is missing",
};

const MARK_WORDS = {
	"syn": "SYN",
	"syn-ack": "SYN-ACK",
	"ack": "ACK",
	"data": "first data of the client",
	"server-data": "first data of the server",
	"rst-client": "RST of the client",
	"rst-server": "RST of the server",
	"fin-client": "FIN of the client",
	"fin-server": "FIN of the server",
	"icmp": "ICMP error",
};

const LATENCY_WORDS = {
	"syn_to_synack": ["SYN to SYN-ACK", "from the first SYN to the first SYN-ACK"],
	"synack_to_ack": ["SYN-ACK to ACK", "from the last SYN-ACK before the final ACK to that ACK"],
	"connect": ["connect()", "what the client waited for connect(): first SYN to the first SYN-ACK that it can have seen"],
	"accept_wait": ["wait for accept()", "from the client's final ACK to accept()"],
	"queue_wait": ["of that in the queue", "from the segment that the accept queue had room for to accept()"],
	"accept_to_fork": ["accept() to fork", "until the child that serves it was forked"],
};

function words(of, name) {
	return Object.hasOwn(of, name) ? of[name] : name;
}

function outcomeClass(name) {
	return GOOD_OUTCOMES.includes(name) ? "good" : NEUTRAL_OUTCOMES.includes(name) ? "neutral" : "bad";
}
