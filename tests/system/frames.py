# SPDX-License-Identifier: GPL-2.0-or-later
"""Ethernet frames byte by byte, and their way onto a link."""
import socket
import struct

HOST = bytes.fromhex("020000000001")
PEER = bytes.fromhex("020000000002")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(source, destination, protocol, length):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    packed = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    if family == socket.AF_INET6:
        return packed + struct.pack("!IHBB", length, 0, 0, protocol)
    return packed + struct.pack("!BBH", 0, protocol, length)


def ethernet(payload, kind, source=PEER, destination=HOST):
    return destination + source + struct.pack("!H", kind) + payload


def ip4(protocol, payload=b"", source="10.0.0.2", destination="10.0.0.1", ttl=64, tos=0,
        fragment=0, more=False, identification=1, mac=PEER, mac_to=HOST, pad=0):
    """fragment: its offset in eights of bytes."""
    payload += bytes(pad)
    head = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), identification,
                       fragment | (0x2000 if more else 0), ttl, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(head + payload, 0x0800, mac, mac_to)


def ip6(protocol, payload=b"", source="2001:db8::2", destination="2001:db8::1", hops=64, tclass=0,
        headers=()):
    """headers: (number, bytes behind its next-header byte), outermost first."""
    numbers = [number for number, _ in headers] + [protocol]
    body = b"".join(bytes([numbers[i + 1]]) + rest for i, (_, rest) in enumerate(headers)) + payload
    head = struct.pack("!IHBB", 6 << 28 | tclass << 20, len(body), numbers[0], hops)
    head += socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, destination)
    return ethernet(head + body, 0x86dd)


def tcp(sport=40000, dport=80, flags=0x02, options=b"", source="10.0.0.2", destination="10.0.0.1",
        sequence=1, acknowledged=0):
    options += b"\0" * (-len(options) % 4)
    head = struct.pack("!HHIIBBHHH", sport, dport, sequence, acknowledged,
                       (5 + len(options) // 4) << 4, flags, 1000, 0, 0)
    head += options
    total = checksum(pseudo(source, destination, 6, len(head)) + head)
    return head[:16] + struct.pack("!H", total) + head[18:]


def udp(sport=40000, dport=53, data=b"", source="10.0.0.2", destination="10.0.0.1"):
    head = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    total = checksum(pseudo(source, destination, 17, len(head)) + head) or 0xffff
    return head[:6] + struct.pack("!H", total) + head[8:]


def icmp(kind=8, code=0, data=b"\0\1\0\1"):
    body = struct.pack("!BBH", kind, code, 0) + data
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def icmp6(kind=128, code=0, data=b"\0\1\0\1", source="2001:db8::2", destination="2001:db8::1"):
    body = struct.pack("!BBH", kind, code, 0) + data
    total = checksum(pseudo(source, destination, 58, len(body)) + body)
    return body[:2] + struct.pack("!H", total) + body[4:]


def sctp(*chunks, sport=40000, dport=9999):
    """chunks: (type, flags)"""
    body = struct.pack("!HHII", sport, dport, 1, 0)
    for kind, flags in chunks:
        body += struct.pack("!BBHI", kind, flags, 8, 0)
    return body


def dccp(kind=0, sport=40000, dport=80):
    return struct.pack("!HHBBHBBHII", sport, dport, 6, 0, 0, kind << 1 | 1, 0, 0, 0, 0)


def send(link, frames):
    """Onto a link of the calling process's network namespace."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((link, 0))
        for frame in frames:
            out.send(frame)
