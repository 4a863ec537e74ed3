/*
 * Why nobody took the connections that waited: what to do about what stall_judge() found, and
 * what the attempts themselves show.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/attempt/stall.h"
#include "report/explain/parts.h"
#include "report/explain/settings.h"

/* The wait of the first client, if it is so long and so much longer than the others'. */
#define STARTED_NS     (300 * NS_PER_MS)
#define STARTED_FACTOR 5

struct subject {
	struct advisor *advisor;
	const struct report *report;
	const struct advisor_listener *listener;
	const struct report_listener *l;
	const struct report_stall *stall;
	uint64_t clients; /* that waited too long, were dropped, or left */
	char name[ENDPOINT_TEXT_SIZE];
};

static uint64_t count_dropped(const struct report_listener *l)
{
	uint64_t dropped = 0;

	/* An attempt can have several of them: this is not less than there are. */
	for (int c = 0; c < CAUSE_COUNT; c++)
		if (cause_is_drop((enum cause)c))
			dropped += l->causes[c];
	return dropped < l->attempts ? dropped : l->attempts;
}

/* "nginx (pid 4242)", "pid 4242" */
static const char *process_name(const struct report_listener *l, int32_t pid, char text[64])
{
	const char *comm = "";

	for (size_t i = 0; i < l->owners_count; i++)
		if (l->owners[i].pid == pid)
			comm = l->owners[i].comm;
	if (!comm[0] && l->pids_count && l->pids[0] == pid)
		comm = l->comm;
	if (comm[0])
		snprintf(text, 64, "%.15s (pid %" PRId32 ")", comm, pid);
	else
		snprintf(text, 64, "pid %" PRId32, pid);
	return text;
}

static void because_of_queue(const struct subject *s, struct advice *advice)
{
	if (s->l->queue_peak >= 0 && s->l->limit >= 0)
		advise_because(s->advisor, advice, "peak depth %" PRId64 ", capacity %" PRId64,
			       s->l->queue_peak, s->l->capacity);
	if (s->l->drops)
		advise_because(s->advisor, advice, "%" PRIu64 " packets dropped", s->l->drops);
}

static int64_t share(int64_t ns, const struct report_stall *stall)
{
	return stall->watched_ns ? ns * 100 / stall->watched_ns : 0;
}

static void advise_sibling(const struct subject *s)
{
	char who[64], full[32];
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_SIBLING), s->clients,
	    "%s: one of its SO_REUSEPORT listeners, of %s, takes no connections while the others "
	    "are idle. The kernel goes on sending it its share of the clients: restart or resume "
	    "that process, or close its listener. A larger backlog does not help them.",
	    s->name, process_name(s->l, s->l->pids[0], who));
	advise_because(s->advisor, advice, "its queue was full for %s, no other one for so long",
		       advise_duration(s->l->full_ns, full));
	if (s->stall->held_pid)
		advise_because(s->advisor, advice, "its owner was stopped for %s",
			       advise_duration(s->stall->held_ns, full));
	because_of_queue(s, advice);
}

/* A shell can say it: the one that was held the longest, or all of them. */
static void advise_stopped(const struct subject *s, enum stall_cause cause)
{
	const struct report_stall *stall = s->stall;
	char who[64], held[32];
	struct advice *advice;

	process_name(s->l, stall->held_pid, who);
	advise_duration(stall->held_ns, held);
	if (cause == STALL_FROZEN)
		advice = advise(
		    s->advisor, stall_rule(cause), s->clients,
		    "%s: the cgroup of its owner %s was frozen for %s while connections waited. "
		    "Thaw it (echo 0 > cgroup.freeze, or systemctl thaw UNIT); a larger backlog "
		    "only makes more clients wait.",
		    s->name, who, held);
	else if (cause == STALL_TRACED)
		advice = advise(s->advisor, stall_rule(cause), s->clients,
				"%s: a debugger held its owner %s for %s while connections waited. "
				"Detach it; a larger backlog only makes more clients wait.",
				s->name, who, held);
	else
		advice = advise(
		    s->advisor, stall_rule(cause), s->clients,
		    "%s: its owner %s was stopped (SIGSTOP) for %s while connections waited. "
		    "Resume it: kill -CONT %" PRId32
		    ". A larger backlog only makes more clients wait.",
		    s->name, who, held, stall->held_pid);
	advise_because(s->advisor, advice, "watched for %s in %" PRIu64 " looks",
		       advise_duration(stall->watched_ns, held), stall->looks);
	because_of_queue(s, advice);
}

static void advise_descriptors(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	const struct settings *settings = settings_of(s->l);
	const char *own = settings ? settings->descriptors : NULL;
	char who[64], time[32];
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_DESCRIPTORS), s->clients,
	    "%s: accept() fails for want of file descriptors: %s has %" PRId64 " of %" PRId64
	    " open (RLIMIT_NOFILE). Raise the limit (%s%sLimitNOFILE= of its systemd unit, ulimit "
	    "-n) and restart it, or close idle connections sooner. A larger backlog only makes "
	    "more clients wait.",
	    s->name, process_name(s->l, stall->descriptors_pid, who), stall->descriptors_peak,
	    stall->descriptors_max, own ? own : "", own ? ", or " : "");
	advise_because(s->advisor, advice, "at the limit for %s while connections waited",
		       advise_duration(stall->out_of_descriptors_ns, time));
	because_of_queue(s, advice);
}

static void advise_quota(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	char time[32], watched[32];
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_QUOTA), s->clients,
	    "%s: the CPU quota of its cgroup held its owner back for %s while connections waited. "
	    "Raise the quota (CPUQuota= of its systemd unit, cpu.max, or the CPU limit of the "
	    "container). A larger backlog only makes more clients wait.",
	    s->name, advise_duration(stall->throttled_ns, time));
	advise_because(s->advisor, advice, "throttled in %" PRId64 " periods, watched for %s",
		       stall->throttled_periods, advise_duration(stall->watched_ns, watched));
	because_of_queue(s, advice);
}

static void because_of_cpu(const struct subject *s, struct advice *advice)
{
	const struct report_stall *stall = s->stall;
	char watched[32];

	advise_because(s->advisor, advice,
		       "its main thread: %" PRId64 " %% on a CPU, %" PRId64
		       " %% waiting for one, watched for %s",
		       share(stall->run_ns, stall), share(stall->runnable_ns, stall),
		       advise_duration(stall->watched_ns, watched));
}

static void advise_starved(const struct subject *s)
{
	char time[32];
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_STARVED), s->clients,
	    "%s: its owner was ready to run but had no CPU for %s while connections waited: the "
	    "CPU quota of its cgroup, or a host with more work than CPUs. Raise the quota "
	    "(CPUQuota=, cpu.max, the CPU limit of the container), or take load off the host. A "
	    "larger backlog only makes more clients wait.",
	    s->name, advise_duration(s->stall->runnable_ns, time));
	because_of_cpu(s, advice);
	because_of_queue(s, advice);
}

static void advise_forgotten(const struct subject *s)
{
	char who[64], time[32];
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_FORGOTTEN), s->clients,
	    "%s: nobody accepted a connection in the whole recording. The listener is open in "
	    "%s%s: a process that inherited it and does not know of it, or a server that hangs. "
	    "Close it there (or restart that process); no backlog helps.",
	    s->name, process_name(s->l, s->l->pids[0], who),
	    s->l->pids_count > 1 ? " and others" : "");
	advise_because(s->advisor, advice, "connections were waiting for %s while it was watched",
		       advise_duration(s->stall->waited_ns, time));
	because_of_queue(s, advice);
}

/* "worker_connections", where the server is known; else what there is elsewhere. */
static const char *connections_setting(const struct subject *s)
{
	const struct settings *settings = settings_of(s->l);

	return settings && settings->connections
		   ? settings->connections
		   : "such as max_connections, maxconn, MaxStartups, worker_connections";
}

static void because_of_open(const struct subject *s, struct advice *advice)
{
	if (s->listener->service.concurrent)
		advise_because(s->advisor, advice, "at most %" PRIu64 " were open at a time",
			       s->listener->service.concurrent);
}

static void advise_limited(const struct subject *s)
{
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_LIMITED), s->clients,
	    "%s: the server called listen() again with a backlog of 0 or 1 while it had as many "
	    "connections as it is set to take. Raise that limit (%s), or add servers; no other "
	    "backlog helps.",
	    s->name, connections_setting(s));
	because_of_open(s, advice);
	for (size_t i = 1; i < s->l->limits_count && i < 4; i++)
		advise_because(s->advisor, advice, "its limit went from %" PRId64 " to %" PRId64,
			       (int64_t)s->l->limits[i - 1].limit, (int64_t)s->l->limits[i].limit);
}

static void advise_unserved(const struct subject *s)
{
	uint64_t unserved = s->l->causes[CAUSE_CLOSED_UNSERVED];
	struct advice *advice;

	if (!unserved)
		return;
	advice = advise(
	    s->advisor, "application-limit", unserved,
	    "%s: the server accepted connections and closed them at once without a reply: it had "
	    "as many as it is set to take. Raise that limit (%s), or add servers; no backlog helps "
	    "these clients.",
	    s->name, connections_setting(s));
	advise_because(s->advisor, advice,
		       "%" PRIu64 " connections were accepted and closed unserved", unserved);
	because_of_open(s, advice);
}

/* Nobody was accepted for a while from the first client on, and then all that waited. */
static void advise_start(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	char time[32], usual[32];
	struct advice *advice;

	if (!service->known || service->first_count < 2 || service->first_ns < STARTED_NS ||
	    service->first_ns < STARTED_FACTOR * service->median_ns)
		return;
	advice = advise(
	    s->advisor, "slow-start", service->first_count,
	    "%s: accept() returned the first connection %s after it came: the server was starting "
	    "(a listening socket is there before it: socket activation, a hand-over) or busy. "
	    "Start it before clients come (enable the service, not the socket alone), or make its "
	    "start shorter.",
	    s->name, advise_duration(service->first_ns, time));
	advise_because(s->advisor, advice,
		       "%" PRIu64 " clients came in that time; afterwards %s between calls of "
		       "accept() (median)",
		       service->first_count, advise_duration(service->median_ns, usual));
	because_of_queue(s, advice);
}

static bool advise_gone(const struct subject *s)
{
	uint64_t gone = s->l->causes[CAUSE_CLIENT_LEFT];
	char patience[32];
	struct advice *advice;

	if (!gone || gone * 10 < s->l->attempts)
		return false;
	advice =
	    advise(s->advisor, "clients-gone", gone,
		   "%s: %" PRIu64 " client%s had left before accept() returned %s: the server "
		   "worked for nobody that often. A larger backlog makes it worse; more workers, "
		   "or a shorter queue that refuses sooner, make it better.",
		   s->name, gone, gone == 1 ? "" : "s",
		   gone == 1 ? "its connection" : "their connections");
	if (s->listener->service.known)
		advise_because(s->advisor, advice, "the first of them left after %s",
			       advise_duration(s->listener->service.patience_ns, patience));
	because_of_queue(s, advice);
	return true;
}

static void advise_blocked(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	int64_t longest_ns = service->known ? service->longest_ns : s->stall->waited_ns;
	const struct settings *settings = settings_of(s->l);
	char who[64], time[32];
	struct advice *advice;

	advice =
	    advise(s->advisor, stall_rule(STALL_BLOCKED), s->clients,
		   "%s: the event loop of %s did not call accept() for %s while connections "
		   "waited: it was busy with something else. Move the work that blocks out of "
		   "the event loop, or run more processes%s%s%s; a larger backlog only makes "
		   "more clients wait.",
		   s->name, process_name(s->l, s->l->pids[0], who),
		   advise_duration(longest_ns, time), settings && settings->workers ? " (" : "",
		   settings && settings->workers ? settings->workers : "",
		   settings && settings->workers ? ")" : "");
	because_of_cpu(s, advice);
	if (service->known)
		advise_because(s->advisor, advice, "between calls of accept(): %s (median)",
			       advise_duration(service->median_ns, time));
	because_of_queue(s, advice);
}

static enum stall_cause judge(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	struct stall_facts facts = {
	    .stall = s->stall,
	    .owned = s->l->pids_count > 0,
	    .grouped = s->l->reuseport,
	    .full = s->l->full_ns > 0,
	    .accepted = s->l->outcomes[OUTCOME_ACCEPTED] || s->listener->accepts,
	    .longest_ns = service->known ? service->longest_ns : -1,
	    .usual_ns = service->known ? service->median_ns : -1,
	};

	for (size_t i = 0; facts.grouped && i < s->report->listeners_count; i++) {
		const struct report_listener *o = &s->report->listeners[i];

		if (o == s->l || !endpoint_equal(&o->local, &s->l->local) || o->closed)
			continue;
		facts.siblings++;
		/* In a burst the others may be full for a moment too. */
		facts.siblings_full += o->full_ns > s->l->full_ns / 10;
	}
	for (size_t i = 1; i < s->l->limits_count; i++)
		facts.limited =
		    facts.limited || (s->l->limits[i].limit <= 1 && s->l->limits[i - 1].limit > 1);
	return stall_judge(&facts);
}

/* All of them would have been accepted before a dropped one sends its SYN again. */
static bool is_short_burst(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;

	return s->l->drops && s->listener->backlog.known && service->known &&
	       service->wait_max_ns < NS_PER_SEC && advise_backlog_helps(s->listener);
}

/* True when it said why. */
static bool advise_cause(const struct subject *s, enum stall_cause cause)
{
	switch (cause) {
	case STALL_NONE:
	case STALL_CAUSE_COUNT:
		return false;
	case STALL_SIBLING:
		advise_sibling(s);
		break;
	case STALL_STOPPED:
	case STALL_TRACED:
	case STALL_FROZEN:
		advise_stopped(s, cause);
		break;
	case STALL_DESCRIPTORS:
		advise_descriptors(s);
		break;
	case STALL_QUOTA:
		advise_quota(s);
		break;
	case STALL_FORGOTTEN:
		advise_forgotten(s);
		break;
	case STALL_LIMITED:
		advise_limited(s);
		break;
	case STALL_BLOCKED:
		advise_blocked(s);
		break;
	case STALL_STARVED:
		if (is_short_burst(s))
			return false;
		advise_starved(s);
		break;
	}
	return true;
}

bool advise_stall(struct advisor *advisor, const struct report *report,
		  const struct advisor_listener *listener)
{
	const struct report_listener *l = listener->listener;
	struct subject s = {
	    .advisor = advisor,
	    .report = report,
	    .listener = listener,
	    .l = l,
	    .stall = &l->stall,
	    .clients = count_dropped(l) + l->causes[CAUSE_SLOW_ACCEPT],
	};

	if (s.clients < l->outcomes[OUTCOME_WAITING])
		s.clients = l->outcomes[OUTCOME_WAITING];
	if (s.clients > l->attempts)
		s.clients = l->attempts;
	if (!s.clients && !l->causes[CAUSE_CLIENT_LEFT] && !l->causes[CAUSE_CLOSED_UNSERVED] &&
	    !l->drops && !l->full_ns)
		return false;
	endpoint_format(&l->local, s.name, sizeof(s.name));
	advise_unserved(&s);
	if (advise_cause(&s, judge(&s)))
		return true;
	advise_start(&s);
	if (!advise_gone(&s))
		return false;
	/* Sooner served they would have stayed; in a longer queue they would not. */
	advise_workers(advisor, listener);
	return true;
}
