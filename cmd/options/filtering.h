/*
 * Interface for the options of the filter: which attempts report, watch and rows are about.
 */
#ifndef CMD_OPTIONS_FILTERING_H
#define CMD_OPTIONS_FILTERING_H

#include <getopt.h>

#include "report/attempt/filter.h"

/* The members that getopt_long() needs for these options. */
#define FILTER_OPTIONS                                                                            \
	{"listener", required_argument, NULL, 0x501}, {"client", required_argument, NULL, 0x502}, \
	    {"outcome", required_argument, NULL, 0x503},                                          \
	    {"cause", required_argument, NULL, 0x504},                                            \
	{                                                                                         \
		"slower-than", required_argument, NULL, 0x505                                     \
	}

extern const char filter_help[];

/*
 * Takes one option. Returns 0 when it was one of FILTER_OPTIONS and good, -1 when it is
 * none of them, or the exit status after the complaint of that command.
 */
int filter_option(struct filter *filter, const char *command, int option, const char *value);

#endif
