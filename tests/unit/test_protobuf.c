#include "report/perfetto/protobuf.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(const struct protobuf *p, const char *bytes, size_t length)
{
	cr_assert_not(p->overflow);
	cr_assert_eq(p->used, length, "%zu bytes, not %zu", p->used, length);
	cr_assert_eq(memcmp(p->data, bytes, length), 0);
}

/* The examples of protobuf.dev/programming-guides/encoding. */
Test(protobuf, the_guides_examples)
{
	static struct protobuf p;

	protobuf_init(&p);
	protobuf_u64(&p, 1, 150);
	expect(&p, "\x08\x96\x01", 3);
	protobuf_init(&p);
	protobuf_string(&p, 2, "testing");
	expect(&p, "\x12\x07testing", 9);
	protobuf_init(&p);
	protobuf_begin(&p, 3);
	protobuf_u64(&p, 1, 150);
	protobuf_end(&p);
	expect(&p, "\x1a\x03\x08\x96\x01", 5);
	protobuf_init(&p);
	protobuf_i64(&p, 1, -2);
	expect(&p, "\x08\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
}

Test(protobuf, fixed_numbers_are_little_endian)
{
	static struct protobuf p;

	protobuf_init(&p);
	protobuf_fixed64(&p, 47, 0x0102030405060708u);
	expect(&p, "\xf9\x02\x08\x07\x06\x05\x04\x03\x02\x01", 10);
}

Test(protobuf, a_long_message_gets_a_long_length)
{
	static struct protobuf p;
	char text[201];

	memset(text, 'x', 200);
	text[200] = '\0';
	protobuf_init(&p);
	protobuf_begin(&p, 1);
	protobuf_string(&p, 2, text);
	protobuf_end(&p);
	/* 0a len(203)=cb 01, 12 len(200)=c8 01, then the text */
	cr_assert_eq(p.used, 206);
	cr_assert_eq(memcmp(p.data, "\x0a\xcb\x01\x12\xc8\x01xx", 8), 0);
	cr_assert_eq(p.data[205], 'x');
}

Test(protobuf, bytes_that_are_no_text_are_replaced)
{
	static struct protobuf p;

	protobuf_init(&p);
	protobuf_string(&p, 1, "a\xff\xc3\xa4");
	expect(&p,
	       "\x0a\x06"
	       "a\xef\xbf\xbd\xc3\xa4",
	       8);
}

Test(protobuf, a_text_is_cut_between_characters)
{
	static struct protobuf p;
	char text[3 * PROTOBUF_TEXT_MAX + 1];
	size_t n = 0;

	while (n + 3 < sizeof(text)) {
		memcpy(text + n, "\xe2\x82\xac", 3);
		n += 3;
	}
	text[n] = '\0';
	protobuf_init(&p);
	protobuf_string(&p, 1, text);
	cr_assert_leq(p.used, PROTOBUF_TEXT_MAX + 3 + 3);
	cr_assert_eq(p.data[p.used - 1], 0xac, "ends within a character");
}

Test(protobuf, what_does_not_fit_is_left_out_and_said)
{
	static struct protobuf p;
	struct output output;
	char text[PROTOBUF_TEXT_MAX + 1];

	memset(text, 'x', PROTOBUF_TEXT_MAX);
	text[PROTOBUF_TEXT_MAX] = '\0';
	output_init(&output, NULL);
	protobuf_init(&p);
	protobuf_begin(&p, 1);
	for (int i = 0; i < PROTOBUF_SIZE / PROTOBUF_TEXT_MAX + 1; i++)
		protobuf_string(&p, 2, text);
	protobuf_end(&p);
	cr_assert_not(protobuf_flush(&p, &output));
	cr_assert_eq(output.used, 0);
	protobuf_u64(&p, 1, 1);
	cr_assert(protobuf_flush(&p, &output));
	cr_assert_eq(output.used, 2);
}
