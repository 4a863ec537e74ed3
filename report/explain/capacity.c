/*
 * Whether a longer accept queue or more workers are what a listener lacked, or neither: what is
 * said of them is in backlog.c and workers.c. Not why there was too little: see stall.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/parts.h"

bool advise_unreplied(struct advisor *a, const struct advisor_listener *al)
{
	const struct sizing_service *s = &al->service;
	char name[ENDPOINT_TEXT_SIZE];
	struct advice *advice;

	if (s->asked < ADVISE_ANSWERS_MIN || s->unreplied < s->asked)
		return false;
	report_listener_format(al->listener, name);
	advice = advise(
	    a, "no-reply", s->asked,
	    "%s: no client got a reply: %" PRIu64 " of %" PRIu64 " accepted clients sent a "
	    "request and left, and none of them acknowledged a byte of a reply. Neither more "
	    "workers nor a "
	    "larger backlog changes that. Look for what drops the replies on their way out (nft "
	    "list ruleset, iptables -L -v; ss -tni: retransmissions and unacked; a path MTU that "
	    "is smaller than the packets), and whether the server sends any (strace -f -p PID, "
	    "its log, the backend that it waits for).",
	    name, s->asked, al->listener->outcomes[OUTCOME_ACCEPTED]);
	advise_because(a, advice, "data of the server were seen on %" PRIu64 " connection%s",
		       s->answers, s->answers == 1 ? "" : "s");
	return true;
}

/* So many of all replies are slow. */
#define SLOW_ANSWERS_PERCENT 25

/* No queue is in the way: the time is spent behind it. */
static void advise_answer(struct advisor *a, const struct advisor_listener *al)
{
	const struct report_listener *l = al->listener;
	const struct latency_summary *accept = &l->latency[LATENCY_ACCEPT_WAIT];
	const struct sizing_service *s = &al->service;
	char name[ENDPOINT_TEXT_SIZE], wait[32], answer[32], most[32];
	struct advice *advice;

	if (s->answers < ADVISE_ANSWERS_MIN ||
	    s->answers_slow * 100 < s->answers * SLOW_ANSWERS_PERCENT || l->drops ||
	    l->causes[CAUSE_SLOW_ACCEPT] || accept->p99 > SLOW_ACCEPT_NS)
		return;
	report_listener_format(l, name);
	advice = advise(
	    a, "slow-answer", 0,
	    "%s: the queues are not what clients wait for: accept() returns their "
	    "connections after %s (median), and the first reply comes %s after that "
	    "(median; %s at most). The time is spent in the server, or in what it waits "
	    "for: its own workers, a backend, a database. No backlog changes it.",
	    name, advise_duration(accept->p50, wait), advise_duration(s->answer_p50_ns, answer),
	    advise_duration(s->answer_max_ns, most));
	advise_because(a, advice,
		       "%" PRIu64 " of %" PRIu64 " first replies came a second or more after "
		       "accept(), or after the request if that came later",
		       s->answers_slow, s->answers);
}

/* Another one of its SO_REUSEPORT group was full for as long, and comes before it. */
static bool is_told(const struct report *r, const struct report_listener *l, bool *alone)
{
	bool told = false;

	*alone = true;
	for (size_t i = 0; i < r->listeners_count; i++) {
		const struct report_listener *o = &r->listeners[i];

		if (o == l || !o->reuseport || !report_same_place(o, l) ||
		    o->full_ns <= l->full_ns / 10)
			continue;
		*alone = false;
		told = told || (o < l && o->drops && report_is_mixed(o));
	}
	return told;
}

/*
 * One of a SO_REUSEPORT group: when those of its clients were accepted that were not dropped is
 * not known, and so neither is what would have been enough.
 */
static void advise_mixed(struct advisor *a, const struct report *r,
			 const struct advisor_listener *al)
{
	const struct report_listener *l = al->listener;
	char name[ENDPOINT_TEXT_SIZE], who[32] = "", time[32];
	struct advice *advice;
	bool alone;

	if (!advise_is_overflow(l) || is_told(r, l, &alone))
		return;
	report_listener_format(l, name);
	if (l->pids_count)
		snprintf(who, sizeof(who), " of pid %" PRId32, l->pids[0]);
	if (alone)
		advice = advise(
		    a, "accept-rate", l->attempts,
		    "%s: one of its SO_REUSEPORT listeners%s took connections more slowly than "
		    "they came, and the others did not. The kernel shares clients out by a hash "
		    "of their addresses, also to a process that is behind: find out why that one "
		    "is slower, or have all accept from one socket. How many processes or which "
		    "backlog would be enough is not known.",
		    name, who);
	else
		advice = advise(
		    a, "accept-rate", l->attempts,
		    "%s: its SO_REUSEPORT listeners took connections more slowly than they came: "
		    "run more processes, or have each done sooner. A larger backlog holds a short "
		    "burst, and otherwise makes clients wait longer. How many processes or which "
		    "backlog would be enough is not known.",
		    name);
	advise_because(a, advice, "its own queue was full for %s%s",
		       advise_duration(l->full_ns, time),
		       alone ? ", no other one for so long" : "");
	if (al->accepts)
		advise_because(a, advice, "at least %" PRIu64 " connections were accepted from it",
			       al->accepts);
	advise_because(a, advice,
		       "which socket of the group %" PRIu64 " of its attempts met is not known",
		       l->group_attempts);
	advise_because_of_limit(a, advice, r, l);
}

void advise_capacity(struct advisor *advisor, const struct report *report,
		     const struct advisor_listener *listener)
{
	if (report_is_mixed(listener->listener)) {
		advise_mixed(advisor, report, listener);
		return;
	}
	if (advise_unreplied(advisor, listener))
		return;
	if (!advise_is_cut(report, listener))
		advise_longer_queue(advisor, report, listener);
	advise_workers(advisor, report, listener);
	advise_answer(advisor, listener);
}

void advise_untold(struct advisor *a, const struct report *r, const struct advisor_listener *al)
{
	const struct report_listener *l = al->listener;
	const struct sizing_service *service = &al->service;
	char name[ENDPOINT_TEXT_SIZE], mean[32], longest[32];
	struct advice *advice;

	if (!advise_is_overflow(l))
		return;
	report_listener_format(l, name);
	advice = advise(
	    a, "accept-rate", l->causes[CAUSE_SLOW_ACCEPT],
	    "%s: connections came faster than accept() took them, until the accept queue was full. "
	    "Why accept() was not called sooner could not be told from what was recorded, nor "
	    "whether more workers or a larger backlog would have helped. See what the server does "
	    "at such a time: top, strace -f -p PID, /proc/PID/wchan, its log, and what it waits "
	    "for (a lock, a database or another backend, a disk).",
	    name);
	if (service->known)
		advise_because(a, advice,
			       "between calls of accept() while connections waited: %s on average, "
			       "%s at most",
			       advise_duration(service->gap_ns, mean),
			       advise_duration(service->longest_ns, longest));
	if (service->concurrent)
		advise_because(a, advice, "at most %" PRIu64 " connection%s open at a time",
			       service->concurrent, service->concurrent == 1 ? "" : "s");
	advise_because_of_limit(a, advice, r, l);
}
