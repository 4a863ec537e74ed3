/*
 * The options of metrics.
 */
#include "cmd/options/metrics.h"

#include <errno.h>

#include "cmd/command.h"
#include "pipeline/exporter/http.h"
#include "pipeline/exporter/listening.h"

const char metrics_help[] =
    "      --metrics FILE.prom\n"
    "                        write metrics to this file every 5 s, for the textfile\n"
    "                        collector of node_exporter (docs/metrics.md)\n"
    "      --metrics-listen ADDRESS:PORT|unix:PATH|systemd\n"
    "                        serve metrics over HTTP at /metrics, for Prometheus\n";

int metrics_option(struct metrics_choice *choice, int option, const char *value)
{
	switch (option) {
	case 0x311:
		choice->path = value;
		return 0;
	case 0x312:
		choice->listen = value;
		return 0;
	default:
		return -1;
	}
}

static int open_listening(const struct metrics_choice *choice, const char *command, int *fd)
{
	char error[LISTENING_ERROR_SIZE];
	int rc;

	if (!http_is_built_in()) {
		complain(command,
			 "--metrics-listen: built without libmicrohttpd; use --metrics FILE");
		return STATUS_FAILED;
	}
	rc = listening_open(choice->listen, fd, error);
	if (rc == 0)
		return 0;
	complain(command, "--metrics-listen: %s", error);
	return rc == -EINVAL ? usage_error(command) : STATUS_FAILED;
}

int metrics_start(struct metrics_choice *choice, const char *command, const char *user)
{
	struct exporter_options options = {.path = choice->path, .listen_fd = -1, .user = user};
	char error[EXPORTER_ERROR_SIZE];
	int status = 0;

	if (!choice->path && !choice->listen)
		return 0;
	if (choice->listen)
		status = open_listening(choice, command, &options.listen_fd);
	if (status)
		return status;
	if (exporter_start(&options, &choice->exporter, error) == 0)
		return 0;
	complain(command, "%s", error);
	return STATUS_FAILED;
}

int metrics_finish(struct metrics_choice *choice, const char *command)
{
	char error[EXPORTER_ERROR_SIZE];

	if (!choice->exporter || exporter_finish(choice->exporter, error) == 0)
		return 0;
	complain(command, "%s", error);
	return STATUS_FAILED;
}

void metrics_release(struct metrics_choice *choice)
{
	exporter_free(choice->exporter);
	choice->exporter = NULL;
}
