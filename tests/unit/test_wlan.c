#include "capture/frame/wlan.h"

#include <pcap/dlt.h>

#include "frame.h"

#define LLC4           \
	"aaaa03000000" \
	"0800" PACKET4
#define LLC6           \
	"aaaa03000000" \
	"86dd" PACKET6
#define ADDRESSES      \
	"020000000001" \
	"020000000007" \
	"020000000001"
/* frame control (and duration), sequence control */
#define WLAN(control, sequence) control "0000" ADDRESSES sequence

Test(wlan, data_frames)
{
	frame_carries(DLT_IEEE802_11, false, WLAN("0801", "0000") LLC4);
	frame_carries(DLT_IEEE802_11, true, WLAN("0802", "1000") LLC6);
	/* four addresses; quality of service; with HT control; all of it */
	frame_carries(DLT_IEEE802_11, false, WLAN("0803", "0000") "020000000009" LLC4);
	frame_carries(DLT_IEEE802_11, false, WLAN("8801", "0000") "0000" LLC4);
	frame_carries(DLT_IEEE802_11, false,
		      WLAN("8881", "0000") "0000"
					   "00000000" LLC4);
	frame_carries(DLT_IEEE802_11, false,
		      WLAN("8883", "0000") "020000000009"
					   "0000"
					   "00000000" LLC4);
	/* the first packet of an A-MSDU */
	frame_carries(DLT_IEEE802_11, false,
		      WLAN("8801", "0000") "8000"
					   "020000000001"
					   "020000000007"
					   "0030" LLC4);
}

Test(wlan, what_cannot_be_read)
{
	frame_is_skipped(DLT_IEEE802_11, WLAN("8000", "0000") "0000000000000000", SKIP_NOT_IP);
	frame_is_skipped(DLT_IEEE802_11, WLAN("4801", "0000"), SKIP_NOT_IP);
	frame_is_skipped(DLT_IEEE802_11, WLAN("c801", "0000") "0000", SKIP_NOT_IP);
	frame_is_skipped(DLT_IEEE802_11, WLAN("0841", "0000") LLC4, SKIP_ENCRYPTED);
	frame_is_skipped(DLT_IEEE802_11, WLAN("0805", "0000") LLC4, SKIP_FRAGMENT);
	frame_is_skipped(DLT_IEEE802_11, WLAN("0801", "0100") LLC4, SKIP_FRAGMENT);
}

Test(wlan, radiotap)
{
	frame_carries(DLT_IEEE802_11_RADIO, false,
		      "0000"
		      "0800"
		      "00000000" WLAN("0801", "0000") LLC4);
	/* more words of present fields, flags, a rate */
	frame_carries(DLT_IEEE802_11_RADIO, false,
		      "0000"
		      "0e00"
		      "06000080"
		      "00000000"
		      "0002" WLAN("0801", "0000") LLC4);
	/* a flag says that the header is filled up to four bytes */
	frame_carries(DLT_IEEE802_11_RADIO, false,
		      "0000"
		      "0900"
		      "02000000"
		      "20" WLAN("8801", "0000") "0000"
						"0000" LLC4);
	frame_carries(DLT_IEEE802_11_RADIO, false,
		      "0000"
		      "1900"
		      "03000080"
		      "00000000"
		      "00000000"
		      "0000000000000000"
		      "20" WLAN("8801", "0000") "0000"
						"0000" LLC4);
	frame_carries(DLT_IEEE802_11_RADIO, false,
		      "0000"
		      "0900"
		      "02000000"
		      "10" WLAN("8801", "0000") "0000" LLC4);
	frame_is_skipped(DLT_IEEE802_11_RADIO,
			 "0000"
			 "0700"
			 "00000000" WLAN("0801", "0000") LLC4,
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_IEEE802_11_RADIO,
			 "0100"
			 "0800"
			 "00000000" WLAN("0801", "0000") LLC4,
			 SKIP_MALFORMED);
	/* present words that never end */
	frame_is_skipped(DLT_IEEE802_11_RADIO,
			 "0000"
			 "0c00"
			 "02000080"
			 "ffffffff",
			 SKIP_MALFORMED);
}

Test(wlan, prism_and_avs)
{
	char frame[1024] = "";

	for (int i = 0; i < 144; i++)
		strcat(frame, "00");
	strcat(frame, WLAN("0801", "0000") LLC4);
	frame_carries(DLT_PRISM_HEADER, false, frame);
	frame_carries(DLT_PRISM_HEADER, false,
		      "80211001"
		      "0000000c"
		      "00000000" WLAN("0801", "0000") LLC4);
	frame_carries(DLT_IEEE802_11_RADIO_AVS, false,
		      "80211001"
		      "0000000c"
		      "00000000" WLAN("0801", "0000") LLC4);
	frame_is_skipped(DLT_IEEE802_11_RADIO_AVS,
			 "80211001"
			 "00000007"
			 "00000000",
			 SKIP_MALFORMED);
}
