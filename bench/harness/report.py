"""What scripts/bench --all leaves behind: the numbers as JSON, and the table and the plots that are made from them."""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

from .rows import BY_NAME
from .scenarios import SCENARIOS

HERE = Path(__file__).resolve().parent
DIRECTORY = HERE.parent.parent / "docs" / "benchmarks"
RESULTS = "results.json"
PAGE = DIRECTORY.parent / "benchmarks.md"
PART = re.compile(r"(<!-- table: begin -->\n).*?(<!-- table: end -->)", re.DOTALL)
FIGURES = 4  # significant ones: more would differ for no reason


def today():
    return date.today().isoformat()


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.{FIGURES}g}") if isinstance(value, float) else value


def table(results):
    """Markdown: a line for each comparison, under a heading for each row."""
    lines = [f"{results['machine']}, {results['date']}; {results['rounds']} rounds of {results['seconds']} s."]
    for name in BY_NAME:
        if name not in results["rows"]:
            continue
        row = results["rows"][name]
        figures = SCENARIOS[BY_NAME[name].scenario].figures
        compared = [figure for figure in figures if figure.compared]
        lines += ["", f"**{row['title']}** (`--row {name}`)", ""]
        lines.append("| pair | " + " | ".join(f"{figure.title} | {figure.compared} ratio | " for figure in compared) + " |")
        lines.append("|---|" + "---:|---:|---:|" * len(compared))
        reasons = []
        for comparison in row["comparisons"]:
            pair = f"{comparison['first']}:{comparison['second']}"
            lines.append(_line(comparison, compared))
            lost = any(ratio["verdict"].startswith("LOSS") for ratio in comparison["ratios"].values())
            if lost and (reason := BY_NAME[name].remarks.get(pair)):
                reasons.append(f"Why `{comparison['first']}` loses to `{comparison['second']}`: {reason}")
        lines += ["", "  \n".join(reasons)] if reasons else []
    return "\n".join(lines)


def _line(comparison, compared):
    cells = [f"`{comparison['first']}` against `{comparison['second']}`"]
    for figure in compared:
        if not comparison["rounds"]:
            cells += ["no result", "", ""]
            continue
        ratio = comparison["ratios"][figure.compared]
        cells.append(" / ".join(figure.text(value) for value in comparison["figures"][figure.key]))
        cells.append(f"{ratio['median']:.2f} [{ratio['low']:.2f}..{ratio['high']:.2f}]")
        cells.append(ratio["verdict"])
    return "| " + " | ".join(cells) + " |"


def write(results, directory):
    """Keeps the results; makes the table and the plots of them. Only the page of the project itself has the table in it."""
    directory.mkdir(parents=True, exist_ok=True)
    kept = directory / RESULTS
    kept.write_text(json.dumps(_rounded(results), indent=1, ensure_ascii=False) + "\n")
    results = load(directory)  # the rounded ones: so the table is the same when it is made again
    if directory == DIRECTORY:
        PAGE.write_text(PART.sub(lambda found: f"{found[1]}\n{table(results)}\n\n{found[2]}", PAGE.read_text()))
    else:
        (directory / "table.md").write_text(table(results) + "\n")
    interpreter = _interpreter_with_matplotlib()
    if interpreter is None:
        print("matplotlib is missing (scripts/setup benchmarks installs it): the plots stay as they are")
        return
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([interpreter, "-m", "harness.plots", str(kept), str(directory)], env=environment, check=True)


def load(directory):
    """The results that are kept there; nothing if there are none."""
    kept = directory / RESULTS
    return json.loads(kept.read_text()) if kept.exists() else None


def _interpreter_with_matplotlib():
    """A distribution's matplotlib is for its own Python, which need not be the one that runs this."""
    for candidate in (sys.executable, "/usr/bin/python3"):
        found = subprocess.run([candidate, "-c", "import matplotlib"], stderr=subprocess.DEVNULL) if candidate else None
        if found is not None and found.returncode == 0:
            return candidate
    return None
