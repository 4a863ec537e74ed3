/*
 * Interface for entries into the accept queue as the kernel tells them (EVENT_ENTRY, see
 * probe/kernel.h): which final ACK entered, with the depth before it by the kernel's own
 * count; and which did not, since nothing was told of it.
 *
 * The rows of docs/kernel.md that this rests on: a final ACK that is taken makes a child
 * (tcp_check_req(), cookie_v4_check()), one that is dropped makes none.
 */
#ifndef REPORT_QUEUE_ENTRIES_H
#define REPORT_QUEUE_ENTRIES_H

#include "report/queue/queues.h"

/* The attempt of packet entered its queue at packet.time_ns. */
void queues_entry(struct queues *queues, const struct queue_packet *packet,
		  const struct queue_entry *entry, struct table *table);

/*
 * An entry of nobody who was seen connecting: its client came before the observation, or
 * by a way that translates addresses. What is not told of that client proves nothing.
 */
void queues_entry_of_nobody(struct queues *queues, const struct queue_entry *entry,
			    int64_t time_ns);

/*
 * Some were not delivered by time_ns: from here on, that nothing was told proves nothing, and who
 * is known to have entered is not everybody.
 */
void queues_entries_lost(struct queues *queues, int64_t time_ns);

/* What arrived long enough ago, and of which no entry was told, has not entered. */
void queue_tell_absent(struct queues *queues, struct queue *queue, int64_t now_ns,
		       struct table *table, struct details *details);

#endif
