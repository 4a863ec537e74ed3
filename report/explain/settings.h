/*
 * Interface for the settings of well-known servers: what a person looks for in a configuration.
 * Known by the names of the owners' processes; of a server that is not known nothing is said.
 */
#ifndef REPORT_EXPLAIN_SETTINGS_H
#define REPORT_EXPLAIN_SETTINGS_H

#include "report/attempt/report.h"

/* Each a noun phrase that can follow "raise", or NULL. */
struct settings {
	const char *comm;    /* the process name begins so */
	const char *backlog; /* what it calls listen() with */
	const char *apply;   /* how it is made to call listen() again: a sentence without its end */
	const char *workers; /* how many take connections, or serve them, at a time */
	const char *sooner;  /* what ends an idle connection, or one that takes too long */
	const char *connections; /* its own limit on open connections, ... */
	bool stops; /* ... at which it stops calling accept(); else it closes, or has none */
	bool loop;  /* one event loop takes all connections, whatever threads there are */
	const char *descriptors; /* what raises RLIMIT_NOFILE, where it sets that itself */
};

/* Any of them in brackets. */
#define SETTINGS_ASIDE_SIZE 128

/* NULL: not known. */
const struct settings *settings_of(const struct report_listener *listener);

/* Its limit on connections, "worker_connections"; of a server that is not known, such names. */
const char *settings_connections(const struct report_listener *listener);

/* What it calls its workers; NULL: not known. */
const char *settings_workers(const struct report_listener *listener);

/* " (worker_processes)", or nothing of NULL. Returns text. */
const char *settings_aside(const char *setting, char text[SETTINGS_ASIDE_SIZE]);

#endif
