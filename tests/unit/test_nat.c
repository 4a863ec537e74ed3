#include "report/track/nat.h"

#include <criterion/criterion.h>

static struct nat nat;

static void end(void)
{
	nat_release(&nat);
}

TestSuite(nat, .fini = end);

static struct endpoint at(const char *text)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(text, &e), 0, "%s", text);
	return e;
}

static struct flow flow_of(const char *client, const char *server)
{
	struct endpoint c = at(client), s = at(server);

	return (struct flow){c.address, s.address, c.port, s.port};
}

static void learn(const char *client, const char *server, const char *to_client,
		  const char *to_server)
{
	struct translation t = {.original = flow_of(client, server),
				.client = at(to_client),
				.server = at(to_server),
				.fresh = true};

	cr_assert_eq(nat_take(&nat, &t, 0), 0);
}

Test(nat, without_any_nothing_is_changed)
{
	struct flow flow = flow_of("192.0.2.1:40000", "192.0.2.2:80"), before = flow;

	cr_assert_not(nat_apply(&nat, &flow));
	cr_assert(flow_equal(&flow, &before));
	cr_assert_null(nat_find(&nat, &flow));
}

Test(nat, both_directions_become_the_sockets)
{
	struct flow redirected = flow_of("192.0.2.1:40000", "192.0.2.2:8080");
	struct flow flow = flow_of("192.0.2.1:40000", "192.0.2.2:80"), back = flow_reverse(&flow);
	struct nat_entry *entry;

	learn("192.0.2.1:40000", "192.0.2.2:80", "192.0.2.1:40000", "192.0.2.2:8080");
	entry = nat_find(&nat, &redirected);
	cr_assert_not_null(entry);
	cr_assert(entry->fresh);
	cr_assert_not(entry->seen);
	cr_assert(nat_apply(&nat, &flow));
	cr_assert(flow_equal(&flow, &redirected));
	cr_assert(nat_apply(&nat, &back));
	cr_assert(flow_is_reverse(&back, &redirected));
	cr_assert_not(entry->seen, "that is for who has the attempt");
	cr_assert_not(nat_apply(&nat, &redirected), "the socket's own flow stays");
}

Test(nat, both_ends_may_change)
{
	struct flow flow = flow_of("[2001:db8::9]:40000", "[2001:db8::1]:80");

	learn("[2001:db8::9]:40000", "[2001:db8::1]:80", "[2001:db8:5::1]:1024",
	      "[2001:db8:5::2]:8080");
	cr_assert(nat_apply(&nat, &flow));
	cr_assert(flow_equal(&flow, &(struct flow){at("[2001:db8:5::1]:1024").address,
						   at("[2001:db8:5::2]:8080").address, 1024, 8080}));
}

/* The same client port again, led elsewhere: the last one counts. */
Test(nat, a_port_is_used_again)
{
	struct flow flow = flow_of("192.0.2.1:40000", "192.0.2.2:80");
	struct flow first = flow_of("192.0.2.1:40000", "192.0.2.2:8080");

	learn("192.0.2.1:40000", "192.0.2.2:80", "192.0.2.1:40000", "192.0.2.2:8080");
	learn("192.0.2.1:40000", "192.0.2.2:80", "192.0.2.1:40000", "192.0.2.3:9090");
	cr_assert_eq(nat.count, 1);
	cr_assert(nat_apply(&nat, &flow));
	cr_assert_eq(flow.dport, 9090);
	cr_assert_null(nat_find(&nat, &first));
}

Test(nat, the_oldest_give_way)
{
	struct translation t = {.original = flow_of("192.0.2.1:1", "192.0.2.2:80"),
				.client = at("192.0.2.1:1"),
				.server = at("192.0.2.2:8080")};
	struct flow first, last;

	for (uint32_t i = 0; i < NAT_MAX + 1000; i++) {
		memcpy(t.original.saddr.bytes + 12, &i, 4);
		t.client.address = t.original.saddr;
		cr_assert_eq(nat_take(&nat, &t, 0), 0);
		if (i == 0)
			first = t.original;
	}
	last = t.original;
	cr_assert_eq(nat.count, NAT_MAX);
	cr_assert_eq(nat.forgotten, 1000);
	cr_assert_not(nat_apply(&nat, &first));
	cr_assert(nat_apply(&nat, &last));
}
