# SPDX-License-Identifier: GPL-2.0-or-later
"""Fills a connection table with entries of mixed kinds, over ctnetlink. Run it in the namespace:

entries.py mixed COUNT SEED     tcp, udp, icmp, others; one-way, NATed, in zones, expected
entries.py web COUNT            one service's finished connections, as fast as they can be made
entries.py receive              receives the whole dump and throws it away; prints the processor
                                seconds that took
"""
import random
import socket
import struct
import sys
import time

NEW = 1 << 8  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW
GET = NEW | 1
REQUEST, ACK, CREATE, DUMP = 0x1, 0x4, 0x400, 0x300
NESTED = 0x8000
TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, NAT_SRC, TIMEOUT, NAT_DST = 1, 2, 3, 4, 6, 7, 13
MASTER, ZONE = 14, 18
SEEN_REPLY, ASSURED, CONFIRMED = 2, 4, 8
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58


def attr(kind, body):
    return struct.pack("=HH", 4 + len(body), kind) + body + b"\0" * (-len(body) % 4)


def address(text):
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    return family, socket.inet_pton(family, text)


def tuple_of(protocol, source, sport, destination, dport):
    family, source = address(source)
    _, destination = address(destination)
    first = 1 if family == socket.AF_INET else 3
    ip = attr(first, source) + attr(first + 1, destination)
    proto = attr(1, bytes([protocol]))
    if protocol in (ICMP, ICMP6):
        base = 4 if protocol == ICMP else 7
        # An echo request's id; the reply tuple has the reply's type.
        proto += attr(base, struct.pack(">H", sport)) + attr(base + 1, bytes([dport])) + \
            attr(base + 2, b"\0")
    elif sport:
        proto += attr(2, struct.pack(">H", sport)) + attr(3, struct.pack(">H", dport))
    return attr(1 | NESTED, ip) + attr(2 | NESTED, proto)


def message(kind, flags, family, body, sequence):
    body = struct.pack(">BBH", family, 0, 0) + body
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, sequence, 0) + body


def entry(protocol, source, sport, destination, dport, status=0, state=None, zone=None, to=None,
          master=None, sequence=0, flags=0):
    """One message that makes an entry. to: (address, port) it is translated to; master: a tuple."""
    reply_type = {(ICMP, 8): 0, (ICMP6, 128): 129}.get((protocol, dport))
    if reply_type is None:
        reply = tuple_of(protocol, destination, dport, source, sport)
    else:
        reply = tuple_of(protocol, destination, sport, source, reply_type)
    body = attr(TUPLE_ORIG | NESTED, tuple_of(protocol, source, sport, destination, dport))
    body += attr(TUPLE_REPLY | NESTED, reply)
    body += attr(TIMEOUT, struct.pack(">I", 3600)) + attr(STATUS, struct.pack(">I",
                                                                            CONFIRMED | status))
    if state is not None:
        body += attr(PROTOINFO | NESTED, attr(1 | NESTED, attr(1, bytes([state]))))
    if zone:
        body += attr(ZONE, struct.pack(">H", zone))
    if to:
        _, where = address(to[0])
        ports = attr(1, struct.pack(">H", to[1])) + attr(2, struct.pack(">H", to[1]))
        body += attr(NAT_DST | NESTED, attr(1, where) + attr(3 | NESTED, ports))
    if master:
        body += attr(MASTER | NESTED, master)
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    return message(NEW, CREATE | flags, family, body, sequence)


def netlink():
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind((0, 0))
    return s


def send(messages):
    """Sends them in batches; errors come back unasked, and the last one's ACK says it is over."""
    s, batch, size = netlink(), [], 0
    for m in messages:
        batch.append(m)
        size += len(m)
        if size > 100_000:
            s.send(b"".join(batch))
            batch, size = [], 0
    s.send(b"".join(batch) + entry(UDP, "127.0.0.9", 9, "127.0.0.9", 9, flags=ACK,
                                   sequence=0xffff))
    while True:
        data = s.recv(1 << 16)
        while data:
            length, kind, _, sequence, _ = struct.unpack("=IHHII", data[:16])
            code = struct.unpack("=i", data[16:20])[0]
            if kind == 2 and code:
                raise OSError(-code, f"entry refused (message {sequence})")
            if sequence == 0xffff:
                return
            data = data[length + 3 & ~3:]


def mixed(count, seed):
    """`count` different entries, the one that ends a batch among them."""
    rng = random.Random(seed)
    seen = set()
    masters = []
    hosts = ["192.0.2.10", "192.0.2.11", "198.51.100.1", "2001:db8::10", "2001:db8:5::1"]
    while len(seen) < count - 1:
        host = rng.choice(hosts)
        six = ":" in host
        client = f"2001:db8:9::{rng.randrange(1, 1 << 16):x}" if six else \
            f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        kind = rng.choice(["tcp"] * 8 + ["udp"] * 3 + ["icmp", "other", "client", "reply"])
        sport = rng.randrange(1024, 65536)
        status = rng.choice([0, SEEN_REPLY, SEEN_REPLY | ASSURED])
        more = {"zone": rng.choice([None] * 9 + [7])}
        if kind == "tcp":
            protocol, dport = TCP, rng.choice([80, 443, 22, 8080, 5432])
            more["state"] = rng.randrange(1, 10)
            if rng.random() < 0.1:
                more["to"] = ("2001:db8:77::1" if six else "203.0.113.77", rng.randrange(1, 60000))
        elif kind in ("udp", "client", "reply"):
            protocol, dport = UDP, rng.choice([53, 123, 51820])
        elif kind == "icmp":
            protocol, dport = (ICMP6, 128) if six else (ICMP, 8)
        else:
            protocol, sport, dport = rng.choice([99, 253]), 0, 0
        source, destination = client, host
        if kind == "client":
            source, destination, sport = host, client, rng.randrange(32768, 61000)
        if kind == "reply":  # a service's answer that nothing asked for
            source, destination, status = host, client, 0
            sport, dport = rng.choice([53, 123]), rng.randrange(40000, 65536)
        key = (protocol, source, sport, destination, dport, more["zone"], more.get("to"))
        if key[:6] in seen:
            continue
        seen.add(key[:6])
        if masters and not more["zone"] and rng.random() < 0.02:
            more["master"] = rng.choice(masters)
        if kind == "tcp" and len(masters) < 100 and not six and not more["zone"] and \
                "to" not in more:
            masters.append(tuple_of(protocol, source, sport, destination, dport))
            more.pop("master", None)
        if six and "master" in more:
            del more["master"]
        yield entry(protocol, source, sport, destination, dport, status, sequence=len(seen), **more)


def web(count):
    """Like entry(), but from a template."""
    template = entry(TCP, "10.0.0.0", 1, "192.0.2.10", 80, SEEN_REPLY | ASSURED, state=7)
    one = socket.inet_aton("10.0.0.0")
    address_at = [i for i in range(len(template)) if template.startswith(one, i)]
    port_at = [i for i in range(len(template))
               if template.startswith(struct.pack(">HH", 1, 0), i) and
               template[i - 4:i] in (struct.pack("=HH", 6, 2), struct.pack("=HH", 6, 3))]
    for n in range(count):
        m = bytearray(template)
        for at in address_at:
            m[at + 1:at + 4] = (n >> 5).to_bytes(3, "big")
        for at in port_at:
            m[at:at + 2] = struct.pack(">H", 32768 + n % 32)
        yield bytes(m)


def receive():
    s = netlink()
    buffer = bytearray(1 << 17)
    begin = time.process_time()
    s.send(message(GET, DUMP, socket.AF_UNSPEC, b"", 1))
    while True:
        length = s.recv_into(buffer)
        if struct.unpack_from("=H", buffer, 4)[0] == 3 or \
                (length >= 20 and struct.unpack_from("=H", buffer, length - 16)[0] == 3):
            break
    print(time.process_time() - begin)


if __name__ == "__main__":
    what, numbers = sys.argv[1], [int(n) for n in sys.argv[2:]]
    if what == "mixed":
        send(mixed(*numbers))
    elif what == "web":
        send(web(*numbers))
    else:
        receive()
