# SPDX-License-Identifier: GPL-2.0-or-later
"""untrack.service under a systemd of its own: at boot, and again with the firewall's services."""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import BUILD, STATEFUL_FILTER, UNTRACK, WEB, run, wait_until

UNIT = BUILD / "src/cli/untrack.service"
SYSTEMD = pathlib.Path("/lib/systemd/systemd")
TARGETS = ["basic", "sysinit", "shutdown", "network-pre", "umount", "final", "sockets", "timers",
           "paths", "slices", "local-fs", "multi-user"]

# Its own mounts: what systemd writes goes to a /run and a control group that end with it.
BOOT = """
mount --make-rprivate / && mount -t proc proc /proc && umount -R /sys/fs/cgroup &&
mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs tmpfs /run &&
exec {systemd} --system --unit=multi-user.target --log-target=console
"""

# As Debian has it.
NFTABLES = """
[Unit]
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={start}
ExecReload={reload}
ExecStop={stop}
[Install]
WantedBy=sysinit.target
"""
ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"


def cannot(why):
    """In CI a test that cannot run is a failure."""
    if os.environ.get("UNTRACK_MUST_RUN"):
        pytest.fail(why)
    pytest.skip(why)


def control_groups():
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, where, kind = line.split()[:3]
        if kind == "cgroup2":
            return pathlib.Path(where)
    return cannot("no cgroup2 hierarchy is mounted")


def with_program(program):
    """The unit's text with that program in place of the installed one."""
    text, replaced = re.subn(r"^(Exec\w+)=/\S*/untrack ", rf"\1={program} ", UNIT.read_text(),
                             flags=re.M)
    assert replaced == 2
    return text


class Systemd:
    """A systemd in namespaces of its own, that knows the units of one directory only."""

    def __init__(self, directory):
        if not SYSTEMD.exists():
            cannot("no systemd here")
        self.directory = directory
        self.units = directory / "units"
        self.units.mkdir()
        for target in TARGETS:
            shutil.copy(f"/lib/systemd/system/{target}.target", self.units)
        self.group = control_groups() / f"untrack-test-{os.getpid()}"
        self.process = None

    def unit(self, name, text):
        (self.units / name).write_text(text)
        for wanted_by in re.findall(r"^WantedBy=(.*)", text, flags=re.M):
            for other in wanted_by.split():
                wants = self.units / f"{other}.wants"
                wants.mkdir(exist_ok=True)
                (wants / name).symlink_to(f"../{name}")

    def boot(self):
        self.group.mkdir()
        environment = {**os.environ, "container": "untrack-test",
                       "SYSTEMD_UNIT_PATH": str(self.units)}
        with open(self.directory / "console", "w") as console:
            self.process = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--net", "--uts",
                 "--ipc", "--cgroup", "sh", "-c", BOOT.format(systemd=SYSTEMD)],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, env=environment,
                preexec_fn=lambda: (self.group / "cgroup.procs").write_text("0"))
        wait_until("the boot is over", self.is_up, timeout=30)

    def is_up(self):
        if self.process.poll() is not None:
            pytest.fail("systemd ended:\n" + (self.directory / "console").read_text())
        done = self.ctl("is-system-running", check=False)
        return done.stdout.strip() in ("running", "degraded")

    def run(self, *argv, check=True):
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if not children:
            return subprocess.CompletedProcess(argv, 1, "", "")
        return run(["nsenter", "-t", children[0], "-p", "-m", "-n", "-C", *argv], check=check)

    def ctl(self, *argv, check=True):
        return self.run("systemctl", *argv, check=check)

    def state(self, unit):
        return self.ctl("show", "-P", "ActiveState", unit).stdout.strip()

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        if self.group.exists():
            wait_until("its control groups are empty", self.remove_groups)

    def remove_groups(self):
        try:
            for path, _, _ in os.walk(self.group, topdown=False):
                os.rmdir(path)
        except OSError:
            return False
        return True


class Host:
    """Units that write down what they do, in place of nft and of the program."""

    def __init__(self, directory, systemd):
        self.systemd = systemd
        self.policy = directory / "policy.json"
        self.policy.write_text('{"untrack": 1}')
        self.log = directory / "log"
        self.log.write_text("")
        recorder = directory / "record"
        recorder.write_text(f'#!/bin/sh\necho "$*" >>{self.log}\n')
        recorder.chmod(0o755)
        unit = with_program(f"{recorder} untrack")
        assert "/etc/untrack/policy.json" in unit
        systemd.unit("untrack.service", unit.replace("/etc/untrack/policy.json", str(self.policy)))
        systemd.unit("nftables.service", NFTABLES.format(
            start=f"{recorder} nft start", reload=f"{recorder} nft reload",
            stop=f"{recorder} nft stop"))

    def took(self):
        """What was run since it was asked last."""
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return lines

    @property
    def apply(self):
        return f"untrack apply {self.policy}"


@pytest.fixture
def systemd(tmp_path):
    systemd = Systemd(tmp_path)
    yield systemd
    systemd.close()


@pytest.fixture
def host(tmp_path, systemd):
    return Host(tmp_path, systemd)


def test_the_unit_is_valid(tmp_path):
    unit = tmp_path / "untrack.service"
    unit.write_text(with_program(UNTRACK))
    done = run(["systemd-analyze", "verify", "--man=no", unit], check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_unit_runs_the_installed_program():
    assert re.search(r"^ExecStart=/\S+/bin/untrack apply /etc/untrack/policy\.json$",
                     UNIT.read_text(), flags=re.M)


def test_at_boot_it_comes_after_the_firewall(host, systemd):
    systemd.boot()
    assert host.took() == ["nft start", host.apply]
    assert systemd.state("untrack.service") == "active"


def test_it_comes_again_with_the_firewall(host, systemd):
    systemd.boot()
    host.took()
    systemd.ctl("restart", "nftables.service")
    wait_until("it is active", lambda: systemd.state("untrack.service") == "active")
    assert host.took() == ["nft stop", "nft start", host.apply]
    systemd.ctl("reload", "nftables.service")
    wait_until("it was reloaded", lambda: host.apply in host.log.read_text())
    assert host.took() == ["nft reload", host.apply]
    systemd.ctl("stop", "nftables.service")
    assert host.took() == ["nft stop"]
    wait_until("it is stopped", lambda: systemd.state("untrack.service") == "inactive")
    systemd.ctl("start", "nftables.service")
    wait_until("it is active", lambda: systemd.state("untrack.service") == "active")
    assert host.took() == ["nft start", host.apply]


def test_its_stop_takes_nothing_away(host, systemd):
    systemd.boot()
    host.took()
    systemd.ctl("restart", "untrack.service")
    assert host.took() == [host.apply]
    systemd.ctl("stop", "untrack.service")
    assert host.took() == []
    systemd.ctl("reload", "nftables.service")
    assert host.took() == ["nft reload"]


def test_without_a_policy_it_is_no_failure(host, systemd):
    host.policy.unlink()
    systemd.boot()
    assert host.took() == ["nft start"]
    assert systemd.state("untrack.service") == "inactive"
    host.policy.write_text('{"untrack": 1}')
    systemd.ctl("restart", "nftables.service")
    wait_until("it is active", lambda: systemd.state("untrack.service") == "active")
    assert host.took() == ["nft stop", "nft start", host.apply]


def test_what_it_may_do_is_enough_for_the_program(systemd, tmp_path):
    """The real program within the unit's restrictions: sets, accept rules, a rehearsal, a sysctl."""
    ruleset = tmp_path / "nftables.conf"
    ruleset.write_text("flush ruleset\n" + STATEFUL_FILTER)
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({
        "untrack": 1, "services": [{**WEB, "addresses": ["192.0.2.0/24"], "accept": True}],
        "accept_in": ["inet filter input"],
        "conntrack": {"timeouts": {"tcp_established": 300}}}))
    program = f"{UNTRACK} --state-dir {tmp_path}/state --run-dir {tmp_path}/run"
    unit = with_program(program).replace("/etc/untrack/policy.json", str(policy))
    systemd.unit("untrack.service", unit)
    systemd.unit("nftables.service", NFTABLES.format(
        start=f"nft -f {ruleset}", reload=f"nft -f {ruleset}", stop="nft flush ruleset"))
    systemd.boot()
    console = (tmp_path / "console").read_text()
    assert systemd.state("untrack.service") == "active", console
    before = systemd.run("nft", "list", "ruleset").stdout
    assert "table inet untrack" in before and "ct state untracked" in before
    assert systemd.run("sysctl", "-n", ESTABLISHED).stdout == "300\n"
    systemd.ctl("restart", "nftables.service")
    wait_until("it is active", lambda: systemd.state("untrack.service") == "active")
    assert systemd.run("nft", "list", "ruleset").stdout == before
