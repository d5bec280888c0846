# SPDX-License-Identifier: GPL-2.0-or-later
"""trace says what the kernel does: held to real packets between real namespaces."""
import json
import os
import random
import socket
import struct

import pytest

from conftest import SANITIZED, run

# Marks the one packet under test; no rule of the rulesets looks at it.
IP_ID = 4321

MEASURE_LAST = f"""
table inet m-last {{
	counter delivered {{ }}
	chain input {{
		type filter hook input priority 2147483647
		ip id {IP_ID} counter name delivered drop
		ip6 flowlabel {IP_ID} counter name delivered drop
	}}
	chain postrouting {{
		type filter hook postrouting priority 2147483647
		oifname "lo" accept
		ip id {IP_ID} counter name delivered drop
		ip6 flowlabel {IP_ID} counter name delivered drop
	}}
}}
"""
STATES = """
		ip id 4321 ct state untracked counter name untracked
		ip id 4321 ct state != untracked counter name tracked
		ip6 flowlabel 4321 ct state untracked counter name untracked
		ip6 flowlabel 4321 ct state != untracked counter name tracked
"""
MEASURE_STATE = f"""
table inet m-state {{
	counter untracked {{ }}
	counter tracked {{ }}
	chain prerouting {{
		type filter hook prerouting priority -199
{STATES}
	}}
	chain output {{
		type filter hook output priority -199
{STATES}
	}}
}}
"""


class Net:
    """client - host - behind; the host routes."""

    def __init__(self, make_netns):
        self.client, self.host, self.behind = make_netns(), make_netns(), make_netns()
        for end, device, net in ((self.client, "eth0", 1), (self.behind, "eth1", 2)):
            run(["ip", "-n", self.host.name, "link", "add", device, "type", "veth", "peer", "name",
                 "eth0", "netns", end.name])
            for ns, dev, last in ((self.host, device, 1), (end, "eth0", 2)):
                ns.ip("address", "add", f"10.0.{net}.{last}/24", "dev", dev)
                ns.ip("address", "add", f"2001:db8:{net}::{last}/64", "dev", dev, "nodad")
                ns.ip("link", "set", dev, "up")
        self.host.ip("route", "add", "203.0.113.0/24", "via", "10.0.1.2")
        for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            self.host.sysctl(name, 1)
        self.mac = json.loads(run(["ip", "-n", self.host.name, "-j", "link", "show", "eth0"])
                              .stdout)[0]["address"]


@pytest.fixture(scope="module")
def net():
    from conftest import Netns
    made = []

    def make():
        made.append(Netns())
        return made[-1]

    yield Net(make)
    for ns in made:
        ns.close()


# --- packets

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Packet:
    def __init__(self, chance):
        self.six = chance.random() < 0.3
        self.protocol = chance.choice(["tcp", "tcp", "udp", "icmpv6" if self.six else "icmp"])
        self.out = chance.random() < 0.25
        if self.six:
            here, peers = ["2001:db8:1::1"], ["2001:db8:1::2", "2001:db8:2::2"]
        else:
            here = ["10.0.1.1", "10.0.2.1"]
            peers = ["10.0.1.2", "203.0.113.9", "10.0.2.2"]
        self.source = chance.choice(here if self.out else peers[:-1])
        self.destination = chance.choice(peers if self.out else here + peers[-1:])
        if self.out and chance.random() < 0.2:
            self.destination = chance.choice(here)
        self.sport, self.dport = (chance.choice([22, 53, 80, 443, 40000]) for _ in range(2))

    def text(self):
        def end(address, port):
            address = f"[{address}]" if self.six else address
            return address if self.protocol.startswith("icmp") else f"{address}:{port}"

        return (f"{self.protocol} {end(self.source, self.sport)} > "
                f"{end(self.destination, self.dport)} "
                + ("from here" if self.out else "on eth0"))

    def transport(self):
        family = socket.AF_INET6 if self.six else socket.AF_INET
        ends = socket.inet_pton(family, self.source) + socket.inet_pton(family, self.destination)
        number = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}[self.protocol]
        if self.protocol == "tcp":
            body, at = struct.pack("!HHIIBBHHH", self.sport, self.dport, 7, 0, 80, 2, 9, 0, 0), 16
        elif self.protocol == "udp":
            body, at = struct.pack("!HHHH", self.sport, self.dport, 16, 0) + bytes(8), 6
        else:
            body, at = struct.pack("!BBHHH", 128 if self.six else 8, 0, 0, 1, 1) + bytes(8), 2
        pseudo = b"" if self.protocol == "icmp" else ends + struct.pack("!HH", number, len(body))
        return number, body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]

    def bytes(self):
        number, body = self.transport()
        family = socket.AF_INET6 if self.six else socket.AF_INET
        ends = socket.inet_pton(family, self.source) + socket.inet_pton(family, self.destination)
        if self.six:
            return struct.pack("!IHBB", 6 << 28 | IP_ID, len(body), number, 64) + ends + body
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), IP_ID, 0, 64, number, 0) + ends
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    def send(self, net):
        data = self.bytes().hex()
        if self.out:
            net.host.run("/usr/bin/python3", "-c", SEND_RAW, data, self.source, self.destination)
        else:
            net.client.run("/usr/bin/python3", "-c", SEND_FRAME,
                           net.mac.replace(":", "") + "020000000001"
                           + ("86dd" if self.six else "0800") + data)


SEND_FRAME = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(bytes.fromhex(sys.argv[1]))
"""
SEND_RAW = """
import socket, sys
data, source, to = bytes.fromhex(sys.argv[1]), sys.argv[2], sys.argv[3]
six = ":" in to
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 255)
if six:
    s.setsockopt(41, 36, 1)  # IPV6_HDRINCL
s.bind((source, 0))
try:
    s.sendto(data, (to, 0))
except PermissionError:  # dropped by a rule
    pass
"""


# --- rulesets

def condition(chance, hook):
    port = chance.choice(["22", "80", "{ 53, 443 }", "1-1023", "!= 80"])
    kinds = [f"tcp dport {port}", f"udp dport {port}", f"tcp sport {port}", f"th dport {port}",
             "meta l4proto { icmp, ipv6-icmp }", "ip saddr 203.0.113.0/24", "ip daddr 10.0.2.0/24",
             "ip6 daddr 2001:db8:2::/64", "meta mark 1", "meta mark & 2 == 2",
             "ip saddr . tcp dport { 10.0.1.2 . 80, 203.0.113.9 . 22 }",
             "tcp flags syn / syn,ack", "fib daddr type local"]
    if hook not in ("output", "postrouting"):
        kinds += ['iifname "eth0"', 'iifname != "eth0"', "iif lo"]
    if hook in ("output", "forward", "postrouting"):
        kinds += ['oifname "eth1"', 'oifname "lo"']
    kinds += ["ct state new", "ct state untracked", "ct state invalid", "ct state { new, untracked }"]
    return " ".join(chance.sample(kinds, chance.choice([0, 1, 1, 2])))


def loadable(netns, text):
    return netns.run("nft", "-c", "-f", "-", input=text, check=False).returncode == 0


def random_ruleset(chance, netns):
    """Only what nft takes: rules are tried one by one."""
    chains = []
    for hook, priorities in (("prerouting", (-300, -290, -150)), ("input", (0, 10)),
                             ("forward", (0,)), ("output", (-300, 0)), ("postrouting", (10,))):
        for priority in chance.sample(priorities, chance.randint(0, len(priorities))):
            policy = "drop" if priority >= 0 and chance.random() < 0.3 else "accept"
            rules = []
            for _ in range(chance.randint(1, 6)):
                actions = ["accept", "drop", "continue", "return", "meta mark set 1",
                           "meta mark set meta mark or 2", "jump sub", "goto sub"]
                if priority < -200:
                    actions = ["notrack", "notrack", "notrack accept", "accept", "continue",
                               "jump sub", "meta mark set 1"]
                rule = f"{condition(chance, hook)} counter {chance.choice(actions)}"
                head = (f"table inet t {{ chain sub {{ }}; chain c {{ type filter hook {hook} "
                        f"priority {priority}; ")
                if loadable(netns, head + rule + "\n}\n}\n"):
                    rules.append(rule)
            chains.append(f"chain {hook}_{priority + 400} {{\ntype filter hook {hook} priority "
                          f"{priority}; policy {policy};\n" + "\n".join(rules) + "\n}\n")
    nat = ""
    if chance.random() < 0.5:
        nat = (f"chain dnat {{ type nat hook prerouting priority -100\n"
               f"{condition(chance, 'prerouting')} tcp dport 80 counter dnat ip to 10.0.2.2:8080\n"
               "udp dport 53 counter redirect to :5353\n}\n"
               "chain snat { type nat hook postrouting priority 100\n"
               "oifname \"eth1\" counter masquerade\n}\n")
        nat = nat if loadable(netns, "table inet t {\n" + nat + "}\n") else ""
    return ("table inet t {\nchain sub {\ntcp dport 443 counter accept\nudp dport 53 counter drop\n"
            "counter\n}\nchain always { type filter hook input priority 300\nct state "
            "established counter\n}\n" + "".join(chains) + nat + "}\n")


# --- the comparison

def hits(ns):
    """Handles of the ruleset's rules that packets met, by chain."""
    met = set()
    for item in ns.nft_json("table", "inet", "t"):
        rule = item.get("rule")
        for statement in rule["expr"] if rule else []:
            if "counter" in statement and statement["counter"]["packets"]:
                met.add((rule["chain"], rule["handle"]))
    return met


def load(host, rules):
    host.nft("flush ruleset\n" + MEASURE_LAST)
    host.nft(rules)
    host.nft(MEASURE_STATE)


def really(net, rules, packet):
    """Tracking, verdict, and rules met. Loaded anew: nothing is counted yet."""
    load(net.host, rules)
    net.host.run("conntrack", "-F", check=False)
    packet.send(net)
    met = hits(net.host)
    counters = {**net.host.counters("inet m-last"), **net.host.counters("inet m-state")}
    return ("tracked" if counters["tracked"] else "untracked",
            "accept" if counters["delivered"] else "drop", met)


@pytest.mark.parametrize("seed", range(2 if SANITIZED else 10))
def test_agrees_with_real_packets(untrack, net, seed):
    chance = random.Random(seed)
    net.host.nft("flush ruleset")
    rules = random_ruleset(chance, net.host)
    for _ in range(int(os.environ.get("UNTRACK_TRACE_PACKETS", 6))):
        packet = Packet(chance)
        load(net.host, rules)
        said = untrack(net.host, "trace", "--json", packet.text()).json
        met = {(step["chain"], step["handle"]) for step in said["steps"]
               if step["table"] == "t" and step["handle"] and "counter" in step["rule"]}
        # Now and then the host has something to say itself (neighbour discovery), which counts too.
        for _ in range(5):
            real = really(net, rules, packet)
            if real == (said["tracking"], said["verdict"], met):
                break
        assert (said["tracking"], said["verdict"], met) == real, (packet.text(), said, rules)
