"""Maximum mean discrepancy against scikit-learn's kernels."""

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

from sim2sky.adapt import create_adaptation
from sim2sky.adapt.mmd import FIXED_SIGMAS


def gammas(joint: np.ndarray, kernel: str) -> list[float]:
    if kernel == "fixed":
        return [1 / (2 * sigma) for sigma in FIXED_SIGMAS]
    distances = euclidean_distances(joint, squared=True)
    width = distances[~np.eye(len(joint), dtype=bool)].mean()
    return [1 / (width * factor) for factor in (0.25, 0.5, 1, 2, 4)]


@pytest.mark.parametrize("scale", [0.03, 1, 20])
@pytest.mark.parametrize("kernel", ["multiscale", "fixed"])
@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
def test_mmd_equals_sums_over_pairs(kernel, estimator, scale):
    random = np.random.default_rng(3)
    source, target = scale * random.normal(size=(32, 800)), scale * (random.normal(size=(32, 800)) * 1.2 + 0.1)
    widths = gammas(np.vstack([source, target]), kernel)

    def k(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return sum(rbf_kernel(left, right, gamma) for gamma in widths)

    terms = k(source, source) - k(source, target) - k(target, source) + k(target, target)
    if estimator == "unbiased":
        terms = terms[~np.eye(32, dtype=bool)]  # the sum over i != j that Swierc et al. 2023 print
    mmd = create_adaptation("mmd", 800, kernel=kernel, estimator=estimator)
    for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
        ours = mmd.loss(torch.tensor(source, dtype=dtype), torch.tensor(target, dtype=dtype), 0.0).item()
        assert ours == pytest.approx(terms.mean(), rel=tolerance, abs=1e-12 if dtype == torch.float64 else 1e-5)
