"""How far apart two domains are in a network's latent space.

Both distances take the same number of lenses of each domain, in the same order. The domains of a study often show the
*same* lenses under different conditions, so lens i of one is not independent of lens i of the other; both estimators
are built to be right in that case too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.preprocessing import StandardScaler

from sim2sky import store

KERNEL_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the RBF kernels, in units of the median squared distance
DISTANCES = ("mmd", "proxy_a_distance")


def mmd(first: np.ndarray, second: np.ndarray) -> float:
    """Squared maximum mean discrepancy between two samples, unbiased.

    The kernel is the mean of radial basis functions exp(-d^2 / w), w being `KERNEL_WIDTHS` times the median squared
    distance of the joint sample. The estimator is the one-sample U-statistic of Gretton et al. 2012 (JMLR 13, 723;
    their Eq. 4): it leaves out the pairs (i, i) across the samples as well as within, which keeps it unbiased when
    lens i is the same lens in both.

    Parameters
    ----------
    first, second : ndarray, shape (n, latent)
        Lens for lens, n >= 2.

    Returns
    -------
    float
        At most 2; about zero, and then sometimes negative, when the distributions are the same.
    """
    _check(first, second)
    n = len(first)
    squared = euclidean_distances(np.concatenate([first, second]), squared=True)
    median = np.median(squared[np.triu_indices_from(squared, k=1)]) or 1.0  # all points equal: any width gives zero
    kernel = sum(np.exp(-squared / (width * median)) for width in KERNEL_WIDTHS) / len(KERNEL_WIDTHS)
    cross = kernel[:n, n:]
    pairs = kernel[:n, :n] + kernel[n:, n:] - cross - cross.T
    return float((pairs.sum() - np.trace(pairs)) / (n * (n - 1)))


def proxy_a_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Proxy A-distance: how well a linear classifier tells the domains apart (Ben-David et al. 2007, NIPS 19).

    It is 2 (1 - 2 error). The classifier learns from the first half of the lenses and its error is counted on the
    second, the same lenses of both domains, so that it cannot know a lens from the other domain. It is strongly
    regularised because a latent has hundreds of dimensions.

    Parameters
    ----------
    first, second : ndarray, shape (n, latent)
        Lens for lens, n >= 2, of about unit variance.

    Returns
    -------
    float
        2 when the classifier is always right; about zero, and then sometimes negative, when it can only guess.
    """
    _check(first, second)
    half = len(first) // 2
    classifier = LogisticRegression(C=0.01, max_iter=1000)
    classifier.fit(np.concatenate([first[:half], second[:half]]), np.repeat([0, 1], half))
    held_out = np.concatenate([first[half:], second[half:]])
    error = 1 - classifier.score(held_out, np.repeat([0, 1], len(first) - half))
    return float(2 * (1 - 2 * error))


def domain_distances(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Both distances between the latents of two domains.

    Each latent dimension is first standardised over the two together. Without that the distances would grow with the
    scale of a network's latent, and networks could not be compared.

    Parameters
    ----------
    first, second : ndarray, shape (n, latent)
        Lens for lens. If a value is not finite, the distances are NaN.
    """
    _check(first, second)
    joint = np.concatenate([first, second]).astype(np.float64)
    if not np.isfinite(joint).all():
        return dict.fromkeys(DISTANCES, np.nan)
    first, second = np.split(StandardScaler().fit_transform(joint), 2)
    return {"mmd": mmd(first, second), "proxy_a_distance": proxy_a_distance(first, second)}


def run_distances(latents: str | Path, source: str) -> pd.DataFrame:
    """Distances from the source domain to each other domain of a latents file.

    Parameters
    ----------
    latents : path
        Written by :func:`sim2sky.evaluate.predict.predict_block`.
    source : str
        Name of the source domain. If the file does not hold it there is no distance to give.

    Returns
    -------
    DataFrame
        Columns ``seed``, ``domain`` (the other one), ``statistics``, ``metric``, ``value``.
    """
    shards = store.open_shards([latents])
    about = shards.attributes
    rows = []
    others = [domain for domain in about["domains"] if domain != source] if source in about["domains"] else []
    for domain in others:
        distances = domain_distances(shards.read(f"latent_{source}"), shards.read(f"latent_{domain}"))
        rows += [(about["seed"], domain, about["statistics"], metric, value) for metric, value in distances.items()]
    return pd.DataFrame(rows, columns=["seed", "domain", "statistics", "metric", "value"])


def _check(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape or first.ndim != 2 or len(first) < 2:
        raise ValueError(f"two samples of one shape (n >= 2, latent) are needed, not {first.shape} and {second.shape}")
