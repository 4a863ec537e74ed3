/*
 * Why nobody took the connections that waited: rules over what the owners of the
 * listener were seen to do. Each rests on its own evidence; where none holds, nothing is said.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/parts.h"

/* Of the time in which owners were watched. */
#define SHARE_OF(ns, percent) ((ns) / 100 * (percent))
/* Shorter than this nobody notices. */
#define NOTICED_NS (100 * NS_PER_MS)
/* A listener from which nobody has accepted for so long is not just slow. */
#define FORGOTTEN_NS NS_PER_SEC
/* An event loop that is busy for so long is blocked, if that is not how it always works. */
#define BLOCKED_NS     (300 * NS_PER_MS)
#define BLOCKED_FACTOR 5

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

/* On a CPU or ready to run, or in a system call that cannot be interrupted. */
static int64_t busy_ns(const struct report_stall *stall)
{
	return stall->run_ns + stall->runnable_ns + stall->uninterruptible_ns;
}

static int64_t share(int64_t ns, const struct report_stall *stall)
{
	return stall->watched_ns ? ns * 100 / stall->watched_ns : 0;
}

static bool is_stopped(const struct report_stall *stall)
{
	int64_t held_ns =
	    stall->stopped_ns > stall->frozen_ns ? stall->stopped_ns : stall->frozen_ns;

	return held_ns >= NOTICED_NS && held_ns >= SHARE_OF(stall->watched_ns, 20);
}

/* One of a SO_REUSEPORT group has its queue full, the others have not. */
static bool is_stuck_sibling(const struct subject *s)
{
	size_t others = 0;

	if (!s->l->reuseport || !s->l->full_ns)
		return false;
	for (size_t i = 0; i < s->report->listeners_count; i++) {
		const struct report_listener *o = &s->report->listeners[i];

		if (o == s->l || !endpoint_equal(&o->local, &s->l->local) || o->closed)
			continue;
		others++;
		if (o->full_ns)
			return false;
	}
	return others > 0;
}

static bool advise_stuck_sibling(const struct subject *s)
{
	char who[64], full[32];
	struct advice *advice;

	if (!is_stuck_sibling(s) || !s->l->pids_count)
		return false;
	advice = advise(
	    s->advisor, "stuck-sibling", s->clients,
	    "%s: one of its SO_REUSEPORT listeners, of %s, takes no connections while the others "
	    "are idle. The kernel goes on sending it its share of the clients: restart or resume "
	    "that process, or close its listener. A larger backlog does not help them.",
	    s->name, process_name(s->l, s->l->pids[0], who));
	advise_because(s->advisor, advice, "its queue was full for %s, no other one was",
		       advise_duration(s->l->full_ns, full));
	if (is_stopped(s->stall))
		advise_because(s->advisor, advice, "its owner was stopped");
	because_of_queue(s, advice);
	return true;
}

static bool advise_stopped(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	char who[64], held[32];
	struct advice *advice;

	if (!is_stopped(stall))
		return false;
	process_name(s->l, stall->held_pid, who);
	if (stall->frozen_ns > stall->stopped_ns)
		advice = advise(
		    s->advisor, "owner-stopped", s->clients,
		    "%s: the cgroup of its owner %s was frozen for %s while connections waited. "
		    "Thaw it (echo 0 > cgroup.freeze, or systemctl thaw UNIT); a larger backlog "
		    "only makes more clients wait.",
		    s->name, who, advise_duration(stall->frozen_ns, held));
	else if (stall->traced_ns > stall->stopped_ns / 2)
		advice = advise(s->advisor, "owner-stopped", s->clients,
				"%s: a debugger held its owner %s for %s while connections waited. "
				"Detach it; a "
				"larger backlog only makes more clients wait.",
				s->name, who, advise_duration(stall->stopped_ns, held));
	else
		advice = advise(
		    s->advisor, "owner-stopped", s->clients,
		    "%s: its owner %s was stopped (SIGSTOP) for %s while connections waited. "
		    "Resume "
		    "it: kill -CONT %" PRId32 ". A larger backlog only makes more clients wait.",
		    s->name, who, advise_duration(stall->stopped_ns, held), stall->held_pid);
	advise_because(s->advisor, advice, "watched for %s in %" PRIu64 " looks",
		       advise_duration(stall->watched_ns, held), stall->looks);
	because_of_queue(s, advice);
	return true;
}

static bool advise_descriptors(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	char who[64], time[32];
	struct advice *advice;

	if (stall->out_of_descriptors_ns < NOTICED_NS ||
	    stall->out_of_descriptors_ns < SHARE_OF(stall->watched_ns, 20))
		return false;
	advice = advise(
	    s->advisor, "descriptor-limit", s->clients,
	    "%s: accept() fails for want of file descriptors: %s has %" PRId64 " of %" PRId64
	    " open (RLIMIT_NOFILE). Raise the limit (LimitNOFILE= of its systemd unit, ulimit -n) "
	    "and restart it, or close idle connections sooner. A larger backlog only makes more "
	    "clients wait.",
	    s->name, process_name(s->l, stall->descriptors_pid, who), stall->descriptors_peak,
	    stall->descriptors_max);
	advise_because(s->advisor, advice, "at the limit for %s while connections waited",
		       advise_duration(stall->out_of_descriptors_ns, time));
	because_of_queue(s, advice);
	return true;
}

static bool advise_quota(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	char time[32], watched[32];
	struct advice *advice;

	if (stall->throttled_ns < NOTICED_NS ||
	    stall->throttled_ns < SHARE_OF(stall->watched_ns, 10))
		return false;
	advice = advise(
	    s->advisor, "cpu-quota", s->clients,
	    "%s: the CPU quota of its cgroup held its owner back for %s while connections waited. "
	    "Raise the quota (CPUQuota= of its systemd unit, cpu.max, or the CPU limit of the "
	    "container). A larger backlog only makes more clients wait.",
	    s->name, advise_duration(stall->throttled_ns, time));
	advise_because(s->advisor, advice, "throttled in %" PRId64 " periods, watched for %s",
		       stall->throttled_periods, advise_duration(stall->watched_ns, watched));
	because_of_queue(s, advice);
	return true;
}

/* Ready to run, and without a CPU: the quota is out of sight, or the host is overloaded. */
static bool advise_starved(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	char time[32], watched[32];
	struct advice *advice;

	if (stall->runnable_ns < NOTICED_NS || stall->runnable_ns < SHARE_OF(stall->watched_ns, 60))
		return false;
	advice = advise(
	    s->advisor, "cpu-quota", s->clients,
	    "%s: its owner was ready to run but had no CPU for %s while connections waited: the "
	    "CPU "
	    "quota of its cgroup, or a host with more work than CPUs. Raise the quota (CPUQuota=, "
	    "cpu.max, the CPU limit of the container), or take load off the host. A larger backlog "
	    "only makes more clients wait.",
	    s->name, advise_duration(stall->runnable_ns, time));
	advise_because(s->advisor, advice,
		       "its main thread: %" PRId64 " %% on a CPU, %" PRId64
		       " %% waiting for one, watched for %s",
		       share(stall->run_ns, stall), share(stall->runnable_ns, stall),
		       advise_duration(stall->watched_ns, watched));
	because_of_queue(s, advice);
	return true;
}

/* No accept() in the whole run, although connections waited all along. */
static bool advise_forgotten(const struct subject *s)
{
	char who[64], time[32];
	struct advice *advice;

	if (s->l->outcomes[OUTCOME_ACCEPTED] || s->listener->accepts || !s->l->pids_count ||
	    s->stall->watched_ns < FORGOTTEN_NS || s->l->reuseport)
		return false;
	advice = advise(
	    s->advisor, "nobody-accepts", s->clients,
	    "%s: nobody accepted a connection in the whole recording. The listener is open in "
	    "%s%s: "
	    "a process that inherited it and does not know of it, or a server that hangs. Close it "
	    "there (or restart that process); no backlog helps.",
	    s->name, process_name(s->l, s->l->pids[0], who),
	    s->l->pids_count > 1 ? " and others" : "");
	advise_because(s->advisor, advice, "connections were waiting for %s while it was watched",
		       advise_duration(s->stall->watched_ns, time));
	because_of_queue(s, advice);
	return true;
}

static bool advise_application_limit(const struct subject *s)
{
	uint64_t unserved = s->l->causes[CAUSE_CLOSED_UNSERVED];
	struct advice *advice;
	bool closed_door = false;

	for (size_t i = 1; i < s->l->limits_count; i++)
		closed_door =
		    closed_door || (s->l->limits[i].limit <= 1 && s->l->limits[i - 1].limit > 1);
	if (!closed_door && !unserved)
		return false;
	advice = advise(
	    s->advisor, "application-limit", s->clients + unserved,
	    closed_door
		? "%s: the server closed its own door: it called listen() with a backlog of 0 or 1 "
		  "while it had as many connections as it is set to take. Raise that limit "
		  "(memcached -c, worker_connections, max_connections), or add servers."
		: "%s: the server accepted connections and closed them at once without a reply: it "
		  "had as many as it is set to take. Raise that limit (MaxStartups, maxconn, "
		  "max_connections), or add servers.",
	    s->name);
	if (unserved)
		advise_because(s->advisor, advice,
			       "%" PRIu64 " connections were accepted and closed unserved",
			       unserved);
	if (s->listener->service.concurrent)
		advise_because(s->advisor, advice, "at most %" PRIu64 " were open at a time",
			       s->listener->service.concurrent);
	for (size_t i = 1; closed_door && i < s->l->limits_count && i < 4; i++)
		advise_because(s->advisor, advice, "its limit went from %" PRId64 " to %" PRId64,
			       (int64_t)s->l->limits[i - 1].limit, (int64_t)s->l->limits[i].limit);
	return closed_door;
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

/* One process, whose main thread leaves the queue alone for much longer than it mostly does. */
static bool advise_blocked(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	const struct report_stall *stall = s->stall;
	char who[64], longest[32], median[32];
	struct advice *advice;

	if (stall->processes != 1 || !s->l->pids_count || !service->known ||
	    service->longest_ns < BLOCKED_NS ||
	    service->longest_ns < BLOCKED_FACTOR * service->median_ns)
		return false;
	/* With other threads it may be one of these that takes connections. */
	if (stall->threads != 1 && busy_ns(stall) < SHARE_OF(stall->watched_ns, 60))
		return false;
	advice = advise(s->advisor, "blocked-loop", s->clients,
			"%s: the event loop of %s did not call accept() for %s while connections "
			"waited: it was busy with something else. Move the work that blocks out of "
			"the event loop, or run more processes; a larger backlog only makes more "
			"clients wait.",
			s->name, process_name(s->l, s->l->pids[0], who),
			advise_duration(service->longest_ns, longest));
	advise_because(s->advisor, advice,
		       "its main thread: %" PRId64 " %% of that time on a CPU, %" PRId64
		       " %% waiting for one",
		       share(stall->run_ns, stall), share(stall->runnable_ns, stall));
	advise_because(s->advisor, advice, "between calls of accept(): %s (median)",
		       advise_duration(service->median_ns, median));
	because_of_queue(s, advice);
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
	return advise_stuck_sibling(&s) || advise_stopped(&s) || advise_descriptors(&s) ||
	       advise_quota(&s) || advise_forgotten(&s) || advise_application_limit(&s) ||
	       advise_blocked(&s) || advise_starved(&s) || advise_gone(&s);
}
