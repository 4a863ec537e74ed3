/*
 * Interface for progress: one line on stderr, rewritten in place, while something
 * long goes on. Silent where stderr is no terminal.
 */
#ifndef CMD_TERMINAL_PROGRESS_H
#define CMD_TERMINAL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;
	bool wanted;
	int64_t start_ns;
	int64_t last_ns;
};

void progress_init(struct progress *progress, bool quiet);

/* At most four times a second. */
void progress_show(struct progress *progress, uint64_t packets, uint64_t events);

/* Takes the line away. */
void progress_clear(struct progress *progress);

#endif
