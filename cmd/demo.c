/*
 * synscope demo: its options. The run is in demo_run.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/demo.h"
#include "cmd/options/value.h"
#include "isolate/namespace.h"

static void print_help(FILE *out)
{
	fputs(
	    "usage: synscope demo [OPTION...]\n"
	    "\n"
	    "Runs a small fork-per-connection server and a burst of clients in a private network\n"
	    "namespace, and reports what happened to each client. Needs no root.\n"
	    "\n"
	    "  -o, --output FOLDER   save the recording in FOLDER, with " DEMO_CLIENTS
	    ": what the\n"
	    "                        clients saw\n"
	    "      --force           replace an existing recording in FOLDER\n"
	    "  -m, --model MODEL     fork (default), iterative or thread; all compares them\n"
	    "  -b, --backlog N       listen() backlog (5); the accept queue holds one more\n"
	    "  -c, --max-children N  stop accepting at N children (8)\n"
	    "  -s, --service-time TIME\n"
	    "                        time to serve a request (200ms)\n"
	    "  -n, --clients N       number of clients (60)\n"
	    "  -r, --rate N          connections per second; 0 (default): all in one burst\n"
	    "  -t, --timeout TIME    each client gives up after TIME (20s)\n",
	    out);
	fputs(rendering_help, out);
	fputs("  -h, --help            show this help\n"
	      "\n"
	      "Examples:\n"
	      "  synscope demo\n"
	      "  synscope demo --backlog 59               nothing is dropped\n"
	      "  synscope demo --model all                compare fork, iterative and thread\n"
	      "  synscope demo -o DIR && synscope report DIR -f html -o page.html\n"
	      "  synscope demo -f json -o DIR | jq .summary\n",
	      out);
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
		complain(DEMO_NAME,
			 "--model: invalid model '%s'; choose fork, iterative, thread or all",
			 value);
		return usage_error(DEMO_NAME);
	case 'b':
		status = value_number(DEMO_NAME, "--backlog", value, 0, 65535, NULL, &number);
		if (status == 0)
			o->server.backlog = (int)number;
		return status;
	case 'c':
		status = value_number(DEMO_NAME, "--max-children", value, 0, 10000, NULL, &number);
		if (status == 0)
			o->server.max_children = (unsigned)number;
		return status;
	case 's':
		return value_time(DEMO_NAME, "--service-time", value, 0, INT64_MAX,
				  VALUE_TIME_SUCH_AS("200ms"), &o->server.service_ns);
	case 'n':
		return value_number(DEMO_NAME, "--clients", value, 1, 100000, NULL, &o->load.count);
	case 'r':
		return value_number(DEMO_NAME, "--rate", value, 0, LOAD_RATE_MAX,
				    "connections per second", &o->load.rate);
	case 't':
		return value_time(DEMO_NAME, "--timeout", value, 1, INT64_MAX,
				  VALUE_TIME_SUCH_AS("20s"), &o->load.timeout_ns);
	case '?':
		return usage_error(DEMO_NAME);
	default:
		status = rendering_option(&o->rendering, option, value);
		return status < 0 ? usage_error(DEMO_NAME) : status;
	}
}

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

static int cmd_demo(int argc, char **argv)
{
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

	rendering_init(&o.rendering, DEMO_NAME);
	while ((option = getopt_long(argc, argv, "f:o:m:b:c:s:n:r:t:h", long_options, NULL)) !=
	       -1) {
		if (option == 'h') {
			print_help(stdout);
			return STATUS_DONE;
		}
		status = parse_option(&o, option, optarg);
		if (status)
			return status;
	}
	if (optind < argc) {
		complain(DEMO_NAME,
			 "unexpected argument '%s': the demo starts its own server and clients",
			 argv[optind]);
		return usage_error(DEMO_NAME);
	}
	if (o.all_models && strcmp(o.rendering.format->name, "text") != 0 &&
	    strcmp(o.rendering.format->name, "json") != 0) {
		complain(DEMO_NAME, "--model all supports only text and json; use synscope report "
				    "for other formats");
		return usage_error(DEMO_NAME);
	}
	if (namespace_make(error) < 0) {
		complain(DEMO_NAME, "%s", error);
		return STATUS_FAILED;
	}
	if (signals_take(&signals, true) < 0) {
		complain(DEMO_NAME, "signals: %s", strerror(errno));
		return STATUS_FAILED;
	}
	status = o.all_models ? demo_run_all(&o, &signals) : demo_run_one(&o, &signals);
	signals_give_back(&signals);
	return status;
}

const struct command command_demo = {
    .name = DEMO_NAME,
    .summary = "run the bundled server and load, record and report it; no root needed",
    .run = cmd_demo,
    .help = print_help,
    .options = long_options,
};
