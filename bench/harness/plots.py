"""The plots of docs/benchmarks, from the numbers that scripts/bench --all has left. Needs matplotlib.

    python3 -m harness.plots RESULTS DIRECTORY

The same numbers give the same bytes. Colours and text have contrast on light and on dark pages, and the background is
the page's.
"""

import json
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402

INK = "#777f8a"  # between light and dark: four to one on white, and on black
WIN, LOSS, EVEN = "#2a9d6f", "#d9644a", "#8a8f98"
RIVALS = {"coax": WIN, "other": "#6f8fc9"}
STYLE = {
    "svg.hashsalt": "coax",
    "svg.fonttype": "none",  # text stays text: small files, and they can be searched
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}
LEAST, MOST = 0.5, 2.0  # of the ratios shown; what lies outside is at the edge, with its number


def draw(results, directory):
    with plt.rc_context(STYLE):
        _ratios(results, "speed", "Speed: above 1 coax is faster", directory / "speed.svg")
        _ratios(results, "CPU", "Thrift: above 1 coax needs less CPU for a message", directory / "cpu.svg")
        _bars(results, ("idle",), "resident", "Bytes for an idle connection, resident", directory / "memory.svg")
        _bars(results, ("udp-send", "udp-receive"), "server_cpu_ns", "CPU nanoseconds for a datagram of 1 200 bytes",
              directory / "one_way.svg")


def _save(figure, path):
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = re.sub(r"[ \t]+$", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(text)


def _colour(ratio):
    return WIN if ratio["low"] > 1 else LOSS if ratio["high"] < 1 else EVEN


def _pair(comparison):
    return f"{comparison['first'].removeprefix('coax-')} : {comparison['second']}"


def _ratios(results, kind, title, path):
    """A dot and the quartiles for each comparison, the rows one below the other."""
    lines = []
    for row in results["rows"].values():
        found = [item for item in row["comparisons"] if kind in item["ratios"]]
        if found:
            lines.append((row["title"], None))
            lines += [(_pair(item), item["ratios"][kind]) for item in found]
    if not lines:
        return
    figure, axes = plt.subplots(figsize=(8, 0.21 * len(lines) + 0.8))
    axes.axvline(1, color=INK, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(LEAST, MOST)
    axes.set_xticks([0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 2], minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for place, (label, ratio) in enumerate(lines):
        if ratio is None:
            axes.text(-0.34, place, label, transform=axes.get_yaxis_transform(), va="center", weight="bold")
            continue
        axes.text(-0.32, place, label, transform=axes.get_yaxis_transform(), va="center")
        if ratio["verdict"] == "disturbed":
            axes.text(1.01, place, "disturbed", va="center", size=8)
            continue
        inside = [min(max(ratio[key], LEAST), MOST) for key in ("low", "median", "high")]
        colour = _colour(ratio)
        axes.plot(inside[::2], [place, place], color=colour, linewidth=3, solid_capstyle="butt", alpha=0.6)
        axes.plot(inside[1:2], [place], color=colour, marker="o", markersize=6, clip_on=False)
        axes.text(1.02, place, f"{ratio['median']:.2f}", transform=axes.get_yaxis_transform(), va="center")
    axes.set_ylim(len(lines) - 0.5, -0.8)
    axes.set_yticks([])
    axes.set_title(title, loc="left", x=-0.34, weight="bold")
    axes.grid(axis="x", color=INK, alpha=0.25, linewidth=0.5)
    _save(figure, path)


def _bars(results, rows, key, title, path):
    """A bar for each program, the shortest first."""
    present = [results["rows"][name] for name in rows if name in results["rows"]]
    if not present:
        return
    figure, all_axes = plt.subplots(len(present), 1, squeeze=False, figsize=(8, 2.4 * len(present)))
    for row, axes in zip(present, all_axes[:, 0]):
        values = {}
        for item in row["comparisons"]:
            for side, name in enumerate((item["first"], item["second"])):
                if key in item["figures"]:
                    values.setdefault(name, []).append(item["figures"][key][side])
        ordered = sorted((sum(found) / len(found), name) for name, found in values.items())
        for place, (value, name) in enumerate(ordered):
            axes.barh(place, value, height=0.6, color=RIVALS["coax" if name.startswith("coax") else "other"])
            number = f"{value:,.0f}".replace(",", "\N{THIN SPACE}")
            axes.annotate(number, (value, place), (4, 0), textcoords="offset points", va="center")
            axes.text(-0.01, place, name, transform=axes.get_yaxis_transform(), va="center", ha="right")
        axes.set_yticks([])
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.invert_yaxis()
        axes.set_title(row["title"], loc="left", size=10)
    figure.suptitle(title, x=0.02, ha="left", weight="bold")
    figure.tight_layout()
    _save(figure, path)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]))
