/*
 * What timestamps show of a SYN-ACK (timestamps.h): a request sent it, or it was a SYN cookie.
 */
#include "report/queue/arrival.h"
#include "report/queue/parts.h"

void queues_remember_timestamp(struct queues *queues, const struct queue_packet *packet,
			       const struct queue *q, struct arrival *syn,
			       const struct segment *syn_ack)
{
	bool doubtful = q->grouped || 2 * (uint64_t)syn->half_open >= (uint64_t)q->listener.limit;
	enum timestamp timestamp;

	if (q->host->tcp_syncookies == 0 ||
	    (q->host->tcp_syncookies == 1 && (!q->limit_known || !doubtful)))
		return;
	timestamp = timestamps_syn_ack(queues->timestamps, packet->index, packet->attempt->isn,
				       packet->time_ns, syn_ack, syn->window_scale);
	/* Where all are cookies but those of SYNs that met TIME_WAIT, none is waited for. */
	if (q->host->tcp_syncookies == 1)
		syn->timestamp = (uint8_t)timestamp;
}

void queues_hear(struct queues *queues, const struct queue_packet *packet,
		 const struct segment *segment, bool from_server)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *syn;
	enum timestamp timestamp;

	if (!q)
		return;
	timestamp = timestamps_hear(queues->timestamps, packet->index, a->isn, packet->time_ns,
				    segment, from_server);
	if (timestamp == TIMESTAMP_NOTHING)
		return;
	syn = queue_find(q, ARRIVAL_SYN, packet->index, a->isn);
	if (syn &&
	    !(syn->timestamp == TIMESTAMP_COOKIE_LIKELY && timestamp == TIMESTAMP_REQUEST_LIKELY))
		syn->timestamp = (uint8_t)timestamp;
	if (timestamp == TIMESTAMP_COOKIE || timestamp == TIMESTAMP_REQUEST)
		queue_prove_cookie(q, a, packet->index, packet->details,
				   timestamp == TIMESTAMP_COOKIE);
}
