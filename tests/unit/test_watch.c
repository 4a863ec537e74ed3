#include "netlink/diag/watch.h"

#include <criterion/criterion.h>

static struct diag_socket listening(uint64_t cookie, const char *local)
{
	struct diag_socket s = {.cookie = cookie, .state = DIAG_LISTEN, .limit = 5};

	cr_assert_eq(endpoint_parse(local, &s.local), 0);
	s.ipv6 = !address_is_ipv4(&s.local.address);
	return s;
}

static struct endpoint endpoint(const char *text)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(text, &e), 0);
	return e;
}

static uint64_t seen[32], closed[32];
static size_t seen_count, closed_count;

static int note(void *context, struct watched *watched, enum listener_change change)
{
	(void)context;
	if (change == LISTENER_SEEN)
		seen[seen_count++] = watched->listener.cookie;
	else if (change == LISTENER_CLOSED)
		closed[closed_count++] = watched->listener.cookie;
	else
		cr_assert_fail();
	return 0;
}

static bool update(struct watch *watch, const struct diag_socket *sockets, size_t count)
{
	bool regrouped;

	seen_count = closed_count = 0;
	cr_assert_eq(watch_update(watch, sockets, count, note, NULL, &regrouped), 0);
	return regrouped;
}

/* Cookies of what a target takes out of the house below, as bits. */
static unsigned taken_by(const char *target, const struct diag_socket *sockets, size_t count)
{
	struct endpoint e = endpoint(target);
	struct watch watch;
	unsigned bits = 0;

	cr_assert_eq(watch_init(&watch, &e, 1), 0);
	update(&watch, sockets, count);
	for (size_t i = 0; i < watch.count; i++)
		bits |= 1U << watch.listeners[i].listener.cookie;
	watch_release(&watch);
	return bits;
}

Test(watch, targets_take_who_answers_there)
{
	struct diag_socket house[] = {
	    listening(1, "127.0.0.1:80"), listening(2, "0.0.0.0:80"), listening(3, "0.0.0.0:443"),
	    listening(4, "[::]:8080"),	  listening(5, "[::1]:8080"), listening(6, "[::]:9000"),
	};
	size_t n = sizeof(house) / sizeof(house[0]);

	house[5].v6only = true;
	cr_assert_eq(taken_by(":80", house, n), 1 << 1 | 1 << 2);
	cr_assert_eq(taken_by("127.0.0.1:80", house, n), 1 << 1);
	cr_assert_eq(taken_by("10.0.0.1:80", house, n), 1 << 2, "the wildcard answers there");
	cr_assert_eq(taken_by("0.0.0.0:80", house, n), 1 << 2);
	cr_assert_eq(taken_by("127.0.0.1:8080", house, n), 1 << 4, "a dual-stack listener");
	cr_assert_eq(taken_by("[::1]:8080", house, n), 1 << 5);
	cr_assert_eq(taken_by("[2001:db8::1]:8080", house, n), 1 << 4);
	cr_assert_eq(taken_by("127.0.0.1:9000", house, n), 0, "v6only takes no IPv4");
	cr_assert_eq(taken_by("[::1]:9000", house, n), 1 << 6);
	cr_assert_eq(taken_by(":81", house, n), 0);
}

Test(watch, no_target_takes_all)
{
	struct diag_socket house[] = {listening(9, "127.0.0.1:80"), listening(3, "[::]:8080")};
	struct watch watch;

	house[1].inode = 12;
	cr_assert_eq(watch_init(&watch, NULL, 0), 0);
	cr_assert(update(&watch, house, 2));
	cr_assert_eq(seen_count, 2);
	cr_assert_eq(watch.count, 2);
	cr_assert_eq(watch_find(&watch, 3)->listener.inode, 12);
	cr_assert_eq(watch_find(&watch, 3)->listener.defer_accept_s, -1);
	cr_assert_null(watch_find(&watch, 4));
	watch_release(&watch);
}

Test(watch, comings_and_goings_are_told_once)
{
	struct diag_socket house[] = {
	    listening(5, "127.0.0.1:80"),
	    listening(7, "127.0.0.1:81"),
	    listening(2, "127.0.0.1:80"),
	};
	struct watch watch;

	cr_assert_eq(watch_init(&watch, NULL, 0), 0);
	cr_assert(update(&watch, house, 2));
	cr_assert_not(update(&watch, house, 2));
	cr_assert_eq(seen_count + closed_count, 0);
	/* 5 closed, and another opened in its place. */
	cr_assert(update(&watch, house + 1, 2));
	cr_assert_eq(seen_count, 1);
	cr_assert_eq(seen[0], 2);
	cr_assert_eq(closed_count, 1);
	cr_assert_eq(closed[0], 5);
	cr_assert_null(watch_find(&watch, 5));
	cr_assert(update(&watch, house, 0));
	cr_assert_eq(closed_count, 2);
	cr_assert_eq(watch.count, 0);
	watch_release(&watch);
}

static enum listener_change told[4];
static size_t told_count;

static int note_order(void *context, struct watched *watched, enum listener_change change)
{
	(void)context;
	(void)watched;
	told[told_count++] = change;
	return 0;
}

Test(watch, who_takes_the_place_of_one_that_closed_is_told_after_it)
{
	struct diag_socket first = listening(9, "127.0.0.1:80"),
			   next = listening(3, "127.0.0.1:80");
	struct watch watch;
	bool regrouped;

	cr_assert_eq(watch_init(&watch, NULL, 0), 0);
	cr_assert_eq(watch_update(&watch, &first, 1, note_order, NULL, &regrouped), 0);
	cr_assert_eq(watch_update(&watch, &next, 1, note_order, NULL, &regrouped), 0);
	cr_assert_eq(told_count, 3);
	cr_expect_eq(told[1], LISTENER_CLOSED);
	cr_expect_eq(told[2], LISTENER_SEEN);
	cr_assert_not_null(watch_find(&watch, 3));
	cr_expect_eq(watch_find(&watch, 3)->group_size, 1);
	watch_release(&watch);
}

Test(watch, siblings_are_those_of_one_place)
{
	struct diag_socket house[] = {
	    listening(1, "127.0.0.1:80"), listening(2, "127.0.0.1:80"),
	    listening(3, "127.0.0.1:80"), listening(4, "0.0.0.0:80"),
	    listening(5, "127.0.0.1:81"),
	};
	struct endpoint local = endpoint("127.0.0.1:80"), other = endpoint("10.1.1.1:80");
	uint32_t devices[WATCH_DEVICES_MAX];
	const struct watched *w;
	struct watch watch;
	bool alone;

	house[2].interface = 3;
	cr_assert_eq(watch_init(&watch, NULL, 0), 0);
	update(&watch, house, 5);
	cr_assert_eq(watch_find(&watch, 1)->group_size, 2);
	cr_assert_eq(watch_find(&watch, 2)->group_size, 2);
	cr_assert_eq(watch_find(&watch, 3)->group_size, 1, "bound to another interface");
	cr_assert_eq(watch_find(&watch, 4)->group_size, 1);
	cr_assert_not(watch_find(&watch, 1)->reachable);
	cr_assert(watch_find(&watch, 4)->reachable);
	w = watch_match(&watch, &local, WATCH_ANY_DEVICE, &alone);
	cr_assert_not_null(w);
	cr_assert_not(alone);
	w = watch_match(&watch, &other, WATCH_ANY_DEVICE, &alone);
	cr_assert_eq(w->listener.cookie, 4);
	cr_assert(alone);
	w = watch_match(&watch, &local, 3, &alone);
	cr_assert_eq(w->listener.cookie, 3, "a socket that is bound is of the listener that is");
	cr_assert(alone);
	w = watch_match(&watch, &local, 0, &alone);
	cr_assert_neq(w->listener.cookie, 3);
	cr_assert_not(alone);
	cr_assert_eq(watch_devices(&watch, &local, devices), 2);
	cr_assert_eq(watch_devices(&watch, &other, devices), 1);
	local.port = 82;
	cr_assert_null(watch_match(&watch, &local, WATCH_ANY_DEVICE, &alone));
	/* The group dissolves: the one that is left is reached again. */
	update(&watch, house + 1, 4);
	cr_assert(watch_find(&watch, 2)->reachable);
	watch_release(&watch);
}

static int refuse(void *context, struct watched *watched, enum listener_change change)
{
	(void)context;
	(void)watched;
	(void)change;
	return 42;
}

Test(watch, a_refusal_ends_the_update)
{
	struct diag_socket house[] = {listening(1, "127.0.0.1:80"), listening(2, "127.0.0.1:81")};
	struct watch watch;
	bool regrouped;

	cr_assert_eq(watch_init(&watch, NULL, 0), 0);
	cr_assert_eq(watch_update(&watch, house, 2, refuse, NULL, &regrouped), 42);
	watch_release(&watch);
}
