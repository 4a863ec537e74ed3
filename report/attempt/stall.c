/*
 * The judge of stalls. The order is that of how much a cause explains: who is stopped is no
 * busy loop, and who has no descriptors left is not forgetful.
 */
#include "report/attempt/stall.h"

#include <inttypes.h>
#include <stdio.h>

/* Of the time in which owners were watched. */
#define SHARE_OF(ns, percent) ((ns) / 100 * (percent))
/* Busy all the time, but for what a look costs. */
#define BUSY_PERCENT 60
/* Who gets less of a processor while it wants one is not busy. */
#define STARVED_PERCENT 10

int64_t stall_busy_ns(const struct report_stall *stall)
{
	return stall->run_ns + stall->runnable_ns + stall->uninterruptible_ns;
}

static bool lasted(const struct report_stall *stall, int64_t ns, int percent)
{
	return ns >= STALL_NOTICED_NS && ns >= SHARE_OF(stall->watched_ns, percent);
}

static bool is_busy(const struct report_stall *stall)
{
	return lasted(stall, stall_busy_ns(stall), BUSY_PERCENT);
}

static bool is_alone(const struct stall_facts *facts)
{
	return facts->owned && facts->stall->processes == 1;
}

/*
 * Ready to run nearly all the time that it does not sleep, and hardly ever running: the quota is
 * out of sight, or the host is overloaded. A busy loop gets its share of a processor.
 */
static bool is_starved(const struct report_stall *stall)
{
	return lasted(stall, stall->runnable_ns, BUSY_PERCENT) &&
	       stall->run_ns < SHARE_OF(stall->watched_ns, STARVED_PERCENT);
}

/* One process, whose main thread leaves the queue alone for much longer than it mostly does. */
static bool is_blocked(const struct stall_facts *facts)
{
	const struct report_stall *stall = facts->stall;

	if (!is_alone(facts))
		return false;
	/* Since it was watched there has been no accept(). */
	if (!facts->accepted && !facts->grouped && stall->waited_ns >= STALL_FORGOTTEN_NS)
		return is_busy(stall);
	if (facts->longest_ns < STALL_BLOCKED_NS || facts->usual_ns < 0 ||
	    facts->longest_ns < STALL_BLOCKED_FACTOR * facts->usual_ns)
		return false;
	/* With other threads it may be one of these that takes connections. */
	return stall->threads == 1 || facts->loop || is_busy(stall);
}

/* Others took connections meanwhile: it is not why nobody did. One may be reported late. */
#define OTHERS_MIN 2

static bool is_held(const struct report_stall *stall, int64_t ns)
{
	return lasted(stall, ns, 20) && stall->held_accepts < OTHERS_MIN;
}

/* Who takes one after the other, if slowly, has work to do: its queue is a queue like any other. */
#define UNTAKEN_FACTOR 5

static bool is_stuck_sibling(const struct stall_facts *facts)
{
	return facts->grouped && facts->owned && facts->full && facts->siblings &&
	       !facts->siblings_full && facts->untaken_ns >= STALL_FORGOTTEN_NS &&
	       (facts->taken_ns < 0 || facts->untaken_ns >= UNTAKEN_FACTOR * facts->taken_ns);
}

static bool is_forgotten(const struct stall_facts *facts)
{
	return !facts->accepted && facts->owned && !facts->grouped &&
	       facts->stall->waited_ns >= STALL_FORGOTTEN_NS &&
	       !(is_alone(facts) && is_busy(facts->stall));
}

enum stall_cause stall_judge(const struct stall_facts *facts)
{
	const struct report_stall *stall = facts->stall;

	if (is_stuck_sibling(facts))
		return STALL_SIBLING;
	if (is_held(stall, stall->frozen_ns) && stall->frozen_ns > stall->stopped_ns)
		return STALL_FROZEN;
	if (is_held(stall, stall->stopped_ns))
		return stall->traced_ns > stall->stopped_ns / 2 ? STALL_TRACED : STALL_STOPPED;
	/* memcached makes its limit on connections that on descriptors too. */
	if (facts->limited)
		return STALL_LIMITED;
	if (lasted(stall, stall->out_of_descriptors_ns, 20))
		return STALL_DESCRIPTORS;
	if (lasted(stall, stall->throttled_ns, 10))
		return STALL_QUOTA;
	if (facts->abandoned)
		return STALL_FORGOTTEN;
	if (is_starved(stall))
		return STALL_STARVED;
	if (is_forgotten(facts))
		return STALL_FORGOTTEN;
	if (is_blocked(facts))
		return STALL_BLOCKED;
	if (lasted(stall, stall->runnable_ns, BUSY_PERCENT))
		return STALL_STARVED;
	return STALL_NONE;
}

const char *stall_rule(enum stall_cause cause)
{
	switch (cause) {
	case STALL_NONE:
	case STALL_CAUSE_COUNT:
		return NULL;
	case STALL_SIBLING:
		return "stuck-sibling";
	case STALL_STOPPED:
	case STALL_TRACED:
	case STALL_FROZEN:
		return "owner-stopped";
	case STALL_DESCRIPTORS:
		return "descriptor-limit";
	case STALL_QUOTA:
	case STALL_STARVED:
		return "cpu-quota";
	case STALL_FORGOTTEN:
		return "nobody-accepts";
	case STALL_LIMITED:
		return "application-limit";
	case STALL_BLOCKED:
		return "blocked-loop";
	}
	return NULL;
}

static const char *words(enum stall_cause cause)
{
	switch (cause) {
	case STALL_NONE:
	case STALL_CAUSE_COUNT:
	case STALL_DESCRIPTORS:
		break;
	case STALL_SIBLING:
		return "its SO_REUSEPORT siblings take connections, this socket has taken none";
	case STALL_STOPPED:
		return "owner stopped (T)";
	case STALL_TRACED:
		return "owner held by a debugger (t)";
	case STALL_FROZEN:
		return "owner's cgroup frozen";
	case STALL_QUOTA:
		return "owner held back by the CPU quota of its cgroup";
	case STALL_FORGOTTEN:
		return "nobody called accept()";
	case STALL_LIMITED:
		return "the server called listen() again with a backlog of 0 or 1: its own limit "
		       "on connections";
	case STALL_BLOCKED:
		return "the owner's event loop is busy: no accept()";
	case STALL_STARVED:
		return "owner ready to run, without a CPU";
	}
	return "";
}

const char *stall_text(const struct stall_now *now, char out[STALL_TEXT_SIZE])
{
	const struct report_stall *stall = &now->stall;
	size_t used;

	if (now->cause == STALL_DESCRIPTORS)
		used = (size_t)snprintf(out, STALL_TEXT_SIZE,
					"accept() fails: %" PRId64 " of %" PRId64
					" file descriptors open (RLIMIT_NOFILE)",
					stall->descriptors_peak, stall->descriptors_max);
	else
		used = (size_t)snprintf(out, STALL_TEXT_SIZE, "%s", words(now->cause));
	if (now->for_ns >= 0)
		snprintf(out + used, STALL_TEXT_SIZE - used, " for %.1f s",
			 (double)now->for_ns / NS_PER_SEC);
	return out;
}
