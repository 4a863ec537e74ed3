/*
 * Interface for the options of a long recording: when a new part begins, and which
 * parts are kept.
 */
#ifndef CMD_OPTIONS_ROTATION_H
#define CMD_OPTIONS_ROTATION_H

#include <getopt.h>

#include "pipeline/folder/folder.h"

/* The members that getopt_long() needs for these options. */
#define ROTATION_OPTIONS                                        \
	{"rotate-size", required_argument, NULL, 0x201},        \
	    {"rotate-time", required_argument, NULL, 0x202},    \
	    {"keep", required_argument, NULL, 0x203},           \
	    {"compress", required_argument, NULL, 0x204},       \
	    {"keep-time", required_argument, NULL, 0x205},      \
	    {"keep-size", required_argument, NULL, 0x206},      \
	    {"keep-incidents", required_argument, NULL, 0x207}, \
	{                                                       \
		"append", no_argument, NULL, 0x208              \
	}

extern const char rotation_help[];

/* One part, compressed when it becomes several. */
void rotation_init(struct rotation *rotation);

/*
 * Takes one option. Returns 0 when it was one of ROTATION_OPTIONS and good, -1 when it
 * is none of them, or the exit status after the complaint of that command.
 */
int rotation_option(struct rotation *rotation, const char *command, int option, const char *value);

/* After the last option: whether they go together. 0, or the exit status after the complaint. */
int rotation_check(const struct rotation *rotation, const char *command);

#endif
