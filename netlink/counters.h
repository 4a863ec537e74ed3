/*
 * Interface for reading the kernel's counters from /proc/net/netstat, snmp, snmp6
 * and xfrm_stat.
 */
#ifndef NETLINK_COUNTERS_H
#define NETLINK_COUNTERS_H

#include <stddef.h>

#include "event/event.h"

/*
 * Adds what text (length bytes, no NUL needed) says: pairs of lines, "Group:
 * Name Name ..." and "Group: 1 2 ...", or lines "Name 1". A counter whose value is
 * missing or no number stays unknown; what event/counter.h does not name is passed over.
 */
void counters_parse(const char *text, size_t length, struct counters *counters);

#define COUNTERS_FILES 4

/* The files, held open: they stay those of the namespace in which they were opened. -1: absent. */
struct counters_reader {
	int fds[COUNTERS_FILES];
};

/* Opens the files of this thread's network namespace. 0, or -errno when there is none of them. */
int counters_reader_init(struct counters_reader *reader) __attribute__((warn_unused_result));

/*
 * Fills *counters (known, value, before_ns) and *after_ns; when is the
 * caller's. What cannot be read stays unknown; -errno when nothing could.
 */
int counters_read(const struct counters_reader *reader, struct counters *counters,
		  int64_t *after_ns) __attribute__((warn_unused_result));

void counters_reader_release(struct counters_reader *reader);

#endif
