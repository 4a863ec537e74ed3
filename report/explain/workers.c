/*
 * More workers: how many would have been enough, by the replay of the run; or why that is not
 * known, or would not help.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/parts.h"
#include "report/explain/settings.h"

#define SETTING_SIZE 320

/*
 * One process that has several connections at a time, and no more: a number of workers would be
 * that of its threads.
 */
static bool is_paced(const struct advisor_listener *al)
{
	return al->listener->stall.processes == 1 && al->service.saturated &&
	       al->service.concurrent > 1;
}

static bool is_own_limit(const struct advisor_listener *al)
{
	const struct settings *settings = settings_of(al->listener);

	return (settings && settings->stops) || (is_paced(al) && !(settings && settings->workers));
}

/* What it is set by. */
static const char *own_limit(const struct advisor_listener *al)
{
	const struct settings *settings = settings_of(al->listener);

	return settings && settings->connections
		   ? settings->connections
		   : "of its threads or its pool, a semaphore, a setting such as maxconn";
}

/* Held for so many times the time to the first reply: not for the work that the reply takes. */
#define HELD_FACTOR 5

/* Each has a place for longer than its reply takes: an idle keep-alive, or a slow reader. */
static const char *held_after(const struct advisor_listener *al, char text[SETTING_SIZE])
{
	const struct sizing_service *s = &al->service;
	const struct settings *settings = settings_of(al->listener);
	const char *sooner = settings ? settings->sooner : NULL;
	char time[32];

	text[0] = '\0';
	if (s->answers >= ADVISE_ANSWERS_MIN &&
	    s->answer_p50_ns * HELD_FACTOR <= al->children.service_p50_ns)
		snprintf(text, SETTING_SIZE,
			 " The first reply came %s after accept() or the request (median), and the "
			 "connections were held on: if they were idle then (keep-alive), end them "
			 "sooner (%s), and the workers that there are serve more.",
			 advise_duration(s->answer_p50_ns, time),
			 sooner ? sooner : "the server's keep-alive timeout");
	return text;
}

/* It stops accepting at a number of open connections, or has so many workers: which setting. */
static struct advice *advise_more(struct advisor *a, const struct advisor_listener *al,
				  uint64_t clients)
{
	const struct sizing_children *c = &al->children;
	char name[ENDPOINT_TEXT_SIZE], target[32], held[32], most[96] = "", after[SETTING_SIZE];
	char setting[SETTINGS_ASIDE_SIZE];

	report_listener_format(al->listener, name);
	advise_duration(c->target_ns, target);
	advise_duration(c->service_p50_ns, held);
	if (is_own_limit(al))
		return advise(
		    a, "application-limit", clients,
		    "%s: it takes no more than %" PRIu64
		    " connections at a time and leaves the others in the accept queue: its "
		    "own limit (%s). With a limit of %" PRIu64
		    " none of these clients would have waited longer than %s, if they do not wait "
		    "for one another behind it (a backend that has more to do at a time, a lock, a "
		    "database, the CPUs) and each holds its connection as long as here (median "
		    "%s); a longer queue alone only turns drops into waiting.",
		    name, al->service.concurrent, own_limit(al), c->children, target, held);
	if (al->service.concurrent > 1)
		snprintf(most, sizeof(most),
			 ": it takes no more than %" PRIu64 " connections at a time",
			 al->service.concurrent);
	return advise(a, "accept-rate", clients,
		      "%s: connections wait because of slow accept()%s. With %" PRIu64
		      " worker%s%s none of these clients would have waited longer than %s, if "
		      "they do not wait for one another (a lock, a database, the CPUs) and each "
		      "holds its connection as long as here (median %s); a longer queue alone only "
		      "turns drops into waiting.%s",
		      name, most, c->children, c->children == 1 ? "" : "s",
		      settings_aside(settings_workers(al->listener), setting), target, held,
		      held_after(al, after));
}

/* "7.0 a second" */
static double per_second(uint64_t count, int64_t ns)
{
	return ns > 0 ? (double)count * NS_PER_SEC / (double)ns : 0;
}

/* --since and --until choose one. */
static const char *observation(const struct report *r)
{
	return r->more_before || r->more_after ? "period" : "recording";
}

static void because_of_overload(struct advisor *a, struct advice *advice, const struct report *r,
				const struct advisor_listener *al)
{
	const struct sizing_overload *o = &al->overload;
	char time[32];

	if (o->began)
		advise_because(a, advice,
			       "the %s began during the overload: connections were waiting already",
			       observation(r));
	if (!o->ended)
		return;
	advise_because(a, advice,
		       "the %s ended during the overload: %" PRIu64
		       " client%s still waited or tried to connect",
		       observation(r), o->waiting, o->waiting == 1 ? "" : "s");
	advise_because(a, advice,
		       "in its last %s %.1f clients a second came, and accept() took %.1f",
		       advise_duration(o->for_ns, time), per_second(o->came, o->for_ns),
		       per_second(o->taken, o->for_ns));
}

/* Stopped beside others that went on: not the cause, and less than there could be. */
static void because_of_held(struct advisor *a, struct advice *advice,
			    const struct advisor_listener *al)
{
	const struct report_stall *stall = &al->listener->stall;
	char held[32];

	if (stall->held_pid && stall->held_ns >= STALL_NOTICED_NS)
		advise_because(a, advice,
			       "its owner pid %" PRId32 " was stopped or frozen for %s; others "
			       "accepted %" PRId64 " connections meanwhile",
			       stall->held_pid, advise_duration(stall->held_ns, held),
			       stall->held_accepts);
}

/* Who was dropped last sends the next SYN after a second. */
#define RETRY_NS NS_PER_SEC

bool advise_is_cut(const struct report *r, const struct advisor_listener *al)
{
	const struct report_listener *l = al->listener;
	const struct sizing_overload *o = &al->overload;

	if ((r->more_before && (o->cut_before || o->began)) ||
	    (r->more_after && (o->cut_after || o->ended)))
		return true;
	for (size_t i = 0; i < l->episodes_count; i++)
		if ((r->more_before && l->episodes[i].start_ns - r->start_ns < RETRY_NS) ||
		    (r->more_after && r->end_ns - l->episodes[i].end_ns < RETRY_NS))
			return true;
	return false;
}

static void advise_whole(struct advisor *a, const struct report *r,
			 const struct advisor_listener *al)
{
	uint64_t slow = al->listener->causes[CAUSE_SLOW_ACCEPT];
	char name[ENDPOINT_TEXT_SIZE];
	struct advice *advice;

	if (!al->listener->drops && !slow)
		return;
	report_listener_format(al->listener, name);
	advice = advise(
	    a, "accept-rate", slow,
	    "%s: connections waited for accept() or were dropped just where this period begins or "
	    "ends: it is too short to tell what would have been enough. Look at the whole "
	    "recording (without --since and --until).",
	    name);
	advise_because_of_limit(a, advice, r, al->listener);
	because_of_overload(a, advice, r, al);
}

/* It cannot be known what would have been enough. */
static void advise_overload(struct advisor *a, const struct report *r,
			    const struct advisor_listener *al)
{
	const struct sizing_overload *o = &al->overload;
	uint64_t slow = al->listener->causes[CAUSE_SLOW_ACCEPT];
	char name[ENDPOINT_TEXT_SIZE], setting[SETTINGS_ASIDE_SIZE];
	struct advice *advice;

	if (!(o->began || o->ended) || !(al->listener->drops || slow))
		return;
	report_listener_format(al->listener, name);
	advice = advise(
	    a, "accept-rate", slow > o->waiting ? slow : o->waiting,
	    "%s: the %s %s during the overload, in which clients came faster than accept() "
	    "took them: run more workers%s, if they do not wait for one another, or have each "
	    "done sooner. How many are enough it cannot tell: record until it is over, or from "
	    "before it on. A larger backlog lets "
	    "clients wait instead of being dropped; accept() takes no more of them.",
	    name, observation(r),
	    o->began && o->ended ? "began and ended" : (o->began ? "began" : "ended"),
	    settings_aside(settings_workers(al->listener), setting));
	because_of_overload(a, advice, r, al);
	because_of_held(a, advice, al);
	advise_because_of_limit(a, advice, r, al->listener);
}

/*
 * Clients that sent nothing held the server for most of the time that it was held: how long they
 * would have held more workers is not known. True when it says so.
 */
static bool advise_idle(struct advisor *a, const struct report *r,
			const struct advisor_listener *al)
{
	const struct sizing_service *s = &al->service;
	uint64_t slow = al->listener->causes[CAUSE_SLOW_ACCEPT];
	char name[ENDPOINT_TEXT_SIZE], silent[32], held[32], places[64];
	struct advice *advice;

	if (!s->silent || s->silent_ns < s->held_ns / 2 || !slow ||
	    !(s->saturated || s->concurrent <= 1))
		return false;
	report_listener_format(al->listener, name);
	snprintf(places, sizeof(places),
		 s->concurrent > 1 ? "all %" PRIu64 " workers" : "the only worker", s->concurrent);
	advise_duration(s->silent_ns, silent);
	advise_duration(s->held_ns, held);
	advice = advise(
	    a, "accept-rate", slow,
	    "%s: %" PRIu64 " client%s that sent nothing held %s, for %s together, while others "
	    "waited. Give up on such clients sooner (the server's timeout for a request or for its "
	    "headers), put a proxy in front that waits for requests (nginx, HAProxy), or serve "
	    "many "
	    "connections in each worker. How many workers would be enough is not known, since each "
	    "such client holds one; a longer queue only makes clients wait.",
	    name, s->silent, s->silent == 1 ? "" : "s", places, silent);
	advise_because(a, advice,
		       "connections were held for %s together, %" PRId64
		       " %% of it by clients that sent nothing",
		       held, s->held_ns ? s->silent_ns * 100 / s->held_ns : 0);
	advise_because(a, advice, "%" PRIu64 " attempts waited in the queue for more than 100 ms",
		       slow);
	advise_because(a, advice, "at most %" PRIu64 " connection%s open at a time", s->concurrent,
		       s->concurrent == 1 ? "" : "s");
	because_of_overload(a, advice, r, al);
	return true;
}

static void because_of_held_times(struct advisor *a, struct advice *advice,
				  const struct sizing_sharing *sharing)
{
	char few[32], many[32];

	advise_because(a, advice,
		       "a connection was held for %s with at most %" PRIu64
		       " at work, for %s with %" PRIu64 " or more (medians)",
		       advise_duration(sharing->few_p50_ns, few), sharing->few,
		       advise_duration(sharing->many_p50_ns, many), sharing->many);
}

/* How it shows that they wait for one another. */
static void because_of_sharing(struct advisor *a, struct advice *advice,
			       const struct sizing_sharing *sharing)
{
	char few[32];

	if (sharing->longer)
		because_of_held_times(a, advice, sharing);
	if (sharing->turn_ns)
		advise_because(a, advice,
			       "one of those at work ended about every %s, which is how long the "
			       "quickest took",
			       advise_duration(sharing->turn_ns, few));
}

/* More workers would wait for the same. True when it says so. */
static bool advise_shared(struct advisor *a, const struct report *r,
			  const struct advisor_listener *al)
{
	const struct sizing_sharing *sharing = &al->sharing;
	bool stops = is_own_limit(al);
	uint64_t slow = al->listener->causes[CAUSE_SLOW_ACCEPT];
	char name[ENDPOINT_TEXT_SIZE], most[80] = "";
	struct advice *advice;

	/* Where a longer queue is enough nobody has to wait. */
	if (!(sharing->longer || sharing->turn_ns) || al->service.concurrent <= 1 ||
	    !(slow || (al->listener->drops && !advise_backlog_helps(al))))
		return false;
	report_listener_format(al->listener, name);
	if (al->service.saturated)
		snprintf(most, sizeof(most),
			 "it takes no more than %" PRIu64 " connections at a time, and ",
			 al->service.concurrent);
	advice = advise(
	    a, stops ? "application-limit" : "accept-rate", slow,
	    "%s: connections wait because of slow accept(): %s%s: they wait for something that "
	    "they share (a lock, a database or another backend, the CPUs%s). %s that share it "
	    "would not serve more: find out what they wait for (strace -f -p PID, the locks and "
	    "running queries of the database, the CPUs' load), and make it faster or run more of "
	    "it. A longer queue alone only turns drops into waiting.",
	    name, most,
	    sharing->longer ? "each was held longer the more were at work"
			    : "they were served one after the other",
	    al->service.saturated ? "" : ", the thread of an event loop",
	    stops ? "More connections at a time" : "More workers");
	because_of_sharing(a, advice, sharing);
	advise_because(a, advice, "%" PRIu64 " attempts waited in the queue for more than 100 ms",
		       slow);
	because_of_held(a, advice, al);
	because_of_overload(a, advice, r, al);
	advise_because_of_limit(a, advice, r, al->listener);
	return true;
}

/*
 * Whether more workers would have served more, or wait for one another, shows where some were
 * accepted while few were at work. True when it says that this is not known.
 */
static bool advise_unproven(struct advisor *a, const struct advisor_listener *al)
{
	const struct sizing_service *service = &al->service;
	const char *setting = is_own_limit(al) ? own_limit(al) : settings_workers(al->listener);
	char name[ENDPOINT_TEXT_SIZE], aside[SETTINGS_ASIDE_SIZE];
	struct advice *advice;

	if (service->concurrent <= 1 || al->sharing.alike)
		return false;
	report_listener_format(al->listener, name);
	advice = advise(
	    a, is_own_limit(al) ? "application-limit" : "accept-rate",
	    al->listener->causes[CAUSE_SLOW_ACCEPT],
	    "%s: connections wait because of slow accept(): it takes no more than %" PRIu64
	    " connections at a time. Whether more at a time%s would be served sooner is not "
	    "known, since hardly any came while few were at work: if they wait for one another (a "
	    "lock, a database, the CPUs), they would not. Find out what they wait for (strace -f "
	    "-p PID), or try a few more and compare the reports. A longer queue alone only turns "
	    "drops into waiting.",
	    name, service->concurrent, settings_aside(setting, aside));
	if (al->sharing.few)
		because_of_held_times(a, advice, &al->sharing);
	return true;
}

/* Of so many, in percent, it takes how long they were served. */
#define SERVICES_PERCENT 10

/* One or two in many waited, and nothing was dropped: the host was busy for a moment. */
static bool is_rare(const struct report_listener *l)
{
	return !l->drops && l->causes[CAUSE_SLOW_ACCEPT] <= 2 &&
	       l->causes[CAUSE_SLOW_ACCEPT] * 100 < l->attempts;
}

static bool is_known(const struct advisor_listener *al)
{
	const struct sizing_service *service = &al->service;

	if (is_rare(al->listener))
		return false;
	/*
	 * So many were at work already, or more were taken at other times: more of the same would
	 * have changed nothing.
	 */
	return al->children.known && al->listener->causes[CAUSE_SLOW_ACCEPT] &&
	       al->children.services * 100 >= al->children.clients * SERVICES_PERCENT &&
	       al->children.children > service->concurrent &&
	       (service->saturated || service->concurrent <= 1);
}

void advise_workers(struct advisor *a, const struct report *r, const struct advisor_listener *al)
{
	const struct sizing_children *c = &al->children;
	const struct sizing_service *service = &al->service;
	const struct latency_summary *wait = &al->listener->latency[LATENCY_ACCEPT_WAIT];
	uint64_t slow = al->listener->causes[CAUSE_SLOW_ACCEPT];
	char p50[32], max[32];
	struct advice *advice;

	if (advise_idle(a, r, al) || advise_shared(a, r, al))
		return;
	if (advise_is_cut(r, al)) {
		advise_whole(a, r, al);
		return;
	}
	if (!is_known(al)) {
		advise_overload(a, r, al);
		return;
	}
	if (advise_unproven(a, al))
		return;
	advice = advise_more(a, al, slow);
	advise_because(a, advice, "wait for accept(): p50 %s, max %s",
		       advise_duration(wait->p50, p50), advise_duration(wait->max, max));
	advise_because(a, advice, "%" PRIu64 " attempts waited in the queue for more than 100 ms",
		       slow);
	advise_because(a, advice, "at most %" PRIu64 " connection%s open at a time",
		       service->concurrent, service->concurrent == 1 ? "" : "s");
	because_of_held(a, advice, al);
	advise_because(a, advice, "replay of %" PRIu64 " clients in order of arrival", c->clients);
	because_of_overload(a, advice, r, al);
}
