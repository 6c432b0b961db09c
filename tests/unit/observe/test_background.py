"""Real sky beneath simulated sources."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from sim2sky.config import Background, Dataset, Split
from sim2sky.observe.background import choose_cutouts, orient, read_cutouts, sky_scatter, split_cutouts
from sim2sky.observe.noise import flux_ratio

ROOT = Path(__file__).parents[3]
SCALE = 0.263


def on_sky(**options) -> Dataset:
    background = Background(cutouts="sky", zero_point=30, pixel_scale=SCALE, **options)
    return Dataset(title="sky", simulation="s", survey="des", background=background)


def test_test_cutouts_are_never_trained_on():
    dataset, lenses = on_sky(), 1000
    cutout, orientation = choose_cutouts(dataset, np.arange(lenses), lenses, 46, augment=True)
    parts = {name: set(cutout[a:b]) for name, (a, b) in dataset.split.bounds(lenses).items()}
    assert not parts["test"] & parts["train"] and not parts["test"] & parts["validation"]
    assert not parts["train"] & parts["validation"]
    assert set.union(*parts.values()) == set(range(46)), "all are used"
    assert set(orientation) == set(range(8))
    again, turned = choose_cutouts(dataset, np.array([700, 3]), lenses, 46, augment=True)
    assert (list(again), list(turned)) == (list(cutout[[700, 3]]), list(orientation[[700, 3]]))
    assert not choose_cutouts(dataset, np.arange(50), 50, 46, augment=False)[1].any()


def test_the_eight_orientations_differ():
    image = np.arange(9).reshape(3, 3)
    assert len({orient(image, k).tobytes() for k in range(8)}) == 8


def test_too_few_cutouts_for_the_split():
    assert {part: len(indices) for part, indices in split_cutouts(10, Split(), 2).items()} == {
        "train": 7,
        "validation": 1,
        "test": 2,
    }
    with pytest.raises(ValueError, match="3 cutouts leave none for validation"):
        split_cutouts(3, Split(), 2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "no such file"),
        ("text", "not a readable FITS file"),
        (np.ones((5, 5)), "2 axes.*3 axes"),
        (np.random.default_rng(5).random((3, 20, 30)), "20 x 30 pixels, less than the 24 x 24"),
        (
            np.where(np.arange(3 * 900).reshape(3, 30, 30) == 1000, np.nan, np.arange(900).reshape(30, 30)),
            "cutout 1.*NaN",
        ),
        (np.ones((3, 30, 30)), "cutout 0 is constant.*3 such"),
    ],
)
def test_unusable_cutouts_are_refused_by_name(tmp_path, data, message):
    path = tmp_path / "sky.fits"
    if isinstance(data, str):
        path.write_text(data)
    elif data is not None:
        fits.writeto(path, data)
    with pytest.raises(ValueError, match=rf"sky\.fits: .*{message}"):
        read_cutouts(path, 24)


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_truncated_cutouts_are_refused(tmp_path):
    path = tmp_path / "sky.fits"
    fits.writeto(path, np.random.default_rng(7).random((3, 30, 30)))
    path.write_bytes(path.read_bytes()[:8000])
    with pytest.raises(ValueError, match=r"sky\.fits: not a readable FITS file"):
        read_cutouts(path, 24)


def test_sky_scatter_hardly_sees_the_galaxy():
    noise = np.random.default_rng(6).normal(0.3, [[[2.0]], [[5.0]]], (2, 91, 91))
    galaxy = 500 * np.exp(-(np.square(np.mgrid[:91, :91] - 45).sum(0)) / (2 * 3**2))
    np.testing.assert_allclose(sky_scatter(noise + galaxy), [2, 5], rtol=0.08)


def test_real_sky_has_the_correct_formulas_noise():
    """The survey's own pixels: 2.86 counts at zero point 30, 0.123 at 26.58, against 0.127 of the formula."""
    path = Path(os.environ.get("SIM2SKY_CUTOUTS", ROOT.parent / "shared/data/des_cutouts_g.fits"))
    if not path.is_file():
        pytest.skip("no DES g-band cutouts: SIM2SKY_CUTOUTS is not set")
    scatter = np.median(sky_scatter(read_cutouts(path, 40)))
    assert scatter == pytest.approx(2.86, abs=0.005)
    assert scatter * flux_ratio(30, 26.58) == pytest.approx(0.1227, abs=2e-4)
