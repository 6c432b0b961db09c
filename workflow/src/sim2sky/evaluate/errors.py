"""How well errors describe what they are errors of: coverage, sharpness and proper scores of measurements with known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sim2sky import store
from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import Study, Survey
from sim2sky.evaluate import ERROR_COLUMNS
from sim2sky.evaluate.metrics import OUTLIER_THRESHOLD
from sim2sky.evaluate.proper_scores import covered, crps, near_median, probability_integral
from sim2sky.models.calibration import CENTRAL, LEVELS, MEDIAN, interval
from sim2sky.provenance import record
from sim2sky.provenance.stale import images_made_with

# Errors before calibration, after it, and split-conformal intervals, which are no distribution and have no other scores than these.
ERRORS = ("before", "after", "conformal")
CURVE = tuple(round(1 - 2 * level, 3) for level in LEVELS[:MEDIAN])  # central intervals of all levels, the widest first
PIT_BINS = 20
BINS = 8  # of equally many images
FEWEST = 50  # images in a bin
CONDITIONS = ("signal_to_noise", "seeing")
ROOTS = ("rmse", "claimed", "limit")  # metrics that are roots of means of squares
Scores = dict[tuple[str, float | None], np.ndarray]


class Measured(NamedTuple):
    """One parameter of n images, measured and true.

    Attributes
    ----------
    true : ndarray, shape (n,)
    quantiles : mapping of str to ndarray, shape (n, levels)
        At :data:`sim2sky.models.calibration.LEVELS`, ``before`` and ``after`` calibration.
    conformal : mapping of float to ndarray, shape (n, 2)
        Ends of the split-conformal interval of each probability.
    conditions : mapping of str to ndarray, shape (n,)
        Observing conditions, by which images are put into bins.
    limit : ndarray, shape (n,), or None
        Smallest standard deviation that an estimate of each can have, NaN where it is not known.
    period : float or None
        Of an angle.
    """

    true: np.ndarray
    quantiles: Mapping[str, np.ndarray]
    conformal: Mapping[float, np.ndarray]
    conditions: Mapping[str, np.ndarray]
    limit: np.ndarray | None = None
    period: float | None = None


def evaluate_errors(
    study: Study,
    quantiles: Sequence[str | Path],
    errors: str | Path,
    provenance: str | Path,
    surveys: Mapping[str, Survey],
    cutouts: Mapping[str, str],
    fingerprint: Mapping[str, str],
) -> None:
    """Score the errors that runs give on simulated datasets.

    Parameters
    ----------
    study : Study
        It says which runs measure which datasets.
    quantiles : sequence of path
        Written by :func:`sim2sky.measure.quantiles.write_quantiles`, in the order of `Study.error_scores`.
    errors : path
        Written: CSV with `ERROR_COLUMNS`; see :func:`error_scores`.
    provenance : path
        Written: what the table was made from.
    surveys : mapping of str to Survey
        Surveys by name.
    cutouts : mapping of str to str
        Checksums of survey cutouts by their key in the configuration.
    fingerprint : mapping of str to str
        Hash of the code.

    Raises
    ------
    StoreError
        A file cannot be read, or holds other quantiles.
    """
    tables = []
    for (run, domain), path in zip(study.error_scores, quantiles, strict=True):
        for parameter, measured in read_measured(path).items():
            table = error_scores(measured).assign(run=run, domain=domain, parameter=parameter)
            tables.append(table[list(ERROR_COLUMNS)])
            found = table[(table.by == "all") & (table.metric == "coverage") & (table.level == 0.68)]
            shares = ", ".join(f"{row.errors} {row.value:.3f}" for row in found.itertuples())
            print(f"{run} on {domain}, {parameter}: the 68 % interval covers {shares}", flush=True)
    store.write_table(pd.concat(tables, ignore_index=True), errors)
    about = record.provenance(study.made_with("error_scores"), fingerprint, **images_made_with(surveys, cutouts))
    record.write_provenance(provenance, [errors], about)


def read_measured(path: str | Path) -> dict[str, Measured]:
    """Measured and true values by parameter, as :func:`sim2sky.measure.quantiles.write_quantiles` wrote them.

    Raises
    ------
    StoreError
        The file cannot be read, or holds quantiles at other levels than `LEVELS`.
    """
    shard = store.open_shards([path])
    about = shard.attributes
    if tuple(about.get("levels", ())) != LEVELS:
        raise store.StoreError(f"{path}: holds quantiles at other levels; delete it to have it made again")
    there = set(shard)
    conditions = {name: shard.read(name).astype(float) for name in CONDITIONS if name in there}
    found = {}
    for name in about["parameters"]:
        ends = shard.read(f"conformal_{name}").astype(float)
        quantiles = {"before": f"raw_quantiles_{name}", "after": f"quantiles_{name}"}
        found[name] = Measured(
            shard.read(f"true_{name}").astype(float),
            {errors: shard.read(variable).astype(float) for errors, variable in quantiles.items()},
            {probability: ends[:, index] for index, probability in enumerate(about["probabilities"])},
            conditions,
            shard.read(f"limit_{name}").astype(float) if f"limit_{name}" in there else None,
            ANGLE_PERIODS.get(name),
        )
    return found


def error_scores(measured: Measured) -> pd.DataFrame:
    """Scores of one parameter's errors, over all images and in bins of what errors may depend on.

    Parameters
    ----------
    measured : Measured
        Of n images.

    Returns
    -------
    DataFrame
        Columns ``errors`` (one of `ERRORS`), ``by``, ``low``, ``high``, ``at``, ``images``, ``metric``, ``level``, ``value``, ``scatter``.
        ``by`` says what the images are put into bins of: ``all`` for no bins, ``true`` or ``predicted`` (the median before
        calibration) values, or a condition; ``low`` and ``high`` are the ends of the bin and ``at`` the median within.
        ``scatter`` is the standard deviation of ``value`` over samples of as many images; of a coverage or a bin of the PIT,
        the binomial one of what is ideal. An image without finite quantiles counts as not covered, and makes means NaN. Metrics are

        - ``coverage``: fraction of images whose truth lies within the central interval of probability ``level``;
        - ``pit``: fraction whose probability integral transform lies in the bin of width 1 / `PIT_BINS` that ends at ``level``;
        - ``nll``: negative log likelihood of the normal distribution about the median whose standard deviation is half the 68 % interval;
        - ``crps``: see :func:`sim2sky.evaluate.proper_scores.crps`; ``width``: mean width of the interval of probability ``level`` (sharpness);
        - ``bias``: mean of median - truth; ``rmse``; ``claimed``: root mean square of half the 68 % interval;
        - ``outlier_fraction``: medians off by more than `OUTLIER_THRESHOLD` of the true value, except of angles;
        - ``limit``: root mean square of the limits that are known.
    """
    images = len(measured.true)
    everything = [("all", np.full(images, np.nan), np.zeros(images, int))]
    binned = [(by, values, _bins(values)) for by, values in _dependences(measured).items()]
    rows = []
    for errors in ERRORS:
        scores = _of_conformal(measured) if errors == "conformal" else _of_quantiles(measured, errors)
        in_bins = {key: each for key, each in scores.items() if key[0] != "pit" and key[1] in {*CENTRAL, None}}
        for by, values, numbers in everything + binned:
            for number in range(numbers.max() + 1):
                inside = numbers == number
                where = {"low": values[inside].min(), "high": values[inside].max(), "at": np.median(values[inside])}
                about = {"errors": errors, "by": by, **where, "images": int(inside.sum())}
                kept = scores if by == "all" else in_bins
                rows += [about | _summary(*key, each[inside]) for key, each in kept.items()]
    return pd.DataFrame(rows)[list(ERROR_COLUMNS[3:])]


def _of_quantiles(measured: Measured, errors: str) -> Scores:
    """Scores of each image by metric and level; their means, or roots of these, are those of a sample."""
    quantiles, true, period = measured.quantiles[errors], measured.true, measured.period
    median = quantiles[:, MEDIAN]
    error = median - near_median(quantiles, true, period)
    widths = {each: np.diff(quantiles[:, list(interval(each))], axis=1)[:, 0] for each in CENTRAL}
    std = widths[0.68] / 2
    scores: Scores = {
        ("coverage", each): covered(quantiles[:, list(interval(each))], true, period).astype(float) for each in CURVE
    }
    place = np.ceil(probability_integral(quantiles, true, period) * PIT_BINS)
    scores |= {("pit", number / PIT_BINS): (place == number).astype(float) for number in range(1, PIT_BINS + 1)}
    with np.errstate(divide="ignore", invalid="ignore"):
        nll = np.log(std) + (error / std) ** 2 / 2 + np.log(2 * np.pi) / 2
    scores["nll", None] = np.where(std == 0, np.inf, nll)  # a network without errors
    scores |= {("crps", None): crps(quantiles, true, period), ("bias", None): error}
    scores |= {("rmse", None): error**2, ("claimed", None): std**2}
    scores |= {("width", each): width for each, width in widths.items()}
    if period is None:
        outlier = ~(np.abs(error) <= OUTLIER_THRESHOLD * np.abs(true))
        scores["outlier_fraction", None] = np.where(np.isfinite(error), outlier, np.nan)
    if measured.limit is not None:
        scores["limit", None] = measured.limit**2
    return scores


def _of_conformal(measured: Measured) -> Scores:
    scores: Scores = {}
    for each, ends in measured.conformal.items():
        scores["coverage", each] = covered(ends, measured.true, measured.period).astype(float)
        scores["width", each] = ends[:, 1] - ends[:, 0]
    return scores


def _dependences(measured: Measured) -> dict[str, np.ndarray]:
    """What images are put into bins of, by name: what is known of all of them and is not the same for all."""
    found = {"true": measured.true, "predicted": measured.quantiles["before"][:, MEDIAN], **measured.conditions}
    if measured.period:
        found["predicted"] = found["predicted"] % measured.period
    return {name: values for name, values in found.items() if np.isfinite(values).all() and np.ptp(values) > 0}


def _bins(values: np.ndarray) -> np.ndarray:
    """The bin of each image: up to `BINS` with equally many, none with fewer than `FEWEST` unless all have one."""
    bins = min(BINS, max(1, len(values) // FEWEST))
    return pd.qcut(values, bins, labels=False, duplicates="drop")


def _summary(metric: str, level: float | None, scores: np.ndarray) -> dict[str, Any]:
    """The metric of a sample and its scatter, from the scores of its images; limits may be known of some of these alone."""
    scores = scores[np.isfinite(scores)] if metric == "limit" else scores
    images, mean = len(scores), scores.mean() if len(scores) else np.nan
    scatter = scores.std(ddof=1) / np.sqrt(images) if images > 1 and np.isfinite(mean) else np.nan
    if metric in ("coverage", "pit"):
        ideal = level if metric == "coverage" and level is not None else 1 / PIT_BINS
        scatter = np.sqrt(ideal * (1 - ideal) / images)
    if metric in ROOTS:
        mean = np.sqrt(mean)
        scatter = scatter / (2 * mean) if mean else scatter
    return {"metric": metric, "level": level, "value": mean, "scatter": scatter}
