/*
 * The rules. Each says one thing that somebody can do, or need not do, and the
 * numbers why. What is not known is not advised.
 */
#include "report/explain/parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADVICE_MAX 64

struct advisor {
	size_t count;
	struct advice advice[ADVICE_MAX];
	char *texts[ADVICE_MAX * (ADVICE_EVIDENCE_MAX + 1)];
	size_t texts_count;
};

struct advisor *advisor_new(void)
{
	return calloc(1, sizeof(struct advisor));
}

void advisor_free(struct advisor *advisor)
{
	if (!advisor)
		return;
	for (size_t i = 0; i < advisor->texts_count; i++)
		free(advisor->texts[i]);
	free(advisor);
}

static const char *keep(struct advisor *a, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static const char *keep(struct advisor *a, const char *format, va_list args)
{
	char *text = NULL;

	if (a->texts_count == sizeof(a->texts) / sizeof(a->texts[0]) ||
	    vasprintf(&text, format, args) < 0)
		return NULL;
	a->texts[a->texts_count++] = text;
	return text;
}

/* The same, word for word, as of a listener that came and went: said once. */
static bool was_said(struct advisor *a, const struct advice *advice)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->advice[i].rule, advice->rule) == 0 &&
		    strcmp(a->advice[i].text, advice->text) == 0) {
			a->advice[i].clients += advice->clients;
			return true;
		}
	return false;
}

struct advice *advise(struct advisor *a, const char *rule, uint64_t clients, const char *format,
		      ...)
{
	struct advice *advice;
	va_list args;

	if (a->count == ADVICE_MAX)
		return NULL;
	advice = &a->advice[a->count];
	*advice = (struct advice){.rule = rule, .clients = clients};
	va_start(args, format);
	advice->text = keep(a, format, args);
	va_end(args);
	if (!advice->text || was_said(a, advice))
		return NULL;
	a->count++;
	return advice;
}

void advise_because(struct advisor *a, struct advice *advice, const char *format, ...)
{
	va_list args;

	if (!advice || advice->evidence_count == ADVICE_EVIDENCE_MAX)
		return;
	va_start(args, format);
	advice->evidence[advice->evidence_count] = keep(a, format, args);
	va_end(args);
	if (advice->evidence[advice->evidence_count])
		advice->evidence_count++;
}

/* "12.3 ms", "1.250 s" */
const char *advise_duration(int64_t ns, char text[32])
{
	if (ns < NS_PER_US)
		snprintf(text, 32, "less than 1 us");
	else if (ns < NS_PER_MS)
		snprintf(text, 32, "%.0f us", (double)ns / NS_PER_US);
	else if (ns < NS_PER_SEC)
		snprintf(text, 32, "%.1f ms", (double)ns / NS_PER_MS);
	else
		snprintf(text, 32, "%.3f s", (double)ns / NS_PER_SEC);
	return text;
}

static void advise_aborts(struct advisor *a, const struct report *r)
{
	struct advice *advice;

	if (!report_aborts(r))
		return;
	advice =
	    advise(a, "abort-resets", r->reset_by_full_queue,
		   "tcp_abort_on_overflow is 1: the kernel reset clients whose final ACK found "
		   "the accept queue full. With 0, the default, they try again and get in when "
		   "there is room: sysctl -w net.ipv4.tcp_abort_on_overflow=0.");
	advise_because(a, advice, "%" PRIu64 " client%s reset", r->reset_by_full_queue,
		       r->reset_by_full_queue == 1 ? "" : "s");
}

static void advise_zombies(struct advisor *a, const struct report *r)
{
	uint64_t zombies = r->inbound_outcomes[OUTCOME_ZOMBIE];
	struct advice *advice;

	if (!zombies)
		return;
	if (r->causes[CAUSE_COOKIE_ACK_DROPPED]) {
		advice = advise(
		    a, "abort-cannot-help", 0,
		    "Some clients believe they are connected, but the server does not know "
		    "them: they were answered with a SYN cookie and their ACK was dropped by "
		    "the full accept queue. tcp_abort_on_overflow does not reset them; only "
		    "room in the queue or a client timeout helps.");
	} else if (r->causes[CAUSE_ACCEPT_QUEUE_FULL_ACK] && r->host_known &&
		   r->host.tcp_abort_on_overflow == 0) {
		advice = advise(
		    a, "abort-on-overflow", 0,
		    "Some clients believe they are connected, but their final ACK was dropped. "
		    "With tcp_abort_on_overflow = 1 they would get a RST at once; that makes the "
		    "failure fast but does not prevent it.");
	} else {
		return;
	}
	advise_because(a, advice, "%" PRIu64 " zombie%s", zombies, zombies == 1 ? "" : "s");
	advise_because(a, advice, "%" PRIu64 " ACKs of SYN cookies dropped",
		       r->cause_packets[CAUSE_COOKIE_ACK_DROPPED]);
	advise_because(a, advice, "%" PRIu64 " final ACKs dropped without a cookie",
		       r->cause_packets[CAUSE_ACCEPT_QUEUE_FULL_ACK]);
	if (r->host_known)
		advise_because(a, advice, "tcp_abort_on_overflow %" PRId64,
			       r->host.tcp_abort_on_overflow);
}

#define UNFINISHED_MIN 10

/* Requests that nobody completes keep the SYN queue full; those of clients leave it at once. */
static bool is_flooded(const struct report *r)
{
	uint64_t half_open = r->inbound_outcomes[OUTCOME_HALF_OPEN];
	uint64_t unanswered = r->inbound_outcomes[OUTCOME_UNANSWERED];

	return half_open >= UNFINISHED_MIN && (half_open + unanswered) * 2 >= r->inbound;
}

static void advise_cookies(struct advisor *a, const struct report *r, uint64_t full,
			   uint64_t reserve)
{
	bool flooded = is_flooded(r);
	const char *where =
	    reserve ? "While SYN cookies are off, the last quarter of tcp_max_syn_backlog "
		      "is reserved for known peers."
		    : "The limit of the SYN queue is that of the listener's accept queue, "
		      "not tcp_max_syn_backlog.";
	struct advice *advice;

	if (flooded)
		advice = advise(
		    a, "cookies-off", 0,
		    "Handshakes that were never completed filled the SYN queue, as in a SYN flood "
		    "or "
		    "a half-open scan, and the SYNs of others were dropped, since tcp_syncookies "
		    "is "
		    "0. Set it to 1 (sysctl -w net.ipv4.tcp_syncookies=1, the default): a full SYN "
		    "queue then turns nobody away. A larger backlog only holds more of them. %s",
		    where);
	else
		advice = advise(
		    a, "cookies-off", 0,
		    "SYNs were dropped at the SYN queue because tcp_syncookies is 0. With 1 (the "
		    "default) they would have been answered. %s",
		    where);
	if (flooded)
		advise_because(a, advice,
			       "%" PRIu64 " half-open, %" PRIu64 " unanswered of %" PRIu64
			       " attempts",
			       r->inbound_outcomes[OUTCOME_HALF_OPEN],
			       r->inbound_outcomes[OUTCOME_UNANSWERED], r->inbound);
	advise_because(a, advice, "%" PRIu64 " SYNs dropped: SYN queue full", full);
	advise_because(a, advice, "%" PRIu64 " SYNs dropped: reserve of tcp_max_syn_backlog",
		       reserve);
	advise_because(a, advice, "tcp_syncookies %" PRId64, r->host.tcp_syncookies);
	advise_because(a, advice, "tcp_max_syn_backlog %" PRId64, r->host.tcp_max_syn_backlog);
}

static void advise_syn_queue(struct advisor *a, const struct report *r)
{
	uint64_t full = r->cause_packets[CAUSE_SYN_QUEUE_FULL];
	uint64_t reserve = r->cause_packets[CAUSE_MAX_SYN_BACKLOG_RESERVE];
	struct advice *advice;

	if (full || reserve) {
		advise_cookies(a, r, full, reserve);
		return;
	}
	/* What does not help is no advice where nothing else is said. */
	if (!a->count || !r->cause_packets[CAUSE_ACCEPT_QUEUE_FULL_SYN] || !r->host_known ||
	    r->host.tcp_syncookies <= 0)
		return;
	advice =
	    advise(a, "max-syn-backlog-idle", 0,
		   "Raising tcp_max_syn_backlog would not help: the kernel does not use it while "
		   "tcp_syncookies is on.");
	advise_because(a, advice, "tcp_syncookies %" PRId64, r->host.tcp_syncookies);
	advise_because(a, advice, "tcp_max_syn_backlog %" PRId64, r->host.tcp_max_syn_backlog);
	advise_because(a, advice, "0 SYNs dropped at the SYN queue");
}

/* Neither has anything to do with a queue: what it was dropped by is in front of TCP. */
static void advise_innocent(struct advisor *a, const struct report *r)
{
	uint64_t stopped = r->acks_stopped;
	uint64_t unanswered = r->causes[CAUSE_UNANSWERED_NO_COUNTER] - stopped;
	struct advice *advice;

	if (unanswered) {
		advice = advise(
		    a, "queue-innocent", 0,
		    "SYNs reached this host and got no answer, but no counter of the listener "
		    "moved: the queues are not the cause. Check the firewall (nft list ruleset, "
		    "iptables -L -v), rp_filter, and anything that may drop the SYN-ACK on its way "
		    "out.");
		advise_because(
		    a, advice, "%" PRIu64 " attempt%s, %" PRIu64 " SYN%s", unanswered,
		    unanswered == 1 ? "" : "s",
		    r->cause_packets[CAUSE_UNANSWERED_NO_COUNTER] - r->acks_stopped_packets,
		    r->cause_packets[CAUSE_UNANSWERED_NO_COUNTER] - r->acks_stopped_packets == 1
			? ""
			: "s");
	}
	if (stopped) {
		advice = advise(
		    a, "queue-innocent", 0,
		    "SYNs were answered, but what the clients sent next, their final ACK and data, "
		    "moved no counter of the listener: it did not reach TCP, and the queues are "
		    "not "
		    "the cause. A firewall rule drops it (nft list ruleset, iptables -L -v): often "
		    "one that wants an established connection (ct state) and did not see the SYN "
		    "or "
		    "the SYN-ACK, as on an asymmetric route. tcp_abort_on_overflow has no effect "
		    "on it.");
		advise_because(a, advice, "%" PRIu64 " attempt%s, %" PRIu64 " segment%s", stopped,
			       stopped == 1 ? "" : "s", r->acks_stopped_packets,
			       r->acks_stopped_packets == 1 ? "" : "s");
	}
}

/* Health checks reset what was answered; a flood, and who gets no SYN-ACK, leave it. */
static void advise_scan(struct advisor *a, const struct report *r)
{
	uint64_t half_open = r->inbound_outcomes[OUTCOME_HALF_OPEN],
		 aborted = r->inbound_outcomes[OUTCOME_ABORTED];
	struct advice *advice;

	if (half_open + aborted < UNFINISHED_MIN || half_open + aborted < r->attempts / 10)
		return;
	if (half_open * 2 >= aborted)
		advice = advise(
		    a, "half-open", 0,
		    "Many handshakes were started but not completed: a half-open scan, a SYN "
		    "flood, "
		    "or clients that do not receive the SYN-ACKs. They increase sk_drops and "
		    "EmbryonicRsts but are not queue drops.");
	else
		advice = advise(
		    a, "half-open", 0,
		    "Nothing, if these clients are known: many reset their connection attempt as "
		    "soon as it was answered, as the health checks of load balancers (HAProxy, "
		    "keepalived, LVS) and half-open port scans do. They increase sk_drops and "
		    "EmbryonicRsts but are not queue drops.");
	advise_because(a, advice,
		       "%" PRIu64 " half-open, %" PRIu64 " aborted of %" PRIu64 " attempts",
		       half_open, aborted, r->attempts);
}

/*
 * What moves a counter of the namespace can be another listener's. These have no part in it when
 * their own counters are explained, and nothing that was said of them rests on the others.
 */
static bool is_elsewhere(const struct report *r)
{
	size_t sockets = 0;

	if (!r->meta_known || !r->meta->targets_count)
		return false;
	for (int c = 0; c < CAUSE_COUNT; c++)
		if (r->cause_doubted[c] && r->causes[c])
			return false;
	for (size_t i = 0; i < r->ledger_count; i++) {
		const struct ledger_row *row = &r->ledger[i];

		if (strncmp(row->counter, "sk_drops ", 9) != 0)
			continue;
		if (!row->observed_known || row->unexplained)
			return false;
		sockets++;
	}
	return sockets > 0;
}

/* How more could be seen; nothing that is done already. */
static const char *wider(const struct report *r)
{
	bool ports = r->meta_known && r->meta->targets_count;
	bool interface = r->meta_known && strcmp(r->meta->interface, "any") != 0;

	if (ports && interface)
		return " The counters cover the whole network namespace: record without a port and "
		       "on interface any to see all of its listeners.";
	if (ports)
		return " The counters cover the whole network namespace: record without a port to "
		       "see all of its listeners.";
	if (interface)
		return " The counters cover all interfaces: record on interface any.";
	return "";
}

/* The queue and the counters are seen by everybody; what would have helped, by packets alone. */
static void advise_packets(struct advisor *a, const struct report *r)
{
	if (!r->packets_missing || r->packets || !r->meta_known ||
	    r->meta->sources[SOURCE_CAPTURE].on)
		return;
	for (size_t i = 0; i < r->listeners_count; i++) {
		const struct report_listener *l = &r->listeners[i];
		char name[ENDPOINT_TEXT_SIZE], full[32];

		if (!l->full_ns)
			continue;
		report_listener_format(l, name);
		advise(
		    a, "packets-missing", 0,
		    "%s: its accept queue was full for %s. Whom it turned away, and what would "
		    "have "
		    "helped, takes captured packets: record with sudo, or setcap cap_net_raw: see "
		    "synscope(1).",
		    name, advise_duration(l->full_ns, full));
	}
}

static void advise_ledger(struct advisor *a, const struct report *r)
{
	struct advice *advice = NULL;

	/* Without packets nothing was to be explained. */
	if (r->packets_missing && !r->packets)
		return;
	if (is_elsewhere(r))
		return;
	for (size_t i = 0; i < r->ledger_count; i++) {
		const struct ledger_row *row = &r->ledger[i];

		if (!row->observed_known || !row->unexplained)
			continue;
		if (!advice)
			advice =
			    advise(a, "unexplained", 0,
				   "Some counters moved by more or less than the captured packets "
				   "explain; verdicts that rest on them are less certain.%s",
				   wider(r));
		advise_because(a, advice, "%s: observed %" PRId64 ", explained %" PRId64,
			       row->counter, row->observed, row->explained);
	}
}

/* Those of the listeners, by how many clients they would have helped. */
static void order(struct advisor *a)
{
	for (size_t i = 1; i < a->count; i++)
		for (size_t j = i; j > 0 && a->advice[j].clients > a->advice[j - 1].clients; j--) {
			struct advice swap = a->advice[j];

			a->advice[j] = a->advice[j - 1];
			a->advice[j - 1] = swap;
		}
}

static bool is_worse(const struct report_listener *a, const struct report_listener *b)
{
	if (a->drops != b->drops)
		return a->drops > b->drops;
	return a->attempts != b->attempts ? a->attempts > b->attempts : a > b;
}

/* The server was started again and again: how it was sized is said of the worst of these times. */
static bool is_another_time(const struct report *r, const struct report_listener *l)
{
	for (size_t i = 0; i < r->listeners_count; i++) {
		const struct report_listener *o = &r->listeners[i];

		if (o != l && !o->reuseport && !l->reuseport && (o->closed || l->closed) &&
		    report_same_place(o, l) && is_worse(o, l))
			return true;
	}
	return false;
}

size_t advisor_run(struct advisor *advisor, const struct report *report,
		   const struct advisor_listener *listeners, size_t listeners_count,
		   const struct advice **out)
{
	for (size_t i = 0; i < listeners_count; i++) {
		size_t before;

		advise_ended(advisor, &listeners[i]);
		advise_deferred(advisor, &listeners[i]);
		before = advisor->count;
		if (advise_stall(advisor, report, &listeners[i]) ||
		    is_another_time(report, listeners[i].listener))
			continue;
		advise_capacity(advisor, report, &listeners[i]);
		/* Of a SO_REUSEPORT group it may have been said already. */
		if (advisor->count == before && !(listeners[i].listener->reuseport && before))
			advise_untold(advisor, report, &listeners[i]);
	}
	advise_unqueued(advisor, report);
	advise_not_yet(advisor, report);
	advise_lost(advisor, report);
	order(advisor);
	advise_aborts(advisor, report);
	advise_zombies(advisor, report);
	advise_syn_queue(advisor, report);
	advise_innocent(advisor, report);
	advise_elsewhere(advisor, report);
	advise_scan(advisor, report);
	advise_packets(advisor, report);
	advise_ledger(advisor, report);
	*out = advisor->advice;
	return advisor->count;
}
