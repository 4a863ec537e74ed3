/*
 * The demo: the bundled server and load in a private network namespace, recorded
 * and reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/comparison.h"
#include "cmd/demo.h"
#include "cmd/terminal/progress.h"
#include "isolate/process.h"
#include "pipeline/recorder/recorder.h"
#include "server/channel/channel.h"

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
	complain(DEMO_NAME, "cannot start the server: %s", error);
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

		if (snprintf(path, sizeof(path), "%s/" DEMO_CLIENTS, run->path) < (int)sizeof(path))
			fd =
			    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
		run->load.out = fd < 0 ? NULL : fdopen(fd, "w");
		if (!run->load.out) {
			complain(DEMO_NAME, "%s/" DEMO_CLIENTS ": %s", run->path, strerror(errno));
			return 1;
		}
	}
	rc = load_run(&run->load, &summary, error);
	if (rc)
		complain(DEMO_NAME, "cannot run the clients: %s", error);
	if (run->load.out && fclose(run->load.out) != 0) {
		complain(DEMO_NAME, "%s/" DEMO_CLIENTS ": %s", run->path, strerror(errno));
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
	char end[PROCESS_END_SIZE];
	int rc;

	rc = process_start(&run->load_process, load_body, run);
	if (rc) {
		complain(DEMO_NAME, "cannot start the clients: %s", strerror(-rc));
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
		complain(DEMO_NAME, "%s", recorder_error(run->recorder));
	if (rc == 0 && run->server_process.ended && WIFSIGNALED(run->server_process.status)) {
		complain(DEMO_NAME, "the server was killed by signal %d; the report ends there",
			 WTERMSIG(run->server_process.status));
		rc = -ECHILD;
	}
	if (rc == 0 && run->load_process.ended && run->load_process.status != 0) {
		process_describe_end(&run->load_process, end);
		if (WIFSIGNALED(run->load_process.status))
			complain(DEMO_NAME, "the process of the clients %s", end);
		rc = -ECHILD; /* else they have said why */
	}
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
			complain(DEMO_NAME, "cannot start the server: %s", strerror(-rc));
		goto out;
	}
	options.channel = run.channel;
	if (sink)
		options.sinks[options.sinks_count++] = sink;
	rc = recorder_new(&options, &run.recorder, error);
	if (rc) {
		complain(DEMO_NAME, "%s", error);
		goto stop;
	}
	rc = record_load(&run);
stop:
	process_stop(&run.load_process, 1000);
	process_stop(&run.server_process, 1000);
	if (run.recorder && recorder_finish(run.recorder) < 0 && rc == 0) {
		complain(DEMO_NAME, "%s", recorder_error(run.recorder));
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

int demo_run_one(struct demo *o, struct signals *signals)
{
	int status = rendering_open(&o->rendering);

	if (status)
		return status;
	status =
	    run_model(o, signals, o->server.model, o->path, o->rendering.sink, NULL, &o->rendering);
	rendering_abandon(&o->rendering);
	return status < 0 ? STATUS_FAILED : status;
}

int demo_run_all(struct demo *o, struct signals *signals)
{
	struct comparison comparison = {0};
	char path[4096];
	int rc;

	if (o->path && mkdir(o->path, 0750) < 0 && errno != EEXIST) {
		complain(DEMO_NAME, "%s: %s", o->path, strerror(errno));
		return STATUS_FAILED;
	}
	for (int m = 0; m < SERVER_MODEL_COUNT; m++) {
		const char *model = server_model_name((enum server_model)m);

		if (o->path &&
		    snprintf(path, sizeof(path), "%s/%s", o->path, model) >= (int)sizeof(path)) {
			complain(DEMO_NAME, "%s: path too long", o->path);
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
