# SPDX-License-Identifier: GPL-2.0-or-later
"""What the parts found, as Markdown, JSON and plots."""
import json

import control
import packet_path
import plots
import promises

HEADERS = {"time": "measured", "processors": "processors", "memory_gib": "memory, GiB",
           "load": "load when it began", "kernel": "Linux", "untrack": "untrack",
           "commit": "commit", "nft": "nft", "iptables": "iptables", "ipset": "ipset"}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def figure(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def spread(result, unit=""):
    return f"{figure(result['median'])}{unit} ({figure(result['low'])}-{figure(result['high'])})"


def in_order(values):
    return list(dict.fromkeys(values))


def promise_rows(listed):
    words = {True: "yes", False: "**no**", None: "not judged"}
    for promise in listed:
        measured = promise.measured
        if promise.at != promise.expected_at and promise.at:
            measured += f" (at {promise.at})"
        yield (promise.work, promise.expected_at, promise.peer, promise.wanted, measured,
               words[promise.holds])


def control_section(results):
    text = ["## Control path\n",
            "Milliseconds of the clock: median and quartiles; then processor time, the largest "
            "resident memory, and how many times longer than `nft -f` it took.\n"]
    for kind in in_order(r["kind"] for r in results):
        text.append(f"### {kind}\n")
        for job in in_order(r["job"] for r in results if r["kind"] == kind):
            chosen = [r for r in results if (r["kind"], r["job"]) == (kind, job)]
            text.append(f"**{control.TITLES[job]}**\n")
            text.append(table(["", "N", "ms", "processor ms", "MiB", "of `nft -f`"],
                              list(control_rows(chosen))))
    return text


def control_rows(chosen):
    for n in in_order(r["n"] for r in chosen):
        peer = next((r["wall_ms"]["median"] for r in chosen
                     if r["n"] == n and r["variant"] == promises.NFT and "wall_ms" in r), None)
        for result in (r for r in chosen if r["n"] == n):
            if "wall_ms" not in result:
                yield result["variant"], str(n), result["note"].replace("|", "/"), "", "", ""
                continue
            runs = result["wall_ms"]["n"]
            few = f", {runs} run{'s' if runs > 1 else ''}" if runs < 5 else ""
            yield (result["variant"], str(n), spread(result["wall_ms"]) + few,
                   figure(result["cpu_ms"]["median"]), f"{result['peak_kib'] / 1024:.1f}",
                   f"{result['wall_ms']['median'] / peer:.2f}" if peer else "")


def packet_section(results):
    text = ["## Packet path\n",
            "Nanoseconds that a packet costs in prerouting more than without netfilter; the first "
            "line is the whole cost without it. Medians (`bench.json` has the quartiles).\n"]
    for kind in in_order(r["kind"] for r in results):
        sizes = in_order(r["n"] for r in results if r["kind"] == kind)
        for pattern in packet_path.PATTERNS:
            rows = []
            for layout in packet_path.LAYOUTS:
                row = [layout]
                for n in sizes:
                    result = next(
                        r for r in results
                        if (r["kind"], r["n"], r["layout"], r["pattern"])
                        == (kind, n, layout, pattern))
                    value = (result["ns"] and result["ns"]["median"]
                             if layout == packet_path.FLOOR else result["added_ns"])
                    row.append("too noisy" if value is None else f"{value:.0f}")
                rows.append(row)
            text.append(f"**services by {kind}, {pattern}**\n")
            text.append(table(["", *(f"{n} services" for n in sizes)], rows))
    return text


def udp_section(results):
    rows = [(r["setup"], r["flows"], spread(r["ns"]) if r["ns"] else "too noisy",
             f"{r['added_ns']:.0f}" if r["added_ns"] is not None else "") for r in results]
    return ["## Delivered UDP\n", "Nanoseconds a packet from the interface to the socket.\n",
            table(["", "flows", "ns", "added"], rows)]


def table_section(results):
    rows = [(r["variant"], str(r["n"]), spread(r["wall_ms"]), figure(r["cpu_ms"]["median"]),
             f"{r['peak_kib'] / 1024:.1f}") for r in results]
    return ["## The connection table\n", "Reading all of it: milliseconds of the clock, of the "
            "processors, and the largest resident memory.\n",
            table(["", "entries", "ms", "processor ms", "MiB"], rows)]


SECTIONS = {"control": control_section, "packet": packet_section, "udp": udp_section,
            "table": table_section}


def write(directory, names):
    """From the parts' files in the directory: bench.md, bench.json and plots. Returns the table of
    what must hold, as text."""
    parts = {}
    for name in names:
        path = directory / f"{name}.json"
        if path.exists():
            parts[name] = json.loads(path.read_text())
    listed = promises.all_of(parts)
    verdicts = table(["work", "N", "against", "at least", "measured", "holds"],
                     [list(row) for row in promise_rows(listed)])
    text = ["# Benchmarks of untrack\n"]
    for name, part in parts.items():
        text.append(f"{name}: " + "; ".join(f"{HEADERS[key]} {value}" for key, value
                                            in part["machine"].items()) + "\n")
    text += ["## What must hold\n", verdicts]
    drawn = plots.draw(directory, parts)
    for name, part in parts.items():
        text += SECTIONS[name](part["results"])
        text += [f"![{path}]({path})\n" for path in drawn.get(name, [])]
    (directory / "bench.md").write_text("\n".join(text))
    (directory / "bench.json").write_text(json.dumps(
        {"promises": [vars(promise) for promise in listed], "parts": parts}, indent=1) + "\n")
    return f"\n{verdicts}\n{directory / 'bench.md'}"
