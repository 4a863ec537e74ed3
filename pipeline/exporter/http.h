/*
 * Interface for the metrics over HTTP: GET and HEAD of /metrics and /healthz, by libmicrohttpd.
 * Connections, and the memory of each, are bounded; what is sent to it is not read but for the
 * request's head.
 */
#ifndef PIPELINE_EXPORTER_HTTP_H
#define PIPELINE_EXPORTER_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "report/metrics/exposition.h"

/* More at a time wait in the accept queue. */
#define HTTP_CONNECTIONS_MAX 16
#define HTTP_TIMEOUT_S	     10
/* The head of a request, and what libmicrohttpd remembers of it. */
#define HTTP_CONNECTION_BYTES (16 * 1024)

struct http;

/*
 * The last metrics that were published, as a copy: valid until the next call. *number is another
 * one each time; NULL when there are none yet.
 */
typedef const struct metrics *http_metrics_fn(void *context, uint64_t *number);

/* The program was built with it. */
bool http_is_built_in(void);

/* 0 or -errno; fd stays the caller's, and listens. */
int http_new(int fd, http_metrics_fn *metrics, void *context, struct http **out)
    __attribute__((warn_unused_result));
void http_free(struct http *http);

/* Readable when there is something to do; a step is due after so many ms at the latest. */
int http_fd(const struct http *http);
int http_timeout_ms(const struct http *http);

/* Does what can be done without waiting. */
void http_step(struct http *http);

#endif
