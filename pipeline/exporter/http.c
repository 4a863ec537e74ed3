/*
 * Metrics over HTTP, by libmicrohttpd without threads: its sockets are in one epoll.
 */
#include "pipeline/exporter/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"

/* Older than this, the recorder does not get on. */
#define HEALTHY_NS (10 * NS_PER_SEC)
/*
 * libmicrohttpd 0.9.75 takes connections again, after there were too many, in the step after the
 * one in which some have ended: nothing wakes it for that.
 */
#define STEP_MS 1000

struct http {
	struct MHD_Daemon *daemon;
	int fd;
	http_metrics_fn *metrics;
	void *context;
	/* Of these metrics in each format, made when they were first asked for; or NULL. */
	uint64_t number;
	struct MHD_Response *pages[EXPOSITION_COUNT];
};

bool http_is_built_in(void)
{
	return true;
}

static void forget_pages(struct http *http)
{
	for (int i = 0; i < EXPOSITION_COUNT; i++) {
		if (http->pages[i])
			MHD_destroy_response(http->pages[i]);
		http->pages[i] = NULL;
	}
}

static struct MHD_Response *make_page(const struct metrics *metrics, enum exposition exposition)
{
	struct MHD_Response *response;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return NULL;
	exposition_put(out, metrics, exposition);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	response = MHD_create_response_from_buffer(length, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return NULL;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      exposition_type(exposition));
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, "Accept");
	return response;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned status, const char *text)
{
	/* The text is a constant: it is not changed. */
	struct MHD_Response *response = MHD_create_response_from_buffer(
	    strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      "text/plain; charset=utf-8");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result say_metrics(struct http *http, struct MHD_Connection *connection)
{
	const char *accept =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	enum exposition exposition = exposition_accepted(accept);
	uint64_t number = 0;
	const struct metrics *metrics = http->metrics(http->context, &number);

	if (!metrics)
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no metrics yet\n");
	if (number != http->number)
		forget_pages(http);
	http->number = number;
	if (!http->pages[exposition])
		http->pages[exposition] = make_page(metrics, exposition);
	if (!http->pages[exposition])
		return say(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	return MHD_queue_response(connection, MHD_HTTP_OK, http->pages[exposition]);
}

static enum MHD_Result say_health(struct http *http, struct MHD_Connection *connection)
{
	uint64_t number = 0;
	const struct metrics *metrics = http->metrics(http->context, &number);

	if (!metrics || clock_now_ns() - metrics->updated_ns > HEALTHY_NS)
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			   "the metrics are not updated\n");
	return say(connection, MHD_HTTP_OK, "ok\n");
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload_data,
			      size_t *upload_data_size, void **request)
{
	(void)version;
	(void)upload_data;
	(void)upload_data_size;
	(void)request;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/metrics") == 0)
		return say_metrics(context, connection);
	if (strcmp(url, "/healthz") == 0)
		return say_health(context, connection);
	return say(connection, MHD_HTTP_NOT_FOUND, "not found; see /metrics\n");
}

int http_new(int fd, http_metrics_fn *metrics, void *context, struct http **out)
{
	struct http *http = calloc(1, sizeof(*http));
	const union MHD_DaemonInfo *info;

	if (!http)
		return -ENOMEM;
	http->metrics = metrics;
	http->context = context;
	http->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL, 0, NULL, NULL, answer, http, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_TIMEOUT_S,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES, MHD_OPTION_END);
	info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info) {
		http_free(http);
		return -EIO;
	}
	http->fd = info->epoll_fd;
	*out = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	if (http->daemon)
		MHD_stop_daemon(http->daemon);
	forget_pages(http);
	free(http);
}

int http_fd(const struct http *http)
{
	return http->fd;
}

int http_timeout_ms(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(http->daemon, &ms) != MHD_YES || ms > STEP_MS)
		return STEP_MS;
	return (int)ms;
}

void http_step(struct http *http)
{
	(void)MHD_run(http->daemon);
}
