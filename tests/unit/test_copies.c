#include "capture/copies.h"

#include <criterion/criterion.h>

#define US NS_PER_US

static struct copies *copies;
static struct segment syn;

static void begin(void)
{
	struct endpoint client, server;

	cr_assert_eq(endpoint_parse("192.0.2.1:40000", &client), 0);
	cr_assert_eq(endpoint_parse("192.0.2.2:80", &server), 0);
	syn = (struct segment){
	    .flow = {client.address, server.address, client.port, server.port},
	    .seq = 1000,
	    .flags = TCP_FLAG_SYN,
	    .ip_id = 7,
	    .tsval = 5,
	    .device = 2,
	};
	copies = copies_new();
	cr_assert_not_null(copies);
}

static void end(void)
{
	copies_free(copies);
}

TestSuite(copies, .init = begin, .fini = end);

static bool on(uint32_t device, bool outgoing, int64_t time_ns)
{
	struct segment s = syn;

	s.device = device;
	s.outgoing = outgoing;
	return copies_take(copies, time_ns, &s);
}

Test(copies, another_device_is_a_copy)
{
	cr_assert_not(on(2, false, 0));
	cr_assert(on(3, false, US));
	cr_assert(on(4, false, 2 * US));
	cr_assert(on(2, true, 3 * US), "the other way on the same device");
}

/* nft dup: two for the kernel, each of which goes up the bridge. */
Test(copies, two_on_one_device_are_two)
{
	cr_assert_not(on(2, false, 0));
	cr_assert_not(on(2, false, US));
	cr_assert(on(3, false, 2 * US));
	cr_assert(on(3, false, 3 * US));
	cr_assert_not(on(3, false, 4 * US), "there device 3 saw most of them");
	cr_assert(on(2, false, 5 * US));
}

Test(copies, two_that_go_up_a_bridge_one_after_the_other)
{
	cr_assert_not(on(2, false, 0));
	cr_assert(on(3, false, US));
	cr_assert_not(on(2, false, 2 * US));
	cr_assert(on(3, false, 3 * US));
}

Test(copies, what_differs_is_no_copy)
{
	const struct segment first = syn;

	cr_assert_not(on(2, false, 0));
	syn.seq++;
	cr_assert_not(on(3, false, US));
	syn = first;
	syn.ip_id++;
	cr_assert_not(on(3, false, US));
	syn = first;
	syn.tsval++;
	cr_assert_not(on(3, false, US));
	syn = first;
	syn.flags |= TCP_FLAG_ACK;
	cr_assert_not(on(3, false, US));
	syn = first;
	syn.flow = flow_reverse(&first.flow);
	cr_assert_not(on(3, false, US));
	syn = first;
	syn.payload = 1;
	cr_assert_not(on(3, false, US));
}

Test(copies, the_bound)
{
	cr_assert_not(on(2, false, 0));
	cr_assert(on(3, false, COPY_NS));
	cr_assert_not(on(4, false, COPY_NS + 1), "a retransmission over another path");
}

Test(copies, stamps_may_run_backwards)
{
	cr_assert_not(on(2, false, 10 * US));
	cr_assert(on(3, false, 9 * US));
}

Test(copies, more_devices_than_are_remembered)
{
	cr_assert_not(on(1, false, 0));
	for (uint32_t device = 2; device < 20; device++)
		cr_assert(on(device, false, device * US));
	cr_assert_not(on(1, false, 30 * US));
}

/* A file without devices: no timer sends a SYN again so soon. */
Test(copies, without_a_device_a_syn_again_is_a_copy)
{
	cr_assert_not(on(0, false, 0));
	cr_assert(on(0, false, 5 * US));
	cr_assert(on(0, true, 6 * US));
	cr_assert_not(on(0, false, COPY_UNNAMED_NS + 1), "a retransmission");
}

/* Many others come between, as on a busy host. */
Test(copies, among_many_others)
{
	unsigned found = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		syn.seq = i;
		cr_assert_not(on(2, false, i * US));
		syn.seq = i > 20 ? i - 20 : 0;
		found += on(3, false, i * US);
	}
	cr_assert_gt(found, 99000u);
}

Test(copies, one_that_was_seen_without_a_device)
{
	cr_assert_not(on(0, false, 0));
	cr_assert(on(2, false, 5 * US));
	cr_assert_not(on(2, false, 6 * US), "two on device 2");
	cr_assert(on(3, false, 7 * US));
	cr_assert(on(3, false, 8 * US));
	cr_assert_not(on(3, false, 9 * US));
}
