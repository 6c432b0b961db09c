"""Images in 8-bit counts, which need no survey: they are observed as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sim2sky.config import Dataset
from sim2sky.observe import carried
from sim2sky.provenance.record import provenance
from sim2sky.store import IMAGE_DIMS, Variable, open_shards, write_shard

COUNT = "count"  # unit of such images
BRIGHTEST = 255  # counts


def keep_as_simulated(dataset: Dataset, source: str | Path, path: str | Path, fingerprint: Mapping[str, str]) -> None:
    """Write the images of a shard as those of a data set without a survey.

    Parameters
    ----------
    dataset : Dataset
        Kept with the images.
    source : path
        Shard of `simulate_shard` or `centre_crop_shard`, in counts.
    path : path
        Shard to write: ``image``, of the same type; ``sigma_background`` zero and ``signal_to_noise`` infinite; the
        parameters.
    fingerprint : mapping of str to str
        Of the code.

    Raises
    ------
    ValueError
        Naming the file, if the images are not in counts.
    """
    shard = open_shards([source])
    array = shard.variable("lensed_source")
    if array.attrs["units"] != COUNT:
        raise ValueError(
            f"{source}: images in {array.attrs['units']} need a survey; data set {dataset.title!r} has none"
        )
    print(f"{path}: keeping {len(shard)} images as they are", flush=True)
    per_band, zero = ("lens", "band"), np.zeros(array.shape[:2])
    variables = carried(shard, {"lensed_source"}) | {
        "image": Variable(shard.read("lensed_source"), IMAGE_DIMS, COUNT, "observed image"),
        "sigma_background": Variable(zero, per_band, COUNT, "standard deviation of the background per pixel"),
        "signal_to_noise": Variable(zero + np.inf, per_band, "1", "signal-to-noise ratio of the lensed source"),
    }
    config = {"simulated": shard.attributes["config"], "dataset": dataset.params()}
    more = {name: shard.attributes[name] for name in ("zero_point", "pixel_scale", "bands")}
    write_shard(path, variables, provenance(config, fingerprint, **more))
