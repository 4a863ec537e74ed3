/*
 * Interface between the accepting loop (server.c) and the models (fork.c,
 * iterative.c, thread.c): who serves a connection that was accepted.
 */
#ifndef SERVER_MODEL_H
#define SERVER_MODEL_H

#include <stdatomic.h>
#include <stddef.h>

#include "server/listener.h"
#include "server/server.h"
#include "server/service.h"
#include "server/signals.h"

/* What a model may use of the running server. */
struct server {
	struct service service;
	unsigned active; /* children or threads that serve now: the models keep it */
	size_t listeners_count;
	struct listener_socket listeners[SERVER_LISTEN_MAX]; /* fd -1: closed */
	struct signals signals;
	int finished_fd; /* an eventfd on which threads tell that they ended; -1 elsewhere */
	struct server_stats *stats;
	/* By threads, with finished_fd; taken over by the loop. */
	_Atomic uint64_t results[SERVICE_RESULT_COUNT];
};

struct model {
	const char *name;
	/*
	 * Takes the connection over and returns 0, or -EAGAIN or -ENOMEM when nobody
	 * can be started now; the connection stays the caller's then.
	 */
	int (*start)(struct server *server, const struct connection *connection);
	/* Takes note of those that ended, never waiting. NULL: start() does it all. */
	void (*collect)(struct server *server);
};

extern const struct model model_fork;
extern const struct model model_iterative;
extern const struct model model_thread;

#endif
