/*
 * Snapshots of a live run.
 */
#include "report/watch/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/queue/queue.h"
#include "report/watch/recent.h"

struct live {
	unsigned slots;
	unsigned current;
	int64_t turns_ns[WINDOW_SLOTS_MAX]; /* when each slot of the window began */
	struct recent *recent;
	struct snapshot snapshot;
	struct snapshot_listener *listeners;
	size_t room;
	struct window_sum sums[2]; /* of all listeners: handshake, accept wait */
};

int live_new(unsigned slots, int64_t start_ns, const struct filter *filter, struct live **out)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return -ENOMEM;
	live->recent = recent_new(slots);
	if (!live->recent) {
		free(live);
		return -ENOMEM;
	}
	live->slots = slots;
	live->snapshot.filter = filter;
	for (unsigned i = 0; i < slots; i++)
		live->turns_ns[i] = start_ns;
	live->snapshot.start_ns = live->snapshot.from_ns = live->snapshot.to_ns = start_ns;
	*out = live;
	return 0;
}

void live_free(struct live *live)
{
	if (!live)
		return;
	recent_free(live->recent);
	free(live->listeners);
	free(live);
}

/* When the oldest slot of the window began. */
static int64_t window_start(const struct live *live)
{
	return live->turns_ns[(live->current + 1) % live->slots];
}

void live_finished(struct live *live, const struct attempt *attempt)
{
	recent_offer(live->recent, attempt, window_start(live));
}

static struct latency_summary summary(struct live *live, int all, const struct window *window)
{
	struct window_sum sum;

	window_sum_init(&sum);
	if (window) {
		window_sum_add(&sum, window);
		window_sum_add(&live->sums[all], window);
	}
	return window_sum_summary(&sum);
}

static int64_t full_by(const struct queue *q, int64_t to_ns)
{
	int64_t open_ns =
	    q->full.is_full && to_ns > q->full.since_ns ? to_ns - q->full.since_ns : 0;

	return q->full.total_ns + open_ns;
}

static bool is_full(const struct queue *q)
{
	return q->samples.count && q->samples.last_depth > q->listener.limit;
}

/* The limit is 0 or 1 now, and was more. */
static bool is_limited(const struct limits *limits)
{
	if (!limits->count || limits->points[limits->count - 1].limit > 1)
		return false;
	for (size_t i = 0; i + 1 < limits->count; i++)
		if (limits->points[i].limit > 1)
			return true;
	return false;
}

static struct stall_now judge(struct queues *queues, const struct queue *q, int64_t to_ns)
{
	struct stall_facts facts = {
	    .owned = q->listener.pids_count > 0,
	    .grouped = q->grouped,
	    .full = is_full(q),
	    .limited = is_limited(&q->limits),
	};

	if (q->closed || !q->samples.count || !q->samples.last_depth)
		return (struct stall_now){.for_ns = -1};
	for (size_t i = 0; q->grouped && i < queues_count(queues); i++) {
		const struct queue *other = queues_at(queues, i);

		if (other == q || other->leader != q->leader || other->closed)
			continue;
		facts.siblings++;
		facts.siblings_full += is_full(other);
	}
	return stalls_judge(&q->stalls, &facts, to_ns);
}

static void fill_listener(struct live *live, struct queues *queues, const struct queue *q,
			  struct snapshot_listener *l, int64_t to_ns)
{
	int64_t full_ns = full_by(q, to_ns);

	*l = (struct snapshot_listener){
	    .local = q->listener.local,
	    .interface = q->listener.interface,
	    .cookie = q->listener.cookie,
	    .leader = q->leader->index,
	    .reuseport = q->grouped,
	    .closed = q->closed,
	    .pids_count = q->listener.pids_count,
	    .limit = q->listener.limit,
	    .depth = q->samples.count ? (int64_t)q->samples.last_depth : -1,
	    .depth_peak = q->samples.count ? (int64_t)q->samples.turn_peak : -1,
	    .half_open = q->samples.half_open,
	    .full_ns = full_ns > q->full.turn_ns ? full_ns - q->full.turn_ns : 0,
	    .full_all_ns = full_ns,
	    .stall = judge(queues, q, to_ns),
	    .counts = rate_counter_since_turn(&q->counter),
	    .total = q->counter.counts,
	    .handshake = summary(live, 0, q->counter.handshake),
	    .accept_wait = summary(live, 1, q->counter.accept_wait),
	};
	memcpy(l->pids, q->listener.pids, sizeof(l->pids));
	memcpy(l->device, q->listener.device, sizeof(l->device));
	memcpy(l->comm, q->listener.comm, sizeof(l->comm));
	l->workload = q->listener.workload;
}

static bool make_room(struct live *live, size_t count)
{
	struct snapshot_listener *bigger;

	if (count <= live->room)
		return true;
	bigger = realloc(live->listeners, (count + count / 2) * sizeof(*bigger));
	if (!bigger)
		return false;
	live->listeners = bigger;
	live->room = count + count / 2;
	return true;
}

void live_be_blind(struct live *live)
{
	live->snapshot.blind = true;
}

const struct snapshot *live_snapshot(struct live *live, struct queues *queues,
				     struct tracker *tracker, const uint64_t *losses, int64_t to_ns)
{
	struct snapshot *s = &live->snapshot;
	const struct rate_counter *elsewhere = tracker_elsewhere(tracker);
	struct tracker_stats stats;
	size_t count = queues ? queues_count(queues) : 0;

	if (!make_room(live, count))
		return NULL;
	window_sum_init(&live->sums[0]);
	window_sum_init(&live->sums[1]);
	if (to_ns < s->from_ns)
		to_ns = s->from_ns;
	tracker_stats(tracker, &stats);
	s->to_ns = to_ns;
	s->window_ns = to_ns - window_start(live);
	s->elsewhere = rate_counter_since_turn(elsewhere);
	s->elsewhere_total = elsewhere->counts;
	s->counts = s->elsewhere;
	s->total = s->elsewhere_total;
	summary(live, 0, elsewhere->handshake);
	summary(live, 1, elsewhere->accept_wait);
	s->open = stats.open;
	memcpy(s->losses, losses, sizeof(s->losses));
	for (size_t i = 0; i < count; i++) {
		fill_listener(live, queues, queues_at(queues, i), &live->listeners[i], to_ns);
		rate_counts_add(&s->counts, &live->listeners[i].counts);
		rate_counts_add(&s->total, &live->listeners[i].total);
	}
	s->handshake = window_sum_summary(&live->sums[0]);
	s->accept_wait = window_sum_summary(&live->sums[1]);
	s->listeners_count = count;
	s->listeners = live->listeners;
	s->worst_count =
	    recent_worst(live->recent, tracker, s->filter, window_start(live), to_ns, &s->worst);
	return s;
}

void live_turn(struct live *live, struct queues *queues, struct tracker *tracker)
{
	int64_t to_ns = live->snapshot.to_ns;
	size_t count = queues ? queues_count(queues) : 0;

	for (size_t i = 0; i < count; i++) {
		struct queue *q = queues_at(queues, i);

		rate_counter_turn(&q->counter);
		q->samples.turn_peak = q->samples.last_depth;
		q->full.turn_ns = full_by(q, to_ns);
	}
	rate_counter_turn(tracker_elsewhere(tracker));
	recent_turn(live->recent);
	live->current = (live->current + 1) % live->slots;
	live->turns_ns[live->current] = to_ns;
	live->snapshot.from_ns = to_ns;
}
