/*
 * Why nobody took the connections that waited: what to do about what stall_judge() found, and
 * what the attempts themselves show.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/settings.h"
#include "report/explain/subject.h"

/* The wait of the first client, if it is so long and so much longer than the others'. */
#define STARTED_NS     (300 * NS_PER_MS)
#define STARTED_FACTOR 5

static uint64_t count_dropped(const struct report_listener *l)
{
	uint64_t dropped = 0;

	/* An attempt can have several of them: this is not less than there are. */
	for (int c = 0; c < CAUSE_COUNT; c++)
		if (cause_is_drop((enum cause)c))
			dropped += l->causes[c];
	return dropped < l->attempts ? dropped : l->attempts;
}

static void advise_sibling(const struct subject *s)
{
	char who[64], full[32];
	struct advice *advice;

	subject_process(s->l, s->l->pids[0], who);
	advise_duration(s->stall->untaken_ns, full);
	if (s->stall->untaken_over)
		advice = advise(
		    s->advisor, stall_rule(STALL_SIBLING), s->clients,
		    "%s: one of its SO_REUSEPORT listeners, of %s, took no connections for %s "
		    "while the others were idle, and takes them again. The kernel went on sending "
		    "it its share of the clients: find out what held that process. A larger "
		    "backlog does not help them.",
		    s->name, who, full);
	else
		advice = advise(
		    s->advisor, stall_rule(STALL_SIBLING), s->clients,
		    "%s: one of its SO_REUSEPORT listeners, of %s, takes no connections while the "
		    "others are idle. The kernel goes on sending it its share of the clients: "
		    "restart or resume that process, or close its listener. A larger backlog does "
		    "not help them.",
		    s->name, who);
	advise_because(s->advisor, advice, "nobody was accepted from its queue for %s", full);
	advise_because(s->advisor, advice, "its queue was full for %s, no other one for so long",
		       advise_duration(s->l->full_ns, full));
	if (s->stall->held_pid)
		advise_because(s->advisor, advice, "its owner was stopped for %s",
			       advise_duration(s->stall->held_ns, full));
	subject_because_of_queue(s, advice);
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
	    s->name, subject_process(s->l, stall->descriptors_pid, who), stall->descriptors_peak,
	    stall->descriptors_max, own ? own : "", own ? ", or " : "");
	advise_because(s->advisor, advice, "at the limit for %s while connections waited",
		       advise_duration(stall->out_of_descriptors_ns, time));
	subject_because_of_queue(s, advice);
}

/* By the replay: some of those that were dropped would have been served, if late. */
static bool serves_more(const struct subject *s)
{
	const struct sizing_backlog *b = &s->listener->backlog;

	return s->l->drops && b->known && b->served_then > b->served &&
	       advise_backlog_helps(s->listener);
}

static const char *about_backlog(const struct subject *s)
{
	return serves_more(s)
		   ? "A larger backlog lets clients wait for that instead of being dropped."
		   : "A larger backlog only makes more clients wait.";
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
	    "container). %s",
	    s->name, advise_duration(stall->throttled_ns, time), about_backlog(s));
	advise_because(s->advisor, advice, "throttled in %" PRId64 " periods, watched for %s",
		       stall->throttled_periods, advise_duration(stall->watched_ns, watched));
	subject_because_of_queue(s, advice);
}

static void advise_starved(const struct subject *s)
{
	char time[32];
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_STARVED), s->clients,
	    "%s: its owner was ready to run but had no CPU for %s while connections waited: the "
	    "CPU quota of its cgroup, or a host with more work than CPUs. Raise the quota "
	    "(CPUQuota=, cpu.max, the CPU limit of the container), or take load off the host. %s",
	    s->name, advise_duration(s->stall->runnable_ns, time), about_backlog(s));
	subject_because_of_cpu(s, advice);
	subject_because_of_queue(s, advice);
}

static void advise_limited(const struct subject *s)
{
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_LIMITED), s->clients,
	    "%s: the server called listen() again with a backlog of 0 or 1 while it had as many "
	    "connections as it is set to take. Raise that limit (%s), or add servers; no other "
	    "backlog helps.",
	    s->name, settings_connections(s->l));
	subject_because_of_open(s, advice);
	for (size_t i = 1; i < s->l->limits_count && i < 4; i++)
		advise_because(s->advisor, advice, "its limit went from %" PRId64 " to %" PRId64,
			       (int64_t)s->l->limits[i - 1].limit, (int64_t)s->l->limits[i].limit);
}

/* A stopped server takes the first client as late as one that starts: its processes tell. */
static void advise_late(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	char time[32];
	struct advice *advice;

	advice = advise(
	    s->advisor, "accept-rate", service->first_count,
	    "%s: accept() returned the first connection %s after it came. Whether the server was "
	    "starting, stopped or busy is unknown, since its processes could not be inspected: "
	    "see its log, and record with sudo, or setcap cap_sys_ptrace,cap_dac_read_search "
	    "(see synscope(1)).",
	    s->name, advise_duration(service->first_ns, time));
	advise_because(s->advisor, advice, "%" PRIu64 " clients came in that time",
		       service->first_count);
	subject_because_of_queue(s, advice);
}

/* Nobody was accepted for a while from the first client on, and then all that waited. */
static void advise_start(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	char time[32], usual[32];
	struct advice *advice;

	/* Who is the first of a period was not that of the recording. */
	if (s->report->more_before)
		return;
	if (!service->known || service->first_count < 2 || service->first_ns < STARTED_NS ||
	    service->first_ns < STARTED_FACTOR * service->median_ns)
		return;
	if (!s->l->pids_count && !s->l->owners_count) {
		advise_late(s);
		return;
	}
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
	subject_because_of_queue(s, advice);
}

static bool advise_gone(const struct subject *s)
{
	const struct sizing_backlog *b = &s->listener->backlog;
	bool shares = s->listener->sharing.longer || s->listener->sharing.turn_ns;
	uint64_t gone = s->l->causes[CAUSE_CLIENT_LEFT];
	char patience[32];
	struct advice *advice;

	/* Where nobody waited long they did not leave for that: health checks close at once. */
	if (!gone || !s->clients || gone * 10 < s->l->attempts)
		return false;
	advice = advise(
	    s->advisor, "clients-gone", gone,
	    "%s: %" PRIu64 " client%s had left before accept() returned %s: the server "
	    "worked for nobody that often. %s %s, or a shorter queue that turns them away "
	    "sooner, make it better.",
	    s->name, gone, gone == 1 ? "" : "s", gone == 1 ? "its connection" : "their connections",
	    b->known && b->served_then > b->served ? "In a longer queue more would wait so long:"
						   : "A larger backlog makes it worse;",
	    shares ? "less of what its workers wait for" : "more workers");
	if (s->listener->service.known)
		advise_because(s->advisor, advice, "the first of them left after %s",
			       advise_duration(s->listener->service.patience_ns, patience));
	subject_because_of_queue(s, advice);
	return true;
}

static void advise_blocked(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	int64_t gap_ns = subject_longest_gap(s),
		longest_ns = gap_ns >= 0 ? gap_ns : s->stall->waited_ns;
	/* Of one thread, which is away: whether it computes or sleeps. */
	bool asleep = stall_busy_ns(s->stall) < s->stall->watched_ns / 5;
	char who[64], time[32], workers[SETTINGS_ASIDE_SIZE];
	struct advice *advice;

	advice = advise(s->advisor, stall_rule(STALL_BLOCKED), s->clients,
			"%s: the event loop of %s did not call accept() for %s while connections "
			"waited: it was %s something else. Move the work that blocks out of "
			"the event loop, or run more processes%s; a larger backlog only makes "
			"more clients wait.",
			s->name, subject_process(s->l, s->l->pids[0], who),
			advise_duration(longest_ns, time), asleep ? "waiting for" : "busy with",
			settings_aside(settings_workers(s->l), workers));
	subject_because_of_cpu(s, advice);
	if (service->known)
		advise_because(s->advisor, advice, "between calls of accept(): %s (median)",
			       advise_duration(service->median_ns, time));
	subject_because_of_queue(s, advice);
}

static bool has_accepted(const struct subject *s)
{
	return s->l->outcomes[OUTCOME_ACCEPTED] || s->listener->accepts;
}

/*
 * Its own queue did not fall in all the time in which it was full, but for a small part; -1: it
 * did, or accept() is known to have returned its clients sooner.
 */
static int64_t untaken(const struct subject *s)
{
	int64_t ns = s->stall->untaken_ns;

	if (s->listener->service.known && subject_longest_gap(s) < ns / 2)
		return -1;
	return ns >= s->l->full_ns - s->l->full_ns / 10 ? ns : -1;
}

/* Most that were dropped, or waited long, did not come while nobody called accept(). */
static bool explains_little(const struct subject *s)
{
	const struct sizing_away *away = &s->listener->away;

	return away->clients && away->met * 2 < away->clients;
}

static enum stall_cause judge(const struct subject *s)
{
	const struct settings *settings = settings_of(s->l);
	const struct sizing_service *service = &s->listener->service;
	struct stall_facts facts = {
	    .stall = s->stall,
	    .owned = s->l->pids_count > 0,
	    .grouped = s->l->reuseport,
	    .loop = settings && settings->loop,
	    .full = s->l->full_ns > 0,
	    .accepted = has_accepted(s) && !subject_is_stuck(s),
	    .abandoned = subject_is_abandoned(s),
	    .longest_ns = service->known && !explains_little(s) ? service->longest_ns : -1,
	    .usual_ns = service->known ? service->median_ns : -1,
	    .untaken_ns = untaken(s),
	    .taken_ns = s->stall->taken
			    ? (s->stall->waited_ns - s->stall->untaken_ns) / s->stall->taken
			    : -1,
	};

	for (size_t i = 0; facts.grouped && i < s->report->listeners_count; i++) {
		const struct report_listener *o = &s->report->listeners[i];

		if (o == s->l || !report_same_place(o, s->l) || o->closed)
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
	       s->listener->backlog.wait_max_ns < NS_PER_SEC && advise_backlog_helps(s->listener);
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
		advise_held(s, cause);
		break;
	case STALL_DESCRIPTORS:
		advise_descriptors(s);
		break;
	case STALL_QUOTA:
		advise_quota(s);
		break;
	case STALL_FORGOTTEN:
		if (subject_is_abandoned(s)) {
			advise_abandoned(s);
		} else if (has_accepted(s)) {
			advise_stuck(s);
			advise_gone(s);
		} else {
			advise_forgotten(s);
		}
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
	    !l->causes[CAUSE_SERVER_FULL] && !l->causes[CAUSE_SERVER_NOT_READY] && !l->drops &&
	    !l->full_ns)
		return false;
	report_listener_format(l, s.name);
	advise_unserved(advisor, report, listener);
	if (advise_cause(&s, judge(&s)) || advise_one_held(&s))
		return true;
	if (advise_unreplied(advisor, listener))
		return true;
	advise_start(&s);
	/* Whom a longer queue would have served in time did not leave for the wait in it. */
	if (serves_more(&s) || !advise_gone(&s))
		return false;
	/* Sooner served they would have stayed; in a longer queue they would not. */
	advise_workers(advisor, report, listener);
	return true;
}
