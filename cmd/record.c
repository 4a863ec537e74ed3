/*
 * synscope record: watches listeners until Ctrl-C, a duration, or COMMAND's end,
 * keeps everything in a folder, and ends with the report.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options/argument.h"
#include "cmd/options/observation.h"
#include "cmd/options/rendering.h"
#include "cmd/options/rotation.h"
#include "cmd/terminal/progress.h"
#include "event/recording/parts.h"
#include "isolate/process.h"
#include "server/channel/channel.h"
#include "server/signals.h"

#define NAME "record"

/* COMMAND is given this long to end when the recording is to end. */
#define COMMAND_STOP_NS (10 * NS_PER_SEC)

struct record {
	struct observation observation;
	char **command; /* NULL: none */
	struct rendering rendering;
	struct channel_reader *channel;
	int channel_fd;
	struct process process;
	bool command_told; /* to end */
};

static void print_help(FILE *out)
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
	    "  -d, --duration TIME   stop after TIME: 30s, 5m, 1h, 1d\n"
	    "      --sample-interval TIME\n"
	    "                        sample the queues this often while there is traffic (1ms;\n"
	    "                        up to 4ms at thousands of connections per second)\n"
	    "      --no-bpf          load no BPF programs: infer what enters the accept queues\n"
	    "      --exact-accepts   exact times of accept() also on kernels without fexit:\n"
	    "                        every system call of the host is a little slower\n"
	    "      --force           replace an existing recording in FOLDER\n",
	    out);
	fputs(rotation_help, out);
	fputs(rows_help, out);
	fputs(
	    "      --max-open N      track at most N open attempts at once (1048576)\n"
	    "      --user NAME       as root: switch to this user after start, and chown what was\n"
	    "                        made to that user (default: $SUDO_USER, else nobody)\n"
	    "  -q, --quiet           no report and no progress\n",
	    out);
	fputs(rendering_help, out);
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

static int parse_option(struct record *o, int option, const char *value)
{
	int status;

	switch (option) {
	case '?':
		return usage_error(NAME);
	default:
		status = observation_option(&o->observation, option, value);
		if (status < 0)
			status =
			    rotation_option(&o->observation.recorder.rotation, NAME, option, value);
		if (status < 0)
			status = rendering_option(&o->rendering, option, value);
		return status < 0 ? usage_error(NAME) : status;
	}
}

/* The complaint, and the exit status that a shell would have. */
static int command_not_started(const struct record *o, int rc)
{
	complain(NAME, "%s: %s", o->command[0],
		 rc == -ENOENT ? "command not found" : strerror(-rc));
	return rc == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

static int start_command(struct record *o)
{
	char value[16];
	int rc;

	if (!o->command)
		return 0;
	snprintf(value, sizeof(value), "%d", o->channel_fd);
	rc = process_execute(&o->process, o->command, CHANNEL_ENVIRONMENT, value);
	close(o->channel_fd);
	o->channel_fd = -1;
	return rc == 0 ? 0 : command_not_started(o, rc);
}

/* Steps until it is time to end. 0 or -errno of the recorder. */
static int run(struct record *o, struct recorder *recorder, const struct signals *signals)
{
	int64_t start_ns = clock_monotonic_ns();
	int64_t until_ns =
	    o->observation.duration_ns ? start_ns + o->observation.duration_ns : INT64_MAX;
	struct rows *rows = &o->observation.rows;
	struct signalfd_siginfo hang_up;
	struct progress progress;
	bool stopping = false;
	int rc = 0;

	/* COMMAND may write to the same terminal: a line that is drawn again would mix with it. */
	progress_init(&progress, o->observation.quiet || o->command);
	while (rc == 0) {
		bool over;

		rc = recorder_step(recorder, signals->fd, until_ns);
		over = signals_read_hang_up(signals, &hang_up) || clock_monotonic_ns() >= until_ns;
		over = over || (hang_up.ssi_signo && !rows_hang_up(rows, NAME, &hang_up));
		if (rows_work(rows)) {
			progress_clear(&progress);
			rows_say_news(rows, NAME);
		}
		progress_show(&progress, recorder_frames(recorder), recorder_events(recorder));
		if (o->command && process_ended(&o->process))
			break;
		if (!over)
			continue;
		if (!o->command || stopping)
			break;
		/* What COMMAND does while it ends belongs to the recording. A second Ctrl-C cuts
		 * it. */
		stopping = o->command_told = true;
		process_terminate(&o->process);
		until_ns = clock_monotonic_ns() + COMMAND_STOP_NS;
	}
	progress_clear(&progress);
	observation_say_news(&o->observation, recorder);
	return rc;
}

/* That it died of what it was told to end by, when the recording ended, is no failure of its own.
 */
static bool ended_as_told(const struct record *o)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGKILL};
	int status = o->process.status;
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;

	for (size_t i = 0; o->command_told && i < sizeof(signals) / sizeof(signals[0]); i++)
		if (number == signals[i])
			return true;
	return false;
}

/* As a shell tells it, after the complaint when it failed. 0: there was none, or it did not. */
static int command_status(const struct record *o)
{
	int status = o->process.status;
	char end[PROCESS_END_SIZE];

	if (!o->command || !o->process.ended || ended_as_told(o))
		return 0;
	if (status)
		process_describe_end(&o->process, end);
	if (WIFSIGNALED(status)) {
		complain(NAME, "%s %s", o->command[0], end);
		return 128 + WTERMSIG(status);
	}
	if (WEXITSTATUS(status))
		complain(NAME, "%s %s", o->command[0], end);
	return WEXITSTATUS(status);
}

/* Of the recording, its report and COMMAND together. */
static int exit_status(int recorded, int reported, int command)
{
	if (recorded)
		return STATUS_FAILED;
	if (reported == STATUS_FAILED || reported == STATUS_DROPS || !command)
		return reported;
	return command;
}

static int record(struct record *o)
{
	char error[RECORDER_ERROR_SIZE];
	struct recorder *recorder = NULL;
	struct signals signals;
	int rc, status, command;

	o->channel_fd = -1;
	/* Before a recording takes the place of another. */
	rc = o->command ? process_find(o->command[0]) : 0;
	if (rc)
		return command_not_started(o, rc);
	if (o->command) {
		rc = channel_open(&o->channel, &o->channel_fd);
		if (rc) {
			complain(NAME, "cannot open the channel for server events: %s",
				 strerror(-rc));
			return STATUS_FAILED;
		}
		o->observation.recorder.channel = o->channel;
	}
	status = observation_open_rows(&o->observation);
	if (status)
		goto free_channel;
	o->rendering.to_stderr = rows_take_stdout(&o->observation.rows);
	if (!o->observation.quiet || o->rendering.fail_on_drops) {
		status = o->observation.quiet ? 0 : rendering_open(&o->rendering);
		if (status)
			goto free_channel;
		if (o->rendering.sink)
			o->observation.recorder.sinks[o->observation.recorder.sinks_count++] =
			    o->rendering.sink;
	}
	o->observation.recorder.unreported =
	    o->observation.recorder.sinks_count == 0 && o->observation.quiet &&
	    !o->rendering.fail_on_drops &&
	    !o->observation.recorder.rotation.retention.keep_incidents;
	rc = signals_take(&signals, true);
	if (rc) {
		complain(NAME, "signals: %s", strerror(-rc));
		status = STATUS_FAILED;
		goto abandon;
	}
	o->observation.recorder.packets_needed = o->rendering.fail_on_drops;
	rc = recorder_new(&o->observation.recorder, &recorder, error);
	if (rc) {
		complain(NAME, "%s", error);
		status = STATUS_FAILED;
		goto give_back;
	}
	observation_say_notes(&o->observation, recorder);
	if (o->observation.recorder.targets_count && recorder_listeners(recorder) == 0 &&
	    !o->command)
		complain(NAME, "no listener yet; waiting for one");
	status = start_command(o);
	if (status)
		goto discard;
	status = observation_give_up_privileges(&o->observation, recorder);
	if (status)
		goto stop;
	rc = run(o, recorder, &signals);
	o->command_told = o->command_told || !process_ended(&o->process);
	process_stop(&o->process, 1000);
	command = command_status(o);
	if (rc)
		complain(NAME, "%s", recorder_error(recorder));
	if (recorder_finish(recorder) < 0 && !rc) {
		rc = -EIO;
		complain(NAME, "%s", recorder_error(recorder));
	}
	status = rendering_close(&o->rendering, recorder_report_error(recorder),
				 recorder_report(recorder));
	if (rows_close(&o->observation.rows, NAME))
		rc = rc ? rc : -EIO;
	status = exit_status(rc, status, command);
	goto give_back;
stop:
	process_stop(&o->process, 1000);
discard:
	recorder_discard(recorder);
give_back:
	signals_give_back(&signals);
abandon:
	rendering_abandon(&o->rendering);
	recorder_free(recorder);
free_channel:
	rows_abandon(&o->observation.rows);
	if (o->channel_fd >= 0)
		close(o->channel_fd);
	channel_reader_free(o->channel);
	return status;
}

static const struct option long_options[] = {
    RENDERING_OPTIONS,	OBSERVATION_OPTIONS, ROTATION_OPTIONS, {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int cmd_record(int argc, char **argv)
{
	struct record o = {0};
	int option, status = 0;

	observation_init(&o.observation, NAME);
	rotation_init(&o.observation.recorder.rotation);
	rendering_init(&o.rendering, NAME);
	while (status == 0) {
		option = getopt_long(argc, argv, "+f:o:i:d:qh", long_options, NULL);
		if (option == 'h') {
			print_help(stdout);
			return STATUS_DONE;
		}
		if (option != -1)
			status = parse_option(&o, option, optarg);
		else if (optind == argc || strcmp(argv[optind - 1], "--") == 0)
			break;
		else
			status = observation_target(&o.observation, argv[optind++]);
	}
	if (status)
		return status;
	if (optind < argc)
		o.command = argv + optind;
	if (!o.observation.recorder.path) {
		complain(NAME, "missing -o FOLDER");
		return usage_error(NAME);
	}
	status = rotation_check(&o.observation.recorder.rotation, NAME);
	if (status)
		return status;
	return record(&o);
}

const struct command command_record = {
    .name = NAME,
    .summary = "record listeners until Ctrl-C, for a duration, or while a command runs",
    .run = cmd_record,
    .help = print_help,
    .options = long_options,
};
