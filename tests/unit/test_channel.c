#include "server/channel/channel.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/channel/ring.h"
#include "server/channel/writer.h"

#define LIST_MAX 64

struct list {
	int count;
	int refuse_at; /* the callback returns -EIO at this event, once; -1 never */
	struct event events[LIST_MAX];
	uint64_t lost;
	uint64_t exits;
};

static int collect(void *context, const struct event *event)
{
	struct list *list = context;

	if (list->count == list->refuse_at) {
		list->refuse_at = -1;
		return -EIO;
	}
	if (event->kind == EVENT_LOSS) {
		cr_assert_eq(event->loss.kind, LOSS_SERVER_EVENTS);
		cr_assert_gt(event->loss.count, list->lost, "the count is a total that grows");
		list->lost = event->loss.count;
	}
	if (event->kind == EVENT_EXIT)
		list->exits++;
	list->events[list->count++ % LIST_MAX] = *event;
	return 0;
}

static struct flow some_flow(uint8_t i)
{
	struct flow f = {.sport = (uint16_t)(40000 + i), .dport = 8080};

	f.saddr = address_from_ipv4((const uint8_t[]){127, 0, 0, i});
	f.daddr = address_from_ipv6((const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = i});
	return f;
}

static struct event exit_event(int32_t pid)
{
	return (struct event){.time_ns = pid,
			      .kind = EVENT_EXIT,
			      .source = SOURCE_SERVER,
			      .exit = {.pid = pid, .status = 9}};
}

static void write_exits(const struct channel_writer *writer, int n)
{
	for (int i = 0; i < n; i++) {
		struct event e = exit_event(i + 1);

		channel_write(writer, &e);
	}
}

static const enum event_kind server_kinds[] = {
    EVENT_LISTEN, EVENT_ACCEPT, EVENT_FORK, EVENT_FIRST_BYTE, EVENT_REPLY, EVENT_CLOSE, EVENT_EXIT,
};
#define SERVER_KINDS (int)(sizeof(server_kinds) / sizeof(server_kinds[0]))

static struct event sample_event(enum event_kind kind)
{
	struct event e = {.time_ns = 1700000000123456789, .kind = kind, .source = SOURCE_SERVER};

	if (kind == EVENT_LISTEN) {
		e.listen.local = (struct endpoint){some_flow(1).daddr, 8080};
		e.listen.backlog = -1;
		e.listen.pid = 77;
	} else if (kind == EVENT_ACCEPT) {
		e.accept.flow = some_flow(2);
		e.accept.before_ns = 1700000000123450000;
		e.accept.pid = 77;
		e.accept.tid = 78;
		e.accept.fd = 5;
	} else if (kind == EVENT_EXIT) {
		e.exit.pid = 79;
		e.exit.status = 0x0b00;
	} else {
		e.step.flow = some_flow(3);
		e.step.pid = 80;
		e.step.bytes = UINT32_MAX - (uint32_t)kind;
	}
	return e;
}

static void check_sample(const struct event *e, enum event_kind kind)
{
	struct event x = sample_event(kind);

	cr_assert_eq(e->kind, kind);
	cr_assert_eq(e->source, SOURCE_SERVER);
	cr_assert_eq(e->time_ns, x.time_ns);
	if (kind == EVENT_LISTEN) {
		cr_assert(endpoint_equal(&e->listen.local, &x.listen.local));
		cr_assert_eq(e->listen.backlog, x.listen.backlog);
		cr_assert_eq(e->listen.pid, x.listen.pid);
	} else if (kind == EVENT_ACCEPT) {
		cr_assert(flow_equal(&e->accept.flow, &x.accept.flow));
		cr_assert_eq(e->accept.before_ns, x.accept.before_ns);
		cr_assert_eq(e->accept.pid, x.accept.pid);
		cr_assert_eq(e->accept.tid, x.accept.tid);
		cr_assert_eq(e->accept.fd, x.accept.fd);
	} else if (kind == EVENT_EXIT) {
		cr_assert_eq(e->exit.pid, x.exit.pid);
		cr_assert_eq(e->exit.status, x.exit.status);
	} else {
		cr_assert(flow_equal(&e->step.flow, &x.step.flow));
		cr_assert_eq(e->step.pid, x.step.pid);
		cr_assert_eq(e->step.bytes, x.step.bytes);
	}
}

static struct channel_reader *open_pair(uint32_t records, struct channel_writer **writer)
{
	struct channel_reader *reader;
	int fd;

	cr_assert_eq(channel_open_sized(records, &reader, &fd), 0);
	cr_assert_eq(channel_writer_new(fd, writer), 0);
	return reader;
}

Test(channel, every_kind_comes_out_as_it_went_in)
{
	struct channel_writer *writer;
	struct channel_reader *reader = open_pair(64, &writer);
	struct list list = {.refuse_at = -1};

	for (int i = 0; i < SERVER_KINDS; i++) {
		struct event e = sample_event(server_kinds[i]);

		channel_write(writer, &e);
	}
	cr_assert_eq(channel_read(reader, collect, &list), SERVER_KINDS);
	for (int i = 0; i < SERVER_KINDS; i++)
		check_sample(&list.events[i], server_kinds[i]);
	cr_expect_eq(channel_read(reader, collect, &list), 0);
	cr_expect_not(channel_ended(reader));
	channel_writer_free(writer);
	cr_expect_eq(channel_read(reader, collect, &list), 0);
	cr_expect(channel_ended(reader));
	cr_expect_eq(channel_lost(reader), 0);
	channel_reader_free(reader);
}

Test(channel, what_is_no_server_event_is_counted_as_lost)
{
	struct channel_writer *writer;
	struct channel_reader *reader = open_pair(64, &writer);
	struct event e = {.kind = EVENT_SAMPLE};
	struct list list = {.refuse_at = -1};

	channel_write(writer, &e);
	cr_expect_eq(channel_read(reader, collect, &list), 1);
	cr_expect_eq(list.lost, 1);
	channel_writer_free(writer);
	channel_reader_free(reader);
}

Test(channel, a_full_ring_holds_as_many_as_it_says_and_goes_round)
{
	struct channel_writer *writer;
	struct channel_reader *reader = open_pair(8, &writer);
	struct list list = {.refuse_at = -1};

	write_exits(writer, 8);
	cr_expect_eq(channel_writer_lost(writer), 0);
	write_exits(writer, 3);
	cr_expect_eq(channel_writer_lost(writer), 3);
	cr_expect_eq(channel_read(reader, collect, &list), 9, "eight events and the loss");
	cr_expect_eq(list.lost, 3);
	for (int lap = 0; lap < 5; lap++) {
		write_exits(writer, 7);
		cr_expect_eq(channel_read(reader, collect, &list), 7);
	}
	cr_expect_eq(list.exits, 8 + 5 * 7);
	cr_expect_eq(channel_lost(reader), 3);
	channel_writer_free(writer);
	channel_reader_free(reader);
}

/* The count must arrive also where no record ever fits again, and where the writer is killed. */
Test(channel, a_reader_that_does_not_read_learns_how_much_it_missed)
{
	struct channel_writer *writer;
	struct channel_reader *reader = open_pair(1024, &writer);
	struct list list = {.refuse_at = -1};
	const int written = 100000;
	pid_t pid = fork();
	int status;

	cr_assert_geq(pid, 0);
	if (pid == 0) {
		write_exits(writer, written / 2);
		kill(getpid(), SIGKILL);
	}
	write_exits(writer, written / 2);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	channel_writer_free(writer);
	while (!channel_ended(reader))
		cr_assert_geq(channel_read(reader, collect, &list), 0);
	cr_expect_eq(list.exits, 1024);
	cr_expect_eq(list.lost, (uint64_t)written - 1024);
	cr_expect_eq(channel_lost(reader), list.lost);
	channel_reader_free(reader);
}

Test(channel, records_of_many_processes_stay_whole_while_they_are_read)
{
	enum { PROCESSES = 8, EACH = 5000 };
	struct channel_writer *writer;
	struct channel_reader *reader = open_pair(256, &writer);
	struct list list = {.refuse_at = -1};

	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		cr_assert_geq(pid, 0);
		if (pid == 0) {
			write_exits(writer, EACH);
			_exit(0);
		}
	}
	channel_writer_free(writer);
	while (!channel_ended(reader)) {
		int before = list.count;

		cr_assert_geq(channel_read(reader, collect, &list), 0);
		for (int i = before; i < list.count && i < before + LIST_MAX; i++) {
			const struct event *e =
			    &list.events[(list.count - 1 - (i - before)) % LIST_MAX];

			if (e->kind != EVENT_EXIT)
				continue;
			cr_assert_eq(e->exit.status, 9);
			cr_assert_eq(e->exit.pid, e->time_ns);
		}
	}
	while (wait(NULL) > 0)
		;
	cr_expect_eq(list.exits + channel_lost(reader), PROCESSES * EACH);
	cr_expect_gt(list.exits, 0);
	channel_reader_free(reader);
}

Test(channel, an_event_that_the_callback_refused_comes_again)
{
	struct channel_writer *writer;
	struct channel_reader *reader = open_pair(64, &writer);
	struct list list = {.refuse_at = 1};

	write_exits(writer, 3);
	cr_expect_eq(channel_read(reader, collect, &list), -EIO);
	cr_expect_eq(channel_read(reader, collect, &list), 2);
	cr_assert_eq(list.count, 3);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(list.events[i].exit.pid, i + 1);
	channel_writer_free(writer);
	channel_reader_free(reader);
}

static struct channel_ring *map_ring(int fd, uint32_t records)
{
	void *p = mmap(NULL, channel_ring_size(records), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	cr_assert_neq(p, MAP_FAILED);
	return p;
}

/* A process that is killed between taking its slot and filling it. */
Test(channel, a_hole_is_waited_for_and_given_up_with_the_last_writer)
{
	struct channel_reader *reader;
	struct channel_writer *writer;
	struct channel_ring *ring;
	struct list list = {.refuse_at = -1};
	int fd;

	cr_assert_eq(channel_open_sized(8, &reader, &fd), 0);
	ring = map_ring(fd, 8);
	cr_assert_eq(channel_writer_new(fd, &writer), 0);
	write_exits(writer, 1);
	atomic_fetch_add(&ring->head, 1);
	write_exits(writer, 2);
	cr_expect_eq(channel_read(reader, collect, &list), 1);
	cr_expect_eq(channel_read(reader, collect, &list), 0, "its writer may still come");
	cr_expect_not(channel_ended(reader));
	/* A mapping counts as a copy of the descriptor that it was made of. */
	munmap(ring, channel_ring_size(8));
	channel_writer_free(writer);
	cr_expect_eq(channel_read(reader, collect, &list), 3, "two events and the loss");
	cr_expect(channel_ended(reader));
	cr_expect_eq(list.exits, 3);
	cr_expect_eq(list.lost, 1);
	channel_reader_free(reader);
}

/* COMMAND may be any program: what it writes into the descriptor is no event. */
Test(channel, a_record_of_no_known_kind_is_counted_and_passed_over)
{
	struct channel_reader *reader;
	struct channel_writer *writer;
	struct channel_ring *ring;
	struct list list = {.refuse_at = -1};
	int fd;

	cr_assert_eq(channel_open_sized(8, &reader, &fd), 0);
	ring = map_ring(fd, 8);
	cr_assert_eq(channel_writer_new(fd, &writer), 0);
	write_exits(writer, 2);
	ring->slots[0].record.kind = EVENT_KIND_COUNT;
	ring->slots_count = 0;
	cr_expect_eq(channel_read(reader, collect, &list), 2);
	cr_expect_eq(list.exits, 1);
	cr_expect_eq(list.lost, 1);
	munmap(ring, channel_ring_size(8));
	channel_writer_free(writer);
	channel_reader_free(reader);
}

Test(channel, it_ends_with_the_last_copy_of_the_write_end)
{
	struct channel_reader *reader;
	struct list list = {.refuse_at = -1};
	int fd, copy, ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(channel_open(&reader, &fd), 0);
	cr_assert_eq(pipe(ready), 0);
	copy = dup(fd);
	pid = fork();
	if (pid == 0) {
		close(ready[1]);
		/* Holds its copy until the test closes the pipe. */
		_exit(read(ready[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(fd);
	cr_expect_eq(channel_read(reader, collect, &list), 0);
	cr_expect_not(channel_ended(reader), "there are a copy and a child");
	close(copy);
	cr_expect_eq(channel_read(reader, collect, &list), 0);
	cr_expect_not(channel_ended(reader), "there is a child");
	close(ready[1]);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	cr_expect_eq(channel_read(reader, collect, &list), 0);
	cr_expect(channel_ended(reader));
	close(ready[0]);
	channel_reader_free(reader);
}

Test(channel, a_reader_that_went_away_does_not_hurt)
{
	struct channel_writer *writer;
	struct channel_reader *reader = open_pair(4, &writer);

	channel_reader_free(reader);
	write_exits(writer, 5);
	cr_expect_eq(channel_writer_lost(writer), 1);
	channel_writer_free(writer);
}

Test(channel, only_a_channel_is_taken)
{
	struct channel_writer *writer;
	int fds[2], fd;

	cr_assert_eq(pipe(fds), 0);
	cr_expect_eq(channel_writer_new(fds[1], &writer), -EINVAL);
	close(fds[0]);
	close(fds[1]);
	cr_expect_eq(channel_writer_new(fds[1], &writer), -EBADF);
	fd = open("/dev/null", O_RDWR);
	cr_expect_eq(channel_writer_new(fd, &writer), -EINVAL);
	close(fd);
	fd = memfd_create("other", MFD_ALLOW_SEALING);
	cr_assert_eq(ftruncate(fd, (off_t)channel_ring_size(8)), 0);
	cr_expect_eq(channel_writer_new(fd, &writer), -EINVAL, "it could shrink");
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	cr_expect_eq(channel_writer_new(fd, &writer), -EINVAL, "it is all zero");
	map_ring(fd, 8)->magic = CHANNEL_MAGIC;
	cr_expect_eq(channel_writer_new(fd, &writer), -EINVAL, "it has no slots");
	map_ring(fd, 8)->slots_count = 16;
	cr_expect_eq(channel_writer_new(fd, &writer), -EINVAL, "its slots go beyond its end");
	close(fd);
}

Test(channel, only_a_power_of_two_is_a_size)
{
	struct channel_reader *reader;
	int fd;

	cr_expect_eq(channel_open_sized(0, &reader, &fd), -EINVAL);
	cr_expect_eq(channel_open_sized(100, &reader, &fd), -EINVAL);
	cr_expect_eq(channel_open_sized(CHANNEL_RECORDS_MAX * 2, &reader, &fd), -EINVAL);
}
