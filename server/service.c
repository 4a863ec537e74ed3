/*
 * One connection from its first byte to its close. Everything is bounded: the
 * head in size and time, the wait for a client that does not take its reply, and
 * the wait for one that has more to say than was asked.
 */
#include "server/service.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/http.h"

#define SEND_TIMEOUT_NS	 (2 * NS_PER_SEC)
#define DRAIN_TIMEOUT_NS NS_PER_SEC
#define DRAIN_BYTES	 (1 << 20)
#define REPLY_SIZE	 1024

void service_report(const struct service *service, enum event_kind kind,
		    const struct connection *connection, int32_t pid, uint32_t bytes)
{
	struct event event = {
	    .kind = kind,
	    .source = SOURCE_SERVER,
	    .step = {.flow = connection->flow, .pid = pid, .bytes = bytes},
	};

	if (!service->writer)
		return;
	event.time_ns = clock_now_ns();
	channel_write(service->writer, &event);
}

/* True when the socket became ready (or failed: the next call tells) before the time. */
static bool wait_until(int fd, short events, int64_t end_ns)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = events};
		int64_t left_ns = end_ns - clock_monotonic_ns();
		struct timespec ts;
		int r;

		if (left_ns <= 0)
			return false;
		ts.tv_sec = left_ns / NS_PER_SEC;
		ts.tv_nsec = left_ns % NS_PER_SEC;
		r = ppoll(&p, 1, &ts, NULL);
		if (r > 0)
			return true;
		if (r < 0 && errno != EINTR)
			return true;
	}
}

struct received {
	char bytes[HTTP_HEAD_MAX];
	size_t length;
	bool ended; /* the client closed or reset */
	struct http_request request;
};

static enum http_result receive_head(const struct service *service,
				     const struct connection *connection, struct received *in)
{
	int64_t end_ns = clock_monotonic_ns() + service->request_timeout_ns;
	enum http_result result = HTTP_MORE;

	in->length = 0;
	in->ended = false;
	while (result == HTTP_MORE) {
		ssize_t n =
		    recv(connection->fd, in->bytes + in->length, sizeof(in->bytes) - in->length, 0);

		if (n > 0) {
			if (in->length == 0)
				service_report(service, EVENT_FIRST_BYTE, connection, gettid(),
					       (uint32_t)n);
			in->length += (size_t)n;
			result = http_parse(in->bytes, in->length, &in->request);
		} else if (n < 0 && errno == EAGAIN) {
			if (!wait_until(connection->fd, POLLIN, end_ns))
				break;
		} else if (n == 0 || errno != EINTR) {
			in->ended = true;
			break;
		}
	}
	return result;
}

static void work(int64_t service_ns)
{
	struct timespec left = {
	    .tv_sec = service_ns / NS_PER_SEC,
	    .tv_nsec = service_ns % NS_PER_SEC,
	};

	if (service_ns <= 0)
		return;
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* True when the kernel has taken all of it. */
static bool send_all(const struct connection *connection, const char *bytes, size_t length)
{
	int64_t end_ns = clock_monotonic_ns() + SEND_TIMEOUT_NS;

	while (length > 0) {
		ssize_t n = send(connection->fd, bytes, length, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (!wait_until(connection->fd, POLLOUT, end_ns))
				return false;
		} else if (errno != EINTR) {
			return false;
		}
	}
	return true;
}

static bool reply(const struct service *service, const struct connection *connection, int status,
		  bool head_only)
{
	struct endpoint client = flow_source(&connection->flow);
	char address[ENDPOINT_TEXT_SIZE], text[256], bytes[REPLY_SIZE];
	size_t length;

	endpoint_format(&client, address, sizeof(address));
	if (status == 200)
		snprintf(text, sizeof(text), "synscope: task %d (%s) served %s\n", (int)gettid(),
			 server_model_name(service->model), address);
	else
		snprintf(text, sizeof(text), "synscope: this is not the request it waited for\n");
	length = http_reply(bytes, sizeof(bytes), status, head_only, text);
	if (!send_all(connection, bytes, length))
		return false;
	service_report(service, EVENT_REPLY, connection, gettid(), (uint32_t)length);
	return true;
}

/*
 * close() with unread bytes in the buffer sends a reset, which can overtake the
 * reply on its way to the client (RFC 9112 section 9.6): take them first.
 */
static void drain(const struct connection *connection)
{
	int64_t end_ns = clock_monotonic_ns() + DRAIN_TIMEOUT_NS;
	char bytes[4096];
	size_t left = DRAIN_BYTES;

	shutdown(connection->fd, SHUT_WR);
	while (left > 0) {
		ssize_t n = recv(connection->fd, bytes, sizeof(bytes), 0);

		if (n > 0)
			left -= (size_t)n < left ? (size_t)n : left;
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			return;
		else if (errno == EAGAIN && !wait_until(connection->fd, POLLIN, end_ns))
			return;
	}
}

static bool content_follows(const struct received *in)
{
	size_t there = in->length - in->request.head_length;

	return in->request.chunked || in->request.content_length > there;
}

static enum service_result answer(const struct service *service,
				  const struct connection *connection, struct received *in)
{
	enum http_result result = receive_head(service, connection, in);
	bool request = result == HTTP_REQUEST;

	if (in->ended)
		return SERVICE_GONE;
	/* Who said nothing at all is not answered: a browser opens connections in advance. */
	if (in->length == 0)
		return SERVICE_SILENT;
	if (request)
		work(service->service_ns);
	if (!reply(service, connection, http_status(result), request && in->request.head_only))
		return SERVICE_NO_REPLY;
	if (!request || content_follows(in))
		drain(connection);
	if (result == HTTP_MORE)
		return SERVICE_SILENT;
	return request ? SERVICE_REPLIED : SERVICE_MALFORMED;
}

enum service_result service_run(const struct service *service, const struct connection *connection)
{
	struct received in;
	enum service_result result = answer(service, connection, &in);

	close(connection->fd);
	service_report(service, EVENT_CLOSE, connection, gettid(), 0);
	return result;
}

void service_refuse(const struct service *service, const struct connection *connection)
{
	close(connection->fd);
	service_report(service, EVENT_CLOSE, connection, gettid(), 0);
}
