"""Reads the configuration and checks all of it before a job starts.

`load` is what the Snakefile calls. It merges ``config/config.yaml``, the study files and any overrides, and raises
:class:`ConfigError` with one line per mistake that names the file, the key and, for a misspelt name, the nearest valid one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any

from sim2sky.config import Config, Measurement, Strict, Study, Survey, known, merge
from sim2sky.config.chains import used_datasets, wanted_runs, without_dangling
from sim2sky.config.check import ConfigError, Mistake, check, place, unknown
from sim2sky.config.files import as_written, read_yaml
from sim2sky.config.references import mistakes
from sim2sky.config.unlabelled import counted

TOP = "config/config.yaml"
Layers = Mapping[str, dict[str, Any]]


def read_layers(files: Iterable[str | Path], given: Mapping[str, Any], root: Path) -> Layers:
    """What each config file and ``--config`` say, by name; later ones change earlier ones.

    Snakemake has merged them already, but by a reader that drops keys which are given twice and takes ``1e-4`` for text.

    Parameters
    ----------
    files : iterable of path
        Config files in the order in which they count.
    given : mapping
        What Snakemake made of ``--config``.
    root : Path
        Folder of the Snakefile.

    Raises
    ------
    ConfigError
        With one line per mistake, of all files.
    """
    layers, errors = {}, []
    for file in files:
        path = Path(file).absolute()
        name = str(path.relative_to(root)) if path.is_relative_to(root) else str(file)
        try:
            layers[name] = read_yaml(path, name)
        except ConfigError as error:
            errors.append(str(error))
    _raise(errors)
    return layers | ({"--config": as_written(dict(given))} if given else {})


def load(
    config: Mapping[str, Any], root: Path, layers: Layers | None = None, count: Callable[[str], int] | None = None
) -> tuple[Config, dict[str, Study], dict[str, Survey]]:
    """Read and check the whole configuration.

    Parameters
    ----------
    config : mapping
        What the config files and ``--config`` say together.
    root : Path
        Folder of the Snakefile.
    layers : mapping of str to dict
        What each of them says, as of :func:`read_layers`; messages then name the one that a mistake is in.
    count : callable
        How many real images there are at a path, or a ValueError; without it, datasets that take all of them know no number.

    Returns
    -------
    config, studies, surveys
        `studies` in the order of ``config.studies``; datasets whose cutouts or images have no path, and their runs, are already
        left out.

    Raises
    ------
    ConfigError
        With one line per mistake.
    """
    top, wrong = check(Config, config)
    wrong += list(_of_top(top, root)) if top else []
    counts: dict[str, int] = {}
    if top and count and not wrong:
        for name, path in top.images.items():
            try:
                counts |= {name: count(path)} if path else {}
            except ValueError as error:
                wrong.append((("images", name), str(error)))
    errors = [f"{place(_source(layers or {}, path) or TOP, path)}: {text}" for path, text in wrong]
    if top is None:
        raise ConfigError("\n".join(errors))
    studies: dict[str, Study] = {}
    surveys: dict[str, Survey] = {}
    for name in top.studies:
        try:
            found = _study(name, top, root, surveys, layers or {}, counts)
            studies[name] = _available(found, top, f"config/studies/{name}.yaml")
        except ConfigError as error:
            errors.append(str(error))
    _raise([*errors, *_of_shared(studies)])
    return top, studies, surveys


def merged(layers: Layers) -> dict[str, Any]:
    """The layers as one configuration."""
    return reduce(merge, layers.values(), {})


def _raise(errors: Iterable[str]) -> None:
    if lines := dict.fromkeys(errors):
        raise ConfigError("\n".join(lines))


def _source(layers: Layers, path: tuple[Any, ...]) -> str | None:
    """The last layer that says anything at `path`."""
    found = None
    for name, node in layers.items():
        inside: Any = node
        for key in path:
            there = (
                key in inside if isinstance(inside, dict) else isinstance(inside, list) and key in range(len(inside))
            )
            inside = inside[key] if there else None
        found = name if inside is not None else found
    return found


def _of_top(top: Config, root: Path) -> Iterator[Mistake]:
    """Overrides must be of studies that there are, also those that are not run; cutouts must be FITS files, and images there."""
    for name in top.overrides:
        try:
            known(name, [file.stem for file in (root / "config/studies").glob("*.yaml")], "study")
        except ValueError as error:
            yield ("overrides", name), str(error)
    for name, path in top.cutouts.items():
        if path and not Path(path).is_file():
            yield ("cutouts", name), f"no such FITS file: {path}"
        elif path and not _is_fits(path):
            yield ("cutouts", name), f"not a FITS file: {path}"
    for name, path in top.images.items():
        if path and not Path(path).exists():
            yield ("images", name), f"no such folder or file: {path}"
        elif path and Path(path).resolve().is_relative_to(Path(top.results).resolve()):
            yield ("images", name), f"{path} is inside {top.results}, where results are made; keep the images elsewhere"


def _is_fits(path: str) -> bool:
    """Whether a file begins as FITS does, or is compressed."""
    with open(path, "rb") as file:
        return file.read(9).startswith((b"SIMPLE  =", b"\x1f\x8b", b"BZh"))


def _study(
    name: str, top: Config, root: Path, surveys: dict[str, Survey], layers: Layers, counts: Mapping[str, int]
) -> Study:
    """A study with its overrides; its surveys are added to `surveys`."""
    file, overrides = f"config/studies/{name}.yaml", top.overrides.get(name, {})
    raw = _read(root / "config/studies", name, "study", root)
    study, wrong = _checked(merge(raw, overrides), top, root, surveys, counts)
    if study and not wrong:
        return study
    own = _checked(raw, top, root, surveys, counts)[1] if overrides else wrong
    lines = []
    for path, text in wrong:
        of_file = (path, text) in own  # what the file has wrong by itself is not the overrides' fault
        # a missing key is said by no layer, but what it is missing in is
        above = [path[:end] for end in range(len(path), min(len(path), 2) - 1, -1)]
        sources = (_source(layers, ("overrides", name, *keys)) for keys in above)
        source = None if of_file else next(filter(None, sources), None)
        text += "" if of_file else _misspelt(raw, path, text)
        by = "" if of_file else "overrides of " if source is None else f"{source}: overrides of "
        lines.append(f"{by}{place(file, path)}: {text}")
    raise ConfigError("\n".join(lines))


def _misspelt(raw: Mapping[str, Any], path: tuple[Any, ...], text: str) -> str:
    """What more there is to say if overrides lack a key because they are of something that the file does not have."""
    there = raw.get(path[0]) if len(path) > 2 and text == "is missing" else None
    if not isinstance(there, dict) or path[1] in there:
        return ""
    return f"; {unknown(str(path[1]), there, f'name among the {path[0]}')}"


def _checked(
    raw: Any, top: Config, root: Path, surveys: dict[str, Survey], counts: Mapping[str, int]
) -> tuple[Study | None, list[Mistake]]:
    """A study, and what is wrong with it."""
    study, wrong = check(Study, raw)
    if study is None:
        return None, wrong
    study = counted(study, counts)
    for dataset in study.datasets.values():
        if dataset.survey and dataset.survey not in surveys:
            surveys[dataset.survey] = _survey(dataset.survey, root)
    return study, list(dict.fromkeys(mistakes(study, top.cutouts, surveys, top.images, counts)))


def _survey(name: str, root: Path) -> Survey:
    survey, wrong = check(Survey, _read(root / "resources/surveys", name, "survey", root))
    file = f"resources/surveys/{name}.yaml"
    if survey is None:
        raise ConfigError("\n".join(f"{place(file, path)}: {text}" for path, text in wrong))
    for band, conditions in survey.bands.items():
        if conditions.psf:
            try:
                known(conditions.psf, [path.stem for path in (root / "resources/psf").glob("*.fits")], "PSF")
            except ValueError as error:
                raise ConfigError(f"{place(file, ('bands', band, 'psf'))}: {error}") from None
    return survey


def _read(folder: Path, name: str, what: str, root: Path) -> dict[str, Any]:
    """The content of ``<folder>/<name>.yaml``; a ConfigError says what is wrong with the name or the file."""
    path = folder / f"{name}.yaml"
    try:
        known(name, [file.stem for file in folder.glob("*.yaml")], what)
    except ValueError as error:
        raise ConfigError(f"{folder.relative_to(root)}: {error}") from None
    return read_yaml(path, str(path.relative_to(root)))


def _available(study: Study, top: Config, file: str) -> Study:
    """`study` without the datasets whose cutouts or images have no path, the runs that need them, and what is not wanted."""
    absent = _absent(study, top)
    runs = {
        name: run.model_copy(update={"evaluate_on": [d for d in run.evaluate_on if d not in absent]})
        for name, run in wanted_runs(study).items()
        if not absent.keys() & {run.source, run.target}
    }
    datasets = {name: dataset for name, dataset in study.datasets.items() if name not in absent}
    runs = {name: run for name, run in runs.items() if run.evaluate_on}
    left = without_dangling(study.model_copy(update={"datasets": datasets, "runs": runs}))
    if (asked := left.reconstruction) and (asked.run not in left.runs or asked.dataset not in left.datasets):
        left = left.model_copy(update={"reconstruction": None})
    if left.cross_validation and left.cross_validation.dataset not in left.datasets:
        left = left.model_copy(update={"cross_validation": None})
    left = left.model_copy(update={"measurement": _measurement_left(left)})
    if study.runs and not left.runs:
        where = place(file, ("only_runs" if study.only_runs else "runs",))
        needed = ", ".join(dict.fromkeys(absent.values()))
        raise ConfigError(
            f"{where}: none is left without {needed}, which has no path in {TOP}; give one, or name other runs"
        )
    if study.only_runs:
        left = left.model_copy(update={"datasets": used_datasets(left)})
    published = [
        row for row in left.published if row.domain in left.datasets and (row.run is None or row.run in left.runs)
    ]
    return left.model_copy(update={"published": published})


def _measurement_left(study: Study) -> Measurement | None:
    """What is measured of the runs and datasets that there are; None if nothing is left, or nothing to calibrate with."""
    asked = study.measurement
    if not asked or asked.calibrate_on not in (None, *study.datasets):
        return None
    runs = [name for name in asked.runs if name in study.runs]
    datasets = [name for name in asked.datasets if name in study.datasets]
    return asked.model_copy(update={"runs": runs, "datasets": datasets}) if runs and datasets else None


def _absent(study: Study, top: Config) -> dict[str, str]:
    """Datasets whose cutouts or images have no path, or that are like such a one, with the key that lacks it."""
    absent = {}
    for name, dataset in study.datasets.items():
        if (sky := dataset.background) and not top.cutouts.get(sky.cutouts):
            absent[name] = f"cutouts.{sky.cutouts}"
        if dataset.images and not top.images.get(dataset.images.folder):
            absent[name] = f"images.{dataset.images.folder}"
    like = {name: dataset.images.like for name, dataset in study.datasets.items() if dataset.images}
    return {name: absent[other] for name, other in like.items() if other in absent} | absent


def _of_shared(studies: Mapping[str, Study]) -> Iterator[str]:
    """Studies may share a simulation or dataset by name; then both must mean the same."""
    for kind in ("simulations", "datasets"):
        seen: dict[str, tuple[str, Strict]] = {}
        for study, values in ((name, getattr(study, kind)) for name, study in studies.items()):
            for name, value in values.items():
                other, first = seen.setdefault(name, (study, value))
                if first != value:
                    where = place(f"config/studies/{study}.yaml", (kind, name))
                    yield f"{where}: differs from the one of the same name in {other}.yaml"
