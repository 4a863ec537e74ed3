#include "netlink/counters.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char netstat[] =
    "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts ListenOverflows "
    "ListenDrops TCPSomethingNew TCPSynRetrans\n"
    "TcpExt: 11 22 33 4 5 6 77 18446744073709551615\n"
    "IpExt: InNoRoutes ListenDrops\n"
    "IpExt: 1 999\n";

static const char snmp[] = "Tcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens OutRsts\n"
			   "Tcp: 1 -1 7 8 9\n";

static bool known(const struct counters *c, enum counter counter)
{
	return (c->known >> counter) & 1;
}

Test(counters, both_files_are_read_by_group_and_name)
{
	struct counters c = {0};

	counters_parse(netstat, strlen(netstat), &c);
	cr_assert_eq(c.value[COUNTER_SYNCOOKIES_SENT], 11);
	cr_assert_eq(c.value[COUNTER_LISTEN_OVERFLOWS], 5);
	cr_assert_eq(c.value[COUNTER_LISTEN_DROPS], 6, "a name of another group was taken");
	cr_assert_eq(c.value[COUNTER_SYN_RETRANS], UINT64_MAX);
	cr_assert_not(known(&c, COUNTER_REQQ_FULL_DROP));
	cr_assert_not(known(&c, COUNTER_ACTIVE_OPENS));
	counters_parse(snmp, strlen(snmp), &c);
	cr_assert(known(&c, COUNTER_ACTIVE_OPENS));
	cr_assert_eq(c.value[COUNTER_ACTIVE_OPENS], 7);
	cr_assert_eq(c.value[COUNTER_OUT_RSTS], 9);
	cr_assert(known(&c, COUNTER_LISTEN_DROPS));
}

Test(counters, files_of_one_name_a_line_are_read)
{
	static const char text[] = "Ip6InReceives                   \t1\n"
				   "Ip6OutNoRoutes                  \t42\n"
				   "OutNoRoutes 7\n"
				   "XfrmInNoPols            \t3\n"
				   "XfrmInPolBlock \t\n";
	struct counters c = {0};

	counters_parse(text, strlen(text), &c);
	cr_assert_eq(c.value[COUNTER_IP6_OUT_NO_ROUTES], 42);
	cr_assert_eq(c.value[COUNTER_XFRM_IN_NO_POLICIES], 3);
	cr_assert_not(known(&c, COUNTER_OUT_NO_ROUTES), "a name of another file was taken");
	cr_assert_not(known(&c, COUNTER_XFRM_IN_POLICY_BLOCK));
}

Test(counters, no_name_is_given_twice)
{
	for (int i = 0; i < COUNTER_COUNT; i++)
		for (int j = 0; j < i; j++)
			cr_assert(strcmp(counter_name((enum counter)i),
					 counter_name((enum counter)j)) != 0,
				  "%s", counter_name((enum counter)i));
}

Test(counters, bad_text_leaves_them_unknown)
{
	static const char *const bad[] = {
	    "",
	    "\n\n\n",
	    "TcpExt",
	    "TcpExt: ListenDrops",
	    "TcpExt: ListenDrops\n",
	    "TcpExt: ListenDrops\nTcpExt:",
	    "TcpExt: ListenDrops\nTcpExt: -3\n",
	    "TcpExt: ListenDrops\nTcpExt: 3x\n",
	    "TcpExt: ListenDrops\nTcpExt: 18446744073709551616\n",
	    "TcpExt: ListenDrops\nIpExt: 3\n",
	    "TcpExt ListenDrops\nTcpExt 3\n",
	    ":\n:\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct counters c = {0};

		counters_parse(bad[i], strlen(bad[i]), &c);
		cr_assert_eq(c.known, 0, "case %zu", i);
	}
}

Test(counters, every_cut_is_read_within_its_bounds)
{
	size_t whole = strlen(netstat);

	for (size_t n = 0; n <= whole; n++) {
		struct counters c = {0};
		char *copy = malloc(n ? n : 1);

		memcpy(copy, netstat, n);
		counters_parse(copy, n, &c);
		cr_assert(n == whole || !known(&c, COUNTER_ACTIVE_OPENS));
		free(copy);
	}
}

Test(counters, this_kernel_has_them)
{
	struct counters_reader reader;
	struct counters first, second;
	int64_t after_ns;

	cr_assert_eq(counters_reader_init(&reader), 0);
	cr_assert_eq(counters_read(&reader, &first, &after_ns), 0);
	cr_assert_leq(first.before_ns, after_ns);
	cr_assert(known(&first, COUNTER_LISTEN_DROPS));
	cr_assert(known(&first, COUNTER_LISTEN_OVERFLOWS));
	cr_assert(known(&first, COUNTER_OUT_RSTS));
	cr_assert_eq(counters_read(&reader, &second, &after_ns), 0);
	cr_assert_eq(first.known, second.known, "the second reading differs from the first");
	counters_reader_release(&reader);
	cr_assert_lt(counters_read(&reader, &second, &after_ns), 0);
	cr_assert_eq(second.known, 0);
}
