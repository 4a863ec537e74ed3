/*
 * Interface for subcommands. Each lives in a file of its own, parses its own
 * options, and returns the exit status of the program.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum exit_status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,     /* it could not be done */
	STATUS_USAGE = 2,      /* wrong usage */
	STATUS_DROPS = 3,      /* --fail-on drops: drops were seen */
	STATUS_UNOBSERVED = 4, /* --fail-on drops: whether there were any could not be observed */
	/*
	 * As a shell has it, of a COMMAND that could not be started; a signal is 128 + its number.
	 */
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

struct command {
	const char *name;
	const char *summary;		   /* one line; NULL: not in the list that people see */
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
	bool captures;			   /* it may take capabilities that a user does not have */
	/*
	 * What --help prints. A line of it that begins with "-" and at least two spaces is about an
	 * option: "  -o, --output FOLDER   text", or without a letter. The completions are made of
	 * these.
	 */
	void (*help)(FILE *out);
	const struct option *options; /* as getopt_long() has them; those not in help are hidden */
};

/* As syslog(3) has them. */
enum severity {
	SEVERITY_ERROR = 3,
	SEVERITY_WARNING = 4,
	SEVERITY_NOTICE = 5,
};

/*
 * "synscope NAME: text" and a newline, to stderr; where that is the journal, "<3>" and so on in
 * front, as sd-daemon(3) has it.
 */
void say(enum severity severity, const char *command, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of an error. */
void complain(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From now on complaints are about this place, "FILE:LINE", and name it; NULL: about none. */
void complain_at(const char *place);

/* Whether stderr is the journal: then no person waits for the prompt. */
bool stderr_is_journal(void);

/*
 * The usual ending of a usage error: "Try 'synscope NAME --help'.", unless there is a place;
 * returns STATUS_USAGE.
 */
int usage_error(const char *command);

/*
 * Flushes stdout. A failure (a full disk; a reader that went away is none)
 * turns status into STATUS_FAILED with a line on stderr.
 */
int finish_stdout(const char *command, int status);

#endif
