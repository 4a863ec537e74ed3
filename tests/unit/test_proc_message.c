#include "netlink/proc/message.h"

#include <criterion/criterion.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (sizeof(struct nlmsghdr) + sizeof(struct cn_msg) + sizeof(struct proc_event))

static size_t build(uint8_t *buffer, const struct proc_event *event)
{
	struct cn_msg connector = {
	    .id = {CN_IDX_PROC, CN_VAL_PROC}, .seq = 99, .ack = 3, .len = sizeof(*event)};
	struct nlmsghdr header = {.nlmsg_len = SIZE, .nlmsg_type = NLMSG_DONE};

	memcpy(buffer, &header, sizeof(header));
	memcpy(buffer + sizeof(header), &connector, sizeof(connector));
	memcpy(buffer + sizeof(header) + sizeof(connector), event, sizeof(*event));
	return SIZE;
}

static const struct proc_event fork_event = {
    .what = PROC_EVENT_FORK,
    .cpu = 5,
    .timestamp_ns = 123456789,
    .event_data.fork = {.parent_pid = 11, .parent_tgid = 10, .child_pid = 21, .child_tgid = 20},
};

static const struct proc_event exit_event = {
    .what = PROC_EVENT_EXIT,
    .event_data.exit = {.process_pid = 21, .process_tgid = 20, .exit_code = 256},
};

Test(proc_message, a_fork_is_read)
{
	uint8_t buffer[SIZE];
	struct proc_message m;

	cr_assert_eq(proc_message_read(buffer, build(buffer, &fork_event), &m), PROC_FORK);
	cr_assert_eq(m.cpu, 5);
	cr_assert_eq(m.sequence, 99);
	cr_assert_eq(m.monotonic_ns, 123456789);
	cr_assert_eq(m.fork.parent_pid, 10, "the process, not the thread, forks");
	cr_assert_eq(m.fork.child_pid, 20);
	cr_assert_eq(m.fork.child_tid, 21);
}

Test(proc_message, an_exit_is_read)
{
	uint8_t buffer[SIZE];
	struct proc_message m;

	cr_assert_eq(proc_message_read(buffer, build(buffer, &exit_event), &m), PROC_EXIT);
	cr_assert_eq(m.exit.pid, 20);
	cr_assert_eq(m.exit.tid, 21);
	cr_assert_eq(m.exit.exit_code, 256);
}

Test(proc_message, answers_and_other_kinds_are_told_apart)
{
	struct proc_event event = {.what = PROC_EVENT_NONE, .event_data.ack.err = 1};
	uint8_t buffer[SIZE];
	struct proc_message m;

	cr_assert_eq(proc_message_read(buffer, build(buffer, &event), &m), PROC_ACK);
	cr_assert_eq(m.error, 1);
	cr_assert_eq(m.ack, 3);
	event.what = PROC_EVENT_EXEC;
	cr_assert_eq(proc_message_read(buffer, build(buffer, &event), &m), PROC_OTHER);
	event.what = 0x00800000;
	cr_assert_eq(proc_message_read(buffer, build(buffer, &event), &m), PROC_OTHER);
	build(buffer, &event);
	buffer[sizeof(struct nlmsghdr)] = 7; /* id.idx */
	cr_assert_eq(proc_message_read(buffer, SIZE, &m), PROC_NOT_OURS);
	build(buffer, &event);
	buffer[4] = NLMSG_ERROR;
	cr_assert_eq(proc_message_read(buffer, SIZE, &m), PROC_NOT_OURS);
}

/* Cut datagrams; then whole ones whose inner lengths are cut. */
Test(proc_message, every_cut_is_read_within_its_bounds)
{
	const struct proc_event *events[] = {&fork_event, &exit_event};
	uint8_t buffer[SIZE];
	struct proc_message m;

	for (int e = 0; e < 2; e++) {
		build(buffer, events[e]);
		for (uint32_t n = 0; n < SIZE; n++) {
			uint8_t *copy = malloc(n ? n : 1);

			memcpy(copy, buffer, n);
			cr_assert_eq(proc_message_read(copy, n, &m), PROC_MALFORMED);
			if (n >= sizeof(struct nlmsghdr)) {
				memcpy(copy, &n, sizeof(n));
				cr_assert_eq(proc_message_read(copy, n, &m), PROC_MALFORMED);
			}
			if (n >= sizeof(struct nlmsghdr) + sizeof(struct cn_msg)) {
				uint16_t len =
				    (uint16_t)(n - sizeof(struct nlmsghdr) - sizeof(struct cn_msg));
				enum proc_result result;

				memcpy(copy + sizeof(struct nlmsghdr) +
					   offsetof(struct cn_msg, len),
				       &len, sizeof(len));
				result = proc_message_read(copy, n, &m);
				cr_assert(result == PROC_MALFORMED ||
					  len >= offsetof(struct proc_event, event_data) + 12);
			}
			free(copy);
		}
	}
}

Test(proc_message, an_exit_of_an_older_kernel_without_the_parent_is_read)
{
	uint16_t len =
	    offsetof(struct proc_event, event_data) + offsetof(struct exit_proc_event, parent_pid);
	uint8_t buffer[SIZE];
	struct proc_message m;

	build(buffer, &exit_event);
	memcpy(buffer + sizeof(struct nlmsghdr) + offsetof(struct cn_msg, len), &len, sizeof(len));
	cr_assert_eq(proc_message_read(buffer, SIZE, &m), PROC_EXIT);
	cr_assert_eq(m.exit.exit_code, 256);
}

Test(proc_message, a_request_has_the_kernels_length)
{
	uint8_t buffer[PROC_REQUEST_SIZE];

	cr_assert_eq(proc_message_build(buffer, 2, true),
		     sizeof(struct nlmsghdr) + sizeof(struct cn_msg) + 4);
}
