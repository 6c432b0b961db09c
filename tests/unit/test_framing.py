"""Framing of images."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from sim2sky.framing import downscale, draw_axes, move_and_crop, offset_to_centre


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_larger_pixels_keep_the_mean(dtype):
    image = np.random.default_rng(0).integers(0, 255, (40, 40)).astype(dtype)
    np.testing.assert_allclose(downscale(image, 10), image.reshape(10, 4, 10, 4).mean((1, 3)), atol=0.5)
    seven = downscale(image.astype(float), 7)
    assert seven.mean() == pytest.approx(image.mean())
    assert downscale(image, 7).dtype == dtype
    np.testing.assert_array_equal(downscale(image, 40), image)


def test_counts_are_rounded_when_moved():
    image = np.zeros((9, 9), np.uint8)
    image[4, 4] = 200
    moved = move_and_crop(image, np.array([0.0, 0.25]), 9)
    assert moved[4, 4] == 150 and moved[4, 5] == 50 and moved.sum() == 200


def test_light_may_leave_the_frame():
    image = np.ones((6, 6))
    np.testing.assert_array_equal(move_and_crop(image, np.array([10.0, 0.0]), 4), 0)
    assert move_and_crop(image, np.array([2.5, 0.0]), 6).sum() == pytest.approx(6 * 3.5)


def test_axes_cross_in_the_middle():
    image = np.zeros((8, 8), np.uint8)
    draw_axes(image)
    assert (image[4] == 127).all() and (image[:, 4] == 127).all() and image.astype(int).sum() == 15 * 127


def blob(pixels: int, row: float, column: float, width: float = 1.5) -> np.ndarray:
    y, x = np.mgrid[:pixels, :pixels]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / (2 * width**2))


@pytest.mark.parametrize("kept", [60, 41, 40])
@pytest.mark.parametrize(("mode", "tolerance"), [("pixel", 0.5), ("subpixel", 0.02)])
def test_centring_puts_the_light_in_the_middle(kept, mode, tolerance):
    for row, column in np.random.default_rng(3).uniform(24, 35, (10, 2)):
        image = blob(60, row, column) + 0.5 * blob(60, column, row)
        centred = move_and_crop(image, offset_to_centre(image, kept, mode), kept)
        assert centred.shape == (kept, kept)
        np.testing.assert_allclose(center_of_mass(centred), (kept - 1) / 2, atol=tolerance + 1e-9)
        assert centred.sum() == pytest.approx(image.sum(), rel=1e-6)


def test_whole_pixels_are_moved_untouched_and_the_rest_is_zero():
    image = np.random.default_rng(4).random((9, 9)).astype("f4")
    moved = move_and_crop(image, np.array([2.0, -1.0]), 9)
    np.testing.assert_array_equal(moved[2:, :-1], image[:-2, 1:])
    assert not moved[:2].any() and not moved[:, -1].any()


def test_no_centring_keeps_the_middle_and_darkness_stays_where_it_is():
    image = np.random.default_rng(4).random((8, 8))
    np.testing.assert_array_equal(move_and_crop(image, offset_to_centre(image, 4, "none"), 4), image[2:6, 2:6])
    assert not offset_to_centre(np.zeros((8, 8)), 4, "subpixel").any()
