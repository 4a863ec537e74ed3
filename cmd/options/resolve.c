/*
 * Endpoints by number or by name. What is a number is never asked for.
 */
#include "cmd/options/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* As getaddrinfo(3) takes them; a service alone has no host. */
struct names {
	char host[NI_MAXHOST];
	const char *service;
};

/* getaddrinfo() takes a number that no port has, and cuts it. */
static bool is_too_large(const char *service)
{
	return strspn(service, "0123456789") == strlen(service) &&
	       strtoul(service, NULL, 10) > UINT16_MAX;
}

static int split(const char *text, struct names *names)
{
	const char *host = text, *end = strrchr(text, ':');

	names->host[0] = '\0';
	names->service = text;
	if (!end)
		return *text && !is_too_large(text) ? 0 : -EINVAL;
	names->service = end + 1;
	if (*text == '[') {
		host++;
		if (end - host < 2 || *--end != ']')
			return -EINVAL;
	} else if (memchr(text, ':', (size_t)(end - text))) {
		return -EINVAL; /* a bare IPv6 address: where its port begins is anyone's guess */
	}
	if (!*names->service || is_too_large(names->service) ||
	    end - host >= (ptrdiff_t)sizeof(names->host))
		return -EINVAL;
	memcpy(names->host, host, (size_t)(end - host));
	names->host[end - host] = '\0';
	if (strcmp(names->host, "*") == 0)
		names->host[0] = '\0';
	return 0;
}

static void take(const struct sockaddr *address, bool any, struct endpoint *out)
{
	*out = (struct endpoint){0};
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		out->port = ntohs(in.sin_port);
		if (!any)
			out->address = address_from_ipv4((const uint8_t *)&in.sin_addr);
	} else {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		out->port = ntohs(in6.sin6_port);
		if (!any)
			out->address = address_from_ipv6(in6.sin6_addr.s6_addr);
	}
}

static bool is_known(const struct endpoint *list, int count, const struct endpoint *endpoint)
{
	for (int i = 0; i < count; i++)
		if (endpoint_equal(&list[i], endpoint))
			return true;
	return false;
}

int resolve(const char *text, struct endpoint out[RESOLVE_MAX], char error[RESOLVE_ERROR_SIZE])
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	struct names names;
	int rc, count = 0;

	if (endpoint_parse(text, &out[0]) == 0)
		return 1;
	if (split(text, &names) < 0) {
		snprintf(error, RESOLVE_ERROR_SIZE,
			 "expected PORT or ADDRESS:PORT, such as 8080, http, 127.0.0.1:8080, "
			 "localhost:http or [::1]:8080");
		return -EINVAL;
	}
	if (!names.host[0])
		hints.ai_flags = AI_PASSIVE;
	rc = getaddrinfo(names.host[0] ? names.host : NULL, names.service, &hints, &list);
	if (rc) {
		snprintf(error, RESOLVE_ERROR_SIZE, "%s",
			 rc == EAI_SERVICE  ? "the port is neither a number from 1 to 65535 nor a "
					      "service of /etc/services"
			 : rc == EAI_SYSTEM ? strerror(errno)
					    : gai_strerror(rc));
		return -EINVAL;
	}
	for (const struct addrinfo *one = list; one && count < RESOLVE_MAX; one = one->ai_next) {
		if (one->ai_family != AF_INET && one->ai_family != AF_INET6)
			continue;
		take(one->ai_addr, !names.host[0], &out[count]);
		count += !is_known(out, count, &out[count]);
	}
	freeaddrinfo(list);
	if (count)
		return count;
	snprintf(error, RESOLVE_ERROR_SIZE, "the name has no address");
	return -EINVAL;
}
