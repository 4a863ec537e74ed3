/*
 * Interface for the options of metrics, and the exporter that they ask for.
 */
#ifndef CMD_OPTIONS_METRICS_H
#define CMD_OPTIONS_METRICS_H

#include "pipeline/exporter/exporter.h"

struct metrics_choice {
	const char *path;	   /* --metrics, or NULL */
	const char *listen;	   /* --metrics-listen, or NULL */
	struct exporter *exporter; /* NULL: not asked for, or not started */
};

/* The members that getopt_long() needs for these options. */
#define METRICS_OPTIONS                                          \
	{"metrics", required_argument, NULL, 0x311},             \
	{                                                        \
		"metrics-listen", required_argument, NULL, 0x312 \
	}

extern const char metrics_help[];

/* Takes one option: 0, or -1 when it is none of these. */
int metrics_option(struct metrics_choice *choice, int option, const char *value);

/*
 * Opens the socket and starts the exporter, where one of the options was given: before the
 * recorder, which may enter another network namespace. 0, or the exit status after the complaint.
 */
int metrics_start(struct metrics_choice *choice, const char *command, const char *user);

/* The run has ended: what it told last is written. 0, or the exit status after the complaint. */
int metrics_finish(struct metrics_choice *choice, const char *command);

void metrics_release(struct metrics_choice *choice);

#endif
