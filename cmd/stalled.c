/*
 * Looks at the owners of listeners where connections wait, a few times a second, until it is known
 * what they do. A snapshot before and one after show whether somebody was accepted: the queue
 * is served in order, so that the one who waited the longest goes first.
 */
#include "cmd/stalled.h"

#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "netlink/owner/activity.h"
#include "report/queue/past/stalls.h"

#define LOOK_INTERVAL_NS (100 * NS_PER_MS)
#define LOOKS_MIN	 4
#define LOOKS_MAX	 12
/* The kernel's times of waiting connections are of whole jiffies. */
#define TICK_NS (20 * NS_PER_MS)

struct suspect {
	size_t index; /* in the snapshot */
	struct listener listener;
	int64_t
	    oldest_after_ns; /* the one that waits longest was born after that; -1 unknown: ... */
	bool shared;	     /* ... of all siblings, most likely of this one, which is full */
	struct stall_facts facts;
	struct stalls stalls;
	struct stall_now now;
};

static bool is_full(const struct listening *l)
{
	return l->depth > l->listener.limit;
}

static bool is_waited_for(const struct listening *l)
{
	return l->depth && l->listener.pids_count &&
	       (is_full(l) || l->oldest_ns >= STALL_NOTICED_NS);
}

static struct stall_facts facts_of(const struct listeners_snapshot *s, const struct listening *l)
{
	struct stall_facts facts = {.owned = true, .grouped = l->siblings > 0, .full = is_full(l)};

	for (size_t i = 0; l->siblings && i < s->count; i++) {
		const struct listening *o = &s->listeners[i];

		if (o == l || !endpoint_equal(&o->listener.local, &l->listener.local) ||
		    o->listener.interface != l->listener.interface)
			continue;
		facts.siblings++;
		facts.siblings_full += is_full(o);
	}
	return facts;
}

static size_t count_waited_for(const struct listeners_snapshot *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++)
		count += is_waited_for(&s->listeners[i]);
	return count;
}

static void find_suspects(const struct listeners_snapshot *s, struct suspect *suspects)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct listening *l = &s->listeners[i];

		if (is_waited_for(l))
			suspects[count++] = (struct suspect){
			    .index = i,
			    .listener = l->listener,
			    .oldest_after_ns = l->oldest_ns < 0 ? -1 : l->oldest_after_ns,
			    .shared = l->siblings > 0,
			    .facts = facts_of(s, l),
			};
	}
}

static void look_at(struct suspect *suspect, int proc, int cgroups)
{
	const struct listener *l = &suspect->listener;
	struct owner_activity activity;

	for (unsigned i = 0; i < l->pids_count; i++)
		if (activity_read(proc, cgroups, l->pids[i], &activity) == 0)
			stalls_take(&suspect->stalls, &activity, clock_now_ns(), 0);
	suspect->now = stalls_judge(&suspect->stalls, &suspect->facts, clock_now_ns());
}

/* One of several siblings is full: whether it takes nobody is known after a second. */
static bool may_be_stuck(const struct suspect *suspect)
{
	const struct stall_facts *facts = &suspect->facts;

	return facts->grouped && facts->full && facts->siblings && !facts->siblings_full &&
	       suspect->now.cause != STALL_SIBLING;
}

/*
 * Who waits for a processor much of the time is told from a busy loop after a second, not before.
 */
static bool all_known(const struct suspect *suspects, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (suspects[i].now.cause == STALL_NONE || suspects[i].now.cause == STALL_STARVED ||
		    may_be_stuck(&suspects[i]))
			return false;
	return true;
}

static void look(struct suspect *suspects, size_t count)
{
	struct timespec pause = {.tv_nsec = LOOK_INTERVAL_NS};
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int cgroups = activity_cgroups();

	for (int looks = 1; proc >= 0; looks++) {
		for (size_t i = 0; i < count; i++)
			look_at(&suspects[i], proc, cgroups);
		if (looks == LOOKS_MAX || (looks >= LOOKS_MIN && all_known(suspects, count)))
			break;
		nanosleep(&pause, NULL);
	}
	if (cgroups >= 0)
		close(cgroups);
	if (proc >= 0)
		close(proc);
}

/* The one that waited the longest is still the same: none is there that is younger alone. */
static bool none_accepted(const struct suspect *suspect, const struct listening *l)
{
	return suspect->oldest_after_ns >= 0 && l->oldest_ns >= 0 &&
	       l->oldest_before_ns <= suspect->oldest_after_ns + TICK_NS;
}

/* Here it has gone: the one that waits the longest now was not born by then. */
static bool some_accepted(const struct suspect *suspect, const struct listening *l)
{
	return suspect->oldest_after_ns >= 0 && l->oldest_ns >= 0 && !suspect->shared &&
	       l->oldest_before_ns > suspect->oldest_after_ns + TICK_NS;
}

/* One of several is stopped, and others go on. */
static bool is_beside(const struct suspect *suspect, const struct listening *l)
{
	switch (suspect->now.cause) {
	case STALL_STOPPED:
	case STALL_TRACED:
	case STALL_FROZEN:
		return suspect->listener.pids_count > 1 && some_accepted(suspect, l);
	case STALL_NONE:
	case STALL_SIBLING:
	case STALL_DESCRIPTORS:
	case STALL_QUOTA:
	case STALL_FORGOTTEN:
	case STALL_LIMITED:
	case STALL_BLOCKED:
	case STALL_STARVED:
	case STALL_CAUSE_COUNT:
		break;
	}
	return false;
}

/* How long it has been so is known only where nobody was accepted: it may have begun before. */
static struct stall_now verdict(const struct suspect *suspect,
				const struct listeners_snapshot *again)
{
	struct stall_now now = suspect->now, none = {.cause = STALL_NONE};
	const struct listening *l = NULL;

	for (size_t i = 0; i < again->count && !l; i++)
		if (again->listeners[i].listener.cookie == suspect->listener.cookie)
			l = &again->listeners[i];
	if (!l || !l->depth || is_beside(suspect, l))
		return none;
	if (now.cause != STALL_FORGOTTEN && now.cause != STALL_BLOCKED &&
	    now.cause != STALL_SIBLING)
		now.for_ns = -1;
	else if (!none_accepted(suspect, l))
		return none;
	return now;
}

struct stall_now *stalled_look(const struct listeners_options *options, bool wanted,
			       const struct listeners_snapshot *snapshot)
{
	size_t count = wanted ? count_waited_for(snapshot) : 0;
	struct stall_now *stalls = calloc(snapshot->count + 1, sizeof(*stalls));
	struct suspect *suspects = calloc(count + 1, sizeof(*suspects));
	struct listeners_snapshot again;

	if (!stalls || !suspects) {
		free(suspects);
		free(stalls);
		return NULL;
	}
	if (count) {
		find_suspects(snapshot, suspects);
		look(suspects, count);
	}
	if (count && listeners_read(options, &again) == 0) {
		for (size_t i = 0; i < count; i++)
			stalls[suspects[i].index] = verdict(&suspects[i], &again);
		listeners_release(&again);
	}
	free(suspects);
	return stalls;
}
