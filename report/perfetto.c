/*
 * The report as a trace for ui.perfetto.dev: a group of tracks for each
 * listener (queue depth and half-open connections as counters, full episodes,
 * dropped packets, the attempts with their phases), one for each process that
 * accepts (its accepts, the lifetimes of its children), and arrows from
 * handshake to accept to fork.
 *
 * Attempts are spooled: their tracks have the names of the finished report.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "report/formats.h"
#include "report/lanes.h"
#include "report/perfetto_trace.h"
#include "report/phase.h"
#include "report/spool.h"

/* Event names after those of the phases and of the causes. */
enum {
	NAME_PHASES = 0,
	NAME_CAUSES = NAME_PHASES + PHASE_COUNT,
	NAME_MARKS = NAME_CAUSES + CAUSE_COUNT,
	NAME_FULL = NAME_MARKS + MARK_KIND_COUNT,
	NAME_ACCEPT,
	NAME_FIRST_BYTE,
	NAME_REPLY,
	NAME_SERVER_CLOSE,
	NAME_COUNT,
};

enum {
	NOTE_SERVER,
	NOTE_NUMBER,
	NOTE_ISN,
	NOTE_OUTCOME,
	NOTE_CAUSES,
	NOTE_SYNS,
	NOTE_SYNACKS,
	NOTE_CONNECT,
	NOTE_ACCEPT_WAIT,
	NOTE_CHILD,
	NOTE_CLIENT,
	NOTE_CONFIDENCE,
	NOTE_FRAME,
	NOTE_DEPTH,
	NOTE_LIMIT,
	NOTE_COUNT,
};

static const char *const note_names[NOTE_COUNT] = {
    [NOTE_SERVER] = "server",
    [NOTE_NUMBER] = "attempt",
    [NOTE_ISN] = "isn",
    [NOTE_OUTCOME] = "outcome",
    [NOTE_CAUSES] = "causes",
    [NOTE_SYNS] = "syns",
    [NOTE_SYNACKS] = "synacks",
    [NOTE_CONNECT] = "connect_ns",
    [NOTE_ACCEPT_WAIT] = "accept_wait_ns",
    [NOTE_CHILD] = "child_pid",
    [NOTE_CLIENT] = "client",
    [NOTE_CONFIDENCE] = "confidence",
    [NOTE_FRAME] = "frame",
    [NOTE_DEPTH] = "queue_depth",
    [NOTE_LIMIT] = "queue_limit",
};

/* Where attempts of one listener go; the last group is for those of none. */
struct group {
	uint64_t track;
	uint64_t drops_track;
	struct lanes attempts;
};

/* A process that accepts. Pre-forked servers have a few; beyond the bound they share one track. */
#define PROCESSES_MAX 1024

struct process {
	int32_t pid;
	uint64_t track;
	uint64_t accept_track;
	struct lanes children;
};

struct perfetto {
	struct sink sink;
	FILE *out;
	struct spool *spool;
	const struct report *report;
	size_t groups_count;
	struct group *groups;
	size_t processes_count;
	struct process processes[PROCESSES_MAX];
	struct trace trace;
};

static int perfetto_attempt(struct sink *sink, const struct attempt *attempt)
{
	return spool_add(((struct perfetto *)sink)->spool, attempt);
}

static void write_counter(struct perfetto *p, uint64_t parent, const char *name,
			  const struct depth_series *series)
{
	uint64_t track;

	if (!series->count)
		return;
	track = trace_counter_track(&p->trace, parent, name);
	for (size_t i = 0; i < series->count; i++)
		trace_counter(&p->trace, track, series->points[i].time_ns, series->points[i].max);
}

static void write_episodes(struct perfetto *p, uint64_t parent, const struct report_listener *l)
{
	uint64_t track;

	if (!l->episodes_count)
		return;
	track = trace_track(&p->trace, parent, "accept queue full");
	for (size_t i = 0; i < l->episodes_count; i++) {
		trace_event_begin(&p->trace, TRACE_SLICE_BEGIN, track, l->episodes[i].start_ns,
				  NAME_FULL);
		trace_event_end(&p->trace);
		trace_slice_end(&p->trace, track, l->episodes[i].end_ns);
	}
}

static void write_listener(struct perfetto *p, struct group *group, const struct report_listener *l)
{
	char name[ENDPOINT_TEXT_SIZE + 16] = "listener ";

	endpoint_format(&l->local, name + strlen(name), ENDPOINT_TEXT_SIZE);
	group->track = trace_track(&p->trace, 0, name);
	write_counter(p, group->track, "accept queue (rebuilt)", &l->rebuilt);
	write_counter(p, group->track, "accept queue (sampled)", &l->sampled);
	write_counter(p, group->track, "half-open", &l->half_open);
	write_episodes(p, group->track, l);
	group->drops_track = trace_track(&p->trace, group->track, "dropped packets");
}

static struct group *group_of(struct perfetto *p, const struct attempt *a)
{
	struct group *group = &p->groups[p->groups_count - 1];

	if (a->listener >= 0 && (size_t)a->listener < p->groups_count - 1)
		return &p->groups[a->listener];
	if (!group->track) {
		group->track = trace_track(&p->trace, 0, "no listener");
		group->drops_track = trace_track(&p->trace, group->track, "dropped packets");
	}
	return group;
}

static const char *process_name(const struct report *report, int32_t pid)
{
	for (size_t i = 0; i < report->listeners_count; i++)
		for (size_t n = 0; n < report->listeners[i].pids_count; n++)
			if (report->listeners[i].pids[n] == pid && report->listeners[i].comm &&
			    report->listeners[i].comm[0])
				return report->listeners[i].comm;
	return "server";
}

static struct process *process_of(struct perfetto *p, int32_t pid)
{
	struct process *process;

	for (size_t i = 0; i < p->processes_count; i++)
		if (p->processes[i].pid == pid)
			return &p->processes[i];
	if (p->processes_count == PROCESSES_MAX)
		return &p->processes[PROCESSES_MAX - 1];
	process = &p->processes[p->processes_count++];
	process->pid = pid;
	process->track = trace_process(&p->trace, pid, process_name(p->report, pid));
	process->accept_track = trace_track(&p->trace, process->track, "accept()");
	return process;
}

/* A track of that name for [from_ns, to_ns] on which nothing else is then. 0: out of memory. */
static uint64_t lane(struct perfetto *p, struct lanes *lanes, int64_t from_ns, int64_t to_ns,
		     uint64_t parent, const char *name)
{
	uint64_t next = p->trace.next_track;
	uint64_t track = lanes_take(lanes, from_ns, to_ns, &p->trace.next_track);

	if (track && p->trace.next_track != next)
		trace_track_numbered(&p->trace, track, parent, name);
	return track;
}

static void note_known(struct trace *trace, unsigned name, int64_t value)
{
	if (value != -1)
		trace_note(trace, name, value);
}

static void note_attempt(struct trace *trace, const struct attempt *a)
{
	char text[ENDPOINT_TEXT_SIZE];

	endpoint_format(&a->server, text, sizeof(text));
	trace_note_text(trace, NOTE_SERVER, text);
	trace_note(trace, NOTE_NUMBER, (int64_t)a->number);
	trace_note(trace, NOTE_ISN, a->isn);
	trace_note_text(trace, NOTE_OUTCOME, outcome_name(a->outcome));
	for (uint32_t i = 0; i < a->causes_count; i++)
		trace_note_text(trace, NOTE_CAUSES, cause_name(a->causes[i].cause));
	trace_note(trace, NOTE_SYNS, a->syns);
	trace_note(trace, NOTE_SYNACKS, a->synacks);
	note_known(trace, NOTE_CONNECT, a->connect_ns);
	note_known(trace, NOTE_ACCEPT_WAIT, a->accept_wait_ns);
	if (a->child_pid)
		trace_note(trace, NOTE_CHILD, a->child_pid);
}

static void note_mark(struct trace *trace, const struct mark *m)
{
	if (m->cause_known) {
		trace_note_text(trace, NOTE_CAUSES, cause_name(m->cause));
		trace_note_text(trace, NOTE_CONFIDENCE, confidence_name(m->confidence));
	}
	if (m->frame)
		trace_note(trace, NOTE_FRAME, (int64_t)m->frame);
	if (m->depth != MARK_DEPTH_UNKNOWN) {
		trace_note(trace, NOTE_DEPTH, m->depth);
		trace_note(trace, NOTE_LIMIT, m->limit);
	}
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
		       uint64_t track, uint64_t drops_track, const char *client)
{
	trace_event_begin(&p->trace, TRACE_INSTANT, track, m->time_ns, NAME_MARKS + m->kind);
	note_mark(&p->trace, m);
	trace_event_end(&p->trace);
	if (!m->dropped)
		return;
	if (m->cause_known)
		trace_event_begin(&p->trace, TRACE_INSTANT, drops_track, m->time_ns,
				  NAME_CAUSES + m->cause);
	else
		trace_event_begin(&p->trace, TRACE_INSTANT, drops_track, m->time_ns,
				  NAME_MARKS + m->kind);
	trace_note_text(&p->trace, NOTE_CLIENT, client);
	trace_note(&p->trace, NOTE_NUMBER, (int64_t)a->number);
	trace_event_end(&p->trace);
}

/* The marks up to time_ns, so that events stand in the file as they happened. */
static uint32_t write_marks(struct perfetto *p, const struct attempt *a, uint32_t next,
			    int64_t time_ns, uint64_t track, uint64_t drops_track,
			    const char *client)
{
	for (; next < a->marks_count && a->marks[next].time_ns <= time_ns; next++)
		if (worth_a_mark(a, next))
			write_mark(p, a, &a->marks[next], track, drops_track, client);
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
	struct group *group = group_of(p, a);
	char client[ENDPOINT_TEXT_SIZE];
	uint32_t mark = 0;
	uint64_t track;

	if (first == TIME_UNKNOWN)
		return 0;
	track = lane(p, &group->attempts, first, last, group->track, "attempts");
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
		mark = write_marks(p, a, mark, phases[i].to_ns, track, group->drops_track, client);
		trace_slice_end(&p->trace, track, phases[i].to_ns);
	}
	write_marks(p, a, mark, INT64_MAX, track, group->drops_track, client);
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
	track = lane(p, &process->children, a->fork_ns, to, process->track, "children");
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

static int write_attempt(struct perfetto *p, const struct attempt *a)
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
	process = process_of(p, a->accept_pid);
	endpoint_format(&a->client, client, sizeof(client));
	trace_event_begin(&p->trace, TRACE_INSTANT, process->accept_track, accepted, NAME_ACCEPT);
	trace_flow(&p->trace, a->number, !forked);
	trace_note_text(&p->trace, NOTE_CLIENT, client);
	trace_note(&p->trace, NOTE_NUMBER, (int64_t)a->number);
	note_known(&p->trace, NOTE_ACCEPT_WAIT, a->accept_wait_ns);
	trace_event_end(&p->trace);
	return forked ? write_child(p, a, process, client) : 0;
}

static void begin_trace(struct perfetto *p)
{
	const char *names[NAME_COUNT];

	for (unsigned i = 0; i < PHASE_COUNT; i++)
		names[NAME_PHASES + i] = phase_name((enum phase)i);
	for (unsigned i = 0; i < CAUSE_COUNT; i++)
		names[NAME_CAUSES + i] = cause_name((enum cause)i);
	for (unsigned i = 0; i < MARK_KIND_COUNT; i++)
		names[NAME_MARKS + i] = mark_kind_name((enum mark_kind)i);
	names[NAME_FULL] = "full";
	names[NAME_ACCEPT] = "accept";
	names[NAME_FIRST_BYTE] = "first byte read";
	names[NAME_REPLY] = "reply written";
	names[NAME_SERVER_CLOSE] = "closed";
	trace_init(&p->trace, p->out, p->report->start_ns == TIME_UNKNOWN ? 0 : p->report->start_ns,
		   names, NAME_COUNT, note_names, NOTE_COUNT);
}

static int perfetto_finish(struct sink *sink, const struct report *report)
{
	struct perfetto *p = (struct perfetto *)sink;
	struct attempt attempt;
	int error, rc;

	p->report = report;
	p->groups_count = report->listeners_count + 1;
	p->groups = calloc(p->groups_count, sizeof(*p->groups));
	if (!p->groups)
		return -ENOMEM;
	begin_trace(p);
	for (size_t i = 0; i < report->listeners_count; i++)
		write_listener(p, &p->groups[i], &report->listeners[i]);
	spool_rewind(p->spool);
	while ((rc = spool_next(p->spool, &attempt)) > 0) {
		rc = write_attempt(p, &attempt);
		if (rc)
			break;
	}
	error = trace_finish(&p->trace);
	return rc ? rc : error;
}

static void perfetto_free(struct sink *sink)
{
	struct perfetto *p = (struct perfetto *)sink;

	for (size_t i = 0; i < p->groups_count && p->groups; i++)
		lanes_release(&p->groups[i].attempts);
	for (size_t i = 0; i < p->processes_count; i++)
		lanes_release(&p->processes[i].children);
	free(p->groups);
	spool_free(p->spool);
	free(p);
}

static const struct sink_ops perfetto_ops = {
    .attempt = perfetto_attempt,
    .finish = perfetto_finish,
    .free = perfetto_free,
};

struct sink *perfetto_sink_new(FILE *out, const struct sink_style *style)
{
	struct perfetto *p = calloc(1, sizeof(*p));

	(void)style;
	if (!p)
		return NULL;
	p->sink.ops = &perfetto_ops;
	p->out = out;
	if (spool_new(0, &p->spool)) {
		free(p);
		return NULL;
	}
	return &p->sink;
}
