"""Whether networks and tables were made as a study says, by the provenance that they carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sim2sky.config import Study, Survey
from sim2sky.provenance import record
from sim2sky.provenance.differences import differences
from sim2sky.provenance.networks import networks_provenance

# Names for people, what is shared out over files, and what says which lenses are used, for which the bounds of the parts are compared.
UNIMPORTANT = {"title", "split", "lenses", "shard_size"}


def stale(model: str | Path, study: Study, run: str, surveys: Mapping[str, Survey] | None = None) -> list[str]:
    """What differs between how the networks of a run were made and how the study says they are made.

    Parameters
    ----------
    model : path
        Written by :func:`sim2sky.train.block.train_block`.
    study : Study
        The present configuration.
    run : str
        Key of its `runs`.
    surveys : mapping of str to Survey
        Surveys by name; those that are not given are not compared.

    Returns
    -------
    list of str
        Dotted keys with the old and the new value.

    Raises
    ------
    ValueError
        The file is not readable; the message names it.
    """
    about = networks_provenance(model)
    config, domains = about["config"], about["domains"]
    wanted = study.runs[run]
    pairs = {
        "targets": (config["targets"], list(study.targets)),
        "recipe": (config["recipe"], study.recipe_of(run).params()),
        "method": (config["method"], study.methods[wanted.method].params()),
        "start_from an earlier run": (bool(config.get("start_from")), bool(wanted.start_from)),
        "train_on.fraction": (config.get("worst_fraction"), wanted.train_on.fraction if wanted.train_on else None),
    }
    for role, name in {"source": wanted.source, "target": wanted.target}.items():
        found = domains.get(role) if name else None
        if found and "dataset" in found:  # shards of other programs need not say how they were made
            simulation = study.simulations[study.datasets[name].simulation]
            pairs[f"datasets.{name}"] = (found["dataset"], study.datasets[name].params())
            pairs[f"simulations.{study.datasets[name].simulation}"] = (_simulated(found), simulation.params())
        survey = (surveys or {}).get(study.datasets[name].survey) if name else None
        if found and found.get("survey") and survey:
            now = survey.params()  # of which a shard knows the bands that it was observed in
            now["bands"] = {band: now["bands"].get(band) for band in found["survey"]["bands"]}
            pairs[f"surveys.{study.datasets[name].survey}"] = (found["survey"], now)
        if found and "bounds" in found:
            split = study.datasets[name].split.bounds(study.simulations[study.datasets[name].simulation].lenses)
            pairs[f"lenses of {name}"] = (found["bounds"], {part: list(ends) for part, ends in split.items()})
    changes = [change for key, values in pairs.items() for change in differences(*map(_important, values), key)]
    for name, path in _earlier(Path(model), study, run).items():
        changes += [f"{name}, an earlier run: {change}" for change in stale(path, study, name, surveys)]
        used = config.get("start_from" if name == wanted.start_from else "worst_of")
        if used != networks_provenance(path)["sha256"]:
            changes.append(f"made from other networks of {name} than there are now")
    return changes


def stale_table(provenance: str | Path, tables: Sequence[str | Path], study: Study, kind: str) -> list[str]:
    """What differs between how tables were made and how the study says they are made.

    Parameters
    ----------
    provenance : path
        Written with `tables` by :func:`sim2sky.provenance.record.write_provenance`.
    tables : sequence of path
        All that it is of.
    study : Study
        The present configuration.
    kind : str
        For :meth:`sim2sky.config.Study.made_with`.

    Returns
    -------
    list of str
        Dotted keys with the old and the new value.

    Raises
    ------
    StoreError
        The file is not readable, or a table was changed since it was made.
    """
    return list(differences(record.read_provenance(provenance, tables)["config"], study.made_with(kind)))


def _earlier(model: Path, study: Study, run: str) -> dict[str, Path]:
    """Files of the networks that those of a run in `model` were made from, as far as there are any, by run."""
    wanted, folder = study.runs[run], model.parent
    names = filter(None, [wanted.start_from, wanted.train_on.worst_of if wanted.train_on else None])
    stages = {name: "adapt" if study.runs[name].target else "train" for name in names}
    paths = {
        name: Path(*folder.parts[:-4], stage, folder.parts[-3], name, folder.name, model.name)
        for name, stage in stages.items()
    }
    return {name: path for name, path in paths.items() if path.is_file()}


def _simulated(domain: Mapping[str, Any]) -> dict[str, Any]:
    """A centred shard keeps how it was centred among what it was simulated with; the data set says that as well."""
    return {key: value for key, value in domain["simulated"].items() if key != "centre_crop"}


def _important(value: Any) -> Any:
    return dict(_important_items(value)) if isinstance(value, Mapping) else value


def _important_items(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, item) for key, item in value.items() if key not in UNIMPORTANT)
