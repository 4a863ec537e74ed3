/*
 * Talks to sock_diag. What the messages look like is message.c's business,
 * what the sockets mean is the caller's.
 */
#include "netlink/diag/diag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "event/array.h"
#include "netlink/socket.h"

#define ATTEMPTS    3
#define SOCKETS_MAX (1U << 20)

struct diag {
	struct mnl_socket *socket;
	uint32_t sequence;
	uint64_t lost;
	struct diag_socket *sockets;
	size_t count;
	size_t capacity;
	_Alignas(struct nlmsghdr) uint8_t request[DIAG_REQUEST_SIZE];
	/* The kernel fills dumps up to the size that the reader offers, at most 32 KiB. */
	_Alignas(struct nlmsghdr) uint8_t reply[32768];
};

int diag_new(struct diag **out)
{
	struct diag *diag = calloc(1, sizeof(*diag));
	int error;

	if (!diag)
		return -ENOMEM;
	error = netlink_open(&diag->socket, NETLINK_SOCK_DIAG, 0);
	if (error) {
		free(diag);
		return error;
	}
	*out = diag;
	return 0;
}

void diag_free(struct diag *diag)
{
	if (!diag)
		return;
	mnl_socket_close(diag->socket);
	free(diag->sockets);
	free(diag);
}

uint64_t diag_lost(const struct diag *diag)
{
	return diag->lost;
}

static int send_request(struct diag *diag, size_t length)
{
	while (mnl_socket_sendto(diag->socket, diag->request, length) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Fills the cursor; -EAGAIN when nothing is there, -ENOBUFS when something was lost. */
static int receive(struct diag *diag, struct diag_cursor *cursor)
{
	ssize_t n;

	do
		n = mnl_socket_recvfrom(diag->socket, diag->reply, sizeof(diag->reply));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	*cursor = (struct diag_cursor){diag->reply, (size_t)n, diag->sequence};
	return 0;
}

/* 0 with *out, a real error of the kernel, or -EAGAIN: no answer came, ask again. */
static int look_up_once(struct diag *diag, size_t length, struct diag_socket *out)
{
	struct diag_message message;
	struct diag_cursor cursor;
	int error;

	error = send_request(diag, length);
	if (error)
		return error == -ENOBUFS ? -EAGAIN : error;
	for (;;) {
		error = receive(diag, &cursor);
		if (error == -ENOBUFS)
			continue;
		if (error)
			return error;
		for (;;) {
			enum diag_result result = diag_next(&cursor, &message);

			if (result == DIAG_SOCKET) {
				*out = message.socket;
				return 0;
			}
			if (result == DIAG_ERROR && message.error < 0)
				return message.error;
			if (result == DIAG_END || result == DIAG_TRUNCATED)
				break;
		}
	}
}

int diag_look_up(struct diag *diag, const struct endpoint *local, const struct endpoint *remote,
		 uint32_t interface, unsigned want, struct diag_socket *out)
{
	int error = -EAGAIN;

	for (int i = 0; i < ATTEMPTS && error == -EAGAIN; i++) {
		size_t length = diag_build_look_up(diag->request, ++diag->sequence, local, remote,
						   interface, want);

		error = look_up_once(diag, length, out);
	}
	if (error == -EAGAIN)
		diag->lost++;
	return error;
}

static bool keep(struct diag *diag, const struct diag_socket *socket)
{
	if (diag->count == diag->capacity) {
		struct diag_socket *sockets =
		    array_grow(diag->sockets, &diag->capacity, sizeof(*sockets), 64, SOCKETS_MAX);

		if (!sockets)
			return false;
		diag->sockets = sockets;
	}
	diag->sockets[diag->count++] = *socket;
	return true;
}

/*
 * Reads the dump to its end whatever happens, so that the next request does not
 * find it running (EBUSY). *whole says that nothing is missing.
 */
static int dump_once(struct diag *diag, size_t length, bool *whole)
{
	struct diag_message message;
	struct diag_cursor cursor;
	int error;

	diag->count = 0;
	*whole = true;
	error = send_request(diag, length);
	if (error)
		return error;
	for (;;) {
		enum diag_result result;

		error = receive(diag, &cursor);
		if (error == -ENOBUFS || error == -ENOSPC) {
			*whole = false;
			continue;
		}
		if (error == -EAGAIN) {
			*whole = false;
			return 0;
		}
		if (error)
			return error;
		while ((result = diag_next(&cursor, &message)) != DIAG_END) {
			if (result == DIAG_OTHER)
				continue;
			if (result == DIAG_TRUNCATED || result == DIAG_MALFORMED) {
				*whole = false;
				if (result == DIAG_TRUNCATED)
					break;
				continue;
			}
			if (message.interrupted)
				*whole = false;
			if (result == DIAG_DONE)
				return 0;
			if (result == DIAG_ERROR && message.error < 0)
				return message.error;
			if (result == DIAG_SOCKET && !keep(diag, &message.socket))
				*whole = false;
		}
	}
}

int diag_dump(struct diag *diag, uint32_t states, const uint16_t *ports, size_t ports_count,
	      unsigned want, const struct diag_socket **sockets, size_t *count)
{
	bool whole = false;
	int error = 0;

	for (int i = 0; i < ATTEMPTS && !whole; i++) {
		size_t length = diag_build_dump(diag->request, ++diag->sequence, states, ports,
						ports_count, want);

		error = dump_once(diag, length, &whole);
		if (error && error != -EINTR && error != -EBUSY && error != -ENOBUFS)
			return error;
	}
	if (!whole)
		diag->lost++;
	if (error)
		return error;
	*sockets = diag->sockets;
	*count = diag->count;
	return 0;
}
