# SPDX-License-Identifier: GPL-2.0-or-later
"""Namespaces that packets run through, and the meter that runs them; what packet_path.py and
delivered.py stand on."""
import json
import os
import subprocess

import stage

# Destinations lie in this network; the first half has services, the second has none.
NETWORK = "10.96.0.0/11"
SLICE_US = 4000


class Host(stage.Netns):
    """A quiet host with the interface bench0. What arrives for NETWORK ends behind prerouting, or
    with `delivers` at a socket."""

    def __init__(self, place, delivers=False):
        super().__init__()
        self.place = place
        self.ip("link", "add", "bench0", "address", "02:00:00:00:00:01", "type", "veth",
                "peer", "name", "bench1", "address", "02:00:00:00:00:02")
        self.sysctl(net__ipv6__conf__all__disable_ipv6=1, net__ipv4__conf__all__rp_filter=0,
                    net__ipv4__conf__default__rp_filter=0, net__ipv4__conf__bench0__rp_filter=0,
                    net__ipv4__ip_early_demux=1 if delivers else 0)
        self.ip("address", "add", "10.77.0.1/16", "dev", "bench0")
        for interface in ("bench0", "bench1"):
            self.ip("link", "set", interface, "up")
        if delivers:
            self.ip("route", "add", "local", NETWORK, "dev", "lo")
        else:
            self.ip("route", "add", "blackhole", NETWORK)

    def nft(self, script):
        self.run("nft", "-f", "-", input=script)

    def iptables(self, flavour, script):
        self.run(f"iptables-{flavour}-restore", "--noflush", input=script,
                 env=self.place.environment)

    def apply(self, policy):
        path = self.place.scratch / f"{self.name}.json"
        path.write_text(json.dumps(policy))
        self.place.measure(self, [*self.place.state(), "apply", path])
        path.unlink()


class Meter:
    """Lines of a plan, and what came of them."""

    def __init__(self, place, options):
        self.place, self.options = place, options
        self.lines = []
        self.refused = {}

    def add(self, name, host, destinations, fresh=False, flush=False, sink=0):
        path = self.place.scratch / f"destinations-{len(self.lines)}"
        path.write_text("".join(f"{address} {port}\n" for address, port in destinations))
        self.lines.append(f"{name} {host.name} {'new' if fresh else 'known'} {int(flush)} {sink} "
                          f"{path}\n")

    def run(self, idle, rounds=None):
        """{name: spread of ns a packet}, of all lines of that name. Slices that were too noisy to
        count are in `refused`, by name."""
        cpu = self.options.cpu if self.options.cpu is not None else os.cpu_count() - 1
        done = subprocess.run(
            [self.place.meters / "packet", "-c", str(cpu), "-m", str(SLICE_US),
             "-r", str(rounds or self.options.rounds), idle.name],
            input="".join(self.lines), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"bench: packet: {done.stderr.strip()}")
        samples, self.refused = {}, {}
        for variant in json.loads(done.stdout)["variants"]:
            name = variant["name"]
            samples[name] = samples.get(name, []) + variant["samples"]
            self.refused[name] = self.refused.get(name, 0) + variant["refused"]
        return {name: stage.spread(taken) for name, taken in samples.items() if taken}
