#include "server/load/roster.h"

#include <criterion/criterion.h>
#include <string.h>

static struct client *enter(struct roster *roster, uint8_t host, uint16_t port)
{
	struct client *client = roster_take(roster);

	*client = (struct client){.fd = -1, .local = {.port = port}};
	client->local.address = address_from_ipv4((const uint8_t[]){127, 1, 0, host});
	roster_enter(roster, client);
	return client;
}

static struct endpoint at(uint8_t host, uint16_t port)
{
	return (struct endpoint){address_from_ipv4((const uint8_t[]){127, 1, 0, host}), port};
}

Test(roster, the_order_of_start_survives_who_leaves)
{
	struct roster roster;
	struct client *c[5];

	cr_assert_eq(roster_init(&roster, 5), 0);
	for (uint8_t i = 0; i < 5; i++)
		c[i] = enter(&roster, i, 1);
	cr_expect_eq(roster.open, 5);
	roster_leave(&roster, c[2]);
	roster_leave(&roster, c[0]);
	roster_leave(&roster, c[4]);
	cr_expect_eq(roster.open, 2);
	cr_expect_eq(roster.most_open, 5);
	cr_expect_eq(roster.oldest, c[1]);
	cr_expect_eq(c[1]->newer, c[3]);
	cr_expect_eq(roster.newest, c[3]);
	/* What left makes room: three more fit, none of them over one that is open. */
	for (uint8_t i = 0; i < 3; i++) {
		struct client *client = enter(&roster, 9, 9);

		cr_expect_neq(client, c[1]);
		cr_expect_neq(client, c[3]);
	}
	cr_expect_eq(roster.open, 5);
	cr_expect_eq(roster.oldest, c[1]);
	roster_release(&roster);
}

Test(roster, who_waits_is_found_by_address_and_port)
{
	struct roster roster;
	struct client *a, *b, *other;
	const struct endpoint any = {.port = 40000};
	struct endpoint here;

	cr_assert_eq(roster_init(&roster, 3), 0);
	a = enter(&roster, 1, 40000);
	b = enter(&roster, 2, 40000);
	other = enter(&roster, 1, 40001);
	here = at(1, 40000);
	cr_expect_null(roster_find(&roster, &here), "nobody waits yet");
	roster_wait(&roster, a);
	roster_wait(&roster, b);
	roster_wait(&roster, other);
	cr_expect_eq(roster.waiting, 3);
	cr_expect_eq(roster_find(&roster, &here), a);
	here = at(2, 40000);
	cr_expect_eq(roster_find(&roster, &here), b);
	here = at(3, 40000);
	cr_expect_null(roster_find(&roster, &here));
	roster_wait_no_more(&roster, b);
	roster_wait_no_more(&roster, b);
	cr_expect_eq(roster_find(&roster, &any), a);
	roster_leave(&roster, a);
	cr_expect_null(roster_find(&roster, &any), "it left while it waited");
	cr_expect_eq(roster.waiting, 1);
	roster_release(&roster);
}
