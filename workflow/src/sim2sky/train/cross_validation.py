"""Hyperparameters by k-fold cross-validation on labelled images of one domain."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sklearn.model_selection import KFold

from sim2sky import store
from sim2sky.config import CrossValidation, Method, Recipe, merge, nested
from sim2sky.data.domain import Domain, Part, load_part
from sim2sky.data.images import statistics_of
from sim2sky.models.labels import LabelEncoding
from sim2sky.provenance import record
from sim2sky.train.loop import Learner

ALONE = Method(title="Cross-validation", adaptation="none")


def cross_validate(
    recipe: Recipe,
    cross: CrossValidation,
    targets: Sequence[str],
    domain: Domain,
    table: str | Path,
    threads: int = 1,
    provenance: str | Path | None = None,
    fingerprint: Mapping[str, str] | None = None,
) -> None:
    """Train at each point of a grid on each fold and write the scores on the images left out.

    Parameters
    ----------
    recipe : Recipe
        The recipe whose values the grid changes.
    cross : CrossValidation
        Grid, number of folds, and number of lenses, the first ones of the domain's training part.
    targets : sequence of str
        The parameters that are regressed.
    domain : Domain
        Labelled images; its validation and test parts are not used.
    table : path
        CSV, one row per grid point and fold: the grid's keys, `fold`, and `r2` and `rmse` from
        :meth:`Learner.validate`.
    threads : int
        Threads that torch uses.
    provenance : path
        File for what the table was made from, see :func:`sim2sky.provenance.record.write_provenance`; none by default.
    fingerprint : mapping of str to str
        Hash of the code, for the provenance.

    Raises
    ------
    ValueError
        The training part has fewer lenses than `cross.lenses`.
    """
    torch.set_num_threads(threads)
    start, stop = domain.bounds["train"]
    if cross.lenses > stop - start:
        raise ValueError(
            f"cross_validation: {cross.lenses} lenses asked for, {domain.name} has {stop - start} to train on"
        )
    # with and without weights of angles, as the grid asks for
    parts = {
        weigh: load_part(domain.shards, (start, start + cross.lenses), targets, weigh)
        for weigh in {_changed(recipe, point).weight_angles for point in cross.points}
    }
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rows = []
    for point in cross.points:
        changed = _changed(recipe, point)
        part = parts[changed.weight_angles]
        folds = KFold(cross.folds, shuffle=True, random_state=cross.seed).split(part.lens)
        for fold, (train, held_out) in enumerate(folds):
            r2, rmse = _score(changed, targets, part, train, held_out, cross.seed, device)
            rows.append(point | {"fold": fold, "r2": r2, "rmse": rmse})
            settings = ", ".join(f"{key} {value}" for key, value in point.items())
            print(f"{settings}: fold {fold + 1}/{cross.folds}  R2 {r2:.4f}  RMSE {rmse:.4f}", flush=True)
    with store.atomic(table) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    if provenance:
        config = {"recipe": recipe.params(), "cross_validation": cross.params(), "targets": list(targets)}
        about = record.provenance(config, fingerprint or {}, domain=domain.origin())
        record.write_provenance(provenance, [table], about)


def _changed(recipe: Recipe, point: dict[str, Any]) -> Recipe:
    """`recipe` with the values of a point of the grid."""
    values = recipe.model_dump()
    for key, value in point.items():
        values = merge(values, nested(key, value))
    return Recipe.model_validate(values)


def _score(
    recipe: Recipe,
    targets: Sequence[str],
    part: Part,
    train: Any,
    held_out: Any,
    seed: int,
    device: torch.device,
) -> tuple[float, float]:
    train, held_out = part.subset(train), part.subset(held_out)
    statistics = statistics_of(recipe.normalisation, train.images)
    train, held_out = train.prepared(statistics, device), held_out.prepared(statistics, device)
    learner = Learner(recipe, ALONE, seed, train, LabelEncoding.fitted(targets, recipe, train.labels))
    for [epoch] in learner.run():
        learner.validated(epoch.loss)  # no part is left to validate on
    scores = learner.validate(held_out)
    return scores["r2"], scores["rmse"]
