"""Test lenses and test sky that a network has seen in training, which would make its scores look better than they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sim2sky.config.observe import Dataset
from sim2sky.config.simulate import AnySimulation
from sim2sky.config.study import Study


def leak_problems(study: Study) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each mistake as (path in the study, what is wrong).

    A lens follows from its index and the seed of its simulation. Two datasets of one simulation, or of two simulations of one
    engine with the same seed, therefore hold the same lenses, and the one must not test what the other trains on.

    Real images are no leak: a run may adapt to images that it measures afterwards, because it sees no labels of them, and scores none.
    """
    for name, run in study.runs.items():
        for learnt in _learnt_from(study, name):
            for tested in run.evaluate_on:
                if learnt != tested and {learnt, tested} <= study.datasets.keys():
                    for problem in (_same_lenses(study, learnt, tested), _same_sky(study, learnt, tested)):
                        if problem:
                            yield ("runs", name, "evaluate_on"), problem


def _learnt_from(study: Study, name: str) -> list[str]:
    """Datasets that a run, or an earlier run that it needs, learns from or adapts to."""
    found, names = dict[str, None](), [name]
    for current in names:  # grows on the way
        if run := study.runs.get(current):
            found |= dict.fromkeys(dataset for dataset in (run.source, run.target) if dataset)
            names += [earlier for earlier in run.earlier.values() if earlier not in names]
    return list(found)


def _same_lenses(study: Study, learnt: str, tested: str) -> str | None:
    """What is wrong if lenses of one dataset's training and validation part are in the other's test part."""
    first, second = study.datasets[learnt], study.datasets[tested]
    one, other = (study.simulations.get(dataset.simulation or "") for dataset in (first, second))
    if one is None or other is None or (one.engine, one.seed) != (other.engine, other.seed):
        return None
    test = _test_lenses(second, other)
    common = range(test.start, min(test.stop, _test_lenses(first, one).start))
    if not common:
        return None
    cause = "both show one simulation" if one is other else f"both simulations have seed {one.seed}"
    return (
        f"{learnt} trains on lenses {common[0]} to {common[-1]}, on which {tested} tests, since {cause}; "
        f"give the datasets the same split{'' if one is other else ', or the simulations different seeds'}"
    )


def _test_lenses(dataset: Dataset, simulation: AnySimulation) -> range:
    """Indices of the lenses of the test part, which is the last one."""
    return range(*dataset.split.bounds(simulation.lenses)["test"])


def _same_sky(study: Study, learnt: str, tested: str) -> str | None:
    """What is wrong if two datasets deal the same cutouts out to their parts in different ways."""
    first, second = study.datasets[learnt], study.datasets[tested]
    if not (first.background and second.background) or first.background.cutouts != second.background.cutouts:
        return None
    if (first.seed, first.split) == (second.seed, second.split):
        return None
    return (
        f"{learnt} may train on cutouts of {first.background.cutouts} on which {tested} tests; "
        "give both datasets the same seed and split, with which cutouts are dealt out to their parts"
    )


def cutouts_twice(used: Iterable[tuple[str, tuple[str, str]]]) -> Iterator[str]:
    """Survey cutouts that have two names, by which datasets with the same sky would pass for others.

    Parameters
    ----------
    used : iterable of (str, (str, str))
        Name of the cutouts beneath each dataset of a study, and what they are: checksum of the file, and HDU.
    """
    firsts: dict[tuple[str, str], str] = {}
    for name, image in used:
        if (first := firsts.setdefault(image, name)) != name:
            yield (
                f"cutouts.{name}: the same cutouts as cutouts.{first}; use one name for them, so that no dataset trains "
                "on sky on which another one tests"
            )
