"""The report: one HTML file with everything in it, which opens offline."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup, escape

from sim2sky import store
from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import Study, Survey
from sim2sky.evaluate.aggregate import missing_runs, present_runs
from sim2sky.evaluate.metrics import CIRCULAR
from sim2sky.evaluate.run_metrics import read_metrics
from sim2sky.fingerprint import digest
from sim2sky.provenance import record
from sim2sky.provenance.differences import differences
from sim2sky.provenance.figures import check_figure, not_of_this
from sim2sky.report.captions import CAPTIONS
from sim2sky.report.plan import STATISTICS_TITLES, Comparison, figure_plan, shown_statistics, tested
from sim2sky.report.tables import analyses as tables_analyses
from sim2sky.report.tables import parameters as tables_parameters
from sim2sky.report.tables import summary as tables

SEEDS = "seeds (networks per run)"
REFERENCES = (
    ("Swierc, Zhao, Ćiprijanović & Nord 2023, domain adaptation for Einstein radii", "arxiv.org/abs/2311.17238"),
    ("Ganin et al. 2016, JMLR 17, 59, domain-adversarial training (DANN)", "arxiv.org/abs/1505.07818"),
    ("Gretton et al. 2012, JMLR 13, 723, maximum mean discrepancy", "jmlr.org/papers/v13/gretton12a.html"),
    ("Li et al. 2016, re-estimated BatchNorm statistics (AdaBN)", "arxiv.org/abs/1603.04779"),
    ("Ben-David et al. 2007, NIPS 19, proxy A-distance", "doi.org/10.7551/mitpress/7503.003.0022"),
    ("van der Maaten & Hinton 2008, JMLR 9, 2579, t-SNE", "jmlr.org/papers/v9/vandermaaten08a.html"),
    ("Birrer & Amara 2018, lenstronomy", "arxiv.org/abs/1803.09746"),
    ("Morgan et al. 2021, deeplenstronomy", "arxiv.org/abs/2102.02830"),
    ("Abbott et al. 2018, Dark Energy Survey data release 1", "arxiv.org/abs/1801.03181"),
)
COSMOSIM_REFERENCES = (
    ("Schaathun et al., CosmoSim", "github.com/CosmoAI-AES/CosmoSim"),
    ("Clarkson 2016, CQG 33, 245003, the roulette formalism", "doi.org/10.1088/0264-9381/33/24/245003"),
    ("torchvision, its networks and their ImageNet weights", "pytorch.org/vision"),
)


def write_report(
    path: str | Path,
    studies: Mapping[str, Study],
    summaries: Mapping[str, str | Path],
    metrics: Mapping[str, str | Path],
    figures: Mapping[str, Mapping[str, str | Path]],
    provenance: Mapping[str, Any],
    *,
    full: Mapping[str, Study] | None = None,
    surveys: Mapping[str, Survey] | None = None,
    cross_validation: Mapping[str, str | Path] | None = None,
    analyses: Mapping[str, Mapping[str, str | Path]] | None = None,
    made_from: Mapping[str | Path, Mapping[str, Any]] | None = None,
    code_of_networks: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Write the report of one or more studies as one self-contained HTML file.

    Parameters
    ----------
    path : path
        The HTML file.
    studies : mapping of str to Study
        The studies as they were run, one chapter each.
    summaries, metrics : mapping of str to path
        ``summary.csv`` and ``metrics.csv`` of each study that trains. Runs that lack a seed in `metrics` are named as missing.
    figures : mapping of str to (mapping of str to path)
        PNG files of each study by name, from :func:`sim2sky.report.figures.draw.draw_figures`. One that does not exist is
        named in its place.
    provenance : mapping
        What made the report, shown as it is: versions, fingerprint, command, ...
    full : mapping of str to Study
        The studies as their files have them, before overrides. Where sizes differ the chapter says that it is not the
        full study, and how.
    surveys : mapping of str to Survey
        Surveys by name, for their titles.
    cross_validation : mapping of str to path
        ``cross_validation.csv`` of the studies that have one; a file that does not exist is passed over.
    analyses : mapping of str to (mapping of str to path)
        By study, ``degeneracy.csv`` and ``reconstruction.csv`` under ``degeneracy`` and ``reconstruction``, as far as there are any.
    made_from : mapping of path to mapping
        Files of :func:`sim2sky.provenance.record.write_provenance`, each with the ``study`` and the ``tables`` that it is of, and their
        ``kind``, for :meth:`sim2sky.config.Study.made_with`.
    code_of_networks : mapping of str to (mapping of str to str)
        By study, the hash of the code that now trains each file of networks. Those that other code trained are named.

    Raises
    ------
    ValueError, StoreError
        A figure or a table is of another configuration than its study, or a table was changed since it was made.
    """
    origins = {str(path): _origin(path, studies, **of) for path, of in (made_from or {}).items()}
    trained_by = {
        path: each["fingerprint"] for about in origins.values() for path, each in about.get("networks", {}).items()
    }
    full, cross_validation, analyses = full or {}, cross_validation or {}, analyses or {}
    chapters = [
        _chapter(name, study, full.get(name), figures.get(name, {}))
        | (_of_runs(study, summaries[name], metrics[name], surveys or {}) if study.runs else {})
        | {"cross_validation": _grid(study, cross_validation.get(name))}
        | {"analyses": _analyses(study, analyses.get(name, {}))}
        | {"other_code": _of_other_code(trained_by, (code_of_networks or {}).get(name, {}))}
        for name, study in studies.items()
    ]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sim2sky.report", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["symbols"] = symbols
    css = (Path(__file__).parent / "report.css").read_text()
    page = environment.get_template("report.html").render(
        css=Markup(css),
        chapters=chapters,
        provenance=_plain(dict(provenance) | origins),
        references=_references(studies),
    )
    with store.atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _origin(
    path: str | Path, studies: Mapping[str, Study], study: str, kind: str, tables: Sequence[str | Path]
) -> dict[str, Any]:
    """What tables were made from, without the configuration, which must be that of the study."""
    about = record.read_provenance(path, tables)
    if changes := list(differences(about["config"], studies[study].made_with(kind))):
        raise ValueError(not_of_this(path, changes))
    code = {"code": digest(about["fingerprint"])} if about.get("fingerprint") else {}
    return code | {key: about[key] for key in ("versions", "networks") if key in about}


def _of_other_code(trained_by: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Files of networks that are not of the code that would train them now."""
    return [path for path, code in now.items() if trained_by.get(path, code) != code]


def _references(studies: Mapping[str, Study]) -> tuple[tuple[str, str], ...]:
    engines = {simulation.engine for study in studies.values() for simulation in study.simulations.values()}
    pictures = any(study.degeneracy for study in studies.values())
    return REFERENCES + (COSMOSIM_REFERENCES if pictures or "cosmosim" in engines else ())


def symbols(text: str) -> Markup:
    """Plain text as HTML, with the Einstein radius (an angle or a length) written as a symbol."""
    return Markup(re.sub(r"\b(θ|R)_E\b", r"<i>\1</i><sub>E</sub>", str(escape(text))))


def sizes(study: Study, full: Study | None) -> tables.Table:
    """Numbers that decide how long a study takes and how far it can be trusted, beside those of the full study."""

    def count(of: Study) -> dict[str, str]:
        rows = {f"lenses per domain ({name})": f"{item.lenses:,}" for name, item in of.simulations.items()}
        used = dict.fromkeys(run.recipe for run in study.runs.values())
        rows |= {f"epochs (recipe {name})": str(of.recipes[name].epochs) for name in used if name in of.recipes}
        if of.degeneracy:
            rows["images compared per range"] = str(of.degeneracy.images_per_range)
        return rows | ({SEEDS: str(of.seeds)} if of.runs else {})

    here, there = count(study), count(full) if full else {}
    if there == here or not there:
        return tables.Table(["", "here"], [[key, value] for key, value in here.items()])
    rows = [[key, value, there.get(key, "–")] for key, value in here.items()]
    return tables.Table(["", "here", "full study"], rows)


def extent(table: tables.Table) -> str:
    """What :func:`sizes` amounts to: ``full``, ``seeds`` (all but the seeds is full) or ``demo``."""
    smaller = [row[0] for row in table.rows if len(row) > 2 and row[1] != row[2]]
    if not smaller:
        return "full"
    return "seeds" if smaller == [SEEDS] else "demo"


def _chapter(
    name: str,
    study: Study,
    full: Study | None,
    figures: Mapping[str, str | Path],
) -> dict[str, Any]:
    size = sizes(study, full)
    return {
        "name": name,
        "study": study,
        "sizes": size,
        "extent": extent(size),
        "missing": {},
        "figures": _figures(study, figures),
        "configuration": yaml.safe_dump(study.params(), sort_keys=False, allow_unicode=True, width=110),
    }


def _of_runs(
    study: Study, summary_path: str | Path, metrics_path: str | Path, surveys: Mapping[str, Survey]
) -> dict[str, Any]:
    """What a chapter has besides, of a study that trains."""
    summary, measured = tables.Summary(summary_path), read_metrics(metrics_path)
    missing = {}
    for run, block in missing_runs(study, present_runs(measured, study)):
        missing.setdefault(run, []).append(block)
    return {
        "missing": {run: "all seeds" if blocks == study.seed_blocks else blocks for run, blocks in missing.items()},
        "statistics": STATISTICS_TITLES[shown_statistics(study)],
        "metrics": tables.metrics(study, summary),
        **(_regression if study.chapter == "regression" else _adaptation)(study, summary),
        "datasets": tables.datasets(study, surveys),
    }


def _adaptation(study: Study, summary: tables.Summary) -> dict[str, Any]:
    return {
        "headline": tables.headline(study, summary),
        "published": tables.published(summary, study),
        "scores": tables.scores(study, summary),
        "distances": tables.distances(study, summary),
        "controls": tables.controls(study, summary),
        "recipes": tables.recipes(study),
    }


def _regression(study: Study, summary: tables.Summary) -> dict[str, Any]:
    tests = [test.source for test in tested(study)]
    return {
        "headline": tables_parameters.headline(study, summary),
        "published": tables_parameters.published(summary, study),
        "scores": [(study.datasets[name].title, tables_parameters.scores(study, summary, name)) for name in tests],
        "stuck": tables_parameters.stuck(study, summary) if study.stuck_at_mean else None,
        "controls": tables.controls(study, summary, CIRCULAR if ANGLE_PERIODS.keys() & set(study.targets) else "mae"),
        "recipes": tables_parameters.recipes(study),
    }


def _figures(study: Study, paths: Mapping[str, str | Path]) -> list[dict[str, Any]]:
    found = []
    for name, (kind, comparison) in figure_plan(study).items():
        path = Path(paths[name]) if name in paths else None
        if path and path.is_file():
            check_figure(path, study)
        image = base64.b64encode(path.read_bytes()).decode() if path and path.is_file() else None
        subject = _subject(study, comparison) if comparison else ""
        found.append({"name": name, "image": image, "subject": subject} | CAPTIONS[kind]._asdict())
    return found


def _subject(study: Study, comparison: Comparison) -> str:
    domains = " → ".join(study.datasets[name].title for name in comparison.domains)
    return f"recipe {comparison.recipe}: {domains}" if comparison.recipe else domains


def _grid(study: Study, path: str | Path | None) -> tables.Table | None:
    return tables.cross_validation(study, path) if study.cross_validation and path and Path(path).is_file() else None


def _analyses(study: Study, paths: Mapping[str, str | Path]) -> list[tuple[str, tables.Table]]:
    """Heading and table of each analysis that there is."""
    found = {}
    if "degeneracy" in paths:
        found["degeneracy"] = tables_analyses.degeneracy(paths["degeneracy"])
    if "reconstruction" in paths:
        found["reconstruction"] = tables_analyses.reconstruction(study, paths["reconstruction"])
    return [(CAPTIONS[kind].title, table) for kind, table in found.items()]


def _plain(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Values as text: mappings and lists as YAML."""
    return {
        key: value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False, allow_unicode=True).strip()
        for key, value in provenance.items()
    }
