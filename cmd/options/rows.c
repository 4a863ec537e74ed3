/*
 * The file of rows as an option: what is said of it, and when it is opened again.
 */
#include "cmd/options/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/service/hang_up.h"
#include "event/clock.h"

/* What is wrong is said again after this long at the earliest. */
#define SAY_AGAIN_NS (60 * NS_PER_SEC)

const char rows_help[] =
    "      --rows FILE|-     append a JSON object per line to FILE for each attempt when it\n"
    "                        ends (docs/report.md); - is standard output. SIGHUP reopens FILE\n";

bool rows_take_stdout(const struct rows *rows)
{
	return rows->path && strcmp(rows->path, "-") == 0;
}

static const char *name_of(const struct rows *rows)
{
	return rows_take_stdout(rows) ? "standard output" : rows->path;
}

int rows_open(struct rows *rows, const char *command, const char *filter)
{
	const struct sink_style style = {.stream = true, .filter = filter};
	int rc;

	if (!rows->path)
		return 0;
	rows->terminal = hang_up_has_terminal();
	rc = row_file_open(rows->path, &rows->file);
	if (rc) {
		complain(command, "--rows: %s: %s", name_of(rows),
			 rc == -ENXIO ? "no process reads this FIFO" : strerror(-rc));
		return STATUS_FAILED;
	}
	rows->sink = sink_format_find("jsonl")->new (row_file_stream(rows->file), &style);
	if (rows->sink)
		return 0;
	complain(command, "out of memory");
	rows_abandon(rows);
	return STATUS_FAILED;
}

const char *rows_folder(struct rows *rows)
{
	if (!rows->path || rows_take_stdout(rows))
		return NULL;
	snprintf(rows->folder, sizeof(rows->folder), "%s", rows->path);
	return dirname(rows->folder);
}

bool rows_hang_up(struct rows *rows, const char *command, const struct signalfd_siginfo *info)
{
	int rc;

	if (!rows->file || rows_take_stdout(rows))
		return false;
	if (hang_up_is_final(info, rows->terminal))
		return false;
	rc = row_file_reopen(rows->file);
	if (rc)
		complain(command, "--rows: cannot reopen %s: %s; rows go to the file as it was",
			 rows->path, strerror(-rc));
	return true;
}

bool rows_work(struct rows *rows)
{
	struct row_file_stats stats;
	int64_t now_ns;

	if (!rows->file)
		return false;
	row_file_work(rows->file);
	stats = row_file_stats(rows->file);
	if (!stats.error || (stats.lost == rows->said_lost && stats.error == rows->said_error))
		return false;
	now_ns = clock_monotonic_ns();
	return !rows->said_ns || now_ns - rows->said_ns >= SAY_AGAIN_NS;
}

static const char *reason(int error)
{
	switch (error) {
	case -EPIPE:
		return "its reader is gone";
	case -EAGAIN:
		return "its reader is too slow";
	default:
		return strerror(-error);
	}
}

void rows_say_news(struct rows *rows, const char *command)
{
	struct row_file_stats stats = row_file_stats(rows->file);

	rows->said_ns = clock_monotonic_ns();
	rows->said_lost = stats.lost;
	rows->said_error = stats.error;
	complain(command, "--rows: %s: %s; everything else goes on, rows may be lost",
		 name_of(rows), reason(stats.error));
}

int rows_close(struct rows *rows, const char *command)
{
	struct row_file_stats stats;

	if (!rows->file)
		return STATUS_DONE;
	row_file_finish(rows->file);
	stats = row_file_stats(rows->file);
	rows_abandon(rows);
	if (!stats.lost)
		return STATUS_DONE;
	complain(command, "--rows: %s: %" PRIu64 " of %" PRIu64 " rows were not written: %s",
		 name_of(rows), stats.lost, stats.rows, reason(stats.error));
	return stats.error == -EPIPE ? STATUS_DONE : STATUS_FAILED;
}

void rows_abandon(struct rows *rows)
{
	if (rows->file && row_file_made(rows->file) >= 0)
		unlink(rows->path);
	sink_free(rows->sink);
	row_file_free(rows->file);
	rows->sink = NULL;
	rows->file = NULL;
}
