/*
 * Interface for the completion scripts, a function for each shell: writes the
 * script for these commands. What is written may fail: see ferror().
 */
#ifndef CMD_COMPLETION_SHELLS_H
#define CMD_COMPLETION_SHELLS_H

#include <stddef.h>
#include <stdio.h>

#include "cmd/completion/table.h"

void completion_bash(FILE *out, const struct completion_command *commands, size_t count);
void completion_zsh(FILE *out, const struct completion_command *commands, size_t count);
void completion_fish(FILE *out, const struct completion_command *commands, size_t count);

#endif
