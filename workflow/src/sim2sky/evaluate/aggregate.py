"""Gathers the metrics of a study's runs, and summarises them over seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sim2sky import store
from sim2sky.config import MEAN_PARAMETER, Published, Run, Study, Survey
from sim2sky.evaluate import STATISTICS
from sim2sky.evaluate.distances import DISTANCES
from sim2sky.evaluate.metrics import CIRCULAR, FIXED, METRICS
from sim2sky.evaluate.run_metrics import RUN_COLUMNS, concatenate, read_metrics
from sim2sky.evaluate.stuck import STUCK
from sim2sky.fingerprint import digest
from sim2sky.paths import Paths, of_run
from sim2sky.provenance import record
from sim2sky.provenance.networks import networks_provenance
from sim2sky.provenance.stale import images_made_with, stale, stale_predictions

KEY = ["method", "recipe", "domain", "statistics", "parameter", "metric"]
NUMBER = ["run", "domain", "statistics", "parameter", "metric"]  # what a published number is matched on
PUBLISHED = ["published_mean", "published_std", "published_source"]
SUMMARY_COLUMNS = ["study", *KEY, "mean", "std", "n_seeds", *PUBLISHED, "run"]
GAP_CLOSED = "gap_closed"


def aggregate(
    name: str,
    study: Study,
    run_metrics: Sequence[str | Path],
    metrics: str | Path,
    summary: str | Path,
    paths: Paths | None = None,
    surveys: Mapping[str, Survey] | None = None,
    provenance: str | Path | None = None,
    fingerprint: Mapping[str, str] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> list[tuple[str, str]]:
    """Gather the metrics of a study's runs and summarise them over seeds.

    Parameters
    ----------
    name : str
        Name of the study.
    study : Study
        It says which runs there should be and holds the published numbers.
    run_metrics : sequence of path
        Files of :func:`evaluate_run`, any number of them and in any order.
    metrics : path
        Written: all rows, and the derived metric `gap_closed`.
    summary : path
        Written: `SUMMARY_COLUMNS`; see :func:`summarise`.
    paths : Paths
        Where the networks and predictions behind `run_metrics` are. If it is given, metrics of networks or predictions that were not
        made as the study says are left out, and a printed line says what differs; their runs count as missing.
    surveys : mapping of str to Survey
        Surveys by name, which say with `study` how networks are made.
    provenance : path
        Written, if given: what both tables were made from, see :func:`sim2sky.provenance.record.write_provenance`, and the path and
        provenance of every file of networks.
    fingerprint : mapping of str to str
        Hash of the code, for the provenance.
    cutouts : mapping of str to str
        Checksums of survey cutouts by their key in the configuration, which say with `study` how images are made.

    Returns
    -------
    list of (run, block)
        What is missing, which is printed as well.

    Raises
    ------
    ValueError
        A file of metrics has other columns, or is of a run that the study does not have; the message names it.
    """
    tables = [_checked(path, study) for path in run_metrics]
    if paths:
        tables = [table for table in tables if not _is_stale(paths, name, study, _block(table), surveys, cutouts)]
    models = [of_run(paths.model, name, study, *_block(table)) for table in tables] if paths else []
    table = concatenate([pd.DataFrame(columns=RUN_COLUMNS), *tables])
    table = _ordered(concatenate([table, gap_closed(table, study)]), study)
    missing = missing_runs(study, present_runs(table, study))
    for run, block in missing:
        print(f"{name}: missing: run {run}, seeds {block}", flush=True)
    _print_what_is_no_number(name, table)
    store.write_table(table.assign(study=name)[["study", *RUN_COLUMNS]], metrics)
    store.write_table(summarise(table, study).assign(study=name)[SUMMARY_COLUMNS], summary)
    if provenance:
        networks = {model: _of_networks(model) for model in models}
        images = images_made_with(surveys or {}, cutouts or {})
        about = record.provenance(study.made_with("metrics"), fingerprint or {}, networks=networks, **images)
        record.write_provenance(provenance, [metrics, summary], about)
    total = len(study.runs) * len(study.seed_blocks)
    print(f"{name}: {total - len(missing)} of {total} blocks of seeds, {len(table)} metrics", flush=True)
    return missing


def _print_what_is_no_number(name: str, table: pd.DataFrame) -> None:
    """Networks that predict no numbers, and parameters that have no R2."""
    none = table[table.value.isna() & (table.parameter != MEAN_PARAMETER) & (table.metric != GAP_CLOSED)]
    by = ["run", "seed", "domain", "statistics", "parameter"]
    predicted = pd.MultiIndex.from_frame(table[(table.metric == "mae") & table.value.notna()][by])
    fixed = (none.metric == "r2") & pd.MultiIndex.from_frame(none[by]).isin(predicted)
    for run, seed, domain in none[~fixed][["run", "seed", "domain"]].drop_duplicates().values:
        print(f"{name}: not a number: run {run}, seed {seed}, on {domain}", flush=True)
    for parameter, domain in none[fixed][["parameter", "domain"]].drop_duplicates().values:
        print(f"{name}: {parameter} {FIXED} on {domain}, so that it has no R2", flush=True)


def missing_runs(study: Study, present: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Every (run, block of seeds) of the study that is not among `present`."""
    return [(run, block) for run in study.runs for block in study.seed_blocks if (run, block) not in present]


def present_runs(metrics: pd.DataFrame, study: Study) -> set[tuple[str, str]]:
    """Every (run, block of seeds) of which `metrics` holds all seeds."""
    seeds = metrics.groupby("run").seed.agg(set)
    blocks = [(block, range(*_first_and_stop(block))) for block in study.seed_blocks]
    return {(run, block) for run, have in seeds.items() for block, wanted in blocks if have.issuperset(wanted)}


def gap_closed(metrics: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Fraction of the possible gain that each adapted run has achieved, per seed.

    It is (R2 of the run - R2 without adaptation) / (R2 of the oracle - R2 without adaptation) on the run's target
    domain, for the same seed, statistics and parameter. "Without adaptation" is the unadapted run of the same recipe and source,
    and the oracle is the run that learnt from the target's labels. Where the oracle is not the better of these two there is
    no gap, and the value is NaN. A run whose recipe has no such controls has no rows.

    Parameters
    ----------
    metrics : DataFrame
        With `RUN_COLUMNS`.
    study : Study
        It says which runs are the controls.

    Returns
    -------
    DataFrame
        Rows with `RUN_COLUMNS` and the metric ``gap_closed``.
    """
    by = ["run", "domain", "seed", "statistics", "parameter"]
    scores = metrics[metrics.metric == "r2"].set_index(by).value.sort_index()
    found = [pd.DataFrame(columns=RUN_COLUMNS)]
    for name, run in study.runs.items():
        names = [name, _control(study, run, run.source), _control(study, run, run.target)]
        if run.target is None or any((other, run.target) not in scores.index for other in names):
            continue
        same = pd.concat([scores[other, run.target] for other in names], axis=1, join="inner", keys=range(3))
        adapted, none, oracle = (same[column] for column in range(3))
        closed = ((adapted - none) / (oracle - none).where(oracle > none)).rename("value")
        about = {key: getattr(run, key) for key in ("method", "recipe", "source", "target")}
        found.append(closed.reset_index().assign(run=name, **about, domain=run.target, metric=GAP_CLOSED))
    return concatenate(found)[RUN_COLUMNS]


def summarise(metrics: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Mean and sample standard deviation over seeds, beside the published numbers.

    Parameters
    ----------
    metrics : DataFrame
        With `RUN_COLUMNS`.
    study : Study
        It holds the published numbers, and the order of the rows.

    Returns
    -------
    DataFrame
        `SUMMARY_COLUMNS` without the study. ``std`` is NaN for a single seed; ``mean`` is NaN if a seed's value is. A
        published number without a measurement has a row with ``n_seeds`` 0 and the run that would measure it, if any.
    """
    values = metrics.groupby([*NUMBER, "method", "recipe"], sort=False).value
    measured = values.agg(
        mean=lambda v: v.mean(skipna=False), std=lambda v: v.std(ddof=1, skipna=False), n_seeds="size"
    ).reset_index()
    found = set(measured[NUMBER].itertuples(index=False, name=None))
    rows = [row for item in study.published for row in _published_rows(item, study, found)]
    published = pd.DataFrame(rows, columns=[*NUMBER, "method", "recipe", *PUBLISHED])
    table = measured.merge(published, how="outer", on=[*NUMBER, "method", "recipe"])
    table["n_seeds"] = table.n_seeds.fillna(0).astype(int)
    return _ordered(table, study)


def _published_rows(item: Published, study: Study, measured: Collection[tuple]) -> Iterator[tuple]:
    """A published number beside each run that measures it; without any, beside the one that would, or none ("")."""
    no_parameter = item.metric in DISTANCES or item.metric.startswith(STUCK)
    parameter = "" if no_parameter else item.parameter or study.targets[0]
    runs = [item.run] if item.run else [name for name, run in study.runs.items() if _is_of(run, item)]
    number = (item.domain, item.statistics, parameter, item.metric)
    planned = [run for run in runs if _plans(study, run, item)]
    for run in [run for run in runs if (run, *number) in measured] or planned[:1] or [""]:
        about = study.runs.get(run) or item
        yield (run, *number, about.method or "", about.recipe or "", item.mean, item.std, item.source)


def _is_of(run: Run, item: Published) -> bool:
    return (run.method, run.recipe) == (item.method, item.recipe)


def _control(study: Study, run: Run, source: str | None) -> str | None:
    """The unadapted run with the recipe of `run` that is trained on the labels of `source`."""
    for name, other in study.runs.items():
        unadapted = study.methods[other.method].adaptation == "none"
        if unadapted and other.recipe == run.recipe and other.source == source:
            return name
    return None


def _plans(study: Study, name: str, item: Published) -> bool:
    """Whether a run would measure a published number."""
    run = study.runs.get(name)
    if run is None:
        return False
    return item.domain in run.evaluate_on or (item.metric.startswith(STUCK) and item.domain == run.source)


def _checked(path: str | Path, study: Study) -> pd.DataFrame:
    """Rows of a run's metrics, which must be of a run that the study has."""
    table = read_metrics(path)
    if list(table.columns) != RUN_COLUMNS:
        raise ValueError(f"{path}: columns {list(table.columns)}, not {RUN_COLUMNS}; delete it to have it made again")
    if unknown := set(table.run) - set(study.runs):
        raise ValueError(f"{path}: of run {', '.join(sorted(unknown))}, which the study does not have")
    return table


def _block(table: pd.DataFrame) -> tuple[str, str]:
    """Run and block of seeds that metrics are of."""
    (run,) = table.run.unique()
    return run, f"{table.seed.min()}-{table.seed.max()}"


def _is_stale(
    paths: Paths,
    name: str,
    study: Study,
    block: tuple[str, str],
    surveys: Mapping[str, Survey] | None,
    cutouts: Mapping[str, str] | None,
) -> bool:
    """Whether the networks or predictions of a block were not made as the study says; if so, what differs is printed."""
    blocks = [(run, seeds) for run in study.runs for seeds in study.seed_blocks]
    models = {block: of_run(paths.model, name, study, *block) for block in blocks}
    predictions = of_run(paths.predictions, name, study, *block)
    changes = {models[block]: stale(models, study, *block, surveys, cutouts)}
    if Path(predictions).is_file():  # its metrics may outlive it
        changes[predictions] = stale_predictions(predictions, models[block], study, block[0], surveys, cutouts)
    for path, found in [item for item in changes.items() if item[1]]:
        print(f"{name}: left out, not made as the study says: {path}", flush=True)
        print("\n".join(f"  {change}" for change in found), flush=True)
    return any(changes.values())


def _of_networks(model: str | Path) -> dict[str, Any]:
    """Seeds, code and checksum of a file of networks; its configuration is the study's, or it would be stale."""
    about = networks_provenance(model)
    found = {"seeds": about["config"]["seeds"], "fingerprint": digest(about["fingerprint"]), "sha256": about["sha256"]}
    return found | {"versions": about["versions"]}


def _ordered(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Rows in the order of the study file, whatever the order they came in."""
    order: dict[str, Iterable[str]] = {
        "run": study.runs,
        "method": study.methods,
        "recipe": study.recipes,
        "domain": study.datasets,
        "statistics": STATISTICS,
        "parameter": ["", *study.targets, MEAN_PARAMETER],
        "metric": [*METRICS, CIRCULAR, *DISTANCES, GAP_CLOSED],  # any other comes last, by name
    }
    ranks = {column: {name: rank for rank, name in enumerate(names)} for column, names in order.items()}
    columns = ("run", "method", "recipe", "seed", "domain", "statistics", "parameter", "metric")
    by = [column for column in columns if column in table]
    others = sorted(set(table.metric) - set(ranks["metric"]))
    ranks["metric"] |= {name: len(ranks["metric"]) + rank for rank, name in enumerate(others)}
    return table.sort_values(by, key=lambda column: column.map(ranks[column.name]) if column.name in ranks else column)


def _first_and_stop(block: str) -> tuple[int, int]:
    first, last = map(int, block.split("-"))
    return first, last + 1
