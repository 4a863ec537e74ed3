/*
 * The list of subcommands.
 */
#include "cmd/commands.h"

#include <stddef.h>

const struct command *const commands[] = {
    &command_demo,  &command_record, &command_listeners,  &command_watch, &command_report,
    &command_serve, &command_load,   &command_completion, NULL,
};
