#include "capture/frame/udp.h"

#include <pcap/dlt.h>

#include "frame.h"

/* To a port, of a length that UDP does not tell. */
#define TO(port)           \
	IPV4("0000", "11") \
	"c001" port "0000" \
	"0000"
#define FROM(port)         \
	IPV4("0000", "11") \
	port "c001"        \
	     "0000"        \
	     "0000"

#define PORT_L2TP	 "06a5"
#define PORT_GTP	 "0868"
#define PORT_TEREDO	 "0dd8"
#define PORT_LISP	 "10f5"
#define PORT_ESP	 "1194"
#define PORT_GRE	 "1292"
#define PORT_VXLAN	 "12b5"
#define PORT_GPE	 "12b6"
#define PORT_AYIYA	 "13d0"
#define PORT_GENEVE	 "17c1"
#define PORT_MPLS	 "19eb"
#define PORT_VXLAN_LINUX "2118"

Test(udp, vxlan)
{
	frame_carries(DLT_RAW, false,
		      TO(PORT_VXLAN) "08000000"
				     "00000100" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, true,
		      TO(PORT_VXLAN_LINUX) "08000000"
					   "00000100" ETH("86dd") PACKET6);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_VXLAN) "00000000"
					"00000100" ETH("0800") PACKET4,
			 SKIP_NOT_TCP);
}

Test(udp, vxlan_gpe)
{
	frame_carries(DLT_RAW, false,
		      TO(PORT_GPE) "0c000001"
				   "00000100" PACKET4);
	frame_carries(DLT_RAW, true,
		      TO(PORT_GPE) "0c000002"
				   "00000100" PACKET6);
	frame_carries(DLT_RAW, false,
		      TO(PORT_GPE) "0c000003"
				   "00000100" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, false,
		      TO(PORT_GPE) "0c000004"
				   "00000100"
				   "0fc20201"
				   "0000ffff" PACKET4);
	frame_carries(DLT_RAW, false,
		      TO(PORT_GPE) "0c000005"
				   "00000100"
				   "0001d1ff" PACKET4);
	frame_carries(DLT_RAW, false,
		      TO(PORT_GPE) "08000000"
				   "00000100" ETH("0800") PACKET4);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GPE) "0c000009"
				      "00000100" PACKET4,
			 SKIP_NOT_IP);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GPE) "00000001"
				      "00000100" PACKET4,
			 SKIP_NOT_TCP);
}

Test(udp, geneve)
{
	frame_carries(DLT_RAW, false,
		      TO(PORT_GENEVE) "00006558"
				      "00000100" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, true,
		      TO(PORT_GENEVE) "020086dd"
				      "00000100"
				      "0102800100000000" PACKET6);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GENEVE) "40006558"
					 "00000100" ETH("0800") PACKET4,
			 SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GENEVE) "00000001"
					 "00000100" PACKET4,
			 SKIP_NOT_TCP);
}

Test(udp, gtp)
{
	frame_carries(DLT_RAW, false,
		      TO(PORT_GTP) "30ff0028"
				   "00000001" PACKET4);
	frame_carries(DLT_RAW, true,
		      TO(PORT_GTP) "32ff0040"
				   "00000001"
				   "00010000" PACKET6);
	/* a PDU session container and one more extension header */
	frame_carries(DLT_RAW, false,
		      TO(PORT_GTP) "34ff0034"
				   "00000001"
				   "00000085"
				   "01100120"
				   "01000000" PACKET4);
	/* an echo, another version, an extension header without a length, no IP inside */
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GTP) "32010004"
				      "00000000"
				      "00010000",
			 SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GTP) "48ff0028"
				      "00000001" PACKET4,
			 SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GTP) "34ff0028"
				      "00000001"
				      "00000085"
				      "00100100" PACKET4,
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_GTP) "30ff0028"
				      "00000001"
				      "ff030021",
			 SKIP_NOT_IP);
}

Test(udp, l2tp)
{
	frame_carries(DLT_RAW, false,
		      TO(PORT_L2TP) "0002"
				    "00010001"
				    "ff030021" PACKET4);
	frame_carries(DLT_RAW, false,
		      FROM(PORT_L2TP) "4802"
				      "0036"
				      "00010001"
				      "00000000"
				      "0021" PACKET4);
	frame_carries(DLT_RAW, true,
		      TO(PORT_L2TP) "0202"
				    "00010001"
				    "0002"
				    "0000"
				    "0057" PACKET6);
	/* control messages, version 3 */
	frame_is_skipped(DLT_RAW,
			 TO(PORT_L2TP) "c802"
				       "000c"
				       "00010000"
				       "00000000",
			 SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_L2TP) "0003"
				       "0000"
				       "00000001" PACKET4,
			 SKIP_NOT_TCP);
}

Test(udp, teredo_and_ayiya)
{
	frame_carries(DLT_RAW, true, TO(PORT_TEREDO) PACKET6);
	frame_carries(DLT_RAW, true,
		      FROM(PORT_TEREDO) "0001"
					"0000"
					"0000000000000000"
					"00"
					"0000"
					"fffe"
					"3ffffdf8" PACKET6);
	frame_is_skipped(DLT_RAW, TO(PORT_TEREDO) "10000000", SKIP_NOT_TCP);
	frame_carries(DLT_RAW, true,
		      TO(PORT_AYIYA) "4152"
				     "11"
				     "29"
				     "00000000"
				     "20010db8000000000000000000000007"
				     "0000000000000000000000000000000000000000" PACKET6);
	frame_carries(DLT_RAW, false,
		      TO(PORT_AYIYA) "0002"
				     "11"
				     "04"
				     "00000000"
				     "00" PACKET4);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_AYIYA) "0002"
					"10"
					"3b"
					"00000000"
					"00",
			 SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_AYIYA) "0002"
					"11"
					"3b"
					"00000000"
					"00",
			 SKIP_NOT_TCP);
}

Test(udp, the_others)
{
	frame_carries(DLT_RAW, false,
		      TO(PORT_GRE) "0000"
				   "0800" PACKET4);
	frame_carries(DLT_RAW, false, TO(PORT_MPLS) "0001d1ff" PACKET4);
	frame_carries(DLT_RAW, false,
		      TO(PORT_LISP) "80000001"
				    "00000001" PACKET4);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_LISP) "80000001"
				       "00000001"
				       "00",
			 SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_ESP) "00000100"
				      "00000001",
			 SKIP_ENCRYPTED);
	frame_is_skipped(DLT_RAW,
			 TO(PORT_ESP) "00000000"
				      "00000001",
			 SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW, TO(PORT_ESP) "ff", SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW, TO("0035") "000001000001", SKIP_NOT_TCP);
}

Test(udp, its_length_ends_the_tunnel)
{
	/* an IPv4 packet without a length of its own, and padding behind UDP's */
	struct segment s = frame_segment(
	    DLT_RAW, IPV4("0000", "11") "c001" PORT_GTP "0038"
					"0000"
					"30ff0028"
					"00000001" IPV4("0000", "06") TCP("5010") "000000000000");

	cr_expect_eq(s.payload, 0);
}

Test(udp, tunnels_are_known_by_either_port)
{
	cr_expect(udp_is_tunnel(1, 4789));
	cr_expect(udp_is_tunnel(1701, 1));
	cr_expect_not(udp_is_tunnel(53, 40000));
}
