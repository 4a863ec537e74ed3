#include "capture/live/filter.h"

#include <errno.h>
#include <pcap/pcap.h>

#include "capture/capture.h"
#include "frame.h"

struct program {
	char text[8192];
	struct bpf_program bpf;
};

static struct program compile_text(const char *text, int linktype)
{
	struct program p = {.text = ""};
	pcap_t *dead = pcap_open_dead(linktype, 128);

	snprintf(p.text, sizeof(p.text), "%s", text);
	cr_assert_eq(pcap_compile(dead, &p.bpf, p.text, 1, PCAP_NETMASK_UNKNOWN), 0, "%s: %s",
		     pcap_geterr(dead), p.text);
	pcap_close(dead);
	return p;
}

/* targets: endpoints as text, up to NULL */
static struct program compile(const char *const *targets)
{
	struct endpoint endpoints[64];
	char text[8192];
	size_t n = 0;

	for (; targets[n]; n++)
		cr_assert_eq(endpoint_parse(targets[n], &endpoints[n]), 0);
	cr_assert_eq(capture_filter_format(endpoints, n, text, sizeof(text)), 0);
	return compile_text(text, DLT_EN10MB);
}

/* The frame is longer on the wire than the hex by extra bytes: data that nobody looks at. */
static bool passes(const struct program *p, const char *hex, uint32_t extra)
{
	static uint8_t bytes[1 << 16];
	struct frame f = frame_of(hex);
	struct pcap_pkthdr h = {.caplen = f.size + extra, .len = f.size + extra};

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, f.bytes, f.size);
	return pcap_offline_filter(&p->bpf, &h, bytes) != 0;
}

static void expect(const struct program *p, const char *hex, uint32_t extra, bool pass)
{
	cr_expect_eq(passes(p, hex, extra), pass, "%s%s + %u",
		     pass ? "caught is not " : "passes: ", hex, extra);
}

/* To the server from the client, and back. */
#define TO4(total, flags) IPV4(total, "06") "c000005001020304050607085" flags "faf000000000"
#define FROM4(total, flags)     \
	"4500" total "12344000" \
	"40060000" SERVER4 CLIENT4 "0050c00001020304050607085" flags "faf000000000"
#define TO6(length, flags) IPV6(length, "06") "c000005001020304050607085" flags "faf000000000"
#define FROM6(length, flags) \
	"60000000" length "063f" SERVER6 CLIENT6 "0050c00001020304050607085" flags "faf000000000"

static const char *const port80[] = {"80", NULL};

Test(filter, every_syn_fin_and_rst_passes_both_ways)
{
	struct program p = compile(port80);
	static const char *const flags[] = {"002", "012", "001", "011", "004", "014", "0c2"};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		char hex[512];

		snprintf(hex, sizeof(hex), ETH("0800") TO4("0028", "%s"), flags[i]);
		expect(&p, hex, 0, true);
		snprintf(hex, sizeof(hex), ETH("0800") FROM4("0028", "%s"), flags[i]);
		expect(&p, hex, 0, true);
		snprintf(hex, sizeof(hex), ETH("86dd") TO6("0014", "%s"), flags[i]);
		expect(&p, hex, 0, true);
		snprintf(hex, sizeof(hex), ETH("86dd") FROM6("0014", "%s"), flags[i]);
		expect(&p, hex, 0, true);
	}
	pcap_freecode(&p.bpf);
}

Test(filter, what_can_be_the_final_ack_passes)
{
	struct program p = compile(port80);

	/* bare, and with a request in it, pushed or not */
	expect(&p, ETH("0800") TO4("0028", "010"), 0, true);
	expect(&p, ETH("0800") TO4("0064", "018"), 60, true);
	expect(&p, ETH("0800") TO4("0064", "010"), 60, true);
	expect(&p, ETH("0800") TO4("ffff", "018"), 60000, true);
	expect(&p, ETH("86dd") TO6("0014", "010"), 0, true);
	expect(&p, ETH("86dd") TO6("0050", "018"), 60, true);
	expect(&p, ETH("86dd") TO6("0050", "010"), 60, true);
	expect(&p, ETH("86dd") TO6("ffff", "018"), 60000, true);
	pcap_freecode(&p.bpf);
}

Test(filter, data_is_left_out)
{
	struct program p = compile(port80);

	/* the server's: all of it, and its bare ACKs */
	expect(&p, ETH("0800") FROM4("05dc", "010"), 1460, false);
	expect(&p, ETH("0800") FROM4("0064", "018"), 60, false);
	expect(&p, ETH("0800") FROM4("0028", "010"), 0, false);
	expect(&p, ETH("86dd") FROM6("05b4", "010"), 1440, false);
	expect(&p, ETH("86dd") FROM6("0050", "018"), 60, false);
	/* the client's: the bulk of an upload */
	expect(&p, ETH("0800") TO4("05dc", "010"), 1460, false);
	expect(&p, ETH("0800") TO4("0500", "010"), 1240, false);
	expect(&p, ETH("0800") TO4("04ff", "010"), 1239, true);
	expect(&p, ETH("0800") TO4("05dd", "010"), 1461, true);
	expect(&p, ETH("86dd") TO6("05b4", "010"), 1440, false);
	expect(&p, ETH("86dd") TO6("04d8", "010"), 1220, false);
	expect(&p, ETH("86dd") TO6("04d7", "010"), 1219, true);
	expect(&p, ETH("86dd") TO6("05b5", "010"), 1441, true);
	pcap_freecode(&p.bpf);
}

Test(filter, other_ports_and_protocols_are_left_out)
{
	static const char *const other[] = {"8080", NULL};
	struct program p = compile(other);

	expect(&p, ETH("0800") TO4("0028", "002"), 0, false);
	expect(&p, ETH("86dd") TO6("0014", "002"), 0, false);
	expect(&p, ETH("0806") "00010800060400010200000000070000", 20, false);
	expect(&p, ETH("0800") IPV4("001c", "11") "1f901f9000080000", 0, false);
	pcap_freecode(&p.bpf);
}

Test(filter, an_address_narrows_its_port)
{
	static const char *const mine[] = {"192.0.2.1:80", "[2001:db8::1]:80", NULL};
	static const char *const others[] = {"192.0.2.9:80", "[2001:db8::9]:80", NULL};
	static const char *const any4[] = {"0.0.0.0:80", NULL};
	static const char *const mixed[] = {"192.0.2.9:80", "[2001:db8::1]:443", "80", NULL};
	struct program p = compile(mine);

	expect(&p, ETH("0800") TO4("0028", "002"), 0, true);
	expect(&p, ETH("0800") FROM4("0028", "012"), 0, true);
	expect(&p, ETH("86dd") TO6("0014", "002"), 0, true);
	expect(&p, ETH("86dd") FROM6("0014", "012"), 0, true);
	pcap_freecode(&p.bpf);
	p = compile(others);
	expect(&p, ETH("0800") TO4("0028", "002"), 0, false);
	expect(&p, ETH("0800") FROM4("0028", "012"), 0, false);
	expect(&p, ETH("86dd") TO6("0014", "002"), 0, false);
	expect(&p, ETH("86dd") FROM6("0014", "012"), 0, false);
	pcap_freecode(&p.bpf);
	p = compile(any4);
	expect(&p, ETH("0800") TO4("0028", "002"), 0, true);
	expect(&p, ETH("86dd") TO6("0014", "002"), 0, false);
	pcap_freecode(&p.bpf);
	p = compile(mixed);
	expect(&p, ETH("0800") TO4("0028", "002"), 0, true);
	expect(&p, ETH("86dd") TO6("0014", "002"), 0, true);
	pcap_freecode(&p.bpf);
}

Test(filter, without_targets_every_port_passes)
{
	static const char *const none[] = {NULL};
	struct program p = compile(none);

	expect(&p, ETH("0800") TO4("0028", "002"), 0, true);
	expect(&p, ETH("0800") FROM4("0028", "012"), 0, true);
	expect(&p, ETH("86dd") TO6("0014", "010"), 0, true);
	expect(&p, ETH("0800") FROM4("05dc", "010"), 1460, false);
	expect(&p, ETH("86dd") IPV6("001c", "00") "0600010400000000" TCP("5002"), 0, true);
	expect(&p, ETH("0800") IPV4("001c", "11") "0050005000080000", 0, false);
	pcap_freecode(&p.bpf);
}

Test(filter, vlan_tags_do_not_hide)
{
	struct program p = compile(port80);

	expect(&p, ETH("8100") "00640800" TO4("0028", "002"), 0, true);
	expect(&p, ETH("8100") "006486dd" FROM6("0014", "012"), 0, true);
	expect(&p, ETH("88a8") "00640800" TO4("0028", "010"), 0, true);
	expect(&p, ETH("8100") "00640800" FROM4("0064", "018"), 60, false);
	pcap_freecode(&p.bpf);
}

Test(filter, icmp_errors_pass_and_other_icmp_does_not)
{
	struct program p = compile(port80);

	expect(&p, ETH("0800") IPV4("0038", "01") "0301000000000000" IPV4("0028", "06"), 8, true);
	expect(&p, ETH("0800") IPV4("0038", "01") "0b00000000000000" IPV4("0028", "06"), 8, true);
	expect(&p, ETH("0800") IPV4("0038", "01") "0303000000000000" IPV4("0028", "11"), 8, false);
	expect(&p, ETH("0800") IPV4("0038", "01") "0800000000000000" IPV4("0028", "06"), 8, false);
	expect(&p, ETH("0800") IPV4("001c", "01") "0800000000000000", 0, false);
	expect(&p, ETH("86dd") IPV6("0038", "3a") "0104000000000000" IPV6("0014", "06"), 8, true);
	expect(&p, ETH("86dd") IPV6("0008", "3a") "8000000000000000", 0, false);
	expect(&p, ETH("8100") "00640800" IPV4("0038", "01") "0301000000000000" IPV4("0028", "06"),
	       8, true);
	pcap_freecode(&p.bpf);
}

Test(filter, one_extension_header_does_not_hide)
{
	static const char *const other[] = {"81", NULL};
	struct program p = compile(port80);

	expect(&p, ETH("86dd") IPV6("001c", "00") "0600010400000000" TCP("5002"), 0, true);
	expect(&p,
	       ETH("86dd") IPV6("0024", "3c") "0601010c00000000"
					      "0000000000000000" TCP("5010"),
	       0, true);
	expect(&p, ETH("86dd") IPV6("001c", "2c") "060000000000abcd" TCP("5002"), 0, true);
	pcap_freecode(&p.bpf);
	p = compile(other);
	expect(&p, ETH("86dd") IPV6("001c", "00") "0600010400000000" TCP("5002"), 0, false);
	pcap_freecode(&p.bpf);
}

Test(filter, the_rest_of_a_fragmented_segment_passes)
{
	struct program p = compile(port80);

	expect(&p, ETH("0800") IPV4_FRAGMENT("0028", "2000", "06") TCP("5002"), 0, true);
	expect(&p, ETH("0800") IPV4_FRAGMENT("0018", "0002", "06") "00000000", 0, true);
	expect(&p, ETH("0800") IPV4_FRAGMENT("0018", "0002", "11") "00000000", 0, false);
	expect(&p,
	       ETH("86dd") IPV6("000c", "2c") "060000080000abcd"
					      "00000000",
	       0, true);
	pcap_freecode(&p.bpf);
}

Test(filter, many_targets_fit_and_too_many_are_refused)
{
	struct endpoint e[64];
	char text[FILTER_SIZE];
	struct program p;

	for (uint16_t i = 0; i < 64; i++)
		e[i] = (struct endpoint){.port = (uint16_t)(20000 + 5 * i)};
	cr_assert_eq(capture_filter_format(e, 64, text, 4096), 0);
	p = compile_text(text, DLT_EN10MB);
	/* The kernel takes 4,096 instructions, and no more than net.core.optmem_max holds. */
	cr_expect_leq(p.bpf.bf_len, 1024);
	pcap_freecode(&p.bpf);
	for (size_t n = 0; n < 1000; n++)
		cr_expect_eq(capture_filter_format(e, 64, text, n), -ENOSPC);
	for (uint16_t i = 0; i < 64; i++) {
		memset(e[i].address.bytes, 0xfe, 16);
		e[i].address.bytes[15] = (uint8_t)i;
	}
	cr_expect_eq(capture_filter_format(e, 64, text, 4096), -ENOSPC);
}

Test(filter, it_is_fitted_to_the_link_type)
{
	struct endpoint e = {.port = 80};
	char text[FILTER_SIZE], out[FILTER_SIZE];
	struct program p;

	cr_assert_eq(capture_filter_format(&e, 1, text, sizeof(text)), 0);
	/* libpcap knows VLAN tags on Ethernet alone */
	cr_assert_eq(filter_adapt(text, false, 0, out, sizeof(out)), 0);
	p = compile_text(out, DLT_RAW);
	expect(&p, TO4("0028", "002"), 0, true);
	expect(&p, FROM6("0014", "012"), 0, true);
	expect(&p, FROM4("0064", "018"), 60, false);
	pcap_freecode(&p.bpf);

	cr_assert_eq(filter_adapt(text, false, 1, out, sizeof(out)), 0);
	p = compile_text(out, DLT_LINUX_SLL2);
	expect(&p,
	       "08000000000000010304"
	       "00"
	       "06"
	       "0000000000000000" TO4("0028", "002"),
	       0, true);
	expect(&p,
	       "08000000000000010304"
	       "04"
	       "06"
	       "0000000000000000" TO4("0028", "002"),
	       0, false);
	expect(&p,
	       "08000000000000020001"
	       "04"
	       "06"
	       "0000000000000000" TO4("0028", "002"),
	       0, true);
	pcap_freecode(&p.bpf);

	cr_assert_eq(filter_adapt("tcp", true, 0, out, sizeof(out)), 0);
	cr_expect_str_eq(out, "(tcp)");
	cr_assert_eq(filter_adapt(NULL, true, 0, out, sizeof(out)), 0);
	cr_expect_str_empty(out);
	cr_assert_eq(filter_adapt(NULL, true, 3, out, sizeof(out)), 0);
	cr_expect_str_eq(out, "not (ifindex 3 and outbound)");
	cr_expect_eq(filter_adapt(text, true, 3, out, 100), -ENOSPC);
}
