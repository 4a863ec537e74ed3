/*
 * Clients whose packets never came to a queue, or whose listener was closed: what to do, which is
 * never a longer queue. One advice for each cause, with the clients that have it.
 */
#include <inttypes.h>
#include <string.h>

#include "report/explain/parts.h"

static const struct {
	enum cause cause;
	const char *text;
} rules[] = {
    {CAUSE_NO_ROUTE,
     "The host has no route back to these clients, so that the kernel drops their packets: see 'ip "
     "route get ADDRESS' for one of them (a missing, blackhole, unreachable or prohibit route, or "
     "policy routing). No setting of the listener or its queues helps them."},
    {CAUSE_RP_FILTER,
     "rp_filter drops these clients' packets, since the route back to them leads through another "
     "interface: correct the route, or, where the path is asymmetric on purpose, set "
     "net.ipv4.conf.INTERFACE.rp_filter to 2 (the higher of it and of conf.all holds). No setting "
     "of the listener or its queues helps them."},
    {CAUSE_MD5_MISMATCH,
     "The listener discards these clients' packets, since their TCP-MD5 or TCP-AO signature is "
     "missing, wrong or unexpected: configure the same key for this peer on both ends (the BGP "
     "neighbor's password). No setting of the queues helps them."},
    {CAUSE_TTL_TOO_SMALL,
     "These clients' packets arrive with a TTL below the listener's minimum (IP_MINTTL or "
     "IPV6_MINHOPCOUNT; TTL security of BGP): let them send with 255, or allow for as many hops "
     "as there are. No setting of the queues helps them."},
    {CAUSE_DISCARDED_BEFORE_QUEUE,
     "The listener discards these clients' packets before any queue: look at its socket filter "
     "(ss -tlnb), cgroup filters (IPAddressDeny= of its systemd unit, bpftool cgroup tree) and "
     "IPsec policies (ip xfrm policy). No setting of the queues helps them."},
    {CAUSE_EXISTING_CONNECTION,
     "These clients used addresses and ports of a connection that the server still has (or that is "
     "in TIME_WAIT): give the clients, or the NAT or load balancer in front of them, more source "
     "ports or addresses, so that it reuses them later. No setting of the queues helps them."},
    {CAUSE_LISTENER_CLOSED,
     "These clients waited in a queue of a listener that was closed, and were reset: "
     "keep the socket open over a restart (socket activation by systemd, a reload in place of a "
     "restart, a hand-over to the new process). With SO_REUSEPORT and a new listener that is there "
     "before the old one closes, net.ipv4.tcp_migrate_req=1 moves them. If it was no restart, the "
     "server ended on its own: its log says why (systemctl status, journalctl -u UNIT). A longer "
     "queue loses more of them."},
    {CAUSE_ANSWER_STOPPED,
     "The kernel answered these clients' SYNs, and the SYN-ACKs were not captured: check what "
     "stops "
     "them on their way out (nft list ruleset, iptables -L -v: output chains; ip xfrm policy), or "
     "whether they leave by another interface (ip route get ADDRESS). The queues are not the "
     "cause."},
    {CAUSE_RESET_IN_FRONT,
     "RSTs that neither the client nor the server sent ended these connections: a firewall rule of "
     "this host rejects their packets, on their way in or out (nft list ruleset, iptables -L -v: "
     "reject with tcp reset), or an intrusion prevention system does. The queues are not the "
     "cause."},
};

/* All interfaces are captured: it was dropped between TCP and the first of them. */
static const char answer_dropped[] =
    "The kernel answered these clients' SYNs, and this host dropped the SYN-ACKs on their way out, "
    "before any interface: look for an output or postrouting chain (nft list ruleset, iptables -L "
    "-v), an IPsec policy (ip xfrm policy), or a tc filter or full qdisc (tc -s qdisc; tc filter "
    "show dev DEVICE egress). The queues are not the cause.";

static const char *text_of(const struct report *r, size_t rule)
{
	return rules[rule].cause == CAUSE_ANSWER_STOPPED && r->meta_known &&
		       strcmp(r->meta->interface, "any") == 0
		   ? answer_dropped
		   : rules[rule].text;
}

/* All of them were refused: there is a rule of its own for that. */
static bool is_told(const struct report *r, enum cause cause)
{
	return cause == CAUSE_RESET_IN_FRONT &&
	       r->inbound_causes[cause] + r->inbound_causes[CAUSE_NO_LISTENER] <=
		   r->inbound_outcomes[OUTCOME_REFUSED];
}

void advise_unqueued(struct advisor *a, const struct report *r)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint64_t clients = r->inbound_causes[rules[i].cause];
		struct advice *advice;

		/* What the ledger contradicts is no ground for advice. */
		if (!clients || is_told(r, rules[i].cause) || r->cause_doubted[rules[i].cause])
			continue;
		advice = advise(a, cause_name(rules[i].cause), clients, "%s", text_of(r, i));
		advise_because(a, advice, "%" PRIu64 " attempt%s, %" PRIu64 " packet%s", clients,
			       clients == 1 ? "" : "s", r->cause_packets[rules[i].cause],
			       r->cause_packets[rules[i].cause] == 1 ? "" : "s");
	}
}

/* One in a thousand is lost on any way. */
#define LOST_MIN     3
#define LOST_PERCENT 2
/* A way that takes longer may be why a SYN is sent again. */
#define NEAR_NS (500 * NS_PER_MS)

void advise_lost(struct advisor *a, const struct report *r)
{
	const struct latency_summary *way = &r->latency[LATENCY_SYNACK_TO_ACK];
	struct advice *advice;

	if (r->synacks_lost < LOST_MIN || r->synacks_lost * 100 < r->inbound * LOST_PERCENT ||
	    (way->count && way->p50 > NEAR_NS))
		return;
	advice = advise(
	    a, "synack-lost", r->synacks_lost,
	    "Clients sent their SYN again although this host had answered it: the SYN-ACKs were "
	    "lost on their way out, and each such client was a second or more late. The queues are "
	    "not the cause, and no backlog changes it. Look first at what this host drops after "
	    "the capture (tc -s qdisc: dropped; ip -s link and ethtool -S DEVICE: TX errors and "
	    "drops), then for the SYN-ACKs at the clients or their firewall: where they are still "
	    "seen and where no more is the place of the loss.");
	advise_because(a, advice, "%" PRIu64 " of %" PRIu64 " attempts, with no drop counted here",
		       r->synacks_lost, r->inbound);
}
