/*
 * A direct-mapped table of SYN-ACKs that wait for their ACK. Two connections
 * that share a slot cost one of them its look-ups, and nothing else.
 */
#include "cmd/handshakes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (1u << 16)

struct slot {
	struct flow flow; /* client to server */
	uint32_t server_isn;
	bool used;
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

bool handshakes_finished_by(struct handshakes *handshakes, const struct segment *segment)
{
	const uint8_t flags = segment->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST);
	struct slot *slot;

	if (flags == (TCP_FLAG_SYN | TCP_FLAG_ACK)) {
		struct flow flow = flow_reverse(&segment->flow);

		slot = slot_of(handshakes, &flow);
		*slot = (struct slot){.flow = flow, .server_isn = segment->seq, .used = true};
		return false;
	}
	if (flags != TCP_FLAG_ACK)
		return false;
	slot = slot_of(handshakes, &segment->flow);
	if (!slot->used || !flow_equal(&slot->flow, &segment->flow) ||
	    (int32_t)(segment->ack - slot->server_isn) <= 0)
		return false;
	slot->used = false;
	return true;
}
