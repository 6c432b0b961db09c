"""Tables as Parquet, with units and descriptions where astropy and pandas look for them.

Parquet has no place for units. astropy keeps them as YAML in the file's metadata (``table_meta_yaml``), pandas keeps ``attrs``. Both are
written here without astropy, whose import takes longer than many a job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import pyarrow
import yaml
from pyarrow import parquet

from sim2sky import store

_LENGTH = "table::len::"  # keys with which astropy keeps the longest text of a column


def write_parquet(
    table: pd.DataFrame,
    path: str | Path,
    units: Mapping[str, str],
    descriptions: Mapping[str, str] = MappingProxyType({}),
    ucds: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Write a table as Parquet, whole or not at all; equal tables give equal bytes.

    Parameters
    ----------
    table : DataFrame
        Its ``attrs`` must be JSON. Its index is not written.
    path : path
        File to write.
    units : mapping of str to str
        Unit of each column that has one, as astropy spells it. pandas finds them in ``attrs["units"]``, astropy in the
        columns.
    descriptions : mapping of str to str
        What columns hold.
    ucds : mapping of str to str
        IVOA's Unified Content Descriptors of columns; astropy finds them in the columns' ``meta["ucd"]``.

    Raises
    ------
    ValueError
        A column is categorical, or text or truth values of which some are missing: astropy cannot read these.
    """
    types = pd.api.types
    text = [name for name, kind in table.dtypes.items() if types.is_string_dtype(kind)]
    for name, kind in table.dtypes.items():
        whole = name in text or types.is_bool_dtype(kind)  # for astropy, a missing one is no text and no truth value
        if isinstance(kind, pd.CategoricalDtype) or (whole and table[name].isna().any()):
            raise ValueError(f"{path}: column {name!r} is categorical or lacks values, which astropy cannot read")
    attributes = table.attrs | {"units": dict(units)}
    columns = [
        {"name": name}
        | ({"unit": units[name]} if name in units else {})
        | ({"description": descriptions[name]} if name in descriptions else {})
        | ({"meta": {"ucd": ucds[name]}} if name in ucds else {})
        for name in table.columns
    ]
    header = yaml.dump({"datatype": columns, "meta": attributes}, Dumper=yaml.SafeDumper, sort_keys=False)
    arrow = pyarrow.Table.from_pandas(table, preserve_index=False)
    metadata = arrow.schema.metadata | {"PANDAS_ATTRS": json.dumps(attributes), "table_meta_yaml": header}
    metadata |= {f"{_LENGTH}{name}": str(table[name].str.len().max()) for name in text if len(table)}
    with store.atomic(path) as temporary:
        parquet.write_table(arrow.replace_schema_metadata(metadata), temporary)


def join_parquet(parts: Sequence[str | Path], path: str | Path) -> None:
    """Join tables that :func:`write_parquet` wrote, a row group each, with one of them in memory at a time.

    Parameters
    ----------
    parts : sequence of path
        Files with equal columns, at least one; the ``attrs``, units and descriptions of the first count.
    path : path
        File to write.

    Raises
    ------
    ValueError
        A part is not readable, or has other columns than the first; the message names it.
    """
    schemas = [_schema_of(part) for part in parts]
    for part, schema in zip(parts, schemas, strict=True):
        if not schema.equals(schemas[0]):
            raise ValueError(f"{part}: has other columns than {parts[0]}; delete both to have them made again")
    metadata = dict(schemas[0].metadata)
    keys = {key for schema in schemas for key in schema.metadata if key.startswith(_LENGTH.encode())}
    metadata |= {key: str(max(int(schema.metadata.get(key, 0)) for schema in schemas)).encode() for key in keys}
    with (
        store.atomic(path) as temporary,
        parquet.ParquetWriter(temporary, schemas[0].with_metadata(metadata)) as writer,
    ):
        for part in parts:
            writer.write_table(parquet.read_table(part).replace_schema_metadata(metadata))


def _schema_of(part: str | Path) -> pyarrow.Schema:
    try:
        return parquet.read_schema(part)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(f"{part}: not a readable table ({error}); delete it to have it made again") from None
