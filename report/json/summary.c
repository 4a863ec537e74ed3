/*
 * Where the report comes from, and all attempts together, as JSON.
 */
#include "report/json/parts.h"

static const char *kind_name(enum report_kind kind)
{
	switch (kind) {
	case REPORT_RECORDING:
		return "recording";
	case REPORT_PCAP:
		return "pcap";
	case REPORT_LIVE:
		return "live";
	}
	return "unknown";
}

static void put_source(struct json_writer *json, const struct report *report)
{
	jw_key(json, "source");
	jw_object_begin(json, JSON_LINES);
	jw_put_string(json, "kind", kind_name(report->kind));
	jw_put_string(json, "path", report->path);
	jw_put_time(json, "start_ns", report->start_ns);
	jw_put_time(json, "end_ns", report->end_ns);
	jw_put_u64(json, "packets", report->packets);
	jw_put_u64(json, "packets_dropped", report->packets_dropped);
	jw_key(json, "skipped");
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < SKIP_REASON_COUNT; i++)
		jw_put_u64(json, skip_reason_name(i), report->skipped[i]);
	jw_end(json);
	jw_put_u64(json, "other_segments", report->other_segments);
	jw_put_u64(json, "late_events", report->late_events);
	jw_end(json);
}

void json_put_identity(struct json_writer *json, const struct host_identity *identity)
{
	jw_object_begin(json, JSON_COMPACT);
	jw_put_text(json, "hostname", identity->hostname);
	jw_put_text(json, "machine_id", identity->machine_id);
	jw_put_text(json, "boot_id", identity->boot_id);
	jw_key(json, "netns");
	if (identity->netns)
		jw_u64(json, identity->netns);
	else
		jw_null(json);
	jw_end(json);
}

static void put_host(struct json_writer *json, const struct report *report)
{
	const struct host *host = &report->host;

	jw_key(json, "host");
	if (!report->host_known) {
		jw_null(json);
		return;
	}
	jw_object_begin(json, JSON_LINES);
	jw_put_text(json, "kernel", host->kernel);
	jw_put_known(json, "somaxconn", host->somaxconn);
	jw_put_known(json, "tcp_max_syn_backlog", host->tcp_max_syn_backlog);
	jw_put_known(json, "tcp_syncookies", host->tcp_syncookies);
	jw_put_known(json, "tcp_abort_on_overflow", host->tcp_abort_on_overflow);
	jw_put_known(json, "tcp_synack_retries", host->tcp_synack_retries);
	jw_put_known(json, "tcp_syn_retries", host->tcp_syn_retries);
	jw_put_known(json, "tcp_syn_linear_timeouts", host->tcp_syn_linear_timeouts);
	jw_put_known(json, "tcp_fastopen", host->tcp_fastopen);
	jw_put_known(json, "tcp_migrate_req", host->tcp_migrate_req);
	jw_key(json, "identity");
	json_put_identity(json, &host->identity);
	jw_end(json);
}

static void put_recording(struct json_writer *json, const struct report *report)
{
	const struct recording_meta *meta = report->meta;

	jw_key(json, "recording");
	if (!report->meta_known || !meta) {
		jw_null(json);
		return;
	}
	jw_object_begin(json, JSON_LINES);
	jw_put_string(json, "interface", meta->interface);
	jw_put_string(json, "filter", meta->filter);
	jw_put_u64(json, "sample_interval_us", meta->sample_interval_us);
	jw_key(json, "targets");
	jw_array_begin(json, JSON_COMPACT);
	for (uint32_t i = 0; i < meta->targets_count && i < RECORDING_TARGETS_MAX; i++)
		jw_endpoint(json, &meta->targets[i]);
	jw_end(json);
	jw_key(json, "bpf");
	jw_object_begin(json, JSON_COMPACT);
	jw_put_bool(json, "entries", meta->entries);
	jw_put_bool(json, "accepts", meta->accepts);
	jw_put_bool(json, "drops", meta->drops);
	jw_put_bool(json, "filter", meta->bpf_filter);
	jw_end(json);
	jw_key(json, "sources");
	jw_object_begin(json, JSON_LINES);
	for (int i = 0; i < SOURCE_COUNT; i++) {
		jw_key(json, source_name(i));
		jw_object_begin(json, JSON_COMPACT);
		jw_put_bool(json, "on", meta->sources[i].on);
		jw_put_string(json, "note", meta->sources[i].note);
		jw_end(json);
	}
	jw_end(json);
	jw_end(json);
}

void json_put_origin(struct json_writer *json, const struct report *report)
{
	put_source(json, report);
	put_host(json, report);
	put_recording(json, report);
}

void json_put_outcomes(struct json_writer *json, const uint64_t outcomes[OUTCOME_COUNT])
{
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < OUTCOME_COUNT; i++)
		jw_put_u64(json, outcome_name(i), outcomes[i]);
	jw_end(json);
}

void json_put_causes(struct json_writer *json, const char *name, const uint64_t causes[CAUSE_COUNT])
{
	jw_key(json, name);
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < CAUSE_COUNT; i++)
		jw_put_u64(json, cause_name(i), causes[i]);
	jw_end(json);
}

void json_put_latency(struct json_writer *json, const struct latency_summary *latency)
{
	const struct {
		const char *name;
		int64_t value;
	} members[] = {
	    {"min", latency->min}, {"p50", latency->p50},   {"p90", latency->p90},
	    {"p99", latency->p99}, {"p999", latency->p999}, {"max", latency->max},
	};

	jw_object_begin(json, JSON_COMPACT);
	jw_put_u64(json, "count", latency->count);
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		jw_key(json, members[i].name);
		if (latency->count)
			jw_i64(json, members[i].value);
		else
			jw_null(json);
	}
	jw_end(json);
}

void json_put_latencies(struct json_writer *json,
			const struct latency_summary latency[LATENCY_COUNT])
{
	jw_key(json, "latency_ns");
	jw_object_begin(json, JSON_LINES);
	for (int i = 0; i < LATENCY_COUNT; i++) {
		jw_key(json, latency_name(i));
		json_put_latency(json, &latency[i]);
	}
	jw_end(json);
}

static void put_histograms(struct json_writer *json, const struct report *report)
{
	jw_key(json, "latency_histograms");
	jw_object_begin(json, JSON_LINES);
	for (int i = 0; i < LATENCY_COUNT; i++) {
		jw_key(json, latency_name(i));
		jw_array_begin(json, JSON_COMPACT);
		for (size_t j = 0; j < report->bars_count[i]; j++) {
			jw_object_begin(json, JSON_COMPACT);
			jw_put_i64(json, "from_ns", report->bars[i][j].from_ns);
			jw_put_i64(json, "to_ns", report->bars[i][j].to_ns);
			jw_put_u64(json, "count", report->bars[i][j].count);
			jw_end(json);
		}
		jw_end(json);
	}
	jw_end(json);
}

static void put_bucket(struct json_writer *json, const struct rate_bucket *bucket)
{
	jw_object_begin(json, JSON_COMPACT);
	jw_put_u64(json, "syns", bucket->syns);
	jw_put_u64(json, "handshakes", bucket->handshakes);
	jw_put_u64(json, "accepts", bucket->accepts);
	jw_key(json, "drops");
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < CAUSE_COUNT; i++)
		if (bucket->drops[i])
			jw_put_u64(json, cause_name(i), bucket->drops[i]);
	jw_end(json);
	jw_end(json);
}

static void put_rates(struct json_writer *json, const struct rate_series *rates)
{
	jw_key(json, "rates");
	jw_object_begin(json, JSON_LINES);
	jw_put_i64(json, "bucket_ns", rates->bucket_ns);
	jw_key(json, "buckets");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < rates->count; i++)
		put_bucket(json, &rates->buckets[i]);
	jw_end(json);
	jw_end(json);
}

static void put_roles(struct json_writer *json, const struct report *report)
{
	jw_key(json, "roles");
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < ROLE_COUNT; i++)
		jw_put_u64(json, role_name(i) ? role_name(i) : "unknown", report->roles[i]);
	jw_end(json);
}

static void put_peers(struct json_writer *json, const struct report *report)
{
	jw_key(json, "peers");
	jw_array_begin(json, JSON_LINES);
	for (size_t i = 0; i < report->peers_count; i++) {
		const struct report_peer *peer = &report->peers[i];

		jw_object_begin(json, JSON_COMPACT);
		jw_put_string(json, "role", role_name(peer->role));
		jw_key(json, "server");
		jw_endpoint(json, &peer->server);
		jw_put_u64(json, "attempts", peer->attempts);
		jw_put_u64(json, "syns_again", peer->again);
		jw_key(json, "outcomes");
		json_put_outcomes(json, peer->outcomes);
		jw_end(json);
	}
	jw_end(json);
}

void json_put_summary(struct json_writer *json, const struct report *report)
{
	jw_key(json, "summary");
	jw_object_begin(json, JSON_LINES);
	jw_put_u64(json, "attempts", report->attempts);
	jw_put_u64(json, "began_before", report->began_before);
	jw_key(json, "outcomes");
	json_put_outcomes(json, report->outcomes);
	json_put_causes(json, "causes", report->causes);
	json_put_latencies(json, report->latency);
	json_put_causes(json, "cause_packets", report->cause_packets);
	if (report->drops_unobserved) {
		jw_key(json, "drops_seen");
		jw_null(json);
	} else {
		jw_put_bool(json, "drops_seen", report->drops_seen);
	}
	jw_put_string(json, "drops_unobserved", report->drops_unobserved);
	jw_put_known(json, "passive_opens", report->passive_opens);
	put_roles(json, report);
	jw_put_u64(json, "unseen_syn_acks", report->unseen_syn_acks);
	jw_put_u64(json, "stray_syn_acks", report->stray_syn_acks);
	jw_put_u64(json, "answered_in_front", report->answered_in_front);
	jw_put_u64(json, "without_packets", report->without_packets);
	jw_end(json);
	put_peers(json, report);
	put_histograms(json, report);
	put_rates(json, &report->rates);
}
