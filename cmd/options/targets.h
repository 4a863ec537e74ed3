/*
 * Interface for targets: the ports and addresses that record and watch are told
 * to look at.
 */
#ifndef CMD_OPTIONS_TARGETS_H
#define CMD_OPTIONS_TARGETS_H

#include <stddef.h>

#include "event/recording/recording.h"

struct targets {
	size_t count; /* 0: every listener */
	struct endpoint at[RECORDING_TARGETS_MAX];
};

/* "8080", "127.0.0.1:8080", "[::1]:8080". 0, or the exit status after the complaint. */
int targets_add(struct targets *targets, const char *command, const char *text);

/* In words: "8080, 127.0.0.1:5432", "every port"; what does not fit is counted: "and 3 more". */
void targets_describe(const struct targets *targets, char *text, size_t size);

#endif
