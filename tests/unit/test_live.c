/*
 * Live capture in a network namespace that each test makes for itself. Where
 * that is not allowed the tests are skipped.
 */
#include "capture/capture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capfile.h"

#define EVENTS_MAX 4096

struct seen {
	size_t count;
	struct event events[EVENTS_MAX];
};

static struct seen seen; /* each test is a process of its own */

static void interface_up(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_flags = 0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	cr_assert_eq(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP;
	cr_assert_eq(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
	close(fd);
}

/* A namespace with lo up; as an ordinary user, one in which it is root. */
static void enter_namespace(void)
{
	uid_t uid = getuid();
	char map[64];

	if (unshare(CLONE_NEWNET | CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)))
		cr_skip_test("no network namespace can be made here");
	if (uid) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_file("/proc/self/uid_map", map);
	}
	interface_up("lo");
}

static int keep(void *context, const struct event *event)
{
	struct seen *s = context;

	cr_assert(s->count < EVENTS_MAX);
	s->events[s->count++] = *event;
	return 0;
}

static struct capture *open_live(const char *interface, const char *filter)
{
	struct capture_live_options options = {.interface = interface, .filter = filter};
	char error[CAPTURE_ERROR_SIZE];
	struct capture *c;

	cr_assert_eq(capture_open_live(&options, &c, error), 0, "%s", error);
	cr_assert_geq(capture_fd(c), 0);
	return c;
}

/* Reads until nothing has come for a while. */
static void read_all(struct capture *c)
{
	struct pollfd p = {.fd = capture_fd(c), .events = POLLIN};
	int64_t n;

	do {
		poll(&p, 1, 100);
		n = capture_read(c, 0, keep, &seen);
		cr_assert_geq(n, 0, "%s", capture_error(c));
	} while (n);
}

static int listener(uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&a, size), 0);
	cr_assert_eq(listen(fd, 64), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void send_all(int fd, size_t n)
{
	static char bytes[65536];

	while (n) {
		ssize_t sent = send(fd, bytes, n < sizeof(bytes) ? n : sizeof(bytes), MSG_NOSIGNAL);

		cr_assert_gt(sent, 0);
		n -= (size_t)sent;
	}
}

static void receive_all(int fd, size_t n)
{
	static char bytes[65536];

	while (n) {
		ssize_t got = recv(fd, bytes, n < sizeof(bytes) ? n : sizeof(bytes), 0);

		cr_assert_gt(got, 0);
		n -= (size_t)got;
	}
}

/*
 * One connection from its SYN to its last FIN. Without ack, the client has the
 * kernel keep back the bare ACK, so that its first data is the final ACK.
 */
static void exchange(int listening, uint16_t port, size_t request, size_t reply, bool ack)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), server, one = 1;

	if (!ack)
		cr_assert_eq(setsockopt(client, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof(one)),
			     0);
	cr_assert_eq(connect(client, (struct sockaddr *)&a, sizeof(a)), 0);
	send_all(client, request);
	server = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	cr_assert_geq(server, 0);
	receive_all(server, request);
	send_all(server, reply);
	receive_all(client, reply);
	close(server);
	close(client);
}

static char *filter_for(uint16_t port)
{
	static char text[4096];
	struct endpoint e = {.port = port};

	cr_assert_eq(capture_filter_format(&e, 1, text, sizeof(text)), 0);
	return text;
}

static size_t count_flags(uint8_t mask, uint8_t value)
{
	size_t n = 0;

	for (size_t i = 0; i < seen.count; i++)
		n += (seen.events[i].segment.flags & mask) == value;
	return n;
}

static void every_packet_once(const char *interface)
{
	struct capture_stats stats;
	struct capture *c;
	uint16_t port;
	int fd;

	enter_namespace();
	fd = listener(&port);
	c = open_live(interface, filter_for(port));
	for (int i = 0; i < 20; i++)
		exchange(fd, port, 100, 200, true);
	read_all(c);
	cr_expect_eq(count_flags(TCP_FLAG_SYN | TCP_FLAG_ACK, TCP_FLAG_SYN), 20);
	cr_expect_eq(count_flags(TCP_FLAG_SYN | TCP_FLAG_ACK, TCP_FLAG_SYN | TCP_FLAG_ACK), 20);
	cr_expect_eq(count_flags(TCP_FLAG_FIN, TCP_FLAG_FIN), 40);
	for (size_t i = 0; i < seen.count; i++) {
		const struct segment *s = &seen.events[i].segment;

		cr_expect_eq(s->frame, i + 1);
		/* lo keeps all of every SYN's options within the snaplen */
		cr_expect_not(s->options & SEGMENT_OPTIONS_CUT);
		if (s->flow.sport == port)
			cr_expect_eq(s->payload, 0);
	}
	capture_stats(c, &stats);
	cr_expect_eq(stats.frames, seen.count);
	cr_expect_eq(stats.dropped, 0);
	cr_expect_str_empty(stats.note);
	cr_expect_eq(capture_free(c), 0);
	close(fd);
}

Test(live, on_lo_every_packet_comes_once)
{
	every_packet_once("lo");
}

Test(live, on_any_every_packet_comes_once)
{
	every_packet_once("any");
}

Test(live, a_final_ack_with_data_is_caught_and_the_rest_of_the_data_is_not)
{
	static const size_t sizes[] = {1, 100, 3000, 200000};
	struct capture *c;
	uint16_t port;
	int fd;

	enter_namespace();
	fd = listener(&port);
	c = open_live("lo", filter_for(port));
	for (size_t i = 0; i < 4; i++) {
		const struct segment *first = NULL;

		seen.count = 0;
		exchange(fd, port, sizes[i], 1000000, false);
		read_all(c);
		for (size_t j = 0; j < seen.count; j++) {
			const struct segment *s = &seen.events[j].segment;

			if (s->flow.dport == port && !(s->flags & TCP_FLAG_SYN) && !first)
				first = s;
			if (s->flow.sport == port)
				cr_expect(s->flags & (TCP_FLAG_SYN | TCP_FLAG_FIN | TCP_FLAG_RST));
		}
		cr_assert_not_null(first);
		cr_expect_gt(first->payload, 0, "the final ACK of a request of %zu bytes",
			     sizes[i]);
		cr_expect_eq(first->seq, seen.events[0].segment.seq + 1, "it is not the first one");
	}
	cr_expect_eq(capture_free(c), 0);
	close(fd);
}

Test(live, the_dump_reads_as_it_was_seen)
{
	char folder[] = "/tmp/synscope-test-XXXXXX", path[64];
	struct capture_stats live, offline;
	static struct seen was;
	char error[CAPTURE_ERROR_SIZE];
	struct capture *c;
	struct stat st;
	uint16_t port;
	int fd, dirfd;

	enter_namespace();
	cr_assert(mkdtemp(folder));
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = listener(&port);
	for (int any = 0; any < 2; any++) {
		c = open_live(any ? "any" : "lo", NULL);
		/* what somebody planted is not written through, but replaced */
		cr_assert_eq(symlinkat("/nonexistent/victim", dirfd, "packets.pcap"), 0);
		cr_assert_eq(capture_dump(c, dirfd, "packets.pcap", false), 0, "%s", capture_error(c));
		cr_expect_eq(capture_dump(c, dirfd, "packets.pcap", false), -EBUSY);
		seen.count = 0;
		for (int i = 0; i < 5; i++)
			exchange(fd, port, 10, 50000, i & 1);
		read_all(c);
		cr_expect_eq(capture_dump_flush(c), 0);
		capture_stats(c, &live);
		cr_expect_eq(capture_free(c), 0);
		cr_assert_eq(fstatat(dirfd, "packets.pcap", &st, AT_SYMLINK_NOFOLLOW), 0);
		cr_expect(S_ISREG(st.st_mode));
		cr_expect_eq(st.st_mode & 07137, 0);

		was = seen;
		seen.count = 0;
		snprintf(path, sizeof(path), "%s/packets.pcap", folder);
		cr_assert_eq(capture_open_file(path, &c, error), 0, "%s", error);
		cr_expect_eq(capture_read(c, 0, keep, &seen), (int64_t)live.frames);
		capture_stats(c, &offline);
		cr_expect_eq(offline.segments, live.segments);
		cr_expect_arr_eq(offline.skipped, live.skipped, sizeof(live.skipped));
		cr_expect_eq(capture_free(c), 0);
		cr_assert_eq(seen.count, was.count);
		cr_expect_gt(seen.count, 40);
		for (size_t i = 0; i < seen.count; i++) {
			cr_expect_eq(seen.events[i].time_ns, was.events[i].time_ns);
			cr_expect_eq(memcmp(&seen.events[i].segment, &was.events[i].segment,
					    sizeof(struct segment)),
				     0);
		}
		cr_expect_eq(unlinkat(dirfd, "packets.pcap", 0), 0);
	}
	close(dirfd);
	rmdir(folder);
	close(fd);
}

Test(live, a_full_disk_is_an_error_and_what_fitted_opens)
{
	char folder[] = "/tmp/synscope-test-XXXXXX", path[64], error[CAPTURE_ERROR_SIZE];
	struct capture_stats stats;
	int64_t result = 0;
	struct capture *c;
	uint16_t port;
	int fd, dirfd;

	enter_namespace();
	cr_assert(mkdtemp(folder));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("tmpfs", folder, "tmpfs", 0, "size=16k"), 0);
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = listener(&port);
	c = open_live("lo", NULL);
	cr_assert_eq(capture_dump(c, dirfd, "packets.pcap", false), 0);
	for (int i = 0; i < 100 && !result; i++) {
		exchange(fd, port, 10, 10, true);
		seen.count = 0;
		read_all(c);
		result = capture_dump_flush(c);
	}
	cr_expect_eq(result, -ENOSPC);
	cr_expect(strstr(capture_error(c), "No space left on device"), "%s", capture_error(c));
	exchange(fd, port, 10, 10, true);
	usleep(50000);
	cr_expect_eq(capture_read(c, 0, keep, &seen), -ENOSPC);
	cr_expect_eq(capture_free(c), -ENOSPC);
	snprintf(path, sizeof(path), "%s/packets.pcap", folder);
	cr_assert_eq(capture_open_file(path, &c, error), 0, "%s", error);
	seen.count = 0;
	cr_expect_gt(capture_read(c, 0, keep, &seen), 20);
	capture_stats(c, &stats);
	cr_expect_not(stats.cut, "half a frame was left behind");
	cr_expect_eq(capture_free(c), 0);
	close(dirfd);
	umount(folder);
	rmdir(folder);
	close(fd);
}

Test(live, an_interface_that_goes_away_ends_it)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	struct capture *c;
	int64_t result = 0;
	int tun;

	enter_namespace();
	tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (tun < 0)
		cr_skip_test("no /dev/net/tun here");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "tun7");
	cr_assert_eq(ioctl(tun, TUNSETIFF, &request), 0);
	interface_up("tun7");
	c = open_live("tun7", filter_for(80));
	cr_expect_eq(capture_read(c, 0, keep, &seen), 0);
	close(tun);
	for (int i = 0; i < 50 && !result; i++) {
		struct pollfd p = {.fd = capture_fd(c), .events = POLLIN};

		poll(&p, 1, 100);
		result = capture_read(c, 0, keep, &seen);
	}
	cr_expect_eq(result, -ENETDOWN);
	cr_expect_str_eq(capture_error(c), "tun7: the interface is gone");
	cr_expect_eq(capture_free(c), 0);
}

static void refused(const char *interface, const char *filter, int expected, const char *text)
{
	struct capture_live_options options = {.interface = interface, .filter = filter};
	char error[CAPTURE_ERROR_SIZE] = "";
	struct capture *c;

	cr_expect_eq(capture_open_live(&options, &c, error), expected, "%s", error);
	cr_expect(strstr(error, text), "%s", error);
	cr_expect_eq(strncmp(error, interface, strlen(interface)), 0, "%s", error);
	cr_expect_null(strchr(error, '\n'), "%s", error);
}

Test(live, what_cannot_be_captured_says_why)
{
	bool root = getuid() == 0;

	if (!root) /* before the namespace in which this user is root */
		refused("lo", NULL, -EPERM, "CAP_NET_RAW");
	enter_namespace();
	refused("nothere0", NULL, -ENODEV, "choose one of: lo, any");
	refused("", NULL, -ENODEV, "choose one of: lo, any");
	refused("a_name_that_is_longer_than_names_are", NULL, -ENODEV, "choose one of: lo");
	refused("lo", "tcp port", -EINVAL, "filter: ");
	if (!root)
		return;
	cr_assert_eq(setegid(65534) || seteuid(65534), 0);
	refused("lo", NULL, -EPERM, "CAP_NET_RAW");
	/* LeakSanitizer looks into this process with the rights that it had */
	cr_assert_eq(seteuid(0) || setegid(0) || prctl(PR_SET_DUMPABLE, 1), 0);
}
