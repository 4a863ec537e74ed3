/*
 * Interface for one client of the load generator: a connection from its
 * connect() to its end. Non-blocking; waits for nothing itself.
 */
#ifndef SERVER_LOAD_CLIENT_H
#define SERVER_LOAD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "event/event.h"

enum client_state {
	CLIENT_CONNECTING,
	CLIENT_TALKING,
	CLIENT_ENDED,
};

struct client {
	/* The client table's: see there. */
	struct client *older, *newer, *same_port;
	bool waits;
	int fd;
	enum client_state state;
	struct endpoint local; /* port 0: none was assigned */
	struct endpoint server;
	int64_t deadline_ns; /* monotonic; for who keeps them */
	int64_t start_ns;
	int64_t synack_ns; /* when the kernel got its SYN-ACK, from who watches them */
	int64_t connected_ns;
	int64_t first_byte_ns;
	int64_t end_ns;
	const char *error; /* constant text; NULL: none */
	uint32_t syns;
	uint32_t sent;	      /* bytes of the request */
	uint64_t bytes;	      /* of the reply */
	char status_line[12]; /* its beginning: "HTTP/1.1 200" */
};

/* The request that all clients of a run send. */
struct client_request {
	size_t length;
	char bytes[192];
};

void client_request_format(const struct endpoint *server, struct client_request *request);

/*
 * Starts one; source NULL: the kernel chooses. Returns 0: it is under way, or
 * has ended with an error of connect(). -EMFILE, -ENFILE, -ENOBUFS or
 * -ENOMEM: there was no socket to start with, and nothing was sent.
 */
int client_start(struct client *client, const struct endpoint *server, const struct address *source,
		 const struct client_request *request) __attribute__((warn_unused_result));

/*
 * Does all that can be done without waiting. seen_ns: a time at which it was
 * known to be ready, as early as the caller knows it.
 */
void client_proceed(struct client *client, const struct client_request *request, int64_t seen_ns);

/* Ends it with this error, now; constant text. Nothing when it has ended. */
void client_end(struct client *client, const char *error);

/* Writes its line. 0 or -errno. */
int client_print(const struct client *client, FILE *out) __attribute__((warn_unused_result));

#endif
