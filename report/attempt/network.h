/*
 * Interface for networks of addresses: "192.0.2.1", "10.0.0.0/8", "2001:db8::/32". An IPv4
 * address is an IPv6 one (::ffff:0:0/96), and so is its network.
 */
#ifndef REPORT_ATTEMPT_NETWORK_H
#define REPORT_ATTEMPT_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "event/flow.h"

#define NETWORK_TEXT_SIZE (ENDPOINT_TEXT_SIZE + 5)

struct network {
	struct address address;
	unsigned prefix; /* bits of it that count, of 128 */
};

/* An address, or ADDRESS/BITS. 0 or -EINVAL. */
int network_parse(const char *text, struct network *network) __attribute__((warn_unused_result));

bool network_has(const struct network *network, const struct address *address);

/* As network_parse() reads it. Returns out. */
const char *network_format(const struct network *network, char out[NETWORK_TEXT_SIZE]);

#endif
