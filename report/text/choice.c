/*
 * Which attempts --attempt means. An IPv4 address is an IPv6 one (::ffff:0:0/96),
 * and so is its network.
 */
#include "report/text/choice.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int parse_network(const char *text, struct choice *choice)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits, most;
	uint8_t bytes[16];

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (inet_pton(AF_INET, host, bytes) == 1) {
		choice->network = address_from_ipv4(bytes);
		most = 32;
	} else if (inet_pton(AF_INET6, host, bytes) == 1) {
		choice->network = address_from_ipv6(bytes);
		most = 128;
	} else {
		return -EINVAL;
	}
	bits = most;
	if (slash && strcmp(slash, "/0") == 0)
		bits = 0;
	else if (slash && parse_number(slash + 1, most, &bits) < 0)
		return -EINVAL;
	choice->prefix = (unsigned)(bits + 128 - most);
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
	if (parse_network(text, choice) == 0)
		return 0;
	if (endpoint_parse(text, &endpoint) < 0 || !endpoint.port)
		return -EINVAL;
	choice->port = endpoint.port;
	choice->network = endpoint.address;
	choice->prefix = address_is_any(&endpoint.address) ? 0 : 128;
	return 0;
}

static bool is_within(const struct choice *choice, const struct address *address)
{
	unsigned whole = choice->prefix / 8, rest = choice->prefix % 8;

	if (memcmp(choice->network.bytes, address->bytes, whole) != 0)
		return false;
	return !rest ||
	       !((choice->network.bytes[whole] ^ address->bytes[whole]) & (0xffu << (8 - rest)));
}

bool choice_matches(const struct choice *choice, const struct attempt *attempt)
{
	if (choice->port_or_number && choice->number == attempt->client.port)
		return true;
	if (choice->number)
		return choice->number == attempt->number;
	return (!choice->port || choice->port == attempt->client.port) &&
	       is_within(choice, &attempt->client.address);
}
