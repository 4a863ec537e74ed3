/*
 * A ring of entries with two chains each: by the flow that is captured, and by the socket's.
 * Hashes are the same for both directions.
 */
#include "report/track/nat.h"

#include <errno.h>
#include <stdlib.h>

#define NONE UINT32_MAX

static uint32_t place_of(const struct nat *nat, const struct flow *flow)
{
	return hash_flow(&nat->secret, flow) % NAT_MAX;
}

void nat_release(struct nat *nat)
{
	free(nat->entries);
	free(nat->heads_original);
	free(nat->heads_socket);
	*nat = (struct nat){0};
}

static int make_table(struct nat *nat)
{
	nat->entries = calloc(NAT_MAX, sizeof(*nat->entries));
	nat->heads_original = malloc(NAT_MAX * sizeof(uint32_t));
	nat->heads_socket = malloc(NAT_MAX * sizeof(uint32_t));
	if (!nat->entries || !nat->heads_original || !nat->heads_socket ||
	    hash_secret_new(&nat->secret)) {
		nat_release(nat);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < NAT_MAX; i++)
		nat->heads_original[i] = nat->heads_socket[i] = NONE;
	return 0;
}

static void leave_chains(struct nat *nat, uint32_t index)
{
	const struct nat_entry *e = &nat->entries[index];
	uint32_t *at = &nat->heads_original[place_of(nat, &e->original)];

	while (*at != NONE && *at != index)
		at = &nat->entries[*at].next_original;
	if (*at == index)
		*at = e->next_original;
	at = &nat->heads_socket[place_of(nat, &e->socket)];
	while (*at != NONE && *at != index)
		at = &nat->entries[*at].next_socket;
	if (*at == index)
		*at = e->next_socket;
}

static struct nat_entry *find_original(const struct nat *nat, const struct flow *flow,
				       bool *reverse)
{
	if (!nat->entries)
		return NULL;
	for (uint32_t i = nat->heads_original[place_of(nat, flow)]; i != NONE;
	     i = nat->entries[i].next_original) {
		struct nat_entry *e = &nat->entries[i];

		*reverse = flow_is_reverse(&e->original, flow);
		if (*reverse || flow_equal(&e->original, flow))
			return e;
	}
	return NULL;
}

int nat_take(struct nat *nat, const struct translation *translation, int64_t time_ns)
{
	const struct translation *t = translation;
	struct flow socket = {t->client.address, t->server.address, t->client.port, t->server.port};
	struct nat_entry *e;
	bool reverse;
	uint32_t index, place;

	if (!nat->entries && make_table(nat))
		return -ENOMEM;
	e = find_original(nat, &t->original, &reverse);
	if (e && !reverse && flow_equal(&e->socket, &socket)) {
		/* The same ports again, or told twice. */
		e->fresh |= t->fresh;
		e->time_ns = time_ns;
		e->read_ns = t->read_ns;
		return 0;
	}
	index = e && !reverse ? (uint32_t)(e - nat->entries) : nat->next;
	if (index == nat->next)
		nat->next = (nat->next + 1) % NAT_MAX;
	if (index < nat->count) {
		nat->forgotten += !e;
		leave_chains(nat, index);
	} else {
		nat->count = index + 1;
	}
	e = &nat->entries[index];
	*e = (struct nat_entry){.original = t->original,
				.socket = socket,
				.time_ns = time_ns,
				.read_ns = t->read_ns,
				.fresh = t->fresh};
	place = place_of(nat, &e->original);
	e->next_original = nat->heads_original[place];
	nat->heads_original[place] = index;
	place = place_of(nat, &e->socket);
	e->next_socket = nat->heads_socket[place];
	nat->heads_socket[place] = index;
	return 0;
}

bool nat_apply(struct nat *nat, struct flow *flow)
{
	bool reverse;
	struct nat_entry *e = find_original(nat, flow, &reverse);

	if (!e)
		return false;
	*flow = reverse ? flow_reverse(&e->socket) : e->socket;
	return true;
}

struct nat_entry *nat_find(const struct nat *nat, const struct flow *socket)
{
	if (!nat->entries)
		return NULL;
	for (uint32_t i = nat->heads_socket[place_of(nat, socket)]; i != NONE;
	     i = nat->entries[i].next_socket)
		if (flow_equal(&nat->entries[i].socket, socket))
			return &nat->entries[i];
	return NULL;
}
