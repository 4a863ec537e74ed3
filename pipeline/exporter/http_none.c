/*
 * Metrics over HTTP in a build without libmicrohttpd: there are none.
 */
#include <errno.h>

#include "pipeline/exporter/http.h"

bool http_is_built_in(void)
{
	return false;
}

int http_new(int fd, http_metrics_fn *metrics, void *context, struct http **out)
{
	(void)fd;
	(void)metrics;
	(void)context;
	(void)out;
	return -EOPNOTSUPP;
}

void http_free(struct http *http)
{
	(void)http;
}

int http_fd(const struct http *http)
{
	(void)http;
	return -1;
}

int http_timeout_ms(const struct http *http)
{
	(void)http;
	return -1;
}

void http_step(struct http *http)
{
	(void)http;
}
