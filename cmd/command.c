/*
 * What every subcommand says in the same way.
 */
#include "cmd/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of complain_at(). */
static const char *complaint_place;

bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	/* It may be inherited, and stderr be another file by now. */
	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static void write_line(enum severity severity, const char *command, const char *format,
		       va_list args)
{
	if (stderr_is_journal())
		fprintf(stderr, "<%d>", (int)severity);
	fprintf(stderr, "synscope %s: ", command);
	if (complaint_place)
		fprintf(stderr, "%s: ", complaint_place);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void say(enum severity severity, const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(severity, command, format, args);
	va_end(args);
}

void complain(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(SEVERITY_ERROR, command, format, args);
	va_end(args);
}

void complain_at(const char *place)
{
	complaint_place = place;
}

int usage_error(const char *command)
{
	if (!complaint_place && !stderr_is_journal())
		fprintf(stderr, "Try 'synscope %s --help'.\n", command);
	return STATUS_USAGE;
}

int finish_stdout(const char *command, int status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return status;
	complain(command, "standard output: %s", errno ? strerror(errno) : "write error");
	return STATUS_FAILED;
}
