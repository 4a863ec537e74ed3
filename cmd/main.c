/*
 * The program: finds the subcommand and runs it.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/commands.h"

static void print_help(FILE *out)
{
	fputs("synscope: what happened to this connection attempt, and why?\n\n"
	      "usage: synscope COMMAND [OPTION...]\n\n",
	      out);
	for (size_t i = 0; commands[i]; i++)
		if (commands[i]->summary)
			fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nRun 'synscope COMMAND --help' for the options of a command. Start with: synscope "
	      "demo\n\n"
	      "Exit status: 0 success; 1 failure; 2 wrong usage; with --fail-on drops 3 if drops\n"
	      "were seen, 4 if drops could not be observed.\n",
	      out);
}

/*
 * A package may have put a copy of the program, with capabilities, where the members of a group
 * can run it: then this process becomes it.
 */
static void become_capturing(char **argv)
{
	struct stat own, other;

	if (geteuid() == 0 || access(SYNSCOPE_CAPTURING, X_OK) < 0 ||
	    stat(SYNSCOPE_CAPTURING, &other) < 0 || stat("/proc/self/exe", &own) < 0 ||
	    (own.st_dev == other.st_dev && own.st_ino == other.st_ino))
		return;
	execv(SYNSCOPE_CAPTURING, argv);
}

/*
 * Else the first files that are opened take their numbers, and what is printed goes into them.
 * Writing to standard output fails then as it would without.
 */
static int keep_standard_numbers(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;
	char full_name[32];

	/* A reader that goes away is an error of the write, not the end of a recording. */
	signal(SIGPIPE, SIG_IGN);
	if (keep_standard_numbers() < 0)
		return STATUS_FAILED;
	if (!name) {
		print_help(stderr);
		return STATUS_USAGE;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
		print_help(stdout);
		return finish_stdout("help", STATUS_DONE);
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts("synscope " SYNSCOPE_VERSION);
		return finish_stdout("version", STATUS_DONE);
	}
	for (size_t i = 0; commands[i]; i++) {
		const struct command *c = commands[i];

		if (strcmp(name, c->name) != 0)
			continue;
		if (c->captures)
			become_capturing(argv);
		/* getopt_long() begins its complaints with argv[0]. */
		snprintf(full_name, sizeof(full_name), "synscope %s", name);
		argv[1] = full_name;
		return finish_stdout(c->name, c->run(argc - 1, argv + 1));
	}
	fprintf(stderr, "synscope: unknown command '%s'. Try 'synscope --help'.\n", name);
	return STATUS_USAGE;
}
