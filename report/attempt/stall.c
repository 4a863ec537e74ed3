/*
 * The judge of stalls. The order is that of how much a cause explains: who is stopped is no
 * busy loop, and who has no descriptors left is not forgetful.
 */
#include "report/attempt/stall.h"

#include <inttypes.h>
#include <stdio.h>

/* Of the time in which owners were watched. */
#define SHARE_OF(ns, percent) ((ns) / 100 * (percent))
/* An event loop that is busy for so long is blocked, if that is not how it always works. */
#define BLOCKED_NS     (300 * NS_PER_MS)
#define BLOCKED_FACTOR 5
/* Busy all the time, but for what a look costs. */
#define BUSY_PERCENT 60

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

/* One process, whose main thread leaves the queue alone for much longer than it mostly does. */
static bool is_blocked(const struct stall_facts *facts)
{
	const struct report_stall *stall = facts->stall;

	if (!is_alone(facts))
		return false;
	/* Since it was watched there has been no accept(). */
	if (!facts->accepted && !facts->grouped && stall->waited_ns >= STALL_FORGOTTEN_NS)
		return is_busy(stall);
	if (facts->longest_ns < BLOCKED_NS || facts->usual_ns < 0 ||
	    facts->longest_ns < BLOCKED_FACTOR * facts->usual_ns)
		return false;
	/* With other threads it may be one of these that takes connections. */
	return stall->threads == 1 || is_busy(stall);
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

	if (facts->grouped && facts->owned && facts->full && facts->siblings &&
	    !facts->siblings_full)
		return STALL_SIBLING;
	if (lasted(stall, stall->frozen_ns, 20) && stall->frozen_ns > stall->stopped_ns)
		return STALL_FROZEN;
	if (lasted(stall, stall->stopped_ns, 20))
		return stall->traced_ns > stall->stopped_ns / 2 ? STALL_TRACED : STALL_STOPPED;
	/* memcached makes its limit on connections that on descriptors too. */
	if (facts->limited)
		return STALL_LIMITED;
	if (lasted(stall, stall->out_of_descriptors_ns, 20))
		return STALL_DESCRIPTORS;
	if (lasted(stall, stall->throttled_ns, 10))
		return STALL_QUOTA;
	if (is_forgotten(facts))
		return STALL_FORGOTTEN;
	if (is_blocked(facts))
		return STALL_BLOCKED;
	/* The quota is out of sight, or the host is overloaded. */
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
		return "this socket alone takes no connections, its SO_REUSEPORT siblings do";
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
