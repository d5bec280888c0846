# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input: one clear message with the place, exit 2, and nothing changed."""
import json
import os

import pytest
from conftest import TRACKING, WEB, run


@pytest.fixture(scope="module")
def module_netns():
    from conftest import Netns
    ns = Netns()
    ns.nft(TRACKING)
    yield ns
    ns.close()


def refused(untrack, ns, *argv, code="document", input=None):
    """Holds both forms of the error and that nothing was changed; the error object."""
    before = ns.generation(), ns.listing()
    result = untrack(ns, "apply", *argv, status=2, input=input)
    assert result.stdout == ""
    assert "nothing was changed" in result.stderr
    assert "error: " in result.stderr
    error = untrack(ns, "apply", "--json", *argv, status=2, input=input).error
    assert (ns.generation(), ns.listing()) == before
    if code:
        assert error["code"] == code, error
    assert error["message"]
    # What people read holds what programs read.
    assert error["message"].splitlines()[0] in result.stderr
    return error


def service(**more):
    return {**WEB, **more}


DOCUMENTS = {
    # name: (document, JSON path, what the message says)
    "unknown key": ({"untrack": 1, "servces": []}, "", "did you mean 'services'"),
    "unknown key of a service": ({"untrack": 1, "services": [service(prots=[1])]},
                                 "/services/0", "prots"),
    "version": ({"untrack": 2}, "/untrack", "2"),
    "wrong type": ({"untrack": 1, "services": {}}, "/services", "array"),
    "port 0": ({"untrack": 1, "services": [service(ports=[80, 0])]}, "/services/0/ports/1", "0"),
    "port 65536": ({"untrack": 1, "services": [service(ports=[65536])]},
                   "/services/0/ports/0", "65536"),
    "reversed range": ({"untrack": 1, "services": [service(ports=["443-80"])]},
                       "/services/0/ports/0", "443-80"),
    "port is a fraction": ({"untrack": 1, "services": [service(ports=[80.5])]},
                           "/services/0/ports/0", "80.5"),
    "bad prefix": ({"untrack": 1, "services": [service(addresses=["10.0.0.0/33"])]},
                   "/services/0/addresses/0", "10.0.0.0/33"),
    "host bits": ({"untrack": 1, "services": [service(addresses=["10.0.0.1/8"])]},
                  "/services/0/addresses/0", "10.0.0.0/8"),
    "no address": ({"untrack": 1, "services": [service(peers=["example.org"])]},
                   "/services/0/peers/0", "example.org"),
    "mixed families": ({"untrack": 1, "services": [
        service(addresses=["10.0.0.0/8"], peers=["2001:db8::/32"])]}, "/services/0", ""),
    "duplicate names": ({"untrack": 1, "services": [service(), service(ports=[81])]},
                        "/services/1/name", "web"),
    "empty ports": ({"untrack": 1, "services": [service(ports=[])]}, "/services/0/ports", ""),
    "empty addresses": ({"untrack": 1, "services": [service(addresses=[])]},
                        "/services/0/addresses", ""),
    "no such role": ({"untrack": 1, "services": [service(role="sever")]},
                     "/services/0/role", "did you mean 'server'"),
    "no such protocol": ({"untrack": 1, "services": [service(protocol="tpc")]},
                         "/services/0/protocol", "did you mean 'tcp'"),
    "no protocol": ({"untrack": 1, "services": [
        {"name": "x", "role": "server", "ports": [80]}]}, "/services/0", "protocol"),
    "no name": ({"untrack": 1, "services": [
        {"role": "server", "protocol": "tcp", "ports": [80]}]}, "/services/0", "name"),
    "bad name": ({"untrack": 1, "services": [service(name="8web")]}, "/services/0/name", "8web"),
    "long name": ({"untrack": 1, "services": [service(name="a" * 65)]}, "/services/0/name", ""),
    "ports where there are none": ({"untrack": 1, "services": [service(protocol="gre")]},
                                   "/services/0/ports", ""),
    "tcp without ports": ({"untrack": 1, "services": [
        {"name": "x", "role": "server", "protocol": "tcp"}]}, "/services/0", "ports"),
    "accept by source port": ({"untrack": 1, "services": [
        service(role="client", accept=True)]}, "/services/0", ""),
    "table of iptables": ({"untrack": 1, "table": "ip raw", "services": [service()]}, "/table",
                          "raw"),
    "chain without a table": ({"untrack": 1, "services": [], "accept_in": ["input"]},
                              "/accept_in/0", "input"),
    "unknown sysctl": ({"untrack": 1, "conntrack": {"timeouts": {"tcp_estab": 1}}},
                       "/conntrack/timeouts", "did you mean 'tcp_established'"),
    "bad packet": ({"untrack": 1, "expect": [{"packet": "tcp 1 > 2", "is": "untracked"}]},
                   "/expect/0/packet", ""),
}


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda c: c.replace(" ", "-"))
def test_documents(untrack, module_netns, case):
    document, path, said = DOCUMENTS[case]
    file = untrack.file(json.dumps(document, indent=2), "bad.json")
    error = refused(untrack, module_netns, file)
    assert error["file"].endswith("bad.json")
    assert (error["path"] or "").startswith(path), error
    assert error["line"] >= 1 and error["column"] >= 1, error
    assert said in error["message"], error


TEXTS = {
    "empty": b"",
    "only blanks": b" \n\t\n",
    "not closed": b'{"untrack": 1',
    "trailing text": b'{"untrack": 1} x',
    "duplicate key": b'{"untrack": 1, "services": [], "services": []}',
    "neither policy nor nftables": b'{"services": []}',
    "both": b'{"untrack": 1, "nftables": []}',
    "deep": b'{"untrack": 1, "services": ' + b"[" * 100000 + b"]" * 100000 + b"}",
    "deep objects": b'{"untrack": ' + b'{"a":' * 50000,
    "not UTF-8": b'{"untrack": 1, "services": [{"name": "\xff\xfe"}]}',
    "overlong UTF-8": b'{"untrack": 1, "table": "inet \xc0\xaf"}',
    "NUL byte": b'{"untrack": 1,\0 "services": []}',
    "NUL in a string": b'{"untrack": 1, "table": "inet a\\u0000b"}',
    "huge number": b'{"untrack": 1' + b"0" * 400 + b"}",
    "NaN": b'{"untrack": NaN}',
    "byte order mark": b'\xef\xbb\xbf{"untrack": 2}',
    "nft syntax": b"table inet x { chain c { no such statement } }\n",
    "a command that only reads": b"table inet x { }\nlist ruleset\n",
    "a command that never ends": b"monitor\n",
    "binary": bytes(range(256)) * 8,
}


@pytest.mark.parametrize("case", TEXTS, ids=lambda c: c.replace(" ", "-"))
def test_texts(untrack, module_netns, case):
    file = untrack.file(TEXTS[case], "bad.txt")
    error = refused(untrack, module_netns, file)
    assert "bad.txt" in (error["file"] or error["message"])


@pytest.mark.parametrize("case", ["duplicate key", "trailing text", "not closed"])
def test_place_of_a_text(untrack, module_netns, case):
    error = refused(untrack, module_netns, untrack.file(TEXTS[case], "bad.txt"))
    assert error["line"] == 1 and error["column"] > 10


def test_standard_input(untrack, module_netns):
    refused(untrack, module_netns, "-", input="")
    error = refused(untrack, module_netns, "-", input='{"untrack": 1, "x": 1}')
    assert error["line"] == 1


def test_a_hundred_megabytes(untrack, module_netns, tmp_path):
    path = tmp_path / "huge.json"
    with open(path, "wb") as file:
        file.write(b'{"untrack": 1, "services": [')
        for _ in range(100):
            file.write(b'{"name":"x"},' * (1024 * 1024 // 13))
        file.write(b"{}]}")
    try:
        refused(untrack, module_netns, path)
    finally:
        path.unlink()


def test_missing_file(untrack, module_netns):
    error = refused(untrack, module_netns, "/no/such/file.json", code=None)
    assert "/no/such/file.json" in (error["file"] or "") + error["message"]
    assert "No such file" in error["message"]


def test_empty_directory(untrack, module_netns, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(untrack, module_netns, tmp_path / "empty", code=None)


def test_list_file_that_is_a_directory_or_missing(untrack, module_netns, tmp_path):
    (tmp_path / "list").mkdir()
    for name in ("list", "no-such-list"):
        file = untrack.policy(service(addresses={"file": name}))
        error = refused(untrack, module_netns, file, code=None)
        assert name in error["message"] + (error["file"] or "")


def test_list_file_with_a_bad_line(untrack, module_netns):
    untrack.file("192.0.2.1\n198.51.100.0/24\n192.0.2.1/24\n", "addresses.txt")
    error = refused(untrack, module_netns,
                    untrack.policy(service(addresses={"file": "addresses.txt"})))
    assert error["file"].endswith("addresses.txt")
    assert error["line"] == 3


def test_no_right_to_read(untrack, module_netns, tmp_path):
    file = untrack.policy(WEB)
    os.chmod(file, 0)
    line = untrack.argv(module_netns, "apply", "--json", file)
    # root without the capability that lets it read everything
    drop = "-dac_override,-dac_read_search"
    done = module_netns.run("setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", "setpriv",
                            "--reuid=0", *line, check=False)
    if done.returncode == 0:
        # root owns the file; take it away from root
        os.chown(file, 65534, 65534)
        module_netns.run("nft", "delete", "table", "inet", "untrack", check=False)
        done = module_netns.run("setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", *line,
                                check=False)
    assert done.returncode == 2, done
    assert json.loads(done.stdout)["error"]["code"] == "permission"
    assert not module_netns.has_table()


@pytest.mark.parametrize("command", ["apply", "diff", "check", "rollback", "remove"])
def test_no_capability(untrack, netns, command):
    """root without CAP_NET_ADMIN and CAP_SYS_ADMIN in the namespace itself."""
    drop = "-net_admin,-sys_admin"
    argv = [command, untrack.policy(WEB)] if command in ("apply", "diff", "check") else [command]
    line = untrack.argv(None, *argv, "--json")
    done = netns.run("setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", *line,
                     check=False)
    error = json.loads(done.stdout).get("error")
    if command in ("diff", "check") and not error:
        assert done.returncode in (0, 1)
    else:
        assert done.returncode == 2, done
        if command == "apply":
            assert error["code"] == "permission", error
    assert not netns.has_table()


def test_unknown_interface_is_no_error(untrack, netns):
    policy = untrack.policy(service(interfaces=["later0", "wg*"]))
    untrack(netns, "apply", policy)
    untrack(netns, "diff", policy)


@pytest.mark.parametrize("table", ["table inet untrack { }",
                                   "table inet untrack {\n comment \"mine\"\n chain c {\n}\n}"])
def test_a_foreign_table_of_that_name(untrack, netns, table):
    netns.nft(table)
    error = refused(untrack, netns, untrack.policy(WEB), code="conflict")
    assert "inet untrack" in error["message"]
    assert "--take-over" in error["message"]
    untrack(netns, "apply", "--take-over", untrack.policy(WEB))
    untrack(netns, "diff", untrack.policy(WEB))
    # From now on it is ours.
    untrack(netns, "apply", untrack.policy(service(ports=[81])))


def test_what_only_the_initial_namespace_may_set(untrack, netns):
    """Told before anything is committed; the rest is done, and then there is no difference."""
    netns.nft(TRACKING)
    policy = untrack.policy(WEB, conntrack={"max": 262144 * 2})
    for command, status in (("diff", 1), ("apply", 0)):
        result = untrack(netns, command, "--json", policy, status=status)
        assert "/conntrack/max: net.netfilter.nf_conntrack_max" in result.json["warnings"][0]
        assert result.json["sysctls"] == []
    untrack(netns, "diff", policy)


def test_a_directory_is_one_document(untrack, netns, tmp_path):
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "10-table.nft").write_text("table inet hand {\n chain c {\n }\n}\n")
    (parts / "20-rule.nft").write_text("add rule inet hand c counter\n")
    untrack(netns, "apply", parts)
    assert "counter" in netns.listing("table", "inet", "hand")
    untrack(netns, "diff", parts)


def test_names_of_files_may_be_any_bytes(untrack, netns, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\x1b[31m.json"
    line = [os.fsencode(a) for a in untrack.argv(netns, "--json", "apply")] + [name]
    error = json.loads(run(line, check=False).stdout)["error"]
    assert "\\xff\\x1b" in error["file"]
    assert "\\xff\\x1b" in run(line[:1] + [b"apply", name], check=False).stderr
    with open(name, "w") as file:
        json.dump({"untrack": 1, "services": [WEB]}, file)
    run(line)
    (snapshot,) = untrack(netns, "history", "--json").json["snapshots"]
    assert "\\xff" in snapshot["document"]
