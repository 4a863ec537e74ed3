/*
 * Interface for the hash of flows that come from the network: keyed by a secret, so that
 * nobody can choose addresses that meet in one place.
 */
#ifndef EVENT_HASH_H
#define EVENT_HASH_H

#include <stdint.h>
#include <string.h>

#include "event/flow.h"

struct hash_secret {
	uint64_t words[3];
};

/* A new one at random. 0, or -EIO where the kernel has none to give. */
int hash_secret_new(struct hash_secret *secret) __attribute__((warn_unused_result));

__extension__ typedef unsigned __int128 hash_uint128;

/* 64x64 -> 128 bit multiplication, folded: the mixing step of wyhash and its kin. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	hash_uint128 p = (hash_uint128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t hash_end(const struct hash_secret *s, const struct address *a, uint16_t port)
{
	uint64_t w[2];

	memcpy(w, a->bytes, 16);
	return hash_fold(w[0] ^ s->words[0] ^ port, w[1] ^ s->words[1]);
}

/* The same for both directions of a connection. */
static inline uint32_t hash_flow(const struct hash_secret *secret, const struct flow *flow)
{
	/* The sum does not tell the direction; the last step spreads it again. */
	uint64_t sum = hash_end(secret, &flow->saddr, flow->sport) +
		       hash_end(secret, &flow->daddr, flow->dport);

	return (uint32_t)hash_fold(sum ^ secret->words[2], 0x9e3779b97f4a7c15u);
}

#endif
