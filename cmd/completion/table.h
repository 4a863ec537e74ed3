/*
 * Interface for what a shell needs to know about a subcommand: its options, from
 * getopt_long()'s table, with what its --help says about them.
 */
#ifndef CMD_COMPLETION_TABLE_H
#define CMD_COMPLETION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cmd/command.h"

#define COMPLETION_OPTIONS_MAX 64

/* What can be offered for the argument of an option. */
enum completion_value {
	VALUE_NONE,  /* the option takes no argument */
	VALUE_OTHER, /* a number, a time, an address: nothing can be offered */
	VALUE_WORDS,
	VALUE_FILE,
	VALUE_FOLDER,
	VALUE_INTERFACE,
	VALUE_NAMESPACE, /* a name from ip netns */
	VALUE_USER,
	VALUE_PROCESS,
};

struct completion_option {
	char letter; /* 0: none */
	char name[32];
	char argument[32]; /* as in the help: "FOLDER"; "" if there is none */
	char text[96];	   /* the beginning of its help, no control characters */
	enum completion_value value;
	char words[128]; /* of VALUE_WORDS, with a space between */
	bool repeats;
};

struct completion_command {
	const struct command *command;
	bool takes_files; /* beside its options */
	bool takes_ports;
	bool takes_command; /* after "--" */
	size_t count;
	struct completion_option options[COMPLETION_OPTIONS_MAX];
};

/* 0, or -ENOMEM. A hidden option is not in it. */
int completion_read(const struct command *command, struct completion_command *out)
    __attribute__((warn_unused_result));

#endif
