#include "capture/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "capfile.h"

#define MAGIC_US 0xa1b2c3d4
#define MAGIC_NS 0xa1b23c4d
#define ETHERNET 1

#define SYN_FRAME ETH("0800") IPV4("0028", "06") TCP("5002")
#define ARP_FRAME ETH("0806") "0001080006040001"

static struct capfile *three_frames(uint32_t magic, bool big_endian)
{
	struct capfile *f = calloc(1, sizeof(*f));

	cr_assert(f);
	f->big_endian = big_endian;
	capfile_pcap(f, magic, ETHERNET);
	capfile_record(f, 1700000000, 123456, SYN_FRAME);
	capfile_record(f, 1700000001, 0, ARP_FRAME);
	capfile_record(f, 1700000002, 999999, SYN_FRAME);
	return f;
}

Test(file, both_byte_orders_and_both_precisions_are_read)
{
	for (int i = 0; i < 4; i++) {
		uint32_t magic = i & 1 ? MAGIC_NS : MAGIC_US;
		int64_t unit = i & 1 ? 1 : NS_PER_US;
		struct capfile *f = three_frames(magic, i & 2);
		struct capfile_result *r = capfile_read(f);

		cr_assert_eq(r->open, 0, "%s", r->error);
		cr_expect_eq(r->read, 3);
		cr_assert_eq(r->count, 2);
		cr_expect_eq(r->events[0].kind, EVENT_SEGMENT);
		cr_expect_eq(r->events[0].source, SOURCE_CAPTURE);
		cr_expect_eq(r->events[0].time_ns, 1700000000 * NS_PER_SEC + 123456 * unit);
		cr_expect_eq(r->events[1].time_ns, 1700000002 * NS_PER_SEC + 999999 * unit);
		cr_expect_eq(r->events[0].segment.frame, 1);
		cr_expect_eq(r->events[1].segment.frame, 3);
		cr_expect_eq(r->stats.frames, 3);
		cr_expect_eq(r->stats.segments, 2);
		cr_expect_eq(r->stats.skipped[SKIP_NOT_IP], 1);
		cr_expect_not(r->stats.cut);
		cr_expect_str_empty(r->stats.note);
		free(r);
		free(f);
	}
}

Test(file, odd_variants_are_read_by_libpcap)
{
	/* version 2.3, and Alexey Kuznetsov's with 8 more bytes in each record's header */
	for (int patched = 0; patched < 2; patched++) {
		struct capfile f = {.size = 0};
		struct frame syn = frame_of(SYN_FRAME);
		struct capfile_result *r;

		capfile_pcap(&f, patched ? 0xa1b2cd34 : MAGIC_US, ETHERNET);
		if (!patched)
			f.bytes[6] = 3;
		for (uint32_t i = 0; i < 3; i++) {
			capfile_u32(&f, 0xfffffff0 + i);
			capfile_u32(&f, 999999);
			capfile_u32(&f, syn.size);
			capfile_u32(&f, syn.size);
			if (patched) {
				capfile_u32(&f, 1);
				capfile_u32(&f, 0);
			}
			capfile_put(&f, syn.bytes, syn.size);
		}
		f.size -= 1;
		r = capfile_read(&f);
		cr_assert_eq(r->open, 0, "%s", r->error);
		cr_expect_eq(r->read, 2);
		cr_assert_eq(r->count, 2);
		cr_expect_eq(r->events[1].time_ns, 0xfffffff1LL * NS_PER_SEC + 999999000);
		cr_expect(r->stats.cut);
		cr_expect(strstr(r->stats.note, "cut after frame 2"), "%s", r->stats.note);
		free(r);
	}
}

Test(file, a_frame_longer_than_the_snaplen_is_read_all_the_same)
{
	struct capfile f = {.size = 0};
	struct capfile_result *r;

	capfile_pcap(&f, MAGIC_US, ETHERNET);
	f.bytes[16] = 20;
	f.bytes[17] = 0;
	capfile_record(&f, 1, 0, SYN_FRAME);
	r = capfile_read(&f);
	cr_expect_eq(r->count, 1);
	free(r);
}

Test(file, seconds_are_unsigned)
{
	struct capfile f = {.size = 0};
	struct capfile_result *r;

	capfile_pcap(&f, MAGIC_US, ETHERNET);
	capfile_record(&f, 0xffffffff, 7, SYN_FRAME);
	/* a fraction of more than a second is carried */
	capfile_record(&f, 10, 1011041, SYN_FRAME);
	capfile_record(&f, 0xffffffff, 0xffffffff, SYN_FRAME);
	r = capfile_read(&f);
	cr_assert_eq(r->count, 3);
	cr_expect_eq(r->events[0].time_ns, 0xffffffffLL * NS_PER_SEC + 7000);
	cr_expect_eq(r->events[1].time_ns, 11 * NS_PER_SEC + 11041000);
	cr_expect_eq(r->events[2].time_ns, 0xffffffffLL * NS_PER_SEC + 0xffffffffLL * NS_PER_US);
	free(r);
}

Test(file, a_cut_file_gives_its_whole_frames_and_says_where_it_ends)
{
	struct capfile *f = three_frames(MAGIC_US, false);
	size_t size = f->size, second = 24 + 16 + 54, third = second + 16 + 22;

	for (size_t n = 0; n < size; n++) {
		struct capfile_result *r;
		uint64_t frames = n < second ? 0 : n < third ? 1 : 2;
		bool whole = n == 24 || n == second || n == third;

		f->size = n;
		r = capfile_read(f);
		if (n < 24) {
			cr_expect_eq(r->open, -EBADMSG, "%zu bytes", n);
			cr_expect(strstr(r->error, f->path), "%s", r->error);
			cr_expect_eq(!!strstr(r->error, "empty"), n == 0);
		} else {
			cr_expect_eq(r->open, 0);
			cr_expect_eq(r->read, (int64_t)frames);
			cr_expect_eq(r->stats.frames, frames);
			cr_expect_eq(r->stats.cut, !whole, "%zu bytes", n);
			cr_expect_eq(!!strstr(r->stats.note, "cut"), !whole);
		}
		free(r);
	}
	free(f);
}

Test(file, damage_ends_the_reading_with_what_came_before)
{
	struct capfile f = {.size = 0};
	struct capfile_result *r;

	capfile_pcap(&f, MAGIC_US, ETHERNET);
	capfile_record(&f, 1, 0, SYN_FRAME);
	for (int i = 0; i < 4; i++)
		capfile_u32(&f, 0x7fffffff);
	r = capfile_read(&f);
	cr_expect_eq(r->read, 1);
	cr_expect(r->stats.cut);
	cr_expect(strstr(r->stats.note, "damaged after frame 1"), "%s", r->stats.note);
	free(r);

	/* nothing came before */
	memmove(f.bytes + 24, f.bytes + f.size - 16, 16);
	f.size = 24 + 16;
	r = capfile_read(&f);
	cr_expect_eq(r->open, 0);
	cr_expect_eq(r->read, -EBADMSG);
	cr_expect(strstr(r->error, "a frame cannot have 2147483647 bytes"), "%s", r->error);
	free(r);
}

Test(file, what_is_no_capture_is_refused_with_its_name)
{
	struct capfile f = {.size = 0};
	struct capfile_result *r;

	capfile_put(&f, "This is not a capture, it is prose.", 35);
	r = capfile_read(&f);
	cr_expect_eq(r->open, -EBADMSG);
	cr_expect(strstr(r->error, f.path) && strstr(r->error, "not a capture"), "%s", r->error);
	free(r);
	r = capfile_read_path("/nonexistent/x.pcap");
	cr_expect_eq(r->open, -ENOENT);
	cr_expect_str_eq(r->error, "/nonexistent/x.pcap: No such file or directory");
	free(r);
	r = capfile_read_path("/tmp");
	cr_expect_eq(r->open, -EISDIR);
	free(r);
}

Test(file, an_unknown_link_type_is_counted_and_named)
{
	struct capfile f = {.size = 0};
	struct capfile_result *r;

	capfile_pcap(&f, MAGIC_US, 147);
	capfile_record(&f, 1, 0, SYN_FRAME);
	r = capfile_read(&f);
	cr_expect_eq(r->open, 0);
	cr_expect_eq(r->read, 1);
	cr_expect_eq(r->stats.skipped[SKIP_LINK_TYPE], 1);
	cr_expect(strstr(r->stats.note, "link type 147"), "%s", r->stats.note);
	free(r);
}

static int stop_at_second(void *context, const struct event *event)
{
	(void)event;
	return ++*(int *)context == 2 ? -ECANCELED : 0;
}

Test(file, reading_stops_where_it_is_told_to)
{
	struct capfile f = {.size = 0};
	char error[CAPTURE_ERROR_SIZE];
	struct capture_stats stats;
	struct capture *c;
	int events = 0;

	capfile_pcap(&f, MAGIC_US, ETHERNET);
	for (uint32_t i = 0; i < 6; i++)
		capfile_record(&f, i, 0, SYN_FRAME);
	capfile_write(&f);
	cr_assert_eq(capture_open_file(f.path, &c, error), 0);
	cr_expect_eq(capture_read(c, 0, stop_at_second, &events), -ECANCELED);
	capture_stats(c, &stats);
	cr_expect_eq(stats.frames, 2);
	cr_expect_eq(capture_read(c, 3, stop_at_second, &events), 3);
	cr_expect_eq(capture_read(c, 3, stop_at_second, &events), 1);
	cr_expect_eq(capture_read(c, 3, stop_at_second, &events), 0);
	cr_expect_eq(events, 6);
	cr_expect_eq(capture_free(c), 0);
	cr_expect_eq(capture_free(NULL), 0);
	capfile_remove(&f);
}

Test(file, standard_input_is_a_file_too)
{
	struct capfile *f = three_frames(MAGIC_NS, false);
	struct capfile_result *r;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(write(fds[1], f->bytes, f->size), (ssize_t)f->size);
	close(fds[1]);
	cr_assert_eq(dup2(fds[0], STDIN_FILENO), STDIN_FILENO);
	close(fds[0]);
	r = capfile_read_path("-");
	cr_expect_eq(r->read, 3);
	cr_expect_eq(r->count, 2);
	free(r);
	free(f);
}
