"""Pictures of one's own become shards."""

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from sim2sky import store
from sim2sky.cli import main
from sim2sky.framing import offset_to_centre
from sim2sky.measure.picture import read_picture


def blob(side, y, x, height=200.0, sigma=3.0):
    rows, columns = np.mgrid[:side, :side]
    return height * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))


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
    options = ["--pixels", "32", "--centre", "subpixel", "--downscale", "16"]
    images = [str(pictures / name) for name in names]
    main(["picture", *images, *options, "--output", str(pictures / "out.zarr.zip")])
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
def test_unusable_picture_is_refused_in_one_line(pictures, name, make, pixels, words):
    make(pictures / name)
    with pytest.raises(SystemExit) as ended:
        main(["picture", str(pictures / name), "--pixels", str(pixels), "--output", str(pictures / "out.zarr.zip")])
    assert words in str(ended.value.code) and "\n" not in str(ended.value.code)
    assert not (pictures / "out.zarr.zip").exists()
