/*
 * A direct-mapped table of SYN-ACKs, a queue of the slots in which the final
 * ACK has come, and one of the SYNs. Two connections that share a slot cost one of
 * them its look-ups, or a SYN that was answered one more, and nothing else.
 */
#include "pipeline/handshakes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Few enough to stay in a processor's cache. */
#define SLOTS (1u << 14)

/* SYNs that may be without an answer. */
#define SYNS_MAX (1u << 12)

/* How many segments of a client that nobody answers are told of. */
#define AGAIN_MAX 16

/* Handshakes are counted over so long. */
#define RATE_NS (100 * NS_PER_MS)
/* From so many in that time on a look-up may wait: a millisecond for each so many. */
#define RATE_STEP    100
#define DELAY_MAX_NS (16 * NS_PER_MS)

enum slot_state {
	SLOT_FREE,
	SLOT_ANSWERED,
	SLOT_FINISHED, /* to be told */
	SLOT_OVER,     /* told, or the server has closed it */
};

struct syn {
	struct flow flow;
	int64_t read_ns;
};

struct slot {
	struct flow flow; /* client to server */
	int64_t answered_ns;
	int64_t acked_ns;
	int64_t finished_ns;
	uint32_t server_isn;
	bool listed;
};

struct handshakes {
	/* Apart from the slots: most segments find here that there is nothing for them. */
	uint8_t states[SLOTS]; /* enum slot_state */
	uint8_t left[SLOTS];   /* segments of its client that are still told of */
	struct slot slots[SLOTS];
	uint16_t finished[SLOTS]; /* a ring; each slot at most once */
	uint32_t finished_first;
	uint32_t finished_count;
	struct syn syns[SYNS_MAX]; /* a ring */
	uint32_t syns_first;
	uint32_t syns_count;
	int64_t counted_ns; /* since then, rate handshakes were finished */
	uint32_t rate;
	uint32_t last_rate; /* of the tenth of a second before, unless it is long ago */
	int64_t delay_ns;
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

static uint32_t index_of(const struct flow *client_to_server)
{
	uint64_t a, b;

	memcpy(&a, client_to_server->saddr.bytes + 8, 8);
	memcpy(&b, client_to_server->daddr.bytes + 8, 8);
	a ^= (uint64_t)client_to_server->sport << 48 | (uint64_t)client_to_server->dport << 16;
	a = (a ^ (b << 1)) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(a >> 50);
}

static void keep_syn(struct handshakes *h, const struct flow *flow, int64_t now_ns)
{
	if (h->syns_count == SYNS_MAX) {
		h->syns_first = (h->syns_first + 1) % SYNS_MAX;
		h->syns_count--;
	}
	h->syns[(h->syns_first + h->syns_count++) % SYNS_MAX] = (struct syn){*flow, now_ns};
}

static enum handshake_step answer(struct handshakes *h, const struct segment *syn_ack,
				  int64_t now_ns)
{
	struct flow flow = flow_reverse(&syn_ack->flow);
	uint32_t i = index_of(&flow);
	struct slot *slot = &h->slots[i];
	bool again = h->states[i] != SLOT_FREE && slot->server_isn == syn_ack->seq &&
		     flow_equal(&slot->flow, &flow);

	slot->answered_ns = now_ns;
	if (again)
		return HANDSHAKE_OTHER;
	h->states[i] = SLOT_ANSWERED;
	h->left[i] = 1 + AGAIN_MAX;
	slot->flow = flow;
	slot->server_isn = syn_ack->seq;
	return HANDSHAKE_ANSWERED;
}

static void count_one(struct handshakes *h, int64_t now_ns)
{
	if (now_ns - h->counted_ns >= RATE_NS) {
		/* After a pause there were none. */
		h->delay_ns =
		    now_ns - h->counted_ns < 2 * RATE_NS ? h->rate / RATE_STEP * NS_PER_MS : 0;
		if (h->delay_ns > DELAY_MAX_NS)
			h->delay_ns = DELAY_MAX_NS;
		h->last_rate = now_ns - h->counted_ns < 2 * RATE_NS ? h->rate : 0;
		h->counted_ns = now_ns;
		h->rate = 0;
	}
	h->rate++;
}

static enum handshake_step acknowledge(struct handshakes *h, const struct segment *ack, uint32_t i,
				       int64_t captured_ns, int64_t now_ns)
{
	struct slot *slot = &h->slots[i];

	if ((int32_t)(ack->ack - slot->server_isn) <= 0)
		return HANDSHAKE_OTHER;
	h->left[i]--;
	if (h->states[i] != SLOT_ANSWERED)
		return HANDSHAKE_AGAIN;
	count_one(h, now_ns);
	h->states[i] = SLOT_FINISHED;
	slot->acked_ns = captured_ns;
	slot->finished_ns = now_ns;
	if (!slot->listed) {
		slot->listed = true;
		h->finished[(h->finished_first + h->finished_count++) % SLOTS] = (uint16_t)i;
	}
	return HANDSHAKE_FINISHED;
}

/* Only a socket says more than its SYN-ACK. */
static void hear_server(struct handshakes *h, const struct segment *segment)
{
	struct flow flow = flow_reverse(&segment->flow);
	uint32_t i = index_of(&flow);
	bool pending = h->states[i] == SLOT_FINISHED;

	if (!(pending || (h->states[i] == SLOT_OVER && h->left[i])) ||
	    !flow_equal(&h->slots[i].flow, &flow))
		return;
	h->left[i] = 0;
	if (pending && (segment->flags & TCP_FLAG_FIN))
		h->states[i] = SLOT_OVER;
}

enum handshake_step handshakes_take(struct handshakes *handshakes, const struct segment *segment,
				    int64_t captured_ns, int64_t now_ns)
{
	const uint8_t flags = segment->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST);
	uint32_t i;

	if (flags == (TCP_FLAG_SYN | TCP_FLAG_ACK))
		return answer(handshakes, segment, now_ns);
	if (flags == TCP_FLAG_SYN)
		keep_syn(handshakes, &segment->flow, now_ns);
	if (flags != TCP_FLAG_ACK)
		return HANDSHAKE_OTHER;
	i = index_of(&segment->flow);
	if (handshakes->left[i] && flow_equal(&handshakes->slots[i].flow, &segment->flow))
		return acknowledge(handshakes, segment, i, captured_ns, now_ns);
	hear_server(handshakes, segment);
	return HANDSHAKE_OTHER;
}

bool handshakes_next(struct handshakes *handshakes, int64_t then_ns, struct handshake_finished *out)
{
	struct handshakes *h = handshakes;

	while (h->finished_count) {
		uint32_t i = h->finished[h->finished_first];
		struct slot *slot = &h->slots[i];

		if (h->states[i] == SLOT_FINISHED && slot->finished_ns > then_ns)
			return false;
		h->finished_first = (h->finished_first + 1) % SLOTS;
		h->finished_count--;
		slot->listed = false;
		if (h->states[i] != SLOT_FINISHED)
			continue;
		h->states[i] = SLOT_OVER;
		*out = (struct handshake_finished){slot->flow, slot->acked_ns};
		return true;
	}
	return false;
}

bool handshakes_unanswered(struct handshakes *handshakes, int64_t then_ns,
			   struct flow *client_to_server)
{
	struct handshakes *h = handshakes;

	while (h->syns_count) {
		const struct syn *syn = &h->syns[h->syns_first];
		uint32_t i = index_of(&syn->flow);

		if (syn->read_ns > then_ns)
			return false;
		h->syns_first = (h->syns_first + 1) % SYNS_MAX;
		h->syns_count--;
		if (h->states[i] != SLOT_FREE && h->slots[i].answered_ns >= syn->read_ns &&
		    flow_equal(&h->slots[i].flow, &syn->flow))
			continue;
		*client_to_server = syn->flow;
		return true;
	}
	return false;
}

int64_t handshakes_delay_ns(const struct handshakes *handshakes)
{
	return handshakes->delay_ns;
}

uint32_t handshakes_rate(const struct handshakes *handshakes)
{
	return handshakes->last_rate * (uint32_t)(NS_PER_SEC / RATE_NS);
}
