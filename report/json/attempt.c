/*
 * One attempt as a JSON object: the members of the contract in its order, then
 * what was added to them.
 */
#include <assert.h>

#include "report/json/members.h"
#include "report/json/parts.h"

/* Members of an attempt, of each cause and of each packet, at most. */
#define ATTEMPT_MEMBERS (64 + ATTEMPT_CAUSES_MAX * 4 + ATTEMPT_MARKS_MAX * 12)

static_assert(ATTEMPT_MEMBERS * MEMBER_SIZE <= OUTPUT_SIZE, "an attempt fits into the buffer");

static char *put_causes(char *p, const struct report *report, const struct attempt *a)
{
	p = member_text(p, MEMBER("causes") "[");
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++) {
		const struct attempt_cause *c = &a->causes[i];

		if (i)
			*p++ = ',';
		p = member_name(p, "{\"name\":", cause_name(c->cause));
		p = member_name(
		    p, MEMBER("confidence"),
		    confidence_name(report_confidence(report, c->cause, c->confidence)));
		p = member_u64(p, MEMBER("packets"), c->packets);
		*p++ = '}';
	}
	*p++ = ']';
	return p;
}

/* A packet has many members that are seldom known: those that are not are left out. */
static char *put_packet(struct json_writer *json, char *p, const struct report *report,
			const struct mark *mark)
{
	p = member_time(json, p, "{\"time_ns\":", mark->time_ns);
	p = member_name(p, MEMBER("kind"), mark_kind_name(mark->kind));
	p = member_bool(p, MEMBER("dropped"), mark->dropped);
	if (mark->frame)
		p = member_u64(p, MEMBER("frame"), mark->frame);
	if (mark->cause_known) {
		p = member_name(p, MEMBER("cause"), cause_name(mark->cause));
		p = member_name(
		    p, MEMBER("confidence"),
		    confidence_name(report_confidence(report, mark->cause, mark->confidence)));
	}
	if (mark->among) {
		p = member_u64(p, MEMBER("among") "{\"packets\":", mark->among);
		p = member_u64(p, MEMBER("dropped"), mark->among_dropped);
		*p++ = '}';
	}
	if (mark->depth != MARK_DEPTH_UNKNOWN) {
		p = member_u64(p, MEMBER("depth"), mark->depth);
		p = member_u64(p, MEMBER("limit"), mark->limit);
	}
	*p++ = '}';
	return p;
}

static char *put_packets(struct json_writer *json, char *p, const struct report *report,
			 const struct attempt *a)
{
	p = member_text(p, MEMBER("packets") "[");
	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++) {
		if (i)
			*p++ = ',';
		p = put_packet(json, p, report, &a->marks[i]);
	}
	*p++ = ']';
	return member_u64(p, MEMBER("packets_lost"), a->marks_lost);
}

void json_put_attempt_members(struct json_writer *json, const struct report *report,
			      const struct attempt *a)
{
	char *p;

	jw_key(json, "client");
	jw_endpoint(json, &a->client);
	p = json_members_begin(json, ATTEMPT_MEMBERS);
	p = member_endpoint(p, MEMBER("server"), &a->server);
	p = member_known(p, MEMBER("isn"), a->began_before && a->syns == 0 ? -1 : (int64_t)a->isn);
	p = member_time(json, p, MEMBER("syn_ns"), a->syn_ns);
	p = member_u64(p, MEMBER("syns"), a->syns);
	p = member_time(json, p, MEMBER("synack_ns"), a->synack_ns);
	p = member_u64(p, MEMBER("synacks"), a->synacks);
	p = member_time(json, p, MEMBER("ack_ns"), a->ack_ns);
	p = member_time(json, p, MEMBER("accept_ns"), a->accept_ns);
	p = member_time(json, p, MEMBER("accept_after_ns"), a->accept_after_ns);
	p = member_time(json, p, MEMBER("accept_before_ns"), a->accept_before_ns);
	p = member_time(json, p, MEMBER("fork_ns"), a->fork_ns);
	p = member_unless(p, MEMBER("child_pid"), a->child_pid, 0);
	p = member_time(json, p, MEMBER("end_ns"), a->end_ns);
	p = member_name(p, MEMBER("outcome"), outcome_name(a->outcome));
	p = put_causes(p, report, a);
	p = member_known(p, MEMBER("syn_to_synack_ns"), a->syn_to_synack_ns);
	p = member_known(p, MEMBER("synack_to_ack_ns"), a->synack_to_ack_ns);
	p = member_known(p, MEMBER("connect_ns"), a->connect_ns);
	p = member_known(p, MEMBER("accept_wait_ns"), a->accept_wait_ns);
	p = member_known(p, MEMBER("accept_to_fork_ns"), a->accept_to_fork_ns);

	p = member_u64(p, MEMBER("number"), a->number);
	p = member_time(json, p, MEMBER("entered_ns"), a->entered_ns);
	p = member_known(p, MEMBER("queue_wait_ns"), a->queue_wait_ns);
	p = member_known(p, MEMBER("server_isn"), a->synacks ? (int64_t)a->server_isn : -1);
	p = member_known(p, MEMBER("listener"), a->listener);
	p = member_unless(p, MEMBER("accept_pid"), a->accept_pid, 0);
	p = member_bool(p, MEMBER("child_inferred"), a->child_inferred);
	p = member_time(json, p, MEMBER("first_byte_ns"), a->first_byte_ns);
	p = member_time(json, p, MEMBER("reply_ns"), a->reply_ns);
	p = member_time(json, p, MEMBER("close_ns"), a->close_ns);
	p = member_time(json, p, MEMBER("exit_ns"), a->exit_ns);
	p = member_time(json, p, MEMBER("client_left_ns"), a->client_left_ns);
	p = member_bool(p, MEMBER("ghost"), a->ghost);
	p = member_bool(p, MEMBER("evicted"), a->evicted);
	p = member_bool(p, MEMBER("began_before"), a->began_before);
	p = member_name(p, MEMBER("role"), role_name(a->role));
	if (a->destination.port)
		p = member_endpoint(p, MEMBER("destination"), &a->destination);
	else
		p = member_text(p, MEMBER("destination") "null");
	p = member_bool(p, MEMBER("answered_in_front"), a->answered_in_front);
	p = member_u64(p, MEMBER("syn_copies"), a->syn_copies);
	p = member_u64(p, MEMBER("synack_copies"), a->synack_copies);
	p = put_packets(json, p, report, a);
	json_members_end(json, p);
}

void json_put_attempt(struct json_writer *json, const struct report *report,
		      const struct attempt *a)
{
	jw_object_begin(json, JSON_COMPACT);
	json_put_attempt_members(json, report, a);
	jw_end(json);
}
