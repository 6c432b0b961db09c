"""Framing of images, and pictures of one's own."""

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from sim2sky import store
from sim2sky.framing import downscale, draw_axes, move_and_crop, offset_to_centre
from sim2sky.measure.picture import main, read_picture


def blob(side, y, x, height=200.0, sigma=3.0):
    rows, columns = np.mgrid[:side, :side]
    return height * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))


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


@pytest.fixture
def pictures(tmp_path):
    """The same light, 8 bits in a PNG, in colour, and over a sky in a FITS file."""
    light = blob(60, 20.0, 35.0)
    Image.fromarray(light.astype(np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.repeat(light.astype(np.uint8)[..., None], 3, 2)).save(tmp_path / "colour.png")
    sky = np.random.default_rng(1).normal(50, 1, light.shape)
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU((light + sky)[::-1].astype("f4"))]).writeto(tmp_path / "sky.fits")
    return tmp_path


def test_pictures_become_a_centred_shard(pictures, capsys):
    names = ("grey.png", "colour.png", "sky.fits")
    options = [
        "--pixels",
        "32",
        "--centre",
        "subpixel",
        "--downscale",
        "16",
        "--output",
        str(pictures / "out.zarr.zip"),
    ]
    main([*(str(pictures / name) for name in names), *options])
    shard = store.open_shards([pictures / "out.zarr.zip"])
    assert shard.read("image").shape == (3, 1, 16, 16)
    np.testing.assert_allclose(shard.read("shift_y"), 29.5 - 20, atol=0.1)
    np.testing.assert_allclose(shard.read("shift_x"), 29.5 - 35, atol=0.1)
    images = shard.read("image")[:, 0]
    np.testing.assert_array_equal(images[0], images[1])
    np.testing.assert_allclose(images[2] - 50, images[0], atol=2.5)
    centre = offset_to_centre(images[0], 16, "subpixel")
    np.testing.assert_allclose(centre, 0, atol=0.02)
    assert "3 images" in capsys.readouterr().out


def test_deep_and_8_bit_pictures_keep_their_type(pictures):
    assert read_picture(pictures / "grey.png").dtype == np.uint8
    Image.fromarray((blob(20, 9, 9) * 200).astype(np.uint16)).save(pictures / "deep.png")
    deep = read_picture(pictures / "deep.png")
    assert deep.dtype == np.float32 and deep.max() == 40000


@pytest.mark.parametrize(
    ("name", "make", "pixels", "words"),
    [
        ("none.png", lambda path: None, 10, "none.png: no such image"),
        ("text.png", lambda path: path.write_text("no"), 10, "text.png: neither FITS nor a picture"),
        ("text.fits", lambda path: path.write_text("no"), 10, "text.fits: not a readable image"),
        ("cube.fits", lambda path: fits.writeto(path, np.zeros((2, 9, 9))), 5, "cube.fits: holds no image with two"),
        ("wide.png", lambda path: Image.new("L", (9, 7)).save(path), 5, "wide.png: has 9 x 7 pixels; a square"),
        ("nan.fits", lambda path: fits.writeto(path, np.full((9, 9), np.nan)), 5, "nan.fits: has pixels that are NaN"),
        ("small.png", lambda path: Image.new("L", (9, 9)).save(path), 10, "small.png: cannot keep 10 of 9"),
        ("grey.png", lambda path: None, 0, "greater than 0"),
    ],
)
def test_unusable_picture_is_refused_in_one_line(pictures, capsys, name, make, pixels, words):
    make(pictures / name)
    with pytest.raises(SystemExit):
        main([str(pictures / name), "--pixels", str(pixels), "--output", str(pictures / "out.zarr.zip")])
    assert words in capsys.readouterr().err
    assert not (pictures / "out.zarr.zip").exists()
