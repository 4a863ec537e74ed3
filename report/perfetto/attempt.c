/*
 * One attempt in the Perfetto report: its phases and packets on a lane of its
 * listener, its accept() and the life of its child under the process that
 * accepted it, and the arrows between them.
 */
#include "report/perfetto/perfetto.h"

#include <errno.h>
#include <stdio.h>

#include "event/clock.h"

static void note_known(struct trace *trace, unsigned name, int64_t value)
{
	if (value != -1)
		trace_note(trace, name, value);
}

/* Joined with commas, as in TSV: a note's name stands for one value. */
static void note_causes(struct trace *trace, const struct attempt *a)
{
	char text[ATTEMPT_CAUSES_MAX * 32] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < a->causes_count && used < sizeof(text); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "",
					 cause_name(a->causes[i].cause));
	if (used)
		trace_note_text(trace, NOTE_CAUSES, text);
}

static void note_attempt(struct trace *trace, const struct attempt *a)
{
	char text[ENDPOINT_TEXT_SIZE];

	endpoint_format(&a->server, text, sizeof(text));
	trace_note_text(trace, NOTE_SERVER, text);
	trace_note(trace, NOTE_NUMBER, (int64_t)a->number);
	trace_note(trace, NOTE_ISN, a->isn);
	trace_note_text(trace, NOTE_OUTCOME, outcome_name(a->outcome));
	note_causes(trace, a);
	trace_note(trace, NOTE_SYNS, a->syns);
	trace_note(trace, NOTE_SYNACKS, a->synacks);
	note_known(trace, NOTE_CONNECT, a->connect_ns);
	note_known(trace, NOTE_ACCEPT_WAIT, a->accept_wait_ns);
	note_known(trace, NOTE_QUEUE_WAIT, a->queue_wait_ns);
	if (a->child_pid)
		trace_note(trace, NOTE_CHILD, a->child_pid);
}

static void note_mark(struct trace *trace, const struct report *report, const struct mark *m)
{
	if (m->cause_known)
		trace_note_text(
		    trace, NOTE_CONFIDENCE,
		    confidence_name(report_confidence(report, m->cause, m->confidence)));
	if (m->frame)
		trace_note(trace, NOTE_FRAME, (int64_t)m->frame);
	if (m->depth != MARK_DEPTH_UNKNOWN) {
		trace_note(trace, NOTE_DEPTH, m->depth);
		trace_note(trace, NOTE_LIMIT, m->limit);
	}
}

/* A dropped packet is called by what dropped it, any other by what it is. */
static unsigned mark_name(const struct mark *m)
{
	return m->dropped && m->cause_known ? NAME_CAUSES + m->cause : NAME_MARKS + m->kind;
}

/* Packets that the phases do not show: what was dropped or sent again, resets, errors. */
static bool worth_a_mark(const struct attempt *a, uint32_t i)
{
	const struct mark *m = &a->marks[i];

	switch (m->kind) {
	case MARK_RST_CLIENT:
	case MARK_RST_SERVER:
	case MARK_ICMP:
		return true;
	case MARK_SYN:
	case MARK_SYN_ACK:
	case MARK_ACK:
		for (uint32_t n = 0; n < i; n++)
			if (a->marks[n].kind == m->kind)
				return true;
		return m->dropped;
	case MARK_DATA:
	case MARK_SERVER_DATA:
	case MARK_FIN_CLIENT:
	case MARK_FIN_SERVER:
	case MARK_KIND_COUNT:
		break;
	}
	return m->dropped;
}

static void write_mark(struct perfetto *p, const struct attempt *a, const struct mark *m,
		       uint64_t track, uint64_t drops_track)
{
	trace_event_begin(&p->trace, TRACE_INSTANT, track, m->time_ns, mark_name(m));
	note_mark(&p->trace, p->report, m);
	trace_event_end(&p->trace);
	if (!m->dropped)
		return;
	trace_event_begin(&p->trace, TRACE_INSTANT, drops_track, m->time_ns, mark_name(m));
	trace_note(&p->trace, NOTE_NUMBER, (int64_t)a->number);
	trace_event_end(&p->trace);
}

/* The marks up to time_ns, so that events stand in the file as they happened. */
static uint32_t write_marks(struct perfetto *p, const struct attempt *a, uint32_t next,
			    int64_t time_ns, uint64_t track, uint64_t drops_track)
{
	for (; next < a->marks_count && a->marks[next].time_ns <= time_ns; next++)
		if (worth_a_mark(a, next))
			write_mark(p, a, &a->marks[next], track, drops_track);
	return next;
}

/* The phase from which the flow leads to accept(): the last one before the queue. */
static size_t flow_phase(const struct attempt_phase *phases, size_t count)
{
	size_t best = count;

	for (size_t i = 0; i < count; i++)
		if (phases[i].phase == PHASE_CONNECT || phases[i].phase == PHASE_HANDSHAKE)
			best = i;
	return best;
}

static int write_lane(struct perfetto *p, const struct attempt *a, bool flows)
{
	struct attempt_phase phases[ATTEMPT_PHASES_MAX];
	size_t count = attempt_phases(a, p->report->end_ns, phases);
	size_t flow = flows ? flow_phase(phases, count) : count;
	int64_t first = attempt_first_ns(a);
	int64_t last = attempt_last_ns(a, p->report->end_ns);
	struct group *group = perfetto_group(p, a);
	char client[ENDPOINT_TEXT_SIZE];
	uint32_t mark = 0;
	uint64_t track;

	if (first == TIME_UNKNOWN)
		return 0;
	track = perfetto_lane(p, &group->attempts, first, last, group->track, "attempts");
	if (!track)
		return -ENOMEM;
	endpoint_format(&a->client, client, sizeof(client));
	trace_event_begin_named(&p->trace, TRACE_SLICE_BEGIN, track, first, client);
	note_attempt(&p->trace, a);
	if (flows && flow == count)
		trace_flow(&p->trace, a->number, false);
	trace_event_end(&p->trace);
	for (size_t i = 0; i < count; i++) {
		trace_event_begin(&p->trace, TRACE_SLICE_BEGIN, track, phases[i].from_ns,
				  NAME_PHASES + phases[i].phase);
		if (i == flow)
			trace_flow(&p->trace, a->number, false);
		trace_event_end(&p->trace);
		mark = write_marks(p, a, mark, phases[i].to_ns, track, group->drops_track);
		trace_slice_end(&p->trace, track, phases[i].to_ns);
	}
	write_marks(p, a, mark, INT64_MAX, track, group->drops_track);
	trace_slice_end(&p->trace, track, last);
	return 0;
}

static void write_step(struct perfetto *p, uint64_t track, int64_t time_ns, unsigned name)
{
	if (time_ns == TIME_UNKNOWN)
		return;
	trace_event_begin(&p->trace, TRACE_INSTANT, track, time_ns, name);
	trace_event_end(&p->trace);
}

static int write_child(struct perfetto *p, const struct attempt *a, struct process *process,
		       const char *client)
{
	int64_t last = attempt_last_ns(a, p->report->end_ns);
	int64_t to = a->exit_ns != TIME_UNKNOWN ? a->exit_ns : last;
	char name[32];
	uint64_t track;

	if (to < a->fork_ns)
		to = a->fork_ns;
	track = perfetto_lane(p, &process->children, a->fork_ns, to, process->track, "children");
	if (!track)
		return -ENOMEM;
	snprintf(name, sizeof(name), "child %d", (int)a->child_pid);
	trace_event_begin_named(&p->trace, TRACE_SLICE_BEGIN, track, a->fork_ns, name);
	trace_flow(&p->trace, a->number, true);
	trace_note_text(&p->trace, NOTE_CLIENT, client);
	trace_note(&p->trace, NOTE_NUMBER, (int64_t)a->number);
	trace_note(&p->trace, NOTE_CHILD, a->child_pid);
	trace_event_end(&p->trace);
	write_step(p, track, a->first_byte_ns, NAME_FIRST_BYTE);
	write_step(p, track, a->reply_ns, NAME_REPLY);
	write_step(p, track, a->close_ns, NAME_SERVER_CLOSE);
	trace_slice_end(&p->trace, track, to);
	return 0;
}

int perfetto_write_attempt(struct perfetto *p, const struct attempt *a)
{
	int64_t accepted = a->accept_ns != TIME_UNKNOWN ? a->accept_ns : a->accept_before_ns;
	bool forked = a->fork_ns != TIME_UNKNOWN;
	struct process *process;
	char client[ENDPOINT_TEXT_SIZE];
	int rc;

	if (accepted == TIME_UNKNOWN || !a->accept_pid)
		return write_lane(p, a, false);
	rc = write_lane(p, a, true);
	if (rc)
		return rc;
	process = perfetto_process(p, a->accept_pid);
	endpoint_format(&a->client, client, sizeof(client));
	trace_event_begin(&p->trace, TRACE_INSTANT, process->accept_track, accepted, NAME_ACCEPT);
	trace_flow(&p->trace, a->number, !forked);
	trace_note_text(&p->trace, NOTE_CLIENT, client);
	trace_note(&p->trace, NOTE_NUMBER, (int64_t)a->number);
	note_known(&p->trace, NOTE_ACCEPT_WAIT, a->accept_wait_ns);
	trace_event_end(&p->trace);
	return forked ? write_child(p, a, process, client) : 0;
}
