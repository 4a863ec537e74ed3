/*
 * The connections that are not to this host: those that it makes itself, a subject of their
 * own, and those that it passes on, a line.
 */
#include <inttypes.h>
#include <string.h>

#include "report/text/text.h"

/* How many of its own connections' destinations are told of; the JSON report has more. */
#define PEERS_TOLD 5

static void add_outcomes(const uint64_t outcomes[OUTCOME_COUNT], struct sentence *sentence)
{
	char count[TEXT_VALUE_SIZE];
	bool first = true;

	for (int i = 0; i < OUTCOME_COUNT; i++) {
		if (!outcomes[i])
			continue;
		sentence_add(sentence, "%s%s %s", first ? "" : ", ",
			     text_count((int64_t)outcomes[i], count), outcome_name(i));
		first = false;
	}
}

static void put_outbound(const struct text *text)
{
	const struct report *report = text->report;
	char address[ENDPOINT_TEXT_SIZE], count[TEXT_VALUE_SIZE];
	struct sentence sentence;
	size_t told = 0, all = 0;

	for (size_t i = 0; i < report->peers_count; i++) {
		const struct report_peer *peer = &report->peers[i];

		if (peer->role != ROLE_OUTBOUND || ++all > PEERS_TOLD)
			continue;
		told++;
		endpoint_format(&peer->server, address, sizeof(address));
		sentence_clear(&sentence);
		sentence_add(&sentence, "This host's own connections to %s: %s (", address,
			     text_count((int64_t)peer->attempts, count));
		add_outcomes(peer->outcomes, &sentence);
		if (peer->again)
			sentence_add(&sentence, "; %s sent the SYN again",
				     text_count((int64_t)peer->again, count));
		sentence_add(&sentence, ").");
		text_paragraph(text, "", 0, sentence.text);
	}
	if (all > told)
		fprintf(text->out, "This host connected to %zu more destinations.\n", all - told);
}

static void put_forwarded(const struct text *text)
{
	const struct report *report = text->report;
	uint64_t attempts = report->roles[ROLE_FORWARDED];
	char address[ENDPOINT_TEXT_SIZE], count[TEXT_VALUE_SIZE];
	const struct report_peer *most = NULL;
	struct sentence sentence;
	uint64_t again = 0;
	size_t all = 0;

	if (!attempts)
		return;
	for (size_t i = 0; i < report->peers_count; i++) {
		if (report->peers[i].role != ROLE_FORWARDED)
			continue;
		if (all++ == 0)
			most = &report->peers[i];
		again += report->peers[i].again;
	}
	sentence_clear(&sentence);
	sentence_add(&sentence, "%s connection attempt%s %s forwarded, not to this host",
		     text_count((int64_t)attempts, count), attempts == 1 ? "" : "s",
		     attempts == 1 ? "was" : "were");
	if (most) {
		endpoint_format(&most->server, address, sizeof(address));
		sentence_add(&sentence, " (%sto %s)", all > 1 ? "most " : "", address);
	}
	if (again)
		sentence_add(&sentence, "; %s of them had to send the SYN again",
			     text_count((int64_t)again, count));
	sentence_add(&sentence,
		     ". Their queues are visible only in the network namespace of the server; if "
		     "that is a container on this host, record it with --netns.");
	text_paragraph(text, "", 0, sentence.text);
}

/* One direction of the connections is not on this interface: said once. */
static void put_one_sided(const struct text *text)
{
	const struct report *report = text->report;
	const struct recording_meta *meta = report->meta_known ? report->meta : NULL;
	bool syns = !report->attempts && !report->left_out && report->stray_syn_acks;
	char count[TEXT_VALUE_SIZE], name[RECORDING_TEXT_SIZE];
	uint64_t missing = syns ? report->stray_syn_acks : report->unseen_syn_acks;
	struct sentence sentence;

	/* Where packets were lost, these are some of them: no direction is missing. */
	if (!missing || !meta || report->packets_dropped)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "One direction was not captured on interface %s: ",
		     text_safe(text, meta->interface, name, sizeof(name)));
	if (syns)
		sentence_add(&sentence, "%s SYN-ACK%s without a SYN",
			     text_count((int64_t)missing, count), missing == 1 ? "" : "s");
	else
		sentence_add(&sentence, "%s SYN-ACK%s that the clients acknowledged %s missing",
			     text_count((int64_t)missing, count), missing == 1 ? "" : "s",
			     missing == 1 ? "is" : "are");
	sentence_add(&sentence, "%s",
		     strcmp(meta->interface, "any") != 0 ? ". To see both, record on interface any."
		     : meta->targets_count
			 ? ". Its packets have another port or address (NAT, a "
			   "proxy), or take another way: to see both, record "
			   "without a port."
			 : ". It takes a way that is not through this host's TCP.");
	text_paragraph(text, "", 0, sentence.text);
}

static void put_fronted(const struct text *text)
{
	uint64_t attempts = text->report->answered_in_front;
	char count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!attempts)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence,
		     "%s SYN%s answered by a SYNPROXY in front of the listener, not with SYN "
		     "cookies of the kernel's TCP; the listener gets the proxy's own SYN.",
		     text_count((int64_t)attempts, count), attempts == 1 ? " was" : "s were");
	text_paragraph(text, "", 0, sentence.text);
}

/* A full disk, or a part that is gone. */
static bool is_incomplete(const struct report *report)
{
	return report->packets_missing ||
	       (report->meta_known && report->meta->losses[LOSS_RECORDING]);
}

static void put_without_packets(const struct text *text)
{
	const struct report *report = text->report;
	char asked[ENDPOINT_TEXT_SIZE], server[ENDPOINT_TEXT_SIZE], count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!report->without_packets)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "%s connection%s entered without a captured packet",
		     text_count((int64_t)report->without_packets, count),
		     report->without_packets == 1 ? "" : "s");
	if (report->without_asked.port) {
		endpoint_format(&report->without_asked, asked, sizeof(asked));
		endpoint_format(&report->without_server, server, sizeof(server));
		sentence_add(&sentence, ": NAT redirected %s to %s", asked, server);
	} else if (report->packets_dropped) {
		sentence_add(&sentence, ": the capture lost packets");
	} else if (is_incomplete(report)) {
		sentence_add(&sentence, ": packets are missing from the recording");
	} else {
		sentence_add(&sentence, ": begun just before the observation, or to another "
					"address or port, or by another interface");
	}
	sentence_add(&sentence, ". %s outcome is unknown.",
		     report->without_packets == 1 ? "Its" : "Their");
	text_paragraph(text, "", 0, sentence.text);
}

void text_put_ways(const struct text *text)
{
	put_without_packets(text);
	put_fronted(text);
	put_one_sided(text);
	put_outbound(text);
	put_forwarded(text);
}
