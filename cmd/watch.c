/*
 * synscope watch: a live view of listeners, on a terminal as a screen, elsewhere
 * as a line or a JSON object an interval; ends with the report.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options/filtering.h"
#include "cmd/options/observation.h"
#include "cmd/options/value.h"
#include "cmd/options/rendering.h"
#include "cmd/terminal/screen.h"
#include "cmd/terminal/viewer.h"

#define NAME "watch"

struct watch {
	struct observation observation;
	int64_t interval_ns;
	bool json;
	struct rendering rendering;
	char ports[128];
	struct viewer *viewer;
	struct recorder *recorder;
};

static void print_help(FILE *out)
{
	fputs(
	    "usage: synscope watch [OPTION...] [[ADDRESS:]PORT...]\n"
	    "\n"
	    "Shows the listeners of these ports live: the depth of their accept queues against\n"
	    "the limit, handshakes, accepts and drops per second, latencies, and the worst\n"
	    "connection attempts of the last seconds. Without a port it shows all listeners.\n"
	    "Ctrl-C (or q) stops it and prints the report; ? lists the keys.\n"
	    "\n"
	    "If standard output is not a terminal it writes one line per interval. The display\n"
	    "lags 0.5 s.\n"
	    "\n"
	    "  -n, --interval TIME   time between updates (1s; 100ms to 1h)\n"
	    "  -d, --duration TIME   stop after TIME: 30s, 5m, 1h, 1d\n"
	    "  -i, --interface NAME  capture on this interface (any; lo for clients on this host)\n"
	    "      --netns NAME|PID  in this network namespace: a name from ip netns, or the\n"
	    "                        namespace of a process\n"
	    "  -f, --format FORMAT   text (default), or json: one object per line and interval\n"
	    "                        (docs/watch.md), and no report\n"
	    "  -o, --output FOLDER   also save the recording in FOLDER, for synscope report\n"
	    "      --force           replace an existing recording in FOLDER\n",
	    out);
	fputs(sampling_help, out);
	fputs(max_open_help, out);
	fputs(rows_help, out);
	fputs("  -q, --quiet           no report at the end; with --metrics or --metrics-listen, "
	      "and\n"
	      "                        not on a terminal, no lines either\n",
	      out);
	fputs(metrics_help, out);
	fputs("      --fail-on drops   exit status 3 if a listener's queue dropped anything, 4 if "
	      "that\n"
	      "                        could not be observed\n"
	      "      --color WHEN      auto (default: on a terminal), always or never\n"
	      "      --utc             time of day in UTC (default: local time)\n"
	      "      --full, --timeline, --worst N, --attempt CLIENT\n"
	      "                        for the report, as in synscope record --help\n",
	      out);
	fputs(filter_help, out);
	fputs(user_help, out);
	fputs("  -h, --help            show this help\n"
	      "\n"
	      "Packets, and therefore attempts, require CAP_NET_RAW; fork and exit events in the\n"
	      "report require CAP_NET_ADMIN; the owners of other users' listeners require\n"
	      "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: see PRIVILEGES in synscope(1).\n"
	      "\n"
	      "Examples:\n"
	      "  synscope watch 5432\n"
	      "  synscope watch -i lo 127.0.0.1:8080 '[::1]:8080'\n"
	      "  synscope watch -n 10s 443 >> watch.log\n"
	      "  synscope watch -f json 443 | jq '{drops, p99: .accept_wait_ns.p99}'\n",
	      out);
}

static int parse_option(struct watch *o, int option, const char *value)
{
	int status;

	switch (option) {
	case 'n':
		return value_time(NAME, "--interval", value, 100 * NS_PER_MS, 3600 * NS_PER_SEC,
				  "100ms to 1h", &o->interval_ns);
	case 'f':
		o->json = strcmp(value, "json") == 0;
		if (o->json || strcmp(value, "text") == 0)
			return 0;
		complain(NAME, "--format: invalid format '%s'; choose text or json", value);
		return usage_error(NAME);
	case '?':
		return usage_error(NAME);
	default:
		status = observation_option(&o->observation, option, value);
		if (status < 0)
			status = rendering_option(&o->rendering, option, value);
		if (status < 0)
			status = filter_option(&o->rendering.filter, NAME, option, value);
		return status < 0 ? usage_error(NAME) : status;
	}
}

/* The screen is left: ends the recording and prints the report. Returns the exit status. */
static int finish(struct watch *o, int rc)
{
	int error = viewer_error(o->viewer), rc_finish, rc_report, status;

	if (rc)
		complain(NAME, "%s", recorder_error(o->recorder));
	else if (error && error != -EPIPE)
		complain(NAME, "%s: %s", error == -ENOMEM ? "live view" : "standard output",
			 strerror(-error));
	observation_say_news(&o->observation, o->recorder);
	rc_finish = recorder_finish(o->recorder);
	if (rc_finish && !rc)
		complain(NAME, "%s", recorder_error(o->recorder));
	if (metrics_finish(&o->observation.metrics, NAME))
		rc_finish = -EIO;
	/* Why standard output failed has been told; a reader that went away is no failure. */
	rc_report = error && error != -ENOMEM ? -EPIPE : recorder_report_error(o->recorder);
	status = rendering_close(&o->rendering, rc_report, recorder_report(o->recorder));
	if (rows_close(&o->observation.rows, NAME) && !status)
		status = STATUS_FAILED;
	if (rc || (error && error != -EPIPE) || rc_finish)
		status = STATUS_FAILED;
	return status;
}

static bool has_screen(const struct watch *o)
{
	return !rows_take_stdout(&o->observation.rows) && screen_possible();
}

static enum viewer_mode choose_mode(const struct watch *o)
{
	if (o->json)
		return VIEWER_JSON;
	if (has_screen(o))
		return VIEWER_SCREEN;
	return o->observation.quiet && o->observation.metrics.exporter ? VIEWER_SILENT
								       : VIEWER_LINES;
}

static void say_news(void *context)
{
	const struct watch *o = context;

	observation_say_news(&o->observation, o->recorder);
}

static int make_viewer(struct watch *o)
{
	struct viewer_options options = {
	    .mode = choose_mode(o),
	    .out = rows_take_stdout(&o->observation.rows) ? stderr : stdout,
	    .rows = &o->observation.rows,
	    .news = say_news,
	    .news_context = o,
	    .interval_ns = o->interval_ns,
	    .duration_ns = o->observation.duration_ns,
	    .interface = o->observation.recorder.interface,
	    .ports = o->ports,
	    .colour = o->rendering.style.colour,
	    .utf8 = o->rendering.style.utf8,
	    .utc = o->rendering.style.utc,
	    .blank_line = !o->json && !o->observation.quiet,
	};
	int rc = viewer_new(&options, &o->viewer);

	if (rc) {
		complain(NAME, "live view: %s", strerror(-rc));
		return STATUS_FAILED;
	}
	o->observation.recorder.live_slots = viewer_slots(o->viewer);
	o->observation.recorder.sinks[o->observation.recorder.sinks_count++] =
	    viewer_sink(o->viewer);
	return 0;
}

static int watch(struct watch *o)
{
	char error[RECORDER_ERROR_SIZE];
	int status;

	if (o->json && rows_take_stdout(&o->observation.rows)) {
		complain(NAME, "--rows - and --format json both write to standard output: write "
			       "the rows to a file");
		return usage_error(NAME);
	}
	o->rendering.to_stderr = rows_take_stdout(&o->observation.rows);
	rendering_style(&o->rendering);
	status = metrics_start(&o->observation.metrics, NAME, o->observation.user);
	if (status)
		return status;
	o->observation.recorder.exporter = o->observation.metrics.exporter;
	status = make_viewer(o);
	if (status)
		goto abandon;
	o->observation.recorder.filter = rendering_filter(&o->rendering);
	status = observation_open_rows(&o->observation, o->rendering.style.filter);
	if (status)
		goto abandon;
	if (!o->json && !o->observation.quiet) {
		status = rendering_open(&o->rendering);
		if (status)
			goto abandon;
		o->observation.recorder.sinks[o->observation.recorder.sinks_count++] =
		    o->rendering.sink;
	}
	if (recorder_new(&o->observation.recorder, &o->recorder, error) < 0) {
		complain(NAME, "%s", error);
		status = STATUS_FAILED;
		goto abandon;
	}
	if (o->json || !has_screen(o))
		observation_say_notes(&o->observation, o->recorder);
	else
		targets_check(&o->observation.targets, NAME);
	if ((o->json || !has_screen(o)) && o->observation.targets.count &&
	    recorder_listeners(o->recorder) == 0)
		complain(NAME, "no listener yet; waiting for one");
	viewer_attach(o->viewer, o->recorder);
	status = observation_give_up_privileges(&o->observation, o->recorder);
	if (status)
		recorder_discard(o->recorder);
	else
		status = finish(o, viewer_run(o->viewer));
abandon:
	rendering_abandon(&o->rendering);
	recorder_free(o->recorder);
	rows_abandon(&o->observation.rows);
	viewer_free(o->viewer);
	metrics_release(&o->observation.metrics);
	return status;
}

static const struct option long_options[] = {
    RENDERING_OPTIONS,
    FILTER_OPTIONS,
    OBSERVATION_OPTIONS,
    {"interval", required_argument, NULL, 'n'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int cmd_watch(int argc, char **argv)
{
	struct watch o = {.interval_ns = NS_PER_SEC};
	int option, status = 0;

	observation_init(&o.observation, NAME);
	rendering_init(&o.rendering, NAME);
	while (status == 0 &&
	       (option = getopt_long(argc, argv, "f:n:d:i:o:qh", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help(stdout);
			return STATUS_DONE;
		}
		status = parse_option(&o, option, optarg);
	}
	while (status == 0 && optind < argc)
		status = observation_target(&o.observation, argv[optind++]);
	if (status)
		return status;
	targets_describe(&o.observation.targets, o.ports, sizeof(o.ports));
	return watch(&o);
}

const struct command command_watch = {
    .name = NAME,
    .summary = "show listeners live; print the report at the end",
    .run = cmd_watch,
    .captures = true,
    .help = print_help,
    .options = long_options,
};
