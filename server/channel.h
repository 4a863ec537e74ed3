/*
 * Interface for the channel on which the bundled server reports: a pipe of
 * fixed-size records, never waited for. What does not fit is counted in memory
 * that all of the server's processes share, and the count is delivered with
 * the next record that fits and at the end.
 *
 * The reader must poll it by time (each millisecond or so) and not sleep on
 * it: a pipe that somebody sleeps on costs a wake-up for every record.
 */
#ifndef SERVER_CHANNEL_H
#define SERVER_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

/* The environment variable that names the write end to a server that record started. */
#define CHANNEL_ENVIRONMENT "SYNSCOPE_EVENTS_FD"

struct channel_reader;

/*
 * Makes the pipe (1 MiB where the limits allow). *write_fd is inherited by the
 * server (no close-on-exec) and the caller closes its own copy after the fork.
 */
int channel_open(struct channel_reader **out, int *write_fd) __attribute__((warn_unused_result));

/* Delivers what is there now, never waiting. Returns the number of events, or -errno. */
int channel_read(struct channel_reader *reader, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/* True when every writer has closed its end and everything has been read. */
bool channel_ended(const struct channel_reader *reader);

/* Events that the server could not deliver, as far as it has said by now. */
uint64_t channel_lost(const struct channel_reader *reader);

void channel_reader_free(struct channel_reader *reader);

#endif
