#include "capture/frame/gre.h"

#include <pcap/dlt.h>

#include "frame.h"

/* The outer lengths are zero, "as long as the frame": what counts here is inside. */
#define OUTER IPV4("0000", "2f")

Test(gre, optional_fields_are_stepped_over)
{
	frame_carries(DLT_RAW, false,
		      OUTER "0000"
			    "0800" PACKET4);
	frame_carries(DLT_RAW, true,
		      OUTER "0000"
			    "86dd" PACKET6);
	frame_carries(DLT_RAW, false,
		      OUTER "8000"
			    "0800"
			    "00000000" PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "2000"
			    "0800"
			    "00000001" PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "b000"
			    "0800"
			    "00000000"
			    "00000001"
			    "00000002" PACKET4);
	frame_carries(DLT_RAW, false,
		      IPV6("0000", "2f") "0000"
					 "0800" PACKET4);
}

Test(gre, what_it_carries)
{
	frame_carries(DLT_RAW, false,
		      OUTER "0000"
			    "6558" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "0000"
			    "8847"
			    "0001d1ff" PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "0000"
			    "883e" PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "0000"
			    "883e"
			    "00000000" PACKET4);
	/* PPTP: version 1, a key, perhaps a sequence and an acknowledgement number, PPP */
	frame_carries(DLT_RAW, false,
		      OUTER "3081"
			    "880b"
			    "002c0001"
			    "00000001"
			    "00000001"
			    "ff030021" PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "2001"
			    "880b"
			    "002a0001"
			    "21" PACKET4);
	frame_is_skipped(DLT_RAW,
			 OUTER "0000"
			       "00fe"
			       "8301",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_RAW,
			 OUTER "4000"
			       "0800"
			       "00000000" PACKET4,
			 SKIP_ENCAPSULATION);
	frame_is_skipped(DLT_RAW,
			 OUTER "0002"
			       "0800" PACKET4,
			 SKIP_ENCAPSULATION);
}

Test(gre, what_nobody_can_open_is_not_said_to_be_something_else)
{
	frame_is_skipped(DLT_RAW,
			 OUTER "0000"
			       "6400"
			       "0000" PACKET4,
			 SKIP_ENCAPSULATION);
	frame_is_skipped(DLT_RAW,
			 OUTER "0000"
			       "8201" PACKET4,
			 SKIP_ENCAPSULATION);
	frame_is_skipped(DLT_RAW,
			 OUTER "0000"
			       "0806"
			       "0001",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_RAW,
			 OUTER "0000"
			       "2001"
			       "0001",
			 SKIP_NOT_IP);
}

#define WLAN(control, sequence) \
	control "0000"          \
		"020000000003"  \
		"020000000001"  \
		"020000000002" sequence

Test(gre, frames_of_access_points)
{
	frame_carries(DLT_RAW, false,
		      OUTER "0000"
			    "8200" WLAN("8801", "8080") "0000"
							"aaaa03000000"
							"0800" PACKET4);
	frame_carries(DLT_RAW, true,
		      OUTER "0000"
			    "8370" WLAN("0801", "0000") "aaaa03000000"
							"86dd" PACKET6);
	frame_is_skipped(DLT_RAW,
			 OUTER "0000"
			       "8200" WLAN("8841", "8080") "00000000",
			 SKIP_ENCRYPTED);
	frame_is_skipped(DLT_RAW,
			 OUTER "0000"
			       "8200" WLAN("0801", "8180") "aaaa03000000",
			 SKIP_FRAGMENT);
}

Test(gre, erspan_of_all_three_types)
{
	frame_carries(DLT_RAW, false,
		      OUTER "0000"
			    "88be" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "1000"
			    "88be"
			    "00000001"
			    "1064000100000000" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, true,
		      OUTER "1000"
			    "22eb"
			    "00000001"
			    "206400010000000100000000" ETH("86dd") PACKET6);
	/* with a platform's subheader, and of IP alone */
	frame_carries(DLT_RAW, false,
		      OUTER "1000"
			    "22eb"
			    "00000001"
			    "206400010000000100000001"
			    "0000000000000000" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, false,
		      OUTER "1000"
			    "22eb"
			    "00000001"
			    "206400010000000100000800" PACKET4);
	frame_is_skipped(DLT_RAW,
			 OUTER "1000"
			       "22eb"
			       "00000001"
			       "206400010000000100000400" PACKET4,
			 SKIP_ENCAPSULATION);
}

Test(gre, nesting_without_end_is_refused)
{
	char frame[4096] = "";

	for (int i = 0; i < 40; i++)
		strcat(frame, OUTER "0000"
				    "0800");
	frame_is_skipped(DLT_RAW, frame, SKIP_ENCAPSULATION);
}
