/*
 * Interface for drops as the kernel tells them (EVENT_DROP, see probe/kernel.h): which SYN and
 * which final ACK a listener dropped, which of siblings it was, and which queue was full. That
 * is a fact, whatever the rebuilt queue makes of it.
 */
#ifndef REPORT_QUEUE_DROPS_H
#define REPORT_QUEUE_DROPS_H

#include "report/queue/queues.h"

/* A segment of the attempt of packet was dropped at packet.time_ns. */
void queues_drop(struct queues *queues, const struct queue_packet *packet,
		 const struct queue_drop *drop);

#endif
