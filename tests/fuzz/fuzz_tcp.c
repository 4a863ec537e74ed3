/*
 * The TCP header and its options.
 *
 * Input: how many bytes the snaplen cut off, then the segment.
 */
#include <stdbool.h>

#include "capture/frame/tcp.h"
#include "decoding.h"

enum goal {
	PLAIN,
	TIMESTAMP,
	FASTOPEN,
	FASTOPEN_COOKIE,
	MPTCP,
	SACK_PERMITTED,
	WINDOW_SCALE,
	OPTIONS_CUT,
	DATA,
	TRUNCATED,
	MALFORMED,
};

struct fuzz_goal fuzz_goals[] = {
    [PLAIN] = {"no options", 0},
    [TIMESTAMP] = {"timestamps", 0},
    [FASTOPEN] = {"fast open", 0},
    [FASTOPEN_COOKIE] = {"fast open with a cookie", 0},
    [MPTCP] = {"multipath", 0},
    [SACK_PERMITTED] = {"selective acknowledgements permitted", 0},
    [WINDOW_SCALE] = {"window scale", 0},
    [OPTIONS_CUT] = {"options that end early", 0},
    [DATA] = {"data", 0},
    [TRUNCATED] = {"a truncated header", 0},
    [MALFORMED] = {"a malformed header", 0},
    {NULL, 0},
};

static enum decode decode(struct decoder *d)
{
	static const uint8_t address[4] = {192, 0, 2, 1};
	static const struct ip ip = {
	    .saddr = address, .daddr = address, .ttl = 64, .protocol = PROTOCOL_TCP};

	return tcp_decode(d, &ip);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoder d = {.frame = 0};
	struct event event;
	const struct segment *s = &event.segment;
	uint32_t captured;

	if (size < 1 || size > UINT16_MAX)
		return 0;
	captured = (uint32_t)size - 1;
	d.event = &event;
	if (fuzz_decode(&d, decode, data + 1, captured, captured + data[0]) == DECODE_SKIP) {
		fuzz_goals[TRUNCATED].reached += d.reason == SKIP_TRUNCATED;
		fuzz_goals[MALFORMED].reached += d.reason == SKIP_MALFORMED;
		return 0;
	}
	FUZZ_ASSERT(s->payload <= captured + data[0] - 20);
	FUZZ_ASSERT(!(s->options & SEGMENT_FASTOPEN_COOKIE) || (s->options & SEGMENT_FASTOPEN));
	FUZZ_ASSERT((s->options & SEGMENT_TIMESTAMP) || (!s->tsval && !s->tsecr));
	fuzz_goals[PLAIN].reached += !s->options;
	fuzz_goals[TIMESTAMP].reached += !!(s->options & SEGMENT_TIMESTAMP);
	fuzz_goals[FASTOPEN].reached += !!(s->options & SEGMENT_FASTOPEN);
	fuzz_goals[FASTOPEN_COOKIE].reached += !!(s->options & SEGMENT_FASTOPEN_COOKIE);
	fuzz_goals[MPTCP].reached += !!(s->options & SEGMENT_MPTCP);
	fuzz_goals[SACK_PERMITTED].reached += !!(s->options & SEGMENT_SACK_PERMITTED);
	fuzz_goals[WINDOW_SCALE].reached += !!(s->options & SEGMENT_WINDOW_SCALE);
	fuzz_goals[OPTIONS_CUT].reached += !!(s->options & SEGMENT_OPTIONS_CUT);
	fuzz_goals[DATA].reached += s->payload > 0;
	return 0;
}
