/*
 * One attempt as a JSON object: the members of the contract in its order, then
 * what was added to them.
 */
#include "report/json/parts.h"

static void put_pid(struct json_writer *json, const char *name, int32_t pid)
{
	jw_key(json, name);
	if (pid)
		jw_i64(json, pid);
	else
		jw_null(json);
}

static void put_causes(struct json_writer *json, const struct report *report,
		       const struct attempt *a)
{
	jw_key(json, "causes");
	jw_array_begin(json, JSON_COMPACT);
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++) {
		jw_object_begin(json, JSON_COMPACT);
		jw_put_name(json, "name", cause_name(a->causes[i].cause));
		jw_put_name(json, "confidence",
			    confidence_name(report_confidence(report, a->causes[i].cause,
							      a->causes[i].confidence)));
		jw_put_u64(json, "packets", a->causes[i].packets);
		jw_end(json);
	}
	jw_end(json);
}

/* A packet has many members that are seldom known: those that are not are left out. */
static void put_packet(struct json_writer *json, const struct report *report,
		       const struct mark *mark)
{
	jw_object_begin(json, JSON_COMPACT);
	jw_put_time(json, "time_ns", mark->time_ns);
	jw_put_name(json, "kind", mark_kind_name(mark->kind));
	jw_put_bool(json, "dropped", mark->dropped);
	if (mark->frame)
		jw_put_u64(json, "frame", mark->frame);
	if (mark->cause_known) {
		jw_put_name(json, "cause", cause_name(mark->cause));
		jw_put_name(
		    json, "confidence",
		    confidence_name(report_confidence(report, mark->cause, mark->confidence)));
	}
	if (mark->depth != MARK_DEPTH_UNKNOWN) {
		jw_put_u64(json, "depth", mark->depth);
		jw_put_u64(json, "limit", mark->limit);
	}
	jw_end(json);
}

static void put_packets(struct json_writer *json, const struct report *report,
			const struct attempt *a)
{
	jw_key(json, "packets");
	jw_array_begin(json, JSON_COMPACT);
	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		put_packet(json, report, &a->marks[i]);
	jw_end(json);
	jw_put_u64(json, "packets_lost", a->marks_lost);
}

void json_put_attempt_members(struct json_writer *json, const struct report *report,
			      const struct attempt *a)
{
	jw_key(json, "client");
	jw_endpoint(json, &a->client);
	jw_key(json, "server");
	jw_endpoint(json, &a->server);
	jw_put_known(json, "isn", a->began_before && a->syns == 0 ? -1 : (int64_t)a->isn);
	jw_put_time(json, "syn_ns", a->syn_ns);
	jw_put_u64(json, "syns", a->syns);
	jw_put_time(json, "synack_ns", a->synack_ns);
	jw_put_u64(json, "synacks", a->synacks);
	jw_put_time(json, "ack_ns", a->ack_ns);
	jw_put_time(json, "accept_ns", a->accept_ns);
	jw_put_time(json, "accept_after_ns", a->accept_after_ns);
	jw_put_time(json, "accept_before_ns", a->accept_before_ns);
	jw_put_time(json, "fork_ns", a->fork_ns);
	put_pid(json, "child_pid", a->child_pid);
	jw_put_time(json, "end_ns", a->end_ns);
	jw_put_name(json, "outcome", outcome_name(a->outcome));
	put_causes(json, report, a);
	jw_put_known(json, "syn_to_synack_ns", a->syn_to_synack_ns);
	jw_put_known(json, "synack_to_ack_ns", a->synack_to_ack_ns);
	jw_put_known(json, "connect_ns", a->connect_ns);
	jw_put_known(json, "accept_wait_ns", a->accept_wait_ns);
	jw_put_known(json, "accept_to_fork_ns", a->accept_to_fork_ns);

	jw_put_u64(json, "number", a->number);
	jw_put_time(json, "entered_ns", a->entered_ns);
	jw_put_known(json, "queue_wait_ns", a->queue_wait_ns);
	jw_key(json, "server_isn");
	if (a->synacks)
		jw_u64(json, a->server_isn);
	else
		jw_null(json);
	jw_put_known(json, "listener", a->listener);
	put_pid(json, "accept_pid", a->accept_pid);
	jw_put_bool(json, "child_inferred", a->child_inferred);
	jw_put_time(json, "first_byte_ns", a->first_byte_ns);
	jw_put_time(json, "reply_ns", a->reply_ns);
	jw_put_time(json, "close_ns", a->close_ns);
	jw_put_time(json, "exit_ns", a->exit_ns);
	jw_put_time(json, "client_left_ns", a->client_left_ns);
	jw_put_bool(json, "ghost", a->ghost);
	jw_put_bool(json, "evicted", a->evicted);
	jw_put_bool(json, "began_before", a->began_before);
	jw_put_name(json, "role", role_name(a->role));
	jw_key(json, "destination");
	if (a->destination.port)
		jw_endpoint(json, &a->destination);
	else
		jw_null(json);
	jw_put_bool(json, "answered_in_front", a->answered_in_front);
	jw_put_u64(json, "syn_copies", a->syn_copies);
	jw_put_u64(json, "synack_copies", a->synack_copies);
	put_packets(json, report, a);
}

void json_put_attempt(struct json_writer *json, const struct report *report,
		      const struct attempt *a)
{
	jw_object_begin(json, JSON_COMPACT);
	json_put_attempt_members(json, report, a);
	jw_end(json);
}
