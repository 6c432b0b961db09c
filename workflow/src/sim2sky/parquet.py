"""Tables as Parquet, with units and descriptions where astropy and pandas look for them.

Parquet has no place for units. astropy keeps them as YAML in the file's metadata (``table_meta_yaml``), pandas keeps ``attrs``. Both are
written here without astropy, whose import takes longer than many a job.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd
import pyarrow
import yaml
from pyarrow import parquet

from sim2sky import store


def write_parquet(
    table: pd.DataFrame,
    path: str | Path,
    units: Mapping[str, str],
    descriptions: Mapping[str, str] = MappingProxyType({}),
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
        for name in table.columns
    ]
    header = yaml.dump({"datatype": columns, "meta": attributes}, Dumper=yaml.SafeDumper, sort_keys=False)
    arrow = pyarrow.Table.from_pandas(table, preserve_index=False)
    metadata = arrow.schema.metadata | {"PANDAS_ATTRS": json.dumps(attributes), "table_meta_yaml": header}
    metadata |= {f"table::len::{name}": str(table[name].str.len().max()) for name in text if len(table)}
    with store.atomic(path) as temporary:
        parquet.write_table(arrow.replace_schema_metadata(metadata), temporary)
