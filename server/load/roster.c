/*
 * The roster: lists threaded through one table.
 */
#include "server/load/roster.h"

#include <errno.h>
#include <stdlib.h>

int roster_init(struct roster *roster, size_t max)
{
	*roster = (struct roster){.max = max};
	roster->clients = calloc(max, sizeof(*roster->clients));
	roster->by_port = calloc(ROSTER_PORTS, sizeof(struct client *));
	if (roster->clients && roster->by_port)
		return 0;
	roster_release(roster);
	return -ENOMEM;
}

void roster_release(struct roster *roster)
{
	free(roster->clients);
	free(roster->by_port);
	*roster = (struct roster){0};
}

struct client *roster_take(struct roster *roster)
{
	struct client *client = roster->spare;

	if (client) {
		roster->spare = client->newer;
		return client;
	}
	return &roster->clients[roster->used++];
}

void roster_give_back(struct roster *roster, struct client *client)
{
	client->newer = roster->spare;
	roster->spare = client;
}

void roster_enter(struct roster *roster, struct client *client)
{
	client->older = roster->newest;
	client->newer = NULL;
	if (roster->newest)
		roster->newest->newer = client;
	else
		roster->oldest = client;
	roster->newest = client;
	roster->open++;
	if (roster->open > roster->most_open)
		roster->most_open = roster->open;
}

void roster_leave(struct roster *roster, struct client *client)
{
	roster_wait_no_more(roster, client);
	if (client->older)
		client->older->newer = client->newer;
	else
		roster->oldest = client->newer;
	if (client->newer)
		client->newer->older = client->older;
	else
		roster->newest = client->older;
	roster->open--;
	roster_give_back(roster, client);
}

void roster_wait(struct roster *roster, struct client *client)
{
	client->same_port = roster->by_port[client->local.port];
	roster->by_port[client->local.port] = client;
	client->waits = true;
	roster->waiting++;
}

void roster_wait_no_more(struct roster *roster, struct client *client)
{
	struct client **p = &roster->by_port[client->local.port];

	if (!client->waits)
		return;
	while (*p != client)
		p = &(*p)->same_port;
	*p = client->same_port;
	client->waits = false;
	roster->waiting--;
}

struct client *roster_find(const struct roster *roster, const struct endpoint *local)
{
	static const struct address any;
	struct client *client = roster->by_port[local->port];

	if (address_equal(&local->address, &any))
		return client;
	while (client && !address_equal(&client->local.address, &local->address))
		client = client->same_port;
	return client;
}
