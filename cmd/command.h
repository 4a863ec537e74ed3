/*
 * Interface for subcommands. Each lives in a file of its own, parses its own
 * options, and returns the exit status of the program.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,     /* it could not be done */
	STATUS_USAGE = 2,      /* wrong usage */
	STATUS_DROPS = 3,      /* --fail-on drops: drops were seen */
	STATUS_UNOBSERVED = 4, /* --fail-on drops: whether there were any could not be observed */
	/* As a shell has it, of a COMMAND that could not be started; a signal is 128 + its number.
	 */
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

struct command {
	const char *name;
	const char *summary;		   /* one line; NULL: not in the list that people see */
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
	/*
	 * What --help prints. A line of it that begins with "-" and at least two spaces is about an
	 * option: "  -o, --output FOLDER   text", or without a letter. The completions are made of
	 * these.
	 */
	void (*help)(FILE *out);
	const struct option *options; /* as getopt_long() has them; those not in help are hidden */
};

/* "synscope NAME: text" and a newline, to stderr. */
void complain(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The usual ending of a usage error: "Try 'synscope NAME --help'."; returns STATUS_USAGE. */
int usage_error(const char *command);

/*
 * Flushes stdout. A failure (a full disk; a reader that went away is none)
 * turns status into STATUS_FAILED with a line on stderr.
 */
int finish_stdout(const char *command, int status);

#endif
