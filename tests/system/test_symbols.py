# SPDX-License-Identifier: GPL-2.0-or-later
"""The shared library exports what untrack.h declares, neither more nor less."""
import re

from conftest import BUILD, SOURCE, run


def declared():
    text = (SOURCE / "include/untrack.h").read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"^UNTRACK_EXPORT\b[^;{]*?\b(\w+)\s*\(", text, flags=re.S | re.M))


def mapped():
    text = (SOURCE / "src/api/libuntrack.map").read_text()
    assert re.search(r"local:\s*\*;", text)
    text = re.sub(r"/\*.*?\*/|local:\s*\*;", "", text, flags=re.S)
    return set(re.findall(r"^\s+(\w+);", text, flags=re.M))


def exported():
    libraries = [p for p in (BUILD / "src").rglob("libuntrack.so*")
                 if p.is_file() and not p.is_symlink() and p.suffix != ".symbols"]
    assert len(libraries) == 1, libraries
    lines = run(["nm", "-D", "--defined-only", libraries[0]]).stdout.splitlines()
    # Type A is the version node itself.
    return {line.split()[2].split("@")[0] for line in lines if line.split()[1] != "A"}


def test_header_map_and_library_agree():
    assert declared() == mapped()
    assert exported() == mapped()


def test_names_have_the_prefix():
    assert declared()
    assert all(name.startswith("untrack_") for name in declared())
