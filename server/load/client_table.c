/*
 * The client table: lists threaded through one table.
 */
#include "server/load/client_table.h"

#include <errno.h>
#include <stdlib.h>

int client_table_init(struct client_table *clients, size_t max)
{
	*clients = (struct client_table){.max = max};
	clients->clients = calloc(max, sizeof(*clients->clients));
	clients->by_port = calloc(CLIENT_TABLE_PORTS, sizeof(struct client *));
	if (clients->clients && clients->by_port)
		return 0;
	client_table_release(clients);
	return -ENOMEM;
}

void client_table_release(struct client_table *clients)
{
	free(clients->clients);
	free(clients->by_port);
	*clients = (struct client_table){0};
}

struct client *client_table_take(struct client_table *clients)
{
	struct client *client = clients->spare;

	if (client) {
		clients->spare = client->newer;
		return client;
	}
	return &clients->clients[clients->used++];
}

void client_table_give_back(struct client_table *clients, struct client *client)
{
	client->newer = clients->spare;
	clients->spare = client;
}

void client_table_enter(struct client_table *clients, struct client *client)
{
	client->older = clients->newest;
	client->newer = NULL;
	if (clients->newest)
		clients->newest->newer = client;
	else
		clients->oldest = client;
	clients->newest = client;
	clients->open++;
	if (clients->open > clients->most_open)
		clients->most_open = clients->open;
}

void client_table_leave(struct client_table *clients, struct client *client)
{
	client_table_wait_no_more(clients, client);
	if (client->older)
		client->older->newer = client->newer;
	else
		clients->oldest = client->newer;
	if (client->newer)
		client->newer->older = client->older;
	else
		clients->newest = client->older;
	clients->open--;
	client_table_give_back(clients, client);
}

void client_table_wait(struct client_table *clients, struct client *client)
{
	client->same_port = clients->by_port[client->local.port];
	clients->by_port[client->local.port] = client;
	client->waits = true;
	clients->waiting++;
}

void client_table_wait_no_more(struct client_table *clients, struct client *client)
{
	struct client **p = &clients->by_port[client->local.port];

	if (!client->waits)
		return;
	while (*p != client)
		p = &(*p)->same_port;
	*p = client->same_port;
	client->waits = false;
	clients->waiting--;
}

struct client *client_table_find(const struct client_table *clients, const struct endpoint *local)
{
	static const struct address any;
	struct client *client = clients->by_port[local->port];

	if (address_equal(&local->address, &any))
		return client;
	while (client && !address_equal(&client->local.address, &local->address))
		client = client->same_port;
	return client;
}
