"""Predictions and latents of a trained block of seeds, on the test part of each domain."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from sim2sky import store
from sim2sky.config import Recipe
from sim2sky.evaluate.metrics import STATISTICS
from sim2sky.models.batch_statistics import adapt_batch_norm, latents, predict
from sim2sky.train.block import load_models
from sim2sky.train.data import Domain, load_part, normalise, pixel_statistics

LATENT_LENSES = 2000  # of each domain: enough for the distances between domains and for a picture
CONDITIONS = ("seeing", "signal_to_noise", "sky_brightness")  # kept beside each prediction, of the first band


def predict_block(
    model: str | Path,
    recipe: Recipe,
    target: str,
    domains: Sequence[Domain],
    predictions: str | Path,
    latents: str | Path,
    fingerprint: str,
    threads: int = 1,
) -> None:
    """Predict the test part of each domain with each seed of a block under each choice of BatchNorm statistics.

    Images are normalised as in training, always with the pixels of the domain's own training part, whose labels are not
    used. One domain is in memory at a time.

    Parameters
    ----------
    model : path
        Written by :func:`sim2sky.train.block.train_block`.
    recipe : Recipe
        That of the run.
    target : str
        The parameter that is regressed.
    domains : sequence of Domain
        Where to predict.
    predictions : path
        Written: Parquet with one row per domain, seed, statistics and test lens and the columns ``domain``, ``seed``,
        ``statistics``, ``lens``, ``true``, ``predicted``, ``seeing``, ``signal_to_noise``, ``sky_brightness``; where the
        predictions come from is in the frame's ``attrs``.
    latents : path
        Written: a shard with ``latent_<domain>``, ``lens_<domain>`` and ``<target>_<domain>`` for the first seed and
        batch statistics. It holds the first `LATENT_LENSES` test lenses of each domain, or as many as the smallest
        test part has, the same number for each.
    fingerprint : str
        Of the code.
    threads : int
        CPU threads.
    """
    torch.set_num_threads(threads)
    *_, bands, _, pixels = store.open_shards(domains[0].shards).variable("image").shape
    networks = load_models(model, recipe, bands, pixels)
    count = min(LATENT_LENSES, *(stop - start for start, stop in (domain.bounds["test"] for domain in domains)))
    frames, variables = [], {}
    for domain in domains:
        frame, arrays = _predict_domain(networks, recipe, target, domain, count)
        frames.append(frame)
        variables |= arrays
    table = pd.concat(frames, ignore_index=True)
    about = store.provenance(recipe.params(), fingerprint, target=target, domains=[domain.name for domain in domains])
    table.attrs = about
    with store.atomic(predictions) as temporary:
        table.to_parquet(temporary, index=False)
    store.write_shard(latents, variables, about | {"seed": min(networks), "statistics": "batch"})


def _predict_domain(
    networks: Mapping[int, nn.Module], recipe: Recipe, target: str, domain: Domain, count: int
) -> tuple[pd.DataFrame, dict[str, store.Variable]]:
    """Rows of the predictions table, and the domain's variables in the latents file."""
    started, size = time.monotonic(), recipe.batch_size
    train = load_part(domain.shards, domain.bounds["train"], target).images
    pixels = pixel_statistics(train) if recipe.normalisation == "per_domain" else None
    train = normalise(train, pixels)
    adapted = {seed: adapt_batch_norm(network, train, size) for seed, network in networks.items()}
    print(f"{domain.name}: BatchNorm statistics of {len(train)} training lenses, {_since(started)}", flush=True)
    del train
    test = load_part(domain.shards, domain.bounds["test"], target)
    images = normalise(test.images, pixels)
    lenses = _lenses(domain, test.lens, test.target.numpy()[:, 0])
    frames = []
    for done, (seed, network) in enumerate(networks.items(), start=1):
        outputs = {
            "running": predict(network, images, size),
            "batch": predict(network, images, size, batch_statistics=True),
            "adabn": predict(adapted[seed], images, size),
        }
        for statistics in STATISTICS:
            predicted = outputs[statistics].numpy()[:, 0]
            frames.append(lenses.assign(domain=domain.name, seed=seed, statistics=statistics, predicted=predicted))
        print(f"{domain.name}: {len(images)} test lenses, seed {seed} ({done} of {len(networks)}), {_since(started)}")
    latent = latents(networks[min(networks)], images[:count], size, batch_statistics=True).numpy()
    columns = ["domain", "seed", "statistics", "lens", "true", "predicted", *CONDITIONS]
    return pd.concat(frames)[columns], _latent_variables(domain, target, latent, lenses[:count])
