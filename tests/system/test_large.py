# SPDX-License-Identifier: GPL-2.0-or-later
"""Long lists: what they hold is known without a dump, and is right whoever else writes."""

import json
import pathlib
import resource
import subprocess
import time

import pytest

COUNT = 12000  # beyond what is simply read back
MANY = 70_000  # beyond what is ever dumped


def address(number):
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


@pytest.fixture
def policy(untrack, tmp_path):
    """Writes a policy with a list of that many peers, whose file had time to settle."""
    def write(numbers, entry=address):
        (tmp_path / "peers.txt").write_text("".join(entry(n) + "\n" for n in numbers))
        service = {"name": "web", "role": "server", "protocol": "tcp", "ports": [80],
                   "peers": {"file": str(tmp_path / "peers.txt")}}
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"untrack": 1, "services": [service]}))
        time.sleep(0.15)
        return path
    return write


def loaded(netns, name="web_peers4"):
    listing = json.loads(netns.run("nft", "-j", "list", "set", "inet", "untrack", name).stdout)
    elements = next(item["set"]["elem"] for item in listing["nftables"] if "set" in item)
    return sorted(e if isinstance(e, str) else json.dumps(e) for e in elements)


def test_loads_changes_and_finds_no_change(untrack, netns, policy):
    result = untrack(netns, "apply", "--json", policy(range(COUNT)))
    assert result.json["summary"]["elements"]["add"] == COUNT
    assert loaded(netns) == sorted(map(address, range(COUNT)))
    for _ in range(2):
        again = untrack(netns, "apply", "--json", policy(range(COUNT)))
        assert again.json["changed"] is False
        assert again.json["generation"] == result.json["generation"]
    change = untrack(netns, "apply", "--json", policy(range(1, COUNT + 1)))
    assert change.json["summary"]["elements"] == {"add": 1, "delete": 1, "replace": 0}
    assert loaded(netns) == sorted(map(address, range(1, COUNT + 1)))
    untrack(netns, "rollback")
    assert loaded(netns) == sorted(map(address, range(COUNT)))


def test_a_foreign_commit_elsewhere_is_no_change(untrack, netns, policy):
    path = policy(range(COUNT))
    untrack(netns, "apply", path)
    netns.nft("table inet other { }")
    again = untrack(netns, "apply", "--json", path)
    assert again.json["changed"] is False and not again.json["warnings"]
    change = untrack(netns, "apply", "--json", policy(range(1, COUNT)))
    assert change.json["summary"]["elements"] == {"add": 0, "delete": 1, "replace": 0}


def foreign_writer(netns, count):
    """One element added and another deleted: the count is the same, the keys are not."""
    netns.nft(f"add element inet untrack web_peers4 {{ 192.0.2.1 }}\n"
              f"delete element inet untrack web_peers4 {{ {address(7)} }}\n")
    return sorted({"192.0.2.1", *map(address, range(count))} - {address(7)})


def test_a_foreign_writer_is_found_out(untrack, netns, policy):
    path = policy(range(COUNT))
    untrack(netns, "apply", path)
    theirs = foreign_writer(netns, COUNT)
    result = untrack(netns, "apply", "--json", path)
    assert result.json["summary"]["elements"] == {"add": 1, "delete": 1, "replace": 0}
    assert loaded(netns) == sorted(map(address, range(COUNT)))
    untrack(netns, "diff", path)
    untrack(netns, "rollback")
    assert loaded(netns) == theirs


@pytest.mark.parametrize("count", [COUNT, 70_000])
def test_a_foreign_catch_all_is_found_out(untrack, netns, policy, count):
    """The kernel does not count it."""
    path = policy(range(count))
    untrack(netns, "apply", path)
    netns.nft("add element inet untrack web_peers4 { * }\n")
    assert untrack(netns, "apply", "--json", path).json["changed"] is True
    netns.run("nft", "get element inet untrack web_peers4 { " + address(7) + " }")
    assert "*" not in loaded(netns)
    assert len(loaded(netns)) == count


def test_a_catch_all_of_its_own_is_no_difference(untrack, netns):
    addresses = ", ".join(map(address, range(70_000)))
    path = untrack.file(f"table ip t {{\nset s {{ type ipv4_addr; elements = {{ *, {addresses} }}; }}\n}}\n")
    untrack(netns, "apply", path)
    assert untrack(netns, "diff", path).stdout == ""
    netns.nft("table ip foreign {}")
    assert untrack(netns, "apply", "--json", path).json["changed"] is False


def test_what_cannot_be_known_is_said_before_the_commit(untrack, netns, policy):
    """Beyond what is dumped in a bearable time."""
    path = policy(range(MANY))
    untrack(netns, "apply", path)
    foreign_writer(netns, MANY)
    for command in ("diff", "apply"):
        result = untrack(netns, command, "--json", path, status=None)
        assert result.json["changed"] is True
        assert any("web_peers4" in warning and "rollback cannot" in warning
                   for warning in result.json["warnings"])
    assert loaded(netns) == sorted(map(address, range(MANY)))
    assert untrack(netns, "apply", "--json", path).json["changed"] is False


@pytest.fixture
def many(untrack, netns, policy):
    """A long list is loaded, and then one with another element in place of one of its own."""
    untrack(netns, "apply", policy(range(MANY)))
    untrack(netns, "apply", policy(range(1, MANY + 1)))
    return sorted(map(address, range(MANY)))


def remembered(untrack):
    return [path for path in untrack.state.rglob("*") if "remembered" in str(path)
            and path.is_file()]


def test_rolls_back_many(untrack, netns, many):
    result = untrack(netns, "rollback", "--json")
    assert result.json["summary"]["elements"] == {"add": 1, "delete": 1, "replace": 0}
    assert loaded(netns) == many


def test_snapshots_have_the_keys_that_are_remembered(untrack, netns, policy, many):
    """They take no room for themselves, and outlive what is remembered."""
    for n in range(2, 9):
        untrack(netns, "apply", policy(range(n, MANY + n)))
    files = {path.stat().st_ino: path.stat().st_size for path in untrack.state.rglob("*")
             if path.is_file()}
    assert sum(files.values()) < 2 * 4 * MANY
    for path in remembered(untrack):
        path.unlink()
    for n in (5, 3):
        untrack(netns, "rollback", str(n + 2))
        assert loaded(netns) == sorted(map(address, range(n, MANY + n)))


@pytest.mark.parametrize("damage", [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    lambda path: path.write_bytes(bytes(b ^ (i == 40_000) for i, b in
                                        enumerate(path.read_bytes()))),
    lambda path: path.write_bytes(path.read_bytes()[:60] + b"?" + path.read_bytes()[61:]),
], ids=["lost", "cut", "a bit", "its head"])
def test_what_is_remembered_is_only_an_aid(untrack, netns, policy, many, damage):
    """The list is verified, or loaded anew, when its file is gone or damaged."""
    files = remembered(untrack)
    assert files
    for path in files:
        damage(path)
    result = untrack(netns, "apply", "--json", policy(range(1, MANY + 1)))
    assert result.json["changed"] is False
    for path in remembered(untrack):
        damage(path)
    untrack(netns, "apply", policy(range(2, MANY + 2)))
    assert loaded(netns) == sorted(map(address, range(2, MANY + 2)))


def test_another_boot_is_not_believed(untrack, netns, policy, many):
    """What was remembered of the last boot is not taken for what is loaded now, whatever the
    generation says."""
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip().encode()
    for path in remembered(untrack):
        if path.suffix:  # keys, which mean nothing by themselves
            continue
        content = path.read_bytes()
        assert boot in content
        path.write_bytes(content.replace(boot, b"0" * len(boot)))
    result = untrack(netns, "apply", "--json", policy(range(2, MANY + 2)))
    assert any("web_peers4" in warning for warning in result.json["warnings"])
    assert loaded(netns) == sorted(map(address, range(2, MANY + 2)))


def test_killed_at_any_moment_all_is_old_or_new(untrack, netns, policy):
    old, new = policy(range(MANY)), None
    untrack(netns, "apply", old)
    states = [sorted(map(address, range(MANY))), sorted(map(address, range(1, MANY + 1)))]
    new = policy(range(1, MANY + 1))
    for delay in (0.01, 0.03, 0.06, 0.1, 0.2):
        process = untrack.start(netns, "apply", new, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait()
        assert loaded(netns) in states
    untrack(netns, "apply", new)
    assert loaded(netns) == states[1]
    untrack(netns, "diff", new)
    untrack(netns, "rollback")
    assert loaded(netns) == states[0]


def test_a_touched_file_is_read_again(untrack, netns, policy):
    path = policy(range(COUNT))
    untrack(netns, "apply", path)
    assert untrack(netns, "apply", "--json", path).json["changed"] is False
    assert untrack(netns, "apply", "--json", policy(range(1, COUNT))).json["changed"] is True


@pytest.mark.parametrize("lengths, names", [
    ([24], ["web_peers4_m24"]),
    ([24, 26, 32], ["web_peers4", "web_peers4_m24", "web_peers4_m26"]),
    ([24, 26, 28, 32], ["web_peers4"]),
], ids=["one", "three", "mixed"])
def test_prefixes_take_a_hash_for_each_length(untrack, netns, policy, lengths, names):
    def entry(number):
        return f"10.{number >> 8}.{number & 255}.0/{lengths[number % len(lengths)]}"
    path = policy(range(COUNT), entry)
    untrack(netns, "apply", path)
    listing = netns.listing("table", "inet", "untrack")
    assert sorted(line.split()[1] for line in listing.splitlines()
                  if line.startswith("\tset ")) == names
    netns.nft("table inet other { }")
    assert untrack(netns, "apply", "--json", path).json["changed"] is False
    untrack(netns, "apply", policy(range(1, COUNT), entry))
    netns.nft("delete table inet other")
    untrack(netns, "diff", policy(range(1, COUNT), entry))


def test_services_cost_what_each_of_them_costs(untrack, netns):
    """Ten times the services, and no more than that many times the work: names are not searched
    for one by one. By the processors' time, which other work on the machine hardly moves."""
    def cost(count):
        services = [{"name": f"s{n}", "role": "server", "protocol": "udp",
                     "ports": [20000 + n], "addresses": [address(n)]} for n in range(count)]
        policy = untrack.policy(*services)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = untrack(netns, "apply", policy, "--no-rehearse", "--json")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert result.json["summary"]["objects"]["add"] == 2 * count
        netns.nft("flush ruleset")
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    small, large = (min(cost(count) for _ in range(2)) for count in (600, 6000))
    assert large < 25 * small


@pytest.mark.parametrize("entry", [address, lambda n: f"{address(2 * n)}/{32 - n % 2}",
                                   lambda n: f"10.{n >> 8}.{n & 255}.0/{24 + n % 7}"])
def test_a_list_outgrows_its_set_by_far(untrack, netns, policy, entry):
    """The kernel counts what is added against the size that the set had before."""
    untrack(netns, "apply", policy(range(1100), entry))
    untrack(netns, "apply", policy(range(20000), entry))
    untrack(netns, "diff", policy(range(20000), entry))
    untrack(netns, "apply", policy(range(1100), entry))
    untrack(netns, "rollback")
    untrack(netns, "diff", policy(range(20000), entry))


@pytest.mark.parametrize("kind", ["", "flags interval;", "flags dynamic;", "flags timeout;",
                                  "counter;"])
def test_a_declared_size_changes(untrack, netns, tmp_path, kind):
    def write(count, size):
        names = ", ".join(f"10.0.{n}.0" + ("/25" if "interval" in kind else "")
                          for n in range(count))
        path = tmp_path / f"{count}-{size}.nft"
        path.write_text(f"table inet t {{\nset s {{ type ipv4_addr; {kind} {size}\n"
                        f"elements = {{ {names} }}\n}}\nchain c {{\n"
                        "type filter hook prerouting priority raw;\nip saddr @s accept\n}\n}\n")
        return path
    for count, size in [(4, 8), (6, 16), (40, 400), (20, 50), (20, None), (30, 45), (50, 60)]:
        path = write(count, f"size {size};" if size else "")
        untrack(netns, "apply", path)
        untrack(netns, "diff", path)
