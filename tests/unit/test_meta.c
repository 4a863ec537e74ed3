#include "capture/frame/meta.h"

#include <arpa/inet.h>
#include <pcap/dlt.h>

#include "frame.h"

Test(meta, nflog)
{
	if (htons(1) == 1)
		cr_skip_test("the attributes below are little-endian");
	/* family, version, group; a prefix of 5 bytes, filled up; the packet */
	frame_carries(DLT_NFLOG, false,
		      "02000000"
		      "09000a00"
		      "6e66000000"
		      "000000"
		      "2c000900" PACKET4);
	frame_carries(DLT_NFLOG, true,
		      "0a000000"
		      "40000900" PACKET6);
	frame_is_skipped(DLT_NFLOG,
			 "02000000"
			 "08000a00"
			 "00000000",
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_NFLOG,
			 "02000000"
			 "03000a00"
			 "00000000",
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_NFLOG,
			 "02000000"
			 "ff000a00"
			 "00000000",
			 SKIP_MALFORMED);
}

Test(meta, pflog)
{
	char frame[512] = "3d020000";

	for (int i = 4; i < 64; i++)
		strcat(frame, "00");
	strcat(frame, PACKET4);
	frame_carries(DLT_PFLOG, false, frame);
	frame_is_skipped(DLT_PFLOG, "00020000" PACKET4, SKIP_MALFORMED);
}

Test(meta, pktap_and_ppi_name_the_link_inside)
{
	frame_carries(DLT_PKTAP, false,
		      "0c000000"
		      "01000000"
		      "01000000" ETH("0800") PACKET4);
	frame_carries(DLT_PKTAP, true,
		      "10000000"
		      "01000000"
		      "00000000"
		      "00000000"
		      "1e000000" PACKET6);
	frame_is_skipped(DLT_PKTAP,
			 "0c000000"
			 "02000000"
			 "01000000" ETH("0800") PACKET4,
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_PKTAP,
			 "0b000000"
			 "01000000"
			 "01000000" ETH("0800") PACKET4,
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_PKTAP,
			 "0c000000"
			 "01000000"
			 "ffffffff" PACKET4,
			 SKIP_LINK_TYPE);
	frame_carries(DLT_PPI, false,
		      "00000800"
		      "01000000" ETH("0800") PACKET4);
	frame_is_skipped(DLT_PPI,
			 "00000700"
			 "01000000" ETH("0800") PACKET4,
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_PPI,
			 "00000800"
			 "93000000" PACKET4,
			 SKIP_LINK_TYPE);
}

Test(meta, links_inside_links_end)
{
	char frame[2048] = "";

	for (int i = 0; i < 60; i++)
		strcat(frame, "00000800"
			      "c0000000");
	frame_is_skipped(DLT_PPI, frame, SKIP_ENCAPSULATION);
}

Test(meta, juniper)
{
	frame_carries(DLT_JUNIPER_ETHER, false, "4d474301" ETH("0800") PACKET4);
	frame_carries(DLT_JUNIPER_ETHER, false,
		      "4d474381"
		      "0004"
		      "01020003" ETH("0800") PACKET4);
	frame_carries(DLT_JUNIPER_ETHER, true, "4d474302" PACKET6);
	frame_carries(DLT_JUNIPER_PPP, false,
		      "4d474301"
		      "ff030021" PACKET4);
	frame_carries(DLT_JUNIPER_CHDLC, false,
		      "4d474301"
		      "0f000800" PACKET4);
	frame_carries(DLT_JUNIPER_FRELAY, false,
		      "4d474301"
		      "184103cc" PACKET4);
	frame_is_skipped(DLT_JUNIPER_ETHER, "4d474401" ETH("0800") PACKET4, SKIP_MALFORMED);
}
