"""How large a study is as it was run, beside the full study, and what else of it was changed."""

from __future__ import annotations

import re
from typing import Any

from sim2sky.config import Study
from sim2sky.report.tables.runs import flat
from sim2sky.report.tables.table import Table

SEEDS = "seeds (networks per run)"
SETTINGS = (
    "targets",
    "statistics",
    "simulations",
    "datasets",
    "recipes",
    "methods",
    "runs",
    "cross_validation",
    "degeneracy",
)
# Numbers that :func:`_sizes` has, and what changes no number
NO_SETTING = re.compile(
    r"simulations\.[^.]+\.(lenses|shard_size)|datasets\.[^.]+\.images\.(lenses|shard_size)|recipes\.[^.]+\.epochs|degeneracy\.(images_per_range|source)"
    r"|(datasets|methods)\.[^.]+\.title"
)


def sizes(study: Study, full: Study | None) -> Table:
    """Numbers that decide how long a study takes and how far it can be trusted, beside those of the full study.

    Settings follow that differ from the full study, of what both have.
    """
    here, there = _sizes(study), _sizes(full) if full else {}
    changed = _changed_settings(study, full) if full else {}
    if not there or (there == here and not changed):
        return Table(["", "here"], [[key, value] for key, value in here.items()])
    rows = [[key, value, there.get(key, "–")] for key, value in here.items()]
    return Table(["", "here", "full study"], [*rows, *([key, *values] for key, values in changed.items())])


def extent(table: Table) -> str:
    """What :func:`sizes` amounts to: ``full``, ``seeds`` (all but the seeds is full) or ``demo``."""
    smaller = [row[0] for row in table.rows if len(row) > 2 and row[1] != row[2]]
    if not smaller:
        return "full"
    return "seeds" if smaller == [SEEDS] else "demo"


def _sizes(study: Study) -> dict[str, str]:
    rows = {f"lenses per domain ({name})": f"{item.lenses:,}" for name, item in study.simulations.items()}
    real = {name: dataset.images for name, dataset in study.datasets.items() if dataset.images}
    rows |= {f"real images ({name})": f"{images.lenses or 0:,}" for name, images in real.items()}
    used = dict.fromkeys(run.recipe for run in study.runs.values())
    rows |= {f"epochs (recipe {name})": str(study.recipes[name].epochs) for name in used if name in study.recipes}
    if study.degeneracy:
        rows["images compared per range"] = str(study.degeneracy.images_per_range)
    return rows | ({SEEDS: str(study.seeds)} if study.runs else {})


def _changed_settings(study: Study, full: Study) -> dict[str, tuple[str, str]]:
    """Settings that decide numbers and that :func:`_sizes` does not have, as they are and as they are in the full study."""
    here, there = _settings(study), _settings(full)
    texts = {
        key: (_text(here.get(key)), _text(there.get(key))) for key in {**here, **there} if _in_both(key, here, there)
    }
    return {key: values for key, values in texts.items() if values[0] != values[1]}


def _settings(study: Study) -> dict[str, Any]:
    found = flat({name: value for name, value in study.params().items() if name in SETTINGS})
    return {key: value for key, value in found.items() if not NO_SETTING.fullmatch(key)}


def _in_both(key: str, *studies: dict[str, Any]) -> bool:
    """Whether each study has what a setting is of; a run that is not wanted is no change of the others."""
    owner = ".".join(key.split(".")[:2]) + "."
    return all(key in study or any(name.startswith(owner) for name in study) for study in studies)


def _text(value: Any) -> str:
    return "–" if value is None else str(value)
