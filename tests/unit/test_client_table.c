#include "server/load/client_table.h"

#include <criterion/criterion.h>
#include <string.h>

static struct client *enter(struct client_table *clients, uint8_t host, uint16_t port)
{
	struct client *client = client_table_take(clients);

	*client = (struct client){.fd = -1, .local = {.port = port}};
	client->local.address = address_from_ipv4((const uint8_t[]){127, 1, 0, host});
	client_table_enter(clients, client);
	return client;
}

static struct endpoint at(uint8_t host, uint16_t port)
{
	return (struct endpoint){address_from_ipv4((const uint8_t[]){127, 1, 0, host}), port};
}

Test(client_table, the_order_of_start_survives_who_leaves)
{
	struct client_table clients;
	struct client *c[5];

	cr_assert_eq(client_table_init(&clients, 5), 0);
	for (uint8_t i = 0; i < 5; i++)
		c[i] = enter(&clients, i, 1);
	cr_expect_eq(clients.open, 5);
	client_table_leave(&clients, c[2]);
	client_table_leave(&clients, c[0]);
	client_table_leave(&clients, c[4]);
	cr_expect_eq(clients.open, 2);
	cr_expect_eq(clients.most_open, 5);
	cr_expect_eq(clients.oldest, c[1]);
	cr_expect_eq(c[1]->newer, c[3]);
	cr_expect_eq(clients.newest, c[3]);
	/* What left makes room: three more fit, none of them over one that is open. */
	for (uint8_t i = 0; i < 3; i++) {
		struct client *client = enter(&clients, 9, 9);

		cr_expect_neq(client, c[1]);
		cr_expect_neq(client, c[3]);
	}
	cr_expect_eq(clients.open, 5);
	cr_expect_eq(clients.oldest, c[1]);
	client_table_release(&clients);
}

Test(client_table, who_waits_is_found_by_address_and_port)
{
	struct client_table clients;
	struct client *a, *b, *other;
	const struct endpoint any = {.port = 40000};
	struct endpoint here;

	cr_assert_eq(client_table_init(&clients, 3), 0);
	a = enter(&clients, 1, 40000);
	b = enter(&clients, 2, 40000);
	other = enter(&clients, 1, 40001);
	here = at(1, 40000);
	cr_expect_null(client_table_find(&clients, &here), "nobody waits yet");
	client_table_wait(&clients, a);
	client_table_wait(&clients, b);
	client_table_wait(&clients, other);
	cr_expect_eq(clients.waiting, 3);
	cr_expect_eq(client_table_find(&clients, &here), a);
	here = at(2, 40000);
	cr_expect_eq(client_table_find(&clients, &here), b);
	here = at(3, 40000);
	cr_expect_null(client_table_find(&clients, &here));
	client_table_wait_no_more(&clients, b);
	client_table_wait_no_more(&clients, b);
	cr_expect_eq(client_table_find(&clients, &any), a);
	client_table_leave(&clients, a);
	cr_expect_null(client_table_find(&clients, &any), "it left while it waited");
	cr_expect_eq(clients.waiting, 1);
	client_table_release(&clients);
}
