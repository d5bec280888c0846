# SPDX-License-Identifier: GPL-2.0-or-later
"""Every rule of the corpus that is imported, all of them at once, and some thousand random packets:
each rule must count in nf_tables what it counts in iptables-legacy."""
import random
import re
import socket
import struct

import frames as f
import pytest
import test_import_packets
from conftest import SANITIZED
from test_import import corpus, refusals_of
from test_import_packets import Pair

PORTS = [0, 1, 5, 7, 21, 22, 53, 69, 79, 80, 81, 85, 90, 91, 95, 443, 1000, 1023, 1024, 2000, 2001, 40000, 65535]
# No source is a broadcast address: of those the manual says that rpfilter differs.
SOURCES = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.3.1", "10.1.2.3", "192.168.1.77", "8.8.8.8",
           "1.1.1.1", "10.7.3.1"]
DESTINATIONS = SOURCES + ["127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.255", "1.2.3.4"]
SOURCES6 = ["2001:db8::1", "2001:db8::2", "2001:db8::9", "2001:db8:1::1", "fe80::1", "::ffff:10.0.0.1"]
DESTINATIONS6 = SOURCES6 + ["ff02::1", "2001:db8:5::1"]
COUNTS = [0, 0, 1, 2, 3, 4, 5, 8, 11, 12, 13, 42, 128, 129, 133, 135, 136, 137, 143, 255]

# What depends on time, chance, a processor, or packets before it, and what is no match.
APART = re.compile(r"limit|quota|random|-m cpu|socket|-m recent|--?w|-[46vnxc] |set-c|--ipv4|localhost|match-set")


def crowd(program, untrack, ns):
    """Matches of rules in PREROUTING that can be imported."""
    rules = []
    for chain, rule in dict.fromkeys(corpus(program)):
        match = re.fullmatch(r"(.*\S) +-j (NOTRACK|DROP|ACCEPT)", rule)
        listed = match and re.search(r"-{1,2}(s|d|src|dst|source|destination) \S*,", match[1])
        if chain == "PREROUTING" and match and not listed and not APART.search(match[1]):
            rules.append((chain, match[1]))
    left_out = {}
    for begin in range(0, len(rules), 100):
        part = refusals_of(untrack, ns, program, rules[begin:begin + 100])
        left_out |= {begin + number: why for number, why in part.items()}
    return [rule for number, (_, rule) in enumerate(rules) if number not in left_out]


# Sets of the types that are common in kernels, and what asks them.
SETS = """create masked hash:ip netmask 24
add masked 10.0.0.0
create timed hash:ip timeout 100
add timed 10.0.0.2 timeout 50
create nets hash:net
add nets 10.0.0.0/8
create services hash:ip,port
add services 10.0.0.1,tcp:80
add services 10.0.0.1,udp:53
create netports hash:net,port
add netports 10.0.0.0/24,tcp:80-85
create links hash:net,iface
add links 10.0.0.0/24,eth0
create hosts bitmap:ip range 10.0.0.0-10.0.0.255
add hosts 10.0.0.2
create ports bitmap:port range 0-1024
add ports 80
add ports 443
create counted hash:ip counters comment
add counted 10.0.0.3 packets 0 bytes 0 comment "hi"
create none hash:ip
"""
ASKED = [f"-m set {no}--match-set {name} {side}" for name in ("masked", "timed", "nets", "hosts", "counted", "none")
         for no in ("", "! ") for side in ("src", "dst")]
ASKED += [f"-m set --match-set {name} {sides}" for name in ("services", "netports")
          for sides in ("src,src", "src,dst", "dst,src", "dst,dst")]
ASKED += ["-m set --match-set links src,src", "-m set --match-set ports src", "-m set --match-set ports dst",
          "-p tcp -m set ! --match-set ports dst", "-p udp -m set ! --match-set services dst,dst",
          "-m set --match-set masked src -m set --match-set nets dst", "-p udplite -m set --match-set services dst,dst",
          "-m state --state INVALID"]  # which puts fragments together


def tcp_options(r):
    kinds = [b"\x01", b"\x03\x03\x07", b"\x04\x02", b"\x05\x0a" + bytes(8), b"\x08\x0a" + bytes(8)]
    kinds += [b"\x02\x04" + struct.pack("!H", mss) for mss in (999, 1000, 1200, 1400, 1460, 1501)]
    return b"".join(r.choice(kinds) for _ in range(r.choice([0, 0, 1, 2, 3])))


def transport(r, protocol, source, destination):
    sport, dport = r.choice(PORTS), r.choice(PORTS)
    spi = r.choice([0, 1, 4, 5, 6, 7, 10, 11, 16, 0xffffffff])
    if protocol == 6:
        return f.tcp(sport, dport, r.choice([0, 1, 2, 2, 0x12, 0x10, 0x29, 0x3f, 4, 0x42, 0x82, r.randrange(256)]),
                     tcp_options(r), source, destination)
    if protocol in (17, 136):
        return f.udp(sport, dport, bytes(r.choice([0, 10, 22, 36, 72, 100, 172, 1000])), source, destination)
    if protocol == 1:
        return f.icmp(r.choice(COUNTS), r.choice([0, 0, 1, 2, 3, 4, 255]))
    if protocol == 58:
        return f.icmp6(r.choice(COUNTS), r.choice([0, 0, 1, 2, 3, 4, 255]), bytes(20), source, destination)
    if protocol == 132:
        return f.sctp(*((r.choice([0, 1, 2, 3, 4, 6, 10]), r.randrange(8)) for _ in range(r.randint(1, 3))),
                      sport=sport, dport=dport)
    if protocol == 33:
        return f.dccp(r.choice([0, 1, 2, 7, 9, 12]), sport, dport)
    if protocol == 50:
        return struct.pack("!I", spi) + bytes(16)
    if protocol == 51:
        return bytes([6, 4, 0, 0]) + struct.pack("!I", spi) + bytes(16)
    if protocol == 108:
        return bytes([6, 0]) + struct.pack("!H", spi & 0xffff) + bytes(16)
    if protocol == 135:
        return bytes([59, 0, r.randrange(9), 0, 0, 0, 0, 0])
    return r.randbytes(30)


def frame4(r):
    source, destination = r.choice(SOURCES), r.choice(DESTINATIONS)
    protocol = r.choice([6, 6, 6, 17, 17, 1, 1, 132, 33, 136, 50, 51, 108, 47, 2, 4, 41, 58, 112, 253, 255])
    payload = transport(r, protocol, source, destination)
    options = r.choice([b"", b"", b"\x01\x01\x01\x00", b"\x44\x08\x05\x00\x00\x00\x00\x00", b"\x94\x04\x00\x00"])
    cut = r.random() < 0.1 and protocol != 1
    place = r.choice([0x2000, 0x2000, 1, 0x2002, 5]) if cut else r.choice([0, 0x4000])
    payload += bytes(-len(payload) % 8) if cut else b""
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4,
                       r.choice([0, 0, 0x10, 0x11, 0x0e, 0x28, 0xb8, 0x98, 1, 2, 3, r.randrange(256)]),
                       20 + len(options) + len(payload), r.randrange(65536), place,
                       r.choice([1, 4, 5, 63, 64, 65, 255]), protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination)) + options
    head = head[:10] + struct.pack("!H", f.checksum(head)) + head[12:]
    return f.ethernet(head + payload, 0x0800, r.choice([f.PEER, f.PEER, bytes.fromhex("001122334455")]),
                      r.choice([f.HOST, f.HOST, f.HOST, b"\xff" * 6, bytes.fromhex("01005e000001")]))


def frame6(r):
    source, destination = r.choice(SOURCES6), r.choice(DESTINATIONS6)
    protocol = r.choice([6, 6, 17, 17, 58, 58, 50, 135, 132, 33, 1, 47, 253])
    payload = transport(r, protocol, source, destination)
    headers = []
    if r.random() < 0.15:
        headers.append((0, r.choice([bytes([0]) + b"\1\4\0\0\0\0", bytes([1]) + b"\1\2\0\0\5\2\0\0\1\4\0\0\0\0"])))
    if r.random() < 0.15:
        headers.append((60, r.choice([bytes([0]) + b"\1\4\0\0\0\0", bytes([1]) + b"\1\x0c" + bytes(12)])))
    if r.random() < 0.15:
        headers.append((43, bytes([2, r.choice([0, 2, 4]), r.choice([0, 1, 5, 6])]) + bytes(20)))
    return f.ip6(protocol, payload, source, destination, r.choice([1, 5, 63, 64, 65, 255]),
                 r.choice([0, 0x10, 0x28, 0xb8, 0x29, 1, 2, 3, r.randrange(256)]), headers)


def silence(pair):
    """Answers would be counted, too."""
    for ns in (pair.old, pair.new):
        for program in ("iptables-legacy", "ip6tables-legacy"):
            for chain in ("INPUT", "OUTPUT", "FORWARD"):
                ns.run(program, "-P", chain, "DROP")


def test_sets_count_random_packets_alike(make_netns, untrack, monkeypatch):
    monkeypatch.setattr(test_import_packets, "IPSET", SETS)
    pair = Pair(make_netns, untrack)
    pair.load(ASKED)
    silence(pair)
    r = random.Random("sets")
    for _ in range(2 if SANITIZED else 8):
        pair.send([frame4(r) for _ in range(250)])
    counts = pair.compare()
    assert sum(count > 0 for count in counts.values()) > len(ASKED) * 3 // 4, counts


@pytest.mark.parametrize("program", ["iptables", "ip6tables"])
def test_a_crowd_of_rules_counts_random_packets_alike(make_netns, untrack, program):
    six = program == "ip6tables"
    pair = Pair(make_netns, untrack)
    rules = crowd(program, untrack, pair.new)[::5 if SANITIZED else 1]
    pair.load(rules, six=six)
    silence(pair)
    r = random.Random(f"{program} crowd")
    sent = 500 if SANITIZED else 3000
    for _ in range(0, sent, 250):
        pair.send([frame6(r) if six else frame4(r) for _ in range(250)])
    counts = pair.compare()
    telling = [rule for rule, count in counts.items() if 0 < count < sent]
    assert len(telling) > (len(rules) // 3 if SANITIZED else len(rules) // 2), counts
