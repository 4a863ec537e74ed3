/*
 * Interface for the viewer: the loop of watch. Steps a recorder, shows a snapshot
 * an interval in one of three ways, and minds signals and keys meanwhile.
 */
#ifndef CMD_TERMINAL_VIEWER_H
#define CMD_TERMINAL_VIEWER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cmd/options/rows.h"
#include "pipeline/recorder/recorder.h"
#include "report/sink/sink.h"

enum viewer_mode {
	VIEWER_SCREEN, /* the terminal that standard output is */
	VIEWER_LINES,
	VIEWER_JSON,
	VIEWER_SILENT, /* nothing: others show it */
};

struct viewer_options {
	enum viewer_mode mode;
	int64_t interval_ns;
	int64_t duration_ns; /* 0: until it is told to end */
	const char *interface;
	const char *ports; /* what is watched, in words */
	bool colour;
	bool utf8;
	bool utc;
	FILE *out;	   /* of lines and objects */
	struct rows *rows; /* of --rows; stays the caller's */
	/* Called once an interval, where there is no screen to spoil: says what went wrong. */
	void (*news)(void *context);
	void *news_context;
	bool blank_line; /* after the last line: the report follows */
};

struct viewer;

/* Takes SIGINT, SIGTERM and SIGHUP from now on. What options points to must outlive it. */
int viewer_new(const struct viewer_options *options, struct viewer **out)
    __attribute__((warn_unused_result));

/* Of the recorder, for struct recorder_options: live_slots. */
unsigned viewer_slots(const struct viewer *viewer);

/*
 * The first sink of the recorder: when it finishes, what the last events brought is
 * shown, before the report is printed. The viewer's own.
 */
struct sink *viewer_sink(struct viewer *viewer);

/* Opens the terminal, before privileges are given up. The recorder stays the caller's. */
void viewer_attach(struct viewer *viewer, struct recorder *recorder);

/*
 * Until a signal, a key, the duration or an error; the screen is left then. 0 or -errno of the
 * recorder.
 */
int viewer_run(struct viewer *viewer) __attribute__((warn_unused_result));

/* 0, or the -errno of showing: -EPIPE when the reader went away, -ENOMEM, or of the output. */
int viewer_error(const struct viewer *viewer);

/* Gives the terminal and the signals back. NULL is legal. */
void viewer_free(struct viewer *viewer);

#endif
