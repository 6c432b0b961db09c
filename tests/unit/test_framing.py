"""Framing of images."""

import numpy as np
import pytest

from sim2sky.framing import downscale, draw_axes, move_and_crop


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
