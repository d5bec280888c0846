# SPDX-License-Identifier: GPL-2.0-or-later
"""What `meson install` puts down can be used: by another program, by systemd, by bash, by man."""
import os
import re

import pytest
from conftest import BUILD, SANITIZED, SOURCE, run

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <untrack.h>

int main(void)
{
	struct untrack_error *error = untrack_error_new();
	const char *paths[] = {"/no/such/file"};
	struct untrack_document *document = untrack_document_read(paths, 1, error);

	printf("%s %s %d\n", untrack_version(), untrack_error_code(error),
	       untrack_error_status(error));
	untrack_document_free(document);
	untrack_error_free(error);
	return document != NULL;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("install")
    run(["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", root], timeout=120)
    return root


def find(root, name):
    found = [p for p in root.rglob(name) if p.exists()]
    assert len(found) == 1, (name, found)
    return found[0]


@pytest.mark.parametrize("name", ["untrack.h", "untrack.pc", "untrack.8", "untrack-policy.5",
                                  "untrack.service", "libuntrack.so.0"])
def test_is_there(installed, name):
    assert find(installed, name).is_file()


def test_program_runs_from_there(installed):
    library = find(installed, "libuntrack.so.0").parent
    (program,) = [p for p in installed.rglob("bin/untrack")]
    done = run([program, "--version"], env={**os.environ, "LD_LIBRARY_PATH": str(library)})
    assert done.stdout.startswith("untrack ")


def test_schema_is_installed(installed):
    (schema,) = [p for p in installed.rglob("*.json") if "schema" in p.name]
    assert "$schema" in schema.read_text()


@pytest.mark.parametrize("compiler", [["gcc", "-std=c11"], ["gcc", "-x", "c++"]])
def test_another_program(installed, tmp_path, compiler):
    """The header stands alone, in C and in C++, and the pkg-config file is enough to build."""
    if compiler[-1] == "c++" and run(["gcc", "-x", "c++", "-E", "-"], check=False,
                                     input="").returncode:
        compiler = ["clang", "-x", "c++"]
    (tmp_path / "program.c").write_text(PROGRAM)
    pc = find(installed, "untrack.pc")
    env = {**os.environ, "PKG_CONFIG_PATH": str(pc.parent),
           "PKG_CONFIG_SYSROOT_DIR": str(installed)}
    flags = run(["pkg-config", "--cflags", "--libs", "untrack"], env=env).stdout.split()
    if SANITIZED:
        flags.append("-fsanitize=address,undefined")
    run([*compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", tmp_path / "program.c", "-x",
         "none", "-o", tmp_path / "program", *flags])
    library = find(installed, "libuntrack.so.0").parent
    done = run([tmp_path / "program"], env={**os.environ, "LD_LIBRARY_PATH": str(library)})
    assert re.fullmatch(r"\d+\.\d+\.\d+ \w+ 2\n", done.stdout)


def test_service(installed, tmp_path):
    unit = find(installed, "untrack.service")
    text = unit.read_text()
    assert "apply /etc/untrack/policy.json" in text
    # The program is not installed at its place here: any program will do for the check.
    checked = tmp_path / "untrack.service"
    checked.write_text(re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", text, flags=re.M))
    done = run(["systemd-analyze", "verify", "--man=no", checked], check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for firewall in ("nftables.service", "firewalld.service"):
        for key in ("After", "PartOf", "ReloadPropagatedFrom", "WantedBy"):
            assert re.search(rf"^{key}=.*\b{firewall}", text, flags=re.M), (key, firewall)


def test_a_wrong_service_is_seen(tmp_path):
    wrong = tmp_path / "wrong.service"
    wrong.write_text("[Service]\nType=onceshot\nExecStart=relative/path\n")
    done = run(["systemd-analyze", "verify", "--man=no", wrong], check=False)
    assert done.returncode != 0 or done.stderr


def test_documents_of_the_project():
    readme = (SOURCE / "README.md").read_text()
    for needed in ("sudo scripts/demo", "sudo scripts/test", "nf_conntrack: table full"):
        assert needed in readme
    # Each file that the README names in the tree is there.
    for path in re.findall(r"`((?:scripts|rulesets)/[\w./-]*)`", readme):
        assert (SOURCE / path).exists(), path
