#include "netlink/route/addresses.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "netns.h"

static struct addresses *addresses;
static struct address_change got[64];
static int64_t times[64];
static size_t count;

static int keep(void *context, const struct event *event)
{
	(void)context;
	cr_assert_eq(event->kind, EVENT_ADDRESS);
	if (count < 64) {
		got[count] = event->address;
		times[count] = event->time_ns;
	}
	count++;
	return 0;
}

static bool told(const char *text, uint8_t bits, bool gone)
{
	for (size_t i = 0; i < count && i < 64; i++) {
		char address[ENDPOINT_TEXT_SIZE];

		address_format(&got[i].prefix.address, address, sizeof(address));
		if (strcmp(address, text) == 0 && got[i].prefix.bits == bits && got[i].gone == gone)
			return true;
	}
	return false;
}

/* A step is one of each 10 ms: until it told something. */
static void step_until_told(void)
{
	count = 0;
	for (int i = 0; i < 1000 && !count; i++) {
		cr_assert_eq(addresses_step(addresses, keep, NULL), 0);
		usleep(5000);
	}
	cr_assert_gt(count, 0u, "nothing was told");
}

static void begin(void)
{
	if (!netns_enter())
		cr_skip_test("no network namespace can be made here");
	cr_assert_eq(addresses_new(&addresses), 0);
}

static void end(void)
{
	addresses_free(addresses);
}

TestSuite(addresses, .init = begin, .fini = end);

Test(addresses, the_first_step_tells_all)
{
	cr_assert_eq(addresses_step(addresses, keep, NULL), 0);
	cr_assert(told("127.0.0.1", 128, false));
	cr_assert(told("127.0.0.0", 104, false));
	cr_assert(told("::1", 128, false));
	cr_assert_eq(addresses_lost(addresses), 0);
}

Test(addresses, what_comes_and_goes)
{
	int64_t before_ns;

	cr_assert_eq(addresses_step(addresses, keep, NULL), 0);
	before_ns = clock_now_ns();
	cr_assert_eq(system("ip addr add 192.0.2.1/24 dev lo"), 0);
	step_until_told();
	cr_assert(told("192.0.2.1", 128, false));
	cr_assert_leq(times[0], before_ns + NS_PER_SEC);
	cr_assert_eq(system("ip addr del 192.0.2.1/24 dev lo"), 0);
	step_until_told();
	cr_assert(told("192.0.2.1", 128, true));
}

/* AnyIP: the routes are asked for every few seconds, and whenever an address changes. */
Test(addresses, a_prefix_routed_to_lo)
{
	cr_assert_eq(addresses_step(addresses, keep, NULL), 0);
	cr_assert_eq(system("ip route add local 203.0.113.0/24 dev lo && "
			    "ip -6 route add local 2001:db8:5::/48 dev lo && "
			    "ip addr add 192.0.2.1/24 dev lo"),
		     0);
	step_until_told();
	cr_assert(told("203.0.113.0", 120, false));
	cr_assert(told("2001:db8:5::", 48, false));
}

/* Of an address with a peer the other end is not this host's. */
Test(addresses, point_to_point)
{
	cr_assert_eq(system("ip link add s0 type veth peer name c0 && "
			    "ip addr add 192.0.2.1 peer 192.0.2.2 dev s0"),
		     0);
	cr_assert_eq(addresses_step(addresses, keep, NULL), 0);
	cr_assert(told("192.0.2.1", 128, false));
	cr_assert_not(told("192.0.2.2", 128, false));
}
