/*
 * One client: connect, request, reply, end.
 *
 * How exact are its times? On loopback the whole handshake happens within
 * connect(), or within the timer that sends the SYN again for hundreds of
 * clients at once, and this process may read the clock milliseconds later. So the
 * time of the connection is not when this process looked. It is the start
 * plus the kernel's measure of the round trip where it has one; for a
 * SYN that was sent again it measures none (Karn's algorithm), there it is
 * the stamp of the SYN-ACK, where somebody may watch those (synack.h).
 */
#include "server/load/client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/load/error_name.h"
#include "server/socket_address.h"

void client_request_format(const struct endpoint *server, struct client_request *request)
{
	char text[ENDPOINT_TEXT_SIZE];
	int n;

	endpoint_format(server, text, sizeof(text));
	n = snprintf(request->bytes, sizeof(request->bytes),
		     "GET / HTTP/1.1\r\n"
		     "Host: %s\r\n"
		     "User-Agent: synscope-load\r\n"
		     "Connection: close\r\n"
		     "\r\n",
		     text);
	request->length = n > 0 ? (size_t)n : 0;
}

/* False when the kernel does not tell; info is zero then. */
static bool read_info(const struct client *client, struct tcp_info *info)
{
	socklen_t length = sizeof(*info);

	*info = (struct tcp_info){0};
	return getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, info, &length) == 0;
}

static void read_local(struct client *client)
{
	/* Unknown stays unknown: port 0. */
	if (client->local.port == 0 && socket_address_local(client->fd, &client->local) < 0)
		client->local.port = 0;
}

static void count_syns(struct client *client, const struct tcp_info *info)
{
	client->syns = 1 + info->tcpi_total_retrans;
}

void client_end(struct client *client, const char *error)
{
	struct tcp_info info;

	if (client->state == CLIENT_ENDED)
		return;
	client->end_ns = clock_now_ns();
	client->error = error;
	/* close() ends the retransmission, so that this count is the last. */
	if (client->state == CLIENT_CONNECTING && client->syns && read_info(client, &info))
		count_syns(client, &info);
	read_local(client);
	close(client->fd);
	client->fd = -1;
	client->state = CLIENT_ENDED;
}

/* The handshake is done: since when? The kernel's word if there is one, and if it can be. */
static void connected(struct client *client, const struct tcp_info *info, int64_t seen_ns)
{
	int64_t kernel_ns = client->synack_ns;

	if (client->syns == 1 && info->tcpi_rtt)
		kernel_ns = client->start_ns + info->tcpi_rtt * NS_PER_US;
	client->state = CLIENT_TALKING;
	client->connected_ns = seen_ns;
	if (kernel_ns > client->start_ns && kernel_ns < seen_ns)
		client->connected_ns = kernel_ns;
	read_local(client);
	if (endpoint_equal(&client->local, &client->server))
		client_end(client, "self-connect");
}

/* Finds out how the handshake stands. */
static void look(struct client *client, int64_t seen_ns)
{
	struct tcp_info info;
	int error = 0;
	socklen_t length = sizeof(error);

	if (!read_info(client, &info)) {
		client_end(client, error_name(errno));
		return;
	}
	if (info.tcpi_state == TCP_SYN_SENT || info.tcpi_state == TCP_SYN_RECV)
		return;
	count_syns(client, &info);
	if (info.tcpi_state != TCP_CLOSE) {
		connected(client, &info, seen_ns);
		return;
	}
	if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	/* A reset in SYN_SENT is ECONNREFUSED: any other came to a connection, tcp_reset(). */
	if (error == ECONNRESET || error == EPIPE)
		connected(client, &info, seen_ns);
	client_end(client, error_name(error));
}

static void send_request(struct client *client, const struct client_request *request)
{
	while (client->sent < request->length) {
		ssize_t n = send(client->fd, request->bytes + client->sent,
				 request->length - client->sent, MSG_NOSIGNAL);

		if (n >= 0) {
			client->sent += (uint32_t)n;
		} else if (errno != EINTR) {
			if (errno != EAGAIN)
				client_end(client, error_name(errno));
			return;
		}
	}
}

static void take(struct client *client, const char *bytes, size_t length)
{
	if (client->bytes == 0)
		client->first_byte_ns = clock_now_ns();
	if (client->bytes < sizeof(client->status_line)) {
		size_t room = sizeof(client->status_line) - (size_t)client->bytes;

		memcpy(client->status_line + client->bytes, bytes, length < room ? length : room);
	}
	client->bytes += length;
}

static void receive_reply(struct client *client)
{
	char bytes[8192];

	for (;;) {
		ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);

		if (n > 0) {
			take(client, bytes, (size_t)n);
		} else if (n == 0) {
			client_end(client, client->bytes ? NULL : "closed");
			return;
		} else if (errno != EINTR) {
			if (errno != EAGAIN)
				client_end(client, error_name(errno));
			return;
		}
	}
}

void client_proceed(struct client *client, const struct client_request *request, int64_t seen_ns)
{
	if (client->state == CLIENT_CONNECTING)
		look(client, seen_ns);
	if (client->state == CLIENT_TALKING)
		send_request(client, request);
	if (client->state == CLIENT_TALKING)
		receive_reply(client);
}

static int bind_source(int fd, const struct address *source)
{
	const struct endpoint e = {.address = *source};
	union socket_address a;
	socklen_t length = socket_address_from(&e, &a);
	int one = 1;

	/* connect() picks the port, so that one port serves many destinations. */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) < 0)
		return -errno;
	return bind(fd, &a.any, length) < 0 ? -errno : 0;
}

int client_start(struct client *client, const struct endpoint *server, const struct address *source,
		 const struct client_request *request)
{
	union socket_address a;
	socklen_t length = socket_address_from(server, &a);
	int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int64_t seen_ns;
	int r = 0;

	if (fd < 0)
		return -errno;
	*client = (struct client){
	    .fd = fd,
	    .state = CLIENT_CONNECTING,
	    .server = *server,
	    .synack_ns = TIME_UNKNOWN,
	    .connected_ns = TIME_UNKNOWN,
	    .first_byte_ns = TIME_UNKNOWN,
	};
	if (source)
		r = bind_source(fd, source);
	client->start_ns = clock_now_ns();
	if (r == 0)
		r = connect(fd, &a.any, length) < 0 ? -errno : 0;
	seen_ns = clock_now_ns();
	if (r < 0 && r != -EINPROGRESS) {
		client_end(client, error_name(-r));
		return 0;
	}
	client->syns = 1;
	client_proceed(client, request, seen_ns);
	read_local(client);
	return 0;
}

static void print_time(FILE *out, const char *name, int64_t time_ns)
{
	if (time_ns == TIME_UNKNOWN)
		fprintf(out, ",\"%s\":null", name);
	else
		fprintf(out, ",\"%s\":%lld", name, (long long)time_ns);
}

/* The three digits of the status line; 0 when it has none. */
static unsigned status_of(const struct client *client)
{
	const char *s = client->status_line;
	unsigned status = 0;

	if (client->bytes < sizeof(client->status_line) || memcmp(s, "HTTP/1.", 7) != 0)
		return 0;
	for (int i = 9; i < 12; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		status = status * 10 + (unsigned)(s[i] - '0');
	}
	return status;
}

int client_print(const struct client *client, FILE *out)
{
	char local[ENDPOINT_TEXT_SIZE], server[ENDPOINT_TEXT_SIZE];
	unsigned status = status_of(client);

	errno = 0;
	endpoint_format(&client->local, local, sizeof(local));
	endpoint_format(&client->server, server, sizeof(server));
	if (client->local.port)
		fprintf(out, "{\"client\":\"%s\"", local);
	else
		fputs("{\"client\":null", out);
	fprintf(out, ",\"server\":\"%s\"", server);
	print_time(out, "start_ns", client->start_ns);
	print_time(out, "connected_ns", client->connected_ns);
	print_time(out, "first_byte_ns", client->first_byte_ns);
	print_time(out, "end_ns", client->end_ns);
	if (client->error)
		fprintf(out, ",\"error\":\"%s\"", client->error);
	else
		fputs(",\"error\":null", out);
	fprintf(out, ",\"syns\":%u", client->syns);
	if (status)
		fprintf(out, ",\"status\":%u", status);
	else
		fputs(",\"status\":null", out);
	fprintf(out, ",\"bytes\":%llu}\n", (unsigned long long)client->bytes);
	if (ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
