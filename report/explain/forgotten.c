/*
 * A listener from which nobody accepts: since its server ended, hangs, or never knew of it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/subject.h"
#include "report/explain/settings.h"

/* So much longer than mostly. */
#define STUCK_FACTOR 5

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

bool subject_is_abandoned(const struct subject *s)
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

void advise_abandoned(const struct subject *s)
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
			s->name, subject_process(s->l, ended->pid, gone),
			subject_process(s->l, find_remaining(s)->pid, who));
	advise_because(s->advisor, advice, "the last connection was accepted at %s",
		       advise_duration(service->last_ns - s->report->start_ns, time));
	advise_because(s->advisor, advice, "%s ended or closed it by %s", gone,
		       advise_duration(ended->to_ns - s->report->start_ns, time));
	advise_because(s->advisor, advice, "nobody was accepted for the last %s",
		       advise_duration(service->since_ns, time));
	subject_because_of_queue(s, advice);
}

void advise_forgotten(const struct subject *s)
{
	char who[64], time[32];
	struct advice *advice;
	bool period = s->report->more_before || s->report->more_after;

	/* What is true of a period need not be of the whole. */
	advice = advise(
	    s->advisor, stall_rule(STALL_FORGOTTEN), s->clients,
	    "%s: nobody called accept() in %s. The listener is open in %s%s%s.", s->name,
	    period ? "this period" : "the whole recording",
	    subject_process(s->l, s->l->pids[0], who), s->l->pids_count > 1 ? " and others" : "",
	    period
		? ". Whether anybody ever does shows without --since and --until; no backlog helps"
		: ": a process that inherited it and does not know of it, or a server that hangs. "
		  "Close it there (or restart that process); no backlog helps");
	advise_because(s->advisor, advice, "connections were waiting for %s while it was watched",
		       advise_duration(s->stall->waited_ns, time));
	subject_because_of_queue(s, advice);
}

/* What lasts still at the end may be the only one: nothing is usual then. */
static bool is_unusual(const struct sizing_service *service, int64_t gap_ns)
{
	bool only = service->since_ns == gap_ns && service->median_ns == gap_ns;

	return !service->known || only || gap_ns >= STUCK_FACTOR * service->median_ns;
}

bool subject_is_stuck(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	int64_t gap_ns = subject_longest_gap(s);

	return gap_ns >= STALL_FORGOTTEN_NS && gap_ns >= s->stall->waited_ns / 5 &&
	       !(service->saturated && service->concurrent > 1) && is_unusual(service, gap_ns);
}

void advise_stuck(const struct subject *s)
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
	    s->name, advise_duration(subject_longest_gap(s), time),
	    settings_aside(settings ? settings->sooner : NULL, ending),
	    settings_aside(settings_workers(s->l), workers));
	subject_because_of_cpu(s, advice);
	subject_because_of_open(s, advice);
	subject_because_of_queue(s, advice);
}
