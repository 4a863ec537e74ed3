/*
 * synscope completion: prints the completion script for a shell. The build
 * installs its output; it is not in the list of commands.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/completion/shells.h"

#define NAME "completion"

static void print_help(FILE *out)
{
	fputs("usage: synscope completion bash|zsh|fish\n"
	      "\n"
	      "Prints the completion script for this shell. It is installed with the program.\n"
	      "\n"
	      "  -h, --help            show this help\n",
	      out);
}

static const struct {
	const char *name;
	void (*write)(FILE *out, const struct completion_command *commands, size_t count);
} shells[] = {
    {"bash", completion_bash},
    {"zsh", completion_zsh},
    {"fish", completion_fish},
};

/* 0, or the exit status after the complaint. */
static int print(size_t shell)
{
	struct completion_command *found;
	size_t count = 0;
	int rc = 0;

	while (commands[count])
		count++;
	found = calloc(count, sizeof(*found));
	if (!found)
		rc = -1;
	count = 0;
	for (size_t i = 0; rc == 0 && commands[i]; i++)
		if (commands[i]->summary)
			rc = completion_read(commands[i], &found[count++]);
	if (rc == 0)
		shells[shell].write(stdout, found, count);
	else
		complain(NAME, "out of memory");
	free(found);
	return rc ? STATUS_FAILED : STATUS_DONE;
}

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int cmd_completion(int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option != 'h')
			return usage_error(NAME);
		print_help(stdout);
		return STATUS_DONE;
	}
	if (optind + 1 != argc) {
		complain(NAME, optind == argc ? "missing shell; choose bash, zsh or fish"
					      : "one shell at a time");
		return usage_error(NAME);
	}
	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].name, argv[optind]) == 0)
			return print(i);
	complain(NAME, "invalid shell '%s'; choose bash, zsh or fish", argv[optind]);
	return usage_error(NAME);
}

const struct command command_completion = {
    .name = NAME,
    .run = cmd_completion,
    .help = print_help,
    .options = long_options,
};
