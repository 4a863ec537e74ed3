/*
 * ICMP and ICMPv6 errors and what they quote.
 *
 * Input: a byte whose lowest bit means ICMPv6 and whose others how many bytes
 * the snaplen cut off, then the message.
 */
#include <stdbool.h>

#include "capture/frame/fragment.h"
#include "capture/frame/icmp.h"
#include "decoding.h"

enum goal { QUOTED_IPV4, QUOTED_IPV6, NOT_TCP, FRAGMENT, TRUNCATED, MALFORMED };

struct fuzz_goal fuzz_goals[] = {
    [QUOTED_IPV4] = {"an ICMP error", 0},
    [QUOTED_IPV6] = {"an ICMPv6 error", 0},
    [NOT_TCP] = {"no error, or not about TCP", 0},
    [FRAGMENT] = {"an error about a fragment", 0},
    [TRUNCATED] = {"something truncated", 0},
    [MALFORMED] = {"something malformed", 0},
    {NULL, 0},
};

static const uint8_t router[16] = {192, 0, 2, 1};
static const struct ip ipv4 = {.saddr = router, .daddr = router, .protocol = PROTOCOL_ICMP};
static const struct ip ipv6 = {
    .saddr = router, .daddr = router, .protocol = PROTOCOL_ICMPV6, .ipv6 = true};

static enum decode decode4(struct decoder *d)
{
	return icmp_decode(d, &ipv4);
}

static enum decode decode6(struct decoder *d)
{
	return icmp_decode(d, &ipv6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoder d = {.frame = 0};
	struct event event;
	enum decode result;
	uint32_t captured;
	bool six;

	if (size < 1 || size > UINT16_MAX)
		return 0;
	six = data[0] & 1;
	captured = (uint32_t)size - 1;
	d.event = &event;
	result =
	    fuzz_decode(&d, six ? decode6 : decode4, data + 1, captured, captured + (data[0] >> 1));
	FUZZ_ASSERT(result != DECODE_SEGMENT); /* what is quoted is none */
	FUZZ_ASSERT(!d.fragments);
	if (result == DECODE_ICMP_ERROR) {
		FUZZ_ASSERT(event.icmp.ipv6 == six);
		fuzz_goals[six ? QUOTED_IPV6 : QUOTED_IPV4].reached++;
		return 0;
	}
	fuzz_goals[NOT_TCP].reached += d.reason == SKIP_NOT_TCP;
	fuzz_goals[FRAGMENT].reached += d.reason == SKIP_FRAGMENT;
	fuzz_goals[TRUNCATED].reached += d.reason == SKIP_TRUNCATED;
	fuzz_goals[MALFORMED].reached += d.reason == SKIP_MALFORMED;
	return 0;
}
