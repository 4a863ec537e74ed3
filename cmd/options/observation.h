/*
 * Interface for an observation: what record and watch are told alike, of what is
 * observed, where, for how long and as whom.
 */
#ifndef CMD_OPTIONS_OBSERVATION_H
#define CMD_OPTIONS_OBSERVATION_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmd/options/metrics.h"
#include "cmd/options/rows.h"
#include "cmd/options/targets.h"
#include "pipeline/recorder/recorder.h"

struct observation {
	const char *command; /* "record", for complaints */
	struct recorder_options recorder;
	struct targets targets;
	struct rows rows;
	struct metrics_choice metrics;
	int64_t duration_ns; /* 0: until it is told to end */
	const char *user;    /* NULL: the default of sandbox.h */
	bool quiet;
};

/* The members that getopt_long() needs for these options. */
#define OBSERVATION_OPTIONS                                                                       \
	{"output", required_argument, NULL, 'o'}, {"force", no_argument, NULL, 'F'},              \
	    {"interface", required_argument, NULL, 'i'}, {"netns", required_argument, NULL, 'N'}, \
	    {"duration", required_argument, NULL, 'd'},                                           \
	    {"sample-interval", required_argument, NULL, 's'},                                    \
	    {"exact-accepts", no_argument, NULL, 'x'}, {"no-bpf", no_argument, NULL, 'B'},        \
	    {"max-open", required_argument, NULL, 0x111}, {"user", required_argument, NULL, 'u'}, \
	    ROWS_OPTION, METRICS_OPTIONS,                                                         \
	{                                                                                         \
		"quiet", no_argument, NULL, 'q'                                                   \
	}

/* Their lines in --help: of how to sample, of --max-open, and of --user. */
extern const char sampling_help[];
extern const char max_open_help[];
extern const char user_help[];

void observation_init(struct observation *observation, const char *command);

/*
 * Takes one option. Returns 0 when it was one of OBSERVATION_OPTIONS and good, -1
 * when it is none of them, or the exit status after the complaint.
 */
int observation_option(struct observation *observation, int option, const char *value);

/* [ADDRESS:]PORT of the command line. 0, or the exit status after the complaint. */
int observation_target(struct observation *observation, const char *text);

/* Says what is not seen for want of a privilege, and what it would take: a line each. */
void observation_say_notes(const struct observation *observation, struct recorder *recorder);

/* Says what went wrong with a part of it since the last call, if anything did. */
void observation_say_news(const struct observation *observation, struct recorder *recorder);

/*
 * Opens --rows, if it was given, for the recorder; filter: in words, or NULL. 0, or the exit status
 * after the complaint.
 */
int observation_open_rows(struct observation *observation, const char *filter);

/* All is open: gives up what is not needed any more. 0, or the exit status after the complaint. */
int observation_give_up_privileges(struct observation *observation,
				   const struct recorder *recorder);

#endif
