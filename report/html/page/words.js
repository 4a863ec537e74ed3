/*
 * Names in words: the outcomes, causes, confidences and latencies come with the data
 * (report/attempt/words.c), the rest is here. An unknown name is shown as it is.
 */

const GOOD_OUTCOMES = ["accepted"];
const NEUTRAL_OUTCOMES = ["established", "waiting", "open", "joined"];

const MARK_WORDS = {
	"syn": "SYN",
	"syn-ack": "SYN-ACK",
	"ack": "ACK",
	"data": "first data from the client",
	"server-data": "first data from the server",
	"rst-client": "RST from the client",
	"rst-server": "RST from the server",
	"fin-client": "FIN from the client",
	"fin-server": "FIN from the server",
	"icmp": "ICMP error",
};

/* From what to what each latency is measured. */
const LATENCY_NOTES = {
	"syn_to_synack": "from the first SYN to the first SYN-ACK",
	"synack_to_ack": "from the last SYN-ACK before the final ACK to that ACK",
	"connect": "what connect() took: from the first SYN to the first SYN-ACK that the client can have received",
	"accept_wait": "from the client's final ACK to accept()",
	"queue_wait": "of that in the accept queue",
	"accept_to_fork": "from accept() to the fork of the child that serves it",
};

function words(of, name) {
	return Object.hasOwn(of, name) ? of[name] : name;
}

function outcomeClass(name) {
	return GOOD_OUTCOMES.includes(name) ? "good" : NEUTRAL_OUTCOMES.includes(name) ? "neutral" : "bad";
}
