/*
 * IEEE 802.11: data frames in the clear. Nothing is decrypted, and frames that
 * the radio split are not put together.
 */
#include "capture/frame/wlan.h"

#include "capture/frame/ethertype.h"

#define WLAN_HEADER_SIZE     24
#define ADDRESS_SIZE	     6
#define QOS_SIZE	     2
#define HT_CONTROL_SIZE	     4
#define SUBFRAME_HEADER_SIZE 14 /* of an A-MSDU: two addresses and a length */
#define PRISM_HEADER_SIZE    144
#define RADIOTAP_HEADER_SIZE 8

enum frame_control {
	TYPE_MASK = 0x0c, /* first byte */
	TYPE_DATA = 0x08,
	SUBTYPE_NO_DATA = 0x40,
	SUBTYPE_QOS = 0x80,
	TO_DS = 0x01, /* second byte */
	FROM_DS = 0x02,
	MORE_FRAGMENTS = 0x04,
	PROTECTED = 0x40,
	ORDER = 0x80,
};

#define QOS_AMSDU 0x80

/* Bits of radiotap's first word of present fields. */
#define PRESENT_TSFT  UINT32_C(0x00000001)
#define PRESENT_FLAGS UINT32_C(0x00000002)
#define PRESENT_MORE  UINT32_C(0x80000000) /* another such word follows */

#define RADIOTAP_DATA_PAD 0x20 /* the header is filled up to a multiple of four */

/* Cookies of the AVS header (draft: linux-wlan-ng), which also comes under Prism's link type. */
#define AVS_COOKIE	0x80211000
#define AVS_COOKIE_MASK 0xfffff000

/*
 * rest: the header. swapped: the bytes of its fields of 16 bits stand the other way round,
 * frame control, sequence control and QoS control alike.
 */
static enum decode decode_data(struct decoder *d, const uint8_t *rest, bool swapped, bool padded)
{
	const uint8_t h[2] = {rest[swapped], rest[!swapped]};
	const uint8_t fragment = rest[22 + swapped] & 0x0f;
	uint32_t size = 0;
	bool amsdu = false;

	if ((h[0] & TYPE_MASK) != TYPE_DATA || (h[0] & SUBTYPE_NO_DATA))
		return decode_skip(d, SKIP_NOT_IP);
	if (h[1] & PROTECTED)
		return decode_skip(d, SKIP_ENCRYPTED);
	if ((h[1] & MORE_FRAGMENTS) || fragment)
		return decode_skip(d, SKIP_FRAGMENT);
	if ((h[1] & TO_DS) && (h[1] & FROM_DS))
		size += ADDRESS_SIZE;
	if (h[0] & SUBTYPE_QOS) {
		if (!cursor_peek(&d->cursor, size + QOS_SIZE))
			return decode_short(d, size + QOS_SIZE);
		amsdu = d->cursor.at[size + swapped] & QOS_AMSDU;
		size += QOS_SIZE;
		if (h[1] & ORDER)
			size += HT_CONTROL_SIZE;
	}
	if (padded)
		size += (4 - (WLAN_HEADER_SIZE + size) % 4) % 4;
	if (amsdu) /* of several packets in one frame the first is read */
		size += SUBFRAME_HEADER_SIZE;
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	return llc_decode(d);
}

static enum decode decode_padded(struct decoder *d, bool padded)
{
	const uint8_t *h = cursor_take(&d->cursor, WLAN_HEADER_SIZE);

	return h ? decode_data(d, h, false, padded) : decode_short(d, WLAN_HEADER_SIZE);
}

enum decode wlan_decode(struct decoder *d)
{
	return decode_padded(d, false);
}

enum decode wlan_swapped_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, WLAN_HEADER_SIZE);

	if (!h)
		return decode_short(d, WLAN_HEADER_SIZE);
	/* The version is 0, and a data frame's type is in the same four bits: the flags are not. */
	return decode_data(d, h, (h[0] & 0x0f) != TYPE_DATA, false);
}

/* The flags are the second field; the first, if there, is aligned to its eight bytes. */
static uint8_t radiotap_flags(const uint8_t *h, uint32_t length)
{
	uint32_t present = get_le32(h + 4), at = RADIOTAP_HEADER_SIZE, more = present;

	while ((more & PRESENT_MORE) && at + 4 <= length) {
		more = get_le32(h + at);
		at += 4;
	}
	if (present & PRESENT_TSFT)
		at = (at + 7) / 8 * 8 + 8;
	return (present & PRESENT_FLAGS) && at < length ? h[at] : 0;
}

enum decode radiotap_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, RADIOTAP_HEADER_SIZE);
	uint32_t length;

	if (!h)
		return decode_short(d, RADIOTAP_HEADER_SIZE);
	length = get_le16(h + 2);
	if (h[0] != 0 || length < RADIOTAP_HEADER_SIZE)
		return decode_skip(d, SKIP_MALFORMED);
	if (!cursor_skip(&d->cursor, length))
		return decode_short(d, length);
	return decode_padded(d, radiotap_flags(h, length) & RADIOTAP_DATA_PAD);
}

enum decode avs_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 8);
	uint32_t length;

	if (!h)
		return decode_short(d, 8);
	length = get_be32(h + 4);
	if (length < 8)
		return decode_skip(d, SKIP_MALFORMED);
	if (!cursor_skip(&d->cursor, length))
		return decode_short(d, length);
	return wlan_decode(d);
}

enum decode prism_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 4);

	if (!h)
		return decode_short(d, 4);
	if ((get_be32(h) & AVS_COOKIE_MASK) == AVS_COOKIE)
		return avs_decode(d);
	if (!cursor_skip(&d->cursor, PRISM_HEADER_SIZE))
		return decode_short(d, PRISM_HEADER_SIZE);
	return wlan_decode(d);
}
