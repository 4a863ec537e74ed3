/*
 * synscope record: watches listeners until Ctrl-C, a duration, or COMMAND's end,
 * keeps everything in a folder, and ends with the report.
 */
#include "cmd/record.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/service/hang_up.h"
#include "cmd/terminal/progress.h"
#include "event/clock.h"
#include "server/signals.h"

#define NAME RECORD_NAME

/* COMMAND is given this long to end when the recording is to end. */
#define COMMAND_STOP_NS (10 * NS_PER_SEC)

/* The complaint, and the exit status that a shell would have. */
static int command_not_started(const struct record *o, int rc)
{
	complain(NAME, "%s: %s", o->command[0],
		 rc == -ENOENT ? "command not found" : strerror(-rc));
	return rc == -ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

/* Whether standard output is for another program to read. */
static bool prints_data(const struct record *o)
{
	return rows_take_stdout(&o->observation.rows) ||
	       (!o->observation.quiet && strcmp(o->rendering.format->name, "text") != 0);
}

static int start_command(struct record *o)
{
	char value[16];
	int rc;

	if (!o->command)
		return 0;
	snprintf(value, sizeof(value), "%d", o->channel_fd);
	/* What is printed for another program is the report alone, or its rows. */
	rc = process_execute(&o->process, o->command, CHANNEL_ENVIRONMENT, value,
			     prints_data(o) ? STDERR_FILENO : STDOUT_FILENO);
	close(o->channel_fd);
	o->channel_fd = -1;
	return rc == 0 ? 0 : command_not_started(o, rc);
}

/* Reads the options again, and applies those of the parts. A mistake changes nothing. */
static int reload(struct record *o, struct recorder *recorder)
{
	const struct rotation *before = &o->observation.recorder.rotation, *after;
	struct record again = {.argc = o->argc, .argv = o->argv, .again = true};
	bool help;
	int rc = 0;

	notify_reloading(&o->notify);
	after = &again.observation.recorder.rotation;
	if (record_parse(&again, &help) == 0) {
		if (again.others != o->others || rotation_is_on(before) != rotation_is_on(after))
			say(SEVERITY_WARNING, NAME,
			    "only the options of the parts are read again; the others change when "
			    "it is started again");
		if (rotation_is_on(before) && rotation_is_on(after))
			rc = recorder_rotate(recorder, after);
	}
	notify_ready(&o->notify);
	return rc;
}

/* SIGHUP came. Whether it ends the recording. */
static bool hang_up(struct record *o, struct recorder *recorder,
		    const struct signalfd_siginfo *info, int *rc)
{
	bool reopened = rows_hang_up(&o->observation.rows, NAME, info);

	if (!o->configured || hang_up_is_final(info, o->had_terminal))
		return !reopened;
	if (*rc == 0)
		*rc = reload(o, recorder);
	return false;
}

/* What a service manager wants to hear now and then. */
static void tell_manager(struct record *o, struct recorder *recorder)
{
	if (notify_alive(&o->notify))
		notify_status(&o->notify,
			      "%zu listeners, %" PRIu64 " packets and %" PRIu64 " events so far",
			      recorder_listeners(recorder), recorder_frames(recorder),
			      recorder_events(recorder));
}

/* What went wrong with a part of it, at once: it may run for months. */
static void say_news(struct recorder *recorder, struct progress *progress)
{
	const char *news = recorder_news(recorder);

	if (!news)
		return;
	progress_clear(progress);
	complain(NAME, "%s", news);
}

/* True when one of them ends the recording. */
static bool take_signals(struct record *o, struct recorder *recorder, const struct signals *signals,
			 int *rc)
{
	struct signalfd_siginfo info;

	return signals_read_hang_up(signals, &info) ||
	       (info.ssi_signo && hang_up(o, recorder, &info, rc));
}

/* Steps until it is time to end. 0 or -errno of the recorder. */
static int run(struct record *o, struct recorder *recorder, const struct signals *signals)
{
	int64_t start_ns = clock_monotonic_ns();
	int64_t until_ns =
	    o->observation.duration_ns ? start_ns + o->observation.duration_ns : INT64_MAX;
	struct rows *rows = &o->observation.rows;
	struct progress progress;
	bool stopping = false;
	int rc = 0;

	/* COMMAND may write to the same terminal: a line that is drawn again would mix with it. */
	progress_init(&progress, o->observation.quiet || o->command);
	notify_ready(&o->notify);
	while (rc == 0) {
		int64_t alive_ns = o->notify.next_ns;
		bool over, woken;

		rc =
		    recorder_step(recorder, signals->fd, until_ns < alive_ns ? until_ns : alive_ns);
		over = clock_monotonic_ns() >= until_ns;
		woken = recorder_was_woken(recorder); /* by a signal, SIGCHLD among them */
		if (woken)
			over = take_signals(o, recorder, signals, &rc) || over;
		if (rows_work(rows)) {
			progress_clear(&progress);
			rows_say_news(rows, NAME);
		}
		progress_show(&progress, recorder_frames(recorder), recorder_events(recorder));
		say_news(recorder, &progress);
		tell_manager(o, recorder);
		if (woken && o->command && process_ended(&o->process))
			break;
		if (!over)
			continue;
		if (!o->command || stopping)
			break;
		/*
		 * What COMMAND does while it ends belongs to the recording. A second Ctrl-C cuts
		 * it.
		 */
		stopping = o->command_told = true;
		process_terminate(&o->process);
		until_ns = clock_monotonic_ns() + COMMAND_STOP_NS;
	}
	notify_stopping(&o->notify);
	progress_clear(&progress);
	observation_say_news(&o->observation, recorder);
	return rc;
}

/*
 * That it died of what it was told to end by, when the recording ended, is no failure of its own.
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

static int open_channel(struct record *o)
{
	int rc = channel_open(&o->channel, &o->channel_fd);

	if (rc) {
		complain(NAME, "cannot open the channel for server events: %s", strerror(-rc));
		return STATUS_FAILED;
	}
	o->observation.recorder.channel = o->channel;
	return 0;
}

/* What is written beside the recording: metrics, rows, the report. */
static int open_outputs(struct record *o)
{
	struct recorder_options *options = &o->observation.recorder;
	int status = metrics_start(&o->observation.metrics, NAME, o->observation.user);

	if (status)
		return status;
	options->exporter = o->observation.metrics.exporter;
	options->filter = rendering_filter(&o->rendering);
	status = observation_open_rows(&o->observation, o->rendering.style.filter);
	if (status)
		return status;
	o->rendering.to_stderr = rows_take_stdout(&o->observation.rows);
	if (!o->observation.quiet) {
		status = rendering_open(&o->rendering);
		if (status)
			return status;
	}
	if (o->rendering.sink)
		options->sinks[options->sinks_count++] = o->rendering.sink;
	options->unreported = options->sinks_count == 0 && o->observation.quiet &&
			      !o->rendering.fail_on_drops && !options->exporter &&
			      !options->rotation.retention.keep_incidents;
	return 0;
}

/* The run is over, with rc. The exit status. */
static int finish(struct record *o, struct recorder *recorder, int rc)
{
	int command, status;

	o->command_told = o->command_told || !process_ended(&o->process);
	process_stop(&o->process, 1000);
	command = command_status(o);
	if (rc)
		complain(NAME, "%s", recorder_error(recorder));
	if (recorder_finish(recorder) < 0 && !rc) {
		rc = -EIO;
		complain(NAME, "%s", recorder_error(recorder));
	}
	if (metrics_finish(&o->observation.metrics, NAME) && !rc)
		rc = -EIO;
	status = rendering_close(&o->rendering, recorder_report_error(recorder),
				 recorder_report(recorder));
	if (rows_close(&o->observation.rows, NAME) && !rc)
		rc = -EIO;
	return exit_status(rc, status, command);
}

static int record(struct record *o)
{
	char error[RECORDER_ERROR_SIZE];
	struct recorder *recorder = NULL;
	struct signals signals;
	int rc, status;

	o->channel_fd = -1;
	o->had_terminal = hang_up_has_terminal();
	notify_open(&o->notify);
	/* Before a recording takes the place of another. */
	rc = o->command ? process_find(o->command[0]) : 0;
	if (rc)
		return command_not_started(o, rc);
	status = o->command ? open_channel(o) : 0;
	if (status)
		return status;
	status = open_outputs(o);
	if (status)
		goto free_channel;
	rc = signals_take(&signals, true);
	if (rc) {
		complain(NAME, "signals: %s", strerror(-rc));
		status = STATUS_FAILED;
		goto abandon;
	}
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
	status = finish(o, recorder, run(o, recorder, &signals));
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
	notify_close(&o->notify);
free_channel:
	rows_abandon(&o->observation.rows);
	metrics_release(&o->observation.metrics);
	if (o->channel_fd >= 0)
		close(o->channel_fd);
	channel_reader_free(o->channel);
	return status;
}

static int cmd_record(int argc, char **argv)
{
	struct record o = {.argc = argc, .argv = argv};
	bool help;
	int status = record_parse(&o, &help);

	if (help)
		record_help(stdout);
	if (status || help)
		return status;
	if (optind < argc)
		o.command = argv + optind;
	if (!o.command && strcmp(argv[argc - 1], "--") == 0) {
		complain(NAME, "missing COMMAND after --");
		return usage_error(NAME);
	}
	if (!o.observation.recorder.path) {
		complain(NAME, "missing -o FOLDER");
		return usage_error(NAME);
	}
	return record(&o);
}

const struct command command_record = {
    .name = NAME,
    .summary = "record listeners until Ctrl-C, for a duration, or while a command runs",
    .run = cmd_record,
    .captures = true,
    .help = record_help,
    .options = record_options,
};
