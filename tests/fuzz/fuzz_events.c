/*
 * One line of events.jsonl. What is an event is written again and read again,
 * and must be the same event.
 *
 * Input: the line without its newline.
 */
#include <stdlib.h>
#include <string.h>

#include "event/recording/line.h"
#include "fuzz.h"

#define UNKNOWN	  EVENT_KIND_COUNT
#define MALFORMED (EVENT_KIND_COUNT + 1)
#define COMM_HEX  (EVENT_KIND_COUNT + 2)
#define LARGE	  (EVENT_KIND_COUNT + 3)

/* Packets are in packets.pcap: their goals are that they are unknown here. */
struct fuzz_goal fuzz_goals[] = {
    [EVENT_SEGMENT] = {"a segment", 0},
    [EVENT_ICMP] = {"an ICMP error", 0},
    [EVENT_LISTENER] = {"a listener", 0},
    [EVENT_SAMPLE] = {"a sample", 0},
    [EVENT_HALF_OPEN] = {"half-open connections", 0},
    [EVENT_CHILD] = {"a child", 0},
    [EVENT_COUNTERS] = {"counters", 0},
    [EVENT_PROC_FORK] = {"a fork of any process", 0},
    [EVENT_PROC_EXIT] = {"an exit of any process", 0},
    [EVENT_LISTEN] = {"listen()", 0},
    [EVENT_ACCEPT] = {"accept()", 0},
    [EVENT_FORK] = {"fork()", 0},
    [EVENT_FIRST_BYTE] = {"a first byte", 0},
    [EVENT_REPLY] = {"a reply", 0},
    [EVENT_CLOSE] = {"close()", 0},
    [EVENT_EXIT] = {"an exit", 0},
    [EVENT_LOSS] = {"a loss", 0},
    [UNKNOWN] = {"an unknown kind", 0},
    [MALFORMED] = {"a malformed line", 0},
    [COMM_HEX] = {"a name that is no UTF-8", 0},
    [LARGE] = {"an integer beyond those of JSON readers", 0},
    {NULL, 0},
};

static enum recording_line_result parse(const char *line, size_t length, struct event *event)
{
	char *copy = malloc(length ? length : 1);
	enum recording_line_result result;

	FUZZ_ASSERT(copy);
	memcpy(copy, line, length);
	result = recording_line_parse(copy, length, event);
	free(copy);
	return result;
}

static void check_round_trip(const struct event *event)
{
	char line[RECORDING_LINE_SIZE];
	size_t length = recording_line_format(line, event);
	struct event again;

	FUZZ_ASSERT(length > 0 && length <= sizeof(line) && line[length - 1] == '\n');
	FUZZ_ASSERT(memchr(line, '\n', length) == line + length - 1);
	FUZZ_ASSERT(parse(line, length - 1, &again) == RECORDING_LINE_EVENT);
	FUZZ_ASSERT(memcmp(event, &again, sizeof(again)) == 0);
	fuzz_goals[COMM_HEX].reached += !!memmem(line, length, "comm_hex", 8);
	fuzz_goals[LARGE].reached +=
	    event->kind == EVENT_LOSS && event->loss.count > (uint64_t)INT64_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event event;

	switch (parse((const char *)data, size, &event)) {
	case RECORDING_LINE_EVENT:
		FUZZ_ASSERT(event.kind < EVENT_KIND_COUNT && event.source < SOURCE_COUNT);
		fuzz_goals[event.kind].reached++;
		check_round_trip(&event);
		break;
	case RECORDING_LINE_UNKNOWN:
		fuzz_goals[UNKNOWN].reached++;
		fuzz_goals[EVENT_SEGMENT].reached += !!memmem(data, size, "\"segment\"", 9);
		fuzz_goals[EVENT_ICMP].reached += !!memmem(data, size, "\"icmp\"", 6);
		break;
	case RECORDING_LINE_MALFORMED:
		fuzz_goals[MALFORMED].reached++;
		break;
	}
	return 0;
}
