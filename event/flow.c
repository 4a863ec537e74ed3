/*
 * Addresses and endpoints as text, and back. No look-ups of names.
 */
#include "event/flow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

/* The decimal digits of value; returns their number. */
static size_t put_decimal(char *text, uint32_t value)
{
	char digits[10];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	for (size_t i = 0; i < n; i++)
		text[i] = digits[n - 1 - i];
	return n;
}

/* By hand, not inet_ntop(): the TSV report prints two of these for every attempt. */
static size_t put_ipv4(char *text, const uint8_t bytes[4])
{
	size_t n = 0;

	for (int i = 0; i < 4; i++) {
		if (i)
			text[n++] = '.';
		n += put_decimal(text + n, bytes[i]);
	}
	return n;
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

size_t endpoint_format(const struct endpoint *e, char *text, size_t size)
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
	text[n++] = ':';
	n += put_decimal(text + n, e->port);
	text[n] = '\0';
	return n;
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
			return -EINVAL; /* a bare IPv6 address: where its port begins is anyone's guess */
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
