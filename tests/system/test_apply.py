# SPDX-License-Identifier: GPL-2.0-or-later
"""apply and diff: the same again is nothing, and what is equal stays."""
import json
import resource
import statistics

import pytest
from conftest import SANITIZED, SOURCE, STATEFUL_FILTER, TRACKING, WEB, Pair

DNS = {"name": "dns", "role": "server", "protocol": ["udp", "tcp"], "ports": [53]}
NFS = {"name": "nfs", "role": "client", "protocol": "tcp", "ports": [2049],
       "peers": ["10.0.0.0/8", "2001:db8::/32"]}
RANGE = {"name": "range", "role": "server", "protocol": "tcp", "ports": ["20000-60000"]}


def test_first_and_second_time(untrack, netns):
    policy = untrack.policy(WEB, DNS)
    before = netns.generation()
    first = untrack(netns, "apply", policy, "--json").json
    assert first["changed"] is True
    assert first["summary"]["tables"] == {"add": 1} or first["summary"]["tables"]["add"] == 1
    after = netns.generation()
    assert after > before

    second = untrack(netns, "apply", policy, "--json").json
    assert second["changed"] is False
    assert second["nftables"] == []
    assert netns.generation() == after
    assert untrack(netns, "diff", policy).stdout == ""
    assert untrack(netns, "diff", policy, "--json").json["changed"] is False


def processor_time():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_same_again_is_quick(untrack, netns):
    policy = untrack.policy(WEB, DNS, NFS)
    untrack(netns, "apply", policy)
    line = untrack.argv(netns, "apply", policy)
    times = []
    for _ in range(15):
        begin = processor_time()
        assert untrack(netns, "apply", policy).status == 0
        times.append(processor_time() - begin)
    # The best of many, by the processors' time: other work on the machine is not what is measured.
    assert min(times) < (0.2 if SANITIZED else 0.020), (line, statistics.median(times))


def test_diff_changes_nothing_and_says_so_by_its_status(untrack, netns):
    policy = untrack.policy(WEB)
    before = netns.generation()
    untrack(netns, "diff", policy, status=1)
    assert untrack(netns, "diff", policy, "--json", status=1).json["changed"] is True
    assert netns.generation() == before
    assert not any(untrack.state.rglob("*")) if untrack.state.exists() else True


def test_dry_run_prints_what_diff_prints(untrack, netns):
    policy = untrack.policy(WEB, DNS)
    before = netns.generation()
    diff = untrack(netns, "diff", policy, status=1)
    dry = untrack(netns, "apply", "--dry-run", policy, status=None)
    assert dry.stdout == diff.stdout
    assert dry.status in (0, 1)
    diff = untrack(netns, "diff", "--json", policy, status=1).json
    dry = untrack(netns, "apply", "--dry-run", "--json", policy, status=None).json
    assert dry == diff
    assert netns.generation() == before


def test_dry_run_tells_what_apply_would_be_refused_for(untrack, netns):
    """On standard error: what is printed stays what diff prints."""
    netns.nft(STATEFUL_FILTER)
    policy = untrack.policy(WEB, expect=[{"packet": "tcp 192.0.2.7:40000 > 127.0.0.1:80",
                                          "is": "tracked"}])
    diff = untrack(netns, "diff", policy, status=1)
    dry = untrack(netns, "apply", "--dry-run", policy)
    assert dry.stdout == diff.stdout
    assert "no-accept" in dry.stderr and "no-accept" not in diff.stderr
    assert "apply would refuse this" in dry.stderr
    assert untrack(netns, "apply", "--dry-run", "--json", policy).json == \
        untrack(netns, "diff", "--json", policy, status=1).json
    dry = untrack(netns, "apply", "--dry-run", "--force-lint", "no-accept", policy)
    assert "to be tracked" in dry.stderr
    untrack(netns, "apply", policy, status=2)


def test_generation_option(untrack, netns):
    policy = untrack.policy(WEB)
    generation = untrack(netns, "diff", "--json", policy, status=1).json["generation"]
    assert generation == netns.generation()
    netns.nft("add table inet foreign")
    now = netns.generation()
    result = untrack(netns, "apply", "--generation", generation, "--json", policy, status=3)
    assert result.error["code"] == "changed"
    assert netns.generation() == now and not netns.has_table()
    untrack(netns, "apply", "--generation", now, policy)
    assert netns.has_table()


def handles(ns):
    """{(kind, name or rule's comment and place): handle} of everything that has one."""
    found = set()
    for item in ns.nft_json():
        for kind, body in item.items():
            if isinstance(body, dict) and "handle" in body:
                found.add((kind, body["family"], body.get("table"), body.get("name"),
                           body["handle"]))
    return found


def test_a_service_more_leaves_the_rest(untrack, make_netns):
    pair = Pair(make_netns)
    server = pair.server
    server.nft(TRACKING)
    untrack(server, "apply", untrack.policy(WEB, NFS))
    server.serve("echo", "tcp", pair.server4, "80")
    pair.client.ask("tcp", pair.server4, "80", "20")
    counted = server.counters()
    assert sum(counted.values()) > 0
    before = handles(server)

    result = untrack(server, "apply", untrack.policy(WEB, DNS, NFS), "--json").json
    assert result["changed"] is True
    assert before <= handles(server)
    assert {name: value for name, value in server.counters().items() if name in counted} == counted

    # Taken away again: what is left is what was there.
    untrack(server, "apply", untrack.policy(WEB, NFS))
    assert handles(server) == before
    assert server.counters() == counted


@pytest.mark.parametrize("services", [
    [WEB, DNS], [WEB, DNS, NFS, RANGE], [{**WEB, "accept": True}, {**DNS, "accept": True}], []],
                         ids=["ports", "all", "accept", "none"])
def test_nft_plays_the_same_change(untrack, make_netns, services):
    """`nftables` of diff, run through nft, leads to the same state; from nothing, and from another
    policy. (libnftables 1.0.6 does not take comments of tables.)"""
    accept_in = ["inet filter input"]
    policy = untrack.policy(*services, accept_in=accept_in)
    for start in (None, untrack.policy({**WEB, "accept": True}, NFS, accept_in=accept_in)):
        ours, theirs = make_netns(), make_netns()
        for ns in (ours, theirs):
            ns.nft(STATEFUL_FILTER)
            if start:
                untrack(ns, "apply", "--force-lint", "no-accept", start)
        change = untrack(theirs, "diff", "--json", policy, status=1).json["nftables"]
        untrack(ours, "apply", "--force-lint", "no-accept", policy)
        theirs.run("nft", "-j", "-f", "-", input=json.dumps({"nftables": change}))
        assert theirs.state(comments=False) == ours.state(comments=False)
        assert untrack(theirs, "diff", policy).stdout == ""  # known without the comment
        assert not untrack(theirs, "apply", "--json", policy).json["changed"]


def test_a_table_without_the_mark_is_ours_only_if_it_is_the_same(untrack, netns):
    policy = untrack.policy(WEB)
    change = untrack(netns, "diff", "--json", policy, status=1).json["nftables"]
    netns.run("nft", "-j", "-f", "-", input=json.dumps({"nftables": change}))
    untrack(netns, "diff", policy)
    netns.nft('table inet untrack { flags dormant; }')
    result = untrack(netns, "apply", policy, status=2)
    assert "was not made by untrack" in result.stderr
    netns.nft("table inet untrack")
    untrack(netns, "diff", policy)
    netns.nft("add counter inet untrack another")
    before = netns.listing()
    result = untrack(netns, "apply", policy, status=2)
    assert "was not made by untrack" in result.stderr
    assert netns.listing() == before
    untrack(netns, "apply", "--take-over", policy)
    assert "another" not in netns.listing()


def test_expectations_are_about_the_policy(untrack, netns):
    """Nothing turns tracking on here: what the policy leaves alone is tracked where something does."""
    kept, other = "tcp 203.0.113.7:40000 > 192.0.2.10:80 on eth0", "udp 192.0.2.7:7 > 192.0.2.10:9"
    expect = [{"packet": "tcp 192.0.2.7:40000 > 192.0.2.10:80", "is": "untracked"},
              {"packet": kept, "is": "tracked"}, {"packet": other, "is": "tracked"}]
    keep = [{"peers": ["203.0.113.0/24"]}]
    untrack(netns, "apply", untrack.policy(WEB, keep_tracked=keep, expect=expect))
    for number in (1, 2):
        wrong = [*expect[:number], {**expect[number], "is": "untracked"}, *expect[number + 1:]]
        policy = untrack.policy(WEB, DNS, keep_tracked=keep, expect=wrong)
        assert [e["ok"] for e in untrack(netns, "check", "--json", policy, status=1).json["expect"]
                ] == [i != number for i in range(3)]
        result = untrack(netns, "apply", policy, status=2)
        assert f"expected '{wrong[number]['packet']}' to be untracked" in result.stderr


def test_others_tables_stay(untrack, netns):
    netns.nft(STATEFUL_FILTER)
    before = netns.listing("table", "inet", "filter")
    untrack(netns, "apply", "--force-lint", "no-accept", untrack.policy(WEB))
    untrack(netns, "apply", "--force-lint", "no-accept", untrack.policy(DNS))
    assert netns.listing("table", "inet", "filter") == before


def test_a_policy_as_the_whole_ruleset(untrack, netns):
    """Tables that it does not name go, and come back with rollback."""
    accept = {**WEB, "accept": True}
    policies = {"filter": untrack.policy(accept, accept_in=["inet filter input"]),
                "alone": untrack.policy(WEB)}
    netns.nft(STATEFUL_FILTER + "table ip other {\nset s { type ipv4_addr\n"
              "elements = { 192.0.2.1 } }\nchain c {\nip saddr @s drop\n}\n}\n")
    untrack(netns, "apply", policies["filter"])
    before = netns.state()
    untrack(netns, "diff", policies["filter"])
    assert "delete table ip other" in \
        untrack(netns, "diff", "--ruleset", policies["filter"], status=1).stdout
    for name, left in (("filter", ["inet filter", "inet untrack"]), ("alone", ["inet untrack"])):
        untrack(netns, "apply", "--ruleset", policies[name])
        tables = netns.run("nft", "list", "tables").stdout.split("table ")[1:]
        assert sorted(table.strip() for table in tables) == left
        untrack(netns, "diff", "--ruleset", policies[name])
        untrack(netns, "rollback")
        assert netns.state() == before


def test_a_policy_leaves_what_could_not_be_put_back(untrack, netns):
    netns.run("iptables-nft", "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT")
    before = netns.listing()
    result = untrack(netns, "apply", "--ruleset", "--json", untrack.policy(WEB), status=2)
    assert "'ip filter'" in result.error["message"]
    assert netns.listing() == before


def test_a_document_of_nft(untrack, make_netns):
    """Other documents: what nft would load is what gets loaded, and then there is no difference."""
    ours, theirs = make_netns(), make_netns()
    text = untrack.file("table inet hand {\n chain prerouting {\n"
                        "  type filter hook prerouting priority raw; policy accept;\n"
                        "  tcp dport { 80, 443 } notrack\n }\n}\n", "hand.nft")
    theirs.run("nft", "-f", text)
    untrack(ours, "apply", text)
    assert ours.listing() == theirs.listing()
    untrack(ours, "diff", text)
    listed = untrack.file(theirs.run("nft", "-j", "list", "ruleset").stdout, "hand.json")
    untrack(ours, "diff", listed)


def test_advice_is_short(untrack, netns):
    """A ruleset is applied whatever is found; of many findings alike a few are told, and how many more."""
    rules = "".join(f"\t\tct state new tcp dport {port} accept\n" for port in range(1, 11))
    path = untrack.file("table ip t {\n\tchain c {\n\t\ttype filter hook prerouting priority raw;\n"
                        f"{rules}\t}}\n}}\n")
    told = [line for line in untrack(netns, "apply", path).stderr.splitlines() if "state-in-raw" in line]
    assert ["rule 1 " in told[0], "rule 2 " in told[1], "rule 3 " in told[2]] == [True] * 3, told
    assert told[3:] == ["untrack: state-in-raw: 7 more; `untrack check` tells them all"]
    checked = untrack(netns, "check", "--json", path).json["findings"]
    assert sum(finding["code"] == "state-in-raw" for finding in checked) == 10


def test_advice_is_on_the_change(untrack, netns):
    """What another's table does ahead of tracking is no news of a firewall that keeps nothing out."""
    netns.nft("table ip other { chain c { type filter hook prerouting priority raw; ct state new; }; }")
    path = untrack.file("table ip t { chain c { type filter hook input priority 0; tcp dport 22 accept; }; }\n")
    assert "state-in-raw" not in untrack(netns, "apply", path).stderr
    checked = untrack(netns, "check", "--json", path).json["findings"]
    assert [finding["code"] for finding in checked] == ["state-in-raw"]


def test_show_is_a_document(untrack, make_netns):
    ours, copy = make_netns(), make_netns()
    policy = untrack.policy(WEB, DNS)
    untrack(ours, "apply", policy)
    shown = json.loads(untrack(ours, "show").stdout)
    assert shown["nftables"]
    assert untrack(ours, "show", "--json").json["nftables"] == shown["nftables"]
    untrack(ours, "diff", "-", input=json.dumps(shown))
    text = untrack(ours, "show", "--text").stdout
    assert text.startswith("table inet untrack {")
    copy.nft(text)
    assert copy.state() == ours.state()
    untrack(ours, "diff", "-", input=text)


def test_diff_of_two_documents(untrack, netns):
    one, two = untrack.policy(WEB), untrack.policy(WEB, DNS)
    untrack(None, "diff", one, one)
    result = untrack(None, "diff", "--json", one, two, status=1).json
    assert result["changed"] is True
    assert "tables" not in result["summary"] or not result["summary"]["tables"].get("add")


def test_nft_plays_the_difference_of_two_policies(untrack, make_netns):
    """Rules are named by the handles that the first one has where it was loaded alone."""
    first = untrack.policy(WEB, NFS)
    second = untrack.policy({**WEB, "addresses": ["192.0.2.0/24"]}, DNS, RANGE)
    ours, theirs = make_netns(), make_netns()
    untrack(theirs, "apply", first)
    untrack(ours, "apply", second)
    change = untrack(None, "diff", "--json", first, second, status=1).json["nftables"]
    assert any("replace" in command or "delete" in command for command in change)
    theirs.run("nft", "-j", "-f", "-", input=json.dumps({"nftables": change}))
    assert theirs.state(comments=False) == ours.state(comments=False)
    assert "handle 0" not in untrack(None, "diff", first, second, status=1).stdout


def test_check(untrack, netns):
    result = untrack(netns, "check", "--json", untrack.policy(WEB), status=None)
    assert result.status in (0, 1)
    assert result.json["ok"] is (result.status == 0)
    assert isinstance(result.json["findings"], list)
    assert not netns.has_table()


@pytest.mark.parametrize("path", sorted((SOURCE / "rulesets").glob("*.json")),
                         ids=lambda p: p.name)
def test_ready_policies(untrack, netns, path):
    """Each file of rulesets/ loads as it is; where it names chains, they are made first."""
    document = json.loads(path.read_text())
    for entry in document.get("accept_in", []):
        family, table, chain = (entry if isinstance(entry, str) else entry["chain"]).split()
        netns.nft(f"table {family} {table} {{\nchain {chain} {{\n"
                  f"type filter hook {chain} priority filter; policy accept\n"
                  "ct state established,related accept\n}\n}\n")
    if {"max", "buckets"} & set(document.get("conntrack", {})):
        # These can be set in the initial namespace only, which tests leave alone: that is told
        # before anything is committed, and the rest is done.
        assert "only in the initial one" in untrack(netns, "diff", path, status=1).stderr
    untrack(netns, "apply", path)
    untrack(netns, "diff", path)


def test_rules_do_not_grow_with_services(untrack, make_netns):
    """One service or three hundred: as many rules, and the same cost for each packet."""
    counts = []
    for number in (2, 300):
        ns = make_netns()
        services = [{"name": f"s{i}", "role": "server", "protocol": ["tcp", "udp"],
                     "ports": [1000 + i, 2000 + i],
                     "addresses": [f"192.0.2.{i % 250 + 1}", f"2001:db8::{i + 1:x}"]}
                    for i in range(number)]
        policy = untrack.policy(*services)
        untrack(ns, "apply", policy)
        untrack(ns, "diff", policy)
        counts.append(sum("rule" in item for item in ns.nft_json("table", "inet", "untrack")))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("expr", [
    [{"jump": {"target": "nowhere"}}],
    [{"match": {"op": "==", "left": {"meta": {"key": "no_such_key"}}, "right": 1}},
     {"notrack": None}],
])
def test_a_refusal_names_the_rule(untrack, netns, expr):
    """What the kernel or nft refuses is told of the rule that caused it."""
    good = {"chain": "prerouting", "expr": [{"notrack": None}]}
    policy = untrack.policy(WEB, rules=[good, {"chain": "output", "expr": expr}])
    error = untrack(netns, "apply", "--json", policy, status=2).error
    assert "/rules/1" in (error["path"] or "") + error["message"], error
    assert not netns.has_table()
