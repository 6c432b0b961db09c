"""Copy the tables and figures of a finished study into docs/results.

    python docs/results/publish.py STUDY [--into FOLDER] [--results results] [--figures NAME ...]

Copies summary.csv, metrics.csv, provenance.json, the tables of any analysis and the figures named (by default all) to docs/results/STUDY, or to a
folder of that name in FOLDER of docs/results, and writes the study's table between its markers in the README.md there; also that of the errors of its
measurements, and what was measured in real images, where there are markers for them. Run it from the folder of the project after the workflow has finished.
"""

from __future__ import annotations

import argparse
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from sim2sky.evaluate.stuck import STUCK

HERE = Path(__file__).parent
STATISTICS = ("batch", "adabn", "running")
MARKERS = r"(<!-- table of {study} -->\n).*?(<!-- end of table -->)"
TABLES = ("evaluate/{study}/summary.csv", "evaluate/{study}/metrics.csv")
ALSO = (
    "evaluate/{study}/provenance.json",
    "evaluate/{study}/reconstruction.csv",
    "evaluate/{study}/reconstruction.json",
    "train/{study}/cross_validation.csv",
    "evaluate/{study}/errors.csv",
    "evaluate/{study}/errors.json",
)


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


def stuck_table(summary: pd.DataFrame) -> str:
    """How many networks of every run are stuck at the mean, as Markdown."""
    rows = summary[summary.metric.str.startswith(STUCK) & (summary.n_seeds > 0)]
    metrics = list(dict.fromkeys(rows.metric))
    names = [metric.replace("_", " ") for metric in metrics]
    lines = [f"| run | {' | '.join(f'{name} | published' for name in names)} | networks |"]
    lines.append("|---|" + "---|" * (2 * len(metrics) + 1))
    for run, group in rows.groupby("run", sort=False):
        by = group.set_index("metric").reindex(metrics)
        cells = [f"{spread(row['mean'], np.nan)} | {spread(row.published_mean, np.nan)}" for _, row in by.iterrows()]
        lines.append(f"| {run} | {' | '.join(cells)} | {int(by.n_seeds.max())} |")
    return "\n".join(lines) + "\n"


def errors_table(scores: pd.DataFrame) -> str:
    """Coverage of the intervals, errors and the information limit of every run, domain and parameter, as Markdown."""
    asked = {
        "68 % before": ("before", "coverage", 0.68),
        "68 % after": ("after", "coverage", 0.68),
        "68 % conformal": ("conformal", "coverage", 0.68),
        "95 % before": ("before", "coverage", 0.95),
        "95 % after": ("after", "coverage", 0.95),
        "CRPS before": ("before", "crps", 0.0),
        "CRPS after": ("after", "crps", 0.0),
        "RMSE": ("after", "rmse", 0.0),
        "limit": ("after", "limit", 0.0),
    }
    rows = scores[scores.by == "all"].fillna({"level": 0.0}).set_index(["errors", "metric", "level"]).sort_index()
    lines = [
        f"| run | domain | parameter | {' | '.join(asked)} | images |",
        "|---|---|---|" + "---|" * (len(asked) + 1),
    ]
    for where in dict.fromkeys(zip(scores.run, scores.domain, scores.parameter, strict=True)):
        one = rows[(rows.run == where[0]) & (rows.domain == where[1]) & (rows.parameter == where[2])]
        cells = [f"{one.loc[key, 'value']:.3f}" if key in one.index else "" for key in asked.values()]
        lines.append(f"| {' | '.join([*where, *cells])} | {int(one.images.max())} |")
    return "\n".join(lines) + "\n"


def measured_table(catalogue: pd.DataFrame, parameter: str = "theta_E") -> str:
    """What a run says of each real image, beside the published value, as Markdown."""
    flags = [name for name in catalogue if name.startswith("flag_")]
    lines = ["| image | q02 | q16 | median | q84 | q98 | published | flags |", "|---|" + "---|" * 7]
    for row in catalogue.to_dict("records"):
        values = [f"{row[f'{parameter}_{name}']:.3f}" for name in ("q02", "q16", "median", "q84", "q98")]
        published = row.get(f"{parameter}_published")
        values.append("" if published is None or pd.isna(published) else f"{published:.3f}")
        raised = ", ".join(name.removeprefix("flag_") for name in flags if row[name])
        lines.append(f"| {' | '.join([str(row['name']), *values])} | {raised} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study")
    parser.add_argument(
        "--into", type=Path, default=Path(), help="folder of docs/results with a page for several studies"
    )
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--figures", nargs="*", help="names without .png; all by default")
    arguments = parser.parse_args()
    study, page = arguments.study, HERE / arguments.into
    target = page / study
    (target / "figures").mkdir(parents=True, exist_ok=True)
    for pattern in (*TABLES, *ALSO):
        path = arguments.results / pattern.format(study=study)
        if pattern in TABLES or path.is_file():
            shutil.copy(path, target)
    for path in sorted((arguments.results / "report" / study).glob("*.png")):
        if arguments.figures is None or path.stem in arguments.figures:
            shutil.copy(path, target / "figures")
    readme = (page if arguments.into.name else target) / "README.md"
    summary = pd.read_csv(
        target / "summary.csv",
        keep_default_na=False,
        na_values={"mean": "", "std": "", "published_mean": "", "published_std": ""},
    )
    if summary.metric.str.startswith(STUCK).any():
        new = stuck_table(summary)
    else:
        several = summary.groupby("run").domain.nunique().max() > 1
        one = "mean" not in set(summary.parameter)
        new = table(summary if one else summary[summary.parameter == "mean"]) if several else regression_table(summary)
    text, found = re.subn(MARKERS.format(study=study), lambda m: m[1] + new + m[2], readme.read_text(), flags=re.DOTALL)
    scores = target / "errors.csv"
    if not found and not scores.is_file():
        raise SystemExit(f"{readme}: no markers for the table of {study}")
    if scores.is_file():
        text = filled(text, rf"errors of {study}", errors_table(pd.read_csv(scores)))
    for path in sorted((arguments.results / "measure" / study).glob("*/*.parquet")):
        if f"({study}/{path.stem}.ecsv)" in text:  # the page links to it
            shutil.copy(path.with_suffix(".ecsv"), target)
        name = f"{path.parent.name} of {study} on {path.stem}"
        if f"<!-- {name} -->" in text:
            text = filled(text, name, measured_table(pd.read_parquet(path)))
    readme.write_text(text)


def filled(text: str, name: str, table: str) -> str:
    """`text` with a table between the markers that are called `name`, if it has them."""
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", lambda m: m[1] + table + m[2], text, flags=re.DOTALL
    )


if __name__ == "__main__":
    main()
