/*
 * Interface between the files of synscope record: its options, in record_options.c,
 * and the run, in record.c.
 */
#ifndef CMD_RECORD_H
#define CMD_RECORD_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cmd/options/observation.h"
#include "cmd/options/rendering.h"
#include "cmd/service/notify.h"
#include "isolate/process.h"
#include "server/channel/channel.h"

#define RECORD_NAME "record"

struct record {
	struct observation observation;
	char **command; /* NULL: none */
	struct rendering rendering;
	struct channel_reader *channel;
	int channel_fd;
	struct process process;
	bool command_told; /* to end */
	/*
	 * For SIGHUP with --config: what the program was called with, and a sum of all options that
	 * take effect at its start alone.
	 */
	int argc;
	char **argv;
	bool configured; /* there is a --config */
	bool again;	 /* read for SIGHUP: the rotation counts, and no other option */
	uint64_t others;
	bool had_terminal;
	struct notify notify;
};

extern const struct option record_options[];

void record_help(FILE *out);

/*
 * The command line in argc and argv, and the files that it names. 0, or the exit status; *help: it
 * was asked for. After it optind is at COMMAND.
 */
int record_parse(struct record *record, bool *help) __attribute__((warn_unused_result));

#endif
