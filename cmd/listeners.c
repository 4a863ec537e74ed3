/*
 * synscope listeners: every listening socket of a network namespace, once.
 */
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options/argument.h"
#include "cmd/stalled.h"
#include "cmd/terminal/listeners_view.h"
#include "isolate/namespace.h"
#include "netlink/listener/listeners.h"

#define NAME "listeners"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_TSV };

static void print_help(FILE *out)
{
	fputs(
	    "usage: synscope listeners [OPTION...]\n"
	    "\n"
	    "Lists every listening TCP socket: the depth and capacity of its accept queue, which\n"
	    "setting limits it, half-open connections, drops, how long the oldest connection has\n"
	    "waited for accept(), and the process. Where connections wait for 0.1 s or more, it\n"
	    "looks at that process for up to 1.2 s, and says what keeps it from calling accept().\n"
	    "\n"
	    "  -f, --format FORMAT   text (default), json or tsv\n"
	    "      --netns NAME|PID  inspect this network namespace: a name from ip netns, or the\n"
	    "                        namespace of a process\n"
	    "  -a, --all             count half-open and waiting connections even when there are\n"
	    "                        more than 10,000 connections to read\n"
	    "  -p, --pid PID         only the sockets of this process, in its namespace\n"
	    "      --color WHEN      auto (default: on a terminal), always or never\n"
	    "  -h, --help            show this help\n"
	    "\n"
	    "A queue with a limit of N holds N + 1 connections. The limit is min(backlog, "
	    "somaxconn)\n"
	    "at the time of the listen() call; raising net.core.somaxconn has no effect until the\n"
	    "program calls listen() again. A client is connected before accept() is called:\n"
	    "connections in the queue have completed their handshake.\n"
	    "\n"
	    "No privileges are needed. The owners of other users' sockets require CAP_SYS_PTRACE "
	    "and\n"
	    "CAP_DAC_READ_SEARCH, another namespace requires CAP_SYS_ADMIN; sudo provides all of\n"
	    "these.\n"
	    "\n"
	    "Examples:\n"
	    "  synscope listeners\n"
	    "  sudo synscope listeners --pid $(pgrep -o postgres)\n"
	    "  synscope listeners -f json | jq '.listeners[] | select(.depth > .limit)'\n",
	    out);
}

struct listeners {
	enum format format;
	const char *namespace;
	int32_t pid;
	bool all;
	bool colour_always;
	bool colour_never;
};

static int parse_option(struct listeners *o, int option, const char *value)
{
	uint64_t number;

	switch (option) {
	case 'f':
		if (strcmp(value, "text") == 0)
			o->format = FORMAT_TEXT;
		else if (strcmp(value, "json") == 0)
			o->format = FORMAT_JSON;
		else if (strcmp(value, "tsv") == 0)
			o->format = FORMAT_TSV;
		else
			break;
		return 0;
	case 'a':
		o->all = true;
		return 0;
	case 'n':
		o->namespace = value;
		return 0;
	case 'p':
		if (argument_number(value, 1, INT32_MAX, &number) < 0)
			break;
		o->pid = (int32_t)number;
		return 0;
	case 'c':
		o->colour_always = strcmp(value, "always") == 0;
		o->colour_never = strcmp(value, "never") == 0;
		if (o->colour_always || o->colour_never || strcmp(value, "auto") == 0)
			return 0;
		break;
	default:
		return usage_error(NAME);
	}
	complain(NAME,
		 option == 'f'	 ? "--format: invalid format '%s'; choose text, json or tsv"
		 : option == 'p' ? "--pid: invalid process ID '%s'"
				 : "--color: invalid value '%s'; choose auto, always or never",
		 value);
	return usage_error(NAME);
}

static int enter(const struct listeners *o)
{
	char error[NAMESPACE_ERROR_SIZE], pid[16];
	const char *who = o->namespace;

	if (!who && o->pid) {
		snprintf(pid, sizeof(pid), "%d", o->pid);
		who = pid;
	}
	if (!who || namespace_enter(who, error) == 0)
		return STATUS_DONE;
	complain(NAME, "%s", error);
	return STATUS_FAILED;
}

/* Of the terminal, else $COLUMNS, else 100, which is also the most. */
static unsigned columns(void)
{
	const char *variable = getenv("COLUMNS");
	struct winsize size;
	uint64_t number = 100;

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		number = size.ws_col;
	else if (variable && argument_number(variable, 1, 1000, &number) < 0)
		number = 100;
	return number > 100 ? 100 : number < 40 ? 40 : (unsigned)number;
}

static int show(const struct listeners *o, const struct listeners_snapshot *snapshot,
		const struct stall_now *stalls)
{
	const char *no_colour = getenv("NO_COLOR");
	struct listeners_style style = {
	    .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	    .colour = o->colour_always ||
		      (!o->colour_never && isatty(STDOUT_FILENO) && !(no_colour && *no_colour)),
	    .columns = columns(),
	    .as_root = geteuid() == 0,
	};
	int error = 0;

	switch (o->format) {
	case FORMAT_TEXT:
		error = listeners_view_text(stdout, snapshot, stalls, &style);
		break;
	case FORMAT_JSON:
		error = listeners_view_json(stdout, snapshot, stalls);
		break;
	case FORMAT_TSV:
		error = listeners_view_tsv(stdout, snapshot);
		break;
	}
	if (error && error != -EPIPE) {
		complain(NAME, "standard output: %s", strerror(-error));
		return STATUS_FAILED;
	}
	if (o->format != FORMAT_TEXT && snapshot->processes_denied)
		complain(NAME,
			 "cannot inspect %zu process%s (permission denied%s): some owners may be "
			 "missing%s",
			 snapshot->processes_denied, snapshot->processes_denied == 1 ? "" : "es",
			 geteuid() == 0 ? ", even to root here" : "",
			 geteuid() == 0 ? ""
					: ". Use sudo, or setcap cap_sys_ptrace,"
					  "cap_dac_read_search: see synscope(1)");
	return STATUS_DONE;
}

static const struct option long_options[] = {
    {"all", no_argument, NULL, 'a'},
    {"format", required_argument, NULL, 'f'},
    {"netns", required_argument, NULL, 'n'},
    {"pid", required_argument, NULL, 'p'},
    {"color", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int cmd_listeners(int argc, char **argv)
{
	struct listeners options = {.format = FORMAT_TEXT};
	struct listeners_options wanted = {0};
	struct listeners_snapshot snapshot;
	struct stall_now *stalls;
	int option, status, error;

	while ((option = getopt_long(argc, argv, "af:p:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help(stdout);
			return STATUS_DONE;
		}
		status = parse_option(&options, option, optarg);
		if (status)
			return status;
	}
	if (optind < argc) {
		complain(NAME, "unexpected argument '%s': all listeners are shown", argv[optind]);
		return usage_error(NAME);
	}
	setlocale(LC_CTYPE, "");
	status = enter(&options);
	if (status)
		return status;
	wanted.pid = options.pid;
	wanted.counters = options.format == FORMAT_JSON;
	wanted.connections_max = options.all ? SIZE_MAX : LISTENERS_CONNECTIONS_MAX;
	error = listeners_read(&wanted, &snapshot);
	if (error) {
		if (options.pid && (error == -EACCES || error == -ESRCH))
			complain(NAME,
				 error == -ESRCH ? "--pid: no process %d"
						 : "--pid: cannot inspect process %d "
						   "(permission denied); use sudo",
				 options.pid);
		else
			complain(NAME, "sock_diag: %s", strerror(-error));
		return STATUS_FAILED;
	}
	stalls = stalled_look(&wanted, options.format != FORMAT_TSV, &snapshot);
	if (stalls) {
		status = show(&options, &snapshot, stalls);
	} else {
		complain(NAME, "out of memory");
		status = STATUS_FAILED;
	}
	free(stalls);
	listeners_release(&snapshot);
	return status;
}

const struct command command_listeners = {
    .name = NAME,
    .summary = "list every listening socket: queue, limit, drops, owner",
    .run = cmd_listeners,
    .captures = true,
    .help = print_help,
    .options = long_options,
};
