/*
 * Interface for the text file: metrics for the textfile collector of node_exporter, or whatever
 * reads files. A reader finds the old one or the new one, whole.
 */
#ifndef PIPELINE_EXPORTER_TEXTFILE_H
#define PIPELINE_EXPORTER_TEXTFILE_H

#include <limits.h>
#include <stddef.h>

struct textfile {
	int folder_fd;
	const char *name; /* within the folder */
	char temporary[NAME_MAX + 1];
};

/*
 * Opens the folder of path, which must outlive it; folder gets its name. 0 or -errno:
 * -ENAMETOOLONG, -EISDIR where path ends with a slash.
 */
int textfile_open(struct textfile *file, const char *path, char folder[PATH_MAX])
    __attribute__((warn_unused_result));

/* Whether it can be written: makes the temporary file and removes it. 0 or -errno. */
int textfile_try(const struct textfile *file) __attribute__((warn_unused_result));

/* Replaces it, mode 0644. 0 or -errno: then the old one is there still. */
int textfile_write(const struct textfile *file, const char *text, size_t length)
    __attribute__((warn_unused_result));

#endif
