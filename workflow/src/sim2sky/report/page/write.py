"""The report: one HTML file with everything in it, which opens offline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from sim2sky import store
from sim2sky.config import Study
from sim2sky.fingerprint import digest
from sim2sky.provenance import record
from sim2sky.provenance.figures import not_of_this
from sim2sky.provenance.stale import stale_table
from sim2sky.report import symbols
from sim2sky.report.page.captions import read_captions
from sim2sky.report.page.chapter import Chapter, contents

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
ERROR_REFERENCES = (
    ("Poh et al. 2025, inference of simulated strong lenses in ground-based surveys", "arxiv.org/abs/2501.08524"),
    ("Romano, Patterson & Candès 2019, conformalised quantile regression", "arxiv.org/abs/1905.03222"),
    ("Lei et al. 2018, JASA 113, 1094, split-conformal prediction", "arxiv.org/abs/1604.04173"),
    ("Gneiting & Raftery 2007, JASA 102, 359, proper scores", "doi.org/10.1198/016214506000001437"),
)


def write_report(
    path: str | Path,
    chapters: Mapping[str, Chapter],
    captions: Iterable[str | Path],
    provenance: Mapping[str, Any],
) -> None:
    """Write the report of one or more studies as one self-contained HTML file.

    Parameters
    ----------
    path : path
        The HTML file.
    chapters : mapping of str to Chapter
        What each chapter is made from, by the name of its study.
    captions : iterable of path
        Captions of all kinds of figures of these studies, as :func:`sim2sky.report.page.captions.read_captions` takes them.
    provenance : mapping
        What made the report, shown as it is: versions, fingerprint, command, ...

    Raises
    ------
    ValueError, StoreError
        A figure or a table is of another configuration than its study, or a table was changed since it was made.
    """
    origins = {file: about for chapter in chapters.values() for file, about in _origins(chapter)}
    networks = {file: each for about in origins.values() for file, each in about.get("networks", {}).items()}
    trained_by = {file: each["fingerprint"] for file, each in networks.items()}
    written = read_captions(captions)
    page = template("report.html").render(
        css=css(),
        chapters=[contents(name, chapter, written, trained_by) for name, chapter in chapters.items()],
        provenance=as_text(dict(provenance) | origins),
        references=_references(chapter.study for chapter in chapters.values()),
    )
    with store.atomic(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def css() -> Markup:
    """The style sheet of all pages."""
    return Markup((Path(__file__).parent / "report.css").read_text())


def template(name: str) -> jinja2.Template:
    """A page's template, in which the filter ``symbols`` writes parameters as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sim2sky.report", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["symbols"] = symbols.html
    return environment.get_template(name)


def _origins(chapter: Chapter) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the tables of a chapter were made from, without the configuration, which must be that of the study."""
    for kind, tables in chapter.tables.items():
        if tables.provenance is None:
            continue
        made_for = chapter.study, kind, chapter.surveys, chapter.cutouts
        if changes := stale_table(tables.provenance, tables.files, *made_for):
            raise ValueError(not_of_this(tables.provenance, changes))
        about = record.read_provenance(tables.provenance, tables.files)
        code = {"code": digest(about["fingerprint"])} if about.get("fingerprint") else {}
        yield str(tables.provenance), code | {key: about[key] for key in ("versions", "networks") if key in about}


def _references(studies: Iterable[Study]) -> tuple[tuple[str, str], ...]:
    studies = list(studies)
    shown = any(
        study.degeneracy or any(simulation.engine == "cosmosim" for simulation in study.simulations.values())
        for study in studies
    )
    return REFERENCES + ERROR_REFERENCES * any(study.error_scores for study in studies) + COSMOSIM_REFERENCES * shown


def as_text(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Values as text: mappings and lists as YAML."""
    return {
        key: value
        if isinstance(value, str)
        else yaml.safe_dump(value, sort_keys=False, allow_unicode=True).strip().removesuffix("\n...")
        for key, value in provenance.items()
    }
