/*
 * The listeners, the ledger, the advice and everything that was lost, as JSON.
 */
#include "report/json/parts.h"

/* A series can have thousands of points: each is [time_ns, min, max]. */
static void put_series(struct json_writer *json, const char *name,
		       const struct depth_series *series)
{
	jw_key(json, name);
	jw_object_begin(json, JSON_COMPACT);
	jw_put_u64(json, "merged", series->merged);
	jw_key(json, "points");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < series->count; i++) {
		jw_array_begin(json, JSON_COMPACT);
		jw_i64(json, series->points[i].time_ns);
		jw_u64(json, series->points[i].min);
		jw_u64(json, series->points[i].max);
		jw_end(json);
	}
	jw_end(json);
	jw_end(json);
}

static void put_gaps(struct json_writer *json, const struct report_listener *listener)
{
	jw_key(json, "gaps");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < listener->gaps_count; i++) {
		jw_array_begin(json, JSON_COMPACT);
		jw_i64(json, listener->gaps[i].start_ns);
		jw_i64(json, listener->gaps[i].end_ns);
		jw_end(json);
	}
	jw_end(json);
}

static void put_address(struct json_writer *json, const struct address *address)
{
	char text[ENDPOINT_TEXT_SIZE];

	address_format(address, text, sizeof(text));
	jw_put_string(json, "address", text);
}

static void put_episodes(struct json_writer *json, const struct report_listener *listener)
{
	jw_key(json, "full_episodes");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < listener->episodes_count; i++) {
		jw_object_begin(json, JSON_COMPACT);
		jw_put_time(json, "start_ns", listener->episodes[i].start_ns);
		jw_put_time(json, "end_ns", listener->episodes[i].end_ns);
		jw_end(json);
	}
	jw_end(json);
}

static void put_limits(struct json_writer *json, const struct report_listener *listener)
{
	jw_key(json, "limits");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < listener->limits_count; i++) {
		jw_object_begin(json, JSON_COMPACT);
		jw_put_time(json, "time_ns", listener->limits[i].time_ns);
		jw_put_u64(json, "limit", listener->limits[i].limit);
		jw_end(json);
	}
	jw_end(json);
}

static void put_owners(struct json_writer *json, const struct report_listener *listener)
{
	jw_key(json, "owners");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < listener->owners_count; i++) {
		const struct report_owner *owner = &listener->owners[i];

		jw_object_begin(json, JSON_COMPACT);
		jw_put_known(json, "pid", owner->pid);
		jw_put_text(json, "comm", owner->comm);
		jw_put_time(json, "from_ns", owner->from_ns);
		jw_put_time(json, "to_ns", owner->to_ns);
		jw_end(json);
	}
	jw_end(json);
}

void json_put_stall(struct json_writer *json, const struct stall_now *stall)
{
	char text[STALL_TEXT_SIZE];

	jw_key(json, "stall");
	if (stall->cause == STALL_NONE) {
		jw_null(json);
		return;
	}
	jw_object_begin(json, JSON_COMPACT);
	jw_put_string(json, "rule", stall_rule(stall->cause));
	jw_put_string(json, "text", stall_text(stall, text));
	jw_put_known(json, "for_ns", stall->for_ns);
	jw_key(json, "pid");
	if (stall->pid)
		jw_i64(json, stall->pid);
	else
		jw_null(json);
	jw_end(json);
}

static void put_stall(struct json_writer *json, const struct report_stall *stall)
{
	jw_key(json, "owner_activity");
	if (!stall->looks) {
		jw_null(json);
		return;
	}
	jw_object_begin(json, JSON_COMPACT);
	jw_put_u64(json, "looks", stall->looks);
	jw_put_u64(json, "processes", stall->processes);
	jw_put_u64(json, "threads", stall->threads);
	jw_put_i64(json, "waited_ns", stall->waited_ns);
	jw_put_i64(json, "watched_ns", stall->watched_ns);
	jw_put_i64(json, "stopped_ns", stall->stopped_ns);
	jw_put_i64(json, "traced_ns", stall->traced_ns);
	jw_put_i64(json, "frozen_ns", stall->frozen_ns);
	jw_put_i64(json, "uninterruptible_ns", stall->uninterruptible_ns);
	jw_put_i64(json, "run_ns", stall->run_ns);
	jw_put_i64(json, "runnable_ns", stall->runnable_ns);
	jw_put_i64(json, "throttled_ns", stall->throttled_ns);
	jw_put_i64(json, "throttled_periods", stall->throttled_periods);
	jw_put_i64(json, "out_of_descriptors_ns", stall->out_of_descriptors_ns);
	jw_put_known(json, "descriptors", stall->descriptors_peak);
	jw_put_known(json, "descriptors_max", stall->descriptors_max);
	jw_end(json);
}

static void put_listener(struct json_writer *json, const struct report *report,
			 const struct report_listener *listener)
{
	jw_object_begin(json, JSON_LINES);
	put_address(json, &listener->local.address);
	jw_put_u64(json, "port", listener->local.port);
	if (listener->interface) {
		jw_put_u64(json, "interface", listener->interface);
		jw_put_text(json, "device", listener->device);
	}
	jw_put_known(json, "backlog", listener->backlog);
	jw_put_known(json, "limit", listener->limit);
	jw_put_known(json, "capacity", listener->capacity);
	jw_put_known(json, "queue_peak", listener->queue_peak);
	jw_put_u64(json, "samples", listener->samples);
	jw_put_known(json, "full_ns", report_full_ns(listener));
	put_episodes(json, listener);
	jw_put_known(json, "drops", report_drops(report, listener));
	jw_put_known(json, "drops_uncompared",
		     report_drops(report, listener) < 0 ? -1 : (int64_t)listener->drops_beside);
	jw_key(json, "pids");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < listener->pids_count; i++)
		jw_i64(json, listener->pids[i]);
	jw_end(json);

	jw_put_text(json, "comm", listener->comm);
	jw_put_text(json, "unit", listener->unit);
	jw_put_text(json, "container", listener->container);
	put_limits(json, listener);
	put_owners(json, listener);
	put_stall(json, &listener->stall);
	jw_key(json, "cookie");
	if (listener->cookie)
		jw_u64(json, listener->cookie);
	else
		jw_null(json);
	jw_put_known(json, "sampled_peak", listener->sampled_peak);
	jw_put_known(json, "sk_drops", listener->sk_drops);
	jw_put_u64(json, "full_episodes_lost", listener->episodes_lost);
	jw_put_u64(json, "disagreements", listener->disagreements);
	jw_put_known(json, "defer_accept_s", listener->defer_accept_s);
	jw_put_known(json, "fastopen", listener->fastopen);
	jw_put_bool(json, "closed", listener->closed);
	jw_put_bool(json, "reuseport", listener->reuseport);
	jw_put_u64(json, "attempts", listener->attempts);
	jw_put_u64(json, "group_attempts", listener->group_attempts);
	jw_put_u64(json, "group_drops", listener->group_drops);
	jw_key(json, "outcomes");
	json_put_outcomes(json, listener->outcomes);
	json_put_causes(json, "causes", listener->causes);
	json_put_latencies(json, listener->latency);
	jw_key(json, "depth");
	jw_object_begin(json, JSON_LINES);
	put_series(json, "sampled", &listener->sampled);
	put_series(json, "rebuilt", &listener->rebuilt);
	put_series(json, "half_open", &listener->half_open);
	put_gaps(json, listener);
	jw_put_bool(json, "rebuilt_in_gaps", listener->rebuilt_in_gaps);
	jw_end(json);
	jw_end(json);
}

void json_put_listeners(struct json_writer *json, const struct report *report)
{
	jw_key(json, "listeners");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < report->listeners_count; i++)
		put_listener(json, report, &report->listeners[i]);
	jw_end(json);
}

static void put_ledger_number(struct json_writer *json, const char *name, bool known, int64_t value)
{
	jw_key(json, name);
	if (known)
		jw_i64(json, value);
	else
		jw_null(json);
}

static void put_ledger(struct json_writer *json, const struct report *report)
{
	jw_key(json, "ledger");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < report->ledger_count; i++) {
		const struct ledger_row *row = &report->ledger[i];

		jw_object_begin(json, JSON_COMPACT);
		jw_put_string(json, "counter", row->counter);
		put_ledger_number(json, "observed", row->observed_known, row->observed);
		put_ledger_number(json, "explained", true, row->explained);
		put_ledger_number(json, "unexplained", row->observed_known, row->unexplained);
		jw_key(json, "parts");
		jw_array_begin(json, JSON_COMPACT);
		for (size_t j = 0; j < row->parts_count && j < LEDGER_PARTS_MAX; j++) {
			jw_object_begin(json, JSON_COMPACT);
			jw_put_string(json, "class", row->parts[j].class);
			jw_put_u64(json, "count", row->parts[j].count);
			jw_end(json);
		}
		jw_end(json);
		jw_end(json);
	}
	jw_end(json);
}

static void put_advice(struct json_writer *json, const struct report *report)
{
	jw_key(json, "advice");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < report->advice_count; i++) {
		const struct advice *advice = &report->advice[i];

		jw_object_begin(json, JSON_COMPACT);
		jw_put_string(json, "rule", advice->rule);
		jw_put_string(json, "text", advice->text);
		jw_put_known(json, "clients", advice->clients ? (int64_t)advice->clients : -1);
		jw_key(json, "evidence");
		jw_array_begin(json, JSON_COMPACT);
		for (size_t j = 0; j < advice->evidence_count && j < ADVICE_EVIDENCE_MAX; j++)
			jw_string(json, advice->evidence[j]);
		jw_end(json);
		jw_end(json);
	}
	jw_end(json);
}

static void put_losses(struct json_writer *json, const struct report *report)
{
	jw_key(json, "losses");
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		jw_put_u64(json, loss_kind_name(i), report->losses[i]);
	jw_end(json);
	jw_key(json, "overflows");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < report->overflows_count; i++) {
		jw_object_begin(json, JSON_COMPACT);
		jw_put_string(json, "table", report->overflows[i].table);
		jw_put_u64(json, "bound", report->overflows[i].bound);
		jw_put_u64(json, "count", report->overflows[i].count);
		jw_end(json);
	}
	jw_end(json);
}

void json_put_findings(struct json_writer *json, const struct report *report)
{
	put_ledger(json, report);
	put_advice(json, report);
	put_losses(json, report);
	jw_key(json, "notes");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < report->notes_count; i++)
		jw_string(json, report->notes[i]);
	jw_end(json);
}
