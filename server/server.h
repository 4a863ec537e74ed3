/*
 * Interface for the bundled server: accepts connections, answers each with a
 * small HTTP reply after some service time, and reports what it does on a channel.
 *
 * Three models serve the same protocol: a process for each connection, one
 * connection at a time, a thread for each connection.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "server/channel/channel.h"

#define SERVER_LISTEN_MAX 16
#define SERVER_ERROR_SIZE 256

enum server_model {
	SERVER_FORK,
	SERVER_ITERATIVE,
	SERVER_THREAD,
	SERVER_MODEL_COUNT,
};

/* "fork", "iterative", "thread". */
const char *server_model_name(enum server_model model);

/* 0, or -EINVAL. */
int server_model_parse(const char *name, enum server_model *model)
    __attribute__((warn_unused_result));

struct server_options {
	/*
	 * Port 0 picks one. Address :: takes IPv4 too, unless an IPv4 endpoint of the
	 * same port stands beside it; where there is no IPv6 it means 0.0.0.0.
	 */
	const struct endpoint *listen;
	size_t listen_count; /* 1 .. SERVER_LISTEN_MAX */
	int backlog;	     /* as given to listen() */
	enum server_model model;
	int64_t service_ns;	    /* how long the work for one request takes */
	int64_t request_timeout_ns; /* a client that has not sent its request by then is let go */
	unsigned max_children;	    /* at so many the server stops accepting; 0: no bound */

	int events_fd; /* the write end of a channel, which server_run() takes over; -1: no reports
			*/

	/*
	 * Called once, when every endpoint listens, with the addresses and ports that
	 * they got, in the order of listen. NULL: nobody asks. -errno ends the run.
	 */
	int (*listening)(void *context, const struct endpoint *endpoints, size_t count);
	void *context;
};

/* How serving one connection ended; also the exit status of a child that served it. */
enum service_result {
	SERVICE_REPLIED,   /* 200 */
	SERVICE_MALFORMED, /* answered with 400, 431 or 505 */
	SERVICE_SILENT,	   /* no whole request in time */
	SERVICE_GONE,	   /* the client closed or reset before its request was whole */
	SERVICE_NO_REPLY,  /* the client reset or stalled before it had taken the reply */
	SERVICE_RESULT_COUNT,
};

struct server_stats {
	uint64_t accepted;
	uint64_t results[SERVICE_RESULT_COUNT];
	uint64_t killed;	  /* children that a signal ended, or that exited in another way */
	uint64_t accept_failures; /* EMFILE, ENFILE, ENOBUFS, ENOMEM: backed off */
	uint64_t accept_errors;	  /* errors of the connection that accept() passes on: went on */
	uint64_t start_failures;  /* EAGAIN or ENOMEM of fork() or pthread_create(): backed off */
	uint64_t unserved;	  /* closed because no child or thread could be started for long */
	uint64_t events_lost;	  /* of all who report on the channel */
};

/*
 * Serves in the calling process until SIGTERM or SIGINT, then closes the
 * listeners, lets the children finish (each is bounded by the two times above
 * and a few seconds for a client that does not read) and returns 0. On failure
 * returns -errno with one line for a person in error.
 *
 * While it runs it owns the process: SIGTERM, SIGINT, SIGCHLD and SIGPIPE, and
 * it reaps every child, so the caller must have no others, and no other threads.
 * Dispositions and mask are as before when it returns. *stats is always filled.
 */
int server_run(const struct server_options *options, struct server_stats *stats,
	       char error[SERVER_ERROR_SIZE]) __attribute__((warn_unused_result));

#endif
