#!/usr/bin/python3
"""Writes the corpora of the capture's fuzz targets: tests/fuzz/corpus/NAME/*.

Every file is made here, from headers put together by hand; names say what is in them. Files that a
search found are kept beside them under names that this program does not use.
"""
import gzip
import lzma
import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"

CLIENT4, SERVER4 = "c0000207", "c0000201"
CLIENT6, SERVER6 = "20010db8" + "0" * 23 + "7", "20010db8" + "0" * 23 + "1"
SYN_OPTIONS = "020405b4 0402 080a1122334400000000 01 030307"


def b(text):
    return bytes.fromhex(text)


def tcp(flags="02", options="", data=""):
    options = b(options)
    return (b("c000 0050 01020304 05060708") + bytes([(5 + len(options) // 4) << 4]) + b(flags)
            + b("faf0 0000 0000") + options + b(data))


def ipv4(payload, protocol=6, fragment=0x4000, ident=0x1234, options="", total=None):
    options = b(options)
    size = 20 + len(options)
    return (struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, size + len(payload) if total is None else total, ident,
                        fragment, 64, protocol, 0) + b(CLIENT4) + b(SERVER4) + options + payload)


def ipv6(payload, following=6, length=None):
    return (b("60000000") + struct.pack(">HBB", len(payload) if length is None else length, following, 63)
            + b(CLIENT6) + b(SERVER6) + payload)


def udp(port, payload):
    return ipv4(struct.pack(">HHHH", 49153, port, 8 + len(payload), 0) + payload, 17)


def ethernet(ethertype, payload):
    return b("020000000001 020000000007") + struct.pack(">H", ethertype) + payload


P4, P6 = ipv4(tcp(options=SYN_OPTIONS)), ipv6(tcp(options=SYN_OPTIONS))
E4, E6 = ethernet(0x0800, P4), ethernet(0x86dd, P6)
LLC4, LLC6 = b("aaaa03000000 0800") + P4, b("aaaa03000000 86dd") + P6
WLAN = b("0801 0000 020000000001 020000000007 020000000001 0000")

# name -> (link type, frame); a third number is what the snaplen cut off.
LINKS = {
    "ethernet4": (1, E4),
    "ethernet6": (1, E6),
    "ethernet-cut": (1, E4[:50], 24),
    "ethernet-arp": (1, ethernet(0x0806, b("0001080006040001"))),
    "ethernet-udp": (1, ethernet(0x0800, udp(53, b("000001000001")))),
    "ethernet-bad": (1, ethernet(0x0800, ipv4(b("")))),
    "ethernet-esp": (1, ethernet(0x0800, ipv4(b("00000001"), 50))),
    "ethernet-fragment": (1, ethernet(0x0800, ipv4(b("0000000000000000"), fragment=0x0001))),
    "vlan": (1, ethernet(0x8100, b("0064 0800") + P4)),
    "qinq": (1, ethernet(0x88a8, b("0064 8100 0065 86dd") + P6)),
    "tags": (1, ethernet(0x8926, b("00000000 893f 000000000000 892f 00340001 f1c1 00000001 0800") + P4)),
    "llc": (1, ethernet(len(LLC4), LLC4)),
    "llc-ip": (1, ethernet(len(P4) + 3, b("060603") + P4)),
    "mpls": (1, ethernet(0x8847, b("0001d0ff 000111ff") + P4)),
    "mpls-ethernet": (1, ethernet(0x8847, b("0001d1ff 00000000") + E4)),
    "mpls-ethernet-bare": (1, ethernet(0x8847, b("0001d1ff") + E6)),
    "pppoe": (1, ethernet(0x8864, b("1100 0001") + struct.pack(">H", len(P4) + 2) + b("0021") + P4)),
    "macsec": (1, ethernet(0x88e5, b("2000 00000001 0200000000070001 0800") + P4)),
    "macsec-secret": (1, ethernet(0x88e5, b("0c00 00000001 0800") + P4)),
    "backbone": (1, ethernet(0x88e7, b("00000064") + E4)),
    "nsh": (1, ethernet(0x894f, b("0fc20203 0000ffff") + E4)),
    "icmp": (1, ethernet(0x0800, ipv4(b("0301000000000000") + P4[:28], 1))),
    "icmpv6": (1, ethernet(0x86dd, ipv6(b("0104000000000000") + P6[:48], 58))),
    "ipip": (12, ipv4(P4, 4)),
    "ip6ip": (12, ipv4(P6, 41)),
    "etherip": (12, ipv4(b("3000") + E4, 97)),
    "srv6-ethernet": (12, ipv6(E4, 143)),
    "mpls-in-ip": (12, ipv4(b("0001d1ff") + P4, 137)),
    "gre": (12, ipv4(b("b000 0800 00000000 00000001 00000002") + P4, 47)),
    "gre-ethernet": (12, ipv4(b("0000 6558") + E4, 47)),
    "gre-pptp": (12, ipv4(b("3081 880b 002c0001 00000001 00000001 ff030021") + P4, 47)),
    "gre-wccp": (12, ipv4(b("0000 883e 00000000") + P4, 47)),
    "gre-routing": (12, ipv4(b("4000 0800 00000000") + P4, 47)),
    "erspan1": (12, ipv4(b("0000 88be") + E4, 47)),
    "erspan2": (12, ipv4(b("1000 88be 00000001 1064000100000000") + E4, 47)),
    "erspan3": (12, ipv4(b("1000 22eb 00000001 206400010000000100000001 0000000000000000") + E4, 47)),
    "erspan3-ip": (12, ipv4(b("1000 22eb 00000001 206400010000000100000800") + P4, 47)),
    "vxlan": (12, udp(4789, b("08000000 00000100") + E4)),
    "vxlan-gpe": (12, udp(4790, b("0c000004 00000100 0fc20201 0000ffff") + P4)),
    "geneve": (12, udp(6081, b("02006558 00000100 0102800100000000") + E6)),
    "gtp": (12, udp(2152, b("34ff0034 00000001 00000085 01100120 01000000") + P4)),
    "l2tp": (12, udp(1701, b("4a02 0040 00010001 00000000 0002 0000 ff030021") + P4)),
    "teredo": (12, udp(3544, b("0001 0000 0000000000000000 00 0000 fffe 3ffffdf8") + P6)),
    "ayiya": (12, udp(5072, b("4152 11 29 00000000" + CLIENT6 + "00" * 20) + P6)),
    "lisp": (12, udp(4341, b("80000001 00000001") + P4)),
    "esp-in-udp": (12, udp(4500, b("00000100 00000001"))),
    "gre-in-udp": (12, udp(4754, b("0000 0800") + P4)),
    "mpls-in-udp": (12, udp(6635, b("0001d1ff") + P4)),
    "too-deep": (12, b"".join(ipv4(b(""), 4, total=0) for _ in range(20))),
    "sll": (113, b("0000 0001 0006 0200000000070000 0800") + P4),
    "sll-llc": (113, b("0000 0001 0006 0200000000070000 0004") + LLC4),
    "sll-wlan": (113, b("0000 0321 0006 0200000000070000 0000") + WLAN + LLC4),
    "sll-radiotap": (113, b("0000 0323 0006 0200000000070000 0000 0000 0800 00000000") + WLAN + LLC4),
    "sll-lo": (113, b("0004 0304 0006 0000000000000000 0800") + P4),
    "sll2": (276, b("0800 0000 00000002 0001 00 06 0200000000070000") + P4),
    "sll2-outgoing": (276, b("86dd 0000 00000002 0001 04 06 0200000000070000") + P6),
    "raw4": (12, P4),
    "raw6": (101, P6),
    "null": (0, b("02000000") + P4),
    "null6": (0, b("0000001e") + P6),
    "loop": (108, b("00000002") + P4),
    "ppp": (9, b("ff03 0021") + P4),
    "ppp-multilink": (9, b("3d c0000001 57") + P6),
    "ppp-bridged": (9, b("0031 0001") + E4),
    "ppp-serial": (50, b("0f00 0800") + P4),
    "ppp-ether": (51, b("1100 0001") + struct.pack(">H", len(P4) + 2) + b("0021") + P4),
    "ppp-direction": (204, b("01 ff03 0021") + P4),
    "hdlc": (104, b("0f00 0800") + P4),
    "hdlc-direction": (205, b("00 0f00 86dd") + P6),
    "frame-relay": (107, b("1841 0300 80 000000 0800") + P4),
    "frame-relay-cisco": (107, b("18400041 0800") + P4),
    "frame-relay-direction": (206, b("01 1841 03 8e") + P6),
    "slip": (8, b("00" * 16) + P4),
    "mpls-link": (219, b("0001d1ff") + P4),
    "wlan": (105, WLAN + LLC4),
    "wlan-qos": (105, b("8883 0000 020000000001 020000000007 020000000001 0000 020000000009 0000 00000000") + LLC6),
    "wlan-amsdu": (105, b("8801 0000 020000000001 020000000007 020000000001 0000 8000"
                          "020000000001 020000000007 0048") + LLC4),
    "wlan-secret": (105, b("0841") + WLAN[2:] + LLC4),
    "radiotap": (127, b("0000 1900 03000080 00000000 00000000 0000000000000000 20"
                        "8801 0000 020000000001 020000000007 020000000001 0000 0000 0000") + LLC4),
    "prism": (119, b("00" * 144) + WLAN + LLC4),
    "avs": (163, b("80211001 0000000c 00000000") + WLAN + LLC4),
    "ppi": (192, b("00000800 01000000") + E4),
    "nflog": (239, b("02000000 09000a00 6e66000000 000000") + struct.pack("<HH", len(P4) + 4, 9) + P4),
    "pflog": (117, b("3d020000" + "00" * 60) + P4),
    "pktap": (258, b("0c000000 01000000 01000000") + E4),
    "pktap-unknown": (258, b("0c000000 01000000 ffff0000") + E4),
    "enc": (109, b("02000000 00001000 00000000") + P4),
    "ipnet": (226, b("00" * 24) + P4),
    "ipoib": (242, b("00" * 40 + "08000000") + P4),
    "fddi": (10, b("50 020000000001 020000000007") + LLC4),
    "token-ring": (6, b("1040 020000000001 820000000007 0630 00120023") + LLC4),
    "atm": (11, b("fefe03 8e") + P6),
    "atm-bridged": (11, b("aaaa03 0080c2 0007") + E4),
    "atm-clip": (19, LLC4),
    "fibre-channel": (122, b("0000020000000001 0000020000000007") + LLC4),
    "firewire": (138, b("0000020000000001 0000020000000007 0800") + P4),
    "netanalyzer": (240, b("00000000") + E4),
    "netanalyzer-transparent": (241, b("00000000 55555555555555d5") + E4),
    "epon": (259, b("55555555555555d5") + E4),
    "mpacket": (274, b("55555555555555d5") + E4),
    "juniper-ethernet": (178, b("4d474381 0004 01020003") + E4),
    "juniper-ip": (178, b("4d474302") + P4),
    "juniper-ppp": (179, b("4d474301 ff030021") + P4),
    "juniper-frame-relay": (180, b("4d474301 184103cc") + P4),
    "juniper-hdlc": (181, b("4d474301 0f000800") + P4),
    "trill": (1, ethernet(0x22f3, b("0041 0001 0002 00000000") + E4)),
    "batman": (1, ethernet(0x4305, b("400f 3201 020000000002") + E4)),
    "batman-addresses": (1, ethernet(0x4305, b("420f 3201 020000000002 020000000003 0200") + E4)),
    "batman-broadcast": (1, ethernet(0x4305, b("010f 3200 00000001 020000000002") + E4)),
    "metadata": (1, ethernet(0x8909, b("0102 00010064 00020001 0800") + P4)),
    "tzsp": (12, udp(37008, b("0100 0001 00 0a01c0 01") + E4)),
    "tzsp-wlan": (12, udp(37008, b("0100 0012 01") + WLAN + LLC4)),
    "capwap": (12, udp(5247, b("00100200 00000000") + E4)),
    "capwap-wlan": (12, udp(5247, b("00200310 00000000 0400000000 000000") + b("0108") + WLAN[2:] + LLC4)),
    "sun-atm": (123, b("02000064") + LLC4),
    "sun-atm-lane": (123, b("81000064 0000") + E4),
    "erf": (197, b("00" * 8 + "8204 0000 0000 004a 0300000000000000") + b("0000") + E4),
    "erf-pos": (197, b("00" * 8 + "0104 0000 0000 0040") + b("0f000800") + P4),
    "erf-ip": (197, b("00" * 8 + "1704 0000 0000 0040") + P6),
    "broadcom-tag": (281, E4[:12] + b("00000001") + E4[12:]),
    "broadcom-tag-first": (282, b("00000001") + E4),
    "dsa-tag": (284, E4[:12] + b("c0080000") + E4[12:]),
    "edsa-tag": (285, E4[:12] + b("dada0000 c0080000") + E4[12:]),
    "unknown": (147, P4),
}


def links():
    for name, (linktype, frame, *cut) in LINKS.items():
        yield name, struct.pack("<HB", linktype, cut[0] if cut else 0) + frame


def packets(*several):
    """Each: the packet, or (packet, bytes cut off, seconds since the one before)."""
    out = bytes()
    for one in several:
        packet, cut, seconds = one if isinstance(one, tuple) else (one, 0, 0)
        out += struct.pack("<HBB", len(packet), cut, seconds) + packet
    return out


def fragments():
    header = tcp(options=SYN_OPTIONS)
    pieces4 = [ipv4(header[i:i + 8], fragment=i // 8 | (0x2000 if i + 8 < len(header) else 0))
               for i in range(0, len(header), 8)]
    pieces6 = [ipv6(struct.pack(">BBHI", 6, 0, i | (i + 16 < len(header)), 0xabcd) + header[i:i + 16], 44)
               for i in range(0, len(header), 16)]
    inner = struct.pack(">HHHH", 49153, 4789, 16 + len(E4), 0) + b("08000000 00000100") + E4
    yield "whole", packets(P4, P6)
    yield "options", packets(ipv4(tcp(), options="01830704" + SERVER4), ipv4(tcp(), options="94040000"))
    yield "extensions", packets(ipv6(b("2b00010400000000 3c00000000000000 3301010a00000000 0000000000000000"
                                       "0602000000000001 00000001 11111111") + tcp(), 0))
    yield "mobility", packets(ipv6(b("8b00000000000000 8c00000000000000 0600000000000000") + tcp(), 135))
    yield "jumbogram", packets(ipv6(b("0600c204 00010028") + tcp(), 0, length=0))
    yield "atomic", packets(ipv6(b("0600000000000001") + tcp(), 44))
    yield "in-order", packets(*pieces4)
    yield "backwards", packets(*reversed(pieces6))
    yield "twice", packets(*[p for p in pieces4 for _ in range(2)])
    yield "too-late", packets(pieces4[0], (pieces4[1], 0, 31), *pieces4[2:])
    yield "cut", packets((pieces4[0][:24], 4, 0), *pieces4[1:])
    yield "cut-whole", packets((P4[:30], 30, 0), (P6[:50], 30, 0), (pieces4[1][:20], 8, 0), (pieces6[0][:50], 14, 0))
    yield "beyond", packets(pieces4[-1], ipv4(b("00" * 8), fragment=0x3000), ipv4(b("00" * 8), fragment=0x1fff))
    yield "vxlan", packets(ipv4(inner[:64], 17, 0x2000), ipv4(inner[64:], 17, 8))
    yield "extension-behind", packets(ipv6(b("3c00000100000007 0600010400000000"), 44),
                                      ipv6(b("3c00000800000007") + tcp(), 44))
    yield "icmp", packets(ipv4(b("0b01000000000000") + pieces4[0], 1))
    yield "table-full", packets(*[ipv4(header[:8], fragment=0x2000, ident=i) for i in range(600)])
    yield "malformed", packets(ipv4(tcp(), total=10), b("4f000028") + P4[4:], ipv6(b("06ff000000000000"), 0))


def segments():
    names = {
        "syn": SYN_OPTIONS, "plain": "", "timestamps": "0101080a0000000100000002",
        "fastopen": "22020101", "fastopen-cookie": "220a1122334455667788 0101", "fastopen-old": "fe04f989",
        "fastopen-old-cookie": "fe0cf9891122334455667788", "multipath": "1e040181",
        "sack": "0101050a0000000100000002 0101080a0000000500000006", "zero-length": "03000000",
        "overlong": "03050000", "no-length": "01010103", "end": "000300ff",
    }
    for name, options in names.items():
        yield name, b"\0" + tcp(options=options)
    yield "data", b"\0" + tcp("18", data="474554202f0d0a")
    yield "cut-options", b"\x08" + tcp(options=SYN_OPTIONS)[:32]
    yield "cut-header", b"\x0a" + tcp()[:10]
    yield "short", b"\0" + tcp()[:10]
    yield "offset", b"\0" + b("c000 0050 01020304 05060708 4002 faf0 0000 0000")
    yield "offset-beyond", b"\0" + b("c000 0050 01020304 05060708 f002 faf0 0000 0000")


def messages():
    quoted4, quoted6 = P4[:28], P6[:48]
    for kind in (3, 4, 11, 12):
        yield f"icmp-{kind}", b"\0" + bytes([kind]) + b("01000000000000") + quoted4
    for kind in (1, 2, 3, 4):
        yield f"icmpv6-{kind}", b"\1" + bytes([kind]) + b("00000000000000") + quoted6
    yield "echo", b"\0" + b("0800000000000000") + quoted4
    yield "redirect", b"\0" + b("0501000000000000") + quoted4
    yield "udp", b"\0" + b("0303000000000000") + udp(53, b("00"))
    yield "fragment", b"\0" + b("0b01000000000000") + ipv4(b("00" * 8), fragment=2)
    yield "extensions", b"\1" + b("0104000000000000") + ipv6(b("0600010400000000") + tcp(), 0)
    yield "cut", b"\x10" + b("0301000000000000") + quoted4[:24]
    yield "nothing", b"\0" + b("0301000000000000")
    yield "version", b"\0" + b("0301000000000000") + b"\x35" + quoted4[1:]


def pcap(order="<", magic=0xa1b2c3d4, linktype=1, minor=4, frames=(E4, E6), extra=b"", snaplen=65535):
    out = struct.pack(order + "IHHiIII", magic, 2, minor, 0, 0, snaplen, linktype)
    for i, frame in enumerate(frames):
        out += struct.pack(order + "IIII", 1700000000 + i, 123456, len(frame), len(frame)) + extra + frame
    return out


def savefiles():
    yield "microseconds", pcap()
    yield "nanoseconds", pcap(magic=0xa1b23c4d)
    yield "big-endian", pcap(">")
    yield "big-endian-nanoseconds", pcap(">", magic=0xa1b23c4d)
    yield "version-2.3", pcap(minor=3)
    yield "patched", pcap(magic=0xa1b2cd34, extra=b("00000001 0000 00 00"))
    yield "version-2.9", pcap(minor=9)
    yield "cut-record", pcap()[:-20]
    yield "cut-header", pcap()[:50 + 16 + 74 - 10]
    yield "header-alone", pcap(frames=())
    yield "half-header", pcap()[:20]
    yield "long-frame", pcap(frames=(E4,)) + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30)
    yield "long-first-frame", pcap(frames=()) + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30)
    yield "unknown-link", pcap(linktype=147)
    yield "prose", b"This is not a capture."


def block(kind, body, order="<"):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, 12 + len(body)) + body + struct.pack(order + "I", 12 + len(body))


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order="<", major=1):
    return block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, major, 0, -1), order)


def interface(linktype=1, options=b"", order="<", snaplen=65535):
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def packet(of=0, frame=E4, order="<", stamp=1700000000123456, captured=None):
    return block(6, struct.pack(order + "IIIII", of, stamp >> 32, stamp & 0xffffffff,
                                len(frame) if captured is None else captured, len(frame)) + frame, order)


def pcapngs():
    yield "one", section() + interface() + packet() + packet(frame=E6)
    yield "big-endian", section(">") + interface(order=">") + packet(order=">")
    yield "several", section() + interface() + interface(101, option(9, b"\x09"), snaplen=96) + packet() + packet(1, P4)
    yield "sections", section() + interface() + packet() + section(">") + interface(12, order=">") + packet(0, P4, ">")
    yield "resolutions", section() + b"".join(
        interface(1, option(9, bytes([r])) + option(14, struct.pack("<q", 7)) + option(0, b"")) for r in
        (0, 3, 9, 12, 19, 0x80, 0x81, 0xbf)) + b"".join(packet(i, stamp=(1 << 63) + i) for i in range(8))
    yield "old-packet", section() + interface() + block(2, struct.pack("<HHIIII", 0, 0, 0, 7, len(E4), 1500) + E4)
    yield "simple-packet", section() + interface(snaplen=74) + block(3, struct.pack("<I", 1500) + E4)
    yield "statistics", section() + interface() + block(5, struct.pack("<III", 0, 0, 0) + option(
        5, struct.pack("<Q", 3)) + option(7, struct.pack("<Q", 4)) + option(0, b""))
    yield "others", section() + block(4, b("00000000")) + block(10, b("00" * 8)) + interface() + packet()
    yield "unknown-link", section() + interface(147) + packet()
    yield "cut", (section() + interface() + packet() + packet())[:-30]
    yield "cut-in-section", section()[:20]
    yield "no-interface", section() + packet()
    yield "wrong-interface", section() + interface() + packet() + packet(7)
    yield "long-packet", section() + interface() + packet(captured=65536)
    yield "version", section(major=2)
    yield "lengths", section()[:-4] + b("ffffffff")
    yield "no-order", section()[:8] + b("00000000") + section()[12:]
    yield "option-overrun", section() + interface(options=b("0900 ff00 06")) + packet()
    yield "resolution-overrun", section() + interface(options=option(9, b"\x7f"))


def zstd(content, checksum=False):
    """A frame of one raw block: what libzstd must read without compressing anything."""
    size = struct.pack("<H", len(content) - 256)
    header = b("28b52ffd") + bytes([0x60 | (4 if checksum else 0)]) + size
    return header + struct.pack("<I", len(content) << 3 | 1)[:3] + content


def zstd_repeated(byte, count):
    """A frame whose only block says how often a byte comes: many from few."""
    return b("28b52ffd a0") + struct.pack("<I", count) + struct.pack("<I", count << 3 | 3)[:3] + bytes([byte])


def streams():
    noise = 1
    frames = []
    for _ in range(12):
        data = bytearray()
        for _ in range(40):
            noise = (noise * 1103515245 + 12345) % (1 << 31)
            data.append(noise >> 16 & 0xff)
        frames.append(ethernet(0x0800, ipv4(tcp("18", data=data.hex()))))
    plain = pcap(frames=frames)
    formats = {"gzip": gzip.compress(plain, 9, mtime=0), "xz": lzma.compress(plain), "zstd": zstd(plain)}
    for name, data in formats.items():
        yield name, data
        yield f"{name}-cut", data[:len(data) * 2 // 3]
        yield f"{name}-damaged", data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 0x55]) + data[len(data) // 2 + 1:]
        yield f"{name}-magic", data[:6]
    yield "gzip-members", gzip.compress(plain[:100], mtime=0) + gzip.compress(plain[100:], mtime=0)
    yield "gzip-padded", formats["gzip"] + b"\0" * 32
    yield "gzip-pcapng", gzip.compress(section() + interface() + packet(), mtime=0)
    yield "gzip-prose", gzip.compress(b"This is not a capture.", mtime=0)
    yield "zstd-frames", zstd(plain[:300]) + zstd(plain[300:])
    yield "zstd-repeated", zstd_repeated(0, 100000)


def main():
    corpora = {"link": links, "fragment": fragments, "tcp": segments, "icmp": messages, "savefile": savefiles,
               "pcapng": pcapngs, "stream": streams}
    for name, make in corpora.items():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in make():
            (folder / file).write_bytes(content)


if __name__ == "__main__":
    main()
