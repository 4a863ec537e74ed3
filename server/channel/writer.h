/*
 * Interface for the writing end of the channel. One writer serves a server, its
 * forked children and its threads; several servers may write to one channel.
 */
#ifndef SERVER_CHANNEL_WRITER_H
#define SERVER_CHANNEL_WRITER_H

#include <stdint.h>

#include "event/event.h"
#include "server/channel/channel.h"

struct channel_writer;

/*
 * Takes fd over: the write end of a channel, closed by channel_writer_free().
 * Returns 0, -EBADF or -EINVAL when fd is no channel, or -ENOMEM; fd stays the
 * caller's then.
 */
int channel_writer_new(int fd, struct channel_writer **out) __attribute__((warn_unused_result));

/* Delivers or counts; never waits. The event's source is taken to be SOURCE_SERVER. */
void channel_write(const struct channel_writer *writer, const struct event *event);

/* Events that could not be delivered by now, of all who write to the channel. */
uint64_t channel_writer_lost(const struct channel_writer *writer);

/* NULL is legal. */
void channel_writer_free(struct channel_writer *writer);

#endif
