/*
 * A sorted list of prefixes. A host has a few lengths of them and one address that most
 * connections are to: what was asked last is remembered.
 */
#include "report/track/ways.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"

void ways_release(struct ways *ways)
{
	free(ways->prefixes);
	ways->prefixes = NULL;
	ways->count = ways->room = 0;
}

static int compare(const struct address_prefix *a, const struct address_prefix *b)
{
	if (a->bits != b->bits)
		return a->bits < b->bits ? -1 : 1;
	return memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes));
}

/* Its place, or where it would be. */
static size_t place_of(const struct ways *ways, const struct address_prefix *prefix)
{
	size_t low = 0, high = ways->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&ways->prefixes[middle], prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool make_room(struct ways *ways)
{
	void *bigger;

	if (ways->count < ways->room)
		return true;
	bigger = array_grow(ways->prefixes, &ways->room, sizeof(*ways->prefixes), 64,
			    WAYS_ADDRESSES_MAX);
	if (!bigger)
		return false;
	ways->prefixes = bigger;
	return true;
}

static struct address_prefix cut(const struct address *address, unsigned bits)
{
	struct address_prefix p = {.address = *address, .bits = (uint8_t)(bits < 128 ? bits : 128)};

	for (unsigned i = p.bits / 8; i < 16; i++)
		p.address.bytes[i] &= i == p.bits / 8 ? (uint8_t) ~(0xff >> p.bits % 8) : 0;
	return p;
}

void ways_take(struct ways *ways, const struct address_change *change)
{
	struct address_prefix prefix = cut(&change->prefix.address, change->prefix.bits);
	size_t at = place_of(ways, &prefix);
	bool there = at < ways->count && compare(&ways->prefixes[at], &prefix) == 0;
	struct address_prefix *place;

	ways->last_known = false;
	if (there == !change->gone)
		return;
	if (!there && !make_room(ways)) {
		ways->refused++;
		return;
	}
	place = ways->prefixes + at;
	if (there) {
		ways->count--;
		memmove(place, place + 1, (ways->count - at) * sizeof(*place));
	} else {
		memmove(place + 1, place, (ways->count - at) * sizeof(*place));
		*place = prefix;
		ways->count++;
	}
}

/* From the longest prefixes to the shortest: mostly it is a whole address. */
static bool find(const struct ways *ways, const struct address *address)
{
	size_t i = ways->count;

	while (i > 0) {
		unsigned bits = ways->prefixes[i - 1].bits;
		struct address_prefix first = {.bits = (uint8_t)bits};
		struct address_prefix wanted = cut(address, bits);
		size_t at = place_of(ways, &wanted);

		if (at < ways->count && compare(&ways->prefixes[at], &wanted) == 0)
			return true;
		i = place_of(ways, &first);
	}
	return false;
}

bool ways_is_own(struct ways *ways, const struct address *address)
{
	if (!ways->last_known || !address_equal(&ways->last, address)) {
		ways->last_own = find(ways, address);
		ways->last = *address;
		ways->last_known = true;
	}
	return ways->last_own;
}

enum role ways_role(struct ways *ways, const struct flow *client_to_server)
{
	if (!ways->count)
		return ROLE_UNKNOWN;
	if (ways_is_own(ways, &client_to_server->daddr))
		return ROLE_INBOUND;
	return find(ways, &client_to_server->saddr) ? ROLE_OUTBOUND : ROLE_FORWARDED;
}
