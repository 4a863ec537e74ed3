/*
 * Advice about clients that no queue of this host can have stopped: nobody listened where they
 * asked, or something in front of the listeners rejected or dropped their SYNs. The packets and
 * the list of listeners tell; which rule of a firewall it was, they do not.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/parts.h"

static bool is_there(const struct report_listener *l, const struct report_peer *absent)
{
	return l->limits_count && endpoint_fit(&l->local, l->v6only, &absent->server);
}

/* One that came after clients had been refused there, or that closed before. */
static bool was_there(const struct report *r, const struct report_peer *absent)
{
	for (size_t i = 0; i < r->listeners_count; i++) {
		const struct report_listener *l = &r->listeners[i];

		if (is_there(l, absent) && (l->limits[0].time_ns > absent->first_ns || l->closed))
			return true;
	}
	return false;
}

/* "python3 (pid 4242) listened there from 1.250 s to 3.100 s" */
static void because_of_listener(struct advisor *a, struct advice *advice, const struct report *r,
				const struct report_listener *l)
{
	char from[48] = "", to[48] = " on", time[32];

	if (l->limits[0].time_ns > r->start_ns)
		snprintf(from, sizeof(from), " from %s",
			 advise_duration(l->limits[0].time_ns - r->start_ns, time));
	if (l->closed)
		snprintf(to, sizeof(to), "%s %s", from[0] ? " to" : " until",
			 advise_duration(l->closed_ns - r->start_ns, time));
	advise_because(a, advice, "%s listened there%s%s", l->comm[0] ? l->comm : "a server", from,
		       to);
}

/* Between two servers, or before the first: neither the address nor a firewall is at fault. */
void advise_not_yet(struct advisor *a, const struct report *r)
{
	for (size_t i = 0; i < r->absent_count; i++) {
		const struct report_peer *absent = &r->absent[i];
		char name[ENDPOINT_TEXT_SIZE], from[32], to[32];
		struct advice *advice;

		if (!was_there(r, absent))
			continue;
		endpoint_format(&absent->server, name, sizeof(name));
		advice = advise(
		    a, "no-listener", absent->attempts,
		    "%s: clients were refused with a RST while nothing listened there: the server "
		    "was starting or being restarted, or had ended. No backlog helps them. Reload "
		    "instead of "
		    "restarting, keep the listening socket open meanwhile (a systemd .socket unit, "
		    "or a new process that binds with SO_REUSEPORT before the old one ends), or "
		    "send "
		    "clients here only when the server is ready (a readiness check).",
		    name);
		advise_because(a, advice, "%" PRIu64 " attempt%s refused, from %s to %s",
			       absent->attempts, absent->attempts == 1 ? "" : "s",
			       advise_duration(absent->first_ns - r->start_ns, from),
			       advise_duration(absent->last_ns - r->start_ns, to));
		for (size_t l = 0; l < r->listeners_count; l++)
			if (is_there(&r->listeners[l], absent))
				because_of_listener(a, advice, r, &r->listeners[l]);
	}
}

/* It has the port, on another address than the one that these clients asked for, all the while. */
static bool is_beside(const struct report_listener *l, const struct report_peer *absent)
{
	return l->limits_count && l->local.port == absent->server.port &&
	       !endpoint_fit(&l->local, l->v6only, &absent->server) &&
	       l->limits[0].time_ns <= absent->first_ns &&
	       (!l->closed || l->closed_ns >= absent->last_ns);
}

/* "nginx listens on 127.0.0.1:80 only"; of several sockets of one address the first says it. */
static bool name_beside(const struct report *r, const struct report_peer *absent, char *out,
			size_t size)
{
	size_t used = 0;
	unsigned named = 0;

	for (size_t i = 0; i < r->listeners_count; i++) {
		const struct report_listener *l = &r->listeners[i];
		char name[ENDPOINT_TEXT_SIZE];
		bool again = false;

		for (size_t j = 0; j < i && !again; j++)
			again = is_beside(&r->listeners[j], absent) &&
				report_same_place(&r->listeners[j], l);
		if (!is_beside(l, absent) || again || used >= size)
			continue;
		report_listener_format(l, name);
		if (!named++)
			used += (size_t)snprintf(out, size, "%s listens on ",
						 l->comm && l->comm[0] ? l->comm : "a server");
		if (used < size)
			used += (size_t)snprintf(
			    out + used, size - used, "%s%s%s", named > 1 ? " and " : "", name,
			    l->v6only && address_is_any(&l->local.address) ? " (IPv6)" : "");
	}
	return named > 0;
}

static bool is_named_beside(const struct report *r, const struct report_peer *absent)
{
	char text[256];

	return !was_there(r, absent) && name_beside(r, absent, text, sizeof(text));
}

static void advise_other_address(struct advisor *a, const struct report *r)
{
	for (size_t i = 0; i < r->absent_count; i++) {
		const struct report_peer *absent = &r->absent[i];
		char asked[ENDPOINT_TEXT_SIZE], address[ENDPOINT_TEXT_SIZE], text[256];
		struct advice *advice;

		if (!is_named_beside(r, absent) || !name_beside(r, absent, text, sizeof(text)))
			continue;
		endpoint_format(&absent->server, asked, sizeof(asked));
		address_format(&absent->server.address, address, sizeof(address));
		advice =
		    advise(a, "no-listener", absent->attempts,
			   "%s: clients were refused with a RST: %s only. If they are meant to "
			   "connect, let the server listen on %s too, or on all addresses "
			   "(0.0.0.0 or [::]). No backlog helps them.",
			   asked, text, address);
		advise_because(a, advice, "%" PRIu64 " attempt%s refused, no listener on %s",
			       absent->attempts, absent->attempts == 1 ? "" : "s", asked);
	}
}

static void advise_no_listener(struct advisor *a, const struct report *r)
{
	uint64_t nobody = r->inbound_causes[CAUSE_NO_LISTENER];
	struct advice *advice;

	for (size_t i = 0; i < r->absent_count; i++)
		if (was_there(r, &r->absent[i]) || is_named_beside(r, &r->absent[i]))
			nobody -= r->absent[i].attempts;
	if (!nobody)
		return;
	advice = advise(
	    a, "no-listener", 0,
	    "Clients were refused with a RST: no process listened on the address and port that "
	    "they "
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
	advice =
	    advise(a, "rejected-with-reset", 0,
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
	advice =
	    advise(a, "rejected-with-icmp", 0,
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
	advice =
	    advise(a, "dropped-no-listener", 0,
		   "SYNs to ports without a listener got no answer. The kernel answers them with a "
		   "RST, so something dropped the SYNs or the RSTs: check the firewall (nft list "
		   "ruleset, iptables -L -v), and whether a server should listen there (ss -ltn).");
	advise_because(a, advice, "%" PRIu64 " attempt%s unanswered, no listener found",
		       r->unanswered_elsewhere, r->unanswered_elsewhere == 1 ? "" : "s");
}

static void advise_not_here(struct advisor *a, const struct report *r)
{
	struct advice *advice;

	if (!r->not_here)
		return;
	advice = advise(
	    a, "address-not-here", r->not_here,
	    "SYNs came for an address that was not this host's, and it did not pass them on: no "
	    "listener got them. If it should have the address (a virtual IP, a failover), add it "
	    "(ip addr). If not, correct what sends them here (a route, an old ARP entry, a load "
	    "balancer). If this host routes for it, let it forward them (ip_forward, nft list "
	    "ruleset). Packets that the kernel dropped for their address are counted by "
	    "IpInAddrErrors (nstat -az IpInAddrErrors).");
	advise_because(a, advice, "%" PRIu64 " attempt%s unanswered, to an address not of this host",
		       r->not_here, r->not_here == 1 ? "" : "s");
}

void advise_elsewhere(struct advisor *advisor, const struct report *report)
{
	/* Of a capture alone nobody knows what listened. */
	if (!report->meta_known || !report->meta->sources[SOURCE_SAMPLER].on)
		return;
	advise_other_address(advisor, report);
	advise_no_listener(advisor, report);
	advise_reset_in_front(advisor, report);
	advise_icmp(advisor, report);
	advise_silence(advisor, report);
	advise_not_here(advisor, report);
}
