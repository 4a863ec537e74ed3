"""A handshake in every encapsulation: name -> (link type, a function from an IP packet to a frame).

Headers are put together by hand, by the documents that are named. What is here is what `tcpdump` and
Wireshark write and read; docs/captures.md says what synscope opens.
"""
import struct

OUTER4 = ("0a000001", "0a000002")
OUTER6 = ("fd00" + "0" * 27 + "1", "fd00" + "0" * 27 + "2")
MACS = "020000000001020000000002"


def b(text):
    return bytes.fromhex(text)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(payload, protocol, addresses=OUTER4, options="", ident=0, fragment=0x4000):
    options = b(options)
    header = struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), ident, fragment, 64,
                         protocol, 0) + b(addresses[0]) + b(addresses[1]) + options
    return header[:10] + struct.pack(">H", checksum(header)) + header[12:] + payload


def ipv6(payload, following, addresses=OUTER6):
    return b("60000000") + struct.pack(">HBB", len(payload), following, 64) + b(addresses[0]) + b(addresses[1]) + payload


def ip_type(packet):
    return 0x0800 if packet[0] >> 4 == 4 else 0x86dd


def ip_protocol(packet):
    return 4 if packet[0] >> 4 == 4 else 41


def ethernet(payload, ethertype=None):
    return b(MACS) + struct.pack(">H", ip_type(payload) if ethertype is None else ethertype) + payload


def typed(payload):
    """The EtherType of an IP packet, and the packet."""
    return struct.pack(">H", ip_type(payload)) + payload


def udp(payload, port, source=49152):
    return ipv4(struct.pack(">HHHH", source, port, 8 + len(payload), 0) + payload, 17)


def udp6(payload, port):
    datagram = struct.pack(">HHHH", 49152, port, 8 + len(payload), 0) + payload
    pseudo = b(OUTER6[0]) + b(OUTER6[1]) + struct.pack(">II", len(datagram), 17)
    return ipv6(datagram[:6] + struct.pack(">H", checksum(pseudo + datagram) or 0xffff) + datagram[8:], 17)


def gre(flags, payload, ethertype=None, fields=""):
    return ipv4(struct.pack(">HH", flags, ip_type(payload) if ethertype is None else ethertype) + b(fields) + payload, 47)


def gre_checksum(payload):
    packet = struct.pack(">HHI", 0x8000, ip_type(payload), 0) + payload
    return ipv4(packet[:4] + struct.pack(">HH", checksum(packet), 0) + packet[8:], 47)


def extension(packet, kind, header):
    """An IPv6 packet with an extension header put first. header has 00 where the next one's kind stands."""
    return packet[:4] + struct.pack(">HB", len(packet) - 40 + len(header), kind) + packet[7:40] + packet[6:7] + header[1:] \
        + packet[40:]


def llc(payload):
    return b("aaaa03000000") + typed(payload)


def ppp(payload):
    return b("0021" if payload[0] >> 4 == 4 else "0057") + payload


def pppoe(payload):
    return b("11000001") + struct.pack(">H", len(ppp(payload))) + ppp(payload)


def nflog(payload):
    """Attributes in the byte order of the writer: little endian here, as the file."""
    return (b("0200 0000" if payload[0] >> 4 == 4 else "0a00 0000") + b("0800 0100 0800 0300".replace(" ", ""))
            + b("0500 0a00 00000000") + struct.pack("<HH", 4 + len(payload), 9) + payload)


def radiotap(flags, frame):
    return b("0000 0900 02000000") + bytes((flags,)) + frame


def wlan(payload, control="0801", qos="", fourth="", sequence="0000"):
    return (b(control) + b("0000" + "020000000003" + "020000000001" + "020000000002" + sequence) + b(fourth) + b(qos)
            + llc(payload))


def amsdu(payload):
    inner = llc(payload)
    return (b("8801" + "0000" + "020000000003" + "020000000001" + "020000000002" + "0000") + b("8000")
            + b(MACS) + struct.pack(">H", len(inner)) + inner)


def mpls(payload, *labels):
    stack = b"".join(struct.pack(">I", label << 12 | (i == len(labels) - 1) << 8 | 64) for i, label in enumerate(labels))
    return stack + payload


def gtp(payload, flags=0x30, optional=""):
    return udp(struct.pack(">BBHI", flags, 255, len(payload) + len(b(optional)), 0x1234) + b(optional) + payload, 2152)


def l2tp(payload, flags, fields):
    content = b("ff03") + ppp(payload)
    length = struct.pack(">H", 2 + 2 + len(b(fields)) + len(content)) if flags & 0x4000 else b""
    return udp(struct.pack(">H", flags) + length + b(fields) + content, 1701)


def geneve(payload, ethertype, options=""):
    return udp(struct.pack(">BBHI", len(b(options)) // 4, 0, ethertype, 0x00123400) + b(options) + payload, 6081)


def erf(kind, payload, extensions=""):
    return b("0" * 16) + struct.pack(">BBHHH", kind | (0x80 if extensions else 0), 4, 16 + len(b(extensions)) + len(payload), 0,
                                     len(payload)) + b(extensions) + payload


def tzsp(payload):
    return b("0100 0001 01") + ethernet(payload)


VXLAN = "0800000000002a00"
NSH = "0fc6{:02x}{:02x}00000101" + "0" * 32  # base (RFC 8300): version, length 6 words; MD type 1; next protocol

ETHERNET = {
    "ethernet": ethernet,
    "vlan": lambda p: ethernet(b("0064") + typed(p), 0x8100),
    "priority tag": lambda p: ethernet(b("e000") + typed(p), 0x8100),
    "qinq": lambda p: ethernet(b("0064 8100 00c8") + typed(p), 0x88a8),
    "three tags": lambda p: ethernet(b("0064 8100 00c8 8100 0001") + typed(p), 0x9100),
    "snap": lambda p: b(MACS) + struct.pack(">H", len(llc(p))) + llc(p),
    "mpls": lambda p: ethernet(mpls(p, 16), 0x8847),
    "mpls of three labels": lambda p: ethernet(mpls(p, 16, 17, 18), 0x8847),
    "mpls upstream": lambda p: ethernet(mpls(p, 16), 0x8848),
    "pseudowire": lambda p: ethernet(mpls(b("00000000") + ethernet(p), 16), 0x8847),
    "mpls behind a tag": lambda p: ethernet(b("0064 8847") + mpls(p, 16), 0x8100),
    "pppoe": lambda p: ethernet(pppoe(p), 0x8864),
    "pppoe behind two tags": lambda p: ethernet(b("0064 8100 00c8 8864") + pppoe(p), 0x88a8),
    "backbone": lambda p: ethernet(b("00000064") + ethernet(p), 0x88e7),
    "macsec, signed": lambda p: ethernet(b("2000 00000001 0200000000010001") + typed(p) + b("0" * 32), 0x88e5),
    "gre": lambda p: ethernet(gre(0, p)),
    "gre with checksum": lambda p: ethernet(gre_checksum(p)),
    "gre with key": lambda p: ethernet(gre(0x2000, p, fields="00000007")),
    "gre with sequence": lambda p: ethernet(gre(0x1000, p, fields="00000001")),
    "gre with key and sequence": lambda p: ethernet(gre(0x3000, p, fields="0000000700000001")),
    "gre with ethernet": lambda p: ethernet(gre(0, ethernet(p), 0x6558)),
    "gre with mpls": lambda p: ethernet(gre(0, mpls(p, 16), 0x8847)),
    "pptp": lambda p: ethernet(gre(0x3081, b("ff03") + ppp(p), 0x880b, struct.pack(">HH", len(p) + 4, 1).hex()
                                   + "0000000100000001")),
    "gre with wlan": lambda p: ethernet(gre(0, wlan(p, "8801", qos="0000", sequence="8080"), 0x8200)),
    "gre with wlan of another radio": lambda p: ethernet(gre(0, wlan(p), 0x8310)),
    "erspan i": lambda p: ethernet(gre(0, ethernet(p), 0x88be)),
    "erspan ii": lambda p: ethernet(gre(0x1000, b("1064000100000000") + ethernet(p), 0x88be, "00000001")),
    "erspan iii": lambda p: ethernet(gre(0x1000, b("206400010000000000000000") + ethernet(p), 0x22eb, "00000001")),
    "ip in ip": lambda p: ethernet(ipv4(p, ip_protocol(p))),
    "ip in ipv6": lambda p: ethernet(ipv6(p, ip_protocol(p))),
    "ip in ip in ip": lambda p: ethernet(ipv4(ipv4(p, ip_protocol(p)), 4)),
    "mpls in ip": lambda p: ethernet(ipv4(mpls(p, 16), 137)),
    "ethernet in ip": lambda p: ethernet(ipv4(b("3000") + ethernet(p), 97)),
    "ah": lambda p: ethernet(ipv4(bytes((ip_protocol(p),)) + b("04 0000 00000100 00000001 000000000000000000000000") + p, 51)),
    "vxlan": lambda p: ethernet(udp(b(VXLAN) + ethernet(p), 4789)),
    "vxlan in ipv6": lambda p: ethernet(udp6(b(VXLAN) + ethernet(p), 4789)),
    "vxlan with a tag": lambda p: ethernet(udp(b(VXLAN) + ethernet(b("0064") + typed(p), 0x8100), 4789)),
    "vxlan gpe": lambda p: ethernet(udp(b("0c0000{:02x}00002a00".format(1 if p[0] >> 4 == 4 else 2)) + p, 4790)),
    "nsh": lambda p: ethernet(b(NSH.format(1, 1 if p[0] >> 4 == 4 else 2)) + p, 0x894f),
    "nsh in vxlan gpe": lambda p: ethernet(udp(b("0c00000400002a00") + b(NSH.format(1, 3)) + ethernet(p), 4790)),
    "geneve": lambda p: ethernet(geneve(ethernet(p), 0x6558)),
    "geneve with options": lambda p: ethernet(geneve(ethernet(p), 0x6558, "0102800200000001000000020103000100000003")),
    "geneve with ip": lambda p: ethernet(geneve(p, ip_type(p))),
    "gtp-u": lambda p: ethernet(gtp(p)),
    "gtp-u with sequence": lambda p: ethernet(gtp(p, 0x32, "00010000")),
    "gtp-u with a session": lambda p: ethernet(gtp(p, 0x34, "00000085 01 0009 00")),
    "gtp-u with two extensions": lambda p: ethernet(gtp(p, 0x36, "00010085 01 1009 c0 01 0001 00")),
    "l2tp": lambda p: ethernet(l2tp(p, 0x0002, "00010002")),
    "l2tp with length": lambda p: ethernet(l2tp(p, 0x4002, "00010002")),
    "l2tp with everything": lambda p: ethernet(l2tp(p, 0x4a02, "0001000200010000 0002 0000")),
    "teredo": lambda p: ethernet(udp(p if p[0] >> 4 == 6 else ipv6(p, 4), 3544)),
    "mpls in udp": lambda p: ethernet(udp(mpls(p, 16), 6635)),
    "lisp": lambda p: ethernet(udp(b("8800000000000001") + p, 4341)),
    "tzsp": lambda p: ethernet(udp(tzsp(p), 37008)),
    "capwap with wlan": lambda p: ethernet(udp(b("00 1003 00 0000 0000") + wlan(p, "0108"), 5247)),
    "capwap with wlan, all swapped": lambda p: ethernet(udp(b("00 1003 00 0000 0000") + wlan(p, "0108", sequence="7630"), 5247)),
    "capwap with wlan and qos, all swapped": lambda p: ethernet(udp(b("00 1003 00 0000 0000")
                                                                    + wlan(p, "0288", qos="ff05", sequence="0a10"), 5247)),
    "capwap": lambda p: ethernet(udp(b("00 1002 00 0000 0000") + ethernet(p), 5247)),
    "fabricpath": lambda p: ethernet(b("0120") + ethernet(p), 0x8903),
    "trill": lambda p: ethernet(b("0001 0001 0002") + ethernet(p), 0x22f3),
    "cisco metadata": lambda p: ethernet(b("0101 0001 0064") + typed(p), 0x8909),
    "batman": lambda p: ethernet(b("400f 3201 020000000002") + ethernet(p), 0x4305),
}

# Only where the packet itself is of that version.
IPV4 = {
    "options": lambda p: ethernet(p[:1].replace(b"\x45", b"\x46") + p[1:2] + struct.pack(">H", len(p) + 4) + p[4:20]
                                  + b("94040000") + p[20:]),
    "no total length": lambda p: ethernet(p[:2] + b"\0\0" + p[4:]),
}
IPV6 = {
    "hop by hop": lambda p: ethernet(extension(p, 0, b("0000050200000100"))),
    "routing": lambda p: ethernet(extension(p, 43, b("0000040000000000"))),
    "destination options": lambda p: ethernet(extension(p, 60, b("0000010400000000"))),
    "atomic fragment": lambda p: ethernet(extension(p, 44, b("0000000000000007"))),
    "ah in ipv6": lambda p: ethernet(extension(p, 51, b("0004000000000100000000010000000000000000 00000000"))),
    "three extensions": lambda p: ethernet(extension(extension(extension(p, 60, b("0000010400000000")), 43,
                                                               b("0000040000000000")), 0, b("0000050200000100"))),
}

# name -> (LINKTYPE_ value as a file has it, ...)
LINKS = {
    "raw": (101, lambda p: p),
    "null": (0, lambda p: struct.pack("<I", 2 if p[0] >> 4 == 4 else 24) + p),
    "null of darwin": (0, lambda p: struct.pack("<I", 2 if p[0] >> 4 == 4 else 30) + p),
    "loop": (108, lambda p: struct.pack(">I", 2 if p[0] >> 4 == 4 else 24) + p),
    "cooked": (113, lambda p: b("0000 0001 0006 0200000000010000") + typed(p)),
    "cooked, tagged": (113, lambda p: b("0000 0001 0006 0200000000010000 8100 0064") + typed(p)),
    "cooked 2": (276, lambda p: struct.pack(">H", ip_type(p)) + b("0000 00000002 0001 00 06 0200000000010000") + p),
    "ppp": (9, lambda p: b("ff03") + ppp(p)),
    "ppp, compressed": (9, lambda p: ppp(p)[1:]),
    "ppp serial": (50, lambda p: b("ff03") + ppp(p)),
    "ppp with direction": (204, lambda p: b("01ff03") + ppp(p)),
    "pppoe alone": (51, pppoe),
    "cisco hdlc": (104, lambda p: b("0f00") + typed(p)),
    "frame relay": (107, lambda p: b("1841 03") + b("cc" if p[0] >> 4 == 4 else "8e") + p),
    "frame relay with snap": (107, lambda p: b("1841 03 00 80 000000") + typed(p)),
    "nflog": (239, nflog),
    "wlan": (105, wlan),
    "wlan with qos": (105, lambda p: wlan(p, "8801", qos="0000")),
    "wlan with four addresses": (105, lambda p: wlan(p, "0803", fourth="020000000004")),
    "wlan of several packets": (105, amsdu),
    "radiotap": (127, lambda p: radiotap(0, wlan(p))),
    "radiotap with a checksum": (127, lambda p: radiotap(0x10, wlan(p) + b("00000000"))),
    "radiotap with padding": (127, lambda p: radiotap(0x20, wlan(p, "8801", qos="00000000"))),
    "ppi": (192, lambda p: b("0000 0800 69000000") + wlan(p)),
    "ppi with ethernet": (192, lambda p: b("0000 0800 01000000") + ethernet(p)),
    "mpls alone": (219, lambda p: mpls(p, 16)),
    "enc": (109, lambda p: struct.pack("<I", 2 if p[0] >> 4 == 4 else 24) + b("00000000 00000000") + p),
    "fddi": (10, lambda p: b("50" + MACS) + llc(p)),
    "token ring": (6, lambda p: b("1040" + MACS) + llc(p)),
    "atm": (100, llc),
    "sun atm": (123, lambda p: b("02 00 0064") + llc(p)),
    "ip over fibre channel": (122, lambda p: b("1000020000000001 1000020000000002") + llc(p)),
    "firewire": (138, lambda p: b("0200000000000001 0200000000000002") + typed(p)),
    "ip over infiniband": (242, lambda p: b("0" * 80) + typed(p)[:2] + b("0000") + p),
    "pflog": (117, lambda p: bytes((61, 2 if p[0] >> 4 == 4 else 24)) + b("00" * 62) + p),
    "juniper ethernet": (178, lambda p: b("4d4743 00") + ethernet(p)),
    "endace": (197, lambda p: erf(2, b("0000") + ethernet(p))),
    "endace with an extension": (197, lambda p: erf(2, b("0000") + ethernet(p), "0300000000000000")),
    "endace with ip": (197, lambda p: erf(22 if p[0] >> 4 == 4 else 23, p)),
    "broadcom tag": (281, lambda p: b(MACS) + b("00000001") + typed(p)),
    "broadcom tag before": (282, lambda p: b("00000001") + ethernet(p)),
    "dsa tag": (284, lambda p: b(MACS) + b("c0080000") + typed(p)),
    "dsa tag with a type": (285, lambda p: b(MACS) + b("dada 0000 c0080000") + typed(p)),
    "ipnet": (226, lambda p: struct.pack(">BBHIIIII", 1, 2 if p[0] >> 4 == 4 else 26, 0, len(p), 1, 2, 0, 0) + p),
}


def all_of_them():
    """Yields name, version of IP, link type, function."""
    for version in (4, 6):
        for name, wrap in {**ETHERNET, **(IPV4 if version == 4 else IPV6)}.items():
            yield name, version, 1, wrap
        for name, (linktype, wrap) in LINKS.items():
            yield name, version, linktype, wrap
