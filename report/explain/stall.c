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
/* So much longer than mostly. */
#define STUCK_FACTOR 5

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

	process_name(s->l, s->l->pids[0], who);
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
	because_of_queue(s, advice);
}

/* It was seen to run again, or took connections after it was seen held for the last time. */
static bool is_released(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	int64_t last_ns = s->listener->service.last_ns;

	return !stall->held_until_ns || (last_ns != TIME_UNKNOWN && last_ns > stall->held_until_ns);
}

/* Since when the one that was held has the listener open no more, at the latest; -1: it has. */
static int64_t gone_ns(const struct subject *s)
{
	int64_t unless_known_ns = s->l->closed ? 0 : -1, gone_ns = unless_known_ns;

	for (size_t i = 0; i < s->l->owners_count; i++) {
		const struct report_owner *o = &s->l->owners[i];

		if (o->pid == s->stall->held_pid)
			gone_ns = o->to_ns != TIME_UNKNOWN ? o->to_ns : unless_known_ns;
	}
	return gone_ns;
}

#define UNDO_SIZE 128

/* Its PID may be another process's by now: no command for it. */
static void find_out(const struct subject *s, enum stall_cause cause, char text[UNDO_SIZE])
{
	const char *did = cause == STALL_FROZEN	  ? "froze it"
			  : cause == STALL_TRACED ? "attached it"
						  : "stopped it";

	if (gone_ns(s) >= 0)
		snprintf(text, UNDO_SIZE,
			 "It has ended since, or closed the listener: find out who %s", did);
	else
		snprintf(text, UNDO_SIZE, "It runs again: find out who %s", did);
}

/* What to do about it, as a shell can say it: for the one that was held the longest. */
static const char *undo(const struct subject *s, enum stall_cause cause, char text[UNDO_SIZE])
{
	if (gone_ns(s) >= 0 || is_released(s))
		find_out(s, cause, text);
	else if (cause == STALL_FROZEN)
		snprintf(text, UNDO_SIZE,
			 "Thaw it (echo 0 > cgroup.freeze, or systemctl thaw UNIT)");
	else if (cause == STALL_TRACED)
		snprintf(text, UNDO_SIZE, "Detach it");
	else
		snprintf(text, UNDO_SIZE, "Resume it: kill -CONT %" PRId32, s->stall->held_pid);
	return text;
}

/* Who was dropped while it was stopped sends the next SYN a while after. */
#define AFTERMATH_NS NS_PER_SEC

/* From when to when it was seen so, and when it was gone. */
static void because_of_end(const struct subject *s, struct advice *advice)
{
	const struct report_stall *stall = s->stall;
	int64_t start_ns = s->report->start_ns, end_ns = gone_ns(s);
	char who[64], from[32], to[32];

	if (end_ns < 0)
		return;
	if (stall->held_from_ns)
		advise_because(s->advisor, advice, "seen so from %s to %s",
			       advise_duration(stall->held_from_ns - start_ns, from),
			       advise_duration(stall->held_last_ns - start_ns, to));
	if (end_ns)
		advise_because(s->advisor, advice, "%s ended or closed it by %s",
			       process_name(s->l, stall->held_pid, who),
			       advise_duration(end_ns - start_ns, to));
	else
		advise_because(s->advisor, advice, "the listener was closed");
}

/* How long the queue was full before the owner was stopped, and after it ran again. */
static int64_t full_at_other_times(const struct subject *s)
{
	int64_t full_ns = 0;

	for (size_t i = 0; s->stall->held_from_ns && i < s->l->episodes_count; i++) {
		const struct full_episode *e = &s->l->episodes[i];

		if (e->end_ns < s->stall->held_from_ns ||
		    e->start_ns > s->stall->held_last_ns + AFTERMATH_NS)
			full_ns += e->end_ns - e->start_ns;
	}
	return full_ns >= STALL_NOTICED_NS && full_ns >= s->l->full_ns / 10 ? full_ns : 0;
}

/* Of its drops, those while it was stopped or just after, to a bucket; -1: not known. */
static int64_t drops_while_held(const struct subject *s)
{
	const struct rate_series *rates = &s->report->rates;
	int64_t from_ns = s->stall->held_from_ns, to_ns = s->stall->held_last_ns + AFTERMATH_NS;
	uint64_t all = 0, within = 0;

	for (size_t i = 0; i < rates->count; i++) {
		int64_t at_ns = s->report->start_ns + (int64_t)i * rates->bucket_ns;
		bool held = at_ns + rates->bucket_ns > from_ns && at_ns <= to_ns;

		for (int c = 0; c < CAUSE_COUNT; c++)
			if (cause_is_drop((enum cause)c)) {
				all += rates->buckets[i].drops[c];
				within += held ? rates->buckets[i].drops[c] : 0;
			}
	}
	/* Those of other listeners are not told from its own. */
	return all == s->l->drops ? (int64_t)within : -1;
}

/* What the queue did while it was stopped. */
static void because_of_held_queue(const struct subject *s, struct advice *advice)
{
	int64_t within = drops_while_held(s);

	if (s->l->queue_peak >= 0 && s->l->limit >= 0)
		advise_because(s->advisor, advice, "peak depth %" PRId64 ", capacity %" PRId64,
			       s->l->queue_peak, s->l->capacity);
	if (within >= 0)
		advise_because(s->advisor, advice,
			       "%" PRId64 " of %" PRIu64
			       " packets dropped while it was so, or just after",
			       within, s->l->drops);
}

static void advise_stopped(const struct subject *s, enum stall_cause cause)
{
	const struct report_stall *stall = s->stall;
	char who[64], held[32], how[192], act[UNDO_SIZE], other[160] = "", full[32];
	int64_t other_ns = full_at_other_times(s);
	struct advice *advice;

	process_name(s->l, stall->held_pid, who);
	advise_duration(stall->held_ns, held);
	if (cause == STALL_FROZEN)
		snprintf(how, sizeof(how), "the cgroup of its owner %s was frozen for %s", who,
			 held);
	else if (cause == STALL_TRACED)
		snprintf(how, sizeof(how), "a debugger held its owner %s for %s", who, held);
	else
		snprintf(how, sizeof(how), "its owner %s was stopped (SIGSTOP) for %s", who, held);
	if (other_ns)
		snprintf(other, sizeof(other),
			 " The queue was full at other times too, for %s together, for another "
			 "reason: report those times alone (--since, --until).",
			 advise_duration(other_ns, full));
	advice = advise(s->advisor, stall_rule(cause), s->clients,
			"%s: %s while connections waited. %s. A larger backlog only makes more "
			"clients wait.%s",
			s->name, how, undo(s, cause, act), other);
	advise_because(s->advisor, advice, "watched for %s in %" PRIu64 " looks",
		       advise_duration(stall->watched_ns, held), stall->looks);
	because_of_end(s, advice);
	if (other_ns)
		because_of_held_queue(s, advice);
	else
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
	because_of_queue(s, advice);
}

static void because_of_cpu(const struct subject *s, struct advice *advice)
{
	const struct report_stall *stall = s->stall;
	char watched[32];

	advise_because(
	    s->advisor, advice,
	    "%s: %" PRId64 " %% on a CPU, %" PRId64 " %% waiting for one, watched for %s",
	    stall->processes > 1 ? "the main threads of its processes" : "its main thread",
	    share(stall->run_ns, stall), share(stall->runnable_ns, stall),
	    advise_duration(stall->watched_ns, watched));
}

static void because_of_open(const struct subject *s, struct advice *advice)
{
	if (s->listener->service.concurrent)
		advise_because(s->advisor, advice, "at most %" PRIu64 " were open at a time",
			       s->listener->service.concurrent);
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
	because_of_cpu(s, advice);
	because_of_queue(s, advice);
}

/* Of those that had it open and have it no more, the one that ended last; NULL. */
static const struct report_owner *find_ended(const struct subject *s)
{
	const struct report_owner *ended = NULL;

	for (size_t i = 0; i < s->l->owners_count; i++) {
		const struct report_owner *o = &s->l->owners[i];

		if (o->to_ns != TIME_UNKNOWN && (!ended || o->to_ns > ended->to_ns))
			ended = o;
	}
	return ended;
}

/* And which has it still; NULL. */
static const struct report_owner *find_remaining(const struct subject *s)
{
	for (size_t i = 0; i < s->l->owners_count; i++)
		if (s->l->owners[i].to_ns == TIME_UNKNOWN)
			return &s->l->owners[i];
	return NULL;
}

static bool has_ended(const struct subject *s, int32_t pid)
{
	for (size_t i = 0; i < s->l->owners_count; i++)
		if (s->l->owners[i].pid == pid && s->l->owners[i].to_ns == TIME_UNKNOWN)
			return false;
	return true;
}

/*
 * Connections were accepted until one that had the listener open ended. It is taken for the server
 * where it is known to have accepted, or where none of those that remain has run since.
 */
static bool is_abandoned(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	const struct report_owner *ended = find_ended(s);

	if (s->l->reuseport || s->l->closed || service->since_ns < STALL_FORGOTTEN_NS ||
	    service->last_ns == TIME_UNKNOWN || !ended || !find_remaining(s))
		return false;
	if (service->last_pid)
		return has_ended(s, service->last_pid);
	/* It is known to be gone when somebody looks. */
	return ended->to_ns + NS_PER_SEC >= service->last_ns &&
	       s->stall->watched_ns >= STALL_FORGOTTEN_NS && !s->stall->run_ns;
}

static void advise_abandoned(const struct subject *s)
{
	const struct report_owner *ended = find_ended(s);
	const struct sizing_service *service = &s->listener->service;
	char gone[64], who[64], time[32];
	struct advice *advice;

	advice = advise(s->advisor, stall_rule(STALL_FORGOTTEN), s->clients,
			"%s: nobody accepts connections any more: the server %s ended, and its "
			"listener is still "
			"open in %s, which inherited it and does not call accept(). End that "
			"process or have it "
			"close the listener, and start the server again; no backlog helps.",
			s->name, process_name(s->l, ended->pid, gone),
			process_name(s->l, find_remaining(s)->pid, who));
	advise_because(s->advisor, advice, "the last connection was accepted at %s",
		       advise_duration(service->last_ns - s->report->start_ns, time));
	advise_because(s->advisor, advice, "%s ended or closed it by %s", gone,
		       advise_duration(ended->to_ns - s->report->start_ns, time));
	advise_because(s->advisor, advice, "nobody was accepted for the last %s",
		       advise_duration(service->since_ns, time));
	because_of_queue(s, advice);
}

static void advise_forgotten(const struct subject *s)
{
	char who[64], time[32];
	struct advice *advice;
	bool period = s->report->more_before || s->report->more_after;

	/* What is true of a period need not be of the whole. */
	advice = advise(
	    s->advisor, stall_rule(STALL_FORGOTTEN), s->clients,
	    "%s: nobody called accept() in %s. The listener is open in %s%s%s.", s->name,
	    period ? "this period" : "the whole recording", process_name(s->l, s->l->pids[0], who),
	    s->l->pids_count > 1 ? " and others" : "",
	    period
		? ". Whether anybody ever does shows without --since and --until; no backlog helps"
		: ": a process that inherited it and does not know of it, or a server that hangs. "
		  "Close it there (or restart that process); no backlog helps");
	advise_because(s->advisor, advice, "connections were waiting for %s while it was watched",
		       advise_duration(s->stall->waited_ns, time));
	because_of_queue(s, advice);
}

/* The longest time in which connections waited and nobody called accept(); -1 unknown. */
static int64_t longest_gap(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	int64_t gap_ns = service->known ? service->longest_ns : -1;

	return service->since_ns > gap_ns ? service->since_ns : gap_ns;
}

/* What lasts still at the end may be the only one: nothing is usual then. */
static bool is_unusual(const struct sizing_service *service, int64_t gap_ns)
{
	bool only = service->since_ns == gap_ns && service->median_ns == gap_ns;

	return !service->known || only || gap_ns >= STUCK_FACTOR * service->median_ns;
}

/*
 * It accepts, but for long times: not one connection after the other, as who has too few workers.
 * What is a small part of the time in which connections waited explains little of it.
 */
static bool is_stuck(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	int64_t gap_ns = longest_gap(s);

	return gap_ns >= STALL_FORGOTTEN_NS && gap_ns >= s->stall->waited_ns / 5 &&
	       !(service->saturated && service->concurrent > 1) && is_unusual(service, gap_ns);
}

static void advise_stuck(const struct subject *s)
{
	const struct settings *settings = settings_of(s->l);
	char time[32], ending[SETTINGS_ASIDE_SIZE], workers[SETTINGS_ASIDE_SIZE];
	struct advice *advice;

	advice = advise(
	    s->advisor, stall_rule(STALL_FORGOTTEN), s->clients,
	    "%s: nobody called accept() for %s while connections waited: each process of the "
	    "server was busy with another connection, idle or not, or hung (a lock, a backend that "
	    "does not answer, a full disk or log pipe). Its log and what the processes wait for "
	    "(strace -p PID, /proc/PID/wchan) say which. End such connections and requests "
	    "sooner%s, or run more processes%s; a larger backlog only makes more clients "
	    "wait.",
	    s->name, advise_duration(longest_gap(s), time),
	    settings_aside(settings ? settings->sooner : NULL, ending),
	    settings_aside(settings_workers(s->l), workers));
	because_of_cpu(s, advice);
	because_of_open(s, advice);
	because_of_queue(s, advice);
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
	because_of_open(s, advice);
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
	because_of_queue(s, advice);
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
	because_of_queue(s, advice);
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
	because_of_queue(s, advice);
	return true;
}

static void advise_blocked(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	int64_t gap_ns = longest_gap(s), longest_ns = gap_ns >= 0 ? gap_ns : s->stall->waited_ns;
	/* Of one thread, which is away: whether it computes or sleeps. */
	bool asleep = stall_busy_ns(s->stall) < s->stall->watched_ns / 5;
	char who[64], time[32], workers[SETTINGS_ASIDE_SIZE];
	struct advice *advice;

	advice = advise(s->advisor, stall_rule(STALL_BLOCKED), s->clients,
			"%s: the event loop of %s did not call accept() for %s while connections "
			"waited: it was %s something else. Move the work that blocks out of "
			"the event loop, or run more processes%s; a larger backlog only makes "
			"more clients wait.",
			s->name, process_name(s->l, s->l->pids[0], who),
			advise_duration(longest_ns, time), asleep ? "waiting for" : "busy with",
			settings_aside(settings_workers(s->l), workers));
	because_of_cpu(s, advice);
	if (service->known)
		advise_because(s->advisor, advice, "between calls of accept(): %s (median)",
			       advise_duration(service->median_ns, time));
	because_of_queue(s, advice);
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

	if (s->listener->service.known && longest_gap(s) < ns / 2)
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
	    .accepted = has_accepted(s) && !is_stuck(s),
	    .abandoned = is_abandoned(s),
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
		advise_stopped(s, cause);
		break;
	case STALL_DESCRIPTORS:
		advise_descriptors(s);
		break;
	case STALL_QUOTA:
		advise_quota(s);
		break;
	case STALL_FORGOTTEN:
		if (is_abandoned(s)) {
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
	if (advise_cause(&s, judge(&s)))
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
