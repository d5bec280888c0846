# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic and writers for the tests; runs inside a network namespace.

generation                    print the ruleset's generation
serve ADDRESS PORT            send bytes to whoever connects, about 2 MB/s each
download ADDRESS PORT [SOURCE_PORT]  receive from it; print the sum of bytes ten times a second
echo PROTOCOL ADDRESS PORT    answer each TCP connection or UDP packet
ask PROTOCOL ADDRESS PORT N   ask an echo server N times, each from a port of its own; fails if one
                              answer is missing
ask_from PORT PROTOCOL ADDRESS PORT N  ask with one socket, bound to that port
ping ADDRESS N                echo requests, one after the other
write TABLE                   add an element for each turn, and add and delete a rule, until stdin
                              ends; then print the number of turns
"""
import random
import socket
import struct
import subprocess
import sys
import threading
import time


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def generation():
    """NFT_MSG_GETGEN (include/uapi/linux/netfilter/nf_tables.h)."""
    nfnl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    nfnl.send(struct.pack("=IHHII", 20, 10 << 8 | 16, 1, 1, 0) + struct.pack("=BBH", 0, 0, 0))
    reply = nfnl.recv(8192)
    rest = reply[20:]
    while len(rest) >= 8:
        length, kind = struct.unpack("=HH", rest[:4])
        if kind & 0x3FFF == 1:
            print(struct.unpack(">I", rest[4:8])[0])
            return
        rest = rest[(length + 3) & ~3:]
    sys.exit("no generation in the reply")


def listen(address, port, kind=socket.SOCK_STREAM):
    sock = socket.socket(family_of(address), kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(128)
    print("ready", flush=True)
    return sock


def pour(connection):
    chunk = bytes(20000)
    try:
        while True:
            connection.sendall(chunk)
            time.sleep(0.01)
    except OSError:
        connection.close()


def serve(address, port):
    sock = listen(address, int(port))
    while True:
        connection, _ = sock.accept()
        threading.Thread(target=pour, args=(connection,), daemon=True).start()


def download(address, port, source_port="0"):
    sock = socket.socket(family_of(address), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", int(source_port)))
    sock.settimeout(10)
    sock.connect((address, int(port)))
    total, printed = 0, 0.0
    while True:
        got = len(sock.recv(65536))
        if not got:
            sys.exit("the server closed the connection")
        total += got
        if time.monotonic() - printed > 0.1:
            printed = time.monotonic()
            print(total, flush=True)


def echo(protocol, address, port):
    if protocol == "udp":
        sock = listen(address, int(port), socket.SOCK_DGRAM)
        while True:
            data, peer = sock.recvfrom(2048)
            sock.sendto(data, peer)
    sock = listen(address, int(port))
    while True:
        connection, _ = sock.accept()
        with connection:
            connection.sendall(connection.recv(2048))


def ask(protocol, address, port, count):
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    # Ports that are given out at random may come twice: then an entry would be missing.
    first = random.randrange(32768, 60000 - int(count))
    for number in range(int(count)):
        with socket.socket(family_of(address), kind) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.settimeout(3)
            sock.bind(("", first + number))
            sock.connect((address, int(port)))
            word = f"question {number}".encode()
            sock.send(word)
            if sock.recv(2048) != word:
                sys.exit("a wrong answer")


def ask_from(source_port, protocol, address, port, count):
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(family_of(address), kind) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(3)
        sock.bind(("", int(source_port)))
        sock.connect((address, int(port)))
        for number in range(int(count)):
            word = f"question {number}".encode()
            sock.send(word)
            if sock.recv(2048) != word:
                sys.exit("a wrong answer")


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    return ~(total % 0xFFFF) & 0xFFFF


def ping(address, count):
    six = ":" in address
    request, reply = (128, 129) if six else (8, 0)
    protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
    with socket.socket(family_of(address), socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(3)
        for number in range(int(count)):
            packet = struct.pack(">BBHHH", request, 0, 0, 4711, number)
            if not six:
                packet = struct.pack(">BBHHH", request, 0, checksum(packet), 4711, number)
            sock.sendto(packet, (address, 0))
            while True:
                answer = sock.recv(2048)[0 if six else 20:]
                if answer[0] == reply and answer[4:8] == packet[4:8]:
                    break


def write(table):
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    turns = 0
    print("ready", flush=True)
    while not stop.is_set():
        script = f"add element {table} seen {{ {turns} }}\n"
        if turns % 2 == 0:
            script += f"add rule {table} busy meta mark {turns}\n"
        else:
            script += f"flush chain {table} busy\n"
        subprocess.run(["nft", "-f", "-"], input=script, text=True, check=True)
        turns += 1
        time.sleep(0.01)
    print(turns, flush=True)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
