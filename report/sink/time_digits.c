/*
 * The upper digits of times, as text.
 */
#include "report/sink/time_digits.h"

void time_digits_remember(struct time_digits *digits, uint64_t upper)
{
	uint64_t slot = upper % TIME_DIGITS_SLOTS;
	char text[DECIMAL_SIZE] = "";

	digits->slots[slot].upper = upper;
	digits->slots[slot].length = (size_t)(decimal_put_u64(text, upper) - text);
	memcpy(digits->slots[slot].text, text, sizeof(digits->slots[slot].text));
}
