"""Whether networks and tables were made as a study says, by the provenance that they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim2sky.config import Study, Survey
from sim2sky.config.unlabelled import frame_of
from sim2sky.provenance import record
from sim2sky.provenance.checksums import key_of_images
from sim2sky.provenance.differences import differences
from sim2sky.provenance.networks import networks_provenance
from sim2sky.provenance.said import said_of

# Names for people, and what says which lenses there are in which file. Which lenses are used is compared by the bounds of the parts.
UNIMPORTANT = {"title", "split", "lenses", "shard_size"}
# By key of the configuration: its value when a result was made, and now
Pairs = dict[str, tuple[Any, Any]]


def stale(
    models: Mapping[tuple[str, str], str | Path],
    study: Study,
    run: str,
    seeds: str,
    surveys: Mapping[str, Survey] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> list[str]:
    """What differs between how the networks of a run were made and how the study says they are made.

    Parameters
    ----------
    models : mapping of (str, str) to path
        Networks of the study by run and block of seeds, written by :func:`sim2sky.train.block.train_block`: those that are
        asked about, and those that they may have been made from.
    study : Study
        The present configuration.
    run : str
        Key of its `runs`.
    seeds : str
        One of its `seed_blocks`.
    surveys : mapping of str to Survey
        Surveys by name; those that are not given are not compared.
    cutouts : mapping of str to str
        Checksums of survey cutouts by their key in the configuration, and of real images by
        :func:`sim2sky.provenance.checksums.key_of_images`; those that are not given are not compared.

    Returns
    -------
    list of str
        Dotted keys with the old and the new value.

    Raises
    ------
    ValueError
        The file is not readable; the message names it.
    """
    about = networks_provenance(models[run, seeds])
    config, domains = about["config"], about["domains"]
    wanted = study.runs[run]
    pairs: Pairs = {
        "targets": (config["targets"], list(study.targets)),
        "recipe": (config["recipe"], study.recipe_of(run).params()),
        "method": (config["method"], study.methods[wanted.method].params()),
        "start_from an earlier run": (bool(config.get("start_from")), bool(wanted.start_from)),
        "train_on.fraction": (config.get("worst_fraction"), wanted.train_on.fraction if wanted.train_on else None),
    }
    for role, dataset in {"source": wanted.source, "target": wanted.target}.items():
        if dataset and domains.get(role):
            pairs |= _of_domain(domains[role], study, dataset, surveys or {}, cutouts or {})
    changes = _changes(pairs)
    for key, earlier in wanted.earlier.items():
        path = models.get((earlier, seeds))
        if path and Path(path).is_file():
            older = stale(models, study, earlier, seeds, surveys, cutouts)
            changes += [f"{earlier}, an earlier run: {change}" for change in older]
            if config.get(key.removeprefix("train_on.")) != networks_provenance(path)["sha256"]:
                changes.append(f"made from other networks of {earlier} than there are now")
    return changes


def stale_predictions(
    predictions: str | Path,
    model: str | Path,
    study: Study,
    run: str,
    surveys: Mapping[str, Survey] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> list[str]:
    """What differs between what the predictions of a run were made from and what they would be made from now.

    Parameters
    ----------
    predictions : path
        Written by :func:`sim2sky.evaluate.predict.predict_block`.
    model : path
        The networks that there are now.
    study, run, surveys, cutouts
        As for :func:`stale`.

    Returns
    -------
    list of str
        Dotted keys with the old and the new value.

    Raises
    ------
    ValueError
        A file is not readable; the message names it.
    """
    about, domains = said_of(predictions), study.runs[run].evaluate_on
    pairs: Pairs = {
        "targets": (about["targets"], list(study.targets)),
        "recipe": (about["config"], study.recipe_of(run).params()),
        "statistics": (about.get("statistics"), list(study.statistics)),
        "evaluate_on": (list(about["domains"]), list(domains)),
    }
    for name, found in about["domains"].items() if isinstance(about["domains"], Mapping) else ():
        if name in domains:
            made = {
                key: value for key, value in found.items() if key != "bounds"
            }  # these count from the first shard read
            pairs |= _of_domain(made, study, name, surveys or {}, cutouts or {})
            parts = study.datasets[name].split.bounds(study.observed(name)[1].lenses)
            now = {part: parts[part][1] - parts[part][0] for part in found["bounds"]}
            pairs[f"lenses of {name}"] = ({part: end - start for part, (start, end) in found["bounds"].items()}, now)
    changes = _changes(pairs)
    if about.get("networks") != said_of(model).get("sha256"):
        changes.append("made by other networks than there are now")
    return changes


def stale_shard(
    shard: str | Path,
    study: Study,
    dataset: str,
    surveys: Mapping[str, Survey] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> list[str]:
    """What differs between how an observed shard was made and how the study says that shards of `dataset` are made.

    Parameters and errors are those of :func:`stale`. Checksums of real images are of all shards together, so that they are not compared
    with those of one.
    """
    return _changes(_of_domain(said_of(shard)["config"], study, dataset, surveys or {}, cutouts or {}))


def _changes(pairs: Pairs) -> list[str]:
    return [
        change for key, (then, now) in pairs.items() for change in differences(_important(then), _important(now), key)
    ]


def stale_table(
    provenance: str | Path,
    tables: Sequence[str | Path],
    study: Study,
    kind: str,
    surveys: Mapping[str, Survey] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> list[str]:
    """What differs between how tables were made and how the study says they are made.

    Parameters
    ----------
    provenance : path
        Written with `tables` by :func:`sim2sky.provenance.record.write_provenance`.
    tables : sequence of path
        All tables that it describes.
    study : Study
        The present configuration.
    kind : str
        Which tables, by the names that :meth:`sim2sky.config.Study.made_with` takes.
    surveys, cutouts
        As for :func:`stale`.

    Returns
    -------
    list of str
        Dotted keys with the old and the new value.

    Raises
    ------
    StoreError
        The file is not readable, or a table was changed since it was made.
    """
    about = record.read_provenance(provenance, tables)
    pairs = _of_images(about, surveys or {}, cutouts or {}) if kind in ("metrics", "error_scores") else {}
    domain = about.get("domain", {})
    if domain.get("name") in study.datasets:
        pairs |= _of_domain(domain, study, domain["name"], surveys or {}, cutouts or {})
    return [*differences(about["config"], study.made_with(kind)), *_changes(pairs)]


def stale_figure(
    path: str | Path,
    study: Study,
    surveys: Mapping[str, Survey] | None = None,
    cutouts: Mapping[str, str] | None = None,
) -> list[str]:
    """What differs between what a figure was drawn for and the present configuration.

    Parameters and errors are those of :func:`stale`; `path` is a PNG file with the text of
    :func:`sim2sky.provenance.figures.png_text`.
    """
    about = said_of(path)
    pairs = _of_images(about, surveys or {}, cutouts or {})
    return [*differences(about["config"], study.params()), *_changes(pairs)]


def images_made_with(surveys: Mapping[str, Survey], cutouts: Mapping[str, str]) -> dict[str, Any]:
    """What the images of a whole study rest on beside its configuration, for the provenance of its tables and figures."""
    return {"surveys": {name: survey.params() for name, survey in surveys.items()}, "cutouts": dict(cutouts)}


def _of_images(about: Mapping[str, Any], surveys: Mapping[str, Survey], cutouts: Mapping[str, str]) -> Pairs:
    """What :func:`images_made_with` said when a table or figure was made, and what it says now."""
    then = about.get("surveys", {})
    pairs: Pairs = {f"surveys.{name}": _of_survey(then.get(name), survey) for name, survey in surveys.items()}
    sums = about.get("cutouts", {})
    return pairs | {name if "." in name else f"cutouts.{name}": (sums.get(name), now) for name, now in cutouts.items()}


def _of_survey(then: Mapping[str, Any] | None, survey: Survey) -> tuple[Any, Any]:
    now = survey.params()
    if then:  # a result knows the bands that it was made with
        now["bands"] = {band: now["bands"].get(band) for band in then["bands"]}
    return then, now


def _of_domain(
    found: Mapping[str, Any], study: Study, name: str, surveys: Mapping[str, Survey], cutouts: Mapping[str, str]
) -> Pairs:
    """How the images of a domain were made, by what a file of networks keeps of it, and how the dataset `name` is made now."""
    dataset = study.datasets[name]
    like, simulation = study.observed(name)
    survey = surveys.get(dataset.survey) if dataset.survey else None
    pairs: Pairs = {}
    if dataset.images:
        pairs[f"datasets.{name}.images"] = (found.get("images"), dataset.images.reading_params)
        if camera := surveys.get(like.survey or ""):
            pairs[f"frame of {name}"] = (found.get("frame"), frame_of(like, simulation, camera))
        if (files := cutouts.get(key_of_images(name))) and "all_files" in found:
            pairs[f"files of {name}"] = (found["all_files"], files)
    elif "dataset" in found:  # shards of other programs need not say how they were made
        pairs[f"datasets.{name}"] = (found["dataset"], dataset.params())
        # a centred shard keeps how it was centred among what it was simulated with; the dataset says that as well
        simulated = {key: value for key, value in found["simulated"].items() if key != "centre_crop"}
        pairs[f"simulations.{dataset.simulation}"] = (simulated, simulation.params())
    if survey and found.get("survey"):
        pairs[f"surveys.{dataset.survey}"] = _of_survey(found["survey"], survey)
    if dataset.background and (sky := cutouts.get(dataset.background.cutouts)):
        pairs[f"cutouts.{dataset.background.cutouts}"] = (found.get("cutouts", {}).get("sha256"), sky)
    if "bounds" in found:
        bounds = dataset.split.bounds(simulation.lenses)
        pairs[f"lenses of {name}"] = (found["bounds"], {part: list(ends) for part, ends in bounds.items()})
    return pairs


def _important(value: Any) -> Any:
    """`value` without what does not change a result, if it is a mapping."""
    if not isinstance(value, Mapping):
        return value
    return {key: item for key, item in value.items() if key not in UNIMPORTANT}
