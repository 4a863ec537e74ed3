/*
 * Interface for reading the kernel's counters from /proc/net/netstat and
 * /proc/net/snmp.
 */
#ifndef NETLINK_COUNTERS_H
#define NETLINK_COUNTERS_H

#include <stddef.h>

#include "event/event.h"

/*
 * Adds what text (length bytes, no NUL needed) says: pairs of lines, "Group:
 * Name Name ..." and "Group: 1 2 ...". A counter whose value is missing or no
 * number stays unknown; lines and names that nobody asked for are passed over.
 */
void counters_parse(const char *text, size_t length, struct counters *counters);

/* The two files, held open: they stay those of the namespace in which they were opened. */
struct counters_reader {
	int netstat_fd;
	int snmp_fd;
};

/* Opens the files of this thread's network namespace. 0 or -errno. */
int counters_reader_init(struct counters_reader *reader) __attribute__((warn_unused_result));

/*
 * Fills *counters (known, value, before_ns) and *after_ns; when is the
 * caller's. What cannot be read stays unknown; -errno when nothing could.
 */
int counters_read(const struct counters_reader *reader, struct counters *counters,
		  int64_t *after_ns) __attribute__((warn_unused_result));

void counters_reader_release(struct counters_reader *reader);

#endif
