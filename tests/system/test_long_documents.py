# SPDX-License-Identifier: GPL-2.0-or-later
"""nft text and JSON with long lists: what nft would load of them is what is loaded, though
libnftables never sees the lists."""

import json

import pytest

COUNT = 3000


def v4(number):
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def shuffled(count):
    """A fixed order that is not theirs."""
    return [n * 7919 % count for n in range(count)]


def table(declaration, elements, more=""):
    separator = ",\n\t\t"
    if not isinstance(elements, str):
        elements = f"{{ {separator.join(elements)} }}"
    return (f"table inet t {{\n\tset long {{\n\t\t{declaration}\n"
            f"\t\telements = {elements}\n\t}}\n{more}}}\n")


NUMBERS = shuffled(COUNT)
ADDRESSES = ", ".join(v4(n) for n in NUMBERS)
TEXTS = {
    "addresses": table("type ipv4_addr", [v4(n * 3) for n in NUMBERS]),
    "repeated": table("type ipv4_addr", [v4(n // 2) for n in NUMBERS]),
    "sized": table("type ipv4_addr; size 9000;", [v4(n * 3) for n in NUMBERS]),
    "much room": table("type ipv4_addr; comment \"size 65540; of it\"; size 82456;",
                       [v4(n * 3) for n in NUMBERS]),
    "six": table("type ipv6_addr", [f"2001:db8::{n:x}" for n in NUMBERS]),
    "prefixes": table("type ipv4_addr; flags interval",
                      [f"{v4(n * 512)}/{24 + n % 9}" for n in NUMBERS]),
    "touching": table("type ipv4_addr\nflags interval", [f"{v4(n * 256)}/24" for n in NUMBERS]),
    "host bits": table("type ipv4_addr; flags interval;", [f"{v4(n * 256 + 9)}/24"
                                                         for n in NUMBERS]),
    "the same twice": table("type ipv4_addr\nflags interval",
                            [f"{v4(n // 2 * 256)}/24" for n in NUMBERS]),
    "ranges": table("type ipv4_addr\nflags interval",
                    [f"{v4(n * 99 + 5)}-{v4(n * 99 + 60)}" for n in NUMBERS]),
    "ends": table("type ipv4_addr\nflags interval", ["0.0.0.0-0.0.0.9", "255.0.0.0/8"]
                  + [f"{v4(n * 8)}/31" for n in NUMBERS]),
    "merged": table("type ipv4_addr\nflags interval\nauto-merge",
                    [f"{v4(n * 100)}/{24 + n % 8}" for n in NUMBERS]),
    "merged six": table("type ipv6_addr; flags interval; auto-merge;",
                        [f"2001:db8:{n % 1500:x}::/{48 + n % 3}" for n in NUMBERS]),
    "ports": table("type inet_service", [f"{n + 1}" for n in NUMBERS]),
    "port ranges": table("type inet_service; flags interval",
                         [f"{n * 20}-{n * 20 + 7}" for n in NUMBERS] + ["65000-65535"]),
    "pairs": table("type ipv4_addr . inet_service",
                   [f"{v4(n * 3)} . {n % 65535 + 1}" for n in NUMBERS]),
    "typeof": table("typeof ip saddr . tcp dport", [f"{v4(n)} . {n + 1}" for n in NUMBERS],
                    "chain c {\n ip saddr . tcp dport @long counter\n}\n"),
    "three fields": table("type ipv6_addr . inet_service . ipv4_addr",
                          [f"2001:db8::{n:x} . {n + 1} . {v4(n)}" for n in NUMBERS]),
    "comments": table("type ipv4_addr # of the list", [f"{v4(n)} # }} {n}\n" for n in NUMBERS]),
    "one line": "table ip t { set long { type ipv4_addr; elements = { "
                + ", ".join(v4(n) for n in NUMBERS) + " }; comment \"a { b\"; }; "
                "chain c { ip saddr @long drop; }; }",
    # so many that compiled rules are remembered
    "beside rules": table("type ipv4_addr", [v4(n) for n in NUMBERS],
                          "chain c {\n" + "".join(f"ip saddr 192.0.2.{n} udp dport {m + 1} accept\n"
                                                  for m in range(2) for n in range(200))
                          + "ip saddr @long accept\n}\n"),
    "in pieces": "flush ruleset\ndefine own = { 1.2.3.4, 5.6.7.8 }\n"
                 + table("type ipv4_addr", [v4(n) for n in NUMBERS[:2000]],
                         "set other { type ipv4_addr; elements = $own; }\n")
                 + "add element inet t long { " + ", ".join(v4(n) for n in NUMBERS) + " }\n",
    # Lists in variables.
    "variable": "define many = {\n" + ADDRESSES + "}\n" + table("type ipv4_addr", "$many"),
    "variable of a table": "table inet t {\ndefine many = { " + ADDRESSES + " }\nset a {\n"
                           "type ipv4_addr\nelements = $many\n}\n set b { type ipv4_addr; "
                           "elements = $many; }\n}\n",
    "variable in a command": "define many = { " + ADDRESSES + " }\n" + table("type ipv4_addr", ["1.2.3.4"])
                             + "add element inet t long $many\n",
    "variables in a list": "define one = { 1.2.3.4, 5.6.7.8 } # of them\ndefine two = { " + ADDRESSES
                           + " }\n" + table("type ipv4_addr", ["9.9.9.9", "$two", "$one", "8.8.8.8"]),
    "variable of two kinds": "define many = { " + ", ".join(f"{n + 1}" for n in NUMBERS) + " }\n"
                             + table("type inet_service", "$many",
                                     "set s { type inet_service; flags interval; "
                                     "elements = $many; }\n"),
    "variable in a rule too": "define many = { " + ADDRESSES + " }\n"
                              + table("type ipv4_addr", "$many",
                                      "chain c {\nip saddr $many accept\n}\n"),
    "variable behind another": "define some = { " + ADDRESSES + " }\ndefine many = $some\n"
                               + table("type ipv4_addr", "$many"),
    "redefined": "define many = { 1.2.3.4 }\nredefine many = { " + ADDRESSES + " }\n"
                 + table("type ipv4_addr", "$many"),
    "redefined behind": "define many = { " + ADDRESSES + " }\n" + table("type ipv4_addr", "$many")
                        + "redefine many = { 1.2.3.4 }\ntable inet t {\nset s {\ntype ipv4_addr\n"
                        "elements = $many\n}\n}\n",
    "redefined in the table": "define many = { " + ADDRESSES + " }\n"
                              + table("type ipv4_addr", "$many")
                              + "table inet t { redefine many = { 1.2.3.4 }\nset s {\n"
                              "type ipv4_addr\nelements = $many\n}\n}\n",
    "of tables of their own": "".join(
        f"table inet {name} {{\ndefine many = {{ {ADDRESSES}, {name == 'a' and '1.2.3.4' or '4.3.2.1'} "
        "}\nset s {\ntype ipv4_addr\nelements = $many\n}\n}\n" for name in "ab"),
    "undefined": "define many = { " + ADDRESSES + " }\n" + table("type ipv4_addr", "$many")
                 + "undefine many\n",
    "not of the set": "define many = { " + ADDRESSES + " }\n"
                      + table("type ipv4_addr", [v4(n) for n in NUMBERS])
                      + "add set inet t e { type ipv4_addr; }\nadd element inet t e { 1.1.1.1 }\n",
    "of none": "define none = { }\n" + table("type ipv4_addr", "$none") + "add element inet t long { "
               + ADDRESSES + " }\n",
    "named in a comment": "define many = { " + ADDRESSES + " }\n# $many\n"
                          + table("type ipv4_addr; comment \"$many\"", "$many"),
    "elements twice": "table ip t {\nset s {\ntype ipv4_addr\nelements = { " + ADDRESSES + " }\n"
                      "elements = { 1.2.3.4 }\n}\n}\n",
    "merged behind": "table ip t {\nset s {\ntype ipv4_addr\nflags interval\nelements = { "
                     + ADDRESSES + " } auto-merge\n}\n}\n",
    # What is not plain stays with nft.
    "timeouts": table("type ipv4_addr\nflags timeout", [f"{v4(n)} timeout 1h" for n in NUMBERS]),
    "element comment": table("type ipv4_addr", [f"{v4(n)} comment \"n{n}\"" for n in NUMBERS]),
    "services": table("type inet_service", [*(f"{n + 1000}" for n in NUMBERS), "http"]),
    "boxes": table("type ipv4_addr . inet_service; flags interval;",
                   [f"{v4(n * 512)}/24 . {n + 1}-{n + 2}" for n in NUMBERS[:1000]]),
    "emptied": table("type ipv4_addr", [v4(n) for n in NUMBERS]) + "flush set inet t long\n",
    "less one": table("type ipv4_addr", [v4(n) for n in NUMBERS])
                + f"delete element inet t long {{ {v4(5)} }}\n",
}


def listing_of_nft(make_netns, document, *options):
    ns = make_netns()
    ns.run("nft", *options, "-f", document)
    return ns.listing("ruleset")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_means_what_it_means_to_nft(untrack, netns, make_netns, text):
    document = untrack.file(text)
    wanted = listing_of_nft(make_netns, document)
    untrack(netns, "apply", document)
    assert netns.listing("ruleset") == wanted
    assert untrack(netns, "diff", document).stdout == ""
    assert untrack(netns, "apply", document, "--json").json["changed"] is False


@pytest.mark.parametrize("text", [TEXTS[name] for name in ("ends", "pairs", "touching", "merged")],
                         ids=["ends", "pairs", "touching", "merged"])
def test_what_nft_loaded_is_no_difference(untrack, netns, text):
    document = untrack.file(text)
    netns.run("nft", "-f", document)
    assert untrack(netns, "diff", document).stdout == ""


def elements_of(kind):
    return {
        "addresses": ("ipv4_addr", [], [v4(n) for n in NUMBERS]),
        "ports": ("inet_service", [], [n + 1 for n in NUMBERS]),
        "intervals": ("ipv4_addr", ["interval"],
                      [{"prefix": {"addr": v4(n * 1024), "len": 24}} for n in NUMBERS]
                      + [{"range": ["192.0.2.1", "192.0.2.9"]}, "198.51.100.1"]),
        "pairs": (["ipv6_addr", "inet_service"], [],
                  [{"concat": [f"2001:db8::{n:x}", n + 1]} for n in NUMBERS]),
        "not plain": (["ipv4_addr", "inet_service"], [],
                      [{"concat": [v4(n), "http"]} for n in NUMBERS]),
    }[kind]


@pytest.mark.parametrize("kind", ["addresses", "ports", "intervals", "pairs", "not plain"])
def test_json_means_what_it_means_to_nft(untrack, netns, make_netns, kind):
    types, flags, elements = elements_of(kind)
    place = {"family": "inet", "table": "t"}
    body = {**place, "name": "long", "type": types, "elem": elements, "handle": 7}
    if flags:
        body["flags"] = flags
    document = untrack.file(json.dumps({"nftables": [
        {"metainfo": {"json_schema_version": 1}}, {"add": {"table": {"family": "inet", "name": "t"}}},
        {"set": body}, {"chain": {**place, "name": "c"}}]}, indent=1))
    wanted = listing_of_nft(make_netns, document, "-j")
    untrack(netns, "apply", document)
    assert netns.listing("ruleset") == wanted
    assert untrack(netns, "diff", document).stdout == ""
    assert untrack(netns, "diff", document, document).stdout == ""


def commands_of_json(form, elements):
    place = {"family": "inet", "table": "t"}
    half = len(elements) // 2
    added = [{**place, "name": "long", "elem": some} for some in (elements[:half], elements[half:])]
    body = {**place, "name": "long", "type": "ipv4_addr", "flags": ["interval"]}
    if form == "beside a list":
        body["elem"] = ["203.0.113.1", added[0]["elem"][0]]
    commands = [{"add": {"table": {"family": "inet", "name": "t"}}}, {"add": {"set": body}}]
    commands += [{"add": {"element": one}} if form != "dump" else {"element": one} for one in added]
    commands.append({"add": {"chain": {**place, "name": "c"}}})
    if form == "pieces":
        commands += [{"add": {"element": {**place, "name": "long", "elem": [one]}}}
                     for one in ("198.51.100.1", "198.51.100.3")]
    return commands


@pytest.mark.parametrize("form", ["command", "dump", "beside a list", "pieces"])
@pytest.mark.parametrize("standard_input", [False, True])
def test_element_commands_of_json_mean_what_they_mean_to_nft(untrack, netns, make_netns, form,
                                                            standard_input):
    elements = elements_of("intervals")[2]
    text = json.dumps({"nftables": commands_of_json(form, elements)}, indent=1)
    document = untrack.file(text)
    wanted = listing_of_nft(make_netns, document, "-j")
    if standard_input:
        untrack(netns, "apply", "-", input=text)
    else:
        untrack(netns, "apply", document)
    assert netns.listing("ruleset") == wanted
    assert untrack(netns, "diff", document).stdout == ""
    if not standard_input:
        assert untrack(netns, "apply", document, "--json").json["changed"] is False


WRONG_COMMANDS = {
    "behind": {"add": {"element": {"family": "inet", "table": "t", "name": "other", "elem": ["1.1.1.1"]}}},
    "odd": {"add": {"element": {"family": "inet", "table": "t", "name": "long", "elem": ["nonsense."]}}},
    "conflict": {"add": {"element": {"family": "inet", "table": "t", "name": "long",
                                     "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}]}}},
    "flush": {"flush": {"ruleset": None}},
    "unknown key": {"add": {"element": {"family": "inet", "table": "t", "name": "long",
                                        "elem": ["1.1.1.1"], "elems": []}}},
}


@pytest.mark.parametrize("wrong", WRONG_COMMANDS.values(), ids=WRONG_COMMANDS.keys())
def test_refused_json_names_the_place_behind_element_commands(untrack, netns, wrong):
    commands = [*commands_of_json("command", elements_of("intervals")[2]), wrong]
    document = untrack.file(json.dumps({"nftables": commands}, indent=1))
    error = untrack(netns, "apply", "--json", document, status=2).error
    assert error["path"].startswith(f"/nftables/{len(commands) - 1}")
    assert netns.listing("ruleset") == ""


def test_created_elements_are_judged_by_nft(untrack, netns):
    commands = commands_of_json("beside a list", elements_of("intervals")[2])
    commands[2] = {"create": commands[2]["add"]}
    document = untrack.file(json.dumps({"nftables": commands}))
    assert netns.run("nft", "-j", "-f", document, check=False).returncode == 1
    assert "exists" in untrack(netns, "apply", "--json", document, status=2).error["message"]


def test_a_dump_applies_over_itself(untrack, netns):
    netns.run("nft", "-f", untrack.file(TEXTS["prefixes"]))
    dump = untrack.file(netns.run("nft", "-j", "list", "ruleset").stdout)
    assert untrack(netns, "apply", dump, "--json").json["changed"] is False


REFUSED = {
    "conflict": (table("type ipv4_addr; flags interval;",
                       [f"{v4(n * 256)}/24" for n in NUMBERS] + ["10.0.0.7"]),
                 "conflicting intervals"),
    "prefix in a hash": (table("type ipv4_addr", [v4(n) for n in NUMBERS] + ["10.9.0.0/24"]),
                         "interval"),
    "no port": (table("type inet_service", [f"{n}" for n in NUMBERS] + ["70000"]), "range"),
    "defined twice": ("define many = { " + ADDRESSES + " }\ndefine many = { 1.2.3.4 }\n"
                      + table("type ipv4_addr", "$many"), "redefinition"),
    "defined behind": (table("type ipv4_addr", "$many") + "define many = { " + ADDRESSES + " }\n",
                       "unknown identifier"),
    "of another table": ("table inet u {\ndefine many = { " + ADDRESSES + " }\n}\n"
                         + table("type ipv4_addr", "$many"), "unknown identifier"),
    "undefined before": ("define many = { " + ADDRESSES + " }\nundefine many\n"
                         + table("type ipv4_addr", "$many"), "unknown identifier"),
    "no end": (table("type ipv4_addr", ["1.2.3.4"]) + "add element inet t long { " + ADDRESSES
               + " } add element inet t long { 1.1.1.1 }\n", "syntax"),
    "no end of a variable": ("define many = { " + ADDRESSES + " } define other = 1\n"
                             + table("type ipv4_addr", "$many"), "syntax"),
    "none": (table("type ipv4_addr", "{ " + ADDRESSES + " }") + "add element inet t long { # none\n }\n",
             "syntax"),
    "merged with earlier ones": ("table inet t {\nset other {\ntype ipv4_addr\n}\nset long {\ntype ipv4_addr\n"
                                 "flags interval\nauto-merge\n}\n}\nadd element inet t long { 10.0.3.85 }\n"
                                 "add element inet t other { 1.2.3.4 }\n"
                                 "add element inet t long { 10.0.3.0/24, "
                                 + ", ".join(f"10.1.{n >> 8}.{n & 255}" for n in range(0, 3000, 2))
                                 + " }\n", "File exists"),
    "wrong in a variable": ("define many = {\n" + ADDRESSES + ",\nnonsense.example.invalid,\n}\n"
                            + table("type ipv4_addr", "$many"), "resolve"),
    "below the list": (table("type ipv4_addr", [v4(n) for n in NUMBERS], "nonsense {}\n"),
                       "syntax"),
}


@pytest.mark.parametrize("text, words", REFUSED.values(), ids=REFUSED.keys())
def test_refusals_are_those_of_nft_and_name_the_place(untrack, netns, text, words):
    document = untrack.file(text)
    by_nft = netns.run("nft", "-c", "-f", document, check=False).stderr
    result = untrack(netns, "apply", "--json", document, status=2)
    assert words in result.error["message"] and words in by_nft
    assert f"{document}:{result.error['line']}:{result.error['column']}" in by_nft


ODD = ["1.2.3", "1.2.3.04", "01.2.3.4", "1.2.3.256", "1.2.3.1000", "1..2.3", "1.2.3.4.5", "1.2.3.4/24",
       "0.0.0.0", "255.255.255.255", "1.2.3.4 5", "1.2.3.x", "-1.2.3.4", "1.2.3."]


@pytest.mark.parametrize("odd", ODD)
def test_odd_spellings_are_judged_by_nft(untrack, netns, make_netns, odd):
    document = untrack.file(table("type ipv4_addr", [v4(n + 1) for n in NUMBERS] + [odd]))
    ns = make_netns()
    if ns.run("nft", "-f", document, check=False).returncode:
        untrack(netns, "apply", document, status=2)
    else:
        untrack(netns, "apply", document)
    assert netns.listing("ruleset") == ns.listing("ruleset")


@pytest.mark.parametrize("odd", ODD)
def test_odd_spellings_in_lists_of_policies(untrack, netns, odd):
    """As alone, where no line is read in haste: in JSON."""
    def status(peers):
        policy = untrack.file(json.dumps({"untrack": 1, "services": [
            {"name": "s", "role": "client", "protocol": "udp", "ports": [53], "peers": peers}]}))
        done = untrack(netns, "diff", "--json", policy, status=None)
        return done.status, done.json.get("error", {}).get("message")
    lines = [v4(n * 256 + 1) for n in range(10)] + [odd, "192.0.2.1", ""]
    assert status({"file": str(untrack.file("\n".join(lines)))}) == status(lines[:-1])


@pytest.mark.parametrize("size", [70000, 82456, 1000000])
def test_changes_are_told_with_their_size(untrack, netns, size):
    """Where they are tried, sets have little room."""
    text = TEXTS["much room"].replace("82456", str(size)).replace(f"{v4(9)},", "192.0.2.9,")
    untrack(netns, "apply", untrack.file(TEXTS["sized"]))
    document = untrack.file(text)
    diff = untrack(netns, "diff", document, status=1)
    assert f"size {size}" in diff.stdout
    change = untrack(netns, "diff", "--json", document, status=1).json["nftables"]
    assert [c["add"]["set"]["size"] for c in change if "set" in c.get("add", {})] == [size]
    untrack(netns, "apply", document)
    assert f"size {size}\n" in netns.listing("set", "inet", "t", "long")


def test_lists_beside_remembered_rules(untrack, netns, make_netns):
    text = TEXTS["beside rules"]
    untrack(netns, "apply", untrack.file(text))
    changed = untrack.file(text.replace("192.0.2.7 udp dport 2 accept", "192.0.2.7 drop")
                           .replace(f"{v4(9)},", "192.0.2.9,"))
    change = untrack(netns, "apply", changed, "--json").json
    assert change["summary"]["elements"] == {"add": 1, "delete": 1, "replace": 0}
    assert netns.listing("ruleset") == listing_of_nft(make_netns, changed)


def test_one_element_changes_in_place(untrack, netns):
    """Beyond what is simply read back: it is known."""
    count = 15000
    numbers = shuffled(count)

    def document(skip):
        return untrack.file(table("type ipv4_addr . inet_service",
                                  [f"{v4(n)} . {n % 60000 + 1}" for n in numbers if n != skip]))
    untrack(netns, "apply", document(7))
    change = untrack(netns, "apply", document(8), "--json").json
    assert change["summary"] == {"elements": {"add": 1, "delete": 1, "replace": 0}}
    netns.nft("add element inet t long { 192.0.2.1 . 1 }\n"
              f"delete element inet t long {{ {v4(20)} . 21 }}")
    change = untrack(netns, "apply", document(8), "--json").json
    assert change["summary"]["elements"] == {"add": 1, "delete": 1, "replace": 0}
    assert untrack(netns, "diff", document(8)).stdout == ""
    untrack(netns, "rollback")
    assert "192.0.2.1 . 1" in netns.listing("set", "inet", "t", "long")
