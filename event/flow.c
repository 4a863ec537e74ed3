/*
 * Addresses and endpoints as text, and back. No look-ups of names.
 */
#include "event/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/decimal.h"

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool address_is_ipv4(const struct address *a)
{
	return memcmp(a->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

bool address_is_any(const struct address *a)
{
	static const struct address any6;
	static const uint8_t any4[4];

	return address_equal(a, &any6) ||
	       (address_is_ipv4(a) && memcmp(a->bytes + 12, any4, sizeof(any4)) == 0);
}

bool address_is_loopback(const struct address *a)
{
	static const struct address loopback6 = {.bytes = {[15] = 1}};

	return address_is_ipv4(a) ? a->bytes[12] == 127 : address_equal(a, &loopback6);
}

int endpoint_fit(const struct endpoint *listener, bool v6only, const struct endpoint *destination)
{
	bool ipv4;

	if (listener->port != destination->port)
		return 0;
	if (address_equal(&listener->address, &destination->address))
		return ENDPOINT_FITS_BEST;
	if (!address_is_any(&listener->address))
		return 0;
	ipv4 = address_is_ipv4(&destination->address);
	if (address_is_ipv4(&listener->address))
		return ipv4 ? 3 : 0;
	if (ipv4)
		return v6only ? 0 : 1;
	return 2;
}

#define TEN(prefix)                                                                         \
	prefix "0", prefix "1", prefix "2", prefix "3", prefix "4", prefix "5", prefix "6", \
	    prefix "7", prefix "8", prefix "9"
#define HUNDRED(prefix)                                                                      \
	TEN(prefix "0"), TEN(prefix "1"), TEN(prefix "2"), TEN(prefix "3"), TEN(prefix "4"), \
	    TEN(prefix "5"), TEN(prefix "6"), TEN(prefix "7"), TEN(prefix "8"), TEN(prefix "9")

static const char octets[256][4] = {
    TEN(""),  TEN("1"), TEN("2"),     TEN("3"),	 TEN("4"),  TEN("5"),  TEN("6"),  TEN("7"),
    TEN("8"), TEN("9"), HUNDRED("1"), TEN("20"), TEN("21"), TEN("22"), TEN("23"), TEN("24"),
    "250",    "251",	"252",	      "253",	 "254",	    "255",
};

/*
 * From a table, not by inet_ntop(): the TSV report prints addresses for every
 * attempt. Scribbles over up to two bytes after the end.
 */
static size_t put_ipv4(char *text, const uint8_t bytes[4])
{
	char *p = text;

	for (int i = 0; i < 4; i++) {
		memcpy(p, octets[bytes[i]], 4);
		p += 1 + (bytes[i] > 9) + (bytes[i] > 99);
		*p++ = '.';
	}
	return (size_t)(p - 1 - text);
}

size_t address_format(const struct address *a, char *text, size_t size)
{
	size_t n;

	if (size < ENDPOINT_TEXT_SIZE) {
		if (size)
			text[0] = '\0';
		return 0;
	}
	if (address_is_ipv4(a)) {
		n = put_ipv4(text, a->bytes + 12);
		text[n] = '\0';
		return n;
	}
	if (!inet_ntop(AF_INET6, a->bytes, text, (socklen_t)size))
		text[0] = '\0';
	return strlen(text);
}

/* Names may have any bytes. */
static char *put_device(char *p, uint32_t interface, const char *device)
{
	if (!interface)
		return p;
	*p++ = '%';
	if (!device[0])
		return decimal_put_u32(p, interface);
	for (int i = 0; i < 15 && device[i]; i++)
		*p++ = device[i] > ' ' && device[i] < 0x7f ? device[i] : '?';
	return p;
}

size_t endpoint_format_on(const struct endpoint *e, uint32_t interface, const char *device,
			  char *text, size_t size)
{
	size_t n = 0;
	bool ipv4 = address_is_ipv4(&e->address);

	if (size < ENDPOINT_TEXT_SIZE) {
		if (size)
			text[0] = '\0';
		return 0;
	}
	if (ipv4) {
		n = put_ipv4(text, e->address.bytes + 12);
	} else {
		text[n++] = '[';
		if (inet_ntop(AF_INET6, e->address.bytes, text + n, (socklen_t)(size - n)))
			n += strlen(text + n);
		text[n++] = ']';
	}
	n = (size_t)(put_device(text + n, interface, device) - text);
	text[n++] = ':';
	n = (size_t)(decimal_put_u32(text + n, e->port) - text);
	text[n] = '\0';
	return n;
}

size_t endpoint_format(const struct endpoint *e, char *text, size_t size)
{
	return endpoint_format_on(e, 0, "", text, size);
}

static int parse_port(const char *text, uint16_t *port)
{
	unsigned long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value > UINT16_MAX)
		return -EINVAL;
	*port = (uint16_t)value;
	return 0;
}

int endpoint_parse(const char *text, struct endpoint *out)
{
	char host[INET6_ADDRSTRLEN + 1];
	const char *colon, *start = text;
	uint8_t bytes[16];
	size_t length;

	memset(out, 0, sizeof(*out));
	if (*text == '[') {
		const char *close = strchr(text, ']');

		if (!close || close[1] != ':')
			return -EINVAL;
		start = text + 1;
		length = (size_t)(close - start);
		colon = close + 1;
	} else {
		colon = strchr(text, ':');
		if (!colon)
			return parse_port(text, &out->port);
		if (strchr(colon + 1, ':'))
			return -EINVAL; /* a bare IPv6 address: where its port begins is anyone's
					   guess */
		length = (size_t)(colon - start);
	}
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, start, length);
	host[length] = '\0';
	if (*text == '[') {
		if (inet_pton(AF_INET6, host, bytes) != 1)
			return -EINVAL;
		out->address = address_from_ipv6(bytes);
	} else if (length && strcmp(host, "*") != 0) {
		if (inet_pton(AF_INET, host, bytes) != 1)
			return -EINVAL;
		out->address = address_from_ipv4(bytes);
	}
	return parse_port(colon + 1, &out->port);
}
