/*
 * Interface for the channel on which the bundled server reports: a ring of
 * fixed-size records in memory that the reader and all of the server's
 * processes share. Writing never waits and wakes nobody; what does not fit is
 * counted in the same memory, so that the count arrives whatever happens.
 *
 * The reader polls it by time (each millisecond or so).
 */
#ifndef SERVER_CHANNEL_CHANNEL_H
#define SERVER_CHANNEL_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

/* The environment variable that names the write end to a server that record started. */
#define CHANNEL_ENVIRONMENT "SYNSCOPE_EVENTS_FD"

/*
 * So many records fit, 20 MiB: three seconds of a stalled reader at 90,000
 * events a second. Memory is taken as it is first used.
 */
#define CHANNEL_RECORDS	    (1u << 18)
#define CHANNEL_RECORDS_MAX (1u << 24)

struct channel_reader;

/*
 * Makes the ring. *write_fd is inherited by the server (no close-on-exec) and
 * the caller closes its own copy after the fork; while any process has it
 * open, the channel has not ended. Needs /proc.
 */
int channel_open(struct channel_reader **out, int *write_fd) __attribute__((warn_unused_result));

/* The same for another number of records, a power of two up to CHANNEL_RECORDS_MAX. */
int channel_open_sized(uint32_t records, struct channel_reader **out, int *write_fd)
    __attribute__((warn_unused_result));

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

/* Events that the server could not deliver by now. */
uint64_t channel_lost(const struct channel_reader *reader);

/* NULL is legal. */
void channel_reader_free(struct channel_reader *reader);

#endif
