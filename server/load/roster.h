/*
 * Interface for the roster: the load generator's clients that are open, in the
 * order of their start, and those that wait for a SYN-ACK by their port. A table
 * of fixed size; no client moves while it is in it.
 */
#ifndef SERVER_LOAD_ROSTER_H
#define SERVER_LOAD_ROSTER_H

#include <stddef.h>

#include "server/load/client.h"

#define ROSTER_PORTS 65536

struct roster {
	struct client *clients;
	size_t max;
	size_t used;	      /* of clients[], ever */
	struct client *spare; /* those that left, by their newer */
	struct client *oldest, *newest;
	size_t open;
	size_t most_open;
	struct client **by_port; /* those that wait, by their same_port */
	size_t waiting;		 /* how many these are */
};

/* 0 or -ENOMEM. */
int roster_init(struct roster *roster, size_t max) __attribute__((warn_unused_result));
void roster_release(struct roster *roster);

/* Room for one more: to be entered, or given back. open must be less than max. */
struct client *roster_take(struct roster *roster);
void roster_give_back(struct roster *roster, struct client *client);

/* From now on it is open, as the newest. */
void roster_enter(struct roster *roster, struct client *client);

/* It is open no more, and its room is free. */
void roster_leave(struct roster *roster, struct client *client);

/* It waits for its SYN-ACK, and waits no more; the latter also when it did not. */
void roster_wait(struct roster *roster, struct client *client);
void roster_wait_no_more(struct roster *roster, struct client *client);

/* The one that waits at this address and port, at this port alone where the address is ::; NULL. */
struct client *roster_find(const struct roster *roster, const struct endpoint *local);

#endif
