/*
 * Interface for writing integers as decimal text, fast: the recording writes
 * and the TSV report prints a dozen of them for every connection.
 *
 * Each function writes at p, without a NUL, and returns the end of what it wrote.
 */
#ifndef EVENT_DECIMAL_H
#define EVENT_DECIMAL_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Room for any int64_t or uint64_t. */
#define DECIMAL_SIZE 20

#define DECIMAL_8_DIGITS 100000000u

/* The eight digits of value < 10^8, leading zeros and all, most significant in the lowest byte. */
static inline uint64_t decimal_digits8(uint32_t value)
{
	/* Three splits, each on all lanes at once: 4 + 4 digits, then 2 + 2, then 1 + 1. */
	uint64_t fours = (value / 10000) | (uint64_t)(value % 10000) << 32;
	uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007f0000007fULL;
	uint64_t twos = hundreds | (fours - 100 * hundreds) << 16;
	uint64_t tens = (twos * 103 >> 10) & 0x000f000f000f000fULL;

	return tens | (twos - 10 * tens) << 8;
}

/* Exactly eight digits; value < 10^8. */
static inline char *decimal_put8(char *p, uint32_t value)
{
	uint64_t text = htole64(decimal_digits8(value) | 0x3030303030303030ULL);

	memcpy(p, &text, 8);
	return p + 8;
}

/* value < 10^8 without leading zeros. Scribbles over up to 8 bytes: room for them is needed. */
static inline char *decimal_put_small(char *p, uint32_t value)
{
	uint64_t digits = decimal_digits8(value);
	/* The zero bytes at the low end are the leading zeros; the last digit always stays. */
	unsigned zeros = (unsigned)__builtin_ctzll(digits | 1ULL << 56) / 8;
	uint64_t text = htole64((digits | 0x3030303030303030ULL) >> (8 * zeros));

	memcpy(p, &text, 8);
	return p + 8 - zeros;
}

/* Needs 10 bytes of room, whatever the value. Small counts are its common case. */
static inline char *decimal_put_u32(char *p, uint32_t value)
{
	if (value < 10) {
		*p = (char)('0' + value);
		return p + 1;
	}
	if (value < DECIMAL_8_DIGITS)
		return decimal_put_small(p, value);
	if (value >= 10 * DECIMAL_8_DIGITS)
		*p++ = (char)('0' + value / (10 * DECIMAL_8_DIGITS));
	*p++ = (char)('0' + value / DECIMAL_8_DIGITS % 10);
	return decimal_put8(p, value % DECIMAL_8_DIGITS);
}

/* Needs DECIMAL_SIZE bytes of room, whatever the value. */
static inline char *decimal_put_u64(char *p, uint64_t value)
{
	uint64_t high;

	if (value < DECIMAL_8_DIGITS)
		return decimal_put_small(p, (uint32_t)value);
	high = value / DECIMAL_8_DIGITS;
	if (high < DECIMAL_8_DIGITS) {
		p = decimal_put_small(p, (uint32_t)high);
	} else {
		p = decimal_put_small(p, (uint32_t)(high / DECIMAL_8_DIGITS));
		p = decimal_put8(p, (uint32_t)(high % DECIMAL_8_DIGITS));
	}
	return decimal_put8(p, (uint32_t)(value % DECIMAL_8_DIGITS));
}

static inline char *decimal_put_i64(char *p, int64_t value)
{
	if (value >= 0)
		return decimal_put_u64(p, (uint64_t)value);
	*p++ = '-';
	return decimal_put_u64(p, 0 - (uint64_t)value);
}

#endif
