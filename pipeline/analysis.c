/*
 * One of two: a merge with a reporter behind it, or the unsettled alone.
 */
#include "pipeline/analysis.h"

#include <errno.h>
#include <stdlib.h>

#include "pipeline/unsettled.h"
#include "report/track/merge.h"

struct analysis {
	struct merge *merge; /* and the reporter: NULL without a report */
	struct reporter *reporter;
	struct unsettled *unsettled; /* NULL with a report */
};

int analysis_new(const struct reporter_options *options, struct analysis **out)
{
	struct analysis *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	if (options) {
		rc = reporter_new(options, &a->reporter);
		if (rc == 0)
			rc = merge_new(reporter_event, a->reporter, &a->merge);
	} else {
		rc = unsettled_new(&a->unsettled);
	}
	if (rc) {
		analysis_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void analysis_free(struct analysis *analysis)
{
	if (!analysis)
		return;
	merge_free(analysis->merge);
	reporter_free(analysis->reporter);
	unsettled_free(analysis->unsettled);
	free(analysis);
}

int analysis_take(struct analysis *analysis, const struct event *event)
{
	if (analysis->merge)
		return merge_push(analysis->merge, event);
	unsettled_take(analysis->unsettled, event);
	return 0;
}

void analysis_promise(struct analysis *analysis, enum source source, int64_t time_ns)
{
	if (analysis->merge)
		merge_watermark(analysis->merge, source, time_ns);
}

void analysis_close(struct analysis *analysis, enum source source)
{
	if (analysis->merge)
		merge_close(analysis->merge, source);
}

int analysis_run(struct analysis *analysis)
{
	return analysis->merge ? merge_run(analysis->merge) : 0;
}

int analysis_restart(struct analysis *analysis)
{
	return analysis->merge ? merge_restart(analysis->merge) : 0;
}

int analysis_drain(struct analysis *analysis)
{
	for (int s = 0; s < SOURCE_COUNT; s++)
		analysis_close(analysis, (enum source)s);
	return analysis_run(analysis);
}

int analysis_unsettled(struct analysis *analysis,
		       int (*fn)(void *context, const struct flow *client_to_server), void *context)
{
	return analysis->reporter ? reporter_unsettled(analysis->reporter, fn, context)
				  : unsettled_each(analysis->unsettled, fn, context);
}

uint64_t analysis_late(const struct analysis *analysis)
{
	return analysis->merge ? merge_late(analysis->merge) : 0;
}

uint64_t analysis_skipped(const struct analysis *analysis)
{
	return analysis->unsettled ? unsettled_skipped(analysis->unsettled) : 0;
}

struct reporter *analysis_reporter(const struct analysis *analysis)
{
	return analysis->reporter;
}
