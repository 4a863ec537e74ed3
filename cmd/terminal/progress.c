/*
 * The progress line.
 */
#include "cmd/terminal/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "event/clock.h"

void progress_init(struct progress *progress, bool quiet)
{
	*progress = (struct progress){
	    .wanted = !quiet && isatty(STDERR_FILENO),
	    .start_ns = clock_monotonic_ns(),
	};
}

void progress_show(struct progress *progress, uint64_t packets, uint64_t events)
{
	int64_t now_ns = clock_monotonic_ns();

	if (!progress->wanted || now_ns - progress->last_ns < NS_PER_SEC / 4)
		return;
	progress->last_ns = now_ns;
	progress->shown = true;
	fprintf(stderr,
		"\r%5" PRId64 " s  %" PRIu64 " packets  %" PRIu64 " events  (Ctrl-C to stop)\033[K",
		(int64_t)((now_ns - progress->start_ns) / NS_PER_SEC), packets, events);
	fflush(stderr);
}

void progress_clear(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
