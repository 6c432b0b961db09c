"""From the networks of a run to the file that measures by itself."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim2sky import store
from sim2sky.angles import ANGLE_PERIODS
from sim2sky.config import Recipe
from sim2sky.data.domain import Domain, Part, fraction_held, load_part
from sim2sky.data.images import statistics_of
from sim2sky.losses import create_loss
from sim2sky.models import Network, inference
from sim2sky.models.calibration import Calibration, short_way
from sim2sky.models.ensemble import Ensemble, Predictive
from sim2sky.models.labels import LabelEncoding
from sim2sky.models.latent import LatentDistribution, kept_sample
from sim2sky.models.measuring import FORMAT, disagreement
from sim2sky.models.network_file import load_models, write_tensors
from sim2sky.provenance import record
from sim2sky.provenance.networks import networks_provenance

LATENTS = 2000  # training images of each domain whose latent features are kept
ADAPTED = 20_000  # training images of each domain, at most, that AdaBN statistics are of: more change nothing that can be measured
POPULATION = np.linspace(0, 1, 101)  # quantiles of the labels learnt
Tensors = dict[str, torch.Tensor]


def calibrate(
    models: Sequence[str | Path],
    recipe: Recipe,
    targets: Sequence[str],
    domains: Sequence[Domain],
    about: Mapping[str, Any],
    source: str,
    default: str,
    network: str | Path,
    fingerprint: Mapping[str, str],
    calibrate_on: str | None = None,
    threads: int = 1,
) -> None:
    """Write the network file of a run: its networks, and of each domain what :class:`MeasuringNetwork` needs.

    Labels of the source's training part give the population learnt. Labels of validation parts calibrate the errors: those of the source for
    the source, and those of `calibrate_on`, or the source's again, for all others. No other labels are used.

    Parameters
    ----------
    models : sequence of path
        Networks of all blocks of seeds, written by :func:`sim2sky.train.block.train_block`.
    recipe : Recipe
        Of the run.
    targets : sequence of str
        Names of the parameters that the networks regress.
    domains : sequence of Domain
        With their training and validation parts; `source` and `calibrate_on` are among them.
    about : mapping
        ``title``, ``study``, ``run``, ``bands``, ``pixel_scale``, ``unit``; and under ``domains`` ``title``, ``survey`` and ``zero_points``
        of each.
    source, default : str
        Domains that the networks learnt from, and that images are measured as if nothing else is said.
    network : path
        File to write.
    fingerprint : mapping of str to str
        Hash of the code.
    calibrate_on : str, optional
        Domain whose labels calibrate all but the source.
    threads : int
        CPU threads.

    Raises
    ------
    ValueError
        A file of networks cannot be read, or a domain has too few images to calibrate on.
    """
    torch.set_num_threads(threads)
    first = store.open_shards(domains[0].shards)
    *_, bands, _, pixels = first.variable("image").shape
    networks: dict[int, Network] = {}
    for model in models:
        found, encoding = load_models(model, recipe, targets, bands, pixels)
        networks |= found
    on = {domain.name: source if domain.name == source else calibrate_on or source for domain in domains}
    ordered = sorted(domains, key=lambda domain: on[domain.name] != domain.name)  # those that others need first
    tensors = {f"{seed}/{key}": value for seed, own in networks.items() for key, value in own.state_dict().items()}
    calibrations: dict[str, list[Calibration]] = {}
    residuals: dict[str, torch.Tensor | None] = {}
    started, population = time.perf_counter(), {}
    for done, domain in enumerate(ordered, start=1):
        name = on[domain.name]
        train, validation, mine = _parts(domain, recipe, targets)
        state, adapted, raw = _adapted(networks, recipe, encoding, train, validation, residuals.get(name))
        if name == domain.name:
            residuals[name] = None if recipe.distribution != "none" else _residual(adapted, raw, validation.labels)
            if residuals[name] is not None:
                raw = replace(adapted, residual=residuals[name]).predict(validation.images)
            calibrations[name] = _calibrations(domain.name, targets, raw, validation.labels)
        if (residual := residuals[name]) is not None:
            mine["residual"] = residual.clone()  # the format takes no tensor twice
        if domain.name == source:
            population = _population(targets, train.labels)
        mine |= state | {"disagreements": kept_sample(disagreement(raw))}
        tensors |= {f"domain/{domain.name}/{key}": value for key, value in mine.items()}
        left = (time.perf_counter() - started) / done * (len(domains) - done)
        print(f"{domain.name}: {len(validation.lens)} validation images, {left:.0f} s left", flush=True)
    described = {
        name: {**about["domains"][name], "calibrated_on": on[name]}
        | {"calibration": [one.state() for one in calibrations[on[name]]]}
        for name in on
    }
    measuring = {**about, "format": FORMAT, "seeds": sorted(networks), "pixels": pixels, "default": default}
    parameters = {
        name: {key: first.variable(name).attrs.get(key, "") for key in ("units", "long_name")} for name in targets
    }
    measuring |= {"parameters": parameters, "population": population, "domains": described}
    config = {"recipe": recipe.params(), "targets": list(targets), "about": dict(about)}
    config |= {"source": source, "default": default, "calibrate_on": calibrate_on}
    config["networks"] = [networks_provenance(model)["sha256"] for model in models]
    made = record.provenance(config, fingerprint, domains={domain.name: domain.origin() for domain in domains})
    tensors = {key: value.cpu().contiguous() for key, value in tensors.items()}
    write_tensors(network, tensors, made | {"labels": encoding.state(), "measuring": measuring})


def _parts(domain: Domain, recipe: Recipe, targets: Sequence[str]) -> tuple[Part, Part, Tensors]:
    """Training and validation part, normalised, and the pixel statistics."""
    held = fraction_held(recipe, [domain], ("train", "validation"))
    parts = [
        load_part(domain.shards, domain.bounds[part], targets, held=held, labelled=domain.labelled)
        for part in ("train", "validation")
    ]
    statistics = statistics_of(recipe.normalisation, parts[0].images)
    train, validation = (part.prepared(statistics, torch.device("cpu")) for part in parts)
    found = {f"pixel_{name}": value for name, value in (statistics._asdict() if statistics else {}).items()}
    return train, validation, {key: value for key, value in found.items() if value is not None}


def _adapted(
    networks: Mapping[int, Network],
    recipe: Recipe,
    encoding: LabelEncoding,
    train: Part,
    validation: Part,
    residual: torch.Tensor | None,
) -> tuple[Tensors, Ensemble, Predictive]:
    """AdaBN statistics and latent distribution of a domain, the ensemble with them, and what it says of the validation part."""
    some = train.images.subset(np.arange(min(ADAPTED, len(train.lens))))
    own = {seed: inference.adapt_batch_norm(networks[seed], some, recipe.batch_size) for seed in sorted(networks)}
    ensemble = Ensemble(own, create_loss(recipe.loss, encoding.outputs), encoding, residual)
    raw = ensemble.predict(validation.images)
    count = min(LATENTS, len(train.lens))
    alone = replace(ensemble, networks={min(own): own[min(own)]}, residual=None)
    latent = LatentDistribution.fitted(alone.predict(train.images.subset(np.arange(count))).latent)
    state = latent.tensors() | {"distances": kept_sample(latent.distances(raw.latent))}
    for seed, network in own.items():
        before = networks[seed].state_dict()
        state |= {
            f"{seed}/{key}": value for key, value in network.state_dict().items() if not torch.equal(value, before[key])
        }
    return state, ensemble, raw


def _residual(ensemble: Ensemble, raw: Predictive, labels: torch.Tensor) -> torch.Tensor:
    """Mean square error of each seed, shape (parameters, seeds)."""
    error = raw.means.numpy() - labels.double().numpy()[:, :, None]
    squares = [
        np.square(short_way(error[:, column], ANGLE_PERIODS.get(name))).mean(axis=0)
        for column, name in enumerate(ensemble.encoding.targets)
    ]
    return torch.from_numpy(np.stack(squares))


def _calibrations(domain: str, targets: Sequence[str], raw: Predictive, labels: torch.Tensor) -> list[Calibration]:
    """Calibration of each parameter."""
    found = []
    for column, name in enumerate(targets):
        true = labels[:, column].double().numpy()
        of_one = raw.quantiles[:, column].numpy(), raw.std[:, column].numpy()
        try:
            found.append(Calibration.fitted(*of_one, true, ANGLE_PERIODS.get(name)))
        except ValueError as error:
            raise ValueError(f"{domain}, {name}: {error}") from None
    return found


def _population(targets: Sequence[str], labels: torch.Tensor) -> dict[str, dict[str, Any]]:
    """Range and quantiles of the labels learnt, by parameter."""
    return {
        name: {
            "low": float(values.min()),
            "high": float(values.max()),
            "quantiles": np.quantile(values, POPULATION).tolist(),
        }
        for name, values in zip(targets, labels.double().numpy().T, strict=True)
    }
