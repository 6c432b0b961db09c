"""Many images: in order, side by side, and as a shard that is read again."""

import numpy as np
import pytest

from sim2sky.config import Reading
from sim2sky.observe.ingest import INGEST_FLAGS, list_images, read_image, read_images, write_image_shard
from sim2sky.store import Variable, open_shards, write_shard

from .files import CARDS, SCALE, ZERO_POINT, frame, sky, write


@pytest.fixture
def folder(tmp_path):
    """Images, of which one is damaged and one has a bad pixel, and a list of them."""
    for at in range(5):
        write(tmp_path / f"{at}.fits", sky(seed=at))
    (tmp_path / "1.fits").write_bytes(b"damaged")
    data = sky(seed=3)
    data[20, 20] = np.nan
    write(tmp_path / "3.fits", data)
    lines = "".join(f"{at}.fits,id{at},150.1,2.2,{at + 1},0.1\n" for at in range(5))
    (tmp_path / "list.csv").write_text("file,name,ra,dec,theta_E,theta_E_err\n" + lines)
    return tmp_path


def test_one_bad_image_stops_no_other(folder):
    found = list(read_images(list_images(folder), frame(), Reading()))
    assert [image.reason is None for image in found] == [True, False, True, True, True]
    assert "not a FITS file" in found[1].reason


def test_side_by_side_gives_the_same_in_the_same_order(folder, monkeypatch):
    monkeypatch.setattr("sim2sky.observe.ingest.write.TOGETHER", 2)
    entries = list_images(folder)
    for one, other in zip(
        read_images(entries, frame(), Reading()), read_images(entries, frame(), Reading(), 2), strict=True
    ):
        assert (one.reason, one.flags, one.about) == (other.reason, other.flags, other.about)
        np.testing.assert_array_equal(one.pixels, other.pixels)


def test_images_are_read_when_they_are_asked_for():
    def entries():
        yield from list_images_of_one
        raise AssertionError("read ahead")

    list_images_of_one = []
    images = read_images(entries(), frame(), Reading())
    with pytest.raises(AssertionError, match="read ahead"):
        next(images)


def test_a_shard_holds_what_was_read(folder):
    entries = list_images(folder / "list.csv")
    path = folder / "s.zarr.zip"
    write_image_shard(entries[1:4], frame(), Reading(), path, {"code": "1"}, {"files": "checksum"})
    shard = open_shards([path])
    assert shard.read("lens").tolist() == [1, 2, 3]
    assert shard.read("measured").tolist() == [False, True, True]
    assert shard.read("bad_pixels").tolist() == [False, False, True]
    assert set(INGEST_FLAGS) < set(shard)
    assert not shard.read("image", 0, 1).any()
    np.testing.assert_array_equal(shard.read("image", 1, 2)[0], read_image(entries[2], frame(), Reading()).pixels)
    assert shard.read("published_theta_E").tolist() == [2, 3, 4]
    about = shard.attributes
    assert about["names"] == ["id1", "id2", "id3"]
    assert "not a FITS file" in about["reasons"]["0"]
    assert (about["zero_point"], about["pixel_scale"], about["bands"]) == ([ZERO_POINT], SCALE, ["g"])
    assert about["config"]["files"] == "checksum"


def test_equal_images_give_equal_bytes(folder):
    entries = list_images(folder)
    for name in "ab":
        write_image_shard(entries, frame(), Reading(), folder / f"{name}.zarr.zip", {})
    assert (folder / "a.zarr.zip").read_bytes() == (folder / "b.zarr.zip").read_bytes()


def test_a_shard_is_a_list_that_gives_the_same_images(folder):
    entries = list_images(folder / "list.csv")
    shards = folder / "shards"
    for first in (0, 3):
        write_image_shard(entries[first : first + 3], frame(), Reading(), shards / f"{first}.zarr.zip", {})
    again = list_images(shards)
    assert [(one.index, one.name, one.ra, one.dec, one.published) for one in again] == [
        (one.index, one.name, one.ra, one.dec, one.published) for one in entries
    ]
    for one, other in zip(entries, again, strict=True):
        direct, stored = (read_image(entry, frame(), Reading()) for entry in (one, other))
        assert stored.reason == direct.reason
        assert stored.flags == direct.flags or direct.reason
        np.testing.assert_array_equal(stored.pixels, direct.pixels)


def test_images_of_a_simulation_are_brought_to_the_unit_and_the_bands_of_the_frame(tmp_path):
    image = np.random.default_rng(0).normal(size=(700, 2, 8, 8)).astype(np.float32)
    about = {"zero_point": [27.0, 28.0], "pixel_scale": SCALE, "bands": ["g", "r"]}
    path = tmp_path / "s.zarr.zip"
    write_shard(
        path, {"image": Variable(image, ("lens", "band", "y", "x")), "lens": Variable(np.arange(700) + 50)}, about
    )
    entries = list_images(path)
    assert (entries[699].name, entries[699].plane) == ("749", 699)
    found = read_image(entries[600], frame(8, bands=("r", "g"), zero_point=29.5), Reading())
    np.testing.assert_allclose(found.pixels, [image[600, 1] * 10**0.6, image[600, 0] * 10], rtol=1e-6)
    for into, message in (
        (frame(8, bands=("i",)), "its bands are g, r"),
        (frame(9), "8 pixels, those of the network 9"),
        (frame(8, scale=0.3), "0.2 arcsec, those of the network 0.3"),
    ):
        assert message in read_image(entries[0], into, Reading()).reason


def test_images_without_a_band_are_not_measured(tmp_path):
    image = np.zeros((2, 1, 8, 8), np.uint8)
    write_shard(tmp_path / "s.zarr.zip", {"image": Variable(image, ("lens", "band", "y", "x"))}, {"zero_point": None})
    reason = read_image(list_images(tmp_path / "s.zarr.zip")[0], frame(8), Reading()).reason
    assert "no band, pixel scale or zero point" in reason


def test_a_shard_without_images_is_no_list(tmp_path):
    write_shard(tmp_path / "s.zarr.zip", {"light": Variable(np.zeros(2))}, {})
    with pytest.raises(ValueError, match="no array 'image'; it has light"):
        list_images(tmp_path / "s.zarr.zip")


def test_nothing_is_no_shard(folder):
    with pytest.raises(ValueError, match="no images"):
        write_image_shard(list_images(folder)[:0], frame(), Reading(), folder / "x.zarr.zip", {})


def test_noise_of_the_file_is_kept(tmp_path):
    rms = np.full((50, 50), 0.5, np.float32)
    write(tmp_path / "x.fits", None, {}, ("SCI", sky(), CARDS), ("RMS", rms, {}))
    write_image_shard(list_images(tmp_path), frame(), Reading(), tmp_path / "s.zarr.zip", {})
    assert open_shards([tmp_path / "s.zarr.zip"]).read("sigma_background").tolist() == [[0.5]]
