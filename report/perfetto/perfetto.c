/*
 * The report as a trace for ui.perfetto.dev: a group of tracks for each
 * listener (queue depth and half-open connections as counters, full episodes,
 * dropped packets, the attempts with their phases), one for each process that
 * accepts (its accepts, the lifetimes of its children), and arrows from
 * handshake to accept to fork.
 *
 * Attempts are buffered: their tracks have the names of the finished report.
 */
#include "report/perfetto/perfetto.h"

#include <errno.h>
#include <stdlib.h>

#include "event/clock.h"
#include "report/sink/formats.h"

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
    [NOTE_QUEUE_WAIT] = "queue_wait_ns",
    [NOTE_CHILD] = "child_pid",
    [NOTE_CLIENT] = "client",
    [NOTE_CONFIDENCE] = "confidence",
    [NOTE_FRAME] = "frame",
    [NOTE_DEPTH] = "queue_depth",
    [NOTE_LIMIT] = "queue_limit",
};

static int perfetto_attempt(struct sink *sink, const struct attempt *attempt)
{
	return attempt_buffer_add(((struct perfetto *)sink)->buffer, attempt);
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
		perfetto_write_listener(p, &p->groups[i], &report->listeners[i]);
	attempt_buffer_rewind(p->buffer);
	while ((rc = attempt_buffer_next(p->buffer, &attempt)) > 0) {
		rc = perfetto_write_attempt(p, &attempt);
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
	attempt_buffer_free(p->buffer);
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
	if (attempt_buffer_new(0, &p->buffer)) {
		free(p);
		return NULL;
	}
	return &p->sink;
}
