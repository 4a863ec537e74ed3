/*
 * A short list, searched from the one found last: those who connect to one server do so often.
 */
#include "report/explain/peers.h"

#include <stdlib.h>
#include <string.h>

static struct report_peer *find(struct peers *peers, const struct attempt *attempt)
{
	for (size_t n = 0; n < peers->count; n++) {
		size_t i = (peers->last + n) % peers->count;
		struct report_peer *peer = &peers->peers[i];

		if (peer->role == attempt->role &&
		    endpoint_equal(&peer->server, &attempt->server)) {
			peers->last = i;
			return peer;
		}
	}
	if (peers->count == PEERS_MAX)
		return NULL;
	peers->last = peers->count++;
	peers->peers[peers->last] =
	    (struct report_peer){.role = attempt->role, .server = attempt->server};
	return &peers->peers[peers->last];
}

void peers_add(struct peers *peers, const struct attempt *attempt)
{
	struct report_peer *peer = find(peers, attempt);

	if (!peer) {
		peers->refused++;
		return;
	}
	if (!peer->attempts || attempt->syn_ns < peer->first_ns)
		peer->first_ns = attempt->syn_ns;
	if (!peer->attempts || attempt->syn_ns > peer->last_ns)
		peer->last_ns = attempt->syn_ns;
	peer->attempts++;
	peer->again += attempt->syns > 1;
	peer->outcomes[attempt->outcome]++;
}

/* As they came where two are equal: so that a replay has the same order. */
static int by_attempts(const void *x, const void *y)
{
	const struct report_peer *a = x, *b = y;

	if (a->attempts != b->attempts)
		return a->attempts > b->attempts ? -1 : 1;
	if (a->server.port != b->server.port)
		return a->server.port < b->server.port ? -1 : 1;
	return memcmp(&a->server.address, &b->server.address, sizeof(a->server.address));
}

void peers_sort(struct peers *peers)
{
	qsort(peers->peers, peers->count, sizeof(*peers->peers), by_attempts);
}
