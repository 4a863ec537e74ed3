/*
 * synscope watch: a live view of listeners, on a terminal as a screen, elsewhere
 * as a line or a JSON object an interval; ends with the report.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/argument.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/recorder.h"
#include "cmd/rendering.h"
#include "cmd/sandbox.h"
#include "cmd/screen.h"
#include "cmd/targets.h"
#include "cmd/viewer.h"

#define NAME "watch"

struct watch {
	struct recorder_options options;
	struct targets targets;
	int64_t interval_ns;
	int64_t duration_ns; /* 0: until it is told to end */
	bool quiet;
	bool json;
	const char *user; /* NULL: the default of sandbox.h */
	struct rendering rendering;
	char ports[128];
	struct viewer *viewer;
	struct recorder *recorder;
};

static void print_help(void)
{
	fputs("usage: synscope watch [OPTION...] [[ADDRESS:]PORT...]\n"
	      "\n"
	      "Shows the listeners of these ports as they work: the depth of their accept\n"
	      "queues against the limit, handshakes, accepts and drops a second, how long\n"
	      "handshakes and accept() take, and the worst connection attempts of the last\n"
	      "seconds. Without a port it shows all listeners. Ctrl-C (or q) ends it with the\n"
	      "report.\n"
	      "\n"
	      "Where standard output is no terminal it writes one line an interval. What it\n"
	      "shows is half a second old.\n"
	      "\n"
	      "  -n, --interval TIME   (1s; from 100ms to 1h)\n"
	      "  -d, --duration TIME   end after this long: 30s, 5m, 1h\n"
	      "  -i, --interface NAME  capture there (any; lo for clients of this host)\n"
	      "  -f, --format FORMAT   text (default), or json: one object an interval on a line\n"
	      "                        of its own (docs/watch.md), and no report\n"
	      "  -o, --output FOLDER   keep a recording too; synscope report reads it\n"
	      "      --force           replace a recording that is in FOLDER\n"
	      "      --sample-interval TIME\n"
	      "                        look at the queues so often while there is traffic (1ms)\n"
	      "  -q, --quiet           no report at the end\n"
	      "      --fail-on drops   exit status 3 when a listener's queues dropped anything\n"
	      "      --color WHEN      auto (default: on a terminal), always or never\n"
	      "      --timeline, --worst N, --attempt CLIENT\n"
	      "                        for the report, as in synscope record --help\n"
	      "      --user NAME       as root: run on as this user when all is open, and give\n"
	      "                        him FOLDER (who called sudo, else nobody)\n"
	      "  -h, --help            this text\n"
	      "\n"
	      "It needs CAP_NET_RAW for the packets; CAP_NET_ADMIN adds forks and exits of\n"
	      "processes to the report, CAP_SYS_PTRACE the owners of other users' listeners.\n"
	      "\n"
	      "Examples:\n"
	      "  synscope watch 5432\n"
	      "  synscope watch -i lo 127.0.0.1:8080 '[::1]:8080'\n"
	      "  synscope watch -n 10s 443 >> watch.log\n"
	      "  synscope watch -f json 443 | jq '{drops, p99: .accept_wait_ns.p99}'\n",
	      stdout);
}

static int parse_time(const char *option, const char *value, int64_t min_ns, int64_t max_ns,
		      const char *range, int64_t *out_ns)
{
	if (argument_duration(value, out_ns) == 0 && *out_ns >= min_ns && *out_ns <= max_ns)
		return 0;
	complain(NAME, "--%s: '%s' is no time %s", option, value, range);
	return usage_error(NAME);
}

static int parse_option(struct watch *o, int option, const char *value)
{
	switch (option) {
	case 'n':
		return parse_time("interval", value, 100 * NS_PER_MS, 3600 * NS_PER_SEC,
				  "from 100ms to 1h", &o->interval_ns);
	case 'd':
		return parse_time("duration", value, 1, INT64_MAX, "such as 30s", &o->duration_ns);
	case 's':
		return parse_time("sample-interval", value, 50 * NS_PER_US, 10 * NS_PER_SEC,
				  "from 50us to 10s", &o->options.sample_interval_ns);
	case 'i':
		o->options.interface = value;
		return 0;
	case 'o':
		o->options.path = value;
		return 0;
	case 'u':
		if (sandbox_find_user(value) < 0) {
			complain(NAME, "--user: there is no user '%s'", value);
			return usage_error(NAME);
		}
		o->user = value;
		return 0;
	case 'F':
		o->options.force = true;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'f':
		o->json = strcmp(value, "json") == 0;
		if (o->json || strcmp(value, "text") == 0)
			return 0;
		complain(NAME, "--format: '%s' is none of text, json", value);
		return usage_error(NAME);
	case '?':
		return usage_error(NAME);
	default: {
		int status = rendering_option(&o->rendering, option, value);

		return status < 0 ? usage_error(NAME) : status;
	}
	}
}

static int give_up_privileges(const struct watch *o)
{
	struct sandbox_options options = {
	    .change_user = true,
	    .user = o->user,
	    .folder_fd = recorder_folder(o->recorder),
	    .writable = {o->options.path},
	};
	char error[SANDBOX_ERROR_SIZE];

	if (sandbox_enter(&options, error) == 0)
		return 0;
	complain(NAME, "%s", error);
	return STATUS_FAILED;
}

/* The screen is left: ends the recording and prints the report. Returns the exit status. */
static int finish(struct watch *o, int rc)
{
	int error = viewer_error(o->viewer), rc_finish, rc_report, status;

	if (rc)
		complain(NAME, "%s", recorder_error(o->recorder));
	else if (error && error != -EPIPE)
		complain(NAME, "%s: %s", error == -ENOMEM ? "the live view" : "standard output",
			 strerror(-error));
	rc_finish = recorder_finish(o->recorder);
	if (rc_finish && !rc)
		complain(NAME, "%s", recorder_error(o->recorder));
	/* Why standard output failed has been told; a reader that went away is no failure. */
	rc_report = error && error != -ENOMEM ? -EPIPE : recorder_report_error(o->recorder);
	status = rendering_close(&o->rendering, rc_report, recorder_report(o->recorder));
	if (rc || (error && error != -EPIPE) || rc_finish)
		status = STATUS_FAILED;
	return status;
}

static int make_viewer(struct watch *o)
{
	struct viewer_options options = {
	    .mode = o->json		? VIEWER_JSON
		    : screen_possible() ? VIEWER_SCREEN
					: VIEWER_LINES,
	    .interval_ns = o->interval_ns,
	    .duration_ns = o->duration_ns,
	    .interface = o->options.interface,
	    .ports = o->ports,
	    .colour = o->rendering.style.colour,
	    .utf8 = o->rendering.style.utf8,
	    .blank_line = !o->json && !o->quiet,
	};
	int rc = viewer_new(&options, &o->viewer);

	if (rc) {
		complain(NAME, "the live view: %s", strerror(-rc));
		return STATUS_FAILED;
	}
	o->options.live_slots = viewer_slots(o->viewer);
	o->options.sinks[o->options.sinks_count++] = viewer_sink(o->viewer);
	return 0;
}

static int watch(struct watch *o)
{
	char error[RECORDER_ERROR_SIZE];
	int status;

	rendering_style(&o->rendering);
	status = make_viewer(o);
	if (status)
		return status;
	if (!o->json && !o->quiet) {
		status = rendering_open(&o->rendering);
		if (status)
			goto abandon;
		o->options.sinks[o->options.sinks_count++] = o->rendering.sink;
	}
	if (recorder_new(&o->options, &o->recorder, error) < 0) {
		complain(NAME, "%s", error);
		status = STATUS_FAILED;
		goto abandon;
	}
	if ((o->json || !screen_possible()) && o->targets.count &&
	    recorder_listeners(o->recorder) == 0)
		complain(NAME, "nobody listens there yet; watching for what comes");
	viewer_attach(o->viewer, o->recorder);
	status = give_up_privileges(o);
	if (status == 0)
		status = finish(o, viewer_run(o->viewer));
abandon:
	rendering_abandon(&o->rendering);
	recorder_free(o->recorder);
	viewer_free(o->viewer);
	return status;
}

int cmd_watch(int argc, char **argv)
{
	static const struct option long_options[] = {
	    RENDERING_OPTIONS,
	    {"interval", required_argument, NULL, 'n'},
	    {"duration", required_argument, NULL, 'd'},
	    {"interface", required_argument, NULL, 'i'},
	    {"output", required_argument, NULL, 'o'},
	    {"force", no_argument, NULL, 'F'},
	    {"sample-interval", required_argument, NULL, 's'},
	    {"user", required_argument, NULL, 'u'},
	    {"quiet", no_argument, NULL, 'q'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct watch o = {
	    .options = {.interface = "any", .processes = true, .look_up_children = true},
	    .interval_ns = NS_PER_SEC,
	};
	int option, status = 0;

	rendering_init(&o.rendering, NAME);
	while (status == 0 &&
	       (option = getopt_long(argc, argv, "f:n:d:i:o:qh", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help();
			return STATUS_DONE;
		}
		status = parse_option(&o, option, optarg);
	}
	while (status == 0 && optind < argc)
		status = targets_add(&o.targets, NAME, argv[optind++]);
	if (status)
		return status;
	o.options.targets = o.targets.at;
	o.options.targets_count = o.targets.count;
	targets_describe(&o.targets, o.ports, sizeof(o.ports));
	return watch(&o);
}
