/*
 * Counts the connections that were open when others were turned away. The queue is served in
 * order: who entered before one that was turned away had been accepted by then. So an entry and
 * an end are enough, and accept(), of which often only bounds are known, is not asked.
 *
 * Who closes at a limit has not read what the client sent, and treats clients of one address
 * alike; a rule about a request, or about an address, does not.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>
#include <string.h>

#include "event/times.h"

/* This near to the most that were open is at the limit. */
#define AT_LIMIT_PERCENT 90

/* The connections that had a place: when each came and went, and of whom, each sorted. */
struct holders {
	int64_t *entered;
	int64_t *ended;
	struct address *addresses;
	size_t entered_count;
	size_t ended_count;
};

static int by_address(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(struct address));
}

/* It was accepted, and its client had not left by then. */
static bool has_place(const struct sizing_client *c)
{
	return c->accept_ns != TIME_UNKNOWN && c->entered_ns != TIME_UNKNOWN && !c->turned_away &&
	       c->left_ns == TIME_UNKNOWN;
}

static bool find_holders(const struct sizing *sizing, struct holders *h)
{
	h->entered = malloc((sizing->count + 1) * sizeof(*h->entered));
	h->ended = malloc((sizing->count + 1) * sizeof(*h->ended));
	h->addresses = malloc((sizing->count + 1) * sizeof(*h->addresses));
	if (!h->entered || !h->ended || !h->addresses)
		return false;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (!has_place(c))
			continue;
		h->addresses[h->entered_count] = c->address;
		h->entered[h->entered_count++] = c->entered_ns;
		if (c->end_ns != TIME_UNKNOWN)
			h->ended[h->ended_count++] = c->end_ns;
	}
	qsort(h->entered, h->entered_count, sizeof(*h->entered), times_compare);
	qsort(h->ended, h->ended_count, sizeof(*h->ended), times_compare);
	qsort(h->addresses, h->entered_count, sizeof(*h->addresses), by_address);
	return true;
}

/* When the one that entered then was accepted, or closed. */
static uint64_t count_open(const struct holders *h, int64_t entered_ns, int64_t now_ns)
{
	size_t came = times_until(h->entered, h->entered_count, entered_ns);
	size_t went = times_until(h->ended, h->ended_count, now_ns);

	return came > went ? came - went : 0;
}

static bool is_unheard(const struct holders *h, const struct sizing_client *c)
{
	return c->turned_away && c->unread && c->entered_ns != TIME_UNKNOWN &&
	       c->end_ns != TIME_UNKNOWN &&
	       bsearch(&c->address, h->addresses, h->entered_count, sizeof(c->address), by_address);
}

struct sizing_places sizing_places(const struct sizing *sizing)
{
	struct sizing_places answer = {0};
	struct holders h = {0};

	if (!find_holders(sizing, &h))
		goto out;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		uint64_t open;

		if (!has_place(c))
			continue;
		open = count_open(&h, c->entered_ns, c->accept_ns);
		answer.open = open > answer.open ? open : answer.open;
	}
	for (size_t i = 0; i < sizing->count && answer.open; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (is_unheard(&h, c))
			answer.at_limit += count_open(&h, c->entered_ns, c->end_ns) * 100 >=
					   answer.open * AT_LIMIT_PERCENT;
	}
out:
	free(h.entered);
	free(h.ended);
	free(h.addresses);
	return answer;
}
