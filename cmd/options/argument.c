/*
 * The values of options, without floating point.
 */
#include "cmd/options/argument.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "event/clock.h"

#define DURATION_MAX_NS (10 * 366 * 86400 * NS_PER_SEC)

/* The digits at *text, which is moved past them. -EINVAL when there are none or too many. */
static int take_digits(const char **text, uint64_t *out)
{
	uint64_t value = 0;
	const char *p = *text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (value > (UINT64_MAX - 9) / 10)
			return -EINVAL;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	if (p == *text)
		return -EINVAL;
	*text = p;
	*out = value;
	return 0;
}

int argument_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t value;

	if (take_digits(&text, &value) < 0 || *text || value < min || value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

static int64_t unit_ns(const char *text)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
	    {"", NS_PER_SEC},	      {"ns", 1},
	    {"us", NS_PER_US},	      {"ms", NS_PER_MS},
	    {"s", NS_PER_SEC},	      {"m", 60 * NS_PER_SEC},
	    {"h", 3600 * NS_PER_SEC}, {"d", 86400 * NS_PER_SEC},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text, units[i].name) == 0)
			return units[i].ns;
	return 0;
}

int argument_duration(const char *text, int64_t *out_ns)
{
	const char *fraction = NULL, *end;
	uint64_t whole;
	int64_t unit, total, place;

	if (take_digits(&text, &whole) < 0)
		return -EINVAL;
	if (*text == '.') {
		uint64_t ignored;

		fraction = ++text;
		if (take_digits(&text, &ignored) < 0)
			return -EINVAL;
	}
	end = text;
	unit = unit_ns(text);
	if (unit == 0 || whole > (uint64_t)(DURATION_MAX_NS / unit))
		return -EINVAL;
	total = (int64_t)whole * unit;
	/* Digits beyond the nanosecond count for nothing. */
	place = unit;
	for (; fraction && fraction < end; fraction++) {
		total += (*fraction - '0') * (place / 10);
		place /= 10;
	}
	if (total > DURATION_MAX_NS)
		return -EINVAL;
	*out_ns = total;
	return 0;
}

int argument_size(const char *text, uint64_t *out)
{
	unsigned shift;
	uint64_t whole;

	if (take_digits(&text, &whole) < 0)
		return -EINVAL;
	switch (*text) {
	case '\0':
		shift = 0;
		break;
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		return -EINVAL;
	}
	/* "5GB" is what people write as well as "5G". */
	if ((shift && text[1] && strcmp(text + 1, "B") != 0) ||
	    whole > (uint64_t)INT64_MAX >> shift)
		return -EINVAL;
	*out = whole << shift;
	return 0;
}
