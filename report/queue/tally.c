/*
 * The weights, from tcp_conn_request(), tcp_check_req(), tcp_v4_syn_recv_sock(),
 * cookie_v4_check() and tcp_rtx_synack(); docs/kernel.md has the measurements.
 */
#include "report/queue/tally.h"

#include <stddef.h>

struct weight {
	enum counter counter;
	int times;
};

static const struct {
	const char *name;
	int sk_drops;
	struct weight weights[4]; /* ends with times 0 */
} tallies[TALLY_COUNT] = {
    [TALLY_SYN_ACCEPT_FULL] = {"SYN, accept queue full",
			       1,
			       {{COUNTER_LISTEN_OVERFLOWS, 1}, {COUNTER_LISTEN_DROPS, 1}}},
    [TALLY_SYN_BOTH_FULL] = {"SYN, both queues full",
			     1,
			     {{COUNTER_LISTEN_OVERFLOWS, 1},
			      {COUNTER_LISTEN_DROPS, 1},
			      {COUNTER_REQQ_FULL_DO_COOKIES, 1}}},
    [TALLY_SYN_QUEUE_FULL] = {"SYN, SYN queue full, cookies off",
			      1,
			      {{COUNTER_LISTEN_DROPS, 1}, {COUNTER_REQQ_FULL_DROP, 1}}},
    [TALLY_SYN_RESERVE] = {"SYN, tcp_max_syn_backlog reserve", 1, {{COUNTER_LISTEN_DROPS, 1}}},
    [TALLY_SYN_COOKIE] = {"SYN answered with a cookie",
			  0,
			  {{COUNTER_REQQ_FULL_DO_COOKIES, 1}, {COUNTER_SYNCOOKIES_SENT, 1}}},
    [TALLY_ACK_ACCEPT_FULL] = {"final ACK, accept queue full",
			       2,
			       {{COUNTER_LISTEN_OVERFLOWS, 1}, {COUNTER_LISTEN_DROPS, 1}}},
    [TALLY_ACK_ABORTED] = {"final ACK reset, accept queue full",
			   2,
			   {{COUNTER_LISTEN_OVERFLOWS, 1},
			    {COUNTER_LISTEN_DROPS, 1},
			    {COUNTER_EMBRYONIC_RSTS, 1}}},
    [TALLY_COOKIE_ACK_FULL] = {"cookie ACK, accept queue full",
			       1,
			       {{COUNTER_LISTEN_OVERFLOWS, 1},
				{COUNTER_LISTEN_DROPS, 1},
				{COUNTER_SYNCOOKIES_RECV, 1}}},
    [TALLY_COOKIE_ACK] = {"cookie ACK", 0, {{COUNTER_SYNCOOKIES_RECV, 1}}},
    [TALLY_COOKIE_RACE] = {"cookie ACK beside another", 0, {{COUNTER_SYNCOOKIES_RECV, 1}}},
    [TALLY_COOKIE_BAD] = {"ACK without a valid cookie", 0, {{COUNTER_SYNCOOKIES_FAILED, 1}}},
    [TALLY_DEFERRED_ACK] = {"bare ACK, TCP_DEFER_ACCEPT", 1, {{COUNTER_DEFER_ACCEPT_DROP, 1}}},
    [TALLY_DEFERRED_RACE] = {"bare ACK beside its data, TCP_DEFER_ACCEPT",
			     1,
			     {{COUNTER_DEFER_ACCEPT_DROP, 1}}},
    [TALLY_SYN_REPEATED] = {"SYN repeated in SYN_RECV", 1, {{COUNTER_SYN_RETRANS, 1}}},
    [TALLY_RST_SYN_RECV] = {"RST in SYN_RECV", 1, {{COUNTER_EMBRYONIC_RSTS, 1}}},
    [TALLY_SYN_SKIPPED] = {"SYN repeated in SYN_RECV, no answer", 1, {{0}}},
    [TALLY_STRAY] = {"stray RST or flags", 1, {{0}}},
    [TALLY_ACK_TIMESTAMP] = {"ACK rejected for its timestamps", 1, {{0}}},
    [TALLY_ICMP_REQUEST] = {"ICMP error about a request", 1, {{COUNTER_LISTEN_DROPS, 1}}},
    [TALLY_SYNACK_REPEATED] = {"SYN-ACK repeated", 0, {{COUNTER_SYN_RETRANS, 1}}},
    [TALLY_SYN_NO_ROUTE] = {"SYN, no route back", 1, {{COUNTER_LISTEN_DROPS, 1}}},
    [TALLY_SYN_NO_ROUTE_COOKIE] = {"SYN, no route back, cookie wanted",
				   1,
				   {{COUNTER_LISTEN_DROPS, 1}, {COUNTER_REQQ_FULL_DO_COOKIES, 1}}},
    [TALLY_ACK_NO_ROUTE] = {"final ACK, no route back", 2, {{COUNTER_LISTEN_DROPS, 1}}},
    [TALLY_COOKIE_ACK_NO_ROUTE] = {"cookie ACK, no route back", 0, {{COUNTER_SYNCOOKIES_RECV, 1}}},
    [TALLY_NO_ROUTE_IPV4] = {"no route back", 0, {{COUNTER_OUT_NO_ROUTES, 1}}},
    [TALLY_NO_ROUTE_IPV6] = {"no route back", 0, {{COUNTER_IP6_OUT_NO_ROUTES, 1}}},
    [TALLY_SYNACK_NO_ROUTE_IPV4] = {"SYN-ACK not repeated, no route",
				    0,
				    {{COUNTER_OUT_NO_ROUTES, 1}}},
    [TALLY_SYNACK_NO_ROUTE_IPV6] = {"SYN-ACK not repeated, no route",
				    0,
				    {{COUNTER_IP6_OUT_NO_ROUTES, 1}}},
    [TALLY_SYN_DISCARDED] = {"SYN discarded before any queue", 1, {{0}}},
    [TALLY_ACK_DISCARDED] = {"final ACK discarded before any queue", 1, {{0}}},
    [TALLY_MD5_NOT_FOUND] = {"TCP-MD5 signature missing", 1, {{COUNTER_MD5_NOT_FOUND, 1}}},
    [TALLY_MD5_UNEXPECTED] = {"TCP-MD5 signature unexpected", 1, {{COUNTER_MD5_UNEXPECTED, 1}}},
    [TALLY_MD5_FAILURE] = {"TCP-MD5 signature wrong", 1, {{COUNTER_MD5_FAILURE, 1}}},
    [TALLY_MIN_TTL] = {"TTL below the minimum", 1, {{COUNTER_MIN_TTL_DROP, 1}}},
    [TALLY_RP_FILTER] = {"dropped by rp_filter", 0, {{COUNTER_RP_FILTER, 1}}},
    [TALLY_SYN_CHALLENGED] = {"SYN that met a connection", 0, {{COUNTER_SYN_CHALLENGE, 1}}},
    [TALLY_SYN_TIME_WAIT] = {"SYN that met TIME_WAIT", 0, {{COUNTER_PAWS_TIME_WAIT, 1}}},
    [TALLY_LOCAL_SYN_REPEATED] = {"SYN repeated by a local client", 0, {{COUNTER_SYN_RETRANS, 1}}},
};

const char *tally_name(enum tally tally)
{
	return tally < TALLY_COUNT ? tallies[tally].name : NULL;
}

int tally_weight(enum tally tally, enum counter counter)
{
	if (tally >= TALLY_COUNT)
		return 0;
	for (size_t i = 0; i < 4 && tallies[tally].weights[i].times; i++)
		if (tallies[tally].weights[i].counter == counter)
			return tallies[tally].weights[i].times;
	return 0;
}

int tally_sk_drops(enum tally tally)
{
	return tally < TALLY_COUNT ? tallies[tally].sk_drops : 0;
}

bool tally_is_possible(enum tally tally)
{
	return tally == TALLY_DEFERRED_RACE || tally == TALLY_COOKIE_RACE ||
	       tally == TALLY_SYNACK_NO_ROUTE_IPV4 || tally == TALLY_SYNACK_NO_ROUTE_IPV6;
}
