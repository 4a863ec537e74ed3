/*
 * Interface for tenures: which process had a listener open, from when until when. A walk
 * through /proc shows it at some instant, the proc connector when a process was forked or
 * ended; what lies between is known as a bound alone.
 */
#ifndef REPORT_QUEUE_PAST_TENURES_H
#define REPORT_QUEUE_PAST_TENURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "report/attempt/report.h"

#define QUEUE_TENURES_MAX 1024

struct tenure {
	int32_t pid;
	char comm[LISTENER_COMM_SIZE];
	int64_t may_from_ns; /* not before; TIME_UNKNOWN: perhaps from the beginning */
	int64_t from_ns;     /* it had it then */
	int64_t until_ns;    /* it had it then as well */
	int64_t to_ns;	     /* not after; TIME_UNKNOWN: it still has it, as far as is known */
};

struct tenures {
	struct tenure *list; /* in the order in which they became known */
	size_t count;
	size_t room;
	uint64_t lost; /* beyond QUEUE_TENURES_MAX, or without memory */
	bool told;	 /* owners are told of one by one */
	bool forks_told; /* each fork is: else a child may have it, and be gone before a look */
	int64_t heard_ns;
};

/* Zero is ready. */
void tenures_release(struct tenures *tenures);

/* OWNER. forked_ns: when the process was forked by one that had it open; TIME_UNKNOWN. */
void tenures_take(struct tenures *tenures, const struct owner_change *change, int64_t time_ns,
		  int64_t forked_ns);

/* LISTENER, for recordings in which owners are not told of one by one. */
void tenures_listener(struct tenures *tenures, const struct listener *listener, int64_t time_ns);

/* A process has ended, or pid is 0: the listener has closed. */
void tenures_end(struct tenures *tenures, int32_t pid, int64_t time_ns);

/* accept() returned a connection of the listener to this process. */
void tenures_prove(struct tenures *tenures, int32_t pid, int64_t time_ns);

/* It had it open at time_ns. */
bool tenures_had(const struct tenures *tenures, int32_t pid, int64_t time_ns);

#define TENURES_SEVERAL (-1)

/*
 * The one process that can have had it open within [from_ns, to_ns]; 0: none is known.
 * TENURES_SEVERAL also where forks are not told.
 */
int32_t tenures_sole(const struct tenures *tenures, int64_t from_ns, int64_t to_ns);

#endif
