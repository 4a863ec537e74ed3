/*
 * The files of a recording, or of each of its parts, or a capture file: opened
 * before anything is read, since privileges are given up in between.
 */
#include "pipeline/replay_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/clock.h"
#include "event/recording/output.h"
#include "event/recording/parts.h"

void replay_note(struct replay *r, const char *format, ...)
{
	va_list args;

	if (r->notes_count == REPLAY_NOTES_MAX) {
		r->notes_left_out++;
		return;
	}
	va_start(args, format);
	vsnprintf(r->notes[r->notes_count++], REPLAY_NOTE_SIZE, format, args);
	va_end(args);
}

static int open_packets(struct replay *r, struct replay_part *part, const char *path)
{
	char error[CAPTURE_ERROR_SIZE];
	int rc = capture_open_file(path, &part->capture, error);

	if (rc == 0) {
		if (r->window.since_ns != INT64_MIN)
			capture_skip_before(part->capture,
					    r->window.since_ns - REPLAY_WINDOW_KNOWN_NS);
		if (r->recording && r->meta.interface[0] && strcmp(r->meta.interface, "any") != 0)
			capture_one_device(part->capture);
		return 0;
	}
	part->capture = NULL;
	if (!r->recording) {
		snprintf(r->error, sizeof(r->error), "%s", error);
		return rc;
	}
	replay_note(r, "packets: %.400s; handshakes are unknown", error);
	return 0;
}

static void unknown_meta(struct recording_meta *meta)
{
	memset(meta, 0, sizeof(*meta));
	meta->start_ns = meta->end_ns = TIME_UNKNOWN;
	meta->host.somaxconn = meta->host.somaxconn_end = meta->host.tcp_max_syn_backlog = -1;
	meta->host.tcp_syncookies = meta->host.tcp_abort_on_overflow = -1;
	meta->host.tcp_synack_retries = -1;
}

/* The first part's, with the end of the last and the losses of all. */
static void take_meta(struct replay *r, struct replay_part *part, const struct recording_meta *meta)
{
	part->start_ns = meta->start_ns;
	part->ended = meta->end_ns != TIME_UNKNOWN;
	part->packets = meta->packets;
	part->events = meta->events;
	memcpy(part->losses_before, r->meta.losses, sizeof(part->losses_before));
	if (part == r->parts) {
		r->meta = *meta;
		return;
	}
	r->meta.end_ns = meta->end_ns;
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		r->meta.losses[i] += meta->losses[i];
}

static int read_meta(struct replay *r, struct replay_part *part, const char *path)
{
	struct recording_meta *meta = malloc(sizeof(*meta));
	char error[RECORDING_ERROR_SIZE];
	int rc;

	if (!meta) {
		snprintf(r->error, sizeof(r->error), "out of memory");
		return -ENOMEM;
	}
	rc = recording_read_meta(path, meta, error);
	if (rc) {
		/* The rest may still be good: say what is missing and go on. */
		replay_note(r, "meta: %.400s; the host's settings are unknown", error);
		unknown_meta(meta);
	} else if (meta->end_ns == TIME_UNKNOWN) {
		replay_note(r, "meta: the recording was interrupted; only what was written by then "
			       "is reported");
	}
	take_meta(r, part, meta);
	free(meta);
	return 0;
}

static int open_part(struct replay *r, struct replay_part *part, const char *folder)
{
	char error[RECORDING_ERROR_SIZE], path[PATH_MAX];
	int rc = read_meta(r, part, folder);

	if (rc)
		return rc;
	rc = recording_reader_new(folder, &part->reader, error);
	if (rc == 0 && r->window.since_ns != INT64_MIN)
		recording_skip_before(part->reader, r->window.since_ns - REPLAY_WINDOW_KNOWN_NS);
	if (rc) {
		part->reader = NULL;
		replay_note(r, "events: %.400s; queue depths, accepts and counters are unknown",
			    error);
	}
	if (snprintf(path, sizeof(path), "%s/%s%s", folder, RECORDING_PACKETS,
		     recording_is_compressed(folder, RECORDING_PACKETS)
			 ? RECORDING_OUTPUT_SUFFIX
			 : "") >= (int)sizeof(path)) {
		snprintf(r->error, sizeof(r->error), "%.4000s: path too long", folder);
		return -ENAMETOOLONG;
	}
	return open_packets(r, part, path);
}

static int make_parts(struct replay *r, size_t count)
{
	r->parts = calloc(count, sizeof(*r->parts));
	if (!r->parts) {
		snprintf(r->error, sizeof(r->error), "out of memory");
		return -ENOMEM;
	}
	r->parts_count = count;
	return 0;
}

/* Of which part what is: TIME_UNKNOWN where its meta.json does not say. */
static void part_span(const char *path, uint32_t number, struct recording_meta *meta,
		      int64_t *start_ns, int64_t *end_ns)
{
	char folder[PATH_MAX], name[RECORDING_PART_SIZE], error[RECORDING_ERROR_SIZE];

	*start_ns = *end_ns = TIME_UNKNOWN;
	if (number)
		recording_part_name(number, name);
	if (snprintf(folder, sizeof(folder), "%s%s%s", path, number ? "/" : "",
		     number ? name : "") >= (int)sizeof(folder) ||
	    recording_read_meta(folder, meta, error) < 0)
		return;
	*start_ns = meta->start_ns;
	*end_ns = meta->end_ns;
}

/*
 * Leaves those parts of which something is in the window. A part whose end is not known
 * lasts until the next begins.
 */
static int select_parts(struct replay *r, uint32_t *numbers, size_t *count)
{
	struct recording_meta *meta;
	int64_t start_ns, end_ns;
	size_t first = 0, last = *count;

	if (!replay_window_is_set(&r->window) || !*count)
		return 0;
	meta = malloc(sizeof(*meta));
	if (!meta) {
		snprintf(r->error, sizeof(r->error), "out of memory");
		return -ENOMEM;
	}
	/* From the end: the last that begins so long before the window has what is looked for. */
	for (size_t i = *count; i-- > 0;) {
		part_span(r->path, numbers[i], meta, &start_ns, &end_ns);
		if (start_ns == TIME_UNKNOWN)
			continue;
		if (start_ns > r->window.until_ns) {
			last = i;
		} else if (start_ns + REPLAY_WINDOW_KNOWN_NS <= r->window.since_ns) {
			first = i;
			break;
		}
		/* What is looked for before the window must not keep out what is in it. */
		if (start_ns + REPLAY_WINDOW_EARLY_NS <= r->window.since_ns &&
		    last - i >= REPLAY_PARTS_MAX) {
			first = i;
			break;
		}
	}
	free(meta);
	*count = last > first ? last - first : 0;
	memmove(numbers, numbers + first, *count * sizeof(*numbers));
	if (*count)
		return 0;
	snprintf(r->error, sizeof(r->error), "%.4000s: nothing was recorded in this period",
		 r->path);
	return -ENODATA;
}

/* Between parts nobody recorded; from one to the next of a run it is milliseconds. */
#define PARTS_APART_NS NS_PER_SEC

struct unrecorded {
	int64_t total_ns;
	size_t count;
};

static void add_unrecorded(const struct replay *r, int64_t from_ns, int64_t to_ns,
			   struct unrecorded *out)
{
	if (from_ns == TIME_UNKNOWN || to_ns == TIME_UNKNOWN)
		return;
	if (from_ns < r->window.since_ns)
		from_ns = r->window.since_ns;
	if (to_ns > r->window.until_ns)
		to_ns = r->window.until_ns;
	if (to_ns <= from_ns || to_ns - from_ns < PARTS_APART_NS)
		return;
	out->total_ns += to_ns - from_ns;
	out->count++;
}

/* What each file begins with, compressed or not, takes no more. */
#define BEGUN_BYTES 1024

/* A recorder that was killed while it made this part: meta.json, the last of its files, is not
 * there, and the others hold nothing yet. */
static bool is_only_begun(const char *folder)
{
	char path[PATH_MAX];
	off_t bytes = 0;
	struct stat st;

	for (size_t i = 0; i < RECORDING_FILES_MAX; i++) {
		if (snprintf(path, sizeof(path), "%s/%s", folder, recording_files[i]) >=
			(int)sizeof(path) ||
		    stat(path, &st) < 0)
			continue;
		if (strcmp(recording_files[i], RECORDING_META) == 0)
			return false;
		bytes += st.st_size;
	}
	return bytes <= BEGUN_BYTES;
}

static int open_numbers(struct replay *r, const uint32_t *numbers, size_t count)
{
	struct unrecorded unrecorded = {0};
	int64_t ended_ns;
	char folder[PATH_MAX], name[RECORDING_PART_SIZE];
	int rc;

	if (count > REPLAY_PARTS_MAX) {
		snprintf(r->error, sizeof(r->error),
			 "%.4000s: %zu parts, but at most %d can be reported together; choose a "
			 "period with --since and --until, or one of the folders %06" PRIu32
			 " to %06" PRIu32,
			 r->path, count, REPLAY_PARTS_MAX, numbers[0], numbers[count - 1]);
		return -E2BIG;
	}
	rc = make_parts(r, count);
	if (rc == 0 && numbers[0] > 1 && r->window.since_ns == INT64_MIN)
		replay_note(r,
			    "parts: the recording begins with part %06" PRIu32
			    "; earlier parts were removed",
			    numbers[0]);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		recording_part_name(numbers[i], name);
		if (i && numbers[i] != numbers[i - 1] + 1)
			replay_note(r, "parts: the part before %s is missing", name);
		if (snprintf(folder, sizeof(folder), "%s/%s", r->path, name) >=
		    (int)sizeof(folder)) {
			snprintf(r->error, sizeof(r->error), "%.4000s: path too long", r->path);
			return -ENAMETOOLONG;
		}
		if (i && i + 1 == count && is_only_begun(folder)) {
			replay_note(r, "meta: the recording was interrupted while part %s began",
				    name);
			r->parts_count--;
			break;
		}
		ended_ns = i ? r->meta.end_ns : TIME_UNKNOWN;
		rc = open_part(r, &r->parts[i], folder);
		if (rc == 0)
			add_unrecorded(r, ended_ns, r->parts[i].start_ns, &unrecorded);
	}
	if (rc == 0 && unrecorded.count)
		replay_note(
		    r,
		    "parts: between %s nothing was recorded for %.1f s: the numbers are of the "
		    "rest, and the counters moved meanwhile, too",
		    unrecorded.count == 1 ? "two of them" : "some of them",
		    (double)unrecorded.total_ns / NS_PER_SEC);
	return rc;
}

/* 0: path is a folder of parts, they are open; -ENOENT: it is none. */
static int open_parts(struct replay *r)
{
	int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	uint32_t *numbers;
	size_t count;

	if (fd < 0)
		return -ENOENT;
	rc = recording_parts_list(fd, &numbers, &count);
	close(fd);
	if (rc) {
		snprintf(r->error, sizeof(r->error), "%.4000s: %s", r->path, strerror(-rc));
		return rc;
	}
	if (count == 0) {
		snprintf(r->error, sizeof(r->error),
			 "%.4000s: not a recording: the folder has no " RECORDING_META
			 ", no " RECORDING_EVENTS ", no " RECORDING_PACKETS " and no parts",
			 r->path);
		return -EISDIR;
	}
	r->recording = true;
	rc = select_parts(r, numbers, &count);
	if (rc == 0)
		rc = open_numbers(r, numbers, count);
	free(numbers);
	return rc;
}

static int check_readable(struct replay *r)
{
	for (size_t i = 0; i < r->parts_count; i++)
		if (r->parts[i].capture || r->parts[i].reader)
			return 0;
	snprintf(r->error, sizeof(r->error),
		 "%.4000s: nothing to report: neither " RECORDING_PACKETS " nor " RECORDING_EVENTS
		 " can be read",
		 r->path);
	return -ENOENT;
}

void replay_span(const char *path, int64_t *start_ns, int64_t *end_ns)
{
	struct recording_meta *meta = malloc(sizeof(*meta));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t *numbers = NULL;
	size_t count = 0;
	int64_t other_ns;

	*start_ns = *end_ns = TIME_UNKNOWN;
	if (!meta || fd < 0)
		goto out;
	if (recording_parts_list(fd, &numbers, &count) < 0 || recording_is(path))
		count = 0;
	part_span(path, count ? numbers[0] : 0, meta, start_ns, end_ns);
	if (count > 1)
		part_span(path, numbers[count - 1], meta, &other_ns, end_ns);
	if (*start_ns != TIME_UNKNOWN && *end_ns == TIME_UNKNOWN)
		*end_ns = clock_now_ns();
out:
	free(numbers);
	free(meta);
	if (fd >= 0)
		close(fd);
}

int replay_open(struct replay *replay, const char *path, int64_t since_ns, int64_t until_ns)
{
	int rc;

	memset(replay, 0, sizeof(*replay));
	replay_window_init(&replay->window, since_ns, until_ns);
	replay->last_packet_ns = replay->last_event_ns = TIME_UNKNOWN;
	replay->counted_ns = TIME_UNKNOWN;
	replay->path = path;
	replay->recording = recording_is(path);
	rc = replay->recording ? -ENOENT : open_parts(replay);
	if (rc == -ENOENT && !replay->parts) {
		rc = make_parts(replay, 1);
		if (rc == 0)
			rc = replay->recording ? open_part(replay, replay->parts, path)
					       : open_packets(replay, replay->parts, path);
	}
	return rc ? rc : check_readable(replay);
}
