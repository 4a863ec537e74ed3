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
	return listening_for(l, &e);
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
