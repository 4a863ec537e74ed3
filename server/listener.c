/*
 * Listening sockets and accept(). What is done with a connection is not
 * decided here.
 */
#include "server/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/socket_address.h"

static bool ipv4_beside(const struct endpoint *wanted, size_t count, uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if (address_is_ipv4(&wanted[i].address) && wanted[i].port == port && port != 0)
			return true;
	return false;
}

static int bind_and_listen(int fd, const struct endpoint *e, int v6only, int backlog)
{
	union socket_address a;
	socklen_t length = socket_address_from(e, &a);
	int one = 1;

	/* A port whose old connections are in TIME_WAIT is free. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		return -errno;
	if (a.any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0)
		return -errno;
	if (bind(fd, &a.any, length) < 0 || listen(fd, backlog) < 0)
		return -errno;
	return 0;
}

int listener_open(const struct endpoint *wanted, size_t count, size_t i, int backlog,
		  struct listener_socket *out)
{
	static const uint8_t any4[4];
	struct endpoint e = wanted[i];
	int v6only = ipv4_beside(wanted, count, e.port);
	int family = address_is_ipv4(&e.address) ? AF_INET : AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 && errno == EAFNOSUPPORT && address_is_any(&e.address) && !v6only) {
		e.address = address_from_ipv4(any4);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return -errno;
	r = bind_and_listen(fd, &e, v6only, backlog);
	if (r == 0)
		r = socket_address_local(fd, &out->local);
	if (r < 0) {
		close(fd);
		return r;
	}
	out->fd = fd;
	return 0;
}

int listener_accept(const struct listener_socket *listener, struct connection *out,
		    int64_t *before_ns, int64_t *after_ns)
{
	struct endpoint client, local = listener->local;
	union socket_address a;
	socklen_t length = sizeof(a);
	int fd;

	*before_ns = clock_now_ns();
	fd = accept4(listener->fd, &a.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	*after_ns = clock_now_ns();
	if (fd < 0)
		return -errno;
	client = socket_address_to(&a);
	/* It works on a connection that was reset while it waited, too. */
	if (address_is_any(&local.address) && socket_address_local(fd, &local) < 0)
		local = listener->local;
	out->fd = fd;
	out->flow = (struct flow){
	    .saddr = client.address,
	    .daddr = local.address,
	    .sport = client.port,
	    .dport = local.port,
	};
	return 0;
}
