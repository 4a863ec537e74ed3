/*
 * What the exporter's two ends share: the memory with the metrics, and their messages.
 */
#ifndef PIPELINE_EXPORTER_SHARED_H
#define PIPELINE_EXPORTER_SHARED_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "pipeline/exporter/exporter.h"

/*
 * Copies take turns: number n is in [n % 2]. A reader that finds another number after it has copied
 * one copies again.
 */
struct exporter_shared {
	_Atomic uint64_t number; /* of the last one published; 0: none yet */
	struct metrics metrics[2];
};

/* From the exporter. To it goes one byte: write the file once more, and end. */
enum exporter_message_kind {
	EXPORTER_READY,
	EXPORTER_FAILED, /* and it has ended; or, later, the file could not be written */
	EXPORTER_DONE,
};

struct exporter_message {
	enum exporter_message_kind kind;
	int error; /* FAILED: errno */
	uid_t uid; /* it runs as */
	char what[EXPORTER_ERROR_SIZE];
};

struct exporter_process_options {
	const struct exporter_options *options;
	struct exporter_shared *shared;
	int fd; /* SOCK_SEQPACKET */
};

/* Its body, for process_start(). */
int exporter_process(void *options);

#endif
