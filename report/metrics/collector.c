/*
 * Collecting. What is held back, and the highest depth of the last seconds, is remembered here;
 * all else is summed up anew each time.
 */
#include "report/metrics/collector.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/queue/queue.h"

#define ROW_SHARED (METRICS_ROWS_MAX - 1)

/* A number that may still be corrected. */
struct held {
	uint64_t told;
	uint64_t last[COLLECTOR_HOLD]; /* a ring */
};

/* What a counter of the kernel had moved by, and what was unexplained of that. */
struct unexplained {
	uint64_t told;
	int64_t observed[COLLECTOR_PATIENCE]; /* a ring */
};

/* The highest of the window, one peak for each second. */
struct peaks {
	int64_t second; /* of the youngest */
	uint32_t of[METRICS_WINDOW_S];
};

struct collector {
	uint64_t turn;
	size_t rows_count; /* not counting the shared one */
	struct endpoint locals[METRICS_LISTENERS_MAX];
	uint32_t interfaces[METRICS_LISTENERS_MAX]; /* that they are bound to */
	struct peaks peaks[METRICS_ROWS_MAX];
	struct held drops[METRICS_ROWS_MAX][CAUSE_COUNT];
	struct held full[METRICS_ROWS_MAX];
	struct unexplained unexplained[LEDGER_COUNTERS];
	uint16_t *rows; /* of each queue, by its index */
	size_t queues_count;
	size_t room;
	uint64_t sharing;
};

struct collector *collector_new(void)
{
	return calloc(1, sizeof(struct collector));
}

void collector_free(struct collector *collector)
{
	if (!collector)
		return;
	free(collector->rows);
	free(collector);
}

/* The lowest of the last ones, and never less than before. */
static uint64_t hold(struct held *held, uint64_t turn, uint64_t now, bool last)
{
	uint64_t lowest = now;

	held->last[turn % COLLECTOR_HOLD] = now;
	for (size_t i = 0; i < COLLECTOR_HOLD && !last; i++)
		if (held->last[i] < lowest)
			lowest = held->last[i];
	if (lowest > held->told)
		held->told = lowest;
	return held->told;
}

/*
 * What the counter had moved by a while ago, less what is explained by now: a lower bound, since
 * what explains it may come seconds later, and some of it is of what has come since.
 */
static uint64_t leave(struct unexplained *u, uint64_t turn, const struct ledger_row *row, bool last)
{
	size_t oldest = (turn + 1) % COLLECTOR_PATIENCE;
	int64_t rest;

	u->observed[turn % COLLECTOR_PATIENCE] = row->observed;
	rest = (last ? row->observed : u->observed[oldest]) - row->explained;
	if (rest > 0 && (uint64_t)rest > u->told)
		u->told = (uint64_t)rest;
	return u->told;
}

static int64_t highest(struct peaks *peaks, int64_t now_ns, uint32_t peak)
{
	int64_t second = now_ns / NS_PER_SEC;
	uint32_t most = 0;

	/* A clock that was set back: what is remembered stays for as long as it takes. */
	if (second < peaks->second)
		second = peaks->second;
	if (second - peaks->second >= METRICS_WINDOW_S)
		memset(peaks->of, 0, sizeof(peaks->of));
	else
		for (int64_t s = peaks->second + 1; s <= second; s++)
			peaks->of[s % METRICS_WINDOW_S] = 0;
	peaks->second = second;
	if (peak > peaks->of[second % METRICS_WINDOW_S])
		peaks->of[second % METRICS_WINDOW_S] = peak;
	for (size_t i = 0; i < METRICS_WINDOW_S; i++)
		if (peaks->of[i] > most)
			most = peaks->of[i];
	return most;
}

static uint16_t find_row(struct collector *c, const struct listener *listener)
{
	for (size_t i = 0; i < c->rows_count; i++)
		if (endpoint_equal(&c->locals[i], &listener->local) &&
		    c->interfaces[i] == listener->interface)
			return (uint16_t)i;
	if (c->rows_count == METRICS_LISTENERS_MAX) {
		c->sharing++;
		return ROW_SHARED;
	}
	c->locals[c->rows_count] = listener->local;
	c->interfaces[c->rows_count] = listener->interface;
	return (uint16_t)c->rows_count++;
}

/* Queues come, and never go. */
static int learn_queues(struct collector *c, struct queues *queues)
{
	size_t count = queues ? queues_count(queues) : 0;

	if (count > c->room) {
		size_t room = count + count / 2;
		uint16_t *bigger = realloc(c->rows, room * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		c->rows = bigger;
		c->room = room;
	}
	for (; c->queues_count < count; c->queues_count++)
		c->rows[c->queues_count] =
		    find_row(c, &queues_at(queues, c->queues_count)->listener);
	return 0;
}

/* Of several sockets the one that will overflow first. */
static void add_depth(struct metrics_listener *row, const struct queue *q)
{
	int64_t depth = (int64_t)q->samples.last_depth, limit = q->listener.limit;

	row->sockets++;
	if (q->samples.half_open >= 0)
		row->half_open = (row->half_open < 0 ? 0 : row->half_open) + q->samples.half_open;
	if (q->samples.count && (row->depth < 0 || limit - depth < row->limit - row->depth)) {
		row->depth = depth;
		row->limit = limit;
	} else if (row->limit < 0) {
		row->limit = limit;
	}
}

static int64_t full_by(const struct queue *q, int64_t now_ns)
{
	int64_t open_ns =
	    q->full.is_full && now_ns > q->full.since_ns ? now_ns - q->full.since_ns : 0;

	return q->full.total_ns + open_ns;
}

static void add_queue(struct metrics_listener *row, const struct queue *q, int64_t now_ns)
{
	if (!q->closed)
		add_depth(row, q);
	row->interface = q->listener.interface;
	memcpy(row->device, q->listener.device, sizeof(row->device));
	if (q->listener.comm[0])
		memcpy(row->comm, q->listener.comm, sizeof(row->comm));
	if (q->listener.pids_count)
		row->workload = q->listener.workload;
	row->full_ns += full_by(q, now_ns);
	if (q->sk_drops.seen)
		row->socket_drops =
		    (row->socket_drops < 0 ? 0 : row->socket_drops) + queue_sk_drops(q);
	for (int o = 0; o < OUTCOME_COUNT; o++)
		row->outcomes[o] += q->sums.outcomes[o];
	for (int c = 0; c < CAUSE_COUNT; c++)
		row->drops[c] += (uint64_t)q->counter.counts.drops[c];
	row->syns_again += q->sums.syns_again;
	spread_merge(&row->connect, &q->sums.connect);
	spread_merge(&row->accept_wait, &q->sums.accept_wait);
}

static void begin_row(struct metrics_listener *row, const struct endpoint *local)
{
	*row = (struct metrics_listener){
	    .depth = -1, .limit = -1, .depth_max = -1, .half_open = -1, .socket_drops = -1};
	if (local)
		row->local = *local;
}

static void finish_row(struct collector *c, size_t at, const struct collector_input *input,
		       int64_t now_ns, uint32_t peak, struct metrics_listener *row)
{
	int64_t most = highest(&c->peaks[at], now_ns, peak);

	row->depth_max = row->depth < 0 ? -1 : most;
	/* How it ended is settled a moment later. */
	row->full_ns = (int64_t)hold(&c->full[at], c->turn, (uint64_t)row->full_ns, input->last);
	for (int i = 0; i < CAUSE_COUNT; i++) {
		int64_t drops = (int64_t)row->drops[i];

		row->drops[i] =
		    hold(&c->drops[at][i], c->turn, drops > 0 ? (uint64_t)drops : 0, input->last);
	}
}

static void collect_rows(struct collector *c, const struct collector_input *input, int64_t now_ns,
			 struct metrics *out)
{
	uint32_t peaks[METRICS_ROWS_MAX] = {0};

	out->shared = c->sharing > 0;
	out->sharing = c->sharing;
	out->rows_count = c->rows_count + out->shared;
	for (size_t i = 0; i < out->rows_count; i++)
		begin_row(&out->rows[i], i < c->rows_count ? &c->locals[i] : NULL);
	for (size_t i = 0; i < c->queues_count; i++) {
		struct queue *q = queues_at(input->queues, i);
		size_t at = c->rows[i];

		add_queue(&out->rows[at], q, now_ns);
		if (q->samples.news_peak > peaks[at])
			peaks[at] = q->samples.news_peak;
		q->samples.news_peak = q->closed ? 0 : q->samples.last_depth;
	}
	for (size_t i = 0; i < out->rows_count; i++)
		finish_row(c, i, input, now_ns, peaks[i], &out->rows[i]);
}

static void collect_unexplained(struct collector *c, const struct collector_input *input,
				struct metrics *out)
{
	struct ledger_row rows[LEDGER_COUNTERS];

	if (!input->queues)
		return;
	ledger_counters(input->ledger, input->queues, rows);
	for (int i = 0; i < LEDGER_COUNTERS; i++)
		if (rows[i].observed_known)
			out->unexplained[out->unexplained_count++] = (struct metrics_unexplained){
			    .counter = ledger_counter(i),
			    .count = leave(&c->unexplained[i], c->turn, &rows[i], input->last),
			};
}

int collector_collect(struct collector *collector, const struct collector_input *input,
		      int64_t now_ns, struct metrics *out)
{
	struct collector *c = collector;
	int rc = learn_queues(c, input->queues);

	if (rc)
		return rc;
	memset(out, 0, offsetof(struct metrics, rows));
	strncpy(out->version, SYNSCOPE_VERSION, sizeof(out->version) - 1);
	out->netns = input->meta->host.identity.netns;
	out->start_ns = input->meta->start_ns;
	out->updated_ns = now_ns;
	out->open = input->open;
	for (int i = 0; i < SOURCE_COUNT; i++)
		out->sources[i] = input->meta->sources[i].on;
	memcpy(out->losses, input->losses, sizeof(out->losses));
	memcpy(out->outcomes, input->outcomes, sizeof(out->outcomes));
	collect_rows(c, input, now_ns, out);
	collect_unexplained(c, input, out);
	c->turn++;
	return 0;
}
