/*
 * One connection at a time: nobody is accepted while one is served.
 */
#include "server/model.h"

static int start(struct server *server, const struct connection *connection)
{
	server->stats->results[service_run(&server->service, connection)]++;
	return 0;
}

const struct model model_iterative = {.name = "iterative", .start = start, .collect = NULL};
