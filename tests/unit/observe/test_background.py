"""Real sky beneath simulated sources."""

import numpy as np
import pytest
from astropy.io import fits

from sim2sky.config import Background, Dataset, Split
from sim2sky.observe.background import choose_cutouts, draw_sky, orient, split_cutouts

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


def test_cutouts_that_are_left_out_lie_under_no_lens(tmp_path):
    cutouts = np.random.default_rng(4).normal(0, 3, (40, 30, 30))
    cutouts[[0, 7], 12] = np.nan
    fits.writeto(tmp_path / "sky.fits", cutouts)
    sky = draw_sky(on_sky(augment=False), np.arange(300), 300, tmp_path / "sky.fits", 24, 30.0, "g")
    assert set(sky.index[sky.cutout]) == set(range(40)) - {0, 7}
    assert "38 of 40 cutouts" in sky.description and "cutout 7 is left out: " in sky.description
    np.testing.assert_allclose(sky.images(0, 300), cutouts[sky.index[sky.cutout], 3:27, 3:27])
