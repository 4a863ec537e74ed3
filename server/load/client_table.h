/*
 * Interface for the client table: the load generator's clients that are open, in the
 * order of their start, and those that wait for a SYN-ACK by their port. A table
 * of fixed size; no client moves while it is in it.
 */
#ifndef SERVER_LOAD_CLIENT_TABLE_H
#define SERVER_LOAD_CLIENT_TABLE_H

#include <stddef.h>

#include "server/load/client.h"

#define CLIENT_TABLE_PORTS 65536

struct client_table {
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
int client_table_init(struct client_table *clients, size_t max) __attribute__((warn_unused_result));
void client_table_release(struct client_table *clients);

/* Room for one more: to be entered, or given back. open must be less than max. */
struct client *client_table_take(struct client_table *clients);
void client_table_give_back(struct client_table *clients, struct client *client);

/* From now on it is open, as the newest. */
void client_table_enter(struct client_table *clients, struct client *client);

/* It is open no more, and its room is free. */
void client_table_leave(struct client_table *clients, struct client *client);

/* It waits for its SYN-ACK, and waits no more; the latter also when it did not. */
void client_table_wait(struct client_table *clients, struct client *client);
void client_table_wait_no_more(struct client_table *clients, struct client *client);

/* The one that waits at this address and port, at this port alone where the address is ::; NULL. */
struct client *client_table_find(const struct client_table *clients, const struct endpoint *local);

#endif
