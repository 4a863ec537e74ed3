/*
 * What the advice about every kind of stall says alike.
 */
#include "report/explain/subject.h"

#include <inttypes.h>
#include <stdio.h>

const char *subject_process(const struct report_listener *l, int32_t pid, char text[64])
{
	const char *comm = "";

	for (size_t i = 0; i < l->owners_count; i++)
		if (l->owners[i].pid == pid)
			comm = l->owners[i].comm;
	if (!comm[0] && l->pids_count && l->pids[0] == pid)
		comm = l->comm;
	if (comm[0])
		snprintf(text, 64, "%.15s (pid %" PRId32 ")", comm, pid);
	else
		snprintf(text, 64, "pid %" PRId32, pid);
	return text;
}

void subject_because_of_peak(const struct subject *s, struct advice *advice)
{
	if (s->l->queue_peak >= 0 && s->l->limit >= 0)
		advise_because(s->advisor, advice, "peak depth %" PRId64 ", capacity %" PRId64,
			       s->l->queue_peak, s->l->capacity);
}

void subject_because_of_queue(const struct subject *s, struct advice *advice)
{
	subject_because_of_peak(s, advice);
	if (s->l->drops)
		advise_because(s->advisor, advice, "%" PRIu64 " packets dropped", s->l->drops);
}

static int64_t share(int64_t ns, const struct report_stall *stall)
{
	return stall->watched_ns ? ns * 100 / stall->watched_ns : 0;
}

void subject_because_of_cpu(const struct subject *s, struct advice *advice)
{
	const struct report_stall *stall = s->stall;
	char watched[32];

	advise_because(
	    s->advisor, advice,
	    "%s: %" PRId64 " %% on a CPU, %" PRId64 " %% waiting for one, watched for %s",
	    stall->processes > 1 ? "the main threads of its processes" : "its main thread",
	    share(stall->run_ns, stall), share(stall->runnable_ns, stall),
	    advise_duration(stall->watched_ns, watched));
}

void subject_because_of_open(const struct subject *s, struct advice *advice)
{
	if (s->listener->service.concurrent)
		advise_because(s->advisor, advice, "at most %" PRIu64 " were open at a time",
			       s->listener->service.concurrent);
}

int64_t subject_longest_gap(const struct subject *s)
{
	const struct sizing_service *service = &s->listener->service;
	int64_t gap_ns = service->known ? service->longest_ns : -1;

	return service->since_ns > gap_ns ? service->since_ns : gap_ns;
}
