/*
 * The whole of `synscope report`, in each format, on a foreign recording or
 * capture: what is read, followed, decided and written. Only the options, the
 * output's file and the sandbox are left out.
 *
 * Input: two bytes that choose (see below), then the file of a capture, or the
 * three of a recording with a line that is "--" between them: meta.json,
 * events.jsonl, packets.pcap. One that is not there is a file that is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/replay.h"
#include "fuzz.h"

/* Of the first byte. */
#define CHOICE_FORMAT	 0x07 /* modulo 5 */
#define CHOICE_RECORDING 0x08
#define CHOICE_SMALL	 0x10 /* a table of 16 open attempts */
#define CHOICE_UTF8	 0x20
#define CHOICE_TIMELINE	 0x40
#define CHOICE_ATTEMPT	 0x80
/* The second is the width of text, less 60. */

static const char separator[] = "\n--\n";

enum goal {
	TEXT,
	TSV,
	JSON,
	HTML,
	PERFETTO,
	REFUSED,
	RECORDING,
	ACCEPTED,
	CAUSE,
	LEDGER,
	OVERFLOW,
	NOTES,
	NO_META,
	GOALS,
};

struct fuzz_goal fuzz_goals[GOALS + 1] = {
    [TEXT] = {"text of an attempt", 0},
    [TSV] = {"TSV of an attempt", 0},
    [JSON] = {"JSON of an attempt", 0},
    [HTML] = {"HTML of an attempt", 0},
    [PERFETTO] = {"a trace of an attempt", 0},
    [REFUSED] = {"what is refused", 0},
    [RECORDING] = {"a recording", 0},
    [ACCEPTED] = {"an attempt that accept() returned", 0},
    [CAUSE] = {"a SYN that the accept queue dropped", 0},
    [LEDGER] = {"counters that are explained", 0},
    [OVERFLOW] = {"a table that was too small", 0},
    [NOTES] = {"a note of what is missing", 0},
    [NO_META] = {"a recording without meta.json", 0},
};

static const char *const formats[] = {"text", "tsv", "json", "html", "perfetto"};
static const char *const names[] = {RECORDING_META, RECORDING_EVENTS, RECORDING_PACKETS};
/* In memory where the system has such a place: a search writes files each time. */
static char folder[] = "/dev/shm/synscope-fuzz-XXXXXX";
static char paths[3][sizeof(folder) + 20];

static void remove_files(void)
{
	for (int i = 0; i < 3; i++)
		unlink(paths[i]);
}

static void clean_up(void)
{
	remove_files();
	rmdir(folder);
}

static void set_up(void)
{
	if (!mkdtemp(folder)) {
		strcpy(folder, "/tmp/synscope-fuzz-XXXXXX");
		FUZZ_ASSERT(mkdtemp(folder));
	}
	for (int i = 0; i < 3; i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
	atexit(clean_up);
}

static void write_file(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	FUZZ_ASSERT(fd >= 0);
	FUZZ_ASSERT(write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static void write_recording(const uint8_t *data, size_t size)
{
	for (int i = 0; i < 3; i++) {
		const size_t length = sizeof(separator) - 1;
		const uint8_t *end = i < 2 && size ? memmem(data, size, separator, length) : NULL;
		size_t part = end ? (size_t)(end - data) : size;

		if (part)
			write_file(paths[i], data, part);
		part = end ? part + length : size;
		data += part;
		size -= part;
	}
}

/* What anybody may have put into a capture or a recording does nothing to a terminal. */
static void check_lines(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		FUZZ_ASSERT((c >= ' ' && c != 0x7f) || c == '\n' || c == '\t');
	}
}

/* A control character in a string would not be JSON either. */
static void check_json(const char *text, size_t length)
{
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);

	FUZZ_ASSERT(json_is_object(json));
	json_decref(json);
}

/* JSON takes longer to read than the report took: one in four is. */
static void check_output(int format, const struct sink_style *style, const char *text,
			 size_t length)
{
	FUZZ_ASSERT(length > 0);
	if (format == TEXT || format == TSV)
		check_lines(text, length);
	else if (format == JSON && style->columns % 4 == 0)
		check_json(text, length);
}

static void check_report(int format, const struct replay *replay, const struct report *report)
{
	uint64_t sum = 0, drops = 0;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		sum += report->outcomes[i];
	FUZZ_ASSERT(sum == report->attempts);
	for (size_t i = 0; i < report->ledger_count; i++)
		drops += report->ledger[i].observed && report->ledger[i].explained;
	fuzz_goals[TEXT + format].reached += report->attempts > 0;
	fuzz_goals[RECORDING].reached += replay->recording && replay->meta.start_ns != TIME_UNKNOWN;
	fuzz_goals[ACCEPTED].reached += report->outcomes[OUTCOME_ACCEPTED];
	fuzz_goals[CAUSE].reached += report->causes[CAUSE_ACCEPT_QUEUE_FULL_SYN];
	fuzz_goals[LEDGER].reached += drops;
	fuzz_goals[NOTES].reached += report->notes_count;
	for (size_t i = 0; i < report->overflows_count; i++)
		fuzz_goals[OVERFLOW].reached += report->overflows[i].count;
}

static int run(struct replay *replay, struct reporter *reporter)
{
	struct reporter_source source;
	int rc = replay_run(replay, reporter, &source);

	if (rc == 0)
		rc = reporter_finish(reporter, &source);
	FUZZ_ASSERT(rc != -ENOMEM);
	FUZZ_ASSERT(rc == 0 || replay->error[0]);
	return rc;
}

static void report(int format, const struct sink_style *style, struct reporter_options *options)
{
	struct reporter *reporter;
	char *text = NULL;
	size_t length = 0;
	struct replay replay;
	FILE *out;
	int rc;

	rc = replay_open(&replay, options->path, INT64_MIN, INT64_MAX);
	FUZZ_ASSERT(rc == 0 || (replay.error[0] && !strchr(replay.error, '\n')));
	fuzz_goals[REFUSED].reached += rc != 0;
	fuzz_goals[NO_META].reached += rc == 0 && replay.recording && access(paths[0], F_OK) != 0;
	if (rc) {
		replay_release(&replay);
		return;
	}
	out = open_memstream(&text, &length);
	FUZZ_ASSERT(out);
	options->sinks[0] = sink_format_find(formats[format])->new (out, style);
	options->sinks_count = 1;
	options->kind = replay.recording ? REPORT_RECORDING : REPORT_PCAP;
	options->meta = replay.recording ? &replay.meta : NULL;
	FUZZ_ASSERT(options->sinks[0] && reporter_new(options, &reporter) == 0);
	rc = run(&replay, reporter);
	sink_free(options->sinks[0]);
	FUZZ_ASSERT(fclose(out) == 0);
	if (rc == 0) {
		check_output(format, style, text, length);
		check_report(format, &replay, reporter_report(reporter));
	}
	free(text);
	reporter_free(reporter);
	replay_release(&replay);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reporter_options options = {.path = folder};
	struct sink_style style = {0};

	if (size < 2)
		return 0;
	if (!paths[0][0])
		set_up();
	options.max_open = data[0] & CHOICE_SMALL ? 16 : 256;
	style.utf8 = data[0] & CHOICE_UTF8;
	style.timeline = data[0] & CHOICE_TIMELINE;
	style.attempt = data[0] & CHOICE_ATTEMPT ? "127.0.0.1" : NULL;
	style.columns = 60 + data[1] % 41;
	if (data[0] & CHOICE_RECORDING) {
		write_recording(data + 2, size - 2);
	} else {
		options.path = paths[2];
		write_file(paths[2], data + 2, size - 2);
	}
	report((data[0] & CHOICE_FORMAT) % 5, &style, &options);
	remove_files();
	return 0;
}
