/*
 * Interface for times as integers of nanoseconds in decimal text. Their upper digits are the
 * same for a tenth of a second, in which a busy capture has thousands: they are remembered.
 */
#ifndef REPORT_SINK_TIME_DIGITS_H
#define REPORT_SINK_TIME_DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "event/clock.h"
#include "event/decimal.h"

#define TIME_DIGITS_SLOTS 8

/* Zeroed it is empty. Its members are time_digits.c's own. */
struct time_digits {
	struct {
		uint64_t upper; /* time / 10^8; 0: none */
		size_t length;
		char text[16]; /* no int64_t has more upper digits */
	} slots[TIME_DIGITS_SLOTS];
};

/* Fills the slot of these upper digits. */
void time_digits_remember(struct time_digits *digits, uint64_t upper);

/* Writes a time at p, without a NUL; needs 24 bytes of room. Returns the end; of TIME_UNKNOWN p. */
static inline char *time_digits_put(struct time_digits *digits, char *p, int64_t time_ns)
{
	uint64_t upper = (uint64_t)time_ns / DECIMAL_8_DIGITS, slot = upper % TIME_DIGITS_SLOTS;

	if (time_ns <
	    DECIMAL_8_DIGITS) /* of no use before 1970 and in its first tenth of a second */
		return time_ns == TIME_UNKNOWN ? p : decimal_put_i64(p, time_ns);
	if (digits->slots[slot].upper != upper)
		time_digits_remember(digits, upper);
	memcpy(p, digits->slots[slot].text, sizeof(digits->slots[slot].text));
	return decimal_put8(p + digits->slots[slot].length,
			    (uint32_t)((uint64_t)time_ns - upper * DECIMAL_8_DIGITS));
}

#endif
