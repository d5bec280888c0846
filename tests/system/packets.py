# SPDX-License-Identifier: GPL-2.0-or-later
"""Three network namespaces in a row, packets sent for real between them, and what the one in the
middle did with each: the rules it met, whether it was tracked, whether it came through."""
import ctypes
import json
import os
import random
import re
import socket
import struct
import threading
import time

import frames
from conftest import Netns, run

# Marks the one packet under test; no rule of the rulesets looks at it.
IP_ID = 4321
SO_MARK = 36
HERE = {"10.0.1.1", "10.0.2.1", "2001:db8:1::1"}
FLAGS = {"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16}
TYPES = {"echo-request": (8, 128), "echo-reply": (0, 129), "time-exceeded": (11, 3),
         "destination-unreachable": (3, 1), "parameter-problem": (12, 4)}
ANSWERS = {8: 0, 128: 129}

# Loaded first, so that it stands behind the last step of tracking, of the same priority.
LAST = f"""
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
STATES = f"""
		ip id {IP_ID} ct state untracked counter name untracked
		ip id {IP_ID} ct state != untracked counter name tracked
		ip6 flowlabel {IP_ID} ct state untracked counter name untracked
		ip6 flowlabel {IP_ID} ct state != untracked counter name tracked
"""
# Right behind tracking.
STATE = f"""
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


def inside(ns, make):
    """What make() returns, called in the network namespace: a socket stays in it."""
    made = []

    def work():
        with open(ns.path) as file:
            assert ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) == 0
        made.append(make())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return made[0]


class Packet:
    """One packet in words, and its bytes."""

    def __init__(self, protocol, source, destination, ports=None, kind=None, flags=None, mark=0):
        self.protocol, self.source, self.destination = protocol, source, destination
        self.ports, self.kind, self.flags, self.mark = ports, kind, flags, mark
        self.six = ":" in source
        self.out = source in HERE
        self.sequence, self.acknowledged = 1000, 2000

    @staticmethod
    def random(chance):
        six = chance.random() < 0.35
        protocol = chance.choice(["tcp", "tcp", "tcp", "udp", "udp", "icmpv6" if six else "icmp"])
        here = sorted(a for a in HERE if (":" in a) == six)
        peers = (["2001:db8:1::2", "2001:db8:2::2"] if six else
                 ["10.0.1.2", "203.0.113.9", "10.0.2.2"])
        if chance.random() < 0.3:
            source = chance.choice(here)
            destination = chance.choice(peers + here[:1])
        else:
            source, destination = chance.choice(peers[:-1]), chance.choice(here + peers[-1:])
        ports = kind = flags = None
        if protocol.startswith("icmp"):
            kind = TYPES[chance.choice(sorted(TYPES))][six] if chance.random() < 0.5 else \
                TYPES["echo-request"][six]
        else:
            ports = tuple(chance.choice([22, 53, 80, 443, 8080, 40000]) for _ in range(2))
        if protocol == "tcp":
            flags = chance.choice([None, None, None, "ack", "syn,ack", "rst", "fin,ack", "psh,ack"])
        mark = chance.choice([0, 0, 0, 1, 2, 0x103])
        return Packet(protocol, source, destination, ports, kind, flags, mark)

    def text(self):
        def end(address, number):
            if self.ports is None:
                return address
            return f"[{address}]:{self.ports[number]}" if self.six else \
                f"{address}:{self.ports[number]}"

        words = [self.protocol, end(self.source, 0), ">", end(self.destination, 1)]
        if self.kind is not None:
            names = [name for name, numbers in TYPES.items() if numbers[self.six] == self.kind]
            words += ["type", names[0]]
        if self.flags:
            words += ["flags", self.flags]
        if self.mark:
            words += ["mark", hex(self.mark)]
        return " ".join(words + (["from", "here"] if self.out else ["on", "eth0"]))

    def transport(self):
        """The protocol's number, and all behind the header of IP; 16 bytes of data, as trace."""
        ends = {"source": self.source, "destination": self.destination}
        if self.protocol == "tcp":
            flags = sum(FLAGS[f] for f in (self.flags or "syn").split(","))
            return 6, frames.tcp(*self.ports, flags, **ends, sequence=self.sequence,
                                 acknowledged=self.acknowledged if flags & FLAGS["ack"] else 0)
        if self.protocol == "udp":
            return 17, frames.udp(*self.ports, bytes(16), **ends)
        data = struct.pack("!HH", 1, 1) + bytes(16)
        if self.six:
            return 58, frames.icmp6(self.kind, 0, data, **ends)
        return 1, frames.icmp(self.kind, 0, data)

    def bytes(self):
        number, body = self.transport()
        if self.six:
            ends = b"".join(socket.inet_pton(socket.AF_INET6, a)
                            for a in (self.source, self.destination))
            return struct.pack("!IHBB", 6 << 28 | IP_ID, len(body), number, 64) + ends + body
        return frames.ip4(number, body, self.source, self.destination,
                          identification=IP_ID)[14:]

    def answer(self, entry):
        """entry: how the kernel expects the answer (source, destination, ports), or None."""
        source, destination, ports = entry or (self.destination, self.source,
                                               self.ports and self.ports[::-1])
        flags = None
        if self.protocol == "tcp":
            flags = "syn,ack" if self.flags in (None, "syn") else "ack"
        answer = Packet(self.protocol, source, destination, ports,
                        ANSWERS.get(self.kind, self.kind), flags)
        counts = self.flags is None or "syn" in self.flags or "fin" in self.flags
        answer.sequence, answer.acknowledged = self.acknowledged, self.sequence + counts
        return answer


class Net:
    """client - host - behind; the host routes."""

    def __init__(self):
        self.client, self.host, self.behind = Netns(), Netns(), Netns()
        for ns in (self.client, self.host, self.behind):
            # Nothing speaks but the tests.
            for scope in ("all", "default"):
                ns.sysctl(f"net.ipv6.conf.{scope}.router_solicitations", 0)
                ns.sysctl(f"net.ipv6.conf.{scope}.addr_gen_mode", 1)
                ns.sysctl(f"net.ipv6.conf.{scope}.accept_ra", 0)
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
        links = json.loads(run(["ip", "-n", self.host.name, "-j", "link", "show"]).stdout)
        self._macs = {link["ifname"]: link.get("address") for link in links}
        self._wires = {"eth0": inside(self.client, self._wire), "eth1": inside(self.behind, self._wire)}
        self._raw = inside(self.host, self._raws)
        self._last, self._marked = {}, False
        self._netlink = inside(self.host, lambda: socket.socket(socket.AF_NETLINK,
                                                                socket.SOCK_RAW, 12))

    @staticmethod
    def _wire():
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        wire.bind(("eth0", 0))
        return wire

    @staticmethod
    def _raws():
        four = socket.socket(socket.AF_INET, socket.SOCK_RAW, 255)
        six = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 255)
        six.setsockopt(41, 36, 1)  # IPV6_HDRINCL
        return {False: four, True: six}

    def close(self):
        for sock in [*self._wires.values(), *self._raw.values(), self._netlink]:
            sock.close()
        for ns in (self.client, self.host, self.behind):
            ns.close()

    def forget(self):
        """Empties the connection table. (IPCTNL_MSG_CT_DELETE without a tuple)"""
        self._netlink.send(struct.pack("=IHHII", 20, 1 << 8 | 2, 5, 1, 0)
                           + struct.pack("=BBH", 0, 0, 0))
        self._netlink.recv(4096)

    def _mark(self, packet):
        """A packet that comes in gets its mark from what a host may do with it before netfilter."""
        text = "add table netdev m-mark\ndelete table netdev m-mark\n" if self._marked else ""
        self._marked = packet.mark and not packet.out
        if self._marked:
            text += (f"table netdev m-mark {{ chain in {{ type filter hook ingress device eth0 "
                     f"priority 500; ip id {IP_ID} meta mark set {packet.mark}\n"
                     f"ip6 flowlabel {IP_ID} meta mark set {packet.mark}\n}}\n}}\n")
        if text:
            self.host.nft(text)

    def send(self, packet):
        if packet.out:
            raw = self._raw[packet.six]
            raw.setsockopt(socket.SOL_SOCKET, SO_MARK, packet.mark)
            try:
                raw.sendto(packet.bytes(), (packet.destination, 0))
            except PermissionError:  # dropped by a rule
                pass
            return
        device = "eth1" if packet.source in ("10.0.2.2", "2001:db8:2::2") else "eth0"
        head = bytes.fromhex(self._macs[device].replace(":", "")) + frames.PEER
        self._wires[device].send(head + (b"\x86\xdd" if packet.six else b"\x08\0")
                                 + packet.bytes())

    def _counts(self):
        """{(family, table, chain, handle) or a named counter: packets}"""
        counts = {}
        # Cheaper than `ip netns exec`, which mounts what nft does not need.
        text = run(["nsenter", f"--net={self.host.path}", "nft", "-j", "list", "ruleset"]).stdout
        for item in json.loads(text)["nftables"]:
            rule, counter = item.get("rule"), item.get("counter")
            if counter:
                counts[counter["name"]] = counter["packets"]
            for statement in rule["expr"] if rule else []:
                if "counter" in statement and "packets" in statement["counter"]:
                    key = (rule["family"], rule["table"], rule["chain"], rule["handle"])
                    counts[key] = statement["counter"]["packets"]
        return counts

    def watch(self, packet):
        """(tracking, verdict, rules met) of the packet, sent for real."""
        before = self._last
        self.send(packet)
        time.sleep(0.002)
        self._last = after = self._counts()
        met = {key for key, count in after.items()
               if count > before.get(key, 0) and isinstance(key, tuple)
               and not key[1].startswith("m-")}
        grown = {key for key, count in after.items() if count > before.get(key, 0)}
        return ("tracked" if "tracked" in grown else "untracked",
                "accept" if "delivered" in grown else "drop", met)

    def entry(self, packet):
        """How the kernel expects the packet's answer."""
        for line in self.host.entries():
            found = re.findall(r"\b(src|dst|sport|dport)=(\S+)", line)
            half = len(found) // 2
            there, back = dict(found[:half]), dict(found[half:])
            ports = tuple(int(there[k]) for k in ("sport", "dport") if k in there)
            if (packet.source, packet.destination, packet.ports or ()) == (
                    there["src"], there["dst"], ports):
                ports = tuple(int(back[k]) for k in ("sport", "dport") if k in back)
                return back["src"], back["dst"], ports or None
        return None

    def both(self, packet, nat):
        """The packet and then its answer. nat: the answer may not be the packet turned around."""
        self.forget()
        self._mark(packet)
        there = self.watch(packet)
        answer = packet.answer(self.entry(packet) if nat else None)
        return there, self.watch(answer)


# --- rulesets: what a seed makes is valid by construction

class Rules:
    def __init__(self, seed):
        self.chance = random.Random(seed)

    def pick(self, *things):
        return self.chance.choice(things)

    def maybe(self, share):
        return self.chance.random() < share


class NftRules(Rules):
    """Native nf_tables: sets, maps, verdict maps, jumps, NAT, states, policies, notrack."""

    def l4(self):
        port = self.pick("22", "80", "{ 53, 443 }", "1-1023", "!= 80", "@ports")
        return self.pick(f"tcp dport {port}", f"tcp dport {port}", f"udp dport {port}",
                         f"tcp sport {port}", f"th dport {port}", "tcp flags syn / syn,ack",
                         "tcp flags & (fin | syn | rst | ack) == syn", "tcp flags ack",
                         "meta l4proto { icmp, ipv6-icmp }", "icmp type echo-request",
                         "icmpv6 type { echo-request, time-exceeded }", "icmp type != echo-reply")

    def l3(self):
        return self.pick("ip saddr 203.0.113.0/24", "ip daddr 10.0.2.0/24", "ip daddr @hosts",
                         "ip6 daddr 2001:db8:2::/64", "ip6 saddr 2001:db8:1::2",
                         "ip saddr . tcp dport { 10.0.1.2 . 80, 203.0.113.9 . 22 }",
                         "ip saddr . ip daddr . th dport @flows", "ip ttl 64", "meta nfproto ipv6")

    def other(self, hook):
        kinds = ["meta mark 1", "meta mark & 2 == 2", "meta mark != 0", "fib daddr type local",
                 "fib saddr . iif oif exists" if hook == "prerouting" else "meta mark 0",
                 "ct state new", "ct state untracked", "ct state invalid", "ct direction reply",
                 "ct state { new, untracked }", "ct state vmap { invalid : drop, new : continue }"]
        if hook not in ("output", "postrouting"):
            kinds += ['iifname "eth0"', 'iifname != "eth0"', "iif lo"]
        if hook in ("output", "forward", "postrouting"):
            kinds += ['oifname "eth1"', 'oifname "lo"']
        return self.pick(*kinds)

    def condition(self, hook, most=2):
        parts = [part for part, share in ((self.l4(), 0.6), (self.l3(), 0.3), (self.other(hook), 0.4))
                 if self.maybe(share)]
        if sum("ct state vmap" in part for part in parts):
            return "ct state { established, new, untracked }"
        icmp, six = any("icmp " in p for p in parts), any("ip6" in p or "ipv6" in p for p in parts)
        four = any("ip " in p for p in parts) or icmp
        tcp = any("tcp" in p for p in parts)
        other = any(w in p for p in parts for w in ("udp", "icmp", "th "))
        if (four and (six or any("icmpv6" in p for p in parts))) or (tcp and other):
            return parts[0]  # nft refuses what can match nothing
        return " ".join(parts[:most + 1])

    def rule(self, hook, priority):
        if self.maybe(0.12):
            return self.pick("tcp dport vmap { 22 : accept, 80 : jump sub, 443 : goto sub }",
                             "meta l4proto vmap { udp : jump sub, icmp : continue }",
                             "ip daddr vmap { 10.0.2.2 : jump sub, 10.0.1.1 : continue }",
                             "udp dport vmap @verdicts",
                             "meta mark set tcp dport map { 22 : 1, 80 : 2, 443 : 0x103 }")
        if priority < -200:
            action = self.pick("notrack", "notrack", "notrack accept", "accept", "continue",
                               "jump sub", "meta mark set 1", "jump raw")
        else:
            action = self.pick("accept", "accept", "drop", "continue", "return", "meta mark set 1",
                               "meta mark set meta mark or 2", "jump sub", "goto sub", "notrack")
            if action == "notrack" and hook not in ("prerouting", "output"):
                action = "counter"
        return f"{self.condition(hook)} counter {action}"

    def chains(self):
        out = ""
        for hook, priorities in (("prerouting", (-300, -290, -150)), ("input", (0, 10)),
                                 ("forward", (0,)), ("output", (-300, 0)), ("postrouting", (10,))):
            for priority in self.chance.sample(priorities, self.chance.randint(0, len(priorities))):
                policy = "drop" if priority >= 0 and self.maybe(0.3) else "accept"
                rules = "\n".join(self.rule(hook, priority)
                                  for _ in range(self.chance.randint(1, 6)))
                out += (f"chain {hook}_{priority + 400} {{\ntype filter hook {hook} priority "
                        f"{priority}; policy {policy};\n{rules}\n}}\n")
        return out

    def nat(self):
        return ("chain nat_in { type nat hook prerouting priority -100\n"
                "tcp dport 80 counter dnat ip to 10.0.2.2:8080\n"
                "udp dport 53 counter redirect to :5353\n"
                "icmp type echo-request ip daddr 10.0.1.1 counter dnat to 10.0.2.2\n}\n"
                "chain nat_out { type nat hook postrouting priority 100\n"
                f"{self.pick('ip daddr 10.0.2.0/24', 'th dport 8080', '')} "
                "oifname \"eth1\" counter masquerade\n}\n")

    def text(self):
        self.has_nat = self.maybe(0.5)
        return ("table inet t {\n"
                "set ports { type inet_service; flags interval; elements = { 53, 400-500, 8080 } }\n"
                "set hosts { type ipv4_addr; elements = { 10.0.1.1, 10.0.2.2 } }\n"
                "set flows { type ipv4_addr . ipv4_addr . inet_service; flags interval; elements = "
                "{ 10.0.1.0/24 . 10.0.2.0/24 . 1-1023, 203.0.113.9 . 10.0.1.1 . 443 } }\n"
                "map verdicts { type inet_service : verdict; elements = { 53 : jump sub, 443 : accept"
                " } }\n"
                "chain sub {\ntcp dport 443 counter accept\nudp dport 53 counter drop\n"
                "counter jump deeper\n}\nchain deeper {\nmeta mark 2 counter drop\ncounter return\n}\n"
                "chain raw {\nudp dport 53 counter notrack\ntcp dport { 80, 443 } counter notrack "
                "accept\n}\n"
                "chain always { type filter hook input priority 300\nct state established counter\n}\n"
                + self.chains() + (self.nat() if self.has_nat else "") + "}\n")

    def load(self, net):
        net.host.nft(self.text())


class IptablesRules(Rules):
    """Through iptables-restore and ip6tables-restore, of either kind."""

    def __init__(self, seed, kind):
        super().__init__(seed)
        self.kind = kind

    def match(self, six, hook):
        icmp = "ipv6-icmp -m icmp6 --icmpv6-type" if six else "icmp -m icmp --icmp-type"
        port = self.pick("-m tcp --dport 22", "-m tcp --dport 80", "-m tcp --sport 1:1023",
                         "-m multiport --dports 53,443", "-m tcp ! --dport 80",
                         "-m tcp --tcp-flags SYN,ACK SYN")
        parts = [self.pick(f"-p tcp {port}", f"-p tcp {port}", "-p udp -m udp --dport 53",
                           f"-p {icmp} echo-request", "-p udp", "")]
        if self.maybe(0.3):
            parts.append(self.pick("-s 2001:db8:1::2", "-d 2001:db8:2::/64") if six else
                         self.pick("-s 203.0.113.0/24", "-d 10.0.2.0/24", "! -d 10.0.1.1"))
        if self.maybe(0.3):
            parts.append(self.pick("-m mark --mark 1", "-m mark --mark 0x2/0x2",
                                   "-m conntrack --ctstate NEW", "-m conntrack --ctstate UNTRACKED",
                                   "-m conntrack --ctstate INVALID", "-m addrtype --dst-type LOCAL",
                                   "-m state --state ESTABLISHED,UNTRACKED"))
        if self.maybe(0.2) and hook in ("PREROUTING", "INPUT", "FORWARD"):
            parts.append(self.pick("-i eth0", "! -i eth0"))
        return " ".join(parts)

    def table(self, six, name, hooks, targets):
        out = f"*{name}\n"
        for hook in hooks:
            drops = name == "filter" and self.maybe(0.3)
            out += f":{hook} {'DROP' if drops else 'ACCEPT'} [0:0]\n"
        out += ":sub - [0:0]\n" if "sub" in targets else ""
        for hook in hooks:
            for _ in range(self.chance.randint(1, 5)):
                out += f"-A {hook} {self.match(six, hook)} -j {self.pick(*targets)}\n"
        if "sub" in targets:
            out += "-A sub -p tcp -m tcp --dport 443 -j ACCEPT\n-A sub -p udp -j DROP\n"
        return out + "COMMIT\n"

    def text(self, six):
        out = self.table(six, "raw", ("PREROUTING", "OUTPUT"),
                         ("CT --notrack", "CT --notrack", "ACCEPT", "MARK --set-xmark 1", "RETURN"))
        out += self.table(six, "mangle", ("PREROUTING",), ("MARK --set-xmark 0x2/0x2", "ACCEPT"))
        out += self.table(six, "filter", ("INPUT", "FORWARD", "OUTPUT"),
                          ("ACCEPT", "ACCEPT", "DROP", "RETURN", "sub"))
        if self.has_nat and not six:
            out += ("*nat\n:PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
                    "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.2.2:8080\n"
                    "-A PREROUTING -p udp -m udp --dport 53 -j REDIRECT --to-ports 5353\n"
                    "-A POSTROUTING -o eth1 -j MASQUERADE\nCOMMIT\n")
        return out.replace("--set-xmark 1", "--set-xmark 0x1/0xffffffff")

    def load(self, net):
        self.has_nat = self.maybe(0.6)
        for six, program in ((False, "iptables"), (True, "ip6tables")):
            net.host.run(f"{program}-{self.kind}-restore", input=self.text(six))
