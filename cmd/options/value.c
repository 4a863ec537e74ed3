/*
 * Values within their range, and the complaint about others.
 */
#include "cmd/options/value.h"

#include <inttypes.h>
#include <stdio.h>

#include "cmd/command.h"
#include "cmd/options/argument.h"

int value_number(const char *command, const char *option, const char *value, uint64_t min,
		 uint64_t max, const char *expected, uint64_t *out)
{
	char range[64];

	if (argument_number(value, min, max, out) == 0)
		return 0;
	snprintf(range, sizeof(range), "%" PRIu64 " to %" PRIu64, min, max);
	complain(command, "%s: invalid number '%s': expected %s", option, value,
		 expected ? expected : range);
	return usage_error(command);
}

int value_time(const char *command, const char *option, const char *value, int64_t min_ns,
	       int64_t max_ns, const char *expected, int64_t *out_ns)
{
	if (argument_duration(value, out_ns) == 0 && *out_ns >= min_ns && *out_ns <= max_ns)
		return 0;
	complain(command, "%s: invalid time '%s': expected %s", option, value, expected);
	return usage_error(command);
}

int value_max_open(const char *command, const char *value, uint32_t *out)
{
	uint64_t number;
	int status = value_number(command, "--max-open", value, 16, 1u << 26, NULL, &number);

	if (status == 0)
		*out = (uint32_t)number;
	return status;
}
