/*
 * Packets of the last COPY_NS by a fingerprint of 64 bits, and on which devices each was.
 */
#include "capture/copies.h"

#include <stdlib.h>
#include <string.h>

#include "event/hash.h"

/* The newest of so many packets; four share a place, of which the oldest gives way. */
#define PLACES 4096
#define WAYS   4

/* More than these saw one packet: those that follow are copies for certain. */
#define DEVICES_MAX 6

struct seen {
	int64_t time_ns; /* of the first of them */
	uint32_t devices[DEVICES_MAX];
	uint8_t counts[DEVICES_MAX];
	uint8_t devices_count;
	uint8_t most; /* of counts[] */
};

/* Most packets are new: that takes a look at the fingerprints of one place, which stay in the
 * cache. */
struct copies {
	struct hash_secret secret;
	uint64_t fingerprints[PLACES][WAYS];
	uint8_t next[PLACES]; /* of a place, who gives way */
	struct seen seen[PLACES][WAYS];
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

/* The packet's record; a new one when it is the first. */
static struct seen *find(struct copies *c, uint64_t print, int64_t time_ns)
{
	uint64_t at = print % PLACES;
	struct seen *place = c->seen[at], *oldest;

	for (int i = 0; i < WAYS; i++)
		if (c->fingerprints[at][i] == print && place[i].devices_count &&
		    time_ns - place[i].time_ns <= COPY_NS && place[i].time_ns - time_ns <= COPY_NS)
			return &place[i];
	oldest = &place[c->next[at]];
	c->fingerprints[at][c->next[at]] = print;
	c->next[at] = (uint8_t)((c->next[at] + 1) % WAYS);
	oldest->time_ns = time_ns;
	oldest->devices_count = oldest->most = 0;
	return oldest;
}

bool copies_take(struct copies *copies, int64_t time_ns, const struct segment *segment)
{
	uint32_t device = segment->device << 1 | segment->outgoing;
	struct seen *seen = find(copies, fingerprint(copies, segment), time_ns);
	unsigned i = 0;

	while (i < seen->devices_count && seen->devices[i] != device)
		i++;
	if (i == DEVICES_MAX)
		return true;
	if (i == seen->devices_count) {
		seen->devices[i] = device;
		seen->counts[i] = 0;
		seen->devices_count++;
	}
	if (seen->counts[i] < UINT8_MAX)
		seen->counts[i]++;
	if (!segment->device && seen->most)
		return time_ns - seen->time_ns <= COPY_UNNAMED_NS;
	if (seen->counts[i] <= seen->most)
		return true;
	seen->most = seen->counts[i];
	return false;
}
