/*
 * The queues of the listeners. Knows listeners by the packets alone so far: no
 * depth, no limit, and so no cause.
 */
#include "report/queue.h"

#include <errno.h>
#include <stdlib.h>

struct queues {
	struct host host;
};

int queues_new(const struct host *host, struct queues **out)
{
	struct queues *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->host = *host;
	*out = q;
	return 0;
}

void queues_free(struct queues *queues)
{
	free(queues);
}

#define UNUSED __attribute__((unused))
void queues_syn(UNUSED struct queues *q, UNUSED const struct queue_packet *p,
		UNUSED const struct segment *s)
{
}
void queues_syn_ack(UNUSED struct queues *q, UNUSED const struct queue_packet *p,
		    UNUSED const struct segment *s)
{
}
void queues_client_ack(UNUSED struct queues *q, UNUSED const struct queue_packet *p,
		       UNUSED const struct segment *s)
{
}
void queues_client_reset(UNUSED struct queues *q, UNUSED const struct queue_packet *p)
{
}
void queues_server_reset(UNUSED struct queues *q, UNUSED const struct queue_packet *p)
{
}
void queues_server_alive(UNUSED struct queues *q, UNUSED const struct queue_packet *p)
{
}
void queues_accept(UNUSED struct queues *q, UNUSED const struct queue_packet *p)
{
}
void queues_child(UNUSED struct queues *q, UNUSED const struct queue_packet *p,
		  UNUSED const struct child *c)
{
}
void queues_event(UNUSED struct queues *q, UNUSED const struct event *e, UNUSED struct table *t,
		  UNUSED struct details *d)
{
}
void queues_context(UNUSED const struct queues *q, UNUSED const struct open_attempt *a,
		    UNUSED struct verdict_context *c)
{
}
void queues_forget(UNUSED struct queues *q, UNUSED const struct open_attempt *a, UNUSED uint32_t i)
{
}
void queues_end(UNUSED struct queues *q, UNUSED struct table *t, UNUSED struct details *d,
		UNUSED int64_t e)
{
}
size_t queues_report(UNUSED struct queues *q, const struct report_listener **out)
{
	*out = NULL;
	return 0;
}
