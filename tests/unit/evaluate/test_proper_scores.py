"""Scores of quantiles against scoringrules and scipy."""

import numpy as np
import pytest
import scoringrules
from scipy import stats

from sim2sky.evaluate.proper_scores import covered, crps, probability_integral
from sim2sky.models.calibration import LEVELS

DISTRIBUTIONS = {
    "normal": stats.norm([[0.3], [1.0], [2.0], [-1.0]], [[0.05], [0.5], [2.0], [1.0]]),
    "gamma": stats.gamma([[1.0], [2.0], [0.7], [5.0]], scale=[[0.5], [1.0], [2.0], [0.2]]),
    "uniform": stats.uniform([[0.0], [1.0], [-1.0], [5.0]], [[1.0], [2.0], [0.1], [0.4]]),
}


@pytest.fixture(params=DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def predicted(request):
    """Four distributions, their quantiles, and truth drawn from wider ones."""
    truth = np.random.default_rng(0).choice(request.param.rvs((4, 200), np.random.default_rng(1)).ravel(), (50, 4))
    return request.param, request.param.ppf(np.array(LEVELS)), truth


def test_crps_is_that_of_scoringrules(predicted):
    """Of the same quantiles: the integral over levels is the mean of the pinball loss where levels are evenly spaced."""
    _, quantiles, truth = predicted
    even = [LEVELS.index(i / 100) for i in range(1, 100)]
    for true in truth:
        theirs = scoringrules.crps_quantile(true, quantiles[:, even], np.array(LEVELS)[even])
        ours = crps(quantiles, true)
        assert ours == pytest.approx(theirs, rel=0.03, abs=0.01 * np.ptp(quantiles[:, even], axis=1).max())


def test_crps_is_that_of_the_distribution():
    normal = DISTRIBUTIONS["normal"]
    mean, std = map(np.ravel, normal.args)
    for offset in (-3, -0.4, 0, 1, 6):
        exact = scoringrules.crps_normal(mean + offset * std, mean, std)
        found = crps(normal.ppf(np.array(LEVELS)), mean + offset * std)
        np.testing.assert_allclose(found, exact, rtol=3e-3)


def test_crps_of_a_number_is_its_absolute_error():
    quantiles = np.full((3, len(LEVELS)), 2.0)
    np.testing.assert_allclose(crps(quantiles, np.array([2.0, 1.0, 5.0])), [0, 1, 3])


def test_probability_integral_is_that_of_scipy(predicted):
    distribution, quantiles, truth = predicted
    for true in truth:
        exact = np.clip(distribution.cdf(true[:, None])[:, 0], 0.0025, 0.9975)
        np.testing.assert_allclose(probability_integral(quantiles, true), exact, atol=3e-3)


def test_probability_integral_of_ties_is_in_their_middle():
    quantiles = np.linspace(0, 1, len(LEVELS))[None].repeat(4, axis=0)
    quantiles[:, 20:81] = 0.5
    found = probability_integral(quantiles, np.array([0.5, -1.0, 2.0, np.nan]))
    np.testing.assert_allclose(found[:3], [(LEVELS[20] + LEVELS[80]) / 2, LEVELS[0] / 2, (1 + LEVELS[-1]) / 2])
    quantiles[0, 3] = np.nan
    assert np.isnan(probability_integral(quantiles, np.full(4, 0.5))[0])


def test_angles_are_near_across_the_end_of_their_range():
    scores = stats.norm.ppf(LEVELS)
    quantiles = np.array([178 + 5 * scores, 2 + 5 * scores])
    true, straight = np.array([1.0, 179.0]), np.array([181.0, -1.0])
    np.testing.assert_allclose(crps(quantiles, true, 180), crps(quantiles, straight))
    np.testing.assert_allclose(
        probability_integral(quantiles, true, 180), probability_integral(quantiles, straight), atol=1e-12
    )
    ends = np.array([[170.0, 185.0], [-5.0, 4.0]])
    assert covered(ends, true, 180).all()
    assert not covered(ends, np.array([10.0, 90.0]), 180).any()
    assert covered(np.array([[0.0, 180.0]]), np.array([77.0]), 180).all()
