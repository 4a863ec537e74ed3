/*
 * The options of synscope record: on the command line, and in files.
 */
#include "cmd/record.h"

#include <string.h>

#include "cmd/command.h"
#include "cmd/options/config.h"
#include "cmd/options/filtering.h"
#include "cmd/options/rotation.h"

#define NAME RECORD_NAME

void record_help(FILE *out)
{
	fputs(
	    "usage: synscope record -o FOLDER [OPTION...] [ADDRESS:]PORT... [-- COMMAND...]\n"
	    "\n"
	    "Records the listeners of these ports: every handshake, the depth of their accept\n"
	    "queues, and the kernel's counters. Runs until Ctrl-C, for --duration, or until\n"
	    "COMMAND ends, then prints the report. Without a port it records all listeners.\n"
	    "\n"
	    "  -o, --output FOLDER   save the recording in FOLDER, for synscope report\n"
	    "  -i, --interface NAME  capture on this interface (any; lo for clients on this host)\n"
	    "      --netns NAME|PID  in this network namespace: a name from ip netns, or the\n"
	    "                        namespace of a process; COMMAND runs there too\n"
	    "  -d, --duration TIME   stop after TIME: 30s, 5m, 1h, 1d\n",
	    out);
	fputs(sampling_help, out);
	fputs("      --force           replace an existing recording in FOLDER\n", out);
	fputs(rotation_help, out);
	fputs(rows_help, out);
	fputs(metrics_help, out);
	fputs(config_help, out);
	fputs(max_open_help, out);
	fputs(user_help, out);
	fputs("  -q, --quiet           no report and no progress\n", out);
	fputs(rendering_help, out);
	fputs(filter_help, out);
	fputs("  -h, --help            show this help\n"
	      "\n"
	      "Packets, and therefore attempts, require CAP_NET_RAW; fork and exit events require\n"
	      "CAP_NET_ADMIN; the owners of other users' listeners require CAP_SYS_PTRACE and\n"
	      "CAP_DAC_READ_SEARCH. Without them synscope says what is missing and records the\n"
	      "rest: see PRIVILEGES in synscope(1).\n"
	      "\n"
	      "Examples:\n"
	      "  synscope record -o DIR 5432              until Ctrl-C\n"
	      "  synscope record -o DIR -d 1m 443 8443\n"
	      "  synscope record -o DIR 127.0.0.1:8080 -- synscope serve\n"
	      "  synscope record -o DIR -q --fail-on drops 80 -- ./load-test.sh\n"
	      "\n"
	      "Exit status: the status of COMMAND (128 + N if signal N killed it, 127 not found,\n"
	      "126 not executable); 3 or 4 with --fail-on drops; otherwise 0, or 1 on an error.\n",
	      out);
}

const struct option record_options[] = {
    RENDERING_OPTIONS,	FILTER_OPTIONS, OBSERVATION_OPTIONS,
    ROTATION_OPTIONS,	CONFIG_OPTION,	{"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* FNV-1a, of an option or operand and its value. */
static uint64_t add_sum(uint64_t sum, int option, const char *value)
{
	sum = (sum ^ (uint64_t)option) * 0x100000001b3;
	for (; value && *value; value++)
		sum = (sum ^ (uint8_t)*value) * 0x100000001b3;
	return sum;
}

static int take_option(void *record, int option, const char *value)
{
	struct record *o = record;
	int status = rotation_option(&o->observation.recorder.rotation, NAME, option, value);

	if (status >= 0)
		return status;
	o->others = add_sum(o->others, option, value);
	if (o->again)
		return 0;
	status = observation_option(&o->observation, option, value);
	if (status < 0)
		status = rendering_option(&o->rendering, option, value);
	if (status < 0)
		status = filter_option(&o->rendering.filter, NAME, option, value);
	return status < 0 ? usage_error(NAME) : status;
}

static int take_port(void *record, const char *text)
{
	struct record *o = record;

	o->others = add_sum(o->others, 0, text);
	return o->again ? 0 : observation_target(&o->observation, text);
}

static int parse_option(struct record *o, int option, const char *value)
{
	const struct config_reader reader = {
	    .command = NAME,
	    .options = record_options,
	    .option = take_option,
	    .port = take_port,
	    .context = o,
	    .keep = !o->again,
	};

	switch (option) {
	case '?':
		return usage_error(NAME);
	case OPTION_CONFIG:
		o->configured = true;
		return config_read(value, &reader);
	default:
		return take_option(o, option, value);
	}
}

int record_parse(struct record *o, bool *help)
{
	int option, status = 0;

	observation_init(&o->observation, NAME);
	rotation_init(&o->observation.recorder.rotation);
	rendering_init(&o->rendering, NAME);
	optind = 0;
	while (status == 0) {
		option = getopt_long(o->argc, o->argv, "+f:o:i:d:qh", record_options, NULL);
		*help = option == 'h';
		if (*help)
			return STATUS_DONE;
		if (option != -1)
			status = parse_option(o, option, optarg);
		else if (optind == o->argc || strcmp(o->argv[optind - 1], "--") == 0)
			break;
		else
			status = take_port(o, o->argv[optind++]);
	}
	return status ? status : rotation_check(&o->observation.recorder.rotation, NAME);
}
