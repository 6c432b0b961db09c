"""Tables and headline of a study that adapts to a target."""

from __future__ import annotations

import math

from sim2sky.config import Study
from sim2sky.evaluate.aggregate import GAP_CLOSED
from sim2sky.evaluate.distances import DISTANCES
from sim2sky.report.comparisons import Comparison, comparisons, domains_title, is_oracle, run_title, shown_statistics
from sim2sky.report.symbols import METRIC_TITLES
from sim2sky.report.tables.summary import Summary
from sim2sky.report.tables.table import Table, decimals, number, published_number, score


def headline(study: Study, summary: Summary) -> list[tuple[str, Table]]:
    """Per comparison a heading and a table: what is lost without adaptation, what each method wins back of it.

    The last column but one is the change on the target against no adaptation, over the same change of the oracle, each of the means
    that stand beside it; ``gap_closed`` of the metrics is the mean over seeds of each seed's own share.
    """
    columns = ["", "on the source", "on the target", "against no adaptation", "share of the oracle's gain", "seeds"]
    return [
        (
            f"Recipe {comparison.recipe}: {domains_title(study, comparison)}",
            Table(columns, _gains(study, summary, comparison)),
        )
        for comparison in comparisons(study)
        if comparison.target is not None
    ]


def _gains(study: Study, summary: Summary, comparison: Comparison) -> list[list[str]]:
    """A row for each run of a comparison that has a target."""
    statistics, (source, target) = shown_statistics(study), comparison.domains

    def mean_of(role: bool) -> float:
        """R² on the target of the oracle, or of the run without adaptation; NaN if it has none."""
        runs = [
            run
            for run in comparison.runs
            if study.runs[run].target is None and is_oracle(study, run, comparison) is role
        ]
        rows = [row for run in runs if (row := summary.get(run, target, statistics, "r2"))]
        return rows[0].mean if rows else math.nan

    base, oracle = mean_of(False), mean_of(True)
    rows = []
    for run in comparison.runs:
        there = summary.get(run, target, statistics, "r2")
        change = (
            there.mean - base if there and (study.runs[run].target or is_oracle(study, run, comparison)) else math.nan
        )
        share = change / (oracle - base) if oracle > base else math.nan
        rows.append(
            [
                run_title(study, run, comparison.runs),
                *(summary.text(run, domain, statistics, "r2") for domain in (source, target)),
                "–" if math.isnan(change) else number(change, signed=True),
                "–" if math.isnan(share) else f"{number(100 * share, 0)} %",
                summary.seeds(run, target, statistics, "r2"),
            ]
        )
    return rows


def published(study: Study, summary: Summary) -> Table:
    """Our numbers beside the published ones, with the difference in published standard deviations."""
    rows = []
    for row in summary.table[summary.table.published_mean.notna()].itertuples():
        ours, difference, sigmas = summary.why_none(row), "–", "–"
        if not math.isnan(row.mean):
            ours, delta = score(row.metric, row.mean, row.std), row.mean - row.published_mean
            digits = 3 if row.metric == "r2" else decimals(row.mean, row.published_mean)
            difference = number(delta, digits, signed=True)
            sigmas = number(delta / row.published_std, 1, signed=True) if row.published_std > 0 else "–"
        names = [study.methods[row.method].title, row.recipe, study.datasets[row.domain].title]
        names += [METRIC_TITLES.get(row.metric, row.metric), row.statistics]
        theirs = published_number(row.published_mean, row.published_std)
        rows.append([*names, ours, str(row.n_seeds), theirs, difference, sigmas])
    columns = ["method", "recipe", "domain", "metric", "statistics", "this run", "seeds", "published"]
    return Table([*columns, "difference", "in published σ"], rows)


def scores(study: Study, summary: Summary) -> Table:
    """R2 of every run on every domain under each kind of statistics."""
    rows, domains = [], {name: dataset.title for name, dataset in study.datasets.items() if not dataset.images}
    for run in study.runs:
        cells = [summary.text(run, domain, kind, "r2") for domain in domains for kind in study.statistics]
        rows.append([run, _seeds(summary, run), *cells])
    groups = [("", 2), *((title, len(study.statistics)) for title in domains.values())]
    return Table(["run", "seeds", *study.statistics * len(domains)], rows, groups)


def _seeds(summary: Summary, run: str) -> str:
    """Most seeds that any score of a run is of."""
    rows = summary.table[(summary.table.run == run) & (summary.table.metric == "r2")]
    return str(int(rows.n_seeds.max())) if len(rows) else "0"


def distances(study: Study, summary: Summary) -> Table:
    """Distance between the domains in latent space and share of the gap closed, per run and domain, each with its seeds."""
    rows = []
    for run, about in study.runs.items():
        for domain in about.evaluate_on:
            far = [summary.text(run, domain, "batch", metric) for metric in DISTANCES]
            closed = [summary.text(run, domain, kind, GAP_CLOSED) for kind in study.statistics]
            if set(far + closed) != {"–"}:
                pair = f"{study.datasets[about.source].title} – {study.datasets[domain].title}"
                measured = summary.seeds(run, domain, "batch", DISTANCES[0])
                seeds = summary.seeds(run, domain, shown_statistics(study), GAP_CLOSED)
                rows.append([run, pair, *far, measured, *closed, seeds])
    groups = [
        ("", 2),
        ("distance in latent space", len(DISTANCES) + 1),
        ("gap to the oracle closed", len(study.statistics) + 1),
    ]
    titles = [METRIC_TITLES[metric] for metric in DISTANCES]
    return Table(["run", "domains", *titles, "seeds", *study.statistics, "seeds"], rows, groups)
