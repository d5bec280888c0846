# SPDX-License-Identifier: GPL-2.0-or-later
"""Where benchmarks run: namespaces of their own, and measured commands."""
import dataclasses
import itertools
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import tempfile
import time

TIMED_OUT = 124
_numbers = itertools.count(1)


class Failed(Exception):
    """A command did not do what it was asked to; the text says which, and its first words."""


def run(argv, **more):
    """Runs a command that is not measured; it must succeed."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                          stdin=None if "input" in more else subprocess.DEVNULL, **more)
    if done.returncode != 0:
        raise Failed(f"{' '.join(str(a) for a in argv[:6])}: status {done.returncode}: "
                     f"{(done.stderr or done.stdout).strip()[:300]}")
    return done.stdout


class Netns:
    """A network namespace; only lo is in it, and up."""

    def __init__(self):
        self.name = f"untrack-bench-{os.getpid()}-{next(_numbers)}"
        run(["ip", "netns", "add", self.name])
        run(["ip", "-n", self.name, "link", "set", "lo", "up"])

    def run(self, *argv, **more):
        return run(["ip", "netns", "exec", self.name, *argv], **more)

    def ip(self, *argv):
        return run(["ip", "-n", self.name, *argv])

    def sysctl(self, **values):
        self.run("sysctl", "-q", "-w", *(f"{name.replace('__', '.')}={value}"
                                         for name, value in values.items()))

    def close(self):
        run(["ip", "netns", "del", self.name])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def unreclaimable():
    """KiB of the kernel's memory that sets live in."""
    with open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("SUnreclaim:"):
                return int(line.split()[1])
    return 0


def settle(elements):
    """Waits until the kernel has freed what large sets left: it does so behind a closed namespace,
    on the processors that the next measurement wants."""
    if elements < 50_000:
        return
    end = time.monotonic() + 10
    before, quiet = unreclaimable(), 0
    while quiet < 4 and time.monotonic() < end:
        time.sleep(0.05)
        now = unreclaimable()
        quiet = quiet + 1 if abs(now - before) < 512 else 0
        before = now


@dataclasses.dataclass
class Cost:
    """What a command took: milliseconds of the clock and of the processors, KiB at its peak."""
    wall: float
    cpu: float
    peak: int
    status: int
    output: str
    errors: str


class Stage:
    """Measured commands, with the meters of a build directory and a scratch directory."""

    def __init__(self, build, timeout):
        self.build = pathlib.Path(build).resolve()
        self.meters = self.build / "tests/bench"
        self.untrack = self.build / "src/cli/untrack"
        self.timeout = timeout
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="untrack-bench."))
        self.environment = dict(os.environ, XTABLES_LOCKFILE=str(self.scratch / "xtables.lock"),
                                LC_ALL="C", NO_COLOR="1")

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def state(self):
        """Options that keep untrack's state apart from the host's, and from other runs'."""
        directory = self.scratch / f"state-{next(_numbers)}"
        directory.mkdir()
        return [self.untrack, "--quiet", "--state-dir", directory, "--run-dir", directory / "run"]

    def measure(self, netns, argv, stdin=None, allowed=(0,)):
        """Runs a command in a namespace. Its standard output goes to a file that stays until the
        next measured command."""
        output, errors = self.scratch / "output", self.scratch / "errors"
        reading, writing = os.pipe()
        argv = [str(a) for a in argv]
        with open(stdin or os.devnull, "rb") as given, open(output, "wb") as out, \
                open(errors, "wb") as err:
            meter = subprocess.Popen([self.meters / "measure", str(writing), netns.name,
                                      str(self.timeout), *argv],
                                     stdin=given, stdout=out, stderr=err, pass_fds=[writing],
                                     env=self.environment)
            os.close(writing)
        with os.fdopen(reading, encoding="ascii") as report:
            text = report.read()
        meter.wait()
        message = errors.read_text(errors="replace").strip()
        if not text:
            raise Failed(f"{' '.join(argv[:6])}: {message[:300]}")
        cost = json.loads(text)
        if cost["status"] == TIMED_OUT:
            raise Failed(f"over {self.timeout} s")
        if cost["status"] not in allowed:
            raise Failed(f"{pathlib.Path(argv[0]).name}: status {cost['status']}: {message[:200]}")
        return Cost(cost["wall_us"] / 1e3, (cost["user_us"] + cost["system_us"]) / 1e3,
                    cost["peak_kib"], cost["status"], str(output), message)


def spread(samples):
    """Median and quartiles of numbers."""
    samples = sorted(samples)
    if len(samples) < 2:
        return {"median": samples[0], "low": samples[0], "high": samples[0], "n": len(samples)}
    low, median, high = statistics.quantiles(samples, n=4, method="inclusive")
    return {"median": median, "low": low, "high": high, "n": len(samples)}


def version(*argv):
    try:
        text = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return "-"
    return text.strip().splitlines()[0] if text.strip() else "-"


def machine(build):
    """What the figures belong to."""
    model = "-"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "time": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
        "kernel": platform.release(),
        "processors": f"{os.cpu_count()} x {model}",
        "load": os.getloadavg()[0],
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "untrack": version(str(pathlib.Path(build) / "src/cli/untrack"), "--version"),
        "commit": version("git", "-C", str(pathlib.Path(__file__).parent), "describe", "--always",
                          "--dirty"),
        "nft": version("nft", "--version"),
        "iptables": version("iptables", "--version"),
        "ipset": version("ipset", "--version"),
    }
