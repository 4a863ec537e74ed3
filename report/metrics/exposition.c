/*
 * What is around the samples: names, types, help, and what the two formats have otherwise.
 */
#include "report/metrics/exposition.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "report/metrics/families.h"

#define NAME_SIZE 80

const char *exposition_type(enum exposition exposition)
{
	return exposition == EXPOSITION_OPENMETRICS
		   ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		   : "text/plain; version=0.0.4; charset=utf-8";
}

/* q of the media range that begins at s and ends before end, in thousandths; RFC 9110, 12.4.2. */
static long quality(const char *s, const char *end)
{
	while ((s = memchr(s, ';', (size_t)(end - s))) != NULL) {
		s += 1 + strspn(s + 1, " \t");
		if (strncasecmp(s, "q=", 2) == 0)
			return (long)(strtod(s + 2, NULL) * 1000);
	}
	return 1000;
}

static long quality_of(const char *accept, const char *type)
{
	size_t length = strlen(type);
	long best = -1;

	for (const char *s = accept; *s;) {
		const char *end = s + strcspn(s, ",");

		s += strspn(s, " \t");
		if (strncasecmp(s, type, length) == 0 && strchr(";, \t", s[length])) {
			long q = quality(s, end);

			if (q > best)
				best = q;
		}
		s = *end ? end + 1 : end;
	}
	return best;
}

enum exposition exposition_accepted(const char *accept)
{
	long open, plain;

	if (!accept)
		return EXPOSITION_PROMETHEUS;
	open = quality_of(accept, "application/openmetrics-text");
	plain = quality_of(accept, "text/plain");
	return open > 0 && open >= plain ? EXPOSITION_OPENMETRICS : EXPOSITION_PROMETHEUS;
}

static const char *type_name(enum family_type type, bool open)
{
	switch (type) {
	case FAMILY_COUNTER:
		return "counter";
	case FAMILY_GAUGE:
		return "gauge";
	case FAMILY_HISTOGRAM:
		return "histogram";
	case FAMILY_INFO:
		return open ? "info" : "gauge";
	}
	return "unknown";
}

static const char *suffix(enum family_type type)
{
	return type == FAMILY_COUNTER ? "_total" : type == FAMILY_INFO ? "_info" : "";
}

static void put_family(FILE *out, const struct family *family, const struct metrics *metrics,
		       bool open)
{
	char name[NAME_SIZE], full[NAME_SIZE];
	const char *described = open ? name : full;

	snprintf(name, sizeof(name), "synscope_%s", family->name);
	snprintf(full, sizeof(full), "synscope_%s%s", family->name, suffix(family->type));
	fprintf(out, "# HELP %s %s\n", described, family->help);
	fprintf(out, "# TYPE %s %s\n", described, type_name(family->type, open));
	if (open && family->unit)
		fprintf(out, "# UNIT %s %s\n", described, family->unit);
	family->put(out, full, metrics);
}

void exposition_put(FILE *out, const struct metrics *metrics, enum exposition exposition)
{
	bool open = exposition == EXPOSITION_OPENMETRICS;

	for (const struct family *f = metrics_families; f->name; f++)
		put_family(out, f, metrics, open);
	if (open)
		fputs("# EOF\n", out);
}
