/*
 * A direct-mapped table of SYN-ACKs that wait for their ACK. Two connections
 * that share a slot cost one of them its look-ups, and nothing else.
 */
#include "cmd/handshakes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (1u << 16)

/* How many segments of a client that nobody answers are told of. */
#define AGAIN_MAX 16

struct slot {
	struct flow flow; /* client to server */
	uint32_t server_isn;
	uint8_t left; /* segments of its client that are still told of; 0: none, or a free slot */
	bool finished;
};

struct handshakes {
	struct slot slots[SLOTS];
};

int handshakes_new(struct handshakes **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void handshakes_free(struct handshakes *handshakes)
{
	free(handshakes);
}

static struct slot *slot_of(struct handshakes *h, const struct flow *client_to_server)
{
	uint64_t a, b;

	memcpy(&a, client_to_server->saddr.bytes + 8, 8);
	memcpy(&b, client_to_server->daddr.bytes + 8, 8);
	a ^= (uint64_t)client_to_server->sport << 48 | (uint64_t)client_to_server->dport << 16;
	a = (a ^ (b << 1)) * 0x9e3779b97f4a7c15u;
	return &h->slots[a >> 48];
}

enum handshake_step handshakes_take(struct handshakes *handshakes, const struct segment *segment)
{
	const uint8_t flags = segment->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST);
	struct slot *slot;

	if (flags == (TCP_FLAG_SYN | TCP_FLAG_ACK)) {
		struct flow flow = flow_reverse(&segment->flow);

		slot = slot_of(handshakes, &flow);
		if (slot->server_isn == segment->seq && flow_equal(&slot->flow, &flow))
			return HANDSHAKE_OTHER;
		*slot =
		    (struct slot){.flow = flow, .server_isn = segment->seq, .left = 1 + AGAIN_MAX};
		return HANDSHAKE_ANSWERED;
	}
	if (flags != TCP_FLAG_ACK)
		return HANDSHAKE_OTHER;
	slot = slot_of(handshakes, &segment->flow);
	if (!flow_equal(&slot->flow, &segment->flow)) {
		struct flow flow = flow_reverse(&segment->flow);

		/* Only a socket says more than its SYN-ACK. */
		slot = slot_of(handshakes, &flow);
		if (slot->finished && flow_equal(&slot->flow, &flow))
			slot->left = 0;
		return HANDSHAKE_OTHER;
	}
	if (!slot->left || (int32_t)(segment->ack - slot->server_isn) <= 0)
		return HANDSHAKE_OTHER;
	slot->left--;
	if (slot->finished)
		return HANDSHAKE_AGAIN;
	slot->finished = true;
	return HANDSHAKE_FINISHED;
}
