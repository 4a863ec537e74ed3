/*
 * Compressed captures, whole, cut anywhere and damaged. What a build cannot
 * decompress is not tested here but for saying so.
 */
#include "capture/file/stream.h"

#include <errno.h>

#include "capfile.h"
#include "capture/file/codec.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif

#define SYN_FRAME ETH("0800") IPV4("0028", "06") TCP("5002")
#define FRAMES	  40

static void plain(struct capfile *f)
{
	capfile_pcap(f, 0xa1b2c3d4, 1);
	for (uint32_t i = 0; i < FRAMES; i++)
		capfile_record(f, i, i * 7919, SYN_FRAME);
}

/* Appends the compressed form of from's bytes. */
typedef void (*compress_fn)(struct capfile *to, const uint8_t *bytes, size_t size);

#ifdef HAVE_ZLIB
static void by_gzip(struct capfile *to, const uint8_t *bytes, size_t size)
{
	z_stream z = {.zalloc = NULL};

	cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)bytes;
	z.avail_in = (uInt)size;
	z.next_out = to->bytes + to->size;
	z.avail_out = (uInt)(sizeof(to->bytes) - to->size);
	cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	to->size += z.total_out;
	deflateEnd(&z);
}
#endif

#ifdef HAVE_ZSTD
static void by_zstd(struct capfile *to, const uint8_t *bytes, size_t size)
{
	size_t n =
	    ZSTD_compress(to->bytes + to->size, sizeof(to->bytes) - to->size, bytes, size, 3);

	cr_assert_not(ZSTD_isError(n));
	to->size += n;
}
#endif

#ifdef HAVE_LZMA
static void by_xz(struct capfile *to, const uint8_t *bytes, size_t size)
{
	cr_assert_eq(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, bytes, size, to->bytes,
					     &to->size, sizeof(to->bytes)),
		     LZMA_OK);
}
#endif

static const compress_fn compressors[] = {
#ifdef HAVE_ZLIB
    by_gzip,
#endif
#ifdef HAVE_ZSTD
    by_zstd,
#endif
#ifdef HAVE_LZMA
    by_xz,
#endif
};

#define COMPRESSORS (sizeof(compressors) / sizeof(compressors[0]))

Test(stream, compressed_files_are_read_like_plain_ones)
{
	struct capfile *from = calloc(1, sizeof(*from)), *to;

	plain(from);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		struct capfile_result *r;

		to = calloc(1, sizeof(*to));
		compressors[i](to, from->bytes, from->size);
		cr_assert_lt(to->size, from->size);
		r = capfile_read(to);
		cr_expect_eq(r->read, FRAMES, "%s", r->error);
		cr_expect_eq(r->count, FRAMES);
		cr_expect_not(r->stats.cut);
		cr_expect_eq(r->events[7].time_ns, 7 * NS_PER_SEC + 7 * 7919 * NS_PER_US);
		free(r);
		free(to);
	}
	free(from);
}

Test(stream, members_that_follow_each_other_are_one_file)
{
	struct capfile *from = calloc(1, sizeof(*from)), *to;

	plain(from);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		struct capfile_result *r;

		to = calloc(1, sizeof(*to));
		compressors[i](to, from->bytes, 10);
		compressors[i](to, from->bytes + 10, 1000);
		compressors[i](to, from->bytes + 1010, from->size - 1010);
		r = capfile_read(to);
		cr_expect_eq(r->read, FRAMES, "%s", r->error);
		cr_expect_not(r->stats.cut);
		free(r);
		free(to);
	}
	free(from);
}

Test(stream, a_cut_one_gives_what_there_is_and_says_so)
{
	struct capfile *from = calloc(1, sizeof(*from)), *to;

	plain(from);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		size_t size;

		to = calloc(1, sizeof(*to));
		compressors[i](to, from->bytes, from->size);
		size = to->size;
		for (size_t n = 0; n < size; n++) {
			struct capfile_result *r;

			to->size = n;
			r = capfile_read(to);
			if (r->open == 0 && r->read >= 0) {
				cr_expect_leq(r->read, FRAMES);
				cr_expect(r->stats.cut, "%zu of %zu bytes pass for whole", n, size);
				cr_expect(strstr(r->stats.note, "too early"), "%s", r->stats.note);
			} else {
				cr_expect_str_not_empty(r->error);
			}
			free(r);
		}
		free(to);
	}
	free(from);
}

Test(stream, damage_is_noticed_wherever_it_is)
{
	struct capfile *from = calloc(1, sizeof(*from)), *to;

	plain(from);
	for (size_t i = 0; i < COMPRESSORS; i++) {
		unsigned noticed = 0;

		to = calloc(1, sizeof(*to));
		compressors[i](to, from->bytes, from->size);
		for (size_t n = 16; n < to->size; n++) {
			struct capfile_result *r;

			to->bytes[n] ^= 0x55;
			r = capfile_read(to);
			noticed += r->open || r->read < 0 || r->stats.cut;
			free(r);
			to->bytes[n] ^= 0x55;
		}
		/*
		 * zstd's files need not have a checksum: there some damage is a change of content
		 */
		cr_expect_gt(noticed, (to->size - 16) / 4);
		free(to);
	}
	free(from);
}

Test(stream, what_follows_a_gzip_file_is_passed_over)
{
#ifdef HAVE_ZLIB
	struct capfile *from = calloc(1, sizeof(*from)), *to = calloc(1, sizeof(*to));
	struct capfile_result *r;

	plain(from);
	by_gzip(to, from->bytes, from->size);
	capfile_put(to, "padding of a tape", 17);
	r = capfile_read(to);
	cr_expect_eq(r->read, FRAMES);
	cr_expect_not(r->stats.cut);
	free(r);
	free(to);
	free(from);
#else
	cr_skip_test("this build has no zlib");
#endif
}

Test(stream, a_compressed_something_else_is_refused)
{
	for (size_t i = 0; i < COMPRESSORS; i++) {
		struct capfile *to = calloc(1, sizeof(*to));
		struct capfile_result *r;

		compressors[i](to, (const uint8_t *)"prose, and no capture at all", 28);
		r = capfile_read(to);
		cr_expect_eq(r->open, -EBADMSG);
		cr_expect(strstr(r->error, "not a capture"), "%s", r->error);
		free(r);
		to->size = 0;
		compressors[i](to, (const uint8_t *)"", 0);
		r = capfile_read(to);
		cr_expect_eq(r->open, -EBADMSG);
		cr_expect(strstr(r->error, "empty"), "%s", r->error);
		free(r);
		free(to);
	}
}

Test(stream, formats_are_known_by_their_first_bytes)
{
	cr_expect_eq(codec_find((const uint8_t *)"\x1f\x8b\x08", 3), &codec_gzip);
	cr_expect_eq(codec_find((const uint8_t *)"\x28\xb5\x2f\xfd", 4), &codec_zstd);
	cr_expect_eq(codec_find((const uint8_t *)"\xfd"
						 "7zXZ\0",
				6),
		     &codec_xz);
	cr_expect_null(codec_find((const uint8_t *)"\xfd"
						   "7zXZ",
				  5));
	cr_expect_null(codec_find((const uint8_t *)"\xd4\xc3\xb2\xa1", 4));
	cr_expect_null(codec_find(NULL, 0));
}

Test(stream, a_file_reads_on_where_the_peeked_bytes_end)
{
	struct capfile *f = calloc(1, sizeof(*f));
	const uint8_t *peeked;
	uint8_t bytes[STREAM_PEEK_SIZE + 8];
	struct stream *s;
	const char *reason;
	FILE *file;

	plain(f);
	capfile_write(f);
	cr_assert_eq(stream_open(f->path, &s, &reason), 0);
	cr_expect_eq(stream_peek(s, &peeked), STREAM_PEEK_SIZE);
	cr_expect_arr_eq(peeked, f->bytes, STREAM_PEEK_SIZE);
	file = stream_file(s);
	cr_assert_not_null(file);
	cr_expect_eq(fread(bytes, 1, 4, file), 4);
	cr_expect_eq(fread(bytes + 4, 1, STREAM_PEEK_SIZE - 4, file), STREAM_PEEK_SIZE - 4);
	cr_expect_arr_eq(bytes, f->bytes, STREAM_PEEK_SIZE);
	cr_expect_eq(stream_read(s, bytes, 8), 8);
	cr_expect_arr_eq(bytes, f->bytes + STREAM_PEEK_SIZE, 8);
	fclose(file);
	stream_free(s);
	stream_free(NULL);
	capfile_remove(f);
	free(f);
}
