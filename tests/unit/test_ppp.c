#include "capture/frame/ppp.h"

#include <pcap/dlt.h>

#include "frame.h"

Test(ppp, with_and_without_its_optional_parts)
{
	frame_carries(DLT_PPP, false,
		      "ff03"
		      "0021" PACKET4);
	frame_carries(DLT_PPP, true,
		      "ff03"
		      "0057" PACKET6);
	frame_carries(DLT_PPP, false, "0021" PACKET4);
	/* protocol-field compression */
	frame_carries(DLT_PPP, false, "21" PACKET4);
	frame_carries(DLT_PPP_SERIAL, true,
		      "ff03"
		      "57" PACKET6);
	frame_carries(DLT_PPP_WITH_DIR, false,
		      "01"
		      "ff03"
		      "0021" PACKET4);
}

Test(ppp, its_protocols)
{
	frame_carries(DLT_PPP, false,
		      "0281"
		      "0001d1ff" PACKET4);
	frame_carries(DLT_PPP, false,
		      "0031"
		      "0001" ETH("0800") PACKET4);
	frame_is_skipped(DLT_PPP,
			 "0031"
			 "0002" ETH("0800") PACKET4,
			 SKIP_NOT_IP);
	/* a multilink packet that was not split, and one that was */
	frame_carries(DLT_PPP, false,
		      "003d"
		      "c0000001"
		      "0021" PACKET4);
	frame_is_skipped(DLT_PPP,
			 "003d"
			 "80000001"
			 "0021" PACKET4,
			 SKIP_FRAGMENT);
	frame_is_skipped(DLT_PPP,
			 "ff03"
			 "c021"
			 "01010004",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_PPP,
			 "0053"
			 "00000000",
			 SKIP_ENCRYPTED);
	frame_is_skipped(DLT_PPP,
			 "002d"
			 "00000000",
			 SKIP_ENCAPSULATION);
	frame_is_skipped(DLT_PPP,
			 "00fd"
			 "00000000",
			 SKIP_ENCAPSULATION);
}

Test(ppp, multilink_in_multilink_ends)
{
	char frame[2048] = "";

	for (int i = 0; i < 100; i++)
		strcat(frame, "3d"
			      "c0000001");
	frame_is_skipped(DLT_PPP, frame, SKIP_ENCAPSULATION);
}

Test(ppp, over_ethernet)
{
	frame_carries(DLT_EN10MB, false,
		      ETH("8864") "1100"
				  "0001"
				  "002a"
				  "0021" PACKET4);
	frame_carries(DLT_EN10MB, true,
		      ETH("8864") "1100"
				  "0001"
				  "003e"
				  "0057" PACKET6);
	frame_carries(DLT_PPP_ETHER, false,
		      "1100"
		      "0001"
		      "002a"
		      "0021" PACKET4);
	/* discovery */
	frame_is_skipped(DLT_EN10MB,
			 ETH("8863") "1109"
				     "0000"
				     "0000",
			 SKIP_NOT_IP);
}

Test(ppp, cisco_hdlc)
{
	frame_carries(DLT_C_HDLC, false,
		      "0f00"
		      "0800" PACKET4);
	frame_carries(DLT_C_HDLC, true,
		      "8f00"
		      "86dd" PACKET6);
	frame_carries(DLT_C_HDLC_WITH_DIR, false,
		      "00"
		      "0f00"
		      "0800" PACKET4);
	frame_carries(DLT_PPP_SERIAL, false,
		      "0f00"
		      "0800" PACKET4);
	/* keep-alives */
	frame_is_skipped(DLT_C_HDLC,
			 "8f00"
			 "8035"
			 "0000000200000001",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_C_HDLC,
			 "8f00"
			 "0032" PACKET4,
			 SKIP_NOT_IP);
}

Test(ppp, frame_relay)
{
	/* by NLPID, with a pad byte and SNAP, as Cisco has it; addresses of two and four bytes */
	frame_carries(DLT_FRELAY, false,
		      "1841"
		      "03"
		      "cc" PACKET4);
	frame_carries(DLT_FRELAY, true,
		      "1841"
		      "03"
		      "8e" PACKET6);
	frame_carries(DLT_FRELAY, false,
		      "1841"
		      "0300"
		      "80"
		      "000000"
		      "0800" PACKET4);
	frame_carries(DLT_FRELAY, false,
		      "1841"
		      "0300"
		      "80"
		      "0080c2"
		      "0007" ETH("0800") PACKET4);
	frame_carries(DLT_FRELAY, false,
		      "1841"
		      "0800" PACKET4);
	frame_carries(DLT_FRELAY, false,
		      "18400041"
		      "03"
		      "cc" PACKET4);
	frame_carries(DLT_FRELAY_WITH_DIR, false,
		      "01"
		      "1841"
		      "0800" PACKET4);
	frame_is_skipped(DLT_FRELAY,
			 "1841"
			 "03"
			 "81"
			 "83",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_FRELAY,
			 "1841"
			 "0032" PACKET4,
			 SKIP_NOT_IP);
	/* an address without an end, or of one byte */
	frame_is_skipped(DLT_FRELAY,
			 "1840404040"
			 "03"
			 "cc" PACKET4,
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_FRELAY,
			 "19"
			 "03"
			 "cc" PACKET4,
			 SKIP_MALFORMED);
}
