/*
 * The table of formats.
 */
#include "report/sink/sink.h"

#include <string.h>

#include "report/sink/formats.h"

const struct sink_format sink_formats[] = {
    {"text", "for a terminal: the answer, then the numbers it rests on", text_sink_new},
    {"json", "one object, for programs: docs/report.md", json_sink_new},
    {"jsonl", "one self-contained object per attempt and line: docs/report.md", jsonl_sink_new},
    {"tsv", "one attempt a line, as each ends", tsv_sink_new},
    {"html", "a page for a browser, in one file: the timeline of every attempt", html_sink_new},
    {"perfetto", "a trace for ui.perfetto.dev", perfetto_sink_new},
    {NULL, NULL, NULL},
};

const struct sink_format *sink_format_find(const char *name)
{
	for (const struct sink_format *format = sink_formats; format->name; format++)
		if (strcmp(format->name, name) == 0)
			return format;
	return NULL;
}
