/*
 * What the queues hold, as the report, the ledger and the live view have it.
 */
#include <stdlib.h>
#include <string.h>

#include "report/queue/parts.h"

/* NULL when there are none, or no memory. */
static struct report_owner *copy_owners(const struct listening *l)
{
	struct report_owner *owners;
	size_t count = 0, n = 0;

	for (size_t i = 0; i < l->count; i++)
		count += l->queues[i]->tenures.count;
	owners = count ? calloc(count, sizeof(*owners)) : NULL;
	for (size_t i = 0; owners && i < l->count; i++)
		for (size_t j = 0; j < l->queues[i]->tenures.count; j++) {
			const struct tenure *tenure = &l->queues[i]->tenures.list[j];

			owners[n++] = (struct report_owner){
			    .pid = tenure->pid,
			    .comm = tenure->comm,
			    .from_ns = tenure->from_ns,
			    .to_ns = tenure->to_ns,
			};
		}
	return owners;
}

static void put_group_drops(const struct queues *queues, const struct queue *q,
			    struct report_listener *l)
{
	const struct queue *only;
	uint64_t drops = queues_group_drops(queues, q->leader, &only);

	if (only == q)
		l->drops += drops;
	else if (!only)
		l->group_drops = drops;
}

/* owners: those of this queue, or NULL. */
static void fill(const struct queue *q, struct report_listener *l,
		 const struct report_owner *owners)
{
	int64_t peak = q->samples.peak;

	if (!q->grouped && q->settled.peak > peak)
		peak = q->settled.peak;
	*l = (struct report_listener){
	    .local = q->listener.local,
	    .cookie = q->listener.cookie,
	    .interface = q->listener.interface,
	    .device = q->listener.device,
	    .backlog = q->backlog,
	    .limit = q->listener.limit,
	    .capacity = (int64_t)q->listener.limit + 1,
	    .queue_peak = peak,
	    .sampled_peak = q->samples.peak,
	    .samples = q->samples.count,
	    .full_ns = q->full.total_ns,
	    .episodes_count = q->full.episodes_count,
	    .episodes = q->full.episodes,
	    .episodes_lost = q->full.episodes_lost,
	    .drops = q->sums.drops,
	    .drops_beside = q->sums.drops_beside,
	    .sk_drops = q->sk_drops.cut ? -1 : queue_sk_drops(q),
	    .disagreements = q->sums.disagreements,
	    .defer_accept_s = q->listener.defer_accept_s,
	    .fastopen = q->listener.fastopen,
	    .closed = q->closed,
	    .closed_ns = q->closed_ns,
	    .v6only = q->listener.v6only,
	    .reuseport = q->grouped,
	    .pids_count = q->listener.pids_count,
	    .pids = q->listener.pids,
	    .comm = q->listener.comm,
	    .unit = q->listener.workload.unit,
	    .container = q->listener.workload.container,
	    .limits_count = q->limits.count,
	    .limits = q->limits.points,
	    .owners_count = owners ? q->tenures.count : 0,
	    .owners = owners,
	    .sampled = series_view(&q->samples.series),
	    .rebuilt = series_view(&q->settled.series),
	    .half_open = series_view(&q->samples.half_open_series),
	    .gaps_count = q->samples.gaps.count,
	    .gaps = q->samples.gaps.list,
	    .rebuilt_in_gaps = q->accept_exact,
	    .attempts = q->sums.attempts,
	    .group_attempts = q->grouped ? q->leader->sums.group_attempts : 0,
	    .refusal = q->sums.refusal,
	    .stall = q->stalls.sum,
	};
	l->stall.untaken_over |= queue_accepts(q) > q->stalls.accepts;
	memcpy(l->outcomes, q->sums.outcomes, sizeof(l->outcomes));
	memcpy(l->causes, q->sums.causes, sizeof(l->causes));
	memcpy(l->cause_packets, q->sums.cause_packets, sizeof(l->cause_packets));
	latencies_summary(&q->latencies, l->latency);
}

size_t queues_report(struct queues *queues, const struct report_listener **out)
{
	struct report_owner *owners;

	*out = NULL;
	free(queues->report);
	queues->report = queues->listening.count
			     ? calloc(queues->listening.count, sizeof(*queues->report))
			     : NULL;
	if (!queues->report)
		return 0;
	free(queues->report_owners);
	queues->report_owners = owners = copy_owners(&queues->listening);
	for (size_t i = 0; i < queues->listening.count; i++) {
		struct queue *q = queues->listening.queues[i];
		struct report_listener *l = &queues->report[i];

		fill(q, l, owners);
		put_group_drops(queues, q, l);
		owners += l->owners_count;
	}
	*out = queues->report;
	return queues->listening.count;
}

void queues_left_out(const struct queues *queues, uint64_t *listeners, uint64_t *arrivals,
		     uint64_t *past, uint64_t *latencies)
{
	const struct listening *l = &queues->listening;

	*listeners = l->refused;
	*arrivals = *past = *latencies = 0;
	for (size_t i = 0; i < l->count; i++) {
		*arrivals += l->queues[i]->arrivals.lost;
		*past += l->queues[i]->limits.lost + l->queues[i]->tenures.lost;
		*latencies += l->queues[i]->latencies.lost;
	}
}

uint64_t queues_undecided(const struct queues *queues)
{
	return queues->undecided;
}

struct queue *queues_at(struct queues *queues, size_t index)
{
	return queues->listening.queues[index];
}

struct rate_counter *queues_rate_counter(struct queues *queues, const struct open_attempt *attempt)
{
	struct queue *q = queues_of(queues, attempt);

	return q ? &q->counter : NULL;
}

struct sizing *queues_sizing(struct queues *queues, size_t index)
{
	return &queues->listening.queues[index]->sizing;
}

size_t queues_count(const struct queues *queues)
{
	return queues->listening.count;
}

const uint64_t *queues_elsewhere(const struct queues *queues)
{
	return queues->elsewhere;
}

const uint64_t *queues_tallies(const struct queues *queues, size_t index)
{
	return queues->listening.queues[index]->sums.tallies;
}
