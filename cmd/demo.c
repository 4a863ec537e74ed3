/*
 * synscope demo: the bundled server and load in a private network namespace,
 * recorded and reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/argument.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/comparison.h"
#include "cmd/namespace.h"
#include "cmd/process.h"
#include "cmd/progress.h"
#include "cmd/recorder.h"
#include "cmd/rendering.h"
#include "server/channel.h"
#include "server/load.h"
#include "server/server.h"
#include "server/signals.h"

#define NAME	"demo"
#define CLIENTS "clients.jsonl"

struct demo {
	struct server_options server;
	struct load_options load;
	const char *path; /* NULL: nothing is kept */
	bool force;
	bool all_models;
	struct rendering rendering;
};

/* One run of one model. */
struct run {
	const struct demo *demo;
	struct signals *signals;
	const char *path;
	struct server_options server;
	struct load_options load;
	struct endpoint listen;
	struct channel_reader *channel;
	int channel_fd;
	int ready[2]; /* the server's endpoint, once it listens */
	struct process server_process;
	struct process load_process;
	struct recorder *recorder;
};

static void print_help(void)
{
	fputs("usage: synscope demo [OPTION...]\n"
	      "\n"
	      "Sends a burst of clients to a small fork-per-connection server, in a network\n"
	      "namespace of its own, and reports what happened to each of them. Needs no root.\n"
	      "\n"
	      "  -o, --output FOLDER      keep the recording there, with " CLIENTS ", what the\n"
	      "                           clients saw\n"
	      "      --force              replace a recording that is in FOLDER\n"
	      "  -m, --model MODEL        fork (default), iterative, thread; all compares them\n"
	      "  -b, --backlog N          given to listen() (5); the accept queue holds one more\n"
	      "  -c, --max-children N     the server stops accepting at so many (8)\n"
	      "  -s, --service-time TIME  how long a request takes (200ms)\n"
	      "  -n, --clients N          (60)\n"
	      "  -r, --rate N             connects a second; 0 (default): all in one burst\n"
	      "  -t, --timeout TIME       each client gives up after (20s)\n",
	      stdout);
	fputs(rendering_help, stdout);
	fputs("  -h, --help               this text\n"
	      "\n"
	      "Examples:\n"
	      "  synscope demo\n"
	      "  synscope demo --backlog 60               and nothing is dropped\n"
	      "  synscope demo --model all                what forking changes\n"
	      "  synscope demo -o DIR && synscope report DIR -f html -o page.html\n"
	      "  synscope demo -f json -o DIR | jq .summary\n",
	      stdout);
}

static int bad_number(const char *option, const char *value, const char *range)
{
	complain(NAME, "--%s: '%s' is no number %s", option, value, range);
	return usage_error(NAME);
}

static int parse_option(struct demo *o, int option, const char *value)
{
	uint64_t number;
	int status;

	switch (option) {
	case 'o':
		o->path = value;
		return 0;
	case 'F':
		o->force = true;
		return 0;
	case 'm':
		o->all_models = strcmp(value, "all") == 0;
		if (o->all_models || server_model_parse(value, &o->server.model) == 0)
			return 0;
		complain(NAME, "--model: '%s' is none of fork, iterative, thread, all", value);
		return usage_error(NAME);
	case 'b':
		if (argument_number(value, 0, 65535, &number) < 0)
			return bad_number("backlog", value, "from 0 to 65535");
		o->server.backlog = (int)number;
		return 0;
	case 'c':
		if (argument_number(value, 0, 10000, &number) < 0)
			return bad_number("max-children", value, "from 0 to 10000");
		o->server.max_children = (unsigned)number;
		return 0;
	case 's':
		if (argument_duration(value, &o->server.service_ns) == 0)
			return 0;
		complain(NAME, "--service-time: '%s' is no time such as 200ms", value);
		return usage_error(NAME);
	case 'n':
		if (argument_number(value, 1, 100000, &number) < 0)
			return bad_number("clients", value, "from 1 to 100000");
		o->load.count = number;
		return 0;
	case 'r':
		if (argument_number(value, 0, LOAD_RATE_MAX, &number) < 0)
			return bad_number("rate", value, "of connects a second");
		o->load.rate = number;
		return 0;
	case 't':
		if (argument_duration(value, &o->load.timeout_ns) == 0 && o->load.timeout_ns > 0)
			return 0;
		complain(NAME, "--timeout: '%s' is no time such as 20s", value);
		return usage_error(NAME);
	case '?':
		return usage_error(NAME);
	default:
		status = rendering_option(&o->rendering, option, value);
		return status < 0 ? usage_error(NAME) : status;
	}
}

/* In the server's process. */
static int tell_endpoint(void *context, const struct endpoint *endpoints, size_t count)
{
	struct run *run = context;

	(void)count;
	if (write(run->ready[1], endpoints, sizeof(*endpoints)) != (ssize_t)sizeof(*endpoints))
		return -EIO;
	close(run->ready[1]);
	return 0;
}

static int server_body(void *context)
{
	struct run *run = context;
	char error[SERVER_ERROR_SIZE];
	struct server_stats stats;

	close(run->ready[0]);
	run->server.context = run;
	if (server_run(&run->server, &stats, error) == 0)
		return 0;
	complain(NAME, "the server: %s", error);
	return 1;
}

static int load_body(void *context)
{
	struct run *run = context;
	struct load_summary summary;
	char error[LOAD_ERROR_SIZE], path[4096];
	int rc;

	close(run->ready[0]);
	if (run->path) {
		int fd = -1;

		if (snprintf(path, sizeof(path), "%s/" CLIENTS, run->path) < (int)sizeof(path))
			fd =
			    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
		run->load.out = fd < 0 ? NULL : fdopen(fd, "w");
		if (!run->load.out) {
			complain(NAME, "%s/" CLIENTS ": %s", run->path, strerror(errno));
			return 1;
		}
	}
	rc = load_run(&run->load, &summary, error);
	if (rc)
		complain(NAME, "the clients: %s", error);
	if (run->load.out && fclose(run->load.out) != 0) {
		complain(NAME, "%s/" CLIENTS ": %s", run->path, strerror(errno));
		rc = -EIO;
	}
	return rc ? 1 : 0;
}

/* The server runs and listens; its endpoint is known. */
static int start_server(struct run *run)
{
	ssize_t n;
	int rc;

	if (pipe2(run->ready, O_CLOEXEC) < 0)
		return -errno;
	rc = channel_open(&run->channel, &run->channel_fd);
	if (rc)
		goto close_pipe;
	run->server.events_fd = run->channel_fd;
	rc = process_start(&run->server_process, server_body, run);
	close(run->channel_fd);
	if (rc)
		goto close_pipe;
	close(run->ready[1]);
	run->ready[1] = -1;
	do
		n = read(run->ready[0], &run->load.server, sizeof(run->load.server));
	while (n < 0 && errno == EINTR);
	rc = n == (ssize_t)sizeof(run->load.server) ? 0 : -ECHILD;
close_pipe:
	if (run->ready[1] >= 0)
		close(run->ready[1]);
	if (rc == 0)
		return 0;
	close(run->ready[0]);
	return rc;
}

static int record_load(struct run *run)
{
	struct progress progress;
	bool stopping = false, interrupted = false;
	int rc;

	rc = process_start(&run->load_process, load_body, run);
	if (rc) {
		complain(NAME, "the clients: %s", strerror(-rc));
		return rc;
	}
	progress_init(&progress, false);
	while (!process_ended(&run->server_process)) {
		rc = recorder_step(run->recorder, run->signals->fd, INT64_MAX);
		if (rc)
			break;
		progress_show(&progress, recorder_frames(run->recorder),
			      recorder_events(run->recorder));
		if (signals_read(run->signals) && !interrupted) {
			interrupted = true;
			process_terminate(&run->load_process);
		}
		if (!stopping && process_ended(&run->load_process)) {
			stopping = true;
			process_terminate(&run->server_process);
		}
	}
	progress_clear(&progress);
	if (rc)
		complain(NAME, "%s", recorder_error(run->recorder));
	if (rc == 0 && run->server_process.ended && WIFSIGNALED(run->server_process.status)) {
		complain(NAME, "the server was ended by signal %d; this is what happened by then",
			 WTERMSIG(run->server_process.status));
		rc = -ECHILD;
	}
	if (rc == 0 && run->load_process.ended && run->load_process.status != 0)
		rc = -ECHILD; /* it has said why */
	return rc;
}

/* Records one model; its report goes to the sinks, and a line of it to the comparison. */
static int run_model(const struct demo *o, struct signals *signals, enum server_model model,
		     const char *path, struct sink *sink, struct comparison *comparison,
		     struct rendering *rendering)
{
	struct run run = {
	    .demo = o, .signals = signals, .path = path, .server = o->server, .load = o->load};
	struct recorder_options options = {
	    .path = path,
	    .force = o->force,
	    .interface = "lo",
	    .targets = &run.load.server,
	    .targets_count = 1,
	};
	char error[RECORDER_ERROR_SIZE];
	int rc;

	run.server.model = model;
	run.server.listening = tell_endpoint;
	run.listen.address = address_from_ipv4((const uint8_t[]){127, 0, 0, 1});
	run.listen.port = 8080;
	run.server.listen = &run.listen;
	run.server.listen_count = 1;
	rc = start_server(&run);
	if (rc) {
		if (rc != -ECHILD)
			complain(NAME, "the server: %s", strerror(-rc));
		goto out;
	}
	options.channel = run.channel;
	if (sink)
		options.sinks[options.sinks_count++] = sink;
	rc = recorder_new(&options, &run.recorder, error);
	if (rc) {
		complain(NAME, "%s", error);
		goto stop;
	}
	rc = record_load(&run);
stop:
	process_stop(&run.load_process, 1000);
	process_stop(&run.server_process, 1000);
	if (run.recorder && recorder_finish(run.recorder) < 0 && rc == 0) {
		complain(NAME, "%s", recorder_error(run.recorder));
		rc = -EIO;
	}
	if (run.recorder && comparison)
		comparison_add(comparison, server_model_name(model), recorder_report(run.recorder));
	/* Also of a run that failed: what happened by then was observed. */
	if (run.recorder && rendering) {
		int status = rendering_close(rendering, recorder_report_error(run.recorder),
					     recorder_report(run.recorder));

		rc = rc ? rc : status;
	}
	close(run.ready[0]);
out:
	recorder_free(run.recorder);
	channel_reader_free(run.channel);
	return rc;
}

static int run_one(struct demo *o, struct signals *signals)
{
	int status = rendering_open(&o->rendering);

	if (status)
		return status;
	status =
	    run_model(o, signals, o->server.model, o->path, o->rendering.sink, NULL, &o->rendering);
	rendering_abandon(&o->rendering);
	return status < 0 ? STATUS_FAILED : status;
}

/* The three, one after the other, each recorded in a folder of its own. */
static int run_all(struct demo *o, struct signals *signals)
{
	struct comparison comparison = {0};
	char path[4096];
	int rc;

	if (o->path && mkdir(o->path, 0750) < 0 && errno != EEXIST) {
		complain(NAME, "%s: %s", o->path, strerror(errno));
		return STATUS_FAILED;
	}
	for (int m = 0; m < SERVER_MODEL_COUNT; m++) {
		const char *model = server_model_name((enum server_model)m);

		if (o->path &&
		    snprintf(path, sizeof(path), "%s/%s", o->path, model) >= (int)sizeof(path)) {
			complain(NAME, "%s: the path is too long", o->path);
			return STATUS_FAILED;
		}
		rc = run_model(o, signals, (enum server_model)m, o->path ? path : NULL, NULL,
			       &comparison, NULL);
		if (rc)
			return STATUS_FAILED;
	}
	if (strcmp(o->rendering.format->name, "json") == 0)
		comparison_print_json(&comparison, stdout);
	else
		comparison_print_text(&comparison, stdout);
	return o->rendering.fail_on_drops && comparison_drops_seen(&comparison) ? STATUS_DROPS
										: STATUS_DONE;
}

int cmd_demo(int argc, char **argv)
{
	static const struct option long_options[] = {
	    RENDERING_OPTIONS,
	    {"output", required_argument, NULL, 'o'},
	    {"force", no_argument, NULL, 'F'},
	    {"model", required_argument, NULL, 'm'},
	    {"backlog", required_argument, NULL, 'b'},
	    {"max-children", required_argument, NULL, 'c'},
	    {"service-time", required_argument, NULL, 's'},
	    {"clients", required_argument, NULL, 'n'},
	    {"rate", required_argument, NULL, 'r'},
	    {"timeout", required_argument, NULL, 't'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct demo o = {
	    .server =
		{
		    .backlog = 5,
		    .model = SERVER_FORK,
		    .service_ns = 200 * NS_PER_MS,
		    .request_timeout_ns = 5 * NS_PER_SEC,
		    .max_children = 8,
		},
	    .load = {.count = 60, .timeout_ns = 20 * NS_PER_SEC, .duration_ns = 600 * NS_PER_SEC},
	};
	char error[NAMESPACE_ERROR_SIZE];
	struct signals signals;
	int option, status;

	rendering_init(&o.rendering, NAME);
	while ((option = getopt_long(argc, argv, "f:o:m:b:c:s:n:r:t:h", long_options, NULL)) !=
	       -1) {
		if (option == 'h') {
			print_help();
			return STATUS_DONE;
		}
		status = parse_option(&o, option, optarg);
		if (status)
			return status;
	}
	if (optind < argc) {
		complain(NAME, "'%s' is too much: the demo makes its own server and clients",
			 argv[optind]);
		return usage_error(NAME);
	}
	if (o.all_models && strcmp(o.rendering.format->name, "text") != 0 &&
	    strcmp(o.rendering.format->name, "json") != 0) {
		complain(NAME, "--model all prints text or json; report each folder for the rest");
		return usage_error(NAME);
	}
	if (namespace_make(error) < 0) {
		complain(NAME, "%s", error);
		return STATUS_FAILED;
	}
	if (signals_take(&signals, true) < 0) {
		complain(NAME, "signals: %s", strerror(errno));
		return STATUS_FAILED;
	}
	status = o.all_models ? run_all(&o, &signals) : run_one(&o, &signals);
	signals_give_back(&signals);
	return status;
}
