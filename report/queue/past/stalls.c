/*
 * What owners did while connections waited.
 */
#include "report/queue/past/stalls.h"

#include <string.h>

/* The place of its last look, or of the one that is the longest ago. */
static struct stalls_owner *place_of(struct stalls *s, int32_t pid)
{
	struct stalls_owner *oldest = &s->owners[0];

	for (size_t i = 0; i < LISTENER_PIDS_MAX; i++) {
		if (s->owners[i].last.pid == pid)
			return &s->owners[i];
		if (s->owners[i].last_ns < oldest->last_ns)
			oldest = &s->owners[i];
	}
	return oldest;
}

static int64_t grown(int64_t before, int64_t now)
{
	return before >= 0 && now > before ? now - before : 0;
}

static bool is_stopped(const struct owner_activity *a)
{
	return a->state == 'T' || a->state == 't';
}

static bool is_held(const struct owner_activity *a)
{
	return is_stopped(a) || a->frozen;
}

static bool is_out_of_descriptors(const struct owner_activity *a)
{
	return a->descriptors >= 0 && a->descriptors_max >= 0 &&
	       a->descriptors >= a->descriptors_max;
}

static bool is_as_before(const struct owner_activity *a, const struct owner_activity *b)
{
	return is_held(a) == is_held(b) && is_out_of_descriptors(a) == is_out_of_descriptors(b);
}

/*
 * The kernel adds a wait for a CPU when it is over: also what lay before the first look. More than
 * was watched is none of it.
 */
static void add_cpu(struct report_stall *sum, int64_t run_ns, int64_t runnable_ns)
{
	sum->run_ns += run_ns;
	if (sum->run_ns > sum->watched_ns)
		sum->run_ns = sum->watched_ns;
	sum->runnable_ns += runnable_ns;
	if (sum->runnable_ns > sum->watched_ns - sum->run_ns)
		sum->runnable_ns = sum->watched_ns - sum->run_ns;
}

static void add_interval(struct report_stall *sum, const struct owner_activity *before,
			 const struct owner_activity *now, int64_t ns)
{
	sum->watched_ns += ns;
	if (is_stopped(now))
		sum->stopped_ns += ns;
	if (now->state == 't')
		sum->traced_ns += ns;
	if (now->frozen)
		sum->frozen_ns += ns;
	if (now->state == 'D')
		sum->uninterruptible_ns += ns;
	add_cpu(sum, grown(before->run_ns, now->run_ns), grown(before->wait_ns, now->wait_ns));
	sum->throttled_ns += grown(before->throttled_ns, now->throttled_ns);
	sum->throttled_periods += grown(before->throttled_periods, now->throttled_periods);
	if (is_out_of_descriptors(now))
		sum->out_of_descriptors_ns += ns;
}

/* The process that comes closest to its limit is shown. */
static void add_descriptors(struct report_stall *sum, const struct owner_activity *now)
{
	int64_t left = now->descriptors_max - now->descriptors;
	bool known = now->descriptors >= 0 && now->descriptors_max >= 0;

	if (sum->descriptors_pid && !known)
		return;
	if (sum->descriptors_pid && sum->descriptors_peak >= 0 &&
	    sum->descriptors_max - sum->descriptors_peak <= left)
		return;
	sum->descriptors_peak = now->descriptors;
	sum->descriptors_max = now->descriptors_max;
	sum->descriptors_pid = now->pid;
}

static void add_look(struct report_stall *sum, const struct stalls_owner *owner,
		     const struct owner_activity *now, int64_t time_ns, bool follows)
{
	sum->looks++;
	if (now->threads > sum->threads)
		sum->threads = now->threads;
	add_descriptors(sum, now);
	if (follows)
		add_interval(sum, &owner->last, now, time_ns - owner->last_ns);
	if (is_held(now) && owner->held_ns >= sum->held_ns) {
		sum->held_pid = now->pid;
		sum->held_ns = owner->held_ns;
		sum->held_accepts = owner->held_accepts;
	}
	if (is_held(now)) {
		if (!sum->held_from_ns)
			sum->held_from_ns = follows ? owner->last_ns : time_ns;
		sum->held_last_ns = time_ns;
	}
	if (now->pid == sum->held_pid)
		sum->held_until_ns = is_held(now) ? time_ns : 0;
}

/* The time since the look before, at whichever owner, and whether accept() was called in it. */
static void add_wait(struct stalls *s, int64_t time_ns, int64_t accepts)
{
	bool goes_on = s->looked_ns && time_ns - s->looked_ns <= STALL_GAP_NS;
	int64_t ns = time_ns - s->looked_ns;

	if (accepts > s->accepts)
		s->sum.untaken_over = true;
	if (!goes_on) {
		memset(s->recent, 0, sizeof(s->recent));
		s->window_ns = s->accepted_ns = time_ns;
	} else if (ns > 0) {
		s->sum.waited_ns += ns;
		s->recent[0].waited_ns += ns;
		s->sum.taken += grown(s->accepts, accepts);
		if (accepts > s->accepts)
			s->accepted_ns = time_ns;
		if (time_ns - s->accepted_ns > s->sum.untaken_ns) {
			s->sum.untaken_ns = time_ns - s->accepted_ns;
			s->sum.untaken_over = false;
		}
		if (time_ns - s->window_ns >= STALL_WINDOW_NS) {
			s->recent[1] = s->recent[0];
			s->recent[0] = (struct report_stall){0};
			s->window_ns = time_ns;
		}
	}
	s->accepts = accepts;
	s->looked_ns = time_ns;
}

void stalls_take(struct stalls *s, const struct owner_activity *now, int64_t time_ns,
		 int64_t accepts)
{
	struct stalls_owner *owner = place_of(s, now->pid);
	bool follows = owner->last.pid == now->pid && time_ns > owner->last_ns &&
		       time_ns - owner->last_ns <= STALL_GAP_NS;

	add_wait(s, time_ns, accepts);
	if (owner->last.pid != now->pid) {
		*owner = (struct stalls_owner){0};
		s->sum.processes++;
	}
	if (follows && is_held(now))
		owner->held_ns += time_ns - owner->last_ns;
	if (follows && is_held(now) && is_held(&owner->last))
		owner->held_accepts += grown(owner->accepts, accepts);
	if (!follows || !is_as_before(&owner->last, now))
		owner->since_ns = follows ? owner->last_ns : time_ns;
	add_look(&s->sum, owner, now, time_ns, follows);
	add_look(&s->recent[0], owner, now, time_ns, follows);
	owner->last = *now;
	owner->last_ns = time_ns;
	owner->accepts = accepts;
}

/* b is the earlier one. */
static struct report_stall joined(const struct report_stall *a, const struct report_stall *b)
{
	struct report_stall sum = a->looks ? *a : *b;

	sum.looks = a->looks + b->looks;
	sum.threads = a->threads > b->threads ? a->threads : b->threads;
	sum.waited_ns = a->waited_ns + b->waited_ns;
	sum.watched_ns = a->watched_ns + b->watched_ns;
	sum.stopped_ns = a->stopped_ns + b->stopped_ns;
	sum.traced_ns = a->traced_ns + b->traced_ns;
	sum.frozen_ns = a->frozen_ns + b->frozen_ns;
	sum.uninterruptible_ns = a->uninterruptible_ns + b->uninterruptible_ns;
	sum.run_ns = a->run_ns + b->run_ns;
	sum.runnable_ns = a->runnable_ns + b->runnable_ns;
	sum.throttled_ns = a->throttled_ns + b->throttled_ns;
	sum.throttled_periods = a->throttled_periods + b->throttled_periods;
	sum.out_of_descriptors_ns = a->out_of_descriptors_ns + b->out_of_descriptors_ns;
	return sum;
}

static uint32_t count_processes(const struct stalls *s)
{
	uint32_t count = 0;

	for (size_t i = 0; i < LISTENER_PIDS_MAX; i++)
		count +=
		    s->owners[i].last.pid && s->looked_ns - s->owners[i].last_ns <= STALL_GAP_NS;
	return count;
}

/* The owner that has been so for longest. */
static const struct stalls_owner *longest(const struct stalls *s,
					  bool (*is_so)(const struct owner_activity *))
{
	const struct stalls_owner *found = NULL;

	for (size_t i = 0; i < LISTENER_PIDS_MAX; i++) {
		const struct stalls_owner *o = &s->owners[i];

		if (o->last.pid && s->looked_ns - o->last_ns <= STALL_GAP_NS && is_so(&o->last) &&
		    (!found || o->since_ns < found->since_ns))
			found = o;
	}
	return found;
}

static void add_duration(const struct stalls *s, struct stall_now *out, int64_t now_ns)
{
	const struct stalls_owner *owner = NULL;

	switch (out->cause) {
	case STALL_NONE:
	case STALL_LIMITED:
	case STALL_CAUSE_COUNT:
		return;
	case STALL_STOPPED:
	case STALL_TRACED:
	case STALL_FROZEN:
		owner = longest(s, is_held);
		break;
	case STALL_DESCRIPTORS:
		owner = longest(s, is_out_of_descriptors);
		break;
	case STALL_QUOTA:
		out->for_ns = out->stall.throttled_ns;
		return;
	case STALL_STARVED:
		out->for_ns = out->stall.runnable_ns;
		return;
	case STALL_SIBLING:
	case STALL_FORGOTTEN:
	case STALL_BLOCKED:
		out->for_ns = now_ns - s->accepted_ns;
		return;
	}
	if (!owner) {
		out->cause = STALL_NONE; /* it was so, and is no more */
		return;
	}
	out->pid = owner->last.pid;
	out->for_ns = now_ns > owner->since_ns ? now_ns - owner->since_ns : 0;
}

struct stall_now stalls_judge(const struct stalls *s, const struct stall_facts *facts,
			      int64_t now_ns)
{
	struct stall_now out = {.for_ns = -1, .stall = joined(&s->recent[0], &s->recent[1])};
	struct stall_facts all = *facts;

	if (!s->looked_ns || now_ns - s->looked_ns > STALL_GAP_NS)
		return out;
	out.stall.processes = count_processes(s);
	all.stall = &out.stall;
	all.longest_ns = now_ns - s->accepted_ns;
	all.usual_ns = s->sum.taken ? s->sum.waited_ns / s->sum.taken : -1;
	all.untaken_ns = all.longest_ns;
	all.taken_ns = s->sum.taken ? (s->sum.waited_ns - all.untaken_ns) / s->sum.taken : -1;
	/* Of the wait that is under way: nobody has accepted since then. */
	all.accepted = all.longest_ns < STALL_FORGOTTEN_NS;
	out.cause = stall_judge(&all);
	add_duration(s, &out, now_ns);
	return out;
}
