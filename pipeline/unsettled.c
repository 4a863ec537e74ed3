/*
 * A set of flows with open addressing: a slot is found by linear probing, and what is
 * removed is closed up by those behind it. It grows with what is under way at once.
 * Slots are found by a secret, so that chosen addresses cannot make long rows of them.
 */
#include "pipeline/unsettled.h"

#include <errno.h>
#include <stdlib.h>

#include "event/hash.h"

#define SLOTS_MIN 1024u /* a power of two */

enum state {
	STATE_FREE,
	STATE_ANSWERED, /* the server's SYN-ACK was seen */
	STATE_FINISHED, /* and its client's answer */
};

struct slot {
	struct flow flow; /* client to server */
	uint32_t server_isn;
	enum state state;
};

struct unsettled {
	struct slot *slots;
	uint32_t size; /* a power of two, twice what is kept or more */
	uint32_t count;
	uint32_t finished; /* of these */
	uint64_t skipped;
	bool telling;
	struct hash_secret secret;
};

int unsettled_new(struct unsettled **out)
{
	struct unsettled *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return -ENOMEM;
	rc = hash_secret_new(&u->secret);
	if (rc)
		goto fail;
	u->size = SLOTS_MIN;
	u->slots = calloc(u->size, sizeof(*u->slots));
	if (!u->slots) {
		rc = -ENOMEM;
		goto fail;
	}
	*out = u;
	return 0;
fail:
	free(u);
	return rc;
}

void unsettled_free(struct unsettled *u)
{
	if (!u)
		return;
	free(u->slots);
	free(u);
}

static uint32_t home_of(const struct unsettled *u, const struct flow *flow)
{
	return hash_flow(&u->secret, flow) & (u->size - 1);
}

/* Its slot, or the free one that it would get. */
static struct slot *find(const struct unsettled *u, const struct flow *flow)
{
	uint32_t i = home_of(u, flow);

	while (u->slots[i].state != STATE_FREE && !flow_equal(&u->slots[i].flow, flow))
		i = (i + 1) & (u->size - 1);
	return &u->slots[i];
}

static void take_out(struct unsettled *u, const struct flow *flow)
{
	struct slot *slot = find(u, flow);
	uint32_t hole = (uint32_t)(slot - u->slots), i = hole, mask = u->size - 1;

	if (slot->state == STATE_FREE)
		return;
	u->count--;
	u->finished -= slot->state == STATE_FINISHED;
	for (;;) {
		i = (i + 1) & mask;
		if (u->slots[i].state == STATE_FREE)
			break;
		/* Whose home is not behind the hole is found through it. */
		if (((i - home_of(u, &u->slots[i].flow)) & mask) < ((i - hole) & mask))
			continue;
		u->slots[hole] = u->slots[i];
		hole = i;
	}
	u->slots[hole].state = STATE_FREE;
}

/* Into a new table of this size: all, or without those whose client has not answered. */
static int move(struct unsettled *u, uint32_t size, bool finished_alone)
{
	struct slot *old = u->slots;
	uint32_t old_size = u->size;

	u->slots = calloc(size, sizeof(*u->slots));
	if (!u->slots) {
		u->slots = old;
		return -ENOMEM;
	}
	u->size = size;
	u->count = 0;
	for (uint32_t i = 0; i < old_size; i++) {
		if (old[i].state == STATE_FREE ||
		    (finished_alone && old[i].state != STATE_FINISHED))
			continue;
		*find(u, &old[i].flow) = old[i];
		u->count++;
	}
	free(old);
	return 0;
}

/*
 * A flood of SYNs that nobody goes on with fills it: those are the ones to forget. All at
 * once, so that it is worth the work, and counted: the client of one may answer yet.
 */
static bool make_room(struct unsettled *u)
{
	uint32_t before = u->count;

	if (u->count < u->size / 2)
		return true;
	if (u->size < 2 * UNSETTLED_MAX)
		return move(u, 2 * u->size, false) == 0;
	if (u->finished > UNSETTLED_MAX / 4 * 3 || move(u, u->size, true) < 0)
		return false;
	u->skipped += before - u->count;
	return true;
}

static void answer(struct unsettled *u, const struct segment *syn_ack)
{
	struct flow flow = flow_reverse(&syn_ack->flow);
	struct slot *slot = find(u, &flow);

	if (slot->state != STATE_FREE && slot->server_isn == syn_ack->seq)
		return; /* sent again */
	if (slot->state == STATE_FREE) {
		if (!make_room(u)) {
			u->skipped++;
			return;
		}
		slot = find(u, &flow);
		u->count++;
	}
	u->finished -= slot->state == STATE_FINISHED;
	*slot = (struct slot){.flow = flow, .server_isn = syn_ack->seq, .state = STATE_ANSWERED};
}

static void take_segment(struct unsettled *u, const struct segment *s)
{
	struct flow reverse = flow_reverse(&s->flow);
	struct slot *slot;

	if ((s->flags & TCP_FLAG_SYN) && (s->flags & TCP_FLAG_ACK)) {
		answer(u, s);
		return;
	}
	if (s->flags & TCP_FLAG_RST) {
		take_out(u, &s->flow);
		take_out(u, &reverse);
		return;
	}
	if (s->flags & TCP_FLAG_SYN || !(s->flags & TCP_FLAG_ACK))
		return;
	slot = find(u, &s->flow);
	if (slot->state == STATE_ANSWERED && (int32_t)(s->ack - slot->server_isn) > 0) {
		slot->state = STATE_FINISHED;
		u->finished++;
	}
	/* A request socket and a cookie say nothing but SYN-ACKs: this is of a connection. */
	if (slot->state == STATE_FREE)
		take_out(u, &reverse);
}

void unsettled_take(struct unsettled *u, const struct event *event)
{
	if (u->telling)
		return;
	switch ((int)event->kind) {
	case EVENT_SEGMENT:
		take_segment(u, &event->segment);
		break;
	case EVENT_CHILD:
		if (child_accepted(&event->child))
			take_out(u, &event->child.flow);
		break;
	case EVENT_ACCEPT:
		take_out(u, &event->accept.flow);
		break;
	default:
		break;
	}
}

int unsettled_each(struct unsettled *u,
		   int (*fn)(void *context, const struct flow *client_to_server), void *context)
{
	int rc = 0;

	u->telling = true;
	for (uint32_t i = 0; rc == 0 && i < u->size; i++)
		if (u->slots[i].state == STATE_FINISHED)
			rc = fn(context, &u->slots[i].flow);
	u->telling = false;
	return rc;
}

uint64_t unsettled_skipped(const struct unsettled *u)
{
	return u->skipped;
}
