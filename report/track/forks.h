/*
 * Interface for forks: which child serves which attempt, where the server itself
 * does not tell. Whom the owners of the listeners forked, and when, comes from the
 * proc connector; who has which connection, from looks at processes.
 *
 * Theory of operation. A child that was seen with the connection is exact. One that
 * was gone before anybody could look is matched by order: a server that forks for
 * each connection does so after its accept() and before the next, so the first fork
 * of an owner after an accept that nobody else's child explains is its child.
 * Attempts are matched so SETTLE_NS after their accept(), in the order in which they
 * entered the queue, which is that of the accepts.
 */
#ifndef REPORT_TRACK_FORKS_H
#define REPORT_TRACK_FORKS_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

/* Forks and accepted attempts that are remembered; the oldest give way. Powers of two. */
#define FORKS_MAX	   16384u
#define FORKS_ACCEPTED_MAX 16384u

struct forks;

struct fork {
	int32_t pid;
	int32_t parent_pid;
	int64_t fork_ns;
	int64_t exit_ns; /* TIME_UNKNOWN */
	uint32_t index;	 /* of the attempt in the table, when it serves one */
	uint32_t isn;
	bool serves;
	bool other;  /* it was looked at, and serves none: a worker, or something else */
	bool worker; /* other, unless it ends soon: it listens, and has no connection */
	bool maybe;  /* other, unless it ends soon: index and isn are of the attempt that it would
			serve */
};

/* An attempt whose accept() is known, as an exact time or within (after_ns, before_ns]. */
struct forks_accept {
	uint32_t index;
	uint32_t isn;
	uint32_t listener;  /* as in its record */
	int64_t entered_ns; /* the accept queue, as far as is known */
	int64_t after_ns;
	int64_t before_ns;
};

/* What forks_settle() asks, with the context that it was given. */
struct forks_asks {
	/*
	 * This attempt is still open, and its child not known. What is known better by now, its
	 * bounds and its entry, is put in.
	 */
	bool (*wanted)(void *context, struct forks_accept *accept);
	/* This process has that listener open. */
	bool (*owns)(void *context, uint32_t listener, int32_t pid);
	/* Its child, by order alone. */
	void (*matched)(void *context, const struct forks_accept *accept, const struct fork *fork);
};

int forks_new(struct forks **out) __attribute__((warn_unused_result));
void forks_free(struct forks *forks);

/* A fork, in order of time; the record is valid until the next. */
struct fork *forks_add(struct forks *forks, int32_t pid, int32_t parent_pid, int64_t fork_ns);

/* The last fork of this pid, or NULL. */
struct fork *forks_find(struct forks *forks, int32_t pid);

/*
 * What a process that was seen with a connection is to it, by the bounds of its
 * accept(): true when it was forked for it, false when it accepted it itself.
 * fork may be NULL.
 */
bool forks_is_child(const struct fork *fork, const struct holder *holder, int64_t after_ns,
		    int64_t before_ns);

/*
 * The first of its line that was forked after after_ns: what a child forks in turn has its
 * connection too, and is told of where the child was taken for an owner, since it had not closed
 * the listener yet. fork itself where no parent of it was forked so late; NULL for NULL.
 */
struct fork *forks_first(struct forks *forks, struct fork *fork, int64_t after_ns);

/* Nothing is kept as long as nobody has forked. */
void forks_accepted(struct forks *forks, const struct forks_accept *accept);

/*
 * Matches by order those that were accepted SETTLE_NS before now_ns, and whose predecessors were;
 * INT64_MAX: all.
 */
void forks_settle(struct forks *forks, int64_t now_ns, const struct forks_asks *asks,
		  void *context);

#endif
