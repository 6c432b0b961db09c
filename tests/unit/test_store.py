"""Shards: equal content is equal bytes, nothing half-written, damage is named."""

import os

import numpy as np
import pytest
import xarray
import zarr

from sim2sky import store


def variables(count=6, start=0):
    images = np.arange(start * 12, (start + count) * 12, dtype=np.float32).reshape(count, 1, 3, 4)
    return {
        "image": store.Variable(images, store.IMAGE_DIMS, "counts/s", "observed image"),
        "theta_E": store.Variable(np.arange(start, start + count, dtype=float), unit="arcsec"),
    }


def test_equal_content_is_equal_bytes(tmp_path):
    store.write_shard(tmp_path / "a.zarr.zip", variables(), {"seed": 1})
    os.utime(tmp_path / "a.zarr.zip", (0, 0))
    store.write_shard(tmp_path / "b.zarr.zip", variables(), {"seed": 1})
    assert (tmp_path / "a.zarr.zip").read_bytes() == (tmp_path / "b.zarr.zip").read_bytes()
    store.write_shard(tmp_path / "c.zarr.zip", variables(start=1), {"seed": 1})
    assert store.checksum([tmp_path / "a.zarr.zip"]) != store.checksum([tmp_path / "c.zarr.zip"])


def test_xarray_reads_names_and_units(tmp_path):
    store.write_shard(tmp_path / "a.zarr.zip", variables(), {"seed": 1})
    with xarray.open_zarr(zarr.storage.ZipStore(tmp_path / "a.zarr.zip", mode="r")) as data:
        assert data.image.dims == ("lens", "band", "y", "x")
        assert (data.image.units, data.theta_E.units, data.attrs["seed"]) == ("counts/s", "arcsec", 1)
        np.testing.assert_array_equal(data.image, variables()["image"].data)


def test_shards_read_across_files(tmp_path):
    for index in range(3):
        store.write_shard(tmp_path / f"{index}.zarr.zip", variables(4, 4 * index), {})
    shards = store.open_shards([tmp_path / f"{index}.zarr.zip" for index in range(3)])
    assert len(shards) == 12
    np.testing.assert_array_equal(shards.read("theta_E", 3, 9), np.arange(3, 9))
    np.testing.assert_array_equal(shards.read("image"), variables(12)["image"].data)
    with pytest.raises(store.StoreError, match="no array 'image_'; there are image, theta_E"):
        shards.read("image_")


def test_damage_is_named(tmp_path):
    path = tmp_path / "a.zarr.zip"
    store.write_shard(path, variables(), {})
    whole = bytearray(path.read_bytes())
    position = whole.find(b"image/c/0/0/0/0") + 40
    whole[position] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(store.StoreError, match=r"a.zarr.zip: array 'image' cannot be read"):
        store.open_shards([path]).read("image")
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(store.StoreError, match=r"a.zarr.zip: not a readable shard"):
        store.open_shards([path])


def test_failed_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), store.atomic(path) as temporary:
        temporary.write_text("new, but")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]
