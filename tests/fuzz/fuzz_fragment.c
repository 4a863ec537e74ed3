/*
 * IP, its extension headers, and fragments.
 *
 * Input: packets, each behind four bytes: its length (low byte first), how many
 * bytes the snaplen cut off, and how many seconds have passed since the one
 * before.
 */
#include <stdbool.h>

#include "capture/frame/fragment.h"
#include "capture/frame/ip.h"
#include "decoding.h"

enum goal {
	WHOLE,	/* a segment in a single packet */
	JOINED, /* a segment out of fragments */
	ICMP_ERROR,
	WAITING,
	TABLE_FULL,
	TRUNCATED,
	MALFORMED,
};

struct fuzz_goal fuzz_goals[] = {
    [WHOLE] = {"a segment in one piece", 0},
    [JOINED] = {"a segment out of fragments", 0},
    [ICMP_ERROR] = {"an ICMP error", 0},
    [WAITING] = {"a fragment that waits", 0},
    [TABLE_FULL] = {"a fragment that found the table full", 0},
    [TRUNCATED] = {"something truncated", 0},
    [MALFORMED] = {"something malformed", 0},
    {NULL, 0},
};

#define PACKET_HEADER_SIZE 4

static void count(const struct decoder *d, enum decode result, bool waited)
{
	switch (result) {
	case DECODE_SEGMENT:
		fuzz_goals[waited ? JOINED : WHOLE].reached++;
		break;
	case DECODE_ICMP_ERROR:
		fuzz_goals[ICMP_ERROR].reached++;
		break;
	case DECODE_SKIP:
		fuzz_goals[WAITING].reached += d->reason == SKIP_FRAGMENT;
		fuzz_goals[TABLE_FULL].reached += d->reason == SKIP_FRAGMENT_TABLE;
		fuzz_goals[TRUNCATED].reached += d->reason == SKIP_TRUNCATED;
		fuzz_goals[MALFORMED].reached += d->reason == SKIP_MALFORMED;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoder d = {.frame = 0};
	struct event event;
	bool waited = false;

	d.event = &event;
	while (size >= PACKET_HEADER_SIZE) {
		uint32_t length = get_le16(data);
		enum decode result;

		if (length > size - PACKET_HEADER_SIZE)
			length = (uint32_t)size - PACKET_HEADER_SIZE;
		d.time_ns += data[3] * NS_PER_SEC;
		result =
		    fuzz_decode(&d, ip_decode, data + PACKET_HEADER_SIZE, length, length + data[2]);
		count(&d, result, waited);
		waited |= result == DECODE_SKIP && d.reason == SKIP_FRAGMENT;
		data += PACKET_HEADER_SIZE + length;
		size -= PACKET_HEADER_SIZE + length;
	}
	fragments_free(d.fragments);
	return 0;
}
