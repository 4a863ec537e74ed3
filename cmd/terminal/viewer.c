/*
 * The loop of watch.
 */
#include "cmd/terminal/viewer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cmd/terminal/screen.h"
#include "report/watch/view.h"

/* What the screen's latencies and worst attempts are taken from. */
#define WINDOW_NS (10 * NS_PER_SEC)

/* What happened at the start is known by then: see recorder_snapshot(). */
#define FIRST_NS (600 * NS_PER_MS)

struct viewer {
	struct sink sink;
	struct viewer_options options;
	struct recorder *recorder;
	struct screen screen;
	int signal_fd;
	int wake_fd; /* an epoll of the signals and the keys */
	sigset_t mask_before;
	const struct snapshot *snapshot; /* the last one */
	bool over;
	bool keys; /* they are listed */
	int error;
};

static int wake_for(struct viewer *v, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(v->wake_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int take_signals(struct viewer *v)
{
	struct sigaction hang_up;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	/* nohup wants it to be ignored. */
	if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN)
		sigaddset(&mask, SIGHUP);
	if (v->options.mode == VIEWER_SCREEN) {
		sigaddset(&mask, SIGQUIT);
		sigaddset(&mask, SIGWINCH);
		sigaddset(&mask, SIGTSTP);
		sigaddset(&mask, SIGCONT);
	}
	v->signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (v->signal_fd < 0)
		return -errno;
	sigprocmask(SIG_BLOCK, &mask, &v->mask_before);
	return wake_for(v, v->signal_fd);
}

static void paint(struct viewer *v)
{
	const struct recording_meta *meta = recorder_meta(v->recorder);
	const struct source_state *packets = &meta->sources[SOURCE_CAPTURE];
	const char *note = packets->on ? meta->sources[SOURCE_SAMPLER].note : packets->note;
	struct view_context context = {
	    .interface = v->options.interface,
	    .ports = v->options.ports,
	    .hint = v->screen.keys_fd >= 0 ? "?: keys  q: quit" : "Ctrl-C: quit",
	    .note = note[0] ? note : NULL,
	    .keys = v->keys,
	    .packets = recorder_frames(v->recorder),
	};
	struct view_style style = {
	    .colour = v->options.colour,
	    .utf8 = v->options.utf8,
	    .utc = v->options.utc,
	    .columns = v->screen.columns,
	    .rows = v->screen.rows,
	};
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out) {
		v->error = -errno;
		return;
	}
	view_put_screen(out, v->snapshot, &context, &style);
	if (fclose(out) != 0)
		v->error = -ENOMEM;
	else
		v->error = screen_paint(&v->screen, text, length);
	free(text);
}

/* One interval is over. */
static void show(struct viewer *v, bool last)
{
	v->snapshot = recorder_snapshot(v->recorder);
	if (!v->snapshot) {
		v->error = -ENOMEM;
		return;
	}
	switch (v->options.mode) {
	case VIEWER_SCREEN:
		paint(v);
		break;
	case VIEWER_LINES:
		view_put_line(v->options.out, v->snapshot);
		if (fflush(v->options.out) != 0)
			v->error = -errno;
		break;
	case VIEWER_JSON:
		v->error = view_put_json(v->options.out, v->snapshot, last);
		break;
	case VIEWER_SILENT:
		break;
	}
	if (v->options.news && v->options.mode != VIEWER_SCREEN)
		v->options.news(v->options.news_context);
	recorder_turn(v->recorder);
}

static int finish_view(struct sink *sink, const struct report *report)
{
	struct viewer *v = (struct viewer *)sink;

	(void)report;
	if (v->options.mode == VIEWER_SCREEN || v->error)
		return 0;
	show(v, true);
	if (v->options.blank_line)
		fputc('\n', v->options.out);
	return v->error;
}

/* It is the viewer's own. */
static void free_view(struct sink *sink)
{
	(void)sink;
}

static const struct sink_ops view_ops = {.finish = finish_view, .free = free_view};

int viewer_new(const struct viewer_options *options, struct viewer **out)
{
	struct viewer *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return -ENOMEM;
	v->sink.ops = &view_ops;
	v->options = *options;
	v->signal_fd = -1;
	v->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	rc = v->wake_fd < 0 ? -errno : take_signals(v);
	if (rc) {
		viewer_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

void viewer_free(struct viewer *viewer)
{
	if (!viewer)
		return;
	screen_release(&viewer->screen);
	if (viewer->signal_fd >= 0) {
		struct signalfd_siginfo info;

		/* What came while it ended is not to end it again, now that all is done. */
		while (read(viewer->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			continue;
		close(viewer->signal_fd);
		sigprocmask(SIG_SETMASK, &viewer->mask_before, NULL);
	}
	if (viewer->wake_fd >= 0)
		close(viewer->wake_fd);
	free(viewer);
}

unsigned viewer_slots(const struct viewer *viewer)
{
	int64_t interval_ns = viewer->options.interval_ns;
	int64_t slots = (WINDOW_NS + interval_ns - 1) / interval_ns;

	/* Lines and objects say what was in their own interval. */
	if (viewer->options.mode != VIEWER_SCREEN)
		return 1;
	return slots < WINDOW_SLOTS_MAX ? (unsigned)slots : WINDOW_SLOTS_MAX;
}

struct sink *viewer_sink(struct viewer *viewer)
{
	return &viewer->sink;
}

void viewer_attach(struct viewer *viewer, struct recorder *recorder)
{
	viewer->recorder = recorder;
	if (viewer->options.mode == VIEWER_SCREEN)
		screen_init(&viewer->screen);
}

int viewer_error(const struct viewer *viewer)
{
	return viewer->error;
}

static void enter(struct viewer *v)
{
	v->error = screen_enter(&v->screen);
	if (!v->error && v->screen.keys_fd >= 0)
		v->error = wake_for(v, v->screen.keys_fd);
	v->snapshot = recorder_snapshot(v->recorder);
	if (!v->snapshot)
		v->error = -ENOMEM;
	if (!v->error)
		paint(v);
}

static void take_signal(struct viewer *v, int signal)
{
	switch (signal) {
	case SIGWINCH:
		screen_measure(&v->screen);
		paint(v);
		break;
	case SIGTSTP: /* Ctrl-Z: the terminal is the shell's while the program stands still */
		screen_leave(&v->screen);
		raise(SIGSTOP);
		break;
	case SIGCONT:
		/* Of whomever: the shell may have used the terminal. */
		screen_leave(&v->screen);
		v->error = screen_enter(&v->screen);
		if (!v->error)
			paint(v);
		break;
	default:
		v->over = true;
	}
}

static void take_key(struct viewer *v, char key)
{
	switch (key) {
	case 'q':
	case 'Q':
		v->over = true;
		break;
	case '?':
	case 'h':
		v->keys = !v->keys;
		paint(v);
		break;
	default:
		break;
	}
}

static void take_signals_and_keys(struct viewer *v)
{
	struct epoll_event events[2];
	struct signalfd_siginfo info;
	int n = epoll_wait(v->wake_fd, events, 2, 0);
	char key;

	for (int i = 0; i < n; i++) {
		if (events[i].data.fd != v->signal_fd) {
			while ((key = screen_key(&v->screen)) != 0)
				take_key(v, key);
			if (events[i].events & (EPOLLHUP | EPOLLERR))
				v->over = true;
			continue;
		}
		while (!v->error &&
		       read(v->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			if (info.ssi_signo != SIGHUP ||
			    !rows_hang_up(v->options.rows, "watch", &info))
				take_signal(v, (int)info.ssi_signo);
	}
}

/* Until it is time to end. 0 or -errno of the recorder. */
static int loop(struct viewer *v)
{
	const struct viewer_options *o = &v->options;
	int64_t now_ns = clock_monotonic_ns(), next_ns;
	int64_t until_ns = o->duration_ns && o->duration_ns < INT64_MAX - now_ns
			       ? now_ns + o->duration_ns
			       : INT64_MAX;
	int rc = 0;

	/* Before FIRST_NS there is nothing to tell; on a screen nobody waits much longer. */
	next_ns = now_ns + (o->mode == VIEWER_SCREEN || o->interval_ns < FIRST_NS ? FIRST_NS
										  : o->interval_ns);
	while (!v->over && !v->error) {
		rc =
		    recorder_step(v->recorder, v->wake_fd, next_ns < until_ns ? next_ns : until_ns);
		take_signals_and_keys(v);
		if (rows_work(v->options.rows) && o->mode != VIEWER_SCREEN)
			rows_say_news(v->options.rows, "watch");
		now_ns = clock_monotonic_ns();
		if (rc || v->over || v->error || now_ns >= until_ns)
			break;
		if (now_ns >= next_ns) {
			show(v, false);
			next_ns += o->interval_ns;
			/* After a standstill: no frames for the time that has gone by. */
			if (next_ns < now_ns)
				next_ns = now_ns + o->interval_ns;
		} else if (screen_busy(&v->screen)) {
			v->error = screen_continue(&v->screen);
		}
	}
	return rc;
}

int viewer_run(struct viewer *viewer)
{
	int rc;

	if (viewer->options.mode == VIEWER_SCREEN)
		enter(viewer);
	rc = loop(viewer);
	screen_leave(&viewer->screen);
	return rc;
}
