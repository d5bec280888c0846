# SPDX-License-Identifier: GPL-2.0-or-later
"""Delivered UDP: a packet's whole way to a socket, each packet the first of its flow (and for
comparison of a known one), untracked and tracked, with a stateful firewall and without."""
from packet_stage import Host, Meter

PORT = 53
DESTINATION = [("10.96.0.1", PORT)]
POLICY = {"untrack": 1,
          "services": [{"name": "dns", "role": "server", "protocol": "udp", "ports": [PORT]}]}
POLICY_ACCEPT = {"untrack": 1,
                 "services": [{**POLICY["services"][0], "accept": True}],
                 "accept_in": ["inet filter input"]}
NFT_RAW = f"""table inet bench {{
	chain prerouting {{
		type filter hook prerouting priority raw;
		udp dport {PORT} notrack
	}}
}}
"""
NFT_FIREWALL = f"""table inet filter {{
	chain input {{
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		ct state established,related accept
		ct state new udp dport {PORT} accept
		OTHERS
	}}
}}
"""
IPTABLES_RAW = f"*raw\n-A PREROUTING -p udp --dport {PORT} -j CT --notrack\nCOMMIT\n"
IPTABLES_FIREWALL = f"""*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
OTHERS
-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A INPUT -p udp --dport {PORT} -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""
IPTABLES_ACCEPT = f"-A INPUT -p udp --dport {PORT} -m conntrack --ctstate UNTRACKED -j ACCEPT"

FLOOR = "no netfilter"
UNTRACK = "untrack"
UNTRACK_FIREWALL = "untrack, firewall"
TRACKED = "tracked, firewall"
IPTABLES_NFT = "iptables-nft raw"
IPTABLES_NFT_FIREWALL = "iptables-nft raw, firewall"


def untrack_behind_firewall(host):
    host.nft(NFT_FIREWALL.replace("OTHERS", ""))
    host.apply(POLICY_ACCEPT)


def iptables_behind_firewall(host):
    host.iptables("nft", IPTABLES_RAW)
    host.iptables("nft", IPTABLES_FIREWALL.replace("OTHERS", IPTABLES_ACCEPT))


SETUPS = {
    FLOOR: lambda host: None,
    "nft raw": lambda host: host.nft(NFT_RAW),
    UNTRACK: lambda host: host.apply(POLICY),
    IPTABLES_NFT: lambda host: host.iptables("nft", IPTABLES_RAW),
    "iptables-legacy raw": lambda host: host.iptables("legacy", IPTABLES_RAW),
    UNTRACK_FIREWALL: untrack_behind_firewall,
    IPTABLES_NFT_FIREWALL: iptables_behind_firewall,
    TRACKED: lambda host: host.nft(NFT_FIREWALL.replace("OTHERS", "")),
    "tracked, iptables-nft firewall":
        lambda host: host.iptables("nft", IPTABLES_FIREWALL.replace("OTHERS", "")),
}
FLOWS = ("new", "known")


def is_tracked(setup):
    return setup.startswith("tracked")


class Delivered:
    def __init__(self, place, options, report):
        self.place, self.options, self.report = place, options, report

    def run(self):
        hosts = {}
        with Host(self.place) as idle:
            try:
                meter = Meter(self.place, self.options)
                for number, (setup, flows) in enumerate(self.variants()):
                    host = hosts[setup, flows] = Host(self.place, delivers=True)
                    SETUPS[setup](host)
                    meter.add(f"v{number}", host, DESTINATION, flows == "new",
                              is_tracked(setup) and flows == "new", PORT)
                measured, refused = meter.run(idle), meter.refused
                # on a busy machine the last packets may have been long ago, and the entries too
                meter.run(idle, rounds=1)
                self.check(hosts)
            finally:
                for host in hosts.values():
                    host.close()
        return self.keep(measured, refused)

    @staticmethod
    def variants():
        return [(setup, flows) for flows in FLOWS for setup in SETUPS]

    def keep(self, measured, refused):
        results = []
        for number, (setup, flows) in enumerate(self.variants()):
            cost = measured.get(f"v{number}")
            floor = measured.get(f"v{self.variants().index((FLOOR, flows))}")
            result = {"setup": setup, "flows": flows, "ns": cost,
                      "refused": refused[f"v{number}"], "added_ns": None}
            if cost and floor:
                result["added_ns"] = cost["median"] - floor["median"]
                self.report(f"udp {flows} flows: {setup}: {cost['median']:.0f} ns, "
                            f"{result['added_ns']:+.0f}")
            results.append(result)
        return results

    @staticmethod
    def check(hosts):
        """That packets came through to the socket, and left entries only where they should."""
        for (setup, flows), host in hosts.items():
            received = host.run("nstat", "-az", "UdpRcvbufErrors", "UdpNoPorts", "UdpInErrors")
            no_ports = next(int(line.split()[1]) for line in received.splitlines()
                            if line.startswith("UdpNoPorts"))
            entries = int(host.run("sysctl", "-n", "net.netfilter.nf_conntrack_count"))
            # The meter empties the table after each run of new flows.
            if no_ports or (entries > 0) != (is_tracked(setup) and flows == "known"):
                raise SystemExit(f"bench: {setup} does not do what is compared: {entries} entries, "
                                 f"{no_ports} packets for no socket")
