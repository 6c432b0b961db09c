"""Tables and headline of a study that adapts to a target."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sim2sky.config import Study
from sim2sky.evaluate.aggregate import GAP_CLOSED
from sim2sky.evaluate.distances import DISTANCES
from sim2sky.report.comparisons import Comparison, comparisons, domains_title, is_oracle, run_title, shown_statistics
from sim2sky.report.symbols import METRIC_TITLES
from sim2sky.report.tables.summary import Summary
from sim2sky.report.tables.table import Table, mean_std, number, published_number


def headline(study: Study, summary: Summary) -> list[tuple[str, list[str]]]:
    """Per comparison a heading and sentences: what is lost without adaptation, what each method wins back."""
    found = []
    for comparison in comparisons(study):
        if comparison.target is not None:
            heading = f"Recipe {comparison.recipe}: {domains_title(study, comparison)}"
            found.append((heading, list(_sentences(study, summary, comparison)) or ["No run of this comparison yet."]))
    return found


def _sentences(study: Study, summary: Summary, comparison: Comparison) -> Iterator[str]:
    """A sentence for each run of a comparison that has a target."""
    statistics, (source, target) = shown_statistics(study), comparison.domains
    base = None
    for run in comparison.runs:
        title = run_title(study, run, comparison.runs)
        here, there = (summary.get(run, domain, statistics, "r2") for domain in (source, target))
        if there is None:
            yield f"{title}: no result."
        elif is_oracle(study, run, comparison):
            yield f"{title}, the upper bound: R² {mean_std(there.mean, there.std)} on the target."
        elif study.runs[run].target is None:
            base = there.mean
            if here is not None:
                change = there.mean - here.mean
                yield (
                    f"{title}: R² {mean_std(here.mean, here.std)} on the source and {mean_std(there.mean, there.std)} "
                    f"on the target, a {'loss' if change < 0 else 'gain'} of {abs(change):.3f}."
                )
        else:
            against = f", {number(there.mean - base, signed=True)} against no adaptation" if base is not None else ""
            gap = summary.get(run, target, statistics, GAP_CLOSED)
            closed = f"; {100 * gap.mean:.0f} % of the gap to the oracle closed" if gap is not None else ""
            yield f"{title}: R² {mean_std(there.mean, there.std)} on the target{against}{closed}."


def published(study: Study, summary: Summary) -> Table:
    """Our numbers beside the published ones, with the difference in published standard deviations."""
    rows = []
    for row in summary.table[summary.table.published_mean.notna()].itertuples():
        ours, difference, sigmas = ("not run" if not row.n_seeds else "not a number"), "–", "–"
        if not math.isnan(row.mean):
            ours, delta = mean_std(row.mean, row.std), row.mean - row.published_mean
            difference = number(delta, signed=True)
            sigmas = number(delta / row.published_std, 1, signed=True) if row.published_std > 0 else "–"
        names = [study.methods[row.method].title, row.recipe, study.datasets[row.domain].title]
        names += [METRIC_TITLES.get(row.metric, row.metric), row.statistics]
        theirs = published_number(row.published_mean, row.published_std)
        rows.append([*names, ours, str(row.n_seeds), theirs, difference, sigmas])
    columns = ["method", "recipe", "domain", "metric", "statistics", "this run", "seeds", "published"]
    return Table([*columns, "difference", "in published σ"], rows)


def scores(study: Study, summary: Summary) -> Table:
    """R2 of every run on every domain under each kind of statistics."""
    rows = []
    for run in study.runs:
        cells = [summary.text(run, domain, kind, "r2") for domain in study.datasets for kind in study.statistics]
        rows.append([run, _seeds(summary, run), *cells])
    groups = [("", 2), *((study.datasets[domain].title, len(study.statistics)) for domain in study.datasets)]
    return Table(["run", "seeds", *study.statistics * len(study.datasets)], rows, groups)


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
