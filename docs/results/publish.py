"""Bring the tables and figures of a finished study into docs/results, where they are kept.

    python docs/results/publish.py STUDY [--results results] [--figures NAME ...]

Copies summary.csv and metrics.csv, copies the figures named (by default all), and writes the table between the markers
of docs/results/STUDY/README.md. Run it in the folder of the project after the workflow has finished.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent
STATISTICS = ("batch", "adabn", "running")
MARKERS = re.compile(r"(<!-- table -->\n).*?(<!-- end of table -->)", re.DOTALL)


def spread(mean: float, std: float) -> str:
    """Mean and standard deviation as text."""
    return "" if pd.isna(mean) else f"{mean:.3f}" + ("" if pd.isna(std) else f" ± {std:.3f}")


def table(summary: pd.DataFrame, metric: str = "r2") -> str:
    """One metric of every run and domain as Markdown, statistics of batch normalisation side by side."""
    rows = summary[summary.metric == metric]
    kinds = [name for name in STATISTICS if name in set(rows.statistics)]
    lines = [f"| run | domain | {' | '.join(kinds)} | seeds | published |", "|---|---|" + "---|" * (len(kinds) + 2)]
    for (run, domain), group in rows.groupby(["run", "domain"], sort=False):
        by = group.set_index("statistics")
        measured = [spread(*by.loc[name, ["mean", "std"]]) if name in by.index else "" for name in kinds]
        published = group.dropna(subset="published_mean")
        value = spread(*published[["published_mean", "published_std"]].iloc[0]) if len(published) else ""
        lines.append(f"| {run} | {domain} | {' | '.join(measured)} | {int(by.n_seeds.max())} | {value} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study")
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--figures", nargs="*", help="names without .png; all by default")
    arguments = parser.parse_args()
    target = HERE / arguments.study
    (target / "figures").mkdir(parents=True, exist_ok=True)
    for name in ("summary.csv", "metrics.csv"):
        shutil.copy(arguments.results / "evaluate" / arguments.study / name, target)
    for path in sorted((arguments.results / "report" / arguments.study).glob("*.png")):
        if arguments.figures is None or path.stem in arguments.figures:
            shutil.copy(path, target / "figures")
    readme = target / "README.md"
    new = table(pd.read_csv(target / "summary.csv"))
    readme.write_text(MARKERS.sub(lambda match: match[1] + new + match[2], readme.read_text()))


if __name__ == "__main__":
    main()
