/*
 * Interface for the rows of record and watch: --rows FILE|-, one JSON object a line for
 * each attempt as it ends.
 */
#ifndef CMD_OPTIONS_ROWS_H
#define CMD_OPTIONS_ROWS_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/signalfd.h>

#include "pipeline/row_file.h"
#include "report/sink/sink.h"

#define ROWS_OPTION                                    \
	{                                              \
		"rows", required_argument, NULL, 0x301 \
	}

extern const char rows_help[];

struct rows {
	const char *path; /* NULL: none */
	/* Below: rows.c's own. */
	struct row_file *file;
	struct sink *sink;
	bool terminal; /* there was a controlling terminal at the start */
	int64_t said_ns;
	uint64_t said_lost;
	int said_error;
	char folder[PATH_MAX];
};

/* Standard output is theirs: what people read goes to standard error. */
bool rows_take_stdout(const struct rows *rows);

/*
 * Opens the file, and makes the sink. filter: in words, or NULL; must outlive it. 0, or the exit
 * status after the complaint.
 */
int rows_open(struct rows *rows, const char *command, const char *filter);

/* The folder that has to stay writable for rows_hang_up(); NULL: none. */
const char *rows_folder(struct rows *rows);

/*
 * A SIGHUP that asks for the file to be opened again, as logrotate does: true, and it was
 * done. False: it is to end the run, since there is no file, or the terminal was closed.
 */
bool rows_hang_up(struct rows *rows, const char *command, const struct signalfd_siginfo *info);

/* Writes what waits, and whether anything is wrong. True when there is a line to be said. */
bool rows_work(struct rows *rows);

/* That line. */
void rows_say_news(struct rows *rows, const char *command);

/* The run is over: says how many were lost. 0, or the exit status. */
int rows_close(struct rows *rows, const char *command);

/* The run did not begin: a file that was made is removed. Also after rows_close(). */
void rows_abandon(struct rows *rows);

#endif
