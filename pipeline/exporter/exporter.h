/*
 * Interface for the exporter: a process of ours that gives the metrics of a live run away, as a
 * file and over HTTP. The run itself only puts numbers into shared memory: it waits for no reader
 * and no disk, and what strangers send is read by a process that has nothing else.
 */
#ifndef PIPELINE_EXPORTER_EXPORTER_H
#define PIPELINE_EXPORTER_EXPORTER_H

#include <stdbool.h>

#include "report/metrics/metrics.h"

#define EXPORTER_ERROR_SIZE 512

/* Metrics are to be published this often. */
#define EXPORTER_INTERVAL_NS NS_PER_SEC
/* The file is written this often, and at the end. */
#define EXPORTER_FILE_NS (5 * NS_PER_SEC)

struct exporter;

struct exporter_options {
	const char *path; /* of the file, or NULL */
	int listen_fd;	  /* see listening.h; or -1. Is closed. */
	const char *user; /* as root: see struct sandbox_options */
};

/*
 * Starts it, in the network namespace of now, before privileges are given up: it gives up its own.
 * 0; or -errno with a line in error: it is not possible to write the file, for example.
 */
int exporter_start(const struct exporter_options *options, struct exporter **out,
		   char error[EXPORTER_ERROR_SIZE]) __attribute__((warn_unused_result));

/* To be filled, then published. Whoever reads meanwhile has what was published before. */
struct metrics *exporter_metrics(struct exporter *exporter);
void exporter_publish(struct exporter *exporter);

/* What went wrong with it since the last call, one line; or NULL. The run goes on. */
const char *exporter_news(struct exporter *exporter);

/*
 * Has the file written once more with what was published last, and ends it. 0; or -errno with a
 * line in error.
 */
int exporter_finish(struct exporter *exporter, char error[EXPORTER_ERROR_SIZE])
    __attribute__((warn_unused_result));

/* Ends it if it still runs. NULL is legal. */
void exporter_free(struct exporter *exporter);

#endif
