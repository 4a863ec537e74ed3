/*
 * Ports and addresses from the command line, and back into words.
 */
#include "cmd/options/targets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/options/resolve.h"

int targets_add(struct targets *targets, const char *command, const char *text)
{
	struct endpoint found[RESOLVE_MAX];
	char error[RESOLVE_ERROR_SIZE];
	int count = resolve(text, found, error);

	if (count > 0 && found[0].port == 0) {
		snprintf(error, sizeof(error), "expected a port from 1 to 65535");
		count = -1;
	}
	if (count < 0) {
		complain(command, "invalid port '%s': %s", text, error);
		return usage_error(command);
	}
	if (targets->count + (size_t)count > RECORDING_TARGETS_MAX) {
		complain(command,
			 "too many ports: at most %d; without any port all listeners are watched",
			 RECORDING_TARGETS_MAX);
		return usage_error(command);
	}
	memcpy(&targets->at[targets->count], found, (size_t)count * sizeof(found[0]));
	targets->count += (size_t)count;
	return 0;
}

/* As bind() has it, so that what routes and sysctls make local is local. */
static bool is_of_this_host(const struct address *address)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	int fd, rc;

	memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
	/* Which interface a link-local one is of has not been kept. */
	if (address_is_any(address) || IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
		return true;
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true; /* nothing is known without IPv6 */
	rc = bind(fd, (const struct sockaddr *)&in6, sizeof(in6)) < 0 ? -errno : 0;
	close(fd);
	return rc != -EADDRNOTAVAIL;
}

void targets_check(const struct targets *targets, const char *command)
{
	char text[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < targets->count; i++) {
		if (is_of_this_host(&targets->at[i].address))
			continue;
		endpoint_format(&targets->at[i], text, sizeof(text));
		complain(command,
			 "%s: not an address of this host (or --netns): no listener here can "
			 "have it; only forwarded connections are visible",
			 text);
	}
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
