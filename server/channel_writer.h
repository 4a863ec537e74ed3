/*
 * Interface for the writing end of the channel. One writer serves a server, its
 * forked children and its threads: nothing in it changes but the shared count.
 */
#ifndef SERVER_CHANNEL_WRITER_H
#define SERVER_CHANNEL_WRITER_H

#include <stdint.h>

#include "event/event.h"
#include "server/channel.h"

struct channel_writer;

/*
 * Takes fd over: the write end of a channel, made non-blocking here and closed
 * by channel_writer_free(). count is the reader's where writer and reader come of one
 * process, NULL elsewhere: then the writer has one of its own and says it in
 * every record. SIGPIPE must be ignored. Returns 0, -EBADF or -EINVAL when fd
 * is no pipe that can be written to, or -ENOMEM; fd stays the caller's then.
 */
int channel_writer_new(int fd, struct channel_count *count, struct channel_writer **out)
    __attribute__((warn_unused_result));

/* Delivers or counts; never waits. The event's source is taken to be SOURCE_SERVER. */
void channel_write(const struct channel_writer *writer, const struct event *event);

/* Events that could not be delivered by now, of all processes that share the writer. */
uint64_t channel_writer_lost(const struct channel_writer *writer);

/*
 * The last word: waits up to timeout_ms for room to say the count. 0, -ETIMEDOUT
 * when no room came, or -EPIPE when the reader is gone. Once, by one process,
 * after the others are done.
 */
int channel_writer_finish(const struct channel_writer *writer, int timeout_ms)
    __attribute__((warn_unused_result));

/* Closes. NULL is legal. */
void channel_writer_free(struct channel_writer *writer);

#endif
