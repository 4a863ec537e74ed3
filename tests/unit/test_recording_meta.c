#include "event/recording/meta.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void fill(struct recording_meta *meta)
{
	memset(meta, 0, sizeof(*meta));
	strcpy(meta->version, "0.1.0");
	strcpy(meta->host.kernel, "6.12.0-\"odd\"\x1b");
	strcpy(meta->host.identity.hostname, "web-1\n");
	strcpy(meta->host.identity.machine_id, "0123456789abcdef0123456789abcdef");
	strcpy(meta->host.identity.boot_id, "6a1c0f9e-0000-4000-8000-0123456789ab");
	meta->host.identity.netns = 4026531840;
	meta->host.somaxconn = 4096;
	meta->host.tcp_max_syn_backlog = INT64_MAX;
	meta->host.tcp_syncookies = 0;
	meta->host.tcp_abort_on_overflow = -1;
	meta->host.somaxconn_end = 20;
	meta->host.tcp_migrate_req = 1;
	meta->host.monotonic_offset_ns = 1700000000123456789;
	strcpy(meta->interface, "wg\\0\t");
	memset(meta->filter, 'f', sizeof(meta->filter) - 1);
	memcpy(meta->filter + 58, "\xe2\x82\xac",
	       3); /* across the end of the first piece written */
	meta->start_ns = 1700000000123456789;
	meta->end_ns = TIME_UNKNOWN;
	meta->sample_interval_us = UINT32_MAX;
	meta->targets_count = RECORDING_TARGETS_MAX;
	for (int i = 0; i < RECORDING_TARGETS_MAX; i++)
		meta->targets[i].port = (uint16_t)(65535 - i);
	meta->packets = UINT64_MAX;
	meta->events = UINT64_MAX - 1;
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		meta->losses[i] = (uint64_t)i << 60;
	meta->sources[SOURCE_CAPTURE].on = true;
	strcpy(meta->sources[SOURCE_PROC].note, "the proc connector needs CAP_NET_ADMIN");
}

static char *format(const struct recording_meta *meta)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	recording_meta_format(out, meta);
	cr_assert_eq(fclose(out), 0);
	return text;
}

static int parse(const char *text, struct recording_meta *meta, char error[256])
{
	/* An exact copy on the heap: ASan sees a read beyond it. */
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1);
	int result;

	cr_assert_not_null(copy);
	memcpy(copy, text, length);
	error[0] = '\0';
	result = recording_meta_parse(copy, length, meta, error, 256);
	free(copy);
	return result;
}

Test(recording_meta, comes_back_bit_for_bit)
{
	struct recording_meta before, after;
	char error[256], *text;

	fill(&before);
	text = format(&before);
	cr_assert_eq(parse(text, &after, error), 0, "%s", error);
	cr_expect_arr_eq((char *)&before, (char *)&after, sizeof(before));
	free(text);
}

Test(recording_meta, what_is_missing_is_unknown)
{
	struct recording_meta meta;
	char error[256];

	cr_assert_eq(
	    parse("{\"schema\":\"synscope.recording/1\",\"new\":[1],\"host\":null}", &meta, error),
	    0);
	cr_expect_eq(meta.start_ns, TIME_UNKNOWN);
	cr_expect_eq(meta.end_ns, TIME_UNKNOWN);
	cr_expect_eq(meta.host.somaxconn, -1);
	cr_expect_eq(meta.host.tcp_migrate_req, -1);
	cr_expect_eq(meta.targets_count, 0);
	cr_expect_eq(meta.packets, 0);
	cr_expect_eq(meta.events, 0);
	cr_expect_not(meta.sources[SOURCE_CAPTURE].on);
}

Test(recording_meta, what_is_wrong_is_named)
{
	static const struct {
		const char *text;
		int result;
		const char *part;
	} bad[] = {
	    {"", -EBADMSG, "not JSON"},
	    {"{", -EBADMSG, "not JSON"},
	    {"[]", -EBADMSG, "schema"},
	    {"{}", -EBADMSG, "schema"},
	    {"{\"schema\":\"synscope.recording/2\"}", -EPROTONOSUPPORT, "another version"},
	    {"{\"schema\":\"synscope.recording/1\",\"tool\":1}", -EBADMSG, "\"tool\""},
	    {"{\"schema\":\"synscope.recording/1\",\"start_ns\":\"x\"}", -EBADMSG, "\"start_ns\""},
	    {"{\"schema\":\"synscope.recording/1\",\"host\":{\"somaxconn\":[]}}", -EBADMSG,
	     "\"host\""},
	    {"{\"schema\":\"synscope.recording/1\",\"packets\":-1}", -EBADMSG, "\"packets\""},
	    {"{\"schema\":\"synscope.recording/1\",\"events\":\"1x\"}", -EBADMSG, "\"events\""},
	    {"{\"schema\":\"synscope.recording/1\",\"packets\":\"1x\"}", -EBADMSG, "\"packets\""},
	    {"{\"schema\":\"synscope.recording/1\",\"targets\":[\"x\"]}", -EBADMSG, "\"targets\""},
	    {"{\"schema\":\"synscope.recording/1\",\"targets\":{}}", -EBADMSG, "\"targets\""},
	    {"{\"schema\":\"synscope.recording/1\",\"losses\":[]}", -EBADMSG, "\"losses\""},
	    {"{\"schema\":\"synscope.recording/1\",\"sample_interval_us\":4294967296}", -EBADMSG,
	     "\"sample_interval_us\""},
	    {"{\"schema\":\"synscope.recording/1\",\"sources\":{\"bpf\":{\"on\":1}}}", -EBADMSG,
	     "\"sources\""},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct recording_meta meta;
		char error[256];

		cr_expect_eq(parse(bad[i].text, &meta, error), bad[i].result, "%s", bad[i].text);
		cr_expect_not_null(strstr(error, bad[i].part), "%s: %s", bad[i].text, error);
		cr_expect_null(strchr(error, '\n'), "%s", bad[i].text);
	}
}

Test(recording_meta, a_text_cut_anywhere_is_refused)
{
	struct recording_meta meta;
	char error[256], *text;
	size_t length;

	fill(&meta);
	memset(meta.filter, 0, sizeof(meta.filter)); /* shorter: each cut is parsed */
	text = format(&meta);
	length = strlen(text) - 1; /* without its last newline it is whole */
	for (size_t cut = 0; cut < length; cut++) {
		char c = text[cut];

		text[cut] = '\0';
		cr_assert_eq(parse(text, &meta, error), -EBADMSG);
		text[cut] = c;
	}
	free(text);
}
