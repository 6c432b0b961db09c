"""Bring the tables and figures of a finished study into docs/results, where they are kept.

    python docs/results/publish.py STUDY [--results results] [--figures NAME ...]

Copies summary.csv, metrics.csv and any cross_validation.csv, copies the figures named (by default all), and writes the table between the markers
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


def regression_table(summary: pd.DataFrame) -> str:
    """Errors of every run, each parameter in its own unit, as Markdown."""
    asked = {
        "MAE": ("mae", "mean"),
        "MSE": ("mse", "mean"),
        "MAE, θ the short way round": ("circular_mae", "mean"),
        "R2": ("r2", "mean"),
        "error of θ (°)": ("circular_mae", "theta"),
    }
    lines = [f"| run | {' | '.join(asked)} | seeds | published MAE |", "|---|" + "---|" * (len(asked) + 2)]
    rows = (
        summary[(summary.statistics == "running") & (summary.n_seeds > 0)]
        .set_index(["metric", "parameter"])
        .sort_index()
    )
    for run in dict.fromkeys(summary.run):
        found = rows[rows.run == run]
        if found.empty:
            continue
        values = [spread(*found.loc[[key], ["mean", "std"]].iloc[0]) for key in asked.values()]
        mae = found.loc[[("mae", "mean")]].iloc[0]
        lines.append(
            f"| {run} | {' | '.join(values)} | {int(mae.n_seeds)} | {spread(mae.published_mean, mae.published_std)} |"
        )
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
    grid = arguments.results / "train" / arguments.study / "cross_validation.csv"
    if grid.is_file():
        shutil.copy(grid, target)
    for path in sorted((arguments.results / "report" / arguments.study).glob("*.png")):
        if arguments.figures is None or path.stem in arguments.figures:
            shutil.copy(path, target / "figures")
    readme = target / "README.md"
    summary = pd.read_csv(
        target / "summary.csv",
        keep_default_na=False,
        na_values={"mean": "", "std": "", "published_mean": "", "published_std": ""},
    )
    new = regression_table(summary) if "mean" in set(summary.parameter) else table(summary)
    readme.write_text(MARKERS.sub(lambda match: match[1] + new + match[2], readme.read_text()))


if __name__ == "__main__":
    main()
