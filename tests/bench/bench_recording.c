/*
 * How fast events.jsonl is written and read: prints lines a second for each.
 * The mix is that of a busy server: four server events and two samples a
 * connection, and the counters now and then.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/recording/recording.h"

#define LINES 300000

static void fill(struct event *event, int i)
{
	static const enum event_kind kinds[8] = {EVENT_ACCEPT, EVENT_FORK,  EVENT_SAMPLE,
						 EVENT_REPLY,  EVENT_CLOSE, EVENT_SAMPLE,
						 EVENT_EXIT,   EVENT_CHILD};
	static const uint8_t loopback[4] = {127, 0, 0, 1};
	struct flow flow = {address_from_ipv4(loopback), address_from_ipv4(loopback),
			    (uint16_t)(32768 + i % 28000), 8080};

	memset(event, 0, sizeof(*event));
	event->time_ns = 1700000000000000000 + i * INT64_C(1234567);
	event->source = SOURCE_SERVER;
	event->kind = i % 1000 == 0 ? EVENT_COUNTERS : kinds[i % 8];
	if (event->kind == EVENT_SAMPLE) {
		event->sample.cookie = 4711;
		event->sample.before_ns = event->time_ns - 3600;
		event->sample.depth = (uint32_t)i % 130;
		event->sample.limit = 128;
	} else if (event->kind == EVENT_COUNTERS) {
		event->counters.known = (1ULL << COUNTER_COUNT) - 1;
	} else if (event->kind == EVENT_ACCEPT) {
		event->accept.flow = flow;
		event->accept.before_ns = event->time_ns - 700;
		event->accept.pid = 1000;
		event->accept.fd = 7;
	} else if (event->kind == EVENT_CHILD) {
		event->child.flow = flow;
	} else if (event->kind != EVENT_EXIT) {
		event->step.flow = flow;
		event->step.pid = 2000 + i % 1000;
	}
}

static void print_rate(const char *what, int64_t start_ns)
{
	int64_t ns = clock_monotonic_ns() - start_ns;

	printf("%s: %.2f us a line, %.0f lines/s\n", what, (double)ns / LINES / 1e3,
	       LINES * 1e9 / (double)ns);
}

static int write_lines(const char *path)
{
	struct recording_writer *writer;
	int64_t start_ns;
	int result = recording_writer_new(path, true, &writer);

	if (result)
		return result;
	start_ns = clock_monotonic_ns();
	for (int i = 0; i < LINES && !result; i++) {
		struct event event;

		fill(&event, i);
		result = recording_write(writer, &event);
	}
	if (!result)
		result = recording_flush(writer);
	print_rate("write", start_ns);
	return recording_writer_free(writer) ? -1 : result;
}

static int read_lines(const char *path)
{
	char error[RECORDING_ERROR_SIZE];
	struct recording_reader *reader;
	enum recording_result result;
	struct event event;
	int64_t start_ns;
	int events = 0;

	if (recording_reader_new(path, &reader, error) != 0) {
		fprintf(stderr, "%s\n", error);
		return -1;
	}
	start_ns = clock_monotonic_ns();
	while ((result = recording_read(reader, &event)) == RECORDING_EVENT)
		events++;
	print_rate("read", start_ns);
	recording_reader_free(reader);
	return result == RECORDING_END && events == LINES ? 0 : -1;
}

int main(void)
{
	char path[] = "/tmp/synscope-bench-XXXXXX", file[64];
	int result;

	if (!mkdtemp(path))
		return 1;
	result = write_lines(path) || read_lines(path);
	snprintf(file, sizeof(file), "%s/%s", path, RECORDING_EVENTS);
	unlink(file);
	rmdir(path);
	return result ? 1 : 0;
}
