/*
 * A thread for each connection.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/model.h"

/* service_run() needs some 20 KiB; sanitizers several times that. */
#define STACK_BYTES (256 << 10)

struct job {
	struct server *server;
	struct connection connection;
};

/* The write is the last thing that touches the server: the loop may return after it. */
static void *serve(void *argument)
{
	struct job job = *(struct job *)argument;
	enum service_result result;

	free(argument);
	result = service_run(&job.server->service, &job.connection);
	atomic_fetch_add(&job.server->results[result], 1);
	eventfd_write(job.server->finished_fd, 1);
	return NULL;
}

static int start(struct server *server, const struct connection *connection)
{
	pthread_attr_t attributes;
	pthread_t thread;
	struct job *job = malloc(sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	*job = (struct job){.server = server, .connection = *connection};
	r = -pthread_attr_init(&attributes);
	if (r)
		goto free_job;
	r = -pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (!r)
		r = -pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (!r)
		r = -pthread_create(&thread, &attributes, serve, job);
	pthread_attr_destroy(&attributes);
	if (r)
		goto free_job;
	server->active++;
	return 0;

free_job:
	free(job);
	return r;
}

static void collect(struct server *server)
{
	eventfd_t finished;

	if (eventfd_read(server->finished_fd, &finished) == 0)
		server->active -= (unsigned)finished;
	for (int i = 0; i < SERVICE_RESULT_COUNT; i++)
		server->stats->results[i] += atomic_exchange(&server->results[i], 0);
}

const struct model model_thread = {.name = "thread", .start = start, .collect = collect};
