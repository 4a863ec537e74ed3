/*
 * Segments that came before the one that they answer. The table is mapped
 * directly by the hash of the flow, which is keyed. It does not know attempts.
 */
#include "report/track/early.h"

#include <errno.h>
#include <stdlib.h>

struct early {
	uint32_t used; /* slots with segments; mostly 0, and then nobody need look at them */
	struct early_segments slots[EARLY_SLOTS];
};

int early_new(struct early **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void early_free(struct early *early)
{
	free(early);
}

bool early_is_empty(const struct early *early)
{
	return early->used == 0;
}

static struct early_segments *slot_of(struct early *early, uint32_t hash)
{
	/* The lowest bits choose the chain of the table of attempts. */
	return &early->slots[hash >> 16 & (EARLY_SLOTS - 1)];
}

static void add(struct early_segments *slot, const struct event *event)
{
	if (slot->count == EARLY_SEGMENTS_MAX)
		return;
	slot->time_ns[slot->count] = event->time_ns;
	slot->segments[slot->count++] = event->segment;
}

static void begin(struct early *early, struct early_segments *slot,
		  const struct flow *client_to_server, const struct event *event, bool stray)
{
	early->used += slot->count == 0;
	slot->flow = *client_to_server;
	slot->count = 0;
	slot->stray = stray;
	add(slot, event);
}

static bool holds(const struct early_segments *slot, const struct flow *client_to_server)
{
	return slot->count && flow_equal(&slot->flow, client_to_server);
}

static bool answers_syn(const struct segment *s)
{
	return (s->flags & TCP_FLAG_ACK) && (s->flags & (TCP_FLAG_SYN | TCP_FLAG_RST));
}

void early_stray(struct early *early, uint32_t hash, const struct event *event)
{
	struct early_segments *slot = slot_of(early, hash);
	const struct segment *s = &event->segment;
	struct flow reverse = flow_reverse(&s->flow);

	if (slot->stray &&
	    (holds(slot, &s->flow) ||
	     (holds(slot, &reverse) && (!answers_syn(s) || s->ack == slot->segments[0].ack))))
		add(slot, event);
	else if (answers_syn(s))
		begin(early, slot, &reverse, event, true);
}

void early_ack(struct early *early, uint32_t hash, const struct event *event)
{
	struct early_segments *slot = slot_of(early, hash);
	const struct segment *s = &event->segment;

	if (!slot->stray && holds(slot, &s->flow) && slot->segments[0].ack == s->ack)
		add(slot, event);
	else
		begin(early, slot, &s->flow, event, false);
}

/* An answer's timestamp is that of the other one or later, but for what queues and clocks do. */
static bool is_near(int64_t answer_ns, int64_t time_ns)
{
	int64_t behind_ns = answer_ns - time_ns;

	return behind_ns >= -EARLY_BEFORE_NS && behind_ns <= EARLY_BEHIND_NS;
}

static bool take(struct early *early, struct early_segments *slot, struct early_segments *out)
{
	early->used--;
	*out = *slot;
	slot->count = 0;
	return true;
}

bool early_take_syn(struct early *early, uint32_t hash, const struct event *syn,
		    struct early_segments *out)
{
	struct early_segments *slot = slot_of(early, hash);
	uint32_t acknowledged = syn->segment.seq + 1;

	if (!slot->stray || !holds(slot, &syn->segment.flow))
		return false;
	/* With the SYN's data, where that was taken too (RFC 7413). */
	if (slot->segments[0].ack - acknowledged > syn->segment.payload ||
	    !is_near(slot->time_ns[0], syn->time_ns))
		return false;
	return take(early, slot, out);
}

bool early_take_syn_ack(struct early *early, uint32_t hash, const struct event *syn_ack,
			struct early_segments *out)
{
	struct early_segments *slot = slot_of(early, hash);
	struct flow client_to_server = flow_reverse(&syn_ack->segment.flow);

	if (slot->stray || !holds(slot, &client_to_server) ||
	    slot->segments[0].ack != syn_ack->segment.seq + 1 ||
	    !is_near(slot->time_ns[0], syn_ack->time_ns))
		return false;
	return take(early, slot, out);
}
