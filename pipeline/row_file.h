/*
 * Interface for the file of rows: where record and watch write one line an attempt
 * while they run. Whatever happens to it, the recording goes on: rows that it does not
 * take wait in a buffer, and those that do not fit there are counted.
 *
 * A row is written whole or not at all, also where the disk was full in the middle of
 * one: its rest is written first when there is room.
 */
#ifndef PIPELINE_ROW_FILE_H
#define PIPELINE_ROW_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Rows that wait: of a reader that is slow, or of a disk that is full. */
#define ROW_FILE_WAITING_MAX ((size_t)1 << 20)

struct row_file;

struct row_file_stats {
	uint64_t rows; /* all that came */
	uint64_t lost; /* of these, not written and not waiting */
	int error;     /* the last -errno that cost or delays rows; -EAGAIN: the reader is slow */
};

/*
 * path: a file, which is appended to and made (0640) where there is none, a FIFO that somebody
 * reads, or "-" for standard output. Returns 0, or -errno (-ENXIO: nobody reads the FIFO).
 */
int row_file_open(const char *path, struct row_file **out) __attribute__((warn_unused_result));

/* Each fwrite() to it that ends with a newline is a row; it never fails. Stays the row file's. */
FILE *row_file_stream(struct row_file *file);

/* The descriptor of a file that was made just now, else -1. */
int row_file_made(const struct row_file *file);

/*
 * The name may be another file by now (logrotate): the rows go on there. 0, or -errno: they go
 * on where they were. Standard output stays.
 */
int row_file_reopen(struct row_file *file) __attribute__((warn_unused_result));

/* Writes what waits, as far as it can be written without waiting. To be called now and then. */
void row_file_work(struct row_file *file);

struct row_file_stats row_file_stats(const struct row_file *file);

/* Writes what waits, for as long as somebody reads it, and closes. What is left then is lost. */
void row_file_finish(struct row_file *file);

/* NULL is legal. */
void row_file_free(struct row_file *file);

#endif
