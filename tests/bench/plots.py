# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots of the results, by gnuplot, as SVG."""
import subprocess

import packet_path

HEAD = """set terminal svg size 900,560 enhanced background rgb 'white' font 'sans,13'
set output '{output}'
set title '{title}' noenhanced
set key outside right noenhanced
set grid
"""


def gnuplot(script):
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def lines(directory, name, title, labels, series):
    """One line for each of {label: [(x, y), …]}, on logarithmic axes."""
    series = {label: points for label, points in series.items() if points}
    if not series:
        return []
    script = HEAD.format(output=directory / name, title=title)
    script += (f"set logscale xy\nset xlabel '{labels[0]}'\nset ylabel '{labels[1]}'\n"
               "set format x '%.0f'\nset format y '%g'\n")
    for number, points in enumerate(series.values()):
        script += f"$d{number} << END\n" + "".join(f"{x} {y}\n" for x, y in points) + "END\n"
    script += "plot " + ", ".join(f"$d{number} with linespoints linewidth 2 title '{label}'"
                                  for number, label in enumerate(series)) + "\n"
    gnuplot(script)
    return [name]


def bars(directory, name, title, label, rows):
    if not rows:  # a busy machine: every sample was refused
        return []
    script = HEAD.format(output=directory / name, title=title)
    script += (f"set ylabel '{label}'\nset style data histograms\nset style fill solid 0.8\n"
               "set yrange [0:*]\nset xtics rotate by -35 noenhanced\nunset key\n"
               "$d << END\n" + "".join(f'"{what}" {value}\n' for what, value in rows) + "END\n"
               "plot $d using 2:xtic(1) linecolor rgb '#3465a4'\n")
    gnuplot(script)
    return [name]


def draw_control(directory, results):
    drawn = []
    for job, title in (("load", "load"), ("entry", "one entry changed")):
        for kind in dict.fromkeys(r["kind"] for r in results):
            series = {}
            for result in results:
                if (result["job"], result["kind"]) == (job, kind) and "wall_ms" in result:
                    series.setdefault(result["variant"], []).append(
                        (result["n"], result["wall_ms"]["median"]))
            if any(len(points) > 1 for points in series.values()):
                drawn += lines(directory, f"control-{job}-{kind}.svg", f"{title}: {kind}",
                               ("entries", "ms"), series)
    return drawn


def draw_packet(directory, results):
    drawn = []
    for kind in dict.fromkeys(r["kind"] for r in results):
        for pattern in packet_path.PATTERNS:
            series = {}
            for result in results:
                if (result["kind"], result["pattern"]) == (kind, pattern) and result["added_ns"]:
                    if result["layout"] != packet_path.FLOOR and result["added_ns"] > 0:
                        series.setdefault(result["layout"], []).append(
                            (result["n"], result["added_ns"]))
            drawn += lines(directory, f"packet-{kind}-{pattern}.svg",
                           f"services by {kind}: {pattern}",
                           ("services", "added ns a packet"), series)
    return drawn


def draw_udp(directory, results):
    rows = [(r["setup"], r["ns"]["median"]) for r in results if r["flows"] == "new" and r["ns"]]
    return bars(directory, "udp.svg", "delivered UDP, each packet the first of its flow",
                "ns a packet", rows)


def draw_table(directory, results):
    rows = [(r["variant"], r["wall_ms"]["median"]) for r in results]
    return bars(directory, "table.svg", f"reading {results[0]['n']} entries", "ms", rows)


DRAW = {"control": draw_control, "packet": draw_packet, "udp": draw_udp, "table": draw_table}


def draw(directory, parts):
    """{part: names of its plots}"""
    return {name: DRAW[name](directory, part["results"]) for name, part in parts.items()}
