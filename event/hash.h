/*
 * Interface for the step of which the hashes are made whose keys come from the network: with
 * a secret in both of its operands nobody can choose keys that meet in one place.
 */
#ifndef EVENT_HASH_H
#define EVENT_HASH_H

#include <stdint.h>

__extension__ typedef unsigned __int128 hash_uint128;

/* 64x64 -> 128 bit multiplication, folded: the mixing step of wyhash and its kin. */
static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	hash_uint128 p = (hash_uint128)a * b;

	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

#endif
