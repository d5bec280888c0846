# SPDX-License-Identifier: GPL-2.0-or-later
"""Imported rules do what iptables did: the same frames go through a namespace with iptables-legacy
and through one with the import, and each rule must have counted the same packets in both."""
import collections
import multiprocessing
import os
import re

import frames as f
import pytest

# Rules without a target count their packets and let them go on to the next.
PORTS = """
-p tcp
-p udp
! -p tcp
-p 132
-p tcp --dport 80
-p tcp ! --dport 80
-p tcp --dport 80:90
-p tcp --sport 1024: --dport 443
-p tcp --sport :1023
-p tcp -m tcp --dport http
-p udp --dport 53
-p udp ! --sport 40000:50000
-p tcp -m multiport --dports 80,443,8000:8010
-p tcp -m multiport ! --dports 80,443
-p tcp -m multiport --sports 53,1000:2000
-p tcp -m multiport --ports 443,53
-p tcp -m multiport ! --ports 80,443
-p udp -m multiport --ports 53
-p tcp --syn
-p tcp ! --syn
-p tcp --tcp-flags ALL NONE
-p tcp --tcp-flags ALL ALL
-p tcp --tcp-flags SYN,FIN SYN,FIN
-p tcp ! --tcp-flags ACK ACK
-p tcp --tcp-flags SYN,ACK,FIN,RST RST
-p tcp --dport 80 --tcp-flags SYN,ACK SYN
-p tcp --tcp-option 8
-p tcp ! --tcp-option 8
-p tcp --dport 80 --tcp-option 2
-p tcp -m tcpmss --mss 1400:1460
-p tcp -m tcpmss --mss 1400
-p tcp -m ecn --ecn-tcp-cwr
-p tcp -m ecn --ecn-tcp-ece
-p tcp -m ecn ! --ecn-tcp-ece
-p sctp --dport 9999
-p sctp ! --sport 40000
-p sctp --chunk-types any INIT
-p sctp --chunk-types all INIT,DATA
-p sctp ! --chunk-types any INIT,COOKIE_ECHO
-p dccp --dport 80
-p dccp --dccp-types REQUEST,RESET
-p dccp ! --dccp-types REQUEST
-p udplite -m multiport --dports 53
-p esp -m esp --espspi 5
-p esp -m esp ! --espspi 5:10
-p ah -m ah --ahspi 1:10
-p 108 -m ipcomp --ipcompspi 7
-p icmp
-p icmp --icmp-type 8
-p icmp --icmp-type echo-reply
-p icmp --icmp-type 3/4
-p icmp ! --icmp-type 3/4
-p icmp ! --icmp-type 3
-p icmp --icmp-type any
-p icmp --icmp-type fragmentation-needed
-p icmp --icmp-type host-unreachable
""".strip().splitlines()

HEADERS = """
-s 10.0.0.2
! -s 10.0.0.2
-s 10.0.0.0/24
-s 192.0.2.0/24 -d 10.0.0.1
-s 10.0.0.2/255.0.0.255
! -d 10.0.0.0/255.255.255.254
-s 10/8
-m iprange --src-range 192.0.2.5-192.0.2.20
-m iprange ! --src-range 192.0.2.5-192.0.2.20
-m iprange --dst-range 10.0.0.1-10.0.0.1
-i eth0
-i eth+
! -i eth0
-i lo
-m mac --mac-source 02:00:00:00:00:02
-m mac ! --mac-source 02:00:00:00:00:02
-m pkttype --pkt-type unicast
-m pkttype --pkt-type broadcast
-m pkttype ! --pkt-type multicast
-m addrtype --dst-type LOCAL
-m addrtype --dst-type BROADCAST,MULTICAST
-m addrtype ! --dst-type LOCAL
-m addrtype --src-type UNICAST
-m addrtype --src-type LOCAL,UNICAST --dst-type LOCAL
-m addrtype --dst-type LOCAL --limit-iface-in
-m length --length 28
-m length --length 40:100
-m length --length 100:
-m length ! --length 0:60
-m ttl --ttl-eq 64
-m ttl ! --ttl-eq 64
-m ttl --ttl-lt 5
-m ttl --ttl-gt 64
-m dscp --dscp 10
-m dscp --dscp-class EF
-m dscp ! --dscp 0
-m tos --tos 0x28
-m tos ! --tos 0x28
-m tos --tos 0x10/0x3f
-m tos ! --tos Minimize-Delay
-m ecn --ecn-ip-ect 1
-m ecn ! --ecn-ip-ect 0
-m ecn --ecn-ip-ect 3
-m rpfilter
-m rpfilter --invert
-m rpfilter --loose
-m rpfilter --validmark --loose --invert
-m devgroup --src-group 7
-m devgroup ! --src-group 7
-m devgroup --src-group 0x5/0x5
-m u32 --u32 "6&0xff=17"
-m u32 --u32 "0&0xffff=40:100"
-m u32 ! --u32 "8>>24=64"
-m u32 --u32 "12=0x0a000002 && 6&0xff=6"
-m u32 --u32 "20>>16=40000 && 6&0xff=6"
-m u32 --u32 "8&0xff000000=0x40000000,0x05000000"
-m u32 ! --u32 "12=0x0a000002,0xc0000205"
-m comment --comment "a comment" -p tcp
-m set --match-set hosts src
-m set ! --match-set hosts src
-m set --match-set nets dst
-m set --match-set services dst,dst
-m set --match-set ports dst -p udp
""".strip().splitlines()

STATEFUL = """
-m limit --limit 1/hour --limit-burst 5
-p udp -m limit --limit 2/hour --limit-burst 10
-m statistic --mode nth --every 3 --packet 0
-m statistic --mode nth --every 4 --packet 3
-m statistic --mode nth ! --every 3 --packet 1
-m statistic --mode random --probability 0
-m statistic --mode random --probability 1
-m statistic --mode random ! --probability 0
-m quota --quota 1000
-m quota ! --quota 1000
-m hashlimit --hashlimit-name per-source --hashlimit-mode srcip --hashlimit-upto 1/hour --hashlimit-burst 3
-m hashlimit --hashlimit-name above --hashlimit-mode srcip --hashlimit-above 1/hour --hashlimit-burst 3
-p udp -m hashlimit --hashlimit-name port --hashlimit-mode srcip,dstport --hashlimit-upto 1/hour --hashlimit-burst 2
-m hashlimit --hashlimit-name net --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-upto 1/hour --hashlimit-burst 4
-m hashlimit --hashlimit-name all --hashlimit-upto 1/hour --hashlimit-burst 7
-m state --state INVALID
-m state --state UNTRACKED
-m conntrack ! --ctstate INVALID,NEW
-m conntrack --ctstate NEW,ESTABLISHED
-m conntrack --ctproto 6
-m conntrack --ctorigsrc 10.0.0.0/24
-m mark --mark 0
-m mark ! --mark 0
-m mark --mark 0/0xff
-m time --datestart 2000-01-01
-m time --datestart 2000-01-01 --datestop 2001-01-01
-m time --timestart 00:00 --timestop 23:59:59
-m time --weekdays Mon,Tue,Wed,Thu,Fri,Sat,Sun
-m time --timestart 12:00:00 --timestop 11:59:59
-m cpu --cpu 4095
-m cpu ! --cpu 4095
""".strip().splitlines()

SIX = """
-p tcp
! -p udp
-p tcp --dport 80
-p udp --sport 1024:
-p tcp -m multiport --ports 443,53
-s 2001:db8::2
! -s 2001:db8::/64
-d 2001:db8::1 -p icmpv6
-m iprange --src-range 2001:db8::1-2001:db8::ff
-p icmpv6 --icmpv6-type 128
-p icmpv6 --icmpv6-type packet-too-big
-p icmpv6 --icmpv6-type 1/4
-p icmpv6 ! --icmpv6-type 1/4
-p icmpv6 --icmpv6-type port-unreachable
-m hl --hl-eq 64
-m hl ! --hl-eq 64
-m hl --hl-lt 10
-m hl --hl-gt 64
-m dscp --dscp 10
-m tos --tos 0x28
-m tos ! --tos 0x28
-m tos --tos 0x08/0x3f
-m ecn --ecn-ip-ect 1
-m length --length 60
-m addrtype --dst-type LOCAL
-m frag --fragfirst
-m frag --fragmore
-m frag --fraglast
-m frag --fragid 7
-m frag --fragid 7 --fragres
-m hbh
-m hbh --hbh-len 8
-m hbh ! --hbh-len 8
-m dst --dst-len 16
-m rt --rt-type 2
-m rt --rt-type 2 --rt-segsleft 1:3 --rt-len 24
-m ipv6header --header hop,dst --soft
-m ipv6header --header frag --soft
-p mh -m mh --mh-type 5
-p mh -m mh ! --mh-type binding-update
-p esp -m esp --espspi 5
-m rpfilter
-m rpfilter --invert
-m u32 --u32 "4&0xff=64"
-m set --match-set hosts6 src
""".strip().splitlines()

VERDICTS = """
-A PREROUTING -p tcp -j WEB
-A PREROUTING -p icmp -j ACCEPT
-A PREROUTING -s 192.0.2.0/24 -j DROP
-A PREROUTING -p udp --dport 53 -g DNS
-A PREROUTING -p udp -j MARK --set-mark 0x10
-A PREROUTING -m mark --mark 0x10 -j MARK --set-xmark 0x3/0xf
-A PREROUTING -m mark --mark 0x13 -j MARK --or-mark 0x100
-A PREROUTING -m mark --mark 0x113 -j MARK --and-mark 0xf0
-A PREROUTING -m mark --mark 0x10 -j MARK --xor-mark 0xff
-A PREROUTING -m mark --mark 0xef -j MARK --set-mark 0x5/0xf
-A PREROUTING -m mark --mark 0xe5
-A PREROUTING -j NFLOG --nflog-group 3 --nflog-prefix nothing
-A PREROUTING -p udp -j LOG --log-prefix "untrack test: " --log-level debug
-A PREROUTING -p 47 -j TRACE
-A PREROUTING -p sctp -j RETURN
-A PREROUTING
-A WEB -p tcp --dport 80 -j NOTRACK
-A WEB -p tcp --dport 81 -j RETURN
-A WEB -p tcp --dport 443 -j ACCEPT
-A WEB -p tcp --dport 22 -j DROP
-A WEB -m conntrack --ctstate UNTRACKED -j DEEP
-A WEB
-A DEEP -p tcp --tcp-flags SYN SYN -j RETURN
-A DEEP -j ACCEPT
-A DNS -s 10.0.0.0/8 -j RETURN
-A DNS -j CT --notrack
""".strip().splitlines()

OUTPUT = """
-A OUTPUT -p udp
-A OUTPUT -o lo
-A OUTPUT ! -o lo
-A OUTPUT -m owner --uid-owner 0
-A OUTPUT -m owner --uid-owner root -p udp
-A OUTPUT -m owner --uid-owner 1-65534
-A OUTPUT -m owner --gid-owner 7
-A OUTPUT -p udp --sport 5000
-A OUTPUT -d 10.0.0.2 -p udp --dport 6000:6001
-A OUTPUT -m addrtype --dst-type LOCAL
-A OUTPUT -m addrtype --dst-type LOCAL --limit-iface-out
-A OUTPUT -m devgroup --dst-group 7
-A OUTPUT -m tos --tos 0x20
-A OUTPUT -m ttl --ttl-eq 9
-A OUTPUT -m length --length 28
-A OUTPUT -m mark --mark 9
-A OUTPUT -m cgroup --cgroup 5
-A OUTPUT -j CLASSIFY --set-class 1:7
""".strip().splitlines()

IPSET = """create hosts hash:ip family inet hashsize 1024 maxelem 65536
add hosts 10.0.0.2
add hosts 192.0.2.9
create nets hash:net family inet hashsize 1024 maxelem 65536
add nets 10.0.0.0/30
add nets 224.0.0.0/4
create services hash:ip,port family inet hashsize 1024 maxelem 65536
add services 10.0.0.1,tcp:80
add services 10.0.0.1,udp:53
create ports bitmap:port range 0-1024
add ports 53
create hosts6 hash:ip family inet6 hashsize 1024 maxelem 65536
add hosts6 2001:db8::2
"""


def frames4():
    out = []
    for dport in (80, 81, 443, 8005, 22):
        out.append(f.ip4(6, f.tcp(dport=dport)))
    for sport in (53, 1500, 443, 1023):
        out.append(f.ip4(6, f.tcp(sport=sport, dport=5555, flags=0x10)))
    for flags in (0x00, 0x01, 0x02, 0x03, 0x04, 0x10, 0x12, 0x14, 0x29, 0x3f, 0x42, 0x82, 0xc2):
        out.append(f.ip4(6, f.tcp(flags=flags)))
    timestamp = b"\x01\x01\x08\x0a" + bytes(8)
    for options in (timestamp, b"\x02\x04" + (1460).to_bytes(2, "big"),
                    b"\x02\x04" + (1400).to_bytes(2, "big") + timestamp, b"\x03\x03\x07"):
        out.append(f.ip4(6, f.tcp(options=options)))
    for sport, dport in ((40000, 53), (53, 40000), (1000, 5000), (45000, 5001)):
        out.append(f.ip4(17, f.udp(sport, dport)))
    out += [f.ip4(17, f.udp(data=bytes(n))) for n in (0, 20, 100, 1000)]
    out += [f.ip4(132, f.sctp(*chunks)) for chunks in
            (((1, 0),), ((0, 3),), ((1, 0), (0, 3)), ((10, 0),), ((6, 0),))]
    out.append(f.ip4(132, f.sctp((3, 0), sport=7, dport=8)))
    out += [f.ip4(33, f.dccp(kind, dport=dport)) for kind, dport in ((0, 80), (1, 80), (7, 81))]
    out += [f.ip4(136, f.udp(40000, 53)), f.ip4(136, f.udp(40000, 54))]
    out += [f.ip4(50, spi.to_bytes(4, "big") + bytes(16)) for spi in (5, 8, 20)]
    out += [f.ip4(51, bytes([6, 4, 0, 0]) + spi.to_bytes(4, "big") + bytes(16)) for spi in (5, 20)]
    out += [f.ip4(108, bytes([6, 0]) + cpi.to_bytes(2, "big") + bytes(16)) for cpi in (7, 9)]
    out += [f.ip4(1, f.icmp(kind, code)) for kind, code in
            ((8, 0), (0, 0), (3, 1), (3, 3), (3, 4), (11, 0), (4, 4), (200, 1))]
    out += [f.ip4(17, f.udp(), source=source) for source in
            ("192.0.2.5", "192.0.2.9", "192.0.2.21", "10.9.9.2", "172.16.0.1")]
    out.append(f.ip4(17, f.udp(), destination="10.0.0.255", mac_to=b"\xff" * 6))
    out.append(f.ip4(17, f.udp(), destination="224.0.0.251", mac_to=bytes.fromhex("01005e0000fb")))
    out.append(f.ip4(17, f.udp(), destination="10.0.0.77"))
    out.append(f.ip4(17, f.udp(), mac=bytes.fromhex("020000000003")))
    out += [f.ip4(17, f.udp(), ttl=ttl) for ttl in (1, 4, 5, 63, 65, 255)]
    out += [f.ip4(17, f.udp(), tos=tos) for tos in (0x28, 0x29, 0x2a, 0x2b, 0xb8, 0x10, 0x11, 0x50, 0xff, 3)]
    out += [f.ip4(47, bytes(8)), f.ip4(253, bytes(30))]
    return out


def fragments4():
    return [f.ip4(17, f.udp(data=bytes(16)), more=True, identification=9),
            f.ip4(17, bytes(8), fragment=3, identification=9),
            f.ip4(6, bytes(8), fragment=5, more=True, identification=10),
            f.ip4(17, f.udp()), f.ip4(6, f.tcp())]


def frames6():
    there = {"source": "2001:db8::2", "destination": "2001:db8::1"}
    out = [f.ip6(6, f.tcp(dport=port, **there)) for port in (80, 443, 22)]
    out += [f.ip6(17, f.udp(sport, dport, **there)) for sport, dport in ((40000, 53), (53, 999), (7, 8))]
    out += [f.ip6(58, f.icmp6(kind, code)) for kind, code in
            ((128, 0), (129, 0), (2, 0), (1, 4), (1, 0), (3, 4), (200, 0))]
    out += [f.ip6(17, f.udp(source=source, destination="2001:db8::1"), source=source)
            for source in ("2001:db8::99", "2001:db8:1::2", "fe80::5")]
    out += [f.ip6(17, f.udp(**there), hops=hops) for hops in (1, 9, 63, 65, 255)]
    out += [f.ip6(17, f.udp(**there), tclass=tclass) for tclass in (0x28, 0x29, 0x08, 0x48, 0x2a, 0xff)]
    def fragment(offset, more, identification, reserved=0):
        return 44, bytes([reserved]) + (offset << 3 | more).to_bytes(2, "big") + identification.to_bytes(4, "big")
    out += [f.ip6(17, f.udp(data=bytes(8), **there), headers=[fragment(0, 1, 7)]),
            # Linux 6.18 reads the ports of later fragments from the IPv6 header itself in nf_tables,
            # so these have a protocol without any
            f.ip6(253, bytes(8), headers=[fragment(2, 0, 7)]),
            f.ip6(253, bytes(8), headers=[fragment(2, 1, 8)]),
            f.ip6(17, f.udp(**there), headers=[fragment(0, 0, 7, reserved=1)])]
    hop8 = 0, bytes([0]) + b"\x01\x04" + bytes(4)
    hop16 = 0, bytes([1]) + b"\1\2\0\0" + b"\5\2\0\0" + b"\1\4\0\0\0\0"  # more padding is refused
    dst16 = (60, bytes([1]) + b"\x01\x0c" + bytes(12))
    out += [f.ip6(17, f.udp(**there), headers=[hop8]), f.ip6(17, f.udp(**there), headers=[hop16]),
            f.ip6(6, f.tcp(**there), headers=[hop8, dst16]), f.ip6(6, f.tcp(**there), headers=[dst16])]
    def routing(kind, left):
        return 43, bytes([2, kind, left]) + bytes(4) + bytes(16)
    out += [f.ip6(17, f.udp(**there), headers=[routing(2, 1)]),
            f.ip6(17, f.udp(**there), headers=[routing(2, 5)])]
    out += [f.ip6(135, bytes([59, 0, kind, 0, 0, 0, 0, 0])) for kind in (5, 6)]
    out.append(f.ip6(17, f.udp(source="2001:db8::2", destination="2001:db8::77"),
                     destination="2001:db8::77"))
    out += [f.ip6(50, spi.to_bytes(4, "big") + bytes(16)) for spi in (5, 6)]
    return out


class Pair:
    """Two like namespaces, one for iptables-legacy, one for the import, and a sender on a link to
    each. Nothing but what is sent comes along these links."""

    def __init__(self, make_netns, untrack):
        self.untrack = untrack
        self.sender = make_netns()
        self.old, self.new = make_netns(), make_netns()
        for index, ns in enumerate((self.old, self.new)):
            link = f"to{index}"
            self.sender.ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", ns.name)
            for where in (self.sender, ns):
                where.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
            self.sender.sysctl(f"net.ipv6.conf.{link}.disable_ipv6", 1)
            self.sender.ip("link", "set", link, "address", "02:00:00:00:00:02", "up")
            ns.ip("link", "set", "eth0", "address", "02:00:00:00:00:01", "group", "7")
            ns.sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
            ns.sysctl("net.ipv6.conf.eth0.addr_gen_mode", 1)
            ns.sysctl("net.ipv4.conf.all.rp_filter", 0)
            ns.sysctl("net.ipv4.conf.eth0.rp_filter", 0)
            ns.ip("link", "set", "eth0", "up")
            ns.ip("address", "add", "10.0.0.1/24", "dev", "eth0")
            ns.ip("address", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
            ns.ip("neighbour", "add", "10.0.0.2", "lladdr", "02:00:00:00:00:02", "dev", "eth0")

    def load(self, rules, six=False, chains=()):
        """rules: of PREROUTING, or with "-A CHAIN" in front; chains: the user's."""
        program = "ip6tables" if six else "iptables"
        self.family = "ip6" if six else "ip"
        self.rules = [rule if rule.startswith("-A ") else f"-A PREROUTING {rule}" for rule in rules]
        save = (f"# Generated by {program}-save\n*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
                + "".join(f":{chain} - [0:0]\n" for chain in chains)
                + "".join(f"{rule}\n" for rule in self.rules) + "COMMIT\n")
        self.old.run("ipset", "restore", input=IPSET)
        self.old.run(f"{program}-legacy-restore", input=save)
        document = self.untrack(self.new, "import", "--counters", "--ipset-save",
                                self.untrack.file(IPSET), "-", input=save)
        assert f"{len(rules)} rules in, {len(rules)} rules out" in document.stderr
        self.document = document.stdout
        self.untrack(self.new, "apply", "--force-lint", "template,helper", self.untrack.file(document.stdout))

    def send(self, frames):
        def child():
            fd = os.open(self.sender.path, os.O_RDONLY)
            os.setns(fd, os.CLONE_NEWNET) if hasattr(os, "setns") else setns(fd)
            for link in ("to0", "to1"):
                f.send(link, frames)
        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join()
        assert process.exitcode == 0

    def counts(self):
        """Of each rule, in the order of the lines: packets in iptables, packets in the import."""
        program = "ip6tables" if self.family == "ip6" else "iptables"
        save = self.old.run(f"{program}-legacy-save", "-c", "-t", "raw").stdout
        old, new = collections.defaultdict(list), collections.defaultdict(list)
        for packets, chain in re.findall(r"^\[(\d+):\d+\] -A (\S+)", save, re.M):
            old[chain].append(int(packets))
        for item in self.new.nft_json("table", self.family, "untrack_raw"):
            if "rule" in item and not item["rule"]["chain"].endswith("_tracked"):
                counter = next(s["counter"] for s in item["rule"]["expr"] if "counter" in s)
                new[item["rule"]["chain"]].append(counter["packets"])
        assert {c: len(v) for c, v in old.items()} == {c: len(v) for c, v in new.items()}
        return [(rule, old[chain].pop(0), new[chain].pop(0))
                for rule in self.rules for chain in [rule.split()[1]]]

    def compare(self):
        """Every rule counted the same."""
        counts = self.counts()
        wrong = [f"{rule}: iptables {a}, import {b}" for rule, a, b in counts if a != b]
        assert not wrong, "\n".join(wrong)
        return {rule.removeprefix("-A PREROUTING "): a for rule, a, _ in counts}


def setns(fd):
    import ctypes
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


@pytest.fixture
def pair(make_netns, untrack):
    return Pair(make_netns, untrack)


# What cannot be true, or not be true, of the frames that are sent.
ALWAYS = {"-i eth0", "-i eth+", "-m devgroup --src-group 7", "-m devgroup --src-group 0x5/0x5",
          "-m statistic --mode random --probability 1", "-m statistic --mode random ! --probability 0",
          "-m mark --mark 0", "-m mark --mark 0/0xff", "-m time --datestart 2000-01-01",
          "-m time --timestart 00:00 --timestop 23:59:59", "-m state --state INVALID",
          "-m time --weekdays Mon,Tue,Wed,Thu,Fri,Sat,Sun", "-m cpu ! --cpu 4095",
          "-m time --timestart 12:00:00 --timestop 11:59:59", "-m addrtype --src-type UNICAST"}
NEVER = {"! -i eth0", "-i lo", "-m devgroup ! --src-group 7", "-m cpu --cpu 4095",
         "-m statistic --mode random --probability 0", "-m state --state UNTRACKED",
         "-m conntrack ! --ctstate INVALID,NEW", "-m conntrack --ctstate NEW,ESTABLISHED",
         "-m conntrack --ctproto 6", "-m conntrack --ctorigsrc 10.0.0.0/24", "-m mark ! --mark 0",
         "-m time --datestart 2000-01-01 --datestop 2001-01-01"}


def assert_telling(counts, sent):
    for rule, count in counts.items():
        if rule not in NEVER:
            assert count > 0, f"{rule}: no packet of the test matches it"
        if rule not in ALWAYS:
            assert count < sent, f"{rule}: every packet of the test matches it"


@pytest.mark.parametrize("rules", [PORTS, HEADERS, STATEFUL], ids=["ports", "headers", "stateful"])
def test_packets_count_alike(pair, rules):
    pair.load(rules)
    sent = frames4()
    pair.send(sent)
    assert_telling(pair.compare(), len(sent))


def test_packets_of_ipv6_count_alike(pair):
    pair.load(SIX, six=True)
    sent = frames6()
    pair.send(sent)
    assert_telling(pair.compare(), len(sent))


def test_fragments_count_alike(pair):
    rules = ["-f", "! -f", "-p udp", "-p udp --dport 53", "-f -p tcp", "-p tcp --dport 80",
             "-p udp -m multiport --dports 53"]
    pair.load(rules)
    sent = fragments4()
    pair.send(sent)
    assert_telling(pair.compare(), len(sent))


def test_verdicts_count_alike(pair):
    pair.load(VERDICTS, chains=["WEB", "DEEP", "DNS"])
    pair.send(frames4())
    counts = pair.compare()
    assert all(counts.values()), counts


SOCKETS = """
import os, socket, sys
def say(to, uid=0, gid=0, sport=0, tos=None, ttl=None, mark=None, data=b""):
    if os.fork() == 0:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if mark: s.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        if tos: s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        if ttl: s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        os.setegid(gid)
        os.seteuid(uid)
        s = s if not (uid or gid) else socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if sport: s.bind(("0.0.0.0", sport))
        s.sendto(data, to)
        os._exit(0)
    assert os.wait()[1] == 0
out, here = "10.0.0.2", "127.0.0.1"
for port in (6000, 6001, 6002):
    say((out, port))
    say((here, port))
say((out, 9), uid=1000)
say((out, 9), uid=65534, gid=7)
say((out, 9), sport=5000, data=b"x" * 100)
say((out, 9), tos=0x20)
say((out, 9), ttl=9)
say((out, 9), mark=9)
"""


def test_packets_of_the_host_count_alike(pair):
    pair.load(OUTPUT)
    for ns in (pair.old, pair.new):
        ns.run("/usr/bin/python3", "-c", SOCKETS)
    counts = pair.compare()
    total = counts["-A OUTPUT -j CLASSIFY --set-class 1:7"]
    assert [rule for rule, n in counts.items() if n in (0, total)] == [
        "-A OUTPUT -m cgroup --cgroup 5", "-A OUTPUT -j CLASSIFY --set-class 1:7"]


def entries(ns):
    """What matters of the connection table: no times, no identifiers."""
    lines = ns.run("conntrack", "-L", "-o", "extended").stdout.splitlines()
    return sorted(re.sub(r"^(\S+ +\d+ \S+ +\d+) \d+", r"\1", line) for line in lines)


def test_connections_are_the_same(pair):
    """Zones, helpers and events: the entries that come of them are those of iptables; the first CT
    rule that a packet meets counts."""
    pair.load(["-p tcp --dport 21 -j CT --helper ftp",
               "-p tcp --dport 80 -j NOTRACK",
               "-s 192.0.2.0/24 -j ACCEPT",
               "-p udp --dport 5000 -j CT --zone 7",
               "-p udp --dport 5001 -j CT --zone-orig 8",
               "-p udp --dport 5001 -j CT --zone 9",
               "-p udp --dport 69 -j TFTP",
               "-p tcp -j NOTRACK",
               "-p icmp -j CT --ctevents new,destroy",
               "-A TFTP -s 10.0.0.3 -j RETURN",
               "-A TFTP -p udp -j CT --helper tftp --zone 3"], chains=["TFTP"])
    for ns in (pair.old, pair.new):
        ns.nft("table inet t { chain c { type filter hook input priority 0; ct state new accept; }; }")
    send = [f.ip4(6, f.tcp(dport=port)) for port in (21, 80, 443)]
    send += [f.ip4(6, f.tcp(sport=41000, dport=21, source="192.0.2.7"), source="192.0.2.7")]
    send += [f.ip4(17, f.udp(dport=port)) for port in (5000, 5001, 5002, 69)]
    send += [f.ip4(17, f.udp(dport=69, source="10.0.0.3"), source="10.0.0.3"), f.ip4(1, f.icmp())]
    pair.send(send)
    pair.compare()
    old, new = entries(pair.old), entries(pair.new)
    assert old == new
    text = "\n".join(new)
    assert "helper=ftp" in text and "helper=tftp" in text and "zone=7" in text and "zone-orig=8" in text
    assert "zone=9" not in text and "dport=443" not in text and "dport=80 " not in text
    assert len(new) == 7, text
