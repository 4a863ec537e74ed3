/*
 * synscope watch: a live view of listeners, on a terminal as a screen, elsewhere
 * as a line or a JSON object an interval; ends with the report.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/argument.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/recorder.h"
#include "cmd/rendering.h"
#include "cmd/sandbox.h"
#include "cmd/screen.h"
#include "cmd/targets.h"
#include "report/view.h"

#define NAME "watch"

/* What the screen's latencies and worst attempts are taken from. */
#define WINDOW_NS (10 * NS_PER_SEC)

/* What happened at the start is known by then: see recorder_snapshot(). */
#define FIRST_NS (600 * NS_PER_MS)

enum mode { MODE_SCREEN, MODE_LINES, MODE_JSON };

struct watch {
	struct sink sink; /* tells of the last interval, before the report */
	struct recorder_options options;
	struct targets targets;
	int64_t interval_ns;
	int64_t duration_ns; /* 0: until it is told to end */
	bool quiet;
	bool json;
	const char *user; /* NULL: the default of sandbox.h */
	struct rendering rendering;
	enum mode mode;
	char ports[128];
	struct recorder *recorder;
	struct screen screen;
	int signal_fd;
	int wake_fd; /* an epoll of the signals and the keys */
	sigset_t mask_before;
	const struct snapshot *snapshot; /* the last one */
	bool over;
	int error; /* of the output */
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

static int take_signals(struct watch *o)
{
	struct sigaction hang_up;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	/* nohup wants it to be ignored. */
	if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN)
		sigaddset(&mask, SIGHUP);
	if (o->mode == MODE_SCREEN) {
		sigaddset(&mask, SIGQUIT);
		sigaddset(&mask, SIGWINCH);
		sigaddset(&mask, SIGTSTP);
		sigaddset(&mask, SIGCONT);
	}
	o->signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (o->signal_fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &mask, &o->mask_before);
	return 0;
}

static void give_signals_back(struct watch *o)
{
	if (o->signal_fd < 0)
		return;
	close(o->signal_fd);
	sigprocmask(SIG_SETMASK, &o->mask_before, NULL);
}

static int watch_fd(struct watch *o, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(o->wake_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static void paint(struct watch *o)
{
	const struct recording_meta *meta = recorder_meta(o->recorder);
	struct view_context context = {
	    .interface = o->options.interface,
	    .ports = o->ports,
	    .hint = o->screen.keys_fd >= 0 ? "q: end" : "Ctrl-C: end",
	    .note = meta->sources[SOURCE_SAMPLER].on ? NULL : meta->sources[SOURCE_SAMPLER].note,
	    .packets = recorder_frames(o->recorder),
	};
	struct view_style style = {
	    .colour = o->rendering.style.colour,
	    .utf8 = o->rendering.style.utf8,
	    .columns = o->screen.columns,
	    .rows = o->screen.rows,
	};
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out) {
		o->error = -errno;
		return;
	}
	view_put_screen(out, o->snapshot, &context, &style);
	if (fclose(out) != 0)
		o->error = -ENOMEM;
	else
		o->error = screen_paint(&o->screen, text, length);
	free(text);
}

/* One interval is over. */
static void show(struct watch *o, bool last)
{
	o->snapshot = recorder_snapshot(o->recorder);
	if (!o->snapshot) {
		o->error = -ENOMEM;
		return;
	}
	switch (o->mode) {
	case MODE_SCREEN:
		paint(o);
		break;
	case MODE_LINES:
		view_put_line(stdout, o->snapshot);
		if (fflush(stdout) != 0)
			o->error = -errno;
		break;
	case MODE_JSON:
		o->error = view_put_json(stdout, o->snapshot, last);
		break;
	}
	recorder_turn(o->recorder);
}

/* What the last events brought, before the report is printed. */
static int finish_view(struct sink *sink, const struct report *report)
{
	struct watch *o = (struct watch *)sink;

	(void)report;
	if (o->mode == MODE_SCREEN || o->error)
		return 0;
	show(o, true);
	if (o->mode == MODE_LINES && o->rendering.sink)
		putchar('\n');
	return o->error;
}

/* It is the caller's own. */
static void free_view(struct sink *sink)
{
	(void)sink;
}

static const struct sink_ops view_ops = {NULL, finish_view, free_view};

static void enter(struct watch *o)
{
	o->error = screen_enter(&o->screen);
	if (!o->error && o->screen.keys_fd >= 0)
		o->error = watch_fd(o, o->screen.keys_fd);
	o->snapshot = recorder_snapshot(o->recorder);
	if (!o->error && o->snapshot)
		paint(o);
}

/* Ctrl-Z: the terminal is the shell's while the program stands still. */
static void suspend(struct watch *o)
{
	screen_leave(&o->screen);
	raise(SIGSTOP);
	o->error = screen_enter(&o->screen);
	if (!o->error)
		paint(o);
}

static void take_signal(struct watch *o, int signal)
{
	switch (signal) {
	case SIGWINCH:
		screen_measure(&o->screen);
		paint(o);
		break;
	case SIGTSTP:
		suspend(o);
		break;
	case SIGCONT:
		/* After a SIGSTOP of somebody else: the shell may have used the terminal. */
		screen_leave(&o->screen);
		o->error = screen_enter(&o->screen);
		if (!o->error)
			paint(o);
		break;
	default:
		o->over = true;
	}
}

static void take_signals_and_keys(struct watch *o)
{
	struct epoll_event events[2];
	struct signalfd_siginfo info;
	int n = epoll_wait(o->wake_fd, events, 2, 0);
	char key;

	for (int i = 0; i < n; i++) {
		if (events[i].data.fd != o->signal_fd) {
			while ((key = screen_key(&o->screen)) != 0)
				o->over |= key == 'q' || key == 'Q';
			if (events[i].events & (EPOLLHUP | EPOLLERR))
				o->over = true;
			continue;
		}
		while (!o->error &&
		       read(o->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			take_signal(o, (int)info.ssi_signo);
	}
}

/* Steps until it is time to end. 0 or -errno of the recorder. */
static int run(struct watch *o)
{
	int64_t now_ns = clock_monotonic_ns(), next_ns;
	int64_t until_ns = o->duration_ns && o->duration_ns < INT64_MAX - now_ns
			       ? now_ns + o->duration_ns
			       : INT64_MAX;
	int rc = 0;

	/* Before FIRST_NS there is nothing to tell; on a screen nobody waits much longer. */
	next_ns = now_ns +
		  (o->mode == MODE_SCREEN || o->interval_ns < FIRST_NS ? FIRST_NS : o->interval_ns);
	while (rc == 0 && !o->over && !o->error) {
		rc =
		    recorder_step(o->recorder, o->wake_fd, next_ns < until_ns ? next_ns : until_ns);
		take_signals_and_keys(o);
		now_ns = clock_monotonic_ns();
		if (now_ns >= until_ns)
			o->over = true;
		if (rc || o->over || o->error)
			break;
		if (now_ns >= next_ns) {
			show(o, false);
			next_ns += o->interval_ns;
			/* After a standstill: no frames for the time that has gone by. */
			if (next_ns < now_ns)
				next_ns = now_ns + o->interval_ns;
		} else if (screen_busy(&o->screen)) {
			o->error = screen_continue(&o->screen);
		}
	}
	return rc;
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
	int rc_finish, rc_report, status;

	if (rc)
		complain(NAME, "%s", recorder_error(o->recorder));
	else if (o->error && o->error != -EPIPE)
		complain(NAME, "%s: %s", o->error == -ENOMEM ? "the live view" : "standard output",
			 strerror(-o->error));
	rc_finish = recorder_finish(o->recorder);
	if (rc_finish && !rc)
		complain(NAME, "%s", recorder_error(o->recorder));
	/* Why standard output failed has been told; a reader that went away is no failure. */
	rc_report = o->error && o->error != -ENOMEM ? -EPIPE : recorder_report_error(o->recorder);
	status = rendering_close(&o->rendering, rc_report, recorder_report(o->recorder));
	if (rc || (o->error && o->error != -EPIPE) || rc_finish)
		status = STATUS_FAILED;
	return status;
}

static unsigned slots_of(const struct watch *o)
{
	int64_t slots = (WINDOW_NS + o->interval_ns - 1) / o->interval_ns;

	/* Lines and objects say what was in their own interval. */
	if (o->mode != MODE_SCREEN)
		return 1;
	return slots < WINDOW_SLOTS_MAX ? (unsigned)slots : WINDOW_SLOTS_MAX;
}

static int watch(struct watch *o)
{
	char error[RECORDER_ERROR_SIZE];
	int rc, status = 0;

	o->mode = o->json ? MODE_JSON : screen_possible() ? MODE_SCREEN : MODE_LINES;
	o->options.live_slots = slots_of(o);
	o->options.sinks[o->options.sinks_count++] = &o->sink;
	rendering_style(&o->rendering);
	if (!o->json && !o->quiet) {
		status = rendering_open(&o->rendering);
		if (status)
			return status;
		o->options.sinks[o->options.sinks_count++] = o->rendering.sink;
	}
	o->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	rc = o->wake_fd < 0 ? -errno : take_signals(o);
	if (rc == 0)
		rc = watch_fd(o, o->signal_fd);
	if (rc) {
		complain(NAME, "signals: %s", strerror(-rc));
		status = STATUS_FAILED;
		goto abandon;
	}
	rc = recorder_new(&o->options, &o->recorder, error);
	if (rc) {
		complain(NAME, "%s", error);
		status = STATUS_FAILED;
		goto abandon;
	}
	if (o->mode == MODE_SCREEN)
		screen_init(&o->screen);
	else if (o->targets.count && recorder_listeners(o->recorder) == 0)
		complain(NAME, "nobody listens there yet; watching for what comes");
	status = give_up_privileges(o);
	if (status)
		goto abandon;
	if (o->mode == MODE_SCREEN)
		enter(o);
	rc = o->error ? 0 : run(o);
	screen_leave(&o->screen);
	status = finish(o, rc);
abandon:
	screen_release(&o->screen);
	rendering_abandon(&o->rendering);
	recorder_free(o->recorder);
	give_signals_back(o);
	if (o->wake_fd >= 0)
		close(o->wake_fd);
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
	static struct watch o = {
	    .sink = {&view_ops},
	    .options = {.interface = "any", .look_up_children = true},
	    .interval_ns = NS_PER_SEC,
	    .signal_fd = -1,
	    .wake_fd = -1,
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
