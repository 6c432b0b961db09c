"""Pictures of one's own become shards."""

import struct
import zlib

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


def save(counts, path):
    Image.fromarray(np.asarray(counts).astype(np.uint8)).save(path)


def sky(shape):
    return np.random.default_rng(1).normal(50, 1, shape).astype("f4")


def write_blank(path):
    """Whole numbers, of which the header says that one stands for nothing."""
    unit = fits.PrimaryHDU(np.arange(81, dtype=np.int16).reshape(9, 9))
    unit.header["BLANK"] = 7
    unit.writeto(path)


def write_two(path):
    first, second = (Image.fromarray(blob(9, 4, x).astype(np.uint8)) for x in (3, 5))
    first.save(path, save_all=True, append_images=[second])


def write_deep_colour(path):
    """A PNG of three colours of 16 bits, which Pillow cannot write."""
    rows = (blob(9, 4, 4) * 100).astype(">u2")[..., None].repeat(3, axis=2)
    parts = [(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 16, 2, 0, 0, 0))]
    parts += [(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


@pytest.fixture
def pictures(tmp_path):
    """The same light, 8 bits in a PNG, in colour, and over a sky in a FITS file."""
    light = blob(60, 20.0, 35.0)
    Image.fromarray(light.astype(np.uint8)).save(tmp_path / "grey.png")
    Image.fromarray(np.repeat(light.astype(np.uint8)[..., None], 3, 2)).save(tmp_path / "colour.png")
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU((light + sky(light.shape))[::-1].astype("f4"))]).writeto(
        tmp_path / "sky.fits"
    )
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
    assert read_picture(pictures / "grey.png").image.dtype == np.uint8
    Image.fromarray((blob(20, 9, 9) * 200).astype(np.uint16)).save(pictures / "deep.png")
    deep, doubts = read_picture(pictures / "deep.png")
    assert deep.dtype == np.float32 and deep.max() == 40000 and not doubts


@pytest.mark.parametrize(
    ("name", "make", "pixels", "words"),
    [
        ("none.png", lambda path: None, 10, "none.png: no such image"),
        ("text.png", lambda path: path.write_text("no"), 10, "text.png: neither FITS nor a picture"),
        ("text.fits", lambda path: path.write_text("no"), 10, "text.fits: neither FITS nor a picture"),
        (
            "cube.fits",
            lambda path: fits.writeto(path, np.zeros((2, 9, 9))),
            5,
            "it holds no image with two axes, but 2 x 9 x 9; give one plane",
        ),
        ("wide.png", lambda path: Image.new("L", (9, 7)).save(path), 5, "wide.png: has 9 x 7 pixels; a square"),
        ("nan.fits", lambda path: fits.writeto(path, np.full((9, 9), np.nan)), 5, "nan.fits: has pixels that are NaN"),
        ("blank.fits", write_blank, 5, "blank.fits: has pixels that are NaN"),
        ("small.png", lambda path: save(blob(9, 4, 4, sigma=1), path), 10, "small.png: cannot keep 10 of 9"),
        ("black.png", lambda path: Image.new("L", (9, 9)).save(path), 5, "black.png: holds no light: every pixel is 0"),
        ("ones.fits", lambda path: fits.writeto(path, np.ones((9, 9), "f4")), 5, "ones.fits: holds no light"),
        ("inverted.png", lambda path: save(255 - blob(60, 20, 35), path), 32, "inverted.png: holds no light: nothing"),
        ("noise.fits", lambda path: fits.writeto(path, sky((60, 60))), 32, "noise.fits: holds no light: nothing"),
        ("two.gif", write_two, 5, "two.gif: not a readable image: it holds 2 pictures"),
        ("deep.png", write_deep_colour, 5, "deep.png: not a readable image: Pillow reads the upper 8 of its 16 bits"),
        ("grey.png", lambda path: None, 0, "greater than 0"),
    ],
)
def test_unusable_picture_is_refused_in_one_line(pictures, name, make, pixels, words):
    make(pictures / name)
    with pytest.raises(SystemExit) as ended:
        main(["picture", str(pictures / name), "--pixels", str(pixels), "--output", str(pictures / "out.zarr.zip")])
    assert words in str(ended.value.code) and "\n" not in str(ended.value.code)
    assert not (pictures / "out.zarr.zip").exists()


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("grey.png", lambda light, path: save(light, path), []),
        ("lossy.jpg", lambda light, path: save(light, path), ["JPEG may have changed its counts"]),
        ("colour.png", lambda light, path: save(light[..., None] * [1, 0.5, 0.2], path), ["colours became grey"]),
        ("clear.png", lambda light, path: save(light[..., None] * [1, 1, 1, 0.9], path), ["transparent pixels"]),
        (
            "two.fits",
            lambda light, path: fits.HDUList([fits.PrimaryHDU(light), fits.ImageHDU(0 * light)]).writeto(path),
            ["2 images, of which the first"],
        ),
    ],
)
def test_what_a_file_may_have_changed_is_said(tmp_path, name, make, words, capsys):
    make(blob(60, 20.0, 35.0), tmp_path / name)
    doubts = read_picture(tmp_path / name).doubts
    assert len(doubts) == len(words) and all(word in doubt for word, doubt in zip(words, doubts, strict=True))
    main(["picture", str(tmp_path / name), "--pixels", "32", "--output", str(tmp_path / "out.zarr.zip")])
    assert capsys.readouterr().out.count(f"warning: {tmp_path / name}: ") == len(words)


def test_a_sky_that_is_whole_numbers_does_not_move_the_centre(tmp_path):
    light = blob(60, 20.0, 35.0) + sky((60, 60))
    save(light, tmp_path / "a.png")
    fits.writeto(tmp_path / "a.fits", light[::-1].astype("f4"))
    paths = [str(tmp_path / name) for name in ("a.png", "a.fits")]
    main(["picture", *paths, "--pixels", "32", "--centre", "subpixel", "--output", str(tmp_path / "out.zarr.zip")])
    shard = store.open_shards([tmp_path / "out.zarr.zip"])
    np.testing.assert_allclose(shard.read("shift_y"), 29.5 - 20, atol=0.1)
    np.testing.assert_allclose(shard.read("shift_x"), 29.5 - 35, atol=0.1)
