/*
 * Clients that were accepted and closed at once. At a limit of the server's own it says so, or
 * does it unheard while about as many connections are open each time; else it may refuse these
 * clients for another reason, and no limit is to be raised before its log says so.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "report/explain/parts.h"
#include "report/explain/settings.h"

/* Of those that were turned away so many were so at the limit. */
#define AT_LIMIT_PERCENT 80
/* Fewer open connections are no limit that a server is set to. */
#define OPEN_MIN 2

static bool is_at_limit(const struct advisor_listener *al, uint64_t turned_away)
{
	return al->places.open >= OPEN_MIN &&
	       al->places.at_limit * 100 >= turned_away * AT_LIMIT_PERCENT;
}

static void advise_limit(struct advisor *a, const struct advisor_listener *al, const char *name,
			 uint64_t clients)
{
	const struct report_listener *l = al->listener;
	const struct sizing_children *c = &al->children;
	const char *words = refusal_words(l->refusal);
	char enough[64] = "", said[96] = "without a reply";
	struct advice *advice;

	if (words)
		snprintf(said, sizeof(said), "with \"%s\"", words);
	if (c->known && !al->left_out && c->places > al->places.open)
		snprintf(enough, sizeof(enough), "; %" PRIu64 " at a time would have been enough",
			 c->places);
	advice = advise(a, "application-limit", clients,
			"%s: the server accepted connections and closed them at once %s: it had as "
			"many as it is set to take%s. Raise that limit (%s%s), or add servers; no "
			"backlog helps these clients.",
			name, said, words ? "" : ", most likely", settings_connections(l), enough);
	if (l->causes[CAUSE_SERVER_FULL])
		advise_because(a, advice, "%" PRIu64 " connections were answered so and closed",
			       l->causes[CAUSE_SERVER_FULL]);
	if (l->causes[CAUSE_CLOSED_UNSERVED])
		advise_because(a, advice,
			       "%" PRIu64 " connections were accepted and closed unserved",
			       l->causes[CAUSE_CLOSED_UNSERVED]);
	if (al->places.open)
		advise_because(a, advice, "at most %" PRIu64 " others were open at a time",
			       al->places.open);
	if (!words)
		advise_because(a, advice,
			       "%" PRIu64 " of %" PRIu64
			       " were closed while about so many were open, "
			       "before their request was read, from addresses that were served",
			       al->places.at_limit, l->causes[CAUSE_CLOSED_UNSERVED]);
}

/* Processes are told of when they end, and those of this listener are known. */
static bool are_ends_known(const struct report *r, const struct report_listener *l)
{
	return r->meta_known && r->meta->sources[SOURCE_PROC].on && l->pids_count;
}

static void advise_refused(struct advisor *a, const struct report *r,
			   const struct advisor_listener *al, const char *name, uint64_t unserved)
{
	struct advice *advice;

	if (are_ends_known(r, al->listener))
		advice = advise(
		    a, "closed-unserved", unserved,
		    "%s: the server accepted connections and closed them at once without a reply. "
		    "Its log says why: it refuses these clients or what they send (an access rule, "
		    "TLS expected, a backend that is down), fails, or has a limit on connections "
		    "(%s). No backlog helps these clients.",
		    name, settings_connections(al->listener));
	else
		advice = advise(
		    a, "closed-unserved", unserved,
		    "%s: connections were accepted and closed at once without a reply. Whether the "
		    "server did so, or the process that had them ended, is not known: its log and "
		    "the kernel log (journalctl -k: OOM killer, crashes) say which. A server "
		    "refuses clients or what they send (an access rule, TLS expected, a backend "
		    "that is down) or has a limit on connections (%s). No backlog helps these "
		    "clients.",
		    name, settings_connections(al->listener));
	advise_because(a, advice, "%" PRIu64 " connections were accepted and closed unserved",
		       unserved);
	advise_because(a, advice,
		       "%" PRIu64 " of them unheard while the most connections (%" PRIu64
		       ") were open, from addresses that were served",
		       al->places.at_limit, al->places.open);
}

/* Who ends a process so, and where that is written. */
static const char *why_ended(int32_t signal)
{
	switch (signal) {
	case SIGKILL:
		return "Find out who killed it: the kernel log names the OOM killer (journalctl "
		       "-k, dmesg), the log of the server or of its supervisor a timeout of its "
		       "workers";
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGABRT:
		return "It crashed: its log, the kernel log (journalctl -k) and coredumpctl say "
		       "where";
	default:
		return "Find out who sent that signal (its log, that of its supervisor) and "
		       "whether it can let the process finish its connections first";
	}
}

void advise_ended(struct advisor *a, const struct advisor_listener *al)
{
	const struct sizing_ended *e = &al->ended;
	char name[ENDPOINT_TEXT_SIZE], time[32], after[64] = "";
	struct advice *advice;

	if (!e->clients)
		return;
	report_listener_format(al->listener, name);
	if (e->after_ns >= 0)
		snprintf(after, sizeof(after), " %s after accept()",
			 advise_duration(e->after_ns, time));
	if (e->processes == 1)
		advice =
		    advise(a, "owner-killed", e->clients,
			   "%s: process %" PRId32 " ended (signal %" PRId32
			   ")%s: its client%s got no reply. %s. No backlog helps %s.",
			   name, e->pid, e->signal, after, e->clients == 1 ? "" : "s",
			   why_ended(e->signal), e->clients == 1 ? "this client" : "these clients");
	else
		advice = advise(a, "owner-killed", e->clients,
				"%s: %" PRIu64 " of its processes ended by a signal, the first of "
				"them process %" PRId32 " (signal %" PRId32
				")%s: their clients got no reply. %s. No backlog helps these "
				"clients.",
				name, e->processes, e->pid, e->signal, after, why_ended(e->signal));
	advise_because(a, advice,
		       "%" PRIu64 " connection%s closed without a reply as the process that had "
		       "%s ended",
		       e->clients, e->clients == 1 ? " was" : "s were",
		       e->clients == 1 ? "it" : "them");
}

void advise_deferred(struct advisor *a, const struct advisor_listener *al)
{
	char name[ENDPOINT_TEXT_SIZE];
	struct advice *advice;

	if (!al->greeted_late)
		return;
	report_listener_format(al->listener, name);
	advice = advise(a, "defer-accept", al->greeted_late,
			"%s: TCP_DEFER_ACCEPT waits for data of the client, but here the server "
			"speaks first: clients wait until the kernel has sent its SYN-ACK again. "
			"Remove that option (deferred in nginx, defer-accept in HAProxy, "
			"AcceptFilter in Apache, DeferAcceptSec= of a systemd socket). No backlog "
			"helps these clients.",
			name);
	advise_because(a, advice,
		       "%" PRIu64 " clients entered the accept queue late, and got the server's "
		       "data before they sent any",
		       al->greeted_late);
	advise_because(a, advice, "TCP_DEFER_ACCEPT %" PRId32 " s", al->listener->defer_accept_s);
}

static void advise_not_ready(struct advisor *a, const struct report_listener *l, const char *name)
{
	uint64_t clients = l->causes[CAUSE_SERVER_NOT_READY];
	struct advice *advice;

	advice = advise(
	    a, cause_name(CAUSE_SERVER_NOT_READY), clients,
	    "%s: the server answered that %s, and closed. No limit was reached: neither more "
	    "connections nor a larger backlog helps these clients. Its log says why it "
	    "started, stopped or crashed, and when it was ready. Send clients here only then "
	    "(pg_isready as readiness check), or let them try again; a standby takes "
	    "hot_standby = on.",
	    name, refusal_words(REFUSAL_POSTGRESQL_NOT_READY));
	advise_because(a, advice, "%" PRIu64 " connections were answered so and closed", clients);
}

void advise_unserved(struct advisor *advisor, const struct report *report,
		     const struct advisor_listener *listener)
{
	const struct report_listener *l = listener->listener;
	uint64_t unserved = l->causes[CAUSE_CLOSED_UNSERVED], full = l->causes[CAUSE_SERVER_FULL];
	uint64_t ended = listener->ended.unserved;
	bool at_limit = is_at_limit(listener, unserved + full);
	char name[ENDPOINT_TEXT_SIZE];

	report_listener_format(l, name);
	if (full || (unserved > ended && at_limit))
		advise_limit(advisor, listener, name,
			     full + (at_limit && unserved > ended ? unserved - ended : 0));
	if (l->causes[CAUSE_SERVER_NOT_READY])
		advise_not_ready(advisor, l, name);
	if (unserved > ended && !at_limit)
		advise_refused(advisor, report, listener, name, unserved - ended);
}
