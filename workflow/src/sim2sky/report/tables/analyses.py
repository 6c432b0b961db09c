"""Tables of analyses: images that cannot be told apart, test images with their lensing undone, cross-validation."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from sim2sky.config import CrossValidation, Study
from sim2sky.evaluate.metrics import FIXED
from sim2sky.report.results import read_folds
from sim2sky.report.symbols import text_symbol
from sim2sky.report.tables.table import Table, decimals, mean_std, number


def degeneracy(path: str | Path) -> Table:
    """How many pairs of images are identical, and how different the others are, beside the published numbers."""
    rows = []
    for row in pd.read_csv(path).itertuples():
        theirs = [number(row.published_identical, 0), number(row.published_largest_rms, 2)]
        found = [f"{row.pairs:,}", f"{row.identical:,}", number(row.largest_rms), str(row.largest_difference)]
        rows.append([row.range, row.R_E, *found, *("–" if text == "nan" else text for text in theirs)])
    groups = [("", 6), ("published", 2)]
    columns = ["images", "R_E", "pairs", "identical", "largest RMS", "largest difference", "identical", "largest RMS"]
    return Table(columns, rows, groups)


def reconstruction(study: Study, path: str | Path) -> Table:
    """What is left of each image, and predicted (true) parameters."""
    table = pd.read_csv(path)
    names = [name for name in study.targets if f"predicted_{name}" in table]
    rows = []
    for _, row in table.iterrows():
        pairs = [_pair(row[f"predicted_{name}"], row[f"true_{name}"]) for name in names]
        left = 100 * row.rms / row.rms_image if row.rms_image else float("nan")
        rows.append([f"{row.lens:.0f}", number(row.rms, 2), number(left, 1), number(row.rms_source, 2), *pairs])
    columns = ["lens", "RMS left", "per cent of the image's", "RMS left of the source"]
    groups = [("", len(columns)), ("predicted (true)", len(names))]
    return Table([*columns, *map(text_symbol, names)], rows, groups)


def _pair(predicted: float, true: float) -> str:
    """``predicted (true)``."""
    digits = decimals(predicted, true, least=1)
    return f"{number(predicted, digits)} ({number(true, digits)})"


def cross_validation(cross: CrossValidation, path: str | Path) -> Table:
    """Mean and standard deviation over folds for each point of the grid, the best one first."""
    table = read_folds(path, cross)
    keys = [key for key in cross.grid if key in table]
    scores = table.groupby(keys, sort=False).r2
    scored = scores.agg(mean=lambda r2: r2.mean(skipna=False), std="std", size="size")
    scored = scored.sort_values("mean", ascending=False)
    points = scored.index if len(keys) > 1 else [(value,) for value in scored.index]
    rows = [
        [*point, FIXED if math.isnan(row.mean) else mean_std(row.mean, row.std), str(int(row.size))]
        for point, row in zip(points, scored.itertuples(), strict=True)
    ]
    return Table([*keys, "R² on the fold left out", "folds"], rows)
