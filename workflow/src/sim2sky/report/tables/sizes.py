"""How large a study is as it was run, beside the full study."""

from __future__ import annotations

from sim2sky.config import Study
from sim2sky.report.tables.table import Table

SEEDS = "seeds (networks per run)"


def sizes(study: Study, full: Study | None) -> Table:
    """Numbers that decide how long a study takes and how far it can be trusted, beside those of the full study."""
    here, there = _sizes(study), _sizes(full) if full else {}
    if there == here or not there:
        return Table(["", "here"], [[key, value] for key, value in here.items()])
    return Table(["", "here", "full study"], [[key, value, there.get(key, "–")] for key, value in here.items()])


def extent(table: Table) -> str:
    """What :func:`sizes` amounts to: ``full``, ``seeds`` (all but the seeds is full) or ``demo``."""
    smaller = [row[0] for row in table.rows if len(row) > 2 and row[1] != row[2]]
    if not smaller:
        return "full"
    return "seeds" if smaller == [SEEDS] else "demo"


def _sizes(study: Study) -> dict[str, str]:
    rows = {f"lenses per domain ({name})": f"{item.lenses:,}" for name, item in study.simulations.items()}
    used = dict.fromkeys(run.recipe for run in study.runs.values())
    rows |= {f"epochs (recipe {name})": str(study.recipes[name].epochs) for name in used if name in study.recipes}
    if study.degeneracy:
        rows["images compared per range"] = str(study.degeneracy.images_per_range)
    return rows | ({SEEDS: str(study.seeds)} if study.runs else {})
