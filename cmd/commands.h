/*
 * Interface for the list of subcommands: one line for each file that has one.
 */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include "cmd/command.h"

extern const struct command command_completion;
extern const struct command command_demo;
extern const struct command command_listeners;
extern const struct command command_load;
extern const struct command command_record;
extern const struct command command_report;
extern const struct command command_serve;
extern const struct command command_watch;

/* In the order of the help. NULL ends it. */
extern const struct command *const commands[];

#endif
