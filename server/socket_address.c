/*
 * Socket addresses of both families.
 */
#include "server/socket_address.h"

#include <errno.h>

socklen_t socket_address_from(const struct endpoint *e, union socket_address *out)
{
	*out = (union socket_address){0};
	if (address_is_ipv4(&e->address)) {
		out->in.sin_family = AF_INET;
		out->in.sin_port = htons(e->port);
		memcpy(&out->in.sin_addr, e->address.bytes + 12, 4);
		return sizeof(out->in);
	}
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = htons(e->port);
	memcpy(&out->in6.sin6_addr, e->address.bytes, 16);
	return sizeof(out->in6);
}

struct endpoint socket_address_to(const union socket_address *a)
{
	struct endpoint e = {0};
	uint8_t bytes[16];

	if (a->any.sa_family == AF_INET) {
		memcpy(bytes, &a->in.sin_addr, 4);
		e.address = address_from_ipv4(bytes);
		e.port = ntohs(a->in.sin_port);
	} else if (a->any.sa_family == AF_INET6) {
		memcpy(bytes, &a->in6.sin6_addr, 16);
		e.address = address_from_ipv6(bytes);
		e.port = ntohs(a->in6.sin6_port);
	}
	return e;
}

int socket_address_local(int fd, struct endpoint *out)
{
	union socket_address a;
	socklen_t length = sizeof(a);

	if (getsockname(fd, &a.any, &length) < 0)
		return -errno;
	*out = socket_address_to(&a);
	return 0;
}
