/*
 * Listens to the proc connector. What a fork means is decided elsewhere.
 *
 * Newer kernels can be asked for some kinds of events alone. That is not done:
 * the sequence numbers count all kinds, so that a filtered stream is all gaps,
 * and the gaps are the only measure of what was lost.
 */
#include "netlink/proc/proc.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/proc/message.h"

#define RECEIVE_BUFFER (8 << 20)
#define ACK_TIMEOUT_MS 500

/*
 * One read: so many datagrams at once, and so many times, that a flood of forks does not hold up.
 */
#define BATCH	      64
#define BATCHES	      64
#define DATAGRAM_SIZE 256

struct processor {
	bool known;
	uint32_t next; /* sequence number */
};

struct proc_connector {
	struct mnl_socket *socket;
	struct monotonic_shift shift;
	uint64_t lost;
	struct processor *processors;
	size_t processors_count;
	struct event events[BATCH]; /* of the batch that is read, to be sorted */
	uint8_t datagrams[BATCH][DATAGRAM_SIZE];
};

static int send_request(struct proc_connector *c, uint32_t ack, bool listen)
{
	uint8_t request[PROC_REQUEST_SIZE];
	size_t size = proc_message_build(request, ack, listen);

	return mnl_socket_sendto(c->socket, request, size) < 0 ? -errno : 0;
}

#define PROCESSORS_MAX 65536

static struct processor *get_processor(struct proc_connector *c, uint32_t cpu)
{
	if (cpu >= PROCESSORS_MAX)
		return NULL;
	if (cpu >= c->processors_count) {
		size_t count = cpu + 1;
		struct processor *grown = realloc(c->processors, count * sizeof(*grown));

		if (!grown)
			return NULL;
		for (size_t i = c->processors_count; i < count; i++)
			grown[i] = (struct processor){0};
		c->processors = grown;
		c->processors_count = count;
	}
	return &c->processors[cpu];
}

/* ENOBUFS says that something was lost, the gaps say how much. */
static void count_gap(struct proc_connector *c, const struct proc_message *message)
{
	struct processor *p = get_processor(c, message->cpu);

	if (!p)
		return;
	if (p->known)
		c->lost += message->sequence - p->next;
	p->known = true;
	p->next = message->sequence + 1;
}

/*
 * Answers go to all listeners of the host, and their sequence number is one of
 * the events': ours is told by its acknowledgement.
 */
static int wait_for_answer(struct proc_connector *c, uint32_t ack)
{
	int64_t end_ns = clock_monotonic_ns() + ACK_TIMEOUT_MS * NS_PER_MS;
	struct pollfd pollfd = {mnl_socket_get_fd(c->socket), POLLIN, 0};

	for (;;) {
		int64_t left_ns = end_ns - clock_monotonic_ns();
		struct proc_message message;
		enum proc_result result;
		uint8_t datagram[DATAGRAM_SIZE];
		ssize_t n;

		if (left_ns <= 0)
			return -ENODEV;
		if (poll(&pollfd, 1, (int)(left_ns / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return -errno;
		n = recv(pollfd.fd, datagram, sizeof(datagram), MSG_DONTWAIT);
		if (n < 0)
			continue;
		result = proc_message_read(datagram, (size_t)n, &message);
		if (result == PROC_NOT_OURS || result == PROC_MALFORMED)
			continue;
		/* Where the numbers begin: what is lost from here on leaves a gap. */
		count_gap(c, &message);
		if (result == PROC_ACK && message.ack == ack + 1)
			return -message.error;
	}
}

/*
 * Takes part in the group, then asks. A kernel that finds the asker outside of
 * the initial namespaces says nothing at all; one of another network namespace
 * has no connector and refuses the request.
 */
static int begin(struct proc_connector *c)
{
	uint32_t ack = (uint32_t)getpid() << 16 ^ (uint32_t)clock_monotonic_ns();
	int error;

	if (mnl_socket_bind(c->socket, CN_IDX_PROC, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	error = send_request(c, ack, true);
	if (error)
		return error == -ECONNREFUSED ? -ENODEV : error;
	return wait_for_answer(c, ack);
}

int proc_connector_new(struct proc_connector **out)
{
	struct proc_connector *c = calloc(1, sizeof(*c));
	int size = RECEIVE_BUFFER, fd, error;

	if (!c)
		return -ENOMEM;
	c->socket = mnl_socket_open2(NETLINK_CONNECTOR, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!c->socket) {
		error = -errno;
		goto free_connector;
	}
	fd = mnl_socket_get_fd(c->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	error = begin(c);
	if (error)
		goto close_socket;
	*out = c;
	return 0;
close_socket:
	mnl_socket_close(c->socket);
free_connector:
	free(c);
	return error;
}

void proc_connector_free(struct proc_connector *c)
{
	if (!c)
		return;
	/* Older kernels go on making events for nobody until they are told. */
	(void)!send_request(c, 0, false);
	mnl_socket_close(c->socket);
	free(c->processors);
	free(c);
}

int proc_connector_fd(const struct proc_connector *c)
{
	return mnl_socket_get_fd(c->socket);
}

uint64_t proc_connector_lost(const struct proc_connector *c)
{
	return c->lost;
}

/* True when the datagram is an event to deliver. */
static bool take(struct proc_connector *c, const uint8_t *datagram, size_t size,
		 struct event *event)
{
	struct proc_message message;
	enum proc_result result = proc_message_read(datagram, size, &message);

	switch (result) {
	case PROC_NOT_OURS:
	case PROC_MALFORMED:
		return false;
	case PROC_ACK:
	case PROC_OTHER:
		count_gap(c, &message);
		return false;
	case PROC_FORK:
	case PROC_EXIT:
		count_gap(c, &message);
		break;
	}
	*event =
	    (struct event){.source = SOURCE_PROC, .time_ns = message.monotonic_ns + c->shift.offset_ns};
	if (result == PROC_FORK) {
		event->kind = EVENT_PROC_FORK;
		event->proc_fork = message.fork;
	} else {
		event->kind = EVENT_PROC_EXIT;
		event->proc_exit = message.exit;
	}
	return true;
}

/* Number of events in c->events, in order of time; 0 with *drained when nothing is left. */
static size_t read_batch(struct proc_connector *c, bool *drained, int *error)
{
	struct mmsghdr messages[BATCH];
	struct sockaddr_nl from[BATCH];
	struct iovec vectors[BATCH];
	size_t count = 0;
	int n;

	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < BATCH; i++) {
		vectors[i] = (struct iovec){c->datagrams[i], DATAGRAM_SIZE};
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
		messages[i].msg_hdr.msg_name = &from[i];
		messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
	}
	n = recvmmsg(mnl_socket_get_fd(c->socket), messages, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		*drained = errno == EAGAIN;
		if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
			*error = -errno;
		return 0;
	}
	for (int i = 0; i < n; i++) {
		struct event event;
		size_t at = count;

		/* Only the kernel tells the truth about processes. */
		if (from[i].nl_pid != 0 || !take(c, c->datagrams[i], messages[i].msg_len, &event))
			continue;
		for (; at > 0 && c->events[at - 1].time_ns > event.time_ns; at--)
			c->events[at] = c->events[at - 1];
		c->events[at] = event;
		count++;
	}
	return count;
}

int proc_connector_read(struct proc_connector *c, event_fn fn, void *context)
{
	bool drained = false;
	int error = 0;

	monotonic_shift_renew(&c->shift);
	for (int i = 0; i < BATCHES && !drained; i++) {
		size_t count = read_batch(c, &drained, &error);

		if (error)
			return error;
		for (size_t j = 0; j < count; j++) {
			int result = fn(context, &c->events[j]);

			if (result)
				return result;
		}
	}
	return 0;
}
