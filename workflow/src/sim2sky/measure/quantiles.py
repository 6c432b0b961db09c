"""All quantiles of the images of a simulated dataset beside its catalogue, which holds too few of them to score errors by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from sim2sky import store
from sim2sky.models.calibration import LEVELS
from sim2sky.models.measuring import Estimates

NONE: Mapping[str, np.ndarray] = MappingProxyType({})


def write_quantiles(
    path: str | Path,
    estimates: Estimates,
    true: Mapping[str, np.ndarray],
    parameters: Mapping[str, Mapping[str, str]],
    about: Mapping[str, Any],
    conditions: Mapping[str, np.ndarray] = NONE,
    limits: Mapping[str, np.ndarray] = NONE,
) -> None:
    """Write what `evaluate_errors` scores: ``results/measure/<study>/<run>/<dataset>_quantiles.zarr.zip``, `Paths.quantiles`.

    The rule that writes the catalogue of a simulated dataset calls it with the same estimates, for its test part in order.

    Parameters
    ----------
    path : path
        File to write: a shard with ``true_<P>``, ``quantiles_<P>``, ``raw_quantiles_<P>``, ``conformal_<P>`` and, if there is
        one, ``limit_<P>`` for each parameter P, and the conditions by their names, all of n images, in single precision. Its
        attributes hold `about`, the ``levels`` of the quantiles and the ``probabilities`` of the conformal intervals.
    estimates : Estimates
        Of n images.
    true : mapping of str to (n,) array
        True values of at least the parameters of `estimates`.
    parameters : mapping of str to mapping
        ``units`` and ``long_name`` of each parameter, as `About.parameters` has them.
    about : mapping
        Provenance, in JSON; see :func:`sim2sky.provenance.record.provenance`.
    conditions : mapping of str to (n,) array
        ``signal_to_noise`` of the lensed source and ``seeing`` [arcsec], as far as they are known.
    limits : mapping of str to (n,) array
        Smallest standard deviation that an estimate can have (the Cramer-Rao bound) of some parameters; NaN where it is not known.
    """
    probabilities = sorted(estimates.conformal)
    variables = {name: store.Variable(_single(values), ("lens",)) for name, values in conditions.items()}
    for index, name in enumerate(estimates.parameters):
        conformal = np.stack([estimates.conformal[each][:, index] for each in probabilities], axis=1)
        arrays = {
            "true": (true[name], ("lens",)),
            "quantiles": (estimates.quantiles[:, index], ("lens", "level")),
            "raw_quantiles": (estimates.raw_quantiles[:, index], ("lens", "level")),
            "conformal": (conformal, ("lens", "probability", "end")),
        }
        arrays |= {"limit": (limits[name], ("lens",))} if name in limits else {}
        unit, title = parameters[name]["units"], parameters[name].get("long_name", name)
        variables |= {
            f"{kind}_{name}": store.Variable(_single(values), axes, unit, f"{title}: {kind.replace('_', ' ')}")
            for kind, (values, axes) in arrays.items()
        }
    attributes = {"levels": LEVELS, "probabilities": probabilities, "parameters": list(estimates.parameters)}
    store.write_shard(path, variables, {**about, **attributes})


def _single(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)
