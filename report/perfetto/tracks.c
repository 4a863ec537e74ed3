/*
 * The tracks of the Perfetto report: listeners with their counters, processes,
 * lanes. What happens on them is written elsewhere, but for what belongs to the
 * listener as a whole.
 */
#include "report/perfetto/perfetto.h"

#include <string.h>

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

void perfetto_write_listener(struct perfetto *p, struct group *group,
			     const struct report_listener *l)
{
	char name[ENDPOINT_TEXT_SIZE + 16] = "listener ";

	report_listener_format(l, name + strlen(name));
	group->track = trace_track(&p->trace, 0, name);
	write_counter(p, group->track, "accept queue (rebuilt)", &l->rebuilt);
	write_counter(p, group->track, "accept queue (sampled)", &l->sampled);
	write_counter(p, group->track, "half-open", &l->half_open);
	write_episodes(p, group->track, l);
	group->drops_track = trace_track(&p->trace, group->track, "dropped packets");
}

struct group *perfetto_group(struct perfetto *p, const struct attempt *a)
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

struct process *perfetto_process(struct perfetto *p, int32_t pid)
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

uint64_t perfetto_lane(struct perfetto *p, struct lanes *lanes, int64_t from_ns, int64_t to_ns,
		       uint64_t parent, const char *name)
{
	uint64_t next = p->trace.next_track;
	uint64_t track = lanes_take(lanes, from_ns, to_ns, &p->trace.next_track);

	if (track && p->trace.next_track != next)
		trace_track_numbered(&p->trace, track, parent, name);
	return track;
}
