#include "capture/frame/ethertype.h"

#include <pcap/dlt.h>

#include "frame.h"

#define LLC_SNAP "aaaa03000000"

Test(ethertype, llc_and_snap)
{
	/* the length leaves the padding out */
	frame_carries(DLT_EN10MB, false, ETH("0030") LLC_SNAP "0800" PACKET4);
	frame_carries(DLT_EN10MB, true, ETH("0044") LLC_SNAP "86dd" PACKET6);
	frame_carries(DLT_EN10MB, false, ETH("002b") "060603" PACKET4);
	frame_carries(DLT_EN10MB, false,
		      ETH("0030") "aaaa030000f8"
				  "0800" PACKET4);
	/* spanning tree, IPX, Cisco's discovery, an LLC with acknowledgement */
	frame_is_skipped(DLT_EN10MB,
			 ETH("0026") "424203"
				     "0000000000",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_EN10MB,
			 ETH("0026") "ffff00"
				     "2200110000",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_EN10MB,
			 ETH("0026") "aaaa0300000c"
				     "2000"
				     "02b4",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_EN10MB,
			 ETH("0026") "aaaa00000000"
				     "0800" PACKET4,
			 SKIP_NOT_IP);
}

Test(ethertype, mpls_tells_by_the_first_bits_below_the_stack)
{
	frame_carries(DLT_EN10MB, false,
		      ETH("8847") "0001d0ff"
				  "000111ff" PACKET4);
	frame_carries(DLT_EN10MB, true, ETH("8848") "0001d1ff" PACKET6);
	frame_carries(DLT_MPLS, false, "0001d1ff" PACKET4);
	/* a pseudowire, with its control word and without */
	frame_carries(DLT_EN10MB, false,
		      ETH("8847") "0001d1ff"
				  "00000000" ETH("0800") PACKET4);
	frame_carries(DLT_EN10MB, true, ETH("8847") "0001d1ff" ETH("86dd") PACKET6);
	frame_is_skipped(DLT_EN10MB,
			 ETH("8847") "0001d1ff"
				     "10000000"
				     "0000000000000000000000000000",
			 SKIP_NOT_IP);
	/* a stack without a bottom */
	frame_is_skipped(DLT_EN10MB,
			 ETH("8847") "0001d0ff"
				     "0001d0ff",
			 SKIP_MALFORMED);
}

Test(ethertype, tags_and_shims)
{
	/* VN-Tag, E-Tag, HSR, R-Tag, 802.1ah, NSH around IP and around Ethernet */
	frame_carries(DLT_EN10MB, false,
		      ETH("8926") "00000000"
				  "0800" PACKET4);
	frame_carries(DLT_EN10MB, false,
		      ETH("893f") "000000000000"
				  "0800" PACKET4);
	frame_carries(DLT_EN10MB, false,
		      ETH("892f") "00340001"
				  "0800" PACKET4);
	frame_carries(DLT_EN10MB, true,
		      ETH("f1c1") "00000001"
				  "86dd" PACKET6);
	frame_carries(DLT_EN10MB, false, ETH("88e7") "00000064" ETH("0800") PACKET4);
	frame_carries(DLT_EN10MB, false,
		      ETH("894f") "0fc20201"
				  "0000ffff" PACKET4);
	frame_carries(DLT_EN10MB, true,
		      ETH("894f") "0fc20202"
				  "0000ffff" PACKET6);
	frame_carries(DLT_EN10MB, false,
		      ETH("894f") "0fc20203"
				  "0000ffff" ETH("0800") PACKET4);
	frame_carries(DLT_EN10MB, false,
		      ETH("894f") "0fc20205"
				  "0000ffff"
				  "0001d1ff" PACKET4);
	frame_is_skipped(DLT_EN10MB,
			 ETH("894f") "0fc00201"
				     "0000ffff" PACKET4,
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_EN10MB,
			 ETH("894f") "0fc20209"
				     "0000ffff" PACKET4,
			 SKIP_NOT_IP);
	frame_carries(DLT_EN10MB, false, ETH("6558") ETH("0800") PACKET4);
}

Test(ethertype, macsec_is_read_when_it_is_only_signed)
{
	frame_carries(DLT_EN10MB, false,
		      ETH("88e5") "00"
				  "00"
				  "00000001"
				  "0800" PACKET4);
	frame_carries(DLT_EN10MB, false,
		      ETH("88e5") "20"
				  "00"
				  "00000001"
				  "0200000000070001"
				  "0800" PACKET4);
	frame_is_skipped(DLT_EN10MB,
			 ETH("88e5") "0c"
				     "00"
				     "00000001"
				     "0800" PACKET4,
			 SKIP_ENCRYPTED);
}

Test(ethertype, nesting_without_end_is_refused)
{
	char frame[64 * 32] = "";

	for (int i = 0; i < 40; i++)
		strcat(frame, ETH("6558"));
	frame_is_skipped(DLT_EN10MB, frame, SKIP_ENCAPSULATION);
	strcpy(frame, ETH("88e5"));
	for (int i = 0; i < 40; i++)
		strcat(frame, "00"
			      "00"
			      "00000001"
			      "88e5");
	frame_is_skipped(DLT_EN10MB, frame, SKIP_ENCAPSULATION);
}
