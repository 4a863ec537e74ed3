/*
 * Interface for options in a file, as --config has it: one a line, without its
 * dashes, then its value; "port" is an [ADDRESS:]PORT. "#" begins a comment.
 */
#ifndef CMD_OPTIONS_CONFIG_H
#define CMD_OPTIONS_CONFIG_H

#include <getopt.h>
#include <stdbool.h>

/* The val of --config itself, which a file cannot have. */
#define OPTION_CONFIG 0x401

#define CONFIG_OPTION                                            \
	{                                                        \
		"config", required_argument, NULL, OPTION_CONFIG \
	}

extern const char config_help[];

/* What takes an option and a port; 0, or the exit status after the complaint. */
struct config_reader {
	const char *command;
	const struct option *options; /* those that the command has */
	int (*option)(void *context, int option, const char *value);
	int (*port)(void *context, const char *text);
	void *context;
	bool keep; /* values are valid until the program ends, else only while they are taken */
};

/*
 * Hands over what is in the file, in its order. The first mistake ends it, after one line that
 * names the file and the line. 0, or the exit status.
 */
int config_read(const char *path, const struct config_reader *reader)
    __attribute__((warn_unused_result));

#endif
