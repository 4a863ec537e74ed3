/*
 * Interface for the parts of a replay: replay_open() is there, and what both
 * halves of the replay have to say.
 */
#ifndef PIPELINE_REPLAY_PARTS_H
#define PIPELINE_REPLAY_PARTS_H

#include "pipeline/replay.h"

/* A line for the report about what is missing. */
void replay_note(struct replay *replay, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
