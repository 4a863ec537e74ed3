#include "capture/capture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int never(void *context, const struct event *event)
{
	(void)context;
	(void)event;
	cr_assert_fail();
	return 0;
}

Test(none, its_dump_is_a_capture_without_packets)
{
	char folder[] = "/tmp/synscope-none-XXXXXX", path[64], error[CAPTURE_ERROR_SIZE];
	struct capture *none, *file;
	struct capture_stats stats;
	uint64_t kept = 1;
	int dirfd;

	cr_assert_not_null(mkdtemp(folder));
	dirfd = open(folder, O_RDONLY | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/packets.pcap", folder);
	cr_assert_eq(capture_open_none(&none), 0);
	cr_expect_eq(capture_fd(none), -1);
	cr_assert_eq(capture_dump(none, dirfd, "packets.pcap", false), 0);
	cr_expect_eq(capture_read(none, 0, never, NULL), 0);
	capture_stats(none, &stats);
	cr_expect_eq(stats.frames, 0);
	cr_expect_eq(stats.note[0], '\0');
	cr_expect_eq(capture_dump_kept(none, &kept), 0);
	cr_expect_eq(kept, 0);
	cr_expect_eq(capture_free(none), 0);
	cr_assert_eq(capture_open_file(path, &file, error), 0, "%s", error);
	cr_expect_eq(capture_read(file, 0, never, NULL), 0);
	capture_stats(file, &stats);
	cr_expect(!stats.cut);
	cr_expect_eq(capture_free(file), 0);
	cr_expect_eq(unlinkat(dirfd, "packets.pcap", 0), 0);
	cr_expect_eq(rmdir(folder), 0);
	close(dirfd);
}
