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

/* As resolve.h reads it: a name can be several. 0, or the exit status after the complaint. */
int targets_add(struct targets *targets, const char *command, const char *text);

/* Says which of them are no addresses of the network namespace that it is called in. */
void targets_check(const struct targets *targets, const char *command);

/* In words: "8080, 127.0.0.1:5432", "every port"; what does not fit is counted: "and 3 more". */
void targets_describe(const struct targets *targets, char *text, size_t size);

#endif
