"""Distances between domains against scikit-learn's kernels, POT and closed forms."""

import itertools

import numpy as np
import ot
import pytest
from scipy.stats import norm
from sklearn.metrics.pairwise import rbf_kernel

from sim2sky.evaluate.distances import KERNEL_WIDTHS, domain_distances, mmd, proxy_a_distance


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def test_mmd_is_gretton_eq_4(generator):
    first, second = generator.normal(size=(12, 3)), generator.normal(0.5, 1.5, size=(12, 3))
    joint = np.concatenate([first, second])
    median = np.median([ot.dist(a[None], b[None]).item() for a, b in itertools.combinations(joint, 2)])
    expected = 0.0
    for width in KERNEL_WIDTHS:
        kernel = rbf_kernel(joint, gamma=1 / (width * median))
        for i, j in itertools.permutations(range(12), 2):
            expected += kernel[i, j] + kernel[12 + i, 12 + j] - kernel[i, 12 + j] - kernel[j, 12 + i]
    assert mmd(first, second) == pytest.approx(expected / (12 * 11 * len(KERNEL_WIDTHS)), rel=1e-9)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_mmd_is_unbiased_also_when_both_domains_show_the_same_lenses(generator, shared):
    """`shared`: correlation of lens i of one domain with lens i of the other; the two distributions are the same."""
    values = []
    for _ in range(400):
        common, own = generator.normal(size=(20, 2)), generator.normal(size=(2, 20, 2))
        values.append(mmd(*(np.sqrt(shared) * common + np.sqrt(1 - shared) * own)))
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(len(values))


def test_distances_rise_with_the_sliced_wasserstein_distance(generator):
    first, noise = generator.normal(size=(2, 300, 5))
    seconds = [noise + shift for shift in (0, 0.2, 0.4, 0.8, 1.6)]
    wasserstein = [ot.sliced_wasserstein_distance(first, second, seed=0) for second in seconds]
    assert wasserstein == sorted(wasserstein)
    for distance in (mmd, proxy_a_distance):
        values = [distance(first, second) for second in seconds]
        assert values == sorted(values)
        assert values[0] == pytest.approx(0, abs=0.2)


def test_proxy_a_distance_of_two_normal_distributions(generator):
    """The best classifier of N(0, 1) and N(d, 1) errs with probability Phi(-d / 2)."""
    first, second = generator.normal(size=(2, 40000, 4))
    second[:, 0] += 1.5
    assert proxy_a_distance(first, second) == pytest.approx(2 * (1 - 2 * norm.cdf(-0.75)), abs=0.02)


def test_distances_do_not_depend_on_the_scale_of_a_latent_dimension(generator):
    first, second = generator.normal(size=(200, 4)), generator.normal(0.5, 1, size=(200, 4))
    scale, offset = np.array([1e-3, 1, 5, 1e3]), np.array([0, 3, -2, 1e4])
    plain, scaled = domain_distances(first, second), domain_distances(first * scale + offset, second * scale + offset)
    assert scaled == pytest.approx(plain, rel=1e-6)
    dead = np.zeros((200, 1))
    assert domain_distances(np.hstack([first, dead]), np.hstack([second, dead])) == pytest.approx(plain)


def test_distances_of_degenerate_latents():
    collapsed, noise = np.ones((50, 4)), np.random.default_rng(0).normal(size=(50, 4))
    assert domain_distances(collapsed, collapsed) == {"mmd": 0, "proxy_a_distance": 0}
    assert np.isnan(list(domain_distances(noise, noise * np.inf).values())).all()
    with pytest.raises(ValueError, match=r"\(50, 4\) and \(20, 4\)"):
        mmd(noise, noise[:20])
