# SPDX-License-Identifier: GPL-2.0-or-later
"""Long lists: what they hold is known without a dump, and is right whoever else writes."""

import json
import resource
import time

import pytest

COUNT = 12000  # beyond what is simply read back


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


def test_a_foreign_writer_is_found_out(untrack, netns, policy):
    """One element added and another deleted: the count is the same, the keys are not."""
    path = policy(range(COUNT))
    untrack(netns, "apply", path)
    netns.nft(f"add element inet untrack web_peers4 {{ 192.0.2.1 }}\n"
              f"delete element inet untrack web_peers4 {{ {address(7)} }}\n")
    result = untrack(netns, "apply", "--json", path)
    assert result.json["changed"] is True
    assert any("web_peers4" in warning for warning in result.json["warnings"])
    assert loaded(netns) == sorted(map(address, range(COUNT)))
    untrack(netns, "diff", path)


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
