"""Quantiles brought to the right coverage, whatever was wrong with them."""

import json

import numpy as np
import pytest
from scipy import stats

from sim2sky.models.calibration import ANCHORS, CENTRAL, LEVELS, MEDIAN, MINIMUM_IMAGES, Calibration, interval

IMAGES = 3000
SCORES = stats.norm.ppf(LEVELS)


def gaussian(images=IMAGES, seed=0, told=1.0, bias=0.0):
    """Quantiles, standard deviations and truth of images whose errors differ, told `told` times as large as they are."""
    generator = np.random.default_rng(seed)
    mean, std = generator.uniform(0.5, 3, images), generator.uniform(0.02, 0.3, images)
    true = mean + generator.normal(0, std) - bias * std
    return mean[:, None] + told * std[:, None] * SCORES, told * std, true


def skewed(images=IMAGES, seed=0):
    """Predictions of normal distributions where the truth scatters to one side."""
    quantiles, std, _ = gaussian(images, seed)
    return quantiles, std, quantiles[:, MEDIAN] + std * np.random.default_rng(seed + 1).gamma(0.7, 1, images)


def skewed_distributions(images=IMAGES, seed=0):
    """Skewed predictions, each in its own way, and truth that follows wider ones."""
    generator = np.random.default_rng(seed)
    shape, scale = generator.uniform(0.8, 6, (2, images))
    quantiles = stats.gamma.ppf(np.array(LEVELS), shape[:, None], scale=scale[:, None])
    return quantiles, np.sqrt(shape) * scale, 1.4 * generator.gamma(shape, scale)


def mixed_shapes(images=IMAGES, seed=0):
    """Half of the distributions have far longer tails than the others: one factor a level would let levels cross."""
    quantiles, std, true = gaussian(images, seed)
    tails = np.where(np.arange(images)[:, None] % 2, SCORES, SCORES**3)
    return quantiles[:, MEDIAN, None] + std[:, None] * tails, std, true


PREDICTIONS = {
    "right": gaussian,
    "overconfident": lambda *a: gaussian(*a, told=0.2),
    "underconfident": lambda *a: gaussian(*a, told=5),
    "biased": lambda *a: gaussian(*a, bias=3),
    "skewed truth": skewed,
    "skewed distributions": skewed_distributions,
    "mixed shapes": mixed_shapes,
    "no error at all": lambda *a: gaussian(*a, told=0),
}


def below(quantiles, true):
    """Fraction of images whose truth lies below each quantile."""
    return (true[:, None] <= quantiles + 1e-12).mean(axis=0)


def test_levels_are_symmetric_and_hold_the_ends_of_the_intervals():
    np.testing.assert_allclose(np.array(LEVELS) + LEVELS[::-1], 1)
    assert {0.005, 0.02, 0.025, 0.05, 0.16, 0.25, 0.5, 0.84, 0.98} <= set(LEVELS)
    assert set(ANCHORS) <= set(LEVELS)
    assert [LEVELS[end] for end in interval(0.68)] == [0.16, 0.84]
    assert all(LEVELS[interval(coverage)[0]] == round((1 - coverage) / 2, 3) for coverage in CENTRAL)


@pytest.mark.parametrize("images", [MINIMUM_IMAGES, 137, IMAGES])
@pytest.mark.parametrize("make", PREDICTIONS.values(), ids=PREDICTIONS)
def test_coverage_of_the_images_fitted_is_exact(make, images):
    quantiles, std, true = make(images)
    calibrated = Calibration.fitted(quantiles, std, true).apply(quantiles, std)
    found = below(calibrated, true)
    assert abs(found[MEDIAN] - 0.5) <= 1 / images
    for level in ANCHORS:
        expected = min(np.ceil((images + 1) * level - 1e-9) / images, 1)
        if (images + 1) * level > images:  # too few images reach it
            continue
        assert found[LEVELS.index(level)] == pytest.approx(expected, abs=1.01 / images)
        beneath = (true[:, None] >= calibrated - 1e-12).mean(axis=0)[LEVELS.index(round(1 - level, 3))]
        assert beneath == pytest.approx(expected, abs=1.01 / images)


@pytest.mark.parametrize("make", PREDICTIONS.values(), ids=PREDICTIONS)
def test_other_images_are_covered_too(make):
    calibration = Calibration.fitted(*make(IMAGES, 0))
    quantiles, std, true = make(20000, 5)
    np.testing.assert_allclose(below(calibration.apply(quantiles, std), true), LEVELS, atol=0.03)
    for coverage, ends in calibration.conformal(quantiles, std).items():
        assert ((true >= ends[:, 0]) & (true <= ends[:, 1])).mean() == pytest.approx(coverage, abs=0.03)


@pytest.mark.parametrize("make", PREDICTIONS.values(), ids=PREDICTIONS)
def test_quantiles_never_cross(make):
    quantiles, std, true = make(400)
    calibration = Calibration.fitted(quantiles, std, true)
    assert (np.diff(calibration.apply(*make(2000, 3)[:2]), axis=1) >= 0).all()


def test_what_is_right_stays_and_shapes_are_kept():
    quantiles, std, true = gaussian(50000)
    calibrated = Calibration.fitted(quantiles, std, true).apply(quantiles, std)
    assert np.abs((calibrated - quantiles) / std[:, None]).max() < 0.06
    quantiles, std, true = skewed_distributions()
    calibrated = Calibration.fitted(quantiles, std, true).apply(quantiles, std)
    wide = [np.diff(table[:, list(interval(0.9))], axis=1).ravel() for table in (quantiles, calibrated)]
    assert stats.spearmanr(*wide).statistic > 0.999


def test_small_samples_cover_on_average():
    """Mean over many small validation parts of the coverage of new images is at least, and little above, what an interval says."""
    covered = []
    for seed in range(300):
        calibration = Calibration.fitted(*gaussian(40, seed, 0.3, 1.0))
        quantiles, std, true = gaussian(200, 1000 + seed, 0.3, 1.0)
        low, high = (calibration.apply(quantiles, std)[:, end] for end in interval(0.68))
        ends = calibration.conformal(quantiles, std)[0.9]
        covered.append([((true >= a) & (true <= b)).mean() for a, b in ((low, high), ends.T)])
    central, conformal = np.mean(covered, axis=0)
    assert 0.67 < central < 0.74  # 33 of 41 orders less 7 is 0.70 at best
    assert conformal == pytest.approx(37 / 41, abs=0.01)


def test_an_angle_goes_the_short_way_round():
    generator = np.random.default_rng(2)
    mean = generator.uniform(0, 180, IMAGES)
    true = (mean + 3 + generator.normal(0, 10, IMAGES)) % 180
    quantiles, std = mean[:, None] + 5 * SCORES, np.full(IMAGES, 5.0)
    calibration = Calibration.fitted(quantiles, std, true, period=180)
    assert calibration.shift * 5 == pytest.approx(3, abs=1)
    low, high = (calibration.apply(quantiles, std)[:, end] for end in interval(0.68))
    assert ((true - low) % 180 <= high - low).mean() == pytest.approx(0.68, abs=0.002)
    assert (high - low).mean() == pytest.approx(20, rel=0.05)


def test_an_angle_that_cannot_be_known_has_the_whole_circle_and_no_more():
    generator = np.random.default_rng(3)
    quantiles, std = generator.uniform(0, 360, (IMAGES, 1)) + SCORES, np.ones(IMAGES)
    calibration = Calibration.fitted(quantiles, std, generator.uniform(0, 360, IMAGES), period=360)
    calibrated = calibration.apply(quantiles, 30 * std)
    assert np.ptp(calibrated, axis=1).max() <= 360
    assert np.ptp(calibration.conformal(quantiles, 30 * std)[0.95]) <= 720


@pytest.mark.parametrize("offset", [0.0, 0.3])
def test_constant_predictions_and_truth(offset):
    quantiles, std = np.full((50, len(LEVELS)), 1.5), np.zeros(50)
    calibration = Calibration.fitted(quantiles, std, np.full(50, 1.5 + offset))
    calibrated = calibration.apply(quantiles, std)
    np.testing.assert_allclose(calibrated, 1.5 + offset, atol=0.01)
    np.testing.assert_allclose(calibration.conformal(quantiles, std)[0.68].mean(axis=1), 1.5)


def test_ties_are_covered():
    """Truth on a coarse grid and a constant prediction: intervals hold at least their share."""
    generator = np.random.default_rng(4)
    true = generator.integers(0, 4, 500).astype(float)
    quantiles, std = np.tile(1.5 + SCORES, (500, 1)), np.ones(500)
    calibrated = Calibration.fitted(quantiles, std, true).apply(quantiles, std)
    for coverage in CENTRAL:
        low, high = (calibrated[:, end] for end in interval(coverage))
        assert ((true >= low - 1e-9) & (true <= high + 1e-9)).mean() >= coverage


def test_some_images_without_an_error_do_not_spoil_the_others():
    quantiles, std, true = gaussian()
    quantiles[::50], std[::50] = quantiles[::50, MEDIAN, None], 0
    calibrated = Calibration.fitted(quantiles, std, true).apply(quantiles, std)
    assert np.isfinite(calibrated).all()
    low, high = interval(0.5)
    assert np.median((calibrated[1::50, high] - calibrated[1::50, low]) / std[1::50]) == pytest.approx(1.349, abs=0.1)


def test_crossing_quantiles_are_sorted():
    quantiles, std, true = gaussian(100)
    shuffled = np.random.default_rng(5).permuted(quantiles, axis=1)
    assert Calibration.fitted(shuffled, std, true) == Calibration.fitted(quantiles, std, true)


def test_values_that_are_not_finite_are_left_out_and_stay_out():
    quantiles, std, true = gaussian(200)
    expected = Calibration.fitted(quantiles[4:], std[4:], true[4:])
    quantiles[0, 7], quantiles[1, 0], std[2], true[3] = np.nan, -np.inf, np.nan, np.nan
    calibration = Calibration.fitted(quantiles, std, true)
    assert calibration == expected
    assert calibration.images == 196
    calibrated = calibration.apply(quantiles, std)
    assert np.isnan(calibrated[:3]).all()
    assert np.isfinite(calibrated[3:]).all()


def test_too_few_images_are_named():
    quantiles, std, true = gaussian(MINIMUM_IMAGES)
    Calibration.fitted(quantiles, std, true)
    true[0] = np.nan
    with pytest.raises(ValueError, match="at least 20 .* has 19 of 20"):
        Calibration.fitted(quantiles, std, true)


def test_shapes_must_fit():
    quantiles, std, true = gaussian(30)
    with pytest.raises(ValueError, match=r"shape \(30, 99\)"):
        Calibration.fitted(quantiles[:, :99], std, true)


def test_an_image_has_the_same_bits_alone():
    quantiles, std, true = mixed_shapes(300)
    calibration = Calibration.fitted(quantiles, std, true)
    together = calibration.apply(quantiles, std)
    for i in (0, 1, 299):
        np.testing.assert_array_equal(calibration.apply(quantiles[i : i + 1], std[i : i + 1])[0], together[i])


def test_what_is_passed_in_is_left_as_it_was():
    quantiles, std, true = gaussian(50)
    before = quantiles.copy()
    Calibration.fitted(quantiles, std, true).apply(quantiles, std)
    np.testing.assert_array_equal(quantiles, before)


@pytest.mark.parametrize("period", [None, 180.0])
def test_the_state_is_json_and_comes_back_the_same(period):
    calibration = Calibration.fitted(*gaussian(64), period=period)
    assert Calibration.from_state(json.loads(json.dumps(calibration.state()))) == calibration


def test_a_state_for_other_levels_is_refused():
    state = Calibration.fitted(*gaussian(64)).state() | {"levels": [0.16, 0.5, 0.84]}
    with pytest.raises(ValueError, match="calibrate the network again"):
        Calibration.from_state(state)
