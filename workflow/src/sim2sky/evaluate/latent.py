"""The latent space in two dimensions, for a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler

from sim2sky import store

COMPONENTS = 50  # principal components that t-SNE works on
ITERATIONS = 500  # half of scikit-learn's default, for half of the time: the embedding has converged by then


def embed_latents(latents: str | Path, domains: Sequence[str], count: int = 500) -> pd.DataFrame:
    """Joint two-dimensional embedding of the latent features of several domains.

    The features are standardised together, reduced to principal components and embedded by t-SNE (van der Maaten & Hinton
    2008), which starts from the first two components, so that the same file gives the same embedding. Neighbourhoods are
    meaningful; distances and axes are not.

    Parameters
    ----------
    latents : path
        Written by :func:`sim2sky.evaluate.predict.predict_block`.
    domains : sequence of str
        Names of the domains, usually source and target.
    count : int
        Lenses of each domain, or all that the file has if these are fewer.

    Returns
    -------
    DataFrame
        Columns ``domain``, ``lens``, each regressed parameter under its name (``theta_E``), ``x``, ``y``.
    """
    shards = store.open_shards([latents])
    targets, count = shards.attributes["targets"], min(count, len(shards))
    joint = np.concatenate([shards.read(f"latent_{domain}", 0, count) for domain in domains])
    points = StandardScaler().fit_transform(joint.astype(np.float64))
    points = PCA(min(COMPONENTS, *points.shape), random_state=0).fit_transform(points)
    tsne = TSNE(perplexity=min(30, (len(points) - 1) / 3), init="pca", max_iter=ITERATIONS, random_state=0)
    x, y = tsne.fit_transform(points).T
    columns = {
        "domain": np.repeat(list(domains), count),
        "lens": np.concatenate([shards.read(f"lens_{domain}", 0, count) for domain in domains]),
    }
    for name in targets:
        columns[name] = np.concatenate([shards.read(f"{name}_{domain}", 0, count) for domain in domains])
    return pd.DataFrame(columns | {"x": x, "y": y})
