/*
 * Interface for rendering: the options that say in which format a report is
 * written and where to, shared by every subcommand that ends in a report.
 */
#ifndef CMD_OPTIONS_RENDERING_H
#define CMD_OPTIONS_RENDERING_H

#include <stdbool.h>
#include <stdio.h>

#include "report/attempt/filter.h"
#include "report/attempt/report.h"
#include "report/sink/sink.h"

struct rendering {
	const char *command; /* for messages */
	const struct sink_format *format;
	const char *path;    /* NULL or "-": standard output */
	bool path_is_report; /* -o is the report's own: of record and watch it is a folder */
	bool to_stderr;	     /* standard output is taken: by rows */
	bool fail_on_drops;
	bool colour_always;
	bool colour_never;
	struct sink_style style;
	struct filter filter;
	/* Below: rendering.c's own. */
	FILE *out;
	char *temporary; /* a file takes its name when the report is whole */
	struct sink *sink;
	uint64_t attempts_shown; /* by --attempt */
	char filter_text[FILTER_TEXT_SIZE];
};

/* The members that getopt_long() needs for these options; the values are below 256's upper half. */
#define RENDERING_OPTIONS                                                                      \
	{"format", required_argument, NULL, 'f'}, {"fail-on", required_argument, NULL, 0x101}, \
	    {"color", required_argument, NULL, 0x102}, {"timeline", no_argument, NULL, 0x103}, \
	    {"worst", required_argument, NULL, 0x104}, {"utc", no_argument, NULL, 0x106},      \
	    {"full", no_argument, NULL, 0x107},                                                \
	{                                                                                      \
		"attempt", required_argument, NULL, 0x105                                      \
	}

extern const char rendering_help[];

void rendering_init(struct rendering *rendering, const char *command);

/*
 * Takes one option. Returns 0 when it was one of RENDERING_OPTIONS and good, -1
 * when it is none of them, or the exit status after the complaint.
 */
int rendering_option(struct rendering *rendering, int option, const char *value);

/*
 * After the last option, for the reporter and the style of rows: the filter, NULL where it leaves
 * nothing out. Fills style's filter too.
 */
const struct filter *rendering_filter(struct rendering *rendering);

/* Fills style's colour, utf8 and columns from the terminal, the locale and the options. */
void rendering_style(struct rendering *rendering);

/* Opens the output and makes the sink. 0, or the exit status after the complaint. */
int rendering_open(struct rendering *rendering);

/*
 * After reporter_finish(): puts a file in its place, or removes it when rc (of the
 * reporter, -errno) is not 0. Returns the exit status, 3 with --fail-on drops included.
 */
int rendering_close(struct rendering *rendering, int rc, const struct report *report);

/* Ends without a report, the complaint having been made: what was written of a file is removed. */
void rendering_abandon(struct rendering *rendering);

#endif
