/*
 * Clients whose packets never came to a queue, or whose listener was closed: what to do, which is
 * never a longer queue. One advice for each cause, with the clients that have it.
 */
#include <inttypes.h>

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
     "rp_filter drops these clients' SYNs, since the route back to them leads through another "
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
     "These clients waited in the queue of a listener that was closed, and the kernel reset them: "
     "keep the socket open over a restart (socket activation by systemd, a reload in place of a "
     "restart, a hand-over to the new process). With SO_REUSEPORT and a new listener that is there "
     "before the old one closes, net.ipv4.tcp_migrate_req=1 moves them. A longer queue loses more "
     "of them."},
};

void advise_unqueued(struct advisor *a, const struct report *r)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint64_t clients = r->inbound_causes[rules[i].cause];
		struct advice *advice;

		/* What the ledger contradicts is no ground for advice. */
		if (!clients || r->cause_doubted[rules[i].cause])
			continue;
		advice = advise(a, cause_name(rules[i].cause), clients, "%s", rules[i].text);
		advise_because(a, advice, "%" PRIu64 " attempt%s, %" PRIu64 " packets", clients,
			       clients == 1 ? "" : "s", r->cause_packets[rules[i].cause]);
	}
}
