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
 * Where a writer counts what it could not deliver: shared memory that the
 * processes forked by the one that made it inherit.
 */
struct channel_count;

/*
 * Makes the pipe (1 MiB where the limits allow). *write_fd is inherited by the
 * server (no close-on-exec) and the caller closes its own copy after the fork.
 */
int channel_open(struct channel_reader **out, int *write_fd) __attribute__((warn_unused_result));

/*
 * The reader's own count, for a server that is forked without exec: hand it to
 * channel_writer_new(), and the loss is known even when no record ever fits
 * again. Lives as long as the reader.
 */
struct channel_count *channel_count(struct channel_reader *reader);

/*
 * In a forked server: closes its copy of the reading end, without which it
 * would not notice that the reader is gone. The count stays.
 */
void channel_leave(struct channel_reader *reader);

/*
 * Delivers what is there now, never waiting, in the order in which it was
 * written: events of different processes that nearly coincide may be out of
 * order by their times. EVENT_LOSS comes whenever the count has grown. Returns
 * the number of events, -errno, or what fn returned if not 0; what fn has not
 * seen then comes with the next call.
 */
int channel_read(struct channel_reader *reader, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/* True when every writer has closed its end and everything has been read. */
bool channel_ended(const struct channel_reader *reader);

/*
 * False while a writer with a count of its own (one that found the descriptor
 * in CHANNEL_ENVIRONMENT) has not told its last count. Still false after the
 * end: that writer was killed, and what it lost last is not known.
 */
bool channel_complete(const struct channel_reader *reader);

/* Events that the server could not deliver, as far as it has said by now. */
uint64_t channel_lost(const struct channel_reader *reader);

void channel_reader_free(struct channel_reader *reader);

#endif
