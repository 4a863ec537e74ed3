#include "netlink/diag/diag.h"

#include <criterion/criterion.h>

#include "tests/unit/netns.h"

#define LISTENERS 40
#define FIRST	  7000

static void listen_on_all(void)
{
	for (uint16_t i = 0; i < LISTENERS; i++) {
		struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(FIRST + i)};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		cr_assert_eq(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
		cr_assert_eq(listen(fd, i), 0);
	}
}

Test(diag, a_dump_has_the_ports_that_were_asked_for_and_no_other)
{
	static const size_t counts[] = {1, 2, 3, 17, DIAG_PORTS_MAX, 0};
	const struct diag_socket *sockets;
	uint16_t ports[DIAG_PORTS_MAX];
	struct diag *diag;
	size_t count;

	if (!netns_enter())
		cr_skip_test("no private network namespace to be had");
	listen_on_all();
	cr_assert_eq(diag_new(&diag), 0);
	for (size_t n = 0; n < sizeof(counts) / sizeof(counts[0]); n++) {
		uint64_t met = 0, asked = 0;

		for (size_t i = 0; i < counts[n]; i++) {
			size_t which = (i * 7) % LISTENERS;

			ports[i] = (uint16_t)(FIRST + which);
			asked |= UINT64_C(1) << which;
		}
		cr_assert_eq(diag_dump(diag, DIAG_STATE_BIT(DIAG_LISTEN), ports, counts[n],
				       DIAG_WANT_DROPS, &sockets, &count),
			     0);
		cr_assert_eq(count, counts[n] ? counts[n] : LISTENERS);
		for (size_t i = 0; i < count; i++) {
			cr_assert_eq(sockets[i].limit, sockets[i].local.port - FIRST);
			cr_assert(sockets[i].drops_known);
			met |= UINT64_C(1) << (sockets[i].local.port - FIRST);
		}
		if (counts[n])
			cr_assert_eq(met, asked);
	}
	cr_assert_eq(
	    diag_dump(diag, DIAG_STATE_BIT(DIAG_ESTABLISHED), NULL, 0, 0, &sockets, &count), 0);
	cr_assert_eq(count, 0);
	cr_assert_eq(diag_lost(diag), 0);
	diag_free(diag);
}

Test(diag, nobody_there_is_an_error_of_its_own)
{
	struct endpoint local, remote;
	struct diag_socket socket;
	struct diag *diag;

	if (!netns_enter())
		cr_skip_test("no private network namespace to be had");
	cr_assert_eq(endpoint_parse("127.0.0.1:80", &local), 0);
	cr_assert_eq(endpoint_parse("0.0.0.0:0", &remote), 0);
	cr_assert_eq(diag_new(&diag), 0);
	cr_assert_eq(diag_look_up(diag, &local, &remote, 0, 0, &socket), -ENOENT);
	listen_on_all();
	local.port = FIRST + 5;
	cr_assert_eq(diag_look_up(diag, &local, &remote, 0, 0, &socket), 0);
	cr_assert_eq(socket.limit, 5);
	cr_assert_eq(socket.state, DIAG_LISTEN);
	cr_assert_eq(diag_lost(diag), 0);
	diag_free(diag);
}
