/*
 * What owners did while connections waited.
 */
#include "report/queue/past/stalls.h"

/* The place of its last look, or of the one that is the longest ago. */
static size_t place_of(const struct stalls *s, int32_t pid)
{
	size_t oldest = 0;

	for (size_t i = 0; i < LISTENER_PIDS_MAX; i++) {
		if (s->last[i].pid == pid)
			return i;
		if (s->last_ns[i] < s->last_ns[oldest])
			oldest = i;
	}
	return oldest;
}

static int64_t grown(int64_t before, int64_t now)
{
	return before >= 0 && now > before ? now - before : 0;
}

static void add_interval(struct report_stall *sum, const struct owner_activity *before,
			 const struct owner_activity *now, int64_t ns)
{
	bool stopped = now->state == 'T' || now->state == 't';

	sum->watched_ns += ns;
	if (stopped)
		sum->stopped_ns += ns;
	if (now->state == 't')
		sum->traced_ns += ns;
	if (now->frozen)
		sum->frozen_ns += ns;
	if (now->state == 'D')
		sum->uninterruptible_ns += ns;
	sum->run_ns += grown(before->run_ns, now->run_ns);
	sum->runnable_ns += grown(before->wait_ns, now->wait_ns);
	sum->throttled_ns += grown(before->throttled_ns, now->throttled_ns);
	sum->throttled_periods += grown(before->throttled_periods, now->throttled_periods);
	if (now->descriptors >= 0 && now->descriptors_max >= 0 &&
	    now->descriptors >= now->descriptors_max)
		sum->out_of_descriptors_ns += ns;
	if (stopped || now->frozen)
		sum->held_pid = now->pid;
}

void stalls_take(struct stalls *s, const struct owner_activity *now, int64_t time_ns)
{
	struct report_stall *sum = &s->sum;
	size_t place = place_of(s, now->pid);
	struct owner_activity *last = &s->last[place];

	sum->looks++;
	if (now->threads > sum->threads)
		sum->threads = now->threads;
	if (now->descriptors > sum->descriptors_peak || !sum->descriptors_max) {
		sum->descriptors_peak = now->descriptors;
		sum->descriptors_max = now->descriptors_max;
		sum->descriptors_pid = now->pid;
	}
	if (last->pid == now->pid && time_ns - s->last_ns[place] <= STALL_GAP_NS &&
	    time_ns > s->last_ns[place])
		add_interval(sum, last, now, time_ns - s->last_ns[place]);
	else if (last->pid != now->pid)
		sum->processes++;
	*last = *now;
	s->last_ns[place] = time_ns;
}
