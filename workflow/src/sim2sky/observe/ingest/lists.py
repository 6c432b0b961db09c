"""Lists of images: a folder, a table, a cube, or shards. No pixels are read for them, and no file but the list itself is opened."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from astropy import units
from astropy.table import Table
from pyarrow import parquet

from sim2sky.observe import headers
from sim2sky.observe.ingest import shards
from sim2sky.observe.ingest.entries import Entries
from sim2sky.observe.ingest.fits_file import Unusable, open_units, stamp, stem

FITS = re.compile(r"\.(?:fits?|fts)(?:\.(?:gz|fz|bz2))?$", re.IGNORECASE)
TABLES = (".csv", ".ecsv", ".parquet", ".vot", ".votable", ".xml")
# Names of columns, in small letters.
COLUMNS = {
    "file": ("file", "filename", "file_name", "path"),
    "name": ("name", "id", "object_id", "objid", "source_id"),
    "ra": ("ra", "ra_deg", "right_ascension"),
    "dec": ("dec", "dec_deg", "declination"),
    "plane": ("plane",),
}
PARAMETERS = re.compile(r"(.*_)?(theta_E|e[12]|gamma|gamma[12]|center_[xy]|magnitude|[Rn]_sersic)")
ERRORS = ("_err", "_error", "_std", "_sigma")
INTERVAL = re.compile(r"_low_(\d+)sigma$")
LIMITS = {"ra": (-180.0, 360.0), "dec": (-90.0, 90.0)}  # deg


def list_images(path: str | Path) -> Entries:
    """Images of a folder, a table, a cube or a shard, in order.

    Parameters
    ----------
    path : path
        A folder of FITS files, with those in its subfolders; a table (CSV, ECSV, FITS, Parquet, VOTable) with columns ``file``
        or ``name``, and perhaps ``plane``, ``ra``, ``dec`` [deg] and published values, such as ``theta_E`` and ``theta_E_err``;
        a FITS file with one image or a cube of them; a Zarr shard, or a folder of them. Files of a table are relative to it;
        ``{band}`` in them stands for the band; without a column ``file`` they are called as the images.

    Returns
    -------
    Entries

    Raises
    ------
    ValueError
        Naming the path, and the row and the column of a table, and what is wrong with it.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder of images")
    try:
        if path.is_dir():
            return _folder(path)
        if shards.is_shard(str(path)):
            return shards.planes([path])
        if path.suffix.lower() in TABLES:
            return _table(path, _read_table(path))
        if FITS.search(path.name):
            return _fits(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from error
    raise ValueError(
        f"{path}: is no list of images: neither a folder, a FITS file or a .zarr.zip nor a table ({', '.join(TABLES)})"
    )


def _folder(path: Path) -> Entries:
    """FITS files of a folder and its subfolders, or its shards, in the order of their names."""

    def unreadable(error: OSError) -> None:
        raise error

    found = sorted(
        os.path.relpath(os.path.join(root, name), path)
        for root, _, names in os.walk(path, onerror=unreadable, followlinks=True)
        for name in names
        if not name.startswith(".")
        and (FITS.search(name) or shards.is_shard(name))
        and not (name == "catalogue.fits" and "catalogue.parquet" in names)  # what this project wrote is no image
    )
    files = [name for name in found if FITS.search(name)]
    if not found:
        raise ValueError(f"{path}: holds no FITS files (.fits, .fit, .fts, also .gz, .fz or .bz2)")
    if not files:
        return shards.planes([path / name for name in found])
    names = [os.path.join(os.path.dirname(name), stem(name)) for name in files]
    if len(set(names)) < len(names):  # such as x.fits and x.fits.gz
        names = files
    paths = [str(path / name) for name in files]
    try:
        return Entries(len(files), pd.array(paths, "str"), pd.array(names, "str"))  # take less memory than lists
    except UnicodeEncodeError:  # a name is no UTF-8
        return Entries(len(files), paths, names)


def _fits(path: Path) -> Entries:
    """The image of a file, the planes of its cube, or the files that its table lists."""
    try:
        found = open_units(str(path), stamp(str(path)))
    except Unusable as error:
        raise ValueError(f"{path}: {error}") from error
    images = [unit for unit in found if unit.shape]
    if not images:
        tables = [unit for unit in found if not unit.shape]
        if not tables:
            raise ValueError(f"{path}: holds neither an image nor a table")
        return _table(path, _of_astropy(Table.read(path, hdu=tables[0].index)))
    cubes = [unit for unit in images if len(unit.axes) == 3]
    bands = [unit for unit in cubes if headers.plane_names(unit.header, unit.axes[0])]
    if cubes and not bands:
        counts = {unit.axes[0] for unit in cubes}
        if len(counts) > 1:
            raise ValueError(
                f"{path}: holds cubes of {' and '.join(map(str, sorted(counts)))} planes; keep one cube in a file"
            )
        return Entries(counts.pop(), str(path), planes=range(cubes[0].axes[0]))
    return Entries(1, str(path), [stem(path.name)])


# ---- tables


def _read_table(path: Path) -> pd.DataFrame:
    """A table with text as text: an identifier of 19 digits is no float."""
    kind = path.suffix.lower()
    try:
        if kind == ".csv":
            with warnings.catch_warnings():
                warnings.simplefilter("error", pd.errors.ParserWarning)  # of rows with more values than columns
                return pd.read_csv(
                    path, dtype="str", keep_default_na=False, comment="#", skipinitialspace=True, index_col=False
                )
        if kind == ".parquet":
            return _of_arrow(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _of_astropy(Table.read(path, format="ascii.ecsv" if kind == ".ecsv" else "votable"))
    except OSError:
        raise
    except Exception as error:  # of pandas, pyarrow and astropy there are many
        raise ValueError(f"{path}: is no readable table: {type(error).__name__}: {error}") from error


def _of_arrow(path: Path) -> pd.DataFrame:
    table = parquet.read_table(path)
    return pd.DataFrame(
        {name: pd.Series(_exact(table[name].to_pandas(integer_object_nulls=True))) for name in table.column_names}
    )


def _exact(column: pd.Series) -> pd.Series:
    """A column whose whole numbers are not floats, also where some are missing."""
    return column.map(lambda value: "" if value is None else str(value)) if column.dtype == object else column


def _of_astropy(table: Table) -> pd.DataFrame:
    """Columns of one value a row; angles in degrees, missing text empty."""
    found = {}
    for name in table.colnames:
        column = table[name]
        if column.ndim != 1:
            continue
        if column.unit in (units.rad, units.hourangle, units.arcsec) and name.lower() in (
            *COLUMNS["ra"],
            *COLUMNS["dec"],
        ):
            column = column.quantity.to(units.deg)
        gone = np.ma.getmaskarray(column)
        plain = np.ma.getdata(column)
        if np.issubdtype(plain.dtype, np.floating):
            found[name] = pd.Series(np.where(gone, np.nan, np.asarray(plain, float)))
        else:
            texts = (value.decode() if isinstance(value, bytes) else str(value) for value in plain)
            found[name] = pd.Series(
                ["" if lost else text.strip() for text, lost in zip(texts, gone, strict=True)], dtype="str"
            )
    return pd.DataFrame(found)


def _table(path: Path, table: pd.DataFrame) -> Entries:
    """The images that a table lists."""
    columns = {what: column for what, names in COLUMNS.items() if (column := _column(path, table, names)) is not None}
    if not {"file", "name"} & columns.keys():
        there = ", ".join(map(str, table.columns))
        raise ValueError(f"{path}: has no column `file`, nor a `name` of files beside it; it has {there}")
    if ("ra" in columns) != ("dec" in columns):
        raise ValueError(f"{path}: has only one of the columns `ra` and `dec`")
    if table.empty:
        raise ValueError(f"{path}: lists no images")
    files = _texts(path, columns["file" if "file" in columns else "name"])
    planes = _planes(path, columns["plane"]) if "plane" in columns else None
    if "name" in columns:
        names = _texts(path, columns["name"])
    else:
        names = files.map(stem)
        if planes is not None:
            names += "_" + pd.Series(planes).astype("str")
        elif names.duplicated().any():  # in several folders
            names = files
    _no_duplicates(path, names, "name" if "name" in columns else "file")
    ra, dec = (_angles(path, columns.get(key), *limits) for key, limits in LIMITS.items())
    return Entries(len(table), _paths(path, files), names.array, planes, ra, dec, _published(path, table))


def _planes(path: Path, column: pd.Series) -> np.ndarray:
    """A column of planes, -1 where there is none; ValueError for the first that is no whole number from zero."""
    planes = _numbers(path, column)
    for row in np.flatnonzero((planes < 0) | (planes % 1 > 0) | np.isinf(planes)):
        raise ValueError(f"{path}: row {row + 1}: {column.name} is {planes[row]:g}; planes are counted from 0")
    return np.nan_to_num(planes, nan=-1).astype(int)


def _angles(path: Path, column: pd.Series | None, low: float, high: float) -> np.ndarray | None:
    """A column of angles [deg]; ValueError for the first that is beyond the limits."""
    if column is None:
        return None
    angles = _numbers(path, column)
    for row in np.flatnonzero((angles < low) | (angles > high)):
        raise ValueError(f"{path}: row {row + 1}: {column.name} is {angles[row]:g}, not in {low:g} to {high:g} degrees")
    return angles


def _column(path: Path, table: pd.DataFrame, names: Sequence[str]) -> pd.Series | None:
    """The column that is called as one of `names`, in small or large letters."""
    found = [name for name in table.columns if str(name).strip().lower() in names]
    exact = [name for name in found if str(name).strip().lower() == names[0]]
    if len(exact or found) > 1:
        raise ValueError(f"{path}: has several columns for `{names[0]}`: {', '.join(exact or found)}")
    return table[(exact or found)[0]] if found else None


def _texts(path: Path, column: pd.Series) -> pd.Series:
    """A column as text; ValueError for the first row that has none."""
    texts = column.astype("str").str.strip().fillna("")
    if (empty := np.flatnonzero(texts == "")).size:
        raise ValueError(f"{path}: row {empty[0] + 1} has no {column.name}")
    return texts


def _paths(path: Path, files: pd.Series) -> Any:
    """Paths of files beside a table; names without an ending get that of the file that is there."""
    bare = ~files.str.contains(FITS.pattern, case=False)
    if bare.any():
        there = {stem(name): name for name in os.listdir(path.parent) if FITS.search(name)}
        files = files.where(~bare, files.map(lambda name: there.get(name, name)))
    beside = os.path.join(path.parent, "") if path.parent != Path() else ""
    return files.where(files.str.startswith(os.sep), beside + files).array


def _numbers(path: Path, column: pd.Series) -> np.ndarray:
    """A column as numbers, NaN where there is none; ValueError names the first that is something else."""
    numbers = pd.to_numeric(column, errors="coerce")
    for row in np.flatnonzero(numbers.isna()):
        value = column.iloc[row]
        if not pd.isna(value) and str(value).strip().lower() not in ("", "nan", "none", "null", "--"):
            raise ValueError(f"{path}: row {row + 1}: {column.name} is {value!r}, which is no number")
    return numbers.astype(float).to_numpy(na_value=np.nan)


def _no_duplicates(path: Path, names: pd.Series, what: str) -> None:
    """ValueError for a list that has an image twice."""
    twice = np.flatnonzero(names.duplicated())
    if twice.size:
        name = names.iloc[twice[0]]
        earlier = int(np.flatnonzero(names == name)[0])
        raise ValueError(
            f"{path}: rows {earlier + 1} and {twice[0] + 1} have the same {what} {name!r}; give each image a `name` of its own, once"
        )


def _published(path: Path, table: pd.DataFrame) -> Mapping[str, tuple[np.ndarray, np.ndarray | None]]:
    """Columns of parameters, each with its error: ``P_err``, or limits ``P_low_3sigma`` and ``P_high_3sigma``."""
    found: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
    for name in map(str, table.columns):
        if not PARAMETERS.fullmatch(name):
            continue
        error = next((name + ending for ending in ERRORS if name + ending in table), None)
        errors = None if error is None else _numbers(path, table[error])
        for low in table.columns:
            match = INTERVAL.search(str(low))
            if match and str(low)[: match.start()] == name and (high := str(low).replace("_low_", "_high_")) in table:
                errors = (_numbers(path, table[high]) - _numbers(path, table[low])) / (2 * int(match[1]))
        values = _numbers(path, table[name])
        wrong = np.isinf(values) if errors is None else np.isinf(values) | np.isinf(errors) | (errors < 0)
        for row in np.flatnonzero(wrong):
            raise ValueError(f"{path}: row {row + 1}: {name} or its error is infinite, or the error negative")
        found[name] = values, errors
    return found
