/*
 * The last SYN-ACKs, in a table by the attempt's index; and the arithmetic.
 */
#include "report/queue/timestamps.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS 8192u

/* cookie_init_timestamp(): TSBITS, TS_OPT_WSCALE_MASK, TS_OPT_SACK, TS_OPT_ECN. */
#define OPTIONS_RANGE	   64
#define OPTIONS_NO_SCALE   0xf
#define OPTIONS_SACK	   0x10
#define OPTIONS_ECN	   0x20
#define WINDOW_SCALE_LIMIT 14 /* RFC 7323 section 2.3 */

/* A packet is captured so much after its timestamp was taken, at most, but for rare delays. */
#define LEAD_NS (250 * NS_PER_US)
/* Of those one of some milliseconds may feign a cookie that is behind by as little. */
#define FEIGNED_MAX 8
/* What a client sends back is from before: so much of what a cookie is behind it may hide. */
#define HIDDEN_MAX 2
/* Without the kernel's clock: so much behind is no rounding any more. */
#define BEHIND_NS (1500 * NS_PER_US)

struct slot {
	uint32_t index;
	uint32_t isn;
	int64_t time_ns;
	uint32_t tsval;
	uint8_t options; /* as a cookie would have them */
	bool used;
};

struct timestamps {
	int64_t clock_offset_ns;
	struct slot slots[SLOTS];
};

int timestamps_new(int64_t clock_offset_ns, struct timestamps **out)
{
	struct timestamps *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->clock_offset_ns = clock_offset_ns;
	*out = s;
	return 0;
}

void timestamps_free(struct timestamps *timestamps)
{
	free(timestamps);
}

/* The ticks of the kernel's clock at which the timestamp of a packet captured then can be. */
static void ticks_of(const struct timestamps *s, int64_t captured_ns, int64_t ticks[2])
{
	ticks[0] = (captured_ns - s->clock_offset_ns - LEAD_NS) / NS_PER_MS;
	ticks[1] = (captured_ns - s->clock_offset_ns) / NS_PER_MS;
}

/* By how many ticks a cookie sent at this one would be behind. */
static int64_t as_cookie(const struct slot *slot, int64_t tick)
{
	return (tick - slot->options) & (OPTIONS_RANGE - 1);
}

enum timestamp timestamps_syn_ack(struct timestamps *timestamps, uint32_t index, uint32_t isn,
				  int64_t time_ns, const struct segment *syn_ack,
				  uint8_t window_scale)
{
	struct slot *slot = &timestamps->slots[index % SLOTS];
	uint8_t options = OPTIONS_NO_SCALE;
	int64_t ticks[2];

	if (!(syn_ack->options & SEGMENT_TIMESTAMP))
		return TIMESTAMP_NOTHING;
	/* What both sides have: the SYN-ACK shows the server's consent. */
	if (syn_ack->options & SEGMENT_WINDOW_SCALE)
		options = window_scale < WINDOW_SCALE_LIMIT ? window_scale : WINDOW_SCALE_LIMIT;
	if (syn_ack->options & SEGMENT_SACK_PERMITTED)
		options |= OPTIONS_SACK;
	if (syn_ack->flags & TCP_FLAG_ECE)
		options |= OPTIONS_ECN;
	*slot = (struct slot){
	    .index = index,
	    .isn = isn,
	    .time_ns = time_ns,
	    .tsval = syn_ack->tsval,
	    .options = options,
	    .used = true,
	};
	if (timestamps->clock_offset_ns == 0)
		return TIMESTAMP_AWAITED;
	ticks_of(timestamps, time_ns, ticks);
	return as_cookie(slot, ticks[0]) && as_cookie(slot, ticks[1]) ? TIMESTAMP_AWAITED
								      : TIMESTAMP_NOTHING;
}

/* By ticks of the kernel's clock, which are known. */
static enum timestamp judge_ticks(const struct timestamps *s, const struct slot *slot,
				  int64_t heard_ns, uint32_t tsval, bool from_server)
{
	int64_t sent[2], heard[2], least = OPTIONS_RANGE;
	bool cookie = false, request = false;

	ticks_of(s, slot->time_ns, sent);
	ticks_of(s, heard_ns, heard);
	for (int i = 0; i < 4; i++) {
		int64_t at = sent[i & 1];
		int64_t behind = (int32_t)(tsval - slot->tsval) - (heard[i >> 1] - at);
		int64_t most = as_cookie(slot, at);

		if (most < least)
			least = most;
		request |= behind == 0;
		cookie |=
		    behind <= most && behind > 0 && behind >= most - (from_server ? 0 : HIDDEN_MAX);
	}
	if (least == 0 || cookie == request)
		return TIMESTAMP_NOTHING;
	if (cookie)
		return least > FEIGNED_MAX ? TIMESTAMP_COOKIE : TIMESTAMP_COOKIE_LIKELY;
	return from_server && least > FEIGNED_MAX ? TIMESTAMP_REQUEST : TIMESTAMP_REQUEST_LIKELY;
}

static enum timestamp judge_time(const struct slot *slot, int64_t heard_ns, uint32_t tsval)
{
	int64_t behind_ns = (int32_t)(tsval - slot->tsval) * NS_PER_MS - (heard_ns - slot->time_ns);

	if (behind_ns <= BEHIND_NS || behind_ns > OPTIONS_RANGE * NS_PER_MS)
		return TIMESTAMP_NOTHING;
	return behind_ns > FEIGNED_MAX * NS_PER_MS + BEHIND_NS ? TIMESTAMP_COOKIE
							       : TIMESTAMP_COOKIE_LIKELY;
}

enum timestamp timestamps_hear(struct timestamps *timestamps, uint32_t index, uint32_t isn,
			       int64_t time_ns, const struct segment *segment, bool from_server)
{
	struct slot *slot = &timestamps->slots[index % SLOTS];
	uint32_t tsval = from_server ? segment->tsval : segment->tsecr;
	enum timestamp timestamp;

	if (!slot->used || slot->index != index || slot->isn != isn ||
	    !(segment->options & SEGMENT_TIMESTAMP))
		return TIMESTAMP_NOTHING;
	if (!from_server && tsval == slot->tsval)
		return TIMESTAMP_NOTHING; /* it has heard of nothing since */
	if (timestamps->clock_offset_ns == 0)
		timestamp = judge_time(slot, time_ns, tsval);
	else
		timestamp = judge_ticks(timestamps, slot, time_ns, tsval, from_server);
	if (timestamp == TIMESTAMP_COOKIE || timestamp == TIMESTAMP_REQUEST)
		slot->used = false;
	return timestamp;
}
