/*
 * Networks, by the bits of IPv6 addresses.
 */
#include "report/attempt/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "0" to most, without anything else. */
static int parse_bits(const char *text, unsigned most, unsigned *out)
{
	unsigned value = 0;
	size_t length = strlen(text);

	if (length < 1 || length > 3)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned)(*text - '0');
	}
	if (value > most)
		return -EINVAL;
	*out = value;
	return 0;
}

int network_parse(const char *text, struct network *network)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned bits, most;
	uint8_t bytes[16];

	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, length);
	host[length] = '\0';
	if (inet_pton(AF_INET, host, bytes) == 1) {
		network->address = address_from_ipv4(bytes);
		most = 32;
	} else if (inet_pton(AF_INET6, host, bytes) == 1) {
		network->address = address_from_ipv6(bytes);
		most = 128;
	} else {
		return -EINVAL;
	}
	bits = most;
	if (slash && parse_bits(slash + 1, most, &bits) < 0)
		return -EINVAL;
	network->prefix = bits + 128 - most;
	return 0;
}

bool network_has(const struct network *network, const struct address *address)
{
	unsigned whole = network->prefix / 8, rest = network->prefix % 8;

	if (memcmp(network->address.bytes, address->bytes, whole) != 0)
		return false;
	return !rest ||
	       !((network->address.bytes[whole] ^ address->bytes[whole]) & (0xffu << (8 - rest)));
}

const char *network_format(const struct network *network, char out[NETWORK_TEXT_SIZE])
{
	size_t length;
	bool ipv4;

	address_format(&network->address, out, NETWORK_TEXT_SIZE);
	ipv4 = !strchr(out, ':') && network->prefix >= 96;
	length = strlen(out);
	if (network->prefix < 128)
		snprintf(out + length, NETWORK_TEXT_SIZE - length, "/%u",
			 ipv4 ? network->prefix - 96 : network->prefix);
	return out;
}
