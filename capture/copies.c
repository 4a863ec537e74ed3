/*
 * Packets of the last COPY_NS by a fingerprint of 64 bits, and on which devices each was.
 */
#include "capture/copies.h"

#include <stdlib.h>
#include <string.h>

#include "event/hash.h"

/* The newest of so many packets. */
#define PACKETS 32768

/* Where they are found: four share a place, of which the oldest gives way. */
#define PLACES 4096
#define WAYS   4

/* More than these saw one packet: those that follow are copies for certain. */
#define DEVICES_MAX 6

struct packet {
	uint64_t fingerprint;
	int64_t first_ns;
};

struct devices {
	uint32_t devices[DEVICES_MAX];
	uint8_t counts[DEVICES_MAX];
	uint8_t count;
	uint8_t most; /* of counts[] */
};

/*
 * Most packets are new. That takes a look at the tags of one place, and all tags stay in the
 * cache, which what is read goes through; packets are written one behind the other.
 */
struct copies {
	struct hash_secret secret;
	uint8_t tags[PLACES][WAYS];    /* bits of the fingerprint */
	uint16_t indices[PLACES][WAYS]; /* of the packets */
	uint8_t next[PLACES];	       /* of a place, who gives way */
	uint32_t newest;
	struct packet packets[PACKETS]; /* a ring */
	bool named[PACKETS];		/* it was on a device that is known: those that follow */
	struct devices devices[PACKETS];
};

struct copies *copies_new(void)
{
	struct copies *c = calloc(1, sizeof(*c));

	if (c && hash_secret_new(&c->secret)) {
		free(c);
		return NULL;
	}
	return c;
}

void copies_free(struct copies *copies)
{
	free(copies);
}

static uint64_t fingerprint(const struct copies *c, const struct segment *s)
{
	uint64_t from = hash_end(&c->secret, &s->flow.saddr, s->flow.sport);
	uint64_t to = hash_end(&c->secret, &s->flow.daddr, s->flow.dport);
	uint64_t numbers = (uint64_t)s->seq << 32 | s->ack;
	uint64_t rest = (uint64_t)s->payload << 32 | (uint32_t)s->ip_id << 16 |
			(uint32_t)s->flags << 8 | s->options;
	uint64_t hash = hash_fold(from ^ c->secret.words[2], to ^ c->secret.words[0]);

	hash = hash_fold(hash ^ numbers, rest ^ c->secret.words[1]);
	return hash_fold(hash ^ s->tsval, (uint64_t)s->tsecr ^ c->secret.words[2]);
}

/* Which of the packets it is; a new one, *first, when none. */
static uint32_t find(struct copies *c, uint64_t print, int64_t time_ns, bool *first)
{
	const uint8_t tag = (uint8_t)(print >> 32);
	uint64_t at = print % PLACES;
	unsigned way;

	for (way = 0; way < WAYS; way++) {
		const struct packet *packet;

		if (c->tags[at][way] != tag)
			continue;
		packet = &c->packets[c->indices[at][way]];
		if (packet->fingerprint == print && time_ns - packet->first_ns <= COPY_NS &&
		    packet->first_ns - time_ns <= COPY_NS) {
			*first = false;
			return c->indices[at][way];
		}
	}
	way = c->next[at];
	c->next[at] = (uint8_t)((way + 1) % WAYS);
	c->newest = (c->newest + 1) % PACKETS;
	c->tags[at][way] = tag;
	c->indices[at][way] = (uint16_t)c->newest;
	c->packets[c->newest] = (struct packet){print, time_ns};
	c->named[c->newest] = false;
	*first = true;
	return c->newest;
}

/* True when another device has seen the packet as often as this one. */
static bool count(struct devices *d, uint32_t device)
{
	unsigned i = 0;

	while (i < d->count && d->devices[i] != device)
		i++;
	if (i == DEVICES_MAX)
		return true;
	if (i == d->count) {
		d->devices[i] = device;
		d->counts[i] = 0;
		d->count++;
	}
	if (d->counts[i] < UINT8_MAX)
		d->counts[i]++;
	if (d->counts[i] <= d->most)
		return true;
	d->most = d->counts[i];
	return false;
}

bool copies_take(struct copies *copies, int64_t time_ns, const struct segment *segment)
{
	bool first;
	uint32_t packet = find(copies, fingerprint(copies, segment), time_ns, &first);
	struct devices *devices = &copies->devices[packet];

	if (!segment->device)
		return !first && time_ns - copies->packets[packet].first_ns <= COPY_UNNAMED_NS;
	if (!copies->named[packet]) {
		copies->named[packet] = true;
		devices->count = 0;
		devices->most = !first;
	}
	return count(devices, segment->device << 1 | segment->outgoing);
}
