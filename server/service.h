/*
 * Interface for serving one accepted connection: read the request, work,
 * answer, close, and report each step. The same for every model.
 */
#ifndef SERVER_SERVICE_H
#define SERVER_SERVICE_H

#include "event/event.h"
#include "server/channel/writer.h"
#include "server/server.h"

struct connection {
	int fd;		  /* non-blocking; -1: none */
	struct flow flow; /* client to server */
};

struct service {
	enum server_model model;
	int64_t service_ns;
	int64_t request_timeout_ns;
	const struct channel_writer *writer; /* NULL: no reports */
};

/* Reports kind for the connection, stamped now, by this thread. */
void service_report(const struct service *service, enum event_kind kind,
		    const struct connection *connection, int32_t pid, uint32_t bytes);

/* Serves and closes the connection; reports FIRST_BYTE, REPLY and CLOSE. Allocates nothing. */
enum service_result service_run(const struct service *service, const struct connection *connection);

/* Closes a connection that nobody will serve; reports CLOSE. */
void service_refuse(const struct service *service, const struct connection *connection);

#endif
