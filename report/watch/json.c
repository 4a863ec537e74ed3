/*
 * A snapshot as one JSON object in one line, synscope.watch/1: docs/watch.md.
 */
#include "report/json/parts.h"
#include "report/json/writer.h"
#include "report/watch/view.h"

#define WATCH_SCHEMA "synscope.watch/1"

/* With their packets they are the most of an object. */
#define WORST_OBJECTS 5

static void put_counts(struct json_writer *json, const struct rate_counts *counts)
{
	jw_put_i64(json, "attempts", counts->attempts);
	jw_put_i64(json, "syns", counts->syns);
	jw_put_i64(json, "handshakes", counts->handshakes);
	jw_put_i64(json, "accepts", counts->accepts);
	jw_key(json, "drops");
	jw_object_begin(json, JSON_COMPACT);
	for (int c = 0; c < CAUSE_COUNT; c++)
		if (cause_is_drop((enum cause)c))
			jw_put_i64(json, cause_name((enum cause)c), counts->drops[c]);
	jw_end(json);
}

static void put_counts_as(struct json_writer *json, const char *name,
			  const struct rate_counts *counts)
{
	jw_key(json, name);
	jw_object_begin(json, JSON_COMPACT);
	put_counts(json, counts);
	jw_end(json);
}

static void put_listener(struct json_writer *json, const struct snapshot_listener *l, size_t index)
{
	char address[ENDPOINT_TEXT_SIZE];

	address_format(&l->local.address, address, sizeof(address));
	jw_object_begin(json, JSON_COMPACT);
	jw_put_u64(json, "listener", index);
	jw_put_string(json, "address", address);
	jw_put_u64(json, "port", l->local.port);
	if (l->interface) {
		jw_put_u64(json, "interface", l->interface);
		jw_put_text(json, "device", l->device);
	}
	jw_key(json, "cookie");
	if (l->cookie)
		jw_u64(json, l->cookie);
	else
		jw_null(json);
	jw_put_bool(json, "closed", l->closed);
	jw_put_bool(json, "reuseport", l->reuseport);
	jw_put_u64(json, "counted_at", l->leader);
	jw_key(json, "pids");
	jw_array_begin(json, JSON_COMPACT);
	for (uint16_t i = 0; i < l->pids_count && i < LISTENER_PIDS_MAX; i++)
		jw_i64(json, l->pids[i]);
	jw_end(json);
	jw_put_text(json, "comm", l->comm);
	jw_put_text(json, "unit", l->workload.unit);
	jw_put_text(json, "container", l->workload.container);
	jw_put_known(json, "limit", l->limit);
	jw_put_known(json, "capacity", l->limit + 1);
	jw_put_known(json, "depth", l->depth);
	jw_put_known(json, "depth_peak", l->depth_peak);
	jw_put_known(json, "half_open", l->half_open);
	jw_put_i64(json, "full_ns", l->full_ns);
	json_put_stall(json, &l->stall);
	put_counts(json, &l->counts);
	jw_key(json, "handshake_ns");
	json_put_latency(json, &l->handshake);
	jw_key(json, "accept_wait_ns");
	json_put_latency(json, &l->accept_wait);
	jw_end(json);
}

/* One that was closed and whose last packet has been told of is not told of again. */
static bool is_news(const struct snapshot_listener *l)
{
	return !l->closed || l->counts.syns || l->counts.handshakes || l->counts.accepts ||
	       l->full_ns || rate_counts_drops(&l->counts);
}

static void put_listeners(struct json_writer *json, const struct snapshot *s)
{
	jw_key(json, "listeners");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < s->listeners_count; i++)
		if (is_news(&s->listeners[i]))
			put_listener(json, &s->listeners[i], i);
	jw_end(json);
}

static void put_losses(struct json_writer *json, const struct snapshot *s)
{
	jw_key(json, "losses");
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		jw_put_u64(json, loss_kind_name((enum loss_kind)i), s->losses[i]);
	jw_end(json);
}

int view_put_json(FILE *out, const struct snapshot *snapshot, bool last)
{
	static const struct report no_ledger; /* it doubts nothing before the end */
	static struct json_writer json;
	char words[FILTER_TEXT_SIZE];

	json_writer_init(&json, out);
	jw_object_begin(&json, JSON_COMPACT);
	jw_put_string(&json, "schema", WATCH_SCHEMA);
	jw_put_time(&json, "from_ns", snapshot->from_ns);
	jw_put_time(&json, "to_ns", snapshot->to_ns);
	jw_put_bool(&json, "last", last);
	jw_put_bool(&json, "packets_captured", !snapshot->blind);
	put_counts(&json, &snapshot->counts);
	jw_key(&json, "handshake_ns");
	json_put_latency(&json, &snapshot->handshake);
	jw_key(&json, "accept_wait_ns");
	json_put_latency(&json, &snapshot->accept_wait);
	jw_put_u64(&json, "open", snapshot->open);
	put_counts_as(&json, "total", &snapshot->total);
	put_listeners(&json, snapshot);
	put_counts_as(&json, "no_listener", &snapshot->elsewhere);
	jw_put_string(&json, "filter",
		      snapshot->filter ? filter_format(snapshot->filter, words) : NULL);
	jw_key(&json, "worst");
	jw_array_begin(&json, JSON_COMPACT);
	for (size_t i = 0; i < snapshot->worst_count && i < WORST_OBJECTS; i++)
		json_put_attempt(&json, &no_ledger, &snapshot->worst[i]);
	jw_end(&json);
	put_losses(&json, snapshot);
	jw_end(&json);
	return json_writer_finish(&json);
}
