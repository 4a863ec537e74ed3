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
	for (size_t i = 0; i < queues->listening.count; i++)
		if (queues->listening.queues[i]->grouped &&
		    queues->listening.queues[i]->leader == queues->listening.queues[i])
			queues_group_drops(queues->listening.queues, queues->listening.count,
					   queues->listening.queues[i]);
	for (size_t i = 0; i < queues->listening.count; i++) {
		struct queue *q = queues->listening.queues[i];
		struct report_listener *l = &queues->report[i];
		int64_t peak = q->samples.peak;

		if (!q->grouped && q->settled.peak > peak)
			peak = q->settled.peak;
		*l = (struct report_listener){
		    .local = q->listener.local,
		    .cookie = q->listener.cookie,
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
		    .sk_drops = q->sk_drops.seen && !q->sk_drops.cut
				    ? (int64_t)(uint32_t)(q->sk_drops.last - q->sk_drops.first)
				    : -1,
		    .disagreements = q->sums.disagreements,
		    .defer_accept_s = q->listener.defer_accept_s,
		    .fastopen = q->listener.fastopen,
		    .closed = q->closed,
		    .reuseport = q->grouped,
		    .pids_count = q->listener.pids_count,
		    .pids = q->listener.pids,
		    .comm = q->listener.comm,
		    .limits_count = q->limits.count,
		    .limits = q->limits.points,
		    .owners_count = owners ? q->tenures.count : 0,
		    .owners = owners,
		    .sampled = series_view(&q->samples.series),
		    .rebuilt = series_view(&q->settled.series),
		    .half_open = series_view(&q->samples.half_open_series),
		    .attempts = q->sums.attempts,
		    .stall = q->stalls.sum,
		};
		memcpy(l->outcomes, q->sums.outcomes, sizeof(l->outcomes));
		memcpy(l->causes, q->sums.causes, sizeof(l->causes));
		memcpy(l->cause_packets, q->sums.cause_packets, sizeof(l->cause_packets));
		latencies_summary(&q->latencies, l->latency);
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
