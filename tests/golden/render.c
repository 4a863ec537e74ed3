/*
 * Prints a fixture in a format: render FIXTURE FORMAT [STYLE]...
 * where STYLE is utf8, colour, utc, full, timeline, columns=N, worst=N or attempt=CLIENT.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "report/sink/sink.h"

static int parse_style(struct sink_style *style, const char *word)
{
	if (strcmp(word, "utf8") == 0)
		style->utf8 = true;
	else if (strcmp(word, "colour") == 0)
		style->colour = true;
	else if (strcmp(word, "utc") == 0)
		style->utc = true;
	else if (strcmp(word, "full") == 0)
		style->full = true;
	else if (strcmp(word, "timeline") == 0)
		style->timeline = true;
	else if (strncmp(word, "columns=", 8) == 0)
		style->columns = (unsigned)strtoul(word + 8, NULL, 10);
	else if (strncmp(word, "worst=", 6) == 0)
		style->worst = (unsigned)strtoul(word + 6, NULL, 10);
	else if (strncmp(word, "attempt=", 8) == 0)
		style->attempt = word + 8;
	else
		return -1;
	return 0;
}

static int render(const struct fixture *fixture, struct sink *sink)
{
	if (fixture->report.meta && sink->ops->begin)
		sink->ops->begin(sink, fixture->report.meta);
	for (size_t i = 0; i < fixture->attempts_count; i++) {
		int result =
		    sink->ops->attempt ? sink->ops->attempt(sink, &fixture->attempts[i]) : 0;

		if (result)
			return result;
	}
	return sink->ops->finish(sink, &fixture->report);
}

int main(int argc, char **argv)
{
	const struct sink_format *format = argc > 2 ? sink_format_find(argv[2]) : NULL;
	const struct fixture *fixture = argc > 1 ? fixture_get(argv[1]) : NULL;
	struct sink_style style = {.utf8 = false};
	struct sink *sink;
	int result;

	for (int i = 3; i < argc; i++)
		if (parse_style(&style, argv[i]) != 0)
			format = NULL;
	if (!format || !fixture) {
		fprintf(stderr, "usage: render FIXTURE FORMAT [STYLE]...\n");
		return 2;
	}
	sink = format->new (stdout, &style);
	if (!sink)
		return 1;
	result = render(fixture, sink);
	sink_free(sink);
	if (result)
		fprintf(stderr, "render: %s\n", strerror(-result));
	return result ? 1 : 0;
}
