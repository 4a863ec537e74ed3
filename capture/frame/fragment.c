/*
 * Fragments: which bytes of a datagram have come, and its first ones.
 *
 * A segment in fragments counts when its datagram is whole, as for the kernel.
 * Where fragments overlap the first to come is believed; the kernel would drop
 * the datagram (RFC 5722), and nobody but an attacker sends such.
 */
#include "capture/frame/fragment.h"

#include <stdlib.h>
#include <string.h>

#include "capture/frame/udp.h"

#define UNIT	       8 /* offsets are multiples of it */
#define DATAGRAM_MAX   65535
#define UNITS	       ((DATAGRAM_MAX + 1) / UNIT)
#define LIFE_NS	       (30 * NS_PER_SEC)
#define LENGTH_UNKNOWN UINT32_MAX

struct key {
	struct address saddr;
	struct address daddr;
	uint32_t id;
	uint32_t protocol; /* part of an IPv4 datagram's name, RFC 791; 256 for IPv6 */
};

struct datagram {
	struct key key;
	bool used;
	int64_t first_ns;
	uint32_t length; /* of the payload; known when the last fragment came */
	uint32_t end;	 /* of the farthest byte that has come */
	uint32_t units;	 /* how many have come */
	uint64_t came[UNITS / 64];
	uint8_t head[FRAGMENT_HEAD_SIZE];
	bool head_came[FRAGMENT_HEAD_SIZE];
};

struct fragments {
	struct datagram sets[FRAGMENT_SETS][FRAGMENT_WAYS];
};

static struct key key_of(const struct ip *ip)
{
	return (struct key){ip_address(ip, ip->saddr), ip_address(ip, ip->daddr), ip->fragment_id,
			    ip->ipv6 ? 256 : ip->protocol};
}

static uint32_t hash_of(const struct key *key)
{
	uint32_t words[sizeof(*key) / 4], hash = 0x811c9dc5;

	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / 4; i++)
		hash = (hash ^ words[i]) * 0x01000193;
	return hash ^ hash >> 16;
}

static bool expired(const struct datagram *datagram, int64_t now_ns)
{
	return now_ns > datagram->first_ns && now_ns - datagram->first_ns > LIFE_NS;
}

/* The datagram of this name, or NULL; then *room is where it can be put. */
static struct datagram *find(struct fragments *fragments, const struct key *key, int64_t now_ns,
			     struct datagram **room)
{
	struct datagram *set = fragments->sets[hash_of(key) % FRAGMENT_SETS];

	*room = &set[0];
	for (int i = 0; i < FRAGMENT_WAYS; i++) {
		if (set[i].used && expired(&set[i], now_ns))
			set[i].used = false;
		if (set[i].used && memcmp(&set[i].key, key, sizeof(*key)) == 0)
			return &set[i];
		if ((*room)->used && (!set[i].used || set[i].first_ns < (*room)->first_ns))
			*room = &set[i];
	}
	return NULL;
}

/*
 * What may lead to TCP. Most fragments in this world are of UDP, and of no
 * tunnel: a datagram of UDP has a place only when its first fragment comes
 * first, as senders have it, and is for a tunnel's port.
 */
static bool deserves_room(const struct decoder *d, const struct ip *ip)
{
	const uint8_t *ports;

	switch (ip->protocol) {
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
	case PROTOCOL_ESP:
		return false;
	case PROTOCOL_UDP:
		ports = cursor_peek(&d->cursor, 4);
		return !ip->fragment_offset && ports &&
		       udp_is_tunnel(get_be16(ports), get_be16(ports + 2));
	default:
		return true;
	}
}

static void mark(struct datagram *datagram, uint32_t offset, uint32_t length)
{
	for (uint32_t u = offset / UNIT; u < (offset + length + UNIT - 1) / UNIT; u++) {
		uint64_t bit = UINT64_C(1) << u % 64;

		if (!(datagram->came[u / 64] & bit))
			datagram->units++;
		datagram->came[u / 64] |= bit;
	}
}

static void keep_head(struct datagram *datagram, uint32_t offset, const struct cursor *c,
		      uint32_t length)
{
	uint32_t captured = cursor_left(c) < length ? cursor_left(c) : length;

	for (uint32_t i = 0; i < captured && offset + i < FRAGMENT_HEAD_SIZE; i++) {
		if (datagram->head_came[offset + i])
			continue;
		datagram->head[offset + i] = c->at[i];
		datagram->head_came[offset + i] = true;
	}
}

static bool is_whole(const struct datagram *datagram)
{
	return datagram->length != LENGTH_UNKNOWN &&
	       datagram->units >= (datagram->length + UNIT - 1) / UNIT;
}

static void take_head(const struct datagram *datagram, struct fragment_head *head)
{
	const bool *gap = memchr(datagram->head_came, false, FRAGMENT_HEAD_SIZE);

	head->captured = gap ? (uint32_t)(gap - datagram->head_came) : FRAGMENT_HEAD_SIZE;
	head->wire = datagram->length;
	if (head->captured > head->wire)
		head->captured = head->wire;
	memcpy(head->bytes, datagram->head, head->captured);
}

enum fragment_result fragment_add(struct decoder *d, const struct ip *ip,
				  struct fragment_head *head)
{
	uint32_t offset = ip->fragment_offset, length = cursor_wire(&d->cursor);
	enum fragment_result result = FRAGMENT_WAITS;
	struct datagram *datagram, *room = NULL;
	struct key key = key_of(ip);

	if (ip->more_fragments)
		length -= length % UNIT;
	if (!length || length > DATAGRAM_MAX - offset)
		return FRAGMENT_MALFORMED;
	datagram = d->fragments ? find(d->fragments, &key, d->time_ns, &room) : NULL;
	if (!datagram) {
		if (!deserves_room(d, ip))
			return FRAGMENT_WAITS;
		if (!d->fragments) {
			d->fragments = calloc(1, sizeof(*d->fragments));
			if (!d->fragments)
				return FRAGMENT_NO_ROOM;
			(void)find(d->fragments, &key, d->time_ns, &room);
		}
		if (room->used)
			result = FRAGMENT_NO_ROOM;
		datagram = room;
		memset(datagram, 0, sizeof(*datagram));
		datagram->key = key;
		datagram->used = true;
		datagram->first_ns = d->time_ns;
		datagram->length = LENGTH_UNKNOWN;
	}
	if (offset + length > datagram->length)
		return FRAGMENT_MALFORMED;
	if (!ip->more_fragments) {
		if (offset + length < datagram->end)
			return FRAGMENT_MALFORMED;
		datagram->length = offset + length;
	}
	if (offset + length > datagram->end)
		datagram->end = offset + length;
	mark(datagram, offset, length);
	keep_head(datagram, offset, &d->cursor, length);
	if (!is_whole(datagram))
		return result;
	take_head(datagram, head);
	datagram->used = false;
	return FRAGMENT_WHOLE;
}

void fragments_free(struct fragments *fragments)
{
	free(fragments);
}
