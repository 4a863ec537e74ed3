/*
 * Which attempts --attempt means.
 */
#include "report/text/choice.h"

#include <errno.h>
#include <stdlib.h>

static int parse_number(const char *text, uint64_t max, uint64_t *out)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value == 0 || value > max)
		return -EINVAL;
	*out = value;
	return 0;
}

int choice_parse(const char *text, struct choice *choice)
{
	struct endpoint endpoint;

	*choice = (struct choice){0};
	if (*text == '#')
		return parse_number(text + 1, UINT64_MAX, &choice->number);
	if (parse_number(text, UINT64_MAX, &choice->number) == 0) {
		choice->port_or_number = choice->number <= UINT16_MAX;
		return 0;
	}
	if (network_parse(text, &choice->network) == 0)
		return 0;
	if (endpoint_parse(text, &endpoint) < 0 || !endpoint.port)
		return -EINVAL;
	choice->port = endpoint.port;
	choice->network.address = endpoint.address;
	choice->network.prefix = address_is_any(&endpoint.address) ? 0 : 128;
	return 0;
}

bool choice_matches(const struct choice *choice, const struct attempt *attempt)
{
	if (choice->port_or_number && choice->number == attempt->client.port)
		return true;
	if (choice->number)
		return choice->number == attempt->number;
	return (!choice->port || choice->port == attempt->client.port) &&
	       network_has(&choice->network, &attempt->client.address);
}
