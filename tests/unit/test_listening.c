#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/queue/listening.h"

static struct host host = {.somaxconn = 4096};
static struct queue_window window;

static struct listener listener(uint64_t cookie, const char *local)
{
	struct listener l = {.cookie = cookie, .limit = 5};

	cr_assert_eq(endpoint_parse(local, &l.local), 0);
	return l;
}

static struct queue *added(struct listening *l, uint64_t cookie, const char *local)
{
	struct listener one = listener(cookie, local);
	struct queue *q = malloc(sizeof(*q));

	cr_assert_not_null(q);
	queue_init(q, &one, &host, &window);
	cr_assert(listening_add(l, q));
	return q;
}

static const struct queue *to(const struct listening *l, const char *destination)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(destination, &e), 0);
	return listening_for(l, &e, (struct packet_device){0}, NULL);
}

static struct queue *bound(struct listening *l, uint64_t cookie, const char *local,
			   uint32_t interface)
{
	struct listener one = listener(cookie, local);
	struct queue *q = malloc(sizeof(*q));

	one.interface = interface;
	cr_assert_not_null(q);
	queue_init(q, &one, &host, &window);
	cr_assert(listening_add(l, q));
	return q;
}

/* NULL with *doubt: several may have it. */
static const struct queue *from(const struct listening *l, const char *destination, uint32_t device,
				bool *doubt)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(destination, &e), 0);
	return listening_for(l, &e, (struct packet_device){device, device != 0}, doubt);
}

Test(listening, a_device_decides_between_listeners_of_one_place)
{
	static struct listening l;
	struct queue *on2 = bound(&l, 2, "0.0.0.0:80", 2), *on3 = bound(&l, 3, "0.0.0.0:80", 3);
	struct queue *one = added(&l, 4, "192.0.2.1:80"), *any;
	bool doubt;

	cr_assert_eq(from(&l, "127.0.0.1:80", 2, &doubt), on2);
	cr_assert_eq(from(&l, "127.0.0.1:80", 3, &doubt), on3);
	cr_assert_null(from(&l, "127.0.0.1:80", 4, &doubt));
	cr_assert_not(doubt);
	cr_assert_null(from(&l, "127.0.0.1:80", 0, &doubt));
	cr_assert(doubt, "which device it came from is not known");
	/* An address goes before what is bound. */
	cr_assert_eq(from(&l, "192.0.2.1:80", 0, &doubt), one);
	cr_assert_not(doubt);
	/* With SO_REUSEPORT, which both need then, the first that the kernel meets gets it. */
	any = added(&l, 5, "0.0.0.0:80");
	cr_assert_null(from(&l, "127.0.0.1:80", 2, &doubt));
	cr_assert(doubt);
	cr_assert_eq(from(&l, "127.0.0.1:80", 4, &doubt), any);
	cr_assert_not(doubt);
	listening_release(&l);
}

Test(listening, a_port_of_the_device_is_of_it)
{
	static struct listening l;
	struct queue *master = bound(&l, 1, "[::]:80", 9), *any, *port;
	bool doubt;

	master->listener.device_ports_count = 1;
	master->listener.device_ports[0] = 5;
	cr_assert_eq(from(&l, "[2001:db8::1]:80", 5, &doubt), master);
	cr_assert_eq(from(&l, "[2001:db8::1]:80", 9, &doubt), master);
	any = added(&l, 2, "[::]:80");
	cr_assert_eq(from(&l, "[2001:db8::1]:80", 6, &doubt), any);
	/* Both fit as well: the kernel takes the one that it meets first. */
	port = bound(&l, 3, "[::]:80", 5);
	cr_assert_neq(port->leader, master->leader);
	cr_assert_null(from(&l, "[2001:db8::1]:80", 5, &doubt));
	cr_assert(doubt);
	/* Of an older recording: what its ports were is not known. */
	master->listener.device_ports_count = LISTENER_PORTS_UNKNOWN;
	cr_assert_null(from(&l, "[2001:db8::1]:80", 6, &doubt));
	cr_assert(doubt);
	cr_assert_eq(from(&l, "[::1]:80", 1, &doubt), any, "lo is a port of nothing");
	listening_release(&l);
}

Test(listening, neither_family_nor_device_outweighs_the_order)
{
	static struct listening l;
	struct queue *six = bound(&l, 1, "[::]:80", 2), *four = added(&l, 2, "0.0.0.0:80");
	bool doubt;

	cr_assert_null(from(&l, "192.0.2.1:80", 2, &doubt));
	cr_assert(doubt);
	cr_assert_eq(from(&l, "192.0.2.1:80", 3, &doubt), four);
	cr_assert_eq(from(&l, "[2001:db8::1]:80", 2, &doubt), six);
	cr_assert_null(from(&l, "[2001:db8::1]:80", 3, &doubt));
	cr_assert_not(doubt, "nobody listens there");
	listening_release(&l);
}

Test(listening, who_is_bound_and_alone_gets_what_comes_from_anywhere)
{
	static struct listening l;
	struct queue *only = bound(&l, 1, "0.0.0.0:80", 2);
	bool doubt;

	cr_assert_eq(from(&l, "192.0.2.1:80", 0, &doubt), only);
	cr_assert_not(doubt);
	cr_assert_null(from(&l, "192.0.2.1:80", 3, &doubt));
	listening_release(&l);
}

Test(devices, what_passes_over_lo_is_of_the_device_with_the_address)
{
	struct devices d = {0};
	struct address_change change = {.prefix.bits = 128, .device = 7};
	struct endpoint mine, other, lo;

	cr_assert_eq(endpoint_parse("192.0.2.1:1", &mine), 0);
	cr_assert_eq(endpoint_parse("192.0.2.9:1", &other), 0);
	cr_assert_eq(endpoint_parse("127.1.2.3:1", &lo), 0);
	change.prefix.address = mine.address;
	devices_take(&d, &change);
	cr_assert_eq(devices_of(&d, 1, true, &mine.address).index, 7);
	cr_assert(devices_of(&d, 1, true, &mine.address).certain);
	cr_assert_not(devices_of(&d, 1, true, &other.address).certain);
	cr_assert_eq(devices_of(&d, 1, true, &lo.address).index, 1);
	cr_assert_eq(devices_of(&d, 4, false, &mine.address).index, 4);
	cr_assert_not(devices_of(&d, 0, false, &mine.address).certain);
	change.gone = true;
	devices_take(&d, &change);
	cr_assert_not(devices_of(&d, 1, true, &mine.address).certain);
	devices_release(&d);
}

Test(devices, more_bits_than_an_address_has_are_all_of_it)
{
	struct devices d = {0};
	struct address_change change = {.prefix.bits = UINT8_MAX, .device = 7};
	struct endpoint mine, other;

	cr_assert_eq(endpoint_parse("192.0.2.1:1", &mine), 0);
	cr_assert_eq(endpoint_parse("192.0.2.9:1", &other), 0);
	change.prefix.address = mine.address;
	devices_take(&d, &change);
	cr_assert_eq(devices_of(&d, 1, true, &mine.address).index, 7);
	cr_assert_not(devices_of(&d, 1, true, &other.address).certain);
	devices_release(&d);
}

Test(listening, the_closest_address_gets_the_packet)
{
	static struct listening l;
	struct queue *any4 = added(&l, 1, "0.0.0.0:80"), *one = added(&l, 2, "127.0.0.1:80");
	struct queue *dual = added(&l, 3, "[::]:81"), *only = added(&l, 4, "[::]:82");

	only->listener.v6only = true;
	cr_assert_eq(to(&l, "127.0.0.1:80"), one);
	cr_assert_eq(to(&l, "127.0.0.2:80"), any4);
	cr_assert_null(to(&l, "[::1]:80"));
	cr_assert_eq(to(&l, "[::1]:81"), dual);
	cr_assert_eq(to(&l, "10.0.0.1:81"), dual);
	cr_assert_eq(to(&l, "[::1]:82"), only);
	cr_assert_null(to(&l, "10.0.0.1:82"));
	cr_assert_null(to(&l, "10.0.0.1:83"));
	listening_release(&l);
}

Test(listening, what_closed_is_found_by_its_cookie_alone)
{
	static struct listening l;
	struct queue *q = added(&l, 7, "127.0.0.1:80"), *next;
	struct listener again = listener(7, "127.0.0.1:80");

	listening_close(&l, q);
	cr_assert_null(to(&l, "127.0.0.1:80"));
	cr_assert_null(listening_at(&l, &again.local));
	cr_assert_eq(listening_by_cookie(&l, 7), q);
	next = added(&l, 8, "127.0.0.1:80");
	cr_assert_eq(to(&l, "127.0.0.1:80"), next);
	cr_assert_eq(next->leader, next, "who closed is no sibling");
	listening_close(&l, next);
	listening_update(&l, q, &again);
	cr_assert_eq(to(&l, "127.0.0.1:80"), q);
	listening_release(&l);
}

Test(listening, a_name_comes_later)
{
	static struct listening l;
	struct queue *q = added(&l, 0, "127.0.0.1:80");
	struct listener named = listener(9, "127.0.0.1:80");

	cr_assert_eq(listening_nameless(&l, &named.local), q);
	cr_assert_null(listening_by_cookie(&l, 9));
	listening_update(&l, q, &named);
	cr_assert_null(listening_nameless(&l, &named.local));
	cr_assert_eq(listening_by_cookie(&l, 9), q);
	listening_release(&l);
}

Test(listening, siblings_have_a_leader_and_strangers_do_not)
{
	static struct listening l;
	struct queue *first = added(&l, 1, "127.0.0.1:80"), *second = added(&l, 2, "127.0.0.1:80");
	struct queue *other = added(&l, 3, "127.0.0.1:81");

	cr_assert_eq(second->leader, first);
	cr_assert_eq(first->siblings, 2);
	cr_assert_eq(other->leader, other);
	cr_assert_eq(to(&l, "127.0.0.1:80"), first);
	listening_close(&l, second);
	cr_assert_eq(first->siblings, 1);
	listening_release(&l);
}

Test(listening, too_many_are_counted)
{
	static struct listening l;
	struct listener more = listener(LISTENING_MAX + 1, "10.0.0.1:80");
	struct queue *one_more = malloc(sizeof(*one_more));
	char name[32];

	for (unsigned i = 0; i < LISTENING_MAX; i++) {
		snprintf(name, sizeof(name), "10.1.%u.%u:80", i >> 8, i & 0xff);
		added(&l, i + 1, name);
	}
	cr_assert_eq(to(&l, name), l.queues[LISTENING_MAX - 1]);
	cr_assert_eq(listening_by_cookie(&l, 17), l.queues[16]);
	queue_init(one_more, &more, &host, &window);
	cr_assert_not(listening_add(&l, one_more));
	cr_assert_eq(l.refused, 1);
	queue_release(one_more);
	free(one_more);
	listening_release(&l);
}
