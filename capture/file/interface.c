/*
 * Interfaces of pcapng files: link types and stamps.
 */
#include "capture/file/interface.h"

#include <string.h>

#include "capture/handle.h"

/* LINKTYPE_ values as files have them; where libpcap's own differ, its own. */
static int linktype_of(uint16_t value)
{
	switch (value) {
	case 100:
		return DLT_ATM_RFC1483;
	case 101:
		return DLT_RAW;
	case 106:
		return DLT_ATM_CLIP;
	default:
		return value;
	}
}

void interface_init(struct interface *i, uint16_t linktype, uint32_t snaplen)
{
	memset(i, 0, sizeof(*i));
	i->linktype = linktype_of(linktype);
	i->decode = link_find(i->linktype);
	i->snaplen = snaplen;
	i->exponent = 6;
}

bool interface_can_stamp(const struct interface *i)
{
	return i->exponent <= (i->binary ? 63 : 19);
}

/* No file means a time beyond this; sums of two such numbers are still numbers. */
static int64_t clamp_seconds(int64_t seconds)
{
	const int64_t limit = INT64_MAX / 4;

	return seconds > limit ? limit : seconds < -limit ? -limit : seconds;
}

int64_t interface_time_ns(const struct interface *i, uint64_t stamp)
{
	bool before = stamp > INT64_MAX;
	uint64_t count = before ? -stamp : stamp, seconds, ns, unit = 1;
	int64_t offset = clamp_seconds(i->offset_s);

	if (i->binary) {
		seconds = count >> i->exponent;
		ns = i->exponent ? count << (64 - i->exponent) : 0;
		ns = (ns >> 32) * NS_PER_SEC >> 32;
	} else {
		for (int e = 0; e < i->exponent; e++)
			unit *= 10;
		seconds = count / unit;
		ns = count % unit;
		for (int e = i->exponent; e < 9; e++)
			ns *= 10;
		for (int e = i->exponent; e > 9; e--)
			ns /= 10;
	}
	if (seconds > INT64_MAX)
		seconds = INT64_MAX;
	if (!before)
		return capture_time_ns(offset + clamp_seconds((int64_t)seconds), (int64_t)ns);
	return capture_time_ns(offset - clamp_seconds((int64_t)seconds) - (ns > 0),
			       ns ? NS_PER_SEC - (int64_t)ns : 0);
}
