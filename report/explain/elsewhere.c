/*
 * Advice about clients that no queue of this host can have stopped: nobody listened where they
 * asked, or something in front of the listeners rejected or dropped their SYNs. The packets and
 * the list of listeners tell; which rule of a firewall it was, they do not.
 */
#include <inttypes.h>

#include "report/explain/parts.h"

static void advise_no_listener(struct advisor *a, const struct report *r)
{
	uint64_t nobody = r->inbound_causes[CAUSE_NO_LISTENER];
	struct advice *advice;

	if (!nobody)
		return;
	advice = advise(
	    a, "no-listener", 0,
	    "Clients were refused with a RST: no process listened on the address and port that they "
	    "asked for. Check that the server runs and where it listens (ss -ltn), or correct the "
	    "address or port that the clients use. If a server does listen there, a firewall rule "
	    "rejects them (nft list ruleset: reject with tcp reset).");
	advise_because(a, advice, "%" PRIu64 " attempt%s refused, no listener found", nobody,
		       nobody == 1 ? "" : "s");
}

/* A listener that is there refuses nobody. */
static void advise_reset_in_front(struct advisor *a, const struct report *r)
{
	uint64_t refused = r->inbound_outcomes[OUTCOME_REFUSED];
	uint64_t nobody = r->inbound_causes[CAUSE_NO_LISTENER];
	struct advice *advice;

	if (refused <= nobody)
		return;
	advice = advise(a, "rejected-with-reset", 0,
			"Clients were refused with a RST, although a process listens on that port: a "
			"listener refuses nobody. A firewall rule rejects them (nft list ruleset, "
			"iptables -L -v: reject with tcp reset), or a proxy in front of it does. The "
			"queues are not the cause.");
	advise_because(a, advice, "%" PRIu64 " attempt%s refused at a port with a listener",
		       refused - nobody, refused - nobody == 1 ? "" : "s");
}

static void advise_icmp(struct advisor *a, const struct report *r)
{
	uint64_t rejected = r->inbound_outcomes[OUTCOME_UNREACHABLE];
	struct advice *advice;

	if (!rejected)
		return;
	advice = advise(a, "rejected-with-icmp", 0,
			"An ICMP error answered SYNs to this host: a firewall rule rejects them (nft "
			"list ruleset, iptables -L -v: reject). Allow these clients there, if they are "
			"meant to connect. The queues are not the cause.");
	advise_because(a, advice, "%" PRIu64 " attempt%s answered with an ICMP error", rejected,
		       rejected == 1 ? "" : "s");
}

static void advise_silence(struct advisor *a, const struct report *r)
{
	struct advice *advice;

	/* Where a direction is missing, so may the RSTs be. */
	if (!r->unanswered_elsewhere || r->unseen_syn_acks || r->stray_syn_acks)
		return;
	advice = advise(a, "dropped-no-listener", 0,
			"SYNs to ports without a listener got no answer. The kernel answers them with a "
			"RST, so something dropped the SYNs or the RSTs: check the firewall (nft list "
			"ruleset, iptables -L -v), and whether a server should listen there (ss -ltn).");
	advise_because(a, advice, "%" PRIu64 " attempt%s unanswered, no listener found",
		       r->unanswered_elsewhere, r->unanswered_elsewhere == 1 ? "" : "s");
}

void advise_elsewhere(struct advisor *advisor, const struct report *report)
{
	/* Of a capture alone nobody knows what listened. */
	if (!report->meta_known || !report->meta->sources[SOURCE_SAMPLER].on)
		return;
	advise_no_listener(advisor, report);
	advise_reset_in_front(advisor, report);
	advise_icmp(advisor, report);
	advise_silence(advisor, report);
}
