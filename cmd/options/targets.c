/*
 * Ports and addresses from the command line, and back into words.
 */
#include "cmd/options/targets.h"

#include <stdio.h>
#include <string.h>

#include "cmd/command.h"

int targets_add(struct targets *targets, const char *command, const char *text)
{
	struct endpoint *target;

	if (targets->count == RECORDING_TARGETS_MAX) {
		complain(command,
			 "too many ports: at most %d; without any port all listeners are watched",
			 RECORDING_TARGETS_MAX);
		return usage_error(command);
	}
	target = &targets->at[targets->count];
	if (endpoint_parse(text, target) < 0 || target->port == 0) {
		complain(command,
			 "invalid port '%s': expected 1-65535 or ADDRESS:PORT, such as 8080, "
			 "127.0.0.1:8080 or [::1]:8080 (host names are not resolved)",
			 text);
		return usage_error(command);
	}
	targets->count++;
	return 0;
}

/* A port on every address is its number alone, as it is written on the command line. */
static void describe(const struct endpoint *target, char out[ENDPOINT_TEXT_SIZE])
{
	static const struct address any;

	if (address_equal(&target->address, &any))
		snprintf(out, ENDPOINT_TEXT_SIZE, "%u", (unsigned)target->port);
	else
		endpoint_format(target, out, ENDPOINT_TEXT_SIZE);
}

void targets_describe(const struct targets *targets, char *text, size_t size)
{
	const size_t reserve = sizeof(" and 64 more");
	size_t used = 0;

	snprintf(text, size, "every port");
	for (size_t i = 0; i < targets->count; i++) {
		char one[ENDPOINT_TEXT_SIZE];

		describe(&targets->at[i], one);
		if (used + strlen(one) + 2 + reserve > size) {
			snprintf(text + used, size - used, " and %zu more", targets->count - i);
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", one);
	}
}
