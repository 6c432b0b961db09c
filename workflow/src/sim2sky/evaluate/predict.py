"""Predictions and latents of a trained block of seeds, on the test part of each domain."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from sim2sky import store
from sim2sky.config import Recipe
from sim2sky.data.domain import Domain, Part, fraction_held, load_part
from sim2sky.data.images import Images, statistics_of
from sim2sky.evaluate import STATISTICS
from sim2sky.losses import create_loss
from sim2sky.models import Network, inference
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.network_file import load_models
from sim2sky.parquet import write_parquet
from sim2sky.provenance import record
from sim2sky.provenance.networks import networks_provenance

LATENT_LENSES = 2000  # of each domain: enough for the distances between domains and for a picture
# of the first band, kept beside each prediction if the shards have them
CONDITIONS = ("seeing", "signal_to_noise", "sky_brightness")
COLUMNS = ["domain", "seed", "statistics", "lens", "parameter", "unit", "true", "predicted"]
DESCRIPTIONS = {
    "domain": "data set",
    "seed": "of the network",
    "statistics": "those of batch normalisation: of training, of each batch, or re-estimated (AdaBN)",
    "lens": "index of the lens in its data set",
    "parameter": "name of the parameter",
    "unit": "of true and predicted in this row",
    "true": "label",
    "predicted": "estimate of the network",
    "seeing": "FWHM of the point spread function in the first band",
    "signal_to_noise": "of the lensed source in the first band",
    "sky_brightness": "surface brightness of the sky in the first band",
}


def predict_block(
    model: str | Path,
    recipe: Recipe,
    targets: Sequence[str],
    domains: Sequence[Domain],
    predictions: str | Path,
    latents: str | Path,
    fingerprint: Mapping[str, str],
    threads: int = 1,
    statistics: Sequence[str] = STATISTICS,
    gpu: bool = False,
) -> None:
    """Predict the test part of each domain with each seed of a block, under each of `statistics`.

    Images are normalised as in training, with the pixels of the domain's own training part, whose labels are not used.
    That part is read only if normalisation or AdaBN needs it. One domain is in memory at a time.

    Parameters
    ----------
    model : path
        Written by :func:`sim2sky.train.block.train_block`.
    recipe : Recipe
        The recipe of the run.
    targets : sequence of str
        Names of the parameters that the networks regress.
    domains : sequence of Domain
        Domains whose test parts are predicted.
    predictions : path
        File to write: Parquet with `COLUMNS` and `CONDITIONS`, one row per domain, seed, statistics, parameter and test
        lens; values are in the unit of the row, which is also that of the column if all rows have the same. The frame's
        ``attrs`` hold the provenance, the ``units`` of the columns, and unit and meaning of the ``parameters``.
    latents : path
        File to write: a shard with ``latent_<domain>``, ``lens_<domain>`` and ``<parameter>_<domain>`` for each parameter,
        by the first seed under batch statistics. It holds the first `LATENT_LENSES` test lenses of each domain; if a
        test part is smaller, as many as the smallest one has.
    fingerprint : mapping of str to str
        Hash of the code.
    threads : int
        CPU threads.
    statistics : sequence of str
        Some of `STATISTICS`. A network without batch normalisation predicts once, for all of them.
    gpu : bool
        Use a GPU if there is one.
    """
    torch.set_num_threads(threads)
    first = store.open_shards(domains[0].shards)
    *_, bands, _, pixels = first.variable("image").shape
    device = torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")
    networks, encoding = load_models(model, recipe, targets, bands, pixels)
    networks = {seed: network.to(device) for seed, network in networks.items()}
    count = min(LATENT_LENSES, *(stop - start for start, stop in (domain.bounds["test"] for domain in domains)))
    frames: list[pd.DataFrame] = []
    variables: dict[str, store.Variable] = {}
    started = time.perf_counter()
    for done, domain in enumerate(domains, start=1):
        frame, arrays = _predict_domain(networks, recipe, encoding, domain, device, count, statistics)
        frames.append(frame)
        variables |= arrays
        left = (time.perf_counter() - started) / done * (len(domains) - done)
        lenses = domain.bounds["test"][1] - domain.bounds["test"][0]
        print(f"{domain.name}: {lenses} lenses predicted by {len(networks)} network(s), {left:.0f} s left", flush=True)
    table = pd.concat(frames, ignore_index=True)
    parameters = {name: dict(first.variable(name).attrs) for name in targets}
    table.insert(
        COLUMNS.index("unit"), "unit", table.parameter.map({name: parameters[name]["units"] for name in targets})
    )
    about = record.provenance(
        recipe.params(),
        fingerprint,
        targets=list(targets),
        statistics=list(statistics),
        networks=networks_provenance(model)["sha256"],
        domains={domain.name: domain.origin() for domain in domains},
    )
    table.attrs = about | {"parameters": parameters}
    write_predictions(table, predictions, _units(table, domains))
    store.write_shard(latents, variables, about | {"seed": min(networks), "statistics": "batch"})


def write_predictions(table: pd.DataFrame, path: str | Path, units: Mapping[str, str] | None = None) -> None:
    """Write predictions as Parquet, with their ``attrs`` and units, whole or not at all."""
    write_parquet(table, path, units or {}, DESCRIPTIONS)


def _units(table: pd.DataFrame, domains: Sequence[Domain]) -> dict[str, str]:
    """Unit of each column of predictions that has one, the same in all rows."""
    found: dict[str, str] = {}
    for domain in domains:
        shards = store.open_shards(domain.shards[:1])
        found |= {name: str(shards.variable(name).attrs["units"]) for name in CONDITIONS if name in shards}
    of_all = table.unit.unique()
    return found | (dict.fromkeys(("true", "predicted"), of_all[0]) if len(of_all) == 1 else {})


def _predict_domain(
    networks: Mapping[int, Network],
    recipe: Recipe,
    encoding: LabelEncoding,
    domain: Domain,
    device: torch.device,
    count: int,
    statistics: Sequence[str],
) -> tuple[pd.DataFrame, dict[str, store.Variable]]:
    """Rows of the predictions table, and the domain's variables in the latents file."""
    test, adapted = _test_part(networks, recipe, encoding.targets, domain, device, "adabn" in statistics)
    loss = create_loss(recipe.loss, encoding.outputs)
    lenses, size = pd.DataFrame({"lens": test.lens, **_conditions(domain)}), recipe.batch_size
    frames = []
    for seed, network in networks.items():
        outputs = _outputs(network, adapted.get(seed, network), test.images, size, statistics)
        about = {"domain": domain.name, "seed": seed}
        for kind in statistics:
            predicted = encoding.decode(loss.estimate(network, outputs[kind])).numpy()
            for column, name in enumerate(encoding.targets):
                values = {"true": test.labels[:, column].cpu().numpy(), "predicted": predicted[:, column]}
                frames.append(lenses.assign(**about, statistics=kind, parameter=name, **values))
    first = test.images.subset(np.arange(count))
    latent = inference.latents(networks[min(networks)], first, size, batch_statistics=True).numpy()
    table = pd.concat(frames)
    order = [name for name in (*COLUMNS, *CONDITIONS) if name in table]
    return table[order], _latent_variables(domain, encoding.targets, latent, test)


def _test_part(
    networks: Mapping[int, Network],
    recipe: Recipe,
    targets: Sequence[str],
    domain: Domain,
    device: torch.device,
    adabn: bool,
) -> tuple[Part, dict[int, Network]]:
    """The domain's test part, normalised, and the networks adapted to the domain by AdaBN, none if not `adabn`."""
    adabn = adabn and any(map(inference.has_batch_norm, networks.values()))
    parts = ("train", "test") if adabn or recipe.normalisation == "per_domain" else ("test",)
    held = fraction_held(recipe, [domain], parts)
    train = load_part(domain.shards, domain.bounds["train"], targets, held=held) if "train" in parts else None
    pixels = statistics_of(recipe.normalisation, train.images if train else None)
    adapted = {}
    if adabn and train is not None:
        images = train.prepared(pixels, device).images
        adapted = {
            seed: inference.adapt_batch_norm(network, images, recipe.batch_size) for seed, network in networks.items()
        }
        del images
    del train  # two parts need not be in memory at once
    return load_part(domain.shards, domain.bounds["test"], targets, held=held).prepared(pixels, device), adapted


def _outputs(
    network: Network, adapted: Network, images: Images, size: int, statistics: Sequence[str]
) -> dict[str, torch.Tensor]:
    """Outputs of a network under each of `statistics`; `adapted` is its copy for AdaBN, or itself if there is none."""
    if not inference.has_batch_norm(network):
        return dict.fromkeys(statistics, inference.predict(network, images, size))
    return {
        kind: inference.predict(adapted if kind == "adabn" else network, images, size, kind == "batch")
        for kind in statistics
    }


def _conditions(domain: Domain) -> dict[str, np.ndarray]:
    """Seeing, signal-to-noise and sky of the test lenses, in the first band."""
    shards = store.open_shards(domain.shards)
    return {name: shards.read(name, *domain.bounds["test"])[:, 0] for name in CONDITIONS if name in shards}


def _latent_variables(
    domain: Domain, targets: Sequence[str], latent: np.ndarray, test: Part
) -> dict[str, store.Variable]:
    name, count, shards = domain.name, len(latent), store.open_shards(domain.shards)
    variables = {
        f"latent_{name}": store.Variable(latent, (store.LENS_AXIS, "latent"), long_name=f"latent features, {name}"),
        f"lens_{name}": store.Variable(test.lens[:count], long_name=f"lens index, {name}"),
    }
    for column, parameter in enumerate(targets):
        true, unit = test.labels[:count, column].cpu().numpy(), str(shards.variable(parameter).attrs["units"])
        variables[f"{parameter}_{name}"] = store.Variable(true, unit=unit, long_name=f"true {parameter}, {name}")
    return variables
