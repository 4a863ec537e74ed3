/*
 * What every subcommand says in the same way.
 */
#include "cmd/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void complain(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "synscope %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int usage_error(const char *command)
{
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
