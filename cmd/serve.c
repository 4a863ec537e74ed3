/*
 * synscope serve: the bundled server alone. With --events it becomes two
 * processes, so that the server never waits for whoever reads the lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options/argument.h"
#include "cmd/options/value.h"
#include "event/recording/line.h"
#include "server/channel/channel.h"
#include "server/server.h"
#include "server/signals.h"

#define NAME "serve"

/* How often the lines of --events are taken out of the channel. */
#define EVENTS_POLL_MS 5

enum { OPTION_EVENTS_BUFFER = 256 };

struct serve_options {
	struct server_options server;
	struct endpoint listen[SERVER_LISTEN_MAX];
	const char *events; /* NULL: none; "-": stdout */
	uint32_t events_buffer;
};

static void print_help(FILE *out)
{
	fputs("usage: synscope serve [OPTION...]\n"
	      "\n"
	      "Sends a small HTTP reply to each connection until SIGTERM or Ctrl-C; requests in\n"
	      "progress are then completed. Made for testing: it fills its accept queue the way\n"
	      "real servers do, and reports each accept, fork and close.\n"
	      "\n"
	      "  -l, --listen ADDRESS:PORT   address to listen on (127.0.0.1:8080); may be "
	      "repeated;\n"
	      "                              [::1]:8080 is IPv6, 8080 alone every address of both\n"
	      "                              families; port 0 picks a free port and prints it\n"
	      "  -b, --backlog N             listen() backlog (128); the queue holds one more\n"
	      "  -m, --model MODEL           fork (one process per connection, the default),\n"
	      "                              iterative (accept, serve, close, one at a time),\n"
	      "                              thread (one thread per connection)\n"
	      "  -s, --service-time TIME     time to serve a request (100ms)\n"
	      "  -c, --max-children N        stop accepting at N children or threads, so that the\n"
	      "                              queue fills (256; 0: no limit)\n"
	      "  -t, --request-timeout TIME  drop a client that has not sent its request (5s)\n"
	      "  -e, --events FILE           write each event as a line of JSON; - is standard "
	      "output\n"
	      "  -h, --help                  show this help\n"
	      "\n"
	      "TIME is a number with us, ms, s, m or h; s if there is no unit.\n"
	      "\n"
	      "Examples:\n"
	      "  synscope serve                          then: curl http://127.0.0.1:8080/\n"
	      "  synscope serve -l '[::1]:0' -b 5 -c 8 -s 200ms\n"
	      "                                          a small server that fills quickly\n"
	      "  synscope serve --model iterative -e -   show its accepts as they happen\n"
	      "  synscope record -o DIR 127.0.0.1:8080 -- synscope serve\n"
	      "                                          record it, with the server's events\n",
	      out);
}

/* 0, or the exit status after what was wrong has been said. */
static int parse_option(struct serve_options *o, int option, const char *value)
{
	struct server_options *server = &o->server;
	uint64_t number;
	int status;

	switch (option) {
	case 'l':
		if (server->listen_count == SERVER_LISTEN_MAX) {
			complain(NAME, "--listen: too many addresses: at most %d",
				 SERVER_LISTEN_MAX);
			return usage_error(NAME);
		}
		if (endpoint_parse(value, &o->listen[server->listen_count]) < 0) {
			complain(NAME,
				 "--listen: invalid address '%s': expected ADDRESS:PORT or PORT, "
				 "such as 127.0.0.1:8080, [::1]:8080 or 8080",
				 value);
			return usage_error(NAME);
		}
		server->listen_count++;
		return 0;
	case 'b':
		status = value_number(NAME, "--backlog", value, 0, INT32_MAX, NULL, &number);
		if (status == 0)
			server->backlog = (int)number;
		return status;
	case 'm':
		if (server_model_parse(value, &server->model) < 0) {
			complain(NAME,
				 "--model: invalid model '%s'; choose fork, iterative or thread",
				 value);
			return usage_error(NAME);
		}
		return 0;
	case 's':
		return value_time(NAME, "--service-time", value, 0, INT64_MAX,
				  VALUE_TIME_SUCH_AS("200ms"), &server->service_ns);
	case 'c':
		status = value_number(NAME, "--max-children", value, 0, 1000000, NULL, &number);
		if (status == 0)
			server->max_children = (unsigned)number;
		return status;
	case 't':
		return value_time(NAME, "--request-timeout", value, 1, INT64_MAX,
				  VALUE_TIME_SUCH_AS("5s"), &server->request_timeout_ns);
	case 'e':
		o->events = value;
		return 0;
	case OPTION_EVENTS_BUFFER:
		if (argument_number(value, 1, CHANNEL_RECORDS_MAX, &number) < 0 ||
		    (number & (number - 1)) != 0) {
			complain(NAME,
				 "--events-buffer: invalid number '%s': expected a power of two up "
				 "to %u",
				 value, CHANNEL_RECORDS_MAX);
			return usage_error(NAME);
		}
		o->events_buffer = (uint32_t)number;
		return 0;
	default: /* getopt_long has said what */
		return usage_error(NAME);
	}
}

/* The descriptor that record gave; -1 when it gave none; -2 after saying that it is no good. */
static int inherited_events(const struct serve_options *o)
{
	const char *text = getenv(CHANNEL_ENVIRONMENT);
	uint64_t fd;

	if (!text)
		return -1;
	if (o->events) {
		complain(NAME, "--events: the events already go to a recording (%s is set)",
			 CHANNEL_ENVIRONMENT);
		return -2;
	}
	if (argument_number(text, 0, INT32_MAX, &fd) < 0 ||
	    fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0) {
		complain(
		    NAME,
		    "%s=%s is not an open file descriptor; unset it to serve without a recording",
		    CHANNEL_ENVIRONMENT, text);
		return -2;
	}
	return (int)fd;
}

static int say_listening(void *context, const struct endpoint *endpoints, size_t count)
{
	const struct serve_options *o = context;
	char text[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		endpoint_format(&endpoints[i], text, sizeof(text));
		complain(NAME, "listening on %s (%s, backlog %d)", text,
			 server_model_name(o->server.model), o->server.backlog);
	}
	return 0;
}

/* What was zero is left out. */
static void print_count(uint64_t count, const char *what)
{
	if (count)
		fprintf(stderr, ", %llu %s", (unsigned long long)count, what);
}

static void print_stats(const struct server_stats *stats)
{
	fprintf(stderr, "synscope " NAME ": accepted %llu, answered %llu",
		(unsigned long long)stats->accepted,
		(unsigned long long)stats->results[SERVICE_REPLIED]);
	print_count(stats->results[SERVICE_MALFORMED], "malformed");
	print_count(stats->results[SERVICE_SILENT], "silent");
	print_count(stats->results[SERVICE_GONE], "closed by the client before the request");
	print_count(stats->results[SERVICE_NO_REPLY], "closed by the client before the reply");
	print_count(stats->killed, "children killed");
	print_count(stats->unserved, "closed without service");
	print_count(stats->accept_failures,
		    "accept() failures (out of file descriptors or memory)");
	print_count(stats->accept_errors, "failed in the queue");
	print_count(stats->start_failures, "failures to start a child");
	print_count(stats->events_lost, "events lost");
	fputc('\n', stderr);
}

static int serve(const struct server_options *options)
{
	char error[SERVER_ERROR_SIZE];
	struct server_stats stats;

	if (server_run(options, &stats, error) < 0) {
		complain(NAME, "%s", error);
		return STATUS_FAILED;
	}
	print_stats(&stats);
	return STATUS_DONE;
}

static int write_line(void *context, const struct event *event)
{
	char line[RECORDING_LINE_SIZE];
	size_t length = recording_line_format(line, event);

	return fwrite(line, 1, length, context) == length ? 0 : -errno;
}

/* Until the server has ended and all that it reported is written. */
static int write_events(struct channel_reader *reader, struct signals *signals, pid_t server,
			FILE *out)
{
	int status = 0, r = 0;
	bool running = true;

	while (running || (r >= 0 && !channel_ended(reader))) {
		struct pollfd p = {.fd = signals->fd, .events = POLLIN};

		poll(&p, 1, EVENTS_POLL_MS);
		if (signals_read(signals) && running)
			kill(server, SIGTERM);
		if (running && waitpid(server, &status, WNOHANG) == server)
			running = false;
		if (r < 0)
			continue;
		r = channel_read(reader, write_line, out);
		if (r > 0 && fflush(out) != 0)
			r = -errno;
		if (r < 0 && running)
			kill(server, SIGTERM);
	}
	if (r < 0) {
		complain(NAME, "--events: %s", strerror(-r));
		return STATUS_FAILED;
	}
	if (!WIFEXITED(status)) {
		complain(NAME, "the server was killed by signal %d", WTERMSIG(status));
		return STATUS_FAILED;
	}
	return WEXITSTATUS(status);
}

static int serve_with_events(struct serve_options *o, FILE *out)
{
	struct channel_reader *reader;
	struct signals signals;
	pid_t server;
	int r = channel_open_sized(o->events_buffer, &reader, &o->server.events_fd);

	if (r < 0)
		goto complain;
	r = signals_take(&signals, true);
	if (r < 0)
		goto free_reader;
	server = fork();
	if (server == 0) {
		/* The signals stay blocked: one that comes now waits for server_run(). */
		close(signals.fd);
		exit(serve(&o->server));
	}
	r = server < 0 ? -errno : 0;
	close(o->server.events_fd);
	o->server.events_fd = -1;
	if (r == 0)
		r = write_events(reader, &signals, server, out);
	signals_give_back(&signals);
free_reader:
	if (o->server.events_fd >= 0)
		close(o->server.events_fd);
	channel_reader_free(reader);
complain:
	if (r >= 0)
		return r;
	complain(NAME, "--events: %s", strerror(-r));
	return STATUS_FAILED;
}

static int open_events(struct serve_options *o)
{
	FILE *out = stdout;
	int status;

	if (strcmp(o->events, "-") != 0)
		out = fopen(o->events, "we");
	if (!out) {
		complain(NAME, "%s: %s", o->events, strerror(errno));
		return STATUS_FAILED;
	}
	status = serve_with_events(o, out);
	if (out != stdout && fclose(out) != 0 && status == STATUS_DONE) {
		complain(NAME, "%s: %s", o->events, strerror(errno));
		status = STATUS_FAILED;
	}
	return status;
}

static const struct option long_options[] = {
    {"listen", required_argument, NULL, 'l'},
    {"backlog", required_argument, NULL, 'b'},
    {"model", required_argument, NULL, 'm'},
    {"service-time", required_argument, NULL, 's'},
    {"max-children", required_argument, NULL, 'c'},
    {"request-timeout", required_argument, NULL, 't'},
    {"events", required_argument, NULL, 'e'},
    {"events-buffer", required_argument, NULL, OPTION_EVENTS_BUFFER},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int cmd_serve(int argc, char **argv)
{
	struct serve_options o = {
	    .server =
		{
		    .backlog = 128,
		    .model = SERVER_FORK,
		    .service_ns = 100 * NS_PER_MS,
		    .request_timeout_ns = 5 * NS_PER_SEC,
		    .max_children = 256,
		    .listening = say_listening,
		},
	    .events_buffer = CHANNEL_RECORDS,
	};
	int option, status;

	while ((option = getopt_long(argc, argv, "l:b:m:s:c:t:e:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help(stdout);
			return STATUS_DONE;
		}
		status = parse_option(&o, option, optarg);
		if (status)
			return status;
	}
	if (optind < argc) {
		complain(NAME, "unexpected argument '%s'; use --listen for the address",
			 argv[optind]);
		return usage_error(NAME);
	}
	if (o.server.listen_count == 0) {
		o.listen[0].address = address_from_ipv4((const uint8_t[]){127, 0, 0, 1});
		o.listen[0].port = 8080;
		o.server.listen_count = 1;
	}
	o.server.listen = o.listen;
	o.server.context = &o;
	o.server.events_fd = inherited_events(&o);
	if (o.server.events_fd == -2)
		return o.events ? usage_error(NAME) : STATUS_FAILED;
	return o.events ? open_events(&o) : serve(&o.server);
}

const struct command command_serve = {
    .name = NAME,
    .summary = "run the bundled server",
    .run = cmd_serve,
    .help = print_help,
    .options = long_options,
};
